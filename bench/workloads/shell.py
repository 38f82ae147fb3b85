"""shell: files through the command tamis and through the tools that people use in its place."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import tamis

from harness.bench import Bench
from harness.calls import CallContestant
from harness.child import ProgramContestant
from harness.queries import QUERIES, compile_comprehension
from harness.race import Answer, AnswersDiffer, Contestant, Timing, race
from harness.report import Aim, Report, Table

SAYS = """\
Raw bytes in files, matching rows out, by wall clock from start to end of the process, the file in
the page cache and the rows into /dev/null. The table of MB a second is of the input's. simdjson is
a bare On-Demand program that finds the query's fields in memory and neither compares nor writes:
the bound. DuckDB counts by read_json, and gives lines by json_extract over them (reading and
writing the rows by read_json takes it longer). filter_bytes is the Python client over a spawned daemon, the bytes in Python's memory
before and after. jq and json.loads, which take seconds, run fewer rounds, with what they are
compared with."""

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
# DuckDB's conditions, over the columns of read_json.
DUCK = {
    "Q1": "age >= 30",
    "Q2": "age >= 30 and city = 'Oslo'",
    "Q3": "age between 25 and 60 and city in ('Oslo','Bergen','Paris','Lima','Turin')"
    " and active and score > 0.5 and name like 'A%'",
}
# ... and over the lines of a file.
DUCK_LINES = {
    "Q1": "(line->>'$.age')::bigint >= 30",
    "Q2": "(line->>'$.age')::bigint >= 30 and (line->>'$.city') = 'Oslo'",
    "Q3": "(line->>'$.age')::bigint between 25 and 60"
    " and (line->>'$.city') in ('Oslo','Bergen','Paris','Lima','Turin')"
    " and (line->>'$.active')::boolean and (line->>'$.score')::double > 0.5"
    " and (line->>'$.name') like 'A%'",
}
CSV_TYPES = "age=integer,score=double,active=boolean"
MAWK_Q2 = '$2 >= 30 && $4 == "Oslo"'
SLOW_ROUNDS = 3  # of those that take seconds

ONE, TWO, SIMDJSON = "tamis", "tamis, 2 threads", "simdjson"
DUCK_1, DUCK_2, JQ_NAME = "DuckDB", "DuckDB, 2 threads", "jq"
LOADS, BYTES, FILE = "json.loads", "filter_bytes", "filter_file"
COLUMNS = (ONE, TWO, SIMDJSON, DUCK_1, DUCK_2, JQ_NAME, LOADS, BYTES, FILE)
COUNT_1, COUNT_2 = "tamis --count", "tamis --count, 2 threads"
DUCK_COUNT_1, DUCK_COUNT_2 = "DuckDB, count", "DuckDB, count, 2 threads"
COUNTS = (COUNT_1, COUNT_2, DUCK_COUNT_1, DUCK_COUNT_2)


def _output(command: Sequence[str | Path]) -> bytes:
    return subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout


def _quiet(command: Sequence[str | Path]) -> None:
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)


def _python(data: bytes, name: str) -> Callable[[], bytes]:
    """json.loads on each line, the compiled comprehension's test, the lines that pass."""
    keep = compile_comprehension(QUERIES[name])

    def run() -> bytes:
        loads = json.loads
        return b"".join([line for line in data.splitlines(True) if keep((loads(line),))])

    return run


def _call(name: str, size: int, call: Callable[[], object]) -> CallContestant:
    """A contestant that gives a number of rows, their bytes, or nothing at all to compare."""

    def answer(found: object) -> Answer:
        if isinstance(found, int):
            return Answer(size, found)
        return Answer(size, found.count(b"\n") if isinstance(found, bytes) else None)

    return CallContestant(name, call, answer)


def _bare(name: str, size: int, command: Sequence[str | Path]) -> CallContestant:
    return _call(name, size, lambda: _quiet(command))


class _Scan:
    """A program that goes through the input in memory and finds no rows: a bound."""

    def __init__(self, name: str, size: int, command: Sequence[str | Path]) -> None:
        self.name = name
        self._size = size
        self._program = ProgramContestant(name, command, answers=False)

    def run(self) -> tuple[float, Answer]:
        return self._program.run()[0], Answer(self._size)

    def close(self) -> None:
        self._program.close()


