"""tamisd --stdio: what a LOAD brings is fetched from the client's memory, which is ours."""

from __future__ import annotations

import ctypes
import mmap
import os
import struct
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from daemon import Listening
from tables import ask, count, error_of, maps, rows_of

from tests.lib import wire
from tests.lib.mp import Bin, Plain
from tests.lib.wire import Answer, Connection

OPTION = "--parent-memory"
PROOF = os.urandom(32)
TOP = (1 << 63) + 500
# A build with tiny sizes has a thousand segments for each of the other's.
TINY = os.environ.get("TAMIS_SANITIZER") == "hostile"
SEGMENT = 1500 if TINY else 65536  # rows: whole segments
ROWS = SEGMENT + 1000  # and the beginning of the next

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="process_vm_readv is Linux's")


WORDS: list[Any] = [struct.pack("<4I", 0, 0, 2, 5), b"ab\xc3\xa6o"]


class Here:
    """Bytes that stay at an address."""

    def __init__(self, data: bytes) -> None:
        self._buffer = ctypes.create_string_buffer(data, len(data) or 1)
        self.data = data

    @property
    def address(self) -> int:
        return ctypes.addressof(self._buffer)

    def overwrite(self, byte: int) -> None:
        ctypes.memset(self._buffer, byte, len(self.data))

    @property
    def place(self) -> list[Plain]:
        return [self.address, len(self.data)]


PROVED = Here(PROOF)
MEMORY: list[Plain] = [PROVED.address, Bin(PROOF)]


def agreed(welcome: wire.Fields) -> bool:
    names = welcome["capabilities"]
    assert isinstance(names, list)
    return "payload.memory" in map(wire.text_of, names)


def greet(*options: str) -> Connection:
    connection = Connection.spawn(OPTION, *options, hello=False)
    if not agreed(connection.hello(memory=MEMORY)):
        connection.close()
        pytest.skip("this system does not let a process read its parent's memory")
    return connection


@pytest.fixture
def client() -> Iterator[Connection]:
    with greet() as made:
        yield made


def columns(rows: int, *of: list[Plain]) -> Plain:
    return ["columns", rows, list(of)]


def stream(client: Connection, table: Plain, *payloads: Plain, **options: Plain) -> list[Any]:
    """LOAD of these payloads; its replies."""
    request = client.new_id()
    parts = [wire.frame([wire.LOAD, request, table, options, None])]
    parts += [wire.frame([wire.ROWS, request, payload]) for payload in payloads]
    client.send(b"".join([*parts, wire.frame([wire.END, request])]))
    return client.replies(request)


def packed(code: str, numbers: list[Any]) -> bytes:
    return struct.pack(f"<{len(numbers)}{code}", *numbers)


def offsets(code: str, texts: list[bytes]) -> bytes:
    ends = [0]
    for text in texts:
        ends.append(ends[-1] + len(text))
    return packed(code, ends)


