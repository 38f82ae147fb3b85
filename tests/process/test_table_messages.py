"""Resident tables by the protocol: what each message does and refuses, who sees which table, and
that a load is all or nothing. Queries over random tables are the differential test's (tests/diff).
"""

from __future__ import annotations

import os
import re
import struct
from typing import Any

import pytest
from daemon import Listening
from tables import ROWS, ask, count, error_of, indices, maps, plain, rows_of

from tests.lib import mp, wire
from tests.lib.mp import Bin, Ext, Plain, Value
from tests.lib.wire import Answer, Connection, Refused

# ---- messages -----------------------------------------------------------------------------------


def test_create_and_open(client: Connection) -> None:
    made = client.call(wire.CREATE, "t", {"key": "id"})[-1]
    assert made[0] == wire.TABLE
    assert plain(made[3]) == {"name": "t", "key": "id", "private": False, "rows": 0}
    opened = client.call(wire.OPEN, "t")[-1]
    assert opened[2] == made[2]
    assert error_of(client.call(wire.CREATE, "t", None)) == "TABLE_EXISTS"
    assert error_of(client.call(wire.CREATE, "t", {"exists": "open"})) == "TABLE_EXISTS"  # the key
    assert client.create("t", exists="open", key="id") == made[2]
    client.load("t", [maps(ROWS[:3])])
    again = client.create("t", exists="replace")
    assert again != made[2]
    assert count(client, again) == 0
    assert (
        error_of(ask(client, made[2], "1 = 1")) == "TABLE_UNKNOWN"
    )  # what its number meant is gone


@pytest.mark.parametrize(
    ("name", "options", "code"),
    [
        ("", None, "BAD_MESSAGE"),
        (5, None, "BAD_MESSAGE"),
        ("x" * 65537, None, "BAD_MESSAGE"),
        ("t", 5, "BAD_MESSAGE"),
        ("t", {"key": 5}, "BAD_OPTION"),
        ("t", {"private": "yes"}, "BAD_OPTION"),
        ("t", {"exists": "maybe"}, "BAD_OPTION"),
        ("t", {"limit": 1}, "BAD_OPTION"),
        ("t", {"nothing": 1}, "BAD_OPTION"),
    ],
)
def test_create_refuses(client: Connection, name: Plain, options: Plain, code: str) -> None:
    assert error_of(client.call(wire.CREATE, name, options)) == code
    client.create("x" * 65536)


@pytest.mark.parametrize("table", ["nowhere", 77, 0, -1])
def test_unknown_tables(client: Connection, table: Plain) -> None:
    asked: list[list[list[Value]]] = [
        ask(client, table, "1 = 1"),
        client.call(wire.LOAD, table, None, maps([])),
        client.call(wire.DELETE, table, []),
        client.call(wire.DROP, table),
        client.call(wire.DESCRIBE, table),
        client.call(wire.EXPLAIN, "1 = 1", None, ["table", table]),
    ]
    assert [error_of(replies) for replies in asked] == ["TABLE_UNKNOWN"] * len(asked)
    if isinstance(table, str):
        assert error_of(client.call(wire.OPEN, table)) == "TABLE_UNKNOWN"


def test_tables_are_named_by_text_or_number(client: Connection) -> None:
    wrongs: list[Plain] = [None, 1.5, [], {"a": 1}]
    for wrong in wrongs:
        assert error_of(client.call(wire.DROP, wrong)) == "BAD_MESSAGE"
        assert error_of(client.call(wire.FILTER, "1 = 1", None, ["table", wrong])) == "BAD_MESSAGE"
    assert error_of(client.call(wire.FILTER, "1 = 1", None, ["table"])) == "BAD_PAYLOAD"
    assert error_of(client.call(wire.FILTER, "1 = 1", None, ["table", "a", "b"])) == "BAD_PAYLOAD"


def described(client: Connection, table: Plain) -> list[Any]:
    """What DESCRIBE says, as Python has it."""
    told = plain(client.call(wire.DESCRIBE, table)[-1][2])
    assert isinstance(told, list)
    return told


def test_drop(people: tuple[Connection, int]) -> None:
    client, table = people
    said = client.call(wire.DROP, "people")[-1]
    assert said[0] == wire.CHANGED
    assert plain(said[2]) == {"added": 0, "replaced": 0, "deleted": 1000, "rows": 0}
    assert error_of(client.call(wire.DROP, table)) == "TABLE_UNKNOWN"
    assert plain(client.call(wire.DESCRIBE, None)[-1][2]) == []


