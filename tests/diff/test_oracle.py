"""The CSV and msgpack readers against libcsv and msgpack-c, and that the list of differences is the
document's.

TAMIS_ORACLE_SEED and TAMIS_ORACLE_BATCHES change the run; for a long one by hand use
`python -m tests.diff.oracle_run`. A full run must meet every difference of the list.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from tests.diff import oracle_csv, oracle_msgpack, oracle_run
from tests.diff.oracle import DIFFERENCES, Wrong
from tests.lib import readers
from tests.lib.readers import Reading
from tests.lint.tree import TOP

SEED = int(os.environ.get("TAMIS_ORACLE_SEED", "20261126"))
BATCHES = int(os.environ.get("TAMIS_ORACLE_BATCHES", "20"))
MOST_EXPLAINED = 0.4  # of all refusals: a guard that always holds would excuse anything


@pytest.mark.parametrize("oracle", oracle_run.ORACLES)
def test_no_difference_is_unexplained(oracle: str) -> None:
    seen = oracle_run.run(oracle, SEED, 0, BATCHES)
    assert seen.documents == BATCHES * oracle_run.DOCUMENTS
    assert seen.rows > seen.documents and seen.refused > seen.documents / 10
    assert seen.unmet(oracle) == []
    explained = sum(n for name, n in seen.met.items() if DIFFERENCES[name] == "explained")
    assert explained < MOST_EXPLAINED * seen.documents


def spoil_value(reading: Reading) -> None:
    """Another value in each row."""
    for _, cells in reading.rows:
        cells[0] = -12345


def spoil_end(reading: Reading) -> None:
    """One row less."""
    del reading.rows[-1:]


def spoil_fault(reading: Reading) -> None:
    """Broken rows are not told."""
    reading.faults.clear()


@pytest.mark.parametrize("spoil", [spoil_value, spoil_end, spoil_fault])
@pytest.mark.parametrize("oracle", oracle_run.ORACLES)
def test_a_wrong_answer_is_noticed(
    oracle: str, spoil: Callable[[Reading], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The comparison itself can fail."""

    def read_each(form: str, documents: Sequence[bytes], *rest: Any) -> Iterator[Reading]:
        for reading in readers.read_each(form, documents, *rest):
            spoil(reading)
            yield reading

    module = oracle_csv if oracle == "libcsv" else oracle_msgpack
    monkeypatch.setattr(module, "read_each", read_each)
    with pytest.raises(Wrong):
        oracle_run.run(oracle, SEED, 0, 1)


def test_the_document_has_the_list() -> None:
    text = (TOP / "docs" / "FORMATS.md").read_text()
    told = dict(re.findall(r"^\| `((?:libcsv|msgpack-c)-[a-z0-9-]+)` \| (\w+) \|", text, re.M))
    assert told == DIFFERENCES
