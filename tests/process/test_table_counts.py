"""Counts of rows that are asked again and again: segments count the bytes of a column then, and the
count of a query over that column looks at no row. Rows come, change and go meanwhile."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from typing import Any

import pytest
from daemon import SANITIZED
from tables import ask, error_of, indices

from tests.lib import wire
from tests.lib.mp import Plain
from tests.lib.wire import Answer, Connection

TINY = os.environ.get("TAMIS_SANITIZER") == "hostile"  # so are its segments
SEGMENT = 150 if TINY else 65_536
ROWS = 40_000 if SANITIZED and not TINY else SEGMENT + SEGMENT // 4
COUNTED = min(ROWS, SEGMENT)  # rows of the one segment that is large enough
ASKED = 10  # more often than a segment wants to be asked
CITIES = ["Oslo", "Rome", "Lima", "Osaka", "", "Bergen", None]

Row = dict[str, Any]
QUERIES: list[tuple[str, Callable[[Row], bool | None]]] = [
    ("age >= 30", lambda r: None if r["age"] is None else r["age"] >= 30),
    ("NOT age >= 30", lambda r: None if r["age"] is None else r["age"] < 30),
    ("age BETWEEN -10 AND 9.5", lambda r: None if r["age"] is None else -10 <= r["age"] <= 9.5),
    ("age IN (0, -7, 31, 500)", lambda r: r["age"] in (0, -7, 31, 500)),
    ("age IS NULL", lambda r: r["age"] is None),
    (
        "age < 0 OR age > 50 OR age IS NULL",
        lambda r: not (r["age"] is not None and 0 <= r["age"] <= 50),
    ),
    ("city = 'Oslo'", lambda r: r["city"] == "Oslo"),
    ("city LIKE 'O%'", lambda r: (r["city"] or "").startswith("O")),
    (
        "city NOT IN ('Oslo', 'Rome')",
        lambda r: r["city"] is not None and r["city"] not in ("Oslo", "Rome"),
    ),
    ("city IS DISTINCT FROM 'Rome'", lambda r: r["city"] != "Rome"),
    ("gone = 1", lambda _: None),
    ("1 = 1", lambda _: True),
]


class Model:
    """A table, and its rows in Python."""

    def __init__(self, client: Connection) -> None:
        self.client = client
        self.dice = random.Random(11)
        self.rows: dict[int, Row] = {}
        self.table = client.create("counted", key="id")

    def row(self, key: int) -> Row:
        age = self.dice.choice([None, *range(-40, 80)])
        return {"id": key, "age": age, "city": self.dice.choice(CITIES), "rank": key % 100}

    def put(self, keys: range) -> None:
        rows = [self.row(key) for key in keys]
        payloads: list[Plain] = [
            ["maps", rows[i : i + 20_000]] for i in range(0, len(rows), 20_000)
        ]
        self.client.load(self.table, payloads, mode="upsert")
        self.rows.update({row["id"]: row for row in rows})

    def delete(self, keys: range) -> None:
        assert self.client.call(wire.DELETE, self.table, list(keys))[-1][0] == wire.CHANGED
        for key in keys:
            self.rows.pop(key, None)  # keys that are not there are passed over

    def count(self, query: str, **options: Any) -> object:
        answer = Answer.of(ask(self.client, self.table, query, result="count", **options))
        assert answer.error is None, answer.error
        return answer.done["matched"]

    def check(self) -> None:
        for query, holds in QUERIES:
            want = sum(holds(row) is True for row in self.rows.values())
            assert [self.count(query) for _ in range(ASKED)] == [want] * ASKED, query
            assert len(indices(self.client, self.table, query)) == want, query


@pytest.fixture(scope="module")
def model() -> Any:
    with Connection.spawn() as client:
        made = Model(client)
        made.put(range(ROWS))
        yield made


def test_rows_come_change_and_go() -> None:
    with Connection.spawn() as client:
        model = Model(client)
        model.put(range(ROWS))
        model.check()
        model.delete(range(0, COUNTED, 40))  # some of a segment: taken off the counts
        model.check()
        model.delete(range(1, COUNTED, 3))  # many of it: rows are looked at again
        model.put(range(COUNTED + 5, COUNTED + 15))  # replaced, where there are some
        model.put(range(ROWS, ROWS + COUNTED))
        model.check()


def test_limit(model: Model) -> None:
    all_of_them = sum(row["city"] == "Oslo" for row in model.rows.values())
    for _ in range(ASKED):
        assert model.count("city = 'Oslo'") == all_of_them
        for limit in (0, 1, 17, all_of_them - 1, all_of_them, all_of_them + 1):
            assert model.count("city = 'Oslo'", limit=limit) == min(limit, all_of_them)
        assert model.count("city = 'Oslo'", offset=5) == all_of_them - 5


def test_strict(model: Model) -> None:
    """What is of the wrong type is named, however often it was asked without."""
    for _ in range(ASKED):
        assert model.count("age < 'x'") == 0
        assert model.count("city < 5") == 0
        replies = ask(model.client, model.table, "city < 5", result="count", strict=True)
        assert error_of(replies) == "TYPE_MISMATCH"


def test_explain(model: Model) -> None:
    """It says in how many segments rows are not looked at: the last one may be too small."""
    segments = -(-ROWS // SEGMENT)
    told: list[bool] = []
    for _ in range(ASKED):
        model.count("rank >= 30")
        reply = model.client.call(wire.EXPLAIN, "rank >= 30", None, ["table", model.table])[-1]
        text = wire.text_of(wire.fields(reply[2])["plan"])
        told.append(f"a count looks at no row in 1 of {segments} segments" in text)
        assert f"range_i8 x{segments}" in text, text
    assert not told[0] and told[-1]
    assert told == sorted(told)


def test_described_bytes(model: Model) -> None:
    """Counts have their room from the beginning."""
    before = model.client.call(wire.DESCRIBE, model.table)[-1][2]
    for _ in range(ASKED):
        model.count("rank >= 20")
    assert model.client.call(wire.DESCRIBE, model.table)[-1][2] == before
