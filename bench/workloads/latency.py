"""latency: a prepared filter over 100 rows from Python, against an echo of the same bytes."""

from __future__ import annotations

import os
import sys
import tempfile
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import tamis

from harness import tap
from harness.bench import Bench
from harness.calls import Caller, FunctionCaller, Timings, measure
from harness.queries import QUERIES, Query, Row, compile_comprehension
from harness.race import AnswersDiffer
from harness.raw_caller import RawCaller, on_core, placed
from harness.report import Aim, Report, Table
from harness.rows import first

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


def _client_caller(client: tamis.Client, query: Query, rows: list[Row]) -> FunctionCaller:
    """What a user writes: prepared.filter(rows), the caller's rows out."""
    keep = client.prepare(query.text).filter
    if keep(rows) != compile_comprehension(query)(rows):
        raise AnswersDiffer(f"latency {query.name}: client and comprehension differ")
    return FunctionCaller(CLIENT, partial(keep, rows))


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
    with on_core(cpu), ExitStack() as stack:
        client = stack.enter_context(tamis.Client(bench.tamisd))
        raw = RawCaller(RAW, [bench.tamisd, "--stdio", "--files"], recorded.request, size)
        stack.callback(raw.close)
        echo_command: list[str | Path] = [bench.program("echo_child"), str(size)]
        echo = RawCaller(ECHO, echo_command, recorded.request, size)
        stack.callback(echo.close)
        for request in recorded.before:
            raw.exchange(request)  # WELCOME need not be the same: that one has shared memory
        if raw.exchange(recorded.request, recorded.frames) != recorded.reply:
            raise AnswersDiffer(f"latency {query.name}: the same bytes got another answer")
        callers: list[Caller] = [_client_caller(client, query, rows), raw, echo]
        timings = measure(callers, BLOCKS, BLOCK_CALLS)
    return timings, f"{len(recorded.request):,} B out, {size} B back"


def run(bench: Bench) -> Report:
    rows = first(bench, ROWS)
    places = [bench.cpu] if bench.cpu is not None else [None, max(os.sched_getaffinity(0))]
    lines = []
    aims = []
    figures = {}
    for name in RACED:
        query = QUERIES[name]
        for cpu in places:
            print(f"latency {name}, {placed(cpu)}", file=sys.stderr)
            timings, sizes = _race(bench, query, rows, cpu)
            medians = [f"{timings.median(who):.1f}" for who in (ECHO, RAW, CLIENT)]
            figures[f"{name}, {placed(cpu)}"] = timings.median(CLIENT) / 1e6
            above = [timings.above(who, ECHO) for who in (RAW, CLIENT)]
            lines.append(
                [f"{name}, {placed(cpu)}", sizes, *medians, *(f"{extra:+.1f}" for extra in above)]
            )
            if cpu == places[-1]:
                aim = f"{name}, {placed(cpu)}: at most {AIM_US:.0f} us above the echo"
                aims.append(Aim(aim, f"{above[1]:+.1f} us", above[1] <= AIM_US))
    head = ["query", "bytes", "echo", "daemon alone", "client", "daemon - echo", "client - echo"]
    return Report(
        f"One prepared filter over {ROWS} rows, from Python over a pipe",
        SAYS,
        [Table("us a call, medians", head, lines)],
        aims,
        NOTES,
        figures=figures,
    )
