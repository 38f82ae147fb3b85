"""The blocking driver of a Connection: who may talk, when to read, when to write, when to give up.

One lock a channel: a request holds it from its first byte to its last reply, a stream for one
step at a time. What runs with the lock is a section.

Nothing here writes without being ready to read: what the peer does not take at once stays in the
outbox, and waiting for room is waiting for replies too. Once all output is taken, a plain blocking
read is enough.

Interruptions. A signal handler may raise anywhere. `_torn` is set while the state is between two
consistent ones (for microseconds, never while waiting); an exception that leaves it set has
broken the channel, and the next use says so. Any other exception only gives up its request:
CANCEL is sent and what still comes for it is dropped.

It is long because all of this is about the same few attributes.
"""

from __future__ import annotations

import math
import operator
import os
import select
import threading
import time
import weakref
from collections import deque
from collections.abc import Iterable
from functools import partial
from itertools import repeat
from typing import Any, Callable, Optional, TypeVar, Union

from .connection import EXECUTE, Connection, Request
from .errors import ClosedError, TamisError, Timeout
from .frames import PACK_ERRORS, Packer
from .pages import Lent
from .passing import Passing
from .patience import Patience, helps_here, look
from .quick import READ_BYTES, Answer, Quick
from .transport import Transport, remaining

MOST_READ_BYTES = 1 << 20
HANGUP_SECONDS = 5.0  # for the last words of a peer that takes no more input
DRAIN_EVERY = 64  # sections
BUSY = (
    "the client is in the middle of a request in this thread: it cannot be used from a signal"
    " handler, from `default` or from a mapping's own methods"
)

NO_TURNS = repeat(True, 0)

call: Any = getattr(operator, "call", None)  # since Python 3.11

R = TypeVar("R")
Piece = Union[bytes, memoryview, Lent]


