"""Rows into a resident table: one LOAD, with its rows or followed by as many ROWS as they need.

The source is read by the caller's thread between two sections of the channel, so that it may take
its time, and use the client. Rows become visible all at once with the answer; an exception of the
source, a timeout or an error leaves the table as it was.

Large buffers are lent to the pipe (pages.py). Two things make that safe. Bytes are lent only of
messages behind which more bytes are known to come than a pipe holds, and those are copied at the
end: once END is in the pipe, all that was lent has been read, and a load without END changes
nothing. And what was lent lives until as many bytes behind it have gone.

Where the daemon may fetch large buffers from our memory they do not go there at all: they live, and
END waits, until it says that it has.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from typing import Any, NamedTuple, Optional, Union

from .cells import Buffer, Pieces
from .connection import LOAD, ROWS, Request
from .errors import LimitError, ProtocolError
from .frames import LENGTH, Packer
from .pages import Lent, address_of, lend
from .raw import PIECE_BYTES, Bytes, Layout
from .runner import Runner
from .source import FIRST_ROWS, Names, Pace, Part, Source, parts
from .transport import PIPE_BYTES

# For the daemon to fetch, before it is waited for. With more the buffers that are made on the way
# (of strings that are objects) would always be fresh memory, which costs a quarter of such a load.
LEFT_BYTES = 32 << 20

MODES = ("append", "upsert", "replace")


class Change(NamedTuple):
    """What a change did. rows: that the table has after it."""

    added: int
    replaced: int
    deleted: int
    rows: int


def change(told: Any) -> Change:
    """The map of a CHANGED reply; ProtocolError if it is none."""
    if isinstance(told, dict):
        counts = [told.get(name) for name in Change._fields]
        if all(type(count) is int and count >= 0 for count in counts):
            return Change(*counts)  # type: ignore[arg-type]
    raise ProtocolError("a CHANGED reply without its counts")


class Load:
    """One LOAD request. Made for one use."""

    def __init__(self, runner: Runner, table: int, mode: str, timeout: Optional[float]) -> None:
        if mode not in MODES:
            raise ValueError(f"mode must be one of {', '.join(MODES)}, not {mode!r}")
        self._runner = runner
        self._channel = runner.channel
        # One of our own: rows are packed while the channel is free for others.
        self._packer = Packer(runner.packer.default)
        self._opening = self._packer.pack(table) + self._packer.pack({"mode": mode})
        self._head_bytes = 16 + len(self._opening)  # of a message before its payload, at most
        self._seconds = runner.seconds(timeout)
        self._request: Optional[Request] = None
        self._waiting: deque[Pieces] = deque()  # to be sent, in order ...
        self._waiting_bytes = 0
        self._lent: deque[Pieces] = deque()  # ... and sent, of which a pipe may still hold some
        self._lent_bytes = 0
        self._fetches = "payload.memory" in self._channel.connection.capabilities
        self._sent = 0  # payloads
        self._left: deque[tuple[int, Pieces]] = deque()  # with a number: not all fetched, perhaps
        self._left_bytes = 0

    def rows(self, source: Source, columns: Names) -> Change:
        """All rows of the source, in one message if one holds them."""
        pace = Pace(self._runner.limits, self._fetches)
        found = parts(source, columns, pace)
        try:
            return self._rows(found, pace)
        except BaseException:
            self._give_up()
            raise
        finally:
            if isinstance(found, Generator):
                found.close()  # the producer's buffers go now, not with the traceback

    def _rows(self, found: Iterator[Part], pace: Pace) -> Change:
        first = next(found, None)
        if first is None:  # no rows: the table is emptied, or stays as it is
            payload = Pieces(self._packer.pack)
            payload.put(self._packer.pack(("maps", ())))
            return self._single(payload)
        if self._fetches and first.rows > FIRST_ROWS:  # opened first: what is large is left here
            self._step(self._open, None)
            return self._rest(first, found, pace)
        payload = self._payload(first)
        second = next(found, None)
        if second is None and self._size(payload, first) <= pace.most_bytes:
            return self._single(payload)
        self._step(self._open, None)
        self._feed(first, payload, pace)
        return self._rest(second, found, pace)

    def _rest(self, part: Optional[Part], found: Iterator[Part], pace: Pace) -> Change:
        request = self._opened()
        while part is not None and not request.finished:  # finished: an error
            self._feed(part, self._payload(part), pace)
            part = next(found, None)
        return self._end()

    def _size(self, payload: Pieces, part: Part) -> int:
        """Bytes of the message with all that it tells of, or of what its nested columns are at
        most in the daemon. Of a single row these are for the daemon to judge, which knows them
        exactly."""
        nested = payload.nested if part.rows > 1 else 0
        return max(payload.size + payload.left, nested) + self._head_bytes

    def _feed(self, part: Part, payload: Pieces, pace: Pace) -> None:
        """Sends a part in one message, or in as many as it needs."""
        size = self._size(payload, part)
        if size <= pace.most_bytes:
            pace.learn(part.rows, size, payload.left)
            self._add(payload)
            return
        if part.rows < 2:
            raise LimitError(
                "a row does not fit a frame (frame_bytes of the daemon)",
                limit=pace.most_bytes,
                actual=size,
                row=part.base,
            )
        for half in part.halves():
            self._feed(half, self._payload(half), pace)

    def chunks(self, chunks: Iterable[Bytes], layout: Layout, stable: bool) -> Change:
        """Bytes of a format, cut anywhere. stable: their memory stays as it is meanwhile."""
        most = max(1, min(PIECE_BYTES, self._runner.limits.get("frame_bytes", 64 << 20) - 1024))
        pack = self._packer.pack
        try:
            self._step(self._open, None)
            # The options go with the first payload, which may be empty.
            first = pack(("bytes", layout.format, b"", layout.options))
            self._add(self._packed(first))
            head = pack(("bytes", layout.format, 0))[:-1]
            for chunk in chunks:
                view = memoryview(chunk).cast("B")
                if not stable:
                    view = memoryview(bytes(view))
                for at in range(0, len(view), most):
                    payload = self._packed(head)
                    payload.bin(view[at : at + most])
                    self._add(payload)
                if self._opened().finished:  # an error
                    break
            return self._end()
        except BaseException:
            self._give_up()
            raise

    def file(self, path: bytes, layout: Layout) -> Change:
        """A regular file, which the daemon reads by itself."""
        try:
            opening = ("file", layout.format, path, layout.options)
            return self._single(self._packed(self._packer.pack(opening)))
        except BaseException:
            self._give_up()
            raise

    # Steps, each a section ---------------------------------------------------------------------

    def _step(self, work: Any, *args: Any) -> Any:
        seconds = self._seconds
        deadline = None if seconds is None else time.monotonic() + seconds
        return self._channel.section(deadline, work, *args, deadline)

    def _open(self, payload: Optional[Pieces], deadline: Optional[float]) -> None:
        """LOAD with a payload, or with nil."""
        connection = self._channel.connection
        self._request = request = connection.open(LOAD)
        request.streams = payload is None
        if payload is None:
            payload = self._packed(b"\xc0")
        else:
            self._sent += 1
        self._put(payload.frame(message_head(LOAD, request.id, 5) + self._opening), deadline)

    def _add(self, payload: Pieces) -> None:
        """Sends it, at once or when enough is known to come behind it for it to be lent."""
        self._waiting.append(payload)
        self._waiting_bytes += payload.size
        while self._waiting:
            first = self._waiting[0]
            lent = first.lendable and self._waiting_bytes - first.size >= PIPE_BYTES
            if first.lendable and not lent:
                return
            self._next(lent)

    def _next(self, lent: bool) -> None:
        payload = self._waiting.popleft()
        self._waiting_bytes -= payload.size
        self._step(self._send, payload, lent)

    def _send(self, payload: Pieces, lent: bool, deadline: Optional[float]) -> None:
        """ROWS, unless there is an answer already."""
        self._channel.look()
        request = self._opened()
        if request.finished:
            return
        self._sent += 1
        if payload.left:
            self._left.append((self._sent, payload))
            self._left_bytes += payload.left
        self._put(payload.frame(message_head(ROWS, request.id, 3)), deadline, lent)
        if lent:
            # What was lent before this had left the outbox when this went there.
            while self._lent and self._lent_bytes - self._lent[0].size >= PIPE_BYTES:
                self._lent_bytes -= self._lent.popleft().size
            self._lent.append(payload)
            self._lent_bytes += payload.size

    def _put(self, pieces: list[Buffer], deadline: Optional[float], lent: bool = False) -> None:
        rest: list[Union[memoryview, Lent]] = [memoryview(piece) for piece in pieces[1:]]
        if lent:
            rest = [lend(piece) or memoryview(piece) for piece in pieces[1:]]
        self._channel.send(bytes(pieces[0]), deadline, rest)

    def _single(self, payload: Pieces) -> Change:
        self._step(self._open, payload)
        return self._wait()

    def _end(self) -> Change:
        while self._waiting:
            self._next(False)
        self._step(self._wait_for_use, 0)
        self._step(self._close)
        return self._wait()

    def _close(self, deadline: Optional[float]) -> None:
        request = self._opened()
        if request.streams:
            self._channel.send(self._channel.connection.end(request), deadline)

    def _wait(self) -> Change:
        request = self._opened()
        if not request.finished:
            self._step(self._channel.wait, request)
        if request.error is not None:
            raise request.error
        return change(request.answer[0] if request.answer else None)

    def _opened(self) -> Request:
        assert self._request is not None
        return self._request

    def _give_up(self) -> None:
        request = self._request
        if request is not None and (not request.finished or request.streams):
            self._channel.abandon_later([request])

    # Payloads ----------------------------------------------------------------------------------

    def _payload(self, part: Part) -> Pieces:
        payload = Pieces(self._packer.pack, self._leave)
        part.put(payload)
        return payload

    def _leave(self, view: memoryview) -> Optional[int]:
        """The address of bytes that the daemon fetches; None if they are to be sent."""
        request = self._request
        if request is None or not self._fetches:  # a LOAD by itself is not waited for
            return None
        if self._left_bytes >= LEFT_BYTES:
            self._step(self._wait_for_use, LEFT_BYTES // 2)
        return address_of(view)

    def _wait_for_use(self, most: int, deadline: Optional[float]) -> None:
        """Until the daemon has fetched all but so many bytes, or has answered."""
        request = self._opened()
        while True:
            while self._left and self._left[0][0] <= request.used:
                self._left_bytes -= self._left.popleft()[1].left
            if self._left_bytes <= most or request.finished:
                return
            self._channel.step(deadline)

    def _packed(self, packed: bytes) -> Pieces:
        payload = Pieces(self._packer.pack)
        payload.put(packed)
        return payload


def message_head(kind: int, number: int, elements: int) -> bytes:
    """The beginning of a message: its array's head, kind and id."""
    return bytes((0x90 | elements, kind, 0xCE)) + LENGTH.pack(number)
