"""What tests/lib/format_tool.c says a row reader makes of some bytes, as Python values; and running
the tools of other parsers beside it.
"""

from __future__ import annotations

import struct
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from tests.lib import mp
from tests.lib.mp import Bin, Ext, Str, Timestamp, Value
from tests.lint.build import built


class Missing:
    """A field that is not there, as against null."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING = Missing()
Cell: TypeAlias = "Value | Missing"


@dataclass(frozen=True)
class Fault:
    """A broken row: code, number of the row, offset in the input, what is wrong."""

    code: str
    row: int
    offset: int
    why: str


@dataclass
class Reading:
    """Rows as (bytes, values of the paths), faults in order, and the counts at the end."""

    rows: list[tuple[bytes, list[Cell]]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    skipped: int = 0
    unfit: int = 0

    def values(self) -> list[list[Cell]]:
        """The values alone."""
        return [values for _, values in self.rows]


def cell(text: str) -> Cell:
    """One value of a line of the tool."""
    kind, rest = text[0], text[1:]
    if kind in "iu":
        return int(rest)
    if kind == "b":
        return rest == "1"
    if kind == "t":
        seconds, _, nanoseconds = rest.partition(".")
        return Timestamp(int(seconds), int(nanoseconds))
    if kind == "m":
        return MISSING
    if kind == "n":
        return None
    raw = bytes.fromhex(rest)
    if kind == "d":
        number: float = struct.unpack(">d", raw)[0]
        return number
    if kind == "s":
        return Str(raw)
    if kind == "e":
        return Ext(struct.unpack(">b", raw[:1])[0], raw[1:])
    return Bin(raw) if kind == "x" else mp.decode(raw)


def parse(text: str) -> Reading:
    """The output of the tool."""
    out = Reading()
    for line in text.splitlines():
        word, _, rest = line.partition(" ")
        if word == "row":
            span, *cells = rest.split(" ")
            out.rows.append((bytes.fromhex(span), [cell(each) for each in cells]))
        elif word == "fault":
            head, _, why = rest.partition(": ")
            code, _, row, _, offset = head.split(" ")
            out.faults.append(Fault(code, int(row), int(offset), why))
        else:
            counts = line.split(" ")
            assert counts[0] == "rows" and int(counts[1]) == len(out.rows), line
            out.skipped, out.unfit = int(counts[3]), int(counts[5])
    return out


def read(form: str, data: bytes, paths: str = "", *options: str) -> Reading:
    """What the reader of a format makes of data; paths are separated by blanks."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "input"
        path.write_bytes(data)
        run = subprocess.run(
            [built("tests/format_tool"), form, path, *options, "--", *paths.split(" ")]
            if paths
            else [built("tests/format_tool"), form, path, *options],
            capture_output=True,
            check=False,
        )
    assert run.returncode == 0, run.stderr.decode(errors="replace")
    return parse(run.stdout.decode())


def ask(tool: str, documents: Sequence[bytes], *words: str) -> list[str]:
    """The lines that a tool of tests/lib prints about many inputs (documents.h). FILE among the
    words stands for the file of them."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "documents"
        path.write_bytes(b"".join(struct.pack(">I", len(each)) + each for each in documents))
        run = subprocess.run(
            [built(f"tests/{tool}"), *(path if word == "FILE" else word for word in words)],
            capture_output=True,
            check=False,
        )
    assert run.returncode == 0, run.stderr.decode(errors="replace")
    return run.stdout.decode().splitlines()


def read_each(
    form: str, documents: Sequence[bytes], paths: Sequence[str], *options: str
) -> Iterator[Reading]:
    """What the reader makes of each of many inputs; as read()."""
    about: list[str] = []
    words = [form, "FILE", "documents", *options, "--", *paths]
    for line in ask("format_tool", documents, *words):
        about.append(line)
        if line.startswith("rows "):
            yield parse("\n".join(about))
            about = []
