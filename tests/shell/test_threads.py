"""--threads: the same output, messages and status as one thread, whatever the input."""

from __future__ import annotations

import gzip
import os
import random
import subprocess
import tempfile
import time
from collections.abc import Callable

import msgpack
import pytest

from tests.shell.command import TAMIS, Running, lines, rows, run

File = Callable[[str, bytes], str]

MIB = 1 << 20
# Of an input: several parts. The hostile build has tiny ones.
SIZE = MIB // 4 if os.environ.get("TAMIS_SANITIZER") == "hostile" else 5 * MIB


def repeated(part: bytes) -> bytes:
    """As much of it as makes several parts."""
    return part * (SIZE // len(part) + 1)


CHOSEN = random.Random(3)
JSONL = repeated(lines(*({"n": n, "t": "x" * CHOSEN.randrange(200)} for n in range(5000))))
CSV_BODY = "".join(
    f'{n},"a ""quoted"" cell\r\nof, {"x" * CHOSEN.randrange(100)} two lines",{n % 5}\r\n'
    for n in range(3000)
).encode()
CSV = b"n,t,m\r\n" + repeated(CSV_BODY)


def same(*arguments: str, data: bytes, status: int = 0) -> bytes:
    """Asserts that one, two and five threads agree, from a pipe and from a file; gives what they
    print."""
    one = run(*arguments, stdin=data)
    assert one.status == status, one.err
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        of_file = run(*arguments, file.name)
        assert (of_file.status, of_file.out) == (status, one.out)
        for threads in ("2", "5"):
            assert run("--threads", threads, *arguments, stdin=data) == one
            assert run("--threads", threads, *arguments, file.name) == of_file
    return one.out


@pytest.mark.parametrize(
    "arguments",
    [
        ["n % 3 = 0"],
        ["true"],
        ["false"],
        ["-v", "n < 100"],
        ["-c", "n % 3 = 0"],
        ["-s", "t", "n = 5"],
        ["--to", "msgpack", "n < 50"],
        ["--to", "csv", "-s", "n,t", "n < 50"],
        ["--to", "csv", "n < 50"],
        ["-n", "7000", "n < 4000"],
        ["-e", "n < 0", "-q"],
    ],
)
def test_lines(arguments: list[str]) -> None:
    same(*arguments, data=JSONL, status=1 if "-e" in arguments else 0)


@pytest.mark.parametrize(
    "arguments",
    [
        ["m = '3'"],
        ["-v", "m = '3'"],
        ["-c", "t like '%two%'"],
        ["--types", "n=int", "n > 2900"],
        ["--to", "jsonl", "m = '3'"],
        ["-s", "t,n", "m = '3'"],
    ],
)
def test_csv(arguments: list[str]) -> None:
    assert len(same(*arguments, data=CSV)) > 4


def test_csv_without_a_header() -> None:
    same("--no-header", "--names", "n,t,m", "m = '3'", data=CSV.split(b"\r\n", 1)[1])
    same("--no-header", "-f", "csv", "c3 = '3'", data=CSV.split(b"\r\n", 1)[1])


def test_csv_with_quotes_where_none_belong() -> None:
    """Their number says nothing about where rows end."""
    stray = b'5" pipe,x,3\r\n'
    data = b"n,t,m\r\n" + stray + CSV_BODY + stray + repeated(CSV_BODY) + stray * 3 + CSV_BODY
    assert same("m = '3'", data=data).count(b'5" pipe') == 5


def test_other_formats() -> None:
    packed = b"".join(msgpack.packb({"n": n}) for n in range(1000))
    same("-f", "msgpack", "n % 2 = 0", data=repeated(packed))
    array = b"[" + b",\n".join(JSONL.splitlines()[:20_000]) + b"]"
    same("n % 2 = 0", data=array)
    same("n % 2 = 0", data=gzip.compress(JSONL, 1))


def test_strange_lines() -> None:
    odd = JSONL.replace(b"\n", b"\r\n").replace(b'{"n": 7,', b'\n\r\n  {"n": 7,')
    assert same("n = 7", data=odd)
    assert same("n = 4999 or n = 1", data=JSONL + b'{"n":1}')
    assert same("n = 1", data=JSONL + b"\n\n\n")
    same("n = 1", data=b"\xef\xbb\xbf\r\n" + JSONL)
    same("n = 1", data=JSONL.replace(b'"n": 77,', b'"n":\n77,'), status=2)


@pytest.mark.parametrize("at", [0, 100, SIZE // 2, SIZE - 100])
@pytest.mark.parametrize("bad", [b"{}}\n", b"[1]\n", b'{"n":1\n', b"\xff\n", b'{"n":"\n'])
def test_a_malformed_row(at: int, bad: bytes) -> None:
    at = JSONL.index(b"\n", at) + 1
    data = JSONL[:at] + bad + JSONL[at:]
    same("n % 100 = 0", data=data, status=2)
    same("--on-error=skip", "n % 100 = 0", data=data)


def test_many_malformed_rows() -> None:
    data = JSONL.replace(b'"n": 5', b'"n": 0x5')
    same("--on-error=skip", "n % 100 = 0", data=data)


def test_a_malformed_row_of_csv() -> None:
    data = CSV[:7] + CSV_BODY + b'1,"a" b,3\r\n' + CSV[7:]
    same("m = '3'", data=data, status=2)
    same("--on-error=skip", "m = '3'", data=data)
    cut = CSV + b'1,"never closed\r\n'
    same("m = '3'", data=cut, status=2)


def test_a_packed_input_that_is_cut_off() -> None:
    packed = gzip.compress(JSONL, 1)
    for at in (len(packed) - 1, len(packed) * 2 // 3):
        same("n % 2 = 0", data=packed[:at], status=2)
    bad = JSONL[:-1000] + b"[]\n" + JSONL[-1000:]
    same("n % 2 = 0", data=gzip.compress(bad, 1)[:-5], status=2)
    stray = b"n,t,m\r\n" + b'5" pipe,x,3\r\n' + repeated(CSV_BODY)
    same("m = '3'", data=gzip.compress(stray, 1)[:-5], status=2)


def test_strict() -> None:
    at = JSONL.index(b"\n", SIZE // 2) + 1
    data = JSONL[:at] + b'{"n":"x"}\n' + JSONL[at:]
    same("--strict", "n > 4000", data=data, status=2)


def test_a_row_longer_than_a_part() -> None:
    long = b'{"n":4,"t":"' + b"x" * (SIZE // 5 * 3) + b'"}\n'
    most = f"--row-bytes={SIZE // 5}"
    assert long in same("n = 4", data=JSONL + long + JSONL)
    same("n = 4", most, data=JSONL + long + JSONL, status=2)
    same("n = 4", most, "--on-error=skip", data=JSONL + long + JSONL)


def test_several_files(file: File) -> None:
    one, two, three = file("1.csv", CSV), file("2.csv", CSV), file("3.csv", b"n,t\n1,2\n")
    want = rows("m = '3'", one, two)
    assert rows("--threads=2", "m = '3'", one, two) == want
    assert run("--threads=2", "m = '3'", one, three, two) == run("m = '3'", one, three, two)
    one, two = file("1.jsonl", JSONL), file("2.jsonl", JSONL)
    assert rows("--threads=0", "n = 3", one, two) == rows("n = 3", one, two)


def test_statistics_agree() -> None:
    data = JSONL.replace(b'"n": 7,', b'"n": "7",')
    one = run("--stats", "-c", "n > 5 or n % 0 = 1", stdin=data).stats
    two = run("--stats", "-c", "--threads=2", "n > 5 or n % 0 = 1", stdin=data).stats
    for name in ("rows", "matched", "type_mismatch", "undefined", "bytes", "bytes_out"):
        assert one[name] == two[name], name


def test_rows_do_not_wait_for_a_full_part() -> None:
    with Running("--threads=2", "n < 2") as command:
        command.write(b'{"n":5}\n{"n":1}\n')
        assert command.read() == b'{"n":1}\n'
        for _ in range(3):
            began = time.monotonic()
            command.write(b'{"n":0}\n{"n":')
            assert command.read() == b'{"n":0}\n'
            command.write(b"1}\n")
            assert command.read() == b'{"n":1}\n'
            assert time.monotonic() - began < 5


@pytest.mark.parametrize("threads", ["-1", "257", "x"])
def test_wrong_numbers(threads: str) -> None:
    assert "--threads" in run("--threads", threads, "true").err


def test_a_file_from_its_middle(file: File) -> None:
    """Standard input is a file of which somebody has read a part; what is behind is read, once."""
    first = JSONL.index(b"\n") + 1
    path = file("middle.jsonl", b"not json\n" + JSONL[first:])
    command = [TAMIS, "--threads", "3", "n % 3 = 0"]
    with open(path, "rb", buffering=0) as opened:
        opened.seek(len(b"not json\n"))
        done = subprocess.run(command, stdin=opened, capture_output=True, check=True)
        assert opened.seek(0, os.SEEK_CUR) == os.path.getsize(path)
    assert done.stdout == run("n % 3 = 0", stdin=JSONL[first:]).out


def test_a_line_longer_than_a_part_of_a_file(file: File) -> None:
    """Where a part has no end of a line one thread goes on; rows come out as they are."""
    long = b'{"n":1,"t":"' + b"x" * SIZE + b'"}\n'
    path = file("long.jsonl", JSONL + long + JSONL)
    one = run("n = 1", path)
    assert long in one.out
    assert run("--threads", "2", "n = 1", path) == one
