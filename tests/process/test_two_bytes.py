"""Conjunctions over tables whose columns are single bytes: two conditions in one loop."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from tables import ask, ordered

from tests.lib import wire
from tests.lib.mp import Plain
from tests.lib.wire import Connection

N = 20_000
CITIES = ["Oslo", "Rome", "Lima", "Bern", "Kyiv", "Riga"]
Row = dict[str, object]

TERMS: list[tuple[str, Callable[[Row], bool | None]]] = [
    ("age >= 30", lambda r: None if r["age"] is None else int(str(r["age"])) >= 30),
    ("age < 60", lambda r: None if r["age"] is None else int(str(r["age"])) < 60),
    ("age <> 40", lambda r: None if r["age"] is None else r["age"] != 40),
    (
        "age between 20 and 50",
        lambda r: None if r["age"] is None else 20 <= int(str(r["age"])) <= 50,
    ),
    ("level >= 250", lambda r: int(str(r["level"])) >= 250),
    ("level <= 900", lambda r: int(str(r["level"])) <= 900),
    ("city = 'Rome'", lambda r: None if r["city"] is None else r["city"] == "Rome"),
    ("city <> 'Rome'", lambda r: None if r["city"] is None else r["city"] != "Rome"),
    (
        "city in ('Oslo', 'Lima')",
        lambda r: None if r["city"] is None else r["city"] in ("Oslo", "Lima"),
    ),
    ("city like 'R%'", lambda r: None if r["city"] is None else str(r["city"])[0] == "R"),
    ("big < 1000000", lambda r: int(str(r["big"])) < 1_000_000),
]


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    """Single bytes: age and city, which may be null, level behind a base. big: four bytes."""
    rng = random.Random(11)
    return [
        {
            "age": rng.choice([None, *range(100)]),
            "level": 800 + rng.randrange(200),
            "city": rng.choice([None, *CITIES]),
            "big": rng.randrange(2_000_000),
        }
        for _ in range(N)
    ]


@pytest.fixture
def table(client: Connection, rows: list[Row]) -> int:
    number = client.create("two")
    maps: list[Plain] = [{str(k): v for k, v in row.items()} for row in rows]  # type: ignore[misc]
    client.load(number, [["maps", maps[i : i + 5000]] for i in range(0, N, 5000)])
    return number


def explained(client: Connection, table: int, query: str) -> str:
    reply = client.call(wire.EXPLAIN, query, None, ["table", table])[-1]
    assert reply[0] == wire.EXPLAINED, reply
    return repr(reply[2])


@pytest.mark.parametrize("first", range(len(TERMS)))
def test_every_pair(client: Connection, table: int, rows: list[Row], first: int) -> None:
    """Also under NOT, beside a third term, and under OR."""
    a, one = TERMS[first]
    for b, two in TERMS:
        asked: list[tuple[str, Callable[[bool | None, bool | None, int], bool]]] = [
            (f"{a} and {b}", lambda x, y, _: x is True and y is True),
            (f"not ({a}) and {b}", lambda x, y, _: x is False and y is True),
            (f"not ({a} or {b})", lambda x, y, _: x is False and y is False),
            (
                f"{a} and big > 100000 and {b}",
                lambda x, y, big: x is True and y is True and big > 100_000,
            ),
            (
                f"big > 1900000 or ({a} and {b})",
                lambda x, y, big: big > 1_900_000 or (x is True and y is True),
            ),
        ]
        truths = [(one(row), two(row), int(str(row["big"]))) for row in rows]
        for query, keeps in asked:
            found = ordered(ask(client, table, query, result="numbers"))
            assert found == [i for i, truth in enumerate(truths) if keeps(*truth)], query


@pytest.mark.parametrize(
    ("query", "both"),
    [
        ("age >= 30 and city = 'Rome'", True),
        ("age >= 30 and age < 60", True),
        ("level >= 850 and not city in ('Rome')", True),
        ("age >= 30 and big < 1000000", False),  # four bytes
        ("age >= 30 or city = 'Rome'", False),
        ("level <= 900", False),
    ],
)
def test_how(client: Connection, table: int, query: str, both: bool) -> None:
    assert ("range_i8_both" in explained(client, table, query)) == both