def test_describe(people: tuple[Connection, int]) -> None:
    client, table = people
    client.create("empty", private=True)
    listed = described(client, None)
    assert [(t["name"], t["key"], t["private"], t["rows"]) for t in listed] == [
        ("people", "id", False, 1000),
        ("empty", None, True, 0),
    ]
    (told,) = described(client, table)
    assert told["bytes"] > 0
    assert told["version"] > listed[1]["version"]
    columns = {column["name"]: column for column in told["columns"]}
    assert list(columns) == ["id", "age", "city", "score"]
    assert columns["age"] | {"bytes": 0} == {
        "name": "age",
        "types": ["integer"],
        "nulls": 0,
        "missing": 0,
        "distinct": 50,
        "exact": True,
        "bytes": 0,
        "storage": "int8",
    }
    assert (columns["city"]["storage"], columns["city"]["distinct"]) == ("dictionary", 3)
    assert columns["score"]["storage"] == "double"
    assert columns["id"]["storage"] in ("int8", "int16")  # by how many rows a segment has


# ---- loading ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "form", ["maps", "template", "columns", "arrays", "jsonl", "csv", "msgpack"]
)
def test_every_form_of_rows(client: Connection, form: str) -> None:
    table = client.create("t")
    names = list(ROWS[0])
    text = "".join(
        f'{{"id": {r["id"]}, "age": {r["age"]}, "city": "{r["city"]}", "score": {r["score"]}}}\n'
        for r in ROWS
    )
    lines = (
        ",".join(names)
        + "\n"
        + "".join(f"{r['id']},{r['age']},{r['city']},{r['score']}\n" for r in ROWS)
    )
    cities = [str(r["city"]).encode() for r in ROWS]
    offsets = [0]
    for city in cities:
        offsets.append(offsets[-1] + len(city))
    forms: dict[str, list[Plain]] = {
        "maps": maps(ROWS),
        "template": ["template", names, [list(r.values()) for r in ROWS]],
        "columns": ["columns", 1000, [[n, "list", [r[n] for r in ROWS]] for n in names]],
        "arrays": [
            "columns",
            1000,
            [
                ["id", "u16", Bin(struct.pack("<1000H", *range(1000)))],
                ["age", "i8", Bin(bytes(20 + i % 50 for i in range(1000)))],
                ["city", "str", [Bin(struct.pack("<1001I", *offsets)), Bin(b"".join(cities))]],
                ["score", "f64", Bin(struct.pack("<1000d", *(i / 4 for i in range(1000))))],
            ],
        ],
        "jsonl": ["bytes", "jsonl", Bin(text.encode())],
        "csv": [
            "bytes",
            "csv",
            Bin(lines.encode()),
            {"types": {"id": "integer", "age": "integer", "score": "double"}},
        ],
        "msgpack": ["bytes", "msgpack", Bin(b"".join(mp.encode(r) for r in ROWS))],
    }
    said = client.call(wire.LOAD, table, None, forms[form])[-1]
    assert plain(said[2]) == {"added": 1000, "replaced": 0, "deleted": 0, "rows": 1000}
    got = rows_of(ask(client, table, "age >= 60 and city = 'Oslo'", result="rows"))
    assert got == [r for r in ROWS if int(str(r["age"])) >= 60 and r["city"] == "Oslo"]


def test_modes(people: tuple[Connection, int]) -> None:
    client, table = people
    with pytest.raises(Refused, match="DUPLICATE_KEY"):
        client.load(table, [maps([{"id": 5000}, {"id": 7}])])
    assert count(client, table) == 1000
    said = client.load(
        table, [maps([{"id": 7, "age": 99}, {"id": 5000, "age": 98}])], mode="upsert"
    )
    assert (said["added"], said["replaced"], said["rows"]) == (1, 1, 1001)
    assert indices(client, table, "age > 90") == [999, 1000]  # at the end of the table
    assert rows_of(ask(client, table, "id = 7", result="rows")) == [{"id": 7, "age": 99}]
    said = client.load(table, [maps([{"id": 1}])], mode="replace")
    assert (said["added"], said["deleted"], said["rows"]) == (1, 1001, 1)
    assert count(client, table) == 1


@pytest.mark.parametrize("key", [None, [1], {"a": 1}, float("nan")])
def test_bad_keys(people: tuple[Connection, int], key: Plain) -> None:
    client, table = people
    for mode in ("append", "upsert", "replace"):
        replies = client.call(wire.LOAD, table, {"mode": mode}, maps([{"id": -1}, {"id": key}]))
        assert error_of(replies) == "BAD_KEY"
        assert wire.fields(replies[-1][2])["row"] == 1
    assert error_of(client.call(wire.LOAD, table, None, maps([{"age": 1}]))) == "BAD_KEY"
    assert error_of(client.call(wire.DELETE, table, [key])) == "BAD_KEY"
    assert count(client, table) == 1000


