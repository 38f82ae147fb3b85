"""Back-pressure, fairness, deadlines and draining: what happens while requests run."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

import pytest
from daemon import MEMORY_FACTOR, Daemon, Listening, Stdio, connect, wait_until

from wire import KIND, Wire, filter_maps, frame, hello, is_error, pack, raw_frame

SLOW_ROW = pack({"s": "the quick brown fox jumps over it"})
SLOW_QUERY = " OR ".join(f"s LIKE '%q{n}z%y'" for n in range(60))
SLOW_SECONDS = 1.0


class Slow:
    """A request with id 2 that keeps one thread busy for about SLOW_SECONDS; its reply is DONE."""

    def __init__(self, rows: int) -> None:
        self.rows = rows
        head = pack([KIND["FILTER"], 2, SLOW_QUERY, {"result": "count"}])
        assert head[0] == 0x94
        array = b"\xdd" + rows.to_bytes(4, "big") + SLOW_ROW * rows
        self.frame = raw_frame(b"\x95" + head[1:] + b"\x92" + pack("maps") + array)


@pytest.fixture(scope="module")
def slow() -> Slow:
    """As many rows as the build at hand needs: a sanitized one is a hundred times slower."""
    with Stdio() as stdio:
        rows = 2_000
        while True:
            trial = Slow(rows)
            start = time.monotonic()
            stdio.wire.send(trial.frame)
            assert stdio.wire.recv_last(2)[2]["rows"] == rows
            took = time.monotonic() - start
            if took > SLOW_SECONDS / 4 or rows >= 1_000_000:
                return Slow(min(1_000_000, int(rows * SLOW_SECONDS / took)))
            rows = min(1_000_000, rows * 4)


@pytest.fixture
def daemon() -> Iterator[Listening]:
    """A listening daemon with one worker thread: the hardest case for fairness."""
    with Listening("--threads", "1") as d:
        yield d


def big_rows(count: int) -> list[dict[str, object]]:
    """Rows of about 1 KiB."""
    return [{"a": n, "s": "x" * 1000} for n in range(count)]


# ---- fairness ----


def test_a_slow_query_delays_no_other_client(daemon: Listening, slow: Slow) -> None:
    busy, quick = daemon.connect(), daemon.connect()
    large = filter_maps(3, "a >= 5", [{"a": n, "s": "x" * 90} for n in range(2000)], result="count")
    busy.send(slow.frame)
    answers = 0
    while not busy.readable():
        quick.ping()
        assert quick.ask(filter_maps(4, "a = 1", [{"a": 1}], result="count"))[2]["matched"] == 1
        # too large for the loop's thread: it must get its turn on the only worker
        assert quick.ask(large)[2]["matched"] == 1995
        answers += 1
    assert busy.recv_last(2)[2]["rows"] == slow.rows
    assert answers >= 2, "it had to wait for the end of the slow one"


def test_ping_and_stats_of_the_same_client_are_answered_at_once(
    daemon: Listening, slow: Slow
) -> None:
    wire = daemon.connect()
    wire.send(slow.frame + frame("PING", 3) + frame("STATS", 4))
    kinds = [wire.must_recv()[0] for _ in range(3)]
    assert kinds == [KIND["PONG"], KIND["STATISTICS"], KIND["DONE"]]


def test_a_flood_of_small_requests_delays_no_other_client(daemon: Listening) -> None:
    flood, quick = daemon.connect(), daemon.connect()
    plan = flood.ask(frame("PREPARE", 2, SLOW_QUERY))[2]
    rows = ["template", ["s"], [["the quick brown fox jumps over it"]] * 100]
    count = 400
    whole = b"".join(
        frame("EXECUTE", n, plan, {"result": "count"}, rows) for n in range(10, 10 + count)
    )
    sent = answers = done = 0
    while done < count:
        sent += flood.try_send(whole[sent:], 0.0)
        quick.ping()
        answers += 1
        while flood.readable():
            assert flood.must_recv()[0] == KIND["DONE"]
            done += 1
    assert answers >= 5


# ---- back-pressure ----


def test_a_client_that_does_not_read_is_not_read() -> None:
    with Listening("--output-bytes", "64K", "--queue-bytes", "256K", "--stall-ms", "0") as small:
        wire, other = small.connect(), small.connect()
        one = filter_maps(2, "a >= 0", big_rows(64), result="rows")
        requests = 1000  # 64 MiB
        before = small.rss()
        # ids of open requests must differ, so the ids are set in place: the message begins 95 02 id
        assert one[4:7] == bytes([0x95, KIND["FILTER"], 2])
        whole = b"".join(
            raw_frame(b"\x95" + pack(KIND["FILTER"]) + pack(n + 100) + one[7:])
            for n in range(requests)
        )
        sent = wire.try_send(whole, 1.0)
        assert sent < 8 << 20, "it reads on although nobody takes the output"
        assert small.rss() - before < (24 << 20) * MEMORY_FACTOR
        other.ping()
        done = 0
        while done < requests:
            if sent < len(whole):
                sent += wire.try_send(whole[sent : sent + (1 << 20)], 0.0)
            if wire.readable(1.0):
                done += wire.must_recv()[0] == KIND["DONE"]
        assert sent == len(whole)
        assert small.rss() - before < (24 << 20) * MEMORY_FACTOR
        other.ping()


def test_output_of_one_request_pauses() -> None:
    """A result much larger than output_bytes is made piece by piece, as it is taken."""
    with Stdio("--output-bytes", "64K") as stdio:
        request = filter_maps(2, "a >= 0", big_rows(20_000), result="rows")
        stdio.wire.send(request)
        time.sleep(0.3)
        held = stdio.rss()
        total = 0
        while (message := stdio.wire.must_recv())[0] == KIND["RESULT"]:
            total += len(message[5])
        assert message[2]["matched"] == 20_000
        assert total > 20_000_000
        assert held < (80 << 20) * MEMORY_FACTOR
        stdio.wire.ping()


def test_a_stalled_client_is_dropped() -> None:
    with Listening("--stall-ms", "300") as daemon:
        idle = daemon.connect()
        wire = daemon.connect()
        wire.send(filter_maps(2, "a >= 0", big_rows(5000), result="rows"))
        wait_until(lambda: "took no output for 300 ms" in daemon.errors(), 10)
        idle.ping()
        wait_until(lambda: idle.ask(frame("STATS", 3))[2]["clients"] == 1)


def test_a_slow_but_steady_reader_is_not_dropped() -> None:
    with Listening("--stall-ms", "400") as daemon:
        wire = daemon.connect()
        wire.send(filter_maps(2, "a >= 0", big_rows(2000), result="rows"))
        until = time.monotonic() + 2.0
        size = 0
        while time.monotonic() < until:
            time.sleep(0.1)
            if wire.readable():
                size += len(os.read(wire.read_fd, 40_000))
        assert size > 0
        assert "took no output" not in daemon.errors()


def test_stdio_waits_for_its_only_reader() -> None:
    with Stdio() as stdio:
        assert stdio.welcome["limits"]["stall_ms"] == 0
    with Stdio("--stall-ms", "200") as stdio:
        stdio.wire.send(filter_maps(2, "a >= 0", big_rows(5000), result="rows"))
        assert stdio.wait() == 2
        assert "took no output" in stdio.errors()


# ---- stopping requests ----


def test_cancel(daemon: Listening, slow: Slow) -> None:
    wire = daemon.connect()
    start = time.monotonic()
    wire.send(slow.frame + frame("CANCEL", 2))
    assert is_error(wire.must_recv(), "CANCELLED")
    cancelled = time.monotonic() - start
    wire.ping()
    start = time.monotonic()
    wire.send(slow.frame)
    assert wire.must_recv()[0] == KIND["DONE"]
    assert cancelled < time.monotonic() - start


def test_cancel_of_a_request_larger_than_the_queue(slow: Slow) -> None:
    """What is being run does not count as waiting: what comes behind it is still read."""
    with Listening("--queue-bytes", "4096") as daemon:
        wire = daemon.connect()
        wire.send(slow.frame + frame("PING", 3) + frame("CANCEL", 2))
        assert wire.must_recv() == [KIND["PONG"], 3, None]
        assert is_error(wire.must_recv(), "CANCELLED")


def test_deadline(slow: Slow) -> None:
    with Listening("--deadline-ms", "50") as daemon:
        wire = daemon.connect()
        assert wire.ask(filter_maps(3, "a = 1", [{"a": 1}], result="count"))[0] == KIND["DONE"]
        wire.send(slow.frame)
        error = wire.must_recv()
        assert error[1] == 2 and is_error(error, "DEADLINE")
        wire.ping()
        wire.send(frame("FILTER", 9, "a = 1", None, None))  # a row stream that never ends
        error = wire.must_recv()
        assert error[1] == 9 and is_error(error, "DEADLINE")
        wire.ping()


def test_a_client_gone_while_its_query_runs(daemon: Listening, slow: Slow) -> None:
    watcher = daemon.connect()
    for _ in range(3):
        wire = connect(daemon.path)
        wire.greet()
        wire.send(slow.frame)
        wire.close()
    watcher.ping()
    wait_until(lambda: watcher.ask(frame("STATS", 3))[2]["clients"] == 1, 60)


# ---- draining ----


def await_running(watcher: Wire) -> None:
    """Time for what was sent to begin."""
    watcher.ping()
    time.sleep(0.1)


def test_sigterm_while_busy_drains(daemon: Listening, slow: Slow) -> None:
    busy, idle = daemon.connect(), daemon.connect()
    busy.send(slow.frame)
    await_running(idle)
    daemon.process.send_signal(signal.SIGTERM)
    assert all(is_error(m, "SHUTDOWN") for m in idle.recv_all())
    with pytest.raises((ConnectionRefusedError, FileNotFoundError)):
        connect(daemon.path)
    assert busy.recv_last(2)[2]["rows"] == slow.rows
    assert all(is_error(m, "SHUTDOWN") for m in busy.recv_all())
    assert daemon.wait() == 0
    assert not os.path.exists(daemon.path)


def test_sigterm_while_busy_on_stdio(slow: Slow) -> None:
    with Stdio() as stdio:
        stdio.wire.send(slow.frame)
        time.sleep(0.1)
        stdio.process.send_signal(signal.SIGTERM)
        assert stdio.wire.recv_last(2)[0] == KIND["DONE"]
        stdio.wire.recv_all()
        assert stdio.wait() == 0


def stuck(daemon: Listening) -> Wire:
    """A client whose output nobody takes."""
    wire = daemon.connect()
    wire.send(filter_maps(2, "a >= 0", big_rows(20_000), result="rows"))
    wire.readable(10)
    return wire


def test_second_signal_leaves_at_once() -> None:
    with Listening() as daemon:
        stuck(daemon)
        daemon.process.send_signal(signal.SIGTERM)
        wait_until(lambda: not os.path.exists(daemon.path))
        time.sleep(0.1)
        assert daemon.process.poll() is None, "it must wait for the client first"
        daemon.process.send_signal(signal.SIGTERM)
        assert daemon.wait(5) == 1
        assert "second signal" in daemon.errors()


def test_drain_limit() -> None:
    with Listening("--drain-ms", "200") as daemon:
        stuck(daemon)
        daemon.process.send_signal(signal.SIGTERM)
        assert daemon.wait(5) == 1
        assert "drain limit" in daemon.errors()
        assert not os.path.exists(daemon.path)


def test_drain_ends_when_the_output_is_taken() -> None:
    with Listening() as daemon:
        wire = stuck(daemon)
        daemon.process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        assert wire.recv_last(2)[2]["matched"] == 20_000
        wire.recv_all()
        assert daemon.wait() == 0


def test_end_of_input_while_busy(slow: Slow) -> None:
    with Stdio() as stdio:
        stdio.wire.send(slow.frame)
        stdio.wire.end()
        assert stdio.wire.recv_last(2)[0] == KIND["DONE"]
        assert stdio.wire.recv() is None
        assert stdio.wait() == 0


def test_reader_gone_while_busy(slow: Slow) -> None:
    with Daemon("--stdio") as daemon:
        assert daemon.process.stdin and daemon.process.stdout
        wire = Wire(os.dup(daemon.process.stdout.fileno()), os.dup(daemon.process.stdin.fileno()))
        daemon.process.stdin.close()
        daemon.process.stdout.close()
        daemon.process.stdin = daemon.process.stdout = None
        wire.send(hello() + slow.frame)
        wire.must_recv()
        wire.close()
        assert daemon.wait() == 0
        assert daemon.errors() == ""
