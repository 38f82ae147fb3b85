"""Prints a tree in SQLite's SQL, so that it has tamis's meaning wherever SQLite can say it.

Columns are declared without a type, so nothing is converted by affinity; a CAST has one, which the
unary + takes away. A boolean is 0 or 1 and is only ever used as a boolean. Doubles, and strings
with a NUL, are bound as parameters. What SQLite cannot say has a guard.
"""

from __future__ import annotations

import math
from typing import ClassVar

from tests.dialect.sql import Printer, bad_escape, classes
from tests.dialect.tree import BIN, INT, NUMBER, REAL, TEXT, Cell, Kinds, Node
from tests.dialect.values import LETTERS, WORDS, has_case

STORED = {"int": "integer", "real": "real", "text": "text", "bin": "blob"}
LEAST, PAST = "-9223372036854775808", "9223372036854775808.0"
NO_FRACTION = "4503599627370496.0"  # 2^52: from here on doubles are whole
# The letters of the values here whose case SQLite does not know.
CASED = sorted({c for text in LETTERS + WORDS for c in text if not c.isascii() and has_case(c)})
NON_ASCII = f"GLOB '*[{''.join(CASED)}]*'"
# fmt: off
METHODS = {
    "and": "_logic", "or": "_logic", "not": "_not", "truthless": "_truthless",
    "=": "_equality", "<>": "_equality", **dict.fromkeys(["<", "<=", ">", ">="], "_order"),
    "distinct": "_distinct", "in": "_in", "between": "_between", "like": "_like", "ilike": "_like",
    "starts_with": "_part", "ends_with": "_part", "contains": "_part", "is null": "_is",
    "is true": "_is", "is false": "_is", "is unknown": "_is_unknown",
    "+": "_sum", "-": "_sum", "*": "_sum", "/": "_divide", "%": "_modulo", "mod": "_modulo",
    "neg": "_negate", "||": "_join", "&": "_bits", "|": "_bits", "~": "_bit_not", "<<": "_shift",
    ">>": "_shift", "abs": "_abs", "round": "_round", "floor": "_whole", "ceil": "_whole",
    "sign": "_sign", "sqrt": "_sqrt", "power": "_power", "lower": "_case_of_letters",
    "upper": "_case_of_letters", "length": "_length", "octet_length": "_octet_length",
    "trim": "_text_call", "ltrim": "_text_call", "rtrim": "_text_call", "replace": "_replace",
    "strpos": "_strpos", "substr": "_substr", "least": "_least", "greatest": "_least",
    "coalesce": "_call", "nullif": "_nullif", "case": "_case", "case of": "_case_of",
    "cast": "_cast",
}
# fmt: on


def _types(kinds: Kinds) -> str:
    return ", ".join(f"'{STORED[kind]}'" for kind in sorted(kinds))


