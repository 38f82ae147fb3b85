"""The shared WHERE and msgpack cases against the daemon, one test a file."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cases import decided, decode, load, where
from tests.lib.wire import Connection


@pytest.fixture(scope="module")
def connection() -> Iterator[Connection]:
    load.required()
    with Connection.spawn() as spawned:
        yield spawned


@pytest.mark.parametrize("name", load.where_files() or ["where_slt.jsonl"])
def test_where(connection: Connection, name: str) -> None:
    outcomes = where.run_cases(connection, load.where_cases(load.required() / name))
    wrong = [where.describe(o) for o in outcomes if o.verdict == where.WRONG]
    assert outcomes
    assert not wrong, f"{len(wrong)} of {len(outcomes)} wrong:\n" + "\n".join(wrong[:20])


def test_msgpack_decode(connection: Connection) -> None:
    outcomes = decode.run_decode(connection, load.required() / "msgpack_decode.jsonl")
    wrong = [o for o in outcomes if o.wrong]
    assert len({o.kind for o in outcomes}) >= 3
    assert not wrong, f"{decode.report(outcomes)}\n{decode.sample(outcomes)}"


def test_every_decision_is_needed(connection: Connection) -> None:
    """A line of decided.py that decides nothing is an excuse kept in store."""
    load.required()
    used: set[str] = set()
    for name in load.where_files():
        for case in load.where_cases(load.directory() / name):
            decision = decided.decide(case)
            if decision is not None and where.run_case(connection, case).verdict == where.DECIDED:
                used.add(decision.why)
    assert used == {decision.why for decision in decided.DECISIONS}
