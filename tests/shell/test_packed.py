"""Inputs packed with gzip and zstd, found by their first bytes, unpacked as they come."""

from __future__ import annotations

import gzip
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable

import pytest

from tests.shell.command import SANITIZED, Running, lines, rows, run

File = Callable[[str, bytes], str]

DATA = lines(*({"a": n, "t": "some text " * (n % 7)} for n in range(5000)))
KEPT = lines(*({"a": n, "t": "some text " * (n % 7)} for n in range(0, 5000, 5)))
QUERY = "a % 5 = 0"


def zstd(data: bytes, *options: str) -> bytes:
    """Packed by the program zstd, which the build's packages bring along or a test host has."""
    program = shutil.which("zstd")
    if not program:
        pytest.fail("zstd is not installed")
    return subprocess.run(
        [program, "-q", "-c", *options], input=data, capture_output=True, check=True
    ).stdout


PACKERS: dict[str, Callable[[bytes], bytes]] = {"gz": gzip.compress, "zst": zstd}


@pytest.fixture(params=PACKERS)
def ending(request: pytest.FixtureRequest) -> str:
    """The usual ending of a packed file's name."""
    value: str = request.param
    return value


def pack(ending: str, data: bytes) -> bytes:
    """Packed as files of that ending are."""
    return PACKERS[ending](data)


def test_of_a_file_and_of_a_pipe(file: File, ending: str) -> None:
    packed = pack(ending, DATA)
    assert rows(QUERY, file(f"x.jsonl.{ending}", packed)) == KEPT
    assert rows(QUERY, file("x", packed)) == KEPT
    assert rows(QUERY, stdin=packed) == KEPT
    assert rows("-c", QUERY, file(f"x.jsonl.{ending}", packed), stdin=b"") == b"1000\n"


def test_members_one_behind_the_other(ending: str) -> None:
    parts = [DATA[:5], DATA[5:1000], b"", DATA[1000:]]
    assert rows(QUERY, stdin=b"".join(pack(ending, part) for part in parts)) == KEPT


def test_the_format_is_guessed_behind_the_packing(file: File, ending: str) -> None:
    assert rows("a = '1'", stdin=pack(ending, b"a,b\n1,2\n")) == b"a,b\n1,2\n"
    assert rows("a = '1'", file(f"x.tsv.{ending}", pack(ending, b"a\n1\n"))) == b"a\n1\n"


def test_an_empty_one(ending: str) -> None:
    assert rows(QUERY, stdin=pack(ending, b"")) == b""


def test_one_that_is_cut_off(ending: str) -> None:
    packed = pack(ending, DATA)
    for at in (len(packed) - 1, len(packed) // 2, 20):
        done = run(QUERY, stdin=packed[:at])
        assert done.status == 2 and KEPT.startswith(done.out)
        assert f"it ends at byte {at}, inside of a member" in done.err
    whole = run(QUERY, stdin=pack(ending, DATA) + packed[:30])
    assert whole.status == 2 and whole.out == KEPT
    assert f"it ends at byte {len(packed) + 30}" in whole.err


def test_one_that_is_cut_off_inside_its_mark(file: File, ending: str) -> None:
    """As CSV those bytes are a header, and so they are where no name says that they are packed."""
    packed = pack(ending, b"a,b\n1,2\n")
    for at in range(1, {"gz": 2, "zst": 4}[ending]):
        done = run("-c", "a = '1'", file(f"x.csv.{ending}", packed[:at]))
        assert (done.status, done.out) == (2, b"0\n")
        assert f"the packed data is cut off: it ends at byte {at}, inside of its mark" in done.err
        unnamed = rows("-f", "csv", "--no-header", "c1 <> ''", stdin=packed[:at])
        assert unnamed == packed[:at] + b"\n"
    assert rows("--no-header", "c1 = '('", file(f"y.csv.{ending}", b"(\n")) == b"(\n"


def test_one_that_is_damaged(ending: str) -> None:
    packed = bytearray(pack(ending, DATA))
    packed[len(packed) // 2] ^= 0x55
    packed[len(packed) // 2 + 1] ^= 0x55
    done = run(QUERY, stdin=bytes(packed))
    assert done.status == 2 and "standard input: " in done.err


def test_something_behind_the_end(ending: str) -> None:
    done = run(QUERY, stdin=pack(ending, DATA) + b"more")
    assert done.status == 2 and done.out == KEPT
    what = {"gz": "the gzip data is damaged", "zst": "zstd: Unknown frame descriptor"}[ending]
    assert f": {what}" in done.err and "at byte " in done.err


def test_windows_of_zstd() -> None:
    """128 MiB are unpacked; more would be memory that whoever packed the input decides on."""
    assert rows(QUERY, stdin=zstd(DATA, "--long=27")) == KEPT
    done = run(QUERY, stdin=zstd(DATA, "--long=28"))
    assert done.status == 2 and "zstd: Frame requires too much memory for decoding" in done.err


def test_zeros_behind_gzip_are_padding() -> None:
    assert rows(QUERY, stdin=gzip.compress(DATA) + bytes(1000)) == KEPT
    assert run(QUERY, stdin=gzip.compress(DATA) + bytes(1000) + b"x").status == 2


def test_rows_come_out_before_the_packed_input_ends(ending: str) -> None:
    packed = pack(ending, lines({"a": 0})) + pack(ending, lines({"a": 1}, {"a": 5}))
    with Running(QUERY) as command:
        command.write(packed)
        assert command.read() == lines({"a": 0}, {"a": 5})


def test_one_byte_at_a_time(ending: str) -> None:
    with Running("a % 5 = 0") as command:
        for byte in pack(ending, DATA[:2000].rpartition(b"\n")[0] + b"\n")[:3000]:
            command.write(bytes([byte]))
        assert command.process.stdin
        command.process.stdin.close()
        assert command.wait() == 0


def test_memory_is_bounded_by_no_size(ending: str) -> None:
    """A gigabyte of rows in a megabyte (a tenth of that under a sanitizer)."""
    part = pack(ending, DATA * 100)
    copies = 3 if SANITIZED else 30
    with tempfile.TemporaryFile() as packed:
        packed.write(part * copies)
        packed.seek(0)
        with Running("-c", "a < 0 or a = 4999", stdin=packed) as command:
            while command.process.poll() is None:
                assert SANITIZED or command.peak_bytes() < 32 << 20
                time.sleep(0.01)
            assert command.process.stdout and command.process.stdout.read() == b"%d\n" % (
                copies * 100
            )
