"""resident: the people rows loaded once; then row numbers, or a count, by every way there is."""

from __future__ import annotations

import os
import sys
import zlib
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any

import numpy as np
import pyarrow
import tamis

import people
from harness.bench import Bench
from harness.calls import CallContestant, no_collector
from harness.chart import Bars
from harness.queries import QUERIES, Row
from harness.race import Answer, Contestant, Result, race
from harness.report import Aim, Report, Table, brief
from harness.rows import load
from peers import (
    resident_c,
    resident_frames,
    resident_numba,
    resident_numpy,
    resident_python,
    resident_sql,
    tamis_scan,
    tamis_table,
)
from peers.narrow import Narrow
from peers.peer import Peer, PeerMissing

COUNT = " (count)"
SAYS = """\
Resident rows: loaded once, untimed (workload load times that), asked many times. Row numbers come in
whatever the contestant has for them. Plain C, numpy, numexpr and Numba are written for each query by
hand, over columns that somebody narrowed and coded by hand: what the machine allows. The others take
a query as text or as an expression, and the rows as they are; tamis answers from another process.
"The scan alone" is tamis's engine in the same process as the others: what is left without the pipe.
The count of Q1 looks at no row once its column has been asked eight times, before anything is timed:
tamis then knows how often each age occurs, whatever the question about it is."""

SCAN_MOST = 1.5
"""How many times as long as plain C the scan alone may take."""


def _makers(bench: Bench, client: tamis.Client, rows: list[Row]) -> list[Callable[[], Peer]]:
    """The contestants in the order of the tables, each to be made when called."""
    narrow = Narrow(rows)
    every = os.cpu_count() or 1
    ours: list[Callable[[], Peer]] = [
        lambda: tamis_table.prepared(client, rows),
        lambda: resident_c.plain(narrow, bench.program("resident.so")),
        *(partial(_scan, bench, n) for n in sorted({1, every})),
    ]
    if bench.alone:
        return ours
    table = pyarrow.Table.from_pylist(rows)
    return [
        *ours,
        lambda: resident_numba.compiled(narrow),
        lambda: resident_numpy.narrow(narrow),
        lambda: resident_numpy.with_numexpr(narrow),
        lambda: resident_numpy.pulled(rows),
        lambda: resident_frames.arrow(table),
        lambda: resident_frames.with_polars(table),
        *(partial(resident_sql.with_duckdb, table, n) for n in sorted({1, every})),
        lambda: resident_sql.with_sqlite(rows, indexed=False),
        lambda: resident_sql.with_sqlite(rows, indexed=True),
        lambda: resident_frames.pandas_query(rows),
        lambda: resident_python.comprehension(rows),
        lambda: resident_python.generic(rows),
    ]


def _scan(bench: Bench, threads: int) -> Peer:
    rows = people.SIZES[bench.size]
    return tamis_scan.alone(bench.program("table_scan.so"), bench.data("msgpack"), rows, threads)


def _load(makers: Sequence[Callable[[], Peer]], stack: ExitStack, report: Report) -> list[Peer]:
    """The peers that can be had; what is missing is noted."""
    peers = []
    for maker in makers:
        try:
            peer = maker()
        except PeerMissing as missing:
            report.notes.append(f"left out: {missing}")
            print(f"left out: {missing}", file=sys.stderr)
            continue
        print(f"resident: {peer.name} is loaded", file=sys.stderr)
        stack.callback(peer.close)
        peers.append(peer)
    return peers


def _of_numbers(rows: int) -> Callable[[Any], Answer]:
    """The answer that row numbers are, whatever they come in; an index may give them unsorted."""

    def answer(numbers: Any) -> Answer:
        plain = np.sort(np.asarray(numbers).astype(np.uint32))
        return Answer(rows, len(plain), zlib.crc32(plain.tobytes()))

    return answer


