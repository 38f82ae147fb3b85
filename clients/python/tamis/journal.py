"""How a table came to be, so that it can be made again in a new daemon.

A journal holds the sources of a table's rows and the changes after them: the caller's own objects,
nothing is copied. Only a table that keeps its source has one. Entries are functions of a Home.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Callable, Optional

from .arrow import has_arrow
from .source import Source, can_be_read_again
from .tables import Home

Entry = Callable[[Home], Any]


class Journal:
    """The changes that lead from an empty table to this one."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []

    def note(self, entry: Entry, replaces: bool) -> None:
        """A change that was made. replaces: what came before it plays no part any more."""
        if replaces:
            self._entries.clear()
        self._entries.append(entry)

    def replay(self, home: Home) -> None:
        """All changes, in an empty table."""
        for entry in list(self._entries):
            entry(home)


def keepable(source: Source, journal: Optional[Journal]) -> Source:
    """The source in a form that can be read again, if there is a journal. An iterator of rows
    becomes a list; TypeError for a stream that can be read once."""
    if journal is None or can_be_read_again(source):
        return source
    if has_arrow(source) or not isinstance(source, Iterable):
        raise TypeError(
            f"a table that keeps its source needs one that can be read again, which a"
            f" {type(source).__name__} may not: give a table, a list, or a function that returns it"
        )
    return list(source)
