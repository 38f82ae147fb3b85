"""Arrays and frames of numpy, pandas, polars, pyarrow and duckdb as sources, and columns back to
numpy. The only tests that need these packages; the client itself imports none of them. It
is long because they stay together for that.
"""

from __future__ import annotations

import datetime
import gc
import math
import subprocess
import sys
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgpack import Timestamp
from test_sources import pace_of, rows, types_of

import tamis
from tamis.arrow_text import narrowed
from tamis.cells import Pieces
from tamis.frames import Packer
from tamis.source import FIRST_ROWS, Pace, can_be_read_again, parts

UTC = datetime.timezone.utc
BIG = {"batch_rows": 1 << 20, "frame_bytes": 64 << 20}


def second(year: int, month: int, day: int) -> Timestamp:
    return Timestamp(int(datetime.datetime(year, month, day, tzinfo=UTC).timestamp()), 0)


def column(values: Any, limits: Any = None) -> list[Any]:
    return [row["a"] for row in rows({"a": values}, None, limits)]


# numpy ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f4", "f8"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_numbers(code: str, order: str) -> None:
    numbers = np.arange(13, dtype=order + code)
    bits = 8 * numbers.itemsize
    assert types_of({"a": numbers}) == [f"{code[0]}{bits}"]
    assert column(numbers) == list(range(13))
    assert column(numbers[::-3]) == [12, 9, 6, 3, 0]


def test_other_arrays() -> None:
    assert column(np.array([True, False])) == [True, False]
    assert column(np.array([1.5, 0.1], "f2")) == [1.5, float(np.float16(0.1))]
    assert column(np.array(["x", "é"])) == ["x", "é"]
    assert types_of({"a": np.array(["x", "é"], object)}) == ["zstr"]
    foreign = [pd.Timestamp(0), pd.NA, "x", None, pd.NaT]
    assert column(np.array(foreign, object)) == [Timestamp(0, 0), None, "x", None, None]
    assert column(np.array(foreign[2::-1], object)) == ["x", None, Timestamp(0, 0)]
    assert column(np.array([b"x", b""])) == [b"x", b""]
    assert column(np.array([1, "x", None], object)) == [1, "x", None]
    assert column(np.arange(4).reshape(2, 2)) == [[0, 1], [2, 3]]
    assert column(np.array([(1, "x")], [("p", "i4"), ("q", "U1")])) == [{"p": 1, "q": "x"}]
    found = column(np.array([1.0, math.nan]))
    assert found[0] == 1.0
    assert math.isnan(found[1])  # of numpy's, NaN is a number
    mixed = np.array([f"{i}" for i in range(40_000)] + [1, pd.NA, b"x"], object)
    assert column(mixed[::-2], BIG) == [b"x", 1, *(f"{i}" for i in range(39_998, -1, -2))]
    assert column(mixed[1::3].astype("U5"), BIG) == [str(value) for value in mixed[1::3]]
    for wrong in (np.array([1j]), np.array([1], "m8[s]"), np.array([1], np.longdouble)):
        with pytest.raises(tamis.EncodeError, match="convert the column first"):
            column(wrong)


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns", "D", "h", "M", "Y"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_times(unit: str, order: str) -> None:
    times = np.array(["1969-01-01", "NaT", "2020-01-01"], f"{order}M8[{unit}]")
    assert column(times) == [second(1969, 1, 1), None, second(2020, 1, 1)]
    assert column(times[2:]) == [second(2020, 1, 1)]


def test_times_in_odd_units() -> None:
    far = np.array([3_000_000_000, -1, -(2**63)], "i8")  # in nanoseconds beyond 64 bits
    assert column(far.view("M8[25s]")) == [Timestamp(75_000_000_000, 0), Timestamp(-25, 0), None]
    assert column(far.view("M8[7D]"))[0] == Timestamp(7 * 86400 * 3_000_000_000, 0)
    assert column(far.view(">M8[10us]").byteswap())[0] == Timestamp(30_000, 0)
    assert column(np.array([2000, -1000], "i8").view("M8[ps]")) == [
        Timestamp(0, 2),
        Timestamp(-1, 999_999_999),
    ]
    for unit, count in (("Y", 10**12), ("h", 2**62), ("M", -(2**62)), ("ps", 1500), ("as", 1)):
        times = np.array([0, count], "i8").view(f"M8[{unit}]")
        with pytest.raises(tamis.EncodeError, match=r"row 1, field a: a datetime64.*does not hold"):
            column(times)
        assert column(np.ma.array(times, mask=[False, True])) == [Timestamp(0, 0), None]


