"""The short forms of replies, against what the Connection makes of the same bytes."""

from __future__ import annotations

import contextlib
import os
import signal
import struct
import sys
import threading
from typing import Any, Callable, Optional

import pytest

import tamis
from tamis import quick, result
from tamis.channel import DRAIN_EVERY
from tamis.connection import CANCEL, DONE, EXECUTE, QUICK, RESULT, Connection
from tamis.frames import Decoder, Packer
from tamis.transport import WHOLE_BYTES

Make = Callable[..., tamis.Client]
ROWS = [{"a": i} for i in range(100)]
EDGES = [0, 1, 127, 128, 255, 256, 65535, 65536, 2**32 - 1, 2**32, 2**63]


def frame(body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + body


def done(matched: object, **more: object) -> bytes:
    told = {"matched": matched, "rows": 9, "type_mismatch": 0, "limit_reached": False, **more}
    return Packer().frame((DONE, QUICK, told))


def numbers(*found: int) -> bytes:
    """A RESULT as tamisd writes it: with numbers of fixed widths."""
    data = struct.pack(f"<{len(found)}I", *found)
    head = b"\x96" + bytes((RESULT,)) + b"\xce" + struct.pack(">I", QUICK) + b"\xa7numbers"
    return frame(head + struct.pack(">BQBIBI", 0xCF, 0, 0xCE, 9, 0xC6, len(data)) + data)


def plainly(reply: bytes) -> Optional[tuple[list[Any], Any]]:
    """Results and the map of DONE, None if the Connection finds no complete answer in it."""
    connection = Connection(Packer())
    request = connection.open_quick(EXECUTE, None, None)
    with contextlib.suppress(tamis.TamisError):
        connection.receive(reply)
    if not request.finished or request.error is not None or connection.inside:
        return None
    return request.results, request.answer[0]


@pytest.mark.parametrize("matched", EDGES)
def test_counts(matched: int) -> None:
    reply = done(matched, undefined=3)
    found = quick.count(reply)
    assert found is not None
    assert found[0] == matched
    assert result.stats(quick.told(found[1])) == result.Stats(matched, 9, 0, False, 3)


@pytest.mark.parametrize("matched", [-1, 1.5, None, "1", [], True])
def test_counts_that_are_none(matched: object) -> None:
    assert quick.count(done(matched)) is None


@pytest.mark.skipif(sys.byteorder != "little", reason="has no short form")
@pytest.mark.parametrize("rows", [0, 1, 127, 128, 300, 70000])
def test_numbers(rows: int) -> None:
    found = quick.numbers(numbers(*range(rows)) + done(rows))
    assert found is not None
    assert found[0].format == "I"
    assert list(found[0]) == list(range(rows))
    assert quick.told(found[1])["matched"] == rows


def test_numbers_that_are_not_as_many_as_were_counted() -> None:
    assert quick.numbers(numbers(1, 2, 3) + done(2)) is None
    assert quick.numbers(numbers(1, 2) + done(3)) is None


@pytest.mark.parametrize("parse", [quick.count, quick.numbers])
@pytest.mark.parametrize("reply", [done(5), done(300), numbers(3, 4) + done(2)])
def test_a_reply_that_differs_anywhere(parse: quick.Parse, reply: bytes) -> None:
    """It has no short form, or the same meaning."""
    wrong = [reply[:size] for size in range(len(reply))]
    wrong += [reply + b"\0", reply + reply, reply[1:]]
    for at in range(len(reply)):
        for flip in (1, 2, 0x10, 0x7F, 0x80, 0xFF):
            changed = bytearray(reply)
            changed[at] ^= flip
            wrong.append(bytes(changed))
    for other in wrong:
        found = parse(other)
        if found is None:
            continue
        plain = plainly(other)
        if plain is None:  # behind what is looked at: told when it is asked for
            with pytest.raises(tamis.ProtocolError):
                result.stats(quick.told(found[1]))
        elif parse is quick.count:
            assert (plain[0], plain[1]["matched"]) == ([], found[0])
        else:
            assert [data for _, _, _, data in plain[0]] == [bytes(found[0])]


def test_its_id_is_no_other_requests() -> None:
    connection = Connection(Packer())
    connection._last_id = QUICK - 2
    assert [connection.open(EXECUTE).id for _ in range(3)] == [QUICK - 1, 1, 2]
    assert connection.is_quick_free
    request = connection.open_quick(EXECUTE, None, None)
    assert not connection.is_quick_free
    connection.cancel(request)
    assert not connection.is_quick_free  # something may still come
    connection.receive(done(1))
    assert connection.is_quick_free
    connection.receive(done(1)[:9])  # the beginning of a frame
    assert not connection.is_quick_free


def test_any_id() -> None:
    asked = quick.Quick((b"\x07", b"\x08"), {"a": 1}, quick.count, None)
    asked.pack(Packer().pack)
    for number in (QUICK, 5):
        (message,) = Decoder(1 << 20).feed(asked.numbered(number))
        assert message == [EXECUTE, number, 7, {"a": 1}, 8]
    assert asked.numbered(QUICK) == asked.frame


def test_short_frames_go_as_a_whole() -> None:
    for size, short in ((0, True), (WHOLE_BYTES - 100, True), (WHOLE_BYTES, False)):
        asked = quick.Quick((b"\x07", b"\x08"), {"a": b"x" * size}, quick.count, None, room=9)
        assert asked.both is None
        asked.pack(Packer().pack)
        assert asked.both == ((asked.frame, 9) if short else None)
        asked.widen(10)
        assert asked.both == ((asked.frame, 10) if short else None)


@pytest.mark.parametrize("behaviour", ["", "chunk=7", "bytewise"])
def test_replies_that_come_otherwise(fake: Make, behaviour: str) -> None:
    client = fake(behaviour)
    query = client.create_table("t", ROWS).prepare("a >= 90")
    for _ in range(3):
        assert query.count() == 10
        assert client.last_stats is not None
        assert client.last_stats.matched == 10
        assert list(query.indices()) == list(range(90, 100))


def test_requests_without_end(tamisd: str) -> None:
    """More of them than go without a look at what lies beside, and others between them."""
    with tamis.Client(tamisd) as client:
        table = client.create_table("t", ROWS)
        query, other = table.prepare("a >= 90"), table.prepare("a >= :x")
        for x in range(2 * DRAIN_EVERY):
            assert query.count() == 10
            assert other.count(x=x) == max(0, 100 - x)
            if x % 10 == 0:
                assert list(other.indices(x=98)) == [98, 99]
                assert table.count("a < 5") == 5
        table.append([{"a": 95}] * 500)
        assert query.count() == 510
        assert len(query.indices()) == 510  # more than is read at once
        assert len(query.indices()) == 510
        table.drop()
        with pytest.raises(tamis.TableError):
            query.count()


def test_requests_of_any_length(tamisd: str) -> None:
    """Shorter and longer than a pipe takes as a whole, and than it takes at all."""
    with tamis.Client(tamisd) as client:
        query = client.create_table("t", ROWS).prepare("a >= 90 and :x != 'y'")
        for size in (1, WHOLE_BYTES - 60, WHOLE_BYTES - 1, WHOLE_BYTES + 1, 3 << 20, 1):
            assert query.count(x="x" * size) == 10
            assert list(query.indices(x="x" * size, limit=2)) == [90, 91]


def test_a_pipe_that_is_full(tamisd: str) -> None:
    """Nothing of a request is taken at first."""
    with tamis.Client(tamisd) as client:
        query = client.create_table("t", ROWS).prepare("a >= 90")
        assert query.count() == 10
        assert client.pid is not None
        os.kill(client.pid, signal.SIGSTOP)
        fill(client._runner.channel._transport.write_fd)
        timer = threading.Timer(0.2, os.kill, (client.pid, signal.SIGCONT))
        timer.start()
        assert query.count() == 10
        assert not timer.is_alive()
        assert list(query.indices()) == list(range(90, 100))


def fill(pipe: int) -> None:
    """With messages that have no answer, until it takes not even a short one."""
    frame = Packer().frame((CANCEL, 5))
    for frames in (100, 1):
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(pipe, frame * frames)


def test_an_answer_within_another_one(fake: Make) -> None:
    """The client cannot be used from `default`, nor is it broken then."""
    refused: list[BaseException] = []

    def default(value: object) -> object:
        if isinstance(value, int):
            raise TypeError("too large")
        try:
            query.count(x=1)
        except RuntimeError as error:
            refused.append(error)
        return 95

    client = fake(default=default)
    query = client.create_table("t", ROWS).prepare("a >= :x")
    assert query.count(x=90) == 10
    assert query.count(x={1}) == 5
    assert "in the middle of a request" in str(refused[0])
    assert query.count(x=90) == 10
    with pytest.raises(tamis.EncodeError):
        query.count(x=2**70)
    assert query.count(x=90) == 10
