"""Random values and their encodings, biased to the places where implementations differ.

A profile names what a value is to be ("int", "letters", "mixed" ...). Most values come from a small
focus (numbers around one center, a few words) so that two of them are often equal or neighbours.
Values are encoded in any of their forms: long headers, wide integers, float32, all NaNs, three
timestamps.
"""

from __future__ import annotations

import math
import random
import struct
from collections.abc import Callable

from tests.lib import mp
from tests.lib.mp import Bin, Ext, Map, Str, Timestamp, Value

# Neighbours of the places where int64, uint64 and double part company (X1 to X3), and of the
# encodings' widths.
# fmt: off
EDGES = [
    0, 1, 127, 128, 255, 256, 32767, 32768, 65535, 65536, 2**31, 2**32, 2**53, 2**62, 2**63 - 1024,
    2**63, 2**64 - 2048, 2**64,
]
FLOATS = [
    0.0, -0.0, 0.5, -0.5, 0.1, 1.5, 2.5, 1e15 + 0.5, 5e-324, -5e-324, 1e-310,
    1.7976931348623157e308, math.inf, -math.inf, math.nan,
]
SECONDS = [
    0, 0, 1, -1, -3, 1577836800, 2**32 - 1, 2**32, 2**34 - 1, 2**34, -62135596800, 253402300799,
    2**63 - 1, -(2**63),
]
STRINGS = [
    b"", b"a", b"b", b"ab", b"abc", b"A", b"AB", b"a\0b", b"a\0", b"\0", b"k", b"K",
    "\u212a".encode(), "é".encode(), "É".encode(), b"e\xcc\x81", "ß".encode(), "ẞ".encode(), b"ss",
    "İ".encode(), "ı".encode(), b"i", b"I", "Привіт".encode(), "привіт".encode(), "😀".encode(),
    "\uffff".encode(), "\U00010400".encode(), "\U00010428".encode(), b"a%b", b"a_b", b"100%",
    b"\\", b"a\nb", b"\xff", b"a\xc3", b"\xc3(", b"\xed\xa0\x80", b"\xf4\x90\x80\x80",
    b"\xc0\x80", b"\xe2\x84", b"it's", b'"q"', b"true", b"1", b"0.1",
]
LETTERS = [b"a", b"b", b"A", b"B", "é".encode(), "É".encode(), b"%", b"_", b"\n", b"\xff"]
PROFILES = [
    "int", "small", "uint", "float", "float32", "number", "str", "letters", "utf8", "bool", "bin",
    "timestamp", "array", "numbers", "map", "maps", "ext", "mixed",
]
ORDERED = [
    "int", "small", "uint", "float", "float32", "number", "str", "letters", "utf8", "bin",
    "timestamp",
]
# fmt: on
TEXTS = ["str", "letters", "letters", "utf8"]
KEYS: list[Value] = [Str(b"a"), Str(b"a"), Str(b"b"), Str(b"odd key"), 1, 1.0, None]
KEYS += [Bin(b"a"), Str(b"\xff"), True, Timestamp(1, 0)]
ARRAYS = ["array", "numbers", "numbers", "maps"]


