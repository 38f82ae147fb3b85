"""The order of strings over tables, in columns that are no dictionary."""

from __future__ import annotations

import random
from typing import Any

import pytest
from tables import ask, holding, ordered, zones_of

from tests.lib import wire
from tests.lib.mp import Plain

N = 9_000
rng = random.Random(3)
COLUMNS: dict[str, list[str | None]] = {
    "time": [
        f"2024-05-{1 + i // 400:02}T{i % 400 // 17:02}:{i % 17:02}:{i % 59:02}" for i in range(N)
    ],
    "alike": [
        rng.choice([None, "the same", "the sam", "the same\0", f"the same head {i}", f"{i}"])
        if i % 30 == 0
        else f"{'the same head ' * (i % 2)}{i}"
        for i in range(N)
    ],
    "url": [
        None if i % 7 == 0 else f"https://example.org/{i // 3}{'/x' * (i % 3)}" for i in range(N)
    ],
    "odd": [rng.choice("\0é\uffff\U0001f600a") * (i % 12) + f"{i:x}" for i in range(N)],
}
BOUNDS = {
    "time": ["2024-05-03", "2024-05-03T12:00:00", "2024-05-21T00:00:00", "2025", "", "1999"],
    "alike": ["the same", "the same\0", "the sam", "the same head 5", "4", "tz", "the same head "],
    "url": [
        *(
            "",
            "http",
            "https://example.org/",
            "https://example.org/1",
            "https://example.org/1000/x",
        ),
        *("https://example.com/5", "https://example.orh", "https://example.org/99/x/x", "j"),
    ],
    "odd": ["", "\0", "\0\0\0\0\0\0\0\0", "é", "\uffff", "\U0001f600", "aaaaaaaaa"],
}


def spelt(text: str) -> str:
    return "'" + text + "'"


@pytest.fixture(scope="module")
def loaded() -> Any:
    rows: list[Plain] = [{name: values[i] for name, values in COLUMNS.items()} for i in range(N)]
    with holding(rows) as there:
        yield there


def check(loaded: Any, name: str, query: str, holds: Any) -> None:
    client, table = loaded
    there = [(i, holds(v.encode())) for i, v in enumerate(COLUMNS[name]) if v is not None]
    for text, wanted in ((query, True), (f"NOT ({query})", False)):
        expected = [i for i, held in there if held is wanted]
        assert ordered(ask(client, table, text, result="numbers")) == expected, text


@pytest.mark.parametrize("name", COLUMNS)
def test_equal_and_prefix(loaded: Any, name: str) -> None:
    texts = BOUNDS[name]
    for bound in texts:
        k = bound.encode()
        check(loaded, name, f"{name} = {spelt(bound)}", lambda v, k=k: v == k)
        check(loaded, name, f"STARTS_WITH({name}, {spelt(bound)})", lambda v, k=k: v.startswith(k))
    rows = [v for v in COLUMNS[name][::500] if v is not None]
    for some in (texts, rows[:5], rows[5:], [*rows, *texts]):
        wanted = {text.encode() for text in some}
        query = f"{name} IN ({', '.join(map(spelt, some))})"
        check(loaded, name, query, lambda v, wanted=wanted: v in wanted)


@pytest.mark.parametrize("name", COLUMNS)
def test_rows(loaded: Any, name: str) -> None:
    for bound in BOUNDS[name]:
        k = bound.encode()
        check(loaded, name, f"{name} < {spelt(bound)}", lambda v, k=k: v < k)
        check(loaded, name, f"{name} <= {spelt(bound)}", lambda v, k=k: v <= k)
        check(loaded, name, f"{name} > {spelt(bound)}", lambda v, k=k: v > k)
        check(loaded, name, f"{name} >= {spelt(bound)}", lambda v, k=k: v >= k)
        for other in BOUNDS[name]:
            high = other.encode()
            query = f"{name} BETWEEN {spelt(bound)} AND {spelt(other)}"
            check(loaded, name, query, lambda v, k=k, high=high: k <= v <= high)


def test_zones_outside_are_passed_over(loaded: Any) -> None:
    client, table = loaded
    reply = client.call(
        wire.EXPLAIN, "time BETWEEN '2024-05-02' AND '2024-05-04'", None, ["table", table]
    )
    told = repr(reply[-1][2])
    assert "str_range x1" in told
    zones, none, _ = zones_of(told)
    assert zones // 3 * 2 <= none < zones  # behind "2024-05-", with which all begin
