"""Who looks for an answer before it sleeps, and how often."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable, Optional

import pytest
from daemons import listening

import tamis
from tamis.channel import DRAIN_EVERY
from tamis.patience import LOOKS, MOST_RESTS, Patience, helps_here, look

ROWS = [{"a": i} for i in range(100)]
RESTS = [1, 3, 7, 15, 31, 63, 63, 63]  # after answers that did not come in time, one after another


class Poll:
    """In place of poll(): says whether it finds something, and counts the looks."""

    def __init__(self, finds: Callable[[int], bool]) -> None:
        self.finds = finds
        self.looks = 0
        self.error: Optional[BaseException] = None

    def __call__(self, milliseconds: int) -> list[tuple[int, int]]:
        assert milliseconds == 0
        self.looks += 1
        if self.error is not None:
            raise self.error
        return [(0, 1)] if self.finds(self.looks) else []

    def taken(self) -> int:
        """Looks since it was last asked for them."""
        looks, self.looks = self.looks, 0
        return looks


def always(looks: int) -> bool:
    return True


def never(looks: int) -> bool:
    return False


@pytest.mark.parametrize("found_at", [1, 2, LOOKS - 1, LOOKS])
def test_looking_ends_when_something_is_found(found_at: int) -> None:
    poll = Poll(lambda looks: looks == found_at)
    assert look(poll)
    assert poll.looks == found_at


@pytest.mark.parametrize("found_at", [LOOKS + 1, None])
def test_looking_ends_when_nothing_is_found(found_at: Optional[int]) -> None:
    poll = Poll(lambda looks: looks == found_at)
    assert not look(poll)
    assert poll.looks == LOOKS


def test_patience_is_lost() -> None:
    lost = Patience()
    assert lost.rests == 0
    rests = []
    for _ in RESTS:
        lost.miss()
        rests.append(lost.rests)
    assert rests == RESTS
    assert RESTS[-1] == MOST_RESTS


@pytest.mark.parametrize(("processors", "helps"), [({3}, False), ({0, 1}, True), ({2, 5, 7}, True)])
def test_one_processor(monkeypatch: pytest.MonkeyPatch, processors: set[int], helps: bool) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: processors)
    assert helps_here() is helps


def test_a_system_that_does_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    assert helps_here() is False


# In the client ----------------------------------------------------------------------------------

Asks = Callable[[], Any]
Made = tuple[tamis.Client, Poll, dict[str, Asks]]


def with_poll(client: tamis.Client) -> Made:
    """A client whose looks are counted, and some ways to ask it something."""
    table = client.create_table("t", ROWS, private=True)
    prepared, other = table.prepare("a >= 90"), client.prepare("a >= 90")
    ways: dict[str, Asks] = {
        "prepared": prepared.count,
        "row numbers": lambda: len(prepared.indices()),
        "parameters": lambda: table.prepare("a >= :x").count(x=90),
        "text": lambda: table.count("a >= 90"),
        "deadline": lambda: table.count("a >= 90", timeout=60),
        "rows": lambda: len(other.filter(ROWS)),
    }
    for ask in ways.values():
        assert ask() == 10
    poll = Poll(always)
    client._channel._poll_reads = poll  # type: ignore[assignment]
    for ask in ways.values():  # the real one may have lost its patience
        for _ in range(MOST_RESTS + 1):
            assert ask() == 10
    poll.taken()
    return client, poll, ways


@pytest.fixture(params=["pipe", "socket"])
def made(
    request: pytest.FixtureRequest,
    tamisd: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[..., Made]]:
    """Makes a client on what is a machine with several processors."""
    monkeypatch.setattr("tamis.channel.helps_here", lambda: True)
    closes: list[Any] = []

    def make(**options: Any) -> Made:
        if request.param == "pipe":
            client = tamis.Client(tamisd, **options)
        else:
            service = listening([tamisd], tmp_path / "s")
            service.__enter__()
            closes.append(lambda: service.__exit__(None, None, None))
            client = tamis.connect(tmp_path / "s", **options)
        closes.append(client.close)
        return with_poll(client)

    yield make
    for close in reversed(closes):
        close()


WAYS = ["prepared", "row numbers", "text", "deadline", "rows"]


@pytest.mark.parametrize("way", WAYS)
def test_answers_that_come_soon_are_looked_for(made: Callable[..., Made], way: str) -> None:
    _, poll, ways = made()
    for _ in range(DRAIN_EVERY + 5):
        assert ways[way]() == 10
        assert poll.taken() >= 1  # what is found at the first look is read, be it there or not


@pytest.mark.parametrize("way", WAYS)
def test_answers_that_do_not_are_looked_for_ever_more_seldom(
    made: Callable[..., Made], way: str
) -> None:
    _, poll, ways = made()
    poll.finds = never
    gaps: list[int] = []
    since = 0
    while len(gaps) < 5:
        assert ways[way]() == 10
        looks = poll.taken()
        if looks:
            assert looks % LOOKS == 0
            gaps.append(since)
        since = 0 if looks else since + 1
    assert gaps[0] == 0
    assert gaps[1:] == sorted(gaps[1:])
    assert gaps[-1] > 2
    if way == "prepared":
        assert gaps[1:] == RESTS[: len(gaps) - 1]
    poll.finds = always  # and as soon as one does
    while not poll.taken():
        assert ways[way]() == 10
    assert ways[way]() == 10
    assert poll.taken() >= 1


def test_all_parameters_of_a_query_share_its_patience(made: Callable[..., Made]) -> None:
    client, poll, _ = made()
    query = client.table("t").prepare("a >= :x")
    assert query.count(x=0) == 100  # which prepares it
    poll.finds = never
    looks = []
    for x in range(12):
        poll.taken()
        assert query.count(x=x) == 100 - x
        looks.append(poll.taken() > 0)
    assert looks == [True, False, True, *[False] * 3, True, *[False] * 5]


def test_each_prepared_query_has_patience_of_its_own(made: Callable[..., Made]) -> None:
    client, poll, ways = made()
    poll.finds = never
    for _ in range(20):
        assert ways["prepared"]() == 10
    poll.taken()
    other = client.table("t").prepare("a >= 80")
    poll.taken()
    assert other.count() == 20
    assert poll.taken() == LOOKS


def check_never(made: Made) -> None:
    _, poll, ways = made
    for ask in ways.values():
        for _ in range(DRAIN_EVERY + 5):
            assert ask() == 10
    assert poll.looks == 0


def test_not_if_it_is_not_wanted(made: Callable[..., Made]) -> None:
    check_never(made(busy_poll=False))


def test_not_with_one_processor(made: Callable[..., Made], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tamis.channel.helps_here", lambda: False)
    check_never(made())


def test_not_beside_other_threads(made: Callable[..., Made]) -> None:
    """It is seen that there are some after so many answers at most, and that they are gone."""
    both = made()
    _, poll, ways = both
    over = threading.Event()
    thread = threading.Thread(target=over.wait)
    thread.start()
    try:
        for ask in ways.values():
            for _ in range(DRAIN_EVERY + 5):
                ask()
        poll.taken()
        check_never(both)
    finally:
        over.set()
        thread.join()
    for _ in range(DRAIN_EVERY + 5):
        ways["prepared"]()
    assert poll.looks > 0


class Stop(Exception):
    """Of a signal handler."""


@pytest.mark.parametrize("way", WAYS)
def test_interrupted_while_looking(made: Callable[..., Made], way: str) -> None:
    """The request is given up, and what comes for it is no other one's answer."""
    client, poll, ways = made()
    for _ in range(5):
        poll.error = Stop()
        with pytest.raises(Stop):
            ways[way]()
        poll.error = None
        assert client.table("t").count("a >= 80") == 20
        for ask in ways.values():
            assert ask() == 10


def test_a_daemon_that_has_died(tamisd: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tamis.channel.helps_here", lambda: True)
    with tamis.Client(tamisd) as client:
        query = client.create_table("t", ROWS).prepare("a >= 90")
        for _ in range(3):
            assert query.count() == 10
        assert client.pid is not None
        os.kill(client.pid, 9)
        with pytest.raises(tamis.DaemonDied):
            query.count()


def test_a_restarted_daemon_is_looked_at_the_same(
    tamisd: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tamis.channel.helps_here", lambda: True)
    for wanted in (True, False):
        with tamis.Client(tamisd, busy_poll=wanted) as client:
            table = client.create_table("t", ROWS, keep_source=True)
            assert client.pid is not None
            os.kill(client.pid, 9)
            assert table.count("a >= 90") == 10
            assert client._channel._looks is wanted
