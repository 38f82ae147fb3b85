"""Random arguments for the functions: values of the types that each takes, from where their results
are easily got wrong, and now and then anything else.
"""

from __future__ import annotations

import math
import random
import struct
from collections.abc import Callable

from tests.diff.reference import MISSING, Operand
from tests.diff.values import EDGES, FLOATS, LETTERS, SECONDS, STRINGS, Values
from tests.lib.mp import Str, Timestamp

# The kinds of the arguments of each function; those behind "?" may be left out.
# fmt: off
SIGNATURES: dict[str, list[str]] = {
    "+": ["number", "number"], "-": ["number", "number"], "*": ["number", "number"],
    "/": ["number", "number"], "%": ["number", "number"], "neg": ["number"],
    "||": ["text", "text"],
    "&": ["integer", "integer"], "|": ["integer", "integer"], "~": ["integer"],
    "<<": ["integer", "small"], ">>": ["integer", "small"],
    "abs": ["number"], "round": ["decimal", "?", "digits"], "floor": ["decimal"],
    "ceil": ["decimal"], "sign": ["number"], "sqrt": ["number"], "power": ["decimal", "decimal"],
    "mod": ["number", "number"],
    "lower": ["text"], "upper": ["text"], "length": ["text"], "octet_length": ["text"],
    "trim": ["letters", "?", "letters"], "ltrim": ["letters", "?", "letters"],
    "rtrim": ["letters", "?", "letters"],
    "substr": ["text", "small", "?", "small"], "replace": ["letters", "short", "letters"],
    "strpos": ["letters", "short"],
    "least": ["number", "?", "number", "number"], "greatest": ["number", "?", "text", "text"],
    "coalesce": ["any", "?", "any", "any"], "nullif": ["number", "number"],
    "cast": ["convertible", "cast"], "try_cast": ["convertible", "cast"],
    "type_of": ["any"], "array_length": ["array"],
    "to_timestamp_s": ["decimal"], "to_timestamp_ms": ["decimal"], "to_timestamp_us": ["decimal"],
    "to_timestamp_ns": ["decimal"],
    "epoch": ["timestamp"], "epoch_s": ["timestamp"], "epoch_ms": ["timestamp"],
    "epoch_us": ["timestamp"], "epoch_ns": ["timestamp"],
    "date_part": ["field", "timestamp"], "date_trunc": ["field", "timestamp"],
    "ts_add": ["timestamp", "months", "integer", "integer"],
    "ip_in": ["address", "network"],
}
FIELDS = [
    "year", "quarter", "month", "week", "day", "hour", "minute", "second", "millisecond",
    "microsecond", "nanosecond", "isoyear", "dow", "isodow", "doy", "epoch", "WEEK", "decade", "",
]
CASTS = ["integer", "double", "text", "boolean", "timestamp", "Integer", "json"]
ADDRESSES = [
    "10.0.0.1", "10.255.0.0", "11.0.0.0", "0.0.0.0", "255.255.255.255", "192.168.1.77",
    "::", "::1", "2001:db8::1", "2001:DB8:0:0:0:0:0:2", "2001:db8:ffff::", "::ffff:10.0.0.1",
    "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "1:2:3:4:5:6:1.2.3.4",
    "10.0.0", "10.0.0.256", "10.0.0.01", "10.0.0.1.", "1::2::3", "1:2:3:4:5:6:7:8:9", ":::", ":1",
    "12345::", "g::", "fe80::1%eth0", " 10.0.0.1", "", "10.0.0.1\0", "::1.2.3", "1:2:3:4:5:6:7:",
]
TEXTS = [
    "1", "-1", "+7", "007", "-0", "9223372036854775807", "-9223372036854775808",
    "-9223372036854775809", "18446744073709551615", "18446744073709551616", "1" * 40, "0" * 40,
    "", "-", " 1", "1 ", "1.0", "0x10", "1e3", "1.", ".5", ".", "1e", "1e+", "-1.5E-3", "1e400",
    "1e-400", "nan", "NaN", "-nan", "inf", "-Infinity", "infin", "1_000", "0.1" + "0" * 80 + "1",
    "true", "FALSE", "tru", "t", "1970-01-01T00:00:00Z", "2024-02-29t23:59:59.999999999z",
    "2023-02-29T00:00:00Z", "0000-01-01 00:00:00+23:59", "9999-12-31T23:59:59.5-23:59",
    "2000-01-01T00:00:00", "2000-01-01T00:00:60Z", "2000-01-01T24:00:00Z", "2000-13-01T00:00:00Z",
    "2000-01-01T00:00:00.1234567890Z", "2000-01-01T00:00:00.Z", "2000-01-01T00:00:00+1:00",
    "2000-01-01", "20000-01-01T00:00:00Z", "1900-02-28T12:34:56.000001-00:00",
]
# fmt: on
DECIMALS = [0.5, 1.5, 2.5, 0.125, 2.675, 1.005, 0.05, 1234.5678, 15.0, 25.0, 99.5, 0.1, 1e22, 1e23]


