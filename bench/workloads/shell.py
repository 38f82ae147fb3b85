"""shell: files through the command tamis and through the tools that people use in its place."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import tamis

from harness.bench import Bench
from harness.child import ProgramContestant
from harness.queries import QUERIES, compile_comprehension
from harness.race import AnswersDiffer
from harness.report import Aim, Report, Table

SAYS = """\
Raw bytes in files, matching rows out, by wall clock from start to end of the process, the file in
the page cache and the rows into /dev/null. The table of MB a second is of the input's. simdjson is
a bare On-Demand program that finds the query's fields in memory and neither compares nor writes:
the bound. filter_bytes is the Python client over a spawned daemon, the bytes in Python's memory
before and after."""

JQ = {
    "Q1": "select(.age >= 30)",
    "Q2": 'select(.age >= 30 and .city == "Oslo")',
    "Q3": "select(.age >= 25 and .age <= 60 and (.city | IN("
    '"Oslo","Bergen","Paris","Lima","Turin")) and .active == true and .score > 0.5'
    ' and (.name | startswith("A")))',
}
FIELDS = {
    "Q1": ["age"],
    "Q2": ["age", "city"],
    "Q3": ["age", "city", "active", "score", "name"],
}
CSV_TYPES = "age=integer,score=double,active=boolean"
MAWK_Q2 = '$2 >= 30 && $4 == "Oslo"'
ROUNDS = 7
LONG_SECONDS = 2.0  # what takes longer is run but once


def _output(command: Sequence[str | Path]) -> bytes:
    return subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout


def _quiet(command: Sequence[str | Path]) -> None:
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)


def _seconds(run: Callable[[], object]) -> float:
    """The median of some runs."""
    taken: list[float] = []
    while len(taken) < ROUNDS:
        start = time.perf_counter()
        run()
        taken.append(time.perf_counter() - start)
        if taken[0] > LONG_SECONDS:
            break
    return statistics.median(taken)


def _python(data: bytes, name: str) -> Callable[[], bytes]:
    """json.loads on each line, the compiled comprehension's test, the lines that pass."""
    keep = compile_comprehension(QUERIES[name])

    def run() -> bytes:
        loads = json.loads
        return b"".join([line for line in data.splitlines(True) if keep((loads(line),))])

    return run


def _simdjson(bench: Bench, path: Path, name: str) -> float | None:
    program = bench.program("simdjson_rows")
    if not program.exists():
        return None
    contestant = ProgramContestant("simdjson", [program, path, "find", *FIELDS[name]])
    try:
        return statistics.median(contestant.run()[0] for _ in range(ROUNDS))
    finally:
        contestant.close()


def _duckdb(path: Path, name: str, threads: int) -> float | None:
    """Counts by read_json; None where there is no DuckDB."""
    try:
        import duckdb
    except ImportError:
        return None
    where = {
        "Q1": "age >= 30",
        "Q2": "age >= 30 and city = 'Oslo'",
        "Q3": "age between 25 and 60 and city in ('Oslo','Bergen','Paris','Lima','Turin')"
        " and active and score > 0.5 and name like 'A%'",
    }[name]
    connection = duckdb.connect(config={"threads": threads})
    source = f"read_json('{path}', format='newline_delimited')"
    query = f"select count(*) from {source} where {where}"
    return _seconds(lambda: connection.execute(query).fetchall())


def _query(bench: Bench, report: Report, path: Path, data: bytes, name: str) -> list[str]:
    """One query by everybody, or by tamis alone: a line of the table, and its aims."""
    text = QUERIES[name].text
    one: list[str | Path] = [bench.build / "tamis", text, path]
    two: list[str | Path] = [bench.build / "tamis", "--threads", "2", text, path]
    python = _python(data, name)
    kept = python()
    if _output(one) != kept or _output(two) != kept:
        raise AnswersDiffer(f"shell {name}: tamis and Python differ")
    tamis_1, tamis_2 = _seconds(lambda: _quiet(one)), _seconds(lambda: _quiet(two))
    with tamis.Client(bench.tamisd) as client:
        if client.filter_bytes(data, text) != kept:
            raise AnswersDiffer(f"shell {name}: filter_bytes and Python differ")
        of_bytes = _seconds(lambda: client.filter_bytes(data, text))
        of_file = _seconds(lambda: sum(map(len, client.filter_file(path, text))))
    own = {"1 thread": tamis_1, "2 threads": tamis_2, "filter_bytes": of_bytes}
    own["filter_file"] = of_file
    report.figures |= {f"{name}, {way}": seconds for way, seconds in own.items()}
    if bench.alone:
        return []
    bound = _simdjson(bench, path, name)
    loads = _seconds(python)
    jq = _seconds(lambda: _quiet(["jq", "-c", JQ[name], path])) if _has("jq") else None
    duck = [_duckdb(path, name, threads) for threads in (1, 2)]
    for what, ratio, least in (
        (f"{name}: of simdjson, one thread, at least 0.75", _times(bound, tamis_1), 0.75),
        (f"{name}: of DuckDB, one thread each, at least 5", _times(duck[0], tamis_1), 5),
        (f"{name}: of DuckDB, two threads each, at least 5", _times(duck[1], tamis_2), 5),
        (f"{name}: of jq, at least 50", _times(jq, tamis_1), 50),
        (f"{name}: two threads of one, at least 1.7", _times(tamis_1, tamis_2), 1.7),
        (f"{name}: filter_bytes of json.loads, at least 20", _times(loads, of_bytes), 20),
    ):
        if ratio is not None:
            report.aims.append(Aim(what, f"{ratio:.2f}", ratio >= least))
    every = [tamis_1, tamis_2, bound, *duck, jq, loads, of_bytes, of_file]
    return [name, *(f"{len(data) / s / 1e6:,.0f}" if s else "-" for s in every)]


