"""Python over the list of dicts itself, which needs no loading."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from harness.queries import QUERIES, Row, compile_source, generic_filter
from peers.peer import Peer


def comprehension(rows: Sequence[Row]) -> Peer:
    def indices(name: str) -> Callable[[], Any]:
        kept = compile_source(f"[i for i, r in enumerate(rows) if {QUERIES[name].python}]", name)
        return lambda: kept(rows)

    def count(name: str) -> Callable[[], int]:
        kept = compile_source(f"len([1 for r in rows if {QUERIES[name].python}])", name)
        return lambda: int(kept(rows))

    return Peer(
        "dicts, compiled comprehension",
        {q: indices(q) for q in QUERIES},
        {q: count(q) for q in QUERIES},
    )


def generic(rows: Sequence[Row]) -> Peer:
    """The original problem: one loop for all queries."""

    def indices(name: str) -> Callable[[], Any]:
        return lambda: [row["id"] for row in generic_filter(QUERIES[name].terms, rows)]

    def count(name: str) -> Callable[[], int]:
        return lambda: len(generic_filter(QUERIES[name].terms, rows))

    return Peer(
        "dicts, generic loop", {q: indices(q) for q in QUERIES}, {q: count(q) for q in QUERIES}
    )
