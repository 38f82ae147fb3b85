"""x IN (...) over tables, for each form that a column has there, with few items and with many: the
rows that plain Python finds, and those that the same rows give as a payload.
"""

from __future__ import annotations

import math
import os
import random
import struct
from collections.abc import Callable
from typing import Any

import pytest
from tables import ask, holding, ordered, zones_of

from tests.lib import wire
from tests.lib.mp import Ext, Plain, Raw, encode
from tests.lib.wire import Connection

TINY = os.environ.get("TAMIS_SANITIZER") == "hostile"  # so are its segments
N = 12_000  # several zones of statistics, the last one not full
START = 1_600_000_000


def stamp(seconds: int, nanos: int = 0) -> Ext:
    return Ext(-1, struct.pack(">Iq", nanos, seconds))


def spelt(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    if isinstance(value, Ext):
        return f"EXT(-1, X'{value.raw.hex()}')"
    return repr(value)


def numbered(make: Callable[[int, random.Random], Any], spread: int, seed: str) -> list[Any]:
    """A value a row; one in so many is null, one missing."""
    rng = random.Random(seed)
    return [
        rng.choice([None, ...]) if rng.random() < 1 / spread else make(i, rng) for i in range(N)
    ]


COLUMNS: dict[str, list[Any]] = {
    "byte": numbered(lambda i, r: r.randrange(-100, 100), 50, "byte"),
    "short": numbered(lambda i, r: i * 2 + r.randrange(9), 50, "short"),
    "based": numbered(lambda i, r: 10**15 + r.randrange(60_000), 50, "based"),
    "word": numbered(lambda i, r: r.randrange(-(2**30), 2**30) // 7 * 7, 50, "word"),
    "long": numbered(lambda i, r: r.choice([-1, 1]) * 2 ** r.randrange(63) + i, 50, "long"),
    "huge": numbered(lambda i, r: 2**63 - 3000 + i // 2, 50, "huge"),
    "third": [i // 3 for i in range(N)],  # none is null
    "double": numbered(
        lambda i, r: r.choice([i / 4, -0.0, math.nan, 2.0**53 + i, -float(i), 1.5e300, 1e300]),
        50,
        "d",
    ),
    "second": numbered(lambda i, r: stamp(START + i), 50, "second"),
    "milli": numbered(lambda i, r: stamp(START + i // 9, i % 9 * 1_000_000), 50, "milli"),
    "text": numbered(  # few alike, or it would be a dictionary
        lambda i, r: f"{'' if i % 2 else 'the same head '}{i}"[: 99 if i % 25 else i % 20], 50, "t"
    ),
    "longer": numbered(lambda i, r: f"{i:04}" + "x" * r.randrange(40), 50, "longer"),
    "mixed": numbered(lambda i, r: r.choice([i, f"{i}", i + 0.5, True]), 50, "mixed"),
}
OTHERS = [
    5,
    0,
    -1,
    2.5,
    -0.0,
    7.0,
    2**63,
    2**64 - 1,
    2.0**53,
    1e300,
    "",
    "x",
    "the same head",
    True,
]


@pytest.fixture(scope="module")
def rows() -> list[Plain]:
    return [
        {name: values[i] for name, values in COLUMNS.items() if values[i] is not ...}
        for i in range(N)
    ]


@pytest.fixture(scope="module")
def payload(rows: list[Plain]) -> Raw:
    """All rows, written down once."""
    return Raw(encode(["maps", rows]))


@pytest.fixture(scope="module")
def loaded(rows: list[Plain]) -> Any:
    with holding(rows) as there:
        yield there


def is_in(value: Any, items: set[Any]) -> bool:
    """Python's own equality, but that true is not 1."""
    return (type(value) is bool, value) in items


def items_of(name: str, count: int, rng: random.Random) -> list[Any]:
    there = [v for v in COLUMNS[name] if v is not None and v is not ... and v == v]
    drawn = rng.sample(there, min(count, len(there)))
    if count in (9, 40):  # neighbours
        drawn = there[1000 : 1000 + count]
    if all(type(v) is int for v in drawn) and count % 2 == 0:
        drawn = [v + rng.choice([0, 0, 1]) for v in drawn]
        drawn = [min(v, 2**64 - 1) for v in drawn]
    return drawn + rng.sample(OTHERS, rng.randrange(4))


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize("count", [1, 2, 3, 8, 9, 40, 700])
def test_rows(loaded: Any, payload: Raw, name: str, count: int) -> None:
    client, table = loaded
    rng = random.Random(f"{name} {count}")
    items = items_of(name, count, rng)
    text = ", ".join(map(spelt, items))
    wanted = {(type(item) is bool, item) for item in items}
    there = [(i, v) for i, v in enumerate(COLUMNS[name]) if v is not None and v is not ...]
    inside = [i for i, v in there if is_in(v, wanted)]
    outside = [i for i, v in there if not is_in(v, wanted)]
    asked = [
        (f"{name} IN ({text})", inside),
        (f"{name} NOT IN ({text})", outside),
        (f"{name} IN ({text}, NULL)", inside),
        (f"{name} NOT IN ({text}, NULL)", []),
        (f"third % 2 = 0 AND {name} IN ({text})", [i for i in inside if i // 3 % 2 == 0]),
        (f"third < 500 OR {name} NOT IN ({text})", sorted({*range(1500), *outside})),
    ]
    for query, expected in asked:
        assert ordered(ask(client, table, query, result="numbers")) == expected, query
    answer = client.filter(asked[1][0], payload, result="indices")
    assert answer.code == "OK"
    assert answer.indices == outside


def how(client: Connection, table: int, query: str) -> str:
    reply = client.call(wire.EXPLAIN, query, None, ["table", table])[-1]
    assert reply[0] == wire.EXPLAINED, reply
    return repr(reply[2])


@pytest.mark.parametrize(
    ("query", "loop"),
    [
        ("byte IN (1, 2, 50)", "any_i8" if TINY else "lookup_u8"),
        ("short IN (1, 20, 50)", "any_i16"),
        ("based IN (1000000000000001, 1000000000000011, 1000000000000007)", "any_i16"),
        ("word IN (7, 70, 7000)", "any_i32"),
        ("long IN (1, 20, 5000)", "any_i64"),
        ("double IN (1.25, 20, 5000)", "any_f64"),
        ("text IN ('1', 'th', 'the', 'longer than eight')", "str_equal"),
        ("short IN (100, 101, 102, 103, 104, 105, 106, 107, 108, 109, 110)", "range_i16"),
        ("word IN (7, 70, 700, 7000, 77, 777, 7777, 14, 140, 1400)", "set"),
        ("text IN ('1', '2', '3', '4', '5', '6', '7', '8', '9', '11')", "set"),
    ],
)
def test_loops(loaded: Any, query: str, loop: str) -> None:
    client, table = loaded
    assert f"{loop} x" in how(client, table, query)


def test_zones_that_hold_no_item_are_passed_over(loaded: Any) -> None:
    client, table = loaded
    zones, none, _ = zones_of(how(client, table, "short IN (5000, 5100)"))
    assert zones // 3 * 2 <= none < zones
    zones, none, _ = zones_of(how(client, table, "short IN (-5, 90000, 'x')"))
    assert none == zones
    zones, _, whole = zones_of(how(client, table, "short NOT IN (-5, 90000, 'x')"))
    assert whole == zones
