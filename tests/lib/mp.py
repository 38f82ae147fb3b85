"""Msgpack values for the tests: a small decoder and encoder that lose nothing.

The decoder keeps what a general library drops: invalid UTF-8, maps with any keys and with repeated
ones, the difference of str and bin, of int and float, timestamps as (seconds, nanoseconds). It
knows nothing of tamis, and it is not the scanner under test nor the client's library, so that it
can judge both. Values of the encoder are written in their shortest form; Raw puts bytes in that are
encoded already.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias


class Incomplete(ValueError):
    """The bytes end inside a value."""


class Malformed(ValueError):
    """The bytes hold something that is never valid; args[1] is the offset."""


@dataclass(frozen=True, slots=True)
class Str:
    """A string as its bytes, which need not be UTF-8 (QUERY.md S3)."""

    raw: bytes


@dataclass(frozen=True, slots=True)
class Bin:
    """A binary value."""

    raw: bytes


@dataclass(frozen=True, slots=True)
class Ext:
    """An extension value other than a timestamp; code is -128 to 127."""

    code: int
    raw: bytes


@dataclass(frozen=True, slots=True)
class Timestamp:
    """Extension -1: seconds since 1970 (int64) and 0 to 999,999,999 nanoseconds (QUERY.md D1)."""

    seconds: int
    nanoseconds: int


@dataclass(frozen=True, slots=True)
class Map:
    """A map as its pairs in order, repeated keys included."""

    pairs: tuple[tuple[Value, Value], ...]


@dataclass(frozen=True, slots=True)
class Raw:
    """Encoded msgpack that the encoder copies; never made by the decoder."""

    raw: bytes


Value: TypeAlias = "bool | int | float | Str | Bin | Ext | Timestamp | Map | list[Value] | None"
# What the encoder takes: Python's own types are welcome, for messages written by hand.
Plain: TypeAlias = "Value | Raw | str | bytes | Sequence[Plain] | Mapping[str, Plain]"

_FIXED = {
    0xCA: ">f", 0xCB: ">d",
    0xCC: ">B", 0xCD: ">H", 0xCE: ">I", 0xCF: ">Q",
    0xD0: ">b", 0xD1: ">h", 0xD2: ">i", 0xD3: ">q",
}  # fmt: skip
_COUNTED = {
    0xC4: ("bin", 1), 0xC5: ("bin", 2), 0xC6: ("bin", 4),
    0xC7: ("ext", 1), 0xC8: ("ext", 2), 0xC9: ("ext", 4),
    0xD9: ("str", 1), 0xDA: ("str", 2), 0xDB: ("str", 4),
    0xDC: ("array", 2), 0xDD: ("array", 4),
    0xDE: ("map", 2), 0xDF: ("map", 4),
}  # fmt: skip


def decode(data: bytes) -> Value:
    """The one value that data holds. Raises Incomplete, or Malformed also for bytes after it."""
    value, end = decode_at(data, 0)
    if end != len(data):
        raise Malformed("bytes after the value", end)
    return value


def decode_all(data: bytes) -> list[Value]:
    """The values that data holds one behind the other. Raises Incomplete or Malformed."""
    values: list[Value] = []
    pos = 0
    while pos < len(data):
        value, pos = decode_at(data, pos)
        values.append(value)
    return values


def decode_at(data: bytes, pos: int) -> tuple[Value, int]:
    """The value at pos and the position after it. Raises Incomplete or Malformed."""
    first = _take(data, pos, 1)[0]
    at = pos + 1
    if first <= 0x7F:
        return first, at
    if first >= 0xE0:
        return first - 256, at
    if first <= 0x8F:
        return _decode_map(data, at, first & 0x0F)
    if first <= 0x9F:
        return _decode_array(data, at, first & 0x0F)
    if first <= 0xBF:
        return Str(_take(data, at, first & 0x1F)), at + (first & 0x1F)
    if first == 0xC0:
        return None, at
    if first in (0xC2, 0xC3):
        return first == 0xC3, at
    if first in _FIXED:
        form = _FIXED[first]
        size = struct.calcsize(form)
        number: int | float = struct.unpack(form, _take(data, at, size))[0]
        return number, at + size
    if 0xD4 <= first <= 0xD8:
        return _decode_ext(data, at, 1 << (first - 0xD4))
    if first not in _COUNTED:
        raise Malformed("byte c1", pos)
    kind, width = _COUNTED[first]
    count = int.from_bytes(_take(data, at, width), "big")
    at += width
    if kind == "array":
        return _decode_array(data, at, count)
    if kind == "map":
        return _decode_map(data, at, count)
    if kind == "ext":
        return _decode_ext(data, at, count)
    raw = _take(data, at, count)
    return (Str(raw) if kind == "str" else Bin(raw)), at + count


def _take(data: bytes, pos: int, size: int) -> bytes:
    part = data[pos : pos + size]
    if len(part) < size:
        raise Incomplete(f"the bytes end at {len(data)}", len(data))
    return part


def _decode_array(data: bytes, pos: int, count: int) -> tuple[Value, int]:
    items: list[Value] = []
    for _ in range(count):
        item, pos = decode_at(data, pos)
        items.append(item)
    return items, pos


def _decode_map(data: bytes, pos: int, count: int) -> tuple[Value, int]:
    pairs: list[tuple[Value, Value]] = []
    for _ in range(count):
        key, pos = decode_at(data, pos)
        value, pos = decode_at(data, pos)
        pairs.append((key, value))
    return Map(tuple(pairs)), pos


def _decode_ext(data: bytes, pos: int, size: int) -> tuple[Value, int]:
    code = struct.unpack(">b", _take(data, pos, 1))[0]
    raw = _take(data, pos + 1, size)
    end = pos + 1 + size
    if code != -1:
        return Ext(code, raw), end
    # The three timestamp forms; anything else is malformed (QUERY.md D1, D2).
    if size == 4:
        return Timestamp(int.from_bytes(raw, "big"), 0), end
    if size == 8:
        both = int.from_bytes(raw, "big")
        stamp = Timestamp(both & (1 << 34) - 1, both >> 34)
    elif size == 12:
        nanoseconds, seconds = struct.unpack(">Iq", raw)
        stamp = Timestamp(seconds, nanoseconds)
    else:
        raise Malformed(f"a timestamp of {size} bytes", pos)
    if stamp.nanoseconds > 999_999_999:
        raise Malformed("a timestamp with too many nanoseconds", pos)
    return stamp, end


def encode(value: Plain) -> bytes:
    """Shortest msgpack form of value; str and bytes of Python become str and bin.

    Raises ValueError for an integer that no msgpack form holds, TypeError for another type.
    """
    out = bytearray()
    _encode(value, out)
    return bytes(out)


def _encode(value: Plain, out: bytearray) -> None:
    if value is None:
        out.append(0xC0)
    elif isinstance(value, bool):
        out.append(0xC3 if value else 0xC2)
    elif isinstance(value, int):
        out += encode_int(value)
    elif isinstance(value, float):
        out += b"\xcb" + struct.pack(">d", value)
    elif isinstance(value, Raw):
        out += value.raw
    elif isinstance(value, str | Str):
        raw = value.raw if isinstance(value, Str) else value.encode()
        out += header("str", len(raw)) + raw
    elif isinstance(value, bytes | Bin):
        raw = value.raw if isinstance(value, Bin) else value
        out += header("bin", len(raw)) + raw
    elif isinstance(value, Ext):
        out += ext_header(len(value.raw)) + struct.pack(">b", value.code) + value.raw
    elif isinstance(value, Timestamp):
        out += encode_timestamp(value)
    elif isinstance(value, Map):
        _encode_map(value.pairs, out)
    elif isinstance(value, Mapping):
        _encode_map(value.items(), out)
    elif isinstance(value, list | tuple):
        out += header("array", len(value))
        for item in value:
            _encode(item, out)
    else:
        raise TypeError(f"no msgpack form for {type(value).__name__}")


def _encode_map(pairs: Iterable[tuple[Plain, Plain]], out: bytearray) -> None:
    every = list(pairs)
    out += header("map", len(every))
    for key, value in every:
        _encode(key, out)
        _encode(value, out)


def encode_int(value: int) -> bytes:
    """Shortest form of an integer from -2^63 to 2^64 - 1; ValueError beyond."""
    if -32 <= value <= 127:
        return bytes((value & 0xFF,))
    for code, form in sorted(_FIXED.items()):
        if code < 0xCC or (value < 0) != (code >= 0xD0):
            continue
        try:
            return bytes((code,)) + struct.pack(form, value)
        except struct.error:
            continue
    raise ValueError(f"{value} fits no msgpack integer")


def header(kind: str, count: int, width: int = 0) -> bytes:
    """Header of a str, bin, array or map; width: 1, 2 or 4 bytes of count (0: the shortest)."""
    short = {"str": (0xA0, 32), "array": (0x90, 16), "map": (0x80, 16)}
    if width == 0 and kind in short and count < short[kind][1]:
        return bytes((short[kind][0] | count,))
    for code, (name, size) in sorted(_COUNTED.items()):
        if name == kind and count < 1 << 8 * size and width in (0, size):
            return bytes((code,)) + count.to_bytes(size, "big")
    raise ValueError(f"no {kind} header of width {width} for {count}")


def ext_header(size: int) -> bytes:
    """Header of an extension value, before its type byte, in the shortest form."""
    if size in (1, 2, 4, 8, 16):
        return bytes((0xD4 + size.bit_length() - 1,))
    return header("ext", size)


def encode_timestamp(stamp: Timestamp, form: int = 0) -> bytes:
    """A timestamp in its 4, 8 or 12 byte form (0: the shortest that holds it)."""
    if form == 0:
        small = 0 <= stamp.seconds < 1 << 34
        form = 12 if not small else 4 if stamp.nanoseconds == 0 and stamp.seconds < 1 << 32 else 8
    if form == 4:
        raw = struct.pack(">I", stamp.seconds)
    elif form == 8:
        raw = struct.pack(">Q", stamp.nanoseconds << 34 | stamp.seconds)
    else:
        raw = struct.pack(">Iq", stamp.nanoseconds, stamp.seconds)
    return ext_header(form) + b"\xff" + raw
