"""Arrow strings and binary: offsets into bytes, or views, to offsets and bytes of a payload.

Offsets go as they are, with the first of them beside, from which on the bytes go; views (polars
has them) are copied one behind the other, or go as a dictionary where few strings come often.
"""

from __future__ import annotations

import struct
import sys
from array import array as numbers
from itertools import accumulate
from typing import Any, Optional

from .arrow_array import Array, Buffer, Kind, little
from .bits import Bits, to_flags
from .cells import Cells
from .errors import EncodeError

# A view: a length of 4 bytes, and a string of up to 12, or its first 4, its buffer and its offset.
VIEW_BYTES, VIEW_HEAD, INLINE_BYTES = 16, 4, 12
SPREAD = 4  # bytes that are copied at most to have one of a string
SAMPLE = 256  # views that tell whether a column has few strings
ONE_VIEW = struct.Struct("=16s")


class Text(Kind):
    """utf8 and large_utf8: offsets into bytes. Binary is the same."""

    def __init__(self, array: Array, width: int, binary: bool = False) -> None:
        super().__init__(array)
        self.in_place = not binary or width == 4
        self._width = width
        self.binary = binary

    def offsets(self, start: int, stop: int) -> memoryview:
        code = "i" if self._width == 4 else "q"
        return self.array.numbers(1, start, stop - start + 1, code)

    def packed(self, start: int, stop: int) -> tuple[Any, ...]:
        """Offsets, little-endian, of the array's own width; the bytes that they reach; and where
        these begin."""
        if start == stop:  # then there need be no buffers
            return bytes(self._width), b""
        offsets = self.offsets(start, stop)
        first, last = offsets[0], offsets[-1]
        if not 0 <= first <= last:
            raise EncodeError("the offsets of an Arrow string array descend", field="rows")
        return little(offsets, offsets.format), self.array.view(2, last)[first:], first

    def cells(self, start: int, stop: int) -> Cells:
        valid = self.array.valid(start, stop - start)
        packed = self.packed(start, stop)
        if not self.binary:
            return Cells("str" if self._width == 4 else "str64", packed, valid)
        if self._width == 8 and start < stop:  # binary has no such form
            packed = (narrowed(self.offsets(start, stop)), packed[1])
        elif self._width == 8:
            packed = (bytes(4), b"")
        return Cells("bin", packed, valid)

    def raw(self, start: int, stop: int) -> list[Any]:
        offsets = self.offsets(start, stop).tolist()
        data = self.array.view(2, offsets[-1])
        found = [bytes(data[a:b]) for a, b in zip(offsets, offsets[1:])]
        return found if self.binary else list(map(decoded, found))


