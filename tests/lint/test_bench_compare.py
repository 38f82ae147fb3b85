"""bench/compare: the rule that tells noise from change, and how the command takes its arguments."""

import random
import subprocess
import sys
from itertools import product

import pytest

from bench.harness.verdict import (
    LEAST_EFFECT,
    MOST_CHANCE,
    fewest_pairs,
    holm,
    judge,
    signed_rank_chance,
)
from tests.lint.tree import TOP


def pairs(count: int, ratio: float, spread: float, seed: int) -> list[tuple[float, float]]:
    """Pairs of times around 1 s with drift that both share, the second `ratio` times as long."""
    dice = random.Random(seed)
    made = []
    for _ in range(count):
        drift = 1 + dice.random()
        old, new = (drift * (1 + dice.gauss(0, spread)) for _ in range(2))
        made.append((old, new * ratio))
    return made


def by_enumeration(differences: list[float]) -> float:
    """The signed-rank test by all signs there are: what the faster way must equal."""
    left = [d for d in differences if d]
    size = [abs(d) for d in left]
    ranks = [sum(s < own for s in size) + (1 + sum(s == own for s in size)) / 2 for own in size]
    middle = sum(ranks) / 2
    found = abs(sum(r for r, d in zip(ranks, left, strict=True) if d > 0) - middle)
    signs = list(product((0, 1), repeat=len(left)))
    sums = (sum(r for r, on in zip(ranks, way, strict=True) if on) for way in signs)
    return sum(abs(s - middle) >= found for s in sums) / len(signs)


@pytest.mark.parametrize("seed", range(20))
def test_the_test_is_exact(seed: int) -> None:
    dice = random.Random(seed)
    differences = [float(dice.randint(-4, 6)) for _ in range(dice.randint(1, 9))]  # zeros, ties
    assert signed_rank_chance(differences) == pytest.approx(by_enumeration(differences))


def test_a_known_table_value() -> None:
    """Wilcoxon's table: eight pairs with rank sum 3 against 33 have p = 10/256."""
    assert signed_rank_chance([1, 2, -3, 4, 5, 6, 7, 8]) == pytest.approx(10 / 256)


def test_no_difference_is_no_evidence() -> None:
    assert signed_rank_chance([]) == 1.0
    assert signed_rank_chance([0.0, 0.0]) == 1.0


def test_holm_corrects_in_steps() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_a_change_is_told_with_its_direction() -> None:
    verdicts = judge({"up": pairs(12, 1.10, 0.01, 1), "down": pairs(12, 0.80, 0.01, 2)})
    assert verdicts["up"].word == "slower" and verdicts["up"].change
    assert verdicts["up"].ratio == pytest.approx(1.10, abs=0.02)
    assert verdicts["down"].word == "faster" and verdicts["down"].chance <= MOST_CHANCE


def test_drift_that_both_share_is_no_change() -> None:
    figures = {str(n): pairs(12, 1.0, 0.05, n) for n in range(40)}
    assert not any(verdict.change for verdict in judge(figures).values())


def test_a_sure_but_small_effect_is_noise() -> None:
    below, above = 1 + LEAST_EFFECT * 0.8, 1 + LEAST_EFFECT * 1.2
    assert judge({"x": pairs(20, below, 0.0001, 3)})["x"].word == "noise"
    assert judge({"x": pairs(20, above, 0.0001, 3)})["x"].word == "slower"


def test_one_outlier_is_no_change() -> None:
    figures = [(1.0, 1.001), (1.001, 1.0)] * 5 + [(1.0, 50.0)]
    assert judge({"x": figures})["x"].word == "noise"


def test_too_few_pairs_say_noise_and_how_many_would_do() -> None:
    assert fewest_pairs(1) == 6 and fewest_pairs(40) == 11
    assert judge({"x": [(1.0, 2.0)] * 5})["x"].word == "noise"
    assert judge({"x": [(1.0, 2.0)] * 6})["x"].word == "slower"


@pytest.mark.parametrize("bad", [[], [(0.0, 1.0)], [(1.0, -1.0)]])
def test_figures_must_be_above_zero(bad: list[tuple[float, float]]) -> None:
    with pytest.raises(ValueError, match="'x'"):
        judge({"x": bad})


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "REV1"),
        (["HEAD"], "REV2"),
        (["HEAD", "HEAD", "nonsense"], "unknown workload 'nonsense', known are"),
        (["HEAD", "HEAD", "--small", "nonsense"], "unknown workload 'nonsense', known are"),
        (["HEAD", "HEAD", "--pairs", "5"], "--pairs: at least 6"),
        (["HEAD", "HEAD", "--rounds", "1"], "--rounds: at least 2"),
        (["no-such-revision", "HEAD"], "no commit 'no-such-revision'"),
        (["HEAD", "--", "-x"], "no commit '-x'"),
    ],
)
def test_arguments_are_judged_before_anything_is_built(arguments: list[str], said: str) -> None:
    run = subprocess.run(
        [TOP / "bench" / "compare", *arguments],
        env={"PATH": "/usr/bin:/bin", "PYTHON": sys.executable},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert run.returncode == 2, run.stdout
    assert said in run.stderr
