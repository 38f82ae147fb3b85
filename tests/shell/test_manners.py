"""Manners: statuses, closed pipes, full disks, many files, results that do not wait."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.shell.command import SANITIZED, TAMIS, Running, lines, rows, run

File = Callable[[str, bytes], str]

DATA = lines({"a": 1}, {"a": 2}, {"a": 3})
SOON = 1.0 if SANITIZED else 0.1  # seconds until a result must be seen


def test_statuses(file: File) -> None:
    path = file("x.jsonl", DATA)
    assert run("a = 1", path).status == 0
    assert run("a = 5", path).status == 0
    assert run("-e", "a = 1", path).status == 0
    assert run("-e", "a = 5", path).status == 1
    assert run("--exit-status", "-v", "a > 0", path).status == 1
    assert run("-ec", "a = 5", path).out == b"0\n"
    assert run("a =", path).status == 2
    assert run("-e", "a = 1", path, "nonexistent").status == 2


def test_quiet(file: File) -> None:
    path = file("x.jsonl", DATA)
    for query, status in (("a = 1", 0), ("a = 5", 1)):
        done = run("-q", query, path)
        assert (done.out, done.err, done.status) == (b"", "", status)
    assert run("-q", "a = null", path).err == ""
    assert run("-q", "a = 1", path, "nonexistent").status == 0  # it has not got so far
    assert run("-q", "a = 1", "nonexistent", path).status == 0  # as grep
    assert run("-q", "a = 5", "nonexistent", path).status == 2


@pytest.mark.parametrize("query", ["a > 0", "a = 5"])
def test_quiet_and_limit_do_not_read_on(query: str) -> None:
    with Running("-q", "a > 0") as command:
        command.write(DATA)
        assert command.wait() == 0  # its input is still open
    with Running("-n", "2", "a > 0") as command:
        command.write(DATA)
        assert command.read() == b"".join(DATA.splitlines(True)[:2])
        assert command.wait() == 0
    with Running("-n", "0", query) as command:
        command.write(DATA)
        assert command.wait() == 0


def test_several_files_in_order(file: File) -> None:
    one, two = file("1.jsonl", DATA), file("2.jsonl", b'{"a":1}')
    assert rows("a = 1", one, two, one) == b'{"a": 1}\n{"a":1}\n{"a": 1}\n'
    assert rows("a = 1", one, "-", two, stdin=b'{"a": 1,"s":0}\n') == (
        b'{"a": 1}\n{"a": 1,"s":0}\n{"a":1}\n'
    )
    assert rows("-c", "a = 1", one, two) == b"2\n"
    assert rows("-n", "2", "a = 1", one, two, "nonexistent") == b'{"a": 1}\n{"a":1}\n'


def test_one_header_for_several_files(file: File) -> None:
    one, two = file("1.csv", b"a,b\r\n1,2\r\n"), file("2.csv", b"\xef\xbb\xbfa,b\n1,3")
    assert rows("a = '1'", one, two) == b"a,b\r\n1,2\r\n1,3\n"
    other = file("3.csv", b"b,a\n3,1\n")
    done = run("a = '1'", one, other, two)
    assert (done.status, done.out) == (2, b"a,b\r\n1,2\r\n1,3\n")
    assert done.err == f"tamis: {other}: its header is not the same as that of {one}\n"
    assert rows("-c", "a = '1'", one, other, two) == b"3\n"


def test_rows_of_different_formats_are_not_mixed(file: File) -> None:
    one, two = file("1.jsonl", DATA), file("2.csv", b"a\n1\n")
    done = run("a = 1 or a = '1'", one, two)
    assert (done.status, done.out) == (2, DATA.splitlines(True)[0])
    assert done.err == f"tamis: {two}: its rows are csv, and those before were jsonl\n"
    assert rows("-c", "a = 1 or a = '1'", one, two) == b"2\n"


def test_files_that_cannot_be_read(file: File, tmp_path: Path) -> None:
    path = file("x.jsonl", DATA)
    done = run("a = 1", "nonexistent", str(tmp_path), path)
    assert (done.status, done.out) == (2, b'{"a": 1}\n')
    assert done.err == (
        f"tamis: nonexistent: No such file or directory\ntamis: {tmp_path}: Is a directory\n"
    )
    closed = subprocess.run(
        ["bash", "-c", '"$0" "a = 1" <&-', TAMIS], capture_output=True, check=False
    )
    assert closed.returncode == 2 and b"Bad file descriptor" in closed.stderr


def test_a_name_with_control_characters_is_shown_without() -> None:
    done = run("a = 1", "no\n\x1b[31mfile")
    assert done.err == "tamis: no??[31mfile: No such file or directory\n"


def test_the_output_as_input(file: File) -> None:
    path = file("x.jsonl", DATA)
    with open(path, "ab") as out:
        done = subprocess.run(
            [TAMIS, "a > 0", path], stdout=out, stderr=subprocess.PIPE, timeout=60, check=False
        )
    assert done.returncode == 2 and b"it is also the output" in done.stderr
    assert Path(path).read_bytes() == DATA


@pytest.mark.parametrize("size", [1, 100_000])
def test_a_full_disk(size: int) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [TAMIS, "a > 0"],
            input=DATA * size,
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr == b"tamis: writing standard output: No space left on device\n"


def test_a_closed_output() -> None:
    for arguments in ("'a > 0'", "-c 'a > 0'"):
        done = subprocess.run(
            ["bash", "-c", f'"$0" {arguments} >&-', TAMIS],
            input=DATA,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 2 and b"writing standard output: " in done.stderr


def endless(command: Running, data: bytes, ended: threading.Event) -> None:
    """Writes until nobody reads it."""
    try:
        while not ended.is_set():
            command.write(data)
    except OSError:
        pass


@pytest.mark.parametrize("query", ["a > 0", "a = 3"])
def test_head_of_an_endless_stream(query: str) -> None:
    script = f"""yes '{{"a":3}}' | "$0" "{query}" | head -1; echo ${{PIPESTATUS[1]}}"""
    done = subprocess.run(
        ["bash", "-c", script, TAMIS], capture_output=True, timeout=60, check=False
    )
    assert (done.stdout, done.stderr) == (b'{"a":3}\n141\n', b"")


@pytest.mark.parametrize("ignored", [False, True])
@pytest.mark.parametrize("sends", [False, True])
def test_it_stops_when_its_reader_has_gone(ignored: bool, sends: bool) -> None:
    """Also while nothing matches, and while its input sleeps; also under nohup's kind of parent."""

    def ignore() -> None:
        signal.signal(signal.SIGPIPE, signal.SIG_IGN if ignored else signal.SIG_DFL)

    read, write = os.pipe()
    with Running("a = 5", stdout=write, preexec=ignore) as command:
        os.close(write)
        command.write(DATA)
        if sends:
            ended = threading.Event()
            writer = threading.Thread(target=endless, args=(command, DATA, ended))
            writer.start()
        time.sleep(0.1)
        assert command.process.poll() is None
        os.close(read)
        status = command.wait()
        if sends:
            ended.set()
            writer.join()
        assert status == -signal.SIGPIPE and command.errors() == ""


