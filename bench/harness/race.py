"""Races: several contestants, the same work, rounds in turn, answers compared before times count.

The machine drifts (other tenants, clock, caches), so contestants never run one after the other's
whole series: each round runs all of them, starting with another one each time, and a ratio is
the median of the rounds' own ratios, which drift hardly moves.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol


class AnswersDiffer(Exception):
    """Two contestants did not find the same rows. No time of such a race is worth anything."""


@dataclass(frozen=True)
class Answer:
    """What a run found. None: this contestant does not look (a bare scan knows no query)."""

    rows: int
    matched: int | None = None
    hash: int | None = None
    """harness.queries.hash_rows of the numbers of the matching rows."""

    def agrees(self, other: Answer) -> bool:
        def same(a: int | None, b: int | None) -> bool:
            return a is None or b is None or a == b

        return (
            self.rows == other.rows
            and same(self.matched, other.matched)
            and same(self.hash, other.hash)
        )


class Contestant(Protocol):
    """One way to do the work. run() does it once: seconds of the work alone, and the answer."""

    @property
    def name(self) -> str: ...

    def run(self) -> tuple[float, Answer]: ...

    def close(self) -> None: ...


@dataclass(frozen=True)
class Timing:
    """The rounds of one contestant, in seconds, in the order they were run."""

    name: str
    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def spread(self) -> float:
        """Half the distance of the quartiles, as a part of the median."""
        low, _, high = statistics.quantiles(self.seconds, n=4)
        return (high - low) / 2 / self.median

    def times_faster(self, other: Timing) -> float:
        """How many times faster this one was: the median of the rounds' ratios."""
        pairs = zip(self.seconds, other.seconds, strict=True)
        return statistics.median(theirs / mine for mine, theirs in pairs)


@dataclass
class Result:
    timings: Mapping[str, Timing]
    answer: Answer
    """The answer that all agreed on."""


@dataclass
class _Entry:
    contestant: Contestant
    seconds: list[float] = field(default_factory=list)


def _merge(a: Answer, b: Answer) -> Answer:
    return Answer(
        a.rows,
        b.matched if a.matched is None else a.matched,
        b.hash if a.hash is None else a.hash,
    )


def race(label: str, contestants: Sequence[Contestant], rounds: int) -> Result:
    """Runs a warm-up and `rounds` rounds (at least 2). The contestants are closed at the end.

    Raises AnswersDiffer as soon as any run, warm-up included, answers otherwise than the others.
    """
    entries = [_Entry(contestant) for contestant in contestants]
    agreed: Answer | None = None
    try:
        for turn in range(rounds + 1):
            if sys.stderr.isatty():
                print(f"\r{label}: round {turn} of {rounds} ", end="", file=sys.stderr)
            start = turn % len(entries)
            for entry in entries[start:] + entries[:start]:
                seconds, answer = entry.contestant.run()
                if agreed is not None and not agreed.agrees(answer):
                    raise AnswersDiffer(
                        f"{label}: {entry.contestant.name} found {answer}, the others {agreed}"
                    )
                agreed = answer if agreed is None else _merge(agreed, answer)
                if turn > 0:
                    entry.seconds.append(seconds)
    finally:
        print(f"\r{label}: {rounds} rounds done" if agreed else f"\r{label}", file=sys.stderr)
        for entry in entries:
            entry.contestant.close()
    if agreed is None:
        raise ValueError("a race needs a contestant")
    return Result(
        {e.contestant.name: Timing(e.contestant.name, tuple(e.seconds)) for e in entries}, agreed
    )
