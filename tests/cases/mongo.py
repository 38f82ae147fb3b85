"""mongo.jsonl: MongoDB query documents, translated into structured queries of tamis.

What MongoDB means silently is written out: a path reaches into the elements of arrays (ANY), a
condition on an array holds if it holds for the array or for one element, and a negation is the
complement of the whole ((p) IS NOT TRUE), so that it keeps rows without the field.

The translation knows operators, not cases. Untranslatable says what tamis cannot express. A
document that is no map, or a query about the document itself, is put into a field `doc`. Each query
is asked in both forms and of the reference evaluator; all three must agree.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cases import load
from tests.cases.outcome import OUTSIDE, RIGHT, WRONG, Outcome
from tests.diff import reference, regexp
from tests.lib import mp, wire
from tests.lib.mp import Plain
from tests.lib.wire import Connection

# Cases that use something of the test programs' own language, not of MongoDB.
FOREIGN = {
    "mongo-6a5690c501": "mongo: `first` and `last` of an array are JavaScript, not MongoDB",
    "mongo-ffcc3563ef": "mongo: `first` and `last` of an array are JavaScript, not MongoDB",
}


class Untranslatable(Exception):
    """An operator, and why no query of tamis says it."""


@dataclass(frozen=True)
class Place:
    """Where a value stands: a path of the row, or of the innermost ANY's element."""

    head: str
    steps: tuple[str | int, ...] = ()

    def at(self, step: str | int) -> Place:
        """One step further."""
        return Place(self.head, (*self.steps, step))

    @property
    def is_row(self) -> bool:
        """Whether it is the row itself: a map, and no operand."""
        return self.head == "path" and not self.steps

    @property
    def node(self) -> Plain:
        """The operand."""
        return [self.head, *self.steps]


ELEMENT = Place("element")


@dataclass(frozen=True)
class Test:
    """A condition on a value. absent: whether a missing value meets it. spread: whether an element
    of an array may meet it in the array's place.
    """

    about: Callable[[Place], Plain]
    absent: bool = False
    spread: bool = True


def both(parts: list[Plain]) -> Plain:
    """AND of the parts; of none TRUE."""
    return ["lit", True] if not parts else parts[0] if len(parts) == 1 else ["and", *parts]


def either(parts: list[Plain]) -> Plain:
    """OR of the parts; of none FALSE."""
    return ["lit", False] if not parts else parts[0] if len(parts) == 1 else ["or", *parts]


def complement(condition: Plain) -> Plain:
    """(condition) IS NOT TRUE."""
    return ["not", ["is true", condition]]


def is_of_type(place: Place, name: str) -> Plain:
    """Whether the value has a type, as type_of names it."""
    return ["=", ["type_of", place.node], name]


# --- paths ---


def reaches(place: Place, steps: list[str], test: Test) -> Plain:
    """Whether a value that the path leads to meets the test."""
    if not steps:
        return meets(place, test)
    step, rest = steps[0], steps[1:]
    direct = reaches(place.at(step), rest, test)
    if place.is_row:
        return direct
    inside = reaches(ELEMENT.at(step), rest, test)
    ways = [direct, ["any", place.node, inside]]
    if (
        test.absent
    ):  # what is missing must be missing of a map, not of an array or of a number in it
        ways = [
            ["and", ["not", is_of_type(place, "array")], direct],
            ["any", place.node, ["and", is_of_type(ELEMENT, "map"), inside]],
        ]
    if step.isdigit():
        indexed = place.at(int(step))
        there: list[Plain] = [["not", ["is missing", indexed.node]]] if test.absent else []
        ways.append(both([*there, reaches(indexed, rest, test)]))
    return either(ways)


def meets(place: Place, test: Test) -> Plain:
    """Whether a value, or an element of it where it is an array, meets the test."""
    itself = test.about(place)
    if not test.spread:
        return itself
    return ["or", itself, ["any", place.node, test.about(ELEMENT)]]


# --- tests of values ---


def regex_parts(value: Any) -> tuple[str, str] | None:
    """Pattern and flags of {"$regex": ..., "$options": ...}, else None."""
    if not isinstance(value, dict) or "$regex" not in value:
        return None
    pattern, options = value["$regex"], value.get("$options", "")
    if isinstance(pattern, dict):  # a regular expression object, itself written so
        inner = regex_parts(pattern)
        assert inner is not None
        return inner[0], inner[1] + options
    if set(options) - set("imsg"):
        raise Untranslatable(f"$options {options!r}: RE2 has the flags i, m and s")
    return pattern, options.replace("g", "")  # JavaScript's g: where the next search begins


def constant(value: Any) -> Plain:
    """A JSON value as a constant."""
    return ["lit", value] if isinstance(value, dict | list) else value


