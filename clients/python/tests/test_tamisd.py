"""What only the real daemon can do: its language, its volume, its socket."""

from __future__ import annotations

import contextlib
import datetime
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import tamis
from tamis.columns import GROUP_ROWS
from tamis.encode import SINGLE_ROWS

MEGABYTES = int(os.environ.get("TAMIS_TEST_MEGABYTES", "50"))  # of the volume tests

PEOPLE: list[dict[str, Any]] = [
    {"name": "Ann", "age": 31, "city": "Oslo", "tags": ["vip", "new"], "address": {"zip": "0150"}},
    {"name": "Bo", "age": 17, "city": "Oslo", "tags": [], "address": {"zip": "0151"}},
    {"name": "Cy", "age": None, "city": "Lima", "tags": None},
    {"name": "Di", "city": "Paris", "tags": ["vip"], "address": None},
    {"name": "Åse", "age": 45.5, "city": "Bergen", "address": {"zip": 5003}},
    {"name": "Eve", "age": "45", "city": "Turin", "active": True},
]


def names(rows: list[dict[str, Any]]) -> str:
    return " ".join(row["name"] for row in rows)


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ("age >= 30 and city = 'Oslo'", "Ann"),
        ("age > 17", "Ann Åse"),
        ("not (age > 17)", "Bo"),
        ("(age > 17) is not true", "Bo Cy Di Eve"),
        ("age is null", "Cy Di"),
        ("age is missing", "Di"),
        ("age <> 31", "Bo Åse Eve"),
        ("age is distinct from 31", "Bo Cy Di Åse Eve"),
        ("city in ('Lima', 'Turin')", "Cy Eve"),
        ("'vip' in tags", "Ann Di"),
        ("name like '_o'", "Bo"),
        ("name ilike 'å%'", "Åse"),
        ("address.zip = '0150' or address.zip = 5003", "Ann Åse"),
        ("tags[0] = 'vip'", "Ann Di"),
        ("active", "Eve"),
        ("age between 17 and 31", "Ann Bo"),
        ("\"name\" = 'Ann'", "Ann"),
        ("1 = 1", "Ann Bo Cy Di Åse Eve"),
        ("1 = 2", ""),
    ],
)
def test_queries(real: tamis.Client, query: str, kept: str) -> None:
    assert names(real.filter(query, PEOPLE)) == kept
    assert names(list(real.stream(query, iter(PEOPLE), chunk_rows=2))) == kept
    # Enough rows for a row stream and for a bitmap.
    many = PEOPLE * 3000
    assert real.count(query, many) == 3000 * len(kept.split())
    assert sum(real.mask(query, many)) == 3000 * len(kept.split())
    assert len(real.indices(query, many)) == 3000 * len(kept.split())


def test_the_structured_form(real: tamis.Client) -> None:
    query = ["and", [">=", ["path", "age"], 30], ("=", ["path", "city"], ["param", "c"])]
    assert names(real.filter(query, PEOPLE, c="Oslo")) == "Ann"
    with real.prepare(query) as prepared:
        assert sorted(prepared.fields) == [("age",), ("city",)]
        assert names(prepared.filter(PEOPLE, c="Oslo")) == "Ann"
    with pytest.raises(tamis.QueryError) as caught:
        real.filter(["and", ["nonsense", 1]], PEOPLE)
    assert "structured query" in str(caught.value) or caught.value.position is None


def test_parameters_of_all_types(real: tamis.Client) -> None:
    now = datetime.datetime(2024, 5, 6, tzinfo=datetime.timezone.utc)
    values: list[Any] = [1, -1, 2**63, 2**64 - 1, -(2**63), 1.5, "x", "", b"x", True, False, now]
    rows = [{"v": value} for value in values]
    for i, value in enumerate(values):
        assert list(real.indices("v = :x", rows, x=value)) == [i]
    assert list(real.indices("v in :some", rows, some=[1, "x", now])) == [0, 6, 11]
    assert list(real.indices("v in :some", rows, some=(1,))) == [0]
    assert real.count("v = :x", rows, x=None) == 0


def test_parameter_errors(real: tamis.Client) -> None:
    for options in ({}, {"x": 1, "y": 2}, {"params": [1]}):
        with pytest.raises(tamis.ParameterError):
            real.filter("age = :x", PEOPLE, **options)
    with pytest.raises(tamis.ParameterError):
        real.filter("age in :x", PEOPLE, x=5)
    assert names(real.filter("age = :x", PEOPLE, x=31)) == "Ann"


def test_type_mismatches_are_counted(real: tamis.Client) -> None:
    real.filter("age > 17", PEOPLE)
    assert real.last_stats == tamis.Stats(2, 6, 1, False)
    stream = real.stream("age > 17", PEOPLE, chunk_rows=2)
    list(stream)
    assert stream.stats == tamis.Stats(2, 6, 1, False)


