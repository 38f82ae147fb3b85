"""tamisd --listen: the socket file, many clients, and limits on them."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import socket
import stat
import struct
import time
from pathlib import Path

import pytest
from daemon import Daemon, Listening, connect, wait_until

from wire import KIND, Wire, filter_maps, frame, hello, is_error, raw_frame

# ---- the socket file ----


def test_start_and_stop() -> None:
    with Listening() as daemon:
        wire = daemon.connect()
        wire.ping()
        assert daemon.stop() == 0
        assert not os.path.exists(daemon.path)
        assert daemon.errors() == f"tamisd: listening on {daemon.path}\n"


@pytest.mark.parametrize(("option", "mode"), [((), 0o660), (("--socket-mode", "0600"), 0o600)])
def test_mode(option: tuple[str, ...], mode: int) -> None:
    with Listening(*option) as daemon:
        assert stat.S_IMODE(os.stat(daemon.path).st_mode) == mode


def test_several_sockets() -> None:
    with Listening() as other:
        second = other.path + ".2"
        third = other.path + ".3"
        with Listening("--listen", second, "--listen", third) as daemon:
            wait_until(lambda: daemon.errors().count("listening on") == 3)
            for path in (daemon.path, second, third):
                wire = connect(path)
                wire.greet()
                wire.close()
            assert daemon.stop() == 0
        assert not os.path.exists(second) and not os.path.exists(third)


def test_stale_socket_is_replaced() -> None:
    with Listening() as daemon:
        daemon.process.kill()
        daemon.wait()
        assert os.path.exists(daemon.path)
        with Listening(path=daemon.path) as next_one:
            next_one.connect().ping()
            assert next_one.stop() == 0


def test_live_socket_is_refused() -> None:
    with Listening() as daemon:
        with Listening(path=daemon.path) as second:
            assert second.wait() == 1
            assert "another process is listening" in second.errors()
        daemon.connect().ping()


def test_many_starting_at_once_leave_one() -> None:
    with Listening() as daemon:
        daemon.process.kill()
        daemon.wait()
        rivals = [Daemon("--listen", daemon.path) for _ in range(6)]
        time.sleep(1.0)
        wait_until(lambda: sum(r.process.poll() is None for r in rivals) <= 1)
        assert sum(r.process.poll() is None for r in rivals) == 1
        wire = connect(daemon.path)
        wire.greet()
        wire.close()
        for rival in rivals:
            rival.__exit__()


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_text("precious")
    with Listening(path=str(path)) as daemon:
        assert daemon.wait() == 1
        assert "not a socket" in daemon.errors()
    assert path.read_text() == "precious"


@pytest.mark.parametrize("path", ["/nonexistent/folder/s", "/tmp/" + "x" * 120])
def test_impossible_paths(path: str) -> None:
    with Listening(path=path) as daemon:
        assert daemon.wait() == 1
        assert daemon.errors().startswith("tamisd: listening on ")


def test_a_socket_that_is_no_longer_ours_stays() -> None:
    with Listening() as daemon:
        os.unlink(daemon.path)
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(daemon.path)
            assert daemon.stop() == 0
            assert os.path.exists(daemon.path)


# ---- clients ----


def test_200_clients_at_once() -> None:
    with Listening() as daemon:
        wires = [daemon.connect(greet=False) for _ in range(200)]
        for wire in wires:
            wire.send(hello())
        for n, wire in enumerate(wires):
            wire.send(filter_maps(2, "a >= 3", [{"a": a} for a in range(n + 1)], result="count"))
        for n, wire in enumerate(wires):
            assert wire.must_recv()[0] == KIND["WELCOME"]
            assert wire.recv_last(2)[2]["matched"] == max(0, n - 2)


def refusal(wire: Wire) -> None:
    """The connection gets one error and ends, also for a client that talks first."""
    wire.send(hello())
    assert is_error(wire.must_recv(), "TOO_MANY_CLIENTS")
    assert wire.recv() is None
    wire.close()


def test_clients_limit() -> None:
    with Listening("--clients", "3") as daemon:
        wires = [daemon.connect() for _ in range(3)]
        for _ in range(5):
            refusal(connect(daemon.path))
        wires[0].close()
        wait_until(lambda: wires[1].ask(frame("STATS", 3))[2]["clients"] <= 3)
        time.sleep(0.1)
        daemon.connect().ping()
        for wire in wires[1:]:
            wire.ping()


def test_clients_per_uid() -> None:
    with Listening("--clients-per-uid", "2", "--socket-mode", "0666") as daemon:
        wires = [daemon.connect() for _ in range(2)]
        refusal(connect(daemon.path))
        if os.getuid() == 0:  # another user is not concerned
            os.chmod(os.path.dirname(daemon.path), 0o755)
            pid = os.fork()
            if pid == 0:
                status = 1
                try:
                    os.setuid(65534)
                    connect(daemon.path).greet()
                    status = 0
                finally:
                    os._exit(status)
            assert os.waitpid(pid, 0)[1] == 0
        wires[0].close()
        wires[1].ping()
        time.sleep(0.1)
        daemon.connect().ping()


def test_a_refused_client_that_says_nothing_is_closed() -> None:
    with Listening("--clients", "1") as daemon:
        daemon.connect()
        wire = daemon.connect(greet=False)
        assert is_error(wire.must_recv(), "TOO_MANY_CLIENTS")
        assert wire.recv() is None
        wait_until(lambda: len(os.listdir(f"/proc/{daemon.process.pid}/fd")) > 0)
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            for _ in range(300):  # the daemon waits a second for the peer, not longer
                wire.send(b"x")
                time.sleep(0.01)


def test_out_of_descriptors() -> None:
    def few() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (24, 24))

    with Listening(preexec=few) as daemon:
        assert "descriptors" in daemon.errors()
        wires = [connect(daemon.path) for _ in range(40)]
        time.sleep(0.5)
        before = daemon.cpu()
        time.sleep(1.0)
        assert daemon.cpu() - before < 0.5, "it spins"
        served = []
        for wire in wires:
            with contextlib.suppress(BrokenPipeError):  # refused: the reason can still be read
                wire.try_send(hello(), 1.0)
            if not wire.readable(0.05):
                continue
            reply = wire.recv()
            if reply and reply[0] == KIND["WELCOME"]:
                served.append(wire)
            else:
                assert reply is None or is_error(reply, "TOO_MANY_CLIENTS")
        assert 5 < len(served) < 24
        assert "accepting a client" in daemon.errors()
        for wire in wires:
            wire.close()
        wait_until(lambda: len(os.listdir(f"/proc/{daemon.process.pid}/fd")) < 20)
        daemon.connect().ping()


def test_a_broken_client_harms_no_other() -> None:
    with Listening() as daemon:
        good = daemon.connect()
        for _ in range(20):
            bad = daemon.connect(greet=False)
            bad.send(b"\xff" * 1000)
            assert is_error(bad.must_recv(), "HELLO_TOO_LARGE")
            assert bad.recv() is None
            bad.close()
            good.ping()


def test_the_last_error_reaches_a_client_that_goes_on_sending() -> None:
    with Listening() as daemon:
        wire = daemon.connect(greet=False)
        wire.send(frame("PING", 1))
        for _ in range(10):
            wire.send(b"x" * 1000)
            time.sleep(0.01)
        assert is_error(wire.must_recv(), "HELLO_FIRST")
        assert wire.recv() is None


def test_half_closed_clients_get_their_answers() -> None:
    with Listening() as daemon:
        wire = daemon.connect()
        rows = [{"a": n} for n in range(50_000)]
        wire.send(filter_maps(2, "a >= 0", rows))
        with socket.socket(fileno=os.dup(wire.write_fd)) as s:
            s.shutdown(socket.SHUT_WR)
        assert wire.recv_last(2)[2]["matched"] == 50_000
        assert wire.recv() is None


def test_truncated_on_a_socket() -> None:
    with Listening() as daemon:
        wire = daemon.connect()
        wire.send(raw_frame(b"x" * 10)[:8])
        with socket.socket(fileno=os.dup(wire.write_fd)) as s:
            s.shutdown(socket.SHUT_WR)
        assert is_error(wire.must_recv(), "TRUNCATED")
        assert wire.recv() is None
        daemon.connect().ping()


def test_peers_gone_while_replying() -> None:
    with Listening() as daemon:
        watcher = daemon.connect()
        rows = [{"a": n, "s": "x" * 100} for n in range(20_000)]
        request = filter_maps(2, "a >= 0", rows, result="rows")
        for n in range(10):
            wire = daemon.connect()
            wire.send(request)
            if n % 2:
                wire.must_recv()
            if n % 3 == 0:  # gone with a reset
                with socket.socket(fileno=os.dup(wire.write_fd)) as s:
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            wire.close()
            watcher.ping()
        wait_until(lambda: watcher.ask(frame("STATS", 3))[2]["clients"] == 1)
        assert daemon.errors().count("\n") == 1, daemon.errors()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signal_while_idle(number: signal.Signals) -> None:
    with Listening() as daemon:
        wires = [daemon.connect() for _ in range(5)]
        daemon.process.send_signal(number)
        for wire in wires:
            assert all(is_error(m, "SHUTDOWN") for m in wire.recv_all())
        assert daemon.wait() == 0
        assert not os.path.exists(daemon.path)
