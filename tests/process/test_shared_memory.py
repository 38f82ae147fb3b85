"""tamisd --stdio --shared-memory: results in memory that the client shares."""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from daemon import TAMISD
from tables import ROWS, ask, count, error_of, maps, ordered, rows_of

from tests.lib import wire
from tests.lib.mp import Bin, Plain, Value
from tests.lib.wire import Answer, Connection

SIZE = 8 << 20
FILL = b"\xee"
MANY = 140_000  # rows: several segments
F_ADD_SEALS, SHRINK, WRITE = 1033, 2, 8  # fcntl.h: F_SEAL_SHRINK, F_SEAL_WRITE

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memfd_create is Linux's")


def memfd(size: int, seals: int, flags: int = os.MFD_ALLOW_SEALING) -> int:
    fd = os.memfd_create("test", flags | os.MFD_CLOEXEC)
    os.ftruncate(fd, size)
    if seals:
        fcntl.fcntl(fd, F_ADD_SEALS, seals)
    return fd


class Sharing:
    """A daemon, and the memory that it and we have."""

    def __init__(self, connection: Connection, memory: mmap.mmap) -> None:
        self.connection = connection
        self.memory = memory

    def fill(self) -> None:
        self.memory[:] = FILL * len(self.memory)

    def is_untouched(self, start: int, end: int) -> bool:
        return self.memory[start:end] == FILL * (end - start)

    def resolved(self, replies: list[list[Value]]) -> tuple[list[list[Value]], list[list[int]]]:
        """The replies with bytes in place of places; and the places."""
        out, places = [], []
        for reply in replies:
            if reply[0] == wire.RESULT and isinstance(reply[5], list):
                offset, size = reply[5]
                assert isinstance(offset, int) and isinstance(size, int)
                places.append([offset, size])
                reply = [*reply[:5], Bin(bytes(self.memory[offset : offset + size]))]
            out.append(reply)
        return out, places


@contextlib.contextmanager
def sharing(size: int = SIZE, files: bool = False) -> Iterator[Sharing]:
    fd = memfd(size, SHRINK)
    memory = mmap.mmap(fd, size)
    options = ["--shared-memory", str(fd), *(["--files"] if files else [])]
    with Connection.spawn(*options, pass_fds=[fd]) as connection:
        os.close(fd)
        shared = Sharing(connection, memory)
        shared.fill()
        yield shared


@pytest.fixture
def shared() -> Iterator[Sharing]:
    with sharing() as made:
        yield made


@pytest.fixture
def table(shared: Sharing) -> int:
    number = shared.connection.create("people", key="id")
    shared.connection.load(number, [maps(ROWS)])
    return number


@pytest.fixture
def large(shared: Sharing) -> int:
    """Rows of one number each, from 0 on."""
    number = shared.connection.create("large")
    data = struct.pack(f"<{MANY}q", *range(MANY))
    columns: Plain = ["columns", MANY, [["n", "i64", Bin(data), None, None]]]
    shared.connection.load(number, [columns])
    return number


def said(fd: int, *options: str) -> tuple[int, str]:
    done = subprocess.run(
        [TAMISD, "--stdio", "--shared-memory", str(fd), *options],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        pass_fds=[fd],
        check=False,
    )
    return done.returncode, done.stderr


def test_only_memory_that_cannot_shrink(tmp_path: Path) -> None:
    plain = os.open(tmp_path / "plain", os.O_RDWR | os.O_CREAT)
    os.ftruncate(plain, 1 << 20)
    wrong = [
        (memfd(1 << 20, 0), "not sealed against shrinking"),
        (memfd(1 << 20, 0, flags=0), "not sealed against shrinking"),
        (memfd(0, SHRINK), "empty"),
        (memfd(1 << 20, SHRINK | WRITE), "Operation not permitted"),
        (plain, "not sealed against shrinking"),  # a tmpfs has seals for every file
    ]
    for fd, complaint in wrong:
        status, error = said(fd)
        assert status == 1 and error.startswith(f"tamisd: --shared-memory {fd}: "), error
        assert complaint in error or (fd == plain and "not a memfd" in error)
        os.close(fd)
    read, write = os.pipe()
    assert said(read) == (1, f"tamisd: --shared-memory {read}: not a memfd\n")
    os.close(read)
    os.close(write)


