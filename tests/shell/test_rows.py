"""The main job: the rows that are kept come out byte for byte as they went in."""

from __future__ import annotations

import random
from collections.abc import Callable

import msgpack
import pytest

from tests.shell.command import lines, rows, run

File = Callable[[str, bytes], str]

EVENTS = (
    b'{"status": 500, "path": "/api/a"}\n'
    b'{ "path":"/x" , "status":200 }  \n'
    b'{"status":503,"id":50000000014435122,"path":"\\u0041"}\n'
    b'{"path":null}\n'
)


def test_lines_of_a_file_and_of_a_pipe(file: File) -> None:
    kept = EVENTS.splitlines(True)[0] + EVENTS.splitlines(True)[2]
    assert rows("status >= 500", file("events.jsonl", EVENTS)) == kept
    assert rows("status >= 500", stdin=EVENTS) == kept
    assert rows("status >= 500", "-", stdin=EVENTS) == kept
    assert rows("--format", "jsonl", "status >= 500", stdin=EVENTS) == kept


def test_the_other_rows_are_those_that_are_false_or_unknown() -> None:
    other = EVENTS.splitlines(True)[1] + EVENTS.splitlines(True)[3]
    assert rows("-v", "status >= 500", stdin=EVENTS) == other
    assert rows("--invert", "status >= 500", stdin=EVENTS) == other
    assert rows("not (status >= 500)", stdin=EVENTS) == EVENTS.splitlines(True)[1]


@pytest.mark.parametrize("n", [0, 1, 2, 6, 7, 8, 1023, 1024, 1025, 5000])
@pytest.mark.parametrize("query", ["n % 3 = 0", "n >= 0", "n < 0", "n = 4"])
def test_every_number_of_rows(n: int, query: str) -> None:
    data = [b'{"n":%d}\n' % i for i in range(n)]
    keeps: Callable[[int], bool] = {
        "n % 3 = 0": lambda i: i % 3 == 0,
        "n >= 0": lambda i: True,
        "n < 0": lambda i: False,
        "n = 4": lambda i: i == 4,
    }[query]
    kept = [row for i, row in enumerate(data) if keeps(i)]
    assert rows(query, stdin=b"".join(data)) == b"".join(kept)
    assert rows("-v", query, stdin=b"".join(data)) == b"".join(
        row for i, row in enumerate(data) if not keeps(i)
    )
    assert rows("-c", query, stdin=b"".join(data)) == b"%d\n" % len(kept)
    for limit in (0, 1, 3, len(kept), len(kept) + 1):
        limited = rows("-n", str(limit), query, stdin=b"".join(data))
        assert limited == b"".join(kept[:limit])


def test_random_rows_agree_with_python() -> None:
    chosen = random.Random(1)
    values = [
        {"a": chosen.choice([1, 2, None, "x", 2.5]), "t": "x" * chosen.randrange(300)}
        for _ in range(3000)
    ]
    data = lines(*values)
    kept = lines(*(v for v in values if isinstance(v["a"], int | float) and v["a"] >= 2))
    assert rows("a >= 2", stdin=data) == kept


def test_a_last_line_without_an_end_gets_one() -> None:
    assert rows("a = 1", stdin=b'{"a":1}\n{"a":1}') == b'{"a":1}\n{"a":1}\n'
    assert rows("a = '1'", "-f", "csv", stdin=b"a\n1") == b"a\n1\n"
    assert rows("a = '2'", "-f", "csv", stdin=b"a") == b"a\n"


def test_carriage_returns_blank_lines_and_marks_of_utf8() -> None:
    assert rows("a = 1", stdin=b'{"a":1}\r\n\r\n\n{"a":2}\r\n') == b'{"a":1}\r\n'
    assert rows("a = 1", stdin=b'\xef\xbb\xbf{"a":1}\n') == b'{"a":1}\n'
    assert rows("a = '1'", "-f", "csv", stdin=b"\xef\xbb\xbfa,b\r\n1,2\r\n") == (
        b"\xef\xbb\xbfa,b\r\n1,2\r\n"
    )


def test_an_array_of_rows_becomes_lines() -> None:
    pretty = b'[\n  {\n    "a": 1,\n    "t": "x\\ny"\n  },\n  {"a": 2}, {"a":1}\n]\n'
    assert rows("a = 1", stdin=pretty) == (b'{     "a": 1,     "t": "x\\ny"   }\n{"a":1}\n')


