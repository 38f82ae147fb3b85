"""Requests with rows to frames: how many rows go in one, and what to say when a value cannot.

Knows the Packer, plans and the limits of the daemon; does no I/O.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Optional

from .columns import GROUP_ROWS, culprit, refusal
from .connection import EXECUTE, EXPLAIN, ROWS
from .errors import EncodeError, LimitError
from .frames import PACK_ERRORS, Packer
from .plans import Plan

SINGLE_ROWS = 4096  # so many rows go in one message; more go in chunks
FIRST_ROWS = 256  # of the first chunk, which tells how many bytes a row has
CHUNK_ROWS = 65536
CHUNK_BYTES = 512 << 10  # so that two chunks are in a pipe of 1 MiB: one is made, one is read
GROWTH = 8


class Pace:
    """How many rows the next chunk takes, from the bytes that the last ones had."""

    def __init__(self, limits: Mapping[str, int]) -> None:
        self.most_bytes = limits.get("frame_bytes", 64 << 20)
        self._most_rows = min(CHUNK_ROWS, limits.get("batch_rows", CHUNK_ROWS))
        self._target = min(CHUNK_BYTES, self.most_bytes)
        self.rows = min(FIRST_ROWS, self._most_rows)

    def learn(self, rows: int, size_bytes: int) -> None:
        fit = self._target * rows // max(size_bytes, 1)
        self.rows = max(1, min(self.rows * GROWTH, fit, self._most_rows))


def execute_frame(
    packer: Packer, id: int, plan: Plan, options: Mapping[str, Any], rows: Sequence[Any], base: int
) -> bytes:
    """EXECUTE with its rows. EncodeError, or TypeError for a row that is no mapping."""
    return _frame(packer, (EXECUTE, id, plan.number, options), plan, rows, base, options)


def rows_frame(packer: Packer, id: int, plan: Plan, rows: Sequence[Any], base: int) -> bytes:
    """ROWS; errors as execute_frame."""
    return _frame(packer, (ROWS, id), plan, rows, base, {})


def explain_frame(
    packer: Packer,
    id: int,
    plan: Plan,
    options: Mapping[str, Any],
    rows: Optional[Sequence[Any]],
) -> bytes:
    """EXPLAIN, with rows if it is to run on them; errors as execute_frame."""
    opening = (EXPLAIN, id, plan.number, options)
    if rows is None:
        return frame_without_rows(packer, opening, options)
    return _frame(packer, opening, plan, rows, 0, options)


def _frame(
    packer: Packer,
    opening: tuple[Any, ...],
    plan: Plan,
    rows: Sequence[Any],
    base: int,
    options: Mapping[str, Any],
) -> bytes:
    """A message whose last element are rows. opening: those before."""
    if len(rows) > GROUP_ROWS:
        payload = plan.gatherer.packed(rows, base, packer.pack, packer.default)
        try:
            return packer.frame_before(opening, payload)
        except PACK_ERRORS as error:
            check_params(packer, options)
            raise EncodeError(str(error), field="rows") from error
    columns = plan.gatherer.payload(rows, base, packer.default)
    try:
        return packer.frame((*opening, columns))
    except PACK_ERRORS as error:
        check_params(packer, options)
        raise culprit(columns, base, packer.pack, error) from error


def frame_without_rows(packer: Packer, message: Sequence[Any], options: Mapping[str, Any]) -> bytes:
    """A request with options and a query or plan at most."""
    try:
        return packer.frame(message)
    except PACK_ERRORS as error:
        check_params(packer, options)
        raise EncodeError(str(error), field="query") from error


def check_params(packer: Packer, options: Mapping[str, Any]) -> None:
    """EncodeError if a parameter cannot be packed."""
    params = options.get("params", {})
    pairs = params.items() if isinstance(params, Mapping) else enumerate(params, 1)
    for name, value in pairs:
        reason = refusal(value, packer.pack)
        if reason:
            raise EncodeError(reason, field=f"parameter :{name}")


def halves(
    rows: Sequence[Any], base: int, size_bytes: int, most_bytes: int
) -> list[tuple[Sequence[Any], int]]:
    """Rows whose frame is too large, in two parts; LimitError for a single one."""
    if len(rows) == 1:
        raise LimitError(
            "the fields of one row do not fit a frame (frame_bytes of the daemon)",
            limit=most_bytes,
            actual=size_bytes,
            row=base,
        )
    half = len(rows) // 2
    return [(rows[:half], base), (rows[half:], base + half)]
