"""What callers do every day, with the fake and with the real daemon."""

from __future__ import annotations

import collections
import datetime
import decimal
import gc
from array import array
from itertools import compress
from typing import Any, Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tamis

Make = Callable[..., tamis.Client]


def people(count: int) -> list[dict[str, Any]]:
    return [
        {"id": i, "a": i % 5, "name": f"p{i % 3}", "deep": {"x": [i % 2]}} for i in range(count)
    ]


@pytest.mark.parametrize("count", [0, 1, 2, 7, 100, 4096, 4097, 30_000])
def test_every_kind_of_result(client: tamis.Client, count: int) -> None:
    rows = people(count)
    kept = [row for row in rows if row["a"] == 3]
    got = client.filter("a = 3", rows)
    assert type(got) is list
    assert list(map(id, got)) == list(map(id, kept))
    numbers = client.indices("a = 3", rows)
    assert isinstance(numbers, array)
    assert list(numbers) == [row["id"] for row in kept]
    mask = client.mask("a = 3", rows)
    assert mask == bytearray(row["a"] == 3 for row in rows)
    assert list(compress(rows, mask)) == kept
    assert client.count("a = 3", rows) == len(kept)
    stats = client.last_stats
    assert stats == tamis.Stats(len(kept), count, 0, False)
    assert list(client.stream("a = 3", iter(rows))) == kept


@pytest.mark.parametrize("count", [10, 20_000])
def test_all_and_none(client: tamis.Client, count: int) -> None:
    rows = people(count)
    assert client.filter("TRUE", rows) == rows
    assert client.mask("TRUE", rows) == b"\x01" * count
    assert client.filter("a = 77", rows) == []
    assert client.mask("a = 77", rows) == bytes(count)
    assert client.filter("nosuch = 77", rows) == []
    assert client.count("nosuch IS MISSING", rows) == count


def test_prepared(client: tamis.Client) -> None:
    rows = people(50)
    with client.prepare("a = :x") as query:
        assert query.fields == (("a",),)
        assert query.params == ("x",)
        assert isinstance(query.text, str)
        for x in range(6):
            expected = [row for row in rows if row["a"] == x]
            assert query.filter(rows, x=x) == expected
            assert query.count(rows, x=x) == len(expected)
            assert list(query.indices(rows, x=x)) == [row["id"] for row in expected]
            assert query.mask(rows, x=x) == bytes(row["a"] == x for row in rows)
            assert list(query.stream(rows, x=x)) == expected
        assert query.explain(x=1).text
    with pytest.raises(tamis.ClosedError):
        query.filter(rows, x=1)
    query.close()
    assert client.filter("a = 1", rows)


def test_parameters(client: tamis.Client) -> None:
    rows = people(20)
    ones = [row for row in rows if row["a"] == 1]
    assert client.filter("a = :least", rows, least=1) == ones
    assert client.filter("a = ?", rows, params=[1]) == ones
    assert client.filter("a = ?", rows, params=(1,)) == ones
    # Names that are arguments too go by params, or are positional-only here.
    assert client.filter("a = :limit", rows, params={"limit": 1}) == ones
    assert client.filter("a = :rows", rows, rows=1) == ones
    assert client.filter("a = :query", rows, query=1) == ones
    assert client.filter("a = :self", rows, self=1) == ones
    assert client.filter("name = :n", rows, n="p1") == [r for r in rows if r["name"] == "p1"]
    assert list(client.stream("a = :x", rows, x=1)) == ones


