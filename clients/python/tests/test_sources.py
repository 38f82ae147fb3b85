"""Sources of rows to payloads, read back by the fake daemon's decoder, which knows no client."""

from __future__ import annotations

import datetime
import sys
from array import array
from collections import OrderedDict, UserDict
from collections.abc import Iterator
from typing import Any, Optional

import msgpack
import pytest
from fake_tables import rows_of
from hypothesis import given
from hypothesis import strategies as st

import tamis
from tamis.arrays import PART_VALUES, STRINGS, packed_text
from tamis.cells import COPIED_BYTES, Pieces
from tamis.columns import GROUP_ROWS
from tamis.frames import LENGTH, Packer
from tamis.source import (
    FIRST_ROWS,
    GROUP_BYTES,
    SEGMENT_ROWS,
    Names,
    Pace,
    Part,
    can_be_read_again,
    parts,
)

LIMITS = {"batch_rows": 5, "frame_bytes": 4096}


def payloads(
    source: Any, columns: Names = None, limits: Optional[dict[str, int]] = None
) -> Iterator[Any]:
    """The payloads of a source, decoded."""
    pace = Pace(LIMITS if limits is None else limits)
    pack = Packer().pack
    base = 0
    for part in parts(source, columns, pace):
        assert part.base == base
        base += part.rows
        pieces = Pieces(pack)
        part.put(pieces)
        frame = b"".join(pieces.frame(b""))
        assert LENGTH.unpack_from(frame)[0] == len(frame) - 4 == pieces.size
        payload = msgpack.unpackb(frame[4:], strict_map_key=False, unicode_errors="surrogatepass")
        assert 0 < len(rows_of(payload)) == part.rows
        yield payload
        pace.learn(part.rows, pieces.size)


def rows(source: Any, columns: Names = None, limits: Optional[dict[str, int]] = None) -> list[Any]:
    return [row for payload in payloads(source, columns, limits) for row in rows_of(payload)]


def types_of(source: Any) -> list[str]:
    return [column[1] for column in next(payloads(source))[2]]


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text(max_size=5)
    | st.binary(max_size=5)
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner)
)
ROWS = st.lists(st.dictionaries(st.sampled_from(["a", "b", "c", "é"]), VALUES), max_size=12)
COLUMNS = st.integers(0, 12).flatmap(
    lambda n: st.dictionaries(
        st.text(max_size=3),
        st.lists(SCALARS, min_size=n, max_size=n)
        | st.lists(st.integers(-(2**70), 2**70).filter(lambda i: -(2**63) <= i < 2**64), min_size=n)
        .map(lambda values: values[:n])
        .filter(lambda values: len(values) == n)
        | st.lists(st.floats(allow_nan=False), min_size=n, max_size=n)
        | st.lists(st.booleans(), min_size=n, max_size=n),
        min_size=1,
        max_size=3,
    )
)


def typed(value: Any) -> Any:
    """The value with its types, so that True is not 1 and 1.0 is not 1."""
    if isinstance(value, dict):
        return {key: typed(item) for key, item in value.items()}
    if isinstance(value, list):
        return list(map(typed, value))
    return type(value).__name__, value


@given(ROWS)
def test_rows_stay_what_they_are(some: list[dict[str, Any]]) -> None:
    assert typed(rows(some)) == typed(some)
    assert typed(rows(iter(some))) == typed(some)
    assert typed(rows(lambda: some)) == typed(some)


@given(COLUMNS)
def test_columns_stay_what_they_are(columns: dict[str, list[Any]]) -> None:
    names = list(columns)
    expected = [dict(zip(names, row)) for row in zip(*columns.values())]
    assert typed(rows(columns)) == typed(expected)


def test_rows_go_as_they_are() -> None:
    regular = [{"i": i, "f": i / 2, "b": i > 1, "s": "x", "n": None} for i in range(5)]
    assert next(payloads(regular)) == ["maps", regular]
    assert next(payloads([{1: 2}, {1: 3}]))[0] == "maps"  # keys that are no names
    chosen = ["n", "s", "b", "f"]
    values = [[row[name] for name in chosen] for row in regular]
    assert typed(next(payloads(regular, chosen))) == typed(["template", chosen, values])
    assert next(payloads(values, chosen)) == ["template", chosen, values]
    assert next(payloads(regular, ["s"])) == ["template", ["s"], [["x"]] * 5]
    assert next(payloads(regular, [])) == ["maps", [{}] * 5]
    assert next(payloads([[], ()], [])) == ["template", [], [[], []]]
    assert next(payloads([{"a": 1, "c": 2}, {"b": 1}], ["a", "b"]))[1] == [{"a": 1}, {"b": 1}]
    assert rows([OrderedDict(a=1, c=2), UserDict(b=1)], ["a", "b"]) == [{"a": 1}, {"b": 1}]


