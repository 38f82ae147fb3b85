"""Which format an input has: by option, by name, by its first bytes."""

from __future__ import annotations

from collections.abc import Callable

import msgpack
import pytest

from tests.shell.command import rows, run

File = Callable[[str, bytes], str]

BYTES = {
    "jsonl": b'{"a":"1","b":2}\n',
    "csv": b"a,b\n1,2\n",
    "tsv": b"a\tb\n1\t2\n",
    "msgpack": msgpack.packb({"a": "1", "b": 2}),
}


@pytest.mark.parametrize("format", BYTES)
def test_by_its_bytes(file: File, format: str) -> None:
    data = BYTES[format]
    assert rows("a = '1'", stdin=data) == data
    assert rows("a = '1'", file("rows", data)) == data
    assert rows("a = '1'", file("rows.txt", data)) == data


@pytest.mark.parametrize("format", BYTES)
@pytest.mark.parametrize("option", ["-f", "--format"])
def test_an_option_decides_first(file: File, format: str, option: str) -> None:
    for name in ("x.jsonl", "x.csv", "x.msgpack"):
        assert rows(option, format, "a = '1'", file(name, BYTES[format])) == BYTES[format]


@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("x.jsonl", "jsonl"),
        ("x.ndjson", "jsonl"),
        ("x.JSON", "jsonl"),
        ("x.Csv", "csv"),
        ("a.b.tsv", "tsv"),
        ("x.tab", "tsv"),
        ("x.msgpack", "msgpack"),
        ("x.mpk", "msgpack"),
    ],
)
def test_a_name_decides_before_bytes(file: File, name: str, format: str) -> None:
    assert rows("a = '1'", file(name, BYTES[format])) == BYTES[format]
    other = "csv" if format == "jsonl" else "jsonl"
    wrong = run("-c", "a = '1'", file(name, BYTES[other]))
    assert wrong.status == 2 or wrong.out == b"0\n"


def test_csv_that_begins_like_something_else(file: File) -> None:
    data = b'{a},"b"\n1,2\n'
    assert rows("\"{a}\" = '1'", file("x.csv", data)) == data
    assert rows("-f", "csv", "\"{a}\" = '1'", stdin=data) == data


@pytest.mark.parametrize("data", [b"one column\nx\n", b"\0\0,\0", b"5\n", b"\xff\xfea\0"])
def test_bytes_that_tell_nothing(data: bytes) -> None:
    done = run("a = 1", stdin=data)
    assert (done.status, done.out) == (2, b"")
    assert "say --format jsonl, csv, tsv or msgpack" in done.err


def test_letters_of_utf8_are_not_msgpack() -> None:
    data = "ܐ,ߐ\n1,2\n".encode()
    assert rows("ܐ = '1'", stdin=data) == data


def test_the_options_of_csv_make_it_csv() -> None:
    assert rows("a = 'x'", "--names=a", stdin=b"h\nx\ny\n") == b"h\nx\n"
    assert rows("c1 = 'x'", "--no-header", stdin=b"x\ny\n") == b"x\n"


def test_blanks_in_front() -> None:
    assert rows("a = 1", stdin=b' \n\n {"a":1}\n') == b' {"a":1}\n'
    assert rows("a = 1", stdin=b'\n[{"a":1}]') == b'{"a":1}\n'
