"""What the value operators and functions compute, for the reference evaluator: QUERY.md X7 and the
lines of proto/functions.def, as slowly and plainly as they say it.

A call takes values and gives a value, or raises Mismatch (a type that it does not take, T4) or
Undefined (no result for these values, X7); both make null. It must never learn how the daemon
computes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from tests.lib.mp import Str, Value

INT64_LEAST, INT64_MOST, UINT64_MOST = -(1 << 63), (1 << 63) - 1, (1 << 64) - 1


class Mismatch(Exception):
    """An argument's type is none that the function takes."""


class Undefined(Exception):
    """The arguments have no result."""


Number = int | float


def number(value: Value) -> Number:
    """A number, or Mismatch. True is none (T1)."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Mismatch
    return value


def integer(value: Value) -> int:
    """An integer, or Mismatch."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise Mismatch
    return value


def in_range(value: int) -> int:
    """An integer that int64 or uint64 holds, or Undefined."""
    if not INT64_LEAST <= value <= UINT64_MOST:
        raise Undefined
    return value


def _cut(x: int, y: int) -> int:
    """The quotient of integers, cut off toward zero."""
    quotient = abs(x) // abs(y)
    return quotient if (x < 0) == (y < 0) else -quotient


def _divide(x: Number, y: Number) -> Number:
    if y == 0:
        raise Undefined
    if isinstance(x, int) and isinstance(y, int):
        return in_range(_cut(x, y))
    return float(x) / float(y)


def _modulo(x: Number, y: Number) -> Number:
    if y == 0:
        raise Undefined
    if isinstance(x, int) and isinstance(y, int):
        return x - y * _cut(x, y)
    return math.nan if math.isinf(x) else math.fmod(float(x), float(y))


def _times(x: float, y: float) -> float:
    return x * y


def _arithmetic(
    exact: Callable[[int, int], int], rounded: Callable[[float, float], float]
) -> Callable[[Sequence[Value]], Value]:
    def call(args: Sequence[Value]) -> Value:
        x, y = number(args[0]), number(args[1])
        if isinstance(x, int) and isinstance(y, int):
            return in_range(exact(x, y))
        return rounded(float(x), float(y))

    return call


def _either(function: Callable[[Number, Number], Number]) -> Callable[[Sequence[Value]], Value]:
    def call(args: Sequence[Value]) -> Value:
        return function(number(args[0]), number(args[1]))

    return call


def _negate(args: Sequence[Value]) -> Value:
    x = number(args[0])
    return in_range(-x) if isinstance(x, int) else -x


def _join(args: Sequence[Value]) -> Value:
    if not all(isinstance(arg, Str) for arg in args):
        raise Mismatch
    return Str(b"".join(arg.raw for arg in args if isinstance(arg, Str)))


def pattern(bits: int, unsigned: bool) -> int:
    """64 bits as a number: unsigned, or two's complement."""
    bits &= UINT64_MOST
    return bits if unsigned or bits <= INT64_MOST else bits - (1 << 64)


def _bits(function: Callable[[int, int], int]) -> Callable[[Sequence[Value]], Value]:
    def call(args: Sequence[Value]) -> Value:
        x, y = integer(args[0]), integer(args[1])
        return pattern(function(x, y), max(x, y) > INT64_MOST)

    return call


def _bit_not(args: Sequence[Value]) -> Value:
    x = integer(args[0])
    return pattern(~x, x > INT64_MOST)


def _shift(function: Callable[[int, int], int]) -> Callable[[Sequence[Value]], Value]:
    def call(args: Sequence[Value]) -> Value:
        x, count = integer(args[0]), integer(args[1])
        if not 0 <= count <= 63:
            raise Undefined
        return pattern(function(x, count), x > INT64_MOST)

    return call


# The calls of which a null argument always makes null.
CALLS: dict[str, Callable[[Sequence[Value]], Value]] = {
    "+": _arithmetic(lambda x, y: x + y, lambda x, y: x + y),
    "-": _arithmetic(lambda x, y: x - y, lambda x, y: x - y),
    "*": _arithmetic(lambda x, y: x * y, _times),
    "/": _either(_divide),
    "%": _either(_modulo),
    "mod": _either(_modulo),
    "neg": _negate,
    "||": _join,
    "&": _bits(lambda x, y: x & y),
    "|": _bits(lambda x, y: x | y),
    "~": _bit_not,
    "<<": _shift(lambda x, y: x << y),
    ">>": _shift(lambda x, y: x >> y),
}
# The ones that take nulls: coalesce, nullif and the forms of CASE are in reference.py, with the
# comparison that they need.
CHOICES = {"coalesce", "nullif", "case", "case of"}
