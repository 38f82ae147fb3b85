"""load: how long resident rows take to get in, and how much memory they hold."""

from __future__ import annotations

import mmap
import sqlite3
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import duckdb
import numpy as np
import pandas
import polars
import pyarrow
import tamis

from harness.bench import Bench
from harness.calls import no_collector
from harness.chart import Bars
from harness.queries import Row
from harness.race import Answer, race
from harness.report import Report, Table
from harness.rows import load
from peers import tamis_table
from peers.peer import PeerMissing

TAMIS = "tamis create_table"
MEMCPY = "memcpy of the buffers"
FRESH = "memcpy of them to one fresh block"
EACH = "memcpy of each to fresh memory"
FLAT = ("id", "age", "salary", "city", "name", "active", "joined", "score")
NUMBERS = ("id", "age", "salary", "joined")
TIMES = 4  # as many rows where they are more
COPIES = 4

SAYS = """\
The same rows into everybody's own form, from what a program may have: dicts (all ten fields, a list
and a nested row among them), a numpy array a column (the eight flat fields; strings as objects),
numpy arrays of numbers alone (more rows of them), and an Arrow table (the flat fields, once and with
as many rows as of the numbers, and all ten).
What is built is dropped untimed. memcpy copies the buffers that are given, to memory that was touched
before, less than any copy can take, and to fresh memory, as all need who keep a copy: to one block
with large pages, the most that a program can do, and as numpy's copy() of each does it. Of these
the quickest of four copies counts, each to memory of its own, as the first ones bear what the host
takes. Bytes a value are what each library says it holds, divided by rows and fields; tamis, and
DuckDB, copy; Polars, pyarrow and pandas may keep what they are given. tamis keeps some columns as
they came until a question needs them: so the last table is of an Arrow table with all ten fields
and a count by each of them, one after the other, all timed. Before each run, untimed, 1 GiB is
touched and given back: the host of a virtual machine takes back memory that lies free for some
seconds, and is ten times as long about giving it again. So it has to less often, but not never:
what is left of that is in the spread, and in some rows in all rounds. Shares of a memcpy are told
of the medians, and of the least."""

WARM_BYTES = 1 << 30


def _warm_memory() -> None:
    """So much memory is the system's own now, for all processes, and free."""
    private = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS  # shared memory would be no large pages
    with mmap.mmap(-1, WARM_BYTES, flags=private) as memory:
        memory.madvise(mmap.MADV_HUGEPAGE)
        pages = np.frombuffer(memory, np.uint8)[:: mmap.PAGESIZE]
        pages[:] = 1
        del pages


@dataclass(frozen=True)
class Builder:
    """One way in: make() builds and gives what was built, held() says its bytes."""

    name: str
    make: Callable[[], Any]
    held: Callable[[Any], int]
    drop: Callable[[Any], object] = id
    tries: int = 1
    """of which the quickest counts"""
    ask: Callable[[Any], int] | None = None
    """of what was built, timed with it: rows that match"""


class BuildContestant:
    """A builder in a race; its answer is the number of rows."""

    def __init__(self, builder: Builder, rows: int) -> None:
        self.name = builder.name
        self._builder = builder
        self._rows = rows
        self.held = 0

    def run(self) -> tuple[float, Answer]:
        _warm_memory()
        seconds, matched = zip(*(self._build() for _ in range(self._builder.tries)), strict=True)
        return min(seconds), Answer(self._rows, matched[0])

    def _build(self) -> tuple[float, int | None]:
        builder = self._builder
        start = time.perf_counter()
        built = builder.make()
        matched = builder.ask(built) if builder.ask else None
        seconds = time.perf_counter() - start
        self.held = builder.held(built)
        builder.drop(built)
        return seconds, matched

    def close(self) -> None:
        pass


class _Tables:
    """tamis: each table in a daemon of its own, which is started, and ended, untimed."""

    def __init__(self, bench: Bench, data: Any) -> None:
        self._bench = bench
        self._data = data
        self._client = tamis.Client(bench.tamisd)

    def make(self) -> Any:
        return tamis_table.create(self._client, "people", self._data)

    def drop(self, _: Any = None) -> None:
        self._client.close()
        self._client = tamis.Client(self._bench.tamisd)

    def close(self) -> None:
        self._client.close()


def _tamis(bench: Bench, way: Way, stack: ExitStack) -> Builder:
    """Raises PeerMissing where there are no tables, or none of such data."""
    data = way.data
    tables = _Tables(bench, data)
    stack.callback(tables.close)
    try:
        tables.make()
    except (TypeError, ValueError, tamis.TamisError) as error:
        raise PeerMissing(f"tamis: {type(data).__name__}: {error}") from None
    tables.drop()
    return Builder(TAMIS, tables.make, tamis_table.held_bytes, tables.drop, ask=way.ask)


