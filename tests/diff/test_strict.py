"""Strict mode against the counts: the row that is named is the first that counts a mismatch.

Over random rows and queries: asked alone, the rows before it count nothing, and it counts.
"""

from __future__ import annotations

import os

import pytest

from tests.diff.generate import Query
from tests.diff.run import questions_of
from tests.lib import wire
from tests.lib.mp import Plain, Raw
from tests.lib.wire import Answer, Connection

SEED = int(os.environ.get("TAMIS_DIFF_SEED", "20260101"))
BATCHES = 60

needs_daemon = pytest.mark.skipif(
    not wire.tamisd().exists() and not os.environ.get("TAMIS_CI"),
    reason=f"no daemon at {wire.tamisd()}",
)


def ask(connection: Connection, query: Query, rows: list[Raw], strict: bool) -> Answer:
    options: dict[str, Plain] = {"result": "count", "strict": strict}
    if query.params:
        options["params"] = query.params
    return connection.filter(query.tree, ["maps", list(rows)], **options)


@needs_daemon
def test_strict_names_the_first_mismatch() -> None:
    named = silent = 0
    with Connection.spawn() as connection:
        for number in range(BATCHES):
            for question, _ in questions_of(SEED + number):
                rows = [Raw(question.rows[i].map_bytes()) for i in question.order]

                plain = ask(connection, question.query, rows, False)
                if plain.error is not None:
                    continue
                counted = plain.done["type_mismatch"]
                answer = ask(connection, question.query, rows, True)
                if counted == 0:
                    assert answer.error is None, answer
                    silent += 1
                    continue
                assert answer.code == "TYPE_MISMATCH", (counted, answer)
                row = answer.error["row"] if answer.error else None
                assert isinstance(row, int)
                before = ask(connection, question.query, rows[:row], False)
                alone = ask(connection, question.query, rows[row : row + 1], False)
                assert before.done["type_mismatch"] == 0
                assert alone.done["type_mismatch"] != 0
                named += 1
    assert named > 50 and silent > 20, (named, silent)
