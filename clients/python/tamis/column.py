"""A column of a table's rows, as Table.select gives it: values in one buffer, as they came.

Pure Python over bytes. numpy takes a Column of numbers, booleans or timestamps by its
`__array_interface__`, without a copy.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterator, Sequence
from itertools import accumulate, repeat
from typing import Any, NamedTuple, Optional, Union

from .bits import count as count_bits
from .bits import join, to_bitmap, to_flags
from .errors import ProtocolError
from .restore import instant, restored

# Types of one buffer: bytes a value, format of a memoryview, type string of an array interface.
FIXED = {"i64": (8, "q", "i8"), "u64": (8, "Q", "u8"), "f64": (8, "d", "f8")}
FIXED |= {"bool": (1, "?", "b1"), "timestamp": (8, "q", "M8")}
PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
Bytes = Union[bytes, memoryview]


class Chunk(NamedTuple):
    """Some rows of a column. data: bytes, a list, or for "str" offsets and bytes; unit: of
    "timestamp". valid, present: bitmaps, None: all."""

    rows: int
    type: str
    data: Any
    unit: str
    valid: Optional[bytes]
    present: Optional[bytes]

    @property
    def is_empty(self) -> bool:
        """True if no row has a value, so that its type says nothing."""
        if self.valid is not None and count_bits(self.valid) == 0:
            return True
        return self.type == "list" and self.data.count(None) == self.rows


class Column(Sequence[Any]):
    """The values of one column. A sequence of Python values, None for null and missing.

    type: "i64", "u64", "f64", "bool", "timestamp", "str", or "list" for values of several types.
    values: a memoryview of the numbers (formats 'q', 'Q', 'd', '?'; for "timestamp" 'q', counts of
    `unit` since 1970), zero where there is none; None for "str" and "list". offsets, data: of
    "str", a memoryview of rows + 1 numbers ('I', or 'Q' beyond 4 GiB) into bytes of UTF-8.
    valid: a bitmap of the rows that have a value, None if all have; bit i in byte i / 8 at
    1 << (i % 8). present: the same of the rows that have the column at all, null or not.
    """

    def __init__(self, chunks: Sequence[Chunk]) -> None:
        telling = [chunk for chunk in chunks if not chunk.is_empty]
        kinds = {(chunk.type, chunk.unit) for chunk in telling}
        self.type, self.unit = kinds.pop() if len(kinds) == 1 else ("list", "")
        self._length = sum(chunk.rows for chunk in chunks)
        self.valid = _bitmap(chunks, _validity)
        self.present = _bitmap(chunks, lambda chunk: chunk.present)
        self.values: Optional[memoryview] = None
        self.offsets: Optional[memoryview] = None
        self.data: Bytes = b""
        self._list: Optional[list[Any]] = None
        if self.type in FIXED:
            size, code, _ = FIXED[self.type]
            parts = [chunk.data if _fits(chunk, self) else _zeros(chunk, size) for chunk in chunks]
            cast: Any = memoryview(_native(_joined(parts), size)).cast
            self.values = cast(code)
        elif self.type == "str":
            self.offsets, self.data = _strings(chunks)
        else:
            self._list = [value for chunk in chunks for value in _values(chunk)]

    def to_list(self) -> list[Any]:
        """Python values, None for null and missing; timestamps as rows have them."""
        if self._list is not None:
            return list(self._list)
        found = _plain(self.type, self.unit, self.values, self.offsets, self.data)
        if self.valid is None:
            return found
        flags = to_flags(self.valid, self._length)
        return [value if there else None for value, there in zip(found, flags)]

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Any]:
        return iter(self.to_list())

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return self.to_list()[index]
        if self._list is not None:
            return self._list[index]
        row = range(self._length)[index]
        if self.valid is not None and not self.valid[row >> 3] >> (row & 7) & 1:
            return None
        if self.offsets is not None:
            return _text(bytes(self.data[self.offsets[row] : self.offsets[row + 1]]))
        assert self.values is not None
        return _plain(self.type, self.unit, self.values[row : row + 1], None, b"")[0]

    def __eq__(self, other: object) -> bool:
        if isinstance(other, (Column, list)):
            return self.to_list() == list(other)
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __buffer__(self, flags: int) -> memoryview:
        """The values (Python 3.12 and later); BufferError where there is no such buffer."""
        if self.values is None or self.valid is not None:
            raise BufferError(f"a column of type '{self.type}', or with nulls, is no plain buffer")
        return self.values

    @property
    def __array_interface__(self) -> dict[str, Any]:
        # Not there for strings, mixed values and nulls: numpy then takes the sequence.
        if self.values is None or self.valid is not None:
            raise AttributeError("__array_interface__")
        order = "|" if self.type == "bool" else "<" if sys.byteorder == "little" else ">"
        unit = f"[{self.unit}]" if self.unit else ""
        return {
            "version": 3,
            "shape": (self._length,),
            "typestr": f"{order}{FIXED[self.type][2]}{unit}",
            "data": self.values.cast("B"),
        }

    def __repr__(self) -> str:
        return f"<tamis.Column of {self._length} rows, {self.type}>"


def chunk_of(column: Any) -> tuple[Any, Chunk]:
    """Path and rows of an element of a "columns" result; ProtocolError if it is none."""
    if not isinstance(column, list) or not 3 <= len(column) <= 5:
        raise ProtocolError("a result with a column of the wrong form")
    path, type, data, valid, present = [*column, None, None][:5]
    unit = ""
    rows = -1
    if type == "list" and isinstance(data, list):
        rows = len(data)
    elif type == "str" and _is_pair(data, bytes) and len(data[0]) % 4 == 0:
        rows = len(data[0]) // 4 - 1
    elif type == "timestamp" and _is_pair(data, str):
        unit, data = data
        if unit in PER_SECOND and len(data) % 8 == 0:
            rows = len(data) // 8
    elif type in FIXED and type != "timestamp" and isinstance(data, bytes):
        rows = len(data) // FIXED[type][0] if len(data) % FIXED[type][0] == 0 else -1
    size = (rows + 7) // 8
    if rows < 0 or any(bits is not None and _size(bits) != size for bits in (valid, present)):
        raise ProtocolError("a result with a column of the wrong form")
    return path, Chunk(rows, type, data, unit, valid, present)


def absent(rows: int) -> Chunk:
    """Rows that do not have a column."""
    return Chunk(rows, "list", [None] * rows, "", None, bytes((rows + 7) // 8))


def _is_pair(data: Any, first: type) -> bool:
    pair = isinstance(data, list) and len(data) == 2
    return pair and isinstance(data[0], first) and isinstance(data[1], bytes)


def _size(bits: Any) -> int:
    return len(bits) if isinstance(bits, bytes) else -1


def _fits(chunk: Chunk, column: Column) -> bool:
    return (chunk.type, chunk.unit) == (column.type, column.unit)


def _zeros(chunk: Chunk, size: int) -> bytes:
    return bytes(size * chunk.rows)


def _joined(parts: Sequence[bytes]) -> bytes:
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _native(data: bytes, size: int) -> bytes:
    if sys.byteorder == "little" or size == 1:
        return data
    numbers = array("Q", data)
    numbers.byteswap()
    return numbers.tobytes()


def _validity(chunk: Chunk) -> Optional[bytes]:
    """Which rows have a value, present ones that are null not among them; None: all."""
    if chunk.type == "list":
        if None not in chunk.data:
            return None
        return to_bitmap(bytes([value is not None for value in chunk.data]))
    if chunk.valid is None or chunk.present is None:
        return chunk.present if chunk.valid is None else chunk.valid
    both = int.from_bytes(chunk.valid, "little") & int.from_bytes(chunk.present, "little")
    return both.to_bytes(len(chunk.valid), "little")


def _bitmap(chunks: Sequence[Chunk], which: Any) -> Optional[bytes]:
    """The bitmaps of the chunks one behind the other; None if all bits are set."""
    found = [(which(chunk), chunk.rows) for chunk in chunks]
    total = sum(rows for _, rows in found)
    if all(bits is None for bits, _ in found):
        return None
    whole = [(b"\xff" * ((rows + 7) // 8) if bits is None else bits, rows) for bits, rows in found]
    joined = join(whole)
    return None if count_bits(joined) == total else joined


def _strings(chunks: Sequence[Chunk]) -> tuple[memoryview, bytes]:
    """Offsets and bytes of all chunks; one that has no strings has empty ones."""
    data = []
    lengths: list[int] = []
    for chunk in chunks:
        if chunk.type != "str":
            lengths.extend(repeat(0, chunk.rows))
            continue
        offsets = memoryview(_native32(chunk.data[0])).cast("I")
        text = chunk.data[1]
        ends = offsets.tolist()
        if ends[0] > ends[-1] or ends[-1] > len(text):
            raise ProtocolError("a result whose strings pass the end of their bytes")
        if len(chunks) == 1:
            return offsets, text
        data.append(text[ends[0] : ends[-1]])
        lengths.extend(map(int.__sub__, ends[1:], ends))
    total = sum(map(len, data))
    code = "I" if total <= 0xFFFFFFFF else "Q"
    return memoryview(array(code, accumulate(lengths, initial=0))), b"".join(data)


def _native32(data: bytes) -> bytes:
    if sys.byteorder == "little":
        return data
    numbers = array("I", data)
    numbers.byteswap()
    return numbers.tobytes()


def _values(chunk: Chunk) -> list[Any]:
    """The Python values of a chunk, None where there is none."""
    if chunk.type == "list":
        return restored(chunk.data)  # type: ignore[no-any-return]
    return [None] * chunk.rows if chunk.is_empty else Column([chunk]).to_list()


def _plain(
    type: str,
    unit: str,
    values: Optional[memoryview],
    offsets: Optional[memoryview],
    data: Bytes,
) -> list[Any]:
    if offsets is not None:
        ends, text = offsets.tolist(), bytes(data)
        return [_text(text[a:b]) for a, b in zip(ends, ends[1:])]
    assert values is not None
    if type != "timestamp":
        return values.tolist()
    per_second = PER_SECOND[unit]
    nanos = 10**9 // per_second
    pairs = (divmod(count, per_second) for count in values)
    return [instant(seconds, rest * nanos) for seconds, rest in pairs]


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return data.decode("utf-8", "surrogateescape")