def _duckdb(source: Callable[[], Any]) -> Builder:
    """Into a database of its own; what `source` gives is Arrow or pandas."""

    def make() -> Any:
        db = duckdb.connect()
        given = source()
        db.register("given", given)
        db.execute("create table people as select * from given")
        db.unregister("given")
        return db

    def held(db: Any) -> int:
        text = "select sum(memory_usage_bytes) from duckdb_memory() where tag = 'IN_MEMORY_TABLE'"
        return int(db.execute(text).fetchone()[0])

    return Builder("DuckDB", make, held, lambda db: db.close())


def _sqlite(rows: list[Row]) -> Builder:
    def make() -> Any:
        db = sqlite3.connect(":memory:")
        db.execute(f"create table people ({', '.join(FLAT)})")
        lines = (tuple(row[name] for name in FLAT) for row in rows)
        db.executemany(f"insert into people values ({', '.join('?' * len(FLAT))})", lines)
        return db

    def held(db: Any) -> int:
        (pages,), (size,) = (db.execute(f"pragma page_{w}").fetchone() for w in ("count", "size"))
        return int(pages * size)

    return Builder("SQLite, flat fields only", make, held, lambda db: db.close())


def _pandas(make: Callable[[], Any]) -> Builder:
    return Builder("pandas", make, lambda f: int(f.memory_usage(deep=True).sum()))


def _polars(make: Callable[[], Any]) -> Builder:
    return Builder("Polars", make, lambda f: int(f.estimated_size()))


def _arrow(make: Callable[[], Any]) -> Builder:
    return Builder("pyarrow", make, lambda t: int(t.nbytes))


def _memcpy(sources: list[Any]) -> list[Builder]:
    """The buffers that are given, as bytes, to memory touched before and to fresh memory."""
    targets = [np.ones_like(source) for source in sources]
    size = sum(source.nbytes for source in sources)

    def over() -> None:
        for target, source in zip(targets, sources, strict=True):
            np.copyto(target, source)

    def block() -> Any:
        target: Any = np.empty(size, np.uint8)
        at = 0
        for source in sources:
            target[at : at + source.nbytes] = source
            at += source.nbytes
        return target

    def each() -> list[Any]:
        return [source.copy() for source in sources]

    return [
        Builder(MEMCPY, over, lambda _: size),
        Builder(FRESH, block, lambda _: size, tries=COPIES),
        Builder(EACH, each, lambda _: size, tries=COPIES),
    ]


def _buffers(table: Any) -> list[Any]:
    """All that an Arrow table has, as bytes."""
    arrays = [chunk for column in table.columns for chunk in column.chunks]
    buffers = [buffer for array in arrays for buffer in array.buffers() if buffer]
    return [np.frombuffer(buffer, np.uint8) for buffer in buffers if buffer.size]


def _columns(rows: list[Row]) -> dict[str, Any]:
    kinds = {"city": object, "name": object, "score": np.float64}
    return {name: np.array([row[name] for row in rows], kinds.get(name)) for name in FLAT}


@dataclass(frozen=True)
class Way:
    """Something that is given: the data for tamis, of so many rows and fields, and the peers."""

    data: Any
    rows: int
    fields: int
    peers: list[Builder]
    ask: Callable[[Any], int] | None = None
    """tamis's counts"""


# A condition by each field: for tamis, for DuckDB (None: the same), for Polars.
CONDITIONS: list[tuple[str, str | None, Any]] = [
    ("id >= 500000", None, polars.col("id") >= 500000),
    ("age >= 30", None, polars.col("age") >= 30),
    ("salary > 50000", None, polars.col("salary") > 50000),
    ("city = 'Oslo'", None, polars.col("city") == "Oslo"),
    ("name like 'A%'", None, polars.col("name").str.starts_with("A")),
    ("active = true", None, polars.col("active")),
    ("joined > 1500000000", None, polars.col("joined") > 1500000000),
    ("score > 0.5", None, polars.col("score") > 0.5),
    (
        "'south' in tags",
        "list_contains(tags, 'south')",
        polars.col("tags").list.contains("south"),
    ),
    (
        "address.city = 'Oslo'",
        None,
        polars.col("address").struct.field("city") == "Oslo",
    ),
]


def _ask_tamis(table: Any) -> int:
    return sum(table.count(text) for text, _, _ in CONDITIONS)


def _ask_duckdb(db: Any) -> int:
    texts = (other or text for text, other, _ in CONDITIONS)
    counts = (db.execute(f"select count(*) from people where {text}") for text in texts)
    return sum(int(found.fetchone()[0]) for found in counts)


def _ask_polars(frame: Any) -> int:
    lazy = frame.lazy()
    return sum(
        int(lazy.filter(test).select(polars.len()).collect().item()) for _, _, test in CONDITIONS
    )


