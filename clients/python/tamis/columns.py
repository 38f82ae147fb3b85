"""Rows to columns: takes out of the caller's rows the fields that a query reads, and no others.

A Gatherer is made once for a plan. It knows how rows look and how a column payload looks
(proto/PROTOCOL.md, "Row payloads"), but nothing of queries or connections.

A field that a row does not have is missing, which is not the same as a field that holds None. A
path that steps through something that is no mapping (or no list or tuple, for a number) is
missing too, never an error.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from operator import countOf, itemgetter
from typing import Any, Callable, Optional, Union

from msgpack import ExtType, Timestamp

from .bits import to_bitmap
from .errors import EncodeError
from .frames import LENGTH, PACK_ERRORS

Path = tuple[Union[str, int], ...]
# path, type, data, valid, present
Column = tuple[Path, str, list[Any], None, Optional[bytes]]
Payload = tuple[str, int, list[Column]]

# Rows that are packed together, so that a processor's cache has them all the while. A multiple of
# eight, as the bitmaps of groups make one, and less than 65,536.
GROUP_ROWS = 512
ALL = b"\xff" * (GROUP_ROWS // 8)
ARRAY = b"\xdd"  # of 32 bits of length

MISSING: Any = object()
Default = Callable[[Any], Any]
Pack = Callable[[Any], bytes]
# What has a form, or leads to what may have one.
FORMS: tuple[Any, ...] = (
    type(None),
    int,
    float,
    str,
    bytes,
    bytearray,
    memoryview,
    list,
    tuple,
    Mapping,
)
FORMS += (datetime, Timestamp)


class Gatherer:
    """The fields of one plan, ready to be taken out of rows."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = tuple(paths)
        # A path of one name, the common case, has a getter that runs in C.
        self._plans: list[tuple[Path, Optional[Callable[[Any], Any]]]] = [
            (path, itemgetter(path[0]) if len(path) == 1 else None) for path in self.paths
        ]

    def payload(
        self, rows: Sequence[Any], base: int = 0, default: Optional[Default] = None
    ) -> Payload:
        """The column payload for the rows; base is the number of the first. default: of the packer.

        TypeError, naming the row, if one is no mapping.
        """
        plain = countOf(map(type, rows), dict) == len(rows)
        if not plain:
            check_rows(rows, base)
        columns: list[Column] = []
        for path, getter in self._plans:
            # Only a plain dict is certain to raise KeyError: a subclass may invent or even
            # insert the value that is asked for.
            if plain and getter is not None:
                try:
                    columns.append((path, "list", list(map(getter, rows)), None, None))
                    continue
                except KeyError:
                    pass
            values = follow(rows, path, default)
            flags = bytes([value is not MISSING for value in values])
            if 0 not in flags:
                columns.append((path, "list", values, None, None))
            elif 1 in flags:
                values = [None if value is MISSING else value for value in values]
                columns.append((path, "list", values, None, to_bitmap(flags)))
            # A column that no row has is left out, which means the same.
        return ("columns", len(rows), columns)

    def packed(
        self, rows: Sequence[Any], base: int, pack: Pack, default: Optional[Default] = None
    ) -> bytes:
        """payload() as msgpack, for many rows: each, and each of its values, is looked at once and
        packed before it leaves the processor's cache. Raises EncodeError, too."""
        columns = [_Packed(path) for path in self.paths]
        for start in range(0, len(rows), GROUP_ROWS):
            group = rows[start : start + GROUP_ROWS]
            payload = self.payload(group, base + start, default)
            found = {column[0]: column for column in payload[2]}
            try:
                for whole in columns:
                    whole.add(len(group), found.get(whole.path), pack)
            except PACK_ERRORS as error:
                raise culprit(payload, base + start, pack, error) from error
        told = [whole for whole in columns if whole.is_there]
        head = b"\x93" + pack("columns") + pack(len(rows)) + ARRAY + LENGTH.pack(len(told))
        return b"".join([head, *(piece for whole in told for piece in whole.pieces(pack))])


