"""Warnings: what the daemon says of a query that compiles but hardly means what its writer wants.

The numbers and names are those of proto/warnings.def (a test compares them).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from itertools import islice
from typing import Any, NamedTuple, Optional

from .columns import MISSING, Path, follow, path_text
from .errors import place, point_at, text_of

WARNINGS = {
    1: "NULL_COMPARISON",
    2: "NOT_IN_NULL",
    3: "NEVER_TRUE",
    4: "NO_WILDCARD",
    5: "FIELD_ABSENT",
    6: "FIELD_AS_WORD",
    7: "NO_TEXT",
    8: "FIELD_AS_TEXT",
    9: "ALL_TEXT",
}
ABSENT_TEXT = "no row has this field, but one whose name is like it"
PROBED_ROWS = 256  # at a time, for whether one has the field
SAMPLE_KEYS = 512  # of these rows together: a map of a million keys is no record
SAMPLE_ROWS = 4  # whose keys a misspelt field is compared with


class QueryWarning(NamedTuple):
    """One warning. str() shows the line of the query with a caret under the place.

    name: as in proto/warnings.def. message: what is wrong, and what to write. position, length: in
    characters of a query text, in bytes of the msgpack form of a structured query; None if there
    is no place. near: the text that is meant. suggestion: a name that may have been meant.
    """

    name: str
    message: str
    query: object = None
    position: Optional[int] = None
    length: Optional[int] = None
    near: Optional[str] = None
    suggestion: Optional[str] = None

    def __str__(self) -> str:
        text = self.message
        if self.near and self.suggestion:
            text += f": '{self.near}' (did you mean '{self.suggestion}'?)"
        if self.position is None or not isinstance(self.query, str):
            return text
        return f"{text}\n{point_at(self.query, self.position, self.length or 1)}"


def warnings_of(told: Any, query: object) -> tuple[QueryWarning, ...]:
    """The warnings of a reply's map. What is none is left out: a warning is never an error."""
    found = told.get("warnings") if isinstance(told, dict) else None
    return tuple(
        _warning(details, query) for details in found or () if isinstance(details, Mapping)
    )


def _warning(details: Mapping[str, Any], query: object) -> QueryWarning:
    position, length = place(details, query)
    return QueryWarning(
        text_of(details, "name") or "UNKNOWN",
        text_of(details, "message") or "",
        query,
        position,
        length,
        text_of(details, "near"),
        text_of(details, "suggestion"),
    )


def absent(paths: Sequence[Path], rows: Sequence[Any]) -> tuple[QueryWarning, ...]:
    """A warning for each path that no row has, while a row has a key that is like its last one.

    The daemon does the same for rows that it sees whole; here it gets columns.
    """
    first = rows[0]
    if (
        type(first) is dict
    ):  # what it has is seen at once: this runs for each request without matches
        paths = [path for path in paths if path[0] not in first or len(path) > 1]
    return tuple(filter(None, [_absent(path, rows) for path in paths])) if paths else ()


def with_absent(
    told: tuple[QueryWarning, ...], paths: Sequence[Path], rows: Sequence[Any]
) -> tuple[QueryWarning, ...]:
    """What the daemon has told of the rows, and absent(): of a field that may be misspelt or meant
    as a text, that it may be misspelt.
    """
    found = absent(paths, rows)
    if not found:
        return told
    misspelt = {warning.near for warning in found}
    kept = (
        warning
        for warning in told
        if warning.name != "FIELD_AS_TEXT" or path_text((warning.near or "",)) not in misspelt
    )
    return (*kept, *found)


def _absent(path: Path, rows: Sequence[Any]) -> Optional[QueryWarning]:
    name = path[-1]
    if not isinstance(name, str):
        return None
    if follow(rows[:1], path)[0] is not MISSING:
        return None
    for start in range(0, len(rows), PROBED_ROWS):
        if any(value is not MISSING for value in follow(rows[start : start + PROBED_ROWS], path)):
            return None
    maps = follow(rows[:SAMPLE_ROWS], path[:-1])
    names = (key for found in maps if isinstance(found, Mapping) for key in found)
    keys = set(islice(names, SAMPLE_KEYS))
    by_folded = {key.casefold(): key for key in sorted(k for k in keys if isinstance(k, str))}
    alike = get_close_matches(name.casefold(), by_folded, 1, 0.75)
    if not alike:
        return None
    near, suggestion = path_text(path), path_text((*path[:-1], by_folded[alike[0]]))
    return QueryWarning("FIELD_ABSENT", ABSENT_TEXT, near=near, suggestion=suggestion)
