"""The functions of proto/functions.def as proto/FUNCTIONS.md says them, for the reference
evaluator.

As in calls.py, which has the operators, and dates.py, which has those of time, a function takes
values and gives a value, or raises Mismatch or Undefined. It goes by Python's own unbounded
integers, fractions, dates and addresses, and never by what makes the daemon fast.
"""

from __future__ import annotations

import calendar
import ipaddress
import math
import re
from collections.abc import Callable, Sequence
from enum import Enum
from fractions import Fraction
from pathlib import Path
from typing import TypeAlias

from tests.diff.calls import Mismatch, Undefined, in_range, integer, number
from tests.diff.dates import DATES, Date, days_of, instant, name_of, text
from tests.lib.mp import Bin, Ext, Map, Str, Timestamp, Value

Function: TypeAlias = Callable[[Sequence[Value]], Value]


# --- numbers ---


def _abs(args: Sequence[Value]) -> Value:
    return abs(number(args[0]))


def whole(x: float, function: Callable[[float], int]) -> float:
    """floor or ceil of a double, as a double with its sign."""
    return x if math.isinf(x) or math.isnan(x) else math.copysign(float(function(x)), x)


def _floor(args: Sequence[Value]) -> Value:
    x = number(args[0])
    return x if isinstance(x, int) else whole(x, math.floor)


def _ceil(args: Sequence[Value]) -> Value:
    x = number(args[0])
    return x if isinstance(x, int) else whole(x, math.ceil)


def half_away(exact: Fraction) -> int:
    """The nearest integer; of two, the one away from zero."""
    nearest = math.floor(abs(exact) + Fraction(1, 2))
    return nearest if exact >= 0 else -nearest


def _round(args: Sequence[Value]) -> Value:
    x, digits = number(args[0]), integer(args[1]) if len(args) > 1 else 0
    if isinstance(x, int):
        if digits >= 0:
            return x
        unit = 10 ** min(-digits, 30)
        return in_range(half_away(Fraction(x, unit)) * unit)
    if math.isinf(x) or math.isnan(x):
        return x
    scale = Fraction(10) ** max(-400, min(digits, 400))
    try:
        rounded = float(half_away(Fraction(x) * scale) / scale)
    except OverflowError:
        rounded = math.inf
    return math.copysign(rounded, x)


def _sign(args: Sequence[Value]) -> Value:
    x = number(args[0])
    if isinstance(x, int):
        return (x > 0) - (x < 0)
    return math.copysign(1.0, x) if x > 0 or x < 0 else x


def _sqrt(args: Sequence[Value]) -> Value:
    x = float(number(args[0]))
    if x < 0:
        raise Undefined
    return math.sqrt(x)


def _power(args: Sequence[Value]) -> Value:
    x, y = float(number(args[0])), float(number(args[1]))
    if x == 0 and y < 0:
        raise Undefined
    try:
        return math.pow(x, y)
    except ValueError:
        raise Undefined from None
    except OverflowError:
        return -math.inf if x < 0 and y % 2 == 1 else math.inf


# --- strings ---


def characters(raw: bytes) -> list[bytes]:
    """The code points of a string, and the single bytes of what is malformed in it, as bytes."""
    out: list[bytes] = []
    at = 0
    while at < len(raw):
        for size in (1, 2, 3, 4):
            piece = raw[at : at + size]
            try:
                piece.decode("utf-8")
            except UnicodeDecodeError:
                continue
            break
        else:
            piece = raw[at : at + 1]
        out.append(piece)
        at += len(piece)
    return out


def _case_tables() -> tuple[dict[int, int], dict[int, int]]:
    """The simple mappings to upper and to lower case, of UnicodeData.txt where that is installed
    (Debian's package unicode-data), else of Python's own data.
    """
    upper: dict[int, int] = {}
    lower: dict[int, int] = {}
    try:
        lines = Path("/usr/share/unicode/UnicodeData.txt").read_text(encoding="utf-8").splitlines()
    except OSError:
        for code in range(0x110000):
            for table, mapped in ((upper, chr(code).upper()), (lower, chr(code).lower())):
                if len(mapped) == 1:
                    table[code] = ord(mapped)
        lower[0x130] = 0x69
        return upper, lower
    for line in lines:
        fields = line.split(";")
        for table, field in ((upper, fields[12]), (lower, fields[13])):
            if field:
                table[int(fields[0], 16)] = int(field, 16)
    return upper, lower


UPPER, LOWER = _case_tables()


