"""The reference evaluator: what proto/QUERY.md says, as slowly and plainly as it says it.

It takes a query as the tree of the structured form (lists, as decoded by tests.lib.mp) and a row as
msgpack bytes, and answers TRUE, FALSE or UNKNOWN. It shares no code and no idea with the daemon: no
plan, no columns, no order of terms, no tables. Rules are named where they are followed. It must
never learn how the daemon got its answer.

A tree: a literal is itself (anything but an array); an operator is [name, operand...]; ["path",
step...] walks from the row, ["element", step...] from the element of the innermost quantifier and
["outer", k, step...] from that of the k-th around it; ["param"] is the next `?`, ["param", name] a
named one; ["lit", value] is a literal array or map; ["list", item...] stands after "in".

It is long because the whole meaning but that of functions (calls.py) stands in one place, rule
after rule, to be read against proto/QUERY.md from top to bottom.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from functools import cache, lru_cache
from pathlib import Path
from typing import TypeAlias

from tests.diff import calls, functions, regexp
from tests.lib import mp
from tests.lib.mp import Bin, Ext, Map, Str, Timestamp, Value


class Truth(IntEnum):
    """Three truth values; AND is the least of them and OR the greatest (L1)."""

    FALSE = 0
    UNKNOWN = 1
    TRUE = 2


FALSE, UNKNOWN, TRUE = Truth.FALSE, Truth.UNKNOWN, Truth.TRUE


class Absent(Enum):
    """What a path to nothing gives: missing, which is not null (N3)."""

    MISSING = "missing"


MISSING = Absent.MISSING
Operand: TypeAlias = "Value | Absent"


class BadTree(ValueError):
    """The tree is none that the structured form allows."""


class NoFunction(BadTree):
    """A function that neither calls.py nor functions.py has."""


class BadEscape(ValueError):
    """A LIKE pattern uses its escape character wrongly (K3)."""


def truth(value: bool) -> Truth:
    """A two-valued answer as a Truth."""
    return TRUE if value else FALSE


def negate(value: Truth) -> Truth:
    """NOT by Kleene's table (L1)."""
    return Truth(2 - value)


# --- type classes (T1) ---


def kind_of(value: Operand) -> str:
    """The type class of T1: null, boolean, number, string, binary, array, map, timestamp or ext."""
    if value is None or value is MISSING:  # N1: missing acts like null
        return "null"
    if isinstance(value, bool):  # before int: in Python, and only there, True is an int
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    names: dict[type, str] = {
        Str: "string",
        Bin: "binary",
        list: "array",
        Map: "map",
        Timestamp: "timestamp",
        Ext: "ext",
    }
    return names[type(value)]


def is_null(value: Operand) -> bool:
    """Null or missing (N1, N2)."""
    return value is None or value is MISSING


def is_nan(value: Operand) -> bool:
    """A NaN, whatever its sign and payload (F3)."""
    return isinstance(value, float) and math.isnan(value)


# --- equality and order ---


