"""Files that clients pass as descriptors, and what a hostile client can do with them."""

from __future__ import annotations

import contextlib
import os
import resource
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from daemon import SANITIZED, Daemon, Listening, Stdio, connect, wait_until

from wire import KIND, Message, Wire, frame, hello, is_error, limits

ROWS = b'{"a":1}\n{"a":2}\n{"a":3}'
KEPT = b'{"a":2}\n{"a":3}\n'
MOST = limits()["descriptors"][0]


def asking(id_: int, at: object = 0, result: str = "rows", form: str = "jsonl") -> bytes:
    """A FILTER over the file that comes beside it."""
    return frame("FILTER", id_, "a > 1", {"result": result}, ["file", form, at])


@contextlib.contextmanager
def opened(path: Path | str, flags: int = os.O_RDONLY) -> Iterator[int]:
    """A descriptor of path."""
    fd = os.open(path, flags | os.O_CLOEXEC)
    try:
        yield fd
    finally:
        os.close(fd)


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """A file with ROWS."""
    path = tmp_path / "rows.jsonl"
    path.write_bytes(ROWS)
    return path


def answer(wire: Wire, id_: int) -> tuple[bytes, dict[str, Any]]:
    """The rows of a request, and the map of its DONE or ERROR."""
    found = b""
    while (message := wire.must_recv())[0] == KIND["RESULT"]:
        assert message[1] == id_
        found += message[5]
    assert message[1] == id_ and message[0] in (KIND["DONE"], KIND["ERROR"]), message
    return found, message[2]


def refusal(wire: Wire, fd: int, at: object = 0) -> dict[str, Any]:
    """The error of a request with that descriptor."""
    wire.send_with(asking(9, at), [fd])
    found, told = answer(wire, 9)
    assert found == b"" and "code" in told
    return told


def held(daemon: Daemon) -> int:
    """How many descriptors the daemon has open."""
    return len(os.listdir(f"/proc/{daemon.process.pid}/fd"))


def test_a_file_is_read_by_its_descriptor(rows: Path) -> None:
    with Listening() as daemon, opened(rows) as fd:
        wire = connect(daemon.path)
        daemon.wires.append(wire)
        assert "payload.descriptor" in wire.greet()["capabilities"]
        wire.send_with(asking(2), [fd])
        found, done = answer(wire, 2)
        assert found == KEPT and (done["rows"], done["bytes"]) == (3, len(ROWS))
        for at, kept in ((8, KEPT), (16, KEPT[8:]), (len(ROWS), b""), (1 << 40, b"")):
            wire.send_with(asking(3, at), [fd])
            assert answer(wire, 3)[0] == kept
        assert os.lseek(fd, 0, os.SEEK_CUR) == 0  # theirs and ours is the same
        os.lseek(fd, 5, os.SEEK_SET)
        wire.send_with(asking(4), [fd])
        assert answer(wire, 4)[0] == KEPT
        assert refusal(wire, fd, (1 << 64) - 1)["name"] == "BAD_PAYLOAD"
        assert refusal(wire, fd, -1)["name"] == "BAD_PAYLOAD"
        wire.send_with(frame("EXPLAIN", 5, "a > 1", None, ["file", "jsonl", 0]), [fd])
        told = wire.must_recv()
        assert told[0] == KIND["EXPLAINED"] and told[2]["matched"] == 2


def test_only_sockets_pass_them(rows: Path) -> None:
    with Stdio("--files") as stdio:
        assert "payload.descriptor" not in stdio.welcome["capabilities"]
        told = stdio.wire.ask(asking(2))
        assert is_error(told, "BAD_DESCRIPTOR") and "no descriptor came" in told[2]["message"]


@pytest.mark.parametrize("where", ["first", "middle", "last", "a byte"])
def test_it_belongs_to_the_frame_that_it_came_with(tmp_path: Path, where: str) -> None:
    paths = [tmp_path / f"{i}.jsonl" for i in range(3)]
    for i, path in enumerate(paths):
        path.write_bytes(b'{"a":%d}\n' % (i + 2))
    with Listening() as daemon, contextlib.ExitStack() as stack:
        wire = daemon.connect()
        for i, path in enumerate(paths):
            fd = stack.enter_context(opened(path))
            whole = asking(i + 2)
            at = {"first": 0, "middle": 20, "last": len(whole) - 1, "a byte": 0}[where]
            wire.send(whole[:at])
            piece = whole[at:] if where != "a byte" else whole[:1]
            wire.send_with(piece, [fd])
            for byte in whole[at + len(piece) :]:
                wire.send(bytes([byte]))
            if i == 1:
                wire.send(frame("PING", 99))
        replies = [wire.must_recv() for _ in range(7)]
        found = {m[1]: m[5] for m in replies if m[0] == KIND["RESULT"]}
        assert found == {i + 2: b'{"a":%d}\n' % (i + 2) for i in range(3)}


def test_no_other_message_gets_it(rows: Path) -> None:
    with Listening() as daemon, opened(rows) as fd:
        wire = daemon.connect()
        before = held(daemon)
        for with_it in (
            frame("PING", 2),
            frame("STATS", 2),
            frame("PREPARE", 2, "a > 1"),
            frame("EXECUTE", 2, 77, None, ["file", "jsonl", 0]),
            frame("FILTER", 2, "a >", None, ["file", "jsonl", 0]),
            frame("FILTER", 2, "a > 1", None, ["maps", []]),
        ):
            wire.send_with(with_it, [fd])
            wire.must_recv()
            told = wire.ask(asking(3))
            assert is_error(told, "BAD_DESCRIPTOR") and "no descriptor came" in told[2]["message"]
        wire.send(frame("FILTER", 4, "a > 1", {"result": "rows"}, None))
        wire.send_with(frame("ROWS", 4, ["file", "jsonl", 0]), [fd])
        assert is_error(wire.must_recv(), "BAD_PAYLOAD")
        wire.send(frame("END", 4))
        wire.send_with(asking(5), [fd, fd, fd])  # one is enough
        assert answer(wire, 5)[0] == KEPT
        wire.ping()
        wait_until(lambda: held(daemon) == before)


def test_what_is_no_regular_file(rows: Path, tmp_path: Path) -> None:
    ends = os.pipe()
    pair = socket.socketpair()
    with Listening() as daemon, contextlib.ExitStack() as stack:
        wire = daemon.connect()
        before = held(daemon)
        wrong = [*ends, *(s.fileno() for s in pair)]
        for path in (tmp_path, "/dev/zero", "/dev/null"):
            wrong.append(stack.enter_context(opened(path)))
        for fd in wrong:
            told = refusal(wire, fd)
            assert told["name"] == "BAD_DESCRIPTOR" and "not a regular file" in told["message"]
        for flags in (os.O_WRONLY, os.O_PATH):
            told = refusal(wire, stack.enter_context(opened(rows, flags)))
            assert told["name"] == "BAD_DESCRIPTOR" and "not open for reading" in told["message"]
        kernel = stack.enter_context(opened("/proc/self/status"))
        wire.send_with(asking(3), [kernel])
        assert answer(wire, 3)[1]["rows"] == 0  # it says that it is empty
        wire.ping()
        wait_until(lambda: held(daemon) == before)
    for fd in ends:
        os.close(fd)
    for s in pair:
        s.close()


@pytest.mark.parametrize("at_once", [True, False])
def test_as_many_as_the_limit(rows: Path, at_once: bool) -> None:
    """Of a frame that does not end meanwhile: all with one byte, or each with its own."""
    whole = asking(2)
    assert len(whole) > 2 * MOST
    with Listening() as daemon, opened(rows) as fd:
        before = held(daemon)
        for count in (MOST - 1, MOST, MOST + 1, 2 * MOST):
            wire = daemon.connect()
            sent = 1 if at_once else count
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                for i in range(sent):
                    wire.send_with(whole[i : i + 1], [fd] * (count // sent))
            if count <= MOST:
                wire.send(whole[sent:])
                assert answer(wire, 2)[0] == KEPT
            else:
                last = wire.recv_all()[-1]
                assert is_error(last, "TOO_MANY_DESCRIPTORS") and last[1] == 0
            daemon.wires.remove(wire)
            wire.close()
        wait_until(lambda: held(daemon) == before)
        wire = daemon.connect()
        for i in range(3 * MOST):  # one after the other, that is no matter
            wire.send_with(asking(2), [fd])
            assert answer(wire, 2)[0] == KEPT, i


def test_none_at_all(rows: Path) -> None:
    with Listening("--descriptors", "0") as daemon, opened(rows) as fd:
        wire = connect(daemon.path)
        daemon.wires.append(wire)
        assert "payload.descriptor" not in wire.greet()["capabilities"]
        wire.send_with(asking(2), [fd])
        assert is_error(wire.recv_all()[-1], "TOO_MANY_DESCRIPTORS")
        daemon.connect().ping()


def test_before_hello(rows: Path) -> None:
    with Listening() as daemon, opened(rows) as fd:
        before = held(daemon)
        wire = connect(daemon.path)
        wire.send_with(hello(), [fd] * MOST)
        assert wire.must_recv()[0] == KIND["WELCOME"]
        told = wire.ask(asking(2))
        assert is_error(told, "BAD_DESCRIPTOR")
        wire.close()
        wire = connect(daemon.path)
        wire.send_with(asking(2), [fd])
        assert is_error(wire.recv_all()[-1], "HELLO_FIRST")
        wire.close()
        wire = connect(daemon.path)
        wire.send_with(b"\0", [fd] * (MOST + 1))
        assert is_error(wire.recv_all()[-1], "TOO_MANY_DESCRIPTORS")
        wire.send_with(b"more", [fd] * 9)  # it lingers, and lets them go
        wire.close()
        wait_until(lambda: held(daemon) == before)


def few_descriptors(most: int) -> Callable[[], None]:
    """For `preexec`."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))

    return limit


def test_the_daemon_has_no_room(rows: Path) -> None:
    """It keeps numbers free for its clients: what goes beyond is told, and costs no connection."""
    room = few_descriptors(4 + 64 + 253 + 2)
    with Listening("--clients", "4", preexec=room) as daemon, opened(rows) as fd:
        wires = [daemon.connect() for _ in range(3)]
        for wire in wires:
            wire.send_with(asking(2)[:9], [fd])
        daemon.connect().ping()  # it has read them all when it reads on
        refused = []
        for wire in wires:  # in which order it has read them is the kernel's affair
            wire.send(asking(2)[9:])
            found, told = answer(wire, 2)
            if found != KEPT:
                assert (found, told["name"]) == (b"", "TOO_MANY_DESCRIPTORS")
                refused.append(wire)
        assert len(refused) == 1

        def is_taken() -> bool:
            refused[0].send_with(asking(3), [fd])
            return answer(refused[0], 3)[0] == KEPT

        wait_until(is_taken)  # there is room again, once the others are closed


def test_some_are_lost_on_the_way(rows: Path) -> None:
    """The kernel drops those for which the process has no number."""
    with Listening("--clients", "1", preexec=few_descriptors(200)) as daemon, opened(rows) as fd:
        own = held(daemon)
    with (
        Listening("--clients", "2", preexec=few_descriptors(own + 4)) as daemon,
        opened(rows) as fd,
    ):
        wire = connect(daemon.path)
        daemon.wires.append(wire)
        assert "payload.descriptor" not in wire.greet()["capabilities"]
        for count in (1, MOST - 1):
            wire.send_with(asking(3), [fd] * count)
            assert answer(wire, 3)[1]["name"] == "TOO_MANY_DESCRIPTORS"
        wire.ping()
        wait_until(lambda: held(daemon) == own + 1)


def test_nothing_leaks(rows: Path) -> None:
    with Listening("--clients-per-uid", "64") as daemon, opened(rows) as fd:
        daemon.connect().ping()
        before = held(daemon)
        whole = asking(2)
        stages: list[Callable[[Wire], None]] = [
            lambda wire: wire.send_with(whole[:5], [fd] * 3),
            lambda wire: wire.send_with(whole, [fd]),
            lambda wire: wire.send_with(whole + frame("CANCEL", 2), [fd]),
            lambda wire: wire.send_with(frame("FILTER", 2, "a >", None, ["file"]), [fd] * 16),
            lambda wire: wire.send_with(b"\xff\xff\xff\xff and so on", [fd] * 8),
            lambda wire: wire.send_with(b"\0\0\0\4none", [fd] * 8),
            lambda wire: wire.send_with(whole[:-1], [fd] * 40),
        ]
        for i in range(300):
            wire = connect(daemon.path)
            if i % 3:
                wire.send(hello())
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                stages[i % len(stages)](wire)
            if i % 2:
                while True:
                    try:
                        message = wire.recv(0.02)
                    except TimeoutError:
                        break
                    if message is None:
                        break
            wire.close()
        wait_until(lambda: held(daemon) == before)
        counts = daemon.connect()
        counts.send(frame("STATS", 5))
        assert counts.must_recv()[2]["clients"] <= 2


def test_a_file_that_changes_while_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    row = b'{"a":7,"s":"' + b"x" * 86 + b'"}\n'
    count = 10_000 if os.environ.get("TAMIS_SANITIZER") == "hostile" else 100_000
    path.write_bytes(row * (4 * count))
    with Listening("--output-bytes", "65536") as daemon, opened(path) as fd:
        wire = daemon.connect()
        wire.send_with(asking(2), [fd])
        first: Message = wire.must_recv()
        assert first[0] == KIND["RESULT"]
        os.truncate(path, 30 * len(row))  # far before where the daemon is
        found, told = answer(wire, 2)
        assert (first[5] + found)[: len(row)] == row
        assert "rows" in told or told["name"] == "ROW_TRUNCATED"
        path.write_bytes(row * count)
        wire.send_with(asking(3), [fd])
        first = wire.must_recv()
        with open(path, "ab") as more:
            more.write(row * 7)
        found, told = answer(wire, 3)
        assert told["rows"] == count + 7 == (len(first[5]) + len(found)) // len(row)
        path.unlink()
        wire.send_with(asking(4, result="count"), [fd])
        assert answer(wire, 4)[1]["matched"] == count + 7


def test_many_clients_with_files_take_turns(tmp_path: Path) -> None:
    """More than may read at a time; others are answered meanwhile."""
    path = tmp_path / "rows.jsonl"
    count = 20_000 if SANITIZED else 500_000
    path.write_bytes(b'{"a":7}\n' * count)
    with Listening("--threads", "2") as daemon, opened(path) as fd:
        wires = [daemon.connect() for _ in range(8)]
        for wire in wires:
            for id_ in (2, 3):
                wire.send_with(asking(id_, result="count"), [fd])
        other = daemon.connect()
        told = other.ask(frame("FILTER", 2, "a > 1", {"result": "count"}, ["maps", [{"a": 5}]]))
        assert told[2]["matched"] == 1
        wires[3].close()
        daemon.wires.remove(wires.pop(3))
        for wire in wires:
            done = {m[1]: m[2] for m in (wire.must_recv(), wire.must_recv())}
            assert [done[id_]["matched"] for id_ in (2, 3)] == [count, count]


def test_a_stopped_daemon_answers_first(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"a":7}\n' * 200_000)
    with Listening() as daemon, opened(path) as fd:
        wire = daemon.connect()
        wire.send_with(asking(2, result="count"), [fd])
        wire.ping()
        assert daemon.stop() == 0
        assert answer(wire, 2)[1]["matched"] == 200_000

        assert os.fstat(fd).st_size == 8 * 200_000
