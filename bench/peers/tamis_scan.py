"""tamis's engine in this process: programs/table_scan.c. The scans that the daemon makes, and neither
pipe nor messages: what a query takes from what carrying it takes."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from harness.queries import QUERIES
from peers.narrow import Array
from peers.peer import Peer, PeerMissing

NAME = "tamis, the scan alone"
FAILED = ctypes.c_size_t(-1).value


def name_of(threads: int) -> str:
    return f"{NAME}, {threads} thread{'s' if threads > 1 else ''}"


def _load(library: Path) -> Any:
    try:
        loaded: Any = ctypes.CDLL(str(library))
    except OSError as error:
        raise PeerMissing(f"{NAME}: {error}") from None
    loaded.table_scan_load.restype = loaded.table_query_new.restype = ctypes.c_void_p
    loaded.table_query_count.restype = loaded.table_query_rows.restype = ctypes.c_size_t
    return loaded


def alone(library: Path, file: Path, rows: int, threads: int) -> Peer:
    """Over the msgpack rows of a file. Raises PeerMissing if the library is not there."""
    loaded = _load(library)
    data = file.read_bytes()
    table = ctypes.c_void_p(loaded.table_scan_load(data, ctypes.c_size_t(len(data))))
    queries = {
        name: ctypes.c_void_p(loaded.table_query_new(table, query.text.encode(), threads))
        for name, query in QUERIES.items()
    }
    if not table or not all(queries.values()):
        raise PeerMissing(f"{NAME}: the rows or the queries are not taken")

    def checked(matched: int) -> int:
        if matched == FAILED:
            raise MemoryError(NAME)
        return matched

    def indices(query: ctypes.c_void_p) -> Callable[[], Array]:
        def run() -> Array:
            out: Array = np.empty(rows, np.uint32)
            place, room = ctypes.c_void_p(out.ctypes.data), ctypes.c_size_t(rows)
            return out[: checked(int(loaded.table_query_rows(query, place, room)))]

        return run

    def count(query: ctypes.c_void_p) -> Callable[[], int]:
        return lambda: checked(int(loaded.table_query_count(query)))

    def close() -> None:
        for query in queries.values():
            loaded.table_query_free(query)
        loaded.table_scan_free(table)

    return Peer(
        name_of(threads),
        {name: indices(query) for name, query in queries.items()},
        {name: count(query) for name, query in queries.items()},
        close,
    )
