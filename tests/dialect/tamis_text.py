"""Prints a tree as text of the query language, with only the parentheses that proto/QUERY.md asks
for (and now and then more), and in any of the spellings it offers.

The choice among spellings follows from a seed, so that the same tree gives the same text. The other
printers put parentheses everywhere: so the engines judge tamis's precedence too.
"""

from __future__ import annotations

import datetime
import math
import random

from tests.dialect.tree import BOOL, COMPARISONS, TEXT, TIME, Cell, Kinds, Node
from tests.lib import mp

# How tight an operator binds; what stands where something tighter is wanted gets parentheses.
OR, AND, NOT, TEST, BITS, SUM, PRODUCT, JOIN, SIGN, ATOM = range(10)
INFIX = {
    "&": BITS, "|": BITS, "<<": BITS, ">>": BITS, "+": SUM, "-": SUM, "*": PRODUCT, "/": PRODUCT,
    "%": PRODUCT, "||": JOIN,
}  # fmt: skip
STATES = {
    "is null": "NULL", "is true": "TRUE", "is false": "FALSE", "is unknown": "UNKNOWN",
    "is nan": "NAN",
}  # fmt: skip
SPELLINGS = {"=": ["=", "=", "=="], "<>": ["<>", "<>", "!="]}
PARTS = ["starts_with", "ends_with", "contains"]
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
LEAST_TIME, MOST_TIME = -62135596800 * 10**6, 253402300800 * 10**6 - 1  # years 1 to 9999


def print_tree(node: Node, seed: int) -> str:
    """The text of a condition."""
    return _Text(random.Random(seed)).at(node, OR)


def quoted(text: str, quote: str = "'") -> str:
    """A string or a name in quotes."""
    return quote + text.replace(quote, quote * 2) + quote


def timestamp(microseconds: int) -> mp.Timestamp:
    """An instant as tamis has it."""
    seconds, rest = divmod(microseconds, 10**6)
    return mp.Timestamp(seconds, rest * 1000)


def literal(value: Cell, kinds: Kinds) -> str:
    """A constant."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(value).upper()
    if kinds == TIME and isinstance(value, int):
        if LEAST_TIME <= value <= MOST_TIME:
            moment = EPOCH + datetime.timedelta(microseconds=value)
            return f"TIMESTAMP '{moment.replace(tzinfo=None).isoformat()}Z'"
        encoded = mp.encode_timestamp(timestamp(value))
        return f"EXT(-1, X'{encoded[-12:].hex()}')"
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else f"DOUBLE '{value}'"
    if isinstance(value, bytes):
        return f"X'{value.hex()}'"
    return quoted(value) if isinstance(value, str) else str(value)


class _Text:
    def __init__(self, rng: random.Random) -> None:
        self.rng = rng

    def at(self, node: Node, least: int) -> str:
        """A node where something of at least that tightness must stand."""
        text, level = self._print(node)
        return f"({text})" if level < least or self.rng.random() < 0.03 else text

    def _print(self, node: Node) -> tuple[str, int]:
        op, kids = node.op, node.kids
        if op == "const":
            return literal(node.value, node.kinds), ATOM
        if op == "column":
            assert node.column is not None
            plain = node.column.name.isidentifier() and node.column.name not in ("select", "end")
            return (node.column.name if plain else quoted(node.column.name, '"')), ATOM
        if op == "truthless":
            return self._print(kids[0])
        if op in ("or", "and"):
            level = OR if op == "or" else AND
            return f" {op.upper()} ".join(self.at(kid, level + 1) for kid in kids), level
        if op == "not":
            return self._not(kids[0])
        if node.kinds == BOOL and op not in ("case", "case of", "coalesce", "nullif", "cast"):
            return self._test(node, "")
        return self._value(node)

    def _not(self, kid: Node) -> tuple[str, int]:
        # STARTS_WITH and its like take NOT only as operators; a comparison takes none.
        if kid.op not in (*COMPARISONS, "column", "const", "and", "or", "not") and (
            kid.op in (*STATES, "distinct", "in", "between", "like", "ilike", "regexp", *PARTS)
            and self.rng.random() < 0.5
        ):
            return self._test(kid, "NOT ")
        return f"NOT {self.at(kid, NOT)}", NOT

    def _test(self, node: Node, negated: str) -> tuple[str, int]:
        op, kids = node.op, node.kids
        if op in STATES:
            return f"{self.at(kids[0], TEST)} IS {negated}{STATES[op]}", TEST
        if op in PARTS and not negated and self.rng.random() < 0.5:
            return f"{op.upper()}({', '.join(self.at(kid, OR) for kid in kids)})", ATOM
        first, rest = self.at(kids[0], BITS), kids[1:]
        if op == "distinct":
            return f"{first} IS {negated}DISTINCT FROM {self.at(rest[0], BITS)}", TEST
        if op == "in":
            items = ", ".join(self.at(item, OR) for item in rest)
            return f"{first} {negated}IN ({items})", TEST
        others = [self.at(kid, BITS) for kid in rest]
        if op == "between":
            return f"{first} {negated}BETWEEN {others[0]} AND {others[1]}", TEST
        if op in COMPARISONS:
            return f"{first} {self.rng.choice(SPELLINGS.get(op, [op]))} {others[0]}", TEST
        text = f"{first} {negated}{op.upper()} {others[0]}"
        if op == "regexp" and node.word:
            return f"{text} FLAGS '{node.word}'", TEST
        return (f"{text} ESCAPE {others[1]}" if len(others) > 1 else text), TEST

    def _value(self, node: Node) -> tuple[str, int]:
        op, kids = node.op, node.kids
        if op in INFIX:
            level = INFIX[op]
            return f"{self.at(kids[0], level)} {op} {self.at(kids[1], level + 1)}", level
        if op in ("neg", "~"):
            sign = "-" if op == "neg" else "~"
            inner = self.at(kids[0], ATOM)
            # `-5` would be a constant and `--` a comment.
            plain = kids[0].op == "column" or (op == "~" and kids[0].op != "const")
            return (f"{sign}{inner}" if plain else f"{sign}({inner})"), SIGN
        if op == "ts_add":
            sign, words = node.word[0], node.word[1:]
            return f"{self.at(kids[0], SUM)} {sign} INTERVAL '{words}'", SUM
        return self._call(node), ATOM

    def _call(self, node: Node) -> str:
        op, rng = node.op, self.rng
        args = [self.at(kid, OR) for kid in node.kids]
        if op == "cast":
            return f"{rng.choice(['CAST', 'CAST', 'TRY_CAST'])}({args[0]} AS {node.word})"
        if op == "date_part" and rng.random() < 0.5:
            return f"EXTRACT({node.word} FROM {args[0]})"
        if op in ("date_part", "date_trunc"):
            return f"{op}({literal(node.word, TEXT)}, {args[0]})"
        if op not in ("case", "case of"):
            return f"{rng.choice([op, op, op.upper()])}({', '.join(args)})"
        head = f" {args.pop(0)}" if op == "case of" else ""
        last = args.pop()
        pairs = zip(args[::2], args[1::2], strict=True)
        text = f"CASE{head} " + " ".join(f"WHEN {tested} THEN {value}" for tested, value in pairs)
        return f"{text} END" if last == "NULL" else f"{text} ELSE {last} END"
