"""msgpack: a stream of msgpack rows in memory, one thread, through the embeddable engine."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterable
from io import BytesIO

from msgpack import Unpacker

import people
from harness.bench import Bench
from harness.child import ProgramContestant
from harness.queries import QUERIES, Query, Row, compile_comprehension, hash_rows
from harness.race import Answer, Contestant, Result, race
from harness.report import Aim, Report, Table

TAMIS = "tamis"
SCAN = "bare skip-scan"
PYTHON = "Python unpack + comprehension"
C_PEER = "msgpack-c + hard-coded C"
ORDER = (SCAN, TAMIS, C_PEER, PYTHON)
RACED = ("Q1", "Q2", "Q3", "Q4s", "Q5")  # Q4r would be a race of regex libraries
AIMED_QUERIES = ("Q2", "Q3")
SCAN_AIM = 0.5
PYTHON_AIM = 10.0

SAYS = """\
The way of raw bytes: rows that are msgpack already, nobody unpacks them. The skip-scan is a
yardstick, not a peer: it trusts its input and only finds where rows begin, but looks at each value
as if it had never seen a row; tamis checks every byte and knows the keys of the row before."""


class UnpackContestant:
    """msgpack-python, unpacking row by row into a comprehension that was compiled for the query.

    Given its best: a dropped row is freed at once, no list of all rows is made, and the garbage
    collector is off. (Feeding by hand, and larger reads, were no faster.)
    """

    def __init__(self, data: bytes, rows: int, query: Query) -> None:
        self.name = PYTHON
        self._data = data
        self._rows = rows
        self._filter: Callable[[Iterable[Row]], list[Row]] = compile_comprehension(query)

    def run(self) -> tuple[float, Answer]:
        gc.disable()
        start = time.perf_counter()
        kept = self._filter(Unpacker(BytesIO(self._data)))
        seconds = time.perf_counter() - start
        gc.enable()
        numbers = [row["id"] for row in kept]  # the ids are the row numbers
        return seconds, Answer(self._rows, len(numbers), hash_rows(numbers))

    def close(self) -> None:
        pass


def _race(bench: Bench, query: Query, data: bytes) -> Result:
    path = bench.data("msgpack")
    contestants: list[Contestant] = [
        ProgramContestant(TAMIS, [bench.program("tamis_msgpack"), path, query.text]),
        ProgramContestant(C_PEER, [bench.program("msgpack_c"), path, query.name]),
    ]
    if not bench.alone:
        contestants += [
            ProgramContestant(SCAN, [bench.program("skip_scan"), path], answers=False),
            UnpackContestant(data, people.SIZES[bench.size], query),
        ]
    return race(f"msgpack {query.name}", contestants, bench.rounds)


def _aims(query: Query, of_scan: float, of_python: float) -> list[Aim]:
    return [
        Aim(
            f"{query.name}: at least {SCAN_AIM} of the rows a second of the {SCAN}",
            f"{of_scan:.2f}",
            of_scan >= SCAN_AIM,
        ),
        Aim(
            f"{query.name}: at least {PYTHON_AIM:.0f} times {PYTHON}",
            f"{of_python:.1f}",
            of_python >= PYTHON_AIM,
        ),
    ]


def run(bench: Bench) -> Report:
    data = bench.data("msgpack").read_bytes()
    report = Report("msgpack stream in, matches out", SAYS)
    rates = []
    ratios = []
    for query in map(QUERIES.__getitem__, RACED):
        result = _race(bench, query, data)
        report.figures[query.name] = result.timings[TAMIS].median
        if bench.alone:
            continue
        rows, matched = result.answer.rows, result.answer.matched or 0
        times = [result.timings[name] for name in ORDER]
        rates.append(
            [query.name, f"{100 * matched / rows:.2f} %"]
            + [f"{rows / t.median / 1e6:.2f} (±{100 * t.spread:.0f} %)" for t in times]
        )
        mine = result.timings[TAMIS]
        faster = {name: mine.times_faster(result.timings[name]) for name in ORDER}
        ratios.append([query.name, *(f"{faster[n]:.2f}" for n in (SCAN, C_PEER, PYTHON))])
        if query.name in AIMED_QUERIES:
            report.aims += _aims(query, faster[SCAN], faster[PYTHON])
    rows = people.SIZES[bench.size]
    title = f"Million rows a second, {rows:,} rows, {len(data) / 1e6:.0f} MB, one thread"
    report.tables = [
        Table(title, ["query", "kept", *ORDER], rates),
        Table("tamis, times as fast as", ["query", SCAN, C_PEER, PYTHON], ratios),
    ]
    report.notes = [f"{name}: `{QUERIES[name].text}`" for name in RACED]
    return report
