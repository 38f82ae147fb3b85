"""proto/FUNCTIONS.md: every function of functions.def has a section with examples, and every one of
these is TRUE, to the daemon and to the reference.
"""

from __future__ import annotations

import re

import pytest

from tests.diff import reference
from tests.lib import wire
from tests.lib.mp import Map
from tests.lint.tree import TOP, Entry, def_list

TEXT = (TOP / "proto/FUNCTIONS.md").read_text()
SECTIONS = dict(re.findall(r"^### `([^`\n]+)`\n(.*?)(?=^##|\Z)", TEXT, re.DOTALL | re.MULTILINE))


def examples(section: str) -> list[str]:
    """The lines of the sql blocks of a section."""
    blocks = re.findall(r"^```sql\n(.*?)^```", section, re.DOTALL | re.MULTILINE)
    return [line for block in blocks for line in block.splitlines()]


EXAMPLES = [line for section in SECTIONS.values() for line in examples(section)]


@pytest.mark.parametrize("function", def_list("functions"), ids=lambda entry: entry.name)
def test_function_has_examples(function: Entry) -> None:
    signature = function.fields[4].partition(": ")[0]
    assert signature in SECTIONS, f"no section ### `{signature}`"
    assert examples(SECTIONS[signature])


def test_no_section_is_left_over() -> None:
    signatures = {entry.fields[4].partition(": ")[0] for entry in def_list("functions")}
    assert set(SECTIONS) == signatures


@pytest.mark.skipif(not wire.tamisd().exists(), reason=f"no daemon at {wire.tamisd()}")
def test_examples_are_true() -> None:
    wrong = []
    row = Map(())
    with wire.Connection.spawn() as connection:
        for line in EXAMPLES:
            answer = connection.filter(line, ["maps", [row]])
            if answer.error is not None or answer.indices != [0]:
                wrong.append(f"{line}: {answer.error or 'not TRUE'}")
                continue
            tree = wire.fields(connection.call(wire.EXPLAIN, line, None)[-1][2])["structured"]
            if reference.Query(tree).ask_value(row) is not reference.TRUE:
                wrong.append(f"{line}: not TRUE to the reference")
    assert not wrong, "\n".join(wrong)
    assert len(EXAMPLES) >= 150
