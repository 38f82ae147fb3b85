"""Frames by hand: what the raw contestants send. The protocol is in proto/PROTOCOL.md.

Not the client: a raw contestant shows what the daemon costs when the client costs nothing.
"""

from __future__ import annotations

import re
import struct
from pathlib import Path
from typing import Any

import msgpack

from harness.bench import ROOT


def _kinds() -> dict[str, int]:
    """The message kinds, from the list that the daemon is compiled with."""
    text = Path(ROOT / "proto" / "messages.def").read_text()
    return {name: int(n) for name, n in re.findall(r"^X\((\w+),\s*(\d+),", text, re.MULTILINE)}


KIND = _kinds()


def frame(*message: Any) -> bytes:
    """One message as a frame."""
    body: bytes = msgpack.packb(list(message))
    return struct.pack(">I", len(body)) + body


def frame_of(body: bytes) -> bytes:
    """A frame around a message that is packed already."""
    return struct.pack(">I", len(body)) + body


def hello() -> bytes:
    return frame(KIND["HELLO"], 0, {"version": 1, "capabilities": [], "client": "bench"})


def array_head(items: int) -> bytes:
    """The head of a msgpack array, whose items the caller puts behind it."""
    return b"\xdd" + struct.pack(">I", items)


def unpack(body: bytes | bytearray | memoryview) -> list[Any]:
    """The elements of one message."""
    message: list[Any] = msgpack.unpackb(body, strict_map_key=False)
    return message
