"""A query of a resident table that is prepared once and run many times."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import wraps
from typing import TYPE_CHECKING, Any, Callable, Optional, TypeVar, cast

from . import answers, quick, result, tables
from .answers import KINDS, Order, Path
from .closing import Closing
from .column import Column
from .connection import Request
from .errors import ClosedError, DaemonDied, RequestError
from .explain import Explanation
from .patience import Patience
from .plans import Params, Plan, Query
from .quick import FEW_BYTES, Quick, any_reply
from .shared import LEAST_BYTES
from .tables import Home, query_options

if TYPE_CHECKING:
    from .table import Table


NO_OPTIONS: dict[str, Any] = {}
PARSES = {"count": quick.count, "indices": quick.numbers}  # short forms of answers

Method = TypeVar("Method", bound=Callable[..., Any])


class Ready:
    """The query as the daemon of one Home knows it, and its requests by the shortest way.

    plain: those without options, by the kind of their answer. is_quick: they may go that way.
    """

    __slots__ = ("_patience", "_rest", "ask", "home", "is_quick", "local", "plain", "plan")

    def __init__(self, home: Home, plan: Plan) -> None:
        pack = home.runner.packer.pack
        self.home = home
        self.plan = plan
        self.is_quick = home.runner.is_patient
        self.ask = home.runner.channel.quick
        self.local = home.runner.local
        self._patience = Patience()  # with answers to requests with options
        self._rest = (pack(plan.number), pack(("table", home.number)))
        self.plain = {
            kind: Quick(self._rest, {"result": KINDS[kind]}, parse, plan.query, room=FEW_BYTES)
            for kind, parse in PARSES.items()
        }

    def asked(self, kind: str, options: Mapping[str, Any]) -> Quick:
        """A request with options."""
        place = self.home.runner.place(self.plan) if kind == "indices" else None
        if place is not None:
            options = {**options, "into": (place.offset, place.size)}
        parse = PARSES.get(kind, any_reply)
        return Quick(self._rest, options, parse, self.plan.query, place, patience=self._patience)

    def answer(self, kind: str, found: Request, options: Mapping[str, Any]) -> Any:
        """The same as a finished request has it."""
        done = result.stats(found.answer[0], found.query)
        self.home.runner.note(done)
        answer = answers.answer(kind, found.results, done, options)
        if kind == "indices":
            self.plan.learn(answer.nbytes)
        return answer


def _shortly(kind: str) -> Callable[[Method], Method]:
    """Lets a method go the shortest way when it is given nothing: no arguments to be bound, none to
    be compared with their defaults. That is a fifth of what the client takes for such a query."""

    def shortened(method: Method) -> Method:
        @wraps(method)
        def asked(self: PreparedTable, **given: Any) -> Any:
            ready = self._ready
            if (
                not given
                and ready is not None
                and ready.is_quick
                and ready.home is self._table._home
                and ready.plan.expected_bytes < LEAST_BYTES
            ):
                try:
                    found = ready.ask(ready.plain[kind])
                except (DaemonDied, RequestError):
                    return method(self)  # which meets it again, and knows what to do
                if type(found) is tuple:
                    answer, ready.local.done = found
                    return answer
                if isinstance(found, Request):
                    return ready.answer(kind, found, NO_OPTIONS)
            return method(self, **given)

        return cast(Method, asked)

    return shortened


class PreparedTable(Closing):
    """A query of a table that the daemon holds a plan for. Methods as those of Table, without the
    query.

    Belongs to its table. close() (or the end of a `with`) lets the daemon forget the plan.
    """

    def __init__(self, table: Table, query: Query) -> None:
        self._table = table
        self._query = query
        self._lock = threading.Lock()
        self._ready: Optional[Ready] = None
        self._closed = False

    @property
    def text(self) -> str:
        """The query in canonical form."""
        return self._plan.text

    @property
    def fields(self) -> tuple[Any, ...]:
        """The paths that the query reads, each a tuple of str and int."""
        return self._plan.fields

    @property
    def params(self) -> tuple[Optional[str], ...]:
        """The names of its parameters in their order, None for a `?`."""
        return self._plan.params

    @property
    def warnings(self) -> tuple[Any, ...]:
        """What the daemon warns of."""
        return self._plan.warnings

    @_shortly("count")
    def count(
        self,
        *,
        params: Params = None,
        limit: Optional[int] = None,
        strict: bool = False,
        timeout: Optional[float] = None,
        **named: Any,
    ) -> int:
        """See Table.count."""
        options = query_options("count", params, named, limit, strict=strict)
        return self._ask("count", options, timeout)  # type: ignore[no-any-return]

    @_shortly("indices")
    def indices(
        self,
        *,
        params: Params = None,
        limit: Optional[int] = None,
        offset: int = 0,
        order_by: Order = (),
        strict: bool = False,
        timeout: Optional[float] = None,
        **named: Any,
    ) -> memoryview:
        """See Table.indices."""
        options = query_options("indices", params, named, limit, offset, order_by, strict)
        return self._ask("indices", options, timeout)  # type: ignore[no-any-return]

    def mask(
        self,
        *,
        params: Params = None,
        limit: Optional[int] = None,
        strict: bool = False,
        timeout: Optional[float] = None,
        **named: Any,
    ) -> bytearray:
        """See Table.mask."""
        options = query_options("mask", params, named, limit, strict=strict)
        return self._ask("mask", options, timeout)  # type: ignore[no-any-return]

    def bitmap(
        self,
        *,
        params: Params = None,
        limit: Optional[int] = None,
        strict: bool = False,
        timeout: Optional[float] = None,
        **named: Any,
    ) -> bytes:
        """See Table.bitmap."""
        options = query_options("bitmap", params, named, limit, strict=strict)
        return self._ask("bitmap", options, timeout)  # type: ignore[no-any-return]

    def filter(
        self,
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
        """See Table.filter."""
        options = query_options("rows", params, named, limit, offset, order_by, strict, columns)
        return self._ask("rows", options, timeout)  # type: ignore[no-any-return]

    def select(
        self,
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
        """See Table.select."""
        options = query_options("columns", params, named, limit, offset, order_by, strict, columns)
        return self._ask("columns", options, timeout)  # type: ignore[no-any-return]

    def value_counts(
        self,
        column: Path,
        *,
        params: Params = None,
        limit: Optional[int] = None,
        strict: bool = False,
        timeout: Optional[float] = None,
        **named: Any,
    ) -> list[tuple[Any, int]]:
        """See Table.value_counts."""
        options = query_options("counts", params, named, limit, strict=strict, by=column)
        return self._ask("counts", options, timeout)  # type: ignore[no-any-return]

    def explain(
        self, *, params: Params = None, timeout: Optional[float] = None, **named: Any
    ) -> Explanation:
        """See Table.explain."""
        options = query_options("count", params, named)
        del options["result"]
        return self._table._run(
            lambda home: tables.explain(home, self.ready(home, timeout), options, timeout)
        )

    def close(self) -> None:
        """Let the daemon forget the plan. Twice is once."""
        self._closed = True
        ready, self._ready = self._ready, None
        if ready is not None:
            ready.plan.closed = True
            ready.home.runner.channel.close_plan_later(ready.plan.number)

    def __del__(self) -> None:
        if getattr(self, "_ready", None) is not None:
            self.close()

    def __repr__(self) -> str:
        return f"<tamis.PreparedTable {self._query!r} of {self._table.name!r}>"

    def ready(self, home: Home, timeout: Optional[float]) -> Plan:
        """The plan for the daemon of that Home: made again in a new one."""
        ready = self._ready
        if ready is not None and ready.home is home:
            return ready.plan
        if self._closed:
            raise ClosedError("the prepared query is closed")
        with self._lock:
            ready = self._ready
            if ready is None or ready.home is not home:
                runner = home.runner
                deadline = runner.until(timeout)
                plan = runner.channel.section(deadline, runner.prepare, self._query, deadline)
                self._ready = ready = Ready(home, plan)
            return ready.plan

    @property
    def _plan(self) -> Plan:
        ready = self._ready
        if ready is None:
            raise ClosedError("the prepared query is closed")
        return ready.plan

    def _ask(self, kind: str, options: Mapping[str, Any], timeout: Optional[float]) -> Any:
        ready = self._ready
        home = self._table._home
        if timeout is None and ready is not None and ready.is_quick and ready.home is home:
            with suppress(DaemonDied, RequestError):  # as above
                found = ready.ask(ready.asked(kind, options))
                if isinstance(found, Request):
                    return ready.answer(kind, found, options)
                if found is not None:
                    answer, ready.local.done = found
                    if kind == "indices":
                        ready.plan.learn(answer.nbytes)
                    return answer
        return self._table._run(
            lambda home: tables.ask(home, self.ready(home, timeout), kind, options, timeout)
        )
