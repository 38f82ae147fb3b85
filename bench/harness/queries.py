"""The queries of the people workload, each in every form that a contestant needs.

A contestant has no query of its own: the text, the compiled Python and the terms of the generic
loop stand side by side here, so that a reader sees that they mean the same. (The hard-coded C is in
programs/msgpack_c.c, under the same names.)
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

Row = dict[str, Any]
Term = tuple[str, str, Any]
"""Field, operator's name, constant: what a program that takes queries at run time holds."""


@dataclass(frozen=True)
class Query:
    name: str
    text: str
    """The condition, as tamis reads it."""
    python: str
    """The same over a dict `r`, as good Python as we can write for these rows; NAMES may be used."""
    terms: tuple[Term, ...]
    """The same as terms joined by AND, for the generic loop."""


_Q4R = r"^[A-M][a-z]+ .*(son|sen) [0-9]*7$"
NAMES: dict[str, Any] = {"q4r": re.compile(_Q4R).search}
"""What Query.python uses besides `r`."""

QUERIES = {
    query.name: query
    for query in (
        Query("Q1", "age >= 30", "r['age'] >= 30", (("age", ">=", 30),)),
        Query(
            "Q2",
            "age >= 30 and city = 'Oslo'",
            "r['age'] >= 30 and r['city'] == 'Oslo'",
            (("age", ">=", 30), ("city", "=", "Oslo")),
        ),
        Query(
            "Q3",
            "age between 25 and 60 and city in ('Oslo','Bergen','Paris','Lima','Turin')"
            " and active = true and score > 0.5 and name like 'A%'",
            "25 <= r['age'] <= 60 and r['city'] in {'Oslo','Bergen','Paris','Lima','Turin'}"
            " and r['active'] is True and (s := r['score']) is not None and s > 0.5"
            " and r['name'].startswith('A')",
            (
                ("age", "between", (25, 60)),
                ("city", "in", frozenset(("Oslo", "Bergen", "Paris", "Lima", "Turin"))),
                ("active", "=", True),
                ("score", ">", 0.5),
                ("name", "starts", "A"),
            ),
        ),
        Query(
            "Q4s",
            "name like '%ansen%'",
            "'ansen' in r['name']",
            (("name", "contains", "ansen"),),
        ),
        Query("Q4r", f"name regexp '{_Q4R}'", "q4r(r['name'])", (("name", "regexp", _Q4R),)),
        Query(
            "Q5",
            "address.city = 'Oslo' and 'vip' in tags",
            "r['address']['city'] == 'Oslo' and 'vip' in r['tags']",
            (("address.city", "=", "Oslo"), ("tags", "contains", "vip")),
        ),
    )
}

HASH_PRIME = 0x100000001B3


def hash_rows(numbers: Iterable[int]) -> int:
    """The hash of matching row numbers, in order: answer_add() of programs/contestant.h."""
    value = 0
    for number in numbers:
        value = ((value ^ number) * HASH_PRIME) & 0xFFFFFFFFFFFFFFFF
    return value


def compile_comprehension(query: Query) -> Callable[[Iterable[Row]], list[Row]]:
    """Source compiled once a query, as people do by hand: rows in, the kept rows out."""
    return compile_source(f"[r for r in rows if {query.python}]", query.name)


def compile_source(expression: str, name: str) -> Callable[[Iterable[Row]], Any]:
    """A function of `rows` that gives the value of a Python expression."""
    made: Callable[[Iterable[Row]], Any] = eval(
        compile(f"lambda rows: {expression}", name, "eval"), dict(NAMES)
    )
    return made


def generic_filter(terms: tuple[Term, ...], rows: Iterable[Row]) -> list[Row]:
    """The original problem: one loop for all queries, which asks for the operator each time."""
    kept = []
    for row in rows:
        for field, op, constant in terms:
            value: Any = row
            if "." in field:
                for step in field.split("."):
                    value = value.get(step) if isinstance(value, dict) else None
            else:
                value = row.get(field)
            if value is None:
                break
            if op == "=":
                if value != constant:
                    break
            elif op == "<>":
                if value == constant:
                    break
            elif op == ">":
                if not value > constant:
                    break
            elif op == ">=":
                if not value >= constant:
                    break
            elif op == "<":
                if not value < constant:
                    break
            elif op == "<=":
                if not value <= constant:
                    break
            elif op == "between":
                if not constant[0] <= value <= constant[1]:
                    break
            elif op == "in":
                if value not in constant:
                    break
            elif op == "starts":
                if not value.startswith(constant):
                    break
            elif op == "contains":
                if not operator.contains(value, constant):
                    break
            elif op == "regexp":
                if not re.search(constant, value):
                    break
            else:
                raise ValueError(f"unknown operator {op!r}")
        else:
            kept.append(row)
    return kept
