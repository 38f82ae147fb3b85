"""Rows of payloads in memory that the client shares: round and round, as it takes them."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_shared_memory import SIZE, Sharing, sharing

from tests.lib import wire
from tests.lib.mp import Bin, Plain, Value

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memfd_create is Linux's")


@pytest.fixture
def shared() -> Iterator[Sharing]:
    with sharing() as made:
        yield made


class Rows:
    """A row stream whose rows come into a region: opened, fed, and read as its caller says.

    rows: what has come, in order. held: (start, end, bytes) of the pieces in the memory that have
    not been taken. in_memory, in_bins: bytes of rows that came so.
    """

    def __init__(self, shared: Sharing, region: list[int], kind: str, query: str) -> None:
        self.shared, self.one, self.region = shared, shared.connection, region
        self.id = self.one.new_id()
        self.rows: list[bytes] = []
        self.held: list[tuple[int, int, bytes]] = []
        self.in_memory = self.in_bins = 0
        self.last: list[Value] | None = None
        self.sent = b""
        options: Plain = {"result": kind, "into": [*region]}
        self.send([wire.FILTER, self.id, query, options, None])

    def send(self, message: Plain) -> None:
        self.one.send(wire.frame(message))

    def feed(self, data: bytes) -> None:
        self.sent += data
        self.send([wire.ROWS, self.id, ["bytes", "jsonl", Bin(data)]])

    def end(self) -> None:
        self.send([wire.END, self.id])

    def receive(self) -> bool:
        """One reply; False: it was the last."""
        reply = self.one.receive()
        assert reply[1] == self.id
        if reply[0] != wire.RESULT:
            self.last = reply
            return False
        data = reply[5]
        if isinstance(data, list):
            offset, size = data
            assert isinstance(offset, int) and isinstance(size, int) and size > 0
            assert wire.text_of(reply[2]) == "rows"
            end = offset + size
            assert self.region[0] <= offset and end <= self.region[0] + self.region[1]
            assert all(end <= start or stop <= offset for start, stop, _ in self.held)
            self.held.append((offset, end, self.shared.memory[offset:end]))
            self.rows.append(self.held[-1][2])
            self.in_memory += size
        elif wire.text_of(reply[2]) == "runs":
            assert isinstance(data, Bin)
            numbers = memoryview(data.raw).cast("Q").tolist()
            for at, size in zip(numbers[::2], numbers[1::2], strict=True):
                self.rows.append(self.sent[at : at + size])
        else:
            assert isinstance(data, Bin)
            self.rows.append(data.raw)
            self.in_bins += len(data.raw)
        return True

    def take(self, n: int) -> None:
        """The oldest n pieces: they are as they were when they came."""
        if n == 0:
            return
        for start, end, data in self.held[:n]:
            assert self.shared.memory[start:end] == data
        self.send([wire.TAKEN, self.id, self.held[n - 1][1]])
        del self.held[:n]

    def error(self) -> str:
        while self.receive():
            pass
        assert self.last is not None and self.last[0] == wire.ERROR, self.last
        return wire.text_of(wire.fields(self.last[2])["name"])


def lines(n: int, random: random.Random, width: int = 60) -> list[bytes]:
    return [
        b'{"n":%d,"k":%d,"text":"%s"}\n' % (i, random.randrange(4), b"x" * random.randrange(width))
        for i in range(n)
    ]


def kept(data: list[bytes]) -> bytes:
    return b"".join(line for line in data if b'"k":0' not in line)


@pytest.mark.parametrize("kind", ["rows", "pieces"])
@pytest.mark.parametrize("size", [0, 4, 100, 1000, 5000, 100_000])
@pytest.mark.parametrize("seed", range(3))
def test_round_and_round(shared: Sharing, kind: str, size: int, seed: int) -> None:
    """Whatever is taken when: all rows, and none is overwritten before it is taken."""
    rng = random.Random(f"{kind} {size} {seed}")
    rows = Rows(shared, [64, size], kind, "k > 0")
    all_lines: list[bytes] = []
    for i in range(60):
        fed = lines(rng.randrange(1, 40), rng, 60 if i % 10 else 900)
        all_lines += fed
        rows.feed(b"".join(fed))
        # Each payload has a row that is kept, so that something comes for each.
        last = b'{"n":-1,"k":1}\n'
        all_lines.append(last)
        rows.feed(last)
        while not rows.rows or not rows.rows[-1].endswith(last):
            assert rows.receive()
        rows.take(rng.randrange(len(rows.held) + 1) if seed else len(rows.held))
    rows.end()
    while rows.receive():
        pass
    assert rows.last is not None and rows.last[0] == wire.DONE
    for start, end, data in rows.held:
        assert shared.memory[start:end] == data
    assert b"".join(rows.rows) == kept(all_lines)
    assert shared.is_untouched(0, 64) and shared.is_untouched(64 + size, SIZE)
    assert (rows.in_memory > 0) == (size >= 100)
    if seed == 0 and size == 100_000:  # all was taken at once
        assert rows.in_bins == 0
        assert rows.in_memory == len(kept(all_lines)) or (
            kind == "pieces" and rows.in_memory > len(kept(all_lines)) // 2  # the first are runs
        )


def test_pieces_whose_runs_are_long(shared: Sharing) -> None:
    """A client that has the bytes cuts them there itself."""
    rows = Rows(shared, [0, 1 << 20], "pieces", "k > 0")
    line = b'{"k":1,"text":"%s"}\n' % (b"z" * 3000)
    for _ in range(20):
        rows.feed(line * 10)
    rows.end()
    while rows.receive():
        pass
    assert b"".join(rows.rows) == line * 200
    assert rows.in_memory == rows.in_bins == 0


def test_without_taken_it_is_filled_once(shared: Sharing) -> None:
    rows = Rows(shared, [0, 10_000], "rows", "k > 0")
    fed = lines(2000, random.Random(1))
    for i in range(0, 2000, 50):
        rows.feed(b"".join(fed[i : i + 50]))
    rows.end()
    while rows.receive():
        pass
    assert b"".join(rows.rows) == kept(fed)
    assert 5000 < rows.in_memory <= 10_000 and rows.in_bins > 0


def test_a_row_that_is_larger_than_the_region(shared: Sharing) -> None:
    rows = Rows(shared, [0, 4096], "rows", "k > 0")
    large = b'{"k":1,"text":"%s"}\n' % (b"y" * 100_000)
    small = b'{"k":2}\n'
    for i in range(0, len(large), 30_000):
        rows.feed(large[i : i + 30_000])
    rows.feed(small)
    rows.end()
    while rows.receive():
        pass
    assert b"".join(rows.rows) == large + small
    assert rows.in_bins >= len(large)  # the small one may come with it


def test_an_end_of_line_that_is_added(shared: Sharing) -> None:
    rows = Rows(shared, [0, 8], "rows", "k > 0")
    rows.feed(b'{"k":2}')
    rows.end()
    while rows.receive():
        pass
    assert rows.rows == [b'{"k":2}\n'] and rows.in_memory == 8


def test_maps(shared: Sharing) -> None:
    answer = shared.connection.filter(
        "k > 0", ["maps", [{"k": 1}, {"k": 0}, {"k": 2}]], result="rows"
    )
    replies = shared.connection.call(
        wire.FILTER,
        "k > 0",
        {"result": "rows", "into": [0, 100]},
        ["maps", [{"k": 1}, {"k": 0}, {"k": 2}]],
    )
    resolved, places = shared.resolved(replies)
    assert places == [[0, 8]]
    data = resolved[0][5]
    assert isinstance(data, Bin) and data.raw == b"".join(answer.rows)


@pytest.mark.parametrize("more", [1, 10_000, 2**40, 2**64 - 1])
def test_taken_of_what_was_not_given(shared: Sharing, more: int) -> None:
    rows = Rows(shared, [64, 5000], "rows", "k > 0")
    rows.feed(b'{"k":2}\n')
    assert rows.receive()
    rows.send([wire.TAKEN, rows.id, min(rows.held[0][1] + more, 2**64 - 1)])
    rows.feed(b'{"k":2}\n')
    assert rows.error() == "BAD_MESSAGE"
    assert shared.connection.filter("k > 0", ["maps", [{"k": 1}]]).indices == [0]


def test_taken_of_what_is_before_the_region(shared: Sharing) -> None:
    rows = Rows(shared, [64, 5000], "rows", "k > 0")
    rows.feed(b'{"k":2}\n')
    assert rows.receive()
    rows.send([wire.TAKEN, rows.id, 63])
    rows.feed(b'{"k":2}\n')
    assert rows.error() == "BAD_MESSAGE"


@pytest.mark.parametrize("position", [None, -1, 1.0, "64", [64]])
def test_taken_that_is_no_position(shared: Sharing, position: Plain) -> None:
    one = shared.connection
    number = one.new_id()
    one.send(wire.frame([wire.TAKEN, number, position]))
    reply = one.receive()
    assert reply[:2] == [wire.ERROR, number]
    assert wire.text_of(wire.fields(reply[2])["name"]) == "BAD_MESSAGE"
    assert one.filter("k > 0", ["maps", [{"k": 1}]]).indices == [0]


def test_taken_that_tells_nobody_anything(shared: Sharing) -> None:
    """For no request, for one that has been answered, for one without a region, for a table."""
    one = shared.connection
    rows = Rows(shared, [64, 5000], "rows", "k > 0")
    rows.feed(b'{"k":2}\n')
    assert rows.receive()
    rows.end()
    assert not rows.receive()
    rows.take(1)
    one.send(wire.frame([wire.TAKEN, one.new_id(), 7]))
    number = one.new_id()
    one.send(wire.frame([wire.FILTER, number, "k > 0", {"result": "rows"}, None]))
    one.send(wire.frame([wire.TAKEN, number, 7]))
    one.send(wire.frame([wire.ROWS, number, ["maps", [{"k": 1}]]]))
    one.send(wire.frame([wire.END, number]))
    assert [reply[0] for reply in one.replies(number)] == [wire.RESULT, wire.DONE]


def test_a_request_that_is_cancelled(shared: Sharing) -> None:
    rows = Rows(shared, [0, 5000], "rows", "k > 0")
    rows.feed(b'{"k":2}\n')
    assert rows.receive()
    rows.send([wire.CANCEL, rows.id])
    assert rows.error() == "CANCELLED"
    again = Rows(shared, [0, 5000], "rows", "k > 0")
    again.feed(b'{"k":2}\n')
    again.end()
    assert again.receive() and not again.receive()
    assert again.in_memory == 8


def test_a_row_that_is_wrong_behind_some_that_are_not(shared: Sharing) -> None:
    rows = Rows(shared, [0, 5000], "rows", "k > 0")
    rows.feed(b'{"k":2}\n{"k":3}\n{"k":\n')
    rows.end()
    assert rows.error() == "ROW_INVALID"
    assert b"".join(rows.rows) == b'{"k":2}\n{"k":3}\n' and rows.in_bins == 0


def test_a_file(tmp_path: Path) -> None:
    """Nothing is sent but TAKEN; the file is many times the region."""
    data = lines(20_000, random.Random(3))
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"".join(data))
    with sharing(files=True) as shared:
        one = shared.connection
        number = one.new_id()
        options: Plain = {"result": "rows", "into": [0, 200_000]}
        payload: Plain = ["file", "jsonl", Bin(str(path).encode()), None]
        one.send(wire.frame([wire.FILTER, number, "k > 0", options, payload]))
        rows: list[bytes] = []
        placed = 0
        while (reply := one.receive())[0] == wire.RESULT:
            where = reply[5]
            if not isinstance(where, list):
                assert isinstance(where, Bin)
                rows.append(where.raw)
                continue
            offset, size = where
            assert isinstance(offset, int) and isinstance(size, int)
            rows.append(shared.memory[offset : offset + size])
            placed += size
            one.send(wire.frame([wire.TAKEN, number, offset + size]))
        assert reply[0] == wire.DONE and b"".join(rows) == kept(data)
        assert placed >= 100_000