GROUP = 16, GROUP_ROWS  # the first group, and the others if rows are small
EDGES = [15, 16, 17, 31, 32, sum(GROUP) - 1, sum(GROUP), sum(GROUP) + 1, sum(GROUP) + 17, 1500]


@pytest.mark.parametrize("count", EDGES)
def test_maps_in_groups(count: int) -> None:
    some = [{"n": i, "s": "x" * (i % 7)} for i in range(count)]
    limits = {"batch_rows": 4096, "frame_bytes": 1 << 20}
    assert typed(rows(some, None, limits)) == typed(some)
    assert typed(rows(some, ["s"], limits)) == typed([{"s": row["s"]} for row in some])
    pairs = [tuple(row.values()) for row in some]
    assert typed(rows(pairs, ["n", "s"], limits)) == typed(some)
    some[-1] = {"n": 1.5, "more": [{}]}
    assert typed(rows(iter(some), None, limits)) == typed(some)


def test_large_maps_are_packed_one_by_one() -> None:
    """So that what the packer keeps is not many times a row."""
    packer, sizes = Packer(), []

    def pack(value: Any) -> bytes:
        packed = packer.pack(value)
        sizes.append(len(packed))
        return packed

    some = [{"n": i, "s": "x" * GROUP_BYTES} for i in range(80)]
    (part,) = parts(some, None, Pace({}))
    pieces = Pieces(pack)
    part.put(pieces)
    of_maps = [size for size in sizes if size > 100]
    assert of_maps[0] < 17 * GROUP_BYTES
    assert len(of_maps) == 1 + 64
    assert msgpack.unpackb(b"".join(pieces.frame(b""))[4:])[1] == some


@pytest.mark.parametrize("at", [0, 15, 16, 600])
def test_which_map_is_wrong(at: int) -> None:
    some: list[Any] = [{"n": i} for i in range(700)]
    some[at] = {"n": 1, "m": 2**70}
    with pytest.raises(tamis.EncodeError) as caught:
        rows(some, None, {})
    assert (caught.value.row, caught.value.field) == (at, "m")
    with pytest.raises(tamis.EncodeError) as caught:
        rows([(1, row.get("m")) for row in some], ["n", "m"], {})
    assert (caught.value.row, caught.value.field) == (at, "m")
    some[at] = 5
    for columns in None, ["n"]:
        with pytest.raises(TypeError, match=f"row {at} is of type 'int', not a (mapping|sequence)"):
            rows(some, columns, {})


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (["x", "", "é\u20ac", "\ud800"], "zstr"),
        (["", ""], "zstr"),
        ([""], "zstr"),
        (["x", "\0"], "list"),
        (["x\0y"], "list"),
        (["x", None], "list"),
        (["x", b"x"], "list"),
    ],
)
def test_texts(words: list[Any], kind: str) -> None:
    assert types_of({"a": words}) == [kind]
    assert [row["a"] for row in rows({"a": words})] == words


@pytest.mark.parametrize("count", [STRINGS - 1, STRINGS, STRINGS + 1, 3 * STRINGS])
def test_many_texts_are_put_together_in_groups(count: int) -> None:
    words = [f"{i}\u20ac"[i % 3 :] for i in range(count)]
    text = packed_text(words) or b""
    assert text.decode().split("\0") == words
    for at in {0, STRINGS - 2, STRINGS % count, count - 1}:
        assert packed_text([*words[:at], "x\0", *words[at + 1 :]]) is None
        assert packed_text([*words[:at], None, *words[at + 1 :]]) is None


def test_values_go_in_parts_of_their_own_size() -> None:
    """However many fit a message; and a part of another type is none of its own business."""
    words: list[Any] = [f"{i:x}" for i in range(2 * PART_VALUES + 1)]
    words[-1] = None
    limits = {"batch_rows": 1 << 20, "frame_bytes": 1 << 26}
    found = list(payloads({"a": words}, None, limits))
    assert max(payload[1] for payload in found) == PART_VALUES
    assert [column[1] for payload in found for column in payload[2]][-2:] == ["zstr", "list"]
    assert [row["a"] for payload in found for row in rows_of(payload)] == words


