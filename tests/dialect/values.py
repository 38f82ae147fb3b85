"""Random cells for the tables: from a small focus, so that two of them are often equal or
neighbours, and from the places where engines part company.

A profile names what a column's values are. A timestamp is its microseconds after 1970, since no
engine here has finer ones that the others could be asked about.
"""

from __future__ import annotations

import math
import random

from tests.dialect.tree import BIN, BOOL, INT, NUMBER, REAL, TEXT, TIME, Cell, Kinds
from tests.diff.arguments import TEXTS as CONVERTIBLE

INT64_LEAST, INT64_MOST, UINT64_MOST = -(1 << 63), (1 << 63) - 1, (1 << 64) - 1
# fmt: off
EDGES = [0, 1, 2, 255, 2**31, 2**32, 2**53, 2**53 + 2, 2**62, 2**63 - 1025, 2**63 - 2]
REALS = [
    0.0, -0.0, 0.5, -0.5, 0.1, 1.5, 2.5, 0.49999999999999994, 1.005, 2.675, 0.285, 1.115,
    1e15 + 0.5, 5e-324, 1e-310, 1e22, 1.7976931348623157e308, 2.0**52 + 1, 2.0**53, 2.0**63,
    -(2.0**63), 2.0**64,
]
LETTERS = [
    "a", "b", "A", "B", "k", "K", "i", "I", "s", "S", "1", " ", " ", "%", "_", "!", "\n", "'", '"',
    "\\", "\0", "é", "É", "ß", "ẞ", "İ", "ı", "ſ", "µ", "μ", "Σ", "σ", "ς", "я", "Я", "😀",
    "\uffff", "\U00010400", "\U00010428", "\u212a", "e\u0301", "\u00a0", "\t", "[", "*",
]
PLAIN = ["a", "b", "A", "B", "k", "é", "É", "_", "%", " ", "1"]
WORDS = ["", "a", "A", "ab", "abc", "AB", "true", "straße", "привіт", "Привіт"]
WORDS += ["100%", "a_b", "a\nb"]
PATTERNS = ["%", "_", "a%", "%b", "%a%", "a_b", "_%", "%_", "%%", "a%b%"]
PATTERNS += ["!%", "!_", "!!", "a!%", "%!"]
REGEXPS = ["a", "^a", "b$", "^a.*b$", "[a-c]+", "(ab)+", "^$", "[^a]"]
REGEXPS += ["k|é", "a.b", r"\d", r"^\w+$", "ß"]
TIMES = ["1970-01-01T00:00:00Z", "2024-02-29T23:59:59.999999Z", "2024-02-29T12:00:00+01:00"]
TIMES += ["2023-02-29T00:00:00Z", "1969-12-31 23:59:59.5-00:30", "2000-01-01T00:00:00"]
TIMES += ["2000-01-01", "2000-12-31T23:59:60Z", "2000-12-31T24:00:00Z", "2000-00-10T00:00:00Z", "x"]
INSTANTS = [
    0, 1, -1, 10**6, -2450000, 951782400 * 10**6, 1709208000123456, 1577836800 * 10**6,
    -62135596800 * 10**6, 253402300799999999, -(10**16), 1234567890123456, 2**53, 2**60, -(2**60),
]
KINDS: dict[str, Kinds] = {
    "int": INT, "small": INT, "wide": INT, "real": REAL, "whole": REAL, "text": TEXT, "plain": TEXT,
    "word": TEXT, "pattern": TEXT, "convertible": TEXT, "dates": TEXT, "bool": BOOL, "time": TIME,
    "bin": BIN, "mixed": NUMBER | TEXT | BIN, "number": NUMBER,
}
# fmt: on
SHARED = ["int", "int", "small", "small", "real", "real", "whole", "text", "plain", "word"]
SHARED += ["pattern", "convertible", "bool", "bool", "bin"]
PROFILES = {
    "sqlite": [*SHARED, "mixed", "mixed", "number"],
    "duckdb": [*SHARED, "wide", "time", "time", "dates"],
}


def has_case(letter: str) -> bool:
    """Whether lower, upper or case folding changes a letter."""
    return not letter == letter.lower() == letter.upper() == letter.casefold()