def test_it_stops_when_its_reader_on_a_socket_has_gone() -> None:
    ours, theirs = socket.socketpair()
    with theirs, Running("a = 5", stdout=theirs.fileno()) as command:
        theirs.close()
        command.write(DATA)
        time.sleep(0.05)
        assert command.process.poll() is None
        ours.close()
        assert command.wait() == -signal.SIGPIPE


def test_counting_needs_no_reader_until_the_end() -> None:
    with Running("-q", "a = 5", stdout=subprocess.DEVNULL) as command:
        command.write(DATA)
        assert command.process.stdin
        command.process.stdin.close()
        assert command.wait() == 1


@pytest.mark.parametrize("options", [[], ["--line-buffered"]])
@pytest.mark.parametrize("format", ["jsonl", "csv", "msgpack"])
def test_a_row_is_seen_while_the_input_stays_open(format: str, options: list[str]) -> None:
    first = {"jsonl": b'{"a":1}\n', "csv": b"a,b\n1,2\n", "msgpack": b"\x81\xa1a\x01"}[format]
    then = {"jsonl": b'{"a":1,"b":0}\n', "csv": b"1,3\n", "msgpack": b"\x81\xa1a\x01"}[format]
    query = "a = '1'" if format == "csv" else "a = 1"
    with Running("-f", format, *options, query) as command:
        for data in (first, then, then):
            began = time.monotonic()
            command.write(data)
            assert command.read() == data
            assert time.monotonic() - began < SOON + 1.0 * (data is first)


def test_half_a_row_waits() -> None:
    with Running("a = 1") as command:
        command.write(b'{"a":1}\n{"a":')
        assert command.read() == b'{"a":1}\n'
        command.write(b'1, "b":2}\n{"a"')
        assert command.read() == b'{"a":1, "b":2}\n'


def test_an_input_that_does_not_block() -> None:
    """Somebody else has made the open file non-blocking."""
    read, write = os.pipe()
    os.set_blocking(read, False)
    with open(read, "rb", buffering=0) as stdin, Running("a = 1", stdin=stdin) as command:
        time.sleep(0.1)
        os.write(write, DATA)
        assert command.read() == b'{"a": 1}\n'
        os.close(write)
        assert command.wait() == 0


def test_an_output_that_does_not_block() -> None:
    read, write = os.pipe()
    os.set_blocking(write, False)
    with Running("a > 0", stdout=write) as command:
        os.close(write)
        sent = DATA * 50_000
        writer = threading.Thread(target=command.write, args=(sent,))
        writer.start()
        time.sleep(0.3)
        got = bytearray()
        while len(got) < len(sent):
            got += os.read(read, 1 << 16)
        writer.join()
        assert got == sent
    os.close(read)


def test_signals_that_interrupt() -> None:
    """Stopped and continued in the middle of a wait: a system call may be cut short by it."""
    with Running("a = 1") as command:
        for _ in range(3):
            command.process.send_signal(signal.SIGSTOP)
            time.sleep(0.02)
            command.process.send_signal(signal.SIGCONT)
            command.write(DATA)
            assert command.read() == b'{"a": 1}\n'
