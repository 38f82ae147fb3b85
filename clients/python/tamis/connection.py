"""The protocol state of one connection, without any I/O: bytes in, finished requests out.

A Connection numbers the requests, makes their frames and sorts the replies to the requests that
wait for them. It knows no sockets, no clock and no threads, so that a blocking driver (channel.py)
and a later asyncio driver can share it. It is not thread-safe: the driver holds a lock.

A connection-level error (garbage, an ERROR that belongs to no request) is raised by receive();
after that the connection is of no use.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Optional

from .errors import ProtocolError, TamisError, from_reply
from .frames import Decoder, Packer
from .shared import Place

VERSION = 1

# Kinds of messages, proto/messages.def.
HELLO, FILTER, PREPARE, EXECUTE, ROWS, END = 1, 2, 3, 4, 5, 6
CANCEL, PING, STATS, EXPLAIN, CLOSE = 7, 8, 9, 10, 11
CREATE, OPEN, LOAD, DELETE, DROP, DESCRIBE, QUERIES, TAKEN = 12, 13, 14, 15, 16, 17, 18, 19
WELCOME, RESULT, DONE, ERROR, PREPARED = 65, 66, 67, 68, 69
PONG, STATISTICS, EXPLAINED, CLOSED = 70, 71, 72, 73
TABLE, CHANGED, DESCRIBED, RESULT_OF, USED = 74, 75, 76, 77, 78

# Replies that end a request, with their number of elements.
LAST = {WELCOME: 3, DONE: 3, PREPARED: 4, PONG: 3, STATISTICS: 3, EXPLAINED: 3, CLOSED: 3}
LAST |= {TABLE: 4, CHANGED: 3, DESCRIBED: 3}
# The reply that ends a request of each kind.
ANSWER = {
    HELLO: WELCOME,
    FILTER: DONE,
    PREPARE: PREPARED,
    EXECUTE: DONE,
    PING: PONG,
    STATS: STATISTICS,
    EXPLAIN: EXPLAINED,
    CLOSE: CLOSED,
    CREATE: TABLE,
    OPEN: TABLE,
    LOAD: CHANGED,
    DELETE: CHANGED,
    DROP: CHANGED,
    DESCRIBE: DESCRIBED,
    QUERIES: DONE,
}
LISTS = ("columns", "counts")  # kinds of results whose data is no bin
QUICK = 2**32 - 1  # the id of the one request at a time that goes the way of quick.py
LAST_ID = QUICK - 1  # of all others
LEAST_REPLY_BYTES = 64 << 20  # a reply's frame may have this much, or frame_bytes if that is more


class Request:
    """One request and what has come back for it so far.

    results: (kind, base, rows, data) of each RESULT, in order. data is bytes, but a list for
    "columns" and "counts", which only tables give. results_of: the number of the query and the
    same, of each RESULT_OF. answer: the elements of the last reply after kind and id. error: what
    the daemon said instead. finished: nothing more will come. streams: its row stream is open: END
    is still to be sent, or CANCEL if it is answered before that. place: where in shared memory the
    daemon may put its results; their data is then a memoryview. ends: for each of these, where in
    the whole memory it ends. used: the payloads of a load of which the daemon has all that it
    fetches itself.
    """

    __slots__ = (
        "answer",
        "ends",
        "error",
        "expects",
        "finished",
        "id",
        "place",
        "query",
        "results",
        "results_of",
        "streams",
        "used",
    )

    def __init__(self, id: int, kind: int, query: object) -> None:
        self.id = id
        self.query = query
        self.expects = ANSWER[kind]
        self.place: Optional[Place] = None
        self.ends: deque[int] = deque()
        self.results: list[tuple[str, int, int, Any]] = []
        self.results_of: list[tuple[int, tuple[str, int, int, Any]]] = []
        self.answer: list[Any] = []
        self.error: Optional[TamisError] = None
        self.finished = False
        self.streams = False
        self.used = 0


class Connection:
    """Requests to frames, bytes to replies."""

    def __init__(self, packer: Packer) -> None:
        self.packer = packer
        self.limits: dict[str, int] = {}
        self.server = ""
        self.capabilities: list[str] = []
        self.stale_plans: list[int] = []  # plans whose request had been given up: to be closed
        self._decoder = Decoder(LEAST_REPLY_BYTES)
        self._open: dict[int, Request] = {}
        # With the places that the daemon may still write to.
        self._given_up: dict[int, Optional[Place]] = {}
        self._last_id = 0

    @property
    def wanted(self) -> int:
        """Bytes that are missing of the reply that has begun, 0 if that is not known."""
        return self._decoder.wanted

    @property
    def inside(self) -> bool:
        """True if the last bytes that came ended in the middle of a frame."""
        return self._decoder.inside

    def open(self, kind: int, query: object = None) -> Request:
        """A new request of that kind. Its id is not in use; the caller sends the frames.

        query is kept for the errors only.
        """
        number = self._last_id % LAST_ID + 1
        while number in self._open or number in self._given_up:
            number = number % LAST_ID + 1
        self._last_id = number
        request = self._open[number] = Request(number, kind, query)
        return request

    def open_quick(self, kind: int, query: object, place: Optional[Place]) -> Request:
        """The request whose id is QUICK, which has been sent already."""
        request = self._open[QUICK] = Request(QUICK, kind, query)
        request.place = place
        return request

    @property
    def is_quick_free(self) -> bool:
        """True if QUICK is no open request, nor one of which there may still come something, and
        what comes next is the beginning of a frame."""
        return not (self.inside or QUICK in self._open or QUICK in self._given_up)

    def forget(self, request: Request) -> None:
        """Take back an open request of which nothing was sent."""
        self._open.pop(request.id, None)

    def cancel(self, request: Request) -> bytes:
        """Give up a request: the frame to send, empty if it has been answered already.

        What still comes for it is dropped. One that was answered while its rows came is an open
        request to the daemon until it hears END or CANCEL; it does not answer the latter.
        """
        streams, request.streams = request.streams, False
        if request.finished and streams:
            return self.packer.frame((CANCEL, request.id))
        if request.finished or self._open.pop(request.id, None) is None:
            return b""
        request.finished = True
        self._given_up[request.id] = request.place
        return self.packer.frame((CANCEL, request.id))

    def end(self, request: Request) -> bytes:
        """The end of a row stream: END, or CANCEL if there is an answer already."""
        if request.finished:
            return self.cancel(request)
        request.streams = False
        return self.packer.frame((END, request.id))

    def close_plan(self, plan: int) -> bytes:
        """The frame that closes a plan. Its reply is not waited for."""
        request = self.open(CLOSE)
        return self.packer.frame((CLOSE, request.id, plan))

    def hello(
        self, client: str, memory: Optional[tuple[int, bytes]] = None
    ) -> tuple[Request, bytes]:
        """The first request and its frame. memory: an address of ours, and the bytes there."""
        request = self.open(HELLO)
        options: dict[str, Any] = {"version": VERSION, "capabilities": [], "client": client}
        if memory is not None:
            options["memory"] = memory
        return request, self.packer.frame((HELLO, request.id, options))

    def welcome(self, request: Request) -> None:
        """Take the limits out of the answer to hello(); ProtocolError if it is none."""
        told = request.answer[0] if request.answer else None
        if not isinstance(told, dict) or told.get("version") != VERSION:
            raise ProtocolError("the peer's WELCOME does not name protocol version 1")
        self.server = str(told.get("server", ""))
        names = told.get("capabilities")
        self.capabilities = [str(name) for name in names] if isinstance(names, list) else []
        limits = told.get("limits")
        if isinstance(limits, dict):
            self.limits = {str(k): v for k, v in limits.items() if type(v) is int and v >= 0}
        most = max(LEAST_REPLY_BYTES, self.limits.get("frame_bytes", 0)) + 1024
        self._decoder.most_bytes = most

    def receive(self, data: bytes) -> None:
        """Take bytes from the peer and hand their messages to the requests they answer.

        Raises ProtocolError, or what the daemon says about the connection as a whole. Requests
        that finished in the same bytes before that are finished.
        """
        for message in self._decoder.feed(data):
            if type(message) is not list or len(message) < 3:
                raise ProtocolError("a reply that is no array of three elements or more")
            kind, number = message[0], message[1]
            try:
                request = self._open.get(number)
                known = request is not None or number in self._given_up
            except TypeError:  # an id that cannot be a key
                raise ProtocolError("a reply whose id is no number") from None
            if not known:
                raise self._stranger(kind, number, message)
            if kind == RESULT:
                if request is not None:
                    request.results.append(_result(request, message[2:]))
            elif kind == RESULT_OF:
                if request is not None:
                    number = message[2]
                    if type(number) is not int or number < 0:
                        raise ProtocolError("a RESULT_OF of no query")
                    request.results_of.append((number, _result(request, message[3:])))
            elif kind == USED:
                if request is not None:
                    request.used = _used(request, message[2:])
            elif kind == ERROR or kind in LAST:
                self._finish(request, kind, number, message)
            else:
                raise ProtocolError(f"a reply of unknown kind {kind!r}")

    def _finish(
        self, request: Optional[Request], kind: int, number: int, message: list[Any]
    ) -> None:
        if request is None:
            self._given_up.pop(number, None)
            if kind == PREPARED and type(message[2]) is int:
                self.stale_plans.append(message[2])
            return
        if kind == ERROR:
            request.error = from_reply(_details(message), request.query)
        elif kind != request.expects or len(message) != LAST[kind]:
            raise ProtocolError(f"a reply of kind {kind}, expected was {request.expects}")
        else:
            request.answer = message[2:]
        request.finished = True
        del self._open[number]

    def _stranger(self, kind: Any, number: Any, message: list[Any]) -> TamisError:
        """What a reply means that belongs to no request."""
        if kind == ERROR and number == 0:
            return from_reply(_details(message))
        return ProtocolError(f"a reply of kind {kind!r} to request {number!r}, which is not open")


def _details(message: list[Any]) -> dict[str, Any]:
    details = message[2]
    if len(message) != 3 or not isinstance(details, dict):
        raise ProtocolError("an ERROR without its map")
    return details


def _result(request: Request, message: list[Any]) -> tuple[str, int, int, Any]:
    """kind, base, rows and data of a RESULT or RESULT_OF."""
    if len(message) != 4 or request.expects != DONE:
        raise ProtocolError("a RESULT of the wrong form")
    kind, base, rows, data = message
    if type(kind) is not str or type(base) is not int or type(rows) is not int:
        raise ProtocolError("a RESULT with elements of the wrong types")
    if base < 0 or rows < 0:
        raise ProtocolError("a RESULT with elements of the wrong types")
    if type(data) is not (list if kind in LISTS else bytes):
        return kind, base, rows, _placed(request, data)
    return kind, base, rows, data


def _used(request: Request, message: list[Any]) -> int:
    """How many payloads a USED tells of: more than the one before."""
    if len(message) != 1 or request.expects != CHANGED or type(message[0]) is not int:
        raise ProtocolError("a USED of the wrong form")
    if message[0] <= request.used:
        raise ProtocolError("a USED of what was used before")
    used: int = message[0]
    return used


def _placed(request: Request, data: Any) -> memoryview:
    """The data of a RESULT that tells where in shared memory it is."""
    if type(data) is not list or len(data) != 2 or request.place is None:
        raise ProtocolError("a RESULT with elements of the wrong types")
    offset, size = data
    if type(offset) is not int or type(size) is not int:
        raise ProtocolError("a RESULT with elements of the wrong types")
    try:
        view = request.place.piece(offset, size)
    except ValueError as error:
        raise ProtocolError(f"a RESULT with {error}") from None
    request.ends.append(offset + size)
    return view
