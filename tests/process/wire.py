"""Raw frames and the code lists, for tests that speak to the daemon byte by byte.

Nothing of the Python client is used here: these tests must be able to say what it never would.
Codes come from proto/*.def, so that a renumbering shows.
"""

from __future__ import annotations

import os
import re
import select
import socket
import struct
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgpack

PROTO = Path(__file__).resolve().parents[2] / "proto"
Message = list[Any]


def _numbers(name: str) -> dict[str, int]:
    text = (PROTO / name).read_text()
    return {m[1]: int(m[2]) for m in re.finditer(r"^X\((\w+),\s*(\d+)", text, re.M)}


KIND = _numbers("messages.def")
ERROR = _numbers("errors.def")


def limits() -> dict[str, tuple[int, int, int]]:
    """Every limit of limits.def: name -> (default, least, most)."""
    text = (PROTO / "limits.def").read_text()
    found = re.finditer(r"^X\((\w+),\s*(\d+),\s*(\d+),\s*(\d+)", text, re.M)
    return {m[1]: (int(m[2]), int(m[3]), int(m[4])) for m in found}


def pack(value: object) -> bytes:
    """The msgpack bytes of value."""
    data: bytes = msgpack.packb(value)
    return data


def raw_frame(message: bytes) -> bytes:
    """A frame around any bytes."""
    return struct.pack(">I", len(message)) + message


def frame(kind: str, id_: int, *elements: object) -> bytes:
    """A frame with the message [kind, id, element...]."""
    return raw_frame(pack([KIND[kind], id_, *elements]))


def hello(id_: int = 1) -> bytes:
    """A HELLO frame."""
    return frame("HELLO", id_, {"version": 1})


def padded(kind: str, id_: int, size: int) -> bytes:
    """A PING or HELLO frame whose message has exactly `size` bytes, 64 to 65,000."""
    for text in ("x" * n for n in range(max(0, size - 40), size)):
        last: object = text if kind == "PING" else {"version": 1, "client": text}
        whole = frame(kind, id_, last)
        if len(whole) == size + 4:
            return whole
    raise AssertionError(f"no padding makes {size} bytes")


def filter_maps(id_: int, query: str, rows: object, **options: object) -> bytes:
    """A FILTER frame with rows as maps."""
    return frame("FILTER", id_, query, options, ["maps", rows])


def split(data: bytes) -> tuple[list[Message], bytes]:
    """The messages of whole frames, and what is left behind them."""
    messages = []
    at = 0
    while len(data) - at >= 4:
        (n,) = struct.unpack_from(">I", data, at)
        if len(data) - at - 4 < n:
            break
        messages.append(msgpack.unpackb(data[at + 4 : at + 4 + n], strict_map_key=False))
        at += 4 + n
    return messages, data[at:]


def by_id(messages: Iterable[Message]) -> dict[int, list[Message]]:
    """Replies to one request keep their order, those to different requests need not."""
    groups: dict[int, list[Message]] = {}
    for message in messages:
        groups.setdefault(message[1], []).append(message)
    return groups


def is_error(message: Message, name: str) -> bool:
    """Whether message is an ERROR with that name, and number and name agree."""
    if message[0] != KIND["ERROR"] or message[2]["name"] != name:
        return False
    assert message[2]["code"] == ERROR[name]
    assert message[2]["message"]
    return True


class Wire:
    """One connection: two descriptors, or one twice. Nothing blocks longer than its timeout."""

    def __init__(self, read_fd: int, write_fd: int) -> None:
        self.read_fd = read_fd
        self.write_fd = write_fd
        self._got = bytearray()
        self._ready: list[Message] = []
        os.set_blocking(read_fd, False)
        os.set_blocking(write_fd, False)

    def fileno(self) -> int:
        """The descriptor to read from."""
        return self.read_fd

    def close(self) -> None:
        """Closes both directions."""
        for fd in {self.read_fd, self.write_fd}:
            if fd >= 0:
                os.close(fd)
        self.read_fd = self.write_fd = -1

    def end(self) -> None:
        """Ends the input of the daemon on a pipe."""
        os.close(self.write_fd)
        self.write_fd = -1

    def try_send(self, data: bytes, patience: float) -> int:
        """Writes until all is taken or nothing was for `patience` seconds; the bytes taken."""
        view = memoryview(data)
        while view:
            if not select.select([], [self.write_fd], [], patience)[1]:
                break
            try:
                view = view[os.write(self.write_fd, view[: 1 << 20]) :]
            except BlockingIOError:
                continue
        return len(data) - len(view)

    def send(self, data: bytes, timeout: float = 20.0) -> None:
        """Writes all of data; TimeoutError if the daemon does not take it."""
        if self.try_send(data, timeout) != len(data):
            raise TimeoutError("the daemon does not read")

    def send_with(self, data: bytes, fds: Sequence[int]) -> None:
        """Writes all of data to a socket, the descriptors beside it."""
        with socket.socket(fileno=os.dup(self.write_fd)) as s:
            rest = data[socket.send_fds(s, [data], list(fds)) :]
        self.send(rest)

    def readable(self, timeout: float = 0.0) -> bool:
        """Whether a reply (or the end) is there."""
        return bool(self._ready) or bool(select.select([self.read_fd], [], [], timeout)[0])

    def _read(self, timeout: float) -> bytes:
        if not select.select([self.read_fd], [], [], timeout)[0]:
            raise TimeoutError(f"no reply in {timeout} s")
        try:
            return os.read(self.read_fd, 1 << 20)
        except ConnectionResetError:
            return b""

    def recv(self, timeout: float = 20.0) -> Message | None:
        """The next reply; None at the end of the stream, which must not cut a frame."""
        until = time.monotonic() + timeout
        while not self._ready:
            data = self._read(max(0.0, until - time.monotonic()))
            if not data:
                assert not self._got, "the daemon's stream ends inside a frame"
                return None
            self._got += data
            self._ready, rest = split(bytes(self._got))
            self._got = bytearray(rest)
        return self._ready.pop(0)

    def must_recv(self, timeout: float = 20.0) -> Message:
        """The next reply; an end is a failure."""
        message = self.recv(timeout)
        assert message is not None, "the daemon closed the connection"
        return message

    def recv_all(self, timeout: float = 20.0) -> list[Message]:
        """All replies up to the end of the stream."""
        messages = []
        while (message := self.recv(timeout)) is not None:
            messages.append(message)
        return messages

    def recv_last(self, id_: int, timeout: float = 30.0) -> Message:
        """Skips RESULTs; the first other reply, which must be for id_."""
        while True:
            message = self.must_recv(timeout)
            assert message[1] == id_, message
            if message[0] != KIND["RESULT"]:
                return message

    def ask(self, data: bytes, timeout: float = 20.0) -> Message:
        """Sends one frame and returns the next reply."""
        self.send(data)
        return self.must_recv(timeout)

    def greet(self) -> dict[str, Any]:
        """HELLO; the map of WELCOME."""
        reply = self.ask(hello())
        assert reply[0] == KIND["WELCOME"], reply
        welcome: dict[str, Any] = reply[2]
        return welcome

    def ping(self, id_: int = 7) -> None:
        """PING, and PONG must be the next reply."""
        assert self.ask(frame("PING", id_, "x")) == [KIND["PONG"], id_, "x"]
