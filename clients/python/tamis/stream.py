"""Rows of any number through a query, in order, with a bounded number of them on the way.

A stream is a row of independent requests, one a chunk, several of them under way at a time: the
answer to each says that its rows are done with, also when none matched, so memory is bounded by
chunks on the way and not by the luck of a match. The client's lock is held for single steps
only, so the client can be used between two rows.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Generic, Optional, TypeVar

from . import encode, result
from .closing import Closing
from .connection import EXECUTE, Request
from .errors import ClosedError, RowError
from .runner import Runner, Source

T = TypeVar("T")


class Stream(Closing, Generic[T]):
    """An iterator over the rows that match; see Client.stream.

    close() (or the end of a `with`, or dropping the iterator) cancels what is under way and leaves
    the client usable.
    """

    def __init__(self, feed: Feed[T], owner: object) -> None:
        """owner: what must live as long as the stream does, the client."""
        self._feed = feed
        self._matches = _matches(feed, owner)

    def __iter__(self) -> Iterator[T]:
        return self._matches  # the generator itself: no call of ours for each row

    def __next__(self) -> T:
        return next(self._matches)

    @property
    def stats(self) -> result.Stats:
        """The counts of the chunks whose matches have been handed out so far."""
        return self._feed.stats

    def close(self) -> None:
        """Cancel what is under way. Iterating on ends at once."""
        self._matches.close()


def _matches(feed: Feed[T], owner: object) -> Generator[T, None, None]:
    try:
        while feed.left != 0:
            while len(feed.flights) < feed.in_flight and not feed.head_is_done():
                if not feed.feed():
                    break
            if not feed.flights:
                return
            yield from feed.collect()
    finally:
        feed.stop()


class Feed(Generic[T]):
    """The state of one stream, apart from the generator that walks it."""

    def __init__(
        self,
        runner: Runner,
        source: Source,
        rows: Iterable[T],
        options: dict[str, Any],
        chunk_rows: Optional[int],
        in_flight: int,
        timeout: Optional[float],
    ) -> None:
        """Checks the arguments and the query; see Client.stream for what they are."""
        if chunk_rows is not None and chunk_rows < 1:
            raise ValueError("chunk_rows must be at least 1")
        if in_flight < 1:
            raise ValueError("in_flight must be at least 1")
        self.flights: deque[tuple[Request, Sequence[T], int]] = deque()
        self.in_flight = in_flight
        self.left: int = options.get("limit", -1)  # matches; below 0: no limit
        self.stats = result.Stats(0, 0, 0, False)
        self._runner = runner
        self._source = source
        self._rows = iter(rows)
        self._options = options
        self._pace = encode.Pace(runner.limits)
        self._fixed_rows = chunk_rows and min(
            chunk_rows, runner.limits.get("batch_rows", chunk_rows)
        )
        self._seconds = runner.seconds(timeout)
        self._base = 0
        self._parts: list[tuple[Sequence[T], int]] = []  # rows taken, not sent; the last is first
        self._exhausted = False
        deadline = self._deadline()
        runner.channel.section(deadline, runner.resolve, source, deadline)

    def head_is_done(self) -> bool:
        return bool(self.flights) and self.flights[0][0].finished

    def feed(self) -> bool:
        """Send one more chunk; False if there is none. The caller's iterable runs unlocked."""
        if not self._parts:
            if self._exhausted:
                return False
            most = self._fixed_rows or self._pace.rows
            chunk = list(islice(self._rows, most))
            # A source that ended is not asked again: it may be one that goes on after a pause.
            self._exhausted = len(chunk) < most
            if not chunk:
                return False
            self._parts.append((chunk, self._base))
            self._base += len(chunk)
        deadline = self._deadline()
        self._runner.channel.section(deadline, self._send, deadline)
        return True

    def _send(self, deadline: Optional[float]) -> None:
        """Send the next part, or halve it if it does not fit a frame."""
        runner, channel = self._runner, self._runner.channel
        connection = channel.connection
        channel.look()
        plan = runner.resolve(self._source, deadline)
        part, base = self._parts[-1]
        options = self._options
        if self.left > 0:
            options = {**options, "limit": self.left}
        request = connection.open(EXECUTE, plan.query)
        try:
            frame = encode.execute_frame(runner.packer, request.id, plan, options, part, base)
            size = len(frame) - 4
            if size > self._pace.most_bytes:
                parts = encode.halves(part, base, size, self._pace.most_bytes)
                connection.forget(request)
                self._parts[-1:] = parts[::-1]
                return
        except BaseException:
            connection.forget(request)
            raise
        self._pace.learn(len(part), size)
        self._parts.pop()
        self.flights.append((request, part, base))
        channel.send(frame, deadline)

    def collect(self) -> list[T]:
        """The matches of the chunk that was sent first, when its answer is there."""
        request, rows, base = self.flights[0]
        if not request.finished:
            deadline = self._deadline()
            channel = self._runner.channel
            channel.section(deadline, channel.wait, request, deadline)
        error = request.error
        if error is not None:
            if isinstance(error, RowError) and error.row is not None:
                error.row += base
            raise error
        if not request.answer:
            raise ClosedError("the stream is closed")
        done = result.stats(request.answer[0], request.query)
        chosen = result.pick(request.results, rows, done.matched)
        self.flights.popleft()
        limited = False
        if self.left >= 0:
            chosen = chosen[: self.left]
            self.left -= len(chosen)
            limited = self.left == 0
        old = self.stats
        self.stats = result.Stats(
            old.matched + len(chosen),
            old.rows + done.rows,
            old.type_mismatch + done.type_mismatch,
            limited,
            old.undefined + done.undefined,
            old.warnings or done.warnings,
        )
        return chosen

    def stop(self) -> None:
        """Give up what is under way. May run in a finaliser: waits for nothing."""
        self.left = 0
        self._parts.clear()
        flights = [request for request, _, _ in self.flights if not request.finished]
        self.flights.clear()
        if flights:
            self._runner.channel.abandon_later(flights)

    def _deadline(self) -> Optional[float]:
        return None if self._seconds is None else time.monotonic() + self._seconds
