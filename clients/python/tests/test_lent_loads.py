"""load.py: large buffers of a load are lent to the pipe, and nothing wrong can come of it."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterator
from typing import Any, Union

import pytest
from daemons import check_a_load_that_is_given_up

import tamis
from tamis import pages
from tamis.cells import Pieces
from tamis.pages import LEAST_BYTES, Lent
from tamis.transport import PIPE_BYTES, ChildTransport

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or sys.implementation.name != "cpython", reason="nothing is lent here"
)
ROWS = 1_000_000
NUMBERS = array("q", range(ROWS))
QUERY = "a % 999983 = 5"  # of a row at the beginning and one at the end
FOUND = [5, 5 + 999_983]


@pytest.fixture
def real(tamisd: str) -> Iterator[tamis.Client]:
    """A client whose daemon fetches nothing by itself."""
    with tamis.Client(tamisd, timeout=60, shared_bytes=0) as made:
        yield made


@pytest.fixture
def went(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """What went into the pipe: how, and how many bytes."""
    log: list[tuple[str, int]] = []
    lend, write = Lent.give, ChildTransport.write

    def give(self: Lent, sent: list[int], pipe: int) -> bool:
        before = len(sent)
        done = lend(self, sent, pipe)
        log.extend(("lent", size) for size in sent[before:])
        return done

    def copy(self: Any, sent: list[int], data: Union[bytes, memoryview]) -> None:
        before = len(sent)
        write(self, sent, data)
        log.extend(("copied", size) for size in sent[before:])

    monkeypatch.setattr(Lent, "give", give)
    monkeypatch.setattr(ChildTransport, "write", copy)
    return log


def copied_at_the_end(log: list[tuple[str, int]]) -> int:
    size = 0
    for how, count in reversed(log):
        if how == "lent":
            break
        size += count
    return size


@pytest.mark.parametrize("kind", ["writable", "read-only", "bytes"])
def test_most_is_lent_and_the_end_is_copied(
    real: tamis.Client, went: list[tuple[str, int]], kind: str
) -> None:
    data: Any = {"a": NUMBERS if kind == "writable" else memoryview(NUMBERS).toreadonly()}
    if kind == "bytes":
        lines = b"".join(b'{"a":%d}\n' % i for i in range(ROWS))
        table = real.create_table("t")
        del went[:]
        table.load_bytes(lines, format="jsonl")
    else:
        table = real.create_table("t")
        del went[:]
        table.append(data)
    lent = sum(size for how, size in went if how == "lent")
    assert lent > 3 << 20
    assert copied_at_the_end(went) >= PIPE_BYTES
    assert list(table.indices(QUERY)) == FOUND
    assert len(table) == ROWS


@pytest.mark.parametrize("rows", [1, LEAST_BYTES // 8, PIPE_BYTES // 8, 300_000])
def test_a_small_load_is_copied(real: tamis.Client, went: list[tuple[str, int]], rows: int) -> None:
    """Whatever is lent, a pipe full of copied bytes comes behind it."""
    table = real.create_table("t", {"a": NUMBERS[:rows]})
    assert all(how == "copied" for how, _ in went) or copied_at_the_end(went) >= PIPE_BYTES
    assert rows > PIPE_BYTES // 4 or all(how == "copied" for how, _ in went)
    assert table.count("a >= 0") == rows


def test_columns_that_are_made_on_the_way(real: tamis.Client) -> None:
    """Those live as long as the pipe needs them, and no other object gets their memory."""

    def batches() -> Iterator[dict[str, Any]]:
        for first in range(0, ROWS, 10_000):
            for i in range(first, first + 10_000):
                yield {"a": i, "s": f"text {i % 1000:100d}"}

    table = real.create_table("t", batches())
    assert list(table.indices(QUERY)) == FOUND
    assert table.count("s like 'text%'") == ROWS
    pyarrow = pytest.importorskip("pyarrow")
    made = pyarrow.table({"a": pyarrow.array(NUMBERS), "b": pyarrow.array(NUMBERS)}).slice(3)
    table = real.create_table("t", made, exists="replace")
    assert list(table.indices(QUERY)) == [found - 3 for found in FOUND]
    assert table.count("a = b") == ROWS - 3


def test_memory_that_is_used_again_at_once(
    real: tamis.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Buffers that nobody else keeps are overwritten as soon as the load lets go of them."""
    pack = Pieces.bin

    class Once(bytearray):
        def __del__(self) -> None:
            self[:] = b"\x55" * len(self)

    def once(self: Any, data: Any) -> None:
        pack(self, Once(data) if len(data) >= LEAST_BYTES else data)

    monkeypatch.setattr(Pieces, "bin", once)
    table = real.create_table("t", {"a": NUMBERS})
    assert table.count("a >= 0") == ROWS
    assert list(table.indices(QUERY)) == FOUND
    assert table.count(f"a = {0x5555555555555555}") == 0


def test_a_load_that_is_given_up(real: tamis.Client) -> None:
    check_a_load_that_is_given_up(real, NUMBERS)


def test_an_error_in_the_middle(real: tamis.Client) -> None:
    text = b"".join(b'{"a":%d}\n' % i for i in range(ROWS))
    table = real.create_table("t", {"a": [1]})
    with pytest.raises(tamis.RowError):
        table.load_bytes(text[: 1 << 20] + b"]\n" + text, format="jsonl")
    assert table.filter() == [{"a": 1}]
    table.load_bytes(text, format="jsonl")
    assert len(table) == ROWS + 1


def test_without_lending(real: tamis.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "_vmsplice", None)
    table = real.create_table("t", {"a": NUMBERS})
    assert list(table.indices(QUERY)) == FOUND
