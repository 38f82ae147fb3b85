"""DuckDB and SQLite, the table in memory, statements prepared."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Sequence
from typing import Any

import duckdb

from harness.queries import QUERIES, Row
from peers.peer import Peer

_PATTERN = QUERIES["Q4r"].terms[0][2]
_Q3 = (
    "age between 25 and 60 and city in ('Oslo','Bergen','Paris','Lima','Turin')"
    " and {active} and score > 0.5 and name like 'A%'"
)
DUCKDB = {
    "Q1": "age >= 30",
    "Q2": "age >= 30 and city = 'Oslo'",
    "Q3": _Q3.format(active="active"),
    "Q4s": "name like '%ansen%'",
    "Q4r": f"regexp_matches(name, '{_PATTERN}')",
    "Q5": "address.city = 'Oslo' and list_contains(tags, 'vip')",
}
SQLITE = {
    **DUCKDB,
    "Q3": _Q3.format(active="active = 1"),
    "Q4r": f"name regexp '{_PATTERN}'",
    "Q5": "address_city = 'Oslo' and instr(tags, ';vip;')",
}


def with_duckdb(arrow_table: Any, threads: int) -> Peer:
    """The ids are the row numbers."""
    db = duckdb.connect(config={"threads": threads})
    db.register("given", arrow_table)
    db.execute("create table people as select * from given")
    db.unregister("given")

    def indices(query: str) -> Callable[[], Any]:
        db.execute(f"prepare rows_{query} as select id from people where {DUCKDB[query]}")
        return lambda: db.execute(f"execute rows_{query}").fetchnumpy()["id"]

    def count(query: str) -> Callable[[], int]:
        db.execute(f"prepare count_{query} as select count(*) from people where {DUCKDB[query]}")

        def run() -> int:
            found = db.execute(f"execute count_{query}").fetchone()
            return int(found[0]) if found else -1

        return run

    return Peer(
        f"DuckDB, {threads} thread{'s' if threads > 1 else ''}",
        {q: indices(q) for q in DUCKDB},
        {q: count(q) for q in DUCKDB},
        db.close,
    )


def with_sqlite(rows: Sequence[Row], indexed: bool) -> Peer:
    """Address flat, tags as ';a;b;'; REGEXP is Python's re, which is what one has. With an index on
    (city, age), which only Q1 to Q3 can use."""
    db = sqlite3.connect(":memory:")
    db.execute(
        "create table people (id integer primary key, age integer, city text, name text,"
        " active integer, score real, tags text, address_city text)"
    )
    db.executemany(
        "insert into people values (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            (r["id"], r["age"], r["city"], r["name"], r["active"], r["score"])
            + (f";{';'.join(r['tags'])};", r["address"]["city"])
            for r in rows
        ),
    )
    search = re.compile(_PATTERN).search
    db.create_function("regexp", 2, lambda _, text: bool(search(text)), deterministic=True)
    db.execute("pragma case_sensitive_like = on")
    if indexed:
        db.execute("create index city_age on people (city, age)")
        db.execute("analyze")

    def indices(query: str) -> Callable[[], Any]:
        text = f"select id from people where {SQLITE[query]}"
        return lambda: [number for (number,) in db.execute(text)]

    def count(query: str) -> Callable[[], int]:
        text = f"select count(*) from people where {SQLITE[query]}"
        return lambda: int(db.execute(text).fetchone()[0])

    asked = ("Q1", "Q2", "Q3") if indexed else tuple(SQLITE)
    return Peer(
        f"SQLite, {'index' if indexed else 'scan'}",
        {q: indices(q) for q in asked},
        {q: count(q) for q in asked},
        db.close,
    )
