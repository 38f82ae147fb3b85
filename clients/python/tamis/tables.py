"""Requests about resident tables, one function each; what tells about tables.

Table and PreparedTable (table.py, prepared_table.py) are thin over this. A Home is where a table
is now: a connection, and its number there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Optional

from . import answers, encode, result
from .answers import KINDS, Order, Path, columns_option, order_option, path_option
from .connection import CREATE, DESCRIBE, EXECUTE, EXPLAIN, QUERIES, Request
from .errors import ProtocolError, RequestError, TableError
from .explain import Explanation, explanation
from .plans import Params, Plan, make_options
from .restore import restored
from .runner import Runner, Source

EVERY_ROW = "TRUE"  # the query that all rows match
EXISTS = ("fail", "open", "replace")
NAME_BYTES = 65536


class Home(NamedTuple):
    """Where a table is: the runner of a connection, and the table's number on it."""

    runner: Runner
    number: int


@dataclass(frozen=True)
class ColumnInfo:
    """What a table knows about a column.

    name: None for the keys of rows that are no str, which a query cannot name.
    types: names of the types of its values. nulls, missing, distinct: rows; is_exact: distinct is
    not an estimate. bytes: of memory. storage: how most of its rows are kept.
    """

    name: Optional[str]
    types: tuple[str, ...]
    nulls: int
    missing: int
    distinct: int
    is_exact: bool
    bytes: int
    storage: str


@dataclass(frozen=True)
class TableInfo:
    """What the daemon tells about a table.

    key: the column that tells rows apart, or None. bytes: of memory. version: grows with each
    change. columns: of Table.describe() alone.
    """

    name: str
    key: Optional[str]
    private: bool
    rows: int
    bytes: int
    version: int
    columns: tuple[ColumnInfo, ...] = ()


def info(told: Any) -> TableInfo:
    """From a map of a DESCRIBED reply; ProtocolError if it is none."""
    try:
        return TableInfo(
            name=restored(_is(told["name"], str)),
            key=None if told["key"] is None else restored(_is(told["key"], str)),
            private=_is(told["private"], bool),
            rows=_is(told["rows"], int),
            bytes=_is(told["bytes"], int),
            version=_is(told["version"], int),
            columns=tuple(map(_column_info, told.get("columns", ()))),
        )
    except (TypeError, KeyError, AttributeError) as error:
        raise ProtocolError(f"a DESCRIBED reply without what it must tell: {error}") from None


def _column_info(told: Any) -> ColumnInfo:
    return ColumnInfo(
        name=None if told["name"] is None else restored(_is(told["name"], str)),
        types=tuple(_is(told["types"], list)),
        nulls=_is(told["nulls"], int),
        missing=_is(told["missing"], int),
        distinct=_is(told["distinct"], int),
        is_exact=_is(told["exact"], bool),
        bytes=_is(told["bytes"], int),
        storage=_is(told["storage"], str),
    )


