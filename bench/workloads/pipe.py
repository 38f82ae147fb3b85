"""pipe: 200 MB of rows that all match through `tamisd --stdio`, against a bare C child."""

from __future__ import annotations

import hashlib
import os
import select
import struct
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any

from msgpack import Unpacker

from harness import wire
from harness.bench import Bench
from harness.child import ChildFailed, peak_bytes, pipes, spawn, stop
from harness.race import Answer, race
from harness.report import Aim, Report, Table

TAMIS = "tamisd --stdio"
CAT = "bare C cat child"
QUERY = "id >= 0"
STREAM_BYTES = 200_000_000
FRAME_BYTES = 1 << 20
READ_BYTES = 1 << 20
STALL_SECONDS = 60
MIB = 1 << 20
MEMORY_AIM = 64 * MIB

SAYS = f"""\
The way of the spawned child with raw bytes, at its worst for moving data: `{QUERY}` keeps all rows,
so what goes in comes out. The cat child moves the same bytes and looks at nothing."""


def _groups(data: bytes, total: int) -> Iterator[tuple[int, bytes]]:
    """Groups of FRAME_BYTES, (rows, bytes), of `data` over and over until `total` bytes."""
    unpacker = Unpacker(max_buffer_size=len(data))
    unpacker.feed(data)
    groups = []
    start = count = 0
    while start < len(data):
        unpacker.skip()
        count += 1
        at = unpacker.tell()
        if at - start >= FRAME_BYTES or at == len(data):
            groups.append((count, data[start:at]))
            start, count = at, 0
    sent = 0
    while sent < total:
        for rows, chunk in groups:
            if sent < total:
                yield rows, chunk
                sent += len(chunk)


class _Input:
    """The stream as frames, made before any time is taken, and what must come back."""

    def __init__(self, data: bytes, total: int) -> None:
        self.frames: list[bytes] = []
        self.rows = self.row_bytes = 0
        digest = hashlib.blake2b()
        options = {"result": "rows"}
        self.frames.append(wire.frame(wire.KIND["FILTER"], 1, QUERY, options, None))
        for rows, chunk in _groups(data, total):
            body = b"\x93" + bytes((wire.KIND["ROWS"], 1)) + b"\x92\xa4maps" + wire.array_head(rows)
            self.frames.append(wire.frame_of(body + chunk))
            self.rows += rows
            self.row_bytes += len(chunk)
            digest.update(chunk)
        self.frames.append(wire.frame(wire.KIND["END"], 1))
        self.row_digest = digest.hexdigest()
        self.frame_bytes = sum(map(len, self.frames))


class _Pump:
    """A child on pipes: writes frames from a thread while the caller reads."""

    def __init__(self, command: Sequence[Any]) -> None:
        self.child = spawn(command)
        stdin, stdout = pipes(self.child)
        self._in, self._out = stdin.fileno(), stdout.fileno()
        self._buffer = memoryview(bytearray(READ_BYTES))

    def _write(self, frames: Sequence[bytes]) -> None:
        with suppress(BrokenPipeError):  # the reader tells that the child has gone
            for item in frames:
                left = memoryview(item)
                while left:
                    left = left[os.write(self._in, left) :]

    def run(self, frames: Sequence[bytes], take: Callable[[memoryview], bool]) -> float:
        """Seconds from the first write until take(bytes read) says that this was the last.

        Raises ChildFailed if the child ends or is silent for STALL_SECONDS.
        """
        start = time.perf_counter()
        writer = threading.Thread(target=self._write, args=(frames,), daemon=True)
        writer.start()
        try:
            while not take(self._read()):
                pass
            seconds = time.perf_counter() - start
        except BaseException:
            self.child.kill()  # or the writer would wait for ever
            raise
        finally:
            writer.join()
        return seconds

    def _read(self) -> memoryview:
        if not select.select([self._out], [], [], STALL_SECONDS)[0]:
            raise ChildFailed(f"nothing for {STALL_SECONDS} s")
        got = os.readv(self._out, [self._buffer])
        if got == 0:
            raise ChildFailed(f"the child ended within the stream, status {self.child.wait()}")
        return self._buffer[:got]


