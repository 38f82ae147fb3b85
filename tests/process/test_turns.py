"""Whose thread answers, and how long the loop stays awake after an answer.

What threads do is seen in /proc: how often one has gone to sleep, and what time it has had.
"""

from __future__ import annotations

import os
import platform
import re
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest
from daemon import SANITIZED, Listening, wait_until
from tables import ask

from tests.lib import wire
from tests.lib.mp import Bin
from tests.lib.wire import Connection

ROWS = 4_200  # just more than have their columns made on the loop's thread in any case
FEW = 1  # of them that are asked for
ASKED = 200
TICK = os.sysconf("SC_CLK_TCK")

needs_processors = pytest.mark.skipif(
    len(os.sched_getaffinity(0)) < 2, reason="with one processor nothing is waited for awake"
)


def create(client: Connection) -> None:
    numbers = struct.pack(f"<{ROWS}q", *range(ROWS))
    table = client.create("t", exists="replace")
    client.load(table, [["columns", ROWS, [["n", "i64", Bin(numbers), None, None]]]])


def question(client: Connection, least: int = ROWS - FEW) -> None:
    replies = ask(client, "t", f"n >= {least}", result="columns", columns=["n"])
    assert wire.fields(replies[-1][2])["matched"] == ROWS - least


def worker_sleeps(pid: int) -> int:
    """How often threads besides the loop's have gone to sleep."""
    slept = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        if int(task.name) != pid:
            fields = dict(line.split(":", 1) for line in (task / "status").read_text().splitlines())
            slept += int(fields["voluntary_ctxt_switches"])
    return slept


def processor_ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def sleeps_of_workers(with_other: bool) -> int:
    """While one client asks ASKED times, another one between if so, when it has long been alone."""
    with (
        Listening() as daemon,
        Connection.connect(daemon.path) as client,
        Connection.connect(daemon.path) as other,
    ):
        create(client)
        for _ in range(ASKED):
            question(client)
        before = worker_sleeps(daemon.process.pid)
        for _ in range(ASKED):
            question(client)
            if with_other:
                question(other)
        return worker_sleeps(daemon.process.pid) - before


def test_a_client_that_is_alone_wakes_no_worker() -> None:
    # a sanitizer's build may take longer than what counts as short (test_session_turns.c)
    assert sleeps_of_workers(with_other=False) < ASKED / 4 or SANITIZED


def test_of_several_clients_none_holds_the_others_up() -> None:
    assert sleeps_of_workers(with_other=True) >= ASKED / 2


def test_a_query_that_is_not_known_goes_to_a_worker() -> None:
    with Listening() as daemon, Connection.connect(daemon.path) as client:
        create(client)
        for least in range(ASKED):
            question(client, ROWS - 1 - least)
        before = worker_sleeps(daemon.process.pid)
        for least in range(ASKED, 2 * ASKED):
            question(client, ROWS - 1 - least)
        assert worker_sleeps(daemon.process.pid) - before >= ASKED / 2


@needs_processors
def test_the_loop_stays_awake_as_long_as_it_is_told() -> None:
    with Listening("--busy-poll-us", "1000000") as daemon:
        client = Connection.connect(daemon.path)
        pid = daemon.process.pid
        before = processor_ticks(pid)
        create(client)
        wait_until(lambda: processor_ticks(pid) - before >= TICK // 5)
        client.close()


@needs_processors
@pytest.mark.skipif(
    tuple(map(int, re.findall(r"\d+", platform.release())[:2])) < (6, 6),
    reason="older schedulers give those who yield their share all the same",
)
def test_the_loop_gives_way_while_it_looks() -> None:
    """To whoever wants its processor, which would get half of it otherwise."""
    processor = {min(os.sched_getaffinity(0))}
    with (
        Listening("--busy-poll-us", "1000000") as daemon,
        Connection.connect(daemon.path) as client,
        subprocess.Popen([sys.executable, "-c", "while True: pass"]) as other,
    ):
        pid = daemon.process.pid
        try:
            create(client)
            for task in Path(f"/proc/{pid}/task").iterdir():
                os.sched_setaffinity(int(task.name), processor)
            os.sched_setaffinity(other.pid, processor)
            wait_until(lambda: processor_ticks(other.pid) >= TICK // 20)
            question(client)
            before, others = processor_ticks(pid), processor_ticks(other.pid)
            wait_until(lambda: processor_ticks(other.pid) - others >= TICK // 5)
            assert processor_ticks(pid) - before <= TICK // 20
        finally:
            other.kill()


@pytest.mark.parametrize("options", [(), ("--busy-poll-us", "0")])
def test_the_loop_sleeps_soon(options: tuple[str, ...]) -> None:
    with Listening(*options) as daemon, Connection.connect(daemon.path) as client:
        create(client)
        question(client)
        pid = daemon.process.pid
        time.sleep(0.1)  # far more than it looks for a request
        before = processor_ticks(pid)
        time.sleep(0.5)
        assert processor_ticks(pid) - before <= TICK // 20
