"""number_text.jsonl: number texts and the bits of the nearest double.

Each text is read as a literal of a query and by CAST. With a point or an exponent it must be that
double bit for bit; a literal without is an integer, which is exact or refused (X5). CAST to double
reads any of them as a double. What is out of the range of a double is refused, or null by CAST.
"""

from __future__ import annotations

import math
import struct
from pathlib import Path
from typing import Any

from tests.cases import load
from tests.cases.outcome import DECIDED, RIGHT, WRONG, Outcome
from tests.lib import wire
from tests.lib.mp import Plain, Value
from tests.lib.wire import Connection

EXACT = "X5: an integer literal is that integer, exactly, not the nearest double"
TOO_LONG = "X5: an integer literal that fits neither int64 nor uint64 does not compile"
TOO_LARGE = "X5: a literal out of the range of a double does not compile"


def double_of(bits: int) -> float:
    """The double of 64 bits."""
    return float(struct.unpack(">d", struct.pack(">Q", bits))[0])


def bits_of(value: float) -> int:
    """The 64 bits of a double."""
    return int(struct.unpack(">Q", struct.pack(">d", value))[0])


def constant_of(connection: Connection, text: str) -> tuple[Value, str]:
    """What a literal of a query is, and the error that it gets, or "OK"."""
    reply = connection.call(wire.EXPLAIN, f"x = {text}", None)[-1]
    fields = wire.fields(reply[2])
    if reply[0] == wire.ERROR:
        return None, wire.text_of(fields["name"])
    tree = fields["structured"]
    assert isinstance(tree, list) and len(tree) == 3
    return tree[2], "OK"


def literal(connection: Connection, text: str, bits: int) -> tuple[str, str, str]:
    """Verdict of a literal, the rule, and what is wrong."""
    value, code = constant_of(connection, text)
    is_integer = text.lstrip("+-").isdigit()
    if is_integer and not -(2**63) <= int(text) < 2**64:
        return DECIDED, TOO_LONG, "" if code == "BAD_LITERAL" else f"literal {value!r} ({code})"
    if is_integer:
        same = isinstance(value, int) and value == int(text)
        exact = double_of(bits) == int(text) and bits_of(double_of(bits) + 0.0) == bits  # no -0.0
        verdict = RIGHT if exact else DECIDED
        return verdict, EXACT, "" if same else f"literal {value!r} ({code})"
    if math.isinf(double_of(bits)):
        return DECIDED, TOO_LARGE, "" if code == "BAD_LITERAL" else f"literal {value!r} ({code})"
    same = isinstance(value, float) and bits_of(value) == bits
    return RIGHT, "", "" if same else f"literal {value!r} ({code})"


def neighbours(bits: int) -> list[float]:
    """The doubles just below and above, where there are any."""
    value = double_of(bits)
    return [math.nextafter(value, -math.inf), math.nextafter(value, math.inf)]


def cast(connection: Connection, text: str, bits: int) -> str:
    """What is wrong with CAST of a constant text; "" if nothing is."""
    value = double_of(bits)
    made = f"CAST('{text}' AS double)"
    rows: Plain = ["maps", [{"x": x} for x in [value, *neighbours(bits)]]]
    if math.isinf(value):
        null = connection.filter(f"{made} IS NULL", rows)
        return "" if null.indices == [0, 1, 2] else f"{made} is not null ({null.code})"
    same = connection.filter(f"x = {made}", rows)
    if same.indices != [0]:
        return f"{made} is one of {same.indices} ({same.code})"
    minus = "-0.0" if math.copysign(1, value) < 0 else "0.0"
    signed = connection.filter(f"x <> 0 OR CAST({made} AS text) = '{minus}'", rows)
    return "" if 0 in signed.indices else f"{made} has the wrong sign"


def cast_of_rows(connection: Connection, cases: list[dict[str, Any]]) -> set[str]:
    """The texts that CAST reads wrongly where they stand in rows."""
    rows: list[Plain] = [
        {"t": case["text"], "x": double_of(int(case["double"], 16))} for case in cases
    ]
    equal = connection.filter("x = CAST(t AS double)", ["maps", rows])
    nothing = connection.filter("TRY_CAST(t AS double) IS NULL", ["maps", rows])
    wrong = set()
    for i, case in enumerate(cases):
        infinite = math.isinf(double_of(int(case["double"], 16)))
        if (i in equal.indices, i in nothing.indices) != (not infinite, infinite):
            wrong.add(case["text"])
    return wrong


def run_cases(connection: Connection, path: Path) -> list[Outcome]:
    """All lines of the file."""
    cases = list(load.lines(path))
    wrong_rows = cast_of_rows(connection, cases)
    outcomes: list[Outcome] = []
    for case in cases:
        text, bits = case["text"], int(case["double"], 16)
        verdict, rule, wrong = literal(connection, text, bits)
        wrong = wrong or cast(connection, text, bits)
        if not wrong and text in wrong_rows:
            wrong = "CAST of a row's text"
        if wrong:
            told = f"{text} is {double_of(bits)!r}"
            outcomes.append(Outcome(case["id"], WRONG, wrong, told=told))
        else:
            why = rule if verdict == DECIDED else ""
            outcomes.append(Outcome(case["id"], verdict, why, told=text))
    return outcomes
