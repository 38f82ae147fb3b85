"""The same rows in every form that a payload can have: maps, template, columns of lists, columns by
path, typed columns.

Each builder gives the payload of proto/PROTOCOL.md and, where the form has row bytes, the bytes of
each row. Cells that are missing are filled with nil or with rubbish, because a clear present bit is
to hide whatever stands there.
"""

from __future__ import annotations

import itertools
import random
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from tests.diff.generate import Row
from tests.diff.reference import MISSING, Operand, step_into
from tests.lib import mp
from tests.lib.mp import Bin, Map, Plain, Raw, Str, Timestamp, Value
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
    """A column whose values are all numbers, booleans, timestamps, strings, binary, arrays or maps
    as a typed one, of any type that can hold them; any other as a list."""
    values = [None if cell is None else mp.decode(cell) for cell in cells]
    typed = _typed(values, rng)
    if typed is None:
        return _list_column(path, cells, rng)
    kind, data = typed
    valid = [value is not None or cell is None for value, cell in zip(values, cells, strict=True)]
    bits = None if all(valid) and rng.random() < 0.7 else bitmap(valid)
    return [_column_path(path, rng), kind, data, bits, _present(cells, rng)]


def _typed(values: Sequence[Value], rng: random.Random) -> tuple[str, Plain] | None:
    """Type and data; None stands for what is null or missing."""
    there = [v for v in values if v is not None]
    if all(isinstance(v, Str) for v in there):
        kind = rng.choice(["str", "str64", "dict", "zstr"])
        raw = [v.raw if isinstance(v, Str) else b"" for v in values]
        if kind == "zstr" and not any(b"\0" in text for text in raw):
            return kind, b"\0".join(raw)
        return kind.removeprefix("z"), (
            _dict(values, rng) if kind == "dict" else _strings(values, kind == "str64", rng)
        )
    if all(isinstance(v, Timestamp) for v in there):
        return _times(values, rng)
    if all(isinstance(v, bool) for v in there):
        flags = [v is True for v in values]
        return rng.choice([("bool", bytes(flags)), ("bits", bitmap(flags))])
    if all(isinstance(v, float) for v in there):
        return _numbers(_FLOATS, values, rng)
    if all(isinstance(v, int) and not isinstance(v, bool) for v in there):
        return _numbers(_INTEGERS, values, rng)
    if all(isinstance(v, Bin) for v in there):
        return "bin", _strings(values, False, rng)
    if all(isinstance(v, list) for v in there):
        return "array", _arrays(values, rng)
    if all(isinstance(v, Map) for v in there):
        return _maps(values, rng)
    return None


def _part(values: Sequence[Value], rng: random.Random) -> list[Plain]:
    """Type, data and validity of what is inside of nested values."""
    typed = _typed(values, rng)
    if typed is None:
        return ["list", [Raw(mp.encode(v)) for v in values], None]
    valid = [v is not None for v in values]
    return [*typed, None if all(valid) and rng.random() < 0.7 else bitmap(valid)]


def _offsets(lengths: Sequence[int], first: int) -> bytes:
    return struct.pack(f"<{len(lengths) + 1}I", *itertools.accumulate(lengths, initial=first))


def _base(most: int, rng: random.Random) -> list[int]:
    """What is subtracted from offsets, if it is written."""
    return rng.choice([[], [], [0], [rng.randrange(most)]])


def _arrays(values: Sequence[Value], rng: random.Random) -> Plain:
    """Items that no array has may stand before them and behind."""
    arrays = [v if isinstance(v, list) else [] for v in values]
    before, behind = rng.choice([0, 0, 1]), rng.choice([0, 0, 2])
    items = [None] * before + [item for v in arrays for item in v] + [None] * behind
    base = _base(2**31, rng)
    offsets = _offsets([len(v) for v in arrays], before + sum(base))
    return [offsets, [len(items), *_part(items, rng)], *base]


