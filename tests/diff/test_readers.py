"""The JSON and CSV readers against Python's json and csv, on random texts: well-formed ones in all
spellings, and the same with something broken in them.
"""

from __future__ import annotations

import csv
import io
import json
import random
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cases.test_readers import from_python, last_wins, python_json, same
from tests.lib.mp import Str
from tests.lib.readers import MISSING, read, read_each
from tests.lint.build import built

LINES = 3000
NAMES = ["a", "b", "name", "a name longer than sixteen", "", "\u00e9", 'q"\\']
WORDS = [
    "",
    "x",
    "two words",
    "\u20ac",
    "\U0001f600",
    'say "hi"',
    "back\\slash",
    "tab\t",
    "[1,{",
    "\0",
]


def random_value(rng: random.Random, depth: int = 0) -> Any:
    """A JSON value."""
    kind = rng.randrange(8 if depth < 3 else 6)
    if kind == 0:
        return rng.choice([None, True, False])
    if kind == 1:
        return rng.choice([0, -1, 7, rng.randrange(-(2**63), 2**64), rng.randrange(1000), 2**70])
    if kind == 2:
        return rng.choice([0.5, -0.0, 1e300, rng.random(), rng.uniform(-1e9, 1e9), 1e22, 1e-7])
    if kind < 6:
        return rng.choice(WORDS) * rng.choice([1, 1, 1, 9])
    if kind == 6:
        return [random_value(rng, depth + 1) for _ in range(rng.randrange(5))]
    return {rng.choice(NAMES): random_value(rng, depth + 1) for _ in range(rng.randrange(4))}


def spelled(rng: random.Random, value: Any) -> str:
    """A JSON text of it: with or without blanks and escapes, names now and then twice."""
    blank = rng.choice(["", "", "", " ", "\t "])
    if isinstance(value, dict):
        pairs = [(name, item) for name, item in value.items()]
        if pairs and rng.random() < 0.1:
            pairs.insert(0, (pairs[-1][0], random_value(rng, 3)))
        body = ("," + blank).join(
            f"{blank}{spelled(rng, k)}{blank}:{blank}{spelled(rng, v)}" for k, v in pairs
        )
        return "{" + body + blank + "}"
    if isinstance(value, list):
        return "[" + ("," + blank).join(spelled(rng, item) + blank for item in value) + "]"
    text = json.dumps(value, ensure_ascii=rng.random() < 0.5)
    if isinstance(value, str) and value and rng.random() < 0.2:
        text = '"' + "".join(f"\\u{ord(c):04X}" if ord(c) < 65536 else c for c in value) + '"'
    return text


def broken(rng: random.Random, text: bytes) -> bytes:
    """The text with one small thing changed; often it is no JSON then."""
    at = rng.randrange(len(text))
    piece = rng.choice(list(b'{}[]:,"\\ 0-.eEtfn\x01\xff'))
    how = rng.randrange(4)
    if how == 0:
        return text[:at] + text[at + 1 :]
    if how == 1:
        return text[:at] + bytes([piece]) + text[at:]
    if how == 2:
        return text[:at] + bytes([piece]) + text[at + 1 :]
    return text[:at]


def verdict(line: bytes) -> Any:
    """What Python makes of a line: an object, or the reason why it is no row."""

    def refuse(word: str) -> None:
        raise ValueError(word)

    try:
        line.decode()
        value = python_json(line)
        json.loads(line, parse_constant=refuse)
    except (ValueError, RecursionError) as reason:
        return str(reason)
    return value if isinstance(value, dict) else "no object"


@pytest.mark.parametrize("options", [["validate"], ["validate", "portable", "piece=777"]])
@pytest.mark.parametrize("seed", [1, 2])
def test_json_lines(seed: int, options: list[str]) -> None:
    rng = random.Random(seed)
    lines = []
    for i in range(LINES):
        row = {rng.choice(NAMES): random_value(rng) for _ in range(rng.randrange(6))}
        text = spelled(rng, row).encode()
        lines.append(broken(rng, text).replace(b"\n", b" ") if i % 2 else text)
    lines = [line for line in lines if line.strip(b" \t\r")]
    reading = read("jsonl", b"\n".join(lines) + b"\n", "a b name \u00e9 .", "skip", *options)
    want = [verdict(line) for line in lines]
    good = [
        (line, value) for line, value in zip(lines, want, strict=True) if isinstance(value, dict)
    ]
    refused = [i for i, value in enumerate(want) if not isinstance(value, dict)]
    assert [fault.row for fault in reading.faults] == refused
    assert reading.skipped == len(refused) > LINES // 10
    assert [span for span, _ in reading.rows] == [line + b"\n" for line, _ in good]
    for (_, value), (_, cells) in zip(good, reading.rows, strict=True):
        for name, cell in zip(["a", "b", "name", "\u00e9"], cells, strict=False):
            assert same(last_wins_of(cell), from_python(value[name]) if name in value else MISSING)
        assert same(last_wins_of(cells[-1]), from_python(value))


