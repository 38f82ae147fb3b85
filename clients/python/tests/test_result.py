"""Results to rows, numbers and masks; replies that do not fit are never an answer."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis import result
from tamis.errors import ProtocolError


def made(flags: list[bool], step: int, kinds: list[str]) -> list[result.Result]:
    """The results for the flags in chunks of step rows, empty ones left out."""
    results = []
    for n, base in enumerate(range(0, len(flags), step)):
        part = flags[base : base + step]
        found = [i for i, flag in enumerate(part) if flag]
        bits = sum(1 << i for i in found)
        kind = kinds[n % len(kinds)]
        as_bits = bits.to_bytes((len(part) + 7) // 8, "little")
        data = as_bits if kind == "bitmap" else struct.pack(f"<{len(found)}I", *found)
        if found:
            results.append((kind, base, len(part), data))
    return results


@given(
    st.lists(st.booleans(), max_size=100),
    st.integers(1, 40),
    st.lists(st.sampled_from(["indices", "bitmap"]), min_size=1, max_size=3),
)
def test_all_forms_agree(flags: list[bool], step: int, kinds: list[str]) -> None:
    results = made(flags, step, kinds)
    rows = [object() for _ in flags]
    numbers = [i for i, flag in enumerate(flags) if flag]
    assert list(result.indices(results, len(flags), len(numbers))) == numbers
    assert result.mask(results, len(flags), len(numbers)) == bytearray(flags)
    chosen = result.pick(results, rows, len(numbers))
    assert [id(row) for row in chosen] == [id(rows[i]) for i in numbers]


@pytest.mark.parametrize(
    "results",
    [
        [("indices", 0, 3, b"\x03\0\0\0")],
        [("indices", 0, 3, b"\x01\0\0")],
        [("indices", 2, 2, b"\0\0\0\0")],
        [("bitmap", 0, 4, b"\x01")],
        [("bitmap", 0, 3, b"\x01\x00")],
        [("bitmap", 0, 3, b"")],
        [("bitmap", 0, 2, b"\x01"), ("bitmap", 1, 2, b"\x01")],
        [("rows", 0, 3, b"\x80")],
        [("nonsense", 0, 3, b"\x80")],
        [("bitmap", 0, 3, b"\x07")],  # three matches where one was counted
        [],
    ],
)
@pytest.mark.parametrize("use", [result.pick, result.indices, result.mask])
def test_results_that_do_not_fit(results: Any, use: Any) -> None:
    rows: Any = [1, 2, 3] if use is result.pick else 3
    with pytest.raises(ProtocolError):
        use(results, rows, 1)


@pytest.mark.parametrize("use", [result.pick, result.mask])
def test_numbers_that_do_not_ascend(use: Any) -> None:
    """Only where something is picked: indices are given on as they come."""
    rows: Any = [1, 2, 3] if use is result.pick else 3
    with pytest.raises(ProtocolError):
        use([("indices", 0, 3, b"\x09\0\0\0\x01\0\0\0")], rows, 1)


@pytest.mark.parametrize(
    "done",
    [
        None,
        {},
        {"matched": "1", "rows": 1, "type_mismatch": 0, "limit_reached": False},
        {"matched": 1, "rows": 1, "type_mismatch": 0, "limit_reached": 0},
        {"matched": True, "rows": 1, "type_mismatch": 0, "limit_reached": False},
    ],
)
def test_a_done_without_counts(done: Any) -> None:
    with pytest.raises(ProtocolError):
        result.stats(done)