def equals(value: Any) -> Test:
    """The test behind {field: value} and $eq; null is also what is missing."""
    regex = regex_parts(value)
    if regex is not None:
        pattern, flags = regex
        more = [flags] if flags else []
        return Test(lambda p: ["regexp", p.node, pattern, *more])
    if value is None:
        return Test(lambda p: ["is null", p.node], absent=True)
    return Test(lambda p: ["=", p.node, constant(value)])


def one_of(values: Any) -> Test:
    """$in. (MongoDB takes lists only, sift.js a single value, too.)"""
    items = values if isinstance(values, list) else [values]
    plain = [v for v in items if v is not None and not isinstance(v, dict | list)]
    others = [equals(v) for v in items if v is None or isinstance(v, dict | list)]

    def about(place: Place) -> Plain:
        parts: list[Plain] = [["in", place.node, ["list", *plain]]] if plain else []
        return either([*parts, *(other.about(place) for other in others)])

    return Test(about, absent=any(other.absent for other in others))


def ordered(op: str, value: Any) -> Test:
    """$lt, $lte, $gt, $gte: MongoDB, too, compares within a type only."""
    if value is None:  # null is neither less nor greater than null, but equal
        return equals(None) if "=" in op else Test(lambda p: False)
    if isinstance(value, bool | dict | list):
        raise Untranslatable(f"{op} of {json.dumps(value)}: only numbers and strings (T3)")
    return Test(lambda p: [op, p.node, value])


def of_size(count: int) -> Test:
    """$size."""
    return Test(lambda p: ["=", ["array_length", p.node], count], spread=False)


def remainder(pair: list[int]) -> Test:
    """$mod, of what stands before the decimal point."""
    divisor, rest = pair

    def about(place: Place) -> Plain:
        x = place.node
        return ["=", ["%", ["case", ["<", x, 0], ["ceil", x], ["floor", x]], divisor], rest]

    return Test(about)


TYPES = {
    "double": ["double"], "string": ["string"], "object": ["map"], "array": ["array"],
    "binData": ["binary"], "bool": ["boolean"], "date": ["timestamp"], "null": ["null"],
    "number": ["integer", "double"],
}  # fmt: skip
CODES = {
    1: "double", 2: "string", 3: "object", 4: "array", 5: "binData", 8: "bool", 9: "date",
    10: "null",
}  # fmt: skip


def of_type(names: Any) -> Test:
    """$type."""
    found: list[str] = []
    for name in names if isinstance(names, list) else [names]:
        mongo = CODES.get(name, str(name))
        if mongo not in TYPES:
            raise Untranslatable(f"$type {mongo}: integers have no width (X4)")
        found += TYPES[mongo]
    return Test(lambda p: ["in", ["type_of", p.node], ["list", *found]])


def bits(op: str, mask: int | list[int]) -> Test:
    """$bitsAllSet and its kin; a mask is a number or the positions of its bits."""
    number = mask if isinstance(mask, int) else sum(1 << position for position in mask)
    compare, value = {
        "$bitsAllSet": ("=", number),
        "$bitsAllClear": ("=", 0),
        "$bitsAnySet": ("<>", 0),
        "$bitsAnyClear": ("<>", number),
    }[op]
    return Test(lambda p: [compare, ["&", p.node, number], value])


def has_element(query: dict[str, Any]) -> Test:
    """$elemMatch: an element that meets a query, or operators, altogether."""
    fields = any(not key.startswith("$") or key in LOGICAL for key in query)
    if fields:
        inner = both([is_of_type(ELEMENT, "map"), translate(ELEMENT, query)])
    else:
        inner = operators(ELEMENT, [], query, spread=False)
    return Test(lambda p: ["any", p.node, inner], spread=False)


TESTS: dict[str, Callable[[Any], Test]] = {
    "$eq": equals,
    "$in": one_of,
    "$lt": lambda v: ordered("<", v),
    "$lte": lambda v: ordered("<=", v),
    "$gt": lambda v: ordered(">", v),
    "$gte": lambda v: ordered(">=", v),
    "$size": of_size,
    "$mod": remainder,
    "$type": of_type,
    "$elemMatch": has_element,
    "$bitsAllSet": lambda v: bits("$bitsAllSet", v),
    "$bitsAllClear": lambda v: bits("$bitsAllClear", v),
    "$bitsAnySet": lambda v: bits("$bitsAnySet", v),
    "$bitsAnyClear": lambda v: bits("$bitsAnyClear", v),
}
THERE = Test(lambda p: ["not", ["is missing", p.node]], spread=False)


def is_operators(value: Any) -> bool:
    """Whether {...} holds operators; without any it is a value to be equal to."""
    return isinstance(value, dict) and bool(value) and all(key.startswith("$") for key in value)


def on_field(place: Place, steps: list[str], value: Any, spread: bool = True) -> Plain:
    """{field: value}."""
    if is_operators(value):
        return operators(place, steps, value, spread)
    return reaches(place, steps, with_spread(equals(value), spread))


