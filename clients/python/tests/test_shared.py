"""Results in shared memory: the pool itself, and what callers see of it."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
from array import array
from typing import Any, Optional

import pytest

import tamis
from tamis.connection import DONE, ERROR, EXECUTE, RESULT, Connection
from tamis.frames import Packer
from tamis.shared import GRAIN_BYTES, KEPT_BYTES, LEAST_BYTES, Place, Pool, pool_of

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memfd_create is Linux's")

ROWS = 100_000  # of the tables here: 400 KB of row numbers
GRAIN = GRAIN_BYTES


def is_shared(view: memoryview) -> bool:
    return not isinstance(view.obj, bytes)


def numbers(client: tamis.Client, rows: int = ROWS) -> tamis.Table:
    """A table of numbers from 0 on, each in the row of its number."""
    return client.create_table("numbers", {"n": array("q", range(rows))}, exists="replace")


# The pool ------------------------------------------------------------------------------------


def taken(pool: Pool, size: int) -> Place:
    place = pool.take(size)
    assert place is not None
    return place


def test_places_do_not_overlap_and_come_back() -> None:
    pool = Pool(8 * GRAIN)
    places: list[Optional[Place]] = [taken(pool, GRAIN) for _ in range(8)]
    assert sorted(place.offset for place in places if place) == [i * GRAIN for i in range(8)]
    assert pool.take(1) is None
    places[2] = places[5] = None
    assert pool.take(2 * GRAIN) is None  # the holes are apart
    places[3] = places[4] = None
    place = taken(pool, 4 * GRAIN)  # and now are one
    assert (place.offset, place.size) == (2 * GRAIN, 4 * GRAIN)
    del place, places
    assert taken(pool, 8 * GRAIN).offset == 0
    pool.close()


def test_sizes_are_rounded_up() -> None:
    pool = Pool(3 * GRAIN)
    assert taken(pool, 1).size == GRAIN
    assert taken(pool, GRAIN + 1).size == 2 * GRAIN
    assert pool.take(3 * GRAIN + 1) is None
    pool.close()


@pytest.mark.parametrize(
    "derived",
    [
        lambda view: view,
        lambda view: view[3:9],
        lambda view: view.cast("I"),
        lambda view: view.cast("I")[1:2].cast("B"),
        lambda view: memoryview(view),
        lambda view: iter(view),
    ],
)
def test_any_view_keeps_the_place(derived: Any) -> None:
    pool = Pool(GRAIN)
    place: Optional[Place] = taken(pool, GRAIN)
    assert place is not None
    kept = derived(place.piece(0, 64))
    place = None
    gc.collect()
    assert pool.take(1) is None
    del kept
    assert pool.take(1) is not None
    pool.close()


def test_pieces() -> None:
    pool = Pool(4 * GRAIN)
    first, place = taken(pool, GRAIN), taken(pool, GRAIN)
    os.pwrite(pool.fd, b"abcd", GRAIN + 8)
    view = place.piece(GRAIN + 8, 4)
    assert bytes(view) == b"abcd"
    assert view.readonly
    assert len(place.piece(GRAIN, GRAIN)) == GRAIN
    assert len(place.piece(2 * GRAIN, 0)) == 0
    for offset, size in [
        (GRAIN - 4, 4), (GRAIN, GRAIN + 1), (2 * GRAIN, 1), (2 * GRAIN + 4, 0), (GRAIN, -1),
        (0, 0), (1 << 70, 4), (GRAIN + 4, 1 << 70),
    ]:  # fmt: skip
        with pytest.raises(ValueError, match="not in its place"):
            place.piece(offset, size)
    del first
    pool.close()


def test_a_closed_pool() -> None:
    pool = Pool(2 * GRAIN)
    view = taken(pool, GRAIN).piece(0, 4)
    pool.close()
    pool.close()
    assert pool.take(1) is None
    assert bytes(view) == bytes(4)
    del view


def test_memory_is_taken_before_it_is_lent(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = Pool(64 * GRAIN)
    place = taken(pool, GRAIN)
    assert os.fstat(pool.fd).st_blocks * 512 >= GRAIN
    assert os.fstat(pool.fd).st_blocks * 512 < 64 * GRAIN

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", fail)
    assert pool.take(GRAIN) is None
    del place
    assert taken(pool, GRAIN).offset == 0  # which has its memory
    pool.close()


def test_memory_is_given_back() -> None:
    pool = Pool(2 * KEPT_BYTES)
    place: Optional[Place] = taken(pool, KEPT_BYTES + 64 * GRAIN)
    place = None
    assert os.fstat(pool.fd).st_blocks * 512 > KEPT_BYTES
    place = taken(pool, GRAIN)
    assert os.fstat(pool.fd).st_blocks * 512 <= KEPT_BYTES
    assert place.offset == 0
    del place
    assert taken(pool, KEPT_BYTES + GRAIN).offset == 0  # and taken again
    assert os.fstat(pool.fd).st_blocks * 512 > KEPT_BYTES
    pool.close()


def test_a_forked_process_keeps_what_it_sees() -> None:
    pool = Pool(2 * GRAIN)
    place: Optional[Place] = taken(pool, GRAIN)
    assert place is not None
    os.pwrite(pool.fd, b"old!", 0)
    view: Optional[memoryview] = place.piece(0, 4)
    to_child, from_parent = os.pipe()
    child = os.fork()
    if child == 0:
        os.read(to_child, 1)
        os._exit(0 if view is not None and bytes(view) == b"old!" else 1)
    place = view = None
    again = taken(pool, GRAIN)
    os.pwrite(pool.fd, b"new!", again.offset)
    assert again.offset == GRAIN
    assert pool.take(1) is None
    del again
    assert taken(pool, GRAIN).offset == GRAIN  # one of after the fork comes back
    os.write(from_parent, b"x")
    assert os.waitpid(child, 0)[1] == 0
    os.close(to_child)
    os.close(from_parent)
    pool.close()


def test_no_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    assert pool_of(0) is None
    monkeypatch.setattr(os, "memfd_create", lambda *_: os.open("/nowhere", os.O_RDONLY))
    assert pool_of(GRAIN) is None
    monkeypatch.delattr(os, "memfd_create")
    assert pool_of(GRAIN) is None


# The protocol --------------------------------------------------------------------------------


def told(connection: Connection, *message: Any) -> bytes:
    return connection.packer.frame(message)


def test_results_that_are_elsewhere() -> None:
    pool = Pool(4 * GRAIN)
    connection = Connection(Packer())
    os.pwrite(pool.fd, b"abcdefgh", 0)
    request = connection.open(EXECUTE)
    request.place = taken(pool, GRAIN)
    data = told(connection, RESULT, request.id, "numbers", 0, 9, [0, 8])
    data += told(connection, DONE, request.id, {})
    connection.receive(data)
    assert request.results == [("numbers", 0, 9, b"abcdefgh")]
    pool.close()


@pytest.mark.parametrize(
    "data", [[0], [0, 4, 4], [0, "4"], [-4, 4], [0, GRAIN + 1], [GRAIN, 4], "abcd", None, 5]
)
@pytest.mark.parametrize("has_place", [False, True])
def test_places_that_are_none(data: Any, has_place: bool) -> None:
    pool = Pool(4 * GRAIN)
    connection = Connection(Packer())
    request = connection.open(EXECUTE)
    request.place = taken(pool, GRAIN) if has_place else None
    came = told(connection, RESULT, request.id, "numbers", 0, 9, data)
    with pytest.raises(tamis.ProtocolError):
        connection.receive(came)
    pool.close()


def test_the_place_of_a_request_that_was_given_up() -> None:
    """The daemon may still write there until it has said its last word."""
    pool = Pool(GRAIN)
    connection = Connection(Packer())
    request = connection.open(EXECUTE)
    request.place = taken(pool, GRAIN)
    number = request.id
    connection.cancel(request)
    del request
    gc.collect()
    assert pool.take(1) is None
    connection.receive(told(connection, RESULT, number, "numbers", 0, 9, [0, 8]))
    assert pool.take(1) is None
    connection.receive(told(connection, ERROR, number, {"code": 1, "name": "X", "message": "x"}))
    assert pool.take(1) is not None
    pool.close()


# The daemon ----------------------------------------------------------------------------------


@pytest.mark.parametrize("prepared", [False, True])
def test_large_results_are_shared(real: tamis.Client, prepared: bool) -> None:
    table = numbers(real)
    query = "n >= :low"
    asked: Any = table.prepare(query).indices
    if not prepared:
        asked = lambda **how: table.indices(query, **how)  # noqa: E731
    for low in (0, 5, 6, 99_000, 7, 0, ROWS):
        found = asked(low=low)
        assert found.format == "I"
        assert found.readonly
        assert found.tolist() == list(range(low, ROWS))
        assert is_shared(found) == (low in (5, 6, 99_000, 7)) or low in (0, ROWS)
    assert real.last_stats is not None
    assert real.last_stats.matched == 0
    assert is_shared(asked(low=0))
    assert not is_shared(table.indices("n < 100"))
    found = asked(low=1, limit=50_000, offset=10, order_by=[("n", "desc")])
    assert found.tolist() == list(range(ROWS - 11, ROWS - 50_011, -1))
    assert is_shared(found)


def test_results_grow_beyond_their_place(real: tamis.Client) -> None:
    """The first parts are shared and the last come down the pipe."""
    table = numbers(real, 300_000)
    prepared = table.prepare("n < :high")
    for high in (70_000, 300_000, 300_000, 20_000, 150_000):
        assert prepared.indices(high=high).tolist() == list(range(high))


def test_views_stay_as_they_are(real: tamis.Client) -> None:
    prepared = numbers(real).prepare("n % :m = 0")
    wants = {m: list(range(0, ROWS, m)) for m in (1, 2, 3)}
    prepared.indices(m=1)
    kept = {m: prepared.indices(m=m) for m in wants}
    parts = {m: prepared.indices(m=m)[100:200] for m in wants}
    assert all(map(is_shared, kept.values()))
    for _ in range(50):
        prepared.indices(m=1)
    for m, want in wants.items():
        assert kept[m].tolist() == want
        assert parts[m].tolist() == want[100:200]


def test_numpy_keeps_its_array(real: tamis.Client) -> None:
    np = pytest.importorskip("numpy")
    prepared = numbers(real).prepare("n >= :low")
    prepared.indices(low=0)
    kept = np.frombuffer(prepared.indices(low=3), dtype=np.uint32)[5:]
    for _ in range(20):
        prepared.indices(low=0)
    assert np.array_equal(kept, np.arange(8, ROWS, dtype=np.uint32))


def test_an_empty_pool(tamisd: str) -> None:
    with tamis.Client([tamisd], shared_bytes=1 << 20) as client:
        prepared = numbers(client).prepare("n >= 0")
        want = list(range(ROWS))
        views = [prepared.indices() for _ in range(6)]
        assert list(map(is_shared, views)) == [False, True, True, False, False, False]
        assert all(view.tolist() == want for view in views)
        del views
        assert is_shared(prepared.indices())


def test_who_shares(tamisd: str) -> None:
    for command, size, shares in [
        ([tamisd], None, True),
        (tamisd, 0, False),
        (["env", tamisd], None, False),
        ([tamisd, "--max-memory", "1G"], None, True),
        ([tamisd, "--max-memory", "1G"], 0, False),
        ([tamisd, "--max-memory", "1G", "--shared-bytes", "64K"], None, False),
        (["env", tamisd], 4 << 20, True),
    ]:
        with tamis.Client(command, shared_bytes=size) as client:
            prepared = numbers(client).prepare("n >= 0")
            prepared.indices()
            assert is_shared(prepared.indices()) == shares
    with pytest.raises(ValueError, match="shared_bytes"):
        tamis.Client(tamisd, shared_bytes=-1)


def test_a_pool_that_the_daemon_refuses(tamisd: str) -> None:
    with pytest.raises(tamis.DaemonDied) as caught:
        tamis.Client([tamisd, "--shared-bytes", "64K"], shared_bytes=1 << 20)
    assert "larger than shared_bytes" in caught.value.stderr


def test_views_of_a_closed_client(tamisd: str) -> None:
    with tamis.Client(tamisd) as client:
        prepared = numbers(client).prepare("n >= 0")
        prepared.indices()
        found = prepared.indices()
    assert is_shared(found)
    assert found.tolist() == list(range(ROWS))


def test_views_outlive_the_daemon(real: tamis.Client) -> None:
    source = {"n": array("q", range(ROWS))}
    table = real.create_table("kept", source, keep_source=True)
    prepared = table.prepare("n >= 0")
    prepared.indices()
    found = prepared.indices()
    assert is_shared(found)
    assert real.pid is not None
    os.kill(real.pid, signal.SIGKILL)
    again = [prepared.indices() for _ in range(3)]  # of a new daemon, in a pool of its own
    assert is_shared(again[2])
    for view in (found, *again):
        assert view.tolist() == list(range(ROWS))


def test_a_timeout_does_not_spoil_what_comes_later(real: tamis.Client) -> None:
    table = numbers(real, 400_000)
    query = "n >= 0"
    table.indices(query)
    kept = table.indices(query)
    assert is_shared(kept)
    for _ in range(10):
        with contextlib.suppress(tamis.Timeout):
            table.indices(query, timeout=0.0005)
        assert table.indices(query).tolist() == list(range(400_000))
    assert kept.tolist() == list(range(400_000))


def test_small_results_ask_for_nothing(real: tamis.Client) -> None:
    rows = LEAST_BYTES // 4
    table = numbers(real, rows)
    prepared = table.prepare("n < :high")
    for high, shared in ((rows - 1, False), (rows - 1, False), (rows, False), (rows, True)):
        assert is_shared(prepared.indices(high=high)) == shared
