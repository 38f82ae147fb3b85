"""A list of dicts whose needed columns are pulled out first, on every call, and then asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
import pandas

from harness.queries import Query, Row
from peers.narrow import Q3_CITIES, Array
from peers.peer import PeerMissing
from peers.resident_frames import PANDAS

Keep = Callable[[list[Row]], list[Row]]


def _taken(rows: list[Row], numbers: Any) -> list[Row]:
    return [rows[number] for number in numbers.tolist()]


def _pull(rows: list[Row], field: str, kind: Any) -> Array:
    return np.fromiter((row[field] for row in rows), kind, len(rows))


def _scores(rows: list[Row]) -> Array:
    return np.array([row["score"] for row in rows], np.float64)  # None becomes NaN


def _strings(rows: list[Row], field: str) -> Array:
    return np.array([row[field] for row in rows])


_MASKS: dict[str, Callable[[list[Row]], Array]] = {
    "Q1": lambda rows: _pull(rows, "age", np.int64) >= 30,
    "Q2": lambda rows: (_pull(rows, "age", np.int64) >= 30) & (_strings(rows, "city") == "Oslo"),
    "Q3": lambda rows: (
        ((age := _pull(rows, "age", np.int64)) >= 25)
        & (age <= 60)
        & np.isin(_strings(rows, "city"), Q3_CITIES)
        & _pull(rows, "active", np.bool_)
        & (_scores(rows) > 0.5)
        & np.strings.startswith(_strings(rows, "name"), "A")
    ),
    "Q4s": lambda rows: np.strings.find(_strings(rows, "name"), "ansen") >= 0,
}


def with_numpy(query: Query) -> Keep:
    mask = _MASKS.get(query.name)
    if mask is None:
        raise PeerMissing(f"numpy has no {query.name}")
    return lambda rows: _taken(rows, np.flatnonzero(mask(rows)))


def _ages(age: Any, out: Any) -> int:
    n = 0
    for i in range(len(age)):
        out[n] = i
        n += age[i] >= 30
    return n


def _ages_and_cities(age: Any, city: Any, oslo: int, out: Any) -> int:
    n = 0
    for i in range(len(age)):
        out[n] = i
        n += (age[i] >= 30) & (city[i] == oslo)
    return n


def with_numba(query: Query) -> Keep:
    """Cities become codes on the way: Numba is no place for strings."""
    ages, both = numba.njit(_ages), numba.njit(_ages_and_cities)

    def q1(rows: list[Row]) -> list[Row]:
        out: Array = np.empty(len(rows) + 1, np.uint32)
        return _taken(rows, out[: ages(_pull(rows, "age", np.int64), out)])

    def q2(rows: list[Row]) -> list[Row]:
        out: Array = np.empty(len(rows) + 1, np.uint32)
        codes: dict[str, int] = {"Oslo": 0}
        code = codes.setdefault
        cities = (code(row["city"], len(codes)) for row in rows)
        city = np.fromiter(cities, np.int64, len(rows))
        return _taken(rows, out[: both(_pull(rows, "age", np.int64), city, 0, out)])

    keep = {"Q1": q1, "Q2": q2}.get(query.name)
    if keep is None:
        raise PeerMissing(f"Numba has no {query.name}")
    return keep


_NEEDED = {
    "Q1": ("age",),
    "Q2": ("age", "city"),
    "Q3": ("age", "city", "active", "score", "name"),
    "Q4s": ("name",),
}


def with_pandas(query: Query) -> Keep:
    needed = _NEEDED.get(query.name)
    if needed is None:
        raise PeerMissing(f"pandas has no {query.name}")

    def keep(rows: list[Row]) -> list[Row]:
        frame = pandas.DataFrame({name: [row[name] for row in rows] for name in needed})
        names = {"cities": list(Q3_CITIES)}
        return _taken(rows, frame.query(PANDAS[query.name], local_dict=names).index.to_numpy())

    return keep
