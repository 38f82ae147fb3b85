"""Random rows and queries for the differential test, biased so that they meet.

A Batch has a few fields, each with a profile (what its values are) and rates of null and missing.
Rows are built as encoded bytes, because the encodings are part of the test: the same number in many
widths, strings with long headers, repeated and non-string keys, three forms of timestamp. Queries
are trees of the structured form over the batch's fields, with constants from the same pools as the
rows, so that less, equal and greater all happen. All randomness comes from one
random.Random. The file is long because every kind of node is drawn by the class that knows the
fields.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field
from functools import cached_property

from tests.diff import calls, functions, reference, regexp
from tests.diff.arguments import Arguments
from tests.diff.values import ARRAYS, EDGES, ORDERED, PROFILES, STRINGS, TEXTS, Values
from tests.lib import mp
from tests.lib.mp import Bin, Ext, Map, Str, Value

NAMES = ["a", "b", "c", "d", "s", "tags", "m", "odd key", "é", "select"]
COMPARISONS = ["=", "<>", "<", "<=", ">", ">="]
CALLS = set(calls.CALLS) | calls.CHOICES
FUNCTIONS = sorted(set(functions.FUNCTIONS) | set(functions.NULL_TAKING))
NUMERIC = ["int", "small", "uint", "float", "float32", "number"]


def op(name: str, *operands: Value) -> list[Value]:
    """A node of the structured form."""
    return [Str(name.encode()), *operands]


def path(*steps: str | int) -> list[Value]:
    """A path from the row."""
    return op("path", *(Str(s.encode()) if isinstance(s, str) else s for s in steps))


@dataclass
class Column:
    """A field of a batch: what its values are, and how often it is null or missing."""

    name: str
    profile: str
    null_rate: float
    missing_rate: float


@dataclass
class Row:
    """One row as (encoded key, encoded value) pairs, in the order they are written.

    Keys may repeat or be of any type. Rows are not changed once made.
    """

    pairs: list[tuple[bytes, bytes]]

    def map_bytes(self) -> bytes:
        """The row as msgpack map."""
        return self._map_bytes

    def cell(self, name: str) -> bytes | None:
        """The encoded value of a name, the last of equal ones; None: missing."""
        return self._cells.get(name.encode())

    @cached_property
    def _map_bytes(self) -> bytes:
        return mp.header("map", len(self.pairs)) + b"".join(k + v for k, v in self.pairs)

    @cached_property
    def _cells(self) -> dict[bytes, bytes]:
        keys = [(mp.decode(key), cell) for key, cell in self.pairs]
        return {key.raw: cell for key, cell in keys if isinstance(key, Str)}


@dataclass
class Batch:
    """Rows and what they were made from."""

    columns: list[Column]
    rows: list[Row]


@dataclass
class Query:
    """A tree with its parameters: by name, or in the order of the `?`."""

    tree: Value
    params: dict[str, Value] | list[Value] = field(default_factory=dict)


class Generator(Values):
    """Makes batches and queries from one seed."""

    def __init__(self, seed: int) -> None:
        super().__init__(random.Random(seed))
        self._turn = 0
        self._columns: list[Column] = []
        self._arguments = Arguments(self.rng)

    # --- batches ---

    def batch(self, typed: bool) -> Batch:
        """A batch of 1 to 60 distinct rows; typed: each field holds one type throughout, so that
        dense loops run.
        """
        rng = self.rng
        center = rng.choice([*EDGES, *EDGES, 5, 5]) * rng.choice([1, 1, -1])
        self._focus = [
            center,
            center,
            center + 1,
            center - 1,
            float(center),
            center + 0.5,
            center + 2,
        ]
        if rng.random() < 0.5:
            self._focus += [math.nan, -0.0, 0.0, 0]
        if rng.random() < 0.5:
            self._focus += [
                math.nextafter(float(center), math.inf),
                math.nextafter(float(center), -math.inf),
            ]
        self._words = rng.sample(STRINGS, rng.randint(2, 6))
        names = rng.sample(NAMES, rng.randint(2, 6))
        profiles = PROFILES[:-1] if typed else PROFILES + ["mixed"] * len(PROFILES)
        rates = [0, 0, 0, 0.1, 0.4]
        self._columns = [
            Column(n, rng.choice(profiles), rng.choice(rates), rng.choice(rates)) for n in names
        ]
        # Most batches have something for the operators that want a string or an array.
        for column, wanted in zip(self._columns, (TEXTS, ARRAYS), strict=False):
            if rng.random() < 0.6:
                column.profile = rng.choice(wanted)
        if typed and rng.random() < 0.4:  # fields of one type, to be compared with each other
            profile = rng.choice(
                ["int", "small", "float", "float", "number", "str", "utf8", "bool"]
            )
            for column in self._columns:
                column.profile = profile
                column.null_rate = rng.choice([0, 0, column.null_rate])
                column.missing_rate = rng.choice([0, 0, column.missing_rate])
        one_order = rng.random() < 0.5
        count = rng.choice([1, 2, 7, 8, 9, 30, 30, 60])
        rows = [self._row(shuffled=not one_order, plain=typed and one_order) for _ in range(count)]
        return Batch(self._columns, rows)

    def _row(self, shuffled: bool, plain: bool) -> Row:
        rng = self.rng
        pairs: list[tuple[bytes, bytes]] = []
        for column in self._columns:
            if rng.random() < column.missing_rate:
                continue
            null = rng.random() < column.null_rate
            cell = b"\xc0" if null else self.encode(self.value(column.profile))
            pairs.append((self.encode(Str(column.name.encode())), cell))
        if plain:
            return Row(pairs)
        if rng.random() < 0.1 and pairs:  # repeated keys (A3)
            again = rng.choice(self._columns)
            pairs.insert(
                rng.randint(0, len(pairs)),
                (self.encode(Str(again.name.encode())), self.encode(self.value("mixed"))),
            )
        if rng.random() < 0.1:  # keys that never match a name (A2)
            odd: list[Value] = [
                1,
                None,
                Bin(self._columns[0].name.encode()),
                [1],
                1.5,
                Str(b"\xff"),
                Str(b""),
            ]
            pairs.insert(
                rng.randint(0, len(pairs)),
                (self.encode(rng.choice(odd)), self.encode(self.value("mixed"))),
            )
        if rng.random() < 0.05:  # a wide row
            wide = rng.choice([14, 15, 16, 60, 300])
            pairs[rng.randint(0, len(pairs)) :] += [
                (mp.encode(f"f{i}"), b"\x00") for i in range(wide)
            ]
        if shuffled:
            rng.shuffle(pairs)
        return Row(pairs)

    # --- queries ---

    def query(self) -> Query:
        """A query over the last batch's fields. Each operator leads in its turn."""
        rng = self.rng
        leads = [*sorted(reference.PREDICATES), *COMPARISONS, "between", "in"]
        lead = leads[self._turn % len(leads)]
        self._turn += 1
        term = self._plain_term(lead) if rng.random() < 0.5 else None
        tree = term or self.predicate(lead, rng.choice([0, 0, 1, 2, 3]), 0)
        wrap = rng.random()  # NOT and the tests turn the polarity round
        if wrap < (0.4 if term else 0.25):
            tree = op("not", tree)
        elif wrap < 0.3:
            tree = op(rng.choice(["is true", "is false", "is unknown", "is null"]), tree)
            if rng.random() < 0.5:
                tree = op("not", tree)
        tree = flatten(tree)
        if rng.random() < 0.3:
            return self._with_params(tree)
        return Query(tree)

    def _plain_term(self, name: str) -> Value:
        """A field against constants or a field of its own kind: what dense loops are for.

        None for an operator that has no such term.
        """
        rng = self.rng
        if name not in COMPARISONS and name not in ("between", "in"):
            return None
        column = rng.choice(self._columns)
        twins = [c for c in self._columns if c.profile == column.profile and c is not column]
        subject = path(column.name)

        def constant() -> Value:
            return literal(self.value(column.profile))

        if rng.random() < 0.3 and column.profile in NUMERIC:  # the typed loops of arithmetic
            other = path(rng.choice(twins).name) if twins and rng.random() < 0.5 else constant()
            pair = [subject, other] if rng.random() < 0.7 else [other, subject]
            subject = op(rng.choice(["+", "-", "*", "/", "%"]), *pair)
        if name == "between":
            return op(name, subject, constant(), constant())
        if name == "in":
            return op(name, subject, op("list", *(constant() for _ in range(rng.randint(1, 9)))))
        if twins and rng.random() < 0.7:
            return op(name, subject, path(rng.choice(twins).name))
        return op(name, subject, constant())

    def predicate(self, name: str, depth: int, scopes: int) -> Value:
        """A predicate led by an operator; depth bounds the nesting, scopes counts the quantifiers
        around it.
        """
        rng = self.rng
        if name in ("and", "or"):
            return op(
                name, *(self._any_predicate(depth, scopes) for _ in range(rng.choice([2, 2, 3, 5])))
            )
        if name in ("not", "is true", "is false", "is unknown"):
            if depth > 0 or rng.random() < 0.5:
                return op(name, self._any_predicate(depth, scopes))
            return op(name, self._source(scopes, "bool"))
        if name in ("any", "every"):
            return self._quantifier(name, depth, scopes)
        ordered = [c for c in self._columns if c.profile in ORDERED]
        floats = [c for c in self._columns if c.profile.startswith("float")]
        fitting = (
            floats
            if name == "is nan"
            else ordered
            if name in COMPARISONS or name == "between"
            else []
        )
        column = rng.choice(fitting if fitting and rng.random() < 0.8 else self._columns)
        subject = self._subject(column, depth, scopes)
        profile = self._profile(subject, column)
        if name in ("is null", "is missing", "is nan"):
            return op(name, subject)
        if name == "in":
            return op(name, subject, self._list(profile, scopes))
        if name == "between":
            return op(name, subject, self._operand(profile, scopes), self._operand(profile, scopes))
        if name in ("like", "ilike"):
            return self._like(name, scopes)
        if name == "regexp":
            return self._regexp(scopes)
        if name in ("starts_with", "ends_with", "contains"):
            text = self._source(scopes, "str")
            return op(name, text, self._part(scopes))
        other = self._operand(profile, scopes)
        return op(name, other, subject) if rng.random() < 0.25 else op(name, subject, other)

    def _any_predicate(self, depth: int, scopes: int) -> Value:
        rng = self.rng
        if rng.random() < 0.08:
            return self._source(scopes, "bool")
        if rng.random() < 0.03:
            return rng.choice([True, False, None])
        names = sorted(reference.PREDICATES)
        if depth <= 0:
            names = [n for n in names if n not in ("and", "or", "not", "any", "every")]
        if scopes >= 2:
            names = [n for n in names if n not in ("any", "every")]
        if rng.random() < 0.4:
            names = COMPARISONS
        return self.predicate(rng.choice(names), depth - 1, scopes)

    def _source(self, scopes: int, profile: str) -> Value:
        """A path, to a field of a profile where there is one."""
        rng = self.rng
        fitting = [
            c for c in self._columns if c.profile.startswith(profile) or c.profile == "mixed"
        ]
        if profile == "str":
            texts = [c for c in self._columns if c.profile in TEXTS]
            fitting = texts if texts and rng.random() < 0.8 else fitting + texts
        column = rng.choice(fitting if fitting and rng.random() < 0.9 else self._columns)
        return self._path(column, scopes)

    def _path(self, column: Column, scopes: int) -> list[Value]:
        rng = self.rng
        steps: list[str | int] = []
        profile = column.profile
        if rng.random() < (0.8 if profile in ("map", "maps", "array", "numbers") else 0.15):
            places: list[str | int] = [0, 0, 1, 2, 4294967295]
            keys: list[str | int] = ["a", "a", "b", "odd key", 0]
            steps.append(rng.choice(places if profile in ("array", "numbers", "maps") else keys))
            if rng.random() < (0.6 if profile == "maps" else 0.2):
                steps.append(rng.choice(keys))
        if scopes and rng.random() < 0.75:
            inner = (
                [Str(s.encode()) if isinstance(s, str) else s for s in steps]
                if rng.random() < 0.5
                else []
            )
            if scopes > 1 and rng.random() < 0.4:
                return op("outer", rng.randint(1, scopes - 1), *inner)
            return op("element", *inner)
        if rng.random() < 0.02:
            return path("nowhere", *steps)
        return path(column.name, *steps)

    # --- values that are computed ---

    def _call(self, depth: int, scopes: int) -> Value:
        """A call of a function or operator, or a CASE."""
        rng = self.rng
        if rng.random() < 0.4:
            return self._function(scopes)
        name = rng.choice(sorted(CALLS))
        if name == "||":
            return op(name, self._text_value(depth, scopes), self._text_value(depth, scopes))
        if name in ("case", "case of"):
            operands = [] if name == "case" else [self._number_value(depth, scopes)]
            for _ in range(rng.choice([1, 1, 2, 3])):
                operands.append(
                    self._any_predicate(min(depth - 1, 1), scopes)
                    if name == "case"
                    else self._number_value(0, scopes)
                )
                operands.append(self._number_value(depth - 1, scopes))
            operands.append(self._number_value(depth - 1, scopes) if rng.random() < 0.7 else None)
            return op(name, *operands)
        count = 1 if name in ("neg", "~") else 2
        operands = [self._number_value(depth - 1, scopes) for _ in range(count)]
        if name in ("<<", ">>") and rng.random() < 0.8:
            operands[1] = rng.choice([0, 1, 3, 32, 62, 63, 64, -1])
        return op(name, *operands)

    def _function(self, scopes: int) -> Value:
        """A call of a function with constants of the types that it takes; mostly one of them is a
        field, or another call, whatever its type.
        """
        rng = self.rng
        name = rng.choice(FUNCTIONS)
        args: list[Value] = [
            path("no such") if isinstance(arg, reference.Absent) else literal(arg)
            for arg in self._arguments.of(name)
        ]
        if name in ("cast", "try_cast"):
            args[1] = Str(rng.choice([b"integer", b"double", b"text", b"boolean", b"timestamp"]))
        if name in ("date_part", "date_trunc"):  # other words do not compile
            args[0] = Str(rng.choice([b"year", b"quarter", b"month", b"week", b"day", b"hour"]))
        if rng.random() < 0.9:
            at = 0 if name in ("cast", "try_cast") else rng.randrange(len(args))
            args[at] = self._path(rng.choice(self._columns), scopes)
            if rng.random() < 0.2:
                args[at] = self._call(0, scopes)
        return op(name, *args)

    def _number_value(self, depth: int, scopes: int) -> Value:
        rng = self.rng
        if depth > 0 and rng.random() < 0.4:
            return self._call(depth - 1, scopes)
        numbers = [c for c in self._columns if c.profile in NUMERIC]
        draw = rng.random()
        if draw < 0.3:
            return self._constant(rng.choice(["small", "number"]))
        if draw < 0.35:
            return self._any_predicate(0, scopes)
        column = rng.choice(numbers if numbers and rng.random() < 0.8 else self._columns)
        return self._path(column, scopes)

    def _text_value(self, depth: int, scopes: int) -> Value:
        draw = self.rng.random()
        if depth > 0 and draw < 0.2:
            return op("||", self._text_value(depth - 1, scopes), self._part(scopes))
        return self._source(scopes, "str") if draw < 0.7 else self._part(scopes)

    def _subject(self, column: Column, depth: int, scopes: int) -> Value:
        rng = self.rng
        draw = rng.random()
        if 0.1 <= draw < 0.3:
            return self._call(rng.choice([0, 1, 1, 2]), scopes)
        if draw < 0.05:
            return self._constant(column.profile)
        if draw < 0.1 and depth > 0:
            return self._any_predicate(depth - 1, scopes)
        return self._path(column, scopes)

    def _profile(self, subject: Value, column: Column) -> str:
        """What to compare a subject with."""
        if reference.is_predicate(subject):
            return "bool"
        if reference.op_name(subject) == "||":
            return "str"
        if reference.op_name(subject) in CALLS:
            return self.rng.choice(["small", "number", "number", "mixed"])
        steps = subject[1:] if isinstance(subject, list) else []
        if len(steps) > 1 or (steps and reference.op_name(subject) != "path"):
            return self.rng.choice(["small", "number", "mixed"])
        return column.profile

    def _constant(self, profile: str) -> Value:
        draw = self.rng.random()
        if draw < 0.03:
            return None
        value = self.value("mixed" if draw < 0.1 else profile)
        return literal(value)

    def _operand(self, profile: str, scopes: int) -> Value:
        draw = self.rng.random()
        if draw < 0.2:
            return self._path(self.rng.choice(self._columns), scopes)
        return self._call(1, scopes) if draw < 0.3 else self._constant(profile)

    def _list(self, profile: str, scopes: int) -> list[Value]:
        rng = self.rng
        count = rng.choice([0, 1, 2, 3, 3, 8, 40])
        items = [self._constant(profile) for _ in range(count)]
        if rng.random() < 0.2 and count:
            items[rng.randrange(count)] = self._operand(profile, scopes)
        if rng.random() < 0.2:
            items.append(None)
        return op("list", *items)

    def _like(self, name: str, scopes: int) -> Value:
        rng = self.rng
        subject = self._source(scopes, "str")
        escape: Value = Str(rng.choice([b"\\", b"#", b"%", b"_", "é".encode(), b"a"]))
        if rng.random() < 0.1:  # a pattern from a field
            pattern: Value = self._source(scopes, "str")
            return (
                op(name, subject, pattern, escape)
                if rng.random() < 0.5
                else op(name, subject, pattern)
            )
        word = self._string()[:40] if rng.random() < 0.5 else self._letters(4)
        text = word.decode("utf-8", "ignore")
        pieces = [rng.choice(["%", "", "_", ch]) + ch if rng.random() < 0.3 else ch for ch in text]
        if len(pieces) > 1 and rng.random() < 0.4:
            del pieces[rng.randrange(len(pieces))]
            pieces.insert(rng.randint(0, len(pieces)), rng.choice(["%", "_", "%_", "_%", "%%"]))
        full = rng.choice(["", "", "%"]) + "".join(pieces) + rng.choice(["", "", "%", "%", "_"])
        if rng.random() < 0.1:
            return op(name, subject, rng.choice([None, Str(b"%"), Str(b""), Str(b"_")]))
        if rng.random() < 0.3:
            assert isinstance(escape, Str)
            mark = escape.raw.decode()
            escaped = "".join(
                mark + ch if ch == mark or (ch in "%_" and rng.random() < 0.6) else ch
                for ch in full
            )
            return op(name, subject, Str(escaped.encode()), escape)
        return op(name, subject, Str(full.encode()))

    def _regexp(self, scopes: int) -> Value:
        rng = self.rng
        word = self._string()[:20] if rng.random() < 0.5 else self._letters(4)
        pattern, flags = (Str(part.encode()) for part in regexp.drawn(rng, word))
        operands = [pattern, flags] if flags.raw or rng.random() < 0.1 else [pattern]
        return op("regexp", self._source(scopes, "str"), *operands)

    def _part(self, scopes: int) -> Value:
        rng = self.rng
        if rng.random() < 0.1:
            return self._source(scopes, "str")
        if rng.random() < 0.05:
            return None
        word = self._string()[:40] if rng.random() < 0.5 else self._letters(2)
        cut = rng.randint(0, len(word))
        return Str(
            (word[:cut] if rng.random() < 0.5 else word[cut:]).decode("utf-8", "ignore").encode()
        )

    def _quantifier(self, name: str, depth: int, scopes: int) -> Value:
        rng = self.rng
        arrays = [c for c in self._columns if c.profile in ("array", "numbers", "maps", "mixed")]
        column = rng.choice(arrays if arrays and rng.random() < 0.9 else self._columns)
        if scopes and rng.random() < 0.5:
            source: Value = op("element", *([Str(b"a")] if rng.random() < 0.5 else []))
        else:
            source = path(column.name) if rng.random() < 0.9 else path(column.name, 0)
        if depth > 0 and rng.random() < 0.6:
            return op(name, source, self._any_predicate(depth - 1, scopes + 1))
        profile = {"numbers": "number", "maps": "small"}.get(column.profile, "mixed")
        element = op("element", *([Str(b"a")] if column.profile == "maps" else []))
        return op(name, source, op(rng.choice(COMPARISONS), element, self._constant(profile)))

    # --- parameters ---

    def _with_params(self, tree: Value) -> Query:
        """Turns some literals into parameters, all by name or all by place."""
        rng = self.rng
        named: dict[str, Value] = {}
        placed: list[Value] = []
        by_name = rng.random() < 0.5

        def bind(value: Value) -> Value:
            if not by_name:
                placed.append(value)
                return op("param")
            name = f"p{len(named)}"
            named[name] = value
            return op("param", Str(name.encode()))

        def walk(node: Value, keep: bool) -> Value:
            head = reference.op_name(node)
            if not isinstance(node, list) or head == "lit":
                constant = node[1] if isinstance(node, list) else node
                return node if keep or rng.random() < 0.5 else bind(constant)
            if head in ("path", "element", "outer", "param"):
                return node
            if head == "in" and reference.op_name(node[2]) == "list" and rng.random() < 0.5:
                items = node[2]
                assert isinstance(items, list)
                constants = [literal_value(item) for item in items[1:]]
                if all(reference.op_name(item) in ("", "lit") for item in items[1:]):
                    subject = walk(node[1], False)
                    return [node[0], subject, bind(constants)]
            # What breaks K3 must not compile; as a parameter it would be found only later. The type
            # of a CAST can be no parameter.
            bad = head in ("cast", "try_cast") or not reference.literal_escapes_are_right(
                [*node[:1], None, *node[2:]]
            )
            kids = [walk(kid, bad and i > 0) for i, kid in enumerate(node[1:])]
            return [node[0], *kids]

        bound = walk(tree, keep=False)
        return Query(bound, named if by_name else placed)


def literal(value: Value) -> Value:
    """The node for a constant: itself, but for those that would be taken for something else."""
    return op("lit", value) if isinstance(value, list | Map | Ext) else value


def literal_value(node: Value) -> Value:
    """The value that a literal node stands for."""
    return node[1] if isinstance(node, list) and reference.op_name(node) == "lit" else node


def flatten(node: Value) -> Value:
    """The tree as a query keeps it: no AND directly in AND, no OR in OR, none with one operand."""
    head = reference.op_name(node)
    if not isinstance(node, list) or head in ("", "lit", "path", "element", "outer", "param"):
        return node
    kids: list[Value] = [flatten(kid) for kid in node[1:]]
    if head in ("and", "or"):
        flat: list[Value] = []
        for kid in kids:
            flat += kid[1:] if isinstance(kid, list) and reference.op_name(kid) == head else [kid]
        kids = flat
        if len(kids) == 1:
            only = kids[0]
            return only if reference.is_predicate(only) else [node[0], head == "and", only]
    return [node[0], *kids]
