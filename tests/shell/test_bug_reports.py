"""The cases from public bug reports that are about files, pipes and what a person types.

Numbers are those of the case file; cases that need more than a line have their tests elsewhere:
C35 and C39 in test_manners.py.
"""

from __future__ import annotations

import pytest

from tests.shell.command import lines, rows, run


def test_c01_ids_of_17_digits() -> None:
    data = b'{"id":50000000014435121}\n{"id":50000000014435122}\n'
    assert rows("id = 50000000014435122", stdin=data) == data.splitlines(True)[1]


def test_c04_single_precision_in_msgpack() -> None:
    single, double = (
        bytes.fromhex("81a178ca3dcccccd"),
        bytes.fromhex("81a178cb3fb999999999999a"),
    )
    assert rows("x = 0.1", "-f", "msgpack", stdin=single + double) == double
    assert rows("x > 0.1", "-f", "msgpack", stdin=single + double) == single


def test_c10_minus_zero_comes_out_as_it_was() -> None:
    row = bytes.fromhex("81a178cb8000000000000000")
    for query in ("x >= 0", "x = 0", "x in (0, 7)"):
        assert rows(query, "-f", "msgpack", stdin=row) == row
    assert rows("x < 0", "-f", "msgpack", stdin=row) == b""
    assert rows("x = 0", stdin=b'{"x":-0.0}\n') == b'{"x":-0.0}\n'


def test_c15_mismatches_are_counted() -> None:
    data = lines(*({"v": v} for v in ("50", 5, 50, [99], None, True)))
    done = run("--stats", "v > 10", stdin=data)
    assert done.out == lines({"v": 50}) and done.stats["type_mismatch"] == 3


def test_c16_parameters_keep_their_type() -> None:
    data = lines({"c": 0}, {"c": "0"}, {"c": 3.5})
    assert rows("-p", "x=0", "c = :x", stdin=data) == lines({"c": 0})
    assert rows("-p", "x='0'", "c = :x", stdin=data) == lines({"c": "0"})
    assert rows("-p", "x:text=0", "c = :x", stdin=data) == lines({"c": "0"})
    assert rows("-p", "x=0.1", "c >= :x", stdin=data) == lines({"c": 3.5})


def test_c26_repeated_keys() -> None:
    packed = bytes.fromhex("82a16101a16102")
    for data, options in ((packed, ["-f", "msgpack"]), (b'{"a":1,"a":2}\n', [])):
        assert rows(*options, "a = 2", stdin=data) == data
        assert rows(*options, "a = 1", stdin=data) == b""


def test_c31_keys_that_are_no_strings() -> None:
    data = bytes.fromhex("8201a178a131a179") + bytes.fromhex("81c4016101") + b"\x81\xc0\x01"
    assert rows("-f", "msgpack", "\"1\" = 'y'", stdin=data) == data[:8]
    assert rows("-f", "msgpack", "a is missing", stdin=data) == data


@pytest.mark.parametrize("head", ["ddff000000", "dfffffffff"])
def test_c28_a_header_that_claims_too_much(head: str) -> None:
    done = run("-f", "msgpack", "a = 1", stdin=bytes.fromhex(head))
    assert (done.status, done.out) == (2, b"") and "at byte " in done.err


def test_c41_lines_within_quotes_and_carriage_returns() -> None:
    data = b'id,note\r\n1,"two\r\nlines"\r\n2,x\r\n3,"end"'
    assert rows("-c", "true", stdin=data) == b"3\n"
    assert rows("note like '%lines'", stdin=data) == b'id,note\r\n1,"two\r\nlines"\r\n'
    assert rows("note = 'x'", stdin=data) == b"id,note\r\n2,x\r\n"
    assert rows("note = 'end'", stdin=data) == b'id,note\r\n3,"end"\n'


def test_c43_very_many_terms() -> None:
    query = " or ".join(f"x = {n}" for n in range(10_000))
    done = run(query, stdin=lines({"x": 9999}, {"x": 10_000}))
    assert (done.status, done.out) == (0, lines({"x": 9999}))
