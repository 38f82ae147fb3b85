"""latency: a prepared filter over 100 rows from Python, against an echo of the same bytes."""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import tamis
from msgpack import Unpacker

from harness import tap
from harness.bench import Bench
from harness.child import ChildFailed, pipes, spawn, stop
from harness.queries import QUERIES, Query, Row, compile_comprehension
from harness.race import AnswersDiffer
from harness.report import Aim, Report, Table

CLIENT = "tamis client, prepared"
RAW = "same bytes to tamisd, no client"
ECHO = "same bytes to a bare C child"
ROWS = 100
RACED = ("Q1", "Q2", "Q3")
AIM_US = 25.0
BLOCK_CALLS = 200
BLOCKS = 40

SAYS = """\
The spawned child, the fewest rows that one would send. The echo is what the machine's pipes and
scheduler take for the same bytes; what is above it is ours: the daemon's part, and the client's on
top of that."""
NOTES = [
    f"{BLOCKS} blocks of {BLOCK_CALLS} calls each, blocks of the three in turn; differences are "
    + "medians of the blocks' own differences",
    "the request that the client sends is recorded and replayed, byte for byte, to tamisd and to "
    + "the echo child by one and the same loop; the echo child's reply has the size of tamisd's",
    "when the kernel places the processes, the load balancer may move one of the three to another "
    + "core, which is asleep at each call and takes 40 to 80 us to wake, while the others stay: "
    + "those lines show it, but only on one core are all three measured alike, so that is judged",
]


class Caller(Protocol):
    """Something to be called many times; block() gives the seconds of each call."""

    @property
    def name(self) -> str: ...

    def block(self, calls: int) -> list[float]: ...


class RawCaller:
    """Bytes down a pipe and a known number of bytes back, with as little Python as there can be."""

    def __init__(
        self, name: str, command: Sequence[str | Path], request: bytes, reply_bytes: int
    ) -> None:
        self.name = name
        self._child = spawn(command)
        stdin, stdout = pipes(self._child)
        self._in, self._out = stdin.fileno(), stdout.fileno()
        self._request = request
        self._reply_bytes = reply_bytes

    def exchange(self, request: bytes, reply_bytes: int) -> bytes:
        """One request of any kind; what came back, which must be `reply_bytes` long."""
        os.write(self._in, request)
        reply = b""
        while len(reply) < reply_bytes:
            piece = os.read(self._out, 65536)
            if not piece:
                raise ChildFailed(f"{self.name}: ended after {reply!r}")
            reply += piece
        return reply

    def block(self, calls: int) -> list[float]:
        write, read, clock = os.write, os.read, time.perf_counter
        to, back, request, size = self._in, self._out, self._request, self._reply_bytes
        taken = []
        for _ in range(calls):
            start = clock()
            write(to, request)
            got = len(read(back, 65536))
            while got < size:
                piece = len(read(back, 65536))
                if not piece:
                    raise ChildFailed(f"{self.name}: ended")
                got += piece
            taken.append(clock() - start)
        return taken

    def close(self) -> None:
        stop(self._child)


class ClientCaller:
    """What a user writes: prepared.filter(rows), the caller's rows out."""

    def __init__(self, client: tamis.Client, query: Query, rows: list[Row]) -> None:
        self.name = CLIENT
        self._filter = client.prepare(query.text).filter
        self._rows = rows
        expected = compile_comprehension(query)(rows)
        if self._filter(rows) != expected:
            raise AnswersDiffer(f"latency {query.name}: client and comprehension differ")

    def block(self, calls: int) -> list[float]:
        keep, rows, clock = self._filter, self._rows, time.perf_counter
        taken = []
        for _ in range(calls):
            start = clock()
            keep(rows)
            taken.append(clock() - start)
        return taken


@dataclass(frozen=True)
class Timings:
    """Per contestant the median of each block, in microseconds; block i of all ran side by side."""

    blocks: dict[str, list[float]]

    def median(self, name: str) -> float:
        return statistics.median(self.blocks[name])

    def above(self, name: str, other: str) -> float:
        """The median of the blocks' own differences: drift hits both sides of a pair."""
        pairs = zip(self.blocks[name], self.blocks[other], strict=True)
        return statistics.median(mine - theirs for mine, theirs in pairs)


