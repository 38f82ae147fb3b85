"""Mistakes that other programs were reported for, as far as they are about files and pipes.

The numbers are those of the collection of reports (tests/cases/test_bug_reports.py has the rest).
C35 (a reader that went away) and C39 (results that sit in a buffer) are in test_manners.py.
"""

from __future__ import annotations

import pytest

from tests.shell.command import rows, run


def test_c01_distinct_ids_stay_distinct() -> None:
    data = b'{"id":50000000014435121}\n{"id":50000000014435122}\n'
    assert rows("id = 50000000014435122", stdin=data) == data[25:]
    assert rows("-s", "id", "id = 50000000014435122", stdin=data) == data[25:]


@pytest.mark.parametrize(
    ("query", "kept"), [("c = 0", b"0"), ("c = '0'", b'"0"'), ("c >= 0.1", b"3.5")]
)
def test_c16_types_stay_what_they_are(query: str, kept: bytes) -> None:
    data = b'{"c":0}\n{"c":"0"}\n{"c":3.5}\n'
    assert rows(query, stdin=data) == b'{"c":' + kept + b"}\n"


@pytest.mark.parametrize(
    ("param", "kept"), [("c=0", b"0"), ("c='0'", b'"0"'), ("c:text=0", b'"0"'), ("c=3.5", b"3.5")]
)
def test_c16_parameters_keep_the_type_they_are_given(param: str, kept: bytes) -> None:
    data = b'{"c":0}\n{"c":"0"}\n{"c":3.5}\n'
    assert rows("--param", param, "c = :c", stdin=data) == b'{"c":' + kept + b"}\n"


def test_c26_of_repeated_keys_the_last_counts() -> None:
    data = b'{"a":1,"a":2}\n'
    assert rows("a = 2", stdin=data) == data
    assert rows("a = 1", stdin=data) == b""


def test_c34_a_row_above_the_limit_is_told() -> None:
    data = b'{"a":1}\n{"a":1,"s":"' + b"x" * 2000 + b'"}\n{"a":1}\n'
    done = run("--row-bytes", "1K", "a = 1", stdin=data)
    assert (done.status, done.out) == (2, b'{"a":1}\n')
    assert "row_bytes" in done.err
    assert "1024" in done.err


TABLE = b'id,note\r\n1,"two\r\nlines"\r\n2,x\r\n'


def test_c41_newlines_in_quotes_and_crlf() -> None:
    assert rows("-f", "csv", "-c", "true", stdin=TABLE) == b"2\n"
    assert rows("-f", "csv", "note like '%lines'", stdin=TABLE) == TABLE[:-5]
    assert rows("-f", "csv", "note = 'x'", stdin=TABLE) == b"id,note\r\n2,x\r\n"
    assert rows("-f", "csv", "note = 'x\r'", stdin=TABLE) == b"id,note\r\n"


def test_c41_the_last_row_needs_no_end() -> None:
    data = b'id,note\n1,x\n2,"y"'
    assert rows("-f", "csv", "-c", "true", stdin=data) == b"2\n"
    assert rows("-f", "csv", "note = 'y'", stdin=data) == b'id,note\n2,"y"\n'