class Pool:
    """Makes cells from one source of randomness, around a focus."""

    def __init__(self, rng: random.Random, engine: str) -> None:
        self.rng = rng
        self.engine = engine
        self.refocus()

    def refocus(self) -> None:
        """Chooses what the next table's values are near to."""
        rng = self.rng
        self.center = rng.choice([*EDGES, 3, 3, 3]) * rng.choice([1, 1, -1])
        near = float(self.center)
        self.numbers: list[int | float] = [self.center, self.center, self.center + 1]
        self.numbers += [self.center - 1, near, near + 0.5, self.center + 2]
        self.numbers += [math.nextafter(near, math.inf), math.nextafter(near, -math.inf)]
        self.words = rng.sample(WORDS, 3) + [self._letters(LETTERS) for _ in range(4)]
        self.instants = [rng.choice(INSTANTS) for _ in range(2)]
        self.instants += [self.instants[0] + step for step in (-1, 1, 86400 * 10**6)]

    def cell(self, profile: str) -> Cell:
        """A value of a profile, never null."""
        rng = self.rng
        if profile in ("int", "wide"):
            return self._int(wide=profile == "wide")
        if profile == "small":
            return rng.randint(-4, 12)
        if profile == "real":
            return self._real()
        if profile == "whole":
            return float(rng.choice([self.center, self.center + 1, rng.randint(-3, 9)]))
        if profile == "number":
            return self._int(wide=False) if rng.random() < 0.5 else self._real()
        if profile == "bool":
            return rng.random() < 0.5
        if profile == "time":
            return self._time()
        if profile == "bin":
            return rng.choice([b"", b"\0", b"a", b"ab", b"\xff", rng.randbytes(2)])
        if profile == "mixed":
            return self.cell(rng.choice(["number", "number", "small", "plain", "word", "bin"]))
        return self.text(profile)

    def text(self, profile: str) -> str:
        """A string of a profile."""
        rng = self.rng
        if profile == "plain":
            return self._letters(PLAIN)
        if profile == "word":
            return rng.choice(self.words)
        if profile == "pattern":
            return "".join(rng.choices([*PATTERNS, *self.words[:2]], k=rng.choice([1, 1, 2])))
        if profile == "convertible":
            return rng.choice(CONVERTIBLE) if rng.random() < 0.6 else str(rng.randint(-20, 20))
        if profile == "dates":
            return rng.choice(TIMES)
        return rng.choice(self.words) if rng.random() < 0.4 else self._letters(LETTERS)

    def _letters(self, letters: list[str]) -> str:
        return "".join(self.rng.choices(letters, k=self.rng.choice([0, 1, 2, 3, 3, 5, 8])))

    def _int(self, wide: bool) -> int:
        rng = self.rng
        draw = rng.random()
        if draw < 0.5:
            value = int(rng.choice(self.numbers[:4]))
        elif draw < 0.8:
            value = rng.randint(-12, 12)
        else:
            value = rng.choice(EDGES) * rng.choice([1, -1]) + rng.randint(-2, 2)
        if wide and rng.random() < 0.3:
            return rng.choice([UINT64_MOST, UINT64_MOST - 1, 1 << 63, UINT64_MOST - 2048])
        return max(INT64_LEAST, min(value, INT64_MOST))

    def _real(self) -> float:
        rng = self.rng
        draw = rng.random()
        if draw < 0.5:
            return float(rng.choice(self.numbers))
        if draw < 0.7:
            return rng.choice(REALS) * rng.choice([1.0, 1.0, -1.0])
        if draw < 0.9 and self.engine == "duckdb":
            return rng.choice([math.nan, math.inf, -math.inf, rng.uniform(-9, 9)])
        if draw < 0.78:
            return rng.choice([math.inf, -math.inf])
        return round(rng.uniform(-20, 20), rng.choice([0, 1, 2, 15]))

    def _time(self) -> int:
        rng = self.rng
        if rng.random() < 0.6:
            return rng.choice(self.instants)
        return rng.choice([rng.choice(INSTANTS), rng.randint(-(10**16), 10**16)])
