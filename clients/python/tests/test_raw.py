"""Rows as bytes, against the real daemon: filter_bytes, filter_stream, filter_file."""

from __future__ import annotations

import csv
import io
import json
import random
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgpack
import pytest

import tamis
import tamis.raw

LINES = b'{"a":1,"s":"x"}\n{"a":5,"s":"\\u00e9"}\r\n\n{"a":7}'
KEPT = b'{"a":5,"s":"\\u00e9"}\r\n{"a":7}\n'
CSV = b'n,s\n5,x\n"7","a\nb"\n3,4\n'


@pytest.fixture(scope="module")
def client() -> Iterator[tamis.Client]:
    with tamis.Client() as one:
        yield one


def many(count: int) -> bytes:
    rng = random.Random(5)
    rows = ({"a": i, "s": "x" * rng.randrange(60), "t": [i, {"é": None}]} for i in range(count))
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def kept_of(data: bytes) -> bytes:
    lines = data.splitlines(keepends=True)
    return b"".join(line for line in lines if json.loads(line)["a"] % 7 == 3)


def test_every_result(client: tamis.Client) -> None:
    ask = client.filter_bytes
    assert ask(LINES, "a >= 5") == KEPT
    assert ask(LINES, "a >= :least", result="spans", least=5) == [(16, 22), (39, 7)]
    views = ask(bytearray(LINES), "a >= 5", result="views")
    assert [bytes(view) for view in views] == [LINES[16:38], LINES[39:]]
    assert list(ask(LINES, "a >= 5", result="indices")) == [1, 2]
    assert ask(LINES, "a >= 5", result="mask") == b"\0\1\1"
    assert ask(memoryview(LINES), "a >= 5", result="count") == 2
    assert ask(LINES, "a >= 5", limit=1) == LINES[16:38]
    assert ask(b"", "a >= 5") == b""
    stats = client.last_raw_stats
    assert stats is not None
    assert (stats.bytes, stats.stats.rows) == (0, 0)


def test_formats(client: tamis.Client) -> None:
    ask = client.filter_bytes
    assert ask(CSV, "n >= 5", format="csv", types={"n": "integer"}) == b'5,x\n"7","a\nb"\n'
    assert ask(CSV, "n = '5'", format="csv") == b"5,x\n"
    assert (
        ask(b"1;2\n3;4\n", "b = '4'", format="csv", delimiter=";", header=False, names=["a", "b"])
        == b"3;4\n"
    )
    assert ask(b"a\tb\n1\t2\n", "b = '2'", format="tsv") == b"1\t2\n"
    packed = [msgpack.packb({"a": i}) for i in range(10)]
    assert ask(b"".join(packed), "a >= 8", format="msgpack") == packed[8] + packed[9]
    assert ask(b'[{"a":5},\n {"a":1}, {"a":9}]', "a >= 5") == b'{"a":5}\n{"a":9}\n'


def test_large_input_is_cut_anywhere(client: tamis.Client) -> None:
    data = many(60_000)
    assert len(data) > 4 * tamis.raw.PIECE_BYTES
    assert client.filter_bytes(data, "a % 7 = 3") == kept_of(data)
    spans = client.filter_bytes(data, "a % 7 = 3", result="spans")
    assert b"".join(data[at : at + size] for at, size in spans) == kept_of(data)
    assert list(client.filter_bytes(data, "a % 7 = 3", result="indices")) == list(
        range(3, 60_000, 7)
    )


@pytest.mark.parametrize("length", [0, 60, 95, 96, 97, 400])
@pytest.mark.parametrize("query", ["a % 2 = 0", "a % 9 <> 0", "a >= 0", "a < 0"])
def test_rows_of_any_length(client: tamis.Client, length: int, query: str) -> None:
    """Short ones come over the pipe, long ones out of the data: the bytes are the same."""
    count = 40_000 if length < 60 else 9000
    rows = [b'{"a":%d,"s":"%s"}\n' % (i, b"x" * length) for i in range(count)]
    data = b"".join(rows)
    kept = client.filter_bytes(data, query, result="indices")
    assert client.filter_bytes(data, query) == b"".join(rows[i] for i in kept)
    mixed = data + b"\n\n" + rows[0] * 3 + b'{"a":0}'
    spans = client.filter_bytes(mixed, query, result="spans")
    wanted = b"".join(mixed[at : at + size] for at, size in spans)
    if spans and not wanted.endswith(b"\n"):
        wanted += b"\n"
    assert client.filter_bytes(mixed, query) == wanted
    array = b"[" + b",".join(row.strip() for row in rows) + b"]"
    assert client.filter_bytes(array, query) == b"".join(rows[i] for i in kept)


