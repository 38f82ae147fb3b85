"""--connect: everything as without it, but what only a service can do wrong."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.shell.command import SANITIZED, TAMIS, Done, Running, lines, run
from tests.shell.service import Service

File = Callable[[str, bytes], str]

DATA = lines(*({"a": i, "s": "x" * (i % 40), "t": {"u": i % 5}} for i in range(2000)))
CSV = b'id,price,note\n007,9.50,"two\nlines"\n8,NA,\n' + b"9,3,x\n" * 300
ARRAY = b'[\n {"a": 1,\n  "s": "{[\\n\\"]"},\n {"a": 2, "t": [\r\n1, {"b":\n2}]}\n , {"a":3}]\n'
MSGPACK = b"".join(b"\x82\xa1a" + bytes([i]) + b"\xa1s\xa1x" for i in range(100))
# A build with tiny sizes sends a message for every few bytes.
TINY = os.environ.get("TAMIS_SANITIZER") == "hostile"
ROWS = 7_000 if TINY else 50_000
LARGE = lines(*({"a": i, "s": "x" * (i % 40)} for i in range(ROWS)))
NEVER = b'{"a":-1}\n' * 2000  # more than a pipe of 4 KiB would hold


def both(service: Service, *arguments: str, stdin: bytes = b"") -> tuple[Done, Done]:
    """Of a run with the service and of one without."""
    return (
        run("--connect", service.path, *arguments, stdin=stdin),
        run(*arguments, stdin=stdin),
    )


def same(service: Service, *arguments: str, stdin: bytes = b"") -> Done:
    """What both say."""
    there, here = both(service, *arguments, stdin=stdin)
    assert there == here, arguments
    return there


INPUTS = {
    "rows.jsonl": DATA,
    "large.jsonl": LARGE,
    "cut.jsonl": DATA[:-1],
    "rows.jsonl.gz": gzip.compress(DATA),
    "array.json": ARRAY,
    "rows.csv": CSV,
    "cut.csv": CSV[:-1],
    "marked.csv": b"\xef\xbb\xbf\r\n\r\n" + CSV.replace(b"\n", b"\r\n"),
    "rows.tsv": CSV.replace(b",", b"\t"),
    "rows.msgpack": MSGPACK,
    "empty.jsonl": b"",
    "blank.jsonl": b"\n \n",
    "header.csv": b"id,price,note\n",
    "unended.csv": b"id,price,note",
}
JSON_ARGUMENTS = [
    ["a % 7 = 3"],
    ["-v", "a % 7 = 3 -- a comment"],
    ["-c", "a > 4"],
    ["-cv", "t.u = 2"],
    ["-n", "3", "a > 4"],
    ["-n", "0", "a > 4"],
    ["-n", "1", "-c", "a > 4"],
    ["-q", "a > 4"],
    ["-q", "a > 99999"],
    ["-e", "a > 99999"],
    ["-ec", "a < 4"],
    ["-p", "least=1990", "a >= :least"],
    ["-p", "1=[1,2,3]", "-p", "2=2", "a in ? and a <> ?"],
    ["-p", "1=1", "a = ? and s = ?"],
    ["a = :nothing"],
    ["a = null"],
    ["aa = 5"],
    ["-c", 's = "x" or s = "t.u"'],
    ["-c", 's in ("xx", "a")'],
    ["-c", "s = 'x' and ab > 5"],
    ["a ="],
    ["lower(a, 1) = 'x'"],
    ["s like 'x%' escape 'ab'"],
    ["--strict", "s > 2"],
    ["--strict", "a < 1000 and s > 2"],
    ["-v", "--strict", "not s > 2"],
    ["-s", "a,t.u", "a < 4"],
    ["-s", "t.u", "--to", "csv", "a < 4"],
    ["--to", "csv", "a < 4"],
    ["--to", "msgpack", "a < 4"],
    ["--validate", "a < 4"],
    ["--line-buffered", "a < 4"],
    ["--explain", "a < 4 and s = 'x'"],
]
CSV_ARGUMENTS = [
    ["note like '%lines'"],
    ["notes like '%lines'"],
    ["id = 'none'"],
    ["-v", "id = 'none'"],
    ["--types", "price=double", "price > 9"],
    ["--types", "prise=double", "price > 9"],
    ["--types", "price=double", "--strict", "id > 9"],
    ["-n", "0", "id = '8'"],
    ["-c", "id = '8'"],
    ["-s", "id,price", "--to", "tsv", "id = '8'"],
    ["-s", "idd", "id = '8'"],
    ["--to", "jsonl", "id = '8'"],
    ["--no-header", "c1 = '8'"],
    ["--no-header", "--names", "a,b,c", "-s", "c,a", "a >= '8'"],
    ["--names", "a,b,c", "a >= '8'"],
    ["--ragged", "id = '8'"],
    ["--delimiter", "tab", "true"],
]


@pytest.mark.parametrize("name", INPUTS)
def test_everything_is_as_without_it(service: Service, file: File, name: str) -> None:
    path = file(name, INPUTS[name])
    for arguments in CSV_ARGUMENTS if name[-3:] in ("csv", "tsv") else JSON_ARGUMENTS:
        for options in ([], ["--stats"]):
            there, here = both(service, *options, *arguments, path)
            if options and here.err.endswith("}\n"):
                counts = (there.stats, here.stats)
                if here.status == 0:
                    for each in counts:
                        del each["seconds"], each["mb_per_second"]
                    del counts[0]["type_mismatch"], counts[1]["type_mismatch"]  # by NOT ... IS TRUE
                    if "-n" not in arguments and "-q" not in arguments:
                        assert counts[0] == counts[1], arguments
            elif here.status == 2 and "--to" in arguments:
                # how many rows come before one that cannot be written depends on the batches
                assert (there.status, there.err) == (here.status, here.err), arguments
                assert there.out.startswith(here.out) or here.out.startswith(there.out), arguments
            else:
                assert there == here, arguments
    for arguments in (["-f", "jsonl", "a > 1"], ["-f", "csv", "a > 1"]):
        same(service, *arguments, stdin=INPUTS[name])


def test_several_inputs(service: Service, file: File) -> None:
    one, two, large = file("1.jsonl", DATA), file("2.jsonl", b'{"a":1}'), file("3.jsonl", LARGE)
    for arguments in (
        ["a = 1", one, two, large, one],
        ["a = 1", one, "nonexistent", two],
        ["-n", "3", "a = 1", one, two, large, "nonexistent"],
        ["-c", "a < 7", large, one],
        ["-c", "aa < 7", large, one, two],
        ["-c", 'a = "x"', large, one, two],
        ["-c", 'a = "t"', large, one],
        ["-c", 'a = "t"', one, large],
        ["-c", "s > 5", large, one, large],
        ["-c", "s > 5", one, large, "-"],
        ["-c", "s > 5 or aa > 7", "-", large],
        ["-c", "s > 5 or aa > 7", large, one],
        ["a = 1", one, "-", two],
    ):
        same(service, *arguments, stdin=b'{"a": 1,"s":0}\n')
    header, other = file("1.csv", b"a,b\r\n1,2\r\n"), file("2.csv", b"b,a\n3,1\n")
    same(service, "a = '1'", header, other, header)
    same(service, "-c", "a = '1'", header, other, header)
    assert "--types" in same(service, "-c", "a = 1", header, other, header).err
    assert same(service, "--types=a=integer", "-c", "a = 1", header, header).err == ""
    same(service, "a = '1'", header, one)
    odd = file("odd.jsonl", b'{"a":1}\n{"b":1}\n' + LARGE)
    for arguments in (["-v", "a > 9", odd, two], ["true", odd, large], ["true", "-", two]):
        stdin = b'{"a":1}\n{"b":1}\n' + LARGE
        there, here = both(service, "--to", "csv", *arguments, stdin=stdin)
        assert (there.err, there.status) == (here.err, 2)  # rows before it: by how many at a time
        assert "which the first one had not" in there.err
    broken = file("4.jsonl", b'{"a":1}\n{"a":2,}\n{"a":1}\n' + LARGE)
    assert same(service, "a = 1", broken, two).status == 2
    assert same(service, "-c", "a = 1", broken, large).out == b"2\n"


def test_malformed_rows_that_are_skipped(service: Service, file: File) -> None:
    path = file("x.jsonl", b'{"a":1}\n{"a":2,}\n{"a":3}\n' * 7)
    there, here = both(service, "--on-error", "skip", "a > 0", path)
    assert (there.out, there.status) == (here.out, here.status)
    said = there.err.splitlines()
    assert said[0] == f"tamis: {path}: skipped a malformed row at byte 15"
    assert len(said) == 6 and said[5] == f"tamis: {path}: 7 malformed rows were skipped"
    assert same(service, "-q", "--on-error", "skip", "a > 5", path).status == 1
    array = file("x.json", b'[{"a":1}, {"a":2,}, {"a":3}]')
    assert "no way on behind it" in same(service, "--on-error", "skip", "a > 0", array).err


def damaged(rng: random.Random, data: bytes) -> bytes:
    """The data with something wrong."""
    for _ in range(rng.randrange(4)):
        at = rng.randrange(len(data))
        data = rng.choice(
            [
                data[:at] + bytes([rng.randrange(256)]) + data[at + 1 :],
                data[:at] + data[at + rng.randrange(30) :],
                data[:at] + rng.choice([b'"', b"\n", b"\r\n", b"{", b"}", b","]) + data[at:],
                data[: max(at, 1)],
            ]
        )
    return data


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.csv", "rows.msgpack", "array.json"])
def test_damaged_inputs(service: Service, tmp_path: Path, name: str) -> None:
    rng = random.Random(name)
    form = {"json": "jsonl"}.get(name.rpartition(".")[2], name.rpartition(".")[2])
    for i in range(40):
        data = damaged(rng, INPUTS[name][: rng.randrange(50, 3000)])
        arguments = ["-f", form, rng.choice(["a > 5", "id > '8'", "true", "a is missing"])]
        for option in ("-v", "--validate", "-c", "--ragged", "--no-header", "--strict"):
            csv_only = option in ("--ragged", "--no-header")
            if rng.random() < 0.2 and (not csv_only or form == "csv"):
                arguments.insert(0, option)
        if i % 2:
            path = tmp_path / "damaged"
            path.write_bytes(data)
            same(service, *arguments, str(path))
        else:
            same(service, *arguments, stdin=data)


# The way there ------------------------------------------------------------------------------------


def test_a_large_file_is_passed(file: File) -> None:
    path = file("large.jsonl", LARGE)
    want = len(range(3, ROWS, 7))
    with Service() as service:
        before = service.read_bytes()
        for _ in range(3):
            assert same(service, "-c", "a % 7 = 3", path).out == b"%d\n" % want
        # the process reads the file; the socket's bytes would come on top
        assert service.read_bytes() - before < 3 * len(LARGE) + 100_000
    with Service("--descriptors", "0") as service:
        assert same(service, "a % 7 = 3", path).status == 0
        assert same(service, "-c", "a % 7 = 3", path, path).out == b"%d\n" % (2 * want)


def test_standard_input_from_where_it_stands(service: Service, file: File) -> None:
    path = file("large.jsonl", LARGE)
    for connect in ([], ["--connect", service.path]):
        with open(path, "rb") as stdin:
            os.lseek(stdin.fileno(), len(LARGE) // 2 + 7, os.SEEK_SET)
            stdin.seek(LARGE.index(b"\n", len(LARGE) // 2) + 1)
            os.lseek(stdin.fileno(), stdin.tell(), os.SEEK_SET)
            done = run("-f", "jsonl", *connect, "a % 7 = 3", stdin=stdin)
            first = json.loads(done.out[: done.out.index(b"\n")])["a"]
            assert 0 <= first - ROWS // 2 < ROWS // 20
            assert done.out.count(b"\n") == len(range(first, ROWS, 7))
            assert os.lseek(stdin.fileno(), 0, os.SEEK_CUR) == len(LARGE)


def test_what_is_the_output_is_not_read(service: Service, file: File) -> None:
    path = file("large.jsonl", LARGE)
    with open(path, "ab") as out:
        done = subprocess.run(
            [TAMIS, "--connect", service.path, "a >= 0", path], stdout=out, stderr=subprocess.PIPE
        )
    assert (done.returncode, b"it is also the output" in done.stderr) == (2, True)


def test_an_input_that_breaks_off(service: Service, file: File) -> None:
    """What came before the fault is there, and no row that was cut counts."""
    packed = gzip.compress(b"".join(b'{"a":%d}\n' % i for i in range(4 * ROWS)), 1)
    for at in (len(packed) // 3, len(packed) // 2, len(packed) - 4):
        there, here = both(service, "a >= 0", file("cut.jsonl.gz", packed[:at]))
        assert (there.out, there.err) == (here.out, here.err)
        assert "is cut off" in there.err and there.status == 2
    rows = b"a,b\n" + b"12345,1\n" * 200_000
    same(service, "a >= ''", file("cut.csv.gz", gzip.compress(rows, 1)[:-700]))


@pytest.mark.parametrize("options", [["--frame-bytes", "1024"], ["--output-bytes", "4096"], []])
def test_rows_of_any_length(options: list[str], file: File) -> None:
    long = b'{"a":1,"s":"' + b"y" * (300_000 if TINY else 3_000_000) + b'"}'
    data = long + b"\n" + DATA + long
    with Service(*options) as service:
        assert same(service, "a = 1", stdin=data).out.count(b"\n") == 3
        assert same(service, "a = 1", file("x.jsonl", data)).out.count(b"\n") == 3


# Manners ------------------------------------------------------------------------------------------


def test_a_row_is_there_as_soon_as_it_matches(service: Service) -> None:
    with Running("--connect", service.path, "a = 1") as command:
        for i in range(5):
            command.write(b'{"a": 0}\n{"a": 1, "n": %d}\n{"a"' % i)
            began = time.monotonic()
            assert command.read() == b'{"a": 1, "n": %d}\n' % i
            assert time.monotonic() - began < (1.0 if SANITIZED else 0.2)
            command.write(b": 0}\n")


@pytest.mark.parametrize("options", [["-q"], ["-n", "1"]])
def test_enough_is_enough(service: Service, options: list[str]) -> None:
    with Running("--connect", service.path, *options, "a = 1") as command:
        command.write(b'{"a": 1}\n{"a": 1}\n')
        assert command.wait() == 0  # its input is still open


def test_the_reader_goes_away(service: Service, file: File) -> None:
    with Running("--connect", service.path, "a = 1") as command:
        assert command.process.stdout
        command.write(NEVER)
        time.sleep(0.1)
        command.process.stdout.close()
        assert command.wait() == -signal.SIGPIPE  # though nothing matches and nothing comes
    path = file("large.jsonl", LARGE * 4)
    with Running("--connect", service.path, "a >= 0", path) as command:
        assert command.process.stdout
        command.read()
        command.process.stdout.close()
        assert command.wait() == -signal.SIGPIPE
        assert command.errors() == ""
    assert run("--connect", service.path, "-c", "a = 1", stdin=DATA).out == b"1\n"


def test_both_ways_are_full(service: Service) -> None:
    """Everything matches, and who writes the input does not read the output before it is through:
    nothing may wait for the wrong side. Memory stays bounded."""
    piece = lines(*({"a": i, "s": "y" * 200} for i in range(5000)))
    count = 3 if TINY else 100  # 110 MB
    with Running("--connect", service.path, "a >= 0") as command:
        assert command.process.stdin
        stdin = command.process.stdin
        got = 0

        def feed() -> None:
            for _ in range(count):
                command.write(piece)
            stdin.close()

        thread = threading.Thread(target=feed)
        thread.start()
        time.sleep(1.0)  # all buffers fill
        peak = 0
        while data := command.read(60):
            got += len(data)
            peak = max(peak, command.peak_bytes())
        thread.join()
        assert got == count * len(piece)
        assert command.wait() == 0
        assert SANITIZED or peak < 48 << 20, peak


@pytest.mark.parametrize("passed", [False, True])
def test_a_pager_may_stand_still(file: File, passed: bool) -> None:
    """For longer than the service waits for a client that takes nothing."""
    data = LARGE * 10
    path = file("large.jsonl", data)
    with Service("--stall-ms", "400") as service:
        source: list[str] = [path] if passed else ["-"]
        with (
            open(path, "rb") if not passed else contextlib.nullcontext() as stdin,
            subprocess.Popen(
                ["cat"], stdin=stdin or subprocess.DEVNULL, stdout=subprocess.PIPE
            ) as cat,
            Running(
                "--connect", service.path, "-f", "jsonl", "a >= 0", *source, stdin=cat.stdout or 0
            ) as command,
        ):
            time.sleep(2.5)
            got = 0
            while piece := command.read(60):
                got += len(piece)
            assert (command.wait(), got) == (0, len(data))


def test_the_service_is_not_a_copy_of_the_command(service: Service) -> None:
    for options, what in (
        (["--threads", "2"], "--threads and --connect exclude each other"),
        (["--threads", "0"], "--threads and --connect exclude each other"),
        (["--row-bytes", "5M"], "--row-bytes and --connect exclude each other"),
    ):
        done = run("--connect", service.path, *options, "a = 1", stdin=DATA)
        assert (done.status, done.out) == (2, b"") and what in done.err
    done = run("--connect", service.path, "a = :x and b = ?", stdin=DATA)
    assert done.status == 2 and "not with both" in done.err
    assert run("--connect").status == 2