def test_json_and_simdjson(tmp_path: Path) -> None:
    """Another parser's opinion of the same lines; where it differs it is known why."""
    rng = random.Random(5)
    lines = []
    for i in range(2 * LINES):
        text = spelled(rng, {rng.choice(NAMES): random_value(rng) for _ in range(4)}).encode()
        lines.append(broken(rng, text).replace(b"\n", b" ") if i % 2 else text)
    lines = [line for line in lines if line.strip(b" \t\r")]
    path = tmp_path / "lines"
    path.write_bytes(b"\n".join(lines) + b"\n")
    run = subprocess.run(
        [built("tests/simdjson_tool"), path], capture_output=True, text=True, check=True
    )
    opinions = run.stdout.splitlines()
    refused = {f.row for f in read("jsonl", path.read_bytes(), "a", "skip", "validate").faults}
    assert len(opinions) == len(lines) and len(refused) > LINES // 10
    for i, (line, opinion) in enumerate(zip(lines, opinions, strict=True)):
        if (opinion == "object") == (i not in refused):
            continue
        assert i not in refused, (line, opinion)  # it never takes what we refuse
        big = re.search(rb"\d{19}|[eE][+-]?\d{3}", line)  # numbers beyond its types
        half = re.search(rb"(?i)\\ud[89a-f]", line)  # a surrogate without its other half
        assert big or half, (line, opinion)


def is_utf8(line: bytes) -> bool:
    """Whether a line is UTF-8."""
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


@pytest.mark.parametrize("options", [[], ["avx2"], ["portable", "piece=777"]])
def test_json_where_nobody_looks(options: list[str]) -> None:
    """Without validation only escapes and UTF-8 are let through, and everything right is."""
    rng = random.Random(3)
    lines = []
    for _ in range(2 * LINES):
        row = {rng.choice(NAMES[:5]): random_value(rng) for _ in range(1 + rng.randrange(6))}
        line = broken(rng, spelled(rng, row).encode()).replace(b"\n", b" ")
        if line.strip(b" \t\r"):
            lines.append(line)
    refused = {f.row for f in read("jsonl", b"\n".join(lines), "zz", "skip", *options).faults}
    let_through = 0
    for i, line in enumerate(lines):
        if isinstance(verdict(line), dict):
            assert i not in refused, line
        elif i not in refused:
            let_through += 1
            assert b"\\" in line or not is_utf8(line), line
    assert let_through > 0 and len(refused) > LINES // 2


def last_wins_of(cell: Any) -> Any:
    """last_wins, for what may be missing."""
    return cell if cell is MISSING else last_wins(cell)


LIMIT = 100  # row_bytes
ROWS: list[tuple[str, bytes, bytes, bytes, bytes]] = [
    # format, what is in front of the rows, behind them, and around the filling of each
    ("jsonl", b"", b"", b'{"a":"', b'"}\n'),
    ("jsonl", b"", b"", b'{"a":"', b'"}\r\n'),
    ("jsonl", b"[", b"]", b'{"a":"', b'"}'),
    ("csv", b"a,b\n", b"", b"", b",1\n"),
    ("csv", b"a,b\n", b"", b'"', b'\n",1\r\n'),
    ("csv", b"", b"1,2\n", b"", b",b\n"),  # the header is a row in this
    ("csv", b"\n\r\n", b"1,2\n", b"", b",b\r\n"),
]


