"""The row readers against the shared cases: JSONTestSuite, csv-spectrum and others, number texts;
and the parts of the bug reports that are theirs.
"""

from __future__ import annotations

import base64
import json
import math
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest

from tests.cases import load
from tests.lib import mp
from tests.lib.mp import Map, Str, Value
from tests.lib.readers import MISSING, Reading, read

# What the default lets through in a part that nobody asks for: wrong escapes, malformed UTF-8.
# Everything else is refused with or without validation (docs/FORMATS.md).
LAX = {
    "json-n_string_1_surrogate_then_escape_u1x",
    "json-n_string_escape_x",
    "json-n_string_escaped_emoji",
    "json-n_string_incomplete_escaped_character",
    "json-n_string_incomplete_surrogate",
    "json-n_string_incomplete_surrogate_escape_invalid",
    "json-n_string_invalid_backslash_esc",
    "json-n_string_invalid_utf8_after_escape",
    "json-n_string_invalid-utf-8-in-escape",
}

# CSV cases that are decided here, not by their source.
CSV_DECIDED = {
    "csv-spectrum-location_coordinates": "its rows are another file's: the telephone differs",
    "csv-td-bad-header-wrong-header": "any names make a header",
    "csv-td-bad-unescaped-quote": "a quote inside a bare cell is a character; refused by validate",
}


def cases(name: str) -> list[dict[str, Any]]:
    """The lines of a case file; skips without it."""
    folder = load.directory()
    if not folder.is_dir():
        load.required()
    return list(load.lines(folder / name))


def document(case: dict[str, Any]) -> bytes:
    """The bytes of a JSON case."""
    if "z64" in case:
        return zlib.decompress(base64.b64decode(case["z64"]))
    return base64.b64decode(case["b64"])


def from_python(value: Any) -> Value:
    """What json.loads gave as the reader gives it: the last of equal names was kept by Python."""
    if isinstance(value, str):
        return Str(value.encode("utf-8", "surrogatepass"))
    if isinstance(value, list):
        return [from_python(item) for item in value]
    if isinstance(value, dict):
        return Map(tuple((from_python(k), from_python(v)) for k, v in value.items()))
    if isinstance(value, int) and not isinstance(value, bool) and not -(2**63) <= value < 2**64:
        return float(value)
    return value  # type: ignore[no-any-return]


def python_json(text: bytes) -> Any:
    """json.loads, but -0 keeps its sign."""
    return json.loads(text, parse_int=lambda digits: -0.0 if digits == "-0" else int(digits))


def last_wins(value: Value) -> Value:
    """A decoded value with only the last of equal names, at the place of the first."""
    if isinstance(value, list):
        return [last_wins(item) for item in value]
    if isinstance(value, Map):
        return Map(tuple({k: last_wins(v) for k, v in value.pairs}.items()))
    return value


def same(a: object, b: object) -> bool:
    """Equal, also in type, and in the bits of doubles."""
    if isinstance(a, float) and isinstance(b, float):
        return struct.pack(">d", a) == struct.pack(">d", b) or (math.isnan(a) and math.isnan(b))
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, Map) and isinstance(b, Map):
        return same([list(p) for p in a.pairs], [list(p) for p in b.pairs])
    return type(a) is type(b) and a == b


def in_array(value: bytes) -> bytes:
    """A row in an array, whose lines may end anywhere, with some value under v."""
    return b'[{"v":' + value + b"}]"


@pytest.mark.parametrize("loops", ["piece=1", "piece=1000000"])
def test_json_suite(loops: str) -> None:
    """Accepted and refused as the suite says, wanted or not, with and without validation."""
    wrong = []
    let_through = set()
    for case in cases("json_parse.jsonl"):
        text, verdict = document(case), case["verdict"]
        for path in ("v", "other"):
            for options in ([loops], [loops, "validate"]):
                reading = read("jsonl", in_array(text), path, *options)
                accepted = not reading.faults and len(reading.rows) == 1
                if verdict == "reject" and accepted and path == "other" and len(options) == 1:
                    let_through.add(case["id"])
                elif verdict != "either" and accepted != (verdict == "accept"):
                    wrong.append(f"{case['id']} {path} {options}: {reading.faults}")
                if verdict == "accept" and accepted and path == "v":
                    got, want = reading.rows[0][1][0], from_python(python_json(text))
                    if not same(last_wins(got), want):  # type: ignore[arg-type]
                        wrong.append(f"{case['id']}: {got!r}, not {want!r}")
    assert not wrong, "\n".join(wrong)
    assert let_through == LAX