def test_arguments_that_cannot_be_meant(client: tamis.Client) -> None:
    rows = people(3)
    wrong: Any
    for wrong in ({"params": "text"}, {"params": [1], "x": 1}, {"params": {"x": 1}, "x": 2}):
        with pytest.raises(TypeError):
            client.filter("a = :x", rows, **wrong)
    for wrong in ({"limit": -1}, {"timeout": -1}, {"timeout": float("nan")}):
        with pytest.raises(ValueError, match="negative"):
            client.filter("a = 1", rows, **wrong)
    for wrong in (1.5, True, "3"):
        with pytest.raises(TypeError):
            client.filter("a = 1", rows, limit=wrong)
    with pytest.raises(TypeError, match="not a mapping"):
        client.filter("a = 1", {"a": 1})
    with pytest.raises(TypeError, match="the query is the first argument"):
        client.filter(rows, "a = 1")
    text: Any = "a = 1"
    with pytest.raises(TypeError, match="comes before the query"):
        client.filter_bytes(text, "a = 1")
    for wrong in (None, 5, b"a = 1"):
        with pytest.raises(TypeError):
            client.filter(wrong, rows)
    with pytest.raises(ValueError, match="chunk_rows"):
        client.stream("a = 1", rows, chunk_rows=0)
    with pytest.raises(ValueError, match="in_flight"):
        client.stream("a = 1", rows, in_flight=0)
    assert client.count("a = 1", rows) == 1


@pytest.mark.parametrize("count", [1000, 30_000])
def test_limit(client: tamis.Client, count: int) -> None:
    rows = people(count)
    kept = [row for row in rows if row["a"] == 2]
    for limit in (0, 1, 3, 150, 10**6):
        assert client.filter("a = 2", rows, limit=limit) == kept[:limit]
        assert client.last_stats is not None
        assert client.last_stats.matched == min(limit, len(kept))
        assert list(client.stream("a = 2", rows, limit=limit, chunk_rows=7)) == kept[:limit]
        assert client.count("a = 2", rows, limit=limit) == min(limit, len(kept))


def test_rows_of_any_kind(client: tamis.Client) -> None:
    rows = people(10)
    kept = [row for row in rows if row["a"] == 1]
    assert client.filter("a = 1", (row for row in rows)) == kept
    assert client.filter("a = 1", tuple(rows)) == kept
    assert client.filter("a = 1", dict(enumerate(rows)).values()) == kept
    mappings: list[Any] = [collections.ChainMap({}, row) for row in rows]
    assert client.filter("a = 1", mappings) == kept
    assert (
        client.filter("a = 1", [mappings[1], rows[6], collections.OrderedDict(a=1)])[1] is rows[6]
    )
    assert client.filter("a = 1", []) == []
    assert client.mask("a = 1", []) == b""


@pytest.mark.parametrize("count", [10, 9000])
def test_a_row_that_is_no_mapping(client: tamis.Client, count: int) -> None:
    rows: list[Any] = people(count)
    rows[count - 2] = 5
    for query in ("a = 1", "TRUE"):
        with pytest.raises(TypeError, match=f"row {count - 2} is of type 'int'"):
            client.filter(query, rows)
        with pytest.raises(TypeError, match=f"row {count - 2} is of type 'int'"):
            list(client.stream(query, rows))
    assert client.count("a = 1", people(10)) == 2


def test_missing_is_not_none(client: tamis.Client) -> None:
    rows: list[dict[str, Any]] = [{"a": None}, {}, {"a": 1}, {"b": 1}]
    assert list(client.indices("a IS NULL", rows)) == [0, 1, 3]
    assert list(client.indices("a IS MISSING", rows)) == [1, 3]
    big = rows * 3000
    assert client.count("a IS MISSING", big) == 6000
    assert client.count("a IS NULL", big) == 9000


def test_nested_paths(client: tamis.Client) -> None:
    rows: list[dict[str, Any]] = [
        {"a": {"b": [1, {"c": 5}]}},
        {"a": {"b": (1, {"c": 5})}},
        {"a": {"b": [1]}},
        {"a": {"b": "xy"}},
        {"a": [1]},
        {"a": None},
        {},
        {"a": {"b": [1, {"c": None}]}},
    ]
    assert list(client.indices("a.b[1].c = 5", rows)) == [0, 1]
    assert list(client.indices("a.b[1].c IS MISSING", rows)) == [2, 3, 4, 5, 6]
    assert client.filter("deep.x[0] = 1", people(10)) == people(10)[1::2]