class Arguments:
    """Makes arguments from one source of randomness."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.values = Values(rng)
        self._kinds: dict[str, Callable[[], Operand]] = {
            "number": self._number,
            "decimal": self._decimal,
            "integer": self._integer,
            "small": lambda: rng.randint(-2, 9) if rng.random() < 0.9 else self._integer(),
            "digits": lambda: rng.choice([0, 1, 2, 3, 5, 16, 17, 30, 323, 324, -1, -2, -19, -308]),
            "months": lambda: rng.randint(-30, 30) if rng.random() < 0.9 else self._integer(),
            "text": self._text,
            "letters": lambda: Str(b"".join(rng.choices(LETTERS, k=rng.randint(0, 9)))),
            "short": lambda: Str(b"".join(rng.choices(LETTERS[:5], k=rng.randint(0, 2)))),
            "cast": lambda: Str(rng.choice(CASTS).encode()),
            "field": lambda: Str(rng.choice(FIELDS).encode()),
            "convertible": self._convertible,
            "timestamp": self._timestamp,
            "array": lambda: self.values.value("numbers"),
            "address": lambda: Str(rng.choice(ADDRESSES).encode()),
            "network": self._network,
            "any": self._any,
        }

    def of(self, name: str) -> list[Operand]:
        """Arguments for one call of a function."""
        kinds = list(SIGNATURES[name])
        if "?" in kinds:
            at = kinds.index("?")
            kinds = kinds[:at] + kinds[at + 1 :] * (self.rng.random() < 0.7)
        return [self._any() if self.rng.random() < 0.04 else self._kinds[k]() for k in kinds]

    def _any(self) -> Operand:
        return MISSING if self.rng.random() < 0.1 else self.values.value("mixed")

    def _integer(self) -> int:
        rng = self.rng
        if rng.random() < 0.4:
            return rng.randint(-12, 12)
        number = rng.choice(EDGES) * rng.choice([1, -1]) + rng.randint(-2, 2)
        return number if -(2**63) <= number < 2**64 else rng.getrandbits(64)

    def _number(self) -> int | float:
        return self._integer() if self.rng.random() < 0.6 else self._decimal()

    def _decimal(self) -> int | float:
        rng = self.rng
        draw = rng.random()
        if draw < 0.2:
            return self._integer()
        if draw < 0.4:
            return rng.choice(FLOATS)
        if draw < 0.7:
            return rng.choice(DECIMALS) * rng.choice([1, -1, 10, 0.1])
        if draw < 0.8:  # the edges of the binary exponents, where digits are hard to choose
            return math.ldexp(1.0, rng.randint(-1074, 1023))
        if draw < 0.9:
            return rng.uniform(-100, 100)
        number: float = struct.unpack(">d", rng.randbytes(8))[0]
        return number

    def _text(self) -> Operand:
        rng = self.rng
        if rng.random() < 0.3:
            return Str(b"".join(rng.choices(STRINGS, k=rng.randint(0, 4))))
        codes = [rng.choice([rng.randrange(0x80), rng.randrange(0x3000), rng.randrange(0x11000)])]
        codes += [rng.randrange(0x1E980) for _ in range(rng.randint(0, 3))]
        return Str("".join(chr(c) for c in codes).encode("utf-8", "surrogatepass"))

    def _convertible(self) -> Operand:
        rng = self.rng
        draw = rng.random()
        if draw < 0.4:
            return Str(rng.choice(TEXTS).encode())
        if draw < 0.7:
            return self._decimal()
        if draw < 0.8:
            return Str(repr(self._decimal()).encode())
        return self._timestamp() if draw < 0.9 else rng.random() < 0.5

    def _timestamp(self) -> Timestamp:
        rng = self.rng
        seconds = rng.choice(
            [
                rng.choice(SECONDS) + rng.randint(-2, 2),
                rng.randint(-(10**11), 3 * 10**11),
                rng.randint(-(2**63), 2**63 - 1),
                rng.choice([0, 951782400, 1709164800, -2203891200]) + rng.randint(-3, 3) * 43200,
            ]
        )
        nanoseconds = rng.choice([0, 1, 999, 1000, 999999999, rng.randrange(10**9)])
        return Timestamp(max(-(2**63), min(seconds, 2**63 - 1)), nanoseconds)

    def _network(self) -> Operand:
        base = self.rng.choice(ADDRESSES)
        lengths = ["0", "8", "9", "31", "32", "33", "64", "127", "128", "129", "08", "-1", "", "+8"]
        return Str((base + self.rng.choice(["", "/" + self.rng.choice(lengths)])).encode())
