"""Rows as bytes: JSON lines, CSV or msgpack in, the bytes of the rows that match out.

Nothing is decoded here: the pieces of the input go to the daemon as they are, cut anywhere, and
what comes back are the rows that match, byte for byte.
"""

from __future__ import annotations

import io
import os
import stat
import sys
import time
from array import array
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO, NamedTuple, Optional, Union

from . import encode, pages, result
from .closing import Closing
from .connection import EXECUTE, ROWS, TAKEN, Request
from .errors import ClosedError, ProtocolError
from .frames import frame_of_bytes
from .passing import REFUSALS, PassedFile, Passing
from .runner import Runner, Source
from .shared import RING_BYTES, Place

Bytes = Union[bytes, bytearray, memoryview]
PIECE_BYTES = (1 << 20) - (16 << 10)  # with what is around it, as much as a pipe holds
FIRST_PIECE_BYTES = 128 << 10  # soon there; each is twice the one before
FORMATS = {".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl", ".csv": "csv", ".tsv": "csv"}
FORMATS |= {".msgpack": "msgpack", ".mpk": "msgpack"}


class RawStats(NamedTuple):
    """Counts of rows that came as bytes.

    stats: as of every request. bytes: of the input that were read. unfit: cells of CSV that were
    not of their declared type, and count as null. skipped: broken rows that were stepped over;
    skipped_at: the offsets of the first ones.
    """

    stats: result.Stats
    bytes: int
    unfit: int
    skipped: int
    skipped_at: tuple[int, ...]


class Layout(NamedTuple):
    """What the bytes are; see Client.filter_bytes."""

    format: str
    options: Mapping[str, Any]


def layout(
    format: str,
    *,
    delimiter: Optional[str],
    header: Optional[bool],
    names: Optional[Sequence[str]],
    types: Optional[Mapping[str, str]],
    ragged: bool,
    on_error: str,
    validate: bool,
) -> Layout:
    """Checks what can be checked here; the daemon checks the rest. TSV is CSV with tabs."""
    if format == "tsv":
        format, delimiter = "csv", delimiter or "\t"
    if format not in ("jsonl", "csv", "msgpack"):
        raise ValueError(f"format must be 'jsonl', 'csv', 'tsv' or 'msgpack', not {format!r}")
    if on_error not in ("fail", "skip"):
        raise ValueError(f"on_error must be 'fail' or 'skip', not {on_error!r}")
    options: dict[str, Any] = {"on_error": on_error}
    given = {"delimiter": delimiter, "header": header, "types": types and dict(types)}
    options.update({key: value for key, value in given.items() if value is not None})
    if names is not None:
        options["names"] = list(names)
    if ragged:
        options["ragged"] = True
    if validate:
        options["validate"] = True
    return Layout(format, options)


def format_of(path: Union[str, bytes, os.PathLike[str]]) -> str:
    """The format that the ending of a file name tells; ValueError if it tells none."""
    ending = os.path.splitext(os.fsdecode(path))[1].lower()
    if ending not in FORMATS:
        raise ValueError(f"the name {os.fsdecode(path)!r} tells no format: give format=")
    return "tsv" if ending == ".tsv" else FORMATS[ending]


def read_pieces(file: BinaryIO) -> Iterator[bytes]:
    """What a file gives, as it comes: a pipe's or socket's bytes are not waited for in bulk."""
    read = getattr(file, "read1", file.read)
    while piece := read(PIECE_BYTES):
        yield piece


def regular_path(path: Union[str, bytes, os.PathLike[str]]) -> Optional[bytes]:
    """The absolute path of a regular file; None for another kind of file. OSError if there is none,
    or if it may not be read."""
    # A pipe is not opened to look at it: its writer would end, and the next open wait for another.
    if not stat.S_ISREG(os.stat(path).st_mode):
        return None
    with open(path, "rb", buffering=0):
        pass
    return os.fsencode(os.path.abspath(path))


