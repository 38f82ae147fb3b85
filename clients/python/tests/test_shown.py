"""tests/golden/shown.txt: wrong queries, and the whole of what a person gets to read about each."""

from __future__ import annotations

import pytest
from daemons import ROOT

import tamis

GOLDEN = ROOT / "tests" / "golden" / "shown.txt"


def cases() -> list[str]:
    """The cases, as they stand there; headings are none."""
    blocks = GOLDEN.read_text().rstrip("\n").split("\n\n")
    return [block for block in blocks if not block.startswith("## ")]


def query_of(case: str) -> str:
    """The query: the first line that is indented."""
    return next(line[2:] for line in case.split("\n") if line.startswith("  "))


def shown(client: tamis.Client, query: str) -> str:
    """What the client shows of the error, behind its name."""
    try:
        client.count(query, [])
    except tamis.TamisError as error:
        return f"{error.name}: {error}"
    return f"no error\n  {query}"


@pytest.mark.skipif(not GOLDEN.exists(), reason="not run in the repository")
def test_errors_are_shown_as_in_the_golden_file(tamisd: str) -> None:
    with tamis.Client(tamisd) as client:
        got = {case: shown(client, query_of(case)) for case in cases()}
        without_regex = shown(client, "a REGEXP 'a'").startswith("NO_REGEX")
    differ = [
        new
        for old, new in got.items()
        if old != new and not (without_regex and new.startswith("NO_REGEX"))
    ]
    assert not differ, "\n\n".join(["shown differently now:", *differ])
    assert len(got) >= 120
    assert len({query_of(case) for case in cases()}) == len(got)


@pytest.mark.skipif(not GOLDEN.exists(), reason="not run in the repository")
def test_every_error_of_a_text_has_a_place(tamisd: str) -> None:
    """A caret line under the query, as long as the part that is meant."""
    for case in cases():
        message, query, carets = case.split("\n")
        assert message.split(": ")[0] in {name for name, _ in tamis.errors.CODES.values()}
        assert set(carets) <= {" ", "^"}
        assert carets.count("^") >= 1
        assert len(carets) <= len(query) + 1
