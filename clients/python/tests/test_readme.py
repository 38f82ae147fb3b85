"""Runs the examples of README.md, in order, in one namespace."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from daemons import HERE

README = (HERE.parent / "README.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```$", README, re.M | re.S)


def test_the_examples_run(tamisd: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TAMISD", str(Path(tamisd).resolve()))
    monkeypatch.chdir(tmp_path)  # they write files
    assert len(BLOCKS) >= 10
    names: dict[str, Any] = {"__name__": "readme"}
    try:
        for number, block in enumerate(BLOCKS, 1):
            exec(compile(block, f"README.md, example {number}", "exec"), names)
    finally:
        if "client" in names:
            names["client"].close()


def test_the_examples_are_python() -> None:
    for block in BLOCKS:
        compile(block, "README.md", "exec")