class _Duck:
    """DuckDB on some threads."""

    def __init__(self, path: Path, threads: int) -> None:
        import duckdb

        self._connection = duckdb.connect(config={"threads": threads})
        self._rows = f"read_json('{path}', format='newline_delimited')"
        self._lines = (
            f"read_csv('{path}', columns={{'line': 'varchar'}}, header=false, auto_detect=false,"
            " delim='\x01', quote='', escape='')"
        )

    def count(self, name: str) -> int:
        query = f"select count(*) from {self._rows} where {DUCK[name]}"
        found = self._connection.execute(query).fetchall()[0][0]
        assert isinstance(found, int)
        return found

    def write(self, name: str, to: str) -> None:
        """The lines that match, into a file."""
        self._connection.execute(
            f"copy (select line from {self._lines} where {DUCK_LINES[name]}) to '{to}'"
            " (format csv, header false, delim '\x01', quote '', escape '')"
        )


def _ducks(path: Path) -> list[_Duck]:
    """With one thread and with two; none where there is no DuckDB."""
    try:
        return [_Duck(path, threads) for threads in (1, 2)]
    except ImportError:
        return []


def _fast(
    bench: Bench, client: tamis.Client, path: Path, data: bytes, name: str
) -> list[Contestant]:
    """tamis in all ways and, unless it runs alone, those that are not far slower."""
    text, size = QUERIES[name].text, len(data)
    tamis_program = bench.build / "tamis"
    found: list[Contestant] = [
        _bare(ONE, size, [tamis_program, text, path]),
        _bare(TWO, size, [tamis_program, "--threads", "2", text, path]),
        _call(BYTES, size, lambda: client.filter_bytes(data, text)),
        _call(FILE, size, lambda: b"".join(client.filter_file(path, text))),
    ]
    if bench.alone:
        return found
    simdjson = bench.program("simdjson_rows")
    if simdjson.exists():
        found.append(_Scan(SIMDJSON, size, [simdjson, path, "find", *FIELDS[name]]))
    for label, duck in zip((DUCK_1, DUCK_2), _ducks(path), strict=False):
        found.append(_call(label, size, partial(duck.write, name, "/dev/null")))
    return found


def _counting(bench: Bench, path: Path, size: int, name: str) -> list[Contestant]:
    """Those that count, by tamis and by DuckDB."""
    command: list[str | Path] = [bench.build / "tamis", "--count", QUERIES[name].text, path]
    found: list[Contestant] = [
        _call(COUNT_1, size, lambda: int(_output(command))),
        _call(COUNT_2, size, lambda: int(_output([*command, "--threads", "2"]))),
    ]
    for label, duck in zip((DUCK_COUNT_1, DUCK_COUNT_2), _ducks(path), strict=False):
        found.append(_call(label, size, partial(duck.count, name)))
    return found


def _slow(
    bench: Bench, client: tamis.Client, path: Path, data: bytes, name: str
) -> list[Contestant]:
    """Those that take seconds, and what they are compared with."""
    text, size = QUERIES[name].text, len(data)
    found: list[Contestant] = [
        _bare(ONE, size, [bench.build / "tamis", text, path]),
        _call(BYTES, size, lambda: client.filter_bytes(data, text)),
        _call(LOADS, size, _python(data, name)),
    ]
    if _has("jq"):
        found.append(_bare(JQ_NAME, size, ["jq", "-c", JQ[name], path]))
    return found


