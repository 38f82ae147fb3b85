"""regex_match.jsonl against REGEXP: what became of each case.

right: the answer is the file's. decided: another answer, by one of DECISIONS, which RE2's syntax
page states and which Python's re, given the pattern rewritten by the decision, confirms. outside:
refused with RE2's report about syntax that RE2 does not have. Anything else is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cases import load
from tests.cases.outcome import DECIDED, OUTSIDE, RIGHT, WRONG, Outcome
from tests.lib import wire
from tests.lib.wire import Connection


@dataclass(frozen=True)
class Refusal:
    """Syntax that other engines have. report: what RE2 says of it."""

    why: str
    syntax: str
    report: str


REFUSALS = [
    Refusal("flags R, u and x", r"\(\?[a-z-]*[Rux][a-z]*[:)]", "invalid perl operator"),
    Refusal(
        "Unicode properties by long names; RE2 has \\pL, \\p{Lu}, \\p{Greek}",
        r"\\p\{[\w=]{3,}\}",
        "invalid character class range",
    ),
]


@dataclass(frozen=True)
class Decision:
    """Syntax that means something else in RE2.

    rewrite: the same meaning for Python's re (with its ASCII flag).
    """

    why: str
    syntax: str
    rewrite: Callable[[str], str]


DECISIONS = [
    Decision("\\b{start} is \\b and a text in braces", r"\\b\{", lambda p: p.replace("{", "\\{")),
    Decision("\\d, \\s, \\w and \\b know ASCII alone", r"\\[dswbB]", lambda p: p),
    Decision("(?) sets no flags", r"\(\?\)", lambda p: p.replace("(?)", "")),
]


def _subjects(case: dict[str, Any]) -> list[tuple[str, bool]]:
    if "s" in case:
        return [(case["s"], case["match"])]
    return [(s, True) for s in case["match"]] + [(s, False) for s in case["nomatch"]]


def _judge_wrong(case: dict[str, Any], pattern: str, got: list[bool]) -> Outcome:
    """A case that was answered in another way than the file says."""
    subjects = [s for s, _ in _subjects(case)]
    for decision in DECISIONS:
        if re.search(decision.syntax, pattern):
            flags = re.ASCII | (re.IGNORECASE if case.get("icase") else 0)
            judge = re.compile(decision.rewrite(pattern), flags)
            if [bool(judge.search(s)) for s in subjects] == got:
                return Outcome(case["id"], DECIDED, f"REGEXP: {decision.why}", told=pattern)
    return Outcome(case["id"], WRONG, f"{pattern!r} over {subjects!r}: {got}")


def run_case(connection: Connection, case: dict[str, Any]) -> Outcome:
    """One case; a pattern of a dialect that matches whole strings is anchored."""
    pattern = case["regex"] if "s" in case else f"^(?:{case['regex']})$"
    quoted = pattern.replace("'", "''")
    flags = " FLAGS 'i'" if case.get("icase") else ""
    subjects = _subjects(case)
    rows = [load.from_json({"s": s}) for s, _ in subjects]
    answer = connection.filter(f"s REGEXP '{quoted}'{flags}", ["maps", rows])
    if answer.error is not None:
        report = wire.text_of(answer.error["message"])
        if answer.code == "BAD_PATTERN" and not case["valid"]:
            return Outcome(case["id"], RIGHT)
        for refusal in REFUSALS:
            if re.search(refusal.syntax, pattern) and refusal.report in report:
                return Outcome(case["id"], OUTSIDE, f"REGEXP: {refusal.why}", told=pattern)
        return Outcome(case["id"], WRONG, f"{pattern!r}: {answer.code} {report}")
    got = [i in answer.indices for i in range(len(subjects))]
    if case["valid"] and got == [match for _, match in subjects]:
        return Outcome(case["id"], RIGHT)
    return _judge_wrong(case, pattern, got)


def run_cases(connection: Connection, path: Path) -> list[Outcome]:
    """All cases of the file."""
    return [run_case(connection, case) for case in load.lines(path)]


def is_built(connection: Connection) -> bool:
    """Whether the daemon has REGEXP (the build option TAMIS_REGEX)."""
    answer = connection.filter("s REGEXP 'a'", ["maps", [load.from_json({"s": "a"})]])
    return answer.error is None or answer.code != "NO_REGEX"