def test_strings_of_variable_width() -> None:
    for missing in ({}, {"na_object": None}, {"na_object": math.nan}):
        words = np.array(["x", "é" * 40, ""], np.dtypes.StringDType(**missing))
        assert column(words) == ["x", "é" * 40, ""]
        assert column(np.ma.array(words, mask=[True, False, False]))[:2] == [None, "é" * 40]
        assert column(words.reshape(1, 3)) == [["x", "é" * 40, ""]]
        if missing:
            words[1] = missing["na_object"]
            assert column(words[::-1]) == ["", None, "x"]


def test_masked_arrays() -> None:
    masked = np.ma.array([1, 2, 3], mask=[False, True, False])
    assert column(masked) == [1, None, 3]
    assert column(np.ma.array([1.5, 2.5])) == [1.5, 2.5]
    assert column(np.ma.array(["2020-01-01", "NaT"], "M8[D]", mask=[True, False])) == [None, None]


def test_structured_arrays() -> None:
    fields = np.array([(1, 2.5, "x"), (3, 4.5, "y")], [("a", "i4"), ("b", ">f8"), ("c", "U1")])
    expected = [{"a": 1, "b": 2.5, "c": "x"}, {"a": 3, "b": 4.5, "c": "y"}]
    assert rows(fields) == expected
    assert rows(fields, ["c"]) == [{"c": "x"}, {"c": "y"}]
    assert rows(np.array([[1, 2], [3, 4]]), ["a", "b"]) == [{"a": 1, "b": 2}, {"a": 3, "b": 4}]
    masked = np.ma.array(fields[["a", "c"]], mask=[(True, False), (False, True)])
    assert rows(masked) == column(masked) == [{"a": None, "c": "x"}, {"a": 3, "c": None}]
    with pytest.raises(TypeError, match="columns= names the second"):
        rows(np.array([1, 2]))


def test_structures_inside() -> None:
    inner = np.array([((1,), [2, 3], 4)], [("p", [("q", "i4")]), ("r", "i4", 2), ("t", "M8[s]")])
    assert column(inner) == [{"p": {"q": 1}, "r": [2, 3], "t": Timestamp(4, 0)}]
    assert column(inner.reshape(1, 1)) == [column(inner)]
    counts = np.array([[1, 2], [3, -(2**63)]]).view("M8[ms]")
    times = np.ma.array(counts, mask=[[False, True], [False, False]])
    assert column(times) == [[Timestamp(0, 1_000_000), None], [Timestamp(0, 3_000_000), None]]


# Arrow ---------------------------------------------------------------------------------------

WHEN = datetime.datetime(2020, 1, 2, 3, 4, 5, 678901)
DAY = datetime.date(1969, 12, 30)
INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
ARROW: dict[str, tuple[pa.DataType, list[Any]]] = {
    **{str(kind): (kind, [1, None, 100, 0]) for kind in map(pa.type_for_alias, INTEGERS)},
    **{
        str(kind): (kind, [1.5, None, -0.25, 0.0])
        for kind in (pa.float16(), pa.float32(), pa.float64())
    },
    **{
        str(kind): (kind, ["x", None, "", "é" * 9, "a string of its own", "\0"])
        for kind in (pa.string(), pa.large_string(), pa.string_view())
    },
    **{
        str(kind): (kind, [b"x", None, b"", b"\xff" * 20])
        for kind in (pa.binary(), pa.large_binary(), pa.binary_view())
    },
    "fixed": (pa.binary(3), [b"abc", None, b"\0\0\0"]),
    "bool": (pa.bool_(), [True, None, False, True]),
    "null": (pa.null(), [None, None, None]),
    "list": (pa.list_(pa.int32()), [[1, None], None, [], [3]]),
    "large_list": (pa.large_list(pa.string()), [["x"], None, [], [None, "y"]]),
    "list_view": (pa.list_view(pa.int32()), [[1, None], None, [], [3]]),
    "fixed_list": (pa.list_(pa.bool_(), 2), [[True, False], None, [None, True]]),
    "struct": (
        pa.struct({"p": pa.int8(), "q": pa.list_(pa.string())}),
        [{"p": 1, "q": ["x"]}, None, {"p": None, "q": None}],
    ),
    "map": (pa.map_(pa.string(), pa.int64()), [{"x": 1, "y": None}, None, {}]),
    "nested": (pa.list_(pa.struct({"p": pa.bool_()})), [[{"p": True}], [], None, [None]]),
    "words": (pa.dictionary(pa.int8(), pa.string()), ["x", "y", None, "x", "x"]),
    "numbers": (pa.dictionary(pa.uint16(), pa.int64()), [5, 6, None, 5]),
}


