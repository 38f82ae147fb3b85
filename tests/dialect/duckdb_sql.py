"""Prints a tree in DuckDB's SQL, so that it has tamis's meaning wherever DuckDB can say it.

Every expression has one kind. Integers that are computed are HUGEINT, cut to what int64 and uint64
hold by macros; doubles keep their NaN, and comparisons ask for it. What DuckDB cannot say has a
guard.
"""

from __future__ import annotations

import math
from typing import ClassVar

from tests.dialect.sql import Printer, bad_escape, classes
from tests.dialect.tree import (
    BIN,
    BOOL,
    COMPARISONS,
    INT,
    NUMBER,
    REAL,
    TEXT,
    TIME,
    Column,
    Kinds,
    Node,
)

TYPES = {
    "int": "HUGEINT", "real": "DOUBLE", "text": "VARCHAR", "bool": "BOOLEAN", "time": "TIMESTAMP",
    "bin": "BLOB",
}  # fmt: skip
_INTEGER, _NUMBER = "[+-]?[0-9]+", r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?"
_WORD = "[+-]?(?i:nan|inf|infinity)"
_DATE = r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
_CLOCK = r"([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?"
_OFFSET = r"([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
MACROS = [
    # An integer that int64 or uint64 holds, or null (X7).
    "fit(x) AS CASE WHEN x BETWEEN -9223372036854775808 AND 18446744073709551615 THEN x END",
    # The nearest double: HUGEINT to DOUBLE rounds twice below zero.
    "dbl(x) AS CASE WHEN x < 0 THEN x::BIGINT::DOUBLE ELSE x::UBIGINT::DOUBLE END",
    # X8: unsigned if an operand is above int64, else two's complement.
    "wide(x) AS x > 9223372036854775807",
    "low(x) AS x & 18446744073709551615::HUGEINT",
    "signed(x) AS"
    " CASE WHEN wide(low(x)) THEN low(x) - 18446744073709551616::HUGEINT ELSE low(x) END",
    "bit_or2(a, b) AS CASE WHEN wide(a) OR wide(b) THEN low(a | b) ELSE a | b END",
    "bit_not1(a) AS CASE WHEN wide(a) THEN 18446744073709551615::HUGEINT - a ELSE ~a END",
    "moved(a, n) AS a * (1::HUGEINT << n::INTEGER)",
    "shl(a, n) AS CASE WHEN n NOT BETWEEN 0 AND 63 THEN NULL WHEN wide(a) THEN low(moved(a, n))"
    " ELSE signed(moved(a, n)) END",
    "shr(a, n) AS CASE WHEN n BETWEEN 0 AND 63 THEN a >> n::INTEGER END",
    "pow2(x, y) AS CASE WHEN x = 0 AND y < 0 THEN NULL WHEN isnan(power(x, y)) AND NOT isnan(x)"
    " AND NOT isnan(y) THEN NULL ELSE power(x, y) END",
    "sub2(s, a) AS substring(s, greatest(a, 1)::BIGINT)",
    "sub3(s, a, n) AS CASE WHEN n >= 0 THEN"
    " substring(s, greatest(a, 1)::BIGINT, greatest(a + n - greatest(a, 1), 0)::BIGINT) END",
    f"int_of(s) AS CASE WHEN regexp_full_match(s, '{_INTEGER}')"
    " THEN fit(TRY_CAST(s AS HUGEINT)) END",
    f"dbl_of(s) AS CASE WHEN regexp_full_match(s, '{_NUMBER}') AND isfinite(TRY_CAST(s AS DOUBLE))"
    f" OR regexp_full_match(s, '{_WORD}') THEN TRY_CAST(s AS DOUBLE) END",
    # DuckDB drops the offset of a text that becomes a TIMESTAMP.
    "offset_of(s) AS CASE WHEN regexp_full_match(s, '.*[Zz]') THEN 0 ELSE"
    " (s[-5:-4]::INTEGER * 60 + s[-2:-1]::INTEGER) * CASE WHEN s[-6] = '-' THEN -1 ELSE 1 END END",
    f"time_of(s) AS CASE WHEN regexp_full_match(s, '{_DATE}[Tt ]{_CLOCK}{_OFFSET}') THEN"
    " TRY_CAST(s[1:10] || ' ' || regexp_extract(s[12:], '^[0-9:.]+') AS TIMESTAMP)"
    " - to_minutes(offset_of(s)) END",
    "text_of(t) AS CASE WHEN date_part('year', t) BETWEEN 0 AND 9999 THEN"
    " replace(t::VARCHAR, ' ', 'T') || 'Z' END",
    "whole(x, n) AS (x - ((x % n) + n) % n) // n",
    # By way of a text: the division of a double would round twice beyond 2 ** 53 microseconds.
    "seconds(x) AS (x::DECIMAL(30, 0) * 0.000001::DECIMAL(7, 6))::VARCHAR::DOUBLE",
    "made(x) AS CASE WHEN x BETWEEN -9223372022400000000 AND 9223372036854775806 THEN"
    " make_timestamp(x::BIGINT) END",
]
# fmt: off
METHODS = {
    "and": "_logic", "or": "_logic", "not": "_not", "truthless": "_truthless",
    **dict.fromkeys(COMPARISONS, "_compare"), "distinct": "_distinct", "in": "_in",
    "between": "_between", "like": "_like", "ilike": "_like", "regexp": "_regexp",
    "starts_with": "_text_call", "ends_with": "_text_call", "contains": "_text_call",
    "is null": "_is", "is true": "_is", "is false": "_is", "is unknown": "_is", "is nan": "_is_nan",
    "+": "_sum", "-": "_sum", "*": "_sum", "/": "_divide", "%": "_divide", "mod": "_divide",
    "neg": "_negate", "||": "_join", "&": "_bits", "|": "_bits", "~": "_bits", "<<": "_bits",
    ">>": "_bits", "abs": "_abs", "round": "_round", "floor": "_whole", "ceil": "_whole",
    "sign": "_sign", "sqrt": "_sqrt", "power": "_power", "lower": "_text_call", "upper": "_upper",
    "length": "_text_call", "octet_length": "_octet_length", "trim": "_trim", "ltrim": "_trim",
    "rtrim": "_trim", "replace": "_text_call", "strpos": "_text_call", "substr": "_substr",
    "least": "_least", "greatest": "_least", "coalesce": "_call", "nullif": "_nullif",
    "case": "_case", "case of": "_case_of", "cast": "_cast", "date_part": "_date_part",
    "date_trunc": "_date_trunc", "ts_add": "_ts_add", "epoch": "_epoch", "epoch_s": "_epoch_in",
    "epoch_ms": "_epoch_in", "epoch_us": "_epoch_in", "epoch_ns": "_epoch_in",
    "to_timestamp_s": "_instant", "to_timestamp_ms": "_instant", "to_timestamp_us": "_instant",
    "to_timestamp_ns": "_instant",
}
# fmt: on