def _maps(values: Sequence[Value], rng: random.Random) -> tuple[str, Plain] | None:
    """A map, or where all keys are names, in one order, a struct; none where keys are repeated."""
    maps = [v.pairs if isinstance(v, Map) else () for v in values]
    keys = [key for pairs in maps for key, _ in pairs]
    if any(len({mp.encode(key) for key, _ in pairs}) < len(pairs) for pairs in maps):
        return None
    names = list(dict.fromkeys(map(mp.encode, keys)))
    places = {name: i for i, name in enumerate(names)}
    orders = [[places[mp.encode(key)] for key, _ in pairs] for pairs in maps]
    in_order = all(order == sorted(order) for order in orders)
    if in_order and all(isinstance(key, Str) for key in keys) and rng.random() < 0.7:
        return "struct", [_field(name, maps, rng) for name in names]
    inside = [value for pairs in maps for _, value in pairs]
    parts: list[Plain] = [[len(keys), *_part(of, rng)] for of in (keys, inside)]
    base = _base(2**31, rng)
    return "map", [_offsets([len(pairs) for pairs in maps], sum(base)), *parts, *base]


def _field(
    name: bytes, maps: Sequence[tuple[tuple[Value, Value], ...]], rng: random.Random
) -> Plain:
    found = [{mp.encode(key): value for key, value in pairs} for pairs in maps]
    present = [name in pairs for pairs in found]
    bits = None if all(present) and rng.random() < 0.7 else bitmap(present)
    return [Raw(name), *_part([pairs.get(name) for pairs in found], rng), bits]


_INTEGERS = {"i8": "b", "i16": "h", "i32": "i", "i64": "q"}
_INTEGERS |= {"u8": "B", "u16": "H", "u32": "I", "u64": "Q"}
_FLOATS = {"f32": "f", "f64": "d"}


def _numbers(
    types: dict[str, str], values: Sequence[Value], rng: random.Random
) -> tuple[str, Plain] | None:
    """One of the types that hold all the values as they are."""
    fits: list[tuple[str, Plain]] = []
    for kind, form in types.items():
        try:
            data = struct.pack(f"<{len(values)}{form}", *(0 if v is None else v for v in values))
        except (struct.error, OverflowError):
            continue
        again = struct.unpack(f"<{len(values)}{form}", data)
        if all(
            v is None or v == w or (v != v and w != w) for v, w in zip(values, again, strict=True)
        ):
            fits.append((kind, data))
    return rng.choice(fits) if fits else None


def _times(values: Sequence[Value], rng: random.Random) -> tuple[str, Plain] | None:
    fits: list[tuple[str, Plain]] = []
    for unit, per_second in (("s", 1), ("ms", 10**3), ("us", 10**6), ("ns", 10**9)):
        numbers = [_time(v, per_second) if isinstance(v, Timestamp) else 0 for v in values]
        if all(n is not None and -(2**63) <= n < 2**63 for n in numbers):
            fits.append(("timestamp", [unit, struct.pack(f"<{len(numbers)}q", *numbers)]))
    return rng.choice(fits) if fits else None


def _time(value: Timestamp, per_second: int) -> int | None:
    parts, rest = divmod(value.nanoseconds * per_second, 10**9)
    return None if rest else value.seconds * per_second + parts


def _strings(values: Sequence[Value], wide: bool, rng: random.Random) -> Plain:
    base = _base(2**63 if wide else 2**31, rng)
    offsets, data = [sum(base)], b""
    for value in values:
        data += value.raw if isinstance(value, (Str, Bin)) else b""
        offsets.append(sum(base) + len(data))
    return [struct.pack(f"<{len(offsets)}{'Q' if wide else 'I'}", *offsets), data, *base]


def _dict(values: Sequence[Value], rng: random.Random) -> Plain:
    """Codes of distinct values, some of which may be unused; where there is no value any code."""
    words: list[Value] = list(dict.fromkeys(v for v in values if isinstance(v, Str)))
    words += [Str(b"unused")] * rng.randrange(2)
    rng.shuffle(words)
    kinds = [k for k in _INTEGERS if len(words) <= 1 << (int(k[1:]) - (k[0] == "i"))]
    kind = rng.choice(kinds)
    rubbish = 127 if rng.random() < 0.5 else 0
    places = {word: i for i, word in enumerate(words)}
    codes = [places[v] if isinstance(v, Str) else rubbish for v in values]
    return [
        kind,
        struct.pack(f"<{len(codes)}{_INTEGERS[kind]}", *codes),
        _strings(words, rng.random() < 0.5, rng),
        len(words),
    ]