def test_names_that_are_no_utf8(real: tamis.Client) -> None:
    rows: list[dict[str, Any]] = [{"\ud800": 1}, {"\udcff": 1}, {"é": 1}]
    assert list(real.indices('X"eda080" = 1', rows)) == [0]
    assert list(real.indices('X"ff" = 1', rows)) == []
    assert list(real.indices('"é" = 1', rows)) == [2]
    with pytest.raises(tamis.QueryError) as caught:
        real.filter("a = '\ud800'", rows)
    assert caught.value.name == "BAD_UTF8"
    str(caught.value).encode()  # can be printed


def test_query_errors_in_the_daemon(real: tamis.Client) -> None:
    with pytest.raises(tamis.QueryError) as caught:
        real.filter("name = 'Åse' and age >>= 3", PEOPLE)
    error = caught.value
    assert error.position is not None
    assert "name = 'Åse' and age >>= 3"[error.position] in ">="
    with pytest.raises(tamis.QueryError):
        real.filter("", PEOPLE)
    with pytest.raises(tamis.LimitError):
        real.filter("a = '" + "x" * (2 << 20) + "'", PEOPLE)
    with pytest.raises(tamis.LimitError):
        real.filter("(" * 100_000 + "a" + ")" * 100_000, PEOPLE)
    with pytest.raises(tamis.TamisError):
        real.filter("a = 1" + " or a = 1" * 100_000, PEOPLE)
    assert names(real.filter("age = 31", PEOPLE)) == "Ann"


def test_rows_beyond_a_limit_of_the_daemon(real: tamis.Client) -> None:
    deep: Any = 1
    for _ in range(100):
        deep = [deep]
    rows = [*PEOPLE, {"name": deep}]
    with pytest.raises(tamis.LimitError) as caught:
        real.filter("name = 'Ann'", rows)
    assert caught.value.name == "ROW_TOO_DEEP"
    assert names(real.filter("name = 'Ann'", PEOPLE)) == "Ann"


def test_explain(real: tamis.Client) -> None:
    told = real.explain("age >= 30 and city = :c", c="Oslo")
    assert sorted(map(tuple, told.fields)) == [("age",), ("city",)]
    assert told.steps
    assert all("kernel" in step for step in told.steps)
    assert told.steps[0]["kernel"] in str(told)
    ran = real.explain("age >= 30 and city = :c", PEOPLE, c="Oslo")
    assert any(step.get("rows_in") == len(PEOPLE) for step in ran.steps)
    assert real.filter(told.structured, PEOPLE, c="Oslo") == PEOPLE[:1]


@pytest.mark.parametrize("count", [GROUP_ROWS + 1, SINGLE_ROWS, SINGLE_ROWS + 1, 9000])
def test_rows_of_many_groups(real: tamis.Client, tamisd: str, count: int) -> None:
    """In one message, and in chunks."""
    rows: list[dict[str, Any]] = [{"n": i, "at": {"s": str(i)}} for i in range(count)]
    query = "n >= :least and at.s like '%7'"
    want = [i for i in range(300, count) if i % 10 == 7]
    assert list(real.indices(query, rows, least=300)) == want
    ran = real.explain(query, rows, least=300)
    assert any(step.get("rows_in") == count for step in ran.steps)
    asks: list[Callable[..., Any]] = [real.count, real.explain]
    for ask in asks:
        with pytest.raises(tamis.EncodeError) as caught:
            ask(query, rows, least={1})
        assert caught.value.field == "parameter :least"
    rows[-2]["at"] = {"s": {2}}
    for ask in asks:
        with pytest.raises(tamis.EncodeError) as caught:
            ask(query, rows, least=300)
        assert (caught.value.row, caught.value.field) == (count - 2, "at.s")
    with tamis.Client(tamisd, default=lambda value: str(max(value))) as client:
        rows[-2]["at"] = {"s": {7, 2}}
        assert client.indices(query, rows, least=300)[-1] == max([*want, count - 2])
    broken = [*rows[:-2], None, rows[-1]]
    for ask in asks:
        with pytest.raises(TypeError, match=f"row {count - 2} is of type 'NoneType'"):
            ask(query, broken, least=300)


def test_statistics(real: tamis.Client) -> None:
    before = real.stats()
    real.filter("age = 31", PEOPLE)
    after = real.stats()
    assert after["rows"] == before["rows"] + len(PEOPLE)
    assert after["matched"] == before["matched"] + 1


def bulk(megabytes: int) -> Iterator[dict[str, Any]]:
    text = "x" * 1000
    for i in range(megabytes * 1000):
        yield {"text": text, "i": i}