def _is(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise TypeError(f"{value!r} is no {kind.__name__}")
    return value


# Requests ------------------------------------------------------------------------------------


def request(runner: Runner, kind: int, elements: Sequence[Any], timeout: Optional[float]) -> Any:
    """The last element of the reply to a message of these elements. EncodeError, or what the daemon
    says."""
    return whole(runner, kind, elements, timeout)[-1]


def whole(runner: Runner, kind: int, elements: Sequence[Any], timeout: Optional[float]) -> Any:
    """All elements of the reply."""
    deadline = runner.until(timeout)
    return runner.channel.section(deadline, _request, runner, kind, elements, deadline)


def _request(
    runner: Runner, kind: int, elements: Sequence[Any], deadline: Optional[float]
) -> list[Any]:
    channel = runner.channel
    asked = channel.connection.open(kind)
    try:
        frame = encode.frame_without_rows(runner.packer, (kind, asked.id, *elements), {})
        runner.fit(frame, "the request does not fit a frame")
    except BaseException:
        channel.connection.forget(asked)
        raise
    channel.exchange(asked, frame, deadline)
    return asked.answer


def check_name(name: str) -> None:
    """TypeError or ValueError for what cannot be the name of a table."""
    if not isinstance(name, str):
        raise TypeError(f"the name of a table must be str, not {type(name).__name__}")
    if not 0 < len(name.encode("utf-8", "surrogatepass")) <= NAME_BYTES:
        raise ValueError(f"the name of a table has 1 to {NAME_BYTES} bytes")


def opened(
    runner: Runner, kind: int, elements: Sequence[Any], timeout: Optional[float]
) -> tuple[Home, dict[str, Any]]:
    """CREATE or OPEN: where the table is, and what the daemon tells of it."""
    number, told = whole(runner, kind, elements, timeout)
    if type(number) is not int or not isinstance(told, dict):
        raise ProtocolError("a TABLE reply without number or description")
    return Home(runner, number), told


def create(
    runner: Runner,
    name: str,
    key: Optional[str],
    private: bool,
    exists: str,
    timeout: Optional[float],
) -> tuple[Home, dict[str, Any]]:
    check_name(name)
    if exists not in EXISTS:
        raise ValueError(f"exists must be one of {', '.join(EXISTS)}, not {exists!r}")
    options = {"private": private, "exists": exists}
    if key is not None:
        options["key"] = key
    return opened(runner, CREATE, (name, options), timeout)


def tell_name(error: TableError, name: str) -> None:
    """Makes an error name the table that the daemon, asked by number, has no name of."""
    if error.name == "TABLE_UNKNOWN":
        error.message = f'the table "{name}" has been dropped or replaced'
        error.args = (error.message,)


def listed(runner: Runner, table: Optional[int], timeout: Optional[float]) -> list[TableInfo]:
    """All tables, or the one with its columns."""
    told = request(runner, DESCRIBE, (table,), timeout)
    if not isinstance(told, list):
        raise ProtocolError("a DESCRIBED reply without its array")
    return list(map(info, told))


# Queries -------------------------------------------------------------------------------------


def query_options(
    kind: str,
    params: Params,
    named: Mapping[str, Any],
    limit: Optional[int] = None,
    offset: int = 0,
    order_by: Order = (),
    strict: bool = False,
    columns: Optional[Sequence[Path]] = None,
    by: Optional[Path] = None,
) -> dict[str, Any]:
    """The options of a query; kind: what is asked for (answers.KINDS). TypeError or ValueError for
    what cannot be meant."""
    options = make_options(None, params, named, limit, strict)
    options["result"] = KINDS[kind]
    if type(offset) is not int:
        raise TypeError(f"offset must be an int, not {type(offset).__name__}")
    if offset < 0:
        raise ValueError("offset must not be negative")
    if offset:
        options["offset"] = offset
    if order_by:
        options["order"] = order_option(order_by)
    if columns is not None:
        options["columns"] = columns_option(kind, columns)
    if by is not None:
        options["by"] = path_option(by)
    return options


def ask(
    home: Home, source: Source, kind: str, options: Mapping[str, Any], timeout: Optional[float]
) -> Any:
    """One query of a table, and its answer in the form of `kind`."""
    runner = home.runner
    deadline = runner.until(timeout)
    try:
        asked = runner.channel.section(deadline, _ask, home, source, options, deadline)
    except RequestError as error:
        if error.name != "RESULT_KIND" or kind != "indices" or options["result"] != "numbers":
            raise
        # More rows than 32 bits can number: parts that each begin with a row of their own.
        return ask(home, source, kind, {**options, "result": "indices"}, timeout)
    done = result.stats(asked.answer[0], asked.query)
    runner.note(done)
    return answers.answer(kind, asked.results, done, options)


def _ask(
    home: Home, source: Source, options: Mapping[str, Any], deadline: Optional[float]
) -> Request:
    runner, channel = home.runner, home.runner.channel
    plan = runner.resolve(source, deadline)
    numbers = options["result"] in ("numbers", "indices")
    place = runner.place(plan) if numbers else None
    if place is not None:
        options = {**options, "into": (place.offset, place.size)}
    asked = channel.connection.open(EXECUTE, plan.query)
    asked.place = place
    message = (EXECUTE, asked.id, plan.number, options, ("table", home.number))
    _exchange(runner, asked, message, options, deadline)
    if numbers:
        plan.learn(sum(len(data) for _, _, _, data in asked.results))
    return asked


def _exchange(
    runner: Runner,
    asked: Request,
    message: Sequence[Any],
    options: Mapping[str, Any],
    deadline: Optional[float],
) -> None:
    try:
        frame = encode.frame_without_rows(runner.packer, message, options)
        runner.fit(frame, "the query does not fit a frame")
    except BaseException:
        runner.channel.connection.forget(asked)
        raise
    runner.channel.exchange(asked, frame, deadline)


def explain(
    home: Home, source: Source, options: Mapping[str, Any], timeout: Optional[float]
) -> Explanation:
    runner = home.runner
    deadline = runner.until(timeout)
    return explanation(runner.channel.section(deadline, _explain, home, source, options, deadline))


def _explain(
    home: Home, source: Source, options: Mapping[str, Any], deadline: Optional[float]
) -> Any:
    runner = home.runner
    plan = runner.resolve(source, deadline)
    asked = runner.channel.connection.open(EXPLAIN, plan.query)
    message = (EXPLAIN, asked.id, plan.number, options, ("table", home.number))
    _exchange(runner, asked, message, options, deadline)
    return asked.answer[0]


def ask_all(
    home: Home, asked: Sequence[tuple[str, Any, Mapping[str, Any]]], timeout: Optional[float]
) -> list[Any]:
    """QUERIES: kind, query (or Plan) and options of each; its answer, or its error."""
    runner = home.runner
    deadline = runner.until(timeout)
    request = runner.channel.section(deadline, _ask_all, home, asked, deadline)
    told = request.answer[0]
    plain = [(kind, _query(source), options) for kind, source, options in asked]
    return answers.answers(plain, request.results_of, told)


def _query(source: Any) -> Any:
    return source.query if isinstance(source, Plan) else source


def _ask_all(
    home: Home, asked: Sequence[tuple[str, Any, Mapping[str, Any]]], deadline: Optional[float]
) -> Request:
    runner = home.runner
    request = runner.channel.connection.open(QUERIES)
    queries = [
        (source.number if isinstance(source, Plan) else source, options)
        for _, source, options in asked
    ]
    _exchange(runner, request, (QUERIES, request.id, home.number, queries), {}, deadline)
    return request
