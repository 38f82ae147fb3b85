"""Rows that come as bytes, through shared memory that is used again and again."""

from __future__ import annotations

import gc
import random
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import tamis
from tamis import raw, result, runner, shared
from tamis.client import Client
from tamis.raw import RawFilter
from tamis.shared import GRAIN_BYTES

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="shared memory is Linux's")

QUERY = "k > 0"


@pytest.fixture
def client(tamisd: str) -> Iterator[Client]:
    with Client(tamisd) as client:
        yield client


@pytest.fixture
def came(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Counts results by what they were: "rows" in shared memory, or what came down the pipe."""
    counts: Counter[str] = Counter()
    taken = RawFilter._taken

    def counted(self: RawFilter, request: object) -> Iterator[result.Result]:
        for found in taken(self, request):  # type: ignore[arg-type]
            counts["shared" if type(found[3]) is memoryview else "piped"] += 1
            yield found

    monkeypatch.setattr(RawFilter, "_taken", counted)
    return counts


def lines(n: int, seed: int) -> list[bytes]:
    rng = random.Random(seed)
    return [
        b'{"n":%d,"k":%d,"text":"%s"}\n' % (i, rng.randrange(4), b"x" * rng.randrange(400))
        for i in range(n)
    ]


def small(monkeypatch: pytest.MonkeyPatch, ring: int, piece: int) -> None:
    for module in (runner, raw, shared):
        monkeypatch.setattr(module, "RING_BYTES", ring)
    monkeypatch.setattr(runner, "RING_LEAST_BYTES", GRAIN_BYTES)
    monkeypatch.setattr(raw, "PIECE_BYTES", piece)


@pytest.mark.parametrize(
    ("ring", "piece"),
    [(GRAIN_BYTES, 20_000), (GRAIN_BYTES, 300_000), (4 * GRAIN_BYTES, 100_000), (8 << 20, 1 << 20)],
)
@pytest.mark.parametrize("query", [QUERY, "k = 1", "k >= 0", "k < 0"])
def test_all_ways_give_the_rows(
    client: Client,
    came: Counter[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    ring: int,
    piece: int,
    query: str,
) -> None:
    small(monkeypatch, ring, piece)
    rows = lines(8000, ring + piece)
    data = b"".join(rows)
    test = {QUERY: b"123", "k = 1": b"1", "k >= 0": b"0123", "k < 0": b""}[query]
    want = b"".join(row for row in rows if row[row.index(b'"k":') + 4] in test)
    path = tmp_path / "rows.jsonl"
    path.write_bytes(data)
    for _ in range(2):
        assert client.filter_bytes(data, query) == want
        assert client.filter_bytes(bytearray(data), query) == want
        assert b"".join(client.filter_file(path, query)) == want
        cut = (data[i : i + 7777] for i in range(0, len(data), 7777))
        assert b"".join(client.filter_stream(cut, query)) == want
    assert (came["shared"] > 0) == bool(want)


def test_what_a_stream_gave_stays(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its items are bytes of their own, whatever comes after them."""
    small(monkeypatch, GRAIN_BYTES, 30_000)
    rows = lines(4000, 7)
    cut = [b"".join(rows[i : i + 100]) for i in range(0, len(rows), 100)]
    items = list(client.filter_stream(cut, "k >= 0"))
    assert all(type(item) is bytes for item in items)
    assert len(items) > 10
    assert b"".join(items) == b"".join(rows)


def test_long_runs_are_cut_here(client: Client, came: Counter[str]) -> None:
    """Of rows that are all kept one behind the other only the ends are told."""
    data = b'{"k":1,"text":"%s"}\n' % (b"x" * 3000) * 1000
    assert client.filter_bytes(data, "k >= 0") == data
    assert came["shared"] == 0
    data = b"".join(lines(20_000, 9))
    assert client.filter_bytes(data, "k = 1").count(b"\n") > 4000
    assert came["shared"] > 0


def test_little_data_needs_none(client: Client, came: Counter[str]) -> None:
    assert client.filter_bytes(b'{"k":1}\n', QUERY) == b'{"k":1}\n'
    assert came == {"piped": 1}


def test_without_shared_memory(tamisd: str, came: Counter[str]) -> None:
    rows = lines(2000, 5)
    with Client(tamisd, shared_bytes=0) as client:
        client.filter_bytes(b"".join(rows), QUERY)
    assert came["shared"] == 0
    assert came["piped"] > 0


def test_a_ring_goes_back(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """After requests that ended, failed, or were given up, all of the pool is free again."""
    small(monkeypatch, GRAIN_BYTES, 30_000)
    rows = lines(3000, 6)
    data = b"".join(rows)
    for _ in range(20):
        client.filter_bytes(data, QUERY)
        with pytest.raises(tamis.RowError):
            client.filter_bytes(data + b"{", QUERY)
        stream = client.filter_stream([data] * 3, QUERY)
        next(stream)
        stream.close()
        del stream
        dropped = client.filter_stream([data] * 3, QUERY)
        next(dropped)
        del dropped
    client.filter_bytes(data, QUERY)  # behind all that was given up
    gc.collect()
    pool = client._runner._pool
    assert pool is not None
    place = pool.take(pool.size)
    assert place is not None
    assert place.offset == 0


def test_two_streams_in_turns(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    small(monkeypatch, GRAIN_BYTES, 30_000)
    one, two = lines(3000, 1), lines(3000, 2)

    def cut(rows: list[bytes]) -> Iterator[bytes]:
        for i in range(0, len(rows), 50):
            yield b"".join(rows[i : i + 50])

    streams = [client.filter_stream(cut(rows), QUERY) for rows in (one, two)]
    found: list[list[bytes]] = [[], []]
    open_streams = [0, 1]
    while open_streams:
        for i in list(open_streams):
            try:
                found[i].append(next(streams[i]))
            except StopIteration:
                open_streams.remove(i)
    for rows, items in zip((one, two), found):
        assert b"".join(items) == b"".join(row for row in rows if b'"k":0' not in row)


def test_csv_and_msgpack(
    client: Client, came: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    small(monkeypatch, GRAIN_BYTES, 50_000)
    table = b"n,k\n" + b"".join(b"%d,%d\n" % (i, i % 3) for i in range(40_000))
    want = b"n,k\n" + b"".join(b"%d,%d\n" % (i, i % 3) for i in range(40_000) if i % 3 == 1)
    assert client.filter_bytes(table, "k = '1'", format="csv") == want[4:]
    packed = b"".join(b"\x82\xa1n\xcd%c%c\xa1k%c" % (i >> 8, i & 255, i % 3) for i in range(40_000))
    kept = [packed[i * 9 : i * 9 + 9] for i in range(40_000) if i % 3 == 1]
    assert client.filter_bytes(packed, "k = 1", format="msgpack") == b"".join(kept)
    assert came["shared"] > 0
