"""Prepared plans: what PREPARE told about a query, and which plans are kept for their text.

Knows the form of a PREPARED reply and of request options; sends nothing itself.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any, Optional, Union

from .columns import Gatherer, Path
from .errors import ProtocolError
from .warning import warnings_of

Query = Union[str, Sequence[Any]]  # text, or the structured form
Params = Union[Mapping[str, Any], Sequence[Any], None]
Key = Union[str, bytes]

CACHED_PLANS = 128
CACHED_BYTES = 1 << 20  # of query text in the cache, all plans together

# Options of a request that has neither parameters nor a limit: made once, never changed.
PLAIN_OPTIONS = {kind: {"result": kind} for kind in ("auto", "indices", "bitmap", "count")}


class Plan:
    """A query as the daemon of one connection knows it."""

    __slots__ = (
        "closed",
        "expected_bytes",
        "fields",
        "gatherer",
        "number",
        "params",
        "query",
        "text",
        "warnings",
    )

    def __init__(self, query: Query, answer: Sequence[Any]) -> None:
        """answer: plan and description of a PREPARED reply; ProtocolError if they are none."""
        number, told = answer
        if type(number) is not int or not isinstance(told, dict):
            raise ProtocolError("a PREPARED reply without number or description")
        self.query = query
        self.number = number
        self.closed = False  # the daemon was told to forget it
        self.expected_bytes = 0  # of row numbers of a table
        self.fields = tuple(_path(path) for path in _list(told.get("fields")))
        self.params: tuple[Optional[str], ...] = tuple(_list(told.get("params")))
        self.text = str(told.get("text", ""))
        self.warnings = warnings_of(told, query)
        self.gatherer = Gatherer([path for path in map(_keys, self.fields) if path])

    def learn(self, size: int) -> None:
        """It gave so many bytes of row numbers. Of results that differ the large ones count."""
        self.expected_bytes = max(size, self.expected_bytes - (self.expected_bytes >> 3))


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ProtocolError("a PREPARED reply without its lists")
    return value


def _path(value: Any) -> Path:
    path = tuple(_list(value))
    steps = all(type(step) is str or (type(step) is int and step >= 0) for step in path)
    if not path or not steps or type(path[0]) is not str:
        raise ProtocolError(f"a PREPARED reply with a path that is none: {value!r}")
    return path


def _keys(path: Path) -> Path:
    """The path as the keys that rows in Python have, empty if no row can have it.

    A name is bytes (X"ff" in a query): lone surrogates stand for those that are no UTF-8, but a
    lone surrogate in a row's key is sent as its own three bytes.
    """
    keys: list[Union[str, int]] = []
    for step in path:
        if isinstance(step, str) and not step.isascii():
            try:
                step = step.encode("utf-8", "surrogateescape").decode("utf-8", "surrogatepass")
            except UnicodeDecodeError:
                return ()
        keys.append(step)
    return tuple(keys)


class PlanCache:
    """The plans of the texts that were used last. Not thread-safe."""

    def __init__(self, most: int = CACHED_PLANS) -> None:
        self.most = most
        self._plans: OrderedDict[Key, Plan] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._plans)

    def get(self, key: Key) -> Optional[Plan]:
        plan = self._plans.get(key)
        if plan is not None:
            self._plans.move_to_end(key)
        return plan

    def put(self, key: Key, plan: Plan) -> list[Plan]:
        """Keep a plan; returns those that must go for it, to be closed."""
        self._plans[key] = plan
        self._bytes += len(key)
        gone = []
        while len(self._plans) > 1 and (len(self._plans) > self.most or self._bytes > CACHED_BYTES):
            old, evicted = self._plans.popitem(last=False)
            self._bytes -= len(old)
            gone.append(evicted)
        return gone

    def clear(self) -> list[Plan]:
        """Forget all; returns them, to be closed."""
        gone = list(self._plans.values())
        self._plans.clear()
        self._bytes = 0
        return gone


def make_options(
    kind: Optional[str],
    params: Params,
    named: Mapping[str, Any],
    limit: Optional[int],
    strict: bool = False,
) -> dict[str, Any]:
    """The options of a request; TypeError or ValueError for what cannot be meant."""
    if not isinstance(strict, bool):
        raise TypeError("strict must be a bool; a parameter of that name goes by params=")
    if params is None and not named and limit is None and kind is not None and not strict:
        return PLAIN_OPTIONS[kind]
    options: dict[str, Any] = {} if kind is None else {"result": kind}
    if limit is not None:
        if isinstance(limit, bool) or not isinstance(limit, int):
            raise TypeError(f"limit must be an int, not {type(limit).__name__}")
        if limit < 0:
            raise ValueError("limit must not be negative")
        options["limit"] = limit
    if strict:
        options["strict"] = True
    if isinstance(params, Mapping):
        twice = set(params) & set(named)
        if twice:
            raise TypeError(f"parameter '{min(twice)}' is given twice")
        options["params"] = {**params, **named}
    elif params is None:
        if named:
            options["params"] = named
    elif isinstance(params, (str, bytes, bytearray, memoryview)):
        raise TypeError("params must be a sequence of values or a mapping, not text or bytes")
    elif named:
        raise TypeError("params for '?' and named parameters cannot be given together")
    else:
        options["params"] = list(params)
    return options
