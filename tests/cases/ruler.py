"""multi_ruler.jsonl: many patterns asked of the same strings, as queries with LIKE and ILIKE.

A case is right if every one of its queries is, alone and as one condition of all with OR.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.cases import load
from tests.cases.outcome import RIGHT, WRONG, Outcome
from tests.lib.wire import Connection


def run_case(connection: Connection, case: dict[str, Any]) -> Outcome:
    """One line of the file."""
    rows = [load.from_json(row) for row in case["rows"]]
    union = sorted({i for expected in case["expect"] for i in expected})
    asked = [*zip(case["queries"], case["expect"], strict=True)]
    asked.append((" OR ".join(f"({query})" for query in case["queries"]), union))
    keeps = bool(union)
    for query, expected in asked:
        answer = connection.filter(query, ["maps", rows])
        if answer.error is not None or answer.indices != expected:
            why = f"kept {answer.indices} ({answer.code}), not {expected}"
            return Outcome(case["id"], WRONG, why, keeps, query)
    return Outcome(case["id"], RIGHT, keeps_rows=keeps)


def run_cases(connection: Connection, path: Path) -> list[Outcome]:
    """All cases of the file."""
    return [run_case(connection, case) for case in load.lines(path)]