def arrow(name: str) -> tuple[pa.Array, list[Any]]:
    kind, values = ARROW[name]
    if isinstance(kind, pa.DictionaryType):
        return pa.array(values, kind.value_type).dictionary_encode().cast(kind), values
    return pa.array(values, kind), values


@pytest.mark.parametrize("name", ARROW)
def test_arrow_types(name: str) -> None:
    array, values = arrow(name)
    assert column(array) == values
    assert rows(pa.table({"a": array})) == [{"a": value} for value in values]
    record = pa.record_batch({"a": array})
    assert rows(record) == [{"a": value} for value in values]
    longer = pa.concat_arrays([array] * 7)
    for start in range(9):
        part = longer.slice(start, 11)
        assert column(part) == (values * 7)[start : start + 11]
        assert column(part, BIG) == (values * 7)[start : start + 11]
        sliced = pa.table({"a": longer, "b": longer}).slice(start, 11)
        assert [row["b"] for row in rows(sliced)] == (values * 7)[start : start + 11]
    chunked = pa.chunked_array([array, array.slice(1), array.slice(0, 0), array])
    assert column(chunked) == values + values[1:] + values
    assert column(array.slice(0, 0)) == []


def test_wire_types() -> None:
    found = {name: types_of({"a": arrow(name)[0]})[0] for name in ARROW}
    assert found["int8"] == "i8"
    assert found["uint32"] == "u32"
    assert found["halffloat"] == found["float"] == "f32"
    assert found["double"] == "f64"
    assert found["string"] == found["string_view"] == "str"
    assert found["large_string"] == "str64"
    assert found["bool"] == "bits"
    assert found["words"] == "dict"
    for name in ("binary", "large_binary", "binary_view", "fixed"):
        assert found[name] == "bin"
    for name in ("list", "large_list", "fixed_list", "nested"):
        assert found[name] == "array"
    assert (found["struct"], found["map"]) == ("struct", "map")
    assert found["numbers"] == found["list_view"] == "list"


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "Europe/Oslo"])
def test_arrow_times(unit: str, zone: Any) -> None:
    counts = pa.array([-1, None, 1_500_000_000, 0], pa.int64())
    per = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    expected = [
        count if count is None else Timestamp(count // per, count % per * (10**9 // per))
        for count in counts.to_pylist()
    ]
    times = counts.cast(pa.timestamp(unit, zone))
    assert column(times) == expected
    assert types_of({"a": times}) == ["timestamp"]
    assert column(pa.array([times.to_pylist()], pa.list_(times.type))) == [expected]


def test_dates() -> None:
    for kind in (pa.date32(), pa.date64()):
        days = pa.array([DAY, None, datetime.date(2020, 1, 2)], kind)
        assert column(days) == [second(1969, 12, 30), None, second(2020, 1, 2)]
        assert column(days.slice(2)) == [second(2020, 1, 2)]


def test_maps() -> None:
    kind = pa.map_(pa.string(), pa.int64())
    maps = pa.array([[("x", 1), ("y", None)], None, []], kind)
    assert column(maps) == [{"x": 1, "y": None}, None, {}]


@pytest.mark.parametrize(
    ("array", "advice"),
    [
        (pa.array([None], pa.decimal128(5, 2)), "cast it to float64, int64 or string"),
        (pa.array([1], pa.duration("s")), "cast it to int64"),
        (pa.array([1], pa.time32("s")), "time of day"),
        (pa.array([None], pa.month_day_nano_interval()), "interval"),
        (pa.RunEndEncodedArray.from_arrays([1], ["x"]), "decode it first"),
        (pa.UnionArray.from_sparse(pa.array([0], pa.int8()), [pa.array([1])]), "union"),
    ],
)
def test_arrow_types_without_a_form(array: pa.Array, advice: str) -> None:
    for source in ({"a": array}, pa.table({"a": array})):
        with pytest.raises(tamis.EncodeError, match=advice) as caught:
            rows(source)
        assert caught.value.field == "a"
    nested = pa.StructArray.from_arrays([array], ["inside"])
    with pytest.raises(tamis.EncodeError, match=advice) as caught:
        rows({"odd one": nested})
    assert caught.value.field == '"odd one".inside'


def test_rows_that_are_null() -> None:
    fine = pa.StructArray.from_arrays([pa.array([1, 2])], ["a"])
    assert rows(fine) == [{"a": 1}, {"a": 2}]
    assert rows(pa.concat_arrays([fine, fine]).slice(1, 2)) == [{"a": 2}, {"a": 1}]
    broken = pa.StructArray.from_arrays([pa.array([1, 2])], ["a"], mask=pa.array([False, True]))
    with pytest.raises(tamis.EncodeError, match="is null"):
        rows(broken)
    with pytest.raises(TypeError, match="must be of structs"):
        rows(pa.array([1]))


def test_large_dictionaries_are_not_sent_with_each_part() -> None:
    words = pa.array([f"word {i}" for i in range(1000)]).dictionary_encode()
    assert column(words) == words.to_pylist()  # five rows a part
    assert types_of({"a": words}) == ["list"]


WORDS = st.sampled_from(["", "x", "twelve bytes", "thirteen byte", "é" * 20, "another long one"])


@given(st.lists(WORDS | st.none(), max_size=40), st.randoms(use_true_random=False))
def test_views_of_strings(words: list[Any], random: Any) -> None:
    views = pa.array(words, pa.string_view())
    assert column(views, BIG) == words
    order = list(range(len(words)))
    random.shuffle(order)
    frame = pl.DataFrame({"a": pl.Series(words, dtype=pl.String)})[order]
    many = pl.concat([frame, frame.reverse()], rechunk=bool(random.randint(0, 1)))
    assert column_of_rows(many) == many["a"].to_list()


@pytest.mark.parametrize("distinct", [3, 100, 2000])
@pytest.mark.parametrize("length", [3, 20])
def test_few_strings_in_many_views(distinct: int, length: int) -> None:
    words = [f"{i * 7 % distinct:0{length}d}" for i in range(2000)]
    views = pl.Series(words)
    limits = {**BIG, "batch_rows": 2000}
    assert column(views, limits) == words
    part = next(parts({"a": views}, None, pace_of(2000)))
    pieces = Pieces(Packer().pack)
    part.put(pieces)
    # Short ones are told apart by their views; equal long ones may lie in several places.
    assert (b"dict" in bytes(pieces.frame(b"")[0])) == (distinct == 3 and length == 3)


def test_two_columns_of_one_name() -> None:
    twice = pd.DataFrame([[1, 2, 3]], columns=["a", "a", "b"])
    assert rows(twice, ["b"]) == [{"b": 3}]
    for source, names in (
        (twice, ["b", "a"]),
        ([{"a": 1}], ["a", "a"]),
        ([(1, 2)], ["a", "a"]),
        (np.ones((2, 2)), ["a", "a"]),
    ):
        with pytest.raises(ValueError, match="two columns have the name a"):
            rows(source, names)
    table = pa.table([[1], [2]], names=["a", "a"])
    with pytest.raises(ValueError, match="two columns have the name a"):
        rows(table)


@given(st.lists(st.integers(0, 9), max_size=30), st.integers(0, 2**62))
def test_narrowed(lengths: list[int], first: int) -> None:
    offsets = [first + sum(lengths[:i]) for i in range(len(lengths) + 1)]
    view = memoryview(np.array(offsets, "<i8").tobytes()).cast("q")
    assert np.frombuffer(narrowed(view), "<u4").tolist() == [o - first for o in offsets]


def test_readers_and_results() -> None:
    table = pa.table({"a": list(range(10))})
    reader = table.to_reader(max_chunksize=3)
    assert not can_be_read_again(reader)
    assert can_be_read_again(table)
    assert can_be_read_again(pa.record_batch({"a": [1]}))
    assert column_of_rows(reader) == list(range(10))
    with duckdb.connect() as connection:
        result = connection.sql("SELECT range AS a, 'x' || range AS b FROM range(5000)")
        found = rows(result, None, BIG)
    assert found == [{"a": i, "b": f"x{i}"} for i in range(5000)]


def column_of_rows(source: Any) -> list[Any]:
    return [row["a"] for row in rows(source)]


# What is released, and when -------------------------------------------------------------------


class Counted:
    """A reader whose batches live in memory that Arrow counts."""

    def __init__(self, fails_after: int) -> None:
        self.fails_after = fails_after

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        schema = pa.schema({"a": pa.int64()})

        def batches() -> Any:
            for i in range(self.fails_after):
                yield pa.record_batch({"a": pa.array(range(i, i + 1000))})
            raise ValueError("the disk is gone")

        return pa.RecordBatchReader.from_batches(schema, batches()).__arrow_c_stream__()


@pytest.mark.parametrize("batches", [0, 1, 3])
def test_errors_of_a_stream_are_told_and_all_is_released(batches: int) -> None:
    gc.collect()
    before = pa.total_allocated_bytes()
    with pytest.raises(tamis.ArrowError, match="the disk is gone"):
        rows(Counted(batches), None, BIG)
    gc.collect()
    assert pa.total_allocated_bytes() == before


def test_everything_is_released() -> None:
    gc.collect()
    before = pa.total_allocated_bytes()
    table = pa.table({"a": pa.array(range(1000)), "s": pa.array(["x"] * 1000)})
    assert len(rows(table.to_reader(max_chunksize=10), None, BIG)) == 1000
    assert len(column(table["s"])) == 1000
    with pytest.raises(ValueError, match="different lengths"):
        rows({"a": table["a"], "b": [1]})
    decimal = pa.table({"a": pa.array([1]), "d": pa.array([1], pa.decimal128(5, 2))})
    with pytest.raises(tamis.EncodeError):
        rows(decimal.to_reader())
    del table, decimal
    gc.collect()
    assert pa.total_allocated_bytes() == before


def test_a_capsule_is_used_once() -> None:
    class Twice:
        capsule = pa.table({"a": [1]}).__arrow_c_stream__()

        def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
            return self.capsule

    source = Twice()
    assert rows(source) == [{"a": 1}]
    with pytest.raises(tamis.ArrowError, match="used already"):
        rows(source)


# Frames --------------------------------------------------------------------------------------


def test_polars() -> None:
    frame = pl.DataFrame(
        {
            "i": [1, None, 3],
            "f": [1.5, math.inf, None],
            "s": ["x", None, "a string longer than twelve"],
            "c": pl.Series(["p", None, "p"], dtype=pl.Categorical),
            "e": pl.Series(["p", None, "q"], dtype=pl.Enum(["p", "q"])),
            "d": [DAY, None, DAY],
            "t": pl.Series([WHEN, None, WHEN]).dt.replace_time_zone("Europe/Oslo"),
            "b": [True, None, False],
            "l": [[1], None, []],
            "y": [b"x", None, b""],
        }
    )
    when = Timestamp(int(WHEN.replace(tzinfo=UTC).timestamp()) - 3600, 678901000)
    first = {"i": 1, "f": 1.5, "s": "x", "c": "p", "e": "p", "d": second(1969, 12, 30)}
    first |= {"t": when, "b": True, "l": [1], "y": b"x"}
    found = rows(frame)
    assert found[0] == first
    assert found[1] == {**dict.fromkeys(first), "f": math.inf}
    assert found[2]["s"] == "a string longer than twelve"
    assert rows(frame, ["b", "i"])[2] == {"b": False, "i": 3}
    assert rows({"x": frame["s"], "y": np.arange(3)})[2]["x"] == "a string longer than twelve"
    with pytest.raises(TypeError, match="call collect"):
        rows(frame.lazy())
    many = pl.concat([frame] * 5000, rechunk=False)
    assert len(rows(many, None, BIG)) == 15_000


def test_objects_in_polars() -> None:
    # Polars would give their addresses, as bytes.
    objects = pl.Series("a", [object()], dtype=pl.Object)
    for source in (pl.DataFrame([pl.Series("n", [1]), objects]), {"a": objects}):
        with pytest.raises(tamis.EncodeError, match="a: Python objects of polars"):
            rows(source)


def pandas_frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "i": [1, 2, 3],
            "f": [1.5, math.nan, 2.5],
            "n": pd.array([1, None, 3], dtype="Int64"),
            "m": pd.array([True, None, False], dtype="boolean"),
            "s": ["x", None, "é"],
            "c": pd.Categorical(["p", None, "p"]),
            "t": pd.to_datetime(["2020-01-01", None, "1969-12-30"]),
            "z": pd.to_datetime(["2020-01-01", None, "1969-12-30"]).tz_localize("Europe/Oslo"),
            "o": pd.Series([1, None, "x"], dtype=object),
            "a": pd.Series([{"k": 1}, pd.NA, pd.NaT], dtype=object),
        }
    ).set_index(pd.Index([7, 8, 9]))


