"""The shared regular expressions against the daemon."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.cases import load, regex
from tests.lib.wire import Connection


def test_regex_match() -> None:
    path = load.required() / "regex_match.jsonl"
    with Connection.spawn() as connection:
        if not regex.is_built(connection):
            pytest.skip("the daemon has no REGEXP (TAMIS_REGEX=OFF)")
        outcomes = regex.run_cases(connection, path)
    counts = Counter(outcome.verdict for outcome in outcomes)
    wrong = [f"{o.name}: {o.why}" for o in outcomes if o.verdict == regex.WRONG]
    assert not wrong, f"{counts}\n" + "\n".join(wrong)
    assert counts[regex.RIGHT] > counts[regex.OUTSIDE] + counts[regex.DECIDED]
    known = {each.why for each in regex.DECISIONS} | {each.why for each in regex.REFUSALS}
    used = {o.why for o in outcomes if o.verdict in (regex.DECIDED, regex.OUTSIDE)}
    assert used == known
