"""growth: counts of two ranges and of a conjunction over 10,000 to 100,000,000 values a column."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import polars
import pyarrow
import pyarrow.compute as pc
import tamis

from harness import machine
from harness.bench import Bench
from harness.calls import CallContestant, no_collector
from harness.chart import Lines
from harness.race import Answer, race
from harness.report import Report, Table, brief
from peers import tamis_table
from peers.peer import PeerMissing

TAMIS = "tamis table"
SIZES = (10_000, 100_000, 1_000_000, 10_000_000, 100_000_000)
SMALL_SIZES = SIZES[:3]
MOST_DICTS = 1_000_000
BYTES_A_ROW = 60
"""What all contestants of a size take together at the most, the given columns included."""
SEED = 20_240_229
FIRST_DAY, DAYS_SECONDS = 1_262_304_000, 14 * 365 * 86_400
MIDDLE = FIRST_DAY + DAYS_SECONDS // 2
LOW, HIGH = FIRST_DAY + DAYS_SECONDS // 3, MIDDLE
QUERIES = {
    "range": f"joined between {LOW} and {HIGH}",
    "byte": "age between 30 and 60",
    "conjunction": f"age >= 30 and joined < {MIDDLE}",
}

SAYS = """\
Two columns, age (0 to 100, a byte) and joined (32 bits), in random order so that no zone map helps;
counts of a range of each and of a conjunction. Everybody gets the same narrow numpy arrays and keeps
them in its own form. What a call costs at the left is its fixed part; at the right it is the memory's
speed for the bytes that a contestant reads. Of a byte tamis counts how often each value occurs when
it has been asked eight times, which is done before anything is timed, and looks at no row from then
on; in segments of fewer than 32,768 rows it looks."""

ASKED = 8
"""How often tamis is asked before it is timed."""


@dataclass(frozen=True)
class Holder:
    """One contestant at one size: its counts by query, and the bytes that it holds."""

    name: str
    counts: dict[str, Callable[[], int]]
    held: int
    close: Callable[[], object] = int


def _plain_c(bench: Bench, age: Any, joined: Any) -> Holder:
    """Raises PeerMissing if its library is not there."""
    try:
        library = ctypes.CDLL(str(bench.program("growth.so")))
    except OSError as error:
        raise PeerMissing(f"plain C: {error}") from None
    ages, days = (ctypes.c_void_p(column.ctypes.data) for column in (age, joined))
    rows = ctypes.c_size_t(len(age))
    for count in (library.growth_range, library.growth_byte, library.growth_conjunction):
        count.restype = ctypes.c_size_t
    return Holder(
        "plain C",
        {
            "range": lambda: int(library.growth_range(days, rows, LOW, HIGH)),
            "byte": lambda: int(library.growth_byte(ages, rows, 30, 60)),
            "conjunction": lambda: int(library.growth_conjunction(ages, days, rows, 30, MIDDLE)),
        },
        age.nbytes + joined.nbytes,
    )


def _numpy(age: Any, joined: Any) -> Holder:
    return Holder(
        "numpy",
        {
            "range": lambda: int(np.count_nonzero((joined >= LOW) & (joined <= HIGH))),
            "byte": lambda: int(np.count_nonzero((age >= 30) & (age <= 60))),
            "conjunction": lambda: int(np.count_nonzero((age >= 30) & (joined < MIDDLE))),
        },
        age.nbytes + joined.nbytes,
    )


def _arrow(age: Any, joined: Any) -> Holder:
    a, j = pyarrow.array(age), pyarrow.array(joined)
    least, most = pyarrow.scalar(30, a.type), pyarrow.scalar(60, a.type)
    low, high = pyarrow.scalar(LOW, j.type), pyarrow.scalar(HIGH, j.type)
    middle = pyarrow.scalar(MIDDLE, j.type)
    return Holder(
        "pyarrow.compute",
        {
            "range": lambda: pc.and_(pc.greater_equal(j, low), pc.less_equal(j, high)).true_count,
            "byte": lambda: pc.and_(pc.greater_equal(a, least), pc.less_equal(a, most)).true_count,
            "conjunction": lambda: (
                pc.and_(pc.greater_equal(a, least), pc.less(j, middle)).true_count
            ),
        },
        a.nbytes + j.nbytes,
    )


def _polars(age: Any, joined: Any) -> Holder:
    frame = polars.DataFrame({"age": age, "joined": joined})
    terms = {
        "range": polars.col("joined").is_between(LOW, HIGH),
        "byte": polars.col("age").is_between(30, 60),
        "conjunction": (polars.col("age") >= 30) & (polars.col("joined") < MIDDLE),
    }

    def count(term: Any) -> Callable[[], int]:
        return lambda: int(frame.select(term.sum()).item())

    counts = {name: count(term) for name, term in terms.items()}
    return Holder("Polars", counts, int(frame.estimated_size()))


def _duckdb(threads: int, age: Any, joined: Any) -> Holder:
    db: Any = duckdb.connect(config={"threads": threads})
    db.register("given", pyarrow.table({"age": age, "joined": joined}))
    db.execute("create table people as select * from given")
    db.unregister("given")

    def count(text: str) -> Callable[[], int]:
        query = f"select count(*) from people where {text}"
        return lambda: int(db.execute(query).fetchone()[0])

    text = "select sum(memory_usage_bytes) from duckdb_memory() where tag = 'IN_MEMORY_TABLE'"
    counts = {name: count(query) for name, query in QUERIES.items()}
    name = f"DuckDB, {threads} thread{'s' if threads > 1 else ''}"
    return Holder(name, counts, int(db.execute(text).fetchone()[0]), db.close)


def _dicts(age: Any, joined: Any) -> Holder:
    """What Python does without anybody's help."""
    rows = [{"age": a, "joined": j} for a, j in zip(age.tolist(), joined.tolist(), strict=True)]
    held = sum(map(sys.getsizeof, rows)) + len(rows) * sys.getsizeof(FIRST_DAY)
    return Holder(
        "dicts, comprehension",
        {
            "range": lambda: len([1 for r in rows if LOW <= r["joined"] <= HIGH]),
            "byte": lambda: len([1 for r in rows if 30 <= r["age"] <= 60]),
            "conjunction": lambda: len(
                [1 for r in rows if r["age"] >= 30 and r["joined"] < MIDDLE]
            ),
        },
        held,
    )