EXPECTED: list[dict[str, Any]] = [
    {"i": 1, "f": 1.5, "n": 1, "m": True, "s": "x", "c": "p", "o": 1, "a": {"k": 1}},
    dict.fromkeys(["f", "n", "m", "s", "c", "t", "z", "o", "a"]) | {"i": 2},
    {"i": 3, "f": 2.5, "n": 3, "m": False, "s": "é", "c": "p", "o": "x", "a": None},
]
EXPECTED[0] |= {"t": second(2020, 1, 1), "z": Timestamp(second(2020, 1, 1).seconds - 3600, 0)}
EXPECTED[2] |= {"t": second(1969, 12, 30), "z": Timestamp(second(1969, 12, 30).seconds - 3600, 0)}


def test_pandas() -> None:
    frame = pandas_frame()
    assert rows(frame) == EXPECTED  # without the index
    assert rows(frame[::-2]) == EXPECTED[::-2]
    assert rows(frame, ["s", "i"])[0] == {"s": "x", "i": 1}
    assert rows({"i": frame["i"], "j": frame.index})[0] == {"i": 1, "j": 7}
    stamps = pd.Series([pd.Timestamp("2020-01-01 00:00:00.000000001")], dtype=object)
    assert column(stamps) == [Timestamp(second(2020, 1, 1).seconds, 1)]
    far = pd.Series([pd.Timestamp("9000-01-01"), pd.NaT, pd.Timestamp("1000-01-01", tz="UTC")])
    assert column(far.astype(object)) == [second(9000, 1, 1), None, second(1000, 1, 1)]
    backed = pd.Series([1, None, 3], dtype=pd.ArrowDtype(pa.int32()))
    assert column(backed) == [1, None, 3]
    assert types_of({"a": backed}) == ["i32"]
    with pytest.raises(TypeError, match="must be str, not int"):
        rows(pd.DataFrame({0: [1]}))


