"""Rows of values, (a, b) < (c, d), against what QUERY.md says they mean.

Text alone has them, so the random queries of test_diff, which are trees, never do.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from tests.diff.reference import FALSE, TRUE, UNKNOWN, Query, Truth, negate
from tests.lib import mp, wire
from tests.lib.mp import Plain

VALUES: list[Plain] = [None, 0, 1, 1.5, "", "x", True, float("nan"), [1]]
NAMES = "abcdef"


@pytest.fixture(scope="module")
def connection() -> Iterator[wire.Connection]:
    if not wire.tamisd().exists():
        pytest.skip(f"no daemon at {wire.tamisd()}")
    with wire.Connection.spawn() as spawned:
        yield spawned


def compare(op: str, x: Plain, y: Plain) -> Truth:
    """One pair."""
    asked = Query(mp.decode(mp.encode([op, ["path", "x"], ["path", "y"]])))
    return asked.ask(mp.encode({"x": x, "y": y}))


def rows_compare(op: str, xs: list[Plain], ys: list[Plain]) -> Truth:
    """What QUERY.md says of two rows: the first pair that differs decides, by Kleene's tables."""
    pairs = list(zip(xs, ys, strict=True))
    if op == "=":
        return min(compare(op, x, y) for x, y in pairs)
    if op == "<>":
        return max(compare(op, x, y) for x, y in pairs)
    if len(pairs) == 1:
        return compare(op, xs[0], ys[0])
    rest = rows_compare(op, xs[1:], ys[1:])
    return max(compare(op[0], xs[0], ys[0]), min(compare("=", xs[0], ys[0]), rest))


def answer_of(connection: wire.Connection, text: str, row: dict[str, Plain]) -> Truth:
    """The daemon's truth value."""
    for truth in (TRUE, FALSE, UNKNOWN):
        answer = connection.filter(f"({text}) IS {truth.name}", ["maps", [row]])
        assert answer.error is None, answer.error
        if answer.indices:
            return truth
    raise AssertionError("none of the three")


def test_order_and_equality(connection: wire.Connection) -> None:
    rng, seen = random.Random(8), set()
    for _ in range(1500):
        n = rng.randint(2, 3)
        left, right = NAMES[:n], NAMES[n : 2 * n]
        shared = [rng.choice(VALUES) for _ in range(n)]
        xs = [rng.choice([v, v, rng.choice(VALUES)]) for v in shared]
        ys = [rng.choice([v, v, rng.choice(VALUES)]) for v in shared]
        op = rng.choice(["=", "<>", "<", "<=", ">", ">="])
        text = f"({', '.join(left)}) {op} ({', '.join(right)})"
        row = dict(zip(left + right, xs + ys, strict=True))
        expected = rows_compare(op, xs, ys)
        assert answer_of(connection, text, row) is expected, (text, row)
        seen.add((op, expected))
    assert len(seen) == 18


def test_lists_of_rows(connection: wire.Connection) -> None:
    rng, seen = random.Random(9), set()
    for _ in range(500):
        xs = [rng.choice(VALUES[:4]) for _ in range(2)]
        items = [[rng.choice(VALUES[:4]) for _ in range(2)] for _ in range(rng.randint(0, 3))]
        row: dict[str, Plain] = {"a": xs[0], "b": xs[1]}
        for i, item in enumerate(items):
            row |= {f"c{i}": item[0], f"d{i}": item[1]}
        listed = ", ".join(f"(c{i}, d{i})" for i in range(len(items)))
        expected = max((rows_compare("=", xs, item) for item in items), default=FALSE)
        assert answer_of(connection, f"(a, b) IN ({listed})", row) is expected, row
        assert answer_of(connection, f"(a, b) NOT IN ({listed})", row) is negate(expected), row
        seen.add(expected)
    assert len(seen) == 3


def test_ranges_of_rows(connection: wire.Connection) -> None:
    rng, seen = random.Random(10), set()
    for _ in range(500):
        xs, low, high = ([rng.choice(VALUES[:4]) for _ in range(2)] for _ in range(3))
        row: dict[str, Plain] = dict(zip(NAMES, xs + low + high, strict=True))
        expected = min(rows_compare(">=", xs, low), rows_compare("<=", xs, high))
        text = "(a, b) BETWEEN (c, d) AND (e, f)"
        assert answer_of(connection, text, row) is expected, row
        seen.add(expected)
    assert len(seen) == 3


def test_many_rows_and_nested_ones(connection: wire.Connection) -> None:
    """What stands for a row more than once is bounded by the limits of a query."""
    rows: Plain = ["maps", [{"a": 4999, "b": 1}, {"a": 5000, "b": 0}]]
    listed = ", ".join(f"({i}, {i % 2})" for i in range(5000))
    assert connection.filter(f"(a, b) IN ({listed})", rows).indices == [0]
    listed = ", ".join(f"({i}, {i % 2})" for i in range(20000))
    assert connection.filter(f"(a, b) IN ({listed})", rows).code == "QUERY_TOO_LARGE"
    nested = "(a, b)"
    for _ in range(40):
        nested = f"({nested} < (1, 2), b)"
    assert connection.filter(f"{nested} < (1, 2)", rows).code == "QUERY_TOO_LARGE"
    wide = ", ".join("a" for _ in range(1000))
    assert connection.filter(f"({wide}) = ({wide})", rows).indices == [0, 1]
    assert connection.filter(f"({wide}) < ({wide})", rows).code == "QUERY_TOO_DEEP"
