"""What the tests of tables share: rows, and questions about a table in one line."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.lib import mp, wire
from tests.lib.mp import Bin, Plain, Str, Value
from tests.lib.wire import Answer, Connection

ROWS: list[dict[str, Any]] = [
    {"id": i, "age": 20 + i % 50, "city": ["Oslo", "Rome", "Lima"][i % 3], "score": i / 4}
    for i in range(1000)
]


def maps(rows: list[dict[str, Plain]]) -> list[Plain]:
    return ["maps", rows]


def ask(client: Connection, table: Plain, query: str, **options: Plain) -> list[list[Value]]:
    return client.call(wire.FILTER, query, options, ["table", table])


def indices(client: Connection, table: Plain, query: str, **options: Plain) -> list[int]:
    answer = Answer.of(ask(client, table, query, **options))
    assert answer.error is None, answer.error
    return answer.indices


def plain(value: Value) -> object:
    """A value as a person writes it in Python."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, mp.Map):
        return {plain(key): plain(item) for key, item in value.pairs}
    return value.raw.decode() if isinstance(value, Str) else value


def rows_of(replies: list[list[Value]], *, ordered: bool = False) -> list[object]:
    answer = Answer.of(replies, ordered=ordered)
    assert answer.error is None, answer.error
    return [plain(value) for value in mp.decode_all(b"".join(answer.rows))]


def error_of(replies: list[list[Value]]) -> str:
    last = replies[-1]
    assert last[0] == wire.ERROR, last
    return wire.text_of(wire.fields(last[2])["name"])


def count(client: Connection, table: Plain) -> int:
    done = Answer.of(ask(client, table, "1 = 1", result="count")).done
    assert isinstance(done["matched"], int)
    return done["matched"]


def ordered(replies: list[list[Value]]) -> list[int]:
    """The row numbers of an ordered result, or of "numbers", in their order."""
    out: list[int] = []
    for message in replies[:-1]:
        assert isinstance(message[5], Bin)
        out += struct.unpack(f"<{len(message[5].raw) // 4}I", message[5].raw)
    assert replies[-1][0] == wire.DONE, replies[-1]
    return out


@contextmanager
def holding(rows: list[Plain]) -> Iterator[tuple[Connection, int]]:
    """A daemon with a table of these rows, loaded in several messages."""
    with Connection.spawn() as client:
        number = client.create("t")
        client.load(number, [["maps", rows[i : i + 3000]] for i in range(0, len(rows), 3000)])
        yield client, number


def zones_of(explained: str) -> tuple[int, int, int]:
    """Of EXPLAIN's first condition: all zones, those that cannot match, those that do wholly."""
    told = re.search(r"of (\d+) zones (\d+) cannot match, (\d+) match as a whole", explained)
    assert told, explained
    return int(told[1]), int(told[2]), int(told[3])
