"""Parameters of the command line keep the type that they are given."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.shell.command import lines, rows, run

VALUES: list[Any] = [
    0, 5, -5, 5.5, "5", "007", 7, "x", "", "a'b", 'a"b', "line\n", True, False, None,
    "true", "null", 18446744073709551615, 1e300, [1, 2], {"k": [None, "é"]}, "Привіт", "\U0001f600",
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", 5),
        ("-5", -5),
        ("5.5", 5.5),
        ("1e300", 1e300),
        ("18446744073709551615", 18446744073709551615),
        ("'5'", "5"),
        ('"5"', "5"),
        ("'a''b'", "a'b"),
        ('"a\\"b"', 'a"b'),
        ('"line\\n"', "line\n"),
        ('"\\ud83d\\ude00"', "\U0001f600"),
        ("'Привіт'", "Привіт"),
        ("''", ""),
        ("true", True),
        ("FALSE", False),
        ("[1, 2]", [1, 2]),
        ('{"k": [null, "é"]}', {"k": [None, "é"]}),
    ],
)
def test_values_without_a_type(text: str, value: Any) -> None:
    data = lines(*({"v": v} for v in VALUES))
    kept = [v for v in VALUES if v == value and isinstance(v, bool) == isinstance(value, bool)]
    assert len(kept) == 1
    assert rows("-p", f"x={text}", "v = :x", stdin=data) == lines({"v": kept[0]})
    assert rows(f"--param=x={text}", "v = :x", stdin=data) == lines({"v": kept[0]})


def test_null() -> None:
    data = lines({"v": None}, {"v": 0})
    assert rows("-p", "x=null", "v is not distinct from :x", stdin=data) == lines({"v": None})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (":text=007", "007"),
        (":text=true", "true"),
        (":text=a'b", "a'b"),
        (":text=", ""),
        (":string=x", "x"),
        (":integer=5", 5),
        (":int=-5", -5),
        (":double=5.5", 5.5),
        (":boolean=false", False),
    ],
)
def test_values_with_a_type(text: str, value: Any) -> None:
    data = lines(*({"v": v} for v in VALUES))
    assert rows("-p", f"x{text}", "v = :x", stdin=data) == lines({"v": value})


def test_a_double_may_be_written_without_a_point() -> None:
    assert rows("-p", "x:double=5", "type_of(:x) = 'double'", stdin=b"{}\n") == b"{}\n"
    assert rows("-p", "x=5", "type_of(:x) = 'integer'", stdin=b"{}\n") == b"{}\n"


def test_timestamps() -> None:
    query = "to_timestamp_s(t) = :at"
    data = lines({"t": 1577836800}, {"t": 0})
    for text in ("at:timestamp=2020-01-01T00:00:00Z", "at=TIMESTAMP '2020-01-01T01:00:00+01:00'"):
        assert rows("-p", text, query, stdin=data) == lines({"t": 1577836800})


def test_lists() -> None:
    data = lines({"v": 1}, {"v": "x"}, {"v": 3})
    text = json.dumps(["x", 3])
    assert rows("-p", f"x={text}", "v in :x", stdin=data) == lines({"v": "x"}, {"v": 3})
    assert rows("-p", "x=[]", "v in :x", stdin=data) == b""


def test_by_number() -> None:
    data = lines({"a": 1, "b": "x"}, {"a": 2, "b": "x"})
    assert rows("-p", "1=2", "-p", "2='x'", "a = ? and b = ?", stdin=data) == lines(
        {"a": 2, "b": "x"}
    )


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("x", '--param: "x" is not NAME=VALUE'),
        ("x=abc", "write NAME:text=VALUE"),
        ("x=", "write NAME:text=VALUE"),
        ("x=5 or true", "write NAME:text=VALUE"),
        ("x=v", "write NAME:text=VALUE"),
        ("x='a", "write NAME:text=VALUE"),
        ('x="a', "is no value of JSON"),
        ('x="a","w":1', "is no value of JSON"),
        ('x="a"} {"v":1', "is no value of JSON"),
        ("x=[1,", "is no value of JSON"),
        ("x=99999999999999999999", "write NAME:text=VALUE"),
        ("x:int=5.5", '"5.5" is no integer'),
        ("x:integer=a", '"a" is no integer'),
        ("x:double=x", '"x" is no double'),
        ("x:boolean=1", '"1" is no boolean'),
        ("x:timestamp=2020-01-01", "is no timestamp"),
        ("x:timestamp=2020' or '1", "is no timestamp"),
        ("x:number=5", '"number" is no type'),
        ("y=5", "--param y: the query has no parameter of that name"),
        ("1=5", "--param 1: the query has no parameter of that name"),
    ],
)
def test_wrong_values(text: str, complaint: str) -> None:
    done = run("-p", text, "v = :x", stdin=b"{}\n")
    assert (done.status, done.out) == (2, b"")
    assert done.err.startswith("tamis: --param") and complaint in done.err


def test_missing_and_given_twice() -> None:
    assert 'no value for parameter ":x"' in run("v = :x").err
    assert "is given twice" in run("-p", "x=1", "-p", "x=2", "v = :x").err