def test_query_errors_have_a_place(client: tamis.Client) -> None:
    for _ in range(2):  # a failed query is not kept
        with pytest.raises(tamis.QueryError) as caught:
            client.filter("a === 1", people(3))
        assert caught.value.name == "SYNTAX"
        assert caught.value.position is not None
        assert "^" in str(caught.value)
        assert "a === 1" in str(caught.value)
    with pytest.raises(tamis.QueryError):
        client.prepare("=")
    with pytest.raises(tamis.QueryError):
        client.stream("=", [])  # at once, not when it is iterated
    assert client.count("a = 1", people(3)) == 1


@pytest.mark.parametrize(
    "value",
    [decimal.Decimal(1), {1}, 2**64, datetime.datetime(2020, 1, 1), datetime.date(2020, 1, 1)],
)
@pytest.mark.parametrize("count", [10, 9000])
def test_values_that_cannot_be_sent(client: tamis.Client, value: Any, count: int) -> None:
    rows = people(count)
    rows[count - 3]["a"] = value
    for act in (
        client.filter,
        client.count,
        client.explain,
        lambda q, r: list(client.stream(q, r)),
    ):
        with pytest.raises(tamis.EncodeError) as caught:
            act("a = 1", rows)
        assert (caught.value.row, caught.value.field) == (count - 3, "a")
        assert type(value).__name__ in str(caught.value)
    # What the query does not read is not sent.
    assert client.count("name = 'p1'", rows) == len([r for r in rows if r["name"] == "p1"])
    with pytest.raises(tamis.EncodeError, match="parameter :x"):
        client.filter("a = :x", people(3), x=value)
    with pytest.raises(tamis.EncodeError, match="parameter :x"):
        client.filter("a = :x", people(9000), x=value)
    with pytest.raises(tamis.EncodeError, match="query"):
        client.filter(["=", ["path", "a"], value], people(3))
    assert client.count("a = 1", people(10)) == 2


def test_default(fake: Make) -> None:
    client = fake(default=lambda value: int(value))
    rows = [{"a": decimal.Decimal(i)} for i in range(4)]
    assert client.filter("a = 3", rows) == rows[3:]

    def broken(value: Any) -> Any:
        raise ZeroDivisionError

    client = fake(default=broken)
    with pytest.raises(ZeroDivisionError):
        client.filter("a = 3", rows)
    assert client.count("a = 3", [{"a": 3}]) == 1


def test_the_client_is_not_used_within_its_own_request(fake: Make) -> None:
    def again(value: Any) -> Any:
        return client.count("a = 1", [])

    client = fake(default=again)
    with pytest.raises(RuntimeError, match="in the middle of a request"):
        client.filter("a = 3", [{"a": {1}}])

    def close(value: Any) -> Any:
        client.close()

    client = fake(default=close)
    with pytest.raises(RuntimeError, match="in the middle of a request"):
        client.filter("a = 3", [{"a": {1}}])
    assert client.count("a = 3", [{"a": 3}]) == 1


def test_a_repeated_text_is_prepared_once(fake: Make) -> None:
    client = fake()
    for _ in range(5):
        client.filter("a = 1", people(3))
        client.filter(["=", ["path", "a"], 1], people(3))
    assert client.stats()["kinds"].count("3") == 2
    for i in range(300):
        client.count(f"a = {i}", people(3))
    assert client.stats()["plans"] <= 130
    client.count("a = 1", people(3))  # long gone, prepared again
    assert client.count("a = 299", people(3)) == 0


def test_a_dropped_prepared_query_is_closed(fake: Make) -> None:
    client = fake()
    queries = [client.prepare("a = 1") for _ in range(50)]
    assert client.stats()["plans"] == 50
    del queries
    gc.collect()
    client.ping()
    assert client.stats()["plans"] == 0


