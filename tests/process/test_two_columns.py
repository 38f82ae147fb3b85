"""One column compared with another over tables: integers of every width, floats, and one with the
other, which must be as exact as Python is."""

from __future__ import annotations

import itertools
import math
import operator
import random
from collections.abc import Callable
from typing import Any

import pytest
from tables import ask, holding, ordered

from tests.lib import wire
from tests.lib.mp import Plain

N = 9_000
OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
rng = random.Random(5)
COLUMNS: dict[str, list[Any]] = {
    "byte": [rng.choice([None, *range(-50, 50)]) for _ in range(N)],
    "word": [rng.randrange(-(2**30), 2**30) if i % 3 else i % 90 - 45 for i in range(N)],
    "edge": [rng.choice([-1, 1]) * (2**53 - rng.randrange(3)) for _ in range(N)],
    "beyond": [rng.choice([-1, 1]) * (2**53 + rng.randrange(3)) for _ in range(N)],
    "huge": [2**63 + rng.randrange(5000) for _ in range(N)],
    "float": [
        rng.choice([None, -0.0, 0.5, math.nan, float(rng.randrange(-50, 50)), 1e300])
        for _ in range(N)
    ],
    "large": [rng.choice([-1, 1]) * float(2**53 + rng.randrange(-2, 5)) for _ in range(N)],
}
PAIRS = [*itertools.permutations(("byte", "word", "float"), 2)]
PAIRS += [("edge", "large"), ("large", "edge"), ("beyond", "large"), ("large", "huge")]


@pytest.fixture(scope="module")
def loaded() -> Any:
    rows: list[Plain] = [{name: values[i] for name, values in COLUMNS.items()} for i in range(N)]
    with holding(rows) as there:
        yield there


@pytest.mark.parametrize("sign", OPERATORS)
@pytest.mark.parametrize(("a", "b"), PAIRS)
def test_rows(loaded: Any, a: str, b: str, sign: str) -> None:
    client, table = loaded
    holds = OPERATORS[sign]
    there = [
        (i, holds(x, y))
        for i, (x, y) in enumerate(zip(COLUMNS[a], COLUMNS[b], strict=True))
        if x is not None and y is not None
    ]
    for query, wanted in ((f"{a} {sign} {b}", True), (f"NOT {a} {sign} {b}", False)):
        expected = [i for i, held in there if held is wanted]
        assert ordered(ask(client, table, query, result="numbers")) == expected, query


@pytest.mark.parametrize(
    ("query", "loop"),
    [
        ("byte < word", "pair_i64"),
        ("byte < float", "pair_f64"),
        ("large < edge", "pair_f64"),
        ("large < beyond", "rows"),  # integers that are no doubles
        ("large < huge", "rows"),
    ],
)
def test_loops(loaded: Any, query: str, loop: str) -> None:
    client, table = loaded
    reply = client.call(wire.EXPLAIN, query, None, ["table", table])[-1]
    assert reply[0] == wire.EXPLAINED, reply
    assert f"{loop} x" in repr(reply[2])