def _measure(callers: Sequence[Caller], blocks: int) -> Timings:
    """Blocks of calls in turn, beginning with another caller each time; the first turn warms up."""
    medians: dict[str, list[float]] = {caller.name: [] for caller in callers}
    for turn in range(blocks + 1):
        start = turn % len(callers)
        for caller in [*callers[start:], *callers[:start]]:
            taken = statistics.median(caller.block(BLOCK_CALLS)) * 1e6
            if turn > 0:
                medians[caller.name].append(taken)
    return Timings(medians)


@contextmanager
def _on_core(cpu: int | None) -> Iterator[None]:
    """This process, and the children it starts meanwhile, on one core; None changes nothing."""
    before = os.sched_getaffinity(0)
    if cpu is not None:
        os.sched_setaffinity(0, {cpu})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _record(bench: Bench, query: Query, rows: list[Row]) -> tap.Exchange:
    """What the client sends and gets for one prepared filter."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        with tamis.Client(tap.make(directory, bench.tamisd)) as client:
            client.prepare(query.text).filter(rows)
        return tap.Exchange(directory)


def _race(bench: Bench, query: Query, rows: list[Row], cpu: int | None) -> tuple[Timings, str]:
    """The three side by side; the second result says how large the exchange is."""
    recorded = _record(bench, query, rows)
    size = len(recorded.reply)
    with _on_core(cpu), ExitStack() as stack:
        client = stack.enter_context(tamis.Client(bench.tamisd))
        raw = RawCaller(RAW, [bench.tamisd, "--stdio", "--files"], recorded.request, size)
        stack.callback(raw.close)
        echo_command: list[str | Path] = [bench.program("echo_child"), str(size)]
        echo = RawCaller(ECHO, echo_command, recorded.request, size)
        stack.callback(echo.close)
        for request, reply in zip(recorded.before, recorded.replies_before, strict=True):
            raw.exchange(request, len(reply))
        if raw.exchange(recorded.request, size) != recorded.reply:
            raise AnswersDiffer(f"latency {query.name}: the same bytes got another answer")
        callers: list[Caller] = [ClientCaller(client, query, rows), raw, echo]
        timings = _measure(callers, BLOCKS)
    return timings, f"{len(recorded.request):,} B out, {size} B back"


def _place(cpu: int | None) -> str:
    return "placed by the kernel" if cpu is None else f"all on core {cpu}"


def run(bench: Bench) -> Report:
    with bench.data("msgpack", "small").open("rb") as stream:
        unpacker = Unpacker(stream)
        rows = [next(unpacker) for _ in range(ROWS)]
    places = [bench.cpu] if bench.cpu is not None else [None, max(os.sched_getaffinity(0))]
    lines = []
    aims = []
    for name in RACED:
        query = QUERIES[name]
        for cpu in places:
            print(f"latency {name}, {_place(cpu)}", file=sys.stderr)
            timings, sizes = _race(bench, query, rows, cpu)
            medians = [f"{timings.median(who):.1f}" for who in (ECHO, RAW, CLIENT)]
            above = [timings.above(who, ECHO) for who in (RAW, CLIENT)]
            lines.append(
                [f"{name}, {_place(cpu)}", sizes, *medians, *(f"{extra:+.1f}" for extra in above)]
            )
            if cpu == places[-1]:
                aim = f"{name}, {_place(cpu)}: at most {AIM_US:.0f} us above the echo"
                aims.append(Aim(aim, f"{above[1]:+.1f} us", above[1] <= AIM_US))
    head = ["query", "bytes", "echo", "daemon alone", "client", "daemon - echo", "client - echo"]
    return Report(
        f"One prepared filter over {ROWS} rows, from Python over a pipe",
        SAYS,
        [Table("us a call, medians", head, lines)],
        aims,
        NOTES,
    )