def _jsonl(bench: Bench, report: Report) -> None:
    path = bench.data("jsonl")
    data = path.read_bytes()
    lines = []
    for name in ("Q1", "Q2", "Q3"):
        print(f"shell {name}", file=sys.stderr)
        lines.append(_query(bench, report, path, data, name))
    if bench.alone:
        return
    head = ["", "tamis", "tamis, 2 threads", "simdjson", "DuckDB, 1", "DuckDB, 2", "jq"]
    head += ["json.loads", "filter_bytes", "filter_file"]
    title = f"JSON lines, {len(data) / 1e6:.0f} MB: MB a second"
    report.tables.append(Table(title, head, lines))


def _times(other: float | None, mine: float) -> float | None:
    return None if other is None else other / mine


def _has(program: str) -> bool:
    return shutil.which(program) is not None


def _csv(bench: Bench, report: Report) -> None:
    path = bench.data("csv")
    size = path.stat().st_size / 1e6
    print("shell csv", file=sys.stderr)
    one: list[str | Path] = [bench.build / "tamis", "--types", CSV_TYPES, QUERIES["Q2"].text, path]
    mine = _seconds(lambda: _quiet(one))
    report.figures["CSV"] = mine
    if bench.alone:
        return
    mawk = _seconds(lambda: _quiet(["mawk", "-F,", MAWK_Q2, path])) if _has("mawk") else None
    cells = [f"{size / mine:,.0f}", f"{size / mawk:,.0f}" if mawk else "-"]
    title = f"CSV, {size:.0f} MB, Q2: MB a second"
    report.tables.append(Table(title, ["", "tamis", "mawk, no quoting"], [["Q2", *cells]]))
    ratio = _times(mawk, mine)
    if ratio is not None:
        report.aims.append(Aim("CSV: of mawk, at least 2", f"{ratio:.2f}", ratio >= 2))


def _msgpack(bench: Bench, report: Report) -> None:
    path = bench.data("msgpack")
    size = path.stat().st_size / 1e6
    print("shell msgpack", file=sys.stderr)
    one: list[str | Path] = [bench.build / "tamis", QUERIES["Q2"].text, path]
    mine = _seconds(lambda: _quiet(one))
    report.figures["msgpack"] = mine
    if bench.alone:
        return
    scan = ProgramContestant("skip-scan", [bench.program("skip_scan"), path], answers=False)
    try:
        bound = statistics.median(scan.run()[0] for _ in range(ROUNDS))
    finally:
        scan.close()
    cells = [f"{size / mine:,.0f}", f"{size / bound:,.0f}"]
    title = f"msgpack, {size:.0f} MB, Q2: MB a second"
    report.tables.append(Table(title, ["", "tamis", "bare skip-scan"], [["Q2", *cells]]))
    ratio = bound / mine
    report.aims.append(Aim("msgpack: of a skip-scan, at least 0.6", f"{ratio:.2f}", ratio >= 0.6))


def _start(bench: Bench, report: Report) -> None:
    """From starting the process to its first row, the input still open."""
    taken = []
    for _ in range(51):
        start = time.perf_counter()
        command: list[str | Path] = [bench.build / "tamis", "a = 1"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
            assert child.stdin and child.stdout
            os.write(child.stdin.fileno(), b'{"a":1}\n')
            os.read(child.stdout.fileno(), 100)
            taken.append(time.perf_counter() - start)
            child.stdin.close()
    middle = statistics.median(taken) * 1e3
    report.figures["to the first row"] = middle / 1e3
    aim = "from start to the first row, input open: below 5 ms"
    report.aims.append(Aim(aim, f"{middle:.2f} ms", middle < 5))


def run(bench: Bench) -> Report:
    report = Report("Files: tamis in the shell, and bytes from Python", SAYS)
    _jsonl(bench, report)
    _csv(bench, report)
    _msgpack(bench, report)
    _start(bench, report)
    return report
