"""Streams: in order, lazy, bounded, and the client stays usable whatever ends them."""

from __future__ import annotations

import gc
import itertools
import weakref
from collections.abc import Iterator
from typing import Any, Callable

import pytest

import tamis

Make = Callable[..., tamis.Client]


def rows_of(count: int) -> Iterator[dict[str, Any]]:
    for i in range(count):
        yield {"a": i % 5, "i": i}


@pytest.mark.parametrize("chunk_rows", [None, 1, 2, 7, 1000])
@pytest.mark.parametrize("in_flight", [1, 2, 5])
def test_order_and_counts(client: tamis.Client, chunk_rows: Any, in_flight: int) -> None:
    count = 3000 if chunk_rows != 1 else 300
    stream = client.stream("a = 2", rows_of(count), chunk_rows=chunk_rows, in_flight=in_flight)
    assert [row["i"] for row in stream] == list(range(2, count, 5))
    assert stream.stats == tamis.Stats(count // 5, count, 0, False)
    assert list(stream) == []


def test_an_empty_source(client: tamis.Client) -> None:
    stream = client.stream("a = 2", rows_of(0))
    assert list(stream) == []
    assert stream.stats == tamis.Stats(0, 0, 0, False)


def test_the_source_is_read_ahead_by_the_chunks_under_way_and_no_more(client: tamis.Client) -> None:
    taken = 0

    def source() -> Iterator[dict[str, Any]]:
        nonlocal taken
        for row in rows_of(10**9):
            taken += 1
            yield row

    stream = client.stream("TRUE", source(), chunk_rows=10, in_flight=3)
    assert taken == 0
    for i, row in enumerate(itertools.islice(stream, 500)):
        assert row["i"] == i
        assert taken <= i + 1 + 4 * 10
    stream.close()
    before = taken
    assert list(stream) == []
    assert taken == before


def test_a_live_source_gets_each_answer_before_the_next_row(client: tamis.Client) -> None:
    asked: list[int] = []
    answered: list[int] = []

    def source() -> Iterator[dict[str, Any]]:
        for row in rows_of(20):
            assert answered == [i for i in asked if i % 5 == 2]
            asked.append(row["i"])
            yield row

    for row in client.stream("a = 2", source(), chunk_rows=1, in_flight=1):
        answered.append(row["i"])
    assert answered == [2, 7, 12, 17]


def test_rows_are_let_go_when_they_are_done_with(client: tamis.Client) -> None:
    """Memory is bounded also where nothing matches: no answer but the count comes then."""

    class Row(dict):  # type: ignore[type-arg]
        __slots__ = ("__weakref__",)

    alive: weakref.WeakSet[Row] = weakref.WeakSet()
    most = 0

    class Counted(Row):
        __hash__ = object.__hash__  # type: ignore[assignment]

    def source() -> Iterator[Row]:
        nonlocal most
        for i in range(5000):
            row = Counted(a=i % 5)
            alive.add(row)
            most = max(most, len(alive))
            yield row

    assert list(client.stream("a = 77", source(), chunk_rows=50, in_flight=2)) == []
    assert most <= 50 * 4
    assert sum(1 for _ in client.stream("TRUE", source(), chunk_rows=50, in_flight=2)) == 5000
    assert most <= 50 * 5


@pytest.mark.parametrize("end", ["close", "with", "drop", "break"])
def test_ending_early_leaves_the_client_usable(client: tamis.Client, end: str) -> None:
    for _ in range(20):
        stream = client.stream("TRUE", rows_of(10**9), chunk_rows=100)
        assert next(stream)["i"] == 0
        if end == "close":
            stream.close()
            stream.close()
        elif end == "with":
            with stream:
                next(stream)
        elif end == "break":
            for _row in stream:
                break
        del stream
        assert client.count("a = 2", rows_of(10)) == 2
    gc.collect()
    assert client.count("a = 2", rows_of(10)) == 2


def test_an_exception_of_the_source_comes_through(client: tamis.Client) -> None:
    class Broken(Exception):
        pass

    def source() -> Iterator[dict[str, Any]]:
        yield from rows_of(1000)
        raise Broken

    got: list[dict[str, Any]] = []
    with pytest.raises(Broken):
        got.extend(client.stream("TRUE", source(), chunk_rows=10))
    assert client.count("a = 2", rows_of(10)) == 2


def test_the_client_can_be_used_between_rows(client: tamis.Client) -> None:
    inner = client.prepare("a = :x")
    seen = 0
    for row in client.stream("a = 2", rows_of(500), chunk_rows=20):
        assert inner.count(rows_of(10), x=row["a"]) == 2
        assert client.filter("a = 1", rows_of(3)) == [{"a": 1, "i": 1}]
        seen += 1
    assert seen == 100


def test_streams_in_streams(client: tamis.Client) -> None:
    outer = client.stream("TRUE", rows_of(40), chunk_rows=3)
    middle = client.stream("a = 2", outer, chunk_rows=2)
    assert [row["i"] for row in client.stream("TRUE", middle, chunk_rows=1)] == list(
        range(2, 40, 5)
    )
    pairs = zip(client.stream("a = 1", rows_of(100)), client.stream("a = 2", rows_of(100)))
    assert [(x["i"], y["i"]) for x, y in pairs] == [(i, i + 1) for i in range(1, 100, 5)]


def test_a_plan_that_left_the_cache_meanwhile(client: tamis.Client) -> None:
    stream = client.stream("a = 2", rows_of(2000), chunk_rows=10)
    first = next(stream)
    for i in range(200):
        client.count(f"a = {i}", [])
    assert [first["i"], *(row["i"] for row in stream)] == list(range(2, 2000, 5))


def test_a_prepared_query_that_was_closed_meanwhile(client: tamis.Client) -> None:
    query = client.prepare("TRUE")
    stream = query.stream(rows_of(1000), chunk_rows=10)
    next(stream)
    query.close()
    with pytest.raises(tamis.ClosedError):
        list(stream)
    assert client.count("a = 2", rows_of(10)) == 2


def test_a_stream_keeps_its_client_and_its_query(client: tamis.Client) -> None:
    stream = client.prepare("a = 2").stream(rows_of(1000), chunk_rows=10)
    gc.collect()
    assert len(list(stream)) == 200


def test_a_closed_client_ends_its_streams(client: tamis.Client) -> None:
    stream = client.stream("TRUE", rows_of(10**6), chunk_rows=10)
    next(stream)
    client.close()
    with pytest.raises(tamis.ClosedError):
        list(stream)


def test_a_bad_row_is_named_and_the_matches_before_it_come(fake: Make) -> None:
    client = fake()
    rows: list[dict[str, Any]] = list(rows_of(100))
    rows[57]["a"] = "bad row"
    got: list[dict[str, Any]] = []
    with pytest.raises(tamis.RowError) as caught:
        got.extend(client.stream("a = 2", rows, chunk_rows=10))
    assert caught.value.row == 57
    assert [row["i"] for row in got] == list(range(2, 50, 5))
    rows *= 100
    with pytest.raises(tamis.RowError) as caught:
        client.filter("a = 2", rows)
    assert caught.value.row == 57
    assert client.count("a = 2", rows_of(10)) == 2


def test_a_timeout_ends_the_stream(fake: Make) -> None:
    client = fake("slow=5")
    with pytest.raises(tamis.Timeout):
        list(client.stream("a = 2", rows_of(10), timeout=0.1))
    assert client.ping() < 5