def test_an_upsert_needs_a_key(client: Connection) -> None:
    table = client.create("t")
    client.load(table, [maps([{"k": 1}])])
    for payloads in ([maps([{"k": 1}])], [maps([{"k": 1}]), maps([{"k": 2}])], []):
        with pytest.raises(Refused, match="NO_KEY"):
            client.load(table, payloads, mode="upsert")
        assert count(client, table) == 1


def test_keys_are_equal_as_values_are(client: Connection) -> None:
    table = client.create("t", key="k")
    when = Ext(-1, struct.pack(">I", 5))
    client.load(table, [maps([{"k": 1}, {"k": "1"}, {"k": True}, {"k": Bin(b"1")}, {"k": when}])])
    for key in (1.0, "1", True, Bin(b"1"), when):
        assert error_of(client.call(wire.LOAD, table, None, maps([{"k": key}]))) == "DUPLICATE_KEY"
    said = client.call(wire.DELETE, table, [1.0, "x", when])[-1]
    assert plain(said[2]) == {"added": 0, "replaced": 0, "deleted": 2, "rows": 3}


def test_delete(people: tuple[Connection, int]) -> None:
    client, table = people
    said = client.call(wire.DELETE, table, [0, 2, 4, 4, 9999])[-1]
    assert plain(said[2]) == {"added": 0, "replaced": 0, "deleted": 3, "rows": 997}
    assert indices(client, table, "id < 8") == [0, 1, 2, 3, 4]  # 1, 3, 5, 6, 7
    assert indices(client, table, "id < 8", result="bitmap") == [0, 1, 2, 3, 4]
    kept = rows_of(ask(client, table, "id < 8", result="rows"))
    assert kept == [ROWS[i] for i in (1, 3, 5, 6, 7)]
    other = client.create("keyless")
    assert error_of(client.call(wire.DELETE, other, [1])) == "NO_KEY"
    assert error_of(client.call(wire.DELETE, table, 5)) == "BAD_MESSAGE"
    client.call(wire.DELETE, table, list(range(1000)))
    assert count(client, table) == 0


def test_a_broken_load_changes_nothing(people: tuple[Connection, int]) -> None:
    client, table = people
    good = maps([{"id": 2000}])
    bad: list[Plain] = ["maps", [{"id": 2001}, 5]]
    with pytest.raises(Refused, match="ROW_NOT_MAP"):
        client.load(table, [good, bad])
    with pytest.raises(Refused, match="BAD_PAYLOAD"):
        client.load(table, [good, ["columns", 1, [[["a", "b"], "list", [1]]]]])
    with pytest.raises(Refused, match="BAD_PAYLOAD"):
        client.load(table, [["nothing"]])
    assert error_of(client.call(wire.LOAD, table, {"mode": "x"}, good)) == "BAD_OPTION"
    assert error_of(client.call(wire.LOAD, table, {"result": "count"}, good)) == "BAD_OPTION"
    assert count(client, table) == 1000


def test_a_cancelled_load_changes_nothing(people: tuple[Connection, int]) -> None:
    client, table = people
    request = client.new_id()
    client.send(wire.frame([wire.LOAD, request, table, None, None]))
    client.send(wire.frame([wire.ROWS, request, maps([{"id": 2000}])]))
    client.send(wire.frame([wire.CANCEL, request]))
    assert error_of(client.replies(request)) == "CANCELLED"
    assert count(client, table) == 1000


def test_nothing_is_seen_before_the_end(people: tuple[Connection, int]) -> None:
    client, table = people
    request = client.new_id()
    client.send(wire.frame([wire.LOAD, request, table, None, None]))
    for i in range(5):
        client.send(wire.frame([wire.ROWS, request, maps([{"id": 2000 + i}])]))
        assert count(client, table) == 1000
    client.send(wire.frame([wire.END, request]))
    assert wire.last_fields(client.replies(request), wire.CHANGED)["rows"] == 1005
    assert count(client, table) == 1005


def test_rows_and_their_columns(client: Connection) -> None:
    table = client.create("t")
    rows: list[dict[str, Plain]] = [
        {"a": 1, "n": None},
        {"b": [1, {"x": [2]}], "a": -5.5},
        {},
        {"c": Bin(b"\0"), "d": "é", "e": {"k": Ext(7, b"ab")}},
    ]
    client.load(table, [maps(rows)])
    got = [mp.decode(mp.encode(row)) for row in rows]
    replies = ask(client, table, "1 = 1", result="rows")
    assert mp.decode_all(b"".join(Answer.of(replies).rows)) == [
        got[0],
        mp.decode(mp.encode({"a": -5.5, "b": [1, {"x": [2]}]})),
        got[2],
        got[3],
    ]


