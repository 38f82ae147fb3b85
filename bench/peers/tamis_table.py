"""tamis's resident tables, as the Python client gives them: loaded once, asked many times."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tamis

from harness.queries import QUERIES, Row
from peers.narrow import Array
from peers.peer import Peer, PeerMissing

NAME = "tamis table"


def create(client: tamis.Client, name: str, data: Any) -> Any:
    """A resident table of rows or columns. Raises PeerMissing if this revision has none."""
    if not hasattr(client, "create_table"):
        raise PeerMissing("tamis: this revision has no resident tables")
    maker: Any = client
    return maker.create_table(name, data)


def held_bytes(table: Any) -> int:
    """The memory that a table says it holds."""
    return int(table.describe().bytes)


def prepared(client: tamis.Client, rows: Sequence[Row]) -> Peer:
    """Prepared queries over a resident table of all ten fields."""
    table = create(client, "people", rows)
    queries = {name: table.prepare(query.text) for name, query in QUERIES.items()}

    def indices(query: Any) -> Callable[[], Array]:
        return lambda: np.asarray(query.indices())

    return Peer(
        NAME,
        {name: indices(query) for name, query in queries.items()},
        {name: query.count for name, query in queries.items()},
    )
