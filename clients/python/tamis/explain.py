"""What EXPLAIN tells about a query."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .errors import ProtocolError


@dataclass(frozen=True)
class Explanation:
    """The plan of a query; str() is the plan for people.

    text: the query in canonical form. structured: the same as a structured query. fields: the
    paths that it reads. steps: one map a step (kernel, term, reason, cost, depth; after a run also
    rows_in, rows_out, ns, kernels; over a table zones, zones_none, zones_all, values, see
    PROTOCOL.md). plan: all of it as text.
    """

    text: str
    plan: str
    steps: list[dict[str, Any]] = field(default_factory=list)
    fields: list[list[Any]] = field(default_factory=list)
    structured: Any = None

    def __str__(self) -> str:
        return self.plan


def explanation(told: Any) -> Explanation:
    """From the map of an EXPLAINED reply; ProtocolError if it is none."""
    if not isinstance(told, dict):
        raise ProtocolError("an EXPLAINED reply without its map")
    text, plan = told.get("text", ""), told.get("plan", "")
    steps, fields = told.get("steps", []), told.get("fields", [])
    right = isinstance(text, str) and isinstance(plan, str)
    if not right or not isinstance(steps, list) or not isinstance(fields, list):
        raise ProtocolError("an EXPLAINED reply with elements of the wrong types")
    return Explanation(text, plan, steps, fields, told.get("structured"))
