"""load.py: the daemon fetches large buffers of a load itself, and nothing wrong can come of it."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterator
from typing import Any, Optional

import pytest
from daemons import check_a_load_that_is_given_up

import tamis
from tamis import load, pages
from tamis.cells import COPIED_BYTES, Pieces
from tamis.connection import CHANGED, LOAD, PING, USED, Connection
from tamis.errors import ProtocolError
from tamis.frames import Packer
from tamis.source import ColumnPart
from tamis.transport import ChildTransport

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or sys.implementation.name != "cpython", reason="nothing is fetched"
)
ROWS = 1_000_000
NUMBERS = array("q", range(ROWS))
QUERY = "a % 999983 = 5"  # of a row at the beginning and one at the end
FOUND = [5, 5 + 999_983]


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many bytes each write gave."""
    log: list[int] = []
    write = ChildTransport.write

    def note(self: Any, sent: list[int], data: Any) -> None:
        before = len(sent)
        write(self, sent, data)
        log.extend(sent[before:])

    monkeypatch.setattr(ChildTransport, "write", note)
    return log


@pytest.fixture(autouse=True)
def _can_fetch(real: tamis.Client) -> None:
    if "payload.memory" not in real._channel.connection.capabilities:
        pytest.skip("this system does not let the daemon read our memory")


def texts(rows: int) -> list[str]:
    return [f"text {i % 1000:100d}" for i in range(rows)]


def test_little_goes_down_the_pipe(real: tamis.Client, written: list[int]) -> None:
    numpy = pytest.importorskip("numpy")
    pyarrow = pytest.importorskip("pyarrow")
    data = pyarrow.table(
        {
            "a": pyarrow.array(NUMBERS),
            "f": pyarrow.array(numpy.arange(ROWS) / 4, mask=numpy.arange(ROWS) % 7 == 0),
            "t": pyarrow.array(NUMBERS).cast(pyarrow.timestamp("ms")),
            "s": pyarrow.array(texts(ROWS)),
            "l": pyarrow.array(texts(ROWS), pyarrow.large_string()),
            "b": pyarrow.array(texts(ROWS)).cast(pyarrow.binary()),
        }
    ).slice(3)
    table = real.create_table("t", data)
    assert sum(written) < data.nbytes / 25
    table.replace(data)
    rows = ROWS - 3
    nulls = sum(1 for i in range(3, ROWS) if i % 7 == 0)
    assert list(table.indices(QUERY)) == [found - 3 for found in FOUND]
    assert table.count("f is null") == nulls
    assert table.count("f = a / 4.0") == rows - nulls
    assert table.count("t < timestamp '1970-01-01T00:00:01Z'") == 997
    assert table.count("s = l") == rows
    assert table.count("s like '%  999'") == table.count("l like '%  999'") == ROWS // 1000
    assert table.count("b is not null") == rows


def test_columns_that_are_made_on_the_way(real: tamis.Client) -> None:
    def batches() -> Iterator[dict[str, Any]]:
        for i, text in zip(range(ROWS), texts(ROWS)):
            yield {"a": i, "s": text, "f": i / 2}

    table = real.create_table("t", batches())
    assert list(table.indices(QUERY)) == FOUND
    assert table.count("s like 'text%' and f = a / 2.0") == ROWS