def with_spread(test: Test, spread: bool) -> Test:
    """The test without its elements, where these do not count."""
    return Test(test.about, test.absent, spread and test.spread)


def operators(place: Place, steps: list[str], ops: dict[str, Any], spread: bool = True) -> Plain:
    """{field: {$op: ..., $op: ...}}: each of them on its own."""
    parts: list[Plain] = []
    for op, value in ops.items():
        if op == "$regex":
            test = with_spread(equals(ops), spread)
            parts.append(reaches(place, steps, test))
        elif op == "$options" and "$regex" in ops:
            continue
        elif op == "$not" or op == "$ne":
            parts.append(complement(on_field(place, steps, value, spread)))
        elif op == "$nin":
            parts.append(complement(reaches(place, steps, with_spread(one_of(value), spread))))
        elif op == "$exists":
            there = reaches(place, steps, THERE)
            parts.append(there if value else complement(there))
        elif op == "$all":
            every = [on_field(place, steps, item, spread) for item in value]
            parts.append(both(every) if every else ["lit", False])
        elif op in TESTS:
            parts.append(reaches(place, steps, with_spread(TESTS[op](value), spread)))
        else:
            raise Untranslatable(f"{op}: no such operator")
    return both(parts)


LOGICAL = {"$and", "$or", "$nor"}


def translate(place: Place, query: Any) -> Plain:
    """A whole query about the document at place."""
    if not isinstance(query, dict):
        return on_field(place, [], query)
    parts: list[Plain] = []
    about_itself: dict[str, Any] = {}
    for key, value in query.items():
        if key in LOGICAL:
            every = [translate(place, part) for part in value]
            made = both(every) if key == "$and" else either(every)
            parts.append(complement(made) if key == "$nor" else made)
        elif key == "$comment":
            continue
        elif key.startswith("$"):
            about_itself[key] = value
        else:
            parts.append(on_field(place, key.split("."), value))
    if about_itself:
        parts.append(operators(place, [], about_itself))
    return both(parts)


# --- cases ---


def looks_at_itself(query: Any) -> bool:
    """Whether a query asks about the document as a value."""
    if not isinstance(query, dict):
        return True
    return any(
        any(map(looks_at_itself, value)) if key in LOGICAL else key.startswith("$")
        for key, value in query.items()
    )


def by_reference(tree: Plain, rows: list[mp.Value]) -> list[int] | None:
    """What the reference keeps; None if it does not know the syntax of a regular expression."""
    asked = reference.Query(mp.decode(mp.encode(tree)))
    try:
        return [i for i, row in enumerate(rows) if asked.ask_value(row) is reference.TRUE]
    except regexp.NotInThePart:
        return None


def ask(connection: Connection, tree: Plain, rows: list[mp.Value]) -> tuple[list[int], str]:
    """What the structured query keeps, and what is wrong with the answers to it; "" if nothing."""
    payload: Plain = ["maps", rows]
    answer = connection.filter(tree, payload)
    if answer.error is not None:
        return [], f"{answer.code}: {wire.text_of(answer.error['message'])}"
    derived = by_reference(tree, rows)
    if derived is not None and derived != answer.indices:
        return answer.indices, f"kept {answer.indices}, the reference {derived}"
    explained = wire.fields(connection.call(wire.EXPLAIN, tree, None)[-1][2])
    text = wire.text_of(explained["text"])
    twin = connection.filter(text, payload)
    if twin.error is not None or twin.indices != answer.indices:
        return answer.indices, f"kept {answer.indices}, as text {twin.indices} ({twin.code}) {text}"
    return answer.indices, ""


def run_case(connection: Connection, case: dict[str, Any]) -> Outcome:
    """One line of the file."""
    name, query, told = case["id"], case["query"], json.dumps(case["query"])
    keeps = bool(case["expect"])
    if name in FOREIGN:
        return Outcome(name, OUTSIDE, FOREIGN[name], keeps, told)
    whole = looks_at_itself(query) or not all(isinstance(doc, dict) for doc in case["docs"])
    place = Place("path", ("doc",) if whole else ())
    rows = [load.from_json({"doc": doc} if whole else doc) for doc in case["docs"]]
    try:
        tree = translate(place, query)
    except Untranslatable as exc:
        return Outcome(name, OUTSIDE, f"mongo: {exc}", keeps, told)
    kept, wrong = ask(connection, tree, rows)
    if wrong:
        return Outcome(name, WRONG, wrong, keeps, f"{told} as {tree}")
    if kept == case["expect"]:
        return Outcome(name, RIGHT, keeps_rows=keeps)
    return Outcome(name, WRONG, f"kept {kept}, not {case['expect']}", keeps, f"{told} as {tree}")


def run_cases(connection: Connection, path: Path) -> list[Outcome]:
    """All cases of the file."""
    return [run_case(connection, case) for case in load.lines(path)]
