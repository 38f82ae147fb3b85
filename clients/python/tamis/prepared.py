"""A query that is prepared once and run many times."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Optional, TypeVar

from .closing import Closing
from .errors import ClosedError
from .explain import Explanation
from .plans import Params, Plan, make_options
from .runner import Runner
from .stream import Feed, Stream

if TYPE_CHECKING:
    from .client import Client

T = TypeVar("T")


class Prepared(Closing):
    """A query that the daemon holds a plan for. The methods are those of Client, without the query.

    Belongs to its client. close() (or the end of a `with`) lets the daemon forget the plan.
    """

    def __init__(self, client: Client, runner: Runner, plan: Plan) -> None:
        self._client = client  # must live as long as this does
        self._runner = runner
        self._own: Optional[Plan] = plan
        self.text: str = plan.text
        """The query in canonical form."""
        self.fields = plan.fields
        """The paths that the query reads, each a tuple of str and int."""
        self.params: tuple[Optional[str], ...] = plan.params
        """The names of its parameters in their order, None for a `?`."""
        self.warnings = plan.warnings
        """What the daemon warns of; for a query with parameters only in the stats of its runs."""

    @property
    def _plan(self) -> Plan:
        if self._own is None:
            raise ClosedError("the prepared query is closed")
        return self._own

    def filter(
        self,
        rows: Iterable[T],
        /,
        *,
        params: Params = None,
        limit: Optional[int] = None,
        strict: bool = False,
        timeout: Optional[float] = None,
        **named: Any,
    ) -> list[T]:
        """See Client.filter."""
        return self._runner.filter(self._plan, rows, params, named, limit, strict, timeout)

    def indices(
        self,
        rows: Iterable[Any],
        /,
        *,
        params: Params = None,
        limit: Optional[int] = None,
        strict: bool = False,
        timeout: Optional[float] = None,
        **named: Any,
    ) -> array[int]:
        """See Client.indices."""
        return self._runner.indices(self._plan, rows, params, named, limit, strict, timeout)

    def mask(
        self,
        rows: Iterable[Any],
        /,
        *,
        params: Params = None,
        limit: Optional[int] = None,
        strict: bool = False,
        timeout: Optional[float] = None,
        **named: Any,
    ) -> bytearray:
        """See Client.mask."""
        return self._runner.mask(self._plan, rows, params, named, limit, strict, timeout)

    def count(
        self,
        rows: Iterable[Any],
        /,
        *,
        params: Params = None,
        limit: Optional[int] = None,
        strict: bool = False,
        timeout: Optional[float] = None,
        **named: Any,
    ) -> int:
        """See Client.count."""
        return self._runner.count(self._plan, rows, params, named, limit, strict, timeout)

    def stream(
        self,
        rows: Iterable[T],
        /,
        *,
        params: Params = None,
        limit: Optional[int] = None,
        strict: bool = False,
        timeout: Optional[float] = None,
        chunk_rows: Optional[int] = None,
        in_flight: int = 4,
        **named: Any,
    ) -> Stream[T]:
        """See Client.stream."""
        runner, plan = self._runner, self._plan
        options = make_options("auto", params, named, limit, strict)
        feed = Feed(runner, plan, rows, options, chunk_rows, in_flight, timeout)
        return Stream(feed, self)

    def explain(
        self,
        rows: Optional[Iterable[Any]] = None,
        /,
        *,
        params: Params = None,
        timeout: Optional[float] = None,
        **named: Any,
    ) -> Explanation:
        """See Client.explain."""
        return self._runner.explain(self._plan, rows, params, named, timeout)

    def close(self) -> None:
        """Let the daemon forget the plan. Twice is once."""
        plan, self._own = self._own, None
        if plan is not None:
            plan.closed = True
            self._runner.channel.close_plan_later(plan.number)

    def __del__(self) -> None:
        if getattr(self, "_own", None) is not None:
            self.close()

    def __repr__(self) -> str:
        return f"<tamis.Prepared {self.text!r}>"
