"""Noise or change: the rule by which two commits are told apart. Numbers in, words out.

Each figure was measured in pairs, the two commits side by side, turn by turn. It is a change when both
hold, and else noise:

- the median of the pairs' ratios differs from 1 by at least LEAST_EFFECT, since a build in another
  place, with the same code, may well be a little faster;
- Wilcoxon's signed-rank test (1945; exact, two-sided, on the logarithms of the ratios) says that the
  pairs are not symmetrical about "equal", with Holm's correction (1979) for the number of figures:
  the chance that any figure of two equal commits is called a change is at most MOST_CHANCE.

Knows no workload and no other module, so that it can be tested alone.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

LEAST_EFFECT = 0.03
MOST_CHANCE = 0.05

Pair = tuple[float, float]
"""The same figure of the old and of the new commit, both above 0; less is better."""


@dataclass(frozen=True)
class Verdict:
    ratio: float
    """New by old, the median of the pairs': below 1 the new commit is faster."""
    chance: float
    """The corrected p-value: how likely such pairs are, if nothing has changed."""
    word: str
    """noise, faster or slower."""

    @property
    def change(self) -> bool:
        return self.word != "noise"


def signed_rank_chance(differences: Sequence[float]) -> float:
    """The two-sided p-value of Wilcoxon's signed-rank test, exact, ties sharing their ranks.

    Zeros are left out, as Wilcoxon did; without any difference it is 1. Takes time in the cube of the
    number of differences.
    """
    left = sorted((d for d in differences if d != 0), key=abs)
    ranks: list[int] = []  # doubled, so that a shared rank is whole
    while len(ranks) < len(left):
        first = len(ranks)
        same = sum(1 for d in left[first:] if abs(d) == abs(left[first]))
        ranks += [2 * first + same + 1] * same
    total = sum(ranks)
    ways = [0] * (total + 1)  # of signs, by the sum of the ranks that are positive
    ways[0] = 1
    for rank in ranks:
        for at in range(total, rank - 1, -1):
            ways[at] += ways[at - rank]
    positive = sum(rank for rank, d in zip(ranks, left, strict=True) if d > 0)
    outer = min(positive, total - positive)
    return min(1.0, sum(ways[: outer + 1]) / 2.0 ** (len(ranks) - 1))


def holm(chances: Sequence[float]) -> list[float]:
    """The p-values corrected for their number, in the order given."""
    order = sorted(range(len(chances)), key=chances.__getitem__)
    corrected = [0.0] * len(chances)
    most = 0.0
    for place, index in enumerate(order):
        most = max(most, min(1.0, (len(chances) - place) * chances[index]))
        corrected[index] = most
    return corrected


def fewest_pairs(figures: int) -> int:
    """How many pairs it takes until a change can be told at all, among so many figures."""
    pairs = 1
    while figures * 2 / 2**pairs > MOST_CHANCE:
        pairs += 1
    return pairs


def judge(figures: Mapping[str, Sequence[Pair]]) -> dict[str, Verdict]:
    """A verdict for each figure. Raises ValueError for one without pairs or not above 0."""
    logs: dict[str, list[float]] = {}
    for name, pairs in figures.items():
        if not pairs or min(min(pair) for pair in pairs) <= 0:
            raise ValueError(f"{name!r}: pairs of numbers above 0 are needed")
        logs[name] = [math.log(new / old) for old, new in pairs]
    chances = holm([signed_rank_chance(of) for of in logs.values()])
    verdicts = {}
    for (name, of), chance in zip(logs.items(), chances, strict=True):
        ratio = math.exp(statistics.median(of))
        word = "faster" if ratio < 1 else "slower"
        if chance > MOST_CHANCE or abs(ratio - 1) < LEAST_EFFECT:
            word = "noise"
        verdicts[name] = Verdict(ratio, chance, word)
    return verdicts
