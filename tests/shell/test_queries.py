"""Wrong and doubtful queries, as a person at a terminal reads about them."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.shell.command import ROOT, lines, run

# Rows for several reads and threads; a build with tiny sizes has these in a tenth.
MANY = 40_000 if os.environ.get("TAMIS_SANITIZER") == "hostile" else 400_000
SHOWN = (ROOT / "tests/golden/shown.txt").read_text()
# One case: a message, then the query under two blanks and the carets.
CASES = re.findall(r"^([A-Z_]+): (.+)\n  (.+)\n  ( *\^+)$", SHOWN, re.MULTILINE)


def test_there_are_cases() -> None:
    assert len(CASES) > 50


@pytest.mark.parametrize(("code", "message", "query", "carets"), CASES)
def test_errors_are_shown_as_the_python_client_shows_them(
    code: str, message: str, query: str, carets: str
) -> None:
    if query.startswith("...") or query.endswith("...") or "�" in query:
        pytest.skip("a line that is not shown whole")
    done = run("--", query)
    assert (done.status, done.out) == (2, b"")
    assert done.err == f"tamis: {message}\n  {query}\n  {carets}\n", code


def test_warnings() -> None:
    data = lines({"a": 1})
    done = run("a = null or a = 1", stdin=data)
    assert (done.status, done.out) == (0, data)
    assert done.err == (
        "tamis: warning: a comparison with NULL is never TRUE: write IS NULL, or IS [NOT] "
        "DISTINCT FROM\n  a = null or a = 1\n  ^^^^^^^^\n"
    )
    assert run("-q", "a = null or a = 1", stdin=data).err == ""


def test_wide_and_combining_letters_and_tabs() -> None:
    assert "\n  名前 LKIE 1\n       ^^^^\n" in run("名前 LKIE 1").err
    assert "\n  e\u0301 LKIE 1\n    ^^^^\n" in run("e\u0301 LKIE 1").err
    assert "\n  \ta LKIE 1\n  \t  ^^^^\n" in run("\ta LKIE 1").err


def test_a_long_line_is_cut() -> None:
    err = run("a = 1 and " * 40 + "b LKIE 2" + " and c = 3" * 40).err.splitlines()
    assert err[1].startswith("  ...") and err[1].endswith("...") and len(err[1]) == 2 + 100 + 6
    at = err[2].index("^")
    assert err[1][at : at + 4] == "LKIE" and err[2].count("^") == 4


def test_several_lines() -> None:
    assert "\n  line 2: b LKIE 2\n            ^^^^\n" in run("a = 1 and\nb LKIE 2\nand c = 3").err


def test_control_characters_do_not_reach_the_terminal() -> None:
    err = run("a = 1 \x1b[31m").err
    assert "\x1b" not in err and "�" in err


def test_bytes_that_are_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "q"
    path.write_bytes(b"a = '\xff'")
    done = run("--query-file", str(path))
    assert done.status == 2 and "UTF-8" in done.err


@pytest.mark.parametrize(
    ("format", "data"),
    [
        ("jsonl", lines({"status": 1, "user": {"name": "x"}}, {"status": 2})),
        ("jsonl", b'[{"status": 1,\n "user": {"name": 1}}]'),
        ("csv", b'x,"status"\n1,2\n'),
        ("tsv", b"x\tstatus\n1\t2\n"),
        ("msgpack", b"\x81\xa6status\x01"),
    ],
)
def test_a_field_that_no_row_has(format: str, data: bytes) -> None:
    done = run("-f", format, "-c", "statsu = 5", stdin=data)
    assert (done.status, done.out) == (0, b"0\n")
    assert done.err == (
        "tamis: warning: no row has this field, but one whose name is like it: 'statsu' (did you "
        "mean 'status'?)\n  statsu = 5\n  ^^^^^^\n"
    )
    types = ["--types", "status=integer"] if format in ("csv", "tsv") else []
    for query in ("status = 5", "unlike_all = 5", "status = 5 and unlike_all = 5"):
        assert run("-f", format, *types, "-c", query, stdin=data).err == ""


@pytest.mark.parametrize(
    ("format", "data"),
    [
        ("jsonl", lines({"city": "Oslo"}, {"city": "Rome"})),
        ("jsonl", b'[{"city": "Oslo"},\n {"city": 1}]'),
        ("csv", b"x,city\n1,Oslo\n"),
        ("tsv", b"x\tcity\n1\tOslo\n"),
        ("msgpack", b"\x81\xa4city\xa4Oslo"),
    ],
)
def test_a_text_in_double_quotes(format: str, data: bytes) -> None:
    done = run("-f", format, "-c", 'city == "Oslo"', stdin=data)
    assert (done.status, done.out) == (0, b"0\n")
    assert done.err == (
        "tamis: warning: no row has a field of this name: write it in single quotes to mean a "
        'text\n  city == "Oslo"\n          ^^^^^^\n'
    )
    for query in ("city = 'Oslo'", "city = Oslo", '"city" = "city"', "city in ('Oslo')"):
        assert run("-f", format, "-c", query, stdin=data).err == ""


def test_a_text_in_double_quotes_that_a_later_row_has_as_a_field() -> None:
    query = 'city = "Oslo"'
    data = lines({"city": "Oslo"}) * MANY
    for options in ([], ["--threads=3"]):
        assert "single quotes" in run("-c", *options, query, stdin=data).err
        assert run("-c", *options, query, stdin=data + lines({"Oslo": 1})).err == ""
    assert run("-q", query, stdin=data).err == ""


TEXT_TOLD = (
    "tamis: warning: every value of this field is a text, which is no number, boolean or time: "
    "declare the type of a CSV column (--types x=integer), or write CAST(x AS integer)\n"
)


@pytest.mark.parametrize(
    ("format", "data"),
    [
        ("csv", b"x,n\n1,2\n3,\n"),
        ("tsv", b"n\n2\n"),
        ("jsonl", lines({"n": "2"}, {"n": None})),
        ("jsonl", b'[{"n": "2"}, {}]'),
        ("msgpack", b"\x81\xa1n\xa12"),
    ],
)
def test_numbers_that_are_texts(format: str, data: bytes) -> None:
    done = run("-f", format, "-c", "n = 2", stdin=data)
    assert (done.status, done.out, done.err) == (0, b"0\n", TEXT_TOLD + "  n = 2\n  ^\n")
    assert run("-f", format, "-c", "x = 'x' or n", stdin=data).err == (
        TEXT_TOLD + "  x = 'x' or n\n             ^\n"
    )
    for query in ("n = '2'", "CAST(n AS integer) = 2", "n = 2 or n = '2'"):
        assert run("-f", format, "-c", query, stdin=data).err == ""
    assert run("-f", format, "-q", "n = 2", stdin=data).err == ""


def test_declared_types_are_no_texts() -> None:
    for types, cell in (("integer", "2"), ("integer", "x"), ("boolean", "true")):
        done = run(
            "-f", "csv", "--types", f"n={types}", "-c", "n = 2", stdin=f"n\n{cell}\n".encode()
        )
        assert (done.status, done.err) == (0, "")


def test_a_number_that_a_later_row_has() -> None:
    data = lines({"n": "2"}) * MANY
    for options in ([], ["--threads=3"]):
        assert run("-c", *options, "n > 1", stdin=data).err == TEXT_TOLD + "  n > 1\n  ^\n"
        assert run("-c", *options, "n > 1", stdin=data + lines({"n": 2})).err == ""
        assert run("-c", *options, "n > 1", stdin=data + lines({"n": 2}) + data).err == ""


@pytest.mark.parametrize("options", [[], ["--threads=2"]])
def test_rows_that_break_off_tell_nothing_of_the_query(options: list[str]) -> None:
    """What is said of all rows is said of rows that were all read, however far threads had come."""
    data = b"n\n" + b"2\n" * 5000 + b'"2"x\n' + b"2\n" * MANY
    for query in ("n = 2", "nn = '2'", 'n = "2"'):
        assert "warning" in run("-f", "csv", "-c", *options, query, stdin=data[:10_000]).err
        done = run("-f", "csv", "-c", "--validate", *options, query, stdin=data)
        assert done.status == 2
        assert "warning" not in done.err
        done = run("-f", "csv", "-c", "--on-error=skip", *options, query, stdin=data)
        assert "warning" in done.err


def test_a_field_that_a_later_row_has() -> None:
    data = lines({"status": 1}) * (MANY // 80)
    assert "did you mean" in run("-c", "statsu = 5", stdin=data).err
    for options in ([], ["--threads=3"]):
        assert run("-c", *options, "statsu = 5", stdin=data + lines({"statsu": 1})).err == ""
        long = data * 60 + lines({"statsu": 1}) + data * 60
        assert run("-c", *options, "statsu = 5", stdin=long).err == ""
    assert "'name'" in run("-c", "user.nmae = 5", stdin=lines({"user": {"name": 1}})).err
    assert run("-q", "statsu = 5", stdin=data).err == ""
    assert run("-n", "1", "status = 1 or statsu = 1", stdin=data).err == ""