def _race(peers: Sequence[Peer], query: str, rows: int, rounds: int) -> Result:
    of_numbers = _of_numbers(rows)
    contestants: list[Contestant] = []
    for peer in peers:
        if query in peer.indices:
            contestants.append(CallContestant(peer.name, peer.indices[query], of_numbers))
        if query in peer.count:
            call = peer.count[query]
            contestants.append(
                CallContestant(peer.name + COUNT, call, lambda found: Answer(rows, found))
            )
    return race(f"resident {query}", contestants, rounds)


def _cell(result: Result, name: str) -> str:
    if name not in result.timings:
        return "-"
    timing = result.timings[name]
    return f"{brief(timing.median * 1e3)} ±{100 * timing.spread:.0f} %"


def _ratios(result: Result, base: str, names: Sequence[str]) -> dict[str, float]:
    """How many times as long as `base` each of the names took."""
    timings = result.timings
    if base not in timings:
        return {}
    return {n: timings[base].times_faster(timings[n]) for n in names if n in timings}


def _tables(report: Report, results: dict[str, Result], names: Sequence[str], rows: int) -> None:
    base = names[0]  # tamis, or the bound where tamis has no tables yet
    head = ["", *results]
    for what, suffix in (("row numbers", ""), ("count", COUNT)):
        shown = [name + suffix for name in names]
        lines = [[name, *(_cell(r, name + suffix) for r in results.values())] for name in names]
        title = f"{what}: ms, {rows:,} rows"
        report.tables.append(Table(title, head, lines))
        ratios = {q: _ratios(r, base + suffix, shown) for q, r in results.items()}
        lines = [[name, *(_ratio(ratios[q].get(name + suffix)) for q in results)] for name in names]
        report.tables.append(Table(f"{what}: times as long as {base}", head, lines))
        panels = {
            f"{q}, {what}": {n.removesuffix(COUNT): v for n, v in of.items()}
            for q, of in ratios.items()
            if of
        }
        title = f"Resident rows, {what}: times as long as {base}"
        unit = "1 is as fast, more is slower"
        report.charts.append(Bars(title, unit, panels, base, "" if not suffix else "-count"))


def _scan_figures(label: str, result: Result, suffix: str) -> dict[str, float]:
    name = tamis_scan.name_of(1)
    if name + suffix not in result.timings:
        return {}
    return {f"{label}, {name}": result.timings[name + suffix].median}


def _scan_aims(results: dict[str, Result]) -> list[Aim]:
    aims = []
    for query, result in results.items():
        for suffix in ("", COUNT):
            ours = tamis_scan.name_of(1) + suffix
            ratio = _ratios(result, resident_c.NAME + suffix, [ours]).get(ours)
            if ratio is not None:
                text = (
                    f"{query}{suffix or ' (row numbers)'}: the scan alone, at most 1.5 of plain C"
                )
                aims.append(Aim(text, f"{ratio:.2f}", ratio <= SCAN_MOST))
    return aims


def _ratio(value: float | None) -> str:
    return "-" if value is None else brief(value)


def run(bench: Bench) -> Report:
    report = Report("Resident rows: loaded once, asked many times", SAYS)
    count = people.SIZES[bench.size]
    rows = load(bench, bench.size)
    results = {}
    with tamis.Client(bench.tamisd) as client, ExitStack() as stack, no_collector():
        peers = _load(_makers(bench, client, rows), stack, report)
        for query in QUERIES:
            results[query] = _race(peers, query, count, bench.rounds)
    for query, result in results.items():
        for suffix in ("", COUNT):
            if tamis_table.NAME + suffix in result.timings:
                timing = result.timings[tamis_table.NAME + suffix]
                report.figures[query + suffix] = timing.median
                report.figures |= _scan_figures(query + suffix, result, suffix)
    _tables(report, results, [peer.name for peer in peers], count)
    report.aims += _scan_aims(results)
    kept = (f"{100 * (r.answer.matched or 0) / count:.2f} %" for r in results.values())
    report.notes += [
        f"{name}: `{QUERIES[name].text}`, {part} kept"
        for name, part in zip(results, kept, strict=True)
    ]
    report.notes.append("a run is the median of as many calls as fit into 20 ms, at least one")
    return report
