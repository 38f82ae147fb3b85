"""Files that are passed to a daemon behind a socket, or are not, and are sent."""

from __future__ import annotations

import gc
import gzip
import io
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pytest
from daemons import real_daemon

import tamis

ROWS = b"".join(b'{"a":%d,"s":"%s"}\n' % (i, b"x" * (i % 50)) for i in range(20_000))
KEPT = b"".join(line for i, line in enumerate(ROWS.splitlines(True)) if i % 7 == 3)
QUERY = "a % 7 = 3"


def listening(*options: str) -> Iterator[tamis.Client]:
    """A client of a daemon behind a socket."""
    path = real_daemon()
    if path is None:
        pytest.skip("TAMISD is not set")
    with tempfile.TemporaryDirectory(prefix="tamis-") as folder:
        at = f"{folder}/s"
        with subprocess.Popen([path, "--listen", at, *options], stderr=subprocess.DEVNULL) as child:
            until = time.monotonic() + 20
            while not os.path.exists(at):
                assert time.monotonic() < until
                time.sleep(0.01)
            with tamis.connect(at, timeout=60) as client:
                yield client
            child.terminate()


@pytest.fixture(scope="module")
def client() -> Iterator[tamis.Client]:
    yield from listening()


@pytest.fixture(scope="module")
def refusing() -> Iterator[tamis.Client]:
    """Of a daemon that takes no descriptors."""
    yield from listening("--descriptors", "0")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "rows.jsonl"
    file.write_bytes(ROWS)
    return file


def sent(client: tamis.Client) -> int:
    """Bytes that the daemon has been sent so far."""
    count = client.stats()["connection"]["bytes_in"]
    assert isinstance(count, int)
    return count


def open_descriptors() -> int:
    gc.collect()  # those of tests before this one
    return len(os.listdir("/proc/self/fd"))


def test_a_path_is_passed(client: tamis.Client, path: Path) -> None:
    before, descriptors = sent(client), open_descriptors()
    out = io.BytesIO()
    stats = client.filter_file(path, QUERY, out)
    assert out.getvalue() == KEPT
    assert (stats.bytes, stats.stats.rows) == (len(ROWS), 20_000)
    assert b"".join(client.filter_file(str(path), QUERY)) == KEPT
    assert b"".join(client.filter_file(path, QUERY, limit=2)).count(b"\n") == 2
    with client.filter_file(path, "a >= 0") as stream:  # leaving early
        next(stream)
    client.filter_file(path, "a >= 0")  # never begun
    with pytest.raises(tamis.QueryError):
        client.filter_file(path, "a >=")
    with pytest.raises(tamis.RequestError):
        list(client.filter_file(path, "a >= 0", delimiter=","))
    assert sent(client) - before < 4000
    assert open_descriptors() == descriptors


def test_errors_come_as_they_do_otherwise(client: tamis.Client, path: Path) -> None:
    path.write_bytes(ROWS + b"{\n")
    with pytest.raises(tamis.RowError) as caught:
        list(client.filter_file(path, QUERY))
    assert caught.value.row == 20_000
    with pytest.raises(FileNotFoundError):
        client.filter_file(path.with_name("none.jsonl"), QUERY)
    with pytest.raises(IsADirectoryError):
        list(client.filter_file(path.parent, QUERY, format="jsonl"))
    assert client.ping() > 0


def test_a_file_object_is_read_from_where_it_stands(client: tamis.Client, path: Path) -> None:
    before = sent(client)
    for buffering in (0, -1):
        with open(path, "rb", buffering=buffering) as file:
            head = file.readline()
            found = b"".join(client.filter_file(file, QUERY, format="jsonl"))
            assert (head, found) == (ROWS[: len(head)], KEPT)
            assert (file.read(), file.tell()) == (b"", len(ROWS))
            file.seek(0)
            assert b"".join(client.filter_file(file, QUERY, format="jsonl")) == KEPT
    with open(path, "r+b") as both:
        both.write(b'{"a":3,')  # is not there yet
        both.seek(0)
        assert b"".join(client.filter_file(both, QUERY, format="jsonl"))[:7] == b'{"a":3,'
    assert sent(client) - before < 4000


def test_the_caller_may_close_it(client: tamis.Client, path: Path) -> None:
    file = open(path, "rb")  # noqa: SIM115 (closed before its rows have come)
    stream = client.filter_file(file, QUERY, format="jsonl")
    file.close()
    assert b"".join(stream) == KEPT


def test_what_is_no_plain_file_is_sent(client: tamis.Client, path: Path, tmp_path: Path) -> None:
    packed = tmp_path / "rows.jsonl.gz"
    packed.write_bytes(gzip.compress(ROWS))
    before = sent(client)
    sources: list[BinaryIO] = [io.BytesIO(ROWS)]
    with gzip.open(packed) as one, gzip.open(packed) as two:
        sources += [one, io.BufferedReader(two)]  # type: ignore[list-item]
        for source in sources:
            assert b"".join(client.filter_file(source, QUERY, format="jsonl")) == KEPT
    with subprocess.Popen(["cat", path], stdout=subprocess.PIPE) as cat:
        assert cat.stdout is not None
        with open(os.dup(cat.stdout.fileno()), "rb") as pipe:
            assert b"".join(client.filter_file(pipe, QUERY, format="jsonl")) == KEPT
    fifo = tmp_path / "fifo.jsonl"
    os.mkfifo(fifo)
    with subprocess.Popen(["cp", path, fifo]):
        assert b"".join(client.filter_file(fifo, QUERY)) == KEPT
    assert sent(client) - before > 5 * len(ROWS)
    query = "c1 LIKE 'Name:%'"  # of the kernel: the file says that it has no bytes
    found = client.filter_file("/proc/self/status", query, format="csv", header=False, ragged=True)
    assert b"".join(found).startswith(b"Name:")


def test_a_daemon_that_takes_none(refusing: tamis.Client, path: Path) -> None:
    before = sent(refusing)
    assert b"".join(refusing.filter_file(path, QUERY)) == KEPT
    assert sent(refusing) - before > len(ROWS)


def test_what_is_refused_is_sent(
    client: tamis.Client, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = os.open(path.parent, os.O_RDONLY)
    write = tamis.transport.SocketTransport.write_with

    def other(self: tamis.transport.SocketTransport, done: list[int], data: bytes, fd: int) -> None:
        write(self, done, data, folder)

    monkeypatch.setattr("tamis.transport.SocketTransport.write_with", other)
    before = sent(client)
    with open(path, "rb") as file:
        file.readline()
        assert b"".join(client.filter_file(file, QUERY, format="jsonl")) == KEPT
    assert b"".join(client.filter_file(path, QUERY)) == KEPT
    assert sent(client) - before > 2 * len(ROWS) - 100
    os.close(folder)