class SqlitePrinter(Printer):
    """See the head of the file. parameters: what ?1, ?2 ... of all that was printed stand for."""

    METHODS = METHODS
    ENGINE: ClassVar[str] = "sqlite"

    def __init__(self) -> None:
        super().__init__()
        self.parameters: list[Cell] = []

    def constant(self, node: Node) -> str:
        value = node.value
        if value is None:
            return "NULL"
        if isinstance(value, bool):
            self.use("booleans")
            return str(int(value))  # x IS DISTINCT FROM TRUE would ask for x's truth
        if isinstance(value, bytes):
            return f"x'{value.hex()}'"
        if isinstance(value, float):
            self.use("real-constants")
            return self._bound(value)
        if isinstance(value, str):
            return self._bound(value) if "\0" in value else "'" + value.replace("'", "''") + "'"
        return f"({value})" if value < 0 else str(value)

    def _bound(self, value: Cell) -> str:
        self.parameters.append(value)
        return f"?{len(self.parameters)}"

    def _only(self, node: Node, kids: list[str], allowed: Kinds, text: str) -> str:
        """text where the operands are of the allowed kinds, else null (V2)."""
        tests = []
        for operand, sql in zip(node.kids, kids, strict=True):
            if not operand.kinds & allowed:
                self.use("types-of-arguments")
                return "NULL"
            if not operand.kinds <= allowed:
                tests.append(f"typeof({sql}) IN ({_types(operand.kinds & allowed)})")
        if not tests:
            return text
        self.use("types-of-arguments")
        return f"CASE WHEN {' AND '.join(tests)} THEN {text} END"

    # --- conditions ---

    def _boolean_class(self, node: Node) -> bool:
        """Whether a boolean is compared with another class, which SQLite cannot tell apart."""
        found = {"bool" in kid.kinds for kid in node.kids}
        if len(found) > 1:
            self.use("booleans")
        return len(found) > 1

    def _equality(self, node: Node, kids: list[str]) -> str:
        if self._boolean_class(node):
            answer = 0 if node.op == "=" else 1
            return f"CASE WHEN {kids[0]} IS NOT NULL AND {kids[1]} IS NOT NULL THEN {answer} END"
        return f"{kids[0]} {node.op} {kids[1]}"

    def _order(self, node: Node, kids: list[str]) -> str:
        found = [classes(kid.kinds) for kid in node.kids]
        text = f"{kids[0]} {node.op} {kids[1]}"
        if not found[0] & found[1] or "bool" in found[0]:
            self.use("order-of-types")
            return "NULL"
        if found[0] == found[1] and len(found[0]) == 1:
            return text
        self.use("order-of-types")
        sides = [
            f"CASE typeof({kid}) WHEN 'real' THEN 'integer' ELSE typeof({kid}) END" for kid in kids
        ]
        return f"CASE WHEN {sides[0]} = {sides[1]} THEN {text} END"

    def _distinct(self, node: Node, kids: list[str]) -> str:
        if self._boolean_class(node):
            return f"NOT ({kids[0]} IS NULL AND {kids[1]} IS NULL)"
        return f"{kids[0]} IS DISTINCT FROM {kids[1]}"

    def _compared(self, op: str, a: Node, b: Node) -> str:
        return self.sql(Node(op, (a, b)))

    def _in(self, node: Node, kids: list[str]) -> str:
        if len(kids) > 1 and self._boolean_class(node):
            return " OR ".join(self._compared("=", node.kids[0], item) for item in node.kids[1:])
        return f"{kids[0]} IN ({', '.join(kids[1:])})"

    def _between(self, node: Node, kids: list[str]) -> str:
        kinds = [classes(kid.kinds) for kid in node.kids]
        if len(kinds[0]) == 1 and kinds == [kinds[0]] * 3 and "bool" not in kinds[0]:
            return f"{kids[0]} BETWEEN {kids[1]} AND {kids[2]}"
        value, low, high = node.kids
        return f"{self._compared('>=', value, low)} AND {self._compared('<=', value, high)}"

    def _is_unknown(self, _: Node, kids: list[str]) -> str:
        self.use("is-unknown")
        return f"{kids[0]} IS NULL"

    def _like(self, node: Node, kids: list[str]) -> str:
        for kid in kids[:2]:
            self.guard("nul", f"instr({kid}, char(0)) > 0")
            if node.op == "ilike":
                self.guard("ascii-ilike", f"{kid} {NON_ASCII}")
        if node.op == "ilike":
            text = f"lower({kids[0]}) LIKE lower({kids[1]})"
        else:
            self.use("like-case")
            text = f"{kids[0]} LIKE {kids[1]}"
        if len(kids) > 2:
            text = f"{text} ESCAPE {kids[2]}"
            if node.kids[1].op != "const":
                self.use("escape")
                text = f"CASE WHEN NOT {bad_escape(kids[1], kids[2], 'char(1)')} THEN {text} END"
        return self._only(node, kids, TEXT, text)

    def _part(self, node: Node, kids: list[str]) -> str:
        self.use("text-tests")
        text, part = kids
        if node.op == "starts_with":
            answer = f"instr({text}, {part}) = 1"
        elif node.op == "contains":
            answer = f"instr({text}, {part}) > 0"
        else:
            text, part = f"+CAST({text} AS BLOB)", f"+CAST({part} AS BLOB)"
            answer = (
                f"length({part}) = 0 OR (length({text}) >= length({part})"
                f" AND substr({text}, -length({part})) = {part})"
            )
            answer = f"CASE WHEN {kids[0]} IS NOT NULL AND {kids[1]} IS NOT NULL THEN {answer} END"
        return self._only(node, kids, TEXT, answer)

    # --- numbers ---

    def _checked(self, result: str, node: Node, kids: list[str], divides: bool = False) -> str:
        """An arithmetic result: null where integers gave a double (X7)."""
        ints = all(kid.kinds >= INT for kid in node.kids)
        reals = any(kid.kinds >= REAL for kid in node.kids)
        both = " AND ".join(f"typeof({kid}) = 'integer'" for kid in kids)
        if ints:
            self.use("overflow")
            unsigned = f"{result} BETWEEN 9.2e18 AND 18446744073709551616.0"
            self.guard("uint64", f"{both} AND typeof({result}) = 'real' AND {unsigned}")
        if reals and len(kids) > 1:
            given = " AND ".join(f"{kid} IS NOT NULL" for kid in kids)
            whole = f" AND {kids[1]} <> 0" if divides else ""
            self.guard("nan", f"{given}{whole} AND {result} IS NULL")
        if ints and not reals:
            return f"CASE typeof({result}) WHEN 'integer' THEN {result} END"
        if ints:
            return f"CASE WHEN NOT ({both} AND typeof({result}) = 'real') THEN {result} END"
        return result

    def _sum(self, node: Node, kids: list[str]) -> str:
        result = f"({kids[0]} {node.op} {kids[1]})"
        return self._only(node, kids, NUMBER, self._checked(result, node, kids))

    def _divide(self, node: Node, kids: list[str]) -> str:
        result = self._checked(f"({kids[0]} / {kids[1]})", node, kids, divides=True)
        return self._only(node, kids, NUMBER, result)

    def _modulo(self, node: Node, kids: list[str]) -> str:
        whole, real = f"({kids[0]} % {kids[1]})", f"mod({kids[0]}, {kids[1]})"
        ints = all(kid.kinds >= INT for kid in node.kids)
        if not any(kid.kinds >= REAL for kid in node.kids):
            return self._only(node, kids, NUMBER, whole)
        self.use("real-remainder")
        both = " AND ".join(f"typeof({kid}) = 'integer'" for kid in kids)
        given = " AND ".join(f"{kid} IS NOT NULL" for kid in kids)
        self.guard("nan", f"{given} AND {kids[1]} <> 0 AND {real} IS NULL")
        text = f"CASE WHEN {both} THEN {whole} ELSE {real} END" if ints else real
        return self._only(node, kids, NUMBER, text)

    def _negate(self, node: Node, kids: list[str]) -> str:
        return self._only(node, kids, NUMBER, self._checked(f"(- {kids[0]})", node, kids))

    def _abs(self, node: Node, kids: list[str]) -> str:
        if node.kids[0].kinds >= INT:
            self.use("overflow")
            self.guard("uint64", f"typeof({kids[0]}) = 'integer' AND {kids[0]} = {LEAST}")
            edge = f"typeof({kids[0]}) = 'integer' AND {kids[0]} = {LEAST}"
            text = f"CASE WHEN NOT ({edge}) THEN abs({kids[0]}) END"
            return self._only(node, kids, NUMBER, text)
        return self._only(node, kids, NUMBER, f"abs({kids[0]})")

    def _bits(self, node: Node, kids: list[str]) -> str:
        return self._only(node, kids, INT, f"{kids[0]} {node.op} {kids[1]}")

    def _bit_not(self, node: Node, kids: list[str]) -> str:
        return self._only(node, kids, INT, f"~{kids[0]}")

    def _shift(self, node: Node, kids: list[str]) -> str:
        self.use("shifts")
        text = f"CASE WHEN {kids[1]} BETWEEN 0 AND 63 THEN {kids[0]} {node.op} {kids[1]} END"
        return self._only(node, kids, INT, text)

    def _round(self, node: Node, kids: list[str]) -> str:
        """Of doubles alone; a whole number beyond 2^52 is left as it is."""
        self.use("round")
        value, digits = kids[0], kids[1] if len(kids) > 1 else "0"
        if digits == "0":
            # The one double below a half to which adding a half gives 1.
            self.guard("round-digits", f"abs({value}) = {self._bound(0.49999999999999994)}")
        else:
            scaled = f"abs({value} * power(10.0, {digits}))"
            half = f"abs({scaled} - floor({scaled}) - 0.5) < 1e-5"
            self.guard("round-digits", f"({half} OR {scaled} > 1e13)")
        rounded = f"round({value}, {digits})"
        text = f"CASE WHEN abs({value}) >= {NO_FRACTION} THEN {value} ELSE {rounded} END"
        return self._only(node.with_kids(node.kids[:1]), kids[:1], REAL, text)

    def _whole(self, node: Node, kids: list[str]) -> str:
        return self._only(node, kids, NUMBER, f"{node.op}({kids[0]})")

    def _sign(self, node: Node, kids: list[str]) -> str:
        if node.kids[0].kinds & REAL:
            self.use("sign")
            real = f"+CAST(sign({kids[0]}) AS REAL)"
            text = f"CASE typeof({kids[0]}) WHEN 'real' THEN {real} ELSE sign({kids[0]}) END"
            return self._only(node, kids, NUMBER, text)
        return self._only(node, kids, NUMBER, f"sign({kids[0]})")

    def _sqrt(self, node: Node, kids: list[str]) -> str:
        return self._only(node, kids, NUMBER, f"sqrt({kids[0]})")

    def _power(self, node: Node, kids: list[str]) -> str:
        self.use("power")
        text = (
            f"CASE WHEN NOT ({kids[0]} = 0 AND {kids[1]} < 0) THEN power({kids[0]}, {kids[1]}) END"
        )
        return self._only(node, kids, NUMBER, text)

    # --- strings ---

    def _join(self, node: Node, kids: list[str]) -> str:
        return self._only(node, kids, TEXT, f"{kids[0]} || {kids[1]}")

    def _case_of_letters(self, node: Node, kids: list[str]) -> str:
        self.guard("ascii-case", f"{kids[0]} {NON_ASCII}")
        # GLOB looks no further than a NUL.
        self.guard("nul", f"instr({kids[0]}, char(0)) > 0")
        return self._only(node, kids, TEXT, f"{node.op}({kids[0]})")

    def _length(self, node: Node, kids: list[str]) -> str:
        self.guard("nul", f"instr({kids[0]}, char(0)) > 0")
        return self._only(node, kids, TEXT, f"length({kids[0]})")

    def _octet_length(self, node: Node, kids: list[str]) -> str:
        self.use("octet-length")
        return self._only(node, kids, TEXT | BIN, f"length(+CAST({kids[0]} AS BLOB))")

    def _text_call(self, node: Node, kids: list[str]) -> str:
        return self._only(node, kids, TEXT, f"{node.op}({', '.join(kids)})")

    def _replace(self, node: Node, kids: list[str]) -> str:
        self.use("replace-null")
        self.guard("nul", f"instr({kids[1]}, char(0)) = 1")  # such a part is an empty one
        text = f"CASE WHEN {kids[2]} IS NOT NULL THEN replace({', '.join(kids)}) END"
        return self._only(node, kids, TEXT, text)

    def _strpos(self, node: Node, kids: list[str]) -> str:
        return self._only(node, kids, TEXT, f"instr({', '.join(kids)})")

    def _substr(self, node: Node, kids: list[str]) -> str:
        self.use("substr")
        self.guard("nul", f"instr({kids[0]}, char(0)) > 0")
        text, start = kids[:2]
        if len(kids) == 2:
            answer = f"substr({text}, max({start}, 1))"
        else:
            end = f"({start} + {kids[2]})"
            length = f"max({end} - max({start}, 1), 0)"
            answer = f"CASE WHEN {kids[2]} >= 0 THEN substr({text}, max({start}, 1), {length}) END"
        return self._only(node.with_kids(node.kids[:1]), kids[:1], TEXT, answer)

    # --- choice and conversions ---

    def _least(self, node: Node, kids: list[str]) -> str:
        """min and max of several are null if any is: each null gives way to one that is not. Of
        equal ones min takes the last, so they stand the other way round.
        """
        self.use("least-null")
        turns = [f"coalesce({', '.join(kids[i:] + kids[:i])})" for i in range(len(kids))]
        if node.op == "least":
            return f"min({', '.join(reversed(turns))})"
        return f"max({', '.join(turns)})"

    def _nullif(self, node: Node, kids: list[str]) -> str:
        if self._boolean_class(node):
            return kids[0]
        return f"nullif({', '.join(kids)})"

    def _case_of(self, node: Node, kids: list[str]) -> str:
        compared = node.with_kids((node.kids[0], *node.kids[1:-1:2]))
        if not self._boolean_class(compared):
            return self._case(node, kids)
        out: list[str] = []
        for tested, value in zip(node.kids[1:-1:2], kids[2:-1:2], strict=True):
            out += [self._compared("=", node.kids[0], tested), value]
        return self._case(Node("case", node.kids[1:]), [*out, kids[-1]])

    def _cast(self, node: Node, kids: list[str]) -> str:
        """Of one kind, which the generator sees to."""
        self.use("cast")
        value, kinds = kids[0], node.kids[0].kinds
        if "bool" in kinds:
            names = f"CASE {value} WHEN 1 THEN 'true' WHEN 0 THEN 'false' END"
            return names if node.word == "text" else value
        if node.word == "text":
            return f"+CAST({value} AS TEXT)" if kinds <= INT | TEXT else "NULL"
        if node.word == "boolean":
            if kinds == TEXT:
                return f"CASE lower({value}) WHEN 'true' THEN 1 WHEN 'false' THEN 0 END"
            return f"CASE WHEN {value} IN (0, 1) THEN {value} END" if kinds == INT else "NULL"
        if kinds == INT:
            return value
        return self._integer_of(value, kinds)

    def _integer_of(self, value: str, kinds: Kinds) -> str:
        if kinds == REAL:
            self.guard("round-digits", f"abs({value}) = {self._bound(math.nextafter(0.5, 0))}")
            self.guard("uint64", f"{value} >= {PAST} AND {value} < 18446744073709551616.0")
            rounded = (
                f"CASE WHEN abs({value}) >= {NO_FRACTION} THEN {value} ELSE round({value}) END"
            )
            inside = f"{value} >= -{PAST} AND {value} < {PAST}"
            return f"CASE WHEN {inside} THEN +CAST({rounded} AS INTEGER) END"
        if kinds != TEXT:
            return "NULL"
        signed = f"substr({value}, 1, 1) IN ('+', '-')"
        digits = f"(CASE WHEN {signed} THEN substr({value}, 2) ELSE {value} END)"
        self.guard("cast-digits", f"length(ltrim({digits}, '0')) > 18")
        fits = f"{digits} <> '' AND {digits} NOT GLOB '*[^0-9]*'"
        self.guard("nul", f"instr({value}, char(0)) > 0")
        return f"CASE WHEN {fits} THEN +CAST({value} AS INTEGER) END"
