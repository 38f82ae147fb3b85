"""The functions of timestamps, for the reference evaluator: functions.py says how.

Dates go by Python's datetime, which knows the years 1 to 9999. All others are moved there by whole
eras of 400 years, which are all alike.
"""

from __future__ import annotations

import calendar
import datetime
import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import TypeAlias

from tests.diff.calls import (
    INT64_LEAST,
    INT64_MOST,
    Mismatch,
    Undefined,
    in_range,
    integer,
    number,
)
from tests.lib.mp import Str, Timestamp, Value

Function: TypeAlias = Callable[[Sequence[Value]], Value]
SECOND = 10**9  # nanoseconds


def text(value: Value) -> bytes:
    """The bytes of a string, or Mismatch."""
    if not isinstance(value, Str):
        raise Mismatch
    return value.raw


def name_of(value: Value) -> str:
    """A name that is an argument, in lower case, or Mismatch."""
    return text(value).decode("ascii", "replace").lower()


def instant(value: Value) -> Timestamp:
    """A timestamp, or Mismatch."""
    if not isinstance(value, Timestamp):
        raise Mismatch
    return value


def days_of(year: int, month: int, day: int) -> int:
    """The days from 1970-01-01 to a date of any year. 400 years always have the same days."""
    eras = (year - 2000) // 400
    date = datetime.date(year - eras * 400, month, day)
    return (date - datetime.date(1970, 1, 1)).days + eras * 146097


class Date:
    """The date and the second of the day in UTC of any second from 1970 on or before it."""

    def __init__(self, seconds: int) -> None:
        self.days, self.second = divmod(seconds, 86400)
        eras = (self.days - days_of(2000, 1, 1)) // 146097
        self.near = datetime.date(1970, 1, 1) + datetime.timedelta(self.days - eras * 146097)
        self.era_years = eras * 400
        self.year = self.near.year + self.era_years
        self.month, self.day = self.near.month, self.near.day


def timestamp(nanoseconds: int) -> Timestamp:
    """A timestamp from nanoseconds after 1970, or Undefined."""
    seconds, rest = divmod(nanoseconds, SECOND)
    if not INT64_LEAST <= seconds <= INT64_MOST:
        raise Undefined
    return Timestamp(seconds, rest)


def nanoseconds_of(t: Timestamp) -> int:
    """Nanoseconds after 1970."""
    return t.seconds * SECOND + t.nanoseconds


def _timestamp_of(unit: int) -> Function:
    def call(args: Sequence[Value]) -> Value:
        x = number(args[0])
        if isinstance(x, float) and (math.isnan(x) or math.isinf(x)):
            raise Undefined
        return timestamp(math.floor(Fraction(x) * unit + Fraction(1, 2)))

    return call


def _epoch_in(unit: int) -> Function:
    return lambda args: in_range(nanoseconds_of(instant(args[0])) // unit)


def _epoch(args: Sequence[Value]) -> Value:
    t = instant(args[0])
    return nanoseconds_of(t) / SECOND


def _date_part(args: Sequence[Value]) -> Value:
    field, t = name_of(args[0]), instant(args[1])
    date = Date(t.seconds)
    nanoseconds = date.second % 60 * SECOND + t.nanoseconds
    iso = date.near.isocalendar()
    fields: dict[str, int | float] = {
        "year": date.year,
        "quarter": (date.month + 2) // 3,
        "month": date.month,
        "week": iso.week,
        "day": date.day,
        "hour": date.second // 3600,
        "minute": date.second // 60 % 60,
        "second": nanoseconds / SECOND,
        "millisecond": nanoseconds // 10**6,
        "microsecond": nanoseconds // 10**3,
        "nanosecond": nanoseconds,
        "isoyear": iso.year + date.era_years,
        "dow": iso.weekday % 7,
        "isodow": iso.weekday,
        "doy": date.days - days_of(date.year, 1, 1) + 1,
        "epoch": nanoseconds_of(t) / SECOND,
    }
    if field not in fields:
        raise Undefined
    return fields[field]


def _date_trunc(args: Sequence[Value]) -> Value:
    field, t = name_of(args[0]), instant(args[1])
    date = Date(t.seconds)
    days = {
        "year": days_of(date.year, 1, 1),
        "quarter": days_of(date.year, (date.month - 1) // 3 * 3 + 1, 1),
        "month": days_of(date.year, date.month, 1),
        "week": date.days - date.near.weekday(),
        "day": date.days,
    }
    if field in days:
        return timestamp(days[field] * 86400 * SECOND)
    units = {
        "hour": 3600 * SECOND,
        "minute": 60 * SECOND,
        "second": SECOND,
        "millisecond": 10**6,
        "microsecond": 10**3,
    }
    if field not in units:
        raise Undefined
    return timestamp(nanoseconds_of(t) // units[field] * units[field])


def _ts_add(args: Sequence[Value]) -> Value:
    t = instant(args[0])
    months, seconds, nanoseconds = (integer(arg) for arg in args[1:])
    date = Date(t.seconds)
    year, month = divmod(date.year * 12 + date.month - 1 + months, 12)
    last = calendar.monthrange(2000 + year % 400, month + 1)[1]
    days = days_of(year, month + 1, min(date.day, last))
    total = days * 86400 + date.second + seconds
    return timestamp(total * SECOND + t.nanoseconds + nanoseconds)


DATES: dict[str, Function] = {
    "to_timestamp_s": _timestamp_of(SECOND),
    "to_timestamp_ms": _timestamp_of(10**6),
    "to_timestamp_us": _timestamp_of(10**3),
    "to_timestamp_ns": _timestamp_of(1),
    "epoch": _epoch,
    "epoch_s": _epoch_in(SECOND),
    "epoch_ms": _epoch_in(10**6),
    "epoch_us": _epoch_in(10**3),
    "epoch_ns": _epoch_in(1),
    "date_part": _date_part,
    "date_trunc": _date_trunc,
    "ts_add": _ts_add,
}
