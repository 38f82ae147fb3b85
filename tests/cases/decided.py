"""Cases whose source answers otherwise than QUERY.md, and the rule that decides.

A decision stands only while the daemon's answer is also the reference evaluator's (see where.py);
it is never an excuse for an answer that nobody can derive. And what the language does not have: a
case may be refused for one of these, if that is what the error points at.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from tests.cases.load import Case
from tests.diff import reference
from tests.lib.mp import Str


@dataclass(frozen=True)
class Refusal:
    """Something of other languages. code: the error it gets; ends: what the condition, up to the
    end of the text that the error names, ends with.
    """

    what: str
    code: str
    ends: str

    def __str__(self) -> str:
        return self.what


REFUSALS = [
    Refusal("GLOB; LIKE and REGEXP are there", "SYNTAX", r"\bGLOB"),
    Refusal("SIMILAR TO; REGEXP is there", "SYNTAX", r"\bSIMILAR"),
    Refusal("COLLATE; S1, strings compare by bytes", "SYNTAX", r"\bCOLLATE"),
    Refusal("x ~ pattern; REGEXP is there", "SYNTAX", r"[\w']\s*!?~"),
    Refusal("x IS y; IS NOT DISTINCT FROM is there", "SYNTAX", r"\bIS\s+(NOT\s+)?\w+"),
    Refusal("x ISNULL and x NOT NULL; IS NULL is there", "SYNTAX", r"\bISNULL|\w+\s+NOT\s+NULL"),
    Refusal("arrays as types", "SYNTAX", r"\bint\["),
    Refusal("types with a size or a scale", "BAD_ARGUMENT", r"\bDECIMAL\("),
    Refusal(
        "types narrower, wider or vaguer than ours",
        "BAD_ARGUMENT",
        r"\b(SMALLINT|TINYINT|BIGNUM|SIGNED|NUMERIC)",
    ),
    Refusal("an escape character from a field", "BAD_ARGUMENT", r"\bESCAPE\s+[a-z]+"),
    *(
        Refusal(f"the function {name}{instead}", "UNKNOWN_FUNCTION", rf"\b{name}")
        for name, instead in {
            "columns": "",
            "hex": "",
            "instr": "; strpos is there",
            "len": "; length and array_length are there",
            "prefix": "; starts_with is there",
            "regexp_matches": "; REGEXP is there",
            "try": "; what has no result is null anyway (X7)",
            "typeof": "; type_of is there",
        }.items()
    ),
]


def outside(case: Case, code: str, pos: int, length: int) -> str | None:
    """What a refused case uses that the language does not have, by the error; None for an error
    that nothing of REFUSALS explains. The position counts bytes.
    """
    until = case.where.encode()[: pos + length].decode(errors="replace")
    for refusal in REFUSALS:
        if code == refusal.code and re.search(f"({refusal.ends})$", until, re.IGNORECASE):
            return str(refusal)
    return None


@dataclass(frozen=True)
class Decision:
    """A rule of QUERY.md, what it says here, and the cases it decides."""

    rule: str
    why: str
    covers: Callable[[Case], bool]

    def __str__(self) -> str:
        return f"{self.rule}: {self.why}"


# Strings against numbers in files of another level.
MIXED = (
    "sqlite-453055f8b5", "sqlite-826753bead", "sqlite-1b5a60c946", "sqlite-441dd75c8b",
)  # fmt: skip


# 9223372036854775807 + 1, 1 - (-9223372036854775807), (-9223372036854775808) * -1.
BEYOND_INT64 = {
    f"cel-integer_math-int64_math-int64_{name}"
    for name in ("overflow_positive", "overflow_sub_positive", "min_negate_mul")
}


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
            or case.name in MIXED
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
        "integers reach to 18446744073709551615, so this is no overflow",
        lambda case: case.name in BEYOND_INT64,
    ),
    Decision(
        "X7",
        "overflow and division by zero are UNKNOWN, not an error",
        lambda case: case.error and "integer_math" in case.name and case.name not in BEYOND_INT64,
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
