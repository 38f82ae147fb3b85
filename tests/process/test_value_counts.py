"""How often each value occurs in the rows that match: columns of every width, with and without
values in all rows, over several segments, of which rows have been deleted."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from typing import Any

from daemon import SANITIZED
from tables import ask

from tests.lib import mp, wire
from tests.lib.mp import Bin, Plain, Timestamp
from tests.lib.wire import Connection

TINY = os.environ.get("TAMIS_SANITIZER") == "hostile"  # so are its segments
SEGMENT = 150 if TINY else 65_536
ROWS = 5 * SEGMENT if TINY else 6_000 if SANITIZED else SEGMENT + 5_000
dice = random.Random(13)

# Each value by the number that was drawn. Null and missing are one; so are 1 and 1.0.
MAKES: dict[str, Callable[[int], Any]] = {
    "byte": lambda x: x % 256 - 128,
    "positive": lambda x: x % 90,
    "holes": lambda x: x % 5 * 40 - 90,
    "gaps": lambda x: None if x % 5 == 0 else x % 50 - 7,
    "offset": lambda x: 1_700_000_000_000 + x % 250,
    "huge": lambda x: 2**64 - 1 - x % 200,
    "edge": lambda x: (-(2**63), 2**63 - 1, 0)[x % 3],
    "word": lambda x: x % 1_000 - 500,
    "word gaps": lambda x: None if x % 7 == 0 else 5_000_000_000 + x % 60_000,
    "wide": lambda x: x % 100_000 * 50_000,
    "seconds": lambda x: Timestamp(x % 200 - 100, 0),
    "ticks": lambda x: Timestamp(1_700_000_000, x % 250 * 1_000_000),
    "long": lambda x: Timestamp(x % 3_000, 0),
    "city": lambda x: (None, "Oslo", "Rome", "", "Paris")[x % 5],
    "name": lambda x: f"name {x % 5_000}",
    "one": lambda x: 7,
    "float": lambda x: x % 40 / 4,
    "flag": lambda x: x % 3 == 0,
    "number": lambda x: x % 9 if x % 2 else float(x % 9),
    "rare": lambda x: 1 if x == 0 else 0,  # once, at the end of a segment
    "nothing": lambda x: None,
    "growing": lambda x: f"word {x % 5}",  # its dictionary, when the first segment is there
}
NAMES = [*MAKES, "absent"]


def by_value(value: Any) -> object:
    return value if not isinstance(value, float) or value % 1 else int(value)


class Model:
    """A table and its rows, as Python has them."""

    def __init__(self, client: Connection) -> None:
        self.client = client
        self.rows: list[dict[str, Any]] = []
        for i in range(ROWS):
            row = {"id": i} | {name: make(dice.randrange(1 << 40)) for name, make in MAKES.items()}
            row["rare"] = int(i % SEGMENT == SEGMENT - 1)
            if i >= SEGMENT:
                row["growing"] = f"word {i // 150 % 10 * 70 + dice.randrange(70)}"
            if row["gaps"] is None and i % 2:
                del row["gaps"]
            self.rows.append(row)
        self.table = client.create("t", key="id")
        step = 20_000
        client.load(self.table, [["maps", self.rows[i : i + step]] for i in range(0, ROWS, step)])

    def delete(self, gone: set[int]) -> None:
        keys: list[Plain] = [*gone]
        assert self.client.call(wire.DELETE, self.table, keys)[-1][0] == wire.CHANGED
        self.rows = [row for row in self.rows if row["id"] not in gone]

    def told(self, name: str, query: str, **options: Plain) -> list[tuple[object, object]]:
        replies = ask(self.client, self.table, query, result="counts", by=[name], **options)
        assert replies[-1][0] == wire.DONE, replies
        found: list[tuple[object, object]] = []
        for message in replies[:-1]:
            pairs = message[5]
            if isinstance(pairs, Bin):
                (pairs,) = mp.decode_all(pairs.raw)
            assert isinstance(pairs, list)
            for pair in pairs:
                assert isinstance(pair, list)
                value = pair[0].raw.decode() if isinstance(pair[0], mp.Str) else pair[0]
                found.append((by_value(value), pair[1]))
        return found

    def expected(self, name: str, keeps: Callable[[dict[str, Any]], bool]) -> list[Any]:
        counts: dict[Any, int] = {}
        for row in self.rows:
            if keeps(row):
                value = by_value(row.get(name))
                key = (type(value) is bool, value)
                counts[key] = counts.get(key, 0) + 1
        ordered = sorted(counts.items(), key=lambda item: -item[1])  # stable: as they came
        return [(value, count) for (_, value), count in ordered]


QUERIES: list[tuple[str, Callable[[dict[str, Any]], bool]]] = [
    ("1 = 1", lambda row: True),
    ("word < 0", lambda row: row["word"] < 0),
    ("city = 'Rome'", lambda row: row["city"] == "Rome"),
    ("wide = 0", lambda row: row["wide"] == 0),
    (f"id >= {SEGMENT}", lambda row: row["id"] >= SEGMENT),
    ("1 = 2", lambda row: False),
]


def check(model: Model, queries: list[tuple[str, Callable[[dict[str, Any]], bool]]]) -> None:
    for name in NAMES:
        for query, keeps in queries:
            assert model.told(name, query) == model.expected(name, keeps), (name, query)


def test_value_counts() -> None:
    with Connection.spawn() as client:
        model = Model(client)
        check(model, QUERIES)
        for name in ("byte", "word", "city", "wide"):
            want = model.expected(name, lambda row: True)
            for limit in (0, 1, 3, 1_000_000):
                assert model.told(name, "1 = 1", limit=limit) == want[:limit]
        model.delete({SEGMENT - 1, *range(1, SEGMENT, 7), *range(SEGMENT, ROWS, 3)})
        check(model, QUERIES[:3])