class _Packed:
    """A column of which a group of cells comes at a time, packed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.is_there = False  # in some row
        self._lacks = False
        self._rows = 0
        self._data: list[bytes] = []
        self._bits: list[bytes] = []

    def add(self, count: int, column: Optional[Column], pack: Pack) -> None:
        """column: None if no row of these has it."""
        self._rows += count
        full = ALL if count == GROUP_ROWS else to_bitmap(bytes([True]) * count)
        if column is None:
            self._lacks = True
            self._data.append(b"\xc0" * count)
            self._bits.append(bytes(len(full)))
            return
        self.is_there = True
        self._lacks |= column[4] is not None
        self._data.append(pack(column[2])[1 if count < 16 else 3 :])  # behind an array's head
        self._bits.append(full if column[4] is None else column[4])

    def pieces(self, pack: Pack) -> Iterator[bytes]:
        yield b"\x95" + pack(self.path) + pack("list") + ARRAY + LENGTH.pack(self._rows)
        yield from self._data
        yield b"\xc0" + (pack(b"".join(self._bits)) if self._lacks else b"\xc0")


def check_rows(rows: Sequence[Any], base: int) -> None:
    """TypeError for the first row that is no mapping."""
    for kind in set(map(type, rows)):
        if not issubclass(kind, Mapping):
            at = next(i for i, row in enumerate(rows) if not isinstance(row, Mapping))
            name = type(rows[at]).__name__
            raise TypeError(f"row {base + at} is of type '{name}', not a mapping")


def follow(rows: Sequence[Any], path: Path, default: Optional[Default] = None) -> list[Any]:
    """The value of the path in each row, MISSING where there is none. default: makes something of
    values that have no form, inside of which a path may go on."""
    values: list[Any] = list(rows)
    for depth, key in enumerate(path):
        if default is not None and depth > 0:
            values = [v if isinstance(v, FORMS) else _made(v, default) for v in values]
        if isinstance(key, str):
            values = [
                value.get(key, MISSING) if type(value) is dict else _member(value, key)
                for value in values
            ]
        else:
            values = [_element(value, key) for value in values]
    return values


def _made(value: Any, default: Default) -> Any:
    """What goes in place of the value; itself where that fails: it is only passed through."""
    try:
        return value if value is MISSING else default(value)
    except PACK_ERRORS:
        return value


def _member(value: Any, key: str) -> Any:
    return value[key] if isinstance(value, Mapping) and key in value else MISSING


def _element(value: Any, index: int) -> Any:
    # An extension is a named tuple, but no array (N4).
    inside = isinstance(value, (list, tuple)) and not isinstance(value, ExtType)
    return value[index] if inside and index < len(value) else MISSING


def culprit(payload: Payload, base: int, pack: Pack, cause: BaseException) -> EncodeError:
    """Finds the value that made packing the payload fail. Slow, for errors only."""
    for path, _, values, _, _ in payload[2]:
        for i, value in enumerate(values):
            reason = refusal(value, pack)
            if reason:
                return EncodeError(reason, row=base + i, field=path_text(path))
    return EncodeError(str(cause), field="rows")  # each value alone can be packed: their sum is


def refusal(value: Any, pack: Pack) -> str:
    """Why a value cannot be packed, empty if it can."""
    try:
        pack(value)
    except PACK_ERRORS as error:
        kind = type(value)
        hint = "; give the array itself, or its tolist()" if kind.__module__ == "numpy" else ""
        return f"a value of type '{kind.__name__}' cannot be sent: {error}{hint}"
    return ""


def path_text(path: Path) -> str:
    """A path as it is written in a query."""
    text = ""
    for key in path:
        if isinstance(key, int):
            text += f"[{key}]"
        else:
            plain = key.isidentifier() and key.isascii()
            quoted = key if plain else '"' + key.replace('"', '""') + '"'
            text += f".{quoted}" if text else quoted
    return text
