"""Runs WHERE cases on the daemon and says of each what became of it.

right: the answer is the case's; in the *_differ files, where engines disagree, the reference
evaluator's. decided: another answer, by a rule named in decided.py and agreed to by the reference.
outside: refused by the compiler, for a feature that the language does not have. Anything else is
wrong.
"""

from __future__ import annotations

from pathlib import Path

from tests.cases import decided, load
from tests.cases.load import Case
from tests.cases.outcome import DECIDED, OUTSIDE, RIGHT, WRONG, Outcome
from tests.diff import reference
from tests.lib import mp, wire
from tests.lib.mp import Value
from tests.lib.wire import Connection


def by_reference(connection: Connection, case: Case) -> tuple[list[int] | None, Value]:
    """QUERY.md's answer, from the tree that the daemon made of the text; None if the tree has
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


def judge(connection: Connection, case: Case) -> tuple[str, str]:
    """Verdict and reason. The reference is asked about every case that compiles, so that it is
    tested too.
    """
    answer = connection.filter(case.where, ["maps", case.rows])
    if answer.error is not None:
        message = wire.text_of(answer.error["message"])
        pos, length = answer.error.get("pos"), answer.error.get("length")
        if isinstance(pos, int) and isinstance(length, int):
            lacking = decided.outside(case, answer.code, pos, length)
            if lacking is not None:
                return OUTSIDE, lacking
        if case.error:
            return RIGHT, ""
        decision = decided.decide(case)
        if answer.code == "BAD_ESCAPE" and decision is not None and decision.rule == "K3":
            return DECIDED, str(decision)
        return WRONG, f"{answer.code}: {message}"
    derived, tree = by_reference(connection, case)
    if derived is not None and answer.indices != derived:
        return WRONG, f"kept {answer.indices}, the reference {derived} of {tree}"
    if case.expect is None and not case.error:
        return RIGHT, ""
    if answer.indices == case.expect:
        return RIGHT, ""
    decision = decided.decide(case)
    if decision is not None:
        return DECIDED, str(decision)
    return WRONG, f"kept {answer.indices}, not {case.expect}"


def run_case(connection: Connection, case: Case) -> Outcome:
    """One case."""
    verdict, why = judge(connection, case)
    keeps = bool(case.expect)
    if verdict == RIGHT:
        return Outcome(case.name, verdict, keeps_rows=keeps)
    told = case.where
    if verdict == WRONG:
        told += f" verdicts {case.verdicts} rows {mp.encode(case.rows).hex()[:300]}"
    return Outcome(case.name, verdict, why, keeps, told)


def run_cases(connection: Connection, path: Path) -> list[Outcome]:
    """All cases of one file."""
    return [run_case(connection, case) for case in load.where_cases(path)]
