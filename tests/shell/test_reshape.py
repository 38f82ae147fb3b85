"""--select and --to: rows that come out in another form."""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Callable
from typing import Any

import msgpack
import pytest

from tests.shell.command import lines, rows, run

File = Callable[[str, bytes], str]

ROWS: list[dict[str, Any]] = [
    {"id": 1, "a": {"b": [1, {"c": "x,y"}]}, "t": 'quote " and\nline', "f": 1.5},
    {"id": 2, "a": {"b": []}, "t": "é", "f": None, "big": 18446744073709551615},
    {"id": 3, "t": "", "f": True},
]
JSONL = b"".join(json.dumps(row).encode() + b"\n" for row in ROWS)
PACKED = b"".join(msgpack.packb(row) for row in ROWS)


def unpacked(data: bytes) -> list[Any]:
    """The values of a msgpack stream."""
    found: list[Any] = list(msgpack.Unpacker(io.BytesIO(data), strict_map_key=False))
    return found


def parsed(data: bytes) -> list[Any]:
    """The values of JSON lines."""
    return [json.loads(line) for line in data.splitlines()]


def cells(data: bytes, **options: Any) -> list[list[str]]:
    """The records of CSV."""
    return list(csv.reader(io.StringIO(data.decode(), newline=""), **options))


def test_fields_of_lines() -> None:
    assert parsed(rows("--select", 'id, a.b[1].c, "t"', "true", stdin=JSONL)) == [
        {"id": 1, "a.b[1].c": "x,y", "t": 'quote " and\nline'},
        {"id": 2, "t": "é"},
        {"id": 3, "t": ""},
    ]
    assert parsed(rows("-s", "f,big", "id = 2", stdin=JSONL)) == [
        {"f": None, "big": 18446744073709551615}
    ]
    assert parsed(rows("-s", '"odd key"', "true", stdin=b'{"odd key":[1]}')) == [{"odd key": [1]}]


def test_fields_of_msgpack() -> None:
    got = unpacked(rows("-f", "msgpack", "-s", "a.b,id", "id < 3", stdin=PACKED))
    assert got == [{"a.b": [1, {"c": "x,y"}], "id": 1}, {"a.b": [], "id": 2}]


def test_columns_of_csv() -> None:
    data = b'\xef\xbb\xbfa,"b ""q""",c\r\n1,"x,\r\ny",\r\n2,"a ""b""",z\r\n'
    assert rows("-s", 'c, "b ""q"""', "true", stdin=data) == (
        b'c,"b ""q"""\n,"x,\r\ny"\nz,"a ""b"""\n'
    )
    assert rows("-s", "a", "-d", ";", "b = 'x'", stdin=b"a;b\n1,5;x\n") == b"a\n1,5\n"
    assert rows("--no-header", "-s", "c2", "true", stdin=b"1,2\n3,4\n") == b"c2\n2\n4\n"


def test_a_column_that_is_not_there() -> None:
    done = run("-s", "name, aeg", "true", stdin=b"name,age\nAda,5\n")
    assert (done.status, done.out) == (2, b"")
    assert "there is no column \"aeg\" (did you mean 'age'?)" in done.err


@pytest.mark.parametrize("query", ["true", "id >= 2"])
def test_whole_rows_between_lines_and_msgpack(query: str) -> None:
    kept = ROWS if query == "true" else ROWS[1:]
    assert unpacked(rows("--to", "msgpack", query, stdin=JSONL)) == kept
    assert parsed(rows("--to", "jsonl", "-f", "msgpack", query, stdin=PACKED)) == kept


def test_to_the_same_format_changes_nothing() -> None:
    odd = b'{ "id" :1.00}\n'
    assert rows("--to", "jsonl", "true", stdin=odd) == odd


def test_lines_to_csv() -> None:
    got = rows("--to", "csv", "-s", "id,t,f,a.b,big", "true", stdin=JSONL)
    assert cells(got) == [
        ["id", "t", "f", "a.b", "big"],
        ["1", 'quote " and\nline', "1.5", '[1,{"c":"x,y"}]', ""],
        ["2", "é", "", "[]", "18446744073709551615"],
        ["3", "", "true", "", ""],
    ]
    assert cells(rows("-t", "tsv", "-s", "id,t", "id > 1", stdin=JSONL), delimiter="\t") == [
        ["id", "t"],
        ["2", "é"],
        ["3", ""],
    ]


