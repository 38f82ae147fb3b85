"""What comes back of a table: RESULT messages to numbers, bitmaps, rows, columns and counts.

Pure functions, as result.py has them for rows that were sent. The number of a table's rows is not
known here, so an answer is held against itself: chunks ascend, and are as many as DONE counts.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Mapping, Sequence
from typing import Any, Optional, Union

from . import bits, result
from .bits import Bits
from .column import Chunk, Column, absent, chunk_of
from .errors import ProtocolError, from_reply
from .restore import restored, rows_of
from .result import Result, Stats

Path = Union[str, Sequence[Union[str, int]]]
Order = Sequence[Union[str, tuple[Path, str]]]
MOST_ROWS = 1 << 63


def indices(results: Sequence[Result], ordered: bool) -> memoryview:
    """The numbers of the rows, as a view of format 'I', or 'Q' if one is 2**32 or more.

    The results are "numbers", or "indices" of a table that is too large for them. ordered: they
    came in an order that was asked for, all from row 0 on.
    """
    if len(results) == 1 and (results[0][0] == "numbers" or results[0][1] == 0):  # as it came
        return memoryview(_u32(results[0])).cast("I")
    if all(kind == "numbers" for kind, _, _, _ in results):
        return memoryview(b"".join(map(_u32, results))).cast("I")
    if ordered:
        if any(base for _, base, _, _ in results):
            raise ProtocolError("a result in an order that does not begin with row 0")
        return memoryview(b"".join(map(_u32, results))).cast("I")
    found = list(result.checked(results, MOST_ROWS))
    if found and found[-1][1] + found[-1][2] > 1 << 32:
        numbers: array[int] = array("Q")
        for part in found:
            numbers.extend(map(part[1].__add__, memoryview(_u32(part)).cast("I")))
        return memoryview(numbers)
    return memoryview(b"".join([_raised(_u32(part), part[1]) for part in found])).cast("I")


def _u32(part: Result) -> Bits:
    """The numbers of a result, native."""
    kind, _, _, given = part
    data: Bits = given
    if kind not in ("numbers", "indices") or len(data) % 4:
        raise ProtocolError(f"a result of kind {kind!r} that was not asked for, or cut off")
    if sys.byteorder == "little":
        return data
    numbers = array("I", data)
    numbers.byteswap()
    return numbers.tobytes()


def _raised(data: Bits, base: int) -> Bits:
    """Numbers of 32 bits plus a base, which makes none of them too large.

    All at once: as the digits of one large number.
    """
    if not base or not data:
        return data
    order = sys.byteorder
    one = (1).to_bytes(4, order)
    number = int.from_bytes(data, order) + base * int.from_bytes(one * (len(data) // 4), order)
    try:
        return number.to_bytes(len(data), order)
    except OverflowError:
        raise ProtocolError("a result with an index beyond its rows") from None


def bitmap(results: Sequence[Result], rows: int) -> bytes:
    """A bit for each of the rows that were looked at."""
    joined = bytearray((rows + 7) // 8)
    for kind, base, count, data in result.checked(results, rows):
        if kind != "bitmap" or len(data) != (count + 7) // 8:
            raise ProtocolError("a result whose bitmap does not fit its rows")
        bits.put(joined, base, data, count)
    return bytes(joined)


def rows(results: Sequence[Result], matched: int) -> list[dict[Any, Any]]:
    """The rows as dicts."""
    if any(kind != "rows" for kind, _, _, _ in results):
        raise ProtocolError("a result that was not asked for")
    return rows_of([data for _, _, _, data in results], matched)


def counts(results: Sequence[Result]) -> list[tuple[Any, int]]:
    """The pairs of a "counts" result."""
    pairs = [pair for _, _, _, data in results for pair in data]
    for pair in pairs:
        if not isinstance(pair, list) or len(pair) != 2 or type(pair[1]) is not int:
            raise ProtocolError("a result whose counts are no pairs")
    return [(restored(value), count) for value, count in pairs]


def columns(
    results: Sequence[Result], paths: Optional[Sequence[Path]], matched: int
) -> dict[Any, Column]:
    """The columns of a "columns" result, by name; in the order of `paths`, if that is given."""
    found: dict[Any, list[Chunk]] = {}
    if paths is not None:
        found = {key_of(path): [] for path in paths}
    total = 0
    for kind, _, _, data in results:
        if kind != "columns":
            raise ProtocolError(f"a result of kind {kind!r} that was not asked for")
        chunks = [chunk_of(column) for column in data]
        sizes = {chunk.rows for _, chunk in chunks}
        if len(sizes) > 1:
            raise ProtocolError("a result whose columns have different lengths")
        size = sizes.pop() if sizes else 0
        for path, chunk in chunks:
            mine = found.setdefault(key_of(restored(path)), [])
            _fill(mine, total)
            mine.append(chunk)
        total += size
    if found and total != matched:
        raise ProtocolError(f"{total} matches came, the daemon counted {matched}")
    for mine in found.values():
        _fill(mine, total)
    return {key: Column(chunks) for key, chunks in found.items()}


def _fill(chunks: list[Chunk], rows: int) -> None:
    """Rows of which a column told nothing do not have it."""
    gap = rows - sum(chunk.rows for chunk in chunks)
    if gap > 0:
        chunks.append(absent(gap))


def key_of(path: Any) -> Union[str, tuple[Union[str, int], ...]]:
    """A path as the key of a dict: a column by its name, what lies deeper as a tuple."""
    if isinstance(path, str):
        return path
    if isinstance(path, (list, tuple)) and path:
        return path[0] if len(path) == 1 else tuple(path)
    raise ProtocolError("a result with a path that is none")


# Requests ------------------------------------------------------------------------------------

KINDS = {
    "count": "count",
    "indices": "numbers",
    "mask": "bitmap",
    "bitmap": "bitmap",
    "rows": "rows",
    "columns": "columns",
    "counts": "counts",
}


def path_option(path: Any) -> Any:
    """A path as an option has it: a column's name, or a sequence of steps."""
    if isinstance(path, str):
        return path
    steps = list(path) if isinstance(path, (list, tuple)) else []
    if not steps or not isinstance(steps[0], str) or not all(map(_is_step, steps)):
        raise TypeError(f"a path is a name, or a name and then names and numbers, not {path!r}")
    return steps