def daemon_peak_bytes(client: tamis.Client) -> int:
    for line in Path(f"/proc/{client.pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmHWM")


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")
def test_a_stream_of_any_size_takes_bounded_memory(real: tamis.Client) -> None:
    """All rows are kept, twice: also where the text itself crosses the pipe."""
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for query in ("i >= 0", "text like 'x%'"):
        count = 0
        for row in real.stream(query, bulk(MEGABYTES), timeout=60):
            assert row["i"] == count
            count += 1
        assert count == MEGABYTES * 1000
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - rss) * 1024
    assert grown < 64 << 20
    assert daemon_peak_bytes(real) < 64 << 20 or "TAMIS_SANITIZER" in os.environ


def test_a_large_filter(real: tamis.Client) -> None:
    rows = [{"text": f"{i:0500d}", "i": i} for i in range(MEGABYTES * 1000)]
    got = real.filter("text like '%7' and i >= 0", rows)
    assert [row["i"] for row in got] == list(range(7, len(rows), 10))
    assert len(real.filter("text >= '0'", rows)) == len(rows)
    assert real.filter("text >= '0'", rows, limit=5) == rows[:5]
    assert real.count("i = 9", rows) == 1


def test_killed_in_the_middle_of_much(tamisd: str) -> None:
    with tamis.Client(tamisd) as client:
        assert client.pid is not None
        threading.Timer(0.3, os.kill, (client.pid, signal.SIGKILL)).start()
        with pytest.raises(tamis.DaemonDied, match="SIGKILL"):
            for _ in client.stream("text like '%y%'", bulk(10**6)):
                pass


def test_a_timeout_in_the_middle_of_much(real: tamis.Client) -> None:
    rows = list(bulk(20))
    for timeout in (0.0, 0.001, 0.005, 0.02):
        with contextlib.suppress(tamis.Timeout):
            real.filter("text like '%y%y%'", rows, timeout=timeout)
        assert real.count("i = 9", rows[:10]) == 1


def test_over_the_socket(tamisd: str, tmp_path: Path) -> None:
    path = tmp_path / "tamis.sock"
    daemon = subprocess.Popen([tamisd, "--listen", str(path)])
    try:
        end = time.monotonic() + 20
        client = None
        while client is None:
            try:
                client = tamis.connect(path)
            except OSError:
                assert time.monotonic() < end
                time.sleep(0.01)
        with client, tamis.connect(path) as other:
            assert names(client.filter("age = 31", PEOPLE)) == "Ann"
            rows = list(bulk(5))
            stream = client.stream("i >= 0", rows)
            assert next(stream) is rows[0]
            assert other.filter("i < 3", rows) == rows[:3]
            assert len(list(stream)) == len(rows) - 1
            assert len(client.filter("text = :t", rows, t="x" * 1000)) == len(rows)
        daemon.send_signal(signal.SIGTERM)
        assert daemon.wait(20) == 0
    finally:
        daemon.kill()
        daemon.wait()


def test_the_daemon_ends_when_its_parent_is_killed(tamisd: str) -> None:
    """Even while a sibling still holds the pipe."""
    program = (
        f"import sys; sys.path[:0] = {sys.path!r}; import os, signal, tamis\n"
        f"client = tamis.Client({tamisd!r}); client.ping(); print(client.pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=60)
    pid = int(done.stdout)
    end = time.monotonic() + 10
    while time.monotonic() < end:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.01)
    pytest.fail("the daemon outlived its parent")


@pytest.mark.parametrize("kind", ["limit", "strict", "bytes", "broken bytes", "table", "source"])
def test_streams_that_end_early_leave_nothing_open(tamisd: str, kind: str) -> None:
    """The daemon holds on to a stream that it has answered until it hears that no more comes."""
    rows = [{"a": 5}] * 60_000
    data = b'{"a": 5}\n' * 300_000

    def feed() -> Any:
        yield from rows
        raise KeyError("the source's own")

    with tamis.Client([tamisd, "--requests", "8"], timeout=60) as client:
        for _ in range(20):
            if kind == "limit":
                assert client.count("a = 5", rows, limit=1) == 1
            elif kind == "strict":
                with pytest.raises(tamis.TypeMismatch):
                    client.count("a > 'x'", rows, strict=True)
            elif kind == "bytes":
                assert client.filter_bytes(data, "a = 5", limit=1) == data[:9]
            elif kind == "broken bytes":
                with pytest.raises(tamis.RowError):
                    client.filter_bytes(b"x\n" + data, "a = 5")
            else:
                table = client.create_table("t", exists="replace")
                table.drop()
                with pytest.raises((tamis.TableError, KeyError)):
                    table.append(feed() if kind == "source" else iter(rows))
        assert client.stats()["connection"]["requests_open"] == 0
