"""Columns of Python sequences, of buffers and of arrays like numpy's, as parts of a payload.

numpy and pandas are not imported: an array tells its type by the buffer protocol or by
`__array_interface__`, and what has to be done to its values is done by its own operators.

What is null: None, NaT, and what a pandas column calls missing (isna()), NaN included. NaN in any
other array is NaN, a number. Masked values of a numpy.ma array are null.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Mapping, Set
from typing import Any, Optional, Union

from msgpack import Timestamp

from .arrow import ArrowColumn, has_arrow
from .bits import Bits, cut, to_bitmap
from .cells import Cells
from .column import PER_SECOND, Column
from .columns import path_text
from .errors import EncodeError

SIGNED, UNSIGNED = frozenset("bhilqn"), frozenset("BHILQN")
FLOATS = {"f": "f32", "d": "f64"}
UNITS = ("s", "ms", "us", "ns")
COARSE = ("Y", "M", "W", "D", "h", "m")  # of datetime64, which also has finer ones
NAT = -(2**63)
AS_NUMPY = "convert the column first, for example to float64 or to str"

AnyColumn = Union["Values", "Numbers", "Times", ArrowColumn]


PART_VALUES = 1 << 14  # in a message, at most: the daemon works while the next are made
STRINGS = 2048  # put together at a time, and still in a near cache when read again


class Values:
    """Python values of any types. Those of one type go as numbers or text, which takes less time.

    values: a sequence, or an array that gives its values as a list, which is then asked for no more
    of them at a time than one part has. foreign: pandas' own among them are to be made plain.
    """

    in_place = False

    def __init__(self, values: Any, foreign: bool = False) -> None:
        as_is = isinstance(values, list) or hasattr(values, "tolist")
        self._values = values if as_is else list(values)
        self._foreign = foreign

    def __len__(self) -> int:
        return len(self._values)

    def reach(self, start: int) -> int:
        return min(start + PART_VALUES, len(self._values))

    def cells(self, start: int, stop: int) -> Cells:
        part = self._values[start:stop]
        return value_cells(part if isinstance(part, list) else part.tolist(), self._foreign)


class Numbers:
    """Numbers or booleans that lie in memory, in this machine's byte order."""

    def __init__(self, type: str, view: memoryview, valid: Optional[Bits] = None) -> None:
        """view: of one dimension, with any stride."""
        self.in_place = view.c_contiguous
        self._type = type
        self._view = view
        self._valid = valid

    def __len__(self) -> int:
        return len(self._view)

    def reach(self, start: int) -> int:
        return len(self._view)

    def cells(self, start: int, stop: int) -> Cells:
        data = little(self._view[start:stop])
        valid = None if self._valid is None else cut(self._valid, start, stop - start)
        return Cells(self._type, data, valid)


class Times(Numbers):
    """Instants: 64-bit counts of a unit since 1970."""

    def __init__(self, unit: str, view: memoryview, valid: Optional[Bits]) -> None:
        super().__init__("timestamp", view, valid)
        self._unit = unit

    def cells(self, start: int, stop: int) -> Cells:
        type, data, valid, _ = super().cells(start, stop)
        return Cells(type, (self._unit, data), valid)


def value_cells(values: list[Any], foreign: bool = False) -> Cells:
    """Python values as cells: typed if all are of one type that has a typed form."""
    if values and type(values[0]) is str and (text := packed_text(values)) is not None:
        return Cells("zstr", text)
    kinds = set(map(type, values))
    if foreign and any(map(of_pandas, kinds)):
        values = plain(values)
        kinds = set(map(type, values))
    if len(kinds) == 1:
        kind = kinds.pop()
        if kind is float:
            return Cells("f64", little(memoryview(array("d", values))))
        if kind is bool:
            return Cells("bool", bytes(values))
        if kind is int:
            try:
                return Cells("i64", little(memoryview(array("q", values))))
            except OverflowError:
                pass
    return Cells("list", values)


