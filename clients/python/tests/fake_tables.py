"""Resident tables of the fake daemon: rows as Python dicts, payloads decoded a cell at a time.

Written from PROTOCOL.md and not from the client, so that each is a test of the other.
"""

from __future__ import annotations

import struct
from typing import Any, Optional

import msgpack

CODES = {"i8": "b", "i16": "h", "i32": "i", "i64": "q"}
CODES |= {"u8": "B", "u16": "H", "u32": "I", "u64": "Q", "f32": "f", "f64": "d"}
PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
ABSENT = object()


class Refused(Exception):
    """An error to answer: code, name and details."""

    def __init__(self, code: int, name: str, **details: Any) -> None:
        super().__init__(name)
        self.code, self.name, self.details = code, name, details


def bit(bits: Optional[bytes], i: int) -> bool:
    return bits is None or bool(bits[i // 8] >> i % 8 & 1)


def numbers(type: str, data: bytes, count: int) -> list[Any]:
    found = list(struct.unpack("<" + CODES[type] * count, data))
    assert len(data) == struct.calcsize(CODES[type]) * count
    return found


def ranges(
    data: bytes, count: int, end: int, base: Any = (), width: str = "u32"
) -> list[tuple[int, int]]:
    """base: what stands behind, a number or nothing."""
    offsets = numbers(width, data, count + 1)
    for first in base:
        assert first >= 0
        offsets = [offset - first for offset in offsets]
    assert [0, *offsets, end] == sorted([0, *offsets, end])
    return list(zip(offsets, offsets[1:]))


def binaries(pair: list[Any], count: int, width: str = "u32") -> list[bytes]:
    offsets, data, *base = pair
    return [data[a:b] for a, b in ranges(offsets, count, len(data), base, width)]


def strings(pair: list[Any], count: int, width: str = "u32") -> list[str]:
    return [text.decode("utf-8", "surrogatepass") for text in binaries(pair, count, width)]


def items(part: list[Any]) -> list[Any]:
    """What is inside of lists and maps: [number, type, data, valid]."""
    count, type, data, valid = [*part, None][:4]
    return cells(count, type, data, valid)


def structs(rows: int, fields: list[Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [{} for _ in range(rows)]
    for field in fields:
        name, type, data, valid, present = [*field, None, None][:5]
        for i, value in enumerate(cells(rows, type, data, valid)):
            if bit(present, i):
                found[i][name] = value
    return found


def cells(rows: int, type: str, data: Any, valid: Optional[bytes]) -> list[Any]:
    """The values of a column; what stands at a null is not looked at."""
    size = (rows + 7) // 8
    assert valid is None or (type != "list" and len(valid) == size)
    if type == "list":
        assert len(data) == rows
        return list(data)
    found: list[Any]
    if type in CODES:
        found = numbers(type, data, rows)
    elif type == "bool":
        assert len(data) == rows
        assert set(data) <= {0, 1}
        found = list(map(bool, data))
    elif type == "bits":
        assert len(data) == size
        found = [bit(data, i) for i in range(rows)]
    elif type == "str":
        found = strings(data, rows)
    elif type == "str64":
        found = strings(data, rows, "u64")
    elif type == "zstr":
        found = data.decode("utf-8", "surrogatepass").split("\0") if rows or data else []
        assert len(found) == rows
    elif type == "bin":
        found = binaries(data, rows)
    elif type == "array":
        inside = items(data[1])
        found = [inside[a:b] for a, b in ranges(data[0], rows, len(inside), data[2:])]
    elif type == "map":
        keys, values = items(data[1]), items(data[2])
        assert len(keys) == len(values)
        pairs = list(zip(keys, values))
        found = [dict(pairs[a:b]) for a, b in ranges(data[0], rows, len(pairs), data[3:])]
    elif type == "struct":
        found = structs(rows, data)
    elif type == "timestamp":
        per = PER_SECOND[data[0]]
        found = [
            msgpack.Timestamp(count // per, count % per * (10**9 // per))
            for count in numbers("i64", data[1], rows)
        ]
    else:
        assert type == "dict"
        wide = len(data[2][0]) == 8 * (data[3] + 1)
        words = strings(data[2], data[3], "u64" if wide else "u32")
        codes = numbers(data[0], data[1], rows)
        found = [words[code] if bit(valid, i) else None for i, code in enumerate(codes)]
    return [value if bit(valid, i) else None for i, value in enumerate(found)]


def rows_of(payload: Any) -> list[dict[Any, Any]]:
    """The rows of a payload."""
    form = payload[0]
    if form == "maps":
        return list(payload[1])
    if form == "template":
        _, names, values = payload
        assert all(len(row) == len(names) for row in values)
        return [dict(zip(names, row)) for row in values]
    assert form == "columns", form
    _, count, columns = payload
    rows: list[dict[Any, Any]] = [{} for _ in range(count)]
    assert len({column[0] for column in columns}) == len(columns)
    for column in columns:
        path, type, data, valid, present = [*column, None, None][:5]
        assert isinstance(path, str)
        for i, value in enumerate(cells(count, type, data, valid)):
            if bit(present, i):
                rows[i][path] = value
    return rows


class Rows:
    """The rows of a LOAD under way, of messages or of bytes."""

    def __init__(self) -> None:
        self.rows: list[dict[Any, Any]] = []
        self._bytes = b""
        self._format = ""

    def take(self, payload: Any) -> None:
        if payload[0] == "bytes":
            self._format, self._bytes = payload[1], self._bytes + payload[2]
        elif payload[0] == "file":
            self._format = payload[1]
            with open(payload[2], "rb") as file:
                self._bytes += file.read()
        else:
            self.rows += rows_of(payload)

    def finish(self) -> list[dict[Any, Any]]:
        import json

        if self._format == "msgpack":
            unpacker = msgpack.Unpacker(strict_map_key=False)
            unpacker.feed(self._bytes)
            return list(unpacker)
        if self._format == "jsonl":
            lines = self._bytes.splitlines()
            for i, line in enumerate(lines):
                if not line.startswith(b"{"):
                    raise Refused(15, "ROW_INVALID", row=i, offset=self._bytes.index(line))
            return list(map(json.loads, lines))
        assert not self._format
        return self.rows


class Store:
    """A table."""

    TABLE_UNKNOWN, TABLE_EXISTS = 51, 52
    DUPLICATE_KEY, BAD_KEY, NO_KEY = 29, 30, 31

    def __init__(self, name: str, key: Optional[str], private: bool) -> None:
        self.name, self.key, self.private = name, key, private
        self.rows: list[dict[Any, Any]] = []
        self.version = 0
        self.is_gone = False

    def load(self, rows: list[dict[Any, Any]], mode: str) -> dict[str, int]:
        old = [] if mode == "replace" else list(self.rows)
        deleted = len(self.rows) - len(old)
        replaced = 0
        if self.key is None and mode == "upsert":
            raise Refused(self.NO_KEY, "NO_KEY")
        if self.key is not None:
            index = {row[self.key]: row for row in old}
            for i, row in enumerate(rows):
                key = row.get(self.key)
                if key is None or isinstance(key, (list, dict)):
                    raise Refused(self.BAD_KEY, "BAD_KEY", row=i)
                if key in index:
                    if mode != "upsert":
                        raise Refused(self.DUPLICATE_KEY, "DUPLICATE_KEY", row=i)
                    old.remove(index[key])
                    replaced += 1
                index[key] = row
                old.append(row)
            self.rows = old
        else:
            self.rows = old + rows
        self.version += 1
        return self.changed(len(rows) - replaced, replaced, deleted)

    def delete(self, keys: list[Any]) -> dict[str, int]:
        if self.key is None:
            raise Refused(self.NO_KEY, "NO_KEY")
        kept = [row for row in self.rows if row[self.key] not in keys]
        deleted, self.rows = len(self.rows) - len(kept), kept
        self.version += 1
        return self.changed(0, 0, deleted)

    def changed(self, added: int, replaced: int, deleted: int) -> dict[str, int]:
        rows = len(self.rows)
        return {"added": added, "replaced": replaced, "deleted": deleted, "rows": rows}

    def told(self, columns: bool) -> dict[str, Any]:
        found: dict[str, Any] = {"name": self.name, "key": self.key, "private": self.private}
        found |= {"rows": len(self.rows), "bytes": 64 * len(self.rows), "version": self.version}
        names = list(dict.fromkeys(name for row in self.rows for name in row))
        if columns:
            found["columns"] = [self.column(name) for name in names]
        return found

    def column(self, name: str) -> dict[str, Any]:
        values = [row.get(name, ABSENT) for row in self.rows]
        return {
            "name": name,
            "types": sorted({type(value).__name__ for value in values}),
            "nulls": values.count(None),
            "missing": values.count(ABSENT),
            "distinct": len(set(map(repr, values))),
            "exact": True,
            "bytes": 8 * len(values),
            "storage": "mixed",
        }


def in_order(rows: list[tuple[int, dict[Any, Any]]], order: Any) -> list[tuple[int, Any]]:
    """Numbers of one column alone, for what the tests ask."""
    for path, direction in reversed(order):
        there = [pair for pair in rows if pair[1].get(path) is not None]
        rest = [pair for pair in rows if pair[1].get(path) is None]
        there.sort(key=lambda pair: pair[1][path], reverse=False)
        if direction == "desc":
            groups: dict[Any, list[Any]] = {}
            for pair in there:
                groups.setdefault(pair[1][path], []).append(pair)
            there = [pair for value in sorted(groups, reverse=True) for pair in groups[value]]
        rows = there + rest
    return rows


def results(
    kept: list[tuple[int, dict[Any, Any]]], total: int, options: dict[str, Any], step: int
) -> list[tuple[str, int, int, Any]]:
    """kind, base, rows and data of each RESULT, `step` rows at a time."""
    kind = options["result"]
    if kind == "count":
        return []
    if kind == "counts":
        counts: dict[bytes, list[Any]] = {}
        for _, row in kept:
            value = row.get(options["by"])
            pair = counts.setdefault(msgpack.packb(value), [value, 0])
            pair[1] += 1
        most = sorted(counts.values(), key=lambda pair: -pair[1])[: options.get("limit")]
        return [(kind, 0, total, most)]
    if "order" in options and kind in ("numbers", "indices"):
        return [(kind, 0, total, struct.pack(f"<{len(kept)}I", *(i for i, _ in kept)))]
    found: list[tuple[str, int, int, Any]] = []
    pieces = [kept] if "order" in options else None
    bases = range(0, max(total, 1), step) if pieces is None else [0]
    for base in bases:
        rows = min(step, total - base) if pieces is None else total
        part = [(i - base, row) for i, row in kept if base <= i < base + rows]
        if part:
            if kind == "numbers":  # of the whole table
                part = [(base + i, row) for i, row in part]
            found.append((kind, base, rows, result_data(kind, rows, part, options)))
    return found


def result_data(kind: str, rows: int, part: list[tuple[int, Any]], options: Any) -> Any:
    names = options.get("columns")
    if kind in ("numbers", "indices"):
        return struct.pack(f"<{len(part)}I", *(i for i, _ in part))
    if kind == "bitmap":
        bits = bytearray((rows + 7) // 8)
        for i, _ in part:
            bits[i // 8] |= 1 << i % 8
        return bytes(bits)
    if kind == "rows":
        picked = [
            row if names is None else {name: row[name] for name in names if name in row}
            for _, row in part
        ]
        return b"".join(msgpack.packb(row, unicode_errors="surrogatepass") for row in picked)
    if names is None:
        names = list(dict.fromkeys(name for _, row in part for name in row))
    return [column_of(name, [row.get(name, ABSENT) for _, row in part]) for name in names]


def column_of(name: str, values: list[Any]) -> list[Any]:
    """[path, type, data, valid, present]."""
    present = bits_of([value is not ABSENT for value in values])
    there = [value is not ABSENT and value is not None for value in values]
    kinds = {type(value) for value, is_there in zip(values, there) if is_there}
    valid = bits_of(there)
    if kinds == {int} and all(-(2**63) <= v < 2**63 for v, t in zip(values, there) if t):
        filled = [v if t else 0 for v, t in zip(values, there)]
        return [name, "i64", struct.pack(f"<{len(filled)}q", *filled), valid, present]
    if kinds == {float}:
        filled = [v if t else 0.0 for v, t in zip(values, there)]
        return [name, "f64", struct.pack(f"<{len(filled)}d", *filled), valid, present]
    if kinds == {bool}:
        return [name, "bool", bytes(v is True for v in values), valid, present]
    if kinds == {str}:
        texts = [v.encode("utf-8", "surrogatepass") if t else b"" for v, t in zip(values, there)]
        ends = [0]
        for text in texts:
            ends.append(ends[-1] + len(text))
        offsets = struct.pack(f"<{len(ends)}I", *ends)
        return [name, "str", [offsets, b"".join(texts)], valid, present]
    if kinds == {msgpack.Timestamp}:
        counts = [v.seconds * 10**9 + v.nanoseconds if t else 0 for v, t in zip(values, there)]
        if all(-(2**63) <= count < 2**63 for count in counts):
            data = struct.pack(f"<{len(counts)}q", *counts)
            return [name, "timestamp", ["ns", data], valid, present]
    return [name, "list", [None if v is ABSENT else v for v in values], None, present]


def bits_of(flags: list[bool]) -> Optional[bytes]:
    if all(flags):
        return None
    bits = bytearray((len(flags) + 7) // 8)
    for i, flag in enumerate(flags):
        bits[i // 8] |= flag << i % 8
    return bytes(bits)
