"""Values that come back from a table, as they were when they went in.

A timestamp is a datetime of UTC where that holds it exactly, else a msgpack.Timestamp: one with
nanoseconds that are no whole microseconds, or of a year that datetime does not have. A str is
taken for what Python would have sent, lone surrogates as their three bytes; bytes that are no
UTF-8 even so become one lone surrogate each ("surrogateescape").
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any, Union

import msgpack
from msgpack import Timestamp

from .errors import ProtocolError
from .frames import LENGTH, UNPACK_ERRORS, with_tuples

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
FIRST_SECOND = -62135596800  # of year 1
LAST_SECOND = 253402300799  # of year 9999
# How each form of the timestamp extension begins: bytes without any hold no timestamp.
HEADS = (b"\xd6\xff", b"\xd7\xff", b"\xc7\x0c\xff")


def instant(seconds: int, nanos: int) -> Union[datetime, Timestamp]:
    """A point in time, of seconds since 1970 and 0 to 999999999 nanoseconds."""
    if nanos % 1000 or not FIRST_SECOND <= seconds <= LAST_SECOND:
        return Timestamp(seconds, nanos)
    return EPOCH + timedelta(0, seconds, nanos // 1000)


def restored(value: Any) -> Any:
    """A value that a reply's decoder made, with what it holds."""
    kind = type(value)
    if kind is Timestamp:
        return instant(value.seconds, value.nanoseconds)
    if kind is list:
        return list(map(restored, value))
    if kind is tuple:  # a key
        return tuple(map(restored, value))
    if kind is dict:
        return {restored(key): restored(item) for key, item in value.items()}
    if kind is str and not value.isascii():
        try:
            return value.encode("utf-8", "surrogateescape").decode("utf-8", "surrogatepass")
        except UnicodeError:
            return value
    return value


def rows_of(parts: list[bytes], count: int) -> list[dict[Any, Any]]:
    """Maps one behind the other; ProtocolError if they are not `count`."""
    data = b"".join(parts)
    try:
        rows: list[dict[Any, Any]] = _unpacked(b"\xdd" + LENGTH.pack(count) + data)
    except UNPACK_ERRORS as error:
        raise ProtocolError(f"a result whose rows cannot be read: {error}") from error
    if any(kind is not dict for kind in set(map(type, rows))):
        raise ProtocolError("a result with a row that is no map")
    if any(head in data for head in HEADS):
        return [_with_instants(row) for row in rows]
    return rows


def _unpacked(data: bytes) -> Any:
    try:
        return _unpacked_as(data, "surrogatepass")
    except UnicodeDecodeError:
        return _unpacked_as(data, "surrogateescape")


def _unpacked_as(data: bytes, unicode_errors: str) -> Any:
    try:
        return msgpack.unpackb(data, strict_map_key=False, unicode_errors=unicode_errors)
    except TypeError:
        return with_tuples(data, unicode_errors)


NESTED = frozenset((Timestamp, list, dict, tuple))


def _with_instants(value: Any) -> Any:
    kind = type(value)
    if kind is Timestamp:
        return instant(value.seconds, value.nanoseconds)
    if kind is list:
        return list(map(_with_instants, value))
    if kind is tuple:  # a key
        return tuple(map(_with_instants, value))
    if kind is dict:
        if NESTED.isdisjoint(map(type, value.values())) and NESTED.isdisjoint(map(type, value)):
            return value
        return {_with_instants(key): _with_instants(item) for key, item in value.items()}
    return value
