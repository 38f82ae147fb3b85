"""The two engines that tamis is compared with: each loads a table and answers conditions about
every row of it, as True, False or None.

They know SQL and rows, and nothing of tamis.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence
from typing import Protocol

import duckdb

from tests.dialect.duckdb_sql import MACROS, DuckdbPrinter, column_type, quoted
from tests.dialect.generate import Missing, Table
from tests.dialect.sql import Printed
from tests.dialect.sqlite_sql import SqlitePrinter
from tests.dialect.tree import TIME, Cell, Column, Node

Truth = bool | None


class EngineError(Exception):
    """The engine did not take a condition, or failed over a row; args: its message, the SQL."""


class Engine(Protocol):
    """What the judge needs."""

    name: str

    @property
    def version(self) -> str:
        """The engine with its version."""

    def load(self, table: Table) -> None:
        """Makes this the table that is asked."""

    def print(self, trees: Sequence[Node]) -> list[Printed]:
        """Conditions in its SQL, to be asked together."""

    def ask(self, texts: Sequence[str]) -> list[list[Truth]]:
        """The values of these SQL conditions, a list of all rows for each. Raises EngineError.

        They are of the last print(), or have no parameters.
        """

    def values(self, asked: Sequence[tuple[Node, int]]) -> list[Cell]:
        """What expressions are in a row each. Raises EngineError."""


def _names(table: Table) -> list[str]:
    return ['"' + of.name.replace('"', '""') + '"' for of in table.columns]


def _transposed(rows: Sequence[Sequence[object]], count: int) -> list[list[Truth]]:
    if not rows:
        return [[] for _ in range(count)]
    return [[None if v is None else bool(v) for v in values] for values in zip(*rows, strict=True)]


class Sqlite:
    """SQLite in memory, as Python has it."""

    name = "sqlite"

    def __init__(self) -> None:
        self._db = sqlite3.connect(":memory:")
        self._db.execute("PRAGMA case_sensitive_like = ON")
        self._printer = SqlitePrinter()

    @property
    def version(self) -> str:
        """The library's version."""
        return f"SQLite {sqlite3.sqlite_version}"

    def load(self, table: Table) -> None:
        """See Engine."""
        self._db.execute("DROP TABLE IF EXISTS t")
        self._db.execute(f"CREATE TABLE t ({', '.join(_names(table))})")
        marks = ", ".join("?" * len(table.columns))
        rows = [[None if isinstance(c, Missing) else c for c in row] for row in table.rows]
        self._db.executemany(f"INSERT INTO t VALUES ({marks})", rows)

    def print(self, trees: Sequence[Node]) -> list[Printed]:
        """See Engine."""
        self._printer = SqlitePrinter()
        return [self._printer.print(tree) for tree in trees]

    def values(self, asked: Sequence[tuple[Node, int]]) -> list[Cell]:
        """See Engine."""
        printed = self.print([tree for tree, _ in asked])
        texts = [
            f"(SELECT {p.text} FROM t WHERE rowid = {row + 1})"
            for p, (_, row) in zip(printed, asked, strict=True)
        ]
        try:
            found: tuple[Cell, ...] = self._db.execute(
                f"SELECT {', '.join(texts)}", self._printer.parameters[: self._bound(texts)]
            ).fetchone()
        except sqlite3.Error as error:
            raise EngineError(f"{type(error).__name__}: {error}", texts[0]) from error
        return list(found)

    def _bound(self, texts: Sequence[str]) -> int:
        """How many parameters a statement of these names: it must not be given more."""
        numbers = {int(n) for text in texts for n in re.findall(r"\?(\d+)", text)}
        return max((n for n in numbers if n <= len(self._printer.parameters)), default=0)

    def ask(self, texts: Sequence[str]) -> list[list[Truth]]:
        """See Engine."""
        sql = f"SELECT {', '.join(texts)} FROM t ORDER BY rowid"
        bound = self._printer.parameters[: self._bound(texts)]
        try:
            return _transposed(self._db.execute(sql, bound).fetchall(), len(texts))
        except sqlite3.Error as error:
            raise EngineError(f"{type(error).__name__}: {error}", sql) from error


class Duckdb:
    """DuckDB in memory, on one thread."""

    name = "duckdb"

    def __init__(self) -> None:
        self._db = duckdb.connect(":memory:", config={"threads": 1})
        for macro in MACROS:
            self._db.execute(f"CREATE MACRO {macro}")
        self._printer = DuckdbPrinter()

    @property
    def version(self) -> str:
        """The library's version."""
        return f"DuckDB {duckdb.__version__}"

    def load(self, table: Table) -> None:
        """See Engine."""
        names = _names(table)
        typed = [f"{n} {column_type(of)}" for n, of in zip(names, table.columns, strict=True)]
        self._db.execute(f'CREATE OR REPLACE TABLE t (" place" INTEGER, {", ".join(typed)})')
        for at in range(0, len(table.rows), 100):
            rows = [
                f"({', '.join([str(at + i), *map(self._cell, row, table.columns)])})"
                for i, row in enumerate(table.rows[at : at + 100])
            ]
            self._db.execute(f"INSERT INTO t VALUES {', '.join(rows)}")

    def _cell(self, cell: object, of: Column) -> str:
        if cell is None or isinstance(cell, Missing):
            return "NULL"
        if isinstance(cell, str):
            return quoted(cell)
        assert isinstance(cell, bool | int | float | bytes)
        return self._printer.constant(Node("const", (), of.kinds, value=cell))

    def print(self, trees: Sequence[Node]) -> list[Printed]:
        """See Engine."""
        return [self._printer.print(tree) for tree in trees]

    def values(self, asked: Sequence[tuple[Node, int]]) -> list[Cell]:
        """See Engine."""
        texts = []
        for printed, (tree, row) in zip(self.print([t for t, _ in asked]), asked, strict=True):
            text = f"epoch_us({printed.text})" if tree.kinds == TIME else printed.text
            texts.append(f'(SELECT {text} FROM t WHERE " place" = {row})')
        try:
            found = self._db.execute(f"SELECT {', '.join(texts)}").fetchone()
        except duckdb.Error as error:
            raise EngineError(f"{type(error).__name__}: {error}", texts[0]) from error
        return list(found or ())

    def ask(self, texts: Sequence[str]) -> list[list[Truth]]:
        """See Engine."""
        sql = f'SELECT {", ".join(texts)} FROM t ORDER BY " place"'
        try:
            return _transposed(self._db.execute(sql).fetchall(), len(texts))
        except duckdb.Error as error:
            raise EngineError(f"{type(error).__name__}: {error}", sql) from error


ENGINES: dict[str, type[Sqlite] | type[Duckdb]] = {"sqlite": Sqlite, "duckdb": Duckdb}
