"""Cells: a part of one column as it goes into a "columns" payload, and frames made of such parts.

Nothing large is copied here: a frame is a list of pieces, heads made here and buffers of the
caller's, which must stay as they are until the frame is sent.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Optional, Protocol, Union

from .bits import Bits
from .columns import path_text, refusal
from .errors import EncodeError
from .frames import LENGTH, PACK_ERRORS
from .pages import LEAST_BYTES

Buffer = Union[bytes, bytearray, memoryview]
Pack = Callable[[Any], bytes]
# The address of bytes that the daemon may fetch; None: they are to be sent.
Leave = Callable[[memoryview], Optional[int]]
NESTED = frozenset(("array", "map", "struct"))
SCALAR_BYTES = 15  # of a number, a boolean or a timestamp, at most
COPIED_BYTES = 16384  # a buffer below this is copied behind the one before: fewer writes


class Cells(NamedTuple):
    """Some rows of a column.

    type: a type of PROTOCOL.md, "Row payloads". data: what it says there; buffers where that is
    bin, a list of Python values for "list". valid, present: bitmaps, or None: all.
    """

    type: str
    data: Any
    valid: Optional[Bits] = None
    present: Optional[Bits] = None


class ColumnSource(Protocol):
    """A whole column, of which parts are taken in order."""

    @property
    def in_place(self) -> bool:
        """Whether cells are made without looking at each value."""

    def __len__(self) -> int:
        """Rows."""

    def reach(self, start: int) -> int:
        """The row up to which cells may go that begin at row `start`."""

    def cells(self, start: int, stop: int) -> Cells:
        """The rows start ... stop - 1. EncodeError, with the row counted from `start`, for a value
        that has no form."""


class Pieces:
    """A payload under construction: elements of msgpack, one behind the other.

    size: its bytes. nested: those that its nested columns have at most as the daemon writes them
    out, which are bounded, too. lendable: whether a buffer of somebody else's is worth lending.
    left: bytes that are not in it, as the daemon fetches them: they live as long as this.
    """

    def __init__(self, pack: Pack, leave: Optional[Leave] = None) -> None:
        self.pack = pack
        self._leave = leave
        self.left = 0
        self._left: list[memoryview] = []
        self.size = 0
        self.nested = 0
        self.lendable = False
        self._done: list[Buffer] = []
        self._head = bytearray()

    def put(self, packed: bytes) -> None:
        """Bytes of msgpack, which stay with this."""
        self.size += len(packed)
        if len(packed) < COPIED_BYTES:
            self._head += packed
        else:
            self._done += (bytes(self._head), packed)
            self._head = bytearray()

    def array(self, count: int) -> None:
        """The head of an array."""
        self.put(bytes([0x90 | count]) if count < 16 else b"\xdd" + LENGTH.pack(count))

    def bin(self, data: Buffer) -> None:
        """A buffer as bin, without a copy if it is large; or where it is, and its length."""
        view = memoryview(data).cast("B")
        if self._leave is not None and len(view) >= COPIED_BYTES:
            address = self._leave(view)
            if address is not None:
                self.left += len(view)
                self._left.append(view)
                self.put(self.pack((address, len(view))))
                return
        self._head += b"\xc6" + LENGTH.pack(len(view))
        self.size += 5 + len(view)
        if len(view) < COPIED_BYTES:
            self._head += view
        else:
            self._done += (bytes(self._head), view)
            self._head = bytearray()
            self.lendable |= len(view) >= LEAST_BYTES

    def data(self, data: Any) -> None:
        """The data of cells: buffers, and tuples of buffers, texts and numbers."""
        if isinstance(data, (bytes, bytearray, memoryview)):
            self.bin(data)
        elif isinstance(data, tuple):
            self.array(len(data))
            for element in data:
                self.data(element)
        elif data is None:
            self.put(b"\xc0")
        else:
            self.put(self.pack(data))

    def frame(self, head: bytes) -> list[Buffer]:
        """The frame of a message that ends with this. head: the message before it."""
        length = LENGTH.pack(len(head) + self.size)
        first = self._done[0] if self._done else self._head
        return [b"".join((length, head, first)), *self._done[1:], *self._tail()]

    def _tail(self) -> list[Buffer]:
        return [bytes(self._head)] if self._done and self._head else []


def put_columns(
    pieces: Pieces, rows: int, columns: Sequence[tuple[str, Cells]], base: int = 0
) -> None:
    """A "columns" payload. EncodeError, with row (from base) and field, for a value that cannot be
    packed."""
    pieces.array(3)
    pieces.put(pieces.pack("columns"))
    pieces.put(pieces.pack(rows))
    pieces.array(len(columns))
    for name, cells in columns:
        pieces.array(5)
        pieces.put(pieces.pack(name))
        pieces.put(pieces.pack(cells.type))
        if cells.type in NESTED:
            pieces.nested += written(rows, cells.type, cells.data)
        try:
            pieces.data(cells.data)
        except PACK_ERRORS as error:
            raise blame(name, cells.data, base, pieces.pack, error) from error
        for bits in (cells.valid, cells.present):
            if bits is None:
                pieces.put(b"\xc0")
            else:
                pieces.bin(bits)


def written(count: int, type: str, data: Any) -> int:
    """How many bytes so many cells have as msgpack, at most. Values of a list count nothing: as
    many as they have, the payload has already."""
    if type in ("str", "str64", "bin"):
        return 5 * count + len(data[1])
    if type == "zstr":
        return 5 * count + len(data)
    if type == "dict":
        wide = len(data[2][0]) == 8 * (data[3] + 1)
        offsets = array("Q" if wide else "I", bytes(data[2][0]))
        if sys.byteorder == "big":
            offsets.byteswap()
        return count * (5 + max(map(int.__sub__, offsets[1:], offsets), default=0))
    if type == "array":
        return 5 * count + written(*data[1][:3])
    if type == "map":
        return 5 * count + sum(written(*part[:3]) for part in data[1:3])
    if type == "struct":
        heads = count * (5 + sum(5 + 4 * len(name) for name, *_ in data))
        return heads + sum(written(count, *field[1:3]) for field in data)
    return 0 if type == "list" else SCALAR_BYTES * count


def blame(name: str, values: Any, base: int, pack: Pack, cause: BaseException) -> EncodeError:
    """Finds the value that made packing fail. Slow, for errors only."""
    if isinstance(values, list):
        for i, value in enumerate(values):
            reason = refusal(value, pack)
            if reason:
                return EncodeError(reason, row=base + i, field=path_text((name,)))
    return EncodeError(str(cause), field=path_text((name,)))
