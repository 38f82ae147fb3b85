"""Help, man page and completions hold the same options as options.def."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.shell.command import ROOT, TAMIS, run

DEFINED = (ROOT / "src/shell/options.def").read_text()
OPTIONS = {
    name: letter
    for letter, name in re.findall(
        r"^(?:FLAG|VALUE)\(\w+,\s+(?:'(\w)'|0),\s+\"([\w-]+)\"", DEFINED, re.MULTILINE
    )
}
CHOICES = {
    name: value.split("|")
    for name, value in re.findall(
        r"^VALUE\(\w+,\s+[^,]+,\s+\"([\w-]+)\",\s+\"([\w|]+)\"", DEFINED, re.MULTILINE
    )
    if "|" in value
}
MAN = (ROOT / "docs/tamis.1.scd").read_text()


def need(tool: str) -> str:
    """The path of a program of the system; without it the test is skipped, but not in CI."""
    path = shutil.which(tool)
    if path:
        return path
    if os.environ.get("TAMIS_CI") == "1":
        pytest.fail(f"{tool} is not installed")
    pytest.skip(f"{tool} is not installed")


def test_the_list_is_read() -> None:
    assert {"format": "f", "limit": "n", "stats": ""}.items() <= OPTIONS.items()
    assert CHOICES["format"] == ["jsonl", "csv", "tsv", "msgpack"]


def test_help() -> None:
    text = run("--help").out.decode()
    found = {
        name: letter.strip("-, ")
        for letter, name in re.findall(r"^  (-\w, |    )--([\w-]+)", text, re.MULTILINE)
    }
    assert found == OPTIONS


def test_the_man_page() -> None:
    head = re.findall(r"^((?:\*-+[\w-]+\*(?:, )?)+)", MAN, re.MULTILINE)
    found: dict[str, str] = {}
    for line in head:
        letters = re.findall(r"\*-(\w)\*", line)
        for name in re.findall(r"\*--([\w-]+)\*", line):
            found[name] = letters[0] if letters else ""
    assert found == OPTIONS
    for name, choices in CHOICES.items():
        assert "|".join(f"_{choice}_" for choice in choices) in MAN, name


def test_the_man_page_is_made(tmp_path: Path) -> None:
    made = subprocess.run(
        [need("scdoc")], input=MAN.encode(), capture_output=True, check=False, cwd=tmp_path
    )
    assert made.returncode == 0 and b".TH" in made.stdout, made.stderr


def bash_completes(folder: Path, *words: str) -> list[str]:
    """What bash offers for the last of the words."""
    script = (
        f'source <("{TAMIS}" --completion bash); COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1));'
        ' _tamis; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        ["bash", "-c", script, "bash", *words],
        capture_output=True,
        text=True,
        cwd=folder,
        check=True,
    )
    assert done.stderr == ""
    return sorted(done.stdout.split())


def test_bash(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").touch()
    assert bash_completes(tmp_path, "tamis", "-") == sorted(f"--{name}" for name in OPTIONS)
    assert bash_completes(tmp_path, "tamis", "--lim") == ["--limit"]
    assert bash_completes(tmp_path, "tamis", "--limit", "") == []
    assert bash_completes(tmp_path, "tamis", "--query-file", "ro") == ["rows.csv"]
    assert bash_completes(tmp_path, "tamis", "a = 1", "ro") == ["rows.csv"]
    for name, choices in CHOICES.items():
        assert bash_completes(tmp_path, "tamis", f"--{name}", "") == sorted(choices)
        assert bash_completes(tmp_path, "tamis", f"--{name}", "=", "") == sorted(choices)
        assert bash_completes(tmp_path, "tamis", f"--{name}", "=") == sorted(choices)
    assert bash_completes(tmp_path, "tamis", "-f", "j") == ["jsonl"]


def test_zsh(tmp_path: Path) -> None:
    script = run("--completion", "zsh").out.decode()
    (tmp_path / "_tamis").write_text(script)
    done = subprocess.run(
        [need("zsh"), "-f", "-c", "_arguments() { print -rl -- $@ }; source ./_tamis"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    said = done.stdout.splitlines()
    for name, letter in OPTIONS.items():
        assert any(re.match(rf"\*?--{name}=?\[", line) for line in said), name
        assert not letter or any(re.match(rf"\*?-{letter}\+?\[", line) for line in said), name


def test_fish(tmp_path: Path) -> None:
    script = run("--completion", "fish").out.decode()
    (tmp_path / "tamis.fish").write_text(script)
    (tmp_path / "tamis").symlink_to(TAMIS)
    fish = need("fish")

    def completes(line: str) -> set[str]:
        done = subprocess.run(
            [fish, "--no-config", "-c", f"source tamis.fish; complete -C '{line}'"],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**os.environ, "HOME": str(tmp_path), "PATH": f"{tmp_path}:{os.environ['PATH']}"},
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        return {one.split("\t")[0] for one in done.stdout.splitlines()}

    assert {f"--{name}" for name in OPTIONS} <= completes("tamis --")
    for name, choices in CHOICES.items():
        assert set(choices) <= completes(f"tamis --{name} ")


def test_wrong_shells() -> None:
    done = run("--completion", "ksh")
    assert done.status == 2 and "is not bash, zsh or fish" in done.err
