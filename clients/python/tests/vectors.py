"""Reads and compares the golden frames of proto/vectors; the README there tells the rules."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgpack
from daemons import ROOT

from tamis.frames import unpack

FOLDER = ROOT / "proto" / "vectors"
RESULT = 66


@dataclass
class Line:
    sent: bool  # by the client
    data: bytes
    number: int

    @property
    def whole(self) -> bool:
        return len(self.data) >= 4 and struct.unpack(">I", self.data[:4])[0] == len(self.data) - 4

    @property
    def message(self) -> Any:
        assert self.whole, f"line {self.number} is no whole frame"
        return unpack(self.data[4:])


def read(path: Path) -> list[Line]:
    lines, comment = [], False
    for number, text in enumerate(path.read_text().splitlines(), 1):
        if text.startswith("#"):
            comment = True
        elif text.strip():
            mark, _, digits = text.partition(" ")
            assert mark in ("<", ">"), f"{path.name}, line {number}: no mark"
            assert comment, f"{path.name}, line {number}: no comment above"
            lines.append(Line(mark == ">", bytes.fromhex(digits), number))
            comment = False
    assert lines, path
    return lines


def groups(lines: list[Line]) -> list[tuple[list[Line], list[Line]]]:
    """Pairs of what is sent and what must come then."""
    pairs: list[tuple[list[Line], list[Line]]] = []
    for line in lines:
        if line.sent and (not pairs or pairs[-1][1]):
            pairs.append(([], []))
        pairs[-1][0 if line.sent else 1].append(line)
    return pairs


BYTES = ("rows", "spans", "runs")  # results whose chunks are one behind the other
VALUES = ("columns", "counts")  # results that are compared as they stand


def meaning(messages: list[Any]) -> list[Any]:
    """The replies with the RESULTs of one request joined."""
    told: list[Any] = []
    for message in messages:
        if message[0] != RESULT or message[2] in VALUES:
            told.append(message)
            continue
        _, number, kind, base, rows, data = message
        if not told or told[-1][:2] != [RESULT, number]:
            told.append([RESULT, number, kind, b"" if kind in BYTES else []])
        if kind in BYTES:
            told[-1][3] += data
        elif kind in ("indices", "numbers"):
            first = base if kind == "indices" else 0
            told[-1][3] += [first + i for (i,) in struct.iter_unpack("<I", data)]
        else:
            bits = int.from_bytes(data, "little")
            assert len(data) == (rows + 7) // 8
            told[-1][3] += [base + i for i in range(rows) if bits >> i & 1]
    return told


def agrees(expected: Any, got: Any) -> bool:
    if isinstance(expected, dict):
        return isinstance(got, dict) and all(
            key in got and agrees(value, got[key]) for key, value in expected.items()
        )
    if isinstance(expected, list):
        return (
            isinstance(got, list) and len(got) == len(expected) and all(map(agrees, expected, got))
        )
    return type(expected) is type(got) and bool(expected == got)


def pack(message: Any) -> bytes:
    body: bytes = msgpack.packb(message)
    return struct.pack(">I", len(body)) + body