@pytest.mark.parametrize("options", [[], ["validate"], ["portable"], ["piece=1"], ["piece=64"]])
@pytest.mark.parametrize("size", [LIMIT - 1, LIMIT, LIMIT + 1])
def test_the_longest_row(size: int, options: list[str]) -> None:
    """row_bytes is exact, however the input comes, whatever stands around."""
    options = [*options, f"row_bytes={LIMIT}"]
    for form, front, back, head, tail in ROWS:
        is_header = back == b"1,2\n"
        comma = b"," if front == b"[" else b""

        def row(n: int, head: bytes = head, tail: bytes = tail) -> bytes:
            return head + b"x" * (n - len(head) - len(tail)) + tail

        texts = [row(size)] if is_header else [row(size), row(20) + comma + row(size)]
        documents = [front + text + back for text in texts]
        readings = read_each(form, documents, ["a"], *options)
        for count, (document, reading) in enumerate(zip(documents, readings, strict=True), 1):
            if size <= LIMIT:
                assert (reading.faults, len(reading.rows)) == ([], count), document
            else:
                (fault,) = reading.faults
                assert (fault.code, fault.row) == ("ROW_TOO_LONG", count - 1), document


@pytest.mark.parametrize("options", [[], ["piece=1"], ["piece=64"]])
def test_the_longest_row_of_msgpack(options: list[str]) -> None:
    rows = [b"\x81\xa1a\xd9" + bytes([n - 5]) + b"x" * (n - 5) for n in (99, 100, 101)]
    documents = [*rows, rows[0] + rows[1] + rows[2], b"\x93" + b"".join(rows)]
    readings = read_each("msgpack", documents, ["a"], f"row_bytes={LIMIT}", *options)
    told = [(len(r.rows), [fault.code for fault in r.faults]) for r in readings]
    long = ["ROW_TOO_LONG"]
    assert told == [(1, []), (1, []), (0, long), (2, long), (2, long)]


CELLS = ["", "x", "007", "two words", "a,b", 'q"uote', "line\nfeed", "\u20ac", " blank ", '"', "NA"]


@pytest.mark.parametrize("options", [[], ["portable", "piece=777"], ["validate"]])
@pytest.mark.parametrize("delimiter", [",", "\t"])
def test_csv_records(delimiter: str, options: list[str]) -> None:
    rng = random.Random(7)
    names = ["a", "b", "c", "d"]
    for end in ("\n", "\r\n"):
        rows = [[rng.choice(CELLS) * rng.choice([1, 1, 40]) for _ in names] for _ in range(LINES)]
        out = io.StringIO(newline="")
        csv.writer(out, delimiter=delimiter, lineterminator=end).writerows([names, *rows])
        text = out.getvalue().encode()
        assert (
            list(csv.reader(io.StringIO(text.decode(), newline=""), delimiter=delimiter))[1:]
            == rows
        )
        reading = read("csv", text, "d b a .", f"delimiter={delimiter}", *options)
        assert not reading.faults
        assert b"".join(span for span, _ in reading.rows) == text[text.index(b"\n") + 1 :]
        for row, cells in zip(rows, reading.values(), strict=True):
            assert cells[:3] == [Str(row[i].encode()) for i in (3, 1, 0)]
            assert same(cells[3], from_python(dict(zip(names, row, strict=True))))


@pytest.mark.parametrize("options", [[], ["portable", "piece=777"]])
def test_csv_rows_as_maps(options: list[str]) -> None:
    """Short rows, long rows, names that come twice and declared types, against csv."""
    rng = random.Random(11)
    names = ["n", "a", "flag", "a", "x"]
    takes: dict[str, Callable[[str], Any]] = {
        "n": lambda text: int(text) if text else None,
        "flag": lambda text: {"true": True, "FALSE": False}.get(text),
    }
    spellings = {"n": ["", "7", "-12345678901", "007"], "flag": ["true", "FALSE", ""]}
    rows = [
        [rng.choice(spellings.get(name, CELLS[1:])) for name in [*names, "more"]][
            : rng.randrange(1, 7)
        ]
        for _ in range(LINES)
    ]
    rows = [row if row != [""] else ["7"] for row in rows]
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\n").writerows([names, *rows])
    text = out.getvalue().encode()
    reading = read("csv", text, ". a", "ragged", "types=n:integer,flag:boolean", *options)
    assert not reading.faults and reading.unfit == 0
    parsed = list(csv.reader(io.StringIO(text.decode(), newline="")))[1:]
    for row, (whole, last) in zip(parsed, reading.values(), strict=True):
        cells = dict(zip(names[2:], row[2:], strict=False))  # the first "a" does not count
        cells = dict(zip(names[:1], row[:1], strict=True)) | cells
        want = {name: takes.get(name, str)(cell) for name, cell in cells.items()}
        assert same(whole, from_python(want))
        assert same(last, from_python(want["a"]) if "a" in want else MISSING)
