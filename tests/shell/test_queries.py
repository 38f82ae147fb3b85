"""Wrong and doubtful queries, as a person at a terminal reads about them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.shell.command import ROOT, lines, run

SHOWN = (ROOT / "tests/golden/shown.txt").read_text()
# One case: a message, then the query under two blanks and the carets.
CASES = re.findall(r"^([A-Z_]+): (.+)\n  (.+)\n  ( *\^+)$", SHOWN, re.MULTILINE)


def test_there_are_cases() -> None:
    assert len(CASES) > 50


@pytest.mark.parametrize(("code", "message", "query", "carets"), CASES)
def test_errors_are_shown_as_the_python_client_shows_them(
    code: str, message: str, query: str, carets: str
) -> None:
    if query.startswith("...") or query.endswith("...") or "�" in query:
        pytest.skip("a line that is not shown whole")
    done = run("--", query)
    assert (done.status, done.out) == (2, b"")
    assert done.err == f"tamis: {message}\n  {query}\n  {carets}\n", code


def test_warnings() -> None:
    data = lines({"a": 1})
    done = run("a = null or a = 1", stdin=data)
    assert (done.status, done.out) == (0, data)
    assert done.err == (
        "tamis: warning: a comparison with NULL is never TRUE: write IS NULL, or IS [NOT] "
        "DISTINCT FROM\n  a = null or a = 1\n  ^^^^^^^^\n"
    )
    assert run("-q", "a = null or a = 1", stdin=data).err == ""


def test_wide_and_combining_letters_and_tabs() -> None:
    assert "\n  名前 LKIE 1\n       ^^^^\n" in run("名前 LKIE 1").err
    assert "\n  e\u0301 LKIE 1\n    ^^^^\n" in run("e\u0301 LKIE 1").err
    assert "\n  \ta LKIE 1\n  \t  ^^^^\n" in run("\ta LKIE 1").err


def test_a_long_line_is_cut() -> None:
    err = run("a = 1 and " * 40 + "b LKIE 2" + " and c = 3" * 40).err.splitlines()
    assert err[1].startswith("  ...") and err[1].endswith("...") and len(err[1]) == 2 + 100 + 6
    at = err[2].index("^")
    assert err[1][at : at + 4] == "LKIE" and err[2].count("^") == 4


def test_several_lines() -> None:
    assert "\n  line 2: b LKIE 2\n            ^^^^\n" in run("a = 1 and\nb LKIE 2\nand c = 3").err


def test_control_characters_do_not_reach_the_terminal() -> None:
    err = run("a = 1 \x1b[31m").err
    assert "\x1b" not in err and "�" in err


def test_bytes_that_are_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "q"
    path.write_bytes(b"a = '\xff'")
    done = run("--query-file", str(path))
    assert done.status == 2 and "UTF-8" in done.err
