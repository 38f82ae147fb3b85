"""--connect, when the service is not there, is something else, is full, goes away or refuses."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.shell.command import Running, lines, run
from tests.shell.service import Service, wait_until

File = Callable[[str, bytes], str]

DATA = lines(*({"a": i, "s": "x"} for i in range(2000)))
LARGE = DATA * 20


def test_nobody_is_there(tmp_path: Path, file: File) -> None:
    plain = file("plain", b"")
    stale = str(tmp_path / "stale")
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(stale)
    for path, why in (
        (str(tmp_path / "nothing"), "No such file or directory"),
        (plain, "Connection refused (nobody listens there: is tamisd running?)"),
        (stale, "Connection refused (nobody listens there: is tamisd running?)"),
        ("x" * 200, "the path of a socket has 1 to 107 bytes"),
        ("", "the path of a socket has 1 to 107 bytes"),
    ):
        done = run("--connect", path, "a = 1", stdin=DATA)
        assert (done.status, done.out) == (2, b"")
        assert done.err == f"tamis: cannot use the service at {path}: {why}\n"


@contextlib.contextmanager
def impostor(path: Path, *says: bytes, ends: bool = True) -> Iterator[str]:
    """A socket at which something answers every connection with the same bytes."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    peer, _ = listener.accept()
                    with peer:
                        for piece in says:
                            peer.recv(1 << 16)
                            peer.sendall(piece)
                        if not ends:
                            peer.recv(1 << 16)
                            time.sleep(0.1)

        thread = threading.Thread(target=serve)
        thread.start()
        yield str(path)
        listener.shutdown(socket.SHUT_RDWR)
    thread.join()


WELCOME = (
    b"\x93\x41\x01\x82\xa7version\x01\xaccapabilities\x96\xa6filter\xa6stream\xa7explain"
    b"\xadpayload.bytes\xabresult.rows\xabresult.auto"
)
NARROW = b"\x93\x41\x01\x83\xa7version\x01\xaccapabilities\x90\xa6limits\x81\xabframe_bytes\x01"
EXPLAINED = b"\x93\x48\x02\x81\xa4plan\xa1x"


def framed(message: bytes) -> bytes:
    return len(message).to_bytes(4, "big") + message


@pytest.mark.parametrize(
    ("says", "why"),
    [
        ([b"HTTP/1.1 400 Bad Request\r\n\r\n"], "does not speak the protocol of tamis"),
        ([b""], "the service has closed the connection"),
        ([framed(b"\x93\x41\x01\x80")[:-1]], "the service has closed the connection"),
        ([framed(b"\xc0")], "the message is not an array"),
        ([framed(b"\x93\x41\x01\xc0")], "not what the protocol says"),
        ([framed(b"\x93\x41\x01\x81\xa7version\x02")], "speaks version 2 of the protocol"),
        ([framed(b"\x93\x41\x01\x81\xa7version\x01")], "cannot do what this needs"),
        ([framed(b"\x93\x46\x01\xc0")], "answers something else than was asked"),
        ([framed(NARROW)], "takes messages of 1 bytes at most"),
        (
            [framed(WELCOME), framed(EXPLAINED), framed(b"\x96\x42\x03\xa6bitmap\0\1\xc4\1\1")],
            "answers something else than was asked",
        ),
        ([framed(WELCOME), framed(b"\x93\x43\x02\x80")], "answers something else than was asked"),
        ([framed(WELCOME), framed(b"\x93\x48\x02\x80")], "not what the protocol says"),
        ([framed(WELCOME), framed(EXPLAINED)], "the service has closed the connection"),
        ([framed(WELCOME), framed(EXPLAINED), framed(b"\x93\x43\x09\x80")], "was not asked"),
        (
            [framed(WELCOME), framed(EXPLAINED), framed(b"\x93\x42\x03\x80")],
            "RESULT has 6",
        ),
        (
            [framed(WELCOME), framed(EXPLAINED), framed(b"\x93\x44\x03\x80")],
            "not what the protocol",
        ),
        (
            [
                framed(WELCOME),
                framed(EXPLAINED),
                framed(b"\x93\x44\x00\x82\xa4code\x2f\xa7message\xa3bye"),
            ],
            "bye",
        ),
        (
            [framed(WELCOME), framed(EXPLAINED), framed(b"\x93\x44\x03\x81\xa4code\xcd\x7f\xff")],
            "bug",
        ),
    ],
)
def test_it_is_something_else(tmp_path: Path, says: list[bytes], why: str) -> None:
    with impostor(tmp_path / "s", *says) as path:
        done = run("--connect", path, "a = 1", stdin=DATA[:100])
        assert done.status == 2 and done.out == b""
        assert why in done.err and done.err.count("\n") == 1


def test_it_is_full(service: Service) -> None:
    with Service("--clients", "1") as full, Running("--connect", full.path, "a = 1") as first:
        first.write(b'{"a": 1}\n')
        first.read()
        done = run("--connect", full.path, "a = 1", stdin=DATA)
        assert done.status == 2 and "more than 1 clients" in done.err


def test_it_dies(file: File) -> None:
    with Service() as service, Running("--connect", service.path, "a = 1") as command:
        command.write(b'{"a": 1}\n')
        assert command.read() == b'{"a": 1}\n'
        service.kill()
        assert command.wait() == 2
        assert command.errors() == f"tamis: {service.path}: the service has closed the connection\n"
        with contextlib.suppress(FileNotFoundError):
            os.unlink(service.path)


def test_it_is_stopped(file: File) -> None:
    """What is under way is answered; what comes behind it is told why not."""
    path = file("large.jsonl", LARGE)
    with (
        Service() as service,
        Running("--connect", service.path, "-f", "jsonl", "a = 1", "-", path) as command,
    ):
        command.write(b'{"a": 1}\n')
        assert command.read() == b'{"a": 1}\n'
        service.process.terminate()
        wait_until(lambda: not os.path.exists(service.path))
        assert command.process.stdin
        command.write(b'{"a": 1, "b": 2}\n')
        assert command.read() == b'{"a": 1, "b": 2}\n'
        command.process.stdin.close()
        assert command.wait() == 2
        assert "shutting down" in command.errors()


def test_a_limit_of_the_service_is_told(file: File) -> None:
    with Service("--row-bytes", "64", "--query-bytes", "40") as service:
        long = b'{"a": 1}\n{"a": 1, "s": "' + b"x" * 100 + b'"}\n'
        done = run("--connect", service.path, "a = 1", stdin=long)
        assert (done.status, done.out) == (2, b'{"a": 1}\n')
        assert "limit row_bytes: row_bytes is 64" in done.err and "row 1" in done.err
        done = run(
            "--connect", service.path, "a = 1 and a <> 20000000 and a <> 300000000", stdin=long
        )
        assert done.status == 2 and "query_bytes" in done.err