def packed_text(values: list[Any]) -> Optional[bytes]:
    """Strings in UTF-8 with a byte 0 between them, made in C. None where one has such a byte, or is
    none."""
    parts = []
    try:
        for start in range(0, len(values), STRINGS):
            group = values[start : start + STRINGS]
            if "\0" in "".join(group):  # cheaper than to count the bytes 0 between them
                return None
            parts.append("\0".join(group).encode("utf-8", "surrogatepass"))
    except TypeError:
        return None
    return b"\0".join(parts)


def little(view: memoryview) -> Union[bytes, memoryview]:
    """The bytes of native numbers in little-endian order, without a copy where they are that."""
    if sys.byteorder == "little" or view.itemsize == 1:
        return view.cast("B") if view.c_contiguous else view.tobytes()
    numbers = array({2: "H", 4: "I", 8: "Q"}[view.itemsize], view.tobytes())
    numbers.byteswap()
    return numbers.tobytes()


def column_of(name: str, source: Any) -> AnyColumn:
    """A column of whatever it is; TypeError, naming the column, if it is none."""
    if isinstance(source, (list, tuple)):
        return Values(source)
    if isinstance(source, (str, bytes, bytearray, Mapping, Set)):
        raise TypeError(f"column {path_text((name,))}: a {type(source).__name__} is no sequence")
    if isinstance(source, Column):
        return _selected(source)
    if is_pandas(source):
        return _pandas(name, source)
    if has_arrow(source):
        return ArrowColumn.of(name, source)
    if hasattr(source, "__array_interface__"):
        return _numpy(name, source)
    try:
        view = memoryview(source)
    except TypeError:
        pass
    else:
        return _buffer(name, view)
    if hasattr(source, "__len__") and hasattr(source, "__getitem__"):
        return Values(list(source))
    kind = type(source).__name__
    raise TypeError(f"column {path_text((name,))} is of type '{kind}', not a sequence of values")


def _selected(source: Column) -> AnyColumn:
    """A column that Table.select gave."""
    if source.values is None:
        return Values(source.to_list())
    if source.type == "timestamp":
        return Times(source.unit, source.values, source.valid)
    return Numbers(source.type, source.values, source.valid)


def _buffer(name: str, view: memoryview) -> AnyColumn:
    """Anything with the buffer protocol whose format is a native number."""
    code = view.format.lstrip("@=") if sys.byteorder == "big" else view.format.lstrip("@=<")
    if view.ndim != 1:
        return Values(view.tolist())
    kind = _kind(code, view.itemsize)
    if kind is None:
        raise _no_form(name, f"a buffer of format '{view.format}'")
    return Numbers(kind, view)


def _kind(code: str, size: int) -> Optional[str]:
    if code in SIGNED:
        return f"i{8 * size}"
    if code in UNSIGNED:
        return f"u{8 * size}"
    return "bool" if code == "?" else FLOATS.get(code)


def _numpy(name: str, source: Any, missing: Optional[Bits] = None) -> AnyColumn:
    """An array that speaks numpy's interface. missing: a bitmap of values to be null."""
    if type(source).__module__.startswith("numpy.ma"):
        mask = source.mask  # one for all, or one each
        flags = mask.tobytes() if mask.shape else bytes([bool(mask)]) * len(source)
        if source.ndim != 1 or source.dtype.names:
            return Values(_listed(name, source))
        if source.dtype.kind == "M":  # what is masked need not be a time that has a form
            return _numpy(name, _unmasked(source))
        return _numpy(name, source.data, to_bitmap(flags))
    interface = source.__array_interface__
    if interface["typestr"].startswith("StringDType"):  # its missing value may be anything
        texts = source.tolist()
        if source.ndim == 1:
            texts = [value if isinstance(value, str) else None for value in texts]
        return Values(texts if missing is None else _with_nulls(texts, missing))
    order, kind, size = _typestr(interface["typestr"])
    if len(interface["shape"]) != 1:
        if not interface["shape"]:
            raise TypeError(f"column {path_text((name,))}: an array without dimensions")
        return Values(_listed(name, source))
    valid = None if missing is None else inverted(missing, len(source))
    if kind == "M":
        return _times(name, source, valid)
    if kind in "iufb":
        if order != ("<" if sys.byteorder == "little" else ">") and size > 1:
            source = source.astype(f"={kind}{size}")
        if kind == "f" and size == 2:
            source, size = source.astype("f4"), 4
        if size <= 8:
            wire = "bool" if kind == "b" else f"{kind}{8 * size}"
            view = memoryview(source)
            return Numbers(wire, view, valid)
    if kind in "OUS":
        values = source if missing is None else _with_nulls(source.tolist(), missing)
        return Values(values, foreign=kind == "O")
    if kind == "V" and source.dtype.names:
        return Values(_listed(name, source))
    raise _no_form(name, f"an array of type '{source.dtype}'")


