"""Plain C over the narrow columns: programs/resident.c, called in this process."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from peers.narrow import Array, Narrow
from peers.peer import Peer, PeerMissing

NAME = "plain C, narrow and coded"
QUERIES = ("Q1", "Q2", "Q3", "Q4s", "Q5")


class _Columns(ctypes.Structure):
    """struct columns of programs/resident.c."""

    _fields_: ClassVar[list[tuple[str, Any]]] = [
        ("rows", ctypes.c_size_t),
        *((name, ctypes.c_void_p) for name in ("age", "city", "active", "score", "name_bytes")),
        *((name, ctypes.c_void_p) for name in ("name_offsets", "address_city", "tags")),
        ("tag_offsets", ctypes.c_void_p),
        ("q3_cities", ctypes.c_uint8 * 5),
        ("oslo", ctypes.c_uint8),
        ("vip", ctypes.c_uint8),
    ]


def _columns(c: Narrow) -> _Columns:
    made = _Columns(rows=c.rows, oslo=c.oslo, vip=c.vip)
    made.q3_cities[:] = c.q3_cities.tolist()
    for name, kind in _Columns._fields_:
        if kind is ctypes.c_void_p:
            setattr(made, name, getattr(c, name).ctypes.data)
    return made


def plain(c: Narrow, library: Path) -> Peer:
    """Raises PeerMissing if the library is not there."""
    try:
        loaded = ctypes.CDLL(str(library))
    except OSError as error:
        raise PeerMissing(f"plain C: {error}") from None
    columns = _columns(c)

    loaded.resident_rows.restype = loaded.resident_count.restype = ctypes.c_size_t

    def indices(query: int) -> Callable[[], Array]:
        def run() -> Array:
            out: Array = np.empty(c.rows + 1, np.uint32)
            place = ctypes.c_void_p(out.ctypes.data)
            return out[: loaded.resident_rows(ctypes.byref(columns), query, place)]

        return run

    def count(query: int) -> Callable[[], int]:
        return lambda: int(loaded.resident_count(ctypes.byref(columns), query))

    places = {name: place for place, name in enumerate(QUERIES)}
    return Peer(
        NAME,
        {name: indices(place) for name, place in places.items()},
        {name: count(place) for name, place in places.items()},
    )