def _case(table: dict[int, int]) -> Function:
    def call(args: Sequence[Value]) -> Value:
        out = b""
        for character in characters(text(args[0])):
            try:
                code = ord(character.decode("utf-8"))
            except UnicodeDecodeError:
                out += character
            else:
                out += chr(table.get(code, code)).encode("utf-8")
        return Str(out)

    return call


def _length(args: Sequence[Value]) -> Value:
    return len(characters(text(args[0])))


def _octet_length(args: Sequence[Value]) -> Value:
    if not isinstance(args[0], Str | Bin):
        raise Mismatch
    return len(args[0].raw)


def _trim(left: bool, right: bool) -> Function:
    def call(args: Sequence[Value]) -> Value:
        kept = characters(text(args[0]))
        unwanted = characters(text(args[1])) if len(args) > 1 else [b" "]
        while left and kept and kept[0] in unwanted:
            del kept[0]
        while right and kept and kept[-1] in unwanted:
            del kept[-1]
        return Str(b"".join(kept))

    return call


def _substr(args: Sequence[Value]) -> Value:
    every, start = characters(text(args[0])), integer(args[1])
    count = integer(args[2]) if len(args) > 2 else None
    if count is not None and count < 0:
        raise Undefined
    return Str(
        b"".join(
            character
            for position, character in enumerate(every, 1)
            if position >= start and (count is None or position < start + count)
        )
    )


def _replace(args: Sequence[Value]) -> Value:
    raw, old, new = (text(arg) for arg in args)
    return Str(raw.replace(old, new) if old else raw)


def _strpos(args: Sequence[Value]) -> Value:
    raw, part = text(args[0]), text(args[1])
    at = raw.find(part)
    if at < 0 or not part:
        return at + 1
    begins, position = 0, 0
    for character in characters(raw):
        if begins > at:
            break
        position += 1
        begins += len(character)
    return position


# --- types ---

