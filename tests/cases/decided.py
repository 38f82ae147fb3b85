"""Cases whose source answers otherwise than SEMANTICS.md, and the rule that decides.

A decision stands only while the daemon's answer is also the reference evaluator's (see where.py);
it is never an excuse for an answer that nobody can derive. And the features that the language does
not have yet: a case with one of them may be refused by the compiler, and only by it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from tests.cases.load import Case
from tests.diff import reference
from tests.lib.mp import Str

# Features of the case files that the query language does not have (yet). A case that has one may be
# refused with one of REFUSALS; one without any must compile.
OUTSIDE = {
    "glob": "GLOB",
    "not_glob": "GLOB",
    "collate": "COLLATE",
    "similar_to": "SIMILAR TO",
    "is_value": "x IS y",
    "is_null_postfix": "ISNULL",
}
OUTSIDE_PREFIXES = {"func:": "functions", "type:": "CAST", "op:": "other operators"}
REFUSALS = {"SYNTAX", "UNKNOWN_FUNCTION", "BAD_ARGUMENT"}

# Spellings that no feature names, in a condition whose strings are emptied.
OUTSIDE_TEXT = {
    r"\([^()]*,[^()]*\)\s*(=|<>|!=|<|>|BETWEEN|IS)": "row values",
    r"\w\s+!?~\s+''": "the operator ~",
    r"ESCAPE\s+[A-Z_]": "an escape character from a field",
    r"\(\s*(?!(?:NOT|AND|OR)\b)\w+\s+NOT\s+NULL\s*\)": "x NOT NULL",
}


def features() -> set[str]:
    """All that outside can say."""
    return {*OUTSIDE.values(), *OUTSIDE_PREFIXES.values(), *OUTSIDE_TEXT.values()}


def outside(case: Case) -> str | None:
    """What a case uses that the language does not have, or None."""
    for feature in sorted(case.features):
        for prefix, what in OUTSIDE_PREFIXES.items():
            if feature.startswith(prefix):
                return what
        if feature in OUTSIDE:
            return OUTSIDE[feature]
    without_strings = re.sub(r"'(?:[^']|'')*'", "''", case.where)
    for pattern, what in OUTSIDE_TEXT.items():
        if re.search(pattern, without_strings, re.IGNORECASE):
            return what
    return None


@dataclass(frozen=True)
class Decision:
    """A rule of SEMANTICS.md, what it says here, and the cases it decides."""

    rule: str
    why: str
    covers: Callable[[Case], bool]

    def __str__(self) -> str:
        return f"{self.rule}: {self.why}"


def _orders(case: Case) -> bool:
    return re.search(r"<(?![>=])|>=|<=|(?<!<)>|BETWEEN", case.where, re.IGNORECASE) is not None


DECISIONS: list[Decision] = [
    Decision(
        "K3",
        "after the escape character only %, _ or itself; anything else does not compile",
        lambda case: "escape" in case.features and escape_is_wrong(case.where),
    ),
    Decision(
        "K5",
        "a number is not turned into a string for LIKE",
        lambda case: case.level == "typemix" and "like" in case.features,
    ),
    Decision(
        "T3",
        "a string and a number have no order",
        lambda case: case.level == "typemix" and "like" not in case.features and _orders(case),
    ),
    Decision(
        "T2",
        "a string and a number are not equal, nothing is converted",
        lambda case: (
            (case.level == "typemix" and "like" not in case.features and not _orders(case))
            or case.name in ("sqlite-453055f8b5", "sqlite-826753bead")
        ),
    ),
    Decision(
        "T3",
        "booleans have no order",
        lambda case: (
            re.search(r"comparisons-.*bool_?(lt|gt|false|true|eq|ge|le)", case.name) is not None
            or (case.level == "ext" and {"is_bool", "between"} <= case.features)
        ),
    ),
    Decision(
        "L5",
        "a number is no truth value",
        lambda case: (
            case.name
            in (
                "sqlite-f81f8bae9b",
                "sqlite-a4c80ae170",
                "sqlite-664f0b7114",
                "sqlite-e1ec5cd264",
            )
        ),
    ),
    Decision(
        "X7",
        "overflow and division by zero are UNKNOWN, not an error",
        lambda case: case.error and "integer_math" in case.name,
    ),
]


def escape_is_wrong(where: str) -> bool:
    """Whether a LIKE with an ESCAPE breaks K2 or K3, by the reference's own reading."""
    text = r"'((?:[^']|'')*)'"
    found = re.search(rf"LIKE\s+{text}\s+ESCAPE\s+{text}", where, re.IGNORECASE)
    if found is None:
        return False
    pattern, escape = (Str(part.replace("''", "'").encode()) for part in found.groups())
    return not reference.literal_escapes_are_right([Str(b"like"), None, pattern, escape])


def decide(case: Case) -> Decision | None:
    """The first decision that covers a case."""
    return next((decision for decision in DECISIONS if decision.covers(case)), None)