def test_whole_lines_to_csv_have_the_columns_of_the_first() -> None:
    data = lines({"a": 1, "b": "x"}, {"b": "y", "a": 2}, {"a": 3})
    assert rows("--to=csv", "true", stdin=data) == b"a,b\n1,x\n2,y\n3,\n"
    done = run("--to=csv", "true", stdin=data + lines({"a": 1, "c": 5}))
    assert done.status == 2 and 'has a field "c"' in done.err and "--select" in done.err


def test_csv_to_lines_and_msgpack() -> None:
    data = b'id,t\n1,"a ""q"",\n"\n2,\n'
    want = [{"id": "1", "t": 'a "q",\n'}, {"id": "2", "t": ""}]
    assert parsed(rows("--to", "jsonl", "true", stdin=data)) == want
    assert unpacked(rows("--to", "msgpack", "true", stdin=data)) == want
    typed = rows("--to", "jsonl", "--types", "id=int", "id > 1", stdin=data)
    assert parsed(typed) == [{"id": 2, "t": ""}]
    assert rows("--to", "tsv", "-f", "csv", "id = '2'", stdin=data) == b"id\tt\n2\t\n"


def test_a_lone_empty_cell_is_no_blank_line() -> None:
    assert rows("--to=csv", "-s", "a", "true", stdin=lines({"a": ""}, {"b": 1}, {"a": "x"})) == (
        b'a\n""\n""\nx\n'
    )


def test_what_json_has_no_word_for() -> None:
    packed = msgpack.packb(
        {
            "bin": b"\x00\xff\x10",
            "nan": float("nan"),
            "at": msgpack.Timestamp(0, 500000000),
            "ext": msgpack.ExtType(5, b"abcd"),
            "keys": {1: "x", None: "y"},
        }
    )
    assert parsed(rows("-f", "msgpack", "--to", "jsonl", "true", stdin=packed)) == [
        {
            "bin": "AP8Q",
            "nan": None,
            "at": "1970-01-01T00:00:00.5Z",
            "ext": {"ext": 5, "data": "YWJjZA=="},
            "keys": {"1": "x", "null": "y"},
        }
    ]


def test_several_files(file: File) -> None:
    one, two = file("1.jsonl", lines({"a": 1})), file("2.csv", b"a,b\n2,3\n")
    assert rows("--to", "csv", "-s", "a", "true", one, two, one) == b"a\n1\n2\n1\n"
    assert rows("--to", "jsonl", "-s", "a", "true", two, one) == b'{"a":"2"}\n{"a":1}\n'
    assert rows("-s", "a", "true", two, one) == b"a\n2\n1\n"
    assert rows("-s", "a", "-c", "true", two, one) == b"2\n"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "no field is named"),
        (" ", "no field is named"),
        ("a,", "expected a field at the end\n  a,\n    ^\n"),
        ("a b", "\n  a b\n    ^\n"),
        ("a,5", "is not a list of fields"),
        ("a)=0 or (b", "is not a list of fields"),
        ("lower(a)", "is not a list of fields"),
        ("a,b,a", '"a" is there twice'),
    ],
)
def test_wrong_selections(text: str, complaint: str) -> None:
    done = run("-s", text, "true")
    assert done.status == 2 and done.err.startswith("tamis: --select: ")
    assert complaint in done.err


def test_a_kept_row_that_is_broken_where_the_query_did_not_look() -> None:
    data = b'{"a":1,"b":"\\x"}\n{"a":1,"b":2}\n'
    assert rows("a = 1", stdin=data) == data
    done = run("-s", "b", "a = 1", stdin=data)
    assert (done.status, done.out) == (2, b"") and "in a kept row: " in done.err
    assert rows("--on-error=skip", "-s", "b", "a = 1", stdin=data) == b'{"b":2}\n'


