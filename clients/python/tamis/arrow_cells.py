"""Arrow arrays to cells: which form the values of an Arrow type have in a payload.

Numbers, booleans, timestamps and dictionaries of strings go as they lie in memory; strings are in
arrow_text.py, lists and structs in arrow_nested.py. What has no such form (dictionaries of other
than strings, or with nulls, and list views) becomes Python values. Knows no ctypes: arrow.py gives
the buffers.
"""

from __future__ import annotations

import struct
from array import array as numbers
from collections.abc import Callable, Sequence
from typing import Any, Optional

from msgpack import Timestamp

from .arrow_array import Array, Buffer, Kind, little
from .arrow_nested import List, Map, Struct
from .arrow_text import Text, View, evenly
from .bits import to_flags
from .cells import Cells
from .errors import EncodeError

# Types whose values are numbers of so many bytes: name in a payload, format of a memoryview.
NUMBERS = {
    "c": ("i8", "b"),
    "C": ("u8", "B"),
    "s": ("i16", "h"),
    "S": ("u16", "H"),
    "i": ("i32", "i"),
    "I": ("u32", "I"),
    "l": ("i64", "q"),
    "L": ("u64", "Q"),
    "f": ("f32", "f"),
    "g": ("f64", "d"),
}
UNITS = {"s": "s", "m": "ms", "u": "us", "n": "ns"}
PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
DAY_SECONDS = 86400
ADVICE = {
    "d": "a decimal has no exact form: cast it to float64, int64 or string first",
    "tt": "a time of day: cast it to int64 or string first",
    "tD": "a duration: cast it to int64 first",
    "ti": "an interval: cast it to int64 or string first",
    "+u": "a union: make a column of each of its types first",
    "+r": "a run-end encoded array: decode it first",
}


class Null(Kind):
    def raw(self, start: int, stop: int) -> list[Any]:
        return [None] * (stop - start)


class Number(Kind):
    in_place = True

    def cells(self, start: int, stop: int) -> Cells:
        name, code = NUMBERS[self.array.format]
        data = self.array.fixed(1, start, stop - start, struct.calcsize(code))
        return Cells(name, little(data, code), self.array.valid(start, stop - start))

    def raw(self, start: int, stop: int) -> list[Any]:
        code = NUMBERS[self.array.format][1]
        return self.array.numbers(1, start, stop - start, code).tolist()


class Half(Kind):
    """float16, which every float32 holds."""

    def cells(self, start: int, stop: int) -> Cells:
        data = numbers("f", self.raw(start, stop))
        return Cells("f32", little(memoryview(data), "f"), self.array.valid(start, stop - start))

    def raw(self, start: int, stop: int) -> list[Any]:
        data = self.array.fixed(1, start, stop - start, 2)
        return list(struct.unpack(f"={stop - start}e", data))


class Bool(Kind):
    in_place = True

    def cells(self, start: int, stop: int) -> Cells:
        count = stop - start
        return Cells("bits", self.array.bitmap(1, start, count), self.array.valid(start, count))

    def raw(self, start: int, stop: int) -> list[Any]:
        count = stop - start
        return list(map(bool, to_flags(self.array.bitmap(1, start, count), count)))


class Time(Kind):
    """Timestamps of any zone, which are instants of UTC, and dates, which are their midnights."""

    def __init__(self, array: Array, unit: str, days: bool = False) -> None:
        super().__init__(array)
        self.in_place = not days
        self._unit = unit
        self._days = days

    def cells(self, start: int, stop: int) -> Cells:
        valid = self.array.valid(start, stop - start)
        if self._days:
            data = memoryview(numbers("q", self._counts(start, stop)))
        else:
            data = self.array.fixed(1, start, stop - start, 8)
        return Cells("timestamp", (self._unit, little(data, "q")), valid)

    def _counts(self, start: int, stop: int) -> Sequence[int]:
        if self._days:
            days = self.array.numbers(1, start, stop - start, "i")
            return list(map(DAY_SECONDS.__mul__, days))
        return self.array.numbers(1, start, stop - start, "q")

    def raw(self, start: int, stop: int) -> list[Any]:
        per_second = PER_SECOND[self._unit]
        nanos = 10**9 // per_second
        found = (divmod(count, per_second) for count in self._counts(start, stop))
        return [Timestamp(seconds, rest * nanos) for seconds, rest in found]


