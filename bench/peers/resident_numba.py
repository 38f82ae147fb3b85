"""Numba: one compiled loop a query over the narrow arrays, on one thread."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from peers.narrow import Array, Narrow
from peers.peer import Peer

_FIELDS = (
    "age city active score name_bytes name_offsets address_city tags tag_offsets q3_cities oslo vip"
)
Columns = namedtuple("Columns", _FIELDS)  # type: ignore[misc]  # the one record that Numba takes


def _q1(c: Any, i: int) -> Any:
    return c.age[i] >= 30


def _q2(c: Any, i: int) -> Any:
    return (c.age[i] >= 30) & (c.city[i] == c.oslo)


def _q3(c: Any, i: int) -> Any:
    """Without a branch: with early returns Numba counts references at every row."""
    a, b, d, e, f = c.q3_cities
    city = c.city[i]
    return (
        ((c.age[i] >= 25) & (c.age[i] <= 60) & (c.active[i] != 0) & (c.score[i] > 0.5))
        & ((city == a) | (city == b) | (city == d) | (city == e) | (city == f))
        & (c.name_bytes[c.name_offsets[i]] == 65)
    )


def _q5(c: Any, i: int) -> Any:
    if c.address_city[i] != c.oslo:
        return False
    for at in range(c.tag_offsets[i], c.tag_offsets[i + 1]):
        if c.tags[at] == c.vip:
            return True
    return False


def _loops(keep: Any) -> tuple[Any, Any]:
    """The two loops over a condition, which LLVM puts into them."""

    def rows(c: Any, out: Any) -> int:
        n = 0
        for i in range(len(c.age)):
            out[n] = i
            n += keep(c, i)
        return n

    def count(c: Any) -> int:
        n = 0
        for i in range(len(c.age)):
            n += keep(c, i)
        return n

    return numba.njit(rows), numba.njit(count)


def compiled(c: Narrow) -> Peer:
    fields = {field: getattr(c, field) for field in _FIELDS.split()}
    columns = Columns(**fields | {"q3_cities": tuple(c.q3_cities.tolist())})

    def indices(rows: Any) -> Callable[[], Array]:
        def run() -> Array:
            out: Array = np.empty(c.rows + 1, np.uint32)
            return out[: rows(columns, out)]

        return run

    def counter(count: Any) -> Callable[[], int]:
        return lambda: int(count(columns))

    loops = {
        name: _loops(numba.njit(keep, inline="always"))
        for name, keep in (("Q1", _q1), ("Q2", _q2), ("Q3", _q3), ("Q5", _q5))
    }
    return Peer(
        "Numba, narrow and coded",
        {name: indices(rows) for name, (rows, _) in loops.items()},
        {name: counter(count) for name, (_, count) in loops.items()},
    )