def random_value(chosen: random.Random, depth: int) -> Any:
    """Any JSON value that means the same in msgpack."""
    simple = [
        None,
        True,
        False,
        0,
        -1,
        2**63,
        -(2**63),
        0.1,
        1e300,
        -0.0,
        "",
        'é"\\\n\x01',
        "\U0001f600",
    ]
    if depth == 0 or chosen.random() < 0.5:
        return chosen.choice(simple)
    if chosen.random() < 0.5:
        return [random_value(chosen, depth - 1) for _ in range(chosen.randrange(4))]
    return {f"k{i}": random_value(chosen, depth - 1) for i in range(chosen.randrange(4))}


def test_random_rows_there_and_back() -> None:
    chosen = random.Random(7)
    values = [{"v": random_value(chosen, 4), "n": n} for n in range(2000)]
    packed = rows("--to", "msgpack", "true", stdin=lines(*values))
    assert unpacked(packed) == values
    assert parsed(rows("-f", "msgpack", "--to", "jsonl", "true", stdin=packed)) == values


def test_columns_without_a_header() -> None:
    data = b'1,"x,\n"\n2,y\n'
    options = ["-f", "csv", "--no-header"]
    assert parsed(rows(*options, "-t", "jsonl", "true", stdin=data)) == [
        {"c1": "1", "c2": "x,\n"},
        {"c1": "2", "c2": "y"},
    ]
    assert parsed(rows(*options, "--names=a,b", "-t", "jsonl", "b = 'y'", stdin=data)) == [
        {"a": "2", "b": "y"}
    ]
    assert rows(*options, "-t", "tsv", "c1 = '2'", stdin=data) == b"c1\tc2\n2\ty\n"
    assert rows(*options, "-t", "tsv", "c1 = '3'", stdin=data) == b""
    assert "there is no column" in run(*options, "-s", "c3", "true", stdin=data).err


def test_columns_of_the_same_name() -> None:
    """The last is meant, as with keys."""
    data = b"a,b,a\n1,2,3\n"
    assert parsed(rows("-t", "jsonl", "a = '3'", stdin=data)) == [{"b": "2", "a": "3"}]
    assert rows("-t", "tsv", "true", stdin=data) == b"b\ta\n2\t3\n"


def test_keys_in_any_order() -> None:
    chosen = random.Random(5)
    names = [f"k{n}" for n in range(300)]
    values = []
    for n in range(50):
        value = {name: n for name in names if n == 0 or chosen.random() < 0.9}
        keys = list(value)
        if n:
            chosen.shuffle(keys)
        values.append({key: value[key] for key in keys})
    got = list(
        csv.DictReader(io.StringIO(rows("-t", "csv", "true", stdin=lines(*values)).decode()))
    )
    assert got == [{name: str(value.get(name, "")) for name in names} for value in values]


@pytest.mark.parametrize("threads", [[], ["--threads=2"]])
def test_columns_of_the_first_kept_row(threads: list[str]) -> None:
    """Fewer fields are empty cells; another one is an error that says what to do."""
    data = lines({"no": 1}, {"b": 1, "a": 2}, {"a": 3}, {"a": 4, "b": 5}, {"a": 6, "c": 7})
    done = run("--to=csv", *threads, "a < 6", stdin=data)
    assert (done.status, done.out) == (0, b"b,a\n1,2\n,3\n5,4\n")
    done = run("--to=csv", *threads, "a < 9", stdin=data)
    assert done.status == 2
    assert 'a row has a field "c", which the first one had not' in done.err
    assert "--select" in done.err
    done = run("--to=csv", *threads, "-s", "a,b,c", "a > 3", stdin=data)
    assert done.out == b"a,b,c\n4,5,\n6,,7\n"
    packed = b"\x82\xa1a\x01\x02\x03"  # {"a": 1, 2: 3}
    done = run("-f", "msgpack", "--to=csv", *threads, "a = 1", stdin=packed)
    assert done.status == 2
    assert "a row has a key that is no string" in done.err
    assert "--select" in done.err
    done = run("-f", "msgpack", "--to=csv", *threads, "-s", "a", "a = 1", stdin=packed)
    assert (done.status, done.out) == (0, b"a\n1\n")