def equal(a: Operand, b: Operand, nan_equal: bool = False) -> bool:
    """Two-valued equality of T2, X1, F1, S1, S4, A7, D1 and D5; null equals null (inside arrays and
    maps, and for L3).

    nan_equal: whether NaN equals NaN, as IS DISTINCT FROM has it (L3) and nothing else does.
    """
    kind = kind_of(a)
    if kind != kind_of(b):
        return False  # T2
    if kind == "null":
        return True
    if isinstance(a, list) and isinstance(b, list):  # A7: by position
        return len(a) == len(b) and all(equal(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, Map) and isinstance(b, Map):
        return _maps_equal(a, b)
    if is_nan(a) and is_nan(b):
        return nan_equal  # F1
    # Python compares int with float exactly (X1, X2), -0.0 == 0.0 (F4), and the dataclasses by
    # their bytes or pair.
    return bool(a == b)


def _maps_equal(a: Map, b: Map) -> bool:
    """A7 with A3: without regard to order, and of equal keys the last one counts."""
    left, right = _last_wins(a), _last_wins(b)
    if len(left) != len(right):
        return False
    return all(
        any(equal(key, other) and equal(value, theirs) for other, theirs in right)
        for key, value in left
    )


def _last_wins(value: Map) -> list[tuple[Value, Value]]:
    kept: list[tuple[Value, Value]] = []
    for key, item in reversed(value.pairs):
        if not any(equal(key, other) for other, _ in kept):
            kept.append((key, item))
    return kept


def order(a: Operand, b: Operand) -> tuple[bool, bool, bool] | None:
    """(less, equal, greater) of two values, or None if they have no order (T3). Neither is null.

    All three are False when one is a NaN (F1): that is an answer, not the lack of one.
    """
    kind = kind_of(a)
    if kind != kind_of(b):
        return None  # T3
    if isinstance(a, int | float) and isinstance(b, int | float) and kind == "number":
        return a < b, a == b, a > b  # X1 to X4: exact in Python
    if isinstance(a, Str | Bin) and isinstance(b, Str | Bin):
        return a.raw < b.raw, a.raw == b.raw, a.raw > b.raw  # S1, S2, S4
    if isinstance(a, Timestamp) and isinstance(b, Timestamp):
        x, y = (a.seconds, a.nanoseconds), (b.seconds, b.nanoseconds)
        return x < y, x == y, x > y  # D1
    return None  # T3, D5: booleans, arrays, maps, other ext


# --- LIKE (K1 to K7) ---

Unit: TypeAlias = tuple[str, int]  # ("code point", n) or ("byte", n)
PERCENT, UNDERSCORE = ("code point", 0x25), ("code point", 0x5F)


def units(raw: bytes) -> list[Unit]:
    """The code points of a string, and the single bytes of what is malformed in it (K5)."""
    out: list[Unit] = []
    at = 0
    while at < len(raw):
        for size in (1, 2, 3, 4):
            try:
                char = raw[at : at + size].decode("utf-8")
            except UnicodeDecodeError:
                continue
            out.append(("code point", ord(char)))
            at += size
            break
        else:
            out.append(("byte", raw[at]))
            at += 1
    return out


def _read_casefolding(path: Path) -> tuple[str, dict[int, int]] | None:
    """Statuses C and S of Unicode's CaseFolding.txt, which Debian's package unicode-data ships."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    table: dict[int, int] = {}
    for line in lines:
        parts = [part.strip() for part in line.partition("#")[0].split(";")]
        if len(parts) >= 3 and parts[1] in ("C", "S"):
            table[int(parts[0], 16)] = int(parts[2], 16)
    return lines[0].lstrip("# "), table


def _casefolding() -> tuple[str, dict[int, int]]:
    found = _read_casefolding(Path("/usr/share/unicode/CaseFolding.txt"))
    if found is not None:
        return found
    # Simple folding out of full folding: where it gives several code points, the simple one is the
    # lower case, if that is one.
    table: dict[int, int] = {}
    for code in range(0x110000):
        char = chr(code)
        for folded in (char.casefold(), char.lower()):
            if len(folded) == 1:
                if folded != char:
                    table[code] = ord(folded)
                break
    return f"Python's unicodedata {unicodedata.unidata_version}", table


CASEFOLD_SOURCE, _CASEFOLD = _casefolding()


def fold(unit: Unit) -> Unit:
    """Simple case folding of one code point (K6)."""
    return unit if unit[0] == "byte" else ("code point", _CASEFOLD.get(unit[1], unit[1]))


@cache
def _folding_alike() -> dict[int, set[str]]:
    """The characters by what they fold to."""
    found: dict[int, set[str]] = {}
    for code, folded in _CASEFOLD.items():
        found.setdefault(folded, {chr(folded)}).add(chr(code))
    return found


@lru_cache(maxsize=1024)
def _compiled(pattern: bytes, flags: str) -> re.Pattern[bytes]:
    def alike(char: str) -> set[str]:
        return _folding_alike().get(_CASEFOLD.get(ord(char), ord(char)), set())

    return regexp.translated(pattern.decode(), flags, alike)


@dataclass(frozen=True)
class Token:
    """One piece of a pattern: "any run", "any one", or the unit itself."""

    wild: str
    unit: Unit = ("byte", 0)


def pattern_tokens(pattern: bytes, escape: Unit | None) -> list[Token]:
    """A pattern in pieces. Raises BadEscape (K3)."""
    out: list[Token] = []
    rest = iter(units(pattern))
    for unit in rest:
        if unit == escape:  # K4: before it is looked at as a wildcard
            literal = next(rest, None)
            if literal is None or literal not in (PERCENT, UNDERSCORE, escape):
                raise BadEscape(f"after the escape character: {literal}")
            out.append(Token("", literal))
        elif unit == PERCENT:
            out.append(Token("any run"))
        elif unit == UNDERSCORE:
            out.append(Token("any one"))
        else:
            out.append(Token("", unit))
    return out


def like(text: bytes, pattern: bytes, escape: Unit | None, folded: bool) -> bool:
    """Whether the whole text matches (K5), by the set of places reached. Raises BadEscape."""
    change: Callable[[Unit], Unit] = fold if folded else lambda unit: unit
    subject = [change(unit) for unit in units(text)]
    reach = {0}  # the j for which the pieces so far match subject[:j]
    for token in pattern_tokens(pattern, escape):
        if token.wild == "any run":
            reach = set(range(min(reach, default=len(subject) + 1), len(subject) + 1))
        else:
            unit = change(token.unit)
            any_one = token.wild == "any one"
            ends = (j for j in reach if j < len(subject))
            reach = {j + 1 for j in ends if any_one or subject[j] == unit}
    return len(subject) in reach


# --- trees ---

EVERY_CALL = calls.CALLS | functions.FUNCTIONS

PREDICATES = {
    "or",
    "and",
    "not",
    "=",
    "<>",
    "<",
    "<=",
    ">",
    ">=",
    "distinct",
    "in",
    "between",
    "like",
    "ilike",
    "regexp",
    "is null",
    "is missing",
    "is true",
    "is false",
    "is unknown",
    "is nan",
    "starts_with",
    "ends_with",
    "contains",
    "any",
    "every",
}
# What can never be UNKNOWN (N2, N3, L3, L4, F3).
TWO_VALUED = {"distinct", "is null", "is missing", "is true", "is false", "is unknown", "is nan"}


def op_name(node: Value) -> str:
    """The name at the head of a list node; "" for a literal. Raises BadTree."""
    if not isinstance(node, list):
        return ""
    if not node or not isinstance(node[0], Str):
        raise BadTree(f"a list without a name: {node!r}")
    return node[0].raw.decode()


def is_predicate(node: Value) -> bool:
    """True for a node that can only be a truth value."""
    return op_name(node) in PREDICATES


def step_into(value: Operand, steps: Sequence[Value]) -> Operand:
    """A path from a value on (N4, A1 to A3): missing wherever a step leads nowhere."""
    for step in steps:
        if isinstance(step, Str) and isinstance(value, Map):
            # A2: only str keys have names; A3: the last one wins.
            found = [item for key, item in value.pairs if isinstance(key, Str) and key == step]
            value = found[-1] if found else MISSING
        elif isinstance(step, int) and isinstance(value, list):
            value = value[step] if 0 <= step < len(value) else MISSING
        else:
            return MISSING
    return value


@dataclass
class Query:
    """A tree with its parameters, ready to be asked about rows.

    params: a name to its value, or the values of `?` in order of appearance. outcomes counts what
    each operator answered, by (operator, truth), over all rows asked about; mismatches counts what
    T4 counts, undefined what X7 does.
    """

    tree: Value
    params: dict[str, Value] | list[Value] = field(default_factory=list)
    outcomes: Counter[tuple[str, Truth]] = field(default_factory=Counter)
    mismatches: int = 0
    undefined: int = 0

    def __post_init__(self) -> None:
        self._numbers: dict[int, int] = {}
        self._number(self.tree)
        self._scopes: list[Operand] = []

    def _number(self, node: Value) -> None:
        """Numbers the `?` in order of appearance, by the identity of their nodes."""
        if not isinstance(node, list) or op_name(node) in ("lit", "path", "element", "outer"):
            return
        if op_name(node) == "param":
            if len(node) == 1:
                self._numbers[id(node)] = len(self._numbers)
            return
        for kid in node[1:]:
            self._number(kid)

    def ask(self, row: bytes) -> Truth:
        """The predicate's value for one row, given as its msgpack bytes.

        Raises mp.Malformed, mp.Incomplete, BadTree or BadEscape.
        """
        return self.ask_value(mp.decode(row))

    def ask_value(self, row: Value) -> Truth:
        """As ask, for a decoded row."""
        self._scopes = [row]
        return self.truth_of(self.tree)

    def value_for(self, row: Value) -> Operand:
        """The value of the tree for a decoded row, where that is no condition."""
        self._scopes = [row]
        return self.value_of(self.tree)

    # A node as a value, and as a truth value.

    def value_of(self, node: Value) -> Operand:
        """A node as an operand: a predicate is a boolean, or null where it is UNKNOWN."""
        name = op_name(node)
        if name == "" or not isinstance(node, list):
            return node
        if name == "path":
            return step_into(self._scopes[0], node[1:])
        if name == "element":
            return step_into(self._scopes[-1], node[1:])
        if name == "outer":
            if len(node) < 2 or not isinstance(node[1], int):
                raise BadTree(f"outer without a number: {node!r}")
            return step_into(self._scopes[-1 - node[1]], node[2:])
        if name == "param":
            return self._param(node)
        if name == "lit":
            return node[1]
        if name not in PREDICATES:
            value = self._call(name, node[1:])
            self.outcomes[name, UNKNOWN if value is None else TRUE] += 1
            return value
        answer = self.truth_of(node)
        return None if answer is UNKNOWN else answer is TRUE

    def _call(self, name: str, operands: list[Value]) -> Value:
        """A function of its operands' values; what it gives is never missing."""
        if name in ("case", "case of"):
            value = self._case(name == "case of", operands)
            return None if value is MISSING else value
        values = [self.value_of(operand) for operand in operands]
        present: list[Value] = [value for value in values if value is not MISSING]
        if name == "coalesce":
            return next((value for value in present if value is not None), None)
        if name == "nullif":
            same = not any(map(is_null, values)) and equal(values[0], values[1])
            return None if same or values[0] is MISSING else values[0]
        try:
            if name in functions.NULL_TAKING:
                return functions.NULL_TAKING[name](values)
            if len(present) < len(values) or None in present:
                return None
            return EVERY_CALL[name](present)
        except calls.Mismatch:
            self.mismatches += 1
        except calls.Undefined:
            self.undefined += 1
        except KeyError:
            raise NoFunction(name) from None
        return None

    def _case(self, of: bool, operands: list[Value]) -> Operand:
        """The value of the first branch whose condition is TRUE. CASE x: is equal to x."""
        subject = self.value_of(operands[0]) if of else None
        branches = operands[1:] if of else operands
        for at in range(0, len(branches) - 1, 2):
            taken = (
                self.compare("=", subject, self.value_of(branches[at]))
                if of
                else self.truth_of(branches[at])
            )
            if taken is TRUE:
                return self.value_of(branches[at + 1])
        return self.value_of(branches[-1]) if len(branches) % 2 else None

    def _param(self, node: list[Value]) -> Value:
        if len(node) == 1:
            assert isinstance(self.params, list)
            return self.params[self._numbers[id(node)]]
        assert isinstance(self.params, dict) and isinstance(node[1], Str)
        return self.params[node[1].raw.decode()]

    def truth_of(self, node: Value) -> Truth:
        """A node as a predicate."""
        name = op_name(node)
        if name not in PREDICATES:
            value = self.value_of(node)  # L5: only a boolean is a truth value
            if isinstance(value, bool):
                return truth(value)
            self.mismatches += not is_null(value)
            return UNKNOWN
        assert isinstance(node, list)
        answer = self._operate(name, node[1:])
        self.outcomes[name, answer] += 1
        return answer

    def _operate(self, name: str, operands: list[Value]) -> Truth:
        if name == "or":  # L1; no operand is left out, so that none can hide another
            return max(self.truth_of(operand) for operand in operands)
        if name == "and":
            return min(self.truth_of(operand) for operand in operands)
        if name == "not":
            return negate(self.truth_of(operands[0]))
        if name in ("is true", "is false", "is unknown"):  # L4
            wanted = {"is true": TRUE, "is false": FALSE, "is unknown": UNKNOWN}[name]
            return truth(self.truth_of(operands[0]) is wanted)
        if name in ("any", "every"):
            return self._quantify(name, operands[0], operands[1])
        if name == "in":
            return self._in(self.value_of(operands[0]), operands[1])
        values = [self.value_of(operand) for operand in operands]
        if name == "is null":
            return truth(is_null(values[0]))  # N2
        if name == "is missing":
            return truth(values[0] is MISSING)  # N3
        if name == "is nan":
            return truth(is_nan(values[0]))  # F3
        if name == "distinct":
            return truth(not equal(values[0], values[1], nan_equal=True))  # L3
        if name == "between":  # I4: Kleene AND of the two
            return min(
                self.compare(">=", values[0], values[1]), self.compare("<=", values[0], values[2])
            )
        if name in ("like", "ilike"):
            return self._like(values, name == "ilike")
        if name == "regexp":
            return self._regexp(values)
        if name in ("starts_with", "ends_with", "contains"):
            return self._text(name, values[0], values[1])
        return self.compare(name, values[0], values[1])

    def compare(self, name: str, a: Operand, b: Operand) -> Truth:
        """The six comparisons."""
        if is_null(a) or is_null(b):
            return UNKNOWN  # N1, L3
        if name in ("=", "<>"):
            return truth(equal(a, b) == (name == "="))  # T2, F1: <> is the negation, also for NaN
        found = order(a, b)
        if found is None:
            self.mismatches += 1  # T4
            return UNKNOWN  # T3
        less, same, greater = found
        return truth({"<": less, "<=": less or same, ">": greater, ">=": greater or same}[name])

    def _in(self, value: Operand, items: Value) -> Truth:
        """I1: the OR of the equalities; I2: of none, FALSE."""
        if op_name(items) == "list":
            assert isinstance(items, list)
            operands = [self.value_of(item) for item in items[1:]]
        else:
            every = self.value_of(items)
            if not isinstance(every, list):
                raise BadTree("IN something that is no list")
            operands = list(every)
        answers = [self.compare("=", value, operand) for operand in operands]
        return max(answers, default=FALSE)

    def _like(self, values: list[Operand], folded: bool) -> Truth:
        """K1 to K6. Null on either side is UNKNOWN, and so is whatever is no string (K5)."""
        if any(is_null(value) for value in values):
            return UNKNOWN
        texts = [value.raw for value in values if isinstance(value, Str)]
        if len(texts) < len(values):
            self.mismatches += 1
            return UNKNOWN
        escape: Unit | None = None
        try:
            if len(texts) == 3:
                found = units(texts[2])
                if len(found) != 1 or found[0][0] == "byte":
                    raise BadEscape("not exactly one code point")  # K2
                escape = found[0]
            return truth(like(texts[0], texts[1], escape, folded))
        except BadEscape:
            self.mismatches += 1
            return UNKNOWN  # K3, for a pattern from a field; one in the query does not compile

    def _regexp(self, values: list[Operand]) -> Truth:
        """R1 to R4, for the syntax that regexp.py knows."""
        if any(is_null(value) for value in values):
            return UNKNOWN
        texts = [value.raw for value in values if isinstance(value, Str)]
        if len(texts) < len(values):
            self.mismatches += 1
            return UNKNOWN
        flags = texts[2].decode() if len(texts) == 3 else ""
        return truth(_compiled(texts[1], flags).search(texts[0]) is not None)

    def _text(self, name: str, a: Operand, b: Operand) -> Truth:
        """Plain strings by bytes (after K7, S1)."""
        if is_null(a) or is_null(b):
            return UNKNOWN
        if not isinstance(a, Str) or not isinstance(b, Str):
            self.mismatches += 1
            return UNKNOWN
        if name == "starts_with":
            return truth(a.raw[: len(b.raw)] == b.raw)
        if name == "ends_with":
            return truth(len(a.raw) >= len(b.raw) and a.raw[len(a.raw) - len(b.raw) :] == b.raw)
        return truth(b.raw in a.raw)

    def _quantify(self, name: str, source: Value, predicate: Value) -> Truth:
        """A5, A6: Kleene OR or AND over the elements; what is no array is UNKNOWN."""
        array = self.value_of(source)
        if not isinstance(array, list):
            self.mismatches += not is_null(array)
            return UNKNOWN
        answers: list[Truth] = []
        for element in array:
            self._scopes.append(element)
            answers.append(self.truth_of(predicate))
            self._scopes.pop()
        return max(answers, default=FALSE) if name == "any" else min(answers, default=TRUE)


def literal_escapes_are_right(node: Value) -> bool:
    """Whether every LIKE of a tree whose pattern and escape are literals obeys K2 and K3: if not,
    it must not compile.
    """
    if not isinstance(node, list) or op_name(node) in ("lit", "path", "element", "outer", "param"):
        return True
    if op_name(node) in ("like", "ilike") and len(node) == 4:
        pattern, escape = node[2], node[3]
        if isinstance(escape, Str):
            found = units(escape.raw)
            if len(found) != 1 or found[0][0] == "byte":
                return False
            try:
                if isinstance(pattern, Str):
                    pattern_tokens(pattern.raw, found[0])
            except BadEscape:
                return False
    return all(literal_escapes_are_right(kid) for kid in node[1:])
