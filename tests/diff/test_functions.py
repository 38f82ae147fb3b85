"""Every function and value operator, as the daemon computes it and as the reference does.

A row holds random arguments, and what the reference makes of them; the query asks whether the
daemon's result is the same value of the same type with the same text. TAMIS_DIFF_SEED and
TAMIS_DIFF_ROWS (of each function) change the run.
"""

from __future__ import annotations

import os
import random

import pytest

from tests.diff import reference
from tests.diff.arguments import SIGNATURES, Arguments
from tests.diff.generate import op, path
from tests.diff.reference import MISSING, Absent, Operand
from tests.diff.values import Values
from tests.lib import wire
from tests.lib.mp import Map, Plain, Raw, Str, Value
from tests.lint.tree import def_list

SEED = int(os.environ.get("TAMIS_DIFF_SEED", "20260101"))
ROWS = int(os.environ.get("TAMIS_DIFF_ROWS", "2000"))

CONSTANT_LAST = ("cast", "try_cast")
CAST_TYPES = {entry.fields[0] for entry in def_list("casts")}

needs_daemon = pytest.mark.skipif(
    not wire.tamisd().exists() and not os.environ.get("TAMIS_CI"),
    reason=f"no daemon at {wire.tamisd()}",
)


def present(value: Operand) -> Value:
    """A result, which is never missing (V1)."""
    assert not isinstance(value, Absent)
    return value


def is_cast_type(value: Operand) -> bool:
    """Whether a value names a type to convert to."""
    return isinstance(value, Str) and value.raw.decode("latin-1").lower() in CAST_TYPES


def row_of(args: list[Operand]) -> Map:
    """The arguments as the fields a0, a1 ..."""
    pairs: list[tuple[Value, Value]] = []
    for i, arg in enumerate(args):
        if not isinstance(arg, Absent):
            pairs.append((Str(f"a{i}".encode()), arg))
    return Map(tuple(pairs))


class Trial:
    """Calls of one function with one number of arguments, and what they must give. What must be a
    constant is the last argument.
    """

    def __init__(self, name: str, count: int, constant: Operand) -> None:
        self.call = op(name, *(path(f"a{i}") for i in range(count)))
        if not isinstance(constant, Absent):
            self.call[-1] = constant
        self.asked = reference.Query(self.call)
        self.typed = reference.Query(op("type_of", self.call))
        self.shown = reference.Query(op("try_cast", self.call, Str(b"text")))
        self.rows: list[Map] = []
        self.results: set[str] = set()

    def add(self, args: list[Operand]) -> None:
        """One more call."""
        row = row_of(args)
        want = present(self.asked.value_for(row))
        if not reference.equal(want, want, nan_equal=True):
            return  # a NaN inside an array: nothing can tell that it is the same
        kind, shown = present(self.typed.value_for(row)), present(self.shown.value_for(row))
        self.results.add(repr(want))
        extra: list[tuple[Value, Value]] = [
            (Str(b"want"), want),
            (Str(b"kind"), kind),
            (Str(b"shown"), shown),
        ]
        self.rows.append(Map(row.pairs + tuple(extra)))

    @property
    def condition(self) -> Value:
        """TRUE for every row, if the daemon is right."""
        same = op("not", op("distinct", self.call, path("want")))
        kind = op("=", op("type_of", self.call), path("kind"))
        shown = op("not", op("distinct", op("try_cast", self.call, Str(b"text")), path("shown")))
        return op("and", same, kind, shown)

    def check(self, connection: wire.Connection, encoder: Values) -> None:
        """Asks the daemon."""
        payload: list[Plain] = ["maps", [Raw(encoder.encode(row)) for row in self.rows]]
        answer = connection.filter(self.condition, payload, result="indices")
        assert answer.error is None, answer.error
        wrong = sorted(set(range(len(self.rows))) - set(answer.indices))
        assert not wrong, f"{len(wrong)} rows, the first: {self.rows[wrong[0]]}"
        # The call alone, so that it is made for every row whatever the condition's order.
        answer = connection.filter(op("is null", self.call), payload, result="indices")
        counts = answer.done["type_mismatch"], answer.done.get("undefined", 0)
        assert counts == (self.asked.mismatches, self.asked.undefined)


def test_every_function_has_a_signature() -> None:
    assert set(SIGNATURES) == {entry.fields[0] for entry in def_list("functions")}


@needs_daemon
@pytest.mark.parametrize("name", SIGNATURES)
def test_function(name: str) -> None:
    rng = random.Random(f"{SEED} {name}")
    arguments = Arguments(rng)
    trials: dict[str, Trial] = {}
    for _ in range(ROWS):
        args = arguments.of(name)
        constant = args[-1] if name in CONSTANT_LAST else MISSING
        if name in CONSTANT_LAST and not is_cast_type(constant):
            continue  # refused
        key = f"{len(args)} {constant}"
        trials.setdefault(key, Trial(name, len(args), constant)).add(args)
    with wire.Connection.spawn() as connection:
        for trial in trials.values():
            trial.check(connection, arguments.values)
    assert len(set.union(*(trial.results for trial in trials.values()))) >= 2
