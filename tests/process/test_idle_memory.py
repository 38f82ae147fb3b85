"""What connections that are idle cost the daemon: docs/SERVICE.md says it.

What the process has is no measure under sanitizers, which keep freed memory; the same requests are
made there all the same.
"""

from __future__ import annotations

from daemon import SANITIZED, Listening, wait_until

from wire import KIND, Wire, filter_maps, frame

ROWS = [{"a": n, "b": f"x{n % 3}"} for n in range(10)]
SESSIONS = 400
LINES = b"".join(b'{"a":%d,"s":"%s"}\n' % (n, b"x" * 180) for n in range(5000))


def small_requests(wire: Wire) -> None:
    """A query with its rows, and a prepared one."""
    small = filter_maps(2, "a >= 2 AND b = 'x1'", ROWS, result="indices")
    wire.send(small)
    assert wire.recv_last(2)[2]["matched"] == 2
    plan = wire.ask(frame("PREPARE", 3, "a < 5 OR b LIKE 'x%'"))[2]
    wire.send(frame("EXECUTE", 4, plan, {"result": "count"}, ["maps", ROWS]))
    assert wire.recv_last(4)[2]["matched"] == 10


def stream(wire: Wire, mebibytes: int) -> None:
    """Rows as bytes, of which all are kept, in messages of one MiB."""
    rows = frame("ROWS", 5, ["bytes", "jsonl", LINES])
    wire.send(frame("FILTER", 5, "a >= 0", {"result": "rows"}, None))
    for data in [rows] * mebibytes + [frame("END", 5)]:
        sent = 0
        while sent < len(data):
            sent += wire.try_send(data[sent:], 0.01)
            while sent < len(data) and wire.readable():
                assert wire.must_recv()[0] == KIND["RESULT"]
    assert wire.recv_last(5)[2]["matched"] == 5000 * mebibytes


def charged(wire: Wire) -> int:
    """What counts against memory_bytes."""
    used: int = wire.ask(frame("STATS", 9))[2]["memory_bytes"]
    return used


def many(count: int) -> Listening:
    """A daemon for so many clients of one user."""
    return Listening("--clients", str(count), "--clients-per-uid", str(count))


def test_idle_sessions_are_charged_for_nothing() -> None:
    with many(20) as daemon:
        watcher = daemon.connect()
        for _ in range(3):
            small_requests(daemon.connect())
        few = charged(watcher)
        for _ in range(16):
            small_requests(daemon.connect())
        assert charged(watcher) == few


def test_idle_sessions_are_small() -> None:
    with many(SESSIONS + 10) as daemon:
        for _ in range(10):
            small_requests(daemon.connect())
        before = daemon.rss()
        for _ in range(SESSIONS):
            small_requests(daemon.connect())
        grown = daemon.rss() - before
        assert SANITIZED or grown / SESSIONS < 12 << 10  # some 6.3 KiB


def test_a_large_request_leaves_nothing_with_its_session() -> None:
    """The service keeps a few blocks of a MiB for the next large one, of whatever session."""
    with many(8) as daemon:
        watcher = daemon.connect()
        for _ in range(3):
            stream(daemon.connect(), 64 if not SANITIZED else 8)
        assert charged(watcher) < 18 << 20
        if not SANITIZED:
            assert daemon.rss() < 64 << 20  # some 15 MiB


def test_what_many_took_at_once_goes_back() -> None:
    """Between what stays, malloc would keep it; it goes back when it was not wanted for 5 s."""
    count = 400
    with many(count) as daemon:
        wires = [daemon.connect() for _ in range(count)]
        before = daemon.rss()
        rows = frame("ROWS", 5, ["maps", [{"a": n, "b": "x" * 50} for n in range(100)]])
        for wire in wires:
            wire.send(frame("FILTER", 5, "a >= 20", {"result": "count"}, None) + rows + rows[:99])
        wait_until(lambda: daemon.rss() - before > 8 << 20 or SANITIZED)
        for wire in wires:
            wire.send(rows[99:] + frame("END", 5))
        for wire in wires:
            assert wire.recv_last(5)[2]["matched"] == 160
        wait_until(lambda: daemon.rss() - before < 4 << 20 or SANITIZED)