class View(Kind):
    """utf8_view and binary_view: 16 bytes each, the string or where it is."""

    def __init__(self, array: Array, binary: bool) -> None:
        super().__init__(array)
        self.binary = binary
        # The sizes of the data buffers are those of the last buffer.
        count = max(array.n_buffers - 3, 0)
        sizes = array.view(array.n_buffers - 1, 8 * count).cast("q") if count else ()
        self._data = [array.view(2 + i, size) for i, size in enumerate(sizes)]

    def strings(self, start: int, stop: int) -> tuple[list[int], list[Buffer]]:
        """The lengths, and pieces that are the strings one behind the other: one a row, or one for
        all. Those of nulls are empty."""
        views = self.array.fixed(1, start, stop - start, VIEW_BYTES)
        words = views.cast("i")
        lengths = words[::4].tolist()
        valid = self.array.valid(start, stop - start)
        if valid is not None:  # what stands at a null may be anything
            flags = to_flags(valid, stop - start)
            lengths = [length if there else 0 for length, there in zip(lengths, flags)]
        inline = bytes(views)
        begins = range(VIEW_HEAD, len(inline), VIEW_BYTES)
        if not lengths or max(lengths) <= INLINE_BYTES:
            return lengths, [inline[at : at + length] for at, length in zip(begins, lengths)]
        buffers, offsets = words[2::4].tolist(), words[3::4].tolist()
        longs = [i for i, length in enumerate(lengths) if length > INLINE_BYTES]
        used = {buffers[i] for i in longs}
        first, last = offsets[longs[0]], offsets[longs[-1]] + lengths[longs[-1]]
        all_long = len(used) == 1 and len(longs) == len(lengths)
        if all_long and list(accumulate(lengths[:-1], initial=first)) == offsets:
            # As a builder leaves them: one behind the other already.
            return lengths, [self._data[used.pop()][first:last]]
        first = min(offsets[i] for i in longs)
        last = max(offsets[i] + lengths[i] for i in longs)
        if len(used) == 1 and last - first <= SPREAD * sum(lengths):
            text = bytes(self._data[used.pop()][first:last])  # bytes are cut faster than views
            return lengths, [
                inline[at : at + length]
                if length <= INLINE_BYTES
                else text[offset - first : offset - first + length]
                for at, length, offset in zip(begins, lengths, offsets)
            ]
        data = self._data
        return lengths, [
            inline[at : at + length]
            if length <= INLINE_BYTES
            else data[buffer][offset : offset + length]
            for at, length, buffer, offset in zip(begins, lengths, buffers, offsets)
        ]

    def cells(self, start: int, stop: int) -> Cells:
        valid = self.array.valid(start, stop - start)
        if self.binary:
            return Cells("bin", self.packed(start, stop), valid)
        return self._coded(start, stop, valid) or Cells("str", self.packed(start, stop), valid)

    def packed(self, start: int, stop: int) -> tuple[Any, ...]:
        """Offsets of 32 bits from 0 on, little-endian, and the bytes."""
        lengths, strings = self.strings(start, stop)
        offsets = numbers("I", accumulate(lengths, initial=0))
        text = strings[0] if len(strings) == 1 else b"".join(strings)
        return little(memoryview(offsets), "I"), text

    def _coded(self, start: int, stop: int, valid: Optional[Bits]) -> Optional[Cells]:
        """A dictionary where few strings come often: their views tell them apart. None where they
        do not."""
        count = stop - start
        if valid is not None or count < 2 * SAMPLE:
            return None
        views = bytes(self.array.fixed(1, start, count, VIEW_BYTES))
        keys = [key for (key,) in ONE_VIEW.iter_unpack(views)]
        if len(set(keys[:: count // SAMPLE])) > SAMPLE // 4:
            return None
        words = dict.fromkeys(keys)
        if len(words) > count // 4:
            return None
        codes = dict(zip(words, range(len(words))))
        data = numbers("I", map(codes.__getitem__, keys))
        lengths = [int.from_bytes(key[:4], sys.byteorder) for key in words]
        strings = [self._string(key, length) for key, length in zip(words, lengths)]
        offsets = numbers("I", accumulate(lengths, initial=0))
        pair = (little(memoryview(offsets), "I"), b"".join(strings))
        return Cells("dict", ("u32", little(memoryview(data), "I"), pair, len(words)))

    def _string(self, view: bytes, length: int) -> Buffer:
        if length <= INLINE_BYTES:
            return view[VIEW_HEAD : VIEW_HEAD + length]
        buffer: int
        offset: int
        buffer, offset = struct.unpack_from("=ii", view, 8)
        return self._data[buffer][offset : offset + length]

    def raw(self, start: int, stop: int) -> list[Any]:
        lengths, strings = self.strings(start, stop)
        if len(strings) < len(lengths):
            ends = list(accumulate(lengths, initial=0))
            strings = [strings[0][a:b] for a, b in zip(ends, ends[1:])]
        found = list(map(bytes, strings))
        return found if self.binary else list(map(decoded, found))


def narrowed(offsets: memoryview) -> Buffer:
    """Offsets of 64 bits less the first of them, as little-endian numbers of 32 bits.

    All at once: as the digits of one large number, none of which is less than the one that is
    subtracted from it.
    """
    first = offsets[0]
    if offsets[-1] - first > 0xFFFFFFFF:
        raise EncodeError("strings of more than 4 GiB in one part", field="rows")
    data = little(offsets, "q")
    if first:
        ones = int.from_bytes((b"\1" + bytes(7)) * len(offsets), "little")
        number = int.from_bytes(data, "little") - first * ones
        data = number.to_bytes(8 * len(offsets), "little")
    halves = memoryview(data).cast("B").cast("i")[::2]  # little-endian: the lower ones
    return halves.tobytes()


def evenly(count: int, width: int) -> Buffer:
    """Offsets of so many items of one width, as of narrowed()."""
    if count * width > 0xFFFFFFFF:
        raise EncodeError("items of more than 4 GiB in one part", field="rows")
    return little(memoryview(numbers("I", [i * width for i in range(count + 1)])), "I")


def decoded(data: bytes) -> str:
    return data.decode("utf-8", "surrogatepass")