def quoted(text: str) -> str:
    """A string, with NUL by its number."""
    parts = ["'" + part.replace("'", "''") + "'" for part in text.split("\0")]
    return "(" + " || chr(0) || ".join(parts) + ")" if len(parts) > 1 else parts[0]


def column_type(of: Column) -> str:
    """The type of a column."""
    (kind,) = of.kinds
    return "BIGINT" if kind == "int" and of.profile != "wide" else TYPES[kind]


class DuckdbPrinter(Printer):
    """See the head of the file."""

    METHODS = METHODS
    ENGINE: ClassVar[str] = "duckdb"

    def constant(self, node: Node) -> str:
        value, (kind,) = node.value, node.kinds
        if value is None:
            return f"NULL::{TYPES[kind]}"
        if isinstance(value, bool):
            return str(value).upper()
        if isinstance(value, float):
            self.use("decimals")
            return f"'{value!r}'::DOUBLE"
        if isinstance(value, bytes):
            return "'" + "".join(f"\\x{byte:02X}" for byte in value) + "'::BLOB"
        if isinstance(value, str):
            return quoted(value)
        if kind == "time":
            return f"make_timestamp({value})"
        return f"({value})::{'BIGINT' if value < 1 << 63 else 'HUGEINT'}"

    def _of(self, node: Node, allowed: Kinds) -> bool:
        """Whether all operands are of the allowed kinds; notes the translation if not (V2)."""
        right = all(kid.kinds <= allowed for kid in node.kids)
        if not right:
            self.use("types-of-arguments")
        return right

    def _null(self, node: Node) -> str:
        (kind,) = node.kinds
        return f"NULL::{TYPES[kind]}"

    def _doubles(self, node: Node, kids: list[str]) -> list[str]:
        """The operands as doubles."""
        return [
            f"dbl({sql})" if kid.kinds == INT else sql
            for kid, sql in zip(node.kids, kids, strict=True)
        ]

    # --- conditions ---

    def _compare(self, node: Node, kids: list[str]) -> str:
        a, b = node.kids
        if classes(a.kinds) != classes(b.kinds):
            if node.op in ("=", "<>"):
                self.use("equality-of-types")
                answer = node.op == "<>"
                return (
                    f"CASE WHEN {kids[0]} IS NOT NULL AND {kids[1]} IS NOT NULL THEN {answer} END"
                )
            self.use("order-of-types")
            return "NULL::BOOLEAN"
        if a.kinds == BOOL and node.op not in ("=", "<>"):
            self.use("order-of-types")
            return "NULL::BOOLEAN"
        sides = self._sides(node, kids)
        plain = f"{sides[0]} {node.op} {sides[1]}"
        nans = _nans(node, kids)
        if not nans:
            return plain
        self.use("nan")
        # With a null beside the NaN the comparison itself is null.
        known = f"({plain}) IS NOT NULL"
        return (
            f"CASE WHEN ({' OR '.join(nans)}) AND {known} THEN {node.op == '<>'} ELSE {plain} END"
        )

    def _sides(self, node: Node, kids: list[str]) -> list[str]:
        """Two operands of one class to be compared; an integer with a double in doubles."""
        if node.kids[0].kinds == node.kids[1].kinds:
            return kids
        whole = 0 if node.kids[0].kinds == INT else 1
        doubles = self._doubles(node, kids)
        rounded = f"dbl({kids[whole]})::HUGEINT <> {kids[whole]}"
        self.guard("rounded-comparison", f"{doubles[0]} = {doubles[1]} AND {rounded}")
        plain = node.kids[whole].op == "column"  # DuckDB converts these itself
        return kids if plain else doubles

    def _distinct(self, node: Node, kids: list[str]) -> str:
        if classes(node.kids[0].kinds) != classes(node.kids[1].kinds):
            self.use("equality-of-types")
            return f"NOT ({kids[0]} IS NULL AND {kids[1]} IS NULL)"
        sides = self._sides(node, kids)
        return f"{sides[0]} IS DISTINCT FROM {sides[1]}"

    def _compared(self, op: str, a: Node, b: Node) -> str:
        return self.sql(Node(op, (a, b), BOOL))

    def _in(self, node: Node, kids: list[str]) -> str:
        if len(kids) == 1:
            self.use("empty-list")
            return "FALSE"
        if all(kid.kinds == node.kids[0].kinds != REAL for kid in node.kids):
            return f"{kids[0]} IN ({', '.join(kids[1:])})"
        return " OR ".join(self._compared("=", node.kids[0], item) for item in node.kids[1:])

    def _between(self, node: Node, kids: list[str]) -> str:
        if all(kid.kinds == node.kids[0].kinds not in (REAL, BOOL) for kid in node.kids):
            return f"{kids[0]} BETWEEN {kids[1]} AND {kids[2]}"
        value, low, high = node.kids
        return f"{self._compared('>=', value, low)} AND {self._compared('<=', value, high)}"

    def _is_nan(self, node: Node, kids: list[str]) -> str:
        self.use("is-nan")
        return f"coalesce(isnan({kids[0]}), FALSE)" if node.kids[0].kinds == REAL else "FALSE"

    def _like(self, node: Node, kids: list[str]) -> str:
        if not self._of(node, TEXT):
            return self._null(node)
        if node.op == "ilike":
            # Their simple folding is not their lower case.
            either = " OR ".join(f"regexp_matches({kid}, '[İſςµ]')" for kid in kids[:2])
            self.guard("ilike", f"({either})")
        text = f"{kids[0]} {node.op.upper()} {kids[1]}"
        if len(kids) == 2:
            return text
        text = f"{text} ESCAPE {kids[2]}"
        if node.kids[1].op == "const":
            return text
        self.use("escape")
        return f"CASE WHEN NOT {bad_escape(kids[1], kids[2], 'chr(1)')} THEN {text} END"

    def _regexp(self, node: Node, kids: list[str]) -> str:
        if node.kids[0].kinds != TEXT:
            self.use("types-of-arguments")
            return self._null(node)
        flags = f", '{node.word}'" if node.word else ""
        return f"regexp_matches({kids[0]}, {kids[1]}{flags})"

    # --- numbers ---

    def _sum(self, node: Node, kids: list[str]) -> str:
        if not self._of(node, NUMBER):
            return self._null(node)
        if node.kinds == REAL:
            a, b = self._doubles(node, kids)
            return f"{a} {node.op} {b}"
        self.use("uint64")
        text = f"{kids[0]}::HUGEINT {node.op} {kids[1]}::HUGEINT"
        return f"fit(TRY({text}))" if node.op == "*" else f"fit({text})"

    def _divide(self, node: Node, kids: list[str]) -> str:
        if not self._of(node, NUMBER):
            return self._null(node)
        self.use("division")
        op = "%" if node.op == "mod" else node.op
        if node.kinds == REAL:
            a, b = self._doubles(node, kids)
            return f"{a} {op} nullif({b}, 0)"
        self.use("uint64")
        op = "//" if op == "/" else op
        return f"fit({kids[0]}::HUGEINT {op} nullif({kids[1]}, 0)::HUGEINT)"

    def _negate(self, node: Node, kids: list[str]) -> str:
        if not self._of(node, NUMBER):
            return self._null(node)
        if node.kinds == REAL:
            return f"- {kids[0]}"
        self.use("uint64")
        return f"fit(- ({kids[0]}::HUGEINT))"

    def _abs(self, node: Node, kids: list[str]) -> str:
        if not self._of(node, NUMBER):
            return self._null(node)
        if node.kinds == REAL:
            return f"abs({kids[0]})"
        self.use("uint64")
        return f"abs({kids[0]}::HUGEINT)"

    def _bits(self, node: Node, kids: list[str]) -> str:
        if not self._of(node, INT):
            return self._null(node)
        self.use("bits")
        wide = [f"{kid}::HUGEINT" for kid in kids]
        if node.op == "&":
            return " & ".join(wide)
        macro = {"|": "bit_or2", "~": "bit_not1", "<<": "shl", ">>": "shr"}[node.op]
        return f"{macro}({', '.join(wide)})"

    def _round(self, node: Node, kids: list[str]) -> str:
        if not self._of(node, NUMBER):
            return self._null(node)
        digits = "".join(f", {kid}::INTEGER" for kid in kids[1:])
        if node.kinds == INT:
            self.use("uint64")
            return f"fit(round({kids[0]}::HUGEINT{digits}))"
        if digits:
            scaled = f"abs({kids[0]} * power(10::DOUBLE, {kids[1]}))"
            half = f"abs({scaled} - floor({scaled}) - 0.5) < 1e-5"
            self.guard("round-digits", f"({half} OR {scaled} > 1e13)")
        return f"round({kids[0]}{digits})"

    def _whole(self, node: Node, kids: list[str]) -> str:
        if not self._of(node, NUMBER):
            return self._null(node)
        if node.kinds == INT:
            self.use("floor")
            return f"{kids[0]}"
        return f"{node.op}({kids[0]})"

    def _sign(self, node: Node, kids: list[str]) -> str:
        if not self._of(node, NUMBER):
            return self._null(node)
        self.use("sign")
        if node.kinds == INT:
            return f"sign({kids[0]})::HUGEINT"
        return f"CASE WHEN isnan({kids[0]}) THEN {kids[0]} ELSE sign({kids[0]})::DOUBLE END"

    def _sqrt(self, node: Node, kids: list[str]) -> str:
        if not self._of(node, NUMBER):
            return self._null(node)
        self.use("sqrt")
        (x,) = self._doubles(node, kids)
        return f"CASE WHEN NOT ({x} < 0) THEN sqrt({x}) END"

    def _power(self, node: Node, kids: list[str]) -> str:
        if not self._of(node, NUMBER):
            return self._null(node)
        self.use("power")
        return f"pow2({', '.join(self._doubles(node, kids))})"

    # --- strings ---

    def _join(self, node: Node, kids: list[str]) -> str:
        return f"{kids[0]} || {kids[1]}" if self._of(node, TEXT) else self._null(node)

    def _text_call(self, node: Node, kids: list[str]) -> str:
        if not self._of(node, TEXT):
            return self._null(node)
        text = f"{node.op}({', '.join(kids)})"
        return f"{text}::HUGEINT" if node.kinds == INT else text

    def _upper(self, node: Node, kids: list[str]) -> str:
        self.guard("upper", f"contains({kids[0]}::VARCHAR, 'ß')")
        return self._text_call(node, kids)

    def _octet_length(self, node: Node, kids: list[str]) -> str:
        kinds = node.kids[0].kinds
        if kinds == BIN:
            return f"octet_length({kids[0]})::HUGEINT"
        return f"strlen({kids[0]})::HUGEINT" if self._of(node, TEXT) else self._null(node)

    def _trim(self, node: Node, kids: list[str]) -> str:
        if not self._of(node, TEXT):
            return self._null(node)
        if len(kids) == 1:
            self.use("trim")
            kids = [*kids, "' '"]
        return f"{node.op}({', '.join(kids)})"

    def _substr(self, node: Node, kids: list[str]) -> str:
        self.use("substr")
        if node.kids[0].kinds != TEXT:
            return self._null(node)
        null = " AND ".join(f"{kid} IS NOT NULL" for kid in kids)  # greatest passes over nulls
        return f"CASE WHEN {null} THEN sub{len(kids)}({', '.join(kids)}) END"

    # --- choice ---

    def _least(self, node: Node, kids: list[str]) -> str:
        nans = _nans(node, kids)
        text = f"{node.op}({', '.join(kids)})"
        if not nans or len(kids) < 2:
            return text
        self.use("least-nan")
        return f"CASE WHEN {' OR '.join(nans)} THEN 'nan'::DOUBLE ELSE {text} END"

    def _nullif(self, node: Node, kids: list[str]) -> str:
        if node.kinds != REAL:
            return f"nullif({', '.join(kids)})"
        return f"CASE WHEN {self._compared('=', *node.kids)} THEN NULL ELSE {kids[0]} END"

    def _case_of(self, node: Node, kids: list[str]) -> str:
        if node.kids[0].kinds != REAL:
            return self._case(node, kids)
        out: list[str] = []
        for tested, value in zip(node.kids[1:-1:2], kids[2:-1:2], strict=True):
            out += [self._compared("=", node.kids[0], tested), value]
        return self._case(Node("case"), [*out, kids[-1]])

    # --- conversions and time ---

    def _cast(self, node: Node, kids: list[str]) -> str:
        self.use("cast")
        value, (kind,) = kids[0], node.kids[0].kinds
        forms = {
            ("int", "integer"): "{}",
            ("real", "integer"): "fit(TRY(round({})::HUGEINT))",
            ("bool", "integer"): "{}::HUGEINT",
            ("text", "integer"): "int_of({})",
            ("int", "double"): "dbl({})",
            ("real", "double"): "{}",
            ("text", "double"): "dbl_of({})",
            ("text", "text"): "{}",
            ("bool", "text"): "{}::VARCHAR",
            ("int", "text"): "{}::VARCHAR",
            ("real", "text"): "{}::VARCHAR",
            ("time", "text"): "text_of({})",
            ("bool", "boolean"): "{}",
            ("int", "boolean"): "CASE {} WHEN 1 THEN TRUE WHEN 0 THEN FALSE END",
            ("text", "boolean"): "CASE lower({}) WHEN 'true' THEN TRUE WHEN 'false' THEN FALSE END",
            ("time", "timestamp"): "{}",
            ("text", "timestamp"): "time_of({})",
        }
        form = forms.get((kind, node.word))
        return form.format(value) if form else self._null(node)

    def _date_part(self, node: Node, kids: list[str]) -> str:
        if not self._of(node, TIME):
            return self._null(node)
        if node.word == "epoch":
            return self._epoch(node, kids)
        if node.word == "second":
            self.use("second")
            return f"date_part('microsecond', {kids[0]}) / 1000000::DOUBLE"
        return f"date_part('{node.word}', {kids[0]})::HUGEINT"

    def _date_trunc(self, node: Node, kids: list[str]) -> str:
        return f"date_trunc('{node.word}', {kids[0]})" if self._of(node, TIME) else self._null(node)

    def _ts_add(self, node: Node, kids: list[str]) -> str:
        moved = f"TRY({kids[0]} {node.word[0]} INTERVAL '{node.word[1:]}')"
        self.guard("timestamp-range", f"({kids[0]} IS NOT NULL AND {moved} IS NULL)")
        return moved

    def _epoch(self, node: Node, kids: list[str]) -> str:
        if not self._of(node, TIME):
            return self._null(node)
        self.use("epoch-rounding")
        return f"seconds(epoch_us({kids[0]})::HUGEINT)"

    def _epoch_in(self, node: Node, kids: list[str]) -> str:
        if not self._of(node, TIME):
            return self._null(node)
        self.use("epoch")
        micros = f"epoch_us({kids[0]})::HUGEINT"
        if node.op == "epoch_ns":
            return f"fit({micros} * 1000)"
        unit = {"epoch_s": 1000000, "epoch_ms": 1000, "epoch_us": 1}[node.op]
        return micros if unit == 1 else f"whole({micros}, {unit}::HUGEINT)"

    def _instant(self, node: Node, kids: list[str]) -> str:
        if not self._of(node, INT):
            return self._null(node)
        self.use("to-timestamp")
        wide = f"{kids[0]}::HUGEINT"
        micros = {
            "to_timestamp_s": f"({wide} * 1000000)",
            "to_timestamp_ms": f"({wide} * 1000)",
        }.get(node.op, f"whole({wide}, 1000::HUGEINT)" if node.op == "to_timestamp_ns" else wide)
        self.guard("timestamp-range", f"({micros} IS NOT NULL AND made({micros}) IS NULL)")
        return f"made({micros})"


def _nans(node: Node, kids: list[str]) -> list[str]:
    """For each operand that can be NaN, whether it is."""
    pairs = zip(node.kids, kids, strict=True)
    return [f"isnan({sql})" for kid, sql in pairs if may_be_nan(kid)]


def may_be_nan(node: Node) -> bool:
    """Whether a value can be NaN."""
    nan = isinstance(node.value, float) and math.isnan(node.value)
    return node.kinds == REAL and (node.op != "const" or nan)