def some_columns(rows: int, first: int) -> list[tuple[str, str, Any]]:
    """A column of each type that can be fetched: name, type, data with bytes where bin goes. first:
    of names, none of which comes twice."""
    numbers = [i * 7919 % 100_003 - 50_000 for i in range(rows)]
    texts = [b"text %d" % (number % 300) if number % 5 else b"" for number in numbers]
    words, text = packed("q", numbers), [offsets("I", texts), b"".join(texts)]
    names = [b"name %d" % i for i in range(first, first + rows)]
    return [
        ("i64", "i64", words),
        ("large", "i64", packed("q", [number << 40 for number in numbers])),
        ("u64", "u64", packed("Q", [number % 1000 for number in numbers])),
        ("top", "u64", packed("Q", [(1 << 63) + number % 1000 for number in numbers])),
        ("f64", "f64", packed("d", [number / 8 for number in numbers])),
        ("s", "timestamp", ["s", packed("q", numbers)]),
        ("ns", "timestamp", ["ns", packed("q", numbers)]),
        ("str", "str", text),
        ("str64", "str64", [offsets("Q", texts), b"".join(texts)]),
        ("bin", "bin", text),
        ("name", "str", [offsets("I", names), b"".join(names)]),
        ("name64", "str64", [offsets("Q", names), b"".join(names)]),
        ("blob", "bin", [offsets("I", names), b"".join(names)]),
        ("zstr", "zstr", b"\0".join(texts)),
        ("i16", "i16", packed("h", [number % 1000 for number in numbers])),
        ("f32", "f32", packed("f", [number / 8 for number in numbers])),
        ("bool", "bool", bytes(number % 2 for number in numbers)),
        ("bits", "bits", bytes(i * 37 % 256 for i in range((rows + 7) // 8))),
        ("dict", "dict", ["i64", packed("q", [i % 3 for i in range(rows)]), WORDS, 3]),
        ("array", "array", [packed("I", list(range(rows + 1))), [rows, "i64", words, None]]),
        ("struct", "struct", [["x", "f64", words, None, None], ["y", "bin", text, None, None]]),
    ]


def raw_rows(replies: list[list[Any]]) -> bytes:
    answer = Answer.of(replies)
    assert answer.error is None
    return b"".join(answer.rows)


class Kept:
    """The buffers of a payload, which are where they are as long as this is."""

    def __init__(self) -> None:
        self._here: list[Here] = []

    def places(self, data: Any) -> Plain:
        if isinstance(data, bytes):
            self._here.append(Here(data))
            return self._here[-1].place
        return [self.places(part) for part in data] if isinstance(data, list) else data


def sent(data: Any) -> Plain:
    if isinstance(data, bytes):
        return Bin(data)
    return [sent(part) for part in data] if isinstance(data, list) else data


@pytest.mark.parametrize("rows", [0, 1, 63, 1000, SEGMENT, ROWS])
@pytest.mark.parametrize("gaps", [False, True])
def test_the_same_as_what_is_sent(client: Connection, rows: int, gaps: bool) -> None:
    bits = bytes(0xB6 for _ in range((rows + 7) // 8)) if gaps else None
    kept = Kept()

    def both(first: int) -> list[Plain]:
        given = some_columns(rows, first)
        return [
            columns(
                rows,
                *([name, kind, form(data), None, form(bits)] for name, kind, data in given),
                ["last", "i64", form(given[0][2]), form(bits)],
            )
            for form in (kept.places, sent)
        ]

    one, two = client.create("one"), client.create("two")
    pairs = [both(i * rows) for i in range(3)]  # a dictionary for names is tried in two segments
    for count_of in (1, 3):
        payloads = [fetched for fetched, _ in pairs[:count_of]]
        replies = stream(client, one, *payloads, mode="replace")
        assert [reply[2] for reply in replies[:-1]] == list(range(1, len(payloads) + 1))
        assert all(reply[0] == wire.USED for reply in replies[:-1])
        assert replies[-1][0] == wire.CHANGED
        client.load(two, [plain for _, plain in pairs[:count_of]], mode="replace")
        assert count(client, one) == len(payloads) * rows
        queries = ["i64 > 49000", "f64 < -6200", "str = 'text 7'", f"top > {TOP + 490}"]
        for query in ["1 = 1", *queries] if count_of == 1 else queries:
            found = [raw_rows(ask(client, table, query, result="rows")) for table in (one, two)]
            assert found[0] == found[1]
        if rows > 0 and not gaps:
            last = count_of * rows - 1
            for name in ("name", "name64"):
                assert matched(client, one, f"{name} = 'name {last}'") == 1


def test_by_a_key(client: Connection) -> None:
    table = client.create("t", key="i")
    kept = Kept()
    numbers = list(range(1000))
    payload = columns(1000, ["i", "i64", kept.places(packed("q", numbers))])
    stream(client, table, payload)
    assert error_of(stream(client, table, payload)) == "DUPLICATE_KEY"
    assert stream(client, table, payload, mode="upsert")[-1][0] == wire.CHANGED
    assert count(client, table) == 1000


def test_a_load_in_one_message(client: Connection) -> None:
    """Its only reply is CHANGED."""
    table = client.create("t")
    here = Here(packed("q", [1, 2, 3]))
    replies = client.call(wire.LOAD, table, {}, columns(3, ["a", "i64", here.place]))
    assert [reply[0] for reply in replies] == [wire.CHANGED]
    assert rows_of(ask(client, table, "a > 1", result="rows")) == [{"a": 2}, {"a": 3}]


@pytest.mark.parametrize(
    "memory",
    [
        None,
        1,
        [],
        [PROVED.address],
        [PROVED.address, Bin(PROOF), 1],
        [PROVED.address, Bin(PROOF[:15])],
        [PROVED.address, Bin(bytes(32))],
        [PROVED.address + 1, Bin(PROOF)],
        [0, Bin(PROOF)],
        [-1, Bin(PROOF)],
        [(1 << 64) - 16, Bin(PROOF)],
        [PROVED.address, PROOF.hex()],
        [str(PROVED.address), Bin(PROOF)],
    ],
    ids=range(13),
)
def test_no_proof(memory: Plain) -> None:
    with Connection.spawn(OPTION, hello=False) as client:
        assert not agreed(client.hello(memory=memory))
        table = client.create("t")
        here = Here(packed("q", [1, 2, 3]))
        replies = stream(client, table, columns(3, ["a", "i64", here.place]))
        assert error_of(replies) == "BAD_PAYLOAD"
        assert count(client, table) == 0


@pytest.mark.parametrize(
    ("size", "is_enough"), [(15, False), (16, True), (256, True), (257, False)]
)
def test_the_length_of_a_proof(size: int, is_enough: bool) -> None:
    proof = Here(os.urandom(size))
    with Connection.spawn(OPTION, hello=False) as client:
        said = client.hello(memory=[proof.address, Bin(proof.data)])
        assert agreed(said) == is_enough


def test_not_unasked() -> None:
    with Connection.spawn(hello=False) as client:
        assert not agreed(client.hello(memory=MEMORY))


def test_not_over_a_socket() -> None:
    with Listening() as daemon, Connection.connect(daemon.path, hello=False) as client:
        assert not agreed(client.hello(memory=MEMORY))


def unreadable() -> tuple[mmap.mmap, int]:
    """A page, and the address of its end, behind which nothing can be read."""
    size = mmap.PAGESIZE
    memory = mmap.mmap(-1, 2 * size)
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mprotect.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    assert libc.mprotect(address + size, size, 0) == 0
    return memory, address + size


FEW = Here(packed("q", [1, 2, 3]))
ENDS = Here(packed("I", [0, 1, 2, 3]))
LETTERS = Here(b"abc")
WRONG: list[tuple[str, list[Plain]]] = [
    ("short", ["a", "i64", [FEW.address, 23]]),
    ("long", ["a", "i64", [FEW.address, 25]]),
    ("no bytes", ["a", "i64", [FEW.address]]),
    ("more", ["a", "i64", [FEW.address, 24, 0]]),
    ("negative", ["a", "i64", [-1, 24]]),
    ("negative bytes", ["a", "i64", [FEW.address, -24]]),
    ("text", ["a", "f64", ["1", 24]]),
    ("nothing there", ["a", "i64", [0, 24]]),
    ("nothing up there", ["a", "f64", [(1 << 64) - 8, 24]]),
    ("nothing there, time", ["a", "timestamp", ["s", [8, 24]]]),
    ("nothing there, offsets", ["a", "str", [[8, 16], LETTERS.place]]),
    ("nothing there, bytes", ["a", "str", [ENDS.place, [8, 3]]]),
    ("nothing there, zstr", ["a", "zstr", [8, 5]]),
    ("offsets beyond", ["a", "str", [ENDS.place, [LETTERS.address, 2]]]),
    ("offsets short", ["a", "str", [[ENDS.address, 12], LETTERS.place]]),
    ("small numbers", ["a", "i32", [FEW.address, 24]]),
    ("bits", ["a", "bits", [FEW.address, 2]]),
    ("bool of 2", ["a", "bool", [ENDS.address + 7, 3]]),
    ("validity", ["a", "i64", FEW.place, [FEW.address, 2]]),
    ("presence", ["a", "i64", FEW.place, None, [8, 1]]),
    ("codes", ["a", "dict", ["i64", FEW.place, [Bin(ENDS.data), Bin(b"abc")], 3]]),
    ("values", ["a", "dict", ["i8", Bin(b"abc"), [[8, 16], Bin(b"abc")], 3]]),
    ("inside", ["a", "array", [ENDS.place, [3, "i64", [FEW.address, 23], None]]]),
    ("nothing there, inside", ["a", "array", [ENDS.place, [3, "f64", [8, 24], None]]]),
    ("offsets of arrays", ["a", "array", [[8, 16], [3, "i64", FEW.place, None]]]),
    ("offsets of arrays, short", ["a", "array", [[ENDS.address, 12], [3, "i64", FEW.place, None]]]),
]


def test_no_place_in_what_was_fetched(client: Connection) -> None:
    """An error's offset is one of the message; there is none for bytes that were not in it."""
    table = client.create("t")
    falls, four = Here(packed("I", [0, 2, 1, 3])), Here(b"a\0b\0c\0d")
    of_str: list[Plain] = ["a", "str", [falls.place, LETTERS.place]]
    of_zstr: list[Plain] = ["a", "zstr", four.place]
    for column in (of_str, of_zstr):
        error = wire.fields(stream(client, table, columns(3, column))[-1][2])
        assert wire.text_of(error["name"]) == "BAD_PAYLOAD"
        assert "offset" not in error
    sent_bytes: list[Plain] = ["a", "str", [Bin(falls.data), LETTERS.place]]
    error = wire.fields(stream(client, table, columns(3, sent_bytes))[-1][2])
    assert error["offset"] in range(10, 60)


@pytest.mark.parametrize("column", [column for _, column in WRONG], ids=[name for name, _ in WRONG])
def test_wrong_places(client: Connection, column: list[Plain]) -> None:
    table = client.create("t")
    client.load(table, [maps([{"a": 5}])])
    assert error_of(stream(client, table, columns(3, column))) == "BAD_PAYLOAD"
    assert rows_of(ask(client, table, "1 = 1", result="rows")) == [{"a": 5}]


def test_the_end_of_what_can_be_read(client: Connection) -> None:
    memory, end = unreadable()
    table = client.create("t")
    for kind in ("i64", "zstr"):
        zeros = columns(24 if kind == "zstr" else 3, ["a", kind, [end - 24, 24]])
        if kind == "i64":
            assert stream(client, table, zeros)[-1][0] == wire.CHANGED
        beyond = columns(3, ["a", "i64", [end - 23, 24]])
        assert error_of(stream(client, table, beyond)) == "BAD_PAYLOAD"
    assert count(client, table) == 3
    del memory


def test_for_loads_alone(client: Connection) -> None:
    answer = Answer.of(client.call(wire.FILTER, "a = 1", {}, columns(3, ["a", "i64", FEW.place])))
    assert answer.error is not None
    assert wire.text_of(answer.error["name"]) == "BAD_PAYLOAD"
    assert not answer.done


def test_the_first_fault_is_told(client: Connection) -> None:
    """Also where columns are read by several threads, as those of large payloads are."""
    table = client.create("t")
    rows = 20_000
    kept = Kept()
    numbers = packed("q", list(range(rows)))
    good: list[Plain] = ["a", "i64", kept.places(numbers)]
    wrong: list[list[Plain]] = [
        ["b", "str", kept.places([offsets("I", [b""] * rows)[:-4] + b"\xff" * 4, b"x"])],
        ["c", "i64", kept.places(numbers[1:])],
        ["d", "bool", kept.places(b"\2" * rows)],
    ]
    texts = ["pass the end of its bytes", "with 8 bytes a row", "neither 0 nor 1"]
    for first in range(3):
        order = wrong[first:] + wrong[:first]
        replies = stream(client, table, columns(rows, good, *order, ["e", *good[1:]]))
        error = wire.fields(replies[-1][2])
        assert wire.text_of(error["name"]) == "BAD_PAYLOAD"
        assert texts[first] in wire.text_of(error["message"])
    assert stream(client, table, columns(rows, good))[-1][0] == wire.CHANGED
    assert count(client, table) == rows


def test_no_more_than_a_frame_together() -> None:
    rows = (1 << 14) + 1
    empty = Here(bytes(rows - 1))  # as many strings as there are rows
    bits = Here(bytes((rows + 7) // 8))
    with greet("--frame-bytes", "64K") as client:
        table = client.create("t")
        some: list[list[Plain]] = [[name, "zstr", empty.place] for name in "abcd"]
        assert stream(client, table, columns(rows, *some))[-1][0] == wire.CHANGED
        some[1].append(bits.place)
        assert error_of(stream(client, table, columns(rows, *some))) == "BAD_PAYLOAD"
        assert stream(client, table, columns(rows, *some[:3]))[-1][0] == wire.CHANGED
        assert count(client, table) == 2 * rows


def test_no_more_than_a_frame() -> None:
    here = Here(bytes(1 << 16))
    with greet("--frame-bytes", "64K") as client:
        table = client.create("t")
        column: list[Plain] = ["a", "zstr", [here.address, 1 << 16]]
        other: list[Plain] = ["b", "zstr", [here.address, 1]]
        rows = (1 << 16) + 1
        assert stream(client, table, columns(rows, column))[-1][0] == wire.CHANGED
        assert (
            error_of(
                stream(client, table, columns(2, other, ["a", "zstr", [here.address, 1 << 16]]))
            )
            == "BAD_PAYLOAD"
        )
        numbers = Here(bytes(1 << 19))  # which are stored as they are fetched
        payload = columns(1 << 16, ["a", "i64", numbers.place])
        assert stream(client, table, payload)[-1][0] == wire.CHANGED
        assert count(client, table) == rows + (1 << 16)


def test_no_memory() -> None:
    here = Here(bytes(24 << 20))
    with greet("--max-memory", "16M", "--frame-bytes", "32M") as client:
        table = client.create("t")
        payload = columns(2, ["a", "str", [Bin(packed("I", [0, 0, 24 << 20])), here.place]])
        assert error_of(stream(client, table, payload)) == "MEMORY"
        assert stream(client, table, columns(3, ["a", "i64", FEW.place]))[-1][0] == wire.CHANGED


def matched(client: Connection, table: int, query: str) -> int:
    done = Answer.of(ask(client, table, query, result="count")).done
    assert isinstance(done["matched"], int)
    return done["matched"]


def test_memory_that_changes_meanwhile(client: Connection) -> None:
    """Whatever is stored, the table agrees with itself."""
    numbers = Here(bytes(8 * 65536))
    stop = threading.Event()

    def scribble() -> None:
        while not stop.is_set():
            for byte in (0, 1, 0x7F, 0xFF, 0x80):
                numbers.overwrite(byte)

    table = client.create("t")
    thread = threading.Thread(target=scribble)
    thread.start()
    try:
        payload = columns(65536, ["i", "i64", numbers.place], ["f", "f64", numbers.place])
        for _ in range(10):
            assert stream(client, table, payload, mode="replace")[-1][0] == wire.CHANGED
            for limit in (0, 72340172838076673, -1):
                found = [matched(client, table, f"i {op} {limit}") for op in ("<", "=", ">")]
                assert sum(found) == 65536
                by_rows = matched(client, table, f"i + 0 > {limit}")  # row by row
                assert found[2] == by_rows
            nans = matched(client, table, "f != f")
            assert matched(client, table, "f < 0 or f >= 0") + nans == 65536
    finally:
        stop.set()
        thread.join()
