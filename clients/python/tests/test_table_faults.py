"""Tables whose daemon dies, lies or is slow, and answers that cannot be."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Callable

import pytest
from daemons import fake_command, listening, real_daemon

import tamis
from tamis import answers, load, tables
from tamis.column import Column, chunk_of
from tamis.errors import ProtocolError

Make = Callable[..., tamis.Client]
ROWS = [{"a": i % 5, "id": i} for i in range(20)]


def kill(client: tamis.Client) -> int:
    """Kills the daemon, and waits until it is dead."""
    pid = client.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    end = time.monotonic() + 20
    while "State:\tZ" not in Path(f"/proc/{pid}/status").read_text():
        assert time.monotonic() < end
        time.sleep(0.005)
    return pid


def test_a_kept_source_is_loaded_again(client: tamis.Client) -> None:
    table = client.create_table("kept", ROWS, key="id", keep_source=True)
    table.append([{"a": 9, "id": 100}])
    table.upsert(iter([{"a": 8, "id": 0}]))
    table.load_bytes(b'{"a": 7, "id": 200}\n')
    table.delete([1, 2])
    before = table.filter()
    assert len(before) == 20
    query = table.prepare("a >= 3")
    count = query.count()
    asks: list[Callable[[], bool]] = [
        lambda: table.filter() == before,
        lambda: query.count() == count,
        lambda: list(query.indices()) == list(table.indices("a >= 3")),
        lambda: query.mask().count(1) == count,
        lambda: table.delete([3]).deleted == 1,
        lambda: table.append([{"id": 3, "a": 3}]).rows == 20,
    ]
    for ask in asks:
        old = kill(client)
        assert ask()
        assert client.pid != old
    assert client.count("a = 1", ROWS) == 4  # the client goes on with the new daemon


def test_a_replaced_table_is_loaded_as_it_was(client: tamis.Client) -> None:
    table = client.create_table("kept", lambda: iter(ROWS))
    table.replace(lambda: [{"b": 1}])
    table.append([{"b": 2}])
    kill(client)
    assert table.filter() == [{"b": 1}, {"b": 2}]


def test_a_loader_is_called_again(client: tamis.Client) -> None:
    calls: list[int] = []

    def loader() -> Any:
        calls.append(len(calls))
        return [{"call": len(calls)}]

    table = client.create_table("loaded", loader)
    assert table.filter() == [{"call": 1}]
    kill(client)
    assert table.count() == 1
    assert table.filter() == [{"call": 2}]


def test_a_loader_that_asks_its_own_table(client: tamis.Client) -> None:
    made: list[tamis.Table] = []

    def loader() -> Any:
        if made:
            made[0].count()
        return ROWS

    table = client.create_table("loaded", loader)
    made.append(table)
    kill(client)
    with pytest.raises(tamis.DaemonDied):
        table.count()
    made.clear()
    assert table.count() == 20


def test_a_table_that_goes_while_rows_come(client: tamis.Client) -> None:
    table = client.create_table("t", ROWS, exists="replace")

    def rows() -> Any:
        for i in range(100_000):
            if i == 5000:
                table.drop()
            yield {"i": i}

    with contextlib.suppress(tamis.TableError):
        table.append(rows())
    with pytest.raises(tamis.TableError):
        table.append({"i": i} for i in range(50_000))
    assert client.ping() >= 0


def test_a_table_without_its_source_is_gone(client: tamis.Client) -> None:
    table = client.create_table("gone", ROWS)
    query = table.prepare("a >= 3")
    kill(client)
    for ask in (table.count, query.count, query.indices, table.describe, table.filter):
        with pytest.raises(tamis.DaemonDied, match="SIGKILL"):
            ask()


def test_each_table_is_loaded_when_it_is_asked(client: tamis.Client) -> None:
    first = client.create_table("first", ROWS, keep_source=True)
    second = client.create_table("second", ROWS[:5], keep_source=True)
    lost = client.create_table("lost", ROWS)
    kill(client)
    assert len(first) == 20
    assert [told.name for told in client.tables()] == ["first"]
    assert len(second) == 5
    with pytest.raises(tamis.DaemonDied):
        len(lost)


def test_killed_while_loading(fake: Make) -> None:
    client = fake("die-loading")
    with pytest.raises(tamis.DaemonDied):
        client.create_table("t", ROWS)
    # One that can be loaded again is, once.
    again = fake("die-loading")
    calls = []

    def loader() -> Any:
        calls.append(1)
        return ROWS

    with pytest.raises(tamis.DaemonDied):
        again.create_table("t", loader)
    assert len(calls) == 2


def test_a_query_that_kills_each_daemon_ends(fake: Make) -> None:
    client = fake("die")
    table = client.create_table("t", ROWS, keep_source=True)
    first = client.pid
    with pytest.raises(tamis.DaemonDied, match="SIGKILL"):
        table.count()
    assert client.pid != first
    assert len(table.describe().columns) == 2  # and the table can be had again


def test_a_closed_client_starts_nothing(client: tamis.Client) -> None:
    table = client.create_table("t", ROWS, keep_source=True)
    kill(client)
    client.close()
    with pytest.raises(tamis.ClosedError):
        table.count()


def test_sources_that_cannot_be_kept(client: tamis.Client) -> None:
    class Reader:
        def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
            raise AssertionError("not to be read")

    table = client.create_table("t", keep_source=True, exists="replace")
    with pytest.raises(TypeError, match="read again, which a Reader may not"):
        table.append(Reader())
    with pytest.raises(TypeError, match="a path, not an open file"):
        table.load_file(io.BytesIO(b""), format="jsonl")
    with pytest.raises(ValueError, match="cannot be made again"):
        client.create_table("t", ROWS, exists="open", keep_source=True)


@pytest.mark.parametrize("kind", ["fake", "tamisd"])
def test_a_daemon_that_is_not_ours_is_not_started_again(kind: str, tmp_path: Path) -> None:
    command = fake_command() if kind == "fake" else [real_daemon() or pytest.skip("no TAMISD")]
    path = tmp_path / "socket"
    with listening(command, path) as daemon, tamis.connect(path, timeout=20) as client:
        table = client.create_table("t", ROWS, keep_source=True)
        assert (len(table), client.tables()[0].name) == (20, "t")
        daemon.kill()
        daemon.wait()
        for _ in range(2):
            with pytest.raises(tamis.DaemonDied):
                table.count()


def test_shared_and_private(tamisd: str, tmp_path: Path) -> None:
    path = tmp_path / "socket"
    with listening([tamisd], path), tamis.connect(path) as one, tamis.connect(path) as other:
        shared = one.create_table("t", ROWS)
        assert len(other.table("t")) == 20
        other.table("t").append(ROWS)
        assert len(shared) == 40
        private = one.create_table("t", ROWS[:1], private=True)
        assert (private.private, len(private), len(one.table("t")), len(shared)) == (True, 1, 1, 40)
        assert len(other.table("t")) == 40
        one.close()
        assert [(told.name, told.private) for told in other.tables()] == [("t", False)]


def test_timeouts(fake: Make) -> None:
    client = fake("slow=30")
    table = client.create_table("t", ROWS)
    plain = client.prepare("a = 1")
    with pytest.raises(tamis.Timeout):
        plain.count(ROWS, timeout=0.1)
    assert table.count("a = 1", timeout=10) == 4
    with pytest.raises(ValueError, match="must not be negative"):
        table.count("a = 1", timeout=-1)


@pytest.mark.parametrize(
    ("behaviour", "message"),
    [
        ("garbage", "not msgpack"),
        ("claim", "4294967295"),
        ("stranger", "not open"),
        ("wrongkind", "kind 70"),
        ("emptydone", "without its counts"),
        ("beyond", "counted 1|beyond|1 matches"),
        ("miscount", "counted 1|counted"),
    ],
)
@pytest.mark.parametrize("prepared", [True, False])
def test_a_peer_that_lies(fake: Make, behaviour: str, message: str, prepared: bool) -> None:
    table = fake(behaviour).create_table("t", ROWS)
    ask: Callable[[], memoryview] = lambda: table.indices("a = 1")  # noqa: E731
    if prepared:
        ask = table.prepare("a = 1").indices
    if behaviour == "beyond":  # one number came and one was counted: no more is known here
        assert list(ask()) == [1000]
        return
    with pytest.raises(tamis.ProtocolError, match=message):
        ask()


def test_a_reply_in_single_bytes(fake: Make) -> None:
    table = fake("bytewise,chunk=3").create_table("t", ROWS)
    query = table.prepare("a >= 3")
    for _ in range(3):
        assert query.count() == 8
        assert list(query.indices()) == [i for i, row in enumerate(ROWS) if row["a"] >= 3]
    assert table.filter("a >= 3") == [row for row in ROWS if row["a"] >= 3]
    assert table.bitmap("a >= 3") == sum(
        1 << i for i, row in enumerate(ROWS) if row["a"] >= 3
    ).to_bytes(3, "little")


def test_tables_too_large_for_numbers(fake: Make) -> None:
    table = fake("large,chunk=3").create_table("t", ROWS)
    expected = [i for i, row in enumerate(ROWS) if row["a"] >= 3]
    with table.prepare("a >= 3") as query:
        assert list(query.indices()) == list(query.indices(limit=99)) == expected
    assert list(table.indices("a >= 3")) == expected
    assert list(table.indices("a >= 3", order_by=["a"]))[:1] == [3]


def test_small_limits_of_the_daemon(fake: Make) -> None:
    client = fake("batch_rows=7,frame_bytes=700")
    rows = [{"a": i, "text": "x" * (i % 90)} for i in range(300)]
    assert client.create_table("t", rows).filter() == rows
    columns = {"a": [row["a"] for row in rows], "text": [row["text"] for row in rows]}
    assert client.create_table("t", columns, exists="replace").filter() == rows
    with pytest.raises(tamis.LimitError, match="does not fit a frame") as caught:
        client.create_table("t", [*rows, {"text": "x" * 800}], exists="replace")
    assert caught.value.row == 300
    assert client.ping() > 0


def test_interrupted_while_loading(client: tamis.Client) -> None:
    table = client.create_table("t", ROWS, exists="replace")

    def rows() -> Any:
        for i in range(5000):
            if i == 4000:
                raise KeyboardInterrupt
            yield {"a": i}

    with pytest.raises(KeyboardInterrupt):
        table.append(rows())
    assert len(table) == 20


def test_a_fork_leaves_the_daemon_alone(client: tamis.Client) -> None:
    table = client.create_table("t", ROWS, keep_source=True, exists="replace")
    query = table.prepare("a = 1")
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            for ask in (table.count, query.count):
                try:
                    ask()
                except tamis.ClosedError:
                    code = 0
        finally:
            os._exit(code)
    assert os.waitpid(pid, 0)[1] == 0
    assert query.count() == 4


@pytest.mark.parametrize("looks", [True, False])
def test_signals_during_the_shortest_way(tamisd: str, looks: bool) -> None:
    """An exception may come between any two steps: the answer after it is right, or refused.
    looks: whether answers are looked for before it sleeps."""
    program = (
        f"import sys; sys.path[:0] = {sys.path!r}; import signal, tamis\n"
        f"tamis.channel.helps_here = lambda: {looks}\n"
        "class Stop(Exception): pass\n"
        "def stop(number, frame): raise Stop\n"
        "signal.signal(signal.SIGALRM, stop)\n"
        "hits = refused = 0\n"
        "import random\n"
        "while hits < 300:\n"
        f"    client = tamis.Client({tamisd!r})\n"
        "    query = client.create_table('t', [{'a': i} for i in range(100)]).prepare('a >= 50')\n"
        "    other = client.table('t').prepare('a >= 90')\n"
        "    try:\n"
        "        while hits < 300:\n"
        "            try:\n"
        "                signal.setitimer(signal.ITIMER_REAL, random.uniform(2e-6, 2e-4))\n"
        "                while True:\n"
        "                    assert query.count() == 50\n"
        "                    assert list(other.indices()) == list(range(90, 100))\n"
        "            except Stop:\n"
        "                hits += 1\n"
        "            assert other.count() == 10\n"
        "            assert list(query.indices()) == list(range(50, 100))\n"
        "    except tamis.ClosedError:\n"
        "        refused += 1\n"
        "    client.close()\n"
        "assert refused < 100, refused\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=240)


# Answers that cannot be, without a daemon ------------------------------------------------------


def u32(*numbers: int) -> bytes:
    return struct.pack(f"<{len(numbers)}I", *numbers)


def test_indices_of_chunks() -> None:
    parts = [("indices", 0, 5, u32(1, 4)), ("indices", 5, 10, u32(0, 9)), ("indices", 70, 3, b"")]
    assert list(answers.indices(parts, False)) == [1, 4, 5, 14]
    assert answers.indices(parts, False).format == "I"
    high = [("indices", 2**32 - 2, 2, u32(0, 1))]
    assert list(answers.indices(high, False)) == [2**32 - 2, 2**32 - 1]
    higher = [("indices", 0, 3, u32(2)), ("indices", 2**32 - 2, 5, u32(0, 4))]
    assert list(answers.indices(higher, False)) == [2, 2**32 - 2, 2**32 + 2]
    assert answers.indices(higher, False).format == "Q"
    ordered = [("indices", 0, 9, u32(7, 1)), ("indices", 0, 9, u32(3))]
    assert list(answers.indices(ordered, True)) == [7, 1, 3]
    whole = [("numbers", 0, 9, u32(1)), ("numbers", 9, 9, u32(10, 2**32 - 1))]
    assert list(answers.indices(whole, False)) == [1, 10, 2**32 - 1]
    assert list(answers.indices([], False)) == []
    for kind in ("indices", "numbers"):
        only = answers.indices([(kind, 0, 9, data := u32(1, 2))], False)
        assert only.obj is data  # as it came


@pytest.mark.parametrize(
    "parts",
    [
        [("bitmap", 0, 8, b"\1")],
        [("indices", 0, 8, b"\1\0\0")],
        [("indices", 5, 5, u32(1)), ("indices", 0, 5, u32(1))],
        [("indices", 5, 5, u32(2**32 - 1))],
    ],
)
def test_wrong_indices(parts: Any) -> None:
    with pytest.raises(ProtocolError):
        list(answers.indices(parts, False))


@pytest.mark.parametrize(
    "column",
    [
        None,
        ["a", "i64"],
        ["a", "i64", b"1234567"],
        ["a", "i64", [1]],
        ["a", "i16", b"12"],
        ["a", "bool", "text"],
        ["a", "str", [b"", b""]],
        ["a", "str", b""],
        ["a", "str", [u32(0, 1), "x"]],
        ["a", "timestamp", ["h", bytes(8)]],
        ["a", "timestamp", [bytes(8), "s"]],
        ["a", "list", b""],
        ["a", "bool", b"\1", b"\1\1"],
        ["a", "bool", b"\1", None, 5],
        [b"a", "bool", b"\1"],
        [[], "bool", b"\1"],
    ],
)
def test_wrong_columns(column: Any) -> None:
    with pytest.raises(ProtocolError):
        answers.columns([("columns", 0, 1, [column])], None, 1)


def test_columns_of_chunks() -> None:
    def chunk(*column: Any) -> Any:
        return chunk_of(["a", *column])[1]

    empty = chunk("list", [None, None], None, b"\1")
    integers = chunk("i64", struct.pack("<2q", 5, -6), b"\2")
    words = chunk("str", [u32(0, 1, 3), b"xyz"])
    cases: list[tuple[list[Any], str, list[Any]]] = [
        ([empty, integers, integers], "i64", [None, None, None, -6, None, -6]),
        ([words, empty, words], "str", ["x", "yz", None, None, "x", "yz"]),
        ([words, integers], "list", ["x", "yz", None, -6]),
        ([empty, empty], "list", [None] * 4),
        ([chunk("i64", bytes(16), b"\0")], "list", [None, None]),
        ([chunk("bool", b"\0\1"), chunk("bool", b"\1", None, b"\0")], "bool", [False, True, None]),
        ([chunk("u64", b"\xff" * 8), integers], "list", [2**64 - 1, None, -6]),
        ([chunk("f64", struct.pack("<d", 0.5))], "f64", [0.5]),
        ([], "list", []),
    ]
    for chunks, kind, values in cases:
        column = Column(chunks)
        assert (column.type, column.to_list(), len(column)) == (kind, values, len(values))
        assert column == values
    assert Column([empty, integers]).present == b"\x0d"
    assert Column([words, empty, words]).valid == b"\x33"
    with pytest.raises(BufferError):
        Column([integers]).__buffer__(0)
    whole = Column([chunk("f64", struct.pack("<2d", 0.5, 1.5))])
    assert whole.__buffer__(0).tolist() == [0.5, 1.5]
    broken = [chunk("str", [u32(0, 9), b"xyz"])]
    with pytest.raises(ProtocolError, match="pass the end"):
        Column(broken)


def test_answers_of_the_wrong_form() -> None:
    for told in (None, {}, {"added": 1, "replaced": 0, "deleted": 0, "rows": "1"}, {"added": -1}):
        with pytest.raises(ProtocolError):
            load.change(told)
    for told in (None, {}, {"name": "t", "key": 5}):
        with pytest.raises(ProtocolError):
            tables.info(told)
    with pytest.raises(ProtocolError, match="no pairs"):
        answers.counts([("counts", 0, 1, [[1, 2, 3]])])
    with pytest.raises(ProtocolError, match="no map"):
        answers.rows([("rows", 0, 1, b"\x05")], 1)
    with pytest.raises(ProtocolError, match="cannot be read"):
        answers.rows([("rows", 0, 1, b"\x80\x80")], 1)
    with pytest.raises(ProtocolError, match="fit its rows"):
        answers.bitmap([("bitmap", 0, 9, b"\1")], 9)
    with pytest.raises(ProtocolError, match="without its queries"):
        answers.answers([("count", "TRUE", {})], [], {"queries": []})
    with pytest.raises(ProtocolError, match="not asked"):
        answers.answers([], [(0, ("count", 0, 1, b""))], {"queries": []})
