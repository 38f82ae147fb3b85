"""Arrow arrays without their types: buffers, offsets, validity, and what a type must do."""

from __future__ import annotations

import struct
import sys
from array import array as numbers
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Optional, Union

from .bits import Bits, cut, to_flags
from .cells import Cells
from .errors import EncodeError

Buffer = Union[bytes, memoryview]


@dataclass
class Array:
    """An array of the C data interface.

    format: of its type. offset: how many values of the buffers come before the first. view(i,
    size): the first bytes of buffer i.
    """

    format: str
    name: str
    length: int
    offset: int
    has_nulls: bool
    n_buffers: int
    view: Callable[[int, int], memoryview]
    children: list[Array]
    dictionary: Optional[Array]

    def bitmap(self, i: int, start: int, count: int) -> Bits:
        """Bits of buffer i, from value `start` on."""
        first = self.offset + start
        return cut(self.view(i, (first + count + 7) // 8), first, count)

    def valid(self, start: int, count: int) -> Optional[Bits]:
        """Which of the values are not null; None: all."""
        return self.bitmap(0, start, count) if self.has_nulls else None

    def fixed(self, i: int, start: int, count: int, width: int) -> memoryview:
        """Values of so many bytes in buffer i."""
        first = self.offset + start
        return self.view(i, (first + count) * width)[first * width :]

    def numbers(self, i: int, start: int, count: int, code: str) -> memoryview:
        """Numbers in buffer i, of a format of struct."""
        cast: Any = self.fixed(i, start, count, struct.calcsize(code)).cast
        found: memoryview = cast(code)
        return found

    def members(self) -> list[Array]:
        """The fields of a struct, with its own offset and length. EncodeError if it has nulls."""
        if self.has_nulls and 0 in to_flags(self.bitmap(0, 0, self.length), self.length):
            raise EncodeError("a row of an Arrow table is null", field="rows")
        return self.fields()

    def fields(self) -> list[Array]:
        return [
            replace(child, offset=child.offset + self.offset, length=self.length)
            for child in self.children
        ]


class Kind:
    """How to take parts of one array. start, stop: values, counted from the array's offset.

    is_inner: of lists, maps or structs; behind a null of theirs anything may stand. in_place: parts
    for a payload are made without looking at each value.
    """

    in_place = False

    def __init__(self, array: Array) -> None:
        self.array = array
        self.is_inner = False

    def cells(self, start: int, stop: int) -> Cells:
        """A part for a payload; by default as Python values."""
        return Cells("list", self.values(start, stop))

    def values(self, start: int, stop: int) -> list[Any]:
        """A part as Python values, None for null."""
        found = self.raw(start, stop)
        valid = self.array.valid(start, stop - start)
        if valid is None:
            return found
        flags = to_flags(valid, stop - start)
        return [value if there else None for value, there in zip(found, flags)]

    def raw(self, start: int, stop: int) -> list[Any]:
        """The same, anything in place of nulls."""
        raise NotImplementedError


def little(data: memoryview, code: str) -> Buffer:
    if sys.byteorder == "little" or struct.calcsize(code) == 1:
        return data.cast("B")
    swapped = numbers(code, data.tobytes())
    swapped.byteswap()
    return swapped.tobytes()
