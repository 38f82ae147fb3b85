"""JSON lines, whose values are read where a condition asks for them: judged as the same rows from
Python are, whichever step asks first."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

import tamis

WORDS = ["Oslo", "Bergen", "", "O'Hara", 'say "x"', "tab\t", "é", "a\\b", "-", "12", "true"]
QUERIES = [
    "a > 3",
    "a > 3 and b = 'Oslo'",
    "b = 'Oslo' or a > 3 or c",
    "not (a > 3 and b like 'O%') and d is not null",
    "a between 2 and 7 and b in ('Oslo', 'Bergen') and c = true and d > 0.5 and e like '%a%'",
    "a = d or b = e or a < d",
    "(a > 5) is unknown",
    "(a > 5 or c) is not true and e <> b",
    "a + d > 6 and a * 2 < 9",
    "case when a > 4 then b when c then e else 'Oslo' end = 'Oslo'",
    "upper(b) = 'OSLO' or length(e) > a",
    "coalesce(a, d, 1) > 2 and coalesce(b, e) <> ''",
    "any(list) > 3 and b <> ''",
    "any x in list satisfies x > d end or every x in list satisfies x = a end",
    "any x in list satisfies x > 1 and b like 'O%' and c end",
    "deep.a = 3 and a > 1",
    "a is missing or b is null",
    "a > 'x' or b > 3 or c > 1",
    "b regexp '^[A-Z]' and a > 0",
    "c",
    "a > 1 and a < 9 and a <> 4 and a in (2, 3, 5, 6, 7)",
    "zz = 1 or a > 2",
]


def value(rng: random.Random, name: str) -> Any:
    """Mostly of the type that the queries take the field for."""
    if rng.random() < 0.12:
        name = rng.choice("abcd")
    if rng.random() < 0.06:
        return rng.choice([None, [1], {"a": 1}, -7, 1e5, 2**63 + 5, 10.25, 123456789012])
    if name == "a":
        return rng.randrange(-2, 12)
    if name == "c":
        return rng.random() < 0.5
    if name == "d":
        return rng.choice([rng.random(), round(rng.random() * 9, 2), 3.0])
    if name == "list":
        return [rng.choice([1, 2, 4, 7, 2.5, "x", None]) for _ in range(rng.randrange(4))]
    if name == "deep":
        return rng.choice([{"a": 3}, {"a": 4, "b": {}}, {}])
    return rng.choice(WORDS)


def a_row(rng: random.Random) -> dict[str, Any]:
    names = [n for n in ("a", "other", "b", "c", "list", "d", "e", "deep") if rng.random() < 0.85]
    if rng.random() < 0.1:
        rng.shuffle(names)
    return {name: value(rng, name) for name in names}


def a_line(rng: random.Random, row: dict[str, Any]) -> str:
    text = json.dumps(
        row,
        ensure_ascii=rng.random() < 0.2,
        separators=(",", ":") if rng.random() < 0.8 else (", ", ": "),
    )
    if "a" in row and rng.random() < 0.05:  # the last of a name counts
        text = '{"a":"was\\n",' + text[1:]
    return text


def answer(ask: Any) -> Any:
    try:
        return list(ask())
    except tamis.TypeMismatch as error:
        return error.row, str(error)


@pytest.mark.parametrize("seed", range(12))
def test_the_answers_are_those_of_the_same_rows_from_python(tamisd: str, seed: int) -> None:
    rng = random.Random(seed)
    usual = seed % 3 == 0
    rows = [a_row(rng) for _ in range(rng.choice([1, 5, 400, 3000]))]
    if usual:  # long runs that pass the sieve
        rows = [row for row in rows if not {"list", "deep"} & row.keys()] or rows
    lines = "".join(a_line(rng, row) + "\n" for row in rows).encode()
    with tamis.Client(tamisd) as client:
        for query in QUERIES:
            want = client.indices(query, rows)
            counted = client.last_stats
            assert client.filter_bytes(lines, query, result="indices") == want, query
            got = client.last_stats
            assert counted is not None
            assert got is not None
            assert (got.type_mismatch, got.undefined) == (
                counted.type_mismatch,
                counted.undefined,
            ), query
            assert answer(
                lambda q=query: client.filter_bytes(lines, q, result="indices", strict=True)
            ) == answer(lambda q=query: client.indices(q, rows, strict=True)), query