def _typestr(text: str) -> tuple[str, str, int]:
    """Byte order, kind and size of an array interface's type."""
    order = text[0]
    digits = "".join(c for c in text[2:].partition("[")[0] if c.isdigit())
    return order, text[1], int(digits or 0)


def _listed(name: str, source: Any) -> list[Any]:
    """The values of an array of any shape as Python has them, a structure's as maps. None for what
    is masked."""
    names, kind = source.dtype.names, source.dtype.kind
    if source.ndim > 1 and kind in "MV":
        return [_listed(name, part) for part in source]
    if names:
        fields = [_listed(name, source[field]) for field in names]
        return [dict(zip(names, values)) for values in zip(*fields)]
    if kind != "M":
        return source.tolist()  # type: ignore[no-any-return]
    unit, counts = _counts(name, _unmasked(source))
    return [None if count == NAT else _instant(unit, count) for count in counts.tolist()]


def _instant(unit: str, count: int) -> Timestamp:
    """So many of a unit since 1970."""
    seconds, rest = divmod(count, PER_SECOND[unit])
    return Timestamp(seconds, rest * (10**9 // PER_SECOND[unit]))


def _unmasked(times: Any) -> Any:
    """datetime64 that may be masked, as such that is NaT there."""
    mask = getattr(times, "mask", None)
    if mask is None:
        return times
    plain = times.data.copy()
    plain[mask] = "NaT"
    return plain


def _times(name: str, source: Any, valid: Optional[Bits]) -> Times:
    """datetime64, as instants of UTC; NaT is null."""
    unit, counts = _counts(name, source)
    there = counts != NAT
    if not there.all():
        bits = to_bitmap(there.tobytes())
        valid = bits if valid is None else both(valid, bits)
    return Times(unit, memoryview(counts), valid)


def _counts(name: str, source: Any) -> tuple[str, Any]:
    """datetime64 as 64-bit counts of one of UNITS. EncodeError for a time that is none: numpy casts
    what does not fit to another time."""
    text = source.dtype.str.partition("[")[2].rstrip("]")
    source = source.astype(f"=M8[{text}]" if text else "=M8", copy=False)
    if text in UNITS:
        return text, source.view("i8")
    base = text.lstrip("0123456789")  # 25s: in steps of 25 seconds
    unit = "s" if base in COARSE else base if base in UNITS else "ns"
    cast = source.astype(f"=M8[{unit}]")
    same = cast.astype(source.dtype).view("i8") == source.view("i8")
    if not same.all():
        row = int(same.argmin())
        reason = f"a datetime64[{text}] that a datetime64[{unit}] does not hold cannot be sent"
        raise EncodeError(reason, row=row, field=path_text((name,)))
    return unit, cast.view("i8")


def structured(source: Any) -> Optional[list[tuple[str, AnyColumn]]]:
    """The columns of a numpy structured array; None if it is none."""
    names = getattr(getattr(source, "dtype", None), "names", None)
    if not names or not hasattr(source, "__array_interface__") or source.ndim != 1:
        return None
    return [(name, _numpy(name, source[name])) for name in names]


# pandas --------------------------------------------------------------------------------------


def is_pandas(source: Any) -> bool:
    """True for a Series, an Index or an extension array of pandas, not for a frame."""
    return of_pandas(type(source)) and hasattr(source, "isna") and hasattr(source, "dtype")


def is_pandas_frame(source: Any) -> bool:
    return of_pandas(type(source)) and hasattr(source, "columns") and hasattr(source, "dtypes")


def _pandas(name: str, series: Any) -> AnyColumn:
    """A pandas column. The same whether pyarrow is there or not: isna() is null."""
    dtype = series.dtype
    flags = series.isna()
    missing = to_bitmap(_flags(flags)) if flags.any() else None
    unit = getattr(dtype, "unit", None)
    if unit in UNITS and (kind := getattr(dtype, "kind", "")) == "M" and kind:
        return _numpy(name, series.to_numpy(dtype=f"datetime64[{unit}]"), missing)
    if hasattr(dtype, "__array_interface__") or type(dtype).__module__.startswith("numpy"):
        return _numpy(name, series.to_numpy(), missing)
    plain_type = getattr(dtype, "numpy_dtype", None)  # Int64, Float64, boolean
    if plain_type is not None and getattr(plain_type, "kind", "O") in "iufb":
        filler = False if plain_type.kind == "b" else 0
        filled = series.to_numpy(dtype=plain_type, na_value=filler)
        return _numpy(name, filled, missing)
    if hasattr(dtype, "subtype") and getattr(dtype, "kind", "O") in "iufbM":  # Sparse
        return _numpy(name, series.to_numpy(), missing)
    if _scalar(dtype) in ("Period", "Interval"):  # in Arrow only a number, or a map
        raise _no_form(name, f"a column of type '{_scalar(dtype)}'")
    if has_arrow(series):
        try:
            return ArrowColumn.of(name, series)
        except (ImportError, TypeError, ValueError):
            pass  # no pyarrow, or values that it has no type for
    values = series.tolist()
    return Values(values if missing is None else _with_nulls(values, missing), foreign=True)


def _scalar(dtype: Any) -> str:
    """The name of the type that a value of a pandas column, or a category of one, has."""
    kind = getattr(getattr(dtype, "categories", None), "dtype", dtype)
    return getattr(getattr(kind, "type", None), "__name__", "")


def _flags(flags: Any) -> bytes:
    return bytes(getattr(flags, "to_numpy", lambda: flags)().tobytes())


def plain(values: list[Any]) -> list[Any]:
    """Values of an object array without pandas' own: NA and NaT to None, Timestamp to
    msgpack.Timestamp (one without zone is UTC, as in a column of such)."""
    kinds = {kind for kind in set(map(type, values)) if of_pandas(kind)}
    if not kinds:
        return values
    return [_plain_value(value) if type(value) in kinds else value for value in values]


def _plain_value(value: Any) -> Any:
    name = type(value).__name__
    if name in ("NAType", "NaTType"):
        return None
    if name != "Timestamp":
        return value
    unit, counts = _counts(name, value.asm8)  # in its own unit: nanoseconds do not reach far
    return _instant(unit, int(counts))


def of_pandas(kind: type) -> bool:
    return kind.__module__.partition(".")[0] == "pandas"


def _with_nulls(values: list[Any], missing: Bits) -> list[Any]:
    return [None if missing[i >> 3] >> (i & 7) & 1 else value for i, value in enumerate(values)]


def inverted(bits: Bits, count: int) -> bytes:
    """All of the first `count` bits the other way."""
    number = int.from_bytes(bits, "little") ^ (1 << count) - 1
    return number.to_bytes((count + 7) // 8, "little")


def both(a: Bits, b: Bits) -> bytes:
    """Bits that are set in two bitmaps of one size."""
    number = int.from_bytes(a, "little") & int.from_bytes(b, "little")
    return number.to_bytes(len(a), "little")


def _no_form(name: str, what: str) -> EncodeError:
    return EncodeError(f"{what} cannot be loaded: {AS_NUMPY}", field=path_text((name,)))
