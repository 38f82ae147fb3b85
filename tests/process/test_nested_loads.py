"""Loads of nested columns that are few bytes in a message and many as values: these have at most
frame_bytes, and the rows are the same whether that is sure beforehand or is counted.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import pytest
from tables import rows_of

from tests.lib import wire
from tests.lib.mp import Bin, Plain
from tests.lib.wire import Connection, Refused

MOST = 65_536  # of frame_bytes
WORD = "w" * 300
COUNTS = [3] * 63 + [26]  # of the word in each row
ROWS = len(COUNTS)


def offsets(ends: list[int]) -> Bin:
    return Bin(struct.pack(f"<{len(ends) + 1}I", 0, *ends))


def words(counts: list[int]) -> Plain:
    """A column of lists, all of whose items are the one word, which is sent once."""
    ends = [sum(counts[: i + 1]) for i in range(ROWS)]
    codes: Plain = ["u8", Bin(bytes(ends[-1])), [offsets([len(WORD)]), Bin(WORD.encode())], 1]
    return ["words", "array", [offsets(ends), [ends[-1], "dict", codes]]]


def last(size: int) -> Plain:
    """A column of lists, of which the last row's has a string, and the others nothing."""
    items: Plain = [1, "str", [offsets([size]), Bin(b"x" * size)]]
    return ["last", "array", [offsets([0] * (ROWS - 1) + [1]), items]]


def list_bytes(sizes: list[int]) -> int:
    """Bytes of a list of strings, as msgpack."""
    return (1 if len(sizes) < 16 else 3) + sum(
        n + (1 if n < 32 else 2 if n < 256 else 3) for n in sizes
    )


def value_bytes(size: int) -> int:
    """Of both columns together."""
    first = sum(list_bytes([len(WORD)] * n) for n in COUNTS)
    return first + (ROWS - 1) * list_bytes([]) + list_bytes([size])


EDGE = next(size for size in range(MOST) if value_bytes(size) == MOST)


@pytest.fixture
def client() -> Iterator[Connection]:
    with Connection.spawn("--frame-bytes", str(MOST)) as one:
        yield one


def rows(client: Connection, table: int) -> list[object]:
    return rows_of(client.call(wire.FILTER, "1 = 1", {"result": "rows"}, ["table", table]))


@pytest.mark.parametrize("size", [40, EDGE - 1, EDGE])
def test_up_to_the_limit(client: Connection, size: int) -> None:
    """Of which at most is taken for granted that a header is of 5 bytes: EDGE is counted."""
    table = client.create("t")
    payload: Plain = ["columns", ROWS, [words(COUNTS), last(size)]]
    client.load(table, [payload])
    want: list[dict[str, list[str]]] = [{"words": [WORD] * n, "last": []} for n in COUNTS]
    want[-1]["last"] = ["x" * size]
    assert rows(client, table) == want
    few: Plain = ["columns", ROWS, [words([1] * ROWS), last(size)]]  # sure beforehand
    client.load(table, [few, payload, few])
    some = [{"words": [WORD], "last": row["last"]} for row in want]
    assert rows(client, table) == want + some + want + some


@pytest.mark.parametrize("at_once", [False, True])
def test_beyond_the_limit(client: Connection, at_once: bool) -> None:
    table = client.create("t")
    client.load(table, [["maps", [{"a": 1}]]])
    payload: Plain = ["columns", ROWS, [words(COUNTS), last(EDGE + 1)]]
    if at_once:
        said = wire.fields(client.call(wire.LOAD, table, {}, payload)[-1][2])
        assert wire.text_of(said["name"]) == "FRAME_TOO_LARGE"
        assert said["row"] == ROWS - 1
        assert said["limit"] == MOST
    else:
        with pytest.raises(Refused, match="FRAME_TOO_LARGE"):
            client.load(table, [["columns", ROWS, [words([1] * ROWS)]], payload])
    assert rows(client, table) == [{"a": 1}]
    client.load(table, [["maps", [{"a": 2}]]])
    assert rows(client, table) == [{"a": 1}, {"a": 2}]
