"""The msgpack reader against msgpack-c, on random documents: maps one behind the other, or one
array of maps, with values in all their encodings, whole, cut off, and with bytes changed.
"""

from __future__ import annotations

import random
import re
import struct

from tests.diff.oracle import Refusal, Seen, hold
from tests.lib import mp
from tests.lib.mp import Bin, Ext, Map, Str, Timestamp, Value
from tests.lib.readers import MISSING, Cell, Reading, ask, read_each

NAMES = ["a", "b", "name", "a name that is longer than sixteen bytes", ""]
WANTED = NAMES[:4]
DEPTH = 32  # what msgpack-c has built in
OPTIONS = [f"depth={DEPTH}", "fields=4294967295"]

# --- documents ---


def spell(rng: random.Random, kind: str, raw: bytes) -> bytes:
    """A str or bin, its length in a form that has room for it."""
    return (
        mp.header(kind, len(raw), rng.choice([0, 0, 1, 2, 4] if len(raw) < 256 else [0, 2, 4]))
        + raw
    )


def number(rng: random.Random) -> bytes:
    """A number in any form."""
    form = rng.choice(["B", "H", "I", "Q", "b", "h", "i", "q", "f", "d", ""])
    code = {"f": 0xCA, "d": 0xCB, "B": 0xCC, "H": 0xCD, "I": 0xCE, "Q": 0xCF}
    code |= {"b": 0xD0, "h": 0xD1, "i": 0xD2, "q": 0xD3}
    if not form:
        return bytes([rng.choice([0, 1, 127, 0xE0, 0xFF])])
    return bytes([code[form]]) + rng.choice(
        [
            bytes(struct.calcsize(form)),
            b"\xff" * struct.calcsize(form),
            rng.randbytes(struct.calcsize(form)),
        ]
    )


def extension(rng: random.Random) -> bytes:
    """An extension; most are timestamps, a few of them none that there are."""
    if rng.random() < 0.5:
        nanoseconds = rng.choice([0, 999_999_999, 1_000_000_000 if rng.random() < 0.1 else 5])
        form = rng.choice([4, 8, 12])
        return mp.encode_timestamp(Timestamp(rng.randrange(2**32), nanoseconds), form)
    size = rng.choice([0, 1, 2, 4, 8, 16, 17])
    code = b"\xff" if rng.random() < 0.1 else rng.choice([b"\x00", b"\x7f", b"\x80"])
    return mp.ext_header(size) + code + rng.randbytes(size)


def value(rng: random.Random, depth: int = 0) -> bytes:
    """Any value, in any encoding."""
    kind = rng.randrange(9 if depth < 4 else 7)
    if kind == 0:
        return rng.choice([b"\xc0", b"\xc2", b"\xc3"])
    if kind < 3:
        return number(rng)
    if kind < 5:
        return spell(rng, "str", rng.choice([b"", b"x", b"\xff\xc1", b"word " * 60]))
    if kind == 5:
        return spell(rng, "bin", rng.randbytes(rng.choice([0, 3, 300])))
    if kind == 6:
        return extension(rng)
    n = rng.randrange(4)
    if kind == 7:
        return mp.header("array", n, rng.choice([0, 2, 4])) + b"".join(
            value(rng, depth + 1) for _ in range(n)
        )
    return row(rng, depth + 1)


def row(rng: random.Random, depth: int = 0) -> bytes:
    """A map. Keys may be anything, and come twice."""
    n = rng.choice([0, 1, 2, 3, 5, 17 if depth == 0 else 1])
    out = mp.header("map", n, rng.choice([0, 0, 2, 4]))
    for _ in range(n):
        name = spell(rng, "str", rng.choice(NAMES).encode())
        out += (value(rng, 3) if rng.random() < 0.05 else name) + value(rng, depth)
    return out


def nested(rng: random.Random) -> bytes:
    """A row with containers around the deepest that there may be."""
    body, head = rng.choice([(b"\x91", b""), (b"\x81\xa1b", b"")])[0], b"\x81\xa1a"
    return (
        head + body * (DEPTH - 1 + rng.choice([-1, 0, 1])) + rng.choice([b"\x90", b"\x80", b"\x01"])
    )


