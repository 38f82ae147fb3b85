"""Processes, threads, signals and the garbage collector."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
import warnings
from typing import Any, Callable

import pytest
from daemons import fake_command

import tamis

Make = Callable[..., tamis.Client]
ROWS = [{"a": i % 5} for i in range(20)]
MANY = [{"a": i % 5} for i in range(50_000)]


def gone(pid: int) -> bool:
    """True if there is no such process, not even a zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def descriptors() -> int:
    gc.collect()  # those of tests before this one
    return len(os.listdir("/proc/self/fd"))


def test_close_leaves_nothing_behind(client: tamis.Client) -> None:
    pid = client.pid
    assert pid is not None
    assert client.count("a = 1", ROWS) == 4
    client.close()
    client.close()
    assert client.closed
    assert gone(pid)
    for act in (client.count, client.filter, lambda q, r: client.ping(), client.stream):
        with pytest.raises(tamis.ClosedError):
            act("a = 1", ROWS)
    assert "closed" in repr(client)


def test_descriptors_are_given_back(fake: Make) -> None:
    before = descriptors()
    for _ in range(3):
        with tamis.Client(fake_command()) as client:
            client.ping()
        with pytest.raises(tamis.DaemonDied):
            tamis.Client(fake_command("early"))
        with pytest.raises(tamis.DaemonNotFound):
            tamis.Client("/nonexistent")
    gc.collect()
    assert descriptors() == before


def test_an_unclosed_client_warns_and_ends_its_child() -> None:
    client = tamis.Client(fake_command())
    pid = client.pid
    assert pid is not None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        del client
        gc.collect()
    told = [str(w.message) for w in caught if w.category is ResourceWarning]
    assert len(told) == 1
    assert told[0].startswith("unclosed <tamis.Client")
    assert gone(pid)


