"""Random tables and conditions that tamis and one other engine both can be asked. (It is
long because each sort of operator is drawn by the class that knows the columns.)

Every operator leads in its turn. What the engine has not, or means quite differently, is turned
away under the id of an entry of differences.py and drawn again; Generator.avoided counts these. It
never knows how the other language is written.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from enum import Enum
from typing import TypeAlias

from tests.dialect.differences import AVOIDED, named
from tests.dialect.tree import (
    BOOL,
    COMPARISONS,
    INT,
    NUMBER,
    REAL,
    TEXT,
    TIME,
    UNARY,
    Cell,
    Column,
    Kinds,
    Node,
    column,
    condition,
    constant,
    sample,
)
from tests.dialect.values import KINDS, PROFILES, REGEXPS, Pool


class Missing(Enum):
    """A cell that is not there."""

    MISSING = 0


Row: TypeAlias = "list[Cell | Missing]"
NAMES = ["a", "b", "c", "d", "e", "f", "odd key", "é", "select", "x.y", 'q"q', "end", "n", "s"]
FIELDS = ["year", "quarter", "month", "week", "day", "hour", "minute", "second", "millisecond"]
FIELDS += ["microsecond", "isoyear", "dow", "isodow", "doy", "epoch"]
TRUNCATES = FIELDS[:10]
EPOCHS = ["epoch_s", "epoch_ms", "epoch_us", "epoch_ns"]
INSTANTS = ["to_timestamp_s", "to_timestamp_ms", "to_timestamp_us", "to_timestamp_ns"]
UNITS = ["year", "month", "week", "day", "hour", "minute", "second", "millisecond"]
CHOICES = ["coalesce", "nullif", "case", "case of", "least", "greatest"]
ARITHMETIC = ["+", "-", "*", "/", "%", "mod"]
CASTS = ["cast integer", "cast double", "cast text", "cast boolean", "cast timestamp"]

# The operators whose value can be of a kind.
MAKERS: dict[str, list[str]] = {
    "int": [
        *ARITHMETIC, "neg", "abs", "round", "floor", "ceil", "sign", "&", "|", "~", "<<", ">>",
        "length", "octet_length", "strpos", "cast integer", "date_part", *EPOCHS, *CHOICES,
    ],
    "real": [
        *ARITHMETIC, "neg", "abs", "round", "floor", "ceil", "sign", "sqrt", "power", "cast double",
        "epoch", "date_part second", *CHOICES,
    ],
    "text": [
        "||", "lower", "upper", "trim", "ltrim", "rtrim", "substr", "replace", "cast text",
        *CHOICES,
    ],
    "bool": ["cast boolean", "coalesce", "nullif", "case", "case of"],
    "time": [*INSTANTS, "date_trunc", "ts_add", "cast timestamp", *CHOICES],
    "bin": CHOICES,
}  # fmt: skip
# A maker for each operator, so that each can lead.
FUNCTIONS = {name: kind for kind, names in MAKERS.items() for name in names if name not in CHOICES}
FUNCTIONS |= dict.fromkeys(CHOICES, "int")
CONDITION_LEADS = [
    *COMPARISONS, "distinct", "in", "between", "like", "ilike", "regexp", "starts_with",
    "ends_with", "contains", "is null", "is true", "is false", "is unknown", "is nan", "and", "or",
    "not", "field", "truthless", "is missing",
]  # fmt: skip
LEADS = [
    *CONDITION_LEADS,
    *sorted(FUNCTIONS),
    *COMPARISONS,
    "in",
    "between",
    "like",
    "ilike",
    "ilike",
]
LEADS += ["round", "round", "cast integer", "upper", "lower"]  # some have more to show
LEADS += ["date_part"] * 6 + ["date_trunc"] * 4

TIMED = {"date_part", "date_part second", "date_trunc", "ts_add", "epoch", "cast timestamp"}
TIMED |= {*EPOCHS, *INSTANTS}
REFUSED: dict[str, dict[str, str]] = {
    "sqlite": {
        "is nan": "sqlite-is-nan",
        "is missing": "sqlite-is-missing",
        "regexp": "sqlite-regexp",
        "cast double": "sqlite-real-text",
        **dict.fromkeys(TIMED, "sqlite-timestamps"),
    },
    "duckdb": {"is missing": "duckdb-is-missing"},
}
ANY_KIND = ["int", "real", "text", "bool", "time", "bin"]


class Table:
    """Columns and their rows."""

    def __init__(self, columns: list[Column], rows: list[Row]) -> None:
        self.columns = columns
        self.rows = rows


def numeric(*kids: Node) -> Kinds:
    """The kinds of an arithmetic result (X7): an integer only of integers."""
    classes = [kid.kinds & NUMBER or INT for kid in kids]
    result = REAL if any(kinds >= REAL for kinds in classes) else frozenset()
    return result | (INT if all(kinds >= INT for kinds in classes) else frozenset())


class Generator:
    """Tables and conditions for one engine, from one seed."""

    def __init__(self, seed: int, engine: str) -> None:
        self.rng = random.Random(seed)
        self.engine = engine
        self.pool = Pool(self.rng, engine)
        self.avoided: Counter[str] = Counter()
        self._turn = self.rng.randrange(len(LEADS))
        self._columns: list[Column] = []
        self._rows: list[Row] = []

    def table(self, count: int) -> Table:
        """A table of so many rows, which the next conditions are about."""
        rng = self.rng
        self.pool.refocus()
        profiles = rng.choices(PROFILES[self.engine], k=rng.randint(3, 7))
        if rng.random() < 0.5:
            profiles += ["small", rng.choice(["real", "word"])]
        if self.engine == "duckdb" and rng.random() < 0.1:
            self._avoid("duckdb-columns-of-types")
        if self.engine == "sqlite" and rng.random() < 0.1:
            self._avoid("sqlite-uint64-cells")
        names = rng.sample(NAMES, len(profiles))
        rates = [0.0, 0.0, 0.05, 0.2]
        self._columns = [
            Column(name, profile, KINDS[profile], rng.choice(rates), rng.choice(rates) / 2)
            for name, profile in zip(names, profiles, strict=True)
        ]
        self._rows = [[self._cell(of) for of in self._columns] for _ in range(count)]
        return Table(self._columns, self._rows)

    def _cell(self, of: Column) -> Cell | Missing:
        if self.rng.random() < of.missing:
            return Missing.MISSING
        return None if self.rng.random() < of.nulls else self.pool.cell(of.profile)

    def _avoid(self, name: str) -> None:
        self.avoided[named(name, AVOIDED)] += 1

    def _has(self, op: str) -> bool:
        """Whether the engine has an operator. Counts where it has not."""
        reason = REFUSED[self.engine].get(op)
        if reason:
            self._avoid(reason)
        return not reason

    # --- conditions ---

    def condition(self) -> Node:
        """A condition over the last table, led by the next operator in turn."""
        rng = self.rng
        while True:
            lead = LEADS[self._turn % len(LEADS)]
            self._turn += 1
            if self._has(lead):
                break
        if lead in FUNCTIONS:
            tree = self._about(self._call(lead, FUNCTIONS[lead], rng.choice([0, 0, 1])))
        else:
            tree = self._test(lead, rng.choice([0, 0, 1, 1, 2]))
        draw = rng.random()
        if draw < 0.12:
            return condition("not", tree)
        if draw < 0.2:
            tests = ["is true", "is false", "is unknown", "is null"]
            return condition(rng.choice(tests[: 3 if tree.op == "truthless" else 4]), tree)
        return tree

    def _about(self, value: Node) -> Node:
        """A condition about a value, most often one that is three-valued and is neither always
        TRUE nor always FALSE.
        """
        rng = self.rng
        if value.kinds == BOOL:
            return value if rng.random() < 0.5 else condition("=", value, self._leaf("bool"))
        if rng.random() < 0.1:
            return condition("is null", value)
        kind = rng.choice(sorted(value.kinds))
        op = rng.choice([*COMPARISONS, "between", "in", "distinct"])
        return self._compare(op, value, kind, 0)

    def _any_test(self, depth: int) -> Node:
        while True:
            op = self.rng.choice(CONDITION_LEADS)
            if depth <= 0 and op in ("and", "or", "not"):
                continue
            if self._has(op):
                return self._test(op, depth - 1)

    def _test(self, op: str, depth: int) -> Node:
        """A condition led by an operator."""
        rng = self.rng
        if op in ("and", "or"):
            return condition(op, *(self._any_test(depth) for _ in range(rng.choice([2, 2, 2, 3]))))
        if op in ("not", "is true", "is false", "is unknown"):
            return condition(op, self._any_test(depth) if depth > 0 else self._leaf("bool"))
        if op == "field":
            return self._leaf("bool")
        if op == "truthless":
            return condition(op, self._leaf(rng.choice(["int", "text", "real", "bin"])))
        if op == "is nan":
            return condition(op, self._value(rng.choice(["real", "real", "int", "text"]), depth))
        if op in ("like", "ilike"):
            return self._like(op, depth)
        if op == "regexp":
            flags = rng.choice(["", "", "i", "s", "is"])
            pattern = constant(rng.choice(REGEXPS), TEXT)
            return condition(op, self._value("text", depth), pattern, word=flags)
        if op in ("starts_with", "ends_with", "contains"):
            return condition(op, self._argument("text", depth), self._part())
        kind = rng.choice(["int", "int", "int", "real", "real", "text", "text", *ANY_KIND])
        if kind == "time" and self.engine == "sqlite":
            kind = "int"
        if op == "is null":
            return condition(op, self._value(kind, depth))
        return self._compare(op, self._value(kind, depth), kind, depth)

    def _compare(self, op: str, left: Node, kind: str, depth: int) -> Node:
        rng = self.rng

        def other() -> Node:
            draw = rng.random()
            if left.kids and left.kinds != BOOL and rng.random() < 0.4:
                return sample(left, rng.randrange(len(self._rows)), rng.choice([0, 0, 0, -1, 1]))
            if draw < 0.04:
                return self._leaf(rng.choice(ANY_KIND))
            if kind in ("int", "real") and draw < 0.25:
                return self._leaf("real" if kind == "int" else "int")
            return self._value(kind, depth if draw < 0.5 else 0)

        if op == "between":
            return condition(op, left, other(), other())
        if op == "in":
            return condition(op, left, *(other() for _ in range(rng.choice([0, 1, 2, 3, 5]))))
        right = other()
        return condition(op, right, left) if rng.random() < 0.2 else condition(op, left, right)

    def _like(self, op: str, depth: int) -> Node:
        rng = self.rng
        subject = self._argument("text", depth)
        pattern = self._pattern()
        if op == "ilike" and rng.random() < 0.3:
            pattern = constant(f"%{rng.choice('ςſµİσΣskÉя')}%", TEXT)
        if rng.random() < 0.6:
            return condition(op, subject, pattern)
        escape = rng.choice(["!", "!", "!", "%", "_", "a", "é"])
        if escape == "é" and self.engine == "duckdb":
            self._avoid("duckdb-escape-byte")
            escape = "!"
        if escape.isalpha() and op == "ilike":
            self._avoid(f"{self.engine}-ilike-escape")
            escape = "!"
        fixed = fixed_text(pattern)
        if fixed is not None and bad_escape(fixed, escape):
            self._avoid(f"{self.engine}-bad-escape")
            return condition(op, subject, pattern)
        return condition(op, subject, pattern, constant(escape, TEXT))

    def _pattern(self) -> Node:
        rng = self.rng
        draw = rng.random()
        if draw < 0.3:
            return constant(self.pool.text("pattern"), TEXT)
        if draw < 0.55:  # one of the strings themselves, in the other case
            letters = self.pool.text(rng.choice(["word", "plain"])).swapcase()
            return constant(rng.choice(["", "", "%"]) + letters, TEXT)
        if rng.random() < 0.3:
            ends = [constant("%", TEXT), self._leaf("text")]
            rng.shuffle(ends)
            return Node("||", tuple(ends), TEXT)
        fitting = [c for c in self._columns if c.profile == "pattern"]
        return column(rng.choice(fitting)) if fitting else self._leaf("text")

    def _part(self) -> Node:
        if self.rng.random() < 0.4:
            return constant(self.pool.text("plain")[:2], TEXT)
        return self._leaf("text")

    # --- values ---

    def _leaf(self, kind: str, exact: bool = False) -> Node:
        """A field or a constant of a kind. exact: of no other kind beside it."""
        rng = self.rng
        if kind == "time" and self.engine == "sqlite":
            self._avoid("sqlite-timestamps")
            kind = "int"
        fitting = [c for c in self._columns if (c.kinds == {kind} if exact else kind in c.kinds)]
        if fitting and rng.random() < 0.7:
            return column(rng.choice(fitting))
        kinds: Kinds = frozenset({kind})
        if rng.random() < 0.05:
            return constant(None, kinds)
        cells = [
            row[i]
            for i, c in enumerate(self._columns)
            if c in fitting
            for row in rng.choices(self._rows, k=2)
            if KINDS[c.profile] == kinds
        ]
        if cells and rng.random() < 0.5:
            cell = rng.choice(cells)
            return constant(None if isinstance(cell, Missing) else cell, kinds)
        profile = {
            "text": rng.choice(["text", "word", "plain"]),
            "int": rng.choice(["int", "small"]),
        }
        value = self.pool.cell(profile.get(kind, kind))
        return constant(value, kinds)

    def _value(self, kind: str, depth: int) -> Node:
        """A value of a kind, perhaps among others."""
        rng = self.rng
        if kind == "bool" and depth > 0 and rng.random() < 0.4:
            test = self._any_test(depth - 1)
            # As a value it would not be UNKNOWN, but what it is.
            return test if test.op != "truthless" else self._leaf(kind)
        if depth <= 0 or rng.random() < 0.4 or (kind == "time" and self.engine == "sqlite"):
            return self._leaf(kind)
        while True:
            op = rng.choice(MAKERS[kind])
            if self._has(op):
                return self._call(op, kind, depth - 1)

    def _argument(self, kind: str, depth: int) -> Node:
        """A value of a kind, seldom of any other (V2)."""
        if self.rng.random() < 0.04:
            return self._leaf(self.rng.choice(ANY_KIND))
        return self._value(kind, depth)

    def _small(self) -> Node:
        """An integer that can be a position or a count."""
        fitting = [c for c in self._columns if c.profile == "small"]
        if fitting and self.rng.random() < 0.4:
            return column(self.rng.choice(fitting))
        return constant(self.rng.choice([*range(-3, 6), 12, None]), INT)

    def _call(self, op: str, kind: str, depth: int) -> Node:
        """A call that gives a kind."""
        rng = self.rng
        name, _, word = op.partition(" ")
        if name in ("cast", "date_part"):
            return self._cast(word, depth) if name == "cast" else self._date_part(kind, depth)
        if op in CHOICES:
            return self._choice(op, kind, depth)
        if op in ARITHMETIC:
            pair = [self._argument(kind, depth), self._argument(kind, depth)]
            if kind == "real" and rng.random() < 0.3:
                pair[rng.randrange(2)] = self._argument("int", depth)
            return Node(op, tuple(pair), numeric(*pair))
        if op == "round":
            return self._round(kind, depth)
        if op in ("sqrt", "power"):
            count = 1 if op == "sqrt" else 2
            operands = [self._argument(rng.choice(["real", "int"]), 0) for _ in range(count)]
            if op == "power" and rng.random() < 0.6:
                operands[1] = self._small()
            return Node(op, tuple(operands), REAL)
        if op in UNARY and op not in ("~", "length", "lower", "upper"):
            operand = self._argument(kind, depth)
            return Node(op, (operand,), numeric(operand))
        makers: dict[str, Callable[[], Node]] = {
            "epoch": lambda: Node(op, (self._argument("time", depth),), REAL),
            "date_trunc": lambda: Node(
                op, (self._argument("time", depth),), TIME, rng.choice(TRUNCATES)
            ),
            "ts_add": lambda: Node(op, (self._value("time", depth),), TIME, self._interval()),
        }
        if op in makers:
            return makers[op]()
        if op in EPOCHS:
            return Node(op, (self._argument("time", depth),), INT)
        if op in INSTANTS:
            return Node(op, (self._instant_number(op, depth),), TIME)
        if op in ("&", "|", "~", "<<", ">>"):
            first = self._argument("int", depth)
            second = [self._small() if op in ("<<", ">>") and rng.random() < 0.8 else first]
            if second[0] is first:
                second = [self._argument("int", depth)]
            return Node(op, (first, *(second if op != "~" else [])), INT)
        return self._text_call(op, depth)

    def _text_call(self, op: str, depth: int) -> Node:
        rng = self.rng
        first = self._argument("text", depth)
        if op in ("length", "lower", "upper"):
            return Node(op, (first,), INT if op == "length" else TEXT)
        if op == "octet_length":
            return Node(op, (self._argument(rng.choice(["text", "bin"]), depth),), INT)
        if op == "||":
            return Node(op, (first, self._argument("text", depth)), TEXT)
        if op == "strpos":
            return Node(op, (first, self._part()), INT)
        if op == "replace":
            return Node(op, (first, self._part(), self._leaf("text")), TEXT)
        if op == "substr":
            return Node(op, (first, *(self._small() for _ in range(rng.randint(1, 2)))), TEXT)
        letters = [constant(self.pool.text("plain"), TEXT)] * rng.randint(0, 1)  # the trims
        return Node(op, (first, *letters), TEXT)

    def _round(self, kind: str, depth: int) -> Node:
        rng = self.rng
        digits = rng.choice([None, 0, 1, 2, 3, -1, -2])
        if self.engine == "sqlite":
            if kind == "int" or (digits or 0) < 0:
                self._avoid("sqlite-round-integers")
                digits = abs(digits or 0)
            operand = self._leaf("real", exact=True)
        else:
            operand = self._argument(kind, depth)
        if digits is None:
            return Node("round", (operand,), numeric(operand))
        return Node("round", (operand, constant(digits, INT)), numeric(operand))

    def _choice(self, op: str, kind: str, depth: int) -> Node:
        """COALESCE and the like. All values of one kind, or in SQLite of any."""
        rng = self.rng
        one_kind = op in ("least", "greatest") or self.engine == "duckdb"
        if op in ("least", "greatest") and kind == "bool":
            kind = "int"

        def value() -> Node:
            if one_kind:
                return self._leaf(kind, exact=True)
            found = self._argument(kind, depth)
            if ("bool" in found.kinds) == (kind == "bool"):
                return found
            self._avoid("sqlite-booleans-in-case")
            return self._leaf(kind)

        if op == "nullif":
            pair = (value(), value())
            return Node(op, pair, pair[0].kinds)
        if op in ("coalesce", "least", "greatest"):
            values = [value() for _ in range(rng.choice([2, 2, 3]))]
            return Node(op, tuple(values), frozenset().union(*(v.kinds for v in values)))
        subject = self._leaf(kind, exact=one_kind)
        kids = [subject] if op == "case of" else []
        values = []
        for _ in range(rng.choice([1, 1, 2])):
            values.append(value())
            tested = self._any_test(min(depth, 0)) if op == "case" else value()
            kids += [tested, values[-1]]
        values.append(value() if rng.random() < 0.7 else constant(None, frozenset({kind})))
        return Node(op, (*kids, values[-1]), frozenset().union(*(v.kinds for v in values)))

    # --- conversions and time ---

    def _cast(self, target: str, depth: int) -> Node:
        rng = self.rng
        sources = {
            "integer": ["text", "text", "real", "bool", "int"],
            "double": ["text", "text", "int", "real"],
            "text": ["int", "int", "real", "bool", "text", "time"],
            "boolean": ["text", "int", "bool"],
            "timestamp": ["text", "time"],
        }[target]
        kind = rng.choice(sources)
        if target == "text" and kind == "real" and self.engine == "sqlite":
            self._avoid("sqlite-real-text")
            kind = "int"
        operand = self._leaf(kind, exact=True) if rng.random() < 0.6 else self._value(kind, depth)
        if self.engine == "sqlite" and len(operand.kinds) > 1:
            operand = self._leaf("text", exact=True)
        profile = {"timestamp": "dates"}.get(target, "convertible")
        texts = [c for c in self._columns if c.profile == profile]
        if kind == "text" and texts and rng.random() < 0.7:
            operand = column(rng.choice(texts))
        elif kind == "text" and rng.random() < 0.5:
            operand = constant(self.pool.text(profile), TEXT)
        if target == "text" and operand.kinds & REAL and self.engine == "sqlite":
            operand = self._leaf("int", exact=True)
        kinds = {"integer": INT, "double": REAL, "text": TEXT, "boolean": BOOL, "timestamp": TIME}
        return Node("cast", (operand,), kinds[target], target)

    def _date_part(self, kind: str, depth: int) -> Node:
        reals = ["second", "epoch"]
        field = self.rng.choice(reals if kind == "real" else FIELDS)
        kinds = REAL if field in reals else INT
        return Node("date_part", (self._argument("time", depth),), kinds, field)

    def _instant_number(self, op: str, depth: int) -> Node:
        """A number that to_timestamp takes: of whole microseconds."""
        if op == "to_timestamp_ns":
            self._avoid("duckdb-nanoseconds")
            thousand = constant(1000, INT)
            return Node("*", (self._leaf("int", exact=True), thousand), INT)
        found = self._argument("int", depth)
        if found.kinds >= REAL:
            self._avoid("duckdb-nanoseconds")
            return self._leaf("int")
        return found

    def _interval(self) -> str:
        """`+` or `-` and what an INTERVAL says."""
        rng = self.rng
        parts = rng.sample(UNITS, rng.randint(1, 3))
        words = [f"{rng.choice([0, 1, 2, 11, 28, 31, 400])} {unit}" for unit in parts]
        return rng.choice("+-") + " ".join(words)


def fixed_text(node: Node) -> str | None:
    """The string that a node is in every row, which tamis finds when it compiles (V6)."""
    if node.op == "const":
        return node.value if isinstance(node.value, str) else None
    parts = [fixed_text(kid) for kid in node.kids]
    if node.op != "||" or None in parts:
        return None
    return "".join(part for part in parts if part is not None)


def bad_escape(pattern: str, escape: str) -> bool:
    """Whether K3 refuses a pattern: the escape character before anything but %, _ and itself."""
    at = 0
    while at < len(pattern):
        if pattern[at] == escape:
            at += 1
            if at == len(pattern) or pattern[at] not in ("%", "_", escape):
                return True
        at += 1
    return False