def test_mappings_of_other_kinds() -> None:
    some: list[Any] = [OrderedDict(a=1), UserDict({"a": 2}), {"a": 3}]
    assert rows(some) == [{"a": 1}, {"a": 2}, {"a": 3}]


def test_rows_that_are_sequences() -> None:
    assert rows([(1, "x"), [2, "y"]], ["a", "b"]) == [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]
    with pytest.raises(ValueError, match="row 6 has 1 values for 2 columns"):
        rows([(1, 2)] * 6 + [(1,)], ["a", "b"])
    with pytest.raises(TypeError, match="row 1 is of type 'str'"):
        rows([(1, 2), "ab"], ["a", "b"])
    pair = msgpack.ExtType(5, b"x")  # a tuple in Python, and more than that elsewhere
    assert rows([(1, 2), pair], ["a", "b"]) == [{"a": 1, "b": 2}, {"a": 5, "b": b"x"}]


def test_only_some_columns() -> None:
    assert rows([{"a": 1, "b": 2}] * 2, ["b"]) == [{"b": 2}] * 2
    assert rows([{"a": 1, "b": 2}, {"a": 3}], ["b"]) == [{"b": 2}, {}]
    assert rows({"a": [1], "b": [2]}, ["b", "a"]) == [{"b": 2, "a": 1}]
    with pytest.raises(ValueError, match="no column c"):
        rows({"a": [1]}, ["c"])
    with pytest.raises(TypeError, match="not one name"):
        rows({"a": [1]}, "a")


@pytest.mark.parametrize("code", "bBhHiIlLqQfd")
def test_buffers(code: str) -> None:
    numbers = array(code, [1, 2, 100])
    kind = "f" if code in "fd" else "i" if code.islower() else "u"
    assert types_of({"a": numbers}) == [f"{kind}{8 * numbers.itemsize}"]
    for column in (numbers, memoryview(numbers), memoryview(array(code, [1, 0, 2, 0, 100]))[::2]):
        assert rows({"a": column}) == [{"a": 1}, {"a": 2}, {"a": 100}]


def test_buffers_of_other_kinds() -> None:
    assert rows({"a": memoryview(b"\x01\x00").cast("?")}) == [{"a": True}, {"a": False}]
    square = memoryview(array("i", range(4))).cast("B").cast("i", (2, 2))
    assert rows({"a": square}) == [{"a": [0, 1]}, {"a": [2, 3]}]
    with pytest.raises(tamis.EncodeError, match="format 'c'"):
        rows({"a": memoryview(b"xy").cast("c")})
    assert rows({"a": range(3)}) == [{"a": 0}, {"a": 1}, {"a": 2}]


def test_large_buffers_are_not_copied() -> None:
    numbers = array("q", range(COPIED_BYTES))
    part = next(parts({"a": numbers, "b": numbers}, None, Pace({"batch_rows": 1 << 20})))
    pieces = Pieces(Packer().pack)
    while part.rows < 4096:
        part = next(parts({"a": numbers}, None, pace_of(4096)))
    part.put(pieces)
    views = [piece for piece in pieces.frame(b"") if isinstance(piece, memoryview)]
    assert views
    assert all(view.obj is numbers for view in views)


def pace_of(count: int) -> Pace:
    pace = Pace({})
    pace.rows = count
    return pace


def test_parts_follow_the_size_of_rows() -> None:
    pace = Pace({})
    small = [part.rows for part in parts([{"a": 1}] * 100_000, None, pace)]
    assert sum(small) == 100_000
    assert small[0] == pace.rows
    sizes = []
    pace = Pace({})
    for part in parts([{"a": "x" * 1000}] * 50_000, None, pace):
        pieces = Pieces(Packer().pack)
        part.put(pieces)
        pace.learn(part.rows, pieces.size)
        sizes.append(pieces.size)
    assert max(sizes[1:-1]) < 4 << 20
    assert len(sizes) < 120


def test_parts_of_what_is_fetched_are_larger() -> None:
    for left, rows in ((0, 1 << 16), (35 << 16, 1 << 16), (36 << 16, 1 << 18), (71 << 16, 1 << 18)):
        pace = pace_of(1 << 16)
        pace.learn(1 << 16, 71 << 16, left)  # 71 bytes a row
        assert pace.rows // (1 << 16) == rows >> 16
    pace = pace_of(1 << 16)
    pace.learn(1000, 400_000, 400_000)
    assert pace.rows == 1 << 16  # a segment: 26 MB
    pace.learn(1000, 500_000, 500_000)
    assert pace.rows < 1 << 16
    pace = Pace({"frame_bytes": 8 << 20})
    pace.rows = 1 << 16
    pace.learn(1 << 16, 71 << 16, 71 << 16)
    assert pace.rows < 1 << 16


