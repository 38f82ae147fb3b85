"""The command line: options, help, messages about wrong ones."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.shell.command import TAMIS, lines, rows, run

File = Callable[[str, bytes], str]

DATA = lines({"a": 1}, {"a": 2}, {"a": 3})


def test_options_stand_anywhere_and_go_together(file: File) -> None:
    path = file("x.jsonl", DATA)
    for arguments in (
        ["-c", "-v", "a = 1", path],
        ["-cv", "a = 1", path],
        ["a = 1", "-c", path, "-v"],
        ["--count", "--invert", "a = 1", path],
    ):
        assert rows(*arguments) == b"2\n"
    for arguments in (["-n1"], ["-n", "1"], ["--limit=1"], ["--limit", "1"]):
        assert rows("a > 0", *arguments, path) == DATA.splitlines(True)[0]


def test_behind_two_dashes_nothing_is_an_option(file: File, tmp_path: Path) -> None:
    (tmp_path / "-c").write_bytes(DATA)
    assert rows("--", "-a = -1", "-c", cwd=tmp_path) == DATA.splitlines(True)[0]


def test_help_and_version() -> None:
    done = run("--help")
    assert (done.status, done.err) == (0, "") and done.out == run("-h").out
    assert max(map(len, done.out.decode().splitlines())) <= 100
    version = run("--version")
    assert version.out.startswith(b"tamis 0.") and version.status == 0


def test_help_comes_before_everything_else() -> None:
    assert run("a =", "--help", "--nonsense").out.startswith(b"usage: tamis")


def test_the_examples_of_help_run(tmp_path: Path) -> None:
    text = run("--help").out.decode()
    examples = re.findall(r"^  (tamis .*)$", text, re.MULTILINE)
    assert len(examples) >= 4
    (tmp_path / "events.jsonl").write_bytes(lines({"status": 500, "path": "/api/x"}, {"status": 1}))
    (tmp_path / "people.csv").write_bytes(b"city,age\nOslo,5\n,6\nRome,7\n")
    (tmp_path / "prices.csv").write_bytes(b"price\n10\n9\n")
    (tmp_path / "log.jsonl").write_bytes(lines({"name": "Ada", "n": 5}, {"name": "Ada", "n": 4}))
    printed = {
        "events.jsonl": lines({"status": 500, "path": "/api/x"}),
        "people.csv": b"2\n",
        "prices.csv": b"price\n10\n",
        "log.jsonl": lines({"name": "Ada", "n": 5}),
    }
    for example in examples:
        command = example.replace("tamis ", shlex.quote(TAMIS) + " ", 1)
        done = subprocess.run(
            ["bash", "-c", command], cwd=tmp_path, capture_output=True, timeout=60, check=False
        )
        name = example.split()[-1]
        assert (done.returncode, done.stderr, done.stdout) == (0, b"", printed[name]), example


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_that_cannot_be_written(option: str) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run([TAMIS, option], stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 2 and b"writing standard output" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "there is no query"),
        (["-c"], "there is no query"),
        (["--lmit", "3", "a"], 'unknown option "--lmit" (did you mean --limit?)'),
        (["--lim", "3", "a"], 'unknown option "--lim"'),
        (["--nothing-like-it", "a"], 'unknown option "--nothing-like-it" (tamis --help'),
        (["-Z", "a"], 'unknown option "-Z"'),
        (["-5 < a"], "stands behind --"),
        (["a", "--limit"], "--limit needs a value (N)"),
        (["a", "-n"], "-n needs a value (N)"),
        (["a", "--count=5"], "--count takes no value"),
        (["a", "-n", "x"], '--limit: "x" is not a number of rows'),
        (["a", "-n", "-1"], '--limit: "-1"'),
        (["a", "-n", "18446744073709551616"], "--limit"),
        (["a", "-f", "xml"], '--format: "xml" is not jsonl, csv, tsv or msgpack'),
        (["a", "--on-error", "stop"], '--on-error: "stop" is not fail or skip'),
        (["a", "-d", "ab"], '--delimiter: "ab"'),
        (["a", "-d", ""], "--delimiter"),
        (["a", "-d", '"'], "--delimiter"),
        (["a", "-d", "\n"], "--delimiter"),
        (["a", "-f", "tsv", "-d", ","], "exclude each other"),
        (["a", "-f", "jsonl", "--no-header"], "are for CSV"),
        (["a", "--types", "n"], '--types: "n" is not NAME=TYPE'),
        (["a", "--types", "n=int,m=number"], '--types: "m=number"'),
        (["a", "--row-bytes", "0"], "--row-bytes"),
        (["a", "--row-bytes", "4G"], "--row-bytes"),
        (["--query-file", "/nonexistent/q"], "/nonexistent/q: No such file"),
    ],
)
def test_wrong_command_lines(arguments: list[str], complaint: str) -> None:
    done = run(*arguments, stdin=DATA)
    assert (done.status, done.out) == (2, b"")
    assert done.err.startswith("tamis: ") and complaint in done.err and done.err.count("\n") == 1


def test_a_query_in_a_file(file: File) -> None:
    path = file("x.jsonl", DATA)
    for text in (b"a = 2", b"a = 2\n", b"a\n  = 2\r\n"):
        assert rows("--query-file", file("q.sql", text), path) == DATA.splitlines(True)[1]
    done = run("--query-file", file("q.sql", b"a = 2 and\nb LKIE 3\n"), path)
    assert "\n  line 2: b LKIE 3\n            ^^^^\n" in done.err
    assert run("--query-file", file("q.sql", b" " * (1 << 20) + b"a"), path).status == 2


def test_the_plan() -> None:
    done = run("--explain", "a >= 5 and b like 'x%'")
    assert (done.status, done.err) == (0, "")
    assert b"sel_ge_i64" in done.out and b"b LIKE 'x%'" in done.out


def test_no_value_is_taken_for_an_option(file: File) -> None:
    assert rows("-p", "x=-1", "a > :x", file("x.jsonl", DATA)) == DATA
