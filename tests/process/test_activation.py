"""Socket activation, readiness, and the units."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from daemon import ROOT, TAMISD, Daemon, Listening, connect, wait_until


@pytest.fixture
def folder() -> Iterator[str]:
    """A folder with a path short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="tamis-") as path:
        yield path


def test_systemd_socket_activate(need_tool: Callable[[str], str], folder: str) -> None:
    tool = need_tool("systemd-socket-activate")
    path = f"{folder}/s"
    with Daemon(argv=[tool, "-l", path, TAMISD], stdin=subprocess.DEVNULL) as daemon:
        wait_until(lambda: os.path.exists(path))
        wires = [connect(path) for _ in range(3)]
        for wire in wires:
            wire.greet()
            wire.ping()
            wire.close()
        assert f"listening on {path} (passed)" in daemon.errors()
        assert daemon.stop() == 0
        assert os.path.exists(path), "the socket file belongs to who made it"


class Passed:
    """Sockets passed as systemd does, without it."""

    def __init__(self, *fds: int, pid: str = "self", count: str | None = None) -> None:
        self.fds = fds
        self.pid = pid
        self.count = count or str(len(fds))

    def start(self, *options: str) -> Daemon:
        """The shell sets LISTEN_PID to what becomes the daemon's pid."""
        moves = " ".join(f"{n}<&{fd}" for n, fd in enumerate(self.fds, 3))
        pid = "$$" if self.pid == "self" else self.pid
        script = f'export LISTEN_FDS={self.count} LISTEN_PID={pid}; exec "$@" {moves}'
        return Daemon(argv=["bash", "-c", script, "bash", TAMISD, *options], pass_fds=self.fds)


def listening_socket(path: str) -> socket.socket:
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    s.bind(path)
    s.listen()
    # high, so that the shell's moves to 3 and 4 do not overwrite it
    high = socket.socket(fileno=fcntl.fcntl(s.fileno(), 0, 50))
    s.close()
    return high


@pytest.mark.parametrize("options", [(), ("--listen", "systemd:")])
def test_passed_sockets(folder: str, options: tuple[str, ...]) -> None:
    with (
        listening_socket(f"{folder}/1") as one,
        listening_socket(f"{folder}/2") as two,
        Passed(one.fileno(), two.fileno()).start(*options) as daemon,
    ):
        for path in (f"{folder}/1", f"{folder}/2"):
            wire = connect(path)
            wire.greet()
            wire.close()
        assert daemon.stop() == 0


def test_passed_and_named_together(folder: str) -> None:
    with listening_socket(f"{folder}/1") as one:
        options = ("--listen", "systemd:", "--listen", f"{folder}/2")
        with Passed(one.fileno()).start(*options) as daemon:
            wait_until(lambda: os.path.exists(f"{folder}/2"))
            for path in (f"{folder}/1", f"{folder}/2"):
                wire = connect(path)
                wire.greet()
                wire.close()
            assert daemon.stop() == 0
            assert os.listdir(folder) == ["1"]


@pytest.mark.parametrize(
    ("pid", "count"), [("1", "1"), ("self", "0"), ("self", "x"), ("self", "-1"), ("", "1")]
)
def test_variables_meant_for_others_or_broken(folder: str, pid: str, count: str) -> None:
    with listening_socket(f"{folder}/1") as one:
        with Passed(one.fileno(), pid=pid, count=count).start() as daemon:
            assert daemon.wait() == 2
            assert "--listen" in daemon.errors()
        with Passed(one.fileno(), pid=pid, count=count).start("--listen", "systemd:") as daemon:
            assert daemon.wait() == 1
            assert "no sockets were passed" in daemon.errors()


def test_passed_descriptors_of_other_kinds(folder: str) -> None:
    datagram = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    datagram.bind(f"{folder}/d")
    quiet = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    tcp = socket.create_server(("127.0.0.1", 0))
    with datagram, quiet, tcp, open("/dev/null", "rb") as null:
        for fd in (datagram.fileno(), quiet.fileno(), tcp.fileno(), null.fileno()):
            high = fcntl.fcntl(fd, 0, 50)
            with Passed(high).start() as daemon:
                assert daemon.wait() == 1
                assert "no listening Unix stream socket" in daemon.errors()
            os.close(high)


@pytest.mark.parametrize("abstract", [False, True])
def test_notify(folder: str, abstract: bool) -> None:
    name = f"@tamis-test-{os.getpid()}" if abstract else f"{folder}/notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind("\0" + name[1:] if abstract else name)
        s.settimeout(10)
        with Listening(env={"NOTIFY_SOCKET": name}) as daemon:
            assert s.recv(100) == b"READY=1"
            connect(daemon.path).close()
            daemon.process.send_signal(signal.SIGTERM)
            assert s.recv(100) == b"STOPPING=1"
            assert daemon.wait() == 0


@pytest.mark.parametrize("name", ["", "relative", "/nonexistent/x", "/" + "x" * 200])
def test_notify_to_nowhere(name: str) -> None:
    with Listening(env={"NOTIFY_SOCKET": name}) as daemon:
        daemon.connect().ping()
        assert daemon.stop() == 0


def units(folder: Path) -> list[str]:
    """The units as they are installed, with the tamisd under test, in that folder."""
    for unit in ("tamisd.service", "tamisd.socket"):
        text = (ROOT / "systemd" / f"{unit}.in").read_text()
        text = text.replace("@CMAKE_INSTALL_FULL_BINDIR@/tamisd", TAMISD)
        text = text.replace("@CMAKE_INSTALL_FULL_DOCDIR@", "/usr/share/doc/tamis")
        assert "@" not in text.replace("@system-service", ""), "a variable not known here"
        (folder / unit).write_text(text)
    return [str(folder / "tamisd.service"), str(folder / "tamisd.socket")]


def test_units(need_tool: Callable[[str], str], tmp_path: Path) -> None:
    done = subprocess.run(
        [need_tool("systemd-analyze"), "verify", "--man=no", *units(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "SYSTEMD_UNIT_PATH": f"{tmp_path}:"},
    )
    complaints = [line for line in done.stderr.splitlines() if "tamisd" in line]
    assert complaints == [] and done.returncode == 0, done.stderr


def test_the_service_may_do_little(need_tool: Callable[[str], str], tmp_path: Path) -> None:
    """At most 1.5 of 10 by systemd's own count; and the users at its sockets stay told apart."""
    service, _ = units(tmp_path)
    tool = need_tool("systemd-analyze")
    done = subprocess.run(
        [tool, "security", "--offline=yes", "--threshold=15", "--no-pager", service],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "PrivateUsers=" not in Path(service).read_text()