def _tamis(bench: Bench, age: Any, joined: Any) -> Holder:
    """In a daemon of its own. Raises PeerMissing where it cannot be had."""
    client = tamis.Client(bench.tamisd)
    try:
        table = tamis_table.create(client, "people", {"age": age, "joined": joined})
        counts = {name: table.prepare(text).count for name, text in QUERIES.items()}
        for _ in range(ASKED):
            counts["byte"]()
        return Holder(TAMIS, counts, tamis_table.held_bytes(table), client.close)
    except tamis.TamisError as error:
        client.close()
        raise PeerMissing(f"tamis, {len(age):,} values: {error}") from None
    except PeerMissing:
        client.close()
        raise


def _holders(bench: Bench, size: int, report: Report) -> list[Holder]:
    random = np.random.default_rng(SEED)
    age = random.integers(0, 101, size, np.uint8)
    joined = random.integers(FIRST_DAY, FIRST_DAY + DAYS_SECONDS, size, np.int32)
    holders = []
    for make in (_tamis, _plain_c):
        try:
            holders.append(make(bench, age, joined))
        except PeerMissing as missing:
            note = f"left out: {missing}"
            if note not in report.notes:
                report.notes.append(note)
    holders.append(_numpy(age, joined))
    if bench.alone:
        return holders
    holders += [_arrow(age, joined), _polars(age, joined)]
    holders += [_duckdb(n, age, joined) for n in sorted({1, os.cpu_count() or 1})]
    if size <= MOST_DICTS:
        holders.append(_dicts(age, joined))
    return holders


Points = dict[str, list[tuple[float, float]]]


def _measure(bench: Bench, size: int, report: Report, panels: dict[str, Points]) -> None:
    """One size: its races, into the panels and the report's figures."""

    def put(panel: str, name: str, value: float) -> None:
        panels[panel].setdefault(name, []).append((size, value))

    with ExitStack() as stack:
        holders = _holders(bench, size, report)
        for holder in holders:
            stack.callback(holder.close)
            put("memory", holder.name, holder.held)
        for query in QUERIES:
            contestants = [
                CallContestant(h.name, h.counts[query], lambda found: Answer(size, found))
                for h in holders
            ]
            result = race(f"growth {query} {size:,}", contestants, bench.rounds)
            for name, timing in result.timings.items():
                put(query, name, timing.median)
            if TAMIS in result.timings:
                report.figures[f"{query} {size}"] = result.timings[TAMIS].median


def _table(title: str, points: Points, sizes: list[int], scale: float) -> Table:
    lines = []
    for name, of in points.items():
        values = dict(of)
        cells = [brief(values[s] * scale) if s in values else "-" for s in sizes]
        lines.append([name, *cells])
    return Table(title, ["values a column", *(f"{size:,}" for size in sizes)], lines)


def run(bench: Bench) -> Report:
    report = Report("Growth: counts over ever more values", SAYS)
    panels: dict[str, Points] = {**{query: {} for query in QUERIES}, "memory": {}}
    sizes = []
    with no_collector():
        for size in SMALL_SIZES if bench.small else SIZES:
            if size * BYTES_A_ROW > machine.available_bytes():
                report.notes.append(f"left out: {size:,} values, for lack of memory")
                continue
            _measure(bench, size, report, panels)
            sizes.append(size)
    for query, text in QUERIES.items():
        title = f"{query}: `{text}`, ms"
        report.tables.append(_table(title, panels[query], sizes, 1e3))
    report.tables.append(_table("memory held, MB", panels["memory"], sizes, 1e-6))
    titles = {
        "range": "range, s",
        "byte": "range of a byte, s",
        "conjunction": "conjunction, s",
        "memory": "memory, bytes",
    }
    shown = {titles[name]: points for name, points in panels.items()}
    report.charts.append(Lines("Counts over ever more values", "values a column", shown, TAMIS))
    return report
