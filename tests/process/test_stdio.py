"""tamisd --stdio: whole conversations, broken ones, and odd descriptors."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest
from daemon import MEMORY_FACTOR, TAMISD, Daemon, Stdio, run_stdio, wait_until

from wire import (
    KIND,
    Wire,
    by_id,
    filter_maps,
    frame,
    hello,
    is_error,
    pack,
    padded,
    raw_frame,
    split,
)

ROWS = [{"a": n, "s": "x" * (n % 5)} for n in range(20)]


def conversation() -> list[bytes]:
    """Frames that touch every kind of reply that does not tell the time."""
    return [
        hello(),
        frame("PING", 2, [1, None, "x"]),
        filter_maps(3, "a >= 10", ROWS),
        filter_maps(4, "a >= 10", ROWS, result="rows", limit=3),
        filter_maps(5, "a >=", ROWS),
        frame("PREPARE", 6, "a = :n"),
        frame("FILTER", 8, "a < 5", None, None),
        frame("ROWS", 8, ["template", ["a"], [[1], [9], [2]]]),
        frame("ROWS", 8, ["columns", 3, [["a", "list", [7, 3, None], None, None]]]),
        frame("END", 8),
        raw_frame(b"\xc1"),
        frame("CLOSE", 9, 4711),
    ]


def test_end_of_input_is_a_clean_end() -> None:
    out, err, status = run_stdio(hello())
    messages, rest = split(out)
    assert [m[0] for m in messages] == [KIND["WELCOME"]]
    assert (rest, err, status) == (b"", "", 0)


def test_no_input_at_all() -> None:
    assert run_stdio(b"") == (b"", "", 0)


def test_a_conversation_is_answered_in_full() -> None:
    out, err, status = run_stdio(b"".join(conversation()))
    replies = by_id(split(out)[0])
    assert (err, status) == ("", 0)
    assert replies[3][-1][:2] == [KIND["DONE"], 3]
    assert replies[3][-1][2]["matched"] == 10
    rows = b"".join(m[5] for m in replies[4] if m[0] == KIND["RESULT"])
    assert rows == b"".join(pack(row) for row in ROWS[10:13])
    assert replies[4][-1][2]["limit_reached"] is True
    assert is_error(replies[5][0], "SYNTAX")
    assert replies[6][0][0] == KIND["PREPARED"]
    assert replies[8][-1][2]["matched"] == 3
    assert is_error(replies[0][0], "BAD_MESSAGE")
    assert is_error(replies[9][0], "PLAN_UNKNOWN")


def test_one_byte_at_a_time_gives_the_same_bytes() -> None:
    whole = b"".join(conversation())
    expected = by_id(split(run_stdio(whole)[0])[0])
    with Stdio(greet=False) as daemon:
        for n in range(len(whole)):
            daemon.wire.send(whole[n : n + 1])
        daemon.wire.end()
        assert by_id(daemon.wire.recv_all()) == expected
        assert daemon.wait() == 0


@pytest.mark.parametrize("seed", range(8))
def test_pieces_of_any_size_give_the_same_bytes(seed: int) -> None:
    whole = b"".join(conversation())
    expected = by_id(split(run_stdio(whole)[0])[0])
    chance = random.Random(seed)
    with Stdio(greet=False) as daemon:
        at = 0
        while at < len(whole):
            n = chance.randint(1, 60)
            daemon.wire.send(whole[at : at + n])
            at += n
        daemon.wire.end()
        assert by_id(daemon.wire.recv_all()) == expected
        assert daemon.wait() == 0


def test_a_frame_cut_at_every_offset() -> None:
    frames = [hello(), frame("PING", 2), filter_maps(3, "a = 1", [{"a": 1}])]
    whole = b"".join(frames)
    ends = {sum(map(len, frames[:n])) for n in range(len(frames) + 1)}
    for cut in range(len(whole) + 1):
        out, err, status = run_stdio(whole[:cut])
        messages, rest = split(out)
        assert rest == b""
        complete = sum(1 for end in ends if 0 < end <= cut)
        assert len({m[1] for m in messages if m[1]}) == complete, f"cut at {cut}"
        if cut in ends:
            assert (status, err) == (0, ""), f"cut at {cut}"
            continue
        assert messages[-1][1] == 0
        assert is_error(messages[-1], "TRUNCATED"), f"cut at {cut}"
        assert messages[-1][2]["offset"] == cut
        assert status == 2
        assert err.startswith("tamisd: ") and err.endswith(f"at byte {cut}\n"), err


def test_an_open_row_stream_is_truncated() -> None:
    out, err, status = run_stdio(hello() + frame("FILTER", 2, "a = 1", None, None))
    assert is_error(split(out)[0][-1], "TRUNCATED")
    assert status == 2 and "at byte" in err


@pytest.mark.parametrize(
    ("garbage", "code"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "HELLO_TOO_LARGE"),
        (b"\xff" * 100, "HELLO_TOO_LARGE"),
        (b'{"a": 1}\n' * 10, "HELLO_TOO_LARGE"),
        (frame("PING", 1), "HELLO_FIRST"),
    ],
)
def test_garbage_instead_of_hello(garbage: bytes, code: str) -> None:
    out, err, status = run_stdio(garbage)
    messages, rest = split(out)
    assert rest == b"" and is_error(messages[-1], code)
    assert status == 2 and err.startswith("tamisd: ")


@pytest.mark.parametrize("seed", range(20))
def test_random_bytes_never_kill_it(seed: int) -> None:
    chance = random.Random(seed)
    noise = chance.randbytes(chance.randint(1, 300))
    for data in (noise, hello() + noise, hello() + raw_frame(noise) + frame("PING", 77)):
        out, _, status = run_stdio(data)
        messages, rest = split(out)
        assert rest == b"" and status in (0, 2)
    assert messages[-1] == [KIND["PONG"], 77, None], "a bad message must not end the stream"


def test_frame_bytes_edge() -> None:
    with Stdio("--frame-bytes", "1024") as daemon:
        for size in (1023, 1024):
            assert daemon.wire.ask(padded("PING", 2, size))[0] == KIND["PONG"]
        error = daemon.wire.ask(padded("PING", 3, 1025))
        assert is_error(error, "FRAME_TOO_LARGE")
        assert (error[2]["limit"], error[2]["actual"]) == (1024, 1025)
        daemon.wire.ping()
        daemon.wire.send(raw_frame(b"\x00" * 10_000_000))  # skipped, not stored
        assert is_error(daemon.wire.must_recv(), "FRAME_TOO_LARGE")
        daemon.wire.ping()
        daemon.wire.end()
        assert daemon.wait() == 0


def test_hello_bytes_edge() -> None:
    for size, fits in ((99, True), (100, True), (101, False)):
        out, _, status = run_stdio(padded("HELLO", 1, size), "--hello-bytes", "100")
        (message,) = split(out)[0]
        assert (message[0] == KIND["WELCOME"]) == fits
        assert fits or is_error(message, "HELLO_TOO_LARGE")
        assert status == (0 if fits else 2)


@pytest.mark.parametrize("width", [0, 10, 100, 300, 5000])
def test_long_results_come_whole(width: int) -> None:
    """Results of many quanta and many chunks, whose edges fall differently for each row size."""
    rows = [{"a": n, "s": "x" * width} for n in range(min(100_000, 10_000_000 // (width + 10)))]
    out, err, status = run_stdio(hello() + filter_maps(2, "a >= 1", rows, result="rows"))
    assert (err, status) == ("", 0)
    messages = split(out)[0][1:]
    assert b"".join(m[5] for m in messages[:-1]) == b"".join(map(pack, rows[1:]))
    assert messages[-1][2]["matched"] == len(rows) - 1


def test_a_length_claims_no_memory() -> None:
    with Stdio("--frame-bytes", "2147483647") as daemon:
        before = daemon.rss()
        daemon.wire.send(b"\x7f\xff\xff\xff" + b"\x96\x02")
        with pytest.raises(TimeoutError):
            daemon.wire.recv(0.2)
        assert daemon.rss() - before < (8 << 20) * MEMORY_FACTOR


# ---- descriptors ----


def test_stdin_is_a_file() -> None:
    with tempfile.TemporaryFile() as file:
        rows = [{"a": n} for n in range(1000)]
        file.write(hello() + b"".join(filter_maps(n, "a < 10", rows) for n in range(2, 300)))
        file.seek(0)
        done = subprocess.run(
            [TAMISD, "--stdio"], stdin=file, capture_output=True, timeout=60, check=False
        )
    replies = by_id(split(done.stdout)[0])
    assert done.returncode == 0 and done.stderr == b""
    assert all(replies[n][-1][2]["matched"] == 10 for n in range(2, 300))


def test_stdin_is_a_cut_file() -> None:
    with tempfile.TemporaryFile() as file:
        file.write(hello() + b"\0\0")
        file.seek(0)
        done = subprocess.run(
            [TAMISD, "--stdio"], stdin=file, capture_output=True, timeout=30, check=False
        )
    assert done.returncode == 2 and is_error(split(done.stdout)[0][-1], "TRUNCATED")


def test_stdin_is_dev_null() -> None:
    with open("/dev/null", "rb") as null, Daemon("--stdio", stdin=null) as daemon:
        assert daemon.wait() == 0


def test_stdout_is_a_file() -> None:
    with tempfile.TemporaryFile() as file:
        file.write(b"before")
        file.flush()
        data = b"".join(conversation())
        done = subprocess.run(
            [TAMISD, "--stdio"], input=data, stdout=file, stderr=subprocess.PIPE, timeout=30
        )
        file.seek(0)
        written = file.read()
    assert done.returncode == 0
    assert written.startswith(b"before")
    assert by_id(split(written[6:])[0]) == by_id(split(run_stdio(data)[0])[0])


def test_stdout_is_full() -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [TAMISD, "--stdio"], input=hello(), stdout=full, stderr=subprocess.PIPE, timeout=30
        )
    assert done.returncode == 1
    assert b"writing stdout: no space left" in done.stderr


def test_stdin_is_a_folder() -> None:
    fd = os.open("/", os.O_RDONLY)
    with Daemon("--stdio", stdin=fd) as daemon:
        assert daemon.wait() == 1
        assert "stdin" in daemon.errors()
    os.close(fd)


def test_a_socket_as_both() -> None:
    """What inetd and `Accept=yes` do."""
    import socket

    ours, theirs = socket.socketpair()
    with ours, Daemon("--stdio", stdin=theirs.fileno(), stdout=theirs.fileno()) as daemon:
        theirs.close()
        wire = Wire(ours.fileno(), ours.fileno())
        wire.greet()
        wire.ping()
        ours.shutdown(socket.SHUT_WR)
        assert wire.recv() is None
        assert daemon.wait() == 0


@pytest.mark.parametrize("fd", [0, 1])
def test_closed_at_start(fd: int) -> None:
    with Daemon("--stdio", preexec=lambda: os.close(fd)) as daemon:
        assert daemon.wait() == 1
        assert daemon.errors() == f"tamisd: {'stdin' if fd == 0 else 'stdout'} is closed\n"


def test_stderr_closed_at_start() -> None:
    with Stdio(preexec=lambda: os.close(2)) as daemon:
        daemon.wire.ping()
        daemon.wire.send(b"\0\0")
        daemon.wire.end()
        assert is_error(daemon.wire.must_recv(), "TRUNCATED"), "and no message text in between"
        assert daemon.wire.recv() is None
        assert daemon.wait() == 2


def test_reader_gone_is_quiet() -> None:
    with Stdio() as daemon:
        os.close(daemon.wire.read_fd)
        daemon.wire.read_fd = -1
        daemon.wire.send(frame("PING", 2))
        assert daemon.wait() == 0
        assert daemon.errors() == ""


def test_flags_of_shared_descriptors_are_restored() -> None:
    read_in, write_in = os.pipe()
    read_out, write_out = os.pipe()
    with Daemon("--stdio", stdin=read_in, stdout=write_out) as daemon:
        wire = Wire(read_out, write_in)
        daemon.wires.append(wire)
        wire.greet()
        wire.end()
        assert daemon.wait() == 0
    assert os.get_blocking(read_in) and os.get_blocking(write_out)
    os.close(read_in)
    os.close(write_out)


# ---- signals and the parent ----


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_while_idle(number: signal.Signals) -> None:
    with Stdio() as daemon:
        daemon.process.send_signal(number)
        last = daemon.wire.recv_all()
        assert all(is_error(m, "SHUTDOWN") and m[1] == 0 for m in last)
        assert daemon.wait() == 0
        assert daemon.errors() == ""


class Orphan:
    """tamisd whose parent is a shell, and whose pipes are held by this process as by a sibling."""

    def __init__(self, *options: str) -> None:
        read_in, write_in = os.pipe()
        read_out, write_out = os.pipe()
        script = f'"$@" <&{read_in} >&{write_out} & echo $!; read _'
        self.shell = subprocess.Popen(
            ["bash", "-c", script, "bash", TAMISD, "--stdio", *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=(read_in, write_out),
        )
        os.close(read_in)
        os.close(write_out)
        assert self.shell.stdout
        self.pid = int(self.shell.stdout.readline())
        self.wire = Wire(read_out, write_in)

    def kill_parent(self) -> None:
        self.shell.kill()
        self.shell.wait()
        for stream in (self.shell.stdin, self.shell.stdout):
            if stream:
                stream.close()


def test_parent_dies_while_a_sibling_holds_the_pipe() -> None:
    orphan = Orphan()
    orphan.wire.greet()
    orphan.kill_parent()
    assert orphan.wire.recv(5.0) is None
    wait_until(lambda: not Path(f"/proc/{orphan.pid}/exe").exists())
    orphan.wire.close()


def test_no_parent_watch() -> None:
    orphan = Orphan("--no-parent-watch")
    orphan.wire.greet()
    orphan.kill_parent()
    with pytest.raises(TimeoutError):
        orphan.wire.recv(1.0)
    orphan.wire.ping()
    orphan.wire.end()
    assert orphan.wire.recv() is None
    orphan.wire.close()