def test_json_numbers() -> None:
    """Every text bit for bit, as JSON where it is, and as a CSV cell."""
    texts = cases("number_text.jsonl")
    as_json = [case for case in texts if case["json_syntax"]]
    lines = b"".join(b'{"v":%s}\n' % case["text"].encode() for case in as_json)
    reading = read("jsonl", lines, "v")
    assert not reading.faults and len(reading.rows) == len(as_json) > 1000
    for case, (value,) in zip(as_json, reading.values(), strict=True):
        want = struct.unpack(">d", bytes.fromhex(case["double"]))[0]
        if isinstance(value, int):
            assert value == int(case["text"]) and float(value) == want, case
        else:
            assert same(value, want), (case, value)
    cells = b"v\n" + b"".join(case["text"].encode() + b"\n" for case in texts)
    reading = read("csv", cells, "v", "types=v:double")
    assert len(reading.rows) == len(texts)
    for case, (value,) in zip(texts, reading.values(), strict=True):
        want = struct.unpack(">d", bytes.fromhex(case["double"]))[0]
        assert value is None if math.isinf(want) else same(value, want), (case, value)


def csv_reading(case: dict[str, Any], *options: str) -> Reading:
    """A CSV case with all its columns wanted, called c1, c2 ... where it has no header."""
    data = base64.b64decode(case["b64"])
    rows = case.get("rows") or []
    if case["header"]:
        names = list(rows[0]) if isinstance(rows, list) and rows else ["foo", "bar", "baz"]
        return read("csv", data, " ".join(names), *options)
    width = len(rows[0]) if rows else 3
    return read("csv", data, " ".join(f"c{i + 1}" for i in range(width)), "no_header", *options)


@pytest.mark.parametrize("loops", ["portable", "piece=1", "piece=64"])
def test_csv_cases(loops: str) -> None:
    for case in cases("csv_parse.jsonl"):
        if case["id"] in CSV_DECIDED:
            continue
        reading = csv_reading(case, loops)
        if case.get("expect") == "error":
            assert reading.faults, case["id"]
            continue
        assert not reading.faults, (case["id"], reading.faults)
        want = [list(r.values()) if isinstance(r, dict) else r for r in case["rows"]]
        got = [[c.raw.decode() for c in row if isinstance(c, Str)] for row in reading.values()]
        if case["id"] == "csv-spectrum-newlines_crlf":  # whose file has lost its carriage returns
            want = [[c.replace("\r\n", "\n") for c in row] for row in want]
        assert got == want, case["id"]
        body = base64.b64decode(case["b64"])
        head = len(body.split(b"\n")[0]) + (b"\n" in body) if case["header"] else 0
        assert b"".join(span for span, _ in reading.rows) in (body, body[head:])


def test_csv_decided() -> None:
    found = {case["id"]: case for case in cases("csv_parse.jsonl")}
    assert set(CSV_DECIDED) <= set(found)
    coordinates = base64.b64decode(found["csv-spectrum-location_coordinates"]["b64"])
    reading = read("csv", coordinates, "Cities")
    assert reading.values() == [[Str(b"Modesto")]] and b'37.8"N' in reading.rows[0][0]
    assert read("csv", coordinates, "Cities", "validate").faults[0].code == "ROW_INVALID"
    assert not csv_reading(found["csv-td-bad-header-wrong-header"]).faults
    quote = found["csv-td-bad-unescaped-quote"]
    assert csv_reading(quote).rows[1][1][1] == Str(b'This "quotes" must be escaped')
    assert csv_reading(quote, "validate").faults[0].row == 1