def test_sparse_columns_of_pandas() -> None:
    for values, fill in (([0, 0, 7], 0), ([False, True, False], False), ([1.5, 0.0, 2.5], 1.5)):
        sparse = pd.Series(pd.arrays.SparseArray(values, fill_value=fill))
        assert column(sparse) == column(sparse.array) == values
        assert type(column(sparse)[0]) is type(values[0])
    assert column(pd.Series(pd.arrays.SparseArray([1.5, math.nan]))) == [1.5, None]


@pytest.mark.parametrize("wrapped", [False, True])
def test_types_of_pandas_without_a_form(wrapped: bool) -> None:
    for kind, values in (
        ("Period", pd.period_range("2020", periods=2, freq="D")),
        ("Interval", pd.interval_range(0, 2)),
    ):
        wrong = pd.Series(pd.Categorical(values) if wrapped else values)
        with pytest.raises(tamis.EncodeError, match=f"a: a column of type '{kind}'"):
            rows(pd.DataFrame({"a": wrong}))


def test_a_pandas_frame_without_columns_has_rows() -> None:
    assert (
        rows(pd.DataFrame(index=range(3))) == [{}] * 3 == rows(pa.table({"a": [1] * 3}).select([]))
    )


def test_pandas_without_pyarrow() -> None:
    program = (
        f"import sys; sys.path[:0] = {sys.path!r}; sys.modules['pyarrow'] = None\n"
        "import pandas as pd, numpy as np\n"
        "from test_sources import rows\n"
        "frame = pd.DataFrame({'i': [1, 2], 'f': [1.5, np.nan], 's': ['x', None],\n"
        "    'c': pd.Categorical(['p', None]), 'n': pd.array([1, None], dtype='Int64'),\n"
        "    't': pd.to_datetime(['1970-01-01', None])})\n"
        "found = rows(frame)\n"
        "assert found[1] == {'i': 2, **dict.fromkeys('fscnt')}, found\n"
        "first = dict(found[0]); assert first.pop('t').seconds == 0\n"
        "assert first == {'i': 1, 'f': 1.5, 's': 'x', 'c': 'p', 'n': 1}, found\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)


def test_the_client_imports_none_of_them() -> None:
    program = (
        f"import sys; sys.path[:0] = {sys.path!r}; import tamis\n"
        "found = {'numpy', 'pandas', 'polars', 'pyarrow'} & set(sys.modules)\n"
        "assert not found, found\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


# With a daemon -------------------------------------------------------------------------------


@settings(max_examples=25)
@given(st.integers(0, 200), st.integers(1, 50), st.randoms(use_true_random=False))
def test_random_tables(count: int, size: int, random: Any) -> None:
    kinds = random.sample(list(ARROW), 4)
    columns = {kind: random.choices(ARROW[kind][1], k=count) for kind in kinds}
    table = pa.table(
        {
            kind: pa.array(values, t.value_type if isinstance(t, pa.DictionaryType) else t)
            for kind, values in columns.items()
            for t in [ARROW[kind][0]]
        }
    )
    expected = [dict(zip(kinds, row)) for row in zip(*columns.values())]
    assert rows(table.to_reader(max_chunksize=size), None, {"batch_rows": 7}) == expected


def test_a_frame_in_a_table_and_back(client: tamis.Client) -> None:
    count = 20_000
    frame = pl.DataFrame(
        {
            "i": range(count),
            "f": np.arange(count) / 8,
            "s": [f"text {i % 100}" for i in range(count)],
            "c": pl.Series([f"word {i % 3}" for i in range(count)], dtype=pl.Categorical),
            "n": [None if i % 3 == 0 else i for i in range(count)],
            "t": pl.Series(range(count)).cast(pl.Datetime("us", "UTC")),
        }
    )
    table = client.create_table("frame", frame, exists="replace")
    assert len(table) == count
    kept = table.indices("i >= 19000")
    assert np.frombuffer(kept, np.uint32).tolist() == list(range(19_000, count))
    assert np.asarray(kept).dtype == np.uint32
    found = table.select("i >= 19000", ["i", "f", "t", "n", "s", "c"])
    part = frame[19_000:]
    integers = np.asarray(found["i"])
    assert integers.dtype == np.int64
    assert np.shares_memory(integers, np.frombuffer(found["i"].values or b"", np.int64))
    assert integers.tolist() == part["i"].to_list()
    assert np.asarray(found["f"]).tolist() == part["f"].to_list()
    assert (np.asarray(found["t"]).astype("M8[us]") == part["t"].to_numpy()).all()
    assert found["n"].to_list() == part["n"].to_list() == np.asarray(found["n"]).tolist()
    assert found["s"].to_list() == part["s"].to_list()
    assert found["c"].to_list() == part["c"].to_list()
    mask = np.frombuffer(table.mask("i >= 19000"), np.bool_)
    assert frame.filter(mask).equals(part)


def test_a_pandas_frame_in_a_table(client: tamis.Client) -> None:
    table = client.create_table("pandas", pandas_frame(), exists="replace")
    assert table.count("f IS NULL") == 1
    assert table.filter("i >= 2", columns=["s", "n"]) == [
        {"s": None, "n": None},
        {"s": "é", "n": 3},
    ]


@pytest.mark.parametrize(
    ("type", "in_place"),
    [
        (pa.int8(), True),
        (pa.float64(), True),
        (pa.float16(), False),
        (pa.bool_(), True),
        (pa.timestamp("us", "UTC"), True),
        (pa.date32(), False),
        (pa.date64(), True),
        (pa.string(), True),
        (pa.large_string(), True),
        (pa.string_view(), False),
        (pa.binary(), True),
        (pa.large_binary(), False),
        (pa.binary(3), False),
        (pa.dictionary(pa.int32(), pa.string()), False),
        (pa.list_(pa.string()), True),
        (pa.list_(pa.date32()), False),
        (pa.list_(pa.int8(), 2), False),
        (pa.large_list(pa.string()), False),
        (pa.map_(pa.string(), pa.int64()), True),
        (pa.map_(pa.string(), pa.float16()), False),
        (pa.struct([("a", pa.int64()), ("b", pa.list_(pa.string()))]), True),
        (pa.struct([("a", pa.int64()), ("b", pa.null())]), False),
    ],
    ids=str,
)
def test_types_that_go_as_they_lie(type: pa.DataType, in_place: bool) -> None:
    """The first part of a column is large, or small, whose parts are made from each value."""
    column = pa.nulls(3000, type)
    first = next(parts({"a": column}, None, Pace(BIG)))
    assert first.rows == (3000 if in_place else FIRST_ROWS)
