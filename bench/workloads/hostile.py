"""hostile: queries and rows that are made to take long, and what other clients notice of them."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from tests.lib import hostile, wire
from tests.lib.hostile import Hostile
from tests.lib.wire import Connection

from harness.bench import Bench
from harness.race import AnswersDiffer
from harness.report import Aim, Report, Table

AIM_SECONDS = 1.0
TRIES = 3

SAYS = """\
The set of tests/lib/hostile.py: patterns, conditions of 65,536 nodes, work and values that
multiply. Each is answered, or refused by a named limit. The wait is that of another client's PINGs
meanwhile, the longest; the daemon has one worker thread."""


class Pings:
    """A second client that asks PING after PING until it is stopped."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.longest = 0.0
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            start = time.perf_counter()
            self._connection.call(wire.PING)
            self.longest = max(self.longest, time.perf_counter() - start)
            self._stop.wait(0.0005)

    def stop(self) -> float:
        self._stop.set()
        self._thread.join()
        return self.longest


def _measure(busy: Connection, other: Connection, case: Hostile) -> tuple[float, float]:
    """Seconds until the answer, and the longest PING meanwhile: the best of some tries, since the
    two share their cores with this process."""
    taken, waits = [], []
    for _ in range(TRIES):
        pings = Pings(other)
        start = time.perf_counter()
        answer = busy.filter(case.query, ["maps", list(case.rows)], result="count")
        taken.append(time.perf_counter() - start)
        waits.append(pings.stop())
        if answer.code != case.outcome or answer.done.get("matched", 0) != case.matched:
            raise AnswersDiffer(f"hostile {case.name}: {answer.code} {answer.done}")
    return min(taken), min(waits)


def _peak_mib(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) // 1024
    return 0


def _connect(path: str) -> Connection:
    for _ in range(1000):
        if os.path.exists(path):
            break
        time.sleep(0.01)
    return Connection.connect(path, timeout_s=60.0)


def run(bench: Bench) -> Report:
    lines = []
    slowest = ("", 0.0)
    longest = ("", 0.0)
    figures = {}
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/tamisd.sock"
        daemon = subprocess.Popen(
            [bench.tamisd, "--listen", path, "--threads", "1"], stderr=subprocess.DEVNULL
        )
        try:
            with _connect(path) as busy, _connect(path) as other:
                for case in hostile.every():
                    print(f"hostile {case.name}", file=sys.stderr)
                    seconds, wait = _measure(busy, other, case)
                    figures[case.name] = seconds
                    slowest = max(slowest, (case.name, seconds), key=lambda pair: pair[1])
                    longest = max(longest, (case.name, wait), key=lambda pair: pair[1])
                    peak = _peak_mib(daemon.pid)
                    lines.append(
                        [case.name, case.outcome, f"{seconds:.3f}", f"{wait * 1e3:.1f}", str(peak)]
                    )
        finally:
            daemon.terminate()
            daemon.wait()
    return Report(
        "Hostile queries",
        SAYS,
        [Table("best of three", ["request", "outcome", "s", "ping, ms", "peak MiB"], lines)],
        [
            Aim(
                f"each within {AIM_SECONDS:.0f} s",
                f"{slowest[1]:.2f} s ({slowest[0]})",
                slowest[1] <= AIM_SECONDS,
            ),
            Aim(
                "another client is answered meanwhile: within 50 ms",
                f"{longest[1] * 1e3:.1f} ms ({longest[0]})",
                longest[1] <= 0.05,
            ),
        ],
        [
            "the time includes making the request in Python and sending it",
            "the peak is the daemon's since it began",
        ],
        figures=figures,
    )