def test_a_descriptor_that_is_not_open() -> None:
    done = subprocess.run(
        [TAMISD, "--stdio", "--shared-memory", "1000"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (
        1,
        "tamisd: --shared-memory 1000: Bad file descriptor\n",
    )


@pytest.mark.parametrize(("more", "status"), [(-1, 0), (0, 0), (1, 1)])
def test_the_limit(more: int, status: int) -> None:
    fd = memfd((1 << 20) + more, SHRINK)
    told, error = said(fd, "--shared-bytes", "1M")
    assert told == status and ("larger than shared_bytes" in error) == (status == 1)
    os.close(fd)


def test_welcome_tells_it(shared: Sharing) -> None:
    welcome = shared.connection.hello()
    names = welcome["capabilities"]
    assert isinstance(names, list)
    assert {"shared.memory", "shared.rows"} <= set(map(wire.text_of, names))
    assert welcome["shared"] == SIZE
    with Connection.spawn() as other:
        welcome = other.hello()
        names = welcome["capabilities"]
        assert isinstance(names, list)
        assert not {"shared.memory", "shared.rows"} & set(map(wire.text_of, names))
        assert "shared" not in welcome


WRONG: list[tuple[Plain, str]] = [
    (7, "must be [offset, bytes]"),
    ([], "must be [offset, bytes]"),
    ([0], "must be [offset, bytes]"),
    ([0, 8, 8], "must be [offset, bytes]"),
    ([-4, 8], "must be [offset, bytes]"),
    ([0, -1], "must be [offset, bytes]"),
    ([0, 1.0], "must be [offset, bytes]"),
    (["0", 8], "must be [offset, bytes]"),
    ([0, SIZE + 1], "within"),
    ([SIZE + 4, 0], "within"),
    ([SIZE, 1], "within"),
    ([4, SIZE - 3], "within"),
    ([2**64 - 4, 8], "within"),
    ([8, 2**64 - 4], "within"),
    ([2**63, 2**63], "within"),
    ([2, 8], "multiple of 4"),
    ([SIZE - 1, 0], "multiple of 4"),
]


@pytest.mark.parametrize(("region", "complaint"), WRONG)
def test_wrong_regions(shared: Sharing, table: int, region: Plain, complaint: str) -> None:
    replies = ask(shared.connection, table, "1 = 1", into=region)
    assert error_of(replies) == "BAD_OPTION"
    assert complaint in wire.text_of(wire.fields(replies[-1][2])["message"])
    assert shared.is_untouched(0, SIZE)
    assert count(shared.connection, table) == len(ROWS)


@pytest.mark.parametrize("region", [[0, SIZE], [SIZE - 4000, 4000], [SIZE, 0], [4, SIZE - 4], None])
def test_regions_at_the_edges(shared: Sharing, table: int, region: Plain) -> None:
    replies, places = shared.resolved(
        ask(shared.connection, table, "1 = 1", result="numbers", into=region)
    )
    assert ordered(replies) == list(range(1000))
    fits = isinstance(region, list) and region != [SIZE, 0]
    assert places == ([[region[0], 4000]] if fits and isinstance(region, list) else [])


def test_who_may_not_have_it(shared: Sharing, table: int, client: Connection) -> None:
    one = shared.connection
    region: Plain = [0, 4096]
    for kind in ("columns", "count"):
        assert error_of(ask(one, table, "1 = 1", result=kind, into=region)) == "BAD_OPTION"
    counts = ask(one, table, "1 = 1", result="counts", by="city", into=region)
    assert error_of(counts) == "BAD_OPTION"
    for kind in ("indices", "bitmap", "auto", "count", "runs", "spans"):
        answer = one.filter("1 = 1", maps(ROWS[:3]), result=kind, into=region)
        assert answer.code == "BAD_OPTION"
    other = client.create("people")
    assert error_of(ask(client, other, "1 = 1", into=region)) == "BAD_OPTION"


@pytest.mark.parametrize("kind", ["indices", "numbers", "bitmap", "auto", "rows"])
@pytest.mark.parametrize("query", ["city = 'Rome' and id >= 300", "1 = 1", "id < 0"])
def test_contents(shared: Sharing, table: int, kind: str, query: str) -> None:
    offset, size = 4096, 200_000
    usual = ask(shared.connection, table, query, result=kind)
    replies, places = shared.resolved(
        ask(shared.connection, table, query, result=kind, into=[offset, size])
    )
    assert replies[-1][2] == usual[-1][2]
    assert bool(places) == (query != "id < 0")
    if kind == "rows":
        assert rows_of(replies) == rows_of(usual)
    elif kind == "numbers":
        assert ordered(replies) == ordered(usual)
    else:
        assert Answer.of(replies).indices == Answer.of(usual).indices
    end = max((place[0] + place[1] for place in places), default=offset)
    assert shared.is_untouched(0, offset) and shared.is_untouched(end, SIZE)


@pytest.mark.parametrize("kind", ["numbers", "indices", "rows"])
def test_order(shared: Sharing, table: int, kind: str) -> None:
    options: dict[str, Plain] = {"result": kind, "order": [["score", "desc"]], "offset": 5}
    usual = ask(shared.connection, table, "1 = 1", **options)
    replies, places = shared.resolved(
        ask(shared.connection, table, "1 = 1", into=[0, SIZE], **options)
    )
    assert places
    if kind == "rows":
        assert rows_of(replies) == rows_of(usual)
    else:
        assert ordered(replies) == ordered(usual) == list(range(994, -1, -1))


@pytest.mark.parametrize("offset", [0, 3, 70_000])
@pytest.mark.parametrize("limit", [None, 0, 1, 100_000])
def test_large_results(shared: Sharing, large: int, offset: int, limit: int | None) -> None:
    want = [n for n in range(MANY) if n % 7 != 3][offset:][: MANY if limit is None else limit]
    options: dict[str, Plain] = {"offset": offset, "limit": limit}
    query = "n % 7 <> 3"
    replies, places = shared.resolved(
        ask(shared.connection, large, query, result="numbers", into=[0, SIZE], **options)
    )
    assert ordered(replies) == want
    assert places == ([[0, 4 * len(want)]] if want else [])  # one piece, however many chunks
    assert shared.is_untouched(4 * len(want), SIZE)
    replies, _ = shared.resolved(
        ask(shared.connection, large, query, result="indices", into=[0, SIZE], **options)
    )
    assert Answer.of(replies).indices == want


@pytest.mark.parametrize("kind", ["numbers", "indices", "bitmap", "auto", "rows"])
@pytest.mark.parametrize("size", [0, 3, 400, 40_000, 270_000, 4 * MANY - 41])
def test_what_does_not_fit_comes_as_usual(
    shared: Sharing, large: int, kind: str, size: int
) -> None:
    usual = ask(shared.connection, large, "n >= 10", result=kind)
    offset = 64
    replies, places = shared.resolved(
        ask(shared.connection, large, "n >= 10", result=kind, into=[offset, size])
    )
    assert all(offset <= at and at + n <= offset + size for at, n in places)
    assert shared.is_untouched(0, offset) and shared.is_untouched(offset + size, SIZE)
    if kind == "rows":
        assert b"".join(Answer.of(replies).rows) == b"".join(Answer.of(usual).rows)
    elif kind == "numbers":
        assert ordered(replies) == list(range(10, MANY))
        assert size < 270_000 or 0 < len(places) < len(replies) - 1
    else:
        assert Answer.of(replies).indices == list(range(10, MANY))


def test_rows_that_were_deleted(shared: Sharing, large: int) -> None:
    keyed = shared.connection.create("keyed", key="n")
    data = struct.pack("<100000q", *range(100_000))
    columns: Plain = ["columns", 100_000, [["n", "i64", Bin(data), None, None]]]
    shared.connection.load(keyed, [columns])
    gone: list[Plain] = list(range(0, 100_000, 1000))
    assert shared.connection.call(wire.DELETE, keyed, gone)[-1][0] == wire.CHANGED
    replies, places = shared.resolved(
        ask(shared.connection, keyed, "n >= 500", result="numbers", into=[0, SIZE])
    )
    assert ordered(replies) == list(range(499, 99_900)) and len(places) == 1


def test_two_regions_at_once(shared: Sharing, large: int) -> None:
    one = shared.connection
    asked: list[tuple[int, str, int]] = []
    frames = []
    for i, query in enumerate(("n < 1000", "n >= 100000", "n = 5", "n <> 5")):
        asked.append((one.new_id(), query, i * (2 << 20)))
        options: dict[str, Plain] = {"result": "numbers", "into": [asked[-1][2], 2 << 20]}
        frames.append(wire.frame([wire.FILTER, asked[-1][0], query, options, ["table", large]]))
    one.send(b"".join(frames))
    came: dict[int, list[list[Value]]] = {number: [] for number, _, _ in asked}
    while any(not replies or replies[-1][0] != wire.DONE for replies in came.values()):
        reply = one.receive()
        assert isinstance(reply[1], int)
        came[reply[1]].append(reply)
    wants: Sequence[list[int]] = [
        list(range(1000)),
        list(range(100_000, MANY)),
        [5],
        [n for n in range(MANY) if n != 5],
    ]
    for (number, _, start), want in zip(asked, wants, strict=True):
        replies, places = shared.resolved(came[number])
        assert ordered(replies) == want and places == [[start, 4 * len(want)]]


def test_a_client_that_writes_there_meanwhile(shared: Sharing, large: int) -> None:
    """It spoils its own results, and nothing else."""
    done = threading.Event()

    def scribble() -> None:
        while not done.is_set():
            shared.memory[: 2 << 20] = os.urandom(1 << 10) * (2 << 10)

    writer = threading.Thread(target=scribble)
    writer.start()
    try:
        for kind in ("numbers", "bitmap", "auto", "rows", "indices"):
            for _ in range(5):
                replies = ask(shared.connection, large, "n % 3 = 0", result=kind, into=[0, 2 << 20])
                assert replies[-1][0] == wire.DONE
    finally:
        done.set()
        writer.join()
    assert ordered(ask(shared.connection, large, "n < 9", result="numbers")) == list(range(9))


def test_the_memory_outlives_the_daemon() -> None:
    with sharing() as shared:
        table = shared.connection.create("t")
        shared.connection.load(table, [maps(ROWS)])
        ask(shared.connection, table, "1 = 1", result="numbers", into=[0, 4000])
        assert shared.connection.close() == 0
        assert struct.unpack("<1000I", shared.memory[:4000]) == tuple(range(1000))