def test_the_cache_makes_room_for_prepared_queries(fake: Make) -> None:
    client = fake("plans=6")
    for i in range(5):
        client.count(f"a = {i}", people(3))
    held = [client.prepare(f"a = {i}") for i in range(6)]
    with pytest.raises(tamis.LimitError) as caught:
        client.prepare("a = 9")
    assert caught.value.limit == 6
    assert [query.count(people(5)) for query in held] == [1, 1, 1, 1, 1, 0]


def test_frames_that_are_too_large_are_cut_into_parts(fake: Make) -> None:
    client = fake("frame_bytes=2000")
    rows = [{"a": "x" * (i % 900), "i": i} for i in range(500)]
    long = "x" * 700
    kept = [row for row in rows if row["a"] == long]
    assert client.filter("a = :v", rows, v=long) == kept
    assert list(client.stream("a = :v", rows, v=long)) == kept
    assert list(client.stream("a = :v", rows, v=long, chunk_rows=400)) == kept
    rows[321]["a"] = "x" * 3000
    for act in (client.count, lambda q, r: list(client.stream(q, r))):
        with pytest.raises(tamis.LimitError) as caught:
            act("a = 'y'", rows)
        assert (caught.value.limit, caught.value.row) == (2000, 321)
    with pytest.raises(tamis.LimitError):
        client.explain("a = 'y'", rows)
    with pytest.raises(tamis.LimitError):
        client.prepare("a = '" + "x" * 3000 + "'")
    assert client.count("a = 1", people(5)) == 1


def test_payloads_hold_to_the_limit_of_rows(fake: Make) -> None:
    client = fake("batch_rows=10")
    rows = people(1234)
    kept = [row for row in rows if row["a"] == 4]
    assert client.filter("a = 4", rows) == kept
    assert list(client.stream("a = 4", rows)) == kept
    assert list(client.stream("a = 4", rows, chunk_rows=500)) == kept


@pytest.mark.parametrize("chunk", [1, 3, 64, 1000])
def test_answers_in_chunks(fake: Make, chunk: int) -> None:
    client = fake(f"chunk={chunk}")
    rows = people(5000)
    for x in range(5):
        kept = [row for row in rows if row["a"] == x]
        assert client.filter("a = :x", rows, x=x) == kept
        assert list(client.indices("a = :x", rows, x=x)) == [row["id"] for row in kept]
        assert client.mask("a = :x", rows, x=x) == bytes(row["a"] == x for row in rows)


def test_answers_byte_by_byte(fake: Make) -> None:
    client = fake("bytewise")
    rows = people(300)
    assert client.filter("a = 1", rows) == [row for row in rows if row["a"] == 1]


def test_ping_stats_explain(client: tamis.Client) -> None:
    assert 0 < client.ping() < 30
    assert isinstance(client.stats(), dict)
    told = client.explain("a = 1")
    assert "a" in told.text
    assert str(told) == told.plan
    assert told.steps
    assert client.explain("a = 1", people(10)).steps
    assert client.explain("a = :x", people(10), x=1).steps
    assert repr(client).startswith("<tamis.Client of ")
    assert client.limits["frame_bytes"] > 0
    assert client.server


VALUE = st.one_of(st.none(), st.integers(-5, 5), st.booleans(), st.text(max_size=2), st.floats())
ROW = st.dictionaries(st.sampled_from(["a", "b"]), VALUE)


def test_any_rows(client: tamis.Client) -> None:
    @settings(max_examples=60)
    @given(st.lists(ROW, max_size=40), st.integers(-5, 5))
    def check(rows: list[dict[str, Any]], x: int) -> None:
        def equal(value: Any) -> bool:  # 1.0 = 1 in the daemon, in the fake not
            return type(value) is int and value == x

        ints = [r for r in rows if not isinstance(r.get("a"), float)]
        kept = [r for r in ints if equal(r.get("a"))]
        assert list(map(id, client.filter("a = :x", ints, x=x))) == list(map(id, kept))
        assert list(client.mask("a IS MISSING", rows)) == ["a" not in r for r in rows]
        assert list(client.mask("a IS NULL", rows)) == [r.get("a") is None for r in rows]

    check()
