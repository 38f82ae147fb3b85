"""Bitmaps against lists of booleans."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tamis import bits

FLAGS = st.lists(st.booleans(), max_size=70)


def packed(flags: list[bool]) -> bytes:
    """The slow way."""
    found = bytearray((len(flags) + 7) // 8)
    for i, flag in enumerate(flags):
        found[i // 8] |= flag << i % 8
    return bytes(found)


@given(FLAGS)
def test_flags_and_back(flags: list[bool]) -> None:
    bitmap = bits.to_bitmap(bytes(flags))
    assert bitmap == packed(flags)
    assert list(map(bool, bits.to_flags(bitmap, len(flags)))) == flags
    assert bits.count(bitmap) == sum(flags)


@given(FLAGS, st.data())
def test_cut(flags: list[bool], data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(flags)))
    stop = data.draw(st.integers(start, len(flags)))
    dirty = packed([*flags, True, True, True])  # bits behind the last are nobody's
    assert bytes(bits.cut(dirty, start, stop - start)) == packed(flags[start:stop])


@given(st.lists(FLAGS, max_size=6))
def test_join(parts: list[list[bool]]) -> None:
    joined = bits.join((packed(part), len(part)) for part in parts)
    assert joined == packed([flag for part in parts for flag in part])


def test_put_leaves_gaps_clear() -> None:
    target = bytearray(4)
    bits.put(target, 3, packed([True] * 3), 3)
    bits.put(target, 20, packed([True, False, True]), 3)
    expected = [False] * 32
    for i in (3, 4, 5, 20, 22):
        expected[i] = True
    assert target == packed(expected)
