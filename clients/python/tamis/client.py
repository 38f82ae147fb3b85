"""The client: queries and rows in, the caller's own rows out.

Client spawns a daemon, connect() uses one that listens; after that they are the same. This module
is what callers see and what a client's life is; runner.py does the work. It is
long because most of it is the signatures and descriptions of the methods.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
import warnings
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, BinaryIO, Optional, TypeVar, Union

from . import raw, tables
from .channel import Channel
from .closing import Closing
from .connection import OPEN, PING, STATS
from .errors import ProtocolError
from .explain import Explanation
from .frames import Packer
from .journal import Journal
from .pages import address_of
from .passing import PassedFile, passed_object, passed_path
from .plans import Params, Query, make_options
from .prepared import Prepared
from .raw import Bytes, ByteStream, RawFilter, RawStats
from .result import Stats
from .runner import Runner, check_timeout
from .shared import POOL_BYTES
from .stream import Feed, Stream
from .table import Table
from .tables import TableInfo
from .transport import (
    ChildTransport,
    Command,
    SocketTransport,
    Transport,
    find_daemon,
    is_near,
)

T = TypeVar("T")
Default = Callable[[Any], Any]

VERSION = "0.1.0"
NAME = f"tamis-python {VERSION}"
START_SECONDS = 10.0  # for the daemon's WELCOME
GRACE_SECONDS = 2.0  # for it to end by itself
# What filter_bytes gives: its name here and the kind of result that is asked for.
RAW_RESULTS = {"rows": "rows", "views": "spans", "spans": "spans"}
RAW_RESULTS |= {"indices": "indices", "mask": "bitmap", "count": "count"}


class Client(Closing):
    """A daemon of our own, spawned as a child process, and the way to it.

    command: the tamisd to start, or its argument vector (--stdio is put behind); else $TAMISD, else
    tamisd on PATH, else one beside the package.
    default: called with a value that msgpack has no form for; returns one that it has.
    timeout: seconds for each request, unless the request says otherwise. None: no end.
    shared_bytes: at most so much memory is shared with the daemon, for large results of tables and
    for rows that come as bytes; it is used again when nothing looks at them any more. 0: none, nor
    does the daemon then fetch what is loaded from this process's memory, but has it sent.
    None: 256 MiB, but none if command is an argument vector that begins with another program than
    tamisd, which may start the daemon where this process's memory is not, or has a --shared-bytes
    of its own.
    busy_poll: a thread that waits for an answer looks for it, for some 15 microseconds, before it
    sleeps, so that a small question takes a third of the time. Only where this process may run on
    several processors and has no other Python threads, and seldom if answers do not come that soon.
    False: it sleeps at once.

    To be closed after use, best by `with`. May be used by several threads: one request runs at a
    time, the others wait. In a forked process make a new one.

    Raises DaemonNotFound, DaemonDied, ProtocolError or Timeout if no tamisd can be started.
    """

    _argv: Optional[list[str]] = None  # of a daemon that is ours to start again
    _busy_poll = True

    def __init__(
        self,
        command: Optional[Command] = None,
        *,
        default: Optional[Default] = None,
        timeout: Optional[float] = None,
        shared_bytes: Optional[int] = None,
        busy_poll: bool = True,
    ) -> None:
        check_timeout(timeout)
        if shared_bytes is not None and shared_bytes < 0:
            raise ValueError("shared_bytes must not be negative")
        self._argv = find_daemon(command)
        if shared_bytes is None:
            shared_bytes = POOL_BYTES if is_near(command) else 0
        self._shared_bytes = shared_bytes
        self._busy_poll = busy_poll
        self._start(self._spawn(self._argv), default, timeout)

    def _spawn(self, argv: list[str]) -> ChildTransport:
        return ChildTransport(argv, self._shared_bytes)

    def _start(
        self, transport: Transport, default: Optional[Default], timeout: Optional[float]
    ) -> None:
        if not hasattr(self, "_restarting"):
            self._restarting = threading.Lock()
        packer = Packer(default)
        channel = Channel(transport, packer, self._busy_poll)
        try:
            deadline = time.monotonic() + START_SECONDS
            proof = transport.proof
            address = proof and address_of(proof)
            memory = (address, proof) if address and proof else None
            request, frame = channel.connection.hello(NAME, memory)
            channel.section(deadline, channel.exchange, request, frame, deadline)
            channel.connection.welcome(request)
        except BaseException:
            channel.close(0.0)
            raise
        self._channel = channel
        self._transport = transport
        shares = "shared.memory" in channel.connection.capabilities
        self._runner = Runner(channel, packer, timeout, transport.pool if shares else None)

    def _restarted(self, dead: Runner) -> Optional[Runner]:
        """The runner of a daemon that was started in place of a dead one of ours; None if that one
        is not dead, or not ours, or the client is closed."""
        with self._restarting:
            if self._runner is not dead:  # another table, or thread, was faster
                return self._runner
            if self._argv is None or self._channel.closed or not self._channel.broken:
                return None
            seconds = dead.seconds(None)
            self._start(self._spawn(self._argv), dead.packer.default, seconds)
            return self._runner

    # What the caller asks ----------------------------------------------------------------------

    def filter(
        self,
        query: Query,
        rows: Iterable[T],
        /,
        *,
        params: Params = None,
        limit: Optional[int] = None,
        strict: bool = False,
        timeout: Optional[float] = None,
        **named: Any,
    ) -> list[T]:
        """The rows that match, the caller's own objects, in their order.

        query: text, or the structured form as nested lists or tuples.
        rows: mappings. Only the fields that the query reads are sent.
        params: values for `?` (a sequence) or `:name` (a mapping); **named: values for `:name`.
        limit: stop after so many matches. timeout: seconds.
        strict: raise TypeMismatch for the first value of a type that a condition cannot judge,
        such as a string for `age >= 18`; else such values are counted (last_stats.type_mismatch).

        Raises QueryError, ParameterError, EncodeError, RowError, LimitError, Timeout, DaemonDied,
        and TypeError for a row that is no mapping.
        """
        return self._runner.filter(query, rows, params, named, limit, strict, timeout)

    def indices(
        self,
        query: Query,
        rows: Iterable[Any],
        /,
        *,
        params: Params = None,
        limit: Optional[int] = None,
        strict: bool = False,
        timeout: Optional[float] = None,
        **named: Any,
    ) -> array[int]:
        """The numbers of the rows that match, ascending, as array('I'). Arguments as filter."""
        return self._runner.indices(query, rows, params, named, limit, strict, timeout)

    def mask(
        self,
        query: Query,
        rows: Iterable[Any],
        /,
        *,
        params: Params = None,
        limit: Optional[int] = None,
        strict: bool = False,
        timeout: Optional[float] = None,
        **named: Any,
    ) -> bytearray:
        """One byte a row, 1 for a match, else 0: for itertools.compress. Arguments as filter."""
        return self._runner.mask(query, rows, params, named, limit, strict, timeout)

    def count(
        self,
        query: Query,
        rows: Iterable[Any],
        /,
        *,
        params: Params = None,
        limit: Optional[int] = None,
        strict: bool = False,
        timeout: Optional[float] = None,
        **named: Any,
    ) -> int:
        """How many rows match. Arguments as filter."""
        return self._runner.count(query, rows, params, named, limit, strict, timeout)

    def stream(
        self,
        query: Query,
        rows: Iterable[T],
        /,
        *,
        params: Params = None,
        limit: Optional[int] = None,
        strict: bool = False,
        timeout: Optional[float] = None,
        chunk_rows: Optional[int] = None,
        in_flight: int = 4,
        **named: Any,
    ) -> Stream[T]:
        """An iterator over the rows that match, in their order, in bounded memory.

        rows: any iterable; it is read ahead by at most in_flight chunks.
        chunk_rows: rows that are sent at once; None: by their size, about 512 KiB.
        in_flight: chunks that may be under way at a time. For a live source, chunk_rows=1 and
        in_flight=1 hand out each match before the next row is asked for.
        timeout: seconds for each wait for the daemon; the caller's own time does not count.

        The client may be used between two rows. An exception of the iterable, close() of the
        stream or dropping it cancels what is under way. Errors come when iterating, after the
        matches before them; a QueryError comes at once.
        """
        runner = self._runner
        options = make_options("auto", params, named, limit, strict)
        return Stream(Feed(runner, query, rows, options, chunk_rows, in_flight, timeout), self)

    def prepare(self, query: Query, /, *, timeout: Optional[float] = None) -> Prepared:
        """The query for repeated use. filter() and the others do the like for a text they meet
        again: prepare() saves the look-up, checks a query early and tells its fields."""
        runner = self._runner
        deadline = runner.until(timeout)
        plan = runner.channel.section(deadline, runner.prepare, query, deadline)
        return Prepared(self, runner, plan)

    def explain(
        self,
        query: Query,
        rows: Optional[Iterable[Any]] = None,
        /,
        *,
        params: Params = None,
        timeout: Optional[float] = None,
        **named: Any,
    ) -> Explanation:
        """How the query is run; with rows it is run on them and measured (one batch of rows)."""
        return self._runner.explain(query, rows, params, named, timeout)

    def ping(self, *, timeout: Optional[float] = None) -> float:
        """Seconds of one round trip to the daemon."""
        started = time.perf_counter()
        answer = self._ask(PING, timeout)
        if answer[0] is not None:
            raise ProtocolError("a PONG with something that was not sent")
        return time.perf_counter() - started

    def stats(self, *, timeout: Optional[float] = None) -> dict[str, Any]:
        """The daemon's counters, see STATISTICS in proto/PROTOCOL.md."""
        told = self._ask(STATS, timeout)[0]
        if not isinstance(told, dict):
            raise ProtocolError("a STATISTICS reply without its map")
        return told

    def filter_bytes(
        self,
        data: Bytes,
        query: Query,
        /,
        *,
        format: str = "jsonl",
        result: str = "rows",
        delimiter: Optional[str] = None,
        header: Optional[bool] = None,
        names: Optional[Sequence[str]] = None,
        types: Optional[Mapping[str, str]] = None,
        ragged: bool = False,
        on_error: str = "fail",
        validate: bool = False,
        params: Params = None,
        limit: Optional[int] = None,
        strict: bool = False,
        timeout: Optional[float] = None,
        **named: Any,
    ) -> Any:
        """The rows of the data that match, without decoding any here.

        data: bytes of JSON lines, CSV or msgpack (docs/FORMATS.md), any size. Nobody may change
        them meanwhile.
        format: "jsonl", "csv", "tsv" or "msgpack".
        result: "rows": bytes, the rows byte for byte, each of JSON lines and CSV with its line
        end (CSV without the header). "views": memoryviews of the rows in data. "spans": (offset,
        size) pairs. "indices", "mask", "count": as the methods of that name.
        delimiter, header, names, types, ragged: of CSV. header=False: the first record is a row.
        names: instead of those of the header. types: column to "integer", "double", "boolean",
        "timestamp" or "text", which all others are. ragged: records may be too short or too long.
        on_error: "skip" steps over rows that are broken, and counts them (last_raw_stats).
        validate: check also the parts of rows that the query does not name.
        The rest as filter. RowError tells row and byte offset in data.
        """
        if isinstance(data, str):
            raise TypeError("data must be bytes, not str; it comes before the query")
        if result not in RAW_RESULTS:
            raise ValueError(f"result must be one of {', '.join(RAW_RESULTS)}, not {result!r}")
        shape = raw.layout(
            format,
            delimiter=delimiter,
            header=header,
            names=names,
            types=types,
            ragged=ragged,
            on_error=on_error,
            validate=validate,
        )
        options = make_options(None, params, named, limit, strict)
        options["result"] = RAW_RESULTS[result]
        if result == "rows" and "result.pieces" in self._channel.connection.capabilities:
            options["result"] = "pieces"  # of the data, which is here
        work = RawFilter(self._runner, query, (data,), shape, options, timeout, stable=True)
        answer = raw.collect(work, result, data)
        self._runner.note_raw(work.done)
        return answer

    def filter_stream(
        self,
        chunks: Iterable[Bytes],
        query: Query,
        /,
        *,
        format: str = "jsonl",
        delimiter: Optional[str] = None,
        header: Optional[bool] = None,
        names: Optional[Sequence[str]] = None,
        types: Optional[Mapping[str, str]] = None,
        ragged: bool = False,
        on_error: str = "fail",
        validate: bool = False,
        params: Params = None,
        limit: Optional[int] = None,
        strict: bool = False,
        timeout: Optional[float] = None,
        **named: Any,
    ) -> ByteStream:
        """An iterator over the bytes of the rows that match, in bounded memory.

        chunks: an iterable of bytes, cut anywhere, such as what a socket or a response gives; for a
        file there is filter_file. It is read only as fast as the daemon takes it.
        timeout: seconds for each wait for the daemon. The rest as filter_bytes.
        """
        return self._stream(
            chunks,
            None,
            query,
            format=format,
            delimiter=delimiter,
            header=header,
            names=names,
            types=types,
            ragged=ragged,
            on_error=on_error,
            validate=validate,
            params=params,
            limit=limit,
            strict=strict,
            timeout=timeout,
            named=named,
        )

    def filter_file(
        self,
        file: Union[str, bytes, os.PathLike[str], BinaryIO],
        query: Query,
        into: Optional[BinaryIO] = None,
        /,
        *,
        format: Optional[str] = None,
        delimiter: Optional[str] = None,
        header: Optional[bool] = None,
        names: Optional[Sequence[str]] = None,
        types: Optional[Mapping[str, str]] = None,
        ragged: bool = False,
        on_error: str = "fail",
        validate: bool = False,
        params: Params = None,
        limit: Optional[int] = None,
        strict: bool = False,
        timeout: Optional[float] = None,
        **named: Any,
    ) -> Any:
        """filter_stream over a file: a path, or an object with read.

        The daemon reads a regular file by itself, so that its bytes cross neither pipe nor socket:
        a spawned one by its path, one behind a socket by the descriptor, which is passed to it. A
        file object is read from where it stands.
        into: a binary file that the rows are written to; then returns a RawStats. Without it
        returns the ByteStream, which closes a file that it opened.
        format: None asks the ending of the name. The rest as filter_stream.
        """
        known = self._channel.connection.capabilities
        passes = "payload.descriptor" in known
        itself: Union[bytes, PassedFile, None] = None
        if isinstance(file, (str, bytes, os.PathLike)):
            chosen = format or raw.format_of(file)
            if "payload.file" in known:
                itself = raw.regular_path(file)
            elif passes:
                itself = passed_path(file)
            chunks: Iterable[Bytes] = raw.file_pieces(file)
        elif format is None:
            raise ValueError("a file object tells no format: give format=")
        else:
            chosen, chunks = format, raw.read_pieces(file)
            itself = passed_object(file) if passes else None
        stream = self._stream(
            chunks,
            itself,
            query,
            format=chosen,
            delimiter=delimiter,
            header=header,
            names=names,
            types=types,
            ragged=ragged,
            on_error=on_error,
            validate=validate,
            params=params,
            limit=limit,
            strict=strict,
            timeout=timeout,
            named=named,
        )
        if into is None:
            return stream
        with stream:
            for rows in stream:
                into.write(rows)
        return stream.stats

    def _stream(
        self,
        chunks: Iterable[Bytes],
        itself: Union[bytes, PassedFile, None],
        query: Query,
        *,
        params: Params,
        limit: Optional[int],
        strict: bool,
        timeout: Optional[float],
        named: Mapping[str, Any],
        **shape: Any,
    ) -> ByteStream:
        """A ByteStream over the chunks, or over the file that the daemon opens."""
        layout = raw.layout(**shape)
        options = make_options(None, params, named, limit, strict)
        options["result"] = "rows"
        work = RawFilter(self._runner, query, chunks, layout, options, timeout, file=itself)
        return ByteStream(work, self)

    def create_table(
        self,
        name: str,
        source: Any = None,
        *,
        key: Optional[str] = None,
        private: bool = False,
        exists: str = "fail",
        columns: Optional[Sequence[str]] = None,
        keep_source: bool = False,
        timeout: Optional[float] = None,
    ) -> Table:
        """A table that stays in the daemon, with the rows of the source (Table.append says what
        that may be), or without rows.

        key: the column whose values tell rows apart, for upsert and delete.
        private: for this client alone, until it is closed. Else the table is seen by all clients of
        the daemon that are of the same user, until it is dropped or the daemon ends.
        exists: if there is one of that name: "fail" (TableError), "open" it (its key must be the
        same; the rows are appended), or "replace" it.
        columns: the columns to take of the source; the names of rows that are sequences.
        keep_source: hold on to the source, and to those of later changes, so that the table can be
        loaded again when a spawned daemon has died: the next call then does so. A source that is a
        function is kept in any case, and called again.

        If the rows cannot be loaded, a table that is new is dropped again.
        """
        kept = keep_source or (callable(source) and not isinstance(source, type))
        if kept and exists == "open":
            raise ValueError("a table that is opened cannot be made again: keep_source is for new")
        runner = self._runner
        home, told = tables.create(runner, name, key, private, exists, timeout)
        table = Table(self, home, told, Journal() if kept else None)
        if source is not None:
            try:
                table.append(source, columns=columns, timeout=timeout)
            except BaseException:
                if exists != "open":
                    with contextlib.suppress(Exception):
                        table.drop(timeout=timeout)
                raise
        return table

    def table(self, name: str, /, *, timeout: Optional[float] = None) -> Table:
        """A table that is there; TableError if it is not."""
        tables.check_name(name)
        home, told = tables.opened(self._runner, OPEN, (name,), timeout)
        return Table(self, home, told, None)

    def tables(self, *, timeout: Optional[float] = None) -> list[TableInfo]:
        """The tables that this client sees, without their columns."""
        return tables.listed(self._runner, None, timeout)

    @property
    def last_raw_stats(self) -> Optional[RawStats]:
        """Counts of the last filter_bytes that this thread finished."""
        return self._runner.last_raw_stats

    @property
    def last_stats(self) -> Optional[Stats]:
        """Counts and warnings of the last filter, indices, mask or count of this thread."""
        return self._runner.last_stats

    @property
    def server(self) -> str:
        """Name and version that the daemon gives."""
        return self._channel.connection.server

    @property
    def limits(self) -> dict[str, int]:
        """The limits that the daemon told, by name (proto/limits.def)."""
        return dict(self._channel.connection.limits)

    @property
    def pid(self) -> Optional[int]:
        """Process id of a spawned daemon, None over a socket."""
        return self._transport.pid if isinstance(self._transport, ChildTransport) else None

    @property
    def closed(self) -> bool:
        return self._channel.closed

    def close(self) -> None:
        """End the connection, and a spawned daemon with it: by the end of its input, after two
        seconds by SIGTERM, then SIGKILL. A request of another thread gets two seconds to end,
        then ClosedError. Twice is once."""
        self._channel.close(GRACE_SECONDS)

    def __del__(self) -> None:
        channel: Optional[Channel] = getattr(self, "_channel", None)
        if channel is not None and not channel.closed:
            try:
                warnings.warn(f"unclosed {self!r}", ResourceWarning, stacklevel=2, source=self)
            finally:
                channel.close(GRACE_SECONDS)

    def __repr__(self) -> str:
        where = "a socket" if self.pid is None else f"process {self.pid}"
        state = "closed" if self.closed else where
        return f"<tamis.Client of {self.server!r}, {state}>"

    def _ask(self, kind: int, timeout: Optional[float]) -> list[Any]:
        """The answer to a request that is nothing but its kind."""
        deadline = self._runner.until(timeout)
        return self._channel.section(deadline, self._ask_now, kind, deadline)

    def _ask_now(self, kind: int, deadline: Optional[float]) -> list[Any]:
        channel = self._channel
        request = channel.connection.open(kind)
        channel.exchange(request, self._runner.packer.frame((kind, request.id)), deadline)
        return request.answer


def connect(
    path: Union[str, bytes, os.PathLike[str]],
    *,
    default: Optional[Default] = None,
    timeout: Optional[float] = None,
    busy_poll: bool = True,
) -> Client:
    """A client of the daemon that listens on the Unix socket at path. Arguments as Client.

    Raises OSError, with the path as its filename, if the socket cannot be reached, else as Client.
    """
    check_timeout(timeout)
    client = Client.__new__(Client)
    client._busy_poll = busy_poll
    client._start(SocketTransport(path, START_SECONDS), default, timeout)
    return client