def file_pieces(path: Union[str, bytes, os.PathLike[str]]) -> Iterator[bytes]:
    """What a file has. It is opened with the first piece and closed with the last."""
    with open(path, "rb", buffering=0) as file:
        yield from read_pieces(file)


class RawFilter:
    """One request over pieces of bytes. Its results are taken as they come."""

    def __init__(
        self,
        runner: Runner,
        source: Source,
        chunks: Iterable[Bytes],
        layout: Layout,
        options: Mapping[str, Any],
        timeout: Optional[float],
        stable: bool = False,
        file: Union[bytes, PassedFile, None] = None,
    ) -> None:
        """stable: the chunks' memory stays as it is until the request is done: it is lent to the
        connection. file: one that the daemon reads in place of the chunks, by its path or passed to
        it; if it refuses one that was passed, the chunks are sent."""
        self._request: Optional[Request] = None
        self.done: Optional[RawStats] = None
        self._stable = stable
        self._file = file
        self._source = source
        self._options = dict(options)
        self._place: Optional[Place] = None
        self._read_bytes = 0  # of what came in the place, since the last TAKEN ...
        self._read_to = 0  # ... and where the last of it ended
        if options["result"] in ("rows", "pieces"):
            self._place = runner.ring(_bytes_of(chunks) if stable else sys.maxsize)
        if self._place is not None:
            self._options["into"] = (self._place.offset, self._place.size)
        self._head = b""
        self._runner = runner
        self._chunks = chunks
        self._layout = layout
        self.has_lines = layout.format != "msgpack"
        self._seconds = runner.seconds(timeout)
        most = runner.limits.get("frame_bytes", 64 << 20)
        self._most_bytes = max(1, min(PIECE_BYTES, most - 1024))
        self._piece_bytes = min(FIRST_PIECE_BYTES, self._most_bytes)
        deadline = self._deadline()
        try:
            runner.channel.section(deadline, self._open, deadline)
        finally:
            if self._request is None and isinstance(file, PassedFile):
                file.close()  # the query is wrong: nothing has been sent

    def __del__(self) -> None:
        if self._request is not None:  # dropped before its results were asked for
            self._give_up(self._request)

    def results(self) -> Generator[result.Result, None, None]:
        """All results in order; then `done` is there. Ending it early cancels the request.

        Data that is a memoryview holds until the next result is asked for.
        """
        if isinstance(self._file, PassedFile):
            yield from self._results_of_file(self._file)
            if self.done is not None:
                return
        request = self._request
        assert request is not None
        try:
            for chunk in self._chunks if self._file is None else ():
                for piece in self._pieces(chunk):
                    self._step(self._send, piece)
                    yield from self._taken(request)
                    if request.finished:  # an error, or the limit is reached
                        break
                if request.finished:
                    break
            self._step(self._end)
            yield from self._rest(request)
        finally:
            self._give_up(request)

    def _pieces(self, chunk: Bytes) -> Iterator[Union[memoryview, pages.Lent]]:
        """The bytes in parts that fit a message."""
        rest: Union[memoryview, pages.Lent, None] = pages.lend(chunk) if self._stable else None
        if rest is None:
            # What is left of a piece goes out while the next is made: it must stay as it is.
            rest = memoryview(chunk).cast("B")
            if not self._stable:
                rest = memoryview(bytes(rest))
        while len(rest) > 0:
            size = self._piece_bytes
            self._piece_bytes = min(2 * size, self._most_bytes)
            yield rest[:size]
            rest = rest[size:]

    def _results_of_file(self, file: PassedFile) -> Generator[result.Result, None, None]:
        """The same for a file that was passed. Without `done`: the daemon has refused it, and the
        request is open anew, for the chunks."""
        request = self._request
        assert request is not None
        try:
            self._step(self._wait)
            error = request.error
            if error is None or error.name not in REFUSALS or request.results:
                yield from self._rest(request)
        finally:
            self._give_up(request)
        if self.done is not None:
            file.read(self.done.bytes)
            return
        self._file = None
        deadline = self._deadline()
        self._runner.channel.section(deadline, self._open, deadline)

    def _rest(self, request: Request) -> Generator[result.Result, None, None]:
        """Results, until the request is finished."""
        while not request.finished:
            self._step(self._wait)
            yield from self._taken(request)
        yield from self._taken(request)
        if request.error is not None:
            raise request.error
        if not request.answer:
            raise ClosedError("the request was given up")
        self.done = raw_stats(request.answer[0], request.query)

    def _give_up(self, request: Request) -> None:
        if not request.finished or request.streams:
            self._runner.channel.abandon_later([request])

    def _open(self, deadline: Optional[float]) -> None:
        runner, channel, file = self._runner, self._runner.channel, self._file
        plan = runner.resolve(self._source, deadline)
        self._request = request = channel.connection.open(EXECUTE, plan.query)
        request.place = self._place
        self._read_bytes = 0
        opening: tuple[Any, ...] = (EXECUTE, request.id, plan.number, self._options)
        if file is None:
            opening += (None,)
        else:
            where = file.at if isinstance(file, PassedFile) else file
            opening += (("file", self._layout.format, where, self._layout.options),)
        try:
            frame = encode.frame_without_rows(runner.packer, opening, self._options)
            # The options of the bytes go with the first payload, which may be empty.
            first = ("bytes", self._layout.format, b"", self._layout.options)
            # The message of a piece but for the bytes, which are never copied here.
            self._head = runner.packer.pack((ROWS, request.id, ("bytes", self._layout.format, 0)))[
                :-1
            ]
            if file is None:
                frame += runner.packer.frame((ROWS, request.id, first))
        except BaseException:
            channel.connection.forget(request)
            raise
        request.streams = file is None
        channel.send(Passing(frame, file) if isinstance(file, PassedFile) else frame, deadline)

    def _send(
        self, piece: Union[memoryview, pages.Lent], request: Request, deadline: Optional[float]
    ) -> None:
        channel = self._runner.channel
        channel.look()
        if not request.finished:
            frame = self._told(request) + frame_of_bytes(self._head, len(piece))
            channel.send(frame, deadline, (piece,))

    def _end(self, request: Request, deadline: Optional[float]) -> None:
        if request.streams:
            channel = self._runner.channel
            channel.send(channel.connection.end(request), deadline)

    def _wait(self, request: Request, deadline: Optional[float]) -> None:
        channel = self._runner.channel
        told = b"" if request.finished or request.results else self._told(request)
        if told:
            channel.send(told, deadline)
        while not request.finished and not request.results:
            channel.step(deadline)

    def _step(self, work: Any, *args: Any) -> None:
        deadline = self._deadline()
        self._runner.channel.section(deadline, work, *args, self._request, deadline)

    def _taken(self, request: Request) -> Iterator[result.Result]:
        """What has come."""
        taken, request.results = request.results, []
        for found in taken:
            yield found
            if type(found[3]) is memoryview:
                self._read_bytes += len(found[3])
                self._read_to = request.ends.popleft()

    def _told(self, request: Request) -> bytes:
        """TAKEN, once it is worth a message."""
        if self._read_bytes < RING_BYTES // 16:
            return b""
        self._read_bytes = 0
        return self._runner.packer.frame((TAKEN, request.id, self._read_to))

    def _deadline(self) -> Optional[float]:
        return None if self._seconds is None else time.monotonic() + self._seconds