def first_part(source: Any, pace: Pace) -> int:
    return next(parts(source, None, pace)).rows


def test_the_first_part_of_what_lies_in_memory() -> None:
    numbers = array("q", range(400_000))
    assert first_part({"a": numbers}, Pace({})) == 3 * SEGMENT_ROWS
    assert first_part({"a": numbers}, Pace({}, fetches=True)) == SEGMENT_ROWS
    assert first_part({"a": numbers, "b": numbers}, Pace({})) == SEGMENT_ROWS
    assert first_part({"a": numbers}, Pace({"frame_bytes": 8192})) == 512
    assert first_part({"a": numbers}, Pace({"batch_rows": 7000})) == 6976  # whole bytes of bits
    assert first_part({"a": numbers[:FIRST_ROWS]}, Pace({})) == FIRST_ROWS
    assert first_part({"a": numbers[: FIRST_ROWS + 1]}, Pace({})) == FIRST_ROWS + 1


def test_the_first_part_of_what_is_made_on_the_way() -> None:
    numbers = array("q", range(5000))
    apart = memoryview(array("q", range(10_000)))[::2]
    for other in (list(numbers), apart, range(5000)):
        assert first_part({"a": numbers, "b": other}, Pace({})) == FIRST_ROWS
    assert first_part([{"a": 1}] * 5000, Pace({})) == FIRST_ROWS
    pace = pace_of(640)  # of parts before
    pace.learn(640, 640 * 1024)
    assert first_part({"a": numbers}, pace) == 1920


def test_halves_are_the_whole() -> None:
    for source in ([{"a": i} for i in range(5)], {"a": list(range(5))}):
        part = next(parts(source, None, Pace({})))
        found: list[Any] = []

        def leaves(part: Part, into: list[Any]) -> None:
            if part.rows == 1:
                pieces = Pieces(Packer().pack)
                part.put(pieces)
                payload = msgpack.unpackb(b"".join(pieces.frame(b""))[4:])
                into.append((part.base, rows_of(payload)[0]["a"]))
            else:
                for half in part.halves():
                    leaves(half, into)

        leaves(part, found)
        assert found == [(i, i) for i in range(5)]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("text", "load_bytes"),
        (b"bytes", "load_bytes"),
        (5, "not iterable"),
        ([1], "row 0 is of type 'int'"),
        ([{"a": 1}] * 6 + [None], "row 6 is of type 'NoneType'"),
        ({"a": "text"}, "column a: a str is no sequence"),
        ({"a": {1, 2}}, "column a: a set is no sequence"),
        ({"a": 5}, "column a is of type 'int'"),
        ({"a": iter([1])}, "column a is of type 'list_iterator'"),
        ({1: [1]}, "must be str, not int"),
    ],
)
def test_what_is_no_source(source: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        rows(source)


def test_columns_of_different_lengths() -> None:
    with pytest.raises(ValueError, match="different lengths"):
        rows({"a": [1], "b": [1, 2]})


def test_values_without_a_form_are_named() -> None:
    class Odd:
        pass

    for source in ([{"x": 1}] * 6 + [{"x": Odd()}], {"x": [1] * 6 + [Odd()]}):
        with pytest.raises(tamis.EncodeError, match="'Odd' cannot be sent") as caught:
            rows(source)
        assert (caught.value.row, caught.value.field) == (6, "x")
    with pytest.raises(tamis.EncodeError) as caught:
        rows([{"x": 1}, {"y": 1, "odd one": 2**64}])
    assert (caught.value.row, caught.value.field) == (1, '"odd one"')
    with pytest.raises(tamis.EncodeError):
        rows([{"when": datetime.datetime(2020, 1, 1)}])


def test_what_can_be_read_again() -> None:
    assert can_be_read_again([{}])
    assert can_be_read_again({"a": []})
    assert can_be_read_again(lambda: iter([]))
    assert not can_be_read_again(iter([{}]))


@pytest.mark.skipif(sys.byteorder == "big", reason="it is about little-endian machines")
def test_numbers_of_the_other_order_are_refused() -> None:
    import ctypes

    backwards = (ctypes.c_int32.__ctype_be__ * 2)(1, 2)
    with pytest.raises(tamis.EncodeError, match="format '>"):
        rows({"a": backwards})
