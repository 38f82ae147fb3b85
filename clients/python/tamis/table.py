"""A resident table: rows that the daemon keeps as typed columns, loaded once and asked many times.

What callers see; tables.py, load.py and answers.py do the work.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, Callable, Optional, TypeVar, Union

from . import raw, tables
from .answers import KINDS, Order, Path
from .column import Column
from .connection import DELETE, DROP
from .errors import DaemonDied, TableError, TamisError
from .explain import Explanation
from .journal import Journal, keepable
from .load import Change, Load, change
from .plans import Params, Query
from .prepared_table import PreparedTable
from .raw import Bytes
from .restore import restored
from .source import Names, Source
from .tables import EVERY_ROW, Home, TableInfo, query_options

if TYPE_CHECKING:
    from .client import Client

R = TypeVar("R")
ASKED = ("limit", "offset", "order_by", "columns", "by", "params", "strict")


class Table:
    """Rows in the daemon. Made by Client.create_table and Client.table.

    Query methods take a query (text, or the structured form; None: every row), values for its
    parameters (params= or named, as Client.filter), strict= and timeout= as everywhere, and where
    it makes sense limit=, offset= (so many matches are left out before limit counts) and order_by=,
    a sequence of (path, "asc" or "desc"), or of paths. A path is the name of a column, or a tuple
    of names and numbers for what lies inside: ("address", "zip").

    Rows are numbered from 0 in the order in which they came, without those that were deleted. A
    query sees the table as it was when it began.

    Belongs to its client, and may be used by several threads as that may. All methods raise what
    the daemon says (TableError if it has no such table any more), Timeout, and DaemonDied; a table
    that keeps its source is loaded into a new daemon when a spawned one has died, once a call.
    """

    def __init__(
        self, client: Client, home: Home, told: Mapping[str, Any], journal: Optional[Journal]
    ) -> None:
        self._client = client
        self._home = home
        self._journal = journal
        self._lock = threading.Lock()
        self._reviver = 0  # the thread that holds the lock
        self.name: str = restored(str(told.get("name", "")))
        key = told.get("key")
        self.key: Optional[str] = None if key is None else restored(str(key))
        """The column whose values tell rows apart, or None."""
        self.private = bool(told.get("private", False))

    # Changes -----------------------------------------------------------------------------------

    def append(
        self, source: Source, *, columns: Names = None, timeout: Optional[float] = None
    ) -> Change:
        """More rows, behind the others; all become visible at once.

        source: an iterable of mappings; a mapping of column names to sequences, arrays or Arrow
        columns; a frame of pandas or polars, an Arrow table or reader (anything with
        `__arrow_c_stream__` or `__arrow_c_array__`), a numpy structured array; or a function that
        returns one of these. Arrays and Arrow columns are not copied: leave them as they are until
        this returns.
        columns: the names of the columns to take; with rows that are sequences, their names.
        timeout: seconds for each wait for the daemon; the source's own time does not count.

        Raises EncodeError (row, field) for a value that has no form, TypeError or ValueError for a
        source that is none, RowError for a key that is there already (DUPLICATE_KEY) or none.
        """
        return self._load("append", source, columns, timeout)

    def upsert(
        self, source: Source, *, columns: Names = None, timeout: Optional[float] = None
    ) -> Change:
        """As append, but a row takes the place of one that has the same key; it goes to the end.
        RequestError (NO_KEY) if the table has no key."""
        return self._load("upsert", source, columns, timeout)

    def replace(
        self, source: Source, *, columns: Names = None, timeout: Optional[float] = None
    ) -> Change:
        """As append, in place of all rows that there are."""
        return self._load("replace", source, columns, timeout)

    def load_bytes(
        self,
        data: Union[Bytes, Iterable[Bytes]],
        *,
        format: str = "jsonl",
        mode: str = "append",
        delimiter: Optional[str] = None,
        header: Optional[bool] = None,
        names: Optional[Sequence[str]] = None,
        types: Optional[Mapping[str, str]] = None,
        ragged: bool = False,
        on_error: str = "fail",
        timeout: Optional[float] = None,
    ) -> Change:
        """Rows as bytes of JSON lines, CSV or msgpack, which are not decoded here.

        data: bytes, or an iterable of bytes that may be cut anywhere. mode: "append", "upsert" or
        "replace". The rest as Client.filter_bytes; RowError tells row and byte offset.
        """
        layout = _layout(format, delimiter, header, names, types, ragged, on_error)
        chunks: Iterable[Bytes]
        if isinstance(data, (bytes, bytearray, memoryview)):
            chunks, whole = (data,), True
        else:
            chunks, whole = data, False
            if self._journal is not None:
                chunks = list(data)

        def entry(home: Home) -> Change:
            return Load(home.runner, home.number, mode, timeout).chunks(chunks, layout, whole)

        return self._change(entry, mode == "replace")

    def load_file(
        self,
        file: Union[str, bytes, os.PathLike[str], BinaryIO],
        *,
        format: Optional[str] = None,
        mode: str = "append",
        delimiter: Optional[str] = None,
        header: Optional[bool] = None,
        names: Optional[Sequence[str]] = None,
        types: Optional[Mapping[str, str]] = None,
        ragged: bool = False,
        on_error: str = "fail",
        timeout: Optional[float] = None,
    ) -> Change:
        """load_bytes of a file: a path, or an object with read (then give format).

        A spawned daemon reads a regular file by itself. format: None asks the ending of the name.
        A table that keeps its source reads the file again when it has to.
        """
        if not isinstance(file, (str, bytes, os.PathLike)):
            if format is None:
                raise ValueError("a file object tells no format: give format=")
            if self._journal is not None:
                raise TypeError("a table that keeps its source needs a path, not an open file")
            pieces = raw.read_pieces(file)
            layout = _layout(format, delimiter, header, names, types, ragged, on_error)
            return self._change(
                lambda home: Load(home.runner, home.number, mode, timeout).chunks(
                    pieces, layout, False
                ),
                mode == "replace",
            )
        path = os.path.abspath(os.fsencode(file))
        chosen = format or raw.format_of(file)
        layout = _layout(chosen, delimiter, header, names, types, ragged, on_error)

        def entry(home: Home) -> Change:
            load = Load(home.runner, home.number, mode, timeout)
            reads = "payload.file" in home.runner.channel.connection.capabilities
            regular = raw.regular_path(path) if reads else None
            if regular is not None:
                return load.file(regular, layout)
            return load.chunks(raw.file_pieces(path), layout, False)

        return self._change(entry, mode == "replace")

    def delete(self, keys: Iterable[Any], *, timeout: Optional[float] = None) -> Change:
        """Take out the rows with these keys; keys that are not there are passed over. RequestError
        (NO_KEY) if the table has no key."""
        if isinstance(keys, (str, bytes)):
            raise TypeError("keys must be an iterable of keys, not one")
        given = list(keys)
        return self._change(
            lambda home: change(tables.request(home.runner, DELETE, (home.number, given), timeout)),
            False,
        )

    def drop(self, *, timeout: Optional[float] = None) -> Change:
        """Take the table away, with all its rows. Queries that are under way end as they would."""
        self._journal = None
        home = self._home
        try:
            return change(tables.request(home.runner, DROP, (home.number,), timeout))
        except TableError as error:
            tables.tell_name(error, self.name)
            raise

    # Queries -----------------------------------------------------------------------------------

    def count(
        self,
        query: Optional[Query] = None,
        /,
        *,
        params: Params = None,
        limit: Optional[int] = None,
        strict: bool = False,
        timeout: Optional[float] = None,
        **named: Any,
    ) -> int:
        """How many rows match; at most limit."""
        options = query_options("count", params, named, limit, strict=strict)
        return self._ask("count", query, options, timeout)  # type: ignore[no-any-return]

    def indices(
        self,
        query: Optional[Query] = None,
        /,
        *,
        params: Params = None,
        limit: Optional[int] = None,
        offset: int = 0,
        order_by: Order = (),
        strict: bool = False,
        timeout: Optional[float] = None,
        **named: Any,
    ) -> memoryview:
        """The numbers of the rows that match, ascending or in the order of order_by.

        A memoryview of format 'I' (uint32), or 'Q' (uint64) if one is 2**32 or more: a sequence of
        int, and numpy.asarray or numpy.frombuffer takes it without a copy.
        """
        options = query_options("indices", params, named, limit, offset, order_by, strict)
        return self._ask("indices", query, options, timeout)  # type: ignore[no-any-return]

    def mask(
        self,
        query: Optional[Query] = None,
        /,
        *,
        params: Params = None,
        limit: Optional[int] = None,
        strict: bool = False,
        timeout: Optional[float] = None,
        **named: Any,
    ) -> bytearray:
        """A byte for each row that was looked at, 1 for a match. Without limit these are all."""
        options = query_options("mask", params, named, limit, strict=strict)
        return self._ask("mask", query, options, timeout)  # type: ignore[no-any-return]

    def bitmap(
        self,
        query: Optional[Query] = None,
        /,
        *,
        params: Params = None,
        limit: Optional[int] = None,
        strict: bool = False,
        timeout: Optional[float] = None,
        **named: Any,
    ) -> bytes:
        """The same as bits: row i in byte i / 8 at 1 << (i % 8)."""
        options = query_options("bitmap", params, named, limit, strict=strict)
        return self._ask("bitmap", query, options, timeout)  # type: ignore[no-any-return]

    def filter(
        self,
        query: Optional[Query] = None,
        /,
        *,
        params: Params = None,
        limit: Optional[int] = None,
        offset: int = 0,
        order_by: Order = (),
        columns: Optional[Sequence[Path]] = None,
        strict: bool = False,
        timeout: Optional[float] = None,
        **named: Any,
    ) -> list[dict[Any, Any]]:
        """The rows that match, as dicts that equal those that were loaded.

        A row has the columns that it was loaded with. Timestamps are datetimes of UTC, or
        msgpack.Timestamp where datetime cannot hold them; tuples are lists. columns: only these.
        """
        options = query_options("rows", params, named, limit, offset, order_by, strict, columns)
        return self._ask("rows", query, options, timeout)  # type: ignore[no-any-return]

    def select(
        self,
        query: Optional[Query] = None,
        /,
        columns: Optional[Sequence[Path]] = None,
        *,
        params: Params = None,
        limit: Optional[int] = None,
        offset: int = 0,
        order_by: Order = (),
        strict: bool = False,
        timeout: Optional[float] = None,
        **named: Any,
    ) -> dict[Any, Column]:
        """Columns of the rows that match, by name, in the order of `columns` (None: all).

        numpy.asarray of one of numbers, booleans or timestamps without nulls makes no copy;
        Column.to_list() gives Python values. The key of a path inside a column is a tuple.
        """
        options = query_options("columns", params, named, limit, offset, order_by, strict, columns)
        return self._ask("columns", query, options, timeout)  # type: ignore[no-any-return]

    def value_counts(
        self,
        column: Path,
        query: Optional[Query] = None,
        *,
        params: Params = None,
        limit: Optional[int] = None,
        strict: bool = False,
        timeout: Optional[float] = None,
        **named: Any,
    ) -> list[tuple[Any, int]]:
        """(value, rows) of the values of a column in the rows that match, the most frequent first;
        equal counts in the order of first appearance. Null and missing count as None. limit: so
        many values at most."""
        options = query_options("counts", params, named, limit, strict=strict, by=column)
        return self._ask("counts", query, options, timeout)  # type: ignore[no-any-return]

    def queries(
        self,
        asked: Iterable[Any],
        /,
        *,
        return_errors: bool = False,
        timeout: Optional[float] = None,
    ) -> list[Any]:
        """Several queries of the same state of the table, in one pass where they can share it.

        asked: queries (then their indices; None: every row), or pairs of a query and a mapping of
        options: "result" ("count", "indices", "mask", "bitmap", "rows", "columns" or "counts": what
        count, indices, mask, bitmap, filter, select and value_counts give), "params", "limit",
        "offset", "order_by", "columns", "by" (of "counts") and "strict". A query may be a
        PreparedTable of this table.
        return_errors: the error of a query stands in its place; else the first one is raised.
        """
        if isinstance(asked, str):
            raise TypeError("queries() takes an iterable of queries, not one")
        requests = [_asked(element) for element in asked]

        def work(home: Home) -> list[Any]:
            ready = [
                (kind, _source(query, home, timeout), options) for kind, query, options in requests
            ]
            return tables.ask_all(home, ready, timeout)

        found = self._run(work)
        if not return_errors:
            for answer in found:
                if isinstance(answer, TamisError):
                    raise answer
        return found

    def explain(
        self,
        query: Optional[Query] = None,
        /,
        *,
        params: Params = None,
        timeout: Optional[float] = None,
        **named: Any,
    ) -> Explanation:
        """How the query is run on this table; it is run, and measured."""
        options = query_options("count", params, named)
        del options["result"]
        source = EVERY_ROW if query is None else query
        return self._run(lambda home: tables.explain(home, source, options, timeout))

    def prepare(self, query: Query, /, *, timeout: Optional[float] = None) -> PreparedTable:
        """The query for repeated use: the methods without the query. Its count() and indices()
        without arguments take the shortest way that there is."""
        prepared = PreparedTable(self, query)
        self._run(lambda home: prepared.ready(home, timeout))
        return prepared

    def describe(self, *, timeout: Optional[float] = None) -> TableInfo:
        """Rows, memory and columns of the table. Counts distinct values: may take its time."""
        return self._run(lambda home: tables.listed(home.runner, home.number, timeout))[0]

    def __len__(self) -> int:
        """The number of rows."""
        return self.count()

    def __bool__(self) -> bool:
        return True  # a table without rows is one, and asking costs a request

    def __repr__(self) -> str:
        return f"<tamis.Table {self.name!r}>"

    # How it is done ----------------------------------------------------------------------------

    def _ask(
        self,
        kind: str,
        query: Optional[Query],
        options: Mapping[str, Any],
        timeout: Optional[float],
    ) -> Any:
        source = EVERY_ROW if query is None else query
        return self._run(lambda home: tables.ask(home, source, kind, options, timeout))

    def _load(self, mode: str, source: Source, columns: Names, timeout: Optional[float]) -> Change:
        kept = keepable(source, self._journal)
        return self._change(
            lambda home: Load(home.runner, home.number, mode, timeout).rows(kept, columns),
            mode == "replace",
        )

    def _change(self, entry: Callable[[Home], Change], replaces: bool) -> Change:
        done = self._run(entry)
        journal = self._journal
        if journal is not None:
            journal.note(entry, replaces)
        return done

    def _run(self, work: Callable[[Home], R]) -> R:
        """work where the table is; where it is then, if its daemon turns out to be dead."""
        home = self._home
        try:
            return work(home)
        except TableError as error:
            tables.tell_name(error, self.name)
            raise
        except DaemonDied:
            fresh = self._revived(home)
            if fresh is None:
                raise
        return work(fresh)

    def _revived(self, dead: Home) -> Optional[Home]:
        """A new home with the rows of the journal; None without a journal, or without a daemon that
        is ours to start again."""
        journal = self._journal
        if journal is None or self._reviver == threading.get_ident():
            return None  # the latter: a loader asks the table that it is to load
        with self._lock:
            self._reviver = threading.get_ident()
            try:
                if self._home is not dead:  # another thread was faster
                    return self._home
                runner = self._client._restarted(dead.runner)
                if runner is None:
                    return None
                home, _ = tables.create(runner, self.name, self.key, self.private, "replace", None)
                journal.replay(home)
                self._home = home
                return home
            finally:
                self._reviver = 0


def _layout(
    format: str,
    delimiter: Optional[str],
    header: Optional[bool],
    names: Optional[Sequence[str]],
    types: Optional[Mapping[str, str]],
    ragged: bool,
    on_error: str,
) -> raw.Layout:
    return raw.layout(
        format,
        delimiter=delimiter,
        header=header,
        names=names,
        types=types,
        ragged=ragged,
        on_error=on_error,
        validate=False,
    )


def _asked(element: Any) -> tuple[str, Any, dict[str, Any]]:
    """Kind, query and options of an element of queries()."""
    query, given = element, {}
    if isinstance(element, tuple) and len(element) == 2 and isinstance(element[1], Mapping):
        query, given = element[0], dict(element[1])
    kind = given.pop("result", "indices")
    if kind not in KINDS:
        raise ValueError(f"result must be one of {', '.join(KINDS)}, not {kind!r}")
    unknown = set(given) - set(ASKED)
    if unknown:
        raise TypeError(f"an option that queries() does not have: {min(unknown)!r}")
    asked = EVERY_ROW if query is None else query
    return kind, asked, query_options(kind, given.pop("params", None), {}, **given)


def _source(query: Any, home: Home, timeout: Optional[float]) -> Any:
    return query.ready(home, timeout) if isinstance(query, PreparedTable) else query
