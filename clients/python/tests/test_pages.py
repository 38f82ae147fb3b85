"""pages.py: bytes lent to a pipe, and room in large pages; and bytes filtered so."""

from __future__ import annotations

import mmap
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from typing import Any, Union

import pytest

import tamis
from tamis import pages
from tamis.pages import LARGE_BYTES, LEAST_BYTES, Lent, lend, room

linux = pytest.mark.skipif(
    sys.platform != "linux" or sys.implementation.name != "cpython", reason="nothing is lent here"
)
Pipe = tuple[int, int]


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    made = os.pipe()
    os.set_blocking(made[1], False)
    yield made
    for fd in made:
        os.close(fd)


def lent(data: Union[bytes, bytearray, memoryview]) -> Lent:
    found = lend(data)
    assert found is not None
    return found


def some_bytes(size: int) -> bytes:
    return bytes(range(251)) * (size // 251) + bytes(size % 251)


@linux
@pytest.mark.parametrize("kind", [bytes, bytearray, "view", "read-only view", "map"])
def test_bytes_go_through_a_pipe(pipe: Pipe, kind: Any) -> None:
    """From wherever they lie in a page; a full pipe is told, and the rest goes on later."""
    plain = some_bytes(5 * LEAST_BYTES + 4321)
    data: Any
    if kind == "view":
        data = memoryview(bytearray(b"before" + plain + b"behind"))[6:-6]
    elif kind == "read-only view":
        data = memoryview(b"before" + plain + b"behind")[6:-6]
    elif kind == "map":
        data = mmap.mmap(-1, len(plain))
        data.write(plain)
    else:
        data = kind(plain)
    rest, came = lent(data)[:], b""
    assert len(rest) == len(plain)
    while len(rest) >= LEAST_BYTES:
        sent: list[int] = []
        assert rest.give(sent, pipe[1])
        assert len(sent) == 1
        assert 0 < sent[0] <= len(rest)
        if sent[0] < len(rest):
            full: list[int] = []
            with pytest.raises(BlockingIOError):
                rest.give(full, pipe[1])
            assert full == []
        rest = rest[sent[0] :]
        while len(came) < len(plain) - len(rest):
            came += os.read(pipe[0], 1 << 20)
    assert came + bytes(rest.view) == plain


@linux
def test_nothing_is_copied(pipe: Pipe) -> None:
    data = bytearray(LEAST_BYTES)
    sent: list[int] = []
    assert lent(data).give(sent, pipe[1])
    data[:5] = b"later"
    assert os.read(pipe[0], 5) == b"later"


@linux
def test_slices_of_what_is_lent() -> None:
    data = some_bytes(LEAST_BYTES)
    whole, size = lent(data), len(data)
    for part in [slice(3, None), slice(None), slice(2, 5), slice(8, 2 * size), slice(size, None)]:
        assert bytes(whole[part].view) == data[part]
        assert len(whole[part]) == len(data[part])
    assert bytes(whole[2:8][3:][:2].view) == data[5:7]


@linux
def test_what_is_not_lent(pipe: Pipe) -> None:
    assert lend(b"") is None
    assert lend(bytes(LEAST_BYTES - 1)) is None
    sent: list[int] = []
    assert not lent(bytes(LEAST_BYTES))[1:].give(sent, pipe[1])
    pair = socket.socketpair()
    assert not lent(bytes(LEAST_BYTES)).give(sent, pair[0].fileno())
    for end in pair:
        end.close()
    reader, writer = os.pipe()
    os.close(reader)
    assert not lent(bytes(LEAST_BYTES)).give(sent, writer)
    with pytest.raises(BrokenPipeError):
        os.write(writer, bytes(LEAST_BYTES))
    os.close(writer)
    assert sent == []


@pytest.mark.parametrize("size", [0, 1, LARGE_BYTES - 1, LARGE_BYTES, 3 * LARGE_BYTES + 5])
def test_room(size: int) -> None:
    """What is made in it is right, if it is less than there is room for or more."""
    for parts in (0, 1, size // 2000 + 1):
        made, wanted = room(size), b"abc" * 999 * parts
        assert len(made.getbuffer()) == size
        for _ in range(parts):
            made.write(b"abc" * 999)
        made.truncate()
        assert made.getvalue() == wanted


def test_room_that_is_not_there() -> None:
    made = room(sys.maxsize // 2)
    assert made.getvalue() == b""


@pytest.mark.skipif(pages._madvise is None, reason="all pages are small here")
def test_room_takes_no_memory_before_it_is_used() -> None:
    def resident() -> int:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * mmap.PAGESIZE

    before = resident()
    made = room(256 << 20)
    made.write(b"x" * 100)
    assert resident() - before < 32 << 20


# Rows that were lent -----------------------------------------------------------------------------


def lines(count: int, first: int = 0) -> bytes:
    return b"".join(b'{"a":%d,"s":"%s"}\n' % (i, b"x" * 100) for i in range(first, first + count))


DATA = lines(60_000)
KEPT = b"".join(line for i, line in enumerate(DATA.splitlines(True)) if i % 7)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
@pytest.mark.parametrize("way", ["lent", "written"])
def test_rows(real: tamis.Client, monkeypatch: pytest.MonkeyPatch, kind: Any, way: str) -> None:
    if way == "written":  # an older kernel, or one that forbids it
        monkeypatch.setattr("tamis.pages._vmsplice", None)
        monkeypatch.setattr("tamis.pages._madvise", None)
    assert real.filter_bytes(kind(DATA), "a % 7 <> 0") == KEPT


@pytest.mark.parametrize("condition", ["a >= 0", "a = 5"])
def test_a_caller_who_has_enough_may_change_the_bytes(real: tamis.Client, condition: str) -> None:
    """Of what is still in the pipe the daemon takes note as of any rows of a request that is
    answered: none. Nothing else is out of step."""
    for _ in range(20):
        data = bytearray(DATA)
        assert real.filter_bytes(data, condition, limit=1).count(b"\n") == 1
        data[:] = b"\xc1" * len(data)
        assert real.count("a = 1", [{"a": 1}]) == 1
    assert real.filter_bytes(DATA, "a % 7 <> 0") == KEPT


def test_an_error_in_the_middle(real: tamis.Client) -> None:
    data = bytearray(DATA[:1_000_000] + b"]\n" + DATA)
    for _ in range(5):
        with pytest.raises(tamis.RowError) as caught:
            real.filter_bytes(data, "a % 7 <> 0")
        assert caught.value.offset is not None
        assert real.filter_bytes(DATA, "a % 7 <> 0") == KEPT


@pytest.mark.parametrize("size", [1 << 20, 3 << 20])
def test_a_request_that_is_given_up(real: tamis.Client, size: int) -> None:
    """With bytes in the pipe, or only a part of a message there. They are changed then, and what
    comes behind is in step."""
    assert real.pid is not None
    for _ in range(2):
        data = bytearray(DATA[:size])
        os.kill(real.pid, signal.SIGSTOP)
        try:
            with pytest.raises(tamis.Timeout):
                real.filter_bytes(data, "a % 7 <> 0", timeout=0.1)
            data[:] = b"\xc1" * len(data)
        finally:
            os.kill(real.pid, signal.SIGCONT)
        assert real.filter_bytes(DATA, "a % 7 <> 0") == KEPT


def test_several_threads(real: tamis.Client) -> None:
    """Their pieces come one between the other."""
    wrong: list[str] = []

    def ask(number: int) -> None:
        data = lines(20_000, number)
        wanted = [line for i, line in enumerate(data.splitlines(True), number) if i % 3 == 0]
        if real.filter_bytes(data, "a % 3 = 0") != b"".join(wanted):
            wrong.append(f"thread {number}")

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


# Memory ahead ----------------------------------------------------------------------------------


def helpers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "tamis-pages"]


@linux
def test_memory_ahead_changes_nothing() -> None:
    made = room(pages.AHEAD_LEAST_BYTES)
    ahead = pages.Ahead(made)
    assert len(helpers()) == 1
    piece = bytes(range(256)) * 8192  # 2 MiB
    for _ in range(16):
        made.write(piece)
        ahead.reached(made.tell())
    ahead.close()
    ahead.close()
    assert helpers() == []
    assert made.getvalue() == piece * 16


@linux
def test_memory_ahead_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """No more than as much as has been written, nor than AHEAD_BYTES, and each byte once."""
    asked: list[tuple[int, int]] = []
    done = threading.Event()

    def madvise(address: int, size: int, advice: int) -> int:
        asked.append((address, size))
        done.set()
        return 0

    made = room(pages.AHEAD_LEAST_BYTES)
    monkeypatch.setattr(pages, "_madvise", madvise)
    ahead = pages.Ahead(made)
    assert not done.wait(0.05)  # nothing has been written
    for mib in (1, 4, 8, 20):
        ahead.reached(mib << 20)
        assert done.wait(30) or mib == 1
        done.clear()
        most = mib + min(mib, pages.AHEAD_BYTES >> 20)
        end = max((address + size for address, size in asked), default=ahead._start)
        assert end <= ahead._start + (most << 20) + pages.STEP_BYTES
    ahead.close()
    assert all(one[0] + one[1] <= two[0] for one, two in zip(asked, asked[1:]))


@linux
def test_little_memory_needs_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    pages.Ahead(room(pages.AHEAD_LEAST_BYTES - 1)).close()
    monkeypatch.setattr(pages, "_madvise", None)
    ahead = pages.Ahead(room(pages.AHEAD_LEAST_BYTES))
    assert helpers() == []
    ahead.close()


@linux
def test_without_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    ahead = pages.Ahead(room(pages.AHEAD_LEAST_BYTES))
    ahead.reached(1 << 20)
    ahead.close()


@linux
@pytest.mark.parametrize("advice", [pages.MADV_POPULATE_WRITE, 9999])
def test_rows_with_memory_ahead(tamisd: str, monkeypatch: pytest.MonkeyPatch, advice: int) -> None:
    """Also where the system knows no such advice, and after a row that is wrong."""
    monkeypatch.setattr(pages, "AHEAD_LEAST_BYTES", 4 << 20)
    monkeypatch.setattr(pages, "MADV_POPULATE_WRITE", advice)
    rows = [b'{"k":%d,"text":"%s"}\n' % (i % 3, b"x" * (i % 500)) for i in range(40_000)]
    want = b"".join(row for row in rows if not row.startswith(b'{"k":0'))
    data = b"".join(rows)
    with tamis.Client(tamisd) as client:
        assert client.filter_bytes(data, "k > 0") == want
        assert client.filter_bytes(data[:-1], "k >= 0") == data
        with pytest.raises(tamis.RowError):
            client.filter_bytes(data + b"{", "k > 0")
        assert helpers() == []