class _Replies:
    """Takes a daemon's replies as they come, up to DONE.

    Rows are not gathered, only counted and given to `sink` if there is one: the driver must cost
    the daemon's run no more than it costs the cat's.
    """

    HEAD_BYTES = 64  # enough for all of RESULT but its rows

    def __init__(self, sink: Callable[[bytes | memoryview], Any] | None) -> None:
        self._sink = sink
        self._head = bytearray()
        self._need = 4
        self._rows_left = 0
        self.row_bytes = 0
        self.done: dict[str, Any] = {}

    def take(self, piece: memoryview) -> bool:
        while piece and not self.done:
            if self._rows_left:
                part = piece[: self._rows_left]
                self._rows_left -= len(part)
                self._pass_rows(part)
            else:
                part = piece[: self._need - len(self._head)]
                self._head += part
                if len(self._head) == self._need:
                    self._read_head()
            piece = piece[len(part) :]
        return bool(self.done)

    def _pass_rows(self, part: bytes | memoryview) -> None:
        self.row_bytes += len(part)
        if self._sink:
            self._sink(part)

    def _read_head(self) -> None:
        """Called with what was needed: a length, a RESULT's head, or all of another message."""
        (length,) = struct.unpack_from(">I", self._head)
        if self._need == 4:
            self._need += min(length, self.HEAD_BYTES)
        elif self._head[5] == wire.KIND["RESULT"]:
            start = self._rows_start()
            self._rows_left = 4 + length - len(self._head)
            self._pass_rows(bytes(self._head[start:]))
            self._head.clear()
            self._need = 4
        elif self._need < 4 + length:
            self._need = 4 + length
        else:
            self._finish(wire.unpack(self._head[4:]))

    def _rows_start(self) -> int:
        """Where in a RESULT's head its bin of rows begins, behind the bin's own head."""
        unpacker = Unpacker()
        unpacker.feed(self._head[4:])
        unpacker.read_array_header()
        for _ in range(5):
            unpacker.skip()
        at = 4 + int(unpacker.tell())
        return at + {0xC4: 2, 0xC5: 3, 0xC6: 5}[self._head[at]]

    def _finish(self, message: list[Any]) -> None:
        if message[0] != wire.KIND["DONE"]:
            raise ChildFailed(f"the daemon sent {message}")
        self.done = message[2]


class DaemonContestant:
    """tamisd as a child. The first run compares every byte that comes back, others their number."""

    def __init__(self, bench: Bench, stream: _Input) -> None:
        self.name = TAMIS
        self._stream = stream
        self._pump = _Pump([bench.tamisd, "--stdio"])
        self._pump.run([wire.hello()], lambda piece: True)
        self.idle_bytes = self.peak_bytes = peak_bytes(self._pump.child.pid)
        self._verified = False

    def run(self) -> tuple[float, Answer]:
        digest = hashlib.blake2b()
        replies = _Replies(None if self._verified else digest.update)
        seconds = self._pump.run(self._stream.frames, replies.take)
        if not self._verified and digest.hexdigest() != self._stream.row_digest:
            raise ChildFailed("the rows that came back are not the rows that were sent")
        self._verified = True
        if replies.row_bytes != self._stream.row_bytes:
            raise ChildFailed(f"{replies.row_bytes} row bytes came back")
        self.peak_bytes = peak_bytes(self._pump.child.pid)
        return seconds, Answer(replies.done["rows"], replies.done["matched"])

    def close(self) -> None:
        stop(self._pump.child)


class CatContestant:
    """The same bytes through a child that does nothing; the reader only counts."""

    def __init__(self, bench: Bench, stream: _Input) -> None:
        self.name = CAT
        self._stream = stream
        self._pump = _Pump([bench.program("cat_child")])

    def run(self) -> tuple[float, Answer]:
        left = self._stream.frame_bytes

        def take(piece: memoryview) -> bool:
            nonlocal left
            left -= len(piece)
            return left <= 0

        seconds = self._pump.run(self._stream.frames, take)
        return seconds, Answer(self._stream.rows, self._stream.rows)

    def close(self) -> None:
        stop(self._pump.child)


def run(bench: Bench) -> Report:
    total = STREAM_BYTES if not bench.small else STREAM_BYTES // 10
    stream = _Input(bench.data("msgpack").read_bytes(), total)
    daemon = DaemonContestant(bench, stream)
    result = race("pipe", [daemon, CatContestant(bench, stream)], bench.rounds)
    lines = []
    for name, timing in result.timings.items():
        rate = stream.row_bytes / timing.median / 1e6
        slower = 1 / timing.times_faster(result.timings[CAT])
        lines.append([name, f"{rate:,.0f} (±{100 * timing.spread:.0f} %)", f"{slower:.2f}"])
    size = f"{stream.row_bytes / 1e6:.0f} MB"
    title = f"{size}, {stream.rows:,} rows, frames of 1 MiB"
    peak = daemon.peak_bytes
    aim = f"{size} of rows with the daemon's peak memory below {MEMORY_AIM / MIB:.0f} MiB"
    return Report(
        "Row stream through a pipe, everything kept",
        SAYS,
        [Table(title, ["child", "MB/s of rows", "times the time of cat"], lines)],
        [Aim(aim, f"{peak / MIB:.1f} MiB", peak < MEMORY_AIM)],
        [
            f"the daemon held {daemon.idle_bytes / MIB:.1f} MiB after HELLO; its peak (VmHWM) is "
            + f"over {bench.rounds + 1} streams on one connection",
            "the driver is one Python process, a thread that writes and one that reads; the first "
            + "run compares every byte that comes back with what was sent, the others their number",
        ],
        figures={"stream": result.timings[TAMIS].median, "peak bytes": float(peak)},
    )
