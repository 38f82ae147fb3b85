"""docs/COMING_FROM.md: every line of its tables is true.

Each table has the rows that it is about in the json block above. Of each line are asked: the words
of the other language where this machine has it (plain Python; SQLite), the same words to the daemon
and to the reference, and what is to be written instead. A line with a remedy must be a trap: the
same words keep other rows. What other engines keep is taken from the page as it stands.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.diff import reference
from tests.lib import mp, wire
from tests.lib.mp import Map, Plain, Str, Value
from tests.lint.tree import TOP

PAGE = (TOP / "docs/COMING_FROM.md").read_text()
LANGUAGES = {"python", "sqlite", "pandas", "mongo", "jq", "mysql", "postgres", "duckdb", "oracle"}
HEAD = ["trap", "there", "keeps", "here", "keeps", "write"]
ERROR = "error"

Kept = list[int] | str  # the rows, or ERROR


@dataclass(frozen=True)
class Line:
    """A line of a table, with the rows of its section as JSON texts."""

    rows: tuple[str, ...]
    language: str
    there: str
    there_keeps: Kept
    here: str
    here_keeps: Kept
    write: str


def code_of(cell: str) -> str:
    """What is between the backticks of a cell."""
    found = re.search(r"`(.*)`", cell)
    assert found, f"no code: {cell}"
    return found.group(1).replace("\\|", "|")


def kept_of(cell: str, count: int) -> Kept:
    """The rows that a cell names."""
    words: dict[str, Kept] = {"all": list(range(count)), "none": [], ERROR: ERROR}
    return words[cell] if cell in words else [int(word) for word in cell.split()]


def lines() -> Iterator[Line]:
    """All lines of the page."""
    rows: tuple[str, ...] = ()
    blocks = re.findall(r"^```json\n(.*?)^```|^(\|[^\n]*\|)$", PAGE, re.DOTALL | re.MULTILINE)
    for block, line in blocks:
        if block:
            rows = tuple(block.splitlines())
            continue
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if cells == HEAD or set(line) <= set("|-"):
            continue
        assert len(cells) == len(HEAD), line
        yield Line(
            rows,
            cells[1].partition(" ")[0],
            code_of(cells[1]),
            kept_of(cells[2], len(rows)),
            code_of(cells[3]),
            kept_of(cells[4], len(rows)),
            code_of(cells[5]) if "`" in cells[5] else cells[5],
        )


LINES = list(lines())
needs_daemon = pytest.mark.skipif(
    not wire.tamisd().exists(), reason=f"no daemon at {wire.tamisd()}"
)


def by_python(line: Line) -> Kept:
    """The rows for which the expression is true, as a comprehension would keep them."""
    try:
        return [
            i
            for i, row in enumerate(line.rows)
            if eval(line.there, {"r": json.loads(row), "re": re})
        ]
    except (ArithmeticError, TypeError, LookupError):
        return ERROR


def by_sqlite(line: Line) -> Kept:
    """The rows of a table whose columns have no type; arrays and maps are JSON texts there."""
    rows = [json.loads(row) for row in line.rows]
    names = sorted({name for row in rows for name in row})
    columns = ", ".join(f'"{name}"' for name in names)
    marks = ", ".join("?" * len(names))

    def cell(value: Any) -> Any:
        return json.dumps(value) if isinstance(value, list | dict) else value

    connection = sqlite3.connect(":memory:")
    connection.execute(f"CREATE TABLE t (i, {columns})")
    for i, row in enumerate(rows):
        cells = [cell(row.get(name)) for name in names]
        connection.execute(f"INSERT INTO t VALUES (?, {marks})", [i, *cells])
    found = connection.execute(f"SELECT i FROM t WHERE {line.there} ORDER BY i").fetchall()
    connection.close()
    return [i for (i,) in found]


def as_map(pairs: list[tuple[str, Any]]) -> Map:
    """A JSON object with all its pairs, also those of equal keys."""
    return Map(tuple((Str(key.encode()), as_value(item)) for key, item in pairs))


def as_value(value: Any) -> Value:
    """A JSON value whose objects are maps already."""
    if isinstance(value, str):
        return Str(value.encode())
    if isinstance(value, list):
        return [as_value(item) for item in value]
    assert value is None or isinstance(value, bool | int | float | Map)
    return value


def by_tamis(connection: wire.Connection, query: str, rows: tuple[str, ...]) -> Kept:
    """The rows that the daemon keeps, which must be those of the reference."""
    maps = [json.loads(row, object_pairs_hook=as_map) for row in rows]
    plain: list[Plain] = [*maps]
    answer = connection.filter(query, ["maps", plain])
    if answer.error is not None:
        return ERROR
    tree = wire.fields(connection.call(wire.EXPLAIN, query, None)[-1][2])["structured"]
    asked = reference.Query(tree)
    kept = [i for i, row in enumerate(maps) if asked.ask(mp.encode(row)) is reference.TRUE]
    assert answer.indices == kept, f"the reference keeps {kept} of {query}"
    return answer.indices


@needs_daemon
def test_every_line_is_true() -> None:
    wrong = []
    with wire.Connection.spawn() as connection:
        for line in LINES:
            here = by_tamis(connection, line.here, line.rows)
            if here != line.here_keeps:
                wrong.append(f"{line.here} keeps {here}, not {line.here_keeps}")
            if line.write == "—":
                continue
            write = here if line.write == "same" else by_tamis(connection, line.write, line.rows)
            if line.there_keeps != ERROR and write != line.there_keeps:
                wrong.append(f"{line.write} keeps {write}, not {line.there_keeps}")
            if (line.write != "same") != (here != line.there_keeps):
                wrong.append(f"{line.there} and {line.here}: is this a trap or not?")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("line", LINES, ids=lambda line: f"{line.language} {line.there}")
def test_the_other_side_is_true(line: Line) -> None:
    """As far as Python itself can ask it."""
    assert line.language in LANGUAGES
    if line.language == "python":
        assert by_python(line) == line.there_keeps
    elif line.language == "sqlite":
        assert by_sqlite(line) == line.there_keeps


def test_the_page_is_a_page() -> None:
    assert len(LINES) >= 60
    assert len(PAGE.splitlines()) <= 160
    assert sum(line.language in ("python", "sqlite") for line in LINES) >= 35
    assert {"python", "sqlite", "pandas", "mongo", "jq"} <= {line.language for line in LINES}


def test_the_page_is_linked() -> None:
    assert "docs/COMING_FROM.md" in (TOP / "README.md").read_text()
