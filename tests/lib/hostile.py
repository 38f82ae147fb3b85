"""Queries and rows that are made to take long, or much memory, for their size.

Each must be answered or refused by a named limit within a second by a release build, whatever
becomes of it, and other clients must be answered meanwhile: tests/process/test_hostile_queries.py
asks for the answers, bench/workloads/hostile.py measures.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.lib.mp import Plain

Row = dict[str, Plain]

OK = "OK"
LONG = 200_000  # bytes of a subject
NODES = 65_536  # the default of query_nodes


@dataclass(frozen=True)
class Hostile:
    """A request. outcome: OK, or the name of the limit's error. matched: rows that are kept."""

    name: str
    query: str
    rows: list[Row]
    outcome: str = OK
    matched: int = 0


FEW: list[Row] = [{"a": n, "b": "x", "t": [1, 2, 3]} for n in range(1000)]


def subject(text: str) -> list[Row]:
    return [{"s": text}]


def many(count: int, term: Callable[[int], str], word: str = " or ") -> str:
    return word.join(term(i) for i in range(count))


def nested(depth: int, inside: str) -> str:
    return "".join(f"any v{i} in t satisfies " for i in range(depth)) + inside + " end" * depth


def patterns() -> list[Hostile]:
    """LIKE and REGEXP, which backtracking engines answer never."""
    a = "a" * LONG
    heavy = "s regexp '(a?){300}a{300}[bc]'"
    segments = "%".join(["aaaaaaaaaab"] * 30)
    holes = "%".join(["a_" * 10 + "b"] * 30)
    return [
        Hostile("regexp (a+)+", "s regexp '^(a+)+$'", subject(a + "!")),
        Hostile("regexp ((a*)*)*", "s regexp '^((a*)*)*[bc]$'", subject(a)),
        Hostile("regexp (a|aa)+", "s regexp '^(a|aa)+$'", subject(a + "b")),
        Hostile("regexp (.*)(.*)(.*)=", "s regexp '(.*)(.*)(.*)(.*)[=]'", subject(a)),
        Hostile("regexp counted", heavy, subject(a)),
        Hostile("regexp counted, 50 rows", heavy, subject("a" * 2000) * 50),
        Hostile("regexp sizes multiplied", "s regexp '((a{1,30}){1,30}){1,30}'", [], "BAD_PATTERN"),
        Hostile(
            "regexp 5,000 patterns",
            many(5000, lambda i: f"b regexp 'x{i}[ab]y'"),
            FEW,
            "REGEX_TOO_LARGE",
        ),
        Hostile("regexp 200 patterns", many(200, lambda i: f"b regexp 'x{i}[ab]y'"), FEW),
        Hostile("like % and 200 _", f"s like '%{'_' * 200}b'", subject(a)),
        Hostile("like % and 200 _, twice", f"s like '%{'_' * 200}b%{'_' * 200}c%'", subject(a)),
        Hostile("ilike % and 200 _", f"s ilike '%{'_' * 200}b%'", subject(a)),
        Hostile("like 30 segments", f"s like '%{segments}%'", subject(a)),
        Hostile(
            "like 30 segments with _", f"s like '%{holes}%'", subject(("a" * 19 + "b") * 10000)
        ),
        Hostile("ilike 30 segments", f"s ilike '%{segments}%'", subject(a)),
        Hostile("like 30 segments from a field", "s like p", [{"s": a, "p": f"%{segments}%"}]),
        Hostile("contains a near miss", f"s contains '{'a' * 20000}b'", subject(a)),
    ]


def large() -> list[Hostile]:
    """Conditions of about as many nodes as the limit allows, and of more."""
    return [
        Hostile("or of sums", many(13_000, lambda i: f"a + {i} < -1"), FEW),
        Hostile(
            "or of sums, too many", many(17_000, lambda i: f"a + {i} < -1"), [], "QUERY_TOO_LARGE"
        ),
        Hostile("or of likes", many(21_000, lambda i: f"b like '%x{i}y%z'"), FEW),
        Hostile("or of ands", many(9_000, lambda i: f"a = {i} and b = 'q{i}'"), FEW),
        Hostile("or of fields", many(21_000, lambda i: f"f{i} = 1"), FEW),
        Hostile(
            "and of fields", many(32_000, lambda i: f"f{i} is null", " and "), FEW, matched=1000
        ),
        Hostile("or of paths", many(21_000, lambda i: f"t.f{i} = 1"), FEW[:300]),
        Hostile("in fields", f"a in ({many(30_000, lambda i: f'a{i}', ', ')})", FEW[:500]),
        Hostile("in sums", f"a in ({many(20_000, lambda i: f'a + {i + 1}', ', ')})", FEW),
        Hostile("in constants", f"a in ({many(100_000, str, ', ')})", FEW, matched=1000),
        Hostile(
            "case of 13,000",
            f"case {many(13_000, lambda i: f'when a = {i + 2000} then {i}', ' ')} end = 1",
            FEW,
        ),
        Hostile(
            "coalesce of few", f"coalesce({many(60_000, lambda i: f'z{i % 10}', ', ')}) = 1", FEW
        ),
        Hostile("coalesce", f"coalesce({many(60_000, lambda i: f'z{i}', ', ')}) = 1", FEW[:300]),
        Hostile("rows of values", f"(a, b) in ({many(9_000, lambda i: f'({i}, 0)', ', ')})", FEW),
        Hostile(
            "or of quantifiers", many(9_000, lambda i: f"any e in t satisfies e > {i + 5} end"), FEW
        ),
        Hostile("nots", "not " * 250 + "(a = 1)", FEW, matched=1),
        Hostile("is unknown", "(" * 200 + "a > 1" + ") is unknown" * 200, FEW),
        Hostile("parentheses", "(" * 100_000 + "a" + ")" * 100_000, [], "QUERY_TOO_DEEP"),
    ]


def growing() -> list[Hostile]:
    """Work or values that multiply."""
    thrice = "replace(replace(replace(s, 'a', '{0}'), 'a', '{0}'), 'a', '{0}')".format("a" * 300)
    return [
        Hostile(
            "quantifiers, 6 deep",
            nested(6, "v0 < 0"),
            [{"t": list(range(60))}],
            "TOO_MANY_ELEMENTS",
        ),
        Hostile("quantifiers, 3 deep", nested(3, "v0 < 0"), [{"t": list(range(300))}]),
        Hostile("quantifiers, 2 deep", nested(2, "v0 + v1 < 0"), [{"t": list(range(3000))}]),
        Hostile("replace", f"length({thrice}) > 5", subject("a") * 2000, "MEMORY"),
        Hostile(
            "join", f"length({' || '.join(['s'] * 60)}) > 5", subject("a" * 50_000) * 50, "MEMORY"
        ),
    ]


def row_by_row() -> list[Hostile]:
    """What a single row makes long: as much as a deadline or CANCEL allows, so smaller here."""
    a = "a" * 10_000
    return [
        Hostile("like a field's pattern", "s like p", [{"s": a, "p": "%" + "a_" * 2000 + "b%"}]),
        Hostile(
            "like once an element",
            "any e in t satisfies s like '%a_ab%' end",
            [{"s": a, "t": [1] * 4000}],
        ),
        Hostile(
            "like elements", "any e in t satisfies s like e end", [{"s": a, "t": ["%ab%"] * 4000}]
        ),
        Hostile(
            "lower once an element",
            "any e in t satisfies lower(s) = e end",
            [{"s": a, "t": [1] * 4000}],
        ),
    ]


def every() -> list[Hostile]:
    return [*patterns(), *large(), *growing(), *row_by_row()]