def test_a_daemon_without_pieces(client: tamis.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = client._channel.connection
    monkeypatch.setattr(connection, "capabilities", [])
    assert client.filter_bytes(LINES, "a >= 5") == KEPT


@pytest.mark.parametrize("size", [1, 7, 1000, 100_000])
def test_stream_of_pieces(client: tamis.Client, size: int) -> None:
    data = many(100 if size == 1 else 3000)
    chunks = (data[at : at + size] for at in range(0, len(data), size))
    with client.filter_stream(chunks, "a % 7 = 3") as stream:
        assert b"".join(stream) == kept_of(data)
        assert stream.stats is not None
        assert stream.stats.bytes == len(data)


def test_other_requests_between_two_pieces(client: tamis.Client) -> None:
    data = many(3000)
    chunks = (data[at : at + 5000] for at in range(0, len(data), 5000))
    got = b""
    for rows in client.filter_stream(chunks, "a % 7 = 3"):
        got += rows
        assert client.count("x > 1", [{"x": 2}]) == 1
    assert got == kept_of(data)


def test_leaving_a_stream(client: tamis.Client) -> None:
    taken = []

    def endless() -> Iterator[bytes]:
        while True:
            taken.append(1)
            yield b'{"a":3}\n' * 1000

    stream = client.filter_stream(endless(), "a = 3")
    assert next(stream).startswith(b'{"a":3}\n')
    stream.close()
    assert next(stream, None) is None
    assert len(taken) < 5000  # the queue of the daemon and the pipes are full long before
    limited = client.filter_stream(endless(), "a = 3", limit=2500)
    assert b"".join(limited) == b'{"a":3}\n' * 2500


def test_an_exception_of_the_chunks_ends_it(client: tamis.Client) -> None:
    def broken() -> Iterator[bytes]:
        yield b'{"a":3}\n'
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        list(client.filter_stream(broken(), "a = 3"))
    assert client.ping() > 0


def test_files(client: tamis.Client, tmp_path: Path) -> None:
    data = many(20_000)
    path = tmp_path / "events.jsonl"
    path.write_bytes(data)
    out = io.BytesIO()
    stats = client.filter_file(path, "a % 7 = 3", out)
    assert out.getvalue() == kept_of(data)
    assert (stats.bytes, stats.stats.rows) == (len(data), 20_000)
    assert b"".join(client.filter_file(str(path), "a % 7 = 3")) == kept_of(data)
    with path.open("rb") as file:
        assert b"".join(client.filter_file(file, "a % 7 = 3", format="jsonl")) == kept_of(data)
        with pytest.raises(ValueError, match="format"):
            client.filter_file(file, "a = 3")
    with pytest.raises(ValueError, match="tells no format"):
        client.filter_file(tmp_path / "x.log", "a = 3")
    table = tmp_path / "t.csv"
    table.write_bytes(CSV)
    assert b"".join(client.filter_file(table, "s = 'x'")) == b"5,x\n"


def test_a_socket_gives_rows_as_they_come(client: tamis.Client) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, ours.makefile("rb") as file:
        theirs.sendall(b'{"a":3}\n{"a":4}\n{"a"')
        stream = client.filter_file(file, "a = 3", format="jsonl")

        def feed() -> None:
            theirs.sendall(b':3,"b":1}\n')
            theirs.close()

        feeder = threading.Timer(0.2, feed)
        feeder.start()
        got = b"".join(stream)
        feeder.join()
    assert got == b'{"a":3}\n{"a":3,"b":1}\n'


@pytest.mark.parametrize(
    ("data", "options", "row", "offset"),
    [
        (b'{"a":3}\n{"a":\n{"a":3}\n', {}, 1, 13),
        (b'{"a":3}\n7\n', {}, 1, 8),
        (b'{"a":3} {"a":4}\n', {}, 0, 8),
        (b"a,b\n1,2\n1,2,3\n", {"format": "csv"}, 1, None),
        (b"\x81\xa1a\x03\x81\xa1", {"format": "msgpack"}, 1, None),
    ],
)
def test_broken_rows(
    client: tamis.Client, data: bytes, options: dict[str, Any], row: int, offset: int | None
) -> None:
    with pytest.raises(tamis.RowError) as caught:
        client.filter_bytes(data, "a = 3", **options)
    assert caught.value.row == row
    assert offset is None or caught.value.offset == offset
    assert client.ping() > 0


def test_broken_rows_are_skipped(client: tamis.Client) -> None:
    data = b'{"a":3}\n{"a":\n{"a":4}\nxyz\n{"a":3}\n'
    assert client.filter_bytes(data, "a = 3", on_error="skip") == b'{"a":3}\n{"a":3}\n'
    stats = client.last_raw_stats
    assert stats is not None
    assert stats.skipped == 2
    assert stats.skipped_at[0] == 13
    assert client.last_stats == stats.stats


@pytest.mark.parametrize(
    ("data", "options"),
    [
        (b'{"a":3,"b":tru}\n{"c":1}\n', {}),
        (b'{"a":3,"b":{"a":4}\n{"a":3,"b":"\\q"}\n{"c":1}\n{"a":4}\n', {"validate": True}),
        (b'{"c":1}\n{"a":3,"b":[1}\n{"a":3,,}\n{}\n', {}),
        (
            b"b,a,t\n1,3,x\n9\n",
            {
                "format": "csv",
                "types": {"a": "integer", "t": "integer"},
                "validate": True,
                "ragged": True,
            },
        ),
    ],
)
def test_a_broken_row_leaves_no_value_to_the_next(
    client: tamis.Client, tmp_path: Path, data: bytes, options: dict[str, Any]
) -> None:
    """Rows that do not have the field stand behind broken ones that do."""
    query = "a = 3 or t = t"  # t is read, so that what is wrong with it is found
    assert client.filter_bytes(data, query, on_error="skip", **options) == b""
    for size in (1, 7, len(data)):
        pieces = (data[i : i + size] for i in range(0, len(data), size))
        assert list(client.filter_stream(pieces, query, on_error="skip", **options)) == []
    path = tmp_path / ("rows." + options.get("format", "jsonl"))
    path.write_bytes(data)
    assert list(client.filter_file(str(path), query, on_error="skip", **options)) == []


GOOD_LINES = [b'{"a":3}', b'{"b":"x"}', b"{}", b'{"b":[3],"a":"x"}', b'{"c":1,"a":3,"b":3}']
BROKEN_LINES = [
    b'{"a":3,"b":tru}',
    b'{"b":"x","a":3',
    b'{"a":3,"b":"x"}{}',
    b'{"c":"\\q","a":3,,}',
    b"7",
]
GOOD_RECORDS = [b"3", b"x,3", b"3,x,3", b",,", b"x"]
BROKEN_RECORDS = [b'3,"x"y,3', b'x,"x"3', b'3,3,"x"x']
QUERIES = ["a = 3", "b = 'x'", "a is missing", "b is null and a is not null", "not (a = b)"]


@pytest.mark.parametrize("format", ["jsonl", "csv"])
def test_skipping_is_as_if_broken_rows_were_not_there(client: tamis.Client, format: str) -> None:
    rng = random.Random(5)
    good, broken = GOOD_LINES, BROKEN_LINES
    options: dict[str, Any] = {"format": format}
    if format == "csv":
        good, broken = GOOD_RECORDS, BROKEN_RECORDS
        options |= {"header": False, "names": ["a", "b", "c"], "ragged": True}
    for _ in range(100):
        rows = [
            (rng.choice(broken) if bad else rng.choice(good), bad)
            for bad in rng.choices([False, True], k=rng.choice([2, 5, 40]))
        ]
        rows.append((good[0], False))
        mixed = b"".join(row + b"\n" for row, _ in rows)
        clean = b"".join(row + b"\n" for row, bad in rows if not bad)
        for query in QUERIES:
            wanted = client.filter_bytes(clean, query, **options)
            assert client.filter_bytes(mixed, query, on_error="skip", **options) == wanted
            n = rng.randint(1, len(mixed))
            pieces = (mixed[i : i + n] for i in range(0, len(mixed), n))
            stream = client.filter_stream(pieces, query, on_error="skip", **options)
            assert b"".join(stream) == wanted


def test_wrong_arguments(client: tamis.Client) -> None:
    wrongs: list[dict[str, Any]]
    wrongs = [{"format": "xml"}, {"result": "dicts"}, {"on_error": "ignore"}]
    for wrong in wrongs:
        with pytest.raises(ValueError, match="must be"):
            client.filter_bytes(LINES, "a = 3", **wrong)
    with pytest.raises(tamis.RequestError, match="delimiter"):
        client.filter_bytes(LINES, "a = 3", delimiter=";")
    with pytest.raises(tamis.RequestError, match="types"):
        client.filter_bytes(CSV, "n = 3", format="csv", types={"n": "int9"})
    with pytest.raises(tamis.QueryError):
        client.filter_bytes(LINES, "a =")
    with pytest.raises(tamis.TypeMismatch) as caught:
        client.filter_bytes(LINES, "s > 5", strict=True)
    assert caught.value.row == 0


def test_csv_as_the_csv_module_writes_it(client: tamis.Client) -> None:
    rng = random.Random(1)
    alphabet = ["a", ",", '"', "\n", "é", " ", "\r\n", "x" * 40]
    rows = [
        [str(i), "".join(rng.choice(alphabet) for _ in range(rng.randrange(8)))]
        for i in range(3000)
    ]
    out = io.StringIO()
    csv.writer(out).writerows([["n", "s"], *rows])
    data = out.getvalue().encode()
    got = client.filter_bytes(data, "s contains :part", format="csv", part='"')
    kept = [row for row in rows if '"' in row[1]]
    assert list(csv.reader(io.StringIO(got.decode(), newline=""))) == kept


def test_memory_stays_bounded(client: tamis.Client) -> None:
    piece = b'{"a":1,"s":"' + b"x" * 1000 + b'"}\n'
    chunks = (piece * 500 for _ in range(200))  # 100 MB
    total = sum(map(len, client.filter_stream(chunks, "a = 1")))
    assert total == len(piece) * 100_000
    peak = client.stats()["memory_peak_bytes"]
    assert peak < 48 << 20, peak


def test_the_daemon_reads_files_itself(client: tamis.Client, tmp_path: Path) -> None:
    data = many(40_000)
    path = tmp_path / "events.jsonl"
    path.write_bytes(data)
    before = client.stats()["bytes_in"]
    assert b"".join(client.filter_file(path, "a % 7 = 3")) == kept_of(data)
    assert client.stats()["bytes_in"] - before < 2000
    assert b"".join(client.filter_file(path, "a % 7 = 3", limit=2)).count(b"\n") == 2
    with client.filter_file(path, "a >= 0") as stream:  # leaving early
        next(stream)
    path.write_bytes(data + b"{\n")
    with pytest.raises(tamis.RowError) as caught:
        list(client.filter_file(path, "a % 7 = 3"))
    assert caught.value.row == 40_000
    with pytest.raises(FileNotFoundError):
        client.filter_file(tmp_path / "none.jsonl", "a = 3")
    path.write_bytes(b'{"s":"' + b"x" * 9_000_000 + b'","a":3}\n{"a":3}')
    assert sum(map(len, client.filter_file(path, "a = 3"))) == 9_000_015 + 8
    empty = tmp_path / "empty.csv"
    empty.write_bytes(b"a,b\n")
    assert b"".join(client.filter_file(empty, "a = '3'")) == b""


@pytest.mark.parametrize("data", [b"123456", b"12345\n"])
@pytest.mark.parametrize(
    "numbers",
    [
        (5, 2),
        (6, 1),
        (1 << 63, 1),
        (0, (1 << 64) - 1),
        (5, 2, 0, 1),  # beyond the bytes, but for the last one
        (1 << 63, 1, 0, 6),
        (0, 4, 0, 4),  # more than there is
        (5, 1, 4),
    ],
)
def test_runs_that_cannot_be(data: bytes, numbers: tuple[int, ...]) -> None:
    part = b"".join(number.to_bytes(8, "little") for number in numbers)
    with pytest.raises(tamis.ProtocolError):
        tamis.raw.write_runs(io.BytesIO(), memoryview(data), part, True)
    with pytest.raises(tamis.ProtocolError):
        tamis.raw.write_runs(io.BytesIO(), memoryview(data), b"x" * 15, False)