def document(rng: random.Random) -> bytes:
    """One document."""
    n = rng.choice([0, 1, 1, 2, 3, 8, 100 if rng.random() < 0.05 else 4])
    rows = [row(rng) for _ in range(n)]
    if rng.random() < 0.03:
        rows.append(nested(rng))
    if rng.random() < 0.05:
        rows.append(value(rng))
    data = b"".join(rows)
    if rng.random() < 0.3:
        count = max(0, len(rows) + rng.choice([0, 0, 0, 0, -1, 1]))
        data = mp.header("array", count, rng.choice([0, 2, 4])) + data
    for _ in range(rng.choice([0, 0, 1, 1, 3])):
        if not data:
            break
        at = rng.randrange(len(data))
        piece = bytes([rng.choice([0xC1, 0xDF, 0xDD, 0xC6, 0x80, 0xFF, rng.randrange(256)])])
        data = rng.choice(
            [data[:at], data[:at] + piece + data[at + 1 :], data[:at] + piece + data[at:]]
        )
    return data


# --- both answers in one form ---


def text(v: Value) -> str:
    """A value as msgpack_tool writes it, but for timestamps: t, seconds and nanoseconds."""
    if isinstance(v, Str | Bin):
        return ("s" if isinstance(v, Str) else "x") + v.raw.hex()
    if isinstance(v, bool):
        return f"b{v:d}"
    if isinstance(v, int):
        return f"i{v}"
    if isinstance(v, float):
        return "d" + struct.pack(">d", v).hex()
    if isinstance(v, Ext):
        return "e" + struct.pack(">b", v.code).hex() + v.raw.hex()
    if isinstance(v, Timestamp):
        return f"t{v.seconds}.{v.nanoseconds}"
    if isinstance(v, list):
        return "[" + ",".join(map(text, v)) + "]"
    if isinstance(v, Map):
        return "{" + ",".join(f"{text(k)}={text(item)}" for k, item in v.pairs) + "}"
    return "n"


def cell_text(cell: Cell) -> str:
    """The same of what may be missing."""
    return "-" if cell is MISSING else text(cell)  # type: ignore[arg-type]


TIMESTAMP = re.compile(r"(?:(?<=[\[{,=])|^)eff([0-9a-f]*)")


def stamp(found: re.Match[str]) -> str:
    """An extension of type -1 as a timestamp; it stays as it is where it is none."""
    raw = bytes.fromhex(found[1])
    try:
        return text(mp.decode(mp.ext_header(len(raw)) + b"\xff" + raw))
    except mp.Malformed:
        return found[0]


# --- the comparison ---


def is_map(first: int) -> bool:
    """Whether a value that begins so is one."""
    return first & 0xF0 == 0x80 or first in (0xDE, 0xDF)


def array_head(data: bytes) -> tuple[int, int] | None:
    """Of a document that is an array: the bytes of its header and the number of elements; (0, 0)
    where the header is not all there."""
    first = data[0] if data else 0
    if first & 0xF0 == 0x90:
        return 1, first & 0x0F
    if first not in (0xDC, 0xDD):
        return None
    width = 2 if first == 0xDC else 4
    return (1 + width, int.from_bytes(data[1 : 1 + width], "big")) if len(data) > width else (0, 0)


