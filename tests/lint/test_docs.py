"""Every code block of the documents runs.

All `sh`, `bash`, `console` and `python` blocks of a document run in order, in one scratch folder,
with the built tamisd first in PATH and the client importable. In a `console` block, lines with `$
` are commands and the others what they print. Python blocks of a document share their names. What
a block starts in the background lives until its document ends.

    <!-- test: run-by NAME -->   above a block that is not run here but by NAME: a stage of .ci/run,
                                 or a test file
    <!-- test: output -->        above a `text` block: what the block before it prints, `...` for
                                 any text
"""

import difflib
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.lint.build import built
from tests.lint.tree import TOP, documents, shown

RUN = {"sh", "bash", "console", "python"}
NOT_RUN = {"text", "sql", "json", "ini", "c", "cmake"}
MARKER = re.compile(r"<!-- test: (run-by|output)(?: (\S+))? -->")
BLOCK_SECONDS = 60


@dataclass(frozen=True)
class Block:
    """One fenced block: where, what language, its text, and the marker above it."""

    line: int
    language: str
    text: str
    marker: str
    argument: str


def blocks(path: Path) -> list[Block]:
    """The fenced blocks of a document, in order."""
    found = []
    marker = argument = ""
    start, language, body = 0, "", list[str]()
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if start and line.strip() == "```":
            found.append(Block(start, language, "\n".join(body) + "\n", marker, argument))
            start, body, marker, argument = 0, [], "", ""
        elif start:
            body.append(line)
        elif line.startswith("```"):
            start, language = number, line[3:].strip()
        elif mark := MARKER.fullmatch(line.strip()):
            marker, argument = mark.group(1), mark.group(2) or ""
        elif line.strip():
            marker = argument = ""
    assert not start, f"line {start}: a block without an end"
    return found


def matches(expected: str, got: str) -> bool:
    """Whether a printed text is the expected one, `...` standing for anything."""
    pattern = ".*?".join(re.escape(part) for part in expected.strip().split("..."))
    return re.fullmatch(pattern, got.strip(), re.DOTALL) is not None


class Reader:
    """Somebody who follows a document in a folder of his own, block by block."""

    def __init__(self, folder: Path, tamisd: Path) -> None:
        self.folder = folder
        self.python = ""
        self.groups: list[int] = []
        self.environment = {
            **os.environ,
            "PATH": f"{tamisd.parent}:{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(TOP / "clients/python"),
            "HOME": str(folder),
            "TAMISD": str(tamisd),
        }

    def run(self, block: Block) -> str:
        """Does what a block says and gives what it prints."""
        if block.language == "python":
            return self.run_python(block)
        if block.language == "console":
            return self.run_console(block)
        return self.execute(["bash", "-euo", "pipefail", "-c", block.text], block)

    def run_python(self, block: Block) -> str:
        """All Python blocks up to this one as one program, whose earlier output is dropped."""
        mark = "--- the block of line ---"
        earlier = self.python
        self.python += block.text
        program = f"{earlier}\nprint({mark!r}, flush=True)\n{block.text}"
        return self.execute([sys.executable, "-c", program], block).split(mark + "\n", 1)[1]

    def run_console(self, block: Block) -> str:
        """Each command of a block, its output compared with the lines under it."""
        for command, expected in re.findall(
            r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block.text, re.MULTILINE
        ):
            got = self.execute(["bash", "-euo", "pipefail", "-c", command], block)
            assert matches(expected, got), difference(expected, got)
        return ""

    def execute(self, command: list[str], block: Block) -> str:
        """Runs a command in a process group of its own; fails the test if it fails."""
        with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
            process = subprocess.Popen(
                command,
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                start_new_session=True,
            )
            self.groups.append(process.pid)
            code = process.wait(BLOCK_SECONDS)
            output.seek(0)
            errors.seek(0)
            assert code == 0, (
                f"line {block.line}: exit {code}\n{errors.read().decode(errors='replace')}"
            )
            return output.read().decode()

    def close(self) -> None:
        """Ends what blocks have left running."""
        for group in self.groups:
            try:
                os.killpg(group, signal.SIGTERM)
            except ProcessLookupError:
                continue


def difference(expected: str, got: str) -> str:
    """Two texts as a diff, for a person."""
    return "\n".join(
        difflib.unified_diff(
            expected.splitlines(), got.splitlines(), "document", "printed", lineterm=""
        )
    )


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    """A reader whose leftovers are ended."""
    one = Reader(tmp_path, built("tamisd"))
    yield one
    one.close()


@pytest.mark.parametrize("path", documents(), ids=shown)
def test_blocks_have_a_known_language(path: Path) -> None:
    for block in blocks(path):
        assert block.language in RUN | NOT_RUN, f"line {block.line}: language '{block.language}'"
        assert block.marker != "output" or block.language == "text", (
            f"line {block.line}: output is text"
        )


@pytest.mark.parametrize("path", documents(), ids=shown)
def test_what_is_not_run_here_is_run_elsewhere(path: Path) -> None:
    ci = (TOP / ".ci/run").read_text()
    for block in blocks(path):
        if block.marker == "run-by":
            is_stage = re.search(rf"^stage_{re.escape(block.argument)}\(\)", ci, re.MULTILINE)
            is_test = block.argument.startswith("tests/") and (TOP / block.argument).is_file()
            assert is_stage or is_test, f"line {block.line}: nothing runs '{block.argument}'"


@pytest.mark.parametrize("path", documents(), ids=shown)
def test_blocks_run(path: Path, reader: Reader) -> None:
    printed: str | None = None
    for block in blocks(path):
        if block.marker == "output":
            assert printed is not None, f"line {block.line}: output of what?"
            assert matches(block.text, printed), difference(block.text, printed)
        elif block.marker != "run-by" and block.language in RUN:
            printed = reader.run(block)