class Fixed(Kind):
    """fixed_size_binary."""

    def __init__(self, array: Array, width: int) -> None:
        super().__init__(array)
        self._width = width

    def raw(self, start: int, stop: int) -> list[Any]:
        width = self._width
        data = bytes(self.array.fixed(1, start, stop - start, width))
        return [data[i * width : (i + 1) * width] for i in range(stop - start)]

    def cells(self, start: int, stop: int) -> Cells:
        data = self.array.fixed(1, start, stop - start, self._width)
        valid = self.array.valid(start, stop - start)
        return Cells("bin", (evenly(stop - start, self._width), data), valid)


class Codes(Kind):
    """A dictionary: numbers of values. One of strings goes as it is, unless the part is smaller."""

    def __init__(self, array: Array, where: str) -> None:
        super().__init__(array)
        assert array.dictionary is not None
        self._words = kind_of(array.dictionary, where)
        self._type, self._code = NUMBERS[array.format]
        self._count = array.dictionary.length
        self._packed: Optional[tuple[Buffer, Buffer]] = None
        self._plain: Optional[list[Any]] = None

    def cells(self, start: int, stop: int) -> Cells:
        words = self._words
        # With each part the whole dictionary goes: not one that is larger than the part.
        if (
            not isinstance(words, (Text, View))
            or words.binary
            or words.array.has_nulls
            or self._count > stop - start
            or (self.is_inner and not self._in_bounds(start, stop))
        ):
            return super().cells(start, stop)
        if self._packed is None:
            self._packed = words.packed(0, self._count)
        width = struct.calcsize(self._code)
        codes = little(self.array.fixed(1, start, stop - start, width), self._code)
        data = (self._type, codes, self._packed, self._count)
        return Cells("dict", data, self.array.valid(start, stop - start))

    def _in_bounds(self, start: int, stop: int) -> bool:
        codes = self.array.numbers(1, start, stop - start, self._code)
        return not codes or (min(codes) >= 0 and max(codes) < self._count)

    def raw(self, start: int, stop: int) -> list[Any]:
        if self._plain is None:
            self._plain = self._words.values(0, self._count)
        plain, count = self._plain, self._count
        codes = self.array.numbers(1, start, stop - start, self._code)
        # The code of a null may be any number.
        return [plain[code] if 0 <= code < count else None for code in codes]


def kind_of(array: Array, where: str) -> Kind:
    """How to read an array; EncodeError, naming the column `where`, if its type has no form."""
    form = array.format
    if array.dictionary is not None:
        return Codes(array, where)
    if form in NUMBERS:
        return Number(array)
    if form in SIMPLE:
        return SIMPLE[form](array)
    if form.startswith("ts") and form[2:3] in UNITS:
        return Time(array, UNITS[form[2]])
    if form.startswith("w:"):
        return Fixed(array, int(form[2:]))
    if form == "+m":
        return Map(array, where, kind_of)
    if form in ("+l", "+L", "+vl", "+vL") or form.startswith("+w:"):
        return List(array, where, kind_of)
    if form == "+s":
        return Struct(array, where, kind_of)
    advice = next((text for start, text in ADVICE.items() if form.startswith(start)), None)
    raise EncodeError(advice or f"an Arrow type that is not known ('{form}')", field=where)


SIMPLE: dict[str, Callable[[Array], Kind]] = {
    "n": Null,
    "b": Bool,
    "e": Half,
    "u": lambda array: Text(array, 4),
    "U": lambda array: Text(array, 8),
    "z": lambda array: Text(array, 4, binary=True),
    "Z": lambda array: Text(array, 8, binary=True),
    "vu": lambda array: View(array, binary=False),
    "vz": lambda array: View(array, binary=True),
    "tdD": lambda array: Time(array, "s", days=True),
    "tdm": lambda array: Time(array, "ms"),
}