def _is_step(step: Any) -> bool:
    return isinstance(step, str) or (type(step) is int and step >= 0)


def columns_option(kind: str, columns: Sequence[Path]) -> list[Any]:
    """Paths of columns as an option has them; one that is there twice is one column. ValueError for
    two that a row would have by one name."""
    if isinstance(columns, str):
        raise TypeError("columns must be a sequence of paths, not one name")
    paths = {key_of(path): path for path in map(path_option, columns)}
    if kind == "rows":
        names: dict[Any, Any] = {}
        for key in paths:
            name = key if isinstance(key, str) else key[-1]
            if names.setdefault(name, key) != key:
                raise ValueError(f"two columns of a row have the name {name!r}: select() has paths")
    return list(paths.values())


def order_option(order: Order) -> list[list[Any]]:
    """order_by as an option has it. A path alone is ascending."""
    if isinstance(order, str):
        raise TypeError("order_by must be a sequence, such as [('age', 'desc')]")
    found = []
    for element in order:
        if isinstance(element, str):
            found.append([element, "asc"])
            continue
        if not isinstance(element, (list, tuple)) or len(element) != 2:
            raise TypeError(f"order_by has (path, 'asc' or 'desc'), not {element!r}")
        path, direction = element
        if direction not in ("asc", "desc"):
            raise ValueError(f"a direction is 'asc' or 'desc', not {direction!r}")
        found.append([path_option(path), direction])
    return found


def answer(kind: str, results: Sequence[Result], done: Stats, options: Mapping[str, Any]) -> Any:
    """What the method of Table gives that asks for results of this kind (see KINDS)."""
    if kind == "count":
        return done.matched
    if kind == "indices":
        found = indices(results, "order" in options)
        if len(found) != done.matched:
            raise ProtocolError(f"{len(found)} matches came, the daemon counted {done.matched}")
        return found
    if kind == "mask":
        bitmap_bytes = bitmap(results, done.rows)
        return bytearray(bits.to_flags(bitmap_bytes, done.rows))
    if kind == "bitmap":
        return bitmap(results, done.rows)
    if kind == "rows":
        return rows(results, done.matched)
    if kind == "columns":
        return columns(results, options.get("columns"), done.matched)
    return counts(results)


def answers(
    asked: Sequence[tuple[str, Any, Mapping[str, Any]]],
    results_of: Sequence[tuple[int, Result]],
    told: Any,
) -> list[Any]:
    """What queries() gives: for each query its answer, or the error that it got.

    asked: for each query what is asked for, the query itself and its options. told: the map of
    DONE.
    """
    each = told.get("queries") if isinstance(told, dict) else None
    if not isinstance(each, list) or len(each) != len(asked):
        raise ProtocolError("a DONE message without its queries")
    results: list[list[Result]] = [[] for _ in asked]
    for number, part in results_of:
        if number >= len(asked):
            raise ProtocolError("a result of a query that was not asked")
        results[number].append(part)
    found: list[Any] = []
    for (kind, query, options), parts, done in zip(asked, results, each):
        if isinstance(done, dict) and "code" in done:
            found.append(from_reply(done, query))
        else:
            found.append(answer(kind, parts, result.stats(done, query), options))
    return found
