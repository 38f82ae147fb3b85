"""The protocol as raw messages: what a client of proto/PROTOCOL.md sends and gets, with nothing in
between.

A Connection never writes without reading, so no size of request or reply can hang it, and every
wait ends at a deadline. It does not hide anything: requests are message bytes, replies are lists of
values. Answer puts the replies to one FILTER together and checks what the protocol promises about
them.
"""

from __future__ import annotations

import os
import select
import socket
import struct
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self, cast

from tests.lib import mp
from tests.lib.mp import Plain, Value

ROOT = Path(__file__).resolve().parents[2]

# How long anything may take before it counts as a hang; sanitized builds are many times as slow.
PATIENCE_S = 120.0 if "TAMIS_SANITIZER" in os.environ else 30.0

HELLO, FILTER, PREPARE, EXECUTE, ROWS, END, CANCEL, PING, STATS, EXPLAIN, CLOSE = range(1, 12)
CREATE, OPEN, LOAD, DELETE, DROP, DESCRIBE, QUERIES, TAKEN = range(12, 20)
WELCOME, RESULT, DONE, ERROR, PREPARED, PONG, STATISTICS, EXPLAINED, CLOSED = range(65, 74)
TABLE, CHANGED, DESCRIBED, RESULT_OF, USED = range(74, 79)

Fields = dict[str, Value]


class Broken(Exception):
    """The daemon ended the stream, or broke the protocol."""


class Refused(Exception):
    """An ERROR where something else was asked for; args: its name and its message."""


class Late(Exception):
    """Nothing came before the deadline."""


def tamisd() -> Path:
    """The daemon under test: TAMISD, or the dev build's (relative to the project's root)."""
    return Path(os.environ.get("TAMISD") or ROOT / "build" / "dev" / "tamisd")


def frame(message: Plain) -> bytes:
    """One message as a frame."""
    body = mp.encode(message)
    return struct.pack(">I", len(body)) + body


def fields(value: Value) -> Fields:
    """A map with str keys as a dict. Raises Broken for anything else."""
    if not isinstance(value, mp.Map):
        raise Broken(f"a map was expected, not {value!r}")
    out: Fields = {}
    for key, item in value.pairs:
        if not isinstance(key, mp.Str):
            raise Broken(f"a str key was expected, not {key!r}")
        out[key.raw.decode()] = item
    return out


def last_fields(replies: Sequence[list[Value]], kind: int) -> Fields:
    """The map at the end of the last reply, which is to be of a kind. Raises Refused or Broken."""
    last = replies[-1]
    said = fields(last[-1])
    if last[0] == ERROR:
        raise Refused(text_of(said["name"]), text_of(said["message"]))
    if last[0] != kind:
        raise Broken(f"a reply of kind {kind} was expected, not {last!r}")
    return said


def text_of(value: Value) -> str:
    """A str value as Python text. Raises Broken for another type."""
    if not isinstance(value, mp.Str):
        raise Broken(f"a str was expected, not {value!r}")
    return value.raw.decode()