def test_memory_is_refused_and_the_table_stays() -> None:
    with Connection.spawn("--max-memory", "16M") as client:
        table = client.create("t", key="id")
        client.load(table, [maps([{"id": i, "x": "y" * 100} for i in range(1000)])])
        text = [f"{i:0100}" for i in range(4000)]
        refused = 0
        for step in range(60):
            rows: list[dict[str, Plain]] = [
                {"id": 10000 + 4000 * step + i, "x": text[i] + str(step)} for i in range(4000)
            ]
            try:
                client.load(table, [maps(rows)])
            except Refused as error:
                assert error.args[0] == "MEMORY"
                refused += 1
                assert count(client, table) % 4000 == 1000
        assert refused > 0
        assert indices(client, table, "id = 999") == [999]
        client.call(wire.DROP, table)
        table = client.create("t", key="id")
        client.load(table, [maps([{"id": 1}])])


def test_full_tables_leave_room_for_questions() -> None:
    """Tables take no more than seven eighths of the memory: they can be queried and made smaller,
    and rows that are not of tables be filtered, when there is no room for one more row."""
    with Connection.spawn("--max-memory", "8M") as client:
        keyed = client.create("keyed", key="id")
        client.load(keyed, [maps([{"id": i, "x": f"{i:0100}"} for i in range(1000)])])
        full = client.create("full")
        said, step = "", 1 << 16  # segments that need not be merged, first
        while step > 0:
            try:
                packed = Bin(os.urandom(8 * step))
                client.load(full, [["columns", step, [["x", "f64", packed]]]])
            except Refused as error:
                code, said = error.args[:2]
                assert code == "MEMORY"
                step //= 8
        assert re.fullmatch(
            r"out of memory: more is needed than the \d+ bytes that are left to tables, "
            r"which have \d{7}; memory_bytes is 8388608",
            said,
        ), said
        rows = count(client, full)
        assert rows > 100_000
        for i in range(300):  # as many plans as are kept for reuse, and more
            assert len(indices(client, keyed, f"id < {i} AND x LIKE '%{i}%'")) <= i
        assert len(rows_of(ask(client, keyed, "x > ''", result="rows"))) == 1000
        answer = client.filter("a >= 5", maps([{"a": i} for i in range(20_000)]), result="count")
        assert answer.done["matched"] == 19_995
        changed = client.call(wire.DELETE, keyed, list(range(999)))[-1]
        assert plain(changed[2]) == {"added": 0, "replaced": 0, "deleted": 999, "rows": 1}
        assert count(client, full) == rows


# ---- who sees what ------------------------------------------------------------------------------


def test_shared_and_private() -> None:
    with Listening() as daemon:
        a, b = Connection.connect(daemon.path), Connection.connect(daemon.path)
        shared = a.create("t")
        a.load(shared, [maps(ROWS[:10])])
        assert count(b, "t") == count(b, shared) == 10
        own = b.create("t", private=True)
        assert count(b, "t") == 0  # its own one is meant
        assert count(a, "t") == 10
        assert error_of(ask(a, own, "1 = 1")) == "TABLE_UNKNOWN"
        assert [t["private"] for t in described(b, None)] == [True]
        b.call(wire.DROP, "t")
        assert count(b, "t") == 10
        own = b.create("u", private=True)
        b.close()
        c = Connection.connect(daemon.path)
        assert error_of(ask(c, "u", "1 = 1")) == "TABLE_UNKNOWN"
        assert error_of(ask(c, own, "1 = 1")) == "TABLE_UNKNOWN"
        assert count(c, "t") == 10
        a.close()
        c.close()


def test_limit_of_tables() -> None:
    with Connection.spawn("--tables", "2") as client:
        client.create("a")
        client.create("b")
        assert error_of(client.call(wire.CREATE, "c", None)) == "TOO_MANY_TABLES"
        client.create("b", exists="replace")
        for name in ("x", "y"):
            client.create(name, private=True)
        assert error_of(client.call(wire.CREATE, "z", {"private": True})) == "TOO_MANY_TABLES"
        client.call(wire.DROP, "a")
        client.create("c")


def test_a_dropped_table_is_read_to_its_end() -> None:
    with Listening() as daemon:
        a, b = Connection.connect(daemon.path), Connection.connect(daemon.path)
        table = a.create("t")
        n = 300_000
        a.load(table, [["columns", n, [["x", "i64", Bin(struct.pack(f"<{n}q", *range(n)))]]]])
        request = a.new_id()
        a.send(wire.frame([wire.FILTER, request, "x >= 0", {"result": "rows"}, ["table", table]]))
        first = a.receive()  # and no more for the moment: it waits in the middle
        b.call(wire.DROP, "t")
        rest = a.replies(request)
        assert len(rows_of([first, *rest])) == n
        a.close()
        b.close()
