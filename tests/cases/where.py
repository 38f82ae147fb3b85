"""Runs WHERE cases on the daemon and says of each what became of it.

right: the answer is the case's; in the *_differ files, where engines disagree, the reference
evaluator's. decided: another answer, by a rule named in decided.py and agreed to by the reference.
outside: refused by the compiler, for a feature that the language does not have. Anything else is
wrong.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from tests.cases import decided
from tests.cases.load import Case
from tests.diff import reference
from tests.lib import mp, wire
from tests.lib.mp import Value
from tests.lib.wire import Connection

RIGHT, DECIDED, OUTSIDE, WRONG = "right", "decided", "outside", "wrong"


@dataclass
class Outcome:
    """What became of a case. why: the rule, the feature, or what is wrong."""

    case: Case
    verdict: str
    why: str = ""

    @property
    def keeps_rows(self) -> bool:
        """Whether the case expects rows; half of the cases do not, and say less."""
        return bool(self.case.expect)


def by_reference(connection: Connection, case: Case) -> tuple[list[int] | None, Value]:
    """SEMANTICS.md's answer, from the tree that the daemon made of the text; None if the tree has
    functions that the reference has not.
    """
    reply = connection.call(wire.EXPLAIN, case.where, None)[-1]
    if reply[0] != wire.EXPLAINED:
        raise wire.Broken(f"EXPLAIN of {case.where!r}: {reply!r}")
    tree = wire.fields(reply[2])["structured"]
    asked = reference.Query(tree)
    try:
        kept = [i for i, row in enumerate(case.rows) if asked.ask_value(row) is reference.TRUE]
    except reference.NoFunction:
        return None, tree
    return kept, tree


def run_case(connection: Connection, case: Case) -> Outcome:
    """One case. The reference is asked about every one that compiles, so that it is tested too."""
    answer = connection.filter(case.where, ["maps", case.rows])
    if answer.error is not None:
        message = wire.text_of(answer.error["message"])
        feature = decided.outside(case)
        if feature is not None and answer.code in decided.REFUSALS:
            return Outcome(case, OUTSIDE, feature)
        if case.error:
            return Outcome(case, RIGHT)
        decision = decided.decide(case)
        if answer.code == "BAD_ESCAPE" and decision is not None and decision.rule == "K3":
            return Outcome(case, DECIDED, f"{decision.rule}: {decision.why}")
        return Outcome(case, WRONG, f"{answer.code}: {message}")
    derived, tree = by_reference(connection, case)
    if derived is not None and answer.indices != derived:
        return Outcome(case, WRONG, f"kept {answer.indices}, the reference {derived} of {tree}")
    if case.expect is None and not case.error:
        return Outcome(case, RIGHT)
    if answer.indices == case.expect:
        return Outcome(case, RIGHT)
    decision = decided.decide(case)
    if decision is not None:
        return Outcome(case, DECIDED, f"{decision.rule}: {decision.why}")
    return Outcome(case, WRONG, f"kept {answer.indices}, not {case.expect}")


def run_cases(connection: Connection, cases: Iterable[Case]) -> list[Outcome]:
    """All cases of one file."""
    return [run_case(connection, case) for case in cases]


def table_row(name: str, outcomes: list[Outcome]) -> str:
    """Counts of a file: total, with rows apart, right, decided, outside, wrong."""
    count = Counter(outcome.verdict for outcome in outcomes)
    telling = [o for o in outcomes if o.keeps_rows]
    right = sum(o.verdict == RIGHT for o in telling)
    total = len(outcomes)
    return (
        f"{name:30} {total:6} {count[RIGHT]:6} {right:6}/{len(telling):<6} "
        f"{count[DECIDED]:6} {count[OUTSIDE]:6} {count[WRONG]:6}"
    )


TABLE_HEAD = (
    f"{'file':30} {'cases':>6} {'right':>6} {'with rows':>13} "
    f"{'rule':>6} {'outside':>6} {'wrong':>6}"
)


def describe(outcome: Outcome) -> str:
    """An outcome for people, with the case's rows cut short."""
    case = outcome.case
    rows = mp.encode(case.rows).hex()[:300]
    return (
        f"{case.file} {case.name}: {case.where}\n    {outcome.why}\n"
        f"    verdicts {case.verdicts} rows {rows}"
    )
