"""A query of a resident table that is prepared once and run many times."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Optional

from . import answers, quick, result, tables
from .answers import Order, Path
from .column import Column
from .connection import Request
from .errors import ClosedError, DaemonDied, RequestError
from .explain import Explanation
from .plans import Params, Plan, Query
from .shared import LEAST_BYTES, Place
from .tables import Home, query_options

if TYPE_CHECKING:
    from .table import Table


COUNT: dict[str, Any] = {"result": "count"}
INDICES: dict[str, Any] = {"result": "numbers"}
NO_OPTIONS: dict[str, Any] = {}


class Ready:
    """The query as the daemon of one Home knows it. count, indices: asked for without parameters,
    by quick()."""

    __slots__ = ("_rest", "ask", "count", "home", "indices", "is_quick", "note", "plan")

    def __init__(self, home: Home, plan: Plan) -> None:
        pack = home.runner.packer.pack
        self.home = home
        self.plan = plan
        self.is_quick = home.runner.is_patient
        self.ask = home.runner.channel.quick
        self.note = home.runner.note_done
        self._rest = (pack(plan.number), pack(("table", home.number)))
        self.count = self.asked(COUNT, quick.count)
        self.indices = self.asked(INDICES, quick.numbers)

    def asked(
        self, options: object, parse: quick.Parse, place: Optional[Place] = None
    ) -> quick.Quick:
        """A request with these options."""
        return quick.Quick(self._rest, options, parse, self.plan.query, place)


class PreparedTable:
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
        ready = self._ready
        if ready and params is None and limit is None and timeout is None and strict is False:
            asked = ready.count
            if named:
                asked = ready.asked({**COUNT, "params": named}, quick.count)
            found = self._quick(ready, asked, "count")
            if found is not None:
                return found  # type: ignore[no-any-return]
        options = query_options("count", params, named, limit, strict=strict)
        return self._ask("count", options, timeout)  # type: ignore[no-any-return]

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
        ready = self._ready
        if (
            ready
            and params is None
            and limit is None
            and offset == 0
            and order_by == ()
            and timeout is None
            and strict is False
        ):
            asked = ready.indices
            large = ready.plan.expected_bytes >= LEAST_BYTES
            if large or named:
                asked = self._asked_indices(ready, named)
            found = self._quick(ready, asked, "indices")
            if found is not None:
                if large or found.nbytes >= LEAST_BYTES:
                    ready.plan.learn(found.nbytes)
                return found  # type: ignore[no-any-return]
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

    def __enter__(self) -> PreparedTable:
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        value: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.close()

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

    def _asked_indices(self, ready: Ready, named: Mapping[str, Any]) -> quick.Quick:
        """With parameters, or for numbers that are to come through shared memory, if there is room
        for them."""
        options: dict[str, Any] = {**INDICES, "params": named} if named else {**INDICES}
        place = ready.home.runner.place(ready.plan)
        if place is not None:
            options["into"] = (place.offset, place.size)
        return ready.asked(options, quick.numbers, place)

    def _quick(
        self, ready: Ready, asked: quick.Quick, kind: str, options: Mapping[str, Any] = NO_OPTIONS
    ) -> Any:
        """The answer of this kind by the shortest way; None if it must go the long one."""
        if ready.home is not self._table._home or not ready.is_quick:
            return None
        try:
            found = ready.ask(asked)
        except (DaemonDied, RequestError):
            return None  # which the long way meets again, and knows what to do
        if type(found) is tuple:
            answer, done = found
            ready.note(done, self._query)
            return answer
        if found is None:
            return None
        assert isinstance(found, Request)
        stats = result.stats(found.answer[0], self._query)
        ready.home.runner.note(stats)
        return answers.answer(kind, found.results, stats, options)

    @property
    def _plan(self) -> Plan:
        ready = self._ready
        if ready is None:
            raise ClosedError("the prepared query is closed")
        return ready.plan

    def _ask(self, kind: str, options: Mapping[str, Any], timeout: Optional[float]) -> Any:
        ready = self._ready
        if timeout is None and ready is not None:
            found = self._quick(ready, ready.asked(options, quick.any_reply), kind, options)
            if found is not None:
                return found
        return self._table._run(
            lambda home: tables.ask(home, self.ready(home, timeout), kind, options, timeout)
        )