@pytest.mark.parametrize(
    "text",
    [
        b'id,note\r\n1,"two\r\nlines"\r\n2,x\r\n',
        b'id,note\r\n1,"two\r\nlines"\r\n2,x',
        b'id,note\n2,x\n1,"two\r\nlines"',
    ],
)
def test_c41_newlines_in_quotes(text: bytes) -> None:
    reading = read("csv", text, "id note")
    assert sorted(map(repr, reading.values())) == sorted(
        map(repr, [[Str(b"1"), Str(b"two\r\nlines")], [Str(b"2"), Str(b"x")]])
    )
    assert b"".join(span for span, _ in reading.rows) == text[text.index(b"\n") + 1 :]


def test_c01_c07_exact_integers() -> None:
    ids = [
        50000000014435121,
        50000000014435122,
        1780921717355446273,
        2**63 - 1,
        2**64 - 1,
        -(2**63),
    ]
    lines = b"".join(b'{"id":%d}\n' % i for i in ids)
    reading = read("jsonl", lines, "id")
    assert reading.values() == [[i] for i in ids]
    assert b"".join(span for span, _ in reading.rows) == lines
    cells = read("csv", b"id\n" + b"".join(b"%d\n" % i for i in ids), "id", "types=id:integer")
    assert cells.values() == [[i] for i in ids]


def test_c16_cells_are_text() -> None:
    reading = read("csv", b'c,d\n0,007\n,NA\n"",3.5\n', "c d")
    assert reading.values() == [
        [Str(b"0"), Str(b"007")],
        [Str(b""), Str(b"NA")],
        [Str(b""), Str(b"3.5")],
    ]


def test_c26_last_of_equal_names() -> None:
    assert read("jsonl", b'{"a":1,"a":2}\n', "a").values() == [[2]]
    assert read("jsonl", b'{"a":{"b":1},"a":{"c":2}}\n', "a.b a.c").values() == [[MISSING, 2]]
    assert read("csv", b"a,b,a\n1,2,3\n", "a").values() == [[Str(b"3")]]


def test_c28_c32_msgpack() -> None:
    for claim in ("ddff000000", "dfffffffff", "81a161dbffffffff", "81a161c6ffffffff"):
        for options in ([], ["piece=1"], ["row_bytes=1000"]):
            assert len(read("msgpack", bytes.fromhex(claim), "a", *options).faults) == 1
    assert read("msgpack", b"\x81\xa1a\xc1", "a", "piece=1").faults[0].code == "ROW_INVALID"
    assert read("msgpack", b"\x80\x81\xa1", "a").faults[0].code == "ROW_TRUNCATED"
    rows = b"".join(mp.encode({"a": i, "b": [i, {"c": "x" * i}]}) for i in range(300))
    whole = read("msgpack", rows, "a b[1].c")
    assert len(whole.rows) == 300 and read("msgpack", rows, "a b[1].c", "piece=1") == whole
    array = mp.header("array", 300) + rows
    assert read("msgpack", array, "a b[1].c", "piece=7") == whole


def sample_files() -> list[Path]:
    """The real data sets, if there are any."""
    return sorted(load.directory().parent.glob("rows/*.jsonl.gz"))


@pytest.mark.parametrize("path", sample_files(), ids=lambda path: str(path.name))
def test_real_rows(path: Path) -> None:
    """Every value of every row of real files, against json.loads."""
    data = zlib.decompress(path.read_bytes(), wbits=31)
    lines = data.splitlines(keepends=True)[:3000]
    rows = [python_json(line) for line in lines]
    names = sorted({name for row in rows for name in row if " " not in name and "." not in name})
    reading = read("jsonl", b"".join(lines), " ".join([*names[:40], "."]), "validate")
    assert not reading.faults and [span for span, _ in reading.rows] == lines
    for row, values in zip(rows, reading.values(), strict=True):
        for name, value in zip(names[:40], values, strict=False):
            want = from_python(row[name]) if name in row else MISSING
            assert same(value, want), (name, value, want)
        assert same(values[-1], from_python(row))
