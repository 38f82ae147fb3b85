"""Public bug reports about filters, as small inputs with the right answer.

Each test is named by its number in BUG_REPORTS.md of the shared cases and written from there by
hand; what is tested is the whole kind of fault, not the one input.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cases import load
from tests.lib import mp, wire
from tests.lib.mp import Plain, Raw
from tests.lib.wire import Connection


@pytest.fixture(scope="module")
def daemon() -> Iterator[Connection]:
    load.required()
    with Connection.spawn() as connection:
        yield connection


def hexes(*rows: str) -> list[Plain]:
    """Rows given as hexadecimal digits."""
    return [Raw(bytes.fromhex(row)) for row in rows]


def column(name: str, *values: Plain) -> list[Plain]:
    """Rows of one field."""
    return [{name: value} for value in values]


def kept(daemon: Connection, query: Plain, rows: list[Plain], **params: Plain) -> list[int]:
    """The rows that a query keeps, whichever way it is asked: all at once, row by row as a stream,
    and in the structured form. An error is a failure of the test.
    """
    options: dict[str, Plain] = {"params": params} if params else {}
    answer = daemon.filter(query, ["maps", rows], **options)
    assert answer.error is None, answer.error
    alone: list[Plain] = [["maps", [row]] for row in rows]
    streamed = daemon.stream(wire.FILTER, query, alone, options)
    tree = wire.fields(daemon.call(wire.EXPLAIN, query, options)[-1][2])["structured"]
    twin = daemon.filter(tree, ["maps", rows], **options)
    assert (streamed.code, streamed.indices) == ("OK", answer.indices), query
    assert (twin.code, twin.indices) == ("OK", answer.indices), query
    return answer.indices


def echoed(daemon: Connection, query: str, rows: list[Plain]) -> bytes:
    """The bytes of the rows that a query keeps."""
    answer = daemon.filter(query, ["maps", rows], result="rows")
    assert answer.error is None, answer.error
    return b"".join(answer.rows)


def resident_bytes(connection: Connection) -> int:
    """Resident memory of the daemon."""
    assert connection.process is not None
    status = Path(f"/proc/{connection.process.pid}/status").read_text()
    return next(int(x.split()[1]) * 1024 for x in status.splitlines() if x.startswith("VmRSS"))


def test_c01_long_ids(daemon: Connection) -> None:
    rows = column("id", 50000000014435121, 50000000014435122)
    assert kept(daemon, "id = 50000000014435122", rows) == [1]
    assert echoed(daemon, "id = 50000000014435122", rows) == mp.encode(rows[1])


def test_c04_single_precision(daemon: Connection) -> None:
    rows = hexes("81a178ca3dcccccd", "81a178cb3fb999999999999a")
    assert kept(daemon, "x = 0.1", rows) == [1]
    assert kept(daemon, "x > 0.1", rows) == [0]
    assert kept(daemon, "x BETWEEN 0.0999 AND 0.1001", rows) == [0, 1]


def test_c07_neighbours_over_2_53(daemon: Connection) -> None:
    rows = column("x", 1780921717355446273)
    assert kept(daemon, "x > 1780921717355446272", rows) == [0]
    assert kept(daemon, "x >= 1780921717355446274", rows) == []


def test_c08_nan(daemon: Connection) -> None:
    rows = [{"age": 24.0}, *hexes("81a3616765cb7ff8000000000000"), {"age": 15.5}]
    assert kept(daemon, "age >= 20", rows) == [0]
    assert kept(daemon, "age < 20", rows) == [2]
    assert kept(daemon, "NOT (age >= 20)", rows) == [1, 2]


def test_c10_minus_zero(daemon: Connection) -> None:
    rows = hexes("81a178cb8000000000000000")
    for query in ("x >= 0", "x = 0", "x IN (0, 7)", "x IN (0.0, 1, 2, 3, 4, 5, 6, 7, 8, 9)"):
        assert kept(daemon, query, rows) == [0], query
        assert echoed(daemon, query, rows).hex() == "81a178cb8000000000000000"
    assert kept(daemon, "x < 0", rows) == []


def test_c11_not_in_with_null(daemon: Connection) -> None:
    rows = column("a", 1, 2, None, 3)
    assert kept(daemon, "a NOT IN (1, NULL)", rows) == []
    assert kept(daemon, "a IN (1, NULL)", rows) == [0]
    assert kept(daemon, "a NOT IN (1)", rows) == [1, 3]
    assert kept(daemon, "a NOT IN ()", rows) == [0, 1, 2, 3]
    assert kept(daemon, "a NOT IN :p", rows, p=[1, None]) == []
    assert kept(daemon, "a NOT IN :p", rows, p=[]) == [0, 1, 2, 3]


def test_c12_null_and_absent(daemon: Connection) -> None:
    rows: list[Plain] = [{"foo": "a"}, {"foo": None}, {}]
    assert kept(daemon, "foo <> 'baz'", rows) == [0]
    assert kept(daemon, "foo IS DISTINCT FROM 'baz'", rows) == [0, 1, 2]
    assert kept(daemon, "foo IS NOT MISSING", rows) == [0, 1]
    assert kept(daemon, "foo IS NULL", rows) == [1, 2]


def test_c15_types_do_not_order(daemon: Connection) -> None:
    rows = column("v", "50", 5, 50, [99], None, True)
    assert kept(daemon, "v > 10", rows) == [2]
    assert kept(daemon, "NOT (v > 10)", rows) == [1]
    assert kept(daemon, "v <> 50", rows) == [0, 1, 3, 5]
    assert daemon.filter("v > 10", ["maps", rows]).done["type_mismatch"] == 3
    assert daemon.filter("v <> 50", ["maps", rows]).done["type_mismatch"] == 0


def test_c16_parameters_keep_their_type(daemon: Connection) -> None:
    rows = column("c", 0, "0", 3.5)
    for literal, value, answer in (("0", 0, [0]), ("'0'", "0", [1])):
        assert kept(daemon, f"c = {literal}", rows) == answer
        assert kept(daemon, "c = :p", rows, p=value) == answer
    assert kept(daemon, "c >= 0.1", rows) == kept(daemon, "c >= :p", rows, p=0.1) == [2]


def test_c19_escapes(daemon: Connection) -> None:
    rows = column("s", "a_bb_c", "a_b_c", "a_bd_c")
    assert kept(daemon, r"s LIKE '%\_b\_%' ESCAPE '\'", rows) == [1]
    assert kept(daemon, r"s LIKE '%\_b\_%'", rows) == []
    assert kept(daemon, "s LIKE '%_b_%'", rows) == [0, 1, 2]


def test_c22_case_folding(daemon: Connection) -> None:
    rows = [
        *column("s", "Привіт", "привіт", "İstanbul", "STRASSE", "STRAẞE"),
        *hexes("81a173a3e284aa"),
    ]
    for query, answer in {
        "s ILIKE 'привіт'": [0, 1],
        "s LIKE 'привіт'": [1],
        "s ILIKE 'istanbul'": [],
        "s ILIKE 'straße'": [4],
        "s ILIKE 'k'": [5],
    }.items():
        assert kept(daemon, query, rows) == answer, query


def test_c24_conditions_on_one_element(daemon: Connection) -> None:
    rows: list[Plain] = [{"items": [{"a": 7, "b": 1}, {"a": 8, "b": 2}]}]
    for inside, answer in {
        "e.a = 8 AND e.b = 1": [],
        "e.b = 1 AND e.a = 8": [],
        "e.a = 8 AND e.b = 2": [0],
        "e.b = 2 AND e.a = 8": [0],
    }.items():
        assert kept(daemon, f"ANY e IN items SATISFIES {inside} END", rows) == answer, inside


def test_c26_the_last_of_equal_keys(daemon: Connection) -> None:
    rows = hexes("82a16101a16102")
    assert kept(daemon, "a = 2", rows) == [0]
    assert kept(daemon, "a = 1", rows) == []
    assert echoed(daemon, "a = 2", rows).hex() == "82a16101a16102"
    template: Plain = ["template", ["a", "a"], [[1, 2]]]
    assert daemon.filter("a = 2", template).indices == [0]


CLAIMS = ["ddff000000", "dfffffffff", "dbffffffff", "c6ffffffff"]


@pytest.mark.parametrize("claim", CLAIMS)
def test_c28_a_header_that_claims_gigabytes(claim: str) -> None:
    load.required()
    raw = bytes.fromhex(claim)
    with Connection.spawn() as connection:
        connection.filter("a = 1", ["maps", [{"a": 1}]])
        before = resident_bytes(connection)
        maps, fixarray, row = mp.encode("maps"), b"\x92", b"\x81\xa1a"
        for payload in (
            raw,
            fixarray + maps + raw,
            fixarray + maps + b"\x91" + raw,
            fixarray + maps + b"\x91" + row + raw,
        ):
            answer = connection.filter("a = 1", Raw(payload))
            assert answer.error is not None, payload.hex()
            assert isinstance(answer.error.get("offset"), int), answer.error
            assert connection.filter("a = 1", ["maps", [{"a": 1}]]).indices == [0]
        assert resident_bytes(connection) - before < 1 << 20


def test_c31_keys_that_are_no_strings(daemon: Connection) -> None:
    rows = hexes("8201a178a131a179", "81c4016101", "81c001")
    assert kept(daemon, "\"1\" = 'y'", rows) == [0]
    assert kept(daemon, "a IS MISSING", rows) == [0, 1, 2]
    assert echoed(daemon, "a IS MISSING", rows) == b"".join(
        r.raw for r in rows if isinstance(r, Raw)
    )


def session_bytes() -> bytes:
    """A session with every kind of request that answers the same each time."""
    rows: list[Plain] = [{"a": i, "s": "x" * i} for i in range(50)]
    stream: list[Plain] = [
        [wire.ROWS, 7, ["maps", rows[:20]]],
        [wire.ROWS, 7, ["maps", rows[20:]]],
        [wire.END, 7],
    ]
    messages: list[Plain] = [
        [wire.HELLO, 1, {"version": 1, "capabilities": []}],
        [wire.FILTER, 2, "a > 5", {}, ["maps", rows]],
        [wire.FILTER, 12, "a >", {}, ["maps", rows]],
        [wire.PREPARE, 3, "s LIKE '%xxx'"],
        [wire.PING, 4, "again"],
        [wire.FILTER, 7, "a < 30", {"result": "rows"}, None],
        *stream,
        [wire.EXPLAIN, 8, "a = 1", {}],
        [99, 9],
    ]
    return b"".join(wire.frame(message) for message in messages)


def output_of(pieces: list[bytes], wait_s: float = 0.0) -> bytes:
    """All that a daemon says to an input in pieces."""
    with Connection.spawn(hello=False) as connection:
        for piece in pieces:
            connection.send(piece)
            if wait_s:
                time.sleep(wait_s)
        assert connection.process is not None and connection.process.stdin is not None
        connection.process.stdin.close()
        return connection.read_to_end()


def test_c32_one_byte_at_a_time() -> None:
    load.required()
    session = session_bytes()
    whole = sorted(cut_frames(output_of([session])))
    assert len(whole) >= 8
    assert sorted(cut_frames(output_of([session[i : i + 1] for i in range(len(session))]))) == whole
    for cut in (3, 100, len(session) - 1):
        assert sorted(cut_frames(output_of([session[:cut], session[cut:]], 0.05))) == whole


def cut_frames(data: bytes) -> list[bytes]:
    """The frames of an output."""
    out = []
    while data:
        end = 4 + struct.unpack(">I", data[:4])[0]
        assert len(data) >= end
        out.append(data[:end])
        data = data[end:]
    return out


def test_c32_never_valid_is_told_at_once(daemon: Connection) -> None:
    answer = daemon.filter("a = 1", ["maps", hexes("81a161c1")])
    assert answer.code == "ROW_INVALID"
    assert answer.error is not None and answer.error["row"] == 0
    request: Plain = [wire.FILTER, 5, "a = 1", {}, ["maps", hexes("81a161c1")]]
    body = mp.encode(request)
    offset = answer.error["offset"]
    assert isinstance(offset, int) and 0 < offset <= len(body)


def test_c32_the_end_inside_a_message() -> None:
    load.required()
    with Connection.spawn() as connection:
        before = len(
            wire.frame([wire.HELLO, 2, {"version": 1, "capabilities": [], "client": "tests"}])
        )
        connection.send(struct.pack(">I", 100) + b"\xa5a")
        assert connection.process is not None and connection.process.stdin is not None
        connection.process.stdin.close()
        last = connection.receive()
        assert last[:2] == [wire.ERROR, 0]
        error = wire.fields(last[2])
        assert wire.text_of(error["name"]) == "TRUNCATED"
        assert error["offset"] == before + 6
        assert connection.at_end()
        assert connection.process.wait(10) == 2


def test_c34_one_byte_over_the_limit() -> None:
    load.required()
    limit = 4096
    with Connection.spawn("--frame-bytes", str(limit)) as connection:
        for size, code in ((limit - 1, "OK"), (limit, "OK"), (limit + 1, "FRAME_TOO_LARGE")):
            base = len(
                mp.encode([wire.FILTER, 50, "a = 1", {}, ["maps", [{"a": 1, "s": "x" * 300}]]])
            )
            row: Plain = {"a": 1, "s": "x" * (300 + size - base)}
            body = mp.encode([wire.FILTER, 50, "a = 1", {}, ["maps", [row]]])
            assert len(body) == size
            connection.send(struct.pack(">I", size) + body)
            reply = connection.receive()
            if code == "OK":
                assert reply[0] == wire.RESULT
                assert connection.receive()[0] == wire.DONE
                continue
            error = wire.fields(reply[2])
            assert (reply[0], wire.text_of(error["name"])) == (wire.ERROR, code)
            assert (error["limit"], error["actual"]) == (limit, size)
            assert kept(connection, "a = 1", [{"a": 1}]) == [0]


def test_c37_everything_kept_and_nothing_read() -> None:
    """A client that writes without reading is held up, not lost: what it sent is answered once it
    reads.
    """
    load.required()
    row = mp.encode({"a": 1, "s": "x" * 1000})
    rows, pieces = 2000, 24
    payload: Plain = ["maps", [Raw(row)] * rows]
    with Connection.spawn(timeout_s=60) as connection:
        head = wire.frame([wire.FILTER, 9, "a = 1", {"result": "rows"}, None])
        piece = wire.frame([wire.ROWS, 9, payload])
        data = head + piece * pieces + wire.frame([wire.END, 9])
        written = connection.send_without_reading(data, quiet_s=0.5)
        assert written < len(data), "the daemon took 48 MB without a reader"
        connection.send(data[written:])
        answer = wire.Answer.of(connection.replies(9))
        assert answer.done["matched"] == rows * pieces
        assert sum(map(len, answer.rows)) == len(row) * rows * pieces


def test_c43_ten_thousand_terms(daemon: Connection) -> None:
    query = " OR ".join(f"x = {i}" for i in range(10000))
    answer = daemon.filter(query, ["maps", [{"x": 9999}, {"x": 10000}]])
    assert answer.indices == [0] if answer.error is None else answer.code == "QUERY_TOO_LARGE"
    names = [f"f{i}" for i in range(40)]
    every = " AND ".join(f"{name} = {i}" for i, name in enumerate(names))
    row: dict[str, Plain] = {name: i for i, name in enumerate(names)}
    assert kept(daemon, every, [row, {**row, "f39": 0}]) == [0]
    deep = "(" * 100000 + "x = 1" + ")" * 100000
    assert daemon.filter(deep, ["maps", []]).code in ("OK", "QUERY_TOO_DEEP")
    items = ", ".join(str(i) for i in range(100000))
    assert kept(daemon, f"x IN ({items})", [{"x": 99999}, {"x": 100000}]) == [0]