def _query(
    bench: Bench, report: Report, path: Path, data: bytes, name: str
) -> tuple[list[str], list[str]]:
    """One query by everybody, or by tamis alone: its lines of both tables, and its aims."""
    text = QUERIES[name].text
    kept = _python(data, name)()
    for options in ([], ["--threads", "2"]):
        if _output([bench.build / "tamis", *options, text, path]) != kept:
            raise AnswersDiffer(f"shell {name}: tamis {options} and Python differ")
    for duck in () if bench.alone else _ducks(path):
        with tempfile.TemporaryDirectory() as directory:
            written = Path(directory) / "rows"
            duck.write(name, str(written))
            if sorted(written.read_bytes().splitlines()) != sorted(kept.splitlines()):
                raise AnswersDiffer(f"shell {name}: DuckDB and Python differ")
    with tamis.Client(bench.tamisd) as client:
        if client.filter_bytes(data, text) != kept:
            raise AnswersDiffer(f"shell {name}: filter_bytes and Python differ")
        fast = race(f"shell {name}", _fast(bench, client, path, data, name), bench.rounds)
        times = dict(fast.timings)
        report.figures |= {f"{name}, {way}": times[way].median for way in (ONE, TWO, BYTES, FILE)}
        if bench.alone:
            return [], []
        counts = race(
            f"shell {name}, counts", _counting(bench, path, len(data), name), bench.rounds
        ).timings
        rounds = min(bench.rounds, SLOW_ROUNDS)
        slow = race(f"shell {name}, slow ones", _slow(bench, client, path, data, name), rounds)
    for what, timings, other, mine, least in (
        ("of simdjson, one thread, at least 0.75", times, SIMDJSON, ONE, 0.75),
        ("of DuckDB, one thread each, at least 5", times, DUCK_1, ONE, 5),
        ("of DuckDB, two threads each, at least 5", times, DUCK_2, TWO, 5),
        ("counts: of DuckDB, one thread each, at least 5", counts, DUCK_COUNT_1, COUNT_1, 5),
        ("counts: of DuckDB, two threads each, at least 5", counts, DUCK_COUNT_2, COUNT_2, 5),
        ("of jq, at least 50", slow.timings, JQ_NAME, ONE, 50),
        ("two threads of one, at least 1.7", times, ONE, TWO, 1.7),
        ("filter_bytes of json.loads, at least 20", slow.timings, LOADS, BYTES, 20),
    ):
        if other in timings:
            ratio = timings[mine].times_faster(timings[other])
            report.aims.append(Aim(f"{name}: {what}", f"{ratio:.2f}", ratio >= least))
    times = {**slow.timings, **times}
    return (
        [name, *(_rate(times.get(column), len(data)) for column in COLUMNS)],
        [name, *(_rate(counts.get(column), len(data)) for column in COUNTS)],
    )


def _rate(timing: Timing | None, size: int) -> str:
    return f"{size / timing.median / 1e6:,.0f}" if timing else "-"


def _jsonl(bench: Bench, report: Report) -> None:
    path = bench.data("jsonl")
    data = path.read_bytes()
    lines = [_query(bench, report, path, data, name) for name in ("Q1", "Q2", "Q3")]
    if not bench.alone:
        title = f"JSON lines, {len(data) / 1e6:.0f} MB: MB a second"
        report.tables.append(Table(title, ["", *COLUMNS], [rows for rows, _ in lines]))
        report.tables.append(Table(f"{title}, counts", ["", *COUNTS], [row for _, row in lines]))


def _has(program: str) -> bool:
    return shutil.which(program) is not None


def _against(
    bench: Bench,
    report: Report,
    title: str,
    mine: Contestant,
    other: Contestant | None,
    aim: str,
    least: float,
) -> None:
    """tamis and one other: a table of its own."""
    result = race(title, [mine] if bench.alone or not other else [mine, other], bench.rounds)
    report.figures[title] = result.timings[mine.name].median
    if other is None or bench.alone:
        return
    cells = [_rate(timing, result.answer.rows) for timing in result.timings.values()]
    report.tables.append(
        Table(
            f"{title}, {result.answer.rows / 1e6:.0f} MB, Q2: MB a second",
            ["", *result.timings],
            [["Q2", *cells]],
        )
    )
    ratio = result.timings[mine.name].times_faster(result.timings[other.name])
    what = f"{title}: {aim}, at least {least:g}"
    report.aims.append(Aim(what, f"{ratio:.2f}", ratio >= least))


def _csv(bench: Bench, report: Report) -> None:
    path = bench.data("csv")
    size = path.stat().st_size
    text = QUERIES["Q2"].text
    mine = _bare(ONE, size, [bench.build / "tamis", "--types", CSV_TYPES, text, path])
    mawk = _bare("mawk, no quoting", size, ["mawk", "-F,", MAWK_Q2, path])
    _against(bench, report, "CSV", mine, mawk if _has("mawk") else None, "of mawk", 2)


def _msgpack(bench: Bench, report: Report) -> None:
    path = bench.data("msgpack")
    size = path.stat().st_size
    mine = _bare(ONE, size, [bench.build / "tamis", QUERIES["Q2"].text, path])
    scan = None if bench.alone else _Scan("skip-scan", size, [bench.program("skip_scan"), path])
    _against(bench, report, "msgpack", mine, scan, "of a skip-scan", 0.6)


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