def test_the_end_of_the_interpreter_ends_the_child() -> None:
    program = textwrap.dedent(
        f"""
        import sys; sys.path[:0] = {sys.path!r}
        import tamis
        client = tamis.Client({fake_command()!r})
        stream = iter(client.stream("TRUE", ({{"a": i}} for i in range(10**9))))
        next(stream)
        print(client.pid, flush=True)
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    pid = int(done.stdout)
    end = time.monotonic() + 10
    while not gone(pid) and time.monotonic() < end:
        time.sleep(0.01)
    assert gone(pid)
    assert "Traceback" not in done.stderr


def test_many_threads(client: tamis.Client) -> None:
    failures: list[BaseException] = []

    def work(x: int) -> None:
        try:
            for n in range(30):
                rows = [{"a": i % 7, "t": x} for i in range(50 + n)]
                kept = [row for row in rows if row["a"] == x]
                got = client.filter("a = :x", rows, x=x)
                assert list(map(id, got)) == list(map(id, kept))
                assert client.last_stats is not None
                assert client.last_stats.matched == len(kept)
                assert list(client.stream("a = :x", rows, x=x, chunk_rows=9)) == kept
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(x,)) for x in range(7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not failures


def test_a_thread_that_waits_for_the_client_can_time_out(fake: Make) -> None:
    client = fake("slow=2")
    client.ping()
    thread = threading.Thread(target=client.count, args=("a = 1", ROWS))
    thread.start()
    time.sleep(0.3)
    with pytest.raises(tamis.Timeout, match="another thread"):
        client.ping(timeout=0.1)
    thread.join()
    assert client.ping() < 5


def test_close_breaks_off_the_request_of_another_thread(
    fake: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tamis.client.GRACE_SECONDS", 0.2)
    client = fake("mute")
    caught: list[BaseException] = []

    def work() -> None:
        try:
            client.count("a = 1", ROWS)
        except BaseException as error:
            caught.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    time.sleep(0.2)
    client.close()
    thread.join(20)
    assert [type(error) for error in caught] == [tamis.ClosedError]


def test_after_a_fork_the_child_process_leaves_the_daemon_alone(client: tamis.Client) -> None:
    stream = client.stream("TRUE", iter(MANY), chunk_rows=100)
    next(stream)
    pid = os.fork()
    if pid == 0:  # no assertion of pytest's may come out of here
        code = 1
        try:
            try:
                client.count("a = 1", ROWS)
            except tamis.ClosedError as error:
                code = 0 if "process that made it" in str(error) else 2
            stream.close()
            client.close()
            del client
            gc.collect()
        except BaseException:
            code = 3
        os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert client.count("a = 1", ROWS) == 4
    assert len(list(stream)) == len(MANY) - 1


def test_a_forked_process_does_not_keep_the_daemon_alive(client: tamis.Client) -> None:
    daemon = client.pid
    assert daemon is not None
    pid = os.fork()
    if pid == 0:
        time.sleep(30)
        os._exit(0)
    try:
        started = time.monotonic()
        client.close()
        assert time.monotonic() - started < 1.5  # by the end of its input, not by a signal
        assert gone(daemon)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


@pytest.fixture
def interrupt() -> Any:
    """Sends SIGINT to this process after some seconds."""
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    timers = []

    def after(seconds: float) -> None:
        timer = threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT))
        timers.append(timer)
        timer.start()

    yield after
    for timer in timers:
        timer.join()
    signal.signal(signal.SIGINT, previous)


@pytest.mark.parametrize("rows", [ROWS, MANY], ids=["few", "many"])
@pytest.mark.parametrize("timeout", [None, 60])
def test_ctrl_c_while_waiting_gives_up_the_request_only(
    fake: Make, interrupt: Any, rows: Any, timeout: Any
) -> None:
    client = fake("mute")
    client.ping()
    interrupt(0.3)
    with pytest.raises(KeyboardInterrupt):
        client.count("a = 1", rows, timeout=timeout)
    assert client.ping(timeout=20) < 20
    assert client.stats()["streams"] == 0


def test_ctrl_c_in_a_stream(fake: Make, interrupt: Any) -> None:
    client = fake("mute")
    interrupt(0.3)
    with pytest.raises(KeyboardInterrupt):
        list(client.stream("a = 1", MANY))
    assert client.ping(timeout=20) < 20
    assert client.stats()["streams"] == 0


@pytest.mark.parametrize("rows", [ROWS, MANY], ids=["few", "many"])
def test_interrupts_anywhere(fake: Make, rows: Any) -> None:
    """A signal handler raises at random moments: the client then works, or says that it is broken.
    It never hangs and never takes one request's answer for another's."""

    class Alarm(Exception):
        pass

    def ring(number: int, frame: Any) -> None:
        raise Alarm

    previous = signal.signal(signal.SIGALRM, ring)
    client = fake()
    rounds = hits = broken = 0
    try:
        pause = 0.00002
        end = time.monotonic() + 3
        while time.monotonic() < end:
            rounds += 1
            pause = pause * 1.07 if pause < 0.03 else 0.00002
            x = rounds % 5
            try:
                signal.setitimer(signal.ITIMER_REAL, pause)
                client.count("a = :x", rows, x=x)
                signal.setitimer(signal.ITIMER_REAL, 0)
            except Alarm:
                hits += 1
            except tamis.ClosedError:
                broken += 1
                signal.setitimer(signal.ITIMER_REAL, 0)
                client = fake()
            signal.setitimer(signal.ITIMER_REAL, 0)
            try:
                want = sum(row["a"] == x for row in ROWS)
                assert client.count("a = :x", ROWS, x=x, timeout=30) == want
            except tamis.ClosedError:
                broken += 1
                client = fake()
    except Alarm:  # it rang between two statements of this test
        pass
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    assert hits > 0 or rounds < 3
    assert broken <= max(3, rounds // 5)  # a rare accident, not the rule


def test_ctrl_c_at_the_terminal_does_not_reach_the_daemon(client: tamis.Client) -> None:
    assert client.pid is not None
    assert os.getpgid(client.pid) != os.getpgid(0)


def test_finalisers_in_the_middle_of_a_request(fake: Make) -> None:
    """An abandoned stream is collected while the client packs other rows: no deadlock."""
    client = fake(default=lambda value: (gc.collect() and 1) or 1)

    def leave_one() -> None:
        stream = client.stream("TRUE", ({"a": i} for i in range(10**6)), chunk_rows=10)
        next(stream)
        loop: list[Any] = [stream]
        loop.append(loop)

    for _ in range(5):
        leave_one()
        assert client.count("a = 1", [{"a": {1}}, {"a": 1}], timeout=30) == 2
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert client.ping(timeout=30) < 30
