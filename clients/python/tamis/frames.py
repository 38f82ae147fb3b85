"""Frames: four bytes of length and one msgpack array. Objects to bytes, bytes to messages.

Knows nothing of what the messages mean, of sockets or of threads. A Packer belongs to the client
whose lock protects it; a Decoder belongs to one connection.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from struct import Struct
from typing import Any, Optional, Union

import msgpack

from .errors import ProtocolError

LENGTH = Struct(">I")
KEPT_BYTES = 4 << 20  # a packer that had to make more than this is thrown away with its buffer

# What msgpack.Packer raises for a value that it has no form for: a type (Decimal), a range
# (2**64), a naive datetime or an object that contains itself, bytes beyond 4 GiB.
PACK_ERRORS = (TypeError, ValueError, OverflowError)


# What garbage provokes: format, length, nesting, a key that cannot be hashed, a wrong timestamp.
UNPACK_ERRORS = (ValueError, TypeError, OverflowError, RecursionError, msgpack.UnpackException)


class Packer:
    """Messages to frames. Keeps one msgpack packer, whose buffer is used again and again."""

    def __init__(self, default: Optional[Callable[[Any], Any]] = None) -> None:
        self.default = default
        self._renew()

    def _renew(self) -> None:
        # surrogatepass: a str that is no valid Unicode goes out as the bytes that it stands for.
        packer = msgpack.Packer(
            default=self.default,
            use_bin_type=True,
            datetime=True,
            unicode_errors="surrogatepass",
            autoreset=True,
        )
        self.pack: Callable[[Any], bytes] = packer.pack

    def frame(self, message: Any) -> bytes:
        """The frame of a message; one of PACK_ERRORS if a value has no msgpack form."""
        body = self.pack(message)
        size = len(body)
        if size > KEPT_BYTES:
            self._renew()
        return LENGTH.pack(size) + body

    def frame_before(self, message: Sequence[Any], last: bytes) -> bytes:
        """The frame of a message of less than 15 elements and one more, which is packed already."""
        head = bytes((0x90 | len(message) + 1,)) + b"".join(map(self.pack, message))
        if len(last) > KEPT_BYTES:  # of which one piece may have been most
            self._renew()
        return b"".join((LENGTH.pack(len(head) + len(last)), head, last))


def frame_of_bytes(head: bytes, size: int) -> bytes:
    """The beginning of a frame whose last element is a bin of that size, which is to follow.

    head: the message before the bin, packed.
    """
    bin_head = b"\xc6" + LENGTH.pack(size)
    return LENGTH.pack(len(head) + len(bin_head) + size) + head + bin_head


class Decoder:
    """Bytes in pieces of any size to messages. Its memory is what came of one frame."""

    def __init__(self, most_bytes: int) -> None:
        """most_bytes: a frame that claims more is a ProtocolError."""
        self.most_bytes = most_bytes
        self._rest = bytearray()

    @property
    def inside(self) -> bool:
        """True in the middle of a frame."""
        return bool(self._rest)

    @property
    def wanted(self) -> int:
        """Bytes that are missing of the frame that has begun; 0 if that is not known."""
        if len(self._rest) < 4:
            return 0
        return 4 + int(LENGTH.unpack_from(self._rest)[0]) - len(self._rest)

    def feed(self, data: bytes) -> list[Any]:
        """The messages that the data completes; ProtocolError if it cannot be a frame."""
        rest = self._rest
        # Nearly always one whole frame, or several.
        if not rest and len(data) >= 4 and LENGTH.unpack_from(data)[0] == len(data) - 4:
            if len(data) - 4 > self.most_bytes:
                raise self._too_large(len(data) - 4)
            return [unpack(data[4:])]
        source: Union[bytes, bytearray] = data
        if rest:
            rest += data
            source = rest
        messages = []
        pos, end = 0, len(source)
        while end - pos >= 4:
            (size,) = LENGTH.unpack_from(source, pos)
            if size > self.most_bytes:
                raise self._too_large(size)
            stop = pos + 4 + size
            if stop > end:
                break
            messages.append(unpack(source[pos + 4 : stop]))
            pos = stop
        if source is rest:
            del rest[:pos]
        elif pos < end:
            rest += data[pos:]
        return messages

    def _too_large(self, size: int) -> ProtocolError:
        return ProtocolError(f"a frame of {size} bytes, allowed are {self.most_bytes}")


def unpack(body: Union[bytes, bytearray]) -> Any:
    """The value of a frame; ProtocolError if its bytes are not one msgpack value."""
    try:
        # Timestamps stay msgpack.Timestamp: they may lie outside what datetime can hold. A str
        # that is no UTF-8 (the name of a field may be) keeps its bytes as lone surrogates.
        try:
            return msgpack.unpackb(body, strict_map_key=False, unicode_errors="surrogateescape")
        except TypeError:
            return with_tuples(body, "surrogateescape")
    except UNPACK_ERRORS as error:
        detail = f"{type(error).__name__}: {error}"
        raise ProtocolError(f"a frame that is not msgpack ({detail})") from error


def with_tuples(body: Union[bytes, bytearray], unicode_errors: str) -> Any:
    """A msgpack value whose keys cannot all be hashed, which unpackb answers with TypeError: those
    that are arrays become tuples. One of UNPACK_ERRORS."""
    how = {"strict_map_key": False, "unicode_errors": unicode_errors}
    return msgpack.unpackb(body, object_pairs_hook=_map, **how)


def _map(pairs: list[tuple[Any, Any]]) -> dict[Any, Any]:
    return {_key(key): value for key, value in pairs}


def _key(key: Any) -> Any:
    if type(key) is dict:  # of none of ours: maps are no keys in Python
        key = list(key.items())
    return tuple(map(_key, key)) if type(key) in (list, tuple) else key
