"""Conditions as typed trees, which each printer writes in its own language.

A Node knows its operator, its operands and its kinds: the classes that its value can have besides
null (T1, with integer and double apart). In DuckDB that is always one kind; in SQLite, whose
columns take any value, it can be several. A tree knows no dialect.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

Kinds: TypeAlias = frozenset[str]
# What a row or a constant holds. int: also a timestamp, in microseconds after 1970.
Cell: TypeAlias = "bool | int | float | str | bytes | None"

INT, REAL, TEXT, BOOL, TIME, BIN = (
    frozenset({name}) for name in ("int", "real", "text", "bool", "time", "bin")
)
NUMBER = INT | REAL
ORDERED = [INT, REAL, TEXT, TIME, BIN]

COMPARISONS = ["=", "<>", "<", "<=", ">", ">="]
LIKES = ["like", "ilike"]
# What is never UNKNOWN (L3, L4, N2, F3).
TWO_VALUED = {"is null", "is true", "is false", "is unknown", "is nan", "distinct"}
CONDITIONS = {
    *COMPARISONS, *LIKES, *TWO_VALUED, "and", "or", "not", "in", "between", "regexp",
    "starts_with", "ends_with", "contains",
}  # fmt: skip
UNARY = {"neg", "~", "abs", "floor", "ceil", "sign", "sqrt", "lower", "upper", "length"}


@dataclass(frozen=True)
class Column:
    """A field: its name, what its values are drawn from, and the kinds they have.

    missing: the share of rows that lack it.
    """

    name: str
    profile: str
    kinds: Kinds
    nulls: float = 0.0
    missing: float = 0.0


@dataclass(frozen=True)
class Node:
    """One node. word: a part of the operator that is no operand (a type, a field, flags)."""

    op: str
    kids: tuple[Node, ...] = ()
    kinds: Kinds = field(default_factory=frozenset)
    word: str = ""
    value: Cell = None
    column: Column | None = None

    def with_kids(self, kids: tuple[Node, ...]) -> Node:
        """The same over other operands."""
        return Node(self.op, kids, self.kinds, self.word, self.value, self.column)

    @property
    def name(self) -> str:
        """The operator with its word: what the report counts."""
        return (
            f"{self.op} {self.word}" if self.op in ("cast", "date_part", "date_trunc") else self.op
        )


def constant(value: Cell, kinds: Kinds) -> Node:
    """A constant. A null has a kind too, so that typed engines can write it."""
    return Node("const", (), kinds, value=value)


def column(of: Column) -> Node:
    """A field of the row."""
    return Node("column", (), of.kinds, column=of)


def condition(op: str, *kids: Node, word: str = "") -> Node:
    """An operator whose value is a boolean."""
    return Node(op, kids, BOOL, word)


def sample(of: Node, row: int, shift: int) -> Node:
    """A place for a constant: what `of` is in a row, or a neighbour of that. The engine is asked
    for it before the condition is.
    """
    return Node("sample", (of,), of.kinds, str(shift), row)


def walk(node: Node) -> Iterator[Node]:
    """The node and all below it."""
    yield node
    for kid in node.kids:
        yield from walk(kid)


def leads(node: Node) -> set[str]:
    """The operators whose outcome the truth value of a condition shows: its own, and what a
    comparison or a test has directly below it.
    """
    if node.op in ("column", "const"):
        return {"field"} if node.op == "column" else set()
    found = {node.name}
    if node.op not in ({"and", "or"} | TWO_VALUED - {"distinct"}):
        for kid in node.kids:
            if kid.op not in ("column", "const") and (kid.kinds != BOOL or node.op == "not"):
                found |= {kid.name}
    return found
