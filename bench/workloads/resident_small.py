"""resident-small: 100 resident rows, one call: what a question costs when there is little to do."""

from __future__ import annotations

import sqlite3
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas
import polars
import tamis

from harness import tap
from harness.bench import Bench
from harness.calls import Caller, FunctionCaller, Timings, measure, no_collector
from harness.chart import Bars
from harness.queries import QUERIES, Row, compile_source
from harness.race import AnswersDiffer
from harness.raw_caller import RawCaller, on_core, placed
from harness.report import Aim, Report, Table, brief
from harness.rows import first
from peers import tamis_table
from peers.peer import PeerMissing

ROWS = 100
RACED = ("Q1", "Q2")
BLOCKS = 25
BLOCK_CALLS = 100
TAMIS = "tamis table, prepared"
TEXT = "tamis table, from text"
ECHO = "same bytes through a bare C child"
RIVALS = ("DuckDB, prepared", "Polars")

SAYS = f"""\
{ROWS} rows that everybody holds already, one question, row numbers out: the fixed cost of a call. The
echo is what the machine's pipes and scheduler take for the bytes that tamis's question and answer
have, if both sides sleep until they come. What stays in the process has no such floor."""
NOTES = f"""\
{BLOCKS} blocks of {BLOCK_CALLS} calls each, blocks of all in turn; medians of the blocks
on one core: no sleeping core has to be woken, and nobody looks for an answer before it sleeps
placed by the kernel: who asks another process, on another core, waits for both to be woken, the \
echo too; tamis's client and daemon look for a while before they sleep""".splitlines()
ABOVE_MOST_US, TIMES_LEAST = 15, 3
"""What a prepared question may take above the echo; and how much faster it is to be than DuckDB and
Polars where the echo is."""

Call = Callable[[], Any]


def _columns(rows: list[Row]) -> dict[str, list[Any]]:
    return {name: [row[name] for row in rows] for name in ("id", "age", "city")}


def _numpy(rows: list[Row], name: str) -> Call:
    age = np.array([row["age"] for row in rows])
    city = np.array([row["city"] for row in rows])
    if name == "Q1":
        return lambda: np.flatnonzero(age >= 30)
    return lambda: np.flatnonzero((age >= 30) & (city == "Oslo"))


def _duckdb(rows: list[Row], name: str, stack: ExitStack) -> dict[str, Call]:
    """On one thread, in the three ways that its Python module has."""
    db = stack.enter_context(duckdb.connect(config={"threads": 1}))
    frame = pandas.DataFrame(_columns(rows))
    db.register("given", frame)
    db.execute("create table people as select * from given")
    text = f"select id from people where {QUERIES[name].text}"
    db.execute(f"prepare q as {text}")
    parsed = db.extract_statements(text)[0]
    ways: dict[str, Any] = {"prepared": "execute q", "parsed once": parsed, "from text": text}

    def call(what: Any) -> Call:
        return lambda: [n for (n,) in db.execute(what).fetchall()]

    return {f"DuckDB, {way}": call(what) for way, what in ways.items()}


def _sqlite(rows: list[Row], name: str, stack: ExitStack) -> Call:
    """Prepared: Python's sqlite3 keeps the statement of a text that it has seen."""
    db = sqlite3.connect(":memory:")
    stack.callback(db.close)
    db.execute("create table people (id integer primary key, age integer, city text)")
    lines = ((row["id"], row["age"], row["city"]) for row in rows)
    db.executemany("insert into people values (?, ?, ?)", lines)
    text = f"select id from people where {QUERIES[name].text}"
    return lambda: [n for (n,) in db.execute(text)]


def _polars(rows: list[Row], name: str) -> Call:
    frame = polars.DataFrame(_columns(rows))
    term = polars.col("age") >= 30
    if name == "Q2":
        term = term & (polars.col("city") == "Oslo")
    wanted = polars.arg_where(term)
    return lambda: frame.select(wanted).to_series()


def _pandas(rows: list[Row], name: str) -> Call:
    frame = pandas.DataFrame(_columns(rows))
    text = QUERIES[name].text.replace(" = ", " == ")
    return lambda: frame.query(text, engine="python").index  # the faster one for so few


def _python(rows: list[Row], name: str) -> Call:
    kept = compile_source(f"[i for i, r in enumerate(rows) if {QUERIES[name].python}]", name)
    return partial(kept, rows)


def _peers(rows: list[Row], name: str, stack: ExitStack) -> dict[str, Call]:
    return {
        **_duckdb(rows, name, stack),
        "SQLite, prepared": _sqlite(rows, name, stack),
        "Polars": _polars(rows, name),
        "pandas.query": _pandas(rows, name),
        "numpy, as pulled": _numpy(rows, name),
        "dicts, compiled comprehension": _python(rows, name),
    }


