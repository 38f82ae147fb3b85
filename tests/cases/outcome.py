"""What becomes of a case, whichever file it is from, and the table of all of them.

right: the answer is the case's. decided: another answer, which a rule of QUERY.md (or, of
regular expressions, RE2's syntax) decides and a second judge confirms. outside: it needs something
that the language does not have, which is named. Anything else is wrong: there is no fifth.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

RIGHT, DECIDED, OUTSIDE, WRONG = "right", "decided", "outside", "wrong"
VERDICTS = (RIGHT, DECIDED, OUTSIDE, WRONG)


@dataclass(frozen=True)
class Outcome:
    """A case's name and verdict. why: the rule, what the language lacks, or what is wrong.

    keeps_rows: whether the case expects rows; many do not, and say less. told: the case for people,
    where it is not right.
    """

    name: str
    verdict: str
    why: str = ""
    keeps_rows: bool = False
    told: str = ""


TABLE_HEAD = (
    f"{'file':30} {'cases':>6} {'right':>6} {'with rows':>13} "
    f"{'rule':>6} {'outside':>7} {'wrong':>6}"
)


def table_row(name: str, outcomes: list[Outcome]) -> str:
    """Counts of a file: total, right, right of those that expect rows, decided, outside, wrong."""
    count = Counter(outcome.verdict for outcome in outcomes)
    telling = [o for o in outcomes if o.keeps_rows]
    right = sum(o.verdict == RIGHT for o in telling)
    return (
        f"{name:30} {len(outcomes):6} {count[RIGHT]:6} {right:6}/{len(telling):<6} "
        f"{count[DECIDED]:6} {count[OUTSIDE]:7} {count[WRONG]:6}"
    )


def reasons(outcomes: Iterable[Outcome], verdict: str) -> list[tuple[str, int]]:
    """How many cases of a verdict each reason has, sorted by reason."""
    return sorted(Counter(o.why for o in outcomes if o.verdict == verdict).items())


def describe(outcome: Outcome) -> str:
    """An outcome for people."""
    told = f"\n    {outcome.told}" if outcome.told else ""
    return f"{outcome.name}: {outcome.why}{told}"
