"""The answers to the original problem that are Python: one function for all queries, made faster."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from typing import Any

from harness.queries import Query, Row, Term

Keep = Callable[[list[Row]], list[Row]]
Test = Callable[[Row], bool]


def _getter(field: str) -> Callable[[Row], Any]:
    """The value of a field, or of one in a nested row."""
    if "." not in field:
        return operator.itemgetter(field)
    outer, inner = field.split(".")
    return lambda row: row[outer][inner]


def _between(value: Any, limits: tuple[Any, Any]) -> bool:
    return bool(limits[0] <= value <= limits[1])


OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "<>": operator.ne,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "between": _between,
    "in": lambda value, options: value in options,
    "starts": str.startswith,
    "contains": operator.contains,
    "regexp": lambda value, pattern: re.search(pattern, value) is not None,
}


def _pass(rows: list[Row], term: Term) -> list[Row]:
    """One term over all rows: the operator is asked for once, each loop does nothing else."""
    field, op, constant = term
    if "." in field:
        value = _getter(field)
        test = OPERATORS[op]
        return [r for r in rows if (v := value(r)) is not None and test(v, constant)]
    if op == "=":
        return [r for r in rows if r[field] == constant]
    if op == ">":
        return [r for r in rows if (v := r[field]) is not None and v > constant]
    if op == ">=":
        return [r for r in rows if (v := r[field]) is not None and v >= constant]
    if op == "between":
        low, high = constant
        return [r for r in rows if (v := r[field]) is not None and low <= v <= high]
    if op == "in":
        return [r for r in rows if r[field] in constant]
    if op == "contains":
        return [r for r in rows if (v := r[field]) is not None and constant in v]
    test = OPERATORS[op]
    return [r for r in rows if (v := r[field]) is not None and test(v, constant)]


def hoisted(query: Query) -> Keep:
    """The loop hoisted by operator: a list comprehension a term, over what is left."""

    def keep(rows: list[Row]) -> list[Row]:
        for term in query.terms:
            rows = _pass(rows, term)
        return rows

    return keep


def _closure(term: Term) -> Test:
    """A function of a row for one term; the frequent operators without a call inside."""
    field, op, constant = term
    if "." in field:
        value, test = _getter(field), OPERATORS[op]
        return lambda r: test(value(r), constant)
    if op == ">=":
        return lambda r: r[field] >= constant
    if op == "=":
        return lambda r: r[field] == constant
    if op == "in":
        return lambda r: r[field] in constant
    if op == "between":
        low, high = constant
        return lambda r: low <= r[field] <= high
    if op == "contains":
        return lambda r: constant in r[field]
    test = OPERATORS[op]
    return lambda r: (v := r[field]) is not None and test(v, constant)


def closures(query: Query) -> Keep:
    """A closure a term, chained by filter(): Python's own loop calls them."""
    tests: Sequence[Test] = [_closure(term) for term in query.terms]

    def keep(rows: list[Row]) -> list[Row]:
        left: Any = rows
        for test in tests:
            left = filter(test, left)
        return list(left)

    return keep
