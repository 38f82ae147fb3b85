"""What rows may come from: one iterator of parts for every kind of source.

A source of rows is

- an iterable of mappings (or, with `columns`, of sequences in their order),
- a mapping of column names to sequences, buffers, arrays or Arrow columns, all of one length,
- anything with `__arrow_c_stream__` or `__arrow_c_array__` that has rows,
- a pandas frame, a numpy structured array,
- a callable that returns one of these.

A part is as many rows as go into one message; it knows how to put itself there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from operator import itemgetter
from typing import Any, Optional

from . import arrays
from .arrow import batches, has_arrow
from .cells import Buffer, Cells, ColumnSource, Pieces, blame, put_columns
from .columns import GROUP_ROWS, check_rows, path_text, refusal
from .errors import EncodeError
from .frames import PACK_ERRORS

Source = Any
Names = Optional[Sequence[str]]
MOST_ROWS = 1 << 18
FIRST_ROWS = 1024
# Of a message: large enough to be worth a call, small enough to overlap, and somewhat less than the
# memory that the daemon keeps to read the next ones to.
TARGET_BYTES = 15 << 17
# Rows that the daemon stores together. Numbers that come for all of these in one message are stored
# from where they are, without a copy between.
SEGMENT_ROWS = 1 << 16
SEGMENT_BYTES = 5 << 20  # that a message may have for it
GROUP_BYTES = 128 << 10  # of rows that are packed at once, about
# The same two where the daemon fetches most of what a message tells of: nothing of that is on its
# way, so that few messages are best; but what is fetched has to be somewhere.
FETCHED_TARGET_BYTES = 20 << 20
FETCHED_SEGMENT_BYTES = 30 << 20


class Pace:
    """How many rows the next part takes, from the bytes that the last ones had."""

    def __init__(self, limits: Mapping[str, int], fetches: bool = False) -> None:
        """fetches: the daemon, what is large."""
        self._fetches = fetches
        self._knows = False
        self.most_bytes = limits.get("frame_bytes", 64 << 20)
        self._most_rows = max(1, min(MOST_ROWS, limits.get("batch_rows", MOST_ROWS)))
        self.rows = min(FIRST_ROWS, self._most_rows)

    def learn(self, rows: int, size_bytes: int, left_bytes: int = 0) -> None:
        """left_bytes: of these, what is fetched."""
        self._set(rows, size_bytes, 2 * left_bytes > size_bytes, self.rows * 8)

    def begin(self, columns: Sequence[tuple[str, ColumnSource]], start: int, stop: int) -> None:
        """Before the first part: these rows tell how many it takes, if the columns lie there as
        they go; no more than a segment, if they are fetched, so that the daemon has something to
        do soon. Others are made while the daemon works at those before."""
        if self._knows or not all(column.in_place for _, column in columns):
            return
        found = (column.cells(start, stop) for _, column in columns)
        size = sum(_bytes((cells.data, cells.valid)) for cells in found)
        most = min(self._most_rows, SEGMENT_ROWS) if self._fetches else self._most_rows
        self._set(stop - start, size, self._fetches, most)

    def _set(self, rows: int, size_bytes: int, fetched: bool, most_rows: int) -> None:
        self._knows = True
        most = max(1, self.most_bytes // 2)
        target = min(FETCHED_TARGET_BYTES if fetched else TARGET_BYTES, most)
        segment = min(FETCHED_SEGMENT_BYTES if fetched else SEGMENT_BYTES, most)
        fit = target * rows // max(size_bytes, 1)
        if fit < SEGMENT_ROWS and size_bytes * SEGMENT_ROWS <= segment * rows:
            fit = SEGMENT_ROWS
        grown = max(1, min(most_rows, fit, self._most_rows))
        self.rows = grown & ~63 or grown  # whole bytes of the bitmaps


def _bytes(data: Any) -> int:
    """Of the buffers among the data of cells."""
    if isinstance(data, tuple):
        return sum(map(_bytes, data))
    return memoryview(data).nbytes if isinstance(data, (bytes, bytearray, memoryview)) else 0


class Part:
    """Some rows of a source. base: the number of the first."""

    rows: int
    base: int

    def put(self, pieces: Pieces) -> None:
        """The payload. EncodeError, with row and field, for a value that has no form."""
        raise NotImplementedError

    def halves(self) -> tuple[Part, Part]:
        """The same rows in two parts, if there are two rows or more."""
        raise NotImplementedError


class ColumnPart(Part):
    def __init__(
        self, columns: Sequence[tuple[str, ColumnSource]], start: int, stop: int, base: int
    ) -> None:
        self._columns = columns
        self._start, self._stop = start, stop
        self.rows, self.base = stop - start, base

    def put(self, pieces: Pieces) -> None:
        put_columns(pieces, self.rows, [self._cells(*pair) for pair in self._columns], self.base)

    def _cells(self, name: str, column: ColumnSource) -> tuple[str, Cells]:
        return name, column.cells(self._start, self._stop)

    def halves(self) -> tuple[Part, Part]:
        middle = self._start + self.rows // 2
        first = ColumnPart(self._columns, self._start, middle, self.base)
        return first, ColumnPart(self._columns, middle, self._stop, self.base + first.rows)


class _PackedPart(Part):
    """Rows that go as they are, packed some at a time: that looks at each row and each of its
    values once, while the processor still has them, where columns made of them look three times."""

    def __init__(self, rows: Sequence[Any], names: Names, base: int) -> None:
        self._rows = rows
        self._names = names
        self.rows, self.base = len(rows), base

    def _plain(self, rows: Sequence[Any], base: int) -> Sequence[Any]:
        """What is to be packed of rows; TypeError or ValueError for what is none."""
        raise NotImplementedError

    def _fields(self, row: Any) -> Iterable[tuple[Any, Any]]:
        """The names and values of a row that is to be packed."""
        raise NotImplementedError

    def _packed(self, pieces: Pieces) -> Iterator[Buffer]:
        """The rows, in groups of as many as have some GROUP_BYTES."""
        start, count = 0, 16
        while start < self.rows:
            rows = self._plain(self._rows[start : start + count], self.base + start)
            try:
                packed = pieces.pack(rows)
            except PACK_ERRORS as error:
                raise self._blame(rows, self.base + start, pieces, error) from error
            yield memoryview(packed)[1 if len(rows) < 16 else 3 :]  # behind the head of an array
            start += len(rows)
            count = max(1, min(GROUP_ROWS, GROUP_BYTES * len(rows) // len(packed)))

    def _blame(
        self, rows: Sequence[Any], base: int, pieces: Pieces, cause: BaseException
    ) -> EncodeError:
        for i, row in enumerate(rows, base):
            for key, value in self._fields(row):
                reason = refusal(key, pieces.pack)
                if reason:
                    return EncodeError(reason, row=i, field=repr(key))
                error = blame(str(key), [value], i, pieces.pack, cause)
                if error.row is not None:
                    return error
        return EncodeError(str(cause), field="rows")

    def halves(self) -> tuple[Part, Part]:
        middle = len(self._rows) // 2
        first = type(self)(self._rows[:middle], self._names, self.base)
        return first, type(self)(self._rows[middle:], self._names, self.base + middle)


class RowPart(_PackedPart):
    """Mappings. names: what is taken of them; None: all."""

    def put(self, pieces: Pieces) -> None:
        if self._names:
            with suppress(KeyError):
                _ChosenPart(self._rows, self._names, self.base).put(pieces)
                return
        packed = b"".join(self._packed(pieces))
        pieces.array(2)
        pieces.put(pieces.pack("maps"))
        pieces.array(self.rows)
        pieces.put(packed)

    def _plain(self, rows: Sequence[Any], base: int) -> Sequence[Any]:
        if set(map(type, rows)) != {dict}:
            check_rows(rows, base)
            rows = list(map(dict, rows))
        names = self._names
        if names is None:
            return rows
        return [{name: row[name] for name in names if name in row} for row in rows]

    def _fields(self, row: Any) -> Iterable[tuple[Any, Any]]:
        return row.items()  # type: ignore[no-any-return]


class SequencePart(_PackedPart):
    """Sequences of values in the order of the names."""

    def put(self, pieces: Pieces) -> None:
        packed = b"".join(self._packed(pieces))
        pieces.array(3)
        pieces.put(pieces.pack("template"))
        pieces.put(pieces.pack(self._names))
        pieces.array(self.rows)
        pieces.put(packed)

    def _plain(self, rows: Sequence[Any], base: int) -> Sequence[Any]:
        names = self._names or ()
        kinds = set(map(type, rows))
        if kinds <= {list, tuple} and set(map(len, rows)) == {len(names)}:
            return rows
        for i, row in enumerate(rows, base):
            if not isinstance(row, (list, tuple)):
                raise TypeError(f"row {i} is of type '{type(row).__name__}', not a sequence")
            if len(row) != len(names):
                raise ValueError(f"row {i} has {len(row)} values for {len(names)} columns")
        return list(map(list, rows))  # without types of their own

    def _fields(self, row: Any) -> Iterable[tuple[Any, Any]]:
        return zip(self._names or (), row)


class _ChosenPart(SequencePart):
    """Some fields of dicts. KeyError if one has not all of them, or is another mapping."""

    def _plain(self, rows: Sequence[Any], base: int) -> Sequence[Any]:
        if set(map(type, rows)) != {dict}:
            raise KeyError
        return list(zip(*(map(itemgetter(name), rows) for name in self._names or ())))


def parts(source: Source, columns: Names, pace: Pace) -> Iterator[Part]:
    """The rows of a source. TypeError or ValueError for what is none."""
    if columns is not None:
        columns = _names(columns)
    if callable(source) and not isinstance(source, type):
        source = source()
    if isinstance(source, (str, bytes, bytearray, memoryview)):
        raise TypeError("rows as text or bytes: use load_bytes")
    if arrays.is_pandas_frame(source):
        yield from _cut(_pandas(source, columns), 0, pace, len(source))
    elif has_arrow(source):
        base = 0
        for count, found in batches(source):
            yield from _cut(_chosen(found, columns), base, pace, count)
            base += count
    elif isinstance(source, Mapping):
        chosen = source if columns is None else {name: _member(source, name) for name in columns}
        pairs = [(_text(name), value) for name, value in chosen.items()]
        yield from _cut([(name, arrays.column_of(name, value)) for name, value in pairs], 0, pace)
    elif (fields := arrays.structured(source)) is not None:
        yield from _cut(_chosen(fields, columns), 0, pace)
    elif hasattr(source, "__array_interface__"):
        if columns is None or len(source.shape) != 2 or source.shape[1] != len(columns):
            raise TypeError("an array of rows has two dimensions, and columns= names the second")
        pairs = [(name, source[:, i]) for i, name in enumerate(columns)]
        yield from _cut([(name, arrays.column_of(name, value)) for name, value in pairs], 0, pace)
    elif hasattr(source, "collect") and not isinstance(source, Iterable):
        raise TypeError(f"a {type(source).__name__} has no rows yet: call collect() first")
    else:
        yield from _rows(source, columns, pace)


def can_be_read_again(source: Source) -> bool:
    """False for an iterator, or a reader of a stream, which is empty after its first use."""
    if callable(source):
        return True
    return hasattr(source, "__len__") or hasattr(source, "__arrow_c_array__")


def _rows(source: Iterable[Any], columns: Names, pace: Pace) -> Iterator[Part]:
    rows = iter(source)
    base = 0
    while chunk := list(islice(rows, pace.rows)):
        if columns is not None and not isinstance(chunk[0], Mapping):
            yield SequencePart(chunk, columns, base)
        else:
            yield RowPart(chunk, columns, base)
        base += len(chunk)


def _cut(
    columns: Sequence[tuple[str, ColumnSource]], base: int, pace: Pace, rows: Optional[int] = None
) -> Iterator[Part]:
    """Columns of one length, in parts. rows: how many there are, if there may be no column."""
    _unique([name for name, _ in columns])
    lengths = {len(column) for _, column in columns}
    if len(lengths) > 1:
        text = ", ".join(f"{path_text((name,))}: {len(column)}" for name, column in columns)
        raise ValueError(f"the columns have different lengths ({text})")
    total = lengths.pop() if lengths else rows or 0
    start = 0
    if total > FIRST_ROWS:
        pace.begin(columns, 0, min([FIRST_ROWS, *(column.reach(0) for _, column in columns)]))
    while start < total:
        stop = start + pace.rows
        beyond = (base + stop) % SEGMENT_ROWS
        if beyond < pace.rows:
            stop -= beyond
        stop = min([stop, total, *(column.reach(start) for _, column in columns)])
        yield ColumnPart(columns, start, stop, base + start)
        start = stop


def _pandas(frame: Any, columns: Names) -> list[tuple[str, ColumnSource]]:
    """The columns of a frame; its index is not among them."""
    found = [(name, frame.iloc[:, i]) for i, name in enumerate(frame.columns)]
    return [(name, arrays.column_of(name, value)) for name, value in _chosen(found, columns)]


def _chosen(found: Sequence[tuple[Any, Any]], columns: Names) -> list[tuple[str, Any]]:
    """The columns that were asked for, of pairs of a name and anything."""
    if columns is None:
        return [(_text(name), value) for name, value in found]
    table = dict(found)
    if len(table) < len(found):
        names = [name for name, _ in found]
        _unique([name for name in names if name in columns])
    return [(name, _member(table, name)) for name in columns]


def _member(table: Mapping[Any, Any], name: str) -> Any:
    if name not in table:
        raise ValueError(f"the source has no column {path_text((name,))}")
    return table[name]


def _names(columns: Sequence[str]) -> list[str]:
    if isinstance(columns, str):
        raise TypeError("columns must be a sequence of names, not one name")
    return _unique([_text(name) for name in columns])


def _unique(names: list[str]) -> list[str]:
    """The names; ValueError if one is there twice."""
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"two columns have the name {path_text((twice,))}")
    return names


def _text(name: Any) -> str:
    if not isinstance(name, str):
        raise TypeError(f"the name of a column must be str, not {type(name).__name__}")
    return name
