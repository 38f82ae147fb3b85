"""print(parse(q)) parses to the same tree, for the conditions of all case files.

So do the structured form, and the condition with parentheses and comments around it.

Random trees: tests/diff (every question is asked in both forms), tests/unit/test_query_limits.c.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cases import load, suites
from tests.diff.judge import canonical
from tests.lib import wire
from tests.lib.mp import Plain, Str, Value
from tests.lib.wire import Connection

# Of each file, the least part of the conditions that compile: a printer is not tested by refusals.
# Files in which engines differ are full of what one engine alone has.
LEAST_TAKEN = 0.15


@pytest.fixture(scope="module")
def connection() -> Iterator[Connection]:
    load.required()
    with Connection.spawn() as spawned:
        yield spawned


def explained(connection: Connection, query: Plain) -> tuple[str, Value] | None:
    """The canonical text and the tree of a query; None if it is refused."""
    reply = connection.call(wire.EXPLAIN, query, None)[-1]
    if reply[0] != wire.EXPLAINED:
        return None
    said = wire.fields(reply[2])
    return wire.text_of(said["text"]), said["structured"]


def faults(connection: Connection, where: str) -> Iterator[str]:
    """What is not the same on the way round from one condition."""
    first = explained(connection, where)
    if first is None:
        return
    text, tree = first
    spellings: dict[str, Plain] = {
        "its text": text,
        # A request's query is an array (PROTOCOL.md), a constant alone too.
        "its structured form": tree if isinstance(tree, list) else [Str(b"lit"), tree],
        "in parentheses": f"(({where}\n))",
        "with comments": f"/* ( */ {where} -- '\n",
    }
    for name, again in spellings.items():
        got = explained(connection, again)
        if got is None:
            yield f"{where}: {name} is refused: {again!r}"
        elif canonical(got[1]) != canonical(tree):
            yield f"{where}: {name} is another tree: {again!r}"
        elif got[0] != text:
            yield f"{where}: {name} has another text: {got[0]!r}, not {text!r}"


def where_files() -> list[str]:
    """The files of conditions; where there are no cases one name, so that the test says so."""
    found = [name for name in suites.judged() if name.startswith("where_")]
    return found or ["where_slt.jsonl"]


def conditions(name: str) -> list[str]:
    """The different conditions of a file."""
    return sorted({case.where for case in load.where_cases(load.required() / name)})


@pytest.mark.parametrize("name", where_files())
def test_every_condition_comes_back(connection: Connection, name: str) -> None:
    every = conditions(name)
    wrong = [fault for where in every for fault in faults(connection, where)]
    taken = sum(explained(connection, where) is not None for where in every)
    assert not wrong, f"{len(wrong)}:\n" + "\n".join(wrong[:20])
    assert taken >= LEAST_TAKEN * len(every), f"{taken} of {len(every)} compile"


def test_the_check_can_fail(connection: Connection) -> None:
    """Two queries that differ in a bit are not the same tree."""
    trees = [explained(connection, where) for where in ("a = 0.0", "a = -0.0", "a = 0")]
    assert None not in trees
    assert len({canonical(tree[1]) for tree in trees if tree}) == 3
