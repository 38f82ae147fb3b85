"""msgpack_decode.jsonl: each value as a field of a row.

A valid value comes back byte for byte, is not missing, and equals the value that the file says it
is (sent as a parameter, in its shortest form). A cut one is ROW_TRUNCATED, one that is never valid
ROW_INVALID, each with the row and an offset inside the frame.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cases.load import from_json, lines
from tests.lib import mp
from tests.lib.mp import Bin, Ext, Raw, Timestamp, Value
from tests.lib.wire import Connection

KEY = mp.encode("v")
EXPECTED = {
    "incomplete": "ROW_TRUNCATED",
    "error": "ROW_INVALID",
    "error-if-timestamps-decoded": "ROW_INVALID",
}


@dataclass
class DecodeOutcome:
    """A line's id, what kind of line it is, and what is wrong, if anything."""

    name: str
    kind: str
    wrong: str = ""


def value_of(line: dict[str, Any]) -> Value:
    """The value that a line says its bytes are."""
    if "bin" in line:
        return Bin(bytes.fromhex(line["bin"]))
    if "float" in line:
        return float(line["float"])
    if "int" in line:
        return int(line["int"])
    if "timestamp" in line:
        return Timestamp(*line["timestamp"])
    if "ext" in line:
        return Ext(line["ext"][0], bytes.fromhex(line["ext"][1]))
    return from_json(line["value"])


def run_decode(connection: Connection, path: Path) -> list[DecodeOutcome]:
    """All lines of the file."""
    out: list[DecodeOutcome] = []
    for line in lines(path):
        encoded = bytes.fromhex(line["hex"])
        if "expect" in line:
            wrong = refused(connection, encoded, EXPECTED[line["expect"]])
            out.append(DecodeOutcome(line["id"], line["expect"], wrong))
        else:
            out.append(
                DecodeOutcome(line["id"], "valid", accepted(connection, encoded, value_of(line)))
            )
    return out


def refused(connection: Connection, encoded: bytes, code: str) -> str:
    """What is wrong with the error that bad bytes get; "" if nothing is."""
    good = mp.encode({"v": 1})
    row = b"\x81" + KEY + encoded
    answer = connection.filter("v = 1", ["maps", [Raw(good), Raw(row)]])
    if answer.code != code:
        return f"{answer.code}, not {code}"
    assert answer.error is not None
    if answer.error.get("row") != 1:
        return f"names row {answer.error.get('row')!r}, not 1"
    if not isinstance(answer.error.get("offset"), int):
        return "has no offset"
    return ""


def accepted(connection: Connection, encoded: bytes, value: Value) -> str:
    """What is wrong with a valid value's treatment; "" if nothing is."""
    row = b"\x81" + KEY + encoded
    echo = connection.filter("v IS NOT MISSING", ["maps", [Raw(row)]], result="rows")
    if b"".join(echo.rows) != row:
        return f"came back as {b''.join(echo.rows).hex()} ({echo.code})"
    same = connection.filter("v = :p", ["maps", [Raw(row)]], params={"p": value})
    unequal = value is None or (isinstance(value, float) and math.isnan(value))
    if same.indices != ([] if unequal else [0]):
        return f"= {value!r} keeps {same.indices} ({same.code})"
    other = connection.filter("v IS DISTINCT FROM :p", ["maps", [Raw(row)]], params={"p": value})
    return f"is distinct from {value!r} ({other.code})" if other.indices or other.error else ""


def report(outcomes: list[DecodeOutcome]) -> str:
    """Counts by kind."""
    total, wrong = Counter(o.kind for o in outcomes), Counter(o.kind for o in outcomes if o.wrong)
    return ", ".join(f"{kind}: {n - wrong[kind]} of {n}" for kind, n in sorted(total.items()))


def sample(outcomes: list[DecodeOutcome], count: int = 10) -> str:
    """Some of the wrong ones."""
    bad = [o for o in outcomes if o.wrong]
    return "\n".join(
        f"{o.name}: {o.wrong}" for o in random.Random(0).sample(bad, min(count, len(bad)))
    )
