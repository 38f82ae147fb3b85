"""oneshot: a list of dicts that Python holds already, filtered once, the caller's rows out."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from typing import Any

import tamis
from msgpack import Unpacker

import people
from harness.bench import Bench
from harness.queries import QUERIES, Query, Row, compile_comprehension, generic_filter, hash_rows
from harness.race import Answer, race
from harness.report import Report, Table

TAMIS = "tamis client.filter"
GENERIC = "generic branchy loop"
COMPILED = "compiled comprehension"
ORDER = (TAMIS, GENERIC, COMPILED)
RACED = ("Q1", "Q2", "Q3")
CLEARLY = 1.05  # less is noise, not a win

SAYS = """\
The way of gathering columns: the client packs the fields that the query needs and picks the
caller's rows by the indices that come back. Pulling one field out of a dict row costs as much as
comparing it there, so a compiled comprehension is not beaten here by anything that leaves the
process; the aim is to be no worse than the generic loop, and to say so where it is not met."""


class FilterContestant:
    """Any callable from rows to kept rows."""

    def __init__(self, name: str, rows: list[Row], keep: Callable[[list[Row]], Any]) -> None:
        self.name = name
        self._rows = rows
        self._keep = keep

    def run(self) -> tuple[float, Answer]:
        start = time.perf_counter()
        kept = self._keep(self._rows)
        seconds = time.perf_counter() - start
        numbers = [row["id"] for row in kept]  # the ids are the row numbers
        return seconds, Answer(len(self._rows), len(numbers), hash_rows(numbers))

    def close(self) -> None:
        pass


def _load(bench: Bench, size: str) -> list[Row]:
    """The rows as dicts, frozen for the garbage collector, as long-lived rows would be."""
    gc.disable()
    with bench.data("msgpack", size).open("rb") as stream:
        rows = list(Unpacker(stream))
    gc.freeze()
    gc.enable()
    return rows


def _race(
    bench: Bench, client: tamis.Client, size: str, query: Query, rows: list[Row]
) -> list[str]:
    result = race(
        f"oneshot {size} {query.name}",
        [
            FilterContestant(TAMIS, rows, lambda r: client.filter(query.text, r)),
            FilterContestant(GENERIC, rows, lambda r: generic_filter(query.terms, r)),
            FilterContestant(COMPILED, rows, compile_comprehension(query)),
        ],
        bench.rounds,
    )
    mine = result.timings[TAMIS]
    times = [result.timings[name] for name in ORDER]
    per_row = [f"{1e9 * t.median / len(rows):.0f} (±{100 * t.spread:.0f} %)" for t in times]
    faster = [mine.times_faster(result.timings[name]) for name in (GENERIC, COMPILED)]
    won = " and ".join(
        name for name, ratio in zip(ORDER[1:], faster, strict=True) if ratio > CLEARLY
    )
    return [query.name, *per_row, *(f"{ratio:.2f}" for ratio in faster), won or "neither: not won"]


def run(bench: Bench) -> Report:
    report = Report("A list of dicts in Python, one query, once", SAYS)
    head = ["query", *ORDER, f"as fast as {GENERIC}", f"as fast as {COMPILED}", "tamis wins over"]
    with tamis.Client(bench.tamisd) as client:
        for size in ("small",) if bench.small else ("small", "people"):
            rows = _load(bench, size)
            lines = [_race(bench, client, size, QUERIES[name], rows) for name in RACED]
            title = f"{people.SIZES[size]:,} rows, ns a row"
            report.tables.append(Table(title, head, lines))
            del rows
    report.notes = [f"{name}: `{QUERIES[name].text}`" for name in RACED]
    return report
