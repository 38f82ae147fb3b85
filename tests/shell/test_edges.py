"""Inputs that are strange, broken, large or slow."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
import time
from collections.abc import Callable

import pytest

from tests.shell.command import SANITIZED, Running, few_bytes_of_memory, lines, rows, run

File = Callable[[str, bytes], str]

MIB = 1 << 20


def test_a_malformed_row_ends_it() -> None:
    done = run("a > 0", stdin=b'{"a":1}\n{"a":2,}\n{"a":3}\n')
    assert (done.status, done.out) == (2, b'{"a":1}\n')
    assert done.err.startswith("tamis: standard input: row 1: ") and ", at byte 15" in done.err


def test_malformed_rows_are_skipped_and_told(file: File) -> None:
    data = b'{"a":1}\n{"a":2,}\nnonsense\n{"a":3}\n[1]\n{"a":4'
    path = file("x.jsonl", data)
    done = run("--on-error", "skip", "--stats", "a > 0", path)
    assert (done.status, done.out) == (0, b'{"a":1}\n{"a":3}\n')
    said = done.err.splitlines()
    assert [line.split(": ")[:3] for line in said[:-1]] == [
        ["tamis", path, f"skipped row {row}"] for row in (1, 2, 4, 5)
    ]
    assert [int(line.rpartition("at byte ")[2]) for line in said[:-1]] == [15, 17, 34, 44]
    assert done.stats["skipped"] == 4 and done.stats["rows"] == 2
    assert run("--on-error=skip", "-q", "a > 3", path).err == ""


def test_many_malformed_rows_are_told_by_their_number() -> None:
    done = run("--on-error", "skip", "a > 0", stdin=b'{"a":1}\n' + b"x}\n" * 1000)
    assert done.out == b'{"a":1}\n' and done.status == 0
    assert done.err.count("\n") == 6
    assert done.err.endswith("tamis: standard input: 1000 malformed rows were skipped\n")


def test_what_cannot_be_skipped() -> None:
    done = run("--on-error", "skip", "a > 0", stdin=b"\x81\xa1a\x01\xc1\x81\xa1a\x01")
    assert (done.status, done.out) == (2, b"\x81\xa1a\x01")
    assert "(there is no way on behind it)" in done.err


def test_validation_of_what_is_not_read() -> None:
    data = b'{"a":1,"b":"\xff"}\n'
    assert rows("a = 1", stdin=data) == data
    done = run("--validate", "a = 1", stdin=data)
    assert (done.status, done.out) == (2, b"")


def test_a_row_of_20_mib() -> None:
    long = b'{"a":1,"t":"' + b"x" * (20 * MIB) + b'"}\n'
    data = b'{"a":2}\n' + long + b'{"a":1}\n'
    assert rows("a = 1", stdin=data) == long + b'{"a":1}\n'


def test_the_limit_of_a_row() -> None:
    row = b'{"a":"1","t":"xxxxxxxx"}\n'
    for limit in (len(row), len(row) + 1):
        assert rows("--row-bytes", str(limit), "a = '1'", stdin=row) == row
    done = run("--row-bytes", str(len(row) - 1), "a = '1'", stdin=row)
    assert (done.status, done.out) == (2, b"") and "row_bytes" in done.err


def test_the_limit_of_a_row_of_csv() -> None:
    row = b"1," + b"x" * (2 * MIB) + b"\n"
    assert rows("-f", "csv", "--row-bytes=3M", "a = '1'", stdin=b"a,t\n" + row) == b"a,t\n" + row
    done = run("-f", "csv", "--row-bytes=1M", "a = '1'", stdin=b"a,t\n" + row)
    assert (done.status, done.out) == (2, b"a,t\n") and "row_bytes" in done.err


def test_an_endless_line_takes_no_memory_beyond_the_limit() -> None:
    preexec = None if SANITIZED else few_bytes_of_memory(200 * MIB)
    with Running("--row-bytes=4M", "a = 1", stdin=subprocess.PIPE, preexec=preexec) as command:
        with contextlib.suppress(BrokenPipeError):
            command.write(b'{"a":"' + b"x" * (64 * MIB))
        assert command.wait() == 2
        assert "row_bytes" in command.errors()
    skipped = run(
        "--row-bytes=1M",
        "--on-error=skip",
        "a = 1",
        stdin=b'{"a":1}\n{"a":"' + b"x" * (8 * MIB) + b'"}\n{"a":1}\n',
    )
    assert (skipped.status, skipped.out) == (0, b'{"a":1}\n{"a":1}\n')


def test_nul_bytes() -> None:
    assert rows("b = 'x'", "-f", "csv", stdin=b"a,b\n\0\0,x\n") == b"a,b\n\0\0,x\n"
    assert rows("length(a) = 3", stdin=b'{"a":"x\\u0000y"}\n') == b'{"a":"x\\u0000y"}\n'
    assert run("a = 1", "-f", "jsonl", stdin=b"\0\0\0").status == 2


def test_every_way_to_cut_an_input() -> None:
    for format, data in {
        "jsonl": b'\xef\xbb\xbf{"a":"1","t":"\\"\xc3\xa9"}\r\n\n{"a":"2"}\n{"a":"1"}',
        "csv": b'\xef\xbb\xbfa,t\r\n1,"x\r\n""y"\r\n2,\n1,"z"',
        "msgpack": b"\x82\xa1a\xa11\xa1t\xc4\x02\n\r\x81\xa1a\xa12\x81\xa1a\xa11",
    }.items():
        whole = rows("-f", format, "a = '1'", stdin=data)
        assert (
            whole
            == {
                "jsonl": b'{"a":"1","t":"\\"\xc3\xa9"}\r\n{"a":"1"}\n',
                "csv": b'\xef\xbb\xbfa,t\r\n1,"x\r\n""y"\r\n1,"z"\n',
                "msgpack": b"\x82\xa1a\xa11\xa1t\xc4\x02\n\r\x81\xa1a\xa11",
            }[format]
        )
        for at in range(1, len(data)):
            with Running("-f", format, "a = '1'") as command:
                command.write(data[:at])
                time.sleep(0.003)
                command.write(data[at:])
                assert command.process.stdin and command.process.stdout
                command.process.stdin.close()
                assert command.process.stdout.read() == whole
                assert command.wait() == 0


@pytest.mark.parametrize("query", ["a < 0", "a >= 0"])
def test_100_mb_in_bounded_memory(query: str) -> None:
    block = lines(*({"a": n, "t": "x" * 80} for n in range(10_000)))
    copies = 10 if SANITIZED else 100
    with tempfile.TemporaryFile() as data:
        for _ in range(copies):
            data.write(block)
        data.seek(0)
        with Running(query, stdin=data) as command:
            got = peak = 0
            while part := command.read():
                got += len(part)
                peak = max(peak, command.peak_bytes())
            assert SANITIZED or peak < 32 * MIB
            assert peak > 0 or not got
            assert command.wait() == 0
            assert got == (len(block) * copies if query == "a >= 0" else 0)


def test_a_disk_error_is_an_error() -> None:
    done = run("a = 1", "/proc/self/mem")
    assert done.status == 2 and "reading it: Input/output error" in done.err