def test_memory_that_is_used_again_at_once(
    real: tamis.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Buffers that nobody else keeps are overwritten as soon as the load lets go of them."""
    put = Pieces.bin
    gone: list[int] = []

    class Once(bytearray):
        def __del__(self) -> None:
            self[:] = b"\x55" * len(self)
            gone.append(len(self))

    def once(self: Any, data: Any) -> None:
        put(self, Once(data))

    monkeypatch.setattr(Pieces, "bin", once)
    monkeypatch.setattr(load, "LEFT_BYTES", 1 << 20)
    table = real.create_table("t", {"a": NUMBERS, "s": texts(ROWS)})
    assert len(gone) > 20
    assert table.count("a >= 0 and s like 'text%'") == ROWS
    assert list(table.indices(QUERY)) == FOUND


def test_what_is_left_is_bounded(real: tamis.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    leave = load.Load._leave

    def note(self: Any, view: memoryview) -> Optional[int]:
        found = leave(self, view)
        seen.append(self._left_bytes)
        return found

    monkeypatch.setattr(load.Load, "_leave", note)
    monkeypatch.setattr(load, "LEFT_BYTES", 8 << 20)
    real.create_table("t", {"a": NUMBERS, "b": NUMBERS})
    assert 1 << 19 <= max(seen) < 8 << 20


def test_the_end_waits(real: tamis.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """END goes only once the daemon has fetched all: what may be visible is what was there."""
    used: list[tuple[int, int]] = []
    close = load.Load._close

    def note(self: Any, deadline: Optional[float]) -> None:
        used.append((self._sent, self._opened().used))
        close(self, deadline)

    monkeypatch.setattr(load.Load, "_close", note)
    real.create_table("t", {"a": NUMBERS})
    ((sent, fetched),) = used
    assert sent == fetched > 3


def test_a_load_that_is_given_up(real: tamis.Client) -> None:
    check_a_load_that_is_given_up(real, NUMBERS)


def test_an_error_in_the_middle(real: tamis.Client) -> None:
    table = real.create_table("t", {"a": [5]}, key="a")
    with pytest.raises(tamis.RowError, match="there already") as caught:
        table.append({"a": NUMBERS, "s": texts(ROWS)})
    assert caught.value.row == 5
    assert table.filter() == [{"a": 5}]
    table.upsert({"a": NUMBERS, "s": texts(ROWS)})
    assert len(table) == ROWS


def test_rows_that_become_larger(tamisd: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first rows tell how many go into the first message, which then has too many bytes."""
    pyarrow = pytest.importorskip("pyarrow")
    texts = ["x"] * 1024 + [f"{i:2000d}" for i in range(4000)]
    rows: list[int] = []
    put = ColumnPart.put

    def note(self: ColumnPart, pieces: Pieces) -> None:
        rows.append(self.rows)
        put(self, pieces)

    monkeypatch.setattr(ColumnPart, "put", note)
    with tamis.Client([tamisd, "--stdio", "--parent-memory", "--frame-bytes", "1M"]) as client:
        table = client.create_table("t", pyarrow.table({"s": texts}))
        assert table.select(columns=["s"])["s"] == texts
    assert rows[0] == len(texts)
    assert rows[-1] * 2000 < 1 << 20


def test_small_buffers_are_sent(real: tamis.Client, written: list[int]) -> None:
    rows = COPIED_BYTES // 8 - 1
    real.create_table("t", {"a": NUMBERS[:rows]})
    assert sum(written) > rows * 8


@pytest.mark.parametrize("shift", [1, None])
def test_a_daemon_that_may_not(
    tamisd: str, shift: Optional[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proof is not where the daemon looks; or there is none."""
    address_of = pages.address_of

    def elsewhere(data: Any) -> Optional[int]:
        found = address_of(data)
        return None if shift is None or found is None else found + shift

    monkeypatch.setattr("tamis.client.address_of", elsewhere)
    with tamis.Client(tamisd, timeout=60) as other:
        assert "payload.memory" not in other._channel.connection.capabilities
        table = other.create_table("t", {"a": NUMBERS})
        assert list(table.indices(QUERY)) == FOUND


@pytest.mark.parametrize(
    ("kind", "rest"),
    [
        (LOAD, [0]),  # not more than before
        (LOAD, [-1]),
        (LOAD, ["1"]),
        (LOAD, [True]),
        (LOAD, [1, 2]),
        (PING, [1]),
    ],
)
def test_a_wrong_used(kind: int, rest: list[Any]) -> None:
    packer = Packer(None)
    connection = Connection(packer)
    request = connection.open(kind)
    with pytest.raises(ProtocolError, match="USED"):
        connection.receive(packer.frame((USED, request.id, *rest)))


def test_used_goes_on() -> None:
    packer = Packer(None)
    connection = Connection(packer)
    request = connection.open(LOAD)
    connection.receive(packer.frame((USED, request.id, 1)) + packer.frame((USED, request.id, 4)))
    assert request.used == 4
    assert not request.finished
    with pytest.raises(ProtocolError, match="before"):
        connection.receive(packer.frame((USED, request.id, 4)))


def test_used_of_one_that_was_given_up() -> None:
    packer = Packer(None)
    connection = Connection(packer)
    request = connection.open(LOAD)
    assert connection.cancel(request)
    connection.receive(packer.frame((USED, request.id, 1)))
    told = {"added": 0, "replaced": 0, "deleted": 0, "rows": 0}
    connection.receive(packer.frame((CHANGED, request.id, told)))
