"""Hostile queries: each is answered, or refused by a named limit, and other clients are answered
meanwhile, by a daemon with one worker. How long each takes is measured in bench/, not here.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from daemon import Listening

from tests.lib import hostile
from tests.lib.hostile import Hostile
from wire import KIND, Message, Wire, filter_maps

PATIENCE = 120.0  # seconds: of a sanitized build, on a machine that does other things too


@pytest.fixture(scope="module")
def daemon() -> Iterator[Listening]:
    with Listening("--threads", "1") as one:
        yield one


def ask(wire: Wire, case: Hostile, answers: list[Message]) -> None:
    wire.send(filter_maps(2, case.query, case.rows, result="count"), PATIENCE)
    answers.append(wire.recv_last(2, PATIENCE))


@pytest.mark.parametrize("case", hostile.every(), ids=lambda case: case.name)
def test_it_ends_and_holds_nobody_up(daemon: Listening, case: Hostile) -> None:
    busy, other = daemon.connect(), daemon.connect()
    answers: list[Message] = []
    asking = threading.Thread(target=ask, args=(busy, case, answers))
    asking.start()
    other.ping()
    while asking.is_alive():
        other.ping()
        asking.join(0.001)
    assert answers, "no answer"
    kind, _, told = answers[0][:3]
    if kind == KIND["ERROR"] and told["name"] == "NO_REGEX":  # a build without them
        assert " regexp " in case.query
        return
    if case.outcome != hostile.OK:
        assert (kind, told["name"]) == (KIND["ERROR"], case.outcome), told
        assert case.outcome == "BAD_PATTERN" or told.get("limit") or told["name"] == "MEMORY"
    else:
        assert kind == KIND["DONE"], told
        assert told["matched"] == case.matched
    busy.close()
    other.close()