def _bytes_of(chunks: Iterable[Bytes]) -> int:
    return sum(memoryview(chunk).nbytes for chunk in chunks)


def raw_stats(done: Any, query: object) -> RawStats:
    """From the map of a DONE message; ProtocolError if it is none of rows as bytes."""
    stats = result.stats(done, query)
    read, unfit, skipped = done.get("bytes"), done.get("unfit"), done.get("skipped", [0])
    counts = [read, unfit, *(skipped if isinstance(skipped, list) else [None])]
    if any(type(count) is not int for count in counts) or len(counts) < 3:
        raise ProtocolError("a DONE message without the counts of its bytes")
    return RawStats(stats, read, unfit, counts[2], tuple(counts[3:]))


class ByteStream(Closing):
    """An iterator over the bytes of the rows that match; see Client.filter_stream.

    Each item has whole rows, one or more. close() (or the end of a `with`, or dropping it) cancels
    what is under way. stats: a RawStats, once it is exhausted.
    """

    def __init__(self, raw: RawFilter, owner: object) -> None:
        self._raw = raw
        self._owner = owner  # must live as long as this does
        self._results = raw.results()

    @property
    def stats(self) -> Optional[RawStats]:
        return self._raw.done

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        rows: Union[bytes, memoryview] = next(self._results)[3]
        return bytes(rows)  # itself, if it is bytes

    def close(self) -> None:
        """Cancel what is under way. Iterating on ends at once."""
        self._results.close()