_DIGITS = re.compile(rb"[+-]?[0-9]+")
_NUMBER = re.compile(rb"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
_WORD = re.compile(rb"([+-]?)(nan|inf|infinity)", re.IGNORECASE)
_TIMESTAMP = re.compile(
    rb"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,9}))?"
    rb"(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))"
)


def _to_integer(value: Value) -> Value:
    if isinstance(value, int):  # a boolean too
        return int(value)
    if isinstance(value, float):
        if math.isnan(value) or math.isinf(value):
            raise Undefined
        return in_range(half_away(Fraction(value)))
    if not _DIGITS.fullmatch(text(value)):
        raise Undefined
    digits = text(value).lstrip(b"+-").lstrip(b"0") or b"0"
    if len(digits) > 20:
        raise Undefined
    return in_range(-int(digits) if text(value).startswith(b"-") else int(digits))


def _to_double(value: Value) -> Value:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    raw = text(value)
    if word := _WORD.fullmatch(raw):
        return float(raw) if word[2].lower() != b"nan" else math.nan
    if not _NUMBER.fullmatch(raw) or math.isinf(float(raw)):
        raise Undefined
    return float(raw)


def _to_boolean(value: Value) -> Value:
    if isinstance(value, int):
        if value not in (0, 1):
            raise Undefined
        return bool(value)
    words = {b"true": True, b"false": False}
    if text(value).lower() not in words:
        raise Undefined
    return words[text(value).lower()]


def _to_timestamp(value: Value) -> Value:
    if isinstance(value, Timestamp):
        return value
    found = _TIMESTAMP.fullmatch(text(value))
    if not found:
        raise Undefined
    year, month, day, hour, minute, second = (int(found[i]) for i in range(1, 7))
    hours, minutes = int(found[9] or 0), int(found[10] or 0)
    right = (
        1 <= month <= 12
        and 1 <= day <= calendar.monthrange(year + 400, month)[1]
        and hour <= 23
        and minute <= 59
        and second <= 59
        and hours <= 23
        and minutes <= 59
    )
    if not right:
        raise Undefined
    offset = (hours * 60 + minutes) * (-60 if found[8] == b"-" else 60)
    seconds = days_of(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - offset
    return Timestamp(seconds, int((found[7] or b"").ljust(9, b"0")))


def _to_text(value: Value) -> Value:
    if isinstance(value, Str):
        return value
    if isinstance(value, bool):
        return Str(b"true" if value else b"false")
    if isinstance(value, int | float):
        return Str(repr(value).encode())
    t = instant(value)
    date = Date(t.seconds)
    if not 0 <= date.year <= 9999:
        raise Undefined
    fraction = f".{t.nanoseconds:09}".rstrip("0") if t.nanoseconds else ""
    clock = f"{date.second // 3600:02}:{date.second // 60 % 60:02}:{date.second % 60:02}"
    return Str(f"{date.year:04}-{date.month:02}-{date.day:02}T{clock}{fraction}Z".encode())


_CASTS: dict[str, Callable[[Value], Value]] = {
    "integer": _to_integer,
    "double": _to_double,
    "text": _to_text,
    "boolean": _to_boolean,
    "timestamp": _to_timestamp,
}


def _cast(args: Sequence[Value]) -> Value:
    name = name_of(args[1])
    if name not in _CASTS:
        raise Undefined
    return _CASTS[name](args[0])


def _try_cast(args: Sequence[Value]) -> Value:
    try:
        return _cast(args)
    except (Mismatch, Undefined):
        return None


def _array_length(args: Sequence[Value]) -> Value:
    if not isinstance(args[0], list):
        raise Mismatch
    return len(args[0])


# --- addresses ---

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address


def address(raw: bytes) -> Address:
    """An address, or Undefined. No zone."""
    try:
        if b"%" in raw:
            raise Undefined
        return ipaddress.ip_address(raw.decode("ascii"))
    except ValueError:
        raise Undefined from None


def _ip_in(args: Sequence[Value]) -> Value:
    host, (base, slash, length) = text(args[0]), text(args[1]).partition(b"/")
    inner, outer = address(host), address(base)
    if slash and not re.fullmatch(rb"0|[1-9][0-9]{0,2}", length):
        raise Undefined
    bits = int(length) if slash else outer.max_prefixlen
    if bits > outer.max_prefixlen:
        raise Undefined
    if inner.version != outer.version:
        return False
    rest = outer.max_prefixlen - bits
    return int(inner) >> rest == int(outer) >> rest


# A null argument always makes null; these are only asked about others.
FUNCTIONS: dict[str, Function] = DATES | {
    "abs": _abs,
    "round": _round,
    "floor": _floor,
    "ceil": _ceil,
    "sign": _sign,
    "sqrt": _sqrt,
    "power": _power,
    "lower": _case(LOWER),
    "upper": _case(UPPER),
    "length": _length,
    "octet_length": _octet_length,
    "trim": _trim(True, True),
    "ltrim": _trim(True, False),
    "rtrim": _trim(False, True),
    "substr": _substr,
    "replace": _replace,
    "strpos": _strpos,
    "cast": _cast,
    "try_cast": _try_cast,
    "array_length": _array_length,
    "ip_in": _ip_in,
}

# --- functions that take nulls ---

# A missing value is an enum's member here, whichever.
Given: TypeAlias = "Value | Enum"


def _ordered_key(value: Given) -> tuple[str, int | float | bytes | tuple[int, int]]:
    """The class of a value that has an order, and what is ordered; or Mismatch."""
    if isinstance(value, Str | Bin):
        return type(value).__name__, value.raw
    if isinstance(value, Timestamp):
        return "timestamp", (value.seconds, value.nanoseconds)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return "number", value
    raise Mismatch


def _extreme(sign: int) -> Callable[[Sequence[Given]], Value]:
    def call(args: Sequence[Given]) -> Value:
        present: list[Value] = [
            arg for arg in args if arg is not None and not isinstance(arg, Enum)
        ]
        keys = [_ordered_key(value) for value in present]
        if len({kind for kind, _ in keys}) > 1:
            raise Mismatch
        for value in present:
            if isinstance(value, float) and math.isnan(value):
                return value
        for value, (_, key) in zip(present, keys, strict=True):
            others = [other for _, other in keys]
            # All are of one class, which Python orders as tamis does (X1, S1, D1).
            if all(key <= other if sign < 0 else key >= other for other in others):  # type: ignore[operator]
                return value  # the first of equals
        return None

    return call


def _type_of(args: Sequence[Given]) -> Value:
    value = args[0]
    if isinstance(value, Enum):
        return Str(b"missing")
    if value is None:
        return Str(b"null")
    names: list[tuple[type, bytes]] = [
        (bool, b"boolean"),  # before int
        (int, b"integer"),
        (float, b"double"),
        (Str, b"string"),
        (Bin, b"binary"),
        (list, b"array"),
        (Map, b"map"),
        (Timestamp, b"timestamp"),
        (Ext, b"extension"),
    ]
    return Str(next(name for kind, name in names if isinstance(value, kind)))


NULL_TAKING: dict[str, Callable[[Sequence[Given]], Value]] = {
    "least": _extreme(-1),
    "greatest": _extreme(1),
    "type_of": _type_of,
}
