"""Arrow lists, maps and structs: as they lie in memory, down to the buffers of what is inside.

The daemon makes values of them. List views, whose ranges need not be in order, become Python values
here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from .arrow_array import Array, Kind, little
from .arrow_text import evenly, narrowed
from .bits import to_flags
from .cells import Cells
from .columns import path_text
from .errors import EncodeError

KindOf = Callable[[Array, str], Kind]


class List(Kind):
    """list, large_list, fixed_size_list and list views."""

    def __init__(self, array: Array, where: str, kind_of: KindOf) -> None:
        super().__init__(array)
        self._items = inner(kind_of, array.children[0], where)
        self.in_place = self._items.in_place and array.format in ("+l", "+m")
        self._layout = array.format
        self._width = int(array.format[3:]) if array.format.startswith("+w") else 0
        self._code = "q" if array.format in ("+L", "+vL") else "i"

    def cells(self, start: int, stop: int) -> Cells:
        if self._layout.startswith("+v"):
            return super().cells(start, stop)
        count = stop - start
        offsets, base, first, last = self.reached(start, count)
        data = (offsets, part(self._items, first, last), base)
        return Cells("array", data, self._valid(start, count))

    def reached(self, start: int, count: int) -> tuple[Any, int, int, int]:
        """Offsets of 32 bits and their base, and the items that they reach from and to."""
        if self._layout.startswith("+w"):
            first = (self.array.offset + start) * self._width
            return evenly(count, self._width), 0, first, first + count * self._width
        offsets = self.array.numbers(1, start, count + 1, self._code)
        first, last = offsets[0], offsets[-1]
        if not 0 <= first <= last:
            raise EncodeError("the offsets of an Arrow list array descend", field="rows")
        if self._code == "q":
            return narrowed(offsets), 0, first, last
        return little(offsets, "i"), first, first, last

    def _valid(self, start: int, count: int) -> Any:
        return self.array.valid(start, count)

    def raw(self, start: int, stop: int) -> list[Any]:
        values = self._items.values
        return [values(a, b) if a < b else [] for a, b in self._ranges(start, stop)]

    def _ranges(self, start: int, stop: int) -> Iterator[tuple[int, int]]:
        array, width, code = self.array, self._width, self._code
        count = stop - start
        valid = array.valid(start, count)
        flags = b"\1" * count if valid is None else to_flags(valid, count)
        if self._layout.startswith("+w"):
            first = array.offset + start
            ranges = ((i * width, (i + 1) * width) for i in range(first, first + count))
        elif self._layout.startswith("+v"):
            begins = array.numbers(1, start, count, code)
            sizes = array.numbers(2, start, count, code)
            ranges = ((a, a + size) for a, size in zip(begins, sizes))
        else:
            offsets = array.numbers(1, start, count + 1, code)
            ranges = ((a, b) for a, b in zip(offsets, offsets[1:]))
        for there, (a, b) in zip(flags, ranges):
            yield (a, b) if there else (0, 0)


class Map(List):
    """Lists of pairs. Of equal keys the last counts."""

    def __init__(self, array: Array, where: str, kind_of: KindOf) -> None:
        super().__init__(array, where, kind_of)
        key, value = array.children[0].fields()
        if key.format.startswith("+"):
            raise EncodeError("a map whose keys are lists, maps or structs", field=where)
        self._keys, self._values = inner(kind_of, key, where), inner(kind_of, value, where)
        self.in_place = self._keys.in_place and self._values.in_place

    def cells(self, start: int, stop: int) -> Cells:
        offsets, base, first, last = self.reached(start, stop - start)
        parts = (part(self._keys, first, last), part(self._values, first, last))
        return Cells("map", (offsets, *parts, base), self._valid(start, stop - start))

    def raw(self, start: int, stop: int) -> list[Any]:
        keys, values = self._keys.values, self._values.values
        ranges = self._ranges(start, stop)
        return [dict(zip(keys(a, b), values(a, b))) if a < b else {} for a, b in ranges]


class Struct(Kind):
    """Of equal names the last counts."""

    def __init__(self, array: Array, where: str, kind_of: KindOf) -> None:
        super().__init__(array)
        self._fields = {
            child.name: inner(kind_of, child, f"{where}.{path_text((child.name,))}")
            for child in array.fields()
        }
        self.in_place = all(field.in_place for field in self._fields.values())

    def cells(self, start: int, stop: int) -> Cells:
        found = [(name, field.cells(start, stop)) for name, field in self._fields.items()]
        data = tuple((name, cells.type, cells.data, cells.valid) for name, cells in found)
        return Cells("struct", data, self.array.valid(start, stop - start))

    def raw(self, start: int, stop: int) -> list[Any]:
        columns = [field.values(start, stop) for field in self._fields.values()]
        if not columns:
            return [{} for _ in range(stop - start)]
        return [dict(zip(self._fields, row)) for row in zip(*columns)]


def inner(kind_of: KindOf, array: Array, where: str) -> Kind:
    kind = kind_of(array, where)
    kind.is_inner = True
    return kind


def part(items: Kind, start: int, stop: int) -> tuple[Any, ...]:
    """Items of a list. None of them: an array without any may lack its buffers."""
    cells = items.cells(start, stop) if start < stop else Cells("list", [])
    return (stop - start, cells.type, cells.data, cells.valid)