class Connection:
    """Both ends of one conversation with the daemon, over file descriptors."""

    def __init__(self, read_fd: int, write_fd: int, timeout_s: float = PATIENCE_S) -> None:
        self._read_fd, self._write_fd = read_fd, write_fd
        self._input = bytearray()
        self._timeout_s = timeout_s
        self._next_id = 1
        self._eof = False
        self.process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        os.set_blocking(read_fd, False)
        os.set_blocking(write_fd, False)

    @classmethod
    def spawn(
        cls,
        *options: str,
        timeout_s: float = PATIENCE_S,
        hello: bool = True,
        pass_fds: Sequence[int] = (),
    ) -> Connection:
        """Starts `tamisd --stdio` with more options and says HELLO to it."""
        process = subprocess.Popen(
            [str(tamisd()), "--stdio", *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=pass_fds,
        )
        assert process.stdin is not None and process.stdout is not None
        connection = cls(process.stdout.fileno(), process.stdin.fileno(), timeout_s)
        connection.process = process
        if hello:
            connection.hello()
        return connection

    @classmethod
    def connect(
        cls, path: str | Path, timeout_s: float = PATIENCE_S, hello: bool = True
    ) -> Connection:
        """Connects to `tamisd --listen path` and says HELLO to it."""
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(str(path))
        connection = cls(sock.fileno(), sock.fileno(), timeout_s)
        connection._socket = sock
        if hello:
            connection.hello()
        return connection

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None and self.process is not None:
            self.process.kill()  # it may be what failed; do not wait for a clean end
        self.close()

    def close(self) -> int | None:
        """Ends the input, takes what is still said, and gives a spawned daemon's exit status.

        A negative status is a signal. Raises Late for a daemon that does not end (it is killed).
        """
        if self._socket is not None:
            self._socket.close()
        if self.process is None:
            return None
        assert self.process.stdin is not None and self.process.stdout is not None
        if not self.process.stdin.closed:
            self.process.stdin.close()
        try:
            self.read_to_end()
            return self.process.wait(self._timeout_s)
        except (Late, subprocess.TimeoutExpired) as exc:
            raise Late("the daemon does not end with its input") from exc
        finally:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()

    def new_id(self) -> int:
        """An id that no request of this connection has had."""
        self._next_id += 1
        return self._next_id

    def send(self, data: bytes) -> None:
        """Writes all of data, keeping what comes back meanwhile. Raises Late or Broken."""
        deadline = time.monotonic() + self._timeout_s
        view = memoryview(data)
        while view:
            readable, writable = self._wait(deadline, writing=True)
            if readable:
                self._fill()
            if writable:
                try:
                    view = view[os.write(self._write_fd, view[: 1 << 16]) :]
                except BlockingIOError:
                    continue
                except BrokenPipeError as exc:
                    raise Broken("the daemon takes no more input") from exc

    def receive(self) -> list[Value]:
        """The next message. Raises Late, or Broken at the end of the stream."""
        deadline = time.monotonic() + self._timeout_s
        while True:
            message = self._cut()
            if message is not None:
                return message
            if self._eof:
                raise Broken(f"the stream ended with {len(self._input)} bytes left over")
            if self._wait(deadline, writing=False)[0]:
                self._fill()

    def send_without_reading(self, data: bytes, quiet_s: float) -> int:
        """Writes until all is written or nothing more is taken for quiet_s; the bytes written."""
        view = memoryview(data)
        while view and select.select([], [self._write_fd], [], quiet_s)[1]:
            view = view[os.write(self._write_fd, view[: 1 << 16]) :]
        return len(data) - len(view)

    def at_end(self) -> bool:
        """Waits for the end of the stream; False if anything came before it."""
        return self.read_to_end() == b""

    def read_to_end(self) -> bytes:
        """All bytes up to the end of the stream."""
        deadline = time.monotonic() + self._timeout_s
        while not self._eof:
            if self._wait(deadline, writing=False)[0]:
                self._fill()
        data = bytes(self._input)
        self._input.clear()
        return data

    def _wait(self, deadline: float, writing: bool) -> tuple[bool, bool]:
        left = deadline - time.monotonic()
        if left <= 0:
            raise Late(f"nothing happened for {self._timeout_s} s")
        reads = [] if self._eof else [self._read_fd]
        ready = select.select(reads, [self._write_fd] if writing else [], [], left)
        return bool(ready[0]), bool(ready[1])

    def _fill(self) -> None:
        try:
            data = os.read(self._read_fd, 1 << 18)
        except BlockingIOError:
            return
        except ConnectionResetError:
            data = b""
        self._eof = not data
        self._input += data

    def _cut(self) -> list[Value] | None:
        if len(self._input) < 4:
            return None
        end = 4 + int.from_bytes(self._input[:4], "big")
        if len(self._input) < end:
            return None
        value = mp.decode(bytes(self._input[4:end]))
        del self._input[:end]
        if not isinstance(value, list) or len(value) < 2 or not isinstance(value[0], int):
            raise Broken(f"no message: {value!r}")
        return value

    def replies(self, request_id: int) -> list[list[Value]]:
        """All replies to a request, up to and with its last one.

        Raises Broken if another request's comes.
        """
        out: list[list[Value]] = []
        while True:
            message = self.receive()
            if message[1] != request_id:
                raise Broken(f"a reply to {request_id} was expected, not {message!r}")
            out.append(message)
            if message[0] not in (RESULT, RESULT_OF, USED):
                return out

    def call(self, kind: int, *elements: Plain) -> list[list[Value]]:
        """Sends one request with a new id and gives its replies."""
        request_id = self.new_id()
        self.send(frame([kind, request_id, *elements]))
        return self.replies(request_id)

    def hello(self, **more: Plain) -> Fields:
        """Says HELLO, with more keys in its map; the fields of WELCOME."""
        said: dict[str, Plain] = {"version": 1, "capabilities": [], "client": "tests", **more}
        reply = self.call(HELLO, said)[-1]
        if reply[0] != WELCOME:
            raise Broken(f"no welcome: {reply!r}")
        return fields(reply[2])

    def filter(self, query: Plain, payload: Plain, **options: Plain) -> Answer:
        """One FILTER, put together."""
        return Answer.of(self.call(FILTER, query, options, payload))

    def load(self, table: Plain, payloads: Iterable[Plain], **options: Plain) -> Fields:
        """LOAD of these payloads, as a row stream; what CHANGED says.

        Raises Refused with the error's name and message.
        """
        request_id = self.new_id()
        parts = [frame([LOAD, request_id, table, options, None])]
        parts += [frame([ROWS, request_id, payload]) for payload in payloads]
        parts.append(frame([END, request_id]))
        self.send(b"".join(parts))
        return last_fields(self.replies(request_id), CHANGED)

    def create(self, name: str, **options: Plain) -> int:
        """CREATE; the table's number. Raises Refused with the error's name and message."""
        replies = self.call(CREATE, name, options)
        number = replies[-1][2]
        last_fields(replies, TABLE)
        assert isinstance(number, int)
        return number

    def stream(
        self, kind: int, subject: Plain, payloads: Iterable[Plain], options: Mapping[str, Plain]
    ) -> Answer:
        """FILTER or EXECUTE as a row stream of these payloads, put together."""
        request_id = self.new_id()
        parts = [frame([kind, request_id, subject, options, None])]
        parts += [frame([ROWS, request_id, payload]) for payload in payloads]
        parts.append(frame([END, request_id]))
        self.send(b"".join(parts))
        return Answer.of(self.replies(request_id))


@dataclass
class Answer:
    """The replies to one FILTER, EXECUTE or row stream.

    indices: the matching rows, for the result kinds that tell them. rows: the row bytes of each
    RESULT chunk. done: what DONE says, empty after an error. error: what ERROR says, or None.
    """

    indices: list[int] = field(default_factory=list)
    rows: list[bytes] = field(default_factory=list)
    done: Fields = field(default_factory=dict)
    error: Fields | None = None

    @property
    def code(self) -> str:
        """The error's name, or "OK"."""
        return "OK" if self.error is None else text_of(self.error["name"])

    @classmethod
    def of(cls, replies: Sequence[list[Value]], *, ordered: bool = False) -> Answer:
        """Puts replies together. Raises Broken where they are not what PROTOCOL.md promises.

        ordered: the request had an "order", so that chunks tell of all rows.
        """
        answer = cls()
        reached = 0
        for message in replies[:-1]:
            end = answer._result(message, reached)
            reached = 0 if ordered else end
        last = replies[-1]
        if last[0] == ERROR:
            answer.error = fields(last[2])
        elif last[0] == DONE:
            answer.done = fields(last[2])
        else:
            raise Broken(f"DONE or ERROR was expected, not {last!r}")
        return answer

    def _result(self, message: list[Value], reached: int) -> int:
        if message[0] != RESULT or len(message) != 6:
            raise Broken(f"RESULT was expected, not {message!r}")
        kind, base, count, data = text_of(message[2]), message[3], message[4], message[5]
        if not isinstance(base, int) or not isinstance(count, int) or not isinstance(data, mp.Bin):
            raise Broken(f"RESULT with wrong elements: {message!r}")
        if 0 < base < reached:  # chunks of rows in an order all begin with 0
            raise Broken(f"a chunk begins at row {base}, after one that ended at {reached}")
        if kind == "rows":
            self.rows.append(data.raw)
        elif kind == "indices":
            self._indices(base, count, data.raw)
        elif kind == "bitmap":
            self._bitmap(base, count, data.raw)
        else:
            raise Broken(f"unknown result kind {kind!r}")
        return base + count

    def _indices(self, base: int, count: int, data: bytes) -> None:
        if len(data) % 4:
            raise Broken(f"indices of {len(data)} bytes")
        found = cast(tuple[int, ...], struct.unpack(f"<{len(data) // 4}I", data))
        if list(found) != sorted(set(found)) or (found and found[-1] >= count):
            raise Broken(f"indices are not ascending below {count}: {found[:20]}")
        self.indices += [base + i for i in found]

    def _bitmap(self, base: int, count: int, data: bytes) -> None:
        if len(data) != (count + 7) // 8:
            raise Broken(f"a bitmap of {len(data)} bytes for {count} rows")
        bits = int.from_bytes(data, "little")
        if bits >> count:
            raise Broken("a bitmap with bits past its rows")
        self.indices += [base + i for i in range(count) if bits >> i & 1]


def bitmap(bits: Sequence[bool]) -> bytes:
    """Bit i in byte i / 8 at 1 << (i % 8)."""
    number = sum(1 << i for i, bit in enumerate(bits) if bit)
    return number.to_bytes((len(bits) + 7) // 8, "little")