class Channel:
    """A Connection over a Transport. `with` is not for it: see Client."""

    def __init__(self, transport: Transport, packer: Packer, busy_poll: bool = True) -> None:
        """busy_poll: answers are looked for before the thread sleeps, where that helps."""
        self.connection = Connection(packer)
        self._transport = transport
        self._lock = threading.RLock()
        self._torn = False
        self._closed = False
        self._failure: Optional[Callable[[], TamisError]] = None
        self._outbox: deque[Piece] = deque()
        self._sent: list[int] = []
        self._inbox: list[bytes] = []
        self._turns = NO_TURNS
        self._calls, self._fds = transport.both if call else ((), ())
        self._write_fds, self._read_fds = self._fds[:1], self._fds[1:]
        self._looks = busy_poll and helps_here()
        self._quick_looks = False
        self._patience = Patience()  # with all that does not come by quick()
        self._quick: Optional[Quick] = None
        self._log: deque[Any] = deque()
        self._sections = 0
        self._hangup: Optional[float] = None
        # Filled by finalisers in any thread, at any time; emptied under the lock.
        self._abandoned: deque[Request] = deque()
        self._unused_plans: deque[int] = deque()
        self._reads = select.poll()
        self._reads.register(transport.read_fd, select.POLLIN)
        self._poll_reads = self._reads.poll
        self._both = select.poll()
        if transport.read_fd == transport.write_fd:
            self._both.register(transport.read_fd, select.POLLIN | select.POLLOUT)
        else:
            self._both.register(transport.read_fd, select.POLLIN)
            self._both.register(transport.write_fd, select.POLLOUT)
        _channels.add(self)

    @property
    def closed(self) -> bool:
        return self._closed

    @property
    def broken(self) -> bool:
        """True if no request can be made any more."""
        return self._failure is not None

    # Sections ------------------------------------------------------------------------------

    def section(self, deadline: Optional[float], work: Callable[..., R], *args: Any) -> R:
        """Run work(*args) with the channel to itself. Timeout if another thread is not done by
        the deadline, RuntimeError within another section of this thread.

        The lock is taken and given back by C code alone, so that an exception of a signal handler
        cannot leave it behind.
        """
        lock = self._lock
        if _is_owned(lock):
            raise RuntimeError(BUSY)
        if deadline is None:
            with lock:
                return self._inside(work, args)
        seconds = min(remaining(deadline), threading.TIMEOUT_MAX)
        taken: list[bool] = []
        try:
            taken.extend(map(lock.acquire, (True,), (seconds,)))
            if not taken[0]:
                raise Timeout("the client was busy in another thread for all of the time")
            return self._inside(work, args)
        finally:
            if taken == [True]:
                lock.release()

    def _inside(self, work: Callable[..., R], args: tuple[Any, ...]) -> R:
        if self._failure is not None:
            raise self._failure()
        if self._torn:
            self._break(_interrupted)
            raise _interrupted()
        self._turns = NO_TURNS
        if self._quick is not None:  # two interruptions at once left it behind
            self._give_up()
        self._sections += 1
        if self._sections % DRAIN_EVERY == 0:
            self._transport.drain()
        if self._abandoned or self._unused_plans or self.connection.stale_plans:
            self._tidy()
        done = work(*args)
        if self._abandoned:  # by a finaliser, while work ran
            self._tidy()
            self._write()
        return done

    def abandon_later(self, requests: Iterable[Request]) -> None:
        """Give up requests from a place that may not wait, such as a finaliser."""
        self._abandoned.extend(requests)
        self._turns = NO_TURNS
        self._try_tidy()

    def close_plan_later(self, plan: int) -> None:
        """Close a plan on the daemon, at the next opportunity."""
        self._unused_plans.append(plan)
        self._turns = NO_TURNS

    def close_plan_now(self, plan: int, deadline: Optional[float]) -> None:
        """Close a plan on the daemon before anything else is sent. Within a section."""
        self.send(self.connection.close_plan(plan), deadline)

    def _try_tidy(self) -> None:
        lock = self._lock
        if _is_owned(lock):  # a finaliser within a section of its own thread
            return
        taken: list[bool] = []
        try:
            taken.extend(map(lock.acquire, (False,)))
            if taken == [True] and not (self._torn or self._failure or self._quick):
                self._tidy()
                self._write()
        finally:
            if taken == [True]:
                lock.release()

    def _tidy(self) -> None:
        self._torn = True
        while self._abandoned:
            self._queue(self.connection.cancel(self._abandoned.popleft()))
        while self.connection.stale_plans:
            self._unused_plans.append(self.connection.stale_plans.pop())
        while self._unused_plans:
            self._queue(self.connection.close_plan(self._unused_plans.popleft()))
        self._torn = False

    # Requests, within a section --------------------------------------------------------------

    def quick(self, asked: Quick) -> Union[Answer, Request, None]:
        """A request without deadline, in a section of its own, by the shortest way.

        What its parse() makes of the reply if nothing else is under way; else the request, which is
        finished then. None if its options cannot be packed: nothing was sent. Raises what the
        daemon answers.

        `_quick` is what is under way here, and `_log` what was done of it: the number of bytes that
        were taken, what came. Both are put there inside C code, so that the two tell at any moment
        how to go on. All in one function, as calls are a good part of what it costs.
        """
        while True:
            with self._lock:
                if next(self._turns, False) and self._quick is None:
                    log = self._log
                    self._quick = asked
                    try:
                        if asked.both and self._calls:
                            patience = asked.patience
                            if not self._quick_looks:
                                log.extend(map(call, self._calls, self._fds, asked.both))
                            elif patience.rests:
                                patience.rests -= 1
                                log.extend(map(call, self._calls, self._fds, asked.both))
                            else:
                                log.extend(map(self._calls[0], self._write_fds, asked.both))
                                if look(self._poll_reads):
                                    patience.missed = 0
                                else:
                                    patience.miss()
                                log.extend(map(self._calls[1], self._read_fds, asked.rooms))
                        else:
                            frame = asked.frame or self._packed(asked)
                            if frame:
                                waits = partial(self._look, asked.patience)
                                self._transport.exchange(log, frame, asked.room, waits)
                        if len(log) == 2:
                            answer = asked.parse(log[1], asked.query)
                            if answer is not None:
                                log.clear()
                                self._quick = None
                                if self._turns is not NO_TURNS:
                                    return answer
                                self._tidy()  # something was abandoned meanwhile
                                self._write()
                                return answer
                    except (BlockingIOError, ConnectionError):
                        pass  # which the long way meets again
                    except BaseException:
                        self._give_up()
                        raise
                    return self._go_on(asked)
            if not self._calm_down():
                return self.section(None, self._ask, asked)

    def _go_on(self, asked: Quick) -> Optional[Request]:
        """The long way for what quick() has begun."""
        asked.widen(READ_BYTES)  # it may have been too little
        request = self._adopted()
        if request is None:
            return self._ask(asked)
        try:
            self._write()
            self.wait(request, None)
        except BaseException:
            self.abandon(request)
            raise
        if request.error is not None:
            raise request.error
        return request

    def _packed(self, asked: Quick) -> bytes:
        """The frame, empty if its options cannot be packed."""
        try:
            return asked.frame or asked.pack(self.connection.packer.pack)
        except PACK_ERRORS:
            return b""

    def _ask(self, asked: Quick) -> Optional[Request]:
        """The same as any other request."""
        if not self._packed(asked):
            return None
        request = self.connection.open(EXECUTE, asked.query)
        request.place = asked.place
        self.exchange(request, asked.numbered(request.id), None)
        return request

    def _adopted(self) -> Optional[Request]:
        """Makes what is under way by quick() a request like others, as far as it has come; None if
        nothing of it was sent."""
        asked, log = self._quick, self._log
        request = None
        self._torn = True
        self._turns = NO_TURNS
        if asked is not None and log:
            request = self.connection.open_quick(EXECUTE, asked.query, asked.place)
            self._outbox.append(asked.frame)
            self._sent.append(log[0])
            self._inbox.extend(list(log)[1:])
        log.clear()
        self._quick = None
        self._torn = False
        return request

    def _give_up(self) -> None:
        """Abandons what is under way by quick()."""
        request = None if self._torn else self._adopted()
        if request is not None:
            self.abandon(request)

    def _calm_down(self) -> bool:
        """True if nothing is under way, nor left to be done: quick() may go ahead then.

        That holds until a section begins, or anything comes up outside of one; and not for more
        than DRAIN_EVERY requests, as only here is looked at what lies beside the stream.
        """
        lock = self._lock
        if _is_owned(lock):
            raise RuntimeError(BUSY)
        with lock:
            self._turns = repeat(True, DRAIN_EVERY)  # first: a finaliser may take them at any time
            if (
                self._torn
                or self._failure is not None
                or self._quick is not None
                or self._outbox
                or self._sent
                or self._inbox
                or self._abandoned
                or self._unused_plans
                or self._hangup is not None
                or self.connection.stale_plans
                or not self.connection.is_quick_free
            ):
                self._turns = NO_TURNS
                return False
            self._transport.drain()
            self._quick_looks = self._looks and threading.active_count() == 1
            return True

    def exchange(self, request: Request, frame: bytes, deadline: Optional[float]) -> None:
        """Send all of a request and wait for its answer; raises what the daemon answers."""
        try:
            self.send(frame, deadline)
            self.wait(request, deadline)
        except BaseException:
            self.abandon(request)
            raise
        if request.error is not None:
            raise request.error

    def send(
        self,
        frame: bytes,
        deadline: Optional[float],
        rest: Iterable[Piece] = (),
    ) -> None:
        """Hand a frame to the peer, or to the outbox as far as the peer does not take it now.

        rest: the end of the frame in pieces, views of bytes in memory that stays as it is until the
        next send is done; if it is lent, until the request is.
        Waits until what was in the outbox before is gone, so that it never holds two frames.
        """
        if self._outbox:
            self._write()
            while self._outbox:
                self._step(deadline)
        self._outbox.extend((frame, *rest))
        self._write()

    def wait(self, request: Request, deadline: Optional[float]) -> None:
        """Read, and write what is left to write, until the request is finished."""
        while not request.finished:
            self._step(deadline)

    def step(self, deadline: Optional[float]) -> None:
        """Wait until the peer gives or takes something."""
        self._step(deadline)

    def look(self) -> None:
        """Take what has come, without waiting."""
        for _ in range(16):
            if not self._inbox and not self._reads.poll(0):
                return
            self._read()

    def abandon(self, request: Request) -> None:
        """Give up a request: CANCEL it, drop what comes. Never waits, never raises for the peer."""
        if self._torn or self._failure is not None:
            return
        self._torn = True
        self._queue(self.connection.cancel(request))
        self._torn = False
        self._write()

    def fail(self, error: TamisError) -> TamisError:
        """Break the channel for good; later uses raise the like of the error. Returns it."""
        kind, message, state = type(error), error.args, dict(error.__dict__)

        def again() -> TamisError:
            copy = kind(*message)
            copy.__dict__.update(state)
            return copy

        self._break(again)
        return error

    # Bytes -----------------------------------------------------------------------------------

    def _queue(self, frame: bytes) -> None:
        if frame:
            self._outbox.append(frame)

    def _look(self, patience: Patience) -> bool:
        """Looks for a while whether something has come; see patience.py. Not beside other threads:
        each look lets one of them run, and has to wait for its turn again."""
        if patience.rests > 0:
            patience.rests -= 1
            return False
        if not self._looks or threading.active_count() > 1:
            return False
        if look(self._poll_reads):
            patience.missed = 0
            return True
        patience.miss()
        return False

    def _step(self, deadline: Optional[float]) -> None:
        """Wait until the peer gives or takes something, and do that much."""
        if self._failure is not None:  # another thread closes the client
            raise self._failure()
        if self._inbox:  # an interruption left it behind
            self._take()
        elif self._outbox or self._sent:
            self._transport.drain()
            ready = self._poll(self._both, deadline)
            readable = any(fd == self._transport.read_fd and e & ~select.POLLOUT for fd, e in ready)
            if any(fd == self._transport.write_fd and e & ~select.POLLIN for fd, e in ready):
                self._write()
            if readable:
                self._read()
        else:
            found = self._look(self._patience)
            if not found and (deadline is not None or self._hangup is not None):
                self._poll(self._reads, deadline)
            self._read()

    def _poll(self, poll: select.poll, deadline: Optional[float]) -> list[tuple[int, int]]:
        until = deadline
        if self._hangup is not None:
            until = self._hangup if deadline is None else min(deadline, self._hangup)
        if until is None:
            return poll.poll()
        while True:
            ready = poll.poll(math.ceil(min(remaining(until), 1e6) * 1000))
            if ready:
                return ready
            if time.monotonic() >= until:
                break
        if until == self._hangup:
            raise self.fail(self._transport.death())
        raise Timeout("the daemon did not answer in time")

    def _write(self) -> None:
        """Give the peer what it takes now."""
        while self._outbox or self._sent:
            if not self._sent:
                try:
                    first = self._outbox[0]
                    if isinstance(first, Passing):
                        self._transport.write_with(self._sent, first, first.file.fd)
                    elif isinstance(first, Lent):
                        self._transport.write_lent(self._sent, first)
                    else:
                        self._transport.write(self._sent, first)
                except BlockingIOError:
                    return
                except (BrokenPipeError, ConnectionResetError):
                    # It may have said why before it hung up: go on reading.
                    self._outbox.clear()
                    self._hangup = time.monotonic() + HANGUP_SECONDS
                    return
            self._torn = True
            count = self._sent.pop()
            first = self._outbox.popleft()
            if isinstance(first, Passing):
                first.file.close()
            if count < len(first):
                rest = first if isinstance(first, Lent) else memoryview(first)
                self._outbox.appendleft(rest[count:])
            self._torn = False

    def _read(self) -> None:
        """One read, which blocks if nothing has come, and its messages."""
        if not self._inbox:
            size = min(max(self.connection.wanted, READ_BYTES), MOST_READ_BYTES)
            try:
                self._transport.read(self._inbox, size)
            except ConnectionResetError:
                self._inbox.append(b"")
        self._take()

    def _take(self) -> None:
        self._torn = True
        data = self._inbox.pop()
        if not data:
            self._torn = False
            raise self._ended()
        try:
            self.connection.receive(data)
        except TamisError as error:
            self._torn = False
            raise self.fail(error) from error.__cause__
        self._torn = False

    def _ended(self) -> TamisError:
        if self._failure is not None:
            return self._failure()
        error = self._transport.death()
        if self.connection.inside:
            error.message += " in the middle of a reply"
            error.args = (error.message,)
        return self.fail(error)

    # The end ---------------------------------------------------------------------------------

    def _break(self, failure: Callable[[], TamisError]) -> None:
        if self._failure is None:
            self._failure = failure
        self._turns = NO_TURNS
        self._outbox.clear()
        self._sent.clear()
        self._inbox.clear()
        self._transport.close(0.0)

    def close(self, grace_seconds: float) -> None:
        """End the connection; waits so long for a request of another thread, then breaks it off."""
        if self._closed:
            return
        lock = self._lock
        if _is_owned(lock):
            raise RuntimeError(BUSY)
        taken: list[bool] = []
        try:
            taken.extend(map(lock.acquire, (True,), (grace_seconds,)))
            if not taken[0]:
                self._failure = _closed
                self._transport.interrupt()
                taken[:] = map(lock.acquire, (True,))
            self._closed = True
            self._failure = _closed
            self._turns = NO_TURNS
            self._outbox.clear()
            self._transport.close(grace_seconds)
        finally:
            if taken == [True]:
                lock.release()

    def forget(self) -> None:
        """In a forked process: never touch the peer, which is the parent's."""
        self._lock = threading.RLock()  # another thread of the parent may have held it
        self._torn = False
        self._turns = NO_TURNS
        if not self._closed:
            self._closed = True
            self._failure = _foreign
            self._transport.forget()


def _is_owned(lock: Any) -> bool:
    """True if this thread holds the RLock."""
    return bool(lock._is_owned())


def _interrupted() -> TamisError:
    return ClosedError("an exception broke into the middle of a frame: make a new client")


def _closed() -> TamisError:
    return ClosedError("the client is closed")


def _foreign() -> TamisError:
    return ClosedError("the client belongs to the process that made it: make one after the fork")


# All channels of the process. A fork must reach them: a descriptor that stays open in the child
# would keep the daemon from seeing the end of its input.
_channels: weakref.WeakSet[Channel] = weakref.WeakSet()


def _after_fork() -> None:
    for channel in list(_channels):
        channel.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
