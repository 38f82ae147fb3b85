"""The shared cases against the daemon, one test a file."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cases import decided, load, regex, suites
from tests.cases.outcome import (
    DECIDED,
    OUTSIDE,
    RIGHT,
    TABLE_HEAD,
    VERDICTS,
    WRONG,
    Outcome,
    describe,
    table_row,
)
from tests.lib.wire import Connection


class Results:
    """The outcomes of each file, judged when they are first asked for."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._known: dict[str, list[Outcome]] = {}

    def of(self, name: str) -> list[Outcome]:
        if name not in self._known:
            self._known[name] = suites.run(self.connection, name)
        return self._known[name]

    def matching(self, prefix: str, verdict: str) -> set[str]:
        """The reasons that files whose name begins so gave for a verdict."""
        names = [name for name in suites.judged() if name.startswith(prefix)]
        return {o.why for name in names for o in self.of(name) if o.verdict == verdict}


@pytest.fixture(scope="module")
def results() -> Iterator[Results]:
    load.required()
    with Connection.spawn() as spawned:
        yield Results(spawned)


@pytest.mark.parametrize("name", suites.judged() or ["where_slt.jsonl"])
def test_cases(results: Results, name: str) -> None:
    if name == "regex_match.jsonl" and not regex.is_built(results.connection):
        pytest.skip("the daemon has no REGEXP (TAMIS_REGEX=OFF)")
    outcomes = results.of(name)
    wrong = [describe(o) for o in outcomes if o.verdict == WRONG]
    head = f"{TABLE_HEAD}\n{table_row(name, outcomes)}\n"
    assert not wrong, head + "\n".join(wrong[:20])
    assert all(o.verdict in VERDICTS and (o.why or o.verdict == RIGHT) for o in outcomes), head
    assert len(outcomes) == count_of(name), head


def count_of(name: str) -> int:
    """The cases of a file; some lines are tables that others refer to."""
    return sum("table" not in line for line in load.lines(load.directory() / name))


def test_every_file_is_known() -> None:
    load.required()
    assert len(suites.judged()) >= 20
    assert set(suites.files()) == set(suites.judged()) | set(suites.LATER)


def test_every_decision_is_needed(results: Results) -> None:
    """A line of decided.py or regex.py that decides nothing is an excuse kept in store."""
    assert results.matching("where_", DECIDED) == {str(each) for each in decided.DECISIONS}
    assert results.matching("where_", OUTSIDE) == {str(each) for each in decided.REFUSALS}
    if regex.is_built(results.connection):
        assert results.matching("regex_", DECIDED) == {f"REGEXP: {x.why}" for x in regex.DECISIONS}
        assert results.matching("regex_", OUTSIDE) == {f"REGEXP: {x.why}" for x in regex.REFUSALS}
