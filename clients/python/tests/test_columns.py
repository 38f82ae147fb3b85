"""Rows to columns, against a plain walk of every row."""

from __future__ import annotations

import collections
import types
from collections.abc import Mapping
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.bits import to_bitmap
from tamis.columns import GROUP_ROWS, MISSING, Gatherer, culprit, path_text
from tamis.errors import EncodeError
from tamis.frames import Packer

KEYS = st.sampled_from(["a", "b", "c", ""])
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-9, 2**64 - 1), st.text(max_size=3)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.tuples(inner, inner),
        st.dictionaries(st.one_of(KEYS, st.integers(0, 1)), inner, max_size=3),
    ),
    max_leaves=6,
)
ROWS = st.lists(st.dictionaries(KEYS, VALUES, max_size=3), max_size=20)
PATHS = st.builds(
    lambda first, rest: (first, *rest),
    KEYS,
    st.lists(st.one_of(KEYS, st.integers(0, 2)), max_size=3),
)
WRAP = st.sampled_from([dict, collections.OrderedDict, types.MappingProxyType])


def walk(row: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        if isinstance(key, str):
            if not isinstance(row, Mapping) or key not in row:
                return MISSING
        elif not isinstance(row, (list, tuple)) or key >= len(row):
            return MISSING
        row = row[key]
    return row


@given(ROWS, st.lists(PATHS, max_size=3, unique=True), WRAP)
def test_columns_say_what_the_rows_say(rows: list[Any], paths: list[Any], wrap: Any) -> None:
    rows = [wrap(row) for row in rows]
    form, count, columns = Gatherer(paths).payload(rows)
    assert (form, count) == ("columns", len(rows))
    told = {column[0]: column for column in columns}
    for path in paths:
        expected = [walk(row, path) for row in rows]
        if path not in told:
            assert all(value is MISSING for value in expected)
            continue
        _, kind, values, valid, present = told[path]
        assert (kind, valid, len(values)) == ("list", None, len(rows))
        for i, value in enumerate(expected):
            there = present is None or present[i // 8] >> (i % 8) & 1
            assert bool(there) == (value is not MISSING)
            assert values[i] is (None if value is MISSING else value)


@given(st.lists(st.booleans()))
def test_bitmap(flags: list[bool]) -> None:
    bitmap = to_bitmap(bytes(flags))
    assert len(bitmap) == (len(flags) + 7) // 8
    assert [bool(bitmap[i // 8] >> (i % 8) & 1) for i in range(len(flags))] == flags
    assert sum(bin(byte).count("1") for byte in bitmap) == sum(flags)


def test_none_is_present_and_missing_is_not() -> None:
    column = Gatherer([("a",)]).payload([{"a": None}, {}, {"a": 1}])[2][0]
    assert column == (("a",), "list", [None, None, 1], None, b"\x05")


def test_no_fields_is_a_count_of_rows() -> None:
    assert Gatherer([]).payload([{"a": 1}, {}]) == ("columns", 2, [])


def test_a_default_dict_is_not_asked_for_what_it_would_invent() -> None:
    row: collections.defaultdict[str, int] = collections.defaultdict(int)
    assert Gatherer([("a",)]).payload([row]) == ("columns", 1, [])
    assert Gatherer([("b", "a")]).payload([{"b": row}]) == ("columns", 1, [])
    assert not row


@pytest.mark.parametrize("bad", [None, 5, "abc", ["a"], ("a",), b"a"])
@pytest.mark.parametrize("paths", [[], [("a",)], [("a", "b")]])
def test_a_row_that_is_no_mapping_is_named(bad: Any, paths: list[Any]) -> None:
    rows = [{"a": 1}, {}, bad, {"a": 2}]
    with pytest.raises(TypeError, match=f"row 102 is of type '{type(bad).__name__}'"):
        Gatherer(paths).payload(rows, 100)


def unpacked(gatherer: Gatherer, rows: list[Any], base: int = 0) -> Any:
    """What packed() says, which is what payload() says."""
    pack = Packer().pack
    told = gatherer.packed(rows, base, pack)
    assert told[:1] == b"\x93"
    payload = msgpack.unpackb(told, strict_map_key=False)
    whole = pack(gatherer.payload(rows, base))
    assert payload == msgpack.unpackb(whole, strict_map_key=False)
    return payload


RUNS = st.lists(st.tuples(st.integers(1, 120), ROWS), max_size=4)


@given(RUNS, st.lists(PATHS, max_size=3, unique=True))
def test_packed_rows_say_the_same(runs: list[Any], paths: list[Any]) -> None:
    """Rows that are alike for a while, so that groups differ in what they have."""
    rows = [row for times, some in runs for row in some * times]
    if rows:
        unpacked(Gatherer(paths), rows)


EDGES = [1, 15, 16, 17, GROUP_ROWS - 1, GROUP_ROWS, GROUP_ROWS + 1, GROUP_ROWS + 16, 3 * GROUP_ROWS]


@pytest.mark.parametrize("count", EDGES)
@pytest.mark.parametrize("at", [0, 14, GROUP_ROWS - 2, GROUP_ROWS, -1])
def test_rows_of_several_groups(count: int, at: int) -> None:
    if at >= count:
        return
    gatherer = Gatherer([("a",), ("b", "x"), ("c",), ("d",)])
    rows: list[Any] = [{"a": i, "b": {"x": i / 2}, "c": str(i)} for i in range(count)]
    want: list[Any] = [[row["a"] for row in rows], [i / 2 for i in range(count)]]
    want.append([str(i) for i in range(count)])
    told = unpacked(gatherer, rows)
    assert told[:2] == ["columns", count]
    assert [column[1:] for column in told[2]] == [["list", v, None, None] for v in want]
    del rows[at]["c"]  # which only that field feels
    want[2][at] = None
    flags = to_bitmap(bytes([row is not rows[at] for row in rows]))
    last = [["list", want[2], None, flags]] if count > 1 else []
    got = [column[1:] for column in unpacked(gatherer, rows)[2]]
    assert got == [["list", v, None, None] for v in want[:2]] + last
    rows[at] = types.MappingProxyType(rows[at])
    assert [column[1:] for column in unpacked(gatherer, rows)[2]] == got
    rows[at] = {"d": 2**70}
    with pytest.raises(EncodeError, match="cannot be sent") as caught:
        gatherer.packed(rows, 7, Packer().pack)
    assert (caught.value.row, caught.value.field) == (at % count + 7, "d")
    rows[at] = 5
    with pytest.raises(TypeError, match=f"row {at % count + 7} is of type 'int'"):
        gatherer.packed(rows, 7, Packer().pack)


def test_an_index_is_for_arrays_and_a_name_for_mappings() -> None:
    rows: list[dict[str, Any]] = [{"a": "xy"}, {"a": {0: 1}}, {"a": b"xy"}, {"a": [7]}, {"a": (8,)}]
    column = Gatherer([("a", 0)]).payload(rows)[2][0]
    assert column[2:] == ([None, None, None, 7, 8], None, b"\x18")


def test_an_index_is_not_for_an_extension() -> None:
    # Which is a tuple in Python: (code, data).
    rows = [{"a": msgpack.ExtType(5, b"x")}, {"a": (5, b"x")}]
    assert Gatherer([("a", 0)]).payload(rows)[2] == [(("a", 0), "list", [None, 5], None, b"\x02")]


def test_the_culprit_is_found() -> None:
    payload = Gatherer([("a",), ("b", 0)]).payload([{"a": 1, "b": [1]}, {"a": 2, "b": [{1}]}])
    error = culprit(payload, 10, msgpack.Packer().pack, TypeError("x"))
    assert (error.row, error.field) == (11, "b[0]")
    assert "'set'" in str(error)


def test_paths_as_text() -> None:
    assert path_text(("a", "b", 0, "odd key", 'q"')) == 'a.b[0]."odd key"."q"""'