class Judge:
    """Documents, with one set of options."""

    def __init__(self, options: tuple[str, ...], seen: Seen) -> None:
        self.options = options
        self.seen = seen

    def judge(self, documents: list[bytes]) -> None:
        """Compares all of them. Raises Wrong."""
        heads = [array_head(data) for data in documents]
        bare = [data[head[0] if head else 0 :] for data, head in zip(documents, heads, strict=True)]
        lines = ask("msgpack_tool", bare, "FILE", *WANTED)
        paths = [*WANTED, "."]
        readings = read_each("msgpack", documents, paths, *OPTIONS, *self.options)
        for data, head, line, reading in zip(documents, heads, lines, readings, strict=True):
            self.seen.documents += 1
            about = f"{self.options}: {data.hex()}"
            if head == (0, 0) and data[0] != 0x90:
                hold(about, reading, [], reading.rows, Refusal(("ROW_TRUNCATED",)))
                continue
            rows, refusal = self._wanted(data, head, line)
            got = [(span, [cell_text(c) for c in cells]) for span, cells in reading.rows]
            if by := explained(data, reading, line):
                self.seen.meet(by)
                rows, refusal = rows[: len(got)], Refusal((reading.faults[0].code,))
            hold(about, reading, rows, got, refusal)
            self.seen.rows += len(rows)
            self.seen.refused += refusal is not None

    def _wanted(
        self, data: bytes, head: tuple[int, int] | None, line: str
    ) -> tuple[list[tuple[bytes, list[str]]], Refusal | None]:
        """The rows that msgpack-c's objects are by docs/FORMATS.md, and what is refused behind."""
        *objects, verdict = line.split(" ")
        start, count = head or (0, None)
        base = start
        rows: list[tuple[bytes, list[str]]] = []
        if head:
            self.seen.meet("msgpack-c-array")
        for each in objects:
            end, whole, *named = each.split(":")
            if len(rows) == count or not is_map(data[start]):
                break
            span = data[start : base + int(end)]
            self._count_equal_keys(span)
            rows.append((span, [TIMESTAMP.sub(stamp, t) for t in (*named, whole)]))
            start += len(span)
        if start == len(data):
            short = count is not None and len(rows) < count
            return rows, Refusal(("ROW_TRUNCATED",), start) if short else None
        if len(rows) == count:
            return rows, Refusal(("ROW_INVALID",), start, "behind the array of rows")
        if not is_map(data[start]) and data[start] != 0xC1:
            self.seen.meet("msgpack-c-no-map")
            return rows, Refusal(("ROW_NOT_MAP",), start)
        codes = {"more": "ROW_TRUNCATED", "bad": "ROW_INVALID", "memory": "ROW_TOO_DEEP"}
        if verdict == "memory":
            self.seen.meet("msgpack-c-depth")
        return rows, Refusal((codes[verdict],))

    def _count_equal_keys(self, span: bytes) -> None:
        row = mp.decode(span) if b"\xff" not in span else Map(())
        keys = [k for k, _ in row.pairs if isinstance(k, Str)] if isinstance(row, Map) else []
        if len(set(keys)) < len(keys):
            self.seen.meet("msgpack-c-equal-keys")


def explained(data: bytes, reading: Reading, line: str) -> str | None:
    """The difference that the bytes at the reader's fault show, and what msgpack-c says."""
    if not reading.faults:
        return None
    code, at = reading.faults[0].code, reading.faults[0].offset
    if code == "ROW_INVALID" and data[at] == 0xC1:
        # Behind a count for which msgpack-c had no memory, and more bytes could still come.
        return "msgpack-c-count" if line.endswith("memory") else None
    if code == "ROW_INVALID":
        try:
            mp.decode_at(data, at)
        except (mp.Malformed, mp.Incomplete) as problem:
            return "msgpack-c-timestamps" if "timestamp" in problem.args[0] else None
    if code in ("ROW_TRUNCATED", "ROW_TOO_LONG") and at < len(data):
        claimed, size = claim(data[at : at + 5])
        return "msgpack-c-count" if claimed > len(data) - at - size else None
    return None


def claim(head: bytes) -> tuple[int, int]:
    """How many values a container has by its header, and the header's bytes; (0, 0) of another."""
    first = head[0]
    if first & 0xE0 == 0x80:
        return (first & 0x0F) * (1 if first & 0x10 else 2), 1
    if not 0xDC <= first <= 0xDF:
        return 0, 0
    width = 2 if first in (0xDC, 0xDE) else 4
    return int.from_bytes(head[1 : 1 + width], "big") * (2 if first >= 0xDE else 1), 1 + width