class Values:
    """Makes values from one source of randomness."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self._focus: list[int | float] = [0]
        self._words: list[bytes] = [b""]

    def encode_int(self, value: int) -> bytes:
        """An integer in one of the widths that hold it."""
        rng = self.rng
        if rng.random() < 0.5:
            return mp.encode_int(value)
        forms = [(0xCC, ">B"), (0xCD, ">H"), (0xCE, ">I"), (0xCF, ">Q")] if value >= 0 else []
        forms += [(0xD0, ">b"), (0xD1, ">h"), (0xD2, ">i"), (0xD3, ">q")]
        rng.shuffle(forms)
        for code, form in forms:
            try:
                return bytes((code,)) + struct.pack(form, value)
            except struct.error:
                continue
        return mp.encode_int(value)

    def encode_float(self, value: float) -> bytes:
        """A double, as float32 where that is exact half the time; NaN with any payload."""
        rng = self.rng
        if math.isnan(value):
            sign = rng.getrandbits(1)
            if rng.random() < 0.3:
                bits = sign << 31 | 0x7F800000 | (rng.getrandbits(23) or 1)
                return b"\xca" + struct.pack(">I", bits)
            return b"\xcb" + struct.pack(
                ">Q", sign << 63 | 0x7FF << 52 | (rng.getrandbits(52) or 1)
            )
        if rng.random() < 0.5:
            try:
                short = struct.pack(">f", value)
            except OverflowError:
                short = b""
            if short and struct.unpack(">f", short)[0] == value:
                return b"\xca" + short
        return b"\xcb" + struct.pack(">d", value)

    def counted(self, kind: str, count: int) -> bytes:
        """A header, longer than it must be one time in five."""
        widths = [w for w in (1, 2, 4) if count < 1 << 8 * w and (w > 1 or kind in ("str", "bin"))]
        return mp.header(kind, count, self.rng.choice(widths) if self.rng.random() < 0.2 else 0)

    def encode(self, value: Value) -> bytes:
        """Any value, in any of its encodings."""
        if isinstance(value, bool) or value is None:
            return mp.encode(value)
        if isinstance(value, int):
            return self.encode_int(value)
        if isinstance(value, float):
            return self.encode_float(value)
        if isinstance(value, Str):
            return self.counted("str", len(value.raw)) + value.raw
        if isinstance(value, Bin):
            return self.counted("bin", len(value.raw)) + value.raw
        if isinstance(value, Timestamp):
            forms = [12]
            if 0 <= value.seconds < 1 << 34:
                forms.append(8)
                if value.seconds < 1 << 32 and value.nanoseconds == 0:
                    forms.append(4)
            return mp.encode_timestamp(value, self.rng.choice(forms))
        if isinstance(value, list):
            return self.counted("array", len(value)) + b"".join(self.encode(v) for v in value)
        if isinstance(value, Map):
            body = b"".join(self.encode(k) + self.encode(v) for k, v in value.pairs)
            return self.counted("map", len(value.pairs)) + body
        size = len(value.raw)
        long_form = mp.header("ext", size, self.rng.choice([1, 2, 4]) if size < 256 else 4)
        head = long_form if self.rng.random() < 0.3 else mp.ext_header(size)
        return head + struct.pack(">b", value.code) + value.raw

    # --- values ---

    def _number(self) -> int | float:
        rng = self.rng
        if rng.random() < 0.75:
            return rng.choice(self._focus)
        if rng.random() < 0.4:
            return rng.choice(FLOATS)
        return rng.choice(EDGES) * rng.choice([1, 1, -1]) + rng.randint(-2, 2)

    def _int(self, least: int, most: int) -> int:
        number = self._number()
        while math.isnan(number) or math.isinf(number) or not least <= int(number) <= most:
            number = self._number() if self.rng.random() < 0.9 else self.rng.randint(0, 9)
        return int(number)

    def _float(self) -> float:
        number = self._number()
        if isinstance(number, float):
            return number
        value = float(number)
        return (
            math.nextafter(value, self.rng.choice([math.inf, -math.inf]))
            if self.rng.random() < 0.2
            else value
        )

    def _letters(self, most: int) -> bytes:
        return b"".join(self.rng.choice(LETTERS) for _ in range(self.rng.randint(0, most)))

    def _string(self) -> bytes:
        rng = self.rng
        draw = rng.random()
        if draw < 0.7:
            return rng.choice(self._words)
        if draw < 0.85:
            return rng.choice(self._words) + rng.choice(STRINGS)
        if draw < 0.97:
            return rng.choice(STRINGS)
        return rng.choice(self._words) + b"x" * rng.choice(
            [31, 32, 255, 256, 300, 300, 300, 300, 70000]
        )

    def value(self, profile: str, depth: int = 0) -> Value:
        """A value of a profile; depth counts the containers around it."""
        rng = self.rng
        scalar: dict[str, Callable[[], Value]] = {
            "int": lambda: self._int(-(2**63), 2**63 - 1),
            "small": lambda: rng.randint(-2, 3),
            "uint": lambda: (
                self._int(2**63, 2**64 - 1) if rng.random() < 0.7 else self._int(0, 2**64 - 1)
            ),
            "float": self._float,
            "float32": lambda: struct.unpack(
                ">f", struct.pack(">f", rng.choice([0.1, 0.5, 1.0, -0.0, math.nan, 16777216.0]))
            )[0],
            "number": lambda: (
                self._int(-(2**63), 2**64 - 1) if rng.random() < 0.5 else self._float()
            ),
            "str": lambda: Str(self._string()),
            "letters": lambda: Str(self._letters(6)),
            "utf8": lambda: Str(self._string().decode("utf-8", "replace").encode()),
            "bool": lambda: rng.random() < 0.5,
            "bin": lambda: Bin(self._string()),
            "timestamp": self._timestamp,
            "ext": lambda: Ext(
                rng.choice([0, 1, 5, -2, -128, 127]),
                rng.choice(self._words)
                if rng.random() < 0.7
                else bytes(rng.choice([1, 2, 4, 8, 16])),
            ),
        }
        if profile in scalar:
            return scalar[profile]()
        if profile == "mixed":
            kinds = list(scalar) + ([] if depth > 3 else ["array", "numbers", "map", "maps"])
            return None if rng.random() < 0.05 else self.value(rng.choice(kinds), depth)
        inner = {"array": "mixed", "numbers": "number", "map": "mixed", "maps": "map"}[profile]
        if depth > 3:
            inner = "small"
        if profile == "map":
            return self._map(depth)
        count = rng.choice([0, 1, 1, 2, 3, 5, 17 if depth == 0 else 2])
        return [None if rng.random() < 0.1 else self.value(inner, depth + 1) for _ in range(count)]

    def _map(self, depth: int) -> Map:
        rng = self.rng
        pairs: list[tuple[Value, Value]] = []
        for _ in range(rng.choice([0, 1, 2, 2, 3, 4])):
            key = rng.choice(KEYS if rng.random() < 0.4 else KEYS[:4])
            item = rng.randint(0, 3) if rng.random() < 0.5 else self.value("mixed", depth + 1)
            pairs.append((key, item))
        return Map(tuple(pairs))

    def _timestamp(self) -> Timestamp:
        rng = self.rng
        seconds = rng.choice(SECONDS)
        return Timestamp(seconds, rng.choice([0, 0, 1, 550000000, 999999999]))
