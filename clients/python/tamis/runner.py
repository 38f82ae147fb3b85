"""How requests are run: plans for queries, rows to frames, the exchange, results.

Client, Prepared and Stream are thin over this. A Runner has one connected channel; the methods
take a query (or a Plan) and may be called from any thread.
"""

from __future__ import annotations

import math
import threading
import time
from array import array
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Optional, TypeVar, Union

from . import encode, quick, result
from .channel import Channel
from .connection import EXECUTE, EXPLAIN, PREPARE, Request
from .errors import ClosedError, LimitError
from .explain import Explanation, explanation
from .frames import PACK_ERRORS, Packer
from .plans import CACHED_PLANS, Key, Params, Plan, PlanCache, Query, make_options
from .shared import LEAST_BYTES, RING_BYTES, RING_LEAST_BYTES, Place, Pool
from .warning import with_absent

T = TypeVar("T")
Source = Union[Query, Plan]

FEW_ROWS = 1024


class Runner:
    """Runs requests over a channel whose HELLO has been answered.

    seconds: for each request that does not say otherwise, None: no end. pool: the memory that the
    daemon shares.
    """

    def __init__(
        self,
        channel: Channel,
        packer: Packer,
        seconds: Optional[float],
        pool: Optional[Pool] = None,
    ) -> None:
        self.channel = channel
        self.packer = packer
        self.limits = channel.connection.limits
        self._pool = pool
        self._seconds = seconds
        self.is_patient = seconds is None
        """True if a request that does not say otherwise may take any time."""
        self.local = threading.local()
        """Of the last request that a thread finished. done: Stats, or a quick.Done of which they
        are made when they are asked for."""
        self._plans = PlanCache(max(1, min(CACHED_PLANS, self.limits.get("plans", 1024) // 2)))
        most = encode.SINGLE_ROWS
        self._most_single = min(most, self.limits.get("batch_rows", most))
        self._most_bytes = self.limits.get("frame_bytes", 64 << 20)

    @property
    def last_stats(self) -> Optional[result.Stats]:
        """Counts of the last request that this thread finished."""
        done: Any = getattr(self.local, "done", None)
        if isinstance(done, tuple) and not isinstance(done, result.Stats):
            self.local.done = done = result.stats(quick.told(done), done[2])
        found: Optional[result.Stats] = done
        return found

    def note(self, done: result.Stats) -> None:
        """Keep the counts of a request for the thread that asked."""
        self.local.done = done

    def seconds(self, timeout: Optional[float]) -> Optional[float]:
        """The timeout of a request that asks for this one; ValueError for one that cannot be."""
        seconds = self._seconds if timeout is None else timeout
        check_timeout(seconds)
        return seconds

    @property
    def last_raw_stats(self) -> Optional[Any]:
        return getattr(self.local, "raw", None)

    def note_raw(self, done: Optional[Any]) -> None:
        """Keep the counts of a request over bytes for the thread that asked."""
        self.local.raw = done
        self.local.done = done and done.stats

    def place(self, plan: Plan) -> Optional[Place]:
        """Where the daemon may put the row numbers that a plan keeps of a table; None if they come
        as well down the pipe."""
        size = plan.expected_bytes
        if size < LEAST_BYTES or self._pool is None:
            return None
        return self._pool.take(size + (size >> 3))

    def ring(self, most: int) -> Optional[Place]:
        """Where the daemon may put rows of at most so many bytes in all, again and again; None if
        there is no such thing, or if they come as well down the pipe."""
        if most < RING_LEAST_BYTES or self._pool is None:
            return None
        if "shared.rows" not in self.channel.connection.capabilities:
            return None
        return self._pool.take(min(most, RING_BYTES))

    def until(self, timeout: Optional[float]) -> Optional[float]:
        """When a request with this timeout must be over, by time.monotonic(); None: never."""
        seconds = self.seconds(timeout)
        return None if seconds is None else time.monotonic() + seconds

    def filter(
        self,
        source: Source,
        rows: Iterable[T],
        params: Params,
        named: Mapping[str, Any],
        limit: Optional[int],
        strict: bool,
        timeout: Optional[float],
    ) -> list[T]:
        held = _held(rows)
        # Among few rows a match costs less as a number than the others do as bits.
        kind = "indices" if len(held) <= FEW_ROWS else "auto"
        options = make_options(kind, params, named, limit, strict)
        request, done = self.run(source, held, options, timeout)
        return result.pick(request.results, held, done.matched)

    def indices(
        self,
        source: Source,
        rows: Iterable[Any],
        params: Params,
        named: Mapping[str, Any],
        limit: Optional[int],
        strict: bool,
        timeout: Optional[float],
    ) -> array[int]:
        held = _held(rows)
        options = make_options("indices", params, named, limit, strict)
        request, done = self.run(source, held, options, timeout)
        return result.indices(request.results, len(held), done.matched)

    def mask(
        self,
        source: Source,
        rows: Iterable[Any],
        params: Params,
        named: Mapping[str, Any],
        limit: Optional[int],
        strict: bool,
        timeout: Optional[float],
    ) -> bytearray:
        held = _held(rows)
        options = make_options("bitmap", params, named, limit, strict)
        request, done = self.run(source, held, options, timeout)
        return result.mask(request.results, len(held), done.matched)

    def count(
        self,
        source: Source,
        rows: Iterable[Any],
        params: Params,
        named: Mapping[str, Any],
        limit: Optional[int],
        strict: bool,
        timeout: Optional[float],
    ) -> int:
        options = make_options("count", params, named, limit, strict)
        return self.run(source, _held(rows), options, timeout)[1].matched

    def explain(
        self,
        source: Source,
        rows: Optional[Iterable[Any]],
        params: Params,
        named: Mapping[str, Any],
        timeout: Optional[float],
    ) -> Explanation:
        held = None if rows is None else _held(rows)
        options = make_options(None, params, named, None)
        deadline = self.until(timeout)
        return explanation(
            self.channel.section(deadline, self._explain, source, held, options, deadline)
        )

    def _explain(
        self,
        source: Source,
        rows: Optional[Sequence[Any]],
        options: dict[str, Any],
        deadline: Optional[float],
    ) -> Any:
        channel = self.channel
        plan = self.resolve(source, deadline)
        request = channel.connection.open(EXPLAIN, plan.query)
        try:
            frame = encode.explain_frame(self.packer, request.id, plan, options, rows)
            self.fit(frame, "the rows to explain with do not fit a frame")
        except BaseException:
            channel.connection.forget(request)
            raise
        channel.exchange(request, frame, deadline)
        return request.answer[0]

    def run(
        self,
        source: Source,
        rows: Sequence[Any],
        options: dict[str, Any],
        timeout: Optional[float],
    ) -> tuple[Request, result.Stats]:
        """One request over all rows."""
        deadline = self.until(timeout)
        request, plan = self.channel.section(deadline, self._run, source, rows, options, deadline)
        done = result.stats(request.answer[0], plan.query)
        if done.matched in (0, done.rows) and rows:  # as with a misspelt field
            told = with_absent(done.warnings, plan.gatherer.paths, rows)
            if told is not done.warnings:
                done = done._replace(warnings=told)
        self.note(done)
        return request, done

    def _run(
        self,
        source: Source,
        rows: Sequence[Any],
        options: dict[str, Any],
        deadline: Optional[float],
    ) -> tuple[Request, Plan]:
        """In one message if there are few rows and they fit, else as a row stream of several."""
        plan = self.resolve(source, deadline)
        if len(rows) > self._most_single:
            return self._run_chunks(plan, rows, options, deadline), plan
        connection = self.channel.connection
        request = connection.open(EXECUTE, plan.query)
        frame = b""
        try:
            frame = encode.execute_frame(self.packer, request.id, plan, options, rows, 0)
            if len(frame) - 4 > self._most_bytes:
                frame = b""
        finally:
            if not frame:
                connection.forget(request)
        if not frame:
            return self._run_chunks(plan, rows, options, deadline), plan
        self.channel.exchange(request, frame, deadline)
        return request, plan

    def _run_chunks(
        self,
        plan: Plan,
        rows: Sequence[Any],
        options: dict[str, Any],
        deadline: Optional[float],
    ) -> Request:
        """A row stream: while the daemon works on one chunk, the next is made."""
        channel, connection, packer = self.channel, self.channel.connection, self.packer
        request = connection.open(EXECUTE, plan.query)
        opening = (EXECUTE, request.id, plan.number, options, None)
        try:
            frame = encode.frame_without_rows(packer, opening, options)
            request.streams = True
            channel.send(frame, deadline)
            pace = encode.Pace(connection.limits)
            parts: list[tuple[Sequence[Any], int]] = []
            base = 0
            while parts or base < len(rows):
                channel.look()
                if request.finished:  # the limit is reached, or an error
                    break
                if not parts:
                    parts.append((rows[base : base + pace.rows], base))
                    base += len(parts[0][0])
                part, start = parts.pop()
                frame = encode.rows_frame(packer, request.id, plan, part, start)
                if len(frame) - 4 > self._most_bytes:
                    parts += encode.halves(part, start, len(frame) - 4, self._most_bytes)[::-1]
                    continue
                pace.learn(len(part), len(frame))
                channel.send(frame, deadline)
            if request.streams:
                channel.send(channel.connection.end(request), deadline)
            channel.wait(request, deadline)
        except BaseException:
            channel.abandon(request)
            raise
        if request.error is not None:
            raise request.error
        return request

    def resolve(self, source: Source, deadline: Optional[float]) -> Plan:
        """The plan for a query, of the cache if it was used lately. Within a section."""
        if isinstance(source, Plan):
            if source.closed:
                raise ClosedError("the prepared query is closed")
            return source
        key: Key
        if isinstance(source, str):
            key = source
        else:
            try:
                key = self.packer.pack(source)
            except PACK_ERRORS:
                return self.prepare(source, deadline)  # which tells what is wrong
        plan = self._plans.get(key)
        if plan is None:
            plan = self.prepare(source, deadline)
            for gone in self._plans.put(key, plan):
                self.channel.close_plan_later(gone.number)
        return plan

    def prepare(self, query: Query, deadline: Optional[float]) -> Plan:
        if not isinstance(query, (str, list, tuple)):
            raise TypeError(f"a query is str, list or tuple, not {type(query).__name__}")
        if not isinstance(query, str) and query and isinstance(query[0], Mapping):
            raise TypeError("these are rows and no query: the query is the first argument")
        try:
            return self._prepare_once(query, deadline)
        except LimitError as error:
            if error.name != "TOO_MANY_PLANS" or not len(self._plans):
                raise
        # Other users of the connection's plans are the caller's own prepared queries: ours go.
        for gone in self._plans.clear():
            self.channel.close_plan_now(gone.number, deadline)
        return self._prepare_once(query, deadline)

    def _prepare_once(self, query: Query, deadline: Optional[float]) -> Plan:
        channel = self.channel
        request = channel.connection.open(PREPARE, query)
        try:
            frame = encode.frame_without_rows(self.packer, (PREPARE, request.id, query), {})
            self.fit(frame, "the query does not fit a frame")
        except BaseException:
            channel.connection.forget(request)
            raise
        channel.exchange(request, frame, deadline)
        return Plan(query, request.answer)

    def fit(self, frame: bytes, message: str) -> None:
        """LimitError, with this message, for a frame that the daemon would not take."""
        size = len(frame) - 4
        if size > self._most_bytes:
            raise LimitError(
                f"{message} (frame_bytes of the daemon)", limit=self._most_bytes, actual=size
            )


def check_timeout(seconds: Optional[float]) -> None:
    """ValueError for a timeout that is none."""
    if seconds is not None and (math.isnan(seconds) or seconds < 0):
        raise ValueError("a timeout must not be negative")


def _held(rows: Iterable[T]) -> Sequence[T]:
    """The rows as something with a length and numbers."""
    if isinstance(rows, (list, tuple)):
        return rows
    if isinstance(rows, Mapping):
        raise TypeError("rows must be an iterable of mappings, not a mapping")
    return list(rows)
