"""File and function sizes: over 500 lines a file says why in its head, over 800 it is split; a
function fits two screens.
"""

import re
from pathlib import Path

import pytest

from tests.lint.tree import shown, tree_files

FILES = [p for p in tree_files() if p.suffix in (".c", ".cc", ".h", ".py", ".sh")]
GENERATED = re.compile(r"\b[Gg]enerated\b|\b[Mm]ade by\b")
LONG_LINES = 500
MOST_LINES = 800
FUNCTION_LINES = 80


def head(lines: list[str]) -> str:
    """The beginning of a file, where it says what it is."""
    return "\n".join(lines[:20])


@pytest.mark.parametrize("path", FILES, ids=shown)
def test_file_size(path: Path) -> None:
    lines = path.read_text().splitlines()
    if len(lines) > LONG_LINES and not GENERATED.search(head(lines)):
        assert len(lines) <= MOST_LINES, f"{len(lines)} lines: split it"
        assert "long because" in head(lines), (
            f"{len(lines)} lines: its head must say 'long because ...'"
        )


@pytest.mark.parametrize("path", [p for p in FILES if p.suffix == ".c"], ids=shown)
def test_function_size(path: Path) -> None:
    start = None
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if re.match(r"^[A-Za-z_].*\)\s*\{$|^\s.*\)\s*\{$", line) and start is None:
            start = number
        elif line == "}" and start is not None:
            assert number - start <= FUNCTION_LINES, (
                f"line {start}: a function of {number - start} lines"
            )
            start = None


@pytest.mark.parametrize("path", [p for p in FILES if p.suffix in (".c", ".h")], ids=shown)
def test_file_says_what_it_is(path: Path) -> None:
    assert path.read_text().startswith("/*"), "begin with a comment: what this is"
