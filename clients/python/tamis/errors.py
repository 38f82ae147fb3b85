"""Every exception of the client, and the table of the daemon's error codes.

The numbers and names are those of proto/errors.def (a test compares them). This module must know
neither sockets nor frames: it turns an error map that the daemon sent into an exception.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any, Optional, Union


class TamisError(Exception):
    """Base of everything that this package raises on its own account.

    code: number of the daemon's error (proto/errors.def), None if the client found the error.
    name: its name there, such as "SYNTAX"; None if the client found the error.
    message: what is wrong, without the name or a position.
    """

    code: Optional[int] = None
    name: Optional[str] = None

    def __init__(self, message: str = "") -> None:
        super().__init__(message)
        self.message = message

    def __reduce__(self) -> tuple[Any, ...]:
        # The attributes live in __dict__: an exception of any subclass survives pickling with it.
        return (_rebuild, (type(self), self.args, self.__dict__))


def _rebuild(cls: type[TamisError], args: tuple[Any, ...], state: dict[str, Any]) -> TamisError:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class QueryError(TamisError, ValueError):
    """The query is wrong. str() shows the line with a caret under the place.

    query: the query as it was given.
    position, length: in characters of a query text; in bytes of the msgpack form of a structured
    query. None if the error has no place.
    near: the offending text. suggestion: a word that may have been meant.
    """

    def __init__(
        self,
        message: str = "",
        *,
        query: object = None,
        position: Optional[int] = None,
        length: Optional[int] = None,
        near: Optional[str] = None,
        suggestion: Optional[str] = None,
    ) -> None:
        super().__init__(message)
        self.query = query
        self.position = position
        self.length = length
        self.near = near
        self.suggestion = suggestion

    def __str__(self) -> str:
        text = self.message
        if self.suggestion:
            text += f" (did you mean '{self.suggestion}'?)"
        if self.position is None:
            return text
        if not isinstance(self.query, str):
            return f"{text}, at byte {self.position} of the structured query"
        return f"{text}\n{point_at(self.query, self.position, self.length or 1)}"


class ParameterError(QueryError):
    """A parameter has no value, a value of the wrong type, or is not in the query."""


class RequestError(TamisError, ValueError):
    """An option or payload that the daemon refuses."""


class TableError(TamisError, LookupError):
    """There is no such table (any more), or there is one already."""


class RowError(TamisError, ValueError):
    """A row cannot be read. row: its number from 0; offset: byte in the message, or None."""

    def __init__(
        self, message: str = "", *, row: Optional[int] = None, offset: Optional[int] = None
    ) -> None:
        super().__init__(message)
        self.row = row
        self.offset = offset

    def __str__(self) -> str:
        place = "" if self.row is None else f"row {self.row}: "
        return self.message if self.message.startswith(place) else place + self.message


class TypeMismatch(RowError):
    """strict: a value in a row is of a type that a condition cannot judge.

    row: number of the row from 0. path: the field, as text. query: the query as it was given;
    position, length: of the condition, as in QueryError.
    """

    def __init__(
        self,
        message: str = "",
        *,
        row: Optional[int] = None,
        path: Optional[str] = None,
        query: object = None,
        position: Optional[int] = None,
        length: Optional[int] = None,
    ) -> None:
        super().__init__(message, row=row)
        self.path = path
        self.query = query
        self.position = position
        self.length = length

    def __str__(self) -> str:
        text = super().__str__()
        if self.position is None or not isinstance(self.query, str):
            return text
        return f"{text}\n{point_at(self.query, self.position, self.length or 1)}"


class EncodeError(TamisError, ValueError):
    """A value that msgpack has no form for. See the `default` argument of tamis.Client.

    row: number of the row from 0, None for a parameter or a query.
    field: the path as text ("address.city"), ":name" of a parameter, or "query".
    """

    def __init__(self, message: str = "", *, row: Optional[int] = None, field: str = "") -> None:
        super().__init__(message)
        self.row = row
        self.field = field

    def __str__(self) -> str:
        where = self.field if self.row is None else f"row {self.row}, field {self.field}"
        return f"{where}: {self.message}"


class ArrowError(TamisError, ValueError):
    """The producer of an Arrow stream failed, or gives what the interface does not allow."""


class LimitError(TamisError):
    """A limit of the daemon was passed. limit: what it allows; actual: what it was asked for."""

    def __init__(
        self,
        message: str = "",
        *,
        limit: Optional[int] = None,
        actual: Optional[int] = None,
        row: Optional[int] = None,
        position: Optional[int] = None,
    ) -> None:
        super().__init__(message)
        self.limit = limit
        self.actual = actual
        self.row = row
        self.position = position

    def __str__(self) -> str:
        notes = []
        if self.row is not None:
            notes.append(f"row {self.row}")
        if self.limit is not None:
            notes.append(f"limit {self.limit}")
        if self.actual is not None:
            notes.append(f"actual {self.actual}")
        return f"{self.message} ({', '.join(notes)})" if notes else self.message


class Timeout(TamisError, TimeoutError):
    """The time that the caller (or the daemon's deadline) allowed is over. The client goes on."""


class Cancelled(TamisError):
    """The request was cancelled."""


class InternalError(TamisError):
    """The daemon found a bug in itself, or a system call failed there."""


class DaemonNotFound(TamisError, FileNotFoundError):
    """No tamisd to start: not given, not in $TAMISD, not on PATH, not beside the package."""


class DaemonDied(TamisError, ConnectionError):
    """The daemon ended or closed the connection.

    status: exit status of a spawned daemon as subprocess gives it (-9: killed by signal 9), None
    over a socket or while it is not known. stderr: the last 4 KiB that it wrote there.
    """

    def __init__(
        self, message: str = "", *, status: Optional[int] = None, stderr: str = ""
    ) -> None:
        super().__init__(message)
        self.status = status
        self.stderr = stderr

    def __str__(self) -> str:
        return f"{self.message}; it wrote:\n{self.stderr}" if self.stderr else self.message


class ProtocolError(TamisError):
    """The peer does not speak the protocol, or refuses how this client speaks it."""


class ClosedError(TamisError):
    """The client (or stream, or prepared query) was closed, or belongs to another process."""


# code: (name, class). The numbers never change.
CODES: dict[int, tuple[str, type[TamisError]]] = {
    1: ("SYNTAX", QueryError),
    2: ("BAD_LITERAL", QueryError),
    3: ("BAD_ESCAPE", QueryError),
    4: ("UNKNOWN_FUNCTION", QueryError),
    5: ("BAD_ARGUMENT", QueryError),
    6: ("BAD_STRUCTURE", QueryError),
    7: ("BAD_UTF8", QueryError),
    8: ("PARAM_MISSING", ParameterError),
    9: ("PARAM_UNKNOWN", ParameterError),
    10: ("PARAM_TYPE", ParameterError),
    11: ("BAD_OPTION", RequestError),
    12: ("BAD_PAYLOAD", RequestError),
    13: ("ROW_NOT_MAP", RowError),
    14: ("ROW_TRUNCATED", RowError),
    15: ("ROW_INVALID", RowError),
    16: ("RESULT_KIND", RequestError),
    17: ("PLAN_UNKNOWN", ProtocolError),
    18: ("ID_UNKNOWN", ProtocolError),
    19: ("ID_IN_USE", ProtocolError),
    20: ("KIND_UNKNOWN", ProtocolError),
    21: ("CANCELLED", Cancelled),
    22: ("BAD_MESSAGE", ProtocolError),
    23: ("HELLO_FIRST", ProtocolError),
    24: ("VERSION", ProtocolError),
    25: ("TRUNCATED", ProtocolError),
    26: ("BAD_PATTERN", QueryError),
    27: ("NO_REGEX", QueryError),
    28: ("TYPE_MISMATCH", TypeMismatch),
    29: ("DUPLICATE_KEY", RowError),
    30: ("BAD_KEY", RowError),
    31: ("NO_KEY", RequestError),
    32: ("FRAME_TOO_LARGE", LimitError),
    33: ("HELLO_TOO_LARGE", ProtocolError),
    34: ("QUERY_TOO_LONG", LimitError),
    35: ("QUERY_TOO_DEEP", LimitError),
    36: ("QUERY_TOO_LARGE", LimitError),
    37: ("LIST_TOO_LONG", LimitError),
    38: ("ROW_TOO_DEEP", LimitError),
    39: ("ROW_TOO_WIDE", LimitError),
    40: ("TOO_MANY_ROWS", LimitError),
    41: ("TOO_MANY_PLANS", LimitError),
    42: ("TOO_MANY_REQUESTS", LimitError),
    43: ("TOO_MANY_CLIENTS", LimitError),
    44: ("MEMORY", LimitError),
    45: ("DEADLINE", Timeout),
    46: ("SLOW_CLIENT", DaemonDied),
    47: ("SHUTDOWN", DaemonDied),
    48: ("REGEX_TOO_LARGE", LimitError),
    49: ("TOO_MANY_ELEMENTS", LimitError),
    50: ("ROW_TOO_LONG", LimitError),
    51: ("TABLE_UNKNOWN", TableError),
    52: ("TABLE_EXISTS", TableError),
    53: ("TOO_MANY_TABLES", LimitError),
    54: ("TOO_MANY_DESCRIPTORS", LimitError),
    55: ("BAD_DESCRIPTOR", RequestError),
    64: ("SYSTEM", InternalError),
    65: ("INTERNAL", InternalError),
}


def from_reply(details: Mapping[str, Any], query: object = None) -> TamisError:
    """The exception for an error map of the daemon; query is what the request asked."""
    code = _whole(details, "code")
    known, cls = CODES.get(code, ("", TamisError)) if code is not None else ("", TamisError)
    name = text_of(details, "name") or known
    message = text_of(details, "message") or known.lower().replace("_", " ") or "unknown error"
    error: TamisError
    if issubclass(cls, QueryError):
        position, length = place(details, query)
        error = cls(
            message,
            query=query,
            position=position,
            length=length,
            near=text_of(details, "near"),
            suggestion=text_of(details, "suggestion"),
        )
    elif cls is LimitError:
        error = LimitError(
            message,
            limit=_whole(details, "limit"),
            actual=_whole(details, "actual"),
            row=_whole(details, "row"),
            position=_whole(details, "pos"),
        )
    elif cls is TypeMismatch:
        position, length = place(details, query)
        error = TypeMismatch(
            message,
            row=_whole(details, "row"),
            path=text_of(details, "near"),
            query=query,
            position=position,
            length=length,
        )
    elif cls is RowError:
        error = RowError(message, row=_whole(details, "row"), offset=_whole(details, "offset"))
    else:
        error = cls(message)
    error.code = code
    error.name = name or None
    return error


def place(details: Mapping[str, Any], query: object) -> tuple[Optional[int], Optional[int]]:
    """The place in the query that an error or a warning tells: in characters if it is a text."""
    position, length = _whole(details, "pos"), _whole(details, "length")
    if position is not None and isinstance(query, str):
        return in_characters(query, position, length or 0)
    return position, length


def _whole(details: Mapping[str, Any], key: str) -> Optional[int]:
    value = details.get(key)
    return value if type(value) is int and value >= 0 else None


def text_of(details: Mapping[str, Any], key: str) -> Optional[str]:
    value: Union[str, bytes, None] = details.get(key)
    if isinstance(value, str):
        value = value.encode("utf-8", "surrogateescape")
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else None


def in_characters(text: str, position: int, length: int) -> tuple[int, int]:
    """A place given in bytes of the text's UTF-8, in characters."""
    raw = text.encode("utf-8", "surrogatepass")
    start = _starts(raw[:position])
    if position < len(raw) and raw[position] & 0xC0 == 0x80:  # within a character
        start -= 1
    return start, max(_starts(raw[: position + length]) - start, 0)


def _starts(raw: bytes) -> int:
    """Characters that begin in the bytes: all bytes of UTF-8 but 80 to BF begin one."""
    return len(raw.translate(None, CONTINUATION))


CONTINUATION = bytes(range(0x80, 0xC0))
SHOWN = 100  # columns of a query line that are shown around the caret


def point_at(text: str, position: int, length: int) -> str:
    """The line of the text that holds the position, and a line of carets under the place."""
    position = min(max(position, 0), len(text))
    start = text.rfind("\n", 0, position) + 1
    end = text.find("\n", position)
    line = text[start:] if end < 0 else text[start:end].removesuffix("\r")
    column = position - start
    length = min(max(length, 1), max(len(line) - column, 1))
    label = f"line {text.count(chr(10), 0, start) + 1}: " if "\n" in text else ""
    if len(line) > SHOWN:
        cut = max(0, column - SHOWN // 2)
        head, tail = "..." if cut else "", "..." if cut + SHOWN < len(line) else ""
        line = head + line[cut : cut + SHOWN] + tail
        column = column - cut + len(head)
        length = min(length, max(len(line) - column, 1))
    pad = "".join("\t" if c == "\t" else " " * _width(c) for c in line[:column])
    carets = "^" * max(sum(map(_width, line[column : column + length])), 1)
    shown = "".join(
        c if c == "\t" or c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in line
    )
    return f"  {label}{shown}\n  {' ' * len(label)}{pad}{carets}"


def _width(c: str) -> int:
    """Columns that a terminal most likely gives the character."""
    if unicodedata.combining(c) or unicodedata.category(c) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(c) in "WF" else 1
