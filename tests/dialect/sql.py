"""What the printers of SQL share: which differences a condition has met, and how calls are found.

A Printed is one condition in SQL. Its guards are conditions in the same SQL that are TRUE for the
rows where a difference that is not translated can have been met.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar, TypeAlias

from tests.dialect.differences import EXPLAINED, TRANSLATED, named
from tests.dialect.tree import Column, Kinds, Node


@dataclass
class Printed:
    """A condition, what it was translated for, and the guards of what it was not."""

    text: str
    translated: set[str] = field(default_factory=set)
    guards: list[tuple[str, str]] = field(default_factory=list)


Method: TypeAlias = "Callable[[Node, list[str]], str]"


class Printer:
    """The base of both. A subclass names a method for each operator in METHODS."""

    METHODS: ClassVar[dict[str, str]] = {}
    ENGINE: ClassVar[str]

    def __init__(self) -> None:
        self.translated: set[str] = set()
        self.guards: list[tuple[str, str]] = []

    def print(self, tree: Node) -> Printed:
        """A condition in SQL."""
        self.translated, self.guards = set(), []
        text = self.sql(tree)
        return Printed(text, self.translated, list(dict.fromkeys(self.guards)))

    def sql(self, node: Node) -> str:
        """A node in parentheses, or an atom."""
        if node.op == "column":
            assert node.column is not None
            return self.column(node.column)
        if node.op == "const":
            return self.constant(node)
        kids = [self.sql(kid) for kid in node.kids]
        method = self.METHODS.get(node.op, "")
        if not method:
            raise KeyError(f"no SQL for {node.op}")
        text: str = getattr(self, method)(node, kids)
        return f"({text})"

    def column(self, of: Column) -> str:
        """A field."""
        if of.missing:
            self.use("missing")
        return '"' + of.name.replace('"', '""') + '"'

    def constant(self, node: Node) -> str:
        """A constant."""
        raise NotImplementedError

    def use(self, name: str) -> None:
        """Notes that a translation was written."""
        self.translated.add(named(f"{self.ENGINE}-{name}", TRANSLATED))

    def guard(self, name: str, text: str) -> None:
        """Notes where a difference can be met."""
        self.guards.append((named(f"{self.ENGINE}-{name}", EXPLAINED), text))

    # --- what is the same in both ---

    def _logic(self, node: Node, kids: list[str]) -> str:
        return f" {node.op.upper()} ".join(kids)

    def _not(self, _: Node, kids: list[str]) -> str:
        return f"NOT {kids[0]}"

    def _is(self, node: Node, kids: list[str]) -> str:
        return f"{kids[0]} {node.op.upper()}"

    def _infix(self, node: Node, kids: list[str]) -> str:
        return f"{kids[0]} {node.op} {kids[1]}"

    def _call(self, node: Node, kids: list[str]) -> str:
        return f"{node.op}({', '.join(kids)})"

    def _case(self, node: Node, kids: list[str]) -> str:
        first = f" {kids[0]}" if node.op == "case of" else ""
        kids = kids[1:] if first else kids
        pairs = zip(kids[:-1:2], kids[1:-1:2], strict=True)
        whens = " ".join(f"WHEN {tested} THEN {value}" for tested, value in pairs)
        return f"CASE{first} {whens} ELSE {kids[-1]} END"

    def _truthless(self, _: Node, __: list[str]) -> str:
        self.use("truthiness")
        return "CAST(NULL AS BOOLEAN)"


def classes(kinds: Kinds) -> Kinds:
    """The classes of T1 that kinds belong to: integers and doubles are both numbers."""
    return frozenset("number" if kind in ("int", "real") else kind for kind in kinds)


def bad_escape(pattern: str, escape: str, bell: str) -> str:
    """Whether a pattern breaks K3, in SQL: an escape character is left when all right pairs are
    taken out. bell is a character that patterns have not.
    """
    left = pattern
    for after in (f"{escape}", "'%'", "'_'"):
        left = f"replace({left}, {escape} || {after}, {bell})"
    return f"instr({left}, {escape}) > 0"
