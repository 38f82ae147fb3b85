"""Nested Arrow columns of any type: the same rows as dicts are the same table, and payload.

Beside test_dataframes.py a test that needs pyarrow; the client itself does not.
"""

from __future__ import annotations

from typing import Any, Callable

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgpack import Timestamp
from test_sources import payloads, rows

import tamis
from tamis.cells import Pieces, put_columns, written
from tamis.frames import Packer

SCALARS: list[tuple[pa.DataType, st.SearchStrategy[Any]]] = [
    (pa.int8(), st.integers(-128, 127)),
    (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    (pa.uint64(), st.integers(0, 2**64 - 1)),
    (pa.uint16(), st.integers(0, 2**16 - 1)),
    (pa.float64(), st.floats(allow_nan=False)),
    (pa.float32(), st.floats(allow_nan=False, width=32)),
    (pa.bool_(), st.booleans()),
    (pa.null(), st.none()),
    (pa.string(), st.text(max_size=40)),
    (pa.large_string(), st.text("aé", max_size=3)),
    (pa.string_view(), st.text("aé", max_size=20)),
    (pa.binary(), st.binary(max_size=40)),
    (pa.large_binary(), st.binary(max_size=3)),
    (pa.binary(3), st.binary(min_size=3, max_size=3)),
    (pa.dictionary(pa.int8(), pa.string()), st.sampled_from(["x", "y", ""])),
    (pa.dictionary(pa.uint32(), pa.int64()), st.sampled_from([1, 2])),
]
Typed = tuple[pa.DataType, "st.SearchStrategy[Any]"]


def with_nulls(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


def lists(inner: Typed) -> st.SearchStrategy[Typed]:
    kind, values = inner[0], with_nulls(inner[1])
    made = [
        (pa.list_(kind), st.lists(values, max_size=4)),
        (pa.large_list(kind), st.lists(values, max_size=4)),
        (pa.list_(kind), st.lists(values, min_size=14, max_size=18)),
    ]
    if kind != pa.null():  # pyarrow cannot make these
        made.append((pa.list_(kind, 2), st.lists(values, min_size=2, max_size=2)))
        made.append((pa.list_view(kind), st.lists(values, max_size=4)))
    return st.sampled_from(made)


def maps(inner: Typed) -> Typed:
    pairs = st.dictionaries(st.text("abé", max_size=3), with_nulls(inner[1]), max_size=3)
    return pa.map_(pa.string(), inner[0]), pairs


def structs(fields: list[Typed]) -> Typed:
    named = {f"f{i}": field for i, field in enumerate(fields)}
    kind = pa.struct([pa.field(name, field[0]) for name, field in named.items()])
    values = {name: with_nulls(field[1]) for name, field in named.items()}
    return kind, st.fixed_dictionaries(values)


TYPES = st.recursive(
    st.sampled_from(SCALARS),
    lambda inner: inner.flatmap(lists) | inner.map(maps) | st.lists(inner, max_size=3).map(structs),
    max_leaves=4,
)


def is_supported(kind: pa.DataType) -> bool:
    """pyarrow has no way from Python values to dictionaries inside of some types."""
    try:
        pa.array([], kind)
        pa.array([None], kind)
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        return False
    return True


@st.composite
def columns(draw: Callable[..., Any]) -> tuple[pa.ChunkedArray, list[Any]]:
    """Some pieces of a column, each a slice of an array, and their values."""
    kind, values = draw(TYPES.filter(lambda typed: is_supported(typed[0])))
    chunks, expected = [], []
    for _ in range(draw(st.integers(1, 3))):
        given = draw(st.lists(with_nulls(values), max_size=12))
        array = pa.array(given, kind)
        start = draw(st.integers(0, len(given)))
        count = draw(st.integers(0, len(given) - start))
        chunks.append(array.slice(start, count))
        expected += given[start : start + count]
    return pa.chunked_array(chunks, kind), expected


@settings(max_examples=300, deadline=None)
@given(columns())
def test_payloads(column: tuple[pa.ChunkedArray, list[Any]]) -> None:
    array, expected = column
    assert [row["a"] for row in rows({"a": array})] == expected
    table = pa.table({"a": array, "b": array})
    assert rows(table) == [{"a": value, "b": value} for value in expected]
    # Rows that are a struct themselves, and a slice of it.
    for chunk in pa.StructArray.from_arrays([array.combine_chunks()], ["a"]), None:
        if chunk is not None and len(chunk) > 2:
            found = rows(chunk.slice(1, len(chunk) - 2))
            assert found == [{"a": value} for value in expected[1:-1]]


@settings(max_examples=100, deadline=None)
@given(columns())
def test_bound(column: tuple[pa.ChunkedArray, list[Any]]) -> None:
    """What the values are as msgpack is at most what `written` says, and the payload."""
    for payload in payloads(
        {"a": column[0]}, None, {"batch_rows": 1 << 20, "frame_bytes": 1 << 26}
    ):
        _, count, [[_, kind, data, *_]] = payload
        values = Packer().pack([row["a"] for row in rows({"a": column[0]})])
        if kind in ("array", "map", "struct") and count == len(column[1]):
            assert len(values) <= written(count, kind, data) + len(Packer().pack(payload))


def test_in_the_daemon(tamisd: str) -> None:
    with tamis.Client([tamisd, "--stdio"]) as client:
        number = iter(range(10_000))

        @settings(max_examples=150, deadline=None)
        @given(columns(), st.integers(0, 3))
        def check(column: tuple[pa.ChunkedArray, list[Any]], repeat: int) -> None:
            array, values = column
            array = pa.chunked_array(array.chunks * (1 + repeat), array.type)
            values = values * (1 + repeat)
            source = pa.table({"i": pa.array(range(len(values)), pa.int32()), "a": array})
            dicts = [{"i": i, "a": value} for i, value in enumerate(values)]
            name = f"t{next(number)}"
            mine = client.create_table(name, source)
            theirs = client.create_table(name + "d", dicts)
            assert mine.filter() == theirs.filter() == dicts
            assert mine.value_counts("a") == theirs.value_counts("a")
            for query in (
                "a is null",
                "a[0] is null",
                "a[1] is missing",
                "a.f0 is not null",
                "a.f0[0] is null or a.f1.f0 is missing",
                "any e in a satisfies e is not null end",
                "'x' in a",
                "array_length(a) > 1",
                "type_of(a) = 'map'",
            ):
                assert mine.indices(query) == theirs.indices(query), query
            mine.drop()
            theirs.drop()

        check()


def test_times_inside(tamisd: str) -> None:
    times = pa.array([-1, None, 1_500_000_000], pa.int64()).cast(pa.timestamp("ms", "UTC"))
    days = pa.array([-1, 0, None], pa.int32()).cast(pa.date32())
    source = pa.table(
        {
            "s": pa.StructArray.from_arrays([times, days], ["t", "d"]),
            "l": pa.ListArray.from_arrays([0, 1, 1, 3], times),
        }
    )
    first, second, day = (
        Timestamp(*when).to_datetime() for when in ((-1, 999_000_000), (1_500_000, 0), (-86400, 0))
    )
    epoch = Timestamp(0, 0).to_datetime()
    with tamis.Client([tamisd, "--stdio"]) as client:
        table = client.create_table("times", source)
        assert table.filter() == [
            {"s": {"t": first, "d": day}, "l": [first]},
            {"s": {"t": None, "d": epoch}, "l": []},
            {"s": {"t": second, "d": None}, "l": [None, second]},
        ]
        assert table.count("l[1] = s.t and s.t > timestamp '1970-01-01T00:00:00Z'") == 1


def test_a_null_hides_what_is_below() -> None:
    inner = pa.array([[1, 2], [3], [4, 5]], pa.list_(pa.int8()))
    mask = pa.array([False, True, False])
    source = pa.StructArray.from_arrays([inner], ["x"], mask=mask)
    assert [row["a"] for row in rows({"a": source})] == [{"x": [1, 2]}, None, {"x": [4, 5]}]
    lists_ = pa.ListArray.from_arrays(
        [0, 2, 4], pa.array([1, 2, 3, 4]), mask=pa.array([True, False])
    )
    assert [row["a"] for row in rows({"a": lists_})] == [None, [3, 4]]


def test_equal_names() -> None:
    twice = pa.StructArray.from_arrays(
        [pa.array([1]), pa.array([2]), pa.array([3])], ["x", "y", "x"]
    )
    assert [row["a"] for row in rows({"a": twice})] == [{"x": 3, "y": 2}]


def test_maps_with_other_keys(tamisd: str) -> None:
    kind = pa.map_(pa.int16(), pa.string())
    with tamis.Client([tamisd, "--stdio"]) as client:
        table = client.create_table("m", {"a": pa.array([[(1, "x"), (300, "y")], None], kind)})
        assert table.filter() == [{"a": {1: "x", 300: "y"}}, {"a": None}]
    odd = pa.array([[([1], "x")]], pa.map_(pa.list_(pa.int8()), pa.string()))
    with pytest.raises(tamis.EncodeError, match="keys are lists") as caught:
        rows({"a": odd})
    assert caught.value.field == "a"


def test_long_words_go_in_small_parts(tamisd: str) -> None:
    """A dictionary of long words in lists: few bytes here, too many for one payload there."""
    words = pa.array(["x" * 3000, "y"])
    codes = pa.array([0, 1] * 2000, pa.int8())
    items = pa.DictionaryArray.from_arrays(codes, words)
    source = {"a": pa.ListArray.from_arrays(list(range(0, 4001, 2)), items)}
    with tamis.Client([tamisd, "--stdio", "--frame-bytes", "64K"]) as client:
        table = client.create_table("words", source)
        assert table.count("a[0] like 'xxx%' and a[1] = 'y'") == 2000
        one = pa.DictionaryArray.from_arrays(pa.array([0] * 30, pa.int8()), words)
        long = {"a": pa.ListArray.from_arrays([0, 30], one)}
        with pytest.raises(tamis.LimitError) as caught:
            table.append(long)
        assert (caught.value.name, caught.value.row) == ("FRAME_TOO_LARGE", 0)
        assert len(table) == 2000


@pytest.mark.parametrize("code", [-1, 0, 7])
def test_codes_behind_a_null_may_be_any(tamisd: str, code: int) -> None:
    """A null struct's fields, and what lies in no list, need not be nulls themselves."""
    codes, words = pa.array([code], pa.int8()), pa.array([], pa.string())
    array = pa.DictionaryArray.from_arrays(codes, words, safe=False)
    source = {"a": pa.StructArray.from_arrays([array], ["x"], mask=pa.array([True]))}
    assert rows(source) == [{"a": None}]
    with tamis.Client(tamisd) as client:
        assert client.create_table("one", source).filter() == [{"a": None}]


def test_written_is_counted() -> None:
    pieces = Pieces(Packer().pack)
    cells = tamis.arrow.ArrowColumn.of("a", pa.array([[1, 2], None])).cells(0, 2)
    put_columns(pieces, 2, [("a", cells)])
    assert pieces.nested == 5 * 2 + 15 * 2


def test_what_does_not_fit_changes_nothing(tamisd: str) -> None:
    with tamis.Client([tamisd, "--stdio", "--max-memory", "48M"]) as client:
        words = pa.array([f"{i} is a word of some length" for i in range(40_000)])
        source = {"a": pa.ListArray.from_arrays(list(range(0, 40_001, 4)), words)}
        table = client.create_table("words", source)
        before = 0
        with pytest.raises(tamis.TamisError) as caught:  # noqa: PT012 - some load will not fit
            for before in range(10_000, 10_000_000, 10_000):
                assert len(table) == before
                table.append(source)
        assert caught.value.name == "MEMORY"
        assert len(table) == before > 10_000
        # Without a column of its own for a path, for which there may be no room.
        assert table.count("a is not null") == len(table)
        assert table.filter(limit=1) == [{"a": [f"{i} is a word of some length" for i in range(4)]}]
