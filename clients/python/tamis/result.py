"""What comes back: RESULT messages to rows, numbers of rows, a mask; DONE to Stats.

Pure functions over what a Connection collected. Everything a peer sent is checked here against
the number of rows that were asked about: a wrong reply is a ProtocolError, never a wrong answer.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import compress
from typing import Any, NamedTuple, TypeVar

from .bits import to_flags
from .errors import ProtocolError
from .warning import QueryWarning, warnings_of

T = TypeVar("T")
Result = tuple[str, int, int, Any]  # kind, base, rows, data (bytes, but see connection.Request)


class Stats(NamedTuple):
    """Counts of one finished request.

    matched: rows that the query kept. rows: rows that were looked at (fewer than were given if
    the limit was reached). type_mismatch: comparisons that the type of a value made UNKNOWN, such
    as 'abc' > 5. limit_reached: rows after the last match were not looked at. undefined: operations
    without a result, such as 1 / 0 (0 from a daemon that does not count them). warnings: what the
    query hardly means (QueryWarning).
    """

    matched: int
    rows: int
    type_mismatch: int
    limit_reached: bool
    undefined: int = 0
    warnings: tuple[QueryWarning, ...] = ()


def stats(done: Any, query: object = None) -> Stats:
    """The map of a DONE message for this query; ProtocolError if it is none."""
    try:
        matched, rows = done["matched"], done["rows"]
        mismatch, limited = done["type_mismatch"], done["limit_reached"]
        undefined = done.get("undefined", 0)
    except (TypeError, KeyError, AttributeError):
        raise ProtocolError("a DONE message without its counts") from None
    counts = (matched, rows, mismatch, undefined)
    if any(type(count) is not int for count in counts) or type(limited) is not bool:
        raise ProtocolError("a DONE message with counts of the wrong types")
    warnings = warnings_of(done, query) if "warnings" in done else ()
    return Stats(matched, rows, mismatch, limited, undefined, warnings)


def u32(data: bytes) -> Sequence[int]:
    """The little-endian numbers of an "indices" result."""
    if len(data) % 4:
        raise ProtocolError("a result whose indices are cut off")
    if sys.byteorder == "little":
        return memoryview(data).cast("I")
    numbers = array("I", data)
    numbers.byteswap()
    return numbers


def expand(rows: int, data: bytes) -> bytes:
    """A bitmap as bytes of 0 and 1, one a row."""
    if len(data) != (rows + 7) // 8:
        raise ProtocolError("a result whose bitmap does not fit its rows")
    return to_flags(data, rows)


def checked(results: Sequence[Result], total: int) -> Iterator[Result]:
    """The results, each seen to lie within the rows that were sent and after the one before."""
    least = 0
    for kind, base, rows, data in results:
        if base < least or base + rows > total:
            raise ProtocolError("a result for rows that were not sent, or sent twice")
        least = base + rows
        yield kind, base, rows, data


def places(kind: str, rows: int, data: bytes) -> Sequence[int]:
    """The matches of one result as ascending numbers below rows."""
    if kind == "bitmap":
        return array("I", compress(range(rows), expand(rows, data)))
    if kind != "indices":
        raise ProtocolError(f"a result of kind {kind!r} that was not asked for")
    found = u32(data)
    if found and found[-1] >= rows:
        raise ProtocolError("a result with an index beyond its rows")
    return found


def pick(results: Sequence[Result], rows: Sequence[T], matched: int) -> list[T]:
    """The caller's own rows that matched, in order."""
    chosen: list[T] = []
    try:
        for kind, base, count, data in checked(results, len(rows)):
            if kind == "bitmap":
                part = rows if base == 0 else rows[base : base + count]
                chosen.extend(compress(part, expand(count, data)))
            else:
                found: Iterable[int] = places(kind, count, data)
                if base:
                    found = map(base.__add__, found)
                chosen.extend(map(rows.__getitem__, found))
    except IndexError:  # indices that do not ascend
        raise ProtocolError("a result with an index beyond its rows") from None
    _agree(len(chosen), matched)
    return chosen


def indices(results: Sequence[Result], total: int, matched: int) -> array[int]:
    """The numbers of the rows that matched, ascending."""
    chosen: array[int] = array("I")
    for kind, base, count, data in checked(results, total):
        found = places(kind, count, data)
        if base:
            chosen.extend(map(base.__add__, found))
        elif isinstance(found, memoryview):
            chosen.frombytes(found.cast("B"))
        else:
            chosen.extend(found)
    _agree(len(chosen), matched)
    return chosen


def mask(results: Sequence[Result], total: int, matched: int) -> bytearray:
    """One byte a row, 1 for a match."""
    flags = bytearray(total)
    for kind, base, count, data in checked(results, total):
        if kind == "bitmap":
            flags[base : base + count] = expand(count, data)
        else:
            for i in places(kind, count, data):
                if i >= count:  # indices that do not ascend
                    raise ProtocolError("a result with an index beyond its rows")
                flags[base + i] = 1
    _agree(flags.count(1), matched)
    return flags


def _agree(found: int, matched: int) -> None:
    if found != matched:
        raise ProtocolError(f"{found} matches came, the daemon counted {matched}")