def test_msgpack_rows() -> None:
    packed = [msgpack.packb({"a": n, "b": b"\n\r", "c": {"d": [n]}}) for n in range(3000)]
    odd = b"".join(packed[1::2])
    assert rows("c.d[0] % 2 = 1", stdin=b"".join(packed)) == odd
    array = b"\xdd" + len(packed).to_bytes(4, "big") + b"".join(packed)
    assert rows("a % 2 = 1", "--format=msgpack", stdin=array) == odd


CSV = b'id,note,price\r\n1,"two\r\nlines",1.5\r\n2,x,NA\r\n007,"a ""b""",\r\n'


def test_csv_keeps_its_header_and_quotes() -> None:
    head = b"id,note,price\r\n"
    assert rows("note like '%lines'", "-f", "csv", stdin=CSV) == (
        head + b'1,"two\r\nlines",1.5\r\n'
    )
    assert rows("note = 'x'", stdin=CSV) == head + b"2,x,NA\r\n"
    assert rows("id = '007'", stdin=CSV) == head + b'007,"a ""b""",\r\n'
    assert rows("id = '7'", stdin=CSV) == head
    assert rows("-c", "note is not null", stdin=CSV) == b"3\n"


def test_csv_types_and_names() -> None:
    head = b"id,note,price\r\n"
    one = b'1,"two\r\nlines",1.5\r\n'
    assert rows("--types", "id=int,price=double", "price > 1 and id < 2", stdin=CSV) == head + one
    assert rows("--types=id=bigint", "--types=price=float", "price > 1", stdin=CSV) == head + one
    assert rows("--names", "a,b,c", "a = '2'", stdin=CSV) == head + b"2,x,NA\r\n"
    body = CSV.split(b"\r\n", 1)[1]
    assert rows("--no-header", "c1 = '2'", stdin=body) == b"2,x,NA\r\n"
    assert rows("--no-header", "--names=a,b,c", "b = 'x'", stdin=body) == b"2,x,NA\r\n"


def test_other_delimiters() -> None:
    assert rows("b = 'x,y'", stdin=b"a\tb\n1\tx,y\n") == b"a\tb\n1\tx,y\n"
    assert rows("b = 'x'", "-d", ";", stdin=b"a;b\n1;x\n2;y\n") == b"a;b\n1;x\n"
    assert rows("b = 'x'", "--delimiter=tab", "-f", "csv", stdin=b"a\tb\n1\tx\n") == (
        b"a\tb\n1\tx\n"
    )
    assert rows("b = 'x'", "-f", "csv", "-d", ";", "-s", "b,a", stdin=b"a;b\n1;x\n2;y\n") == (
        b"b;a\nx;1\n"
    )
    assert rows("-t", "csv", "-d;", "-s", "a,b", "true", stdin=lines({"a": 1, "b": "x;y,"})) == (
        b'a;b\n1;"x;y,"\n'
    )
    assert rows("b = 'x'", "-f", "tsv", stdin=b"a\tb\n1\tx\n") == b"a\tb\n1\tx\n"


@pytest.mark.parametrize("name", ["x.jsonl", "x.NDJSON", "x.json", "x.csv", "x.tsv", "x.msgpack"])
def test_an_empty_input_has_no_rows(file: File, name: str) -> None:
    assert rows("a = 1", file(name, b"")) == b""
    assert rows("-c", "a = 1", stdin=b"") == b"0\n"


def test_statistics() -> None:
    done = run("--stats", "n % 0 = 1 or n > 2", stdin=lines({"n": 3}, {"n": "x"}, {"n": 1}))
    assert done.out == b'{"n": 3}\n' and done.status == 0
    stats = done.stats
    assert stats.pop("seconds") > 0 and stats.pop("mb_per_second") >= 0
    assert stats == {
        "rows": 3,
        "matched": 1,
        "type_mismatch": 2,
        "undefined": 1,
        "unfit": 0,
        "skipped": 0,
        "bytes": 29,
        "bytes_out": 9,
    }


def test_strict_says_row_and_field() -> None:
    data = lines({"n": 3}, {"n": "x"}, {"n": 4})
    done = run("--strict", "n > 2", stdin=data)
    assert (done.status, done.out) == (2, lines({"n": 3}))
    assert run("--strict", "-v", "n > 2", stdin=lines({"n": 1}) + data).out == lines({"n": 1})
    assert run("--strict", "-n", "1", "n > 2", stdin=data).status == 0
    assert done.err == ("tamis: standard input: row 1: n is a string, in n > 2\n  n > 2\n  ^^^^^\n")


def test_ragged_csv() -> None:
    data = b"a,b\n1\n2,x\n3,y,z\n"
    done = run("true", stdin=data)
    assert done.status == 2 and "row 0" in done.err
    assert rows("--ragged", "b is missing or a = '3'", stdin=data) == b"a,b\n1\n3,y,z\n"
