"""Callables as contestants, and blocks of calls: for work that takes micro- or milliseconds."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from harness.race import Answer

RUN_SECONDS = 0.02
RUN_CALLS = 200


@contextmanager
def no_collector() -> Iterator[None]:
    """Python's garbage collector off: it would run inside one contestant for another's objects."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.collect()


class CallContestant:
    """A callable. A run is as many calls as fit into RUN_SECONDS, at least one, and their median."""

    def __init__(self, name: str, call: Callable[[], Any], answer: Callable[[Any], Answer]) -> None:
        self.name = name
        self._call = call
        self._answer = answer

    def run(self) -> tuple[float, Answer]:
        call, clock = self._call, time.perf_counter
        taken: list[float] = []
        result = None
        until = clock() + RUN_SECONDS
        while not taken or (clock() < until and len(taken) < RUN_CALLS):
            result = None  # what the call before gave is freed untimed
            start = clock()
            result = call()
            taken.append(clock() - start)
        return statistics.median(taken), self._answer(result)

    def close(self) -> None:
        pass


class Caller(Protocol):
    """Something to be called many times; block() gives the seconds of each call."""

    @property
    def name(self) -> str: ...

    def block(self, calls: int) -> list[float]: ...


class FunctionCaller:
    """A callable, its results thrown away."""

    def __init__(self, name: str, call: Callable[[], Any]) -> None:
        self.name = name
        self._call = call

    def block(self, calls: int) -> list[float]:
        call, clock = self._call, time.perf_counter
        taken = []
        for _ in range(calls):
            start = clock()
            call()
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

    def times(self, name: str, other: str) -> float:
        """How many times as long this one took as the other: the median of the blocks' ratios."""
        pairs = zip(self.blocks[name], self.blocks[other], strict=True)
        return statistics.median(mine / theirs for mine, theirs in pairs)


def measure(callers: Sequence[Caller], blocks: int, calls: int) -> Timings:
    """Blocks of calls in turn, beginning with another caller each time; the first turn warms up."""
    medians: dict[str, list[float]] = {caller.name: [] for caller in callers}
    for turn in range(blocks + 1):
        start = turn % len(callers)
        for caller in [*callers[start:], *callers[:start]]:
            taken = statistics.median(caller.block(calls)) * 1e6
            if turn > 0:
                medians[caller.name].append(taken)
    return Timings(medians)