def _record(bench: Bench, rows: list[Row], query: str) -> tap.Exchange:
    """What the client sends and gets for one prepared question."""
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        with tamis.Client(tap.make(directory, bench.tamisd)) as client:
            tamis_table.create(client, "people", rows).prepare(query).indices()
        return tap.Exchange(directory)


def _ours(bench: Bench, rows: list[Row], name: str, stack: ExitStack) -> dict[str, Caller]:
    """tamis and the echo of its bytes. Raises PeerMissing where there are no tables."""
    client = stack.enter_context(tamis.Client(bench.tamisd))
    table = tamis_table.create(client, "people", rows)
    text = QUERIES[name].text
    prepared = table.prepare(text)
    recorded = _record(bench, rows, text)
    size = len(recorded.reply)
    command: list[str | Path] = [bench.program("echo_child"), str(size)]
    echo = RawCaller(ECHO, command, recorded.request, size)
    stack.callback(echo.close)
    found = list(prepared.indices())
    if found != list(_python(rows, name)()):
        raise AnswersDiffer(f"resident-small {name}: tamis found {found}")
    return {
        TAMIS: FunctionCaller(TAMIS, prepared.indices),
        TEXT: FunctionCaller(TEXT, partial(table.indices, text)),
        ECHO: echo,
    }


def _race(bench: Bench, rows: list[Row], name: str, core: int | None, report: Report) -> Timings:
    with ExitStack() as stack, on_core(core), no_collector():
        callers: dict[str, Caller] = {}
        try:
            callers |= _ours(bench, rows, name, stack)
        except PeerMissing as missing:
            note = f"left out: {missing}"
            if note not in report.notes:
                report.notes.append(note)
        expected = list(_python(rows, name)())
        for peer, call in ({} if bench.alone else _peers(rows, name, stack)).items():
            found = [int(number) for number in call()]
            if found != expected:
                raise AnswersDiffer(f"resident-small {name}: {peer} found {found}")
            callers[peer] = FunctionCaller(peer, call)
        print(f"resident-small {name}, {placed(core)}", file=sys.stderr)
        return measure(list(callers.values()), BLOCKS, BLOCK_CALLS)


def _aims(timings: Timings, what: str) -> list[Aim]:
    if not {TAMIS, ECHO, *RIVALS} <= timings.blocks.keys():
        return []
    above = timings.above(TAMIS, ECHO)
    text = f"{what}: at most {ABOVE_MOST_US} us above the echo"
    aims = [Aim(text, f"{above:+.1f} us", above <= ABOVE_MOST_US)]
    for rival in RIVALS:
        times, floor = timings.times(rival, TAMIS), timings.times(rival, ECHO)
        text = f"{what}: at least {TIMES_LEAST} times as fast as {rival}, if the echo is"
        found = f"{times:.2f}, the echo {floor:.2f}"
        aims.append(Aim(text, found, times >= TIMES_LEAST or floor < TIMES_LEAST))
    return aims


def _table(title: str, results: dict[str, Timings]) -> Table:
    names = list(results["Q1"].blocks)
    base = TAMIS if TAMIS in names else names[0]
    lines = []
    for name in names:
        cells = [f"{timings.median(name):.1f}" for timings in results.values()]
        ratios = [brief(timings.times(name, base)) for timings in results.values()]
        lines.append([name, *cells, *ratios])
    head = ["", *(f"{q}, us" for q in RACED), *(f"{q}, times {base}" for q in RACED)]
    return Table(title, head, lines)


def run(bench: Bench) -> Report:
    report = Report(f"{ROWS} resident rows, one call", SAYS, notes=list(NOTES))
    rows = first(bench, ROWS)
    places = [bench.cpu] if bench.cpu is not None else [0, None]
    panels: dict[str, dict[str, float]] = {}
    for core in places:
        results = {name: _race(bench, rows, name, core, report) for name in RACED}
        if not results["Q1"].blocks:
            return report
        report.tables.append(_table(f"a call, medians, {placed(core)}", results))
        for query, timings in results.items():
            what = f"{query}, {placed(core)}"
            names = list(timings.blocks)
            panels[what] = {name: timings.median(name) for name in names}
            report.aims += _aims(timings, what)
            report.figures |= {
                f"{what} {n}": timings.median(n) for n in (TAMIS, TEXT) if n in names
            }
    shown = list(next(iter(panels.values())))
    base = TAMIS if TAMIS in shown else shown[0]
    report.charts.append(Bars(f"{ROWS} resident rows, one call", "us", panels, base))
    report.notes += [f"{name}: `{QUERIES[name].text}`" for name in RACED]
    return report