def collect(raw: RawFilter, kind: str, data: Bytes) -> Any:
    """All results in the form that the caller asked for, checked against the counts of DONE."""
    if kind == "rows":
        return rows_of(raw, data)
    if kind == "count":
        for _ in raw.results():
            raise ProtocolError("a result that was not asked for")
        return finished(raw).matched
    results = list(raw.results())
    stats = finished(raw)
    if kind == "indices":
        return result.indices(results, stats.rows, stats.matched)
    if kind == "mask":
        return result.mask(results, stats.rows, stats.matched)
    spans = [span for _, _, _, part in results for span in spans_of(part, len(data))]
    if len(spans) != stats.matched:
        raise ProtocolError(f"{len(spans)} spans came, the daemon counted {stats.matched}")
    view = memoryview(data).cast("B")
    return spans if kind == "spans" else [view[at : at + size] for at, size in spans]


def finished(raw: RawFilter) -> result.Stats:
    """The counts of a request whose results have all come."""
    if raw.done is None:
        raise ProtocolError("results without an end")
    return raw.done.stats


def rows_of(raw: RawFilter, data: Bytes) -> bytes:
    """The bytes of the rows that match, in one. They are put there while the daemon looks at what
    comes behind, most of them from the data that is here already."""
    view = memoryview(data).cast("B")
    out = pages.room(len(view) + 1)  # and an end of line that the last of all may lack
    ahead = pages.Ahead(out)
    try:
        for kind, _, _, part in raw.results():
            if kind == "runs":
                write_runs(out, view, part, raw.has_lines)
            else:
                out.write(part)
            ahead.reached(out.tell())
    finally:
        ahead.close()
    finished(raw)
    out.truncate()
    return out.getvalue()


def write_runs(out: io.BytesIO, view: memoryview, part: bytes, has_lines: bool) -> None:
    """The bytes of the runs of one result, each of lines with an end of line, as "rows" has it."""
    numbers = u64(part)
    if not numbers:
        return
    end = numbers[-2] + numbers[-1]
    size = sum(numbers[1::2])
    if end > len(view) or size > len(view):  # they do not overlap
        raise ProtocolError("a result with a run beyond the bytes")
    start, write, pairs = out.tell(), out.write, iter(numbers)
    # Lines end, but for the last of all; the elements of an array do not, not one of them.
    if not has_lines or bytes(view[end - 1 : end]) == b"\n":
        for at, count in zip(pairs, pairs):
            write(view[at : at + count])
    else:
        for at, count in zip(pairs, pairs):
            run = view[at : at + count]
            write(run)
            if bytes(run[-1:]) != b"\n":
                size += write(b"\n")
    if out.tell() - start != size:
        raise ProtocolError("a result with a run beyond the bytes")


def spans_of(part: bytes, most: int) -> Iterator[tuple[int, int]]:
    """The (offset, size) pairs of a "spans" result over `most` bytes."""
    numbers = u64(part)
    for at, size in zip(numbers[::2], numbers[1::2]):
        if at + size > most:
            raise ProtocolError("a result with a span beyond the bytes")
        yield at, size


def u64(part: bytes) -> array[int]:
    """The little-endian numbers of a result of pairs."""
    if len(part) % 16:
        raise ProtocolError("a result whose spans are cut off")
    numbers = array("Q")
    numbers.frombytes(part)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers
