"""Peers that lie, stop, die or are slow. No fault may hang the client or give a wrong answer."""

from __future__ import annotations

import errno
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Callable

import pytest
from daemons import fake_command

import tamis

Make = Callable[..., tamis.Client]
ROWS = [{"a": i % 5} for i in range(20)]
MANY = [{"a": i % 5} for i in range(50_000)]


@pytest.mark.parametrize("rows", [ROWS, MANY], ids=["few", "many"])
@pytest.mark.parametrize(
    ("behaviour", "message"),
    [
        ("garbage", "not msgpack"),
        ("claim", "4294967295"),
        ("stranger", "not open"),
        ("scalar", "no array"),
        ("wrongkind", "kind 70"),
        ("mapid", "no number"),
        ("emptydone", "without its counts"),
        ("beyond", "beyond its rows"),
        ("miscount", "counted 1"),
    ],
)
def test_a_peer_that_lies(fake: Make, behaviour: str, message: str, rows: Any) -> None:
    client = fake(behaviour)
    with pytest.raises(tamis.ProtocolError, match=message):
        client.filter("a = 1", rows, timeout=20)
    client.close()


@pytest.mark.parametrize("behaviour", ["garbage", "claim", "stranger", "scalar"])
def test_after_garbage_nothing_is_believed(fake: Make, behaviour: str) -> None:
    client = fake(behaviour)
    pid = client.pid
    assert pid is not None
    for _ in range(3):
        with pytest.raises(tamis.ProtocolError):
            client.filter("a = 1", ROWS)
    with pytest.raises(ProcessLookupError):  # and the child is gone, not a zombie
        os.kill(pid, 0)


def test_an_error_that_belongs_to_no_request_ends_the_connection(fake: Make) -> None:
    client = fake("error0")
    for _ in range(2):
        with pytest.raises(tamis.DaemonDied) as caught:
            client.count("a = 1", ROWS)
        assert caught.value.name == "SHUTDOWN"


def test_a_reply_that_is_cut_off(fake: Make) -> None:
    client = fake("truncate")
    for _ in range(2):
        with pytest.raises(tamis.DaemonDied, match="middle of a reply") as caught:
            client.count("a = 1", ROWS)
        assert caught.value.status == 0


@pytest.mark.parametrize("rows", [ROWS, MANY], ids=["few", "many"])
def test_killed_in_the_middle(fake: Make, rows: Any) -> None:
    client = fake("die")
    for _ in range(2):
        with pytest.raises(tamis.DaemonDied, match="SIGKILL") as caught:
            client.count("a = 1", rows)
        assert caught.value.status == -signal.SIGKILL
    stream = fake("die").stream("a = 1", rows)
    with pytest.raises(tamis.DaemonDied):
        list(stream)


def test_status_and_last_words(fake: Make) -> None:
    client = fake("exit")
    with pytest.raises(tamis.DaemonDied, match="status 3") as caught:
        client.count("a = 1", ROWS)
    assert caught.value.status == 3
    assert caught.value.stderr.endswith("last words")
    assert len(caught.value.stderr) <= 4096
    assert "last words" in str(caught.value)


def test_killed_between_requests(client: tamis.Client) -> None:
    assert client.count("a = 1", ROWS) == 4
    assert client.pid is not None
    os.kill(client.pid, signal.SIGKILL)
    for _ in range(2):
        with pytest.raises(tamis.DaemonDied, match="SIGKILL"):
            client.count("a = 1", ROWS)
    client.close()


def test_killed_while_a_request_runs(fake: Make) -> None:
    client = fake("mute")
    assert client.pid is not None
    threading.Timer(0.2, os.kill, (client.pid, signal.SIGKILL)).start()
    with pytest.raises(tamis.DaemonDied):
        client.count("a = 1", ROWS)


@pytest.mark.parametrize("command", ["early", "silent"])
def test_a_daemon_that_does_not_start(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tamis.client.START_SECONDS", 1.0)
    expected = tamis.DaemonDied if command == "early" else tamis.Timeout
    with pytest.raises(expected) as caught:
        tamis.Client(fake_command(command))
    if isinstance(caught.value, tamis.DaemonDied):
        assert (caught.value.status, caught.value.stderr) == (7, "cannot start")


def test_programs_that_are_no_daemon() -> None:
    with pytest.raises(tamis.ProtocolError):
        tamis.Client(["/bin/sh", "-c", "cat"])
    with pytest.raises(tamis.DaemonDied):
        tamis.Client(["/bin/sh", "-c", "exit 0"])
    with pytest.raises(tamis.DaemonNotFound):
        tamis.Client("/nonexistent/tamisd")
    with pytest.raises(PermissionError):
        tamis.Client("/etc/passwd")
    with pytest.raises(ValueError, match="empty"):
        tamis.Client([])


def test_no_daemon_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TAMISD", raising=False)
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(tamis.DaemonNotFound, match="TAMISD"):
        tamis.Client()


def test_the_daemon_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    script = tmp_path / "tamisd"
    words = fake_command()
    script.write_text("#!/bin/sh\nexec " + " ".join(f"'{quoted(w)}'" for w in words) + ' "$@"\n')
    script.chmod(0o755)
    monkeypatch.setenv("TAMISD", str(script))
    with tamis.Client() as client:
        assert client.server == "fake"
    monkeypatch.delenv("TAMISD")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with tamis.Client() as client:
        assert client.server == "fake"
    with tamis.Client(script) as client:
        assert client.server == "fake"


def quoted(word: str) -> str:
    return word.replace("'", "'\\''")


@pytest.mark.parametrize("rows", [ROWS, MANY], ids=["few", "many"])
def test_timeouts_leave_the_client_usable(fake: Make, rows: Any) -> None:
    client = fake("mute")
    for act in (client.count, client.filter, client.mask, client.indices):
        started = time.monotonic()
        with pytest.raises(tamis.Timeout):
            act("a = 1", rows, timeout=0.1)
        assert time.monotonic() - started < 5
        assert client.ping(timeout=20) < 20
    assert client.stats()["streams"] == 0  # the daemon was told


def test_a_timeout_for_all_requests(fake: Make) -> None:
    client = fake("mute", timeout=0.1)
    with pytest.raises(TimeoutError):
        client.count("a = 1", ROWS)
    assert client.ping() < 5
    fast = fake("slow=0.3", timeout=0.1)
    assert fast.count("a = 1", ROWS, timeout=20) == 4


def test_a_peer_that_takes_nothing(fake: Make) -> None:
    """The pipe is full and stays full: a timeout, again and again, and memory stays bounded."""
    client = fake()
    assert client.pid is not None
    assert client.count("a = 1", ROWS) == 4
    os.kill(client.pid, signal.SIGSTOP)
    try:
        rows = [{"a": "x" * 1000} for _ in range(8000)]
        for _ in range(5):
            with pytest.raises(tamis.Timeout):
                client.count("a = 1", rows, timeout=0.1)
            with pytest.raises(tamis.Timeout):
                client.ping(timeout=0.05)
            queued = sum(map(len, client._channel._outbox))
            assert queued < 2 << 20
    finally:
        os.kill(client.pid, signal.SIGCONT)
    assert client.count("a = 1", ROWS) == 4


def test_a_peer_that_hears_no_more(fake: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """It lives, but its input is closed: its last words are waited for, not for ever."""
    monkeypatch.setattr("tamis.channel.HANGUP_SECONDS", 0.2)
    monkeypatch.setattr("tamis.transport.STATUS_SECONDS", 0.2)
    client = fake("deafen")
    assert client.count("a = 1", ROWS) == 4
    for _ in range(2):
        with pytest.raises(tamis.DaemonDied, match="still running"):
            client.count("a = 1", ROWS)


def test_a_stubborn_child_is_killed(fake: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tamis.client.GRACE_SECONDS", 0.1)
    monkeypatch.setattr("tamis.transport.TERM_SECONDS", 0.1)
    client = fake("stubborn")
    pid = client.pid
    assert pid is not None
    client.close()
    client.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_much_stderr_blocks_nobody(fake: Make) -> None:
    client = fake("stderr")
    for _ in range(5):
        assert client.count("a = 1", ROWS) == 4


def test_over_a_socket(tmp_path: Path) -> None:
    path = tmp_path / "fake.sock"
    server = subprocess.Popen([*fake_command(), "--listen", str(path)])
    try:
        end = time.monotonic() + 20
        while not path.exists() and time.monotonic() < end:
            time.sleep(0.01)
        with tamis.connect(path) as client:
            assert client.pid is None
            assert client.count("a = 1", ROWS) == 4
            assert client.filter("a = 1", MANY) == [row for row in MANY if row["a"] == 1]
            assert len(list(client.stream("a = 1", MANY))) == 10_000
            assert client.ping(timeout=5) < 5
        with tamis.connect(str(path)) as client:
            server.kill()
            with pytest.raises(tamis.DaemonDied, match="closed the connection"):
                client.count("a = 1", MANY)
    finally:
        server.kill()
        server.wait()
    with pytest.raises(ConnectionRefusedError) as caught:
        tamis.connect(path)
    assert caught.value.filename == str(path)
    with pytest.raises(FileNotFoundError):
        tamis.connect(tmp_path / "nothing")


@pytest.mark.parametrize(
    ("path", "kind", "number"),
    [
        ("", FileNotFoundError, errno.ENOENT),
        (b"", FileNotFoundError, errno.ENOENT),
        ("/nonexistent/tamis", FileNotFoundError, errno.ENOENT),
        (Path("/nonexistent/tamis"), FileNotFoundError, errno.ENOENT),
        ("/nonexistent/" + 95 * "x", OSError, errno.ENAMETOOLONG),
        ("/nonexistent/" + 94 * "x", FileNotFoundError, errno.ENOENT),
        (b"/nonexistent/" + 1000 * b"x", OSError, errno.ENAMETOOLONG),
        ("/nonexistent/" + 48 * "\u00e9", OSError, errno.ENAMETOOLONG),
        ("/dev/null\0x", OSError, errno.EINVAL),
        ("/dev/null", ConnectionRefusedError, errno.ECONNREFUSED),
    ],
)
def test_a_path_that_is_no_socket(path: Any, kind: type[OSError], number: int) -> None:
    with pytest.raises(OSError, match=re.escape(repr(os.fsdecode(path)))) as caught:
        tamis.connect(path)
    assert (type(caught.value), caught.value.errno) == (kind, number)
    assert caught.value.filename == os.fsdecode(path)


def test_a_socket_that_never_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tamis.client.START_SECONDS", 0.2)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        listener.listen()
        with pytest.raises(tamis.Timeout):
            tamis.connect(tmp_path / "s")


FLOOD = """
import os, struct, sys, threading, msgpack
# Answers everything at once with megabytes, and reads only when all of that is taken.
def read(n):
    data = b''
    while len(data) < n:
        part = os.read(0, n - len(data))
        if not part: sys.exit(0)
        data += part
    return data
def reply(*m):
    body = msgpack.packb(list(m)); data = memoryview(struct.pack('>I', len(body)) + body)
    while data: data = data[os.write(1, data):]
while True:
    kind, number, *rest = msgpack.unpackb(read(struct.unpack('>I', read(4))[0]))
    if kind == 1: reply(65, number, {'version': 1, 'limits': {}})
    elif kind == 3: reply(69, number, 1, {'fields': [['a']], 'params': [], 'text': ''})
    elif kind == 5:
        for _ in range(2): reply(66, number, 'indices', 0, 0, bytes(1 << 20))
    elif kind == 6:
        counts = {'matched': 0, 'rows': 0, 'type_mismatch': 0, 'undefined': 0}
        counts['limit_reached'] = False
        reply(67, number, counts)
"""


def test_full_duplex() -> None:
    """Both pipes fill at the same time: whoever wrote without reading would stand for ever."""
    source = "import sys; sys.path[:0] = " + repr(sys.path) + "\n" + FLOOD
    with tamis.Client([sys.executable, "-c", source]) as client:
        rows = [{"a": "x" * 1000} for _ in range(10_000)]
        assert client.count("a = 1", rows, timeout=60) == 0