def _from_arrow(table: Any) -> Way:
    return Way(
        table,
        table.num_rows,
        table.num_columns,
        [
            _polars(lambda: polars.from_arrow(table, rechunk=True)),
            _pandas(lambda: table.to_pandas()),
            _duckdb(lambda: table),
            *_memcpy(_buffers(table)),
        ],
    )


def _asked(way: Way) -> Way:
    """The same, and a count by each field."""
    asks = {"Polars": _ask_polars, "DuckDB": _ask_duckdb}
    peers = [replace(p, ask=asks[p.name]) for p in way.peers if p.name in asks]
    return replace(way, peers=peers, ask=_ask_tamis)


def _ways(rows: list[Row], arrays: dict[str, Any], table: Any) -> dict[str, Way]:
    count, fields = len(rows), len(rows[0])
    flat_frame = pandas.DataFrame(arrays)
    numbers = {name: np.tile(arrays[name], TIMES) for name in NUMBERS}
    number_frame = pandas.DataFrame(numbers)
    flat = table.select(list(FLAT))
    return {
        "dicts": Way(
            rows,
            count,
            fields,
            [
                _arrow(lambda: pyarrow.Table.from_pylist(rows)),
                _polars(lambda: polars.from_dicts(rows)),
                _pandas(lambda: pandas.DataFrame(rows)),
                _duckdb(lambda: pyarrow.Table.from_pylist(rows)),
                _sqlite(rows),
            ],
        ),
        "numpy columns": Way(
            arrays,
            count,
            len(FLAT),
            [
                _arrow(lambda: pyarrow.table(arrays)),
                _polars(lambda: polars.DataFrame(arrays)),
                _pandas(lambda: pandas.DataFrame(arrays)),
                _duckdb(lambda: flat_frame),
            ],
        ),
        "numpy columns of numbers": Way(
            numbers,
            count * TIMES,
            len(NUMBERS),
            [
                _arrow(lambda: pyarrow.table(numbers)),
                _polars(lambda: polars.DataFrame(numbers)),
                _duckdb(lambda: number_frame),
                *_memcpy([array.view(np.uint8) for array in numbers.values()]),
            ],
        ),
        "Arrow, flat": _from_arrow(flat),
        "Arrow, flat, more rows": _from_arrow(
            pyarrow.concat_tables([flat] * TIMES).combine_chunks()
        ),
        "Arrow": _from_arrow(table),
        "Arrow, and a count by each field": _asked(_from_arrow(table)),
    }


def _race(bench: Bench, given: str, way: Way, report: Report) -> dict[str, float]:
    """Races one kind of data, adds its table; gives the speeds for the chart."""
    rows, fields = way.rows, way.fields
    builders = [] if bench.alone else way.peers
    with ExitStack() as stack:
        try:
            builders = [_tamis(bench, way, stack), *builders]
        except PeerMissing as missing:
            note = f"left out: {missing}"
            if note not in report.notes:
                report.notes.append(note)
                print(note, file=sys.stderr)
        if not builders:
            return {}
        contestants = [BuildContestant(builder, rows) for builder in builders]
        result = race(f"load {given}", contestants, bench.rounds)
    lines = []
    for contestant in contestants:
        timing = result.timings[contestant.name]
        lines.append(
            [
                contestant.name,
                f"{rows / timing.median / 1e6:,.2f} ±{100 * timing.spread:.0f} %",
                f"{timing.median * 1e3:,.0f}",
                f"{min(timing.seconds) * 1e3:,.0f}",
                f"{contestant.held / 1e6 / timing.median:,.0f}",
                f"{contestant.held / rows / fields:.1f}",
            ]
        )
    mine = result.timings.get(TAMIS)
    if mine:
        report.figures[given] = mine.median
    for name in (MEMCPY, FRESH, EACH):
        if mine and name in result.timings:
            theirs = result.timings[name]
            least = min(theirs.seconds) / min(mine.seconds)
            report.notes.append(
                f"from {given}: {mine.times_faster(theirs):.0%} of {name}, {least:.0%} by the least"
            )
    head = ["", "million rows/s", "ms", "least ms", "MB/s of what is held", "bytes a value"]
    report.tables.append(Table(f"from {given}, {rows:,} rows of {fields} fields", head, lines))
    return {name: rows / timing.median / 1e6 for name, timing in result.timings.items()}


def run(bench: Bench) -> Report:
    report = Report("Loading: rows into resident form", SAYS)
    rows = load(bench, bench.size)
    ways = _ways(rows, _columns(rows), pyarrow.Table.from_pylist(rows))
    panels = {}
    with no_collector():
        for given, way in ways.items():
            speeds = _race(bench, given, way, report)
            if speeds:
                panels[f"from {given}"] = speeds
    title = "Loading people rows"
    report.charts.append(Bars(title, "million rows a second, more is better", panels, TAMIS))
    report.notes += [
        "DuckDB has no way in for dicts: its time includes pyarrow's Table.from_pylist",
        "strings that are Python objects are not counted by anybody but pandas",
    ]
    return report
