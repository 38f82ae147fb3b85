"""msgpack_decode.jsonl: each value as a field of a row.

A valid value comes back byte for byte, is not missing, and equals the value that the file says it
is (sent as a parameter, in its shortest form). A cut one is ROW_TRUNCATED, one that is never valid
ROW_INVALID, each with the row and an offset inside the frame.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from tests.cases.load import from_json, lines
from tests.cases.outcome import RIGHT, WRONG, Outcome
from tests.lib import mp
from tests.lib.mp import Bin, Ext, Raw, Timestamp, Value
from tests.lib.wire import Connection

KEY = mp.encode("v")
EXPECTED = {
    "incomplete": "ROW_TRUNCATED",
    "error": "ROW_INVALID",
    "error-if-timestamps-decoded": "ROW_INVALID",
}


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


def run_cases(connection: Connection, path: Path) -> list[Outcome]:
    """All lines of the file."""
    out: list[Outcome] = []
    for line in lines(path):
        encoded = bytes.fromhex(line["hex"])
        valid = "expect" not in line
        if valid:
            wrong = accepted(connection, encoded, value_of(line))
        else:
            wrong = refused(connection, encoded, EXPECTED[line["expect"]])
        verdict = WRONG if wrong else RIGHT
        out.append(Outcome(line["id"], verdict, wrong, keeps_rows=valid, told=line["hex"][:200]))
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
