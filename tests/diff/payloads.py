"""The same rows in every form that a payload can have: maps, template, columns of lists, columns by
path, typed columns.

Each builder gives the payload of proto/PROTOCOL.md and, where the form has row bytes, the bytes of
each row. Cells that are missing are filled with nil or with rubbish, because a clear present bit is
to hide whatever stands there.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from tests.diff.generate import Row
from tests.diff.reference import MISSING, Operand, step_into
from tests.lib import mp
from tests.lib.mp import Bin, Plain, Raw, Str, Value
from tests.lib.wire import bitmap

FORMS = ["maps", "template", "lists", "paths", "typed", "bytes"]
Path = list[Value]


@dataclass
class Payload:
    """A payload, and the bytes of its rows; rows is None for columns, which have none."""

    message: list[Plain]
    rows: list[bytes] | None


def build(
    form: str, rows: Sequence[Row], names: Sequence[str], paths: Sequence[Path], rng: random.Random
) -> Payload:
    """Rows in one of FORMS. names: the fields to send; paths: what the query reads, for "paths"."""
    if form == "maps":
        every = [row.map_bytes() for row in rows]
        return Payload(["maps", [Raw(r) for r in every]], every)
    if form == "bytes":
        every = [row.map_bytes() for row in rows]
        return Payload(["bytes", "msgpack", Bin(b"".join(every))], every)
    if form == "template":
        return _template(rows, list(names), rng)
    if form == "paths":
        values = [mp.decode(row.map_bytes()) for row in rows]
        columns = [_list_column(p, [_encoded(step_into(v, p)) for v in values], rng) for p in paths]
    else:
        make = _typed_column if form == "typed" else _list_column
        columns = [make([Str(n.encode())], [row.cell(n) for row in rows], rng) for n in names]
    rng.shuffle(columns)
    return Payload(["columns", len(rows), columns], None)


def _encoded(value: Operand) -> bytes | None:
    return None if value is MISSING else mp.encode(value)


def _rubbish(rng: random.Random) -> bytes:
    return rng.choice([b"\xc0", b"\xc0", b"\x05", b"\xc3", b"\xa1a", b"\xcb\x7f\xf8\0\0\0\0\0\0"])


def _template(rows: Sequence[Row], names: list[str], rng: random.Random) -> Payload:
    """Missing cells at a row's end are left out or hidden, the others are hidden by a present
    bitmap.
    """
    rng.shuffle(names)
    shorten = rng.random() < 0.5
    written: list[bytes] = []
    present: list[bool] = []
    for row in rows:
        cells = [row.cell(name) for name in names]
        present += [cell is not None for cell in cells]
        while shorten and cells and cells[-1] is None:
            cells.pop()
        body = b"".join(_rubbish(rng) if cell is None else cell for cell in cells)
        written.append(mp.header("array", len(cells)) + body)
    message: list[Plain] = ["template", names, [Raw(r) for r in written]]
    if not all(present):
        message.append(bitmap(present))
    elif rng.random() < 0.3:
        message.append(None)
    return Payload(message, written)


def _column_path(path: Path, rng: random.Random) -> Plain:
    return path[0] if len(path) == 1 and isinstance(path[0], Str) and rng.random() < 0.5 else path


def _present(cells: Sequence[bytes | None], rng: random.Random) -> bytes | None:
    bits = [cell is not None for cell in cells]
    return None if all(bits) and rng.random() < 0.7 else bitmap(bits)


def _list_column(path: Path, cells: Sequence[bytes | None], rng: random.Random) -> Plain:
    data = [Raw(_rubbish(rng) if cell is None else cell) for cell in cells]
    return [_column_path(path, rng), "list", data, None, _present(cells, rng)]


def _typed_column(path: Path, cells: Sequence[bytes | None], rng: random.Random) -> Plain:
    """A column of numbers, booleans or strings as a typed one; any other as a list."""
    values = [None if cell is None else mp.decode(cell) for cell in cells]
    kind = _column_type([v for v in values if v is not None], rng)
    if kind is None:
        return _list_column(path, cells, rng)
    valid = [value is not None or cell is None for value, cell in zip(values, cells, strict=True)]
    bits = None if all(valid) and rng.random() < 0.7 else bitmap(valid)
    data = _strings(values) if kind == "str" else _numbers(kind, values)
    return [_column_path(path, rng), kind, data, bits, _present(cells, rng)]


def _column_type(values: Sequence[Value], rng: random.Random) -> str | None:
    if all(isinstance(v, bool) for v in values):
        return "bool"
    if any(isinstance(v, bool) for v in values):
        return None
    if all(isinstance(v, float) for v in values):
        return "f64"
    if all(isinstance(v, Str) for v in values):
        return "str"
    numbers = [v for v in values if isinstance(v, int)]
    if len(numbers) < len(values):
        return None
    fits = [
        k
        for k, least, most in (("i64", -(2**63), 2**63), ("u64", 0, 2**64))
        if all(least <= n < most for n in numbers)
    ]
    return rng.choice(fits) if fits else None


def _numbers(kind: str, values: Sequence[Value]) -> bytes:
    form = {"i64": "q", "u64": "Q", "f64": "d", "bool": "?"}[kind]
    return struct.pack(f"<{len(values)}{form}", *(0 if v is None else v for v in values))


def _strings(values: Sequence[Value]) -> Plain:
    offsets, data = [0], b""
    for value in values:
        data += value.raw if isinstance(value, Str) else b""
        offsets.append(len(data))
    return [struct.pack(f"<{len(offsets)}I", *offsets), data]
