"""Resident tables by the protocol: what each message does and refuses, who sees which table, and
that a load is all or nothing. Queries over random tables are the differential test's (tests/diff).
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from daemon import Listening

from tests.lib import mp, wire
from tests.lib.mp import Bin, Ext, Plain, Str, Value
from tests.lib.wire import Answer, Connection, Refused

ROWS: list[dict[str, Any]] = [
    {"id": i, "age": 20 + i % 50, "city": ["Oslo", "Rome", "Lima"][i % 3], "score": i / 4}
    for i in range(1000)
]


@pytest.fixture
def client() -> Iterator[Connection]:
    with Connection.spawn() as one:
        yield one


@pytest.fixture
def people(client: Connection) -> tuple[Connection, int]:
    table = client.create("people", key="id")
    client.load(table, [["maps", ROWS[:400]], ["maps", ROWS[400:]]])
    return client, table


def maps(rows: list[dict[str, Plain]]) -> list[Plain]:
    return ["maps", rows]


def ask(client: Connection, table: Plain, query: str, **options: Plain) -> list[list[Value]]:
    return client.call(wire.FILTER, query, options, ["table", table])


def indices(client: Connection, table: Plain, query: str, **options: Plain) -> list[int]:
    answer = Answer.of(ask(client, table, query, **options))
    assert answer.error is None, answer.error
    return answer.indices


def plain(value: Value) -> object:
    """A value as a person writes it in Python."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, mp.Map):
        return {plain(key): plain(item) for key, item in value.pairs}
    return value.raw.decode() if isinstance(value, Str) else value


def rows_of(replies: list[list[Value]]) -> list[object]:
    answer = Answer.of(replies)
    assert answer.error is None, answer.error
    return [plain(value) for value in mp.decode_all(b"".join(answer.rows))]


def error_of(replies: list[list[Value]]) -> str:
    last = replies[-1]
    assert last[0] == wire.ERROR, last
    return wire.text_of(wire.fields(last[2])["name"])


def count(client: Connection, table: Plain) -> int:
    done = Answer.of(ask(client, table, "1 = 1", result="count")).done
    assert isinstance(done["matched"], int)
    return done["matched"]


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
    assert (columns["score"]["storage"], columns["id"]["storage"]) == ("double", "int16")


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
    assert plain(mp.Map(())) == {}
    assert (said["added"], said["replaced"], said["rows"]) == (1, 1, 1001)
    assert indices(client, table, "age > 90") == [999, 1000]  # at the end of the table
    assert rows_of(ask(client, table, "id = 7", result="rows")) == [{"id": 7, "age": 99}]
    said = client.load(table, [maps([{"id": 1}])], mode="replace")
    assert (said["rows"], count(client, table)) == (1, 1)


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


# ---- results ------------------------------------------------------------------------------------


def test_all_kinds_agree(people: tuple[Connection, int]) -> None:
    client, table = people
    want = [i for i, r in enumerate(ROWS) if r["city"] == "Rome" and i >= 300]
    query = "city = 'Rome' and id >= 300"
    for kind in ("indices", "bitmap", "auto"):
        assert indices(client, table, query, result=kind) == want
    assert ordered(ask(client, table, query, result="numbers")) == want
    assert Answer.of(ask(client, table, query, result="count")).done["matched"] == len(want)
    assert rows_of(ask(client, table, query, result="rows")) == [ROWS[i] for i in want]
    for kind in ("spans", "runs", "pieces"):
        assert error_of(ask(client, table, query, result=kind)) == "RESULT_KIND"


@pytest.mark.parametrize("kind", ["indices", "bitmap", "auto", "rows"])
@pytest.mark.parametrize(
    ("offset", "limit"), [(0, 5), (3, 5), (330, 50), (400, 1), (7, None), (0, 0)]
)
def test_offset_and_limit(
    people: tuple[Connection, int], kind: str, offset: int, limit: int | None
) -> None:
    client, table = people
    every = [i for i, r in enumerate(ROWS) if r["city"] == "Lima"]
    want = every[offset:] if limit is None else every[offset : offset + limit]
    replies = ask(client, table, "city = 'Lima'", result=kind, offset=offset, limit=limit)
    if kind == "rows":
        assert rows_of(replies) == [ROWS[i] for i in want]
    else:
        assert Answer.of(replies).indices == want
    done = Answer.of(replies).done
    assert done["matched"] == len(want)
    assert done["limit_reached"] == (limit is not None and len(want) == limit)


def ordered(replies: list[list[Value]]) -> list[int]:
    """The row numbers of an ordered result, or of "numbers", in their order."""
    out: list[int] = []
    for message in replies[:-1]:
        assert isinstance(message[5], Bin)
        out += struct.unpack(f"<{len(message[5].raw) // 4}I", message[5].raw)
    assert replies[-1][0] == wire.DONE, replies[-1]
    return out


@pytest.mark.parametrize("limit", [None, 0, 1, 10, 999, 5000])
@pytest.mark.parametrize("offset", [0, 4, 2000])
def test_order(people: tuple[Connection, int], limit: int | None, offset: int) -> None:
    client, table = people
    want = sorted(range(1000), key=lambda i: (-int(str(ROWS[i]["age"])), str(ROWS[i]["city"]), i))
    want = want[offset:] if limit is None else want[offset : offset + limit]
    order: Plain = [["age", "desc"], [["city"], "asc"]]
    options: dict[str, Plain] = {"order": order, "offset": offset, "limit": limit}
    assert ordered(ask(client, table, "1 = 1", **options)) == want
    assert rows_of(ask(client, table, "1 = 1", result="rows", **options)) == [ROWS[i] for i in want]


def test_order_of_values(client: Connection) -> None:
    """Booleans, numbers, NaN, strings, binaries, timestamps; the rest last both ways."""
    table = client.create("t")
    when = datetime(2020, 1, 1, tzinfo=UTC)
    early, late = (Ext(-1, struct.pack(">I", int(when.timestamp()) + i)) for i in (0, 1))
    ascending: list[Plain] = [
        False, True, -(2**63), -1.5, 0, 1, 2**63, 2**64 - 1, float("inf"), float("nan"),
        "", "A", "a", "é", Bin(b""), Bin(b"\xff"), early, late,
    ]  # fmt: skip
    last: list[dict[str, Plain]] = [
        {"x": None},
        {},
        {"x": [1]},
        {"x": {"a": 1}},
        {"x": Ext(5, b"a")},
    ]
    rows: list[dict[str, Plain]] = [{"x": value} for value in ascending]
    client.load(table, [maps(rows[::-1] + last)])
    n = len(rows)
    tail = list(range(n, n + len(last)))
    assert ordered(ask(client, table, "1 = 1", order=[["x", "asc"]])) == [*range(n)][::-1] + tail
    assert ordered(ask(client, table, "1 = 1", order=[["x", "desc"]])) == [*range(n), *tail]


def columns_of(replies: list[list[Value]]) -> dict[str, list[object]]:
    """The cells of a "columns" result, with nulls as None and missing ones as Ellipsis."""
    assert replies[-1][0] == wire.DONE, replies[-1]
    out: dict[str, list[object]] = {}
    for message in replies[:-1]:
        assert wire.text_of(message[2]) == "columns"
        assert isinstance(message[5], list)
        for column in message[5]:
            assert isinstance(column, list)
            path, kind, data, valid, present = column
            name = plain(path)
            cells = cells_of(wire.text_of(kind), data)
            for bitmap, absent in ((valid, None), (present, ...)):
                if isinstance(bitmap, Bin):
                    bits = int.from_bytes(bitmap.raw, "little")
                    cells = [c if bits >> i & 1 else absent for i, c in enumerate(cells)]
            out.setdefault(name if isinstance(name, str) else repr(name), []).extend(cells)
    return out


def cells_of(kind: str, data: Value) -> list[object]:
    if kind == "list":
        assert isinstance(data, list)
        return [plain(item) for item in data]
    if kind == "str":
        assert isinstance(data, list) and isinstance(data[0], Bin) and isinstance(data[1], Bin)
        offsets = struct.unpack(f"<{len(data[0].raw) // 4}I", data[0].raw)
        return [data[1].raw[a:b].decode() for a, b in itertools.pairwise(offsets)]
    if kind == "timestamp":
        assert isinstance(data, list) and isinstance(data[1], Bin)
        return [
            (plain(data[0]), t) for t in struct.unpack(f"<{len(data[1].raw) // 8}q", data[1].raw)
        ]
    assert isinstance(data, Bin)
    if kind == "bool":
        return [byte == 1 for byte in data.raw]
    letter = {"i64": "q", "u64": "Q", "f64": "d"}[kind]
    return list(struct.unpack(f"<{len(data.raw) // 8}{letter}", data.raw))


def test_columns(people: tuple[Connection, int]) -> None:
    client, table = people
    want = [r for r in ROWS if r["city"] == "Rome"]
    got = columns_of(ask(client, table, "city = 'Rome'", result="columns"))
    assert got == {name: [r[name] for r in want] for name in ROWS[0]}
    got = columns_of(
        ask(client, table, "city = 'Rome'", result="columns", columns=["score"], limit=3)
    )
    assert got == {"score": [r["score"] for r in want[:3]]}
    some = rows_of(ask(client, table, "id = 4", result="rows", columns=["score", "no", "age"]))
    assert some == [{"score": 1.0, "age": 24}]


def test_types_of_columns(client: Connection) -> None:
    table = client.create("t")
    rows: list[dict[str, Plain]] = [
        {"i": 1, "u": 2**64 - 1, "b": True, "n": None, "m": 1, "t": Ext(-1, struct.pack(">I", 7))},
        {"i": None, "u": 0, "b": None, "n": None, "m": "x", "o": {"k": "v"}},
        {
            "i": -3,
            "u": 1,
            "n": None,
            "m": [1],
            "t": Ext(-1, struct.pack(">Q", 500000000 << 34 | 9)),
        },
    ]
    client.load(table, [maps(rows)])
    got = columns_of(ask(client, table, "1 = 1", result="columns"))
    assert got == {
        "i": [1, None, -3],
        "u": [2**64 - 1, 0, 1],
        "b": [True, None, ...],
        "n": [None, None, None],
        "m": [1, "x", [1]],
        "t": [("ms", 7000), ..., ("ms", 9500)],
        "o": [..., {"k": "v"}, ...],
    }
    paths: Plain = [["o", "k"], ["m", 0], "absent"]
    got = columns_of(ask(client, table, "1 = 1", result="columns", columns=paths))
    assert got == {
        "['o', 'k']": [..., "v", ...],
        "['m', 0]": [..., ..., 1],
        "absent": [..., ..., ...],
    } or (got["['o', 'k']"] == [..., "v", ...])


def test_counts(people: tuple[Connection, int]) -> None:
    client, table = people
    replies = ask(client, table, "id >= 1", result="counts", by="city")
    assert plain(replies[0][5]) == [["Rome", 333], ["Lima", 333], ["Oslo", 333]]
    replies = ask(client, table, "id < 4", result="counts", by=["age"], limit=2)
    assert plain(replies[0][5]) == [[20, 1], [21, 1]]
    assert wire.fields(replies[-1][2])["limit_reached"] is True
    client.load(table, [maps([{"id": -1, "city": None}, {"id": -2}, {"id": -3, "city": 1}])])
    replies = ask(client, table, "id < 0", result="counts", by="city")
    assert plain(replies[0][5]) == [[None, 2], [1, 1]]


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"offset": -1}, "BAD_OPTION"),
        ({"offset": 1.0}, "BAD_OPTION"),
        ({"order": "age"}, "BAD_OPTION"),
        ({"order": [["age"]]}, "BAD_OPTION"),
        ({"order": [["age", "up"]]}, "BAD_OPTION"),
        ({"order": [[5, "asc"]]}, "BAD_OPTION"),
        ({"order": [["age", "asc"]] * 65}, "BAD_OPTION"),
        ({"order": [["age", "asc"]], "result": "bitmap"}, "BAD_OPTION"),
        ({"order": [["age", "asc"]], "result": "counts", "by": "age"}, "BAD_OPTION"),
        ({"columns": "age"}, "BAD_OPTION"),
        ({"columns": [5], "result": "columns"}, "BAD_OPTION"),
        ({"columns": ["age"], "result": "count"}, "BAD_OPTION"),
        ({"by": 5, "result": "counts"}, "BAD_OPTION"),
        ({"by": "age"}, "BAD_OPTION"),
        ({"result": "counts"}, "BAD_OPTION"),
        ({"result": "nothing"}, "BAD_OPTION"),
        ({"mode": "append"}, "BAD_OPTION"),
    ],
)
def test_options_that_do_not_go(
    people: tuple[Connection, int], options: dict[str, Plain], code: str
) -> None:
    client, table = people
    assert error_of(ask(client, table, "1 = 1", **options)) == code
    assert ordered(ask(client, table, "id < 2", order=[["age", "asc"]] * 64)) == [0, 1]


@pytest.mark.parametrize("option", ["offset", "order", "columns", "by"])
def test_options_of_tables_alone(client: Connection, option: str) -> None:
    values: dict[str, Plain] = {
        "offset": 1,
        "order": [["a", "asc"]],
        "columns": ["a"],
        "by": "a",
    }
    value = values[option]
    assert error_of(client.call(wire.FILTER, "a = 1", {option: value}, maps([]))) == "BAD_OPTION"
    for kind in ("columns", "counts", "numbers"):
        assert (
            error_of(client.call(wire.FILTER, "a = 1", {"result": kind}, maps([]))) == "RESULT_KIND"
        )


def test_strict(people: tuple[Connection, int]) -> None:
    client, table = people
    client.load(table, [maps([{"id": 3000, "age": "old"}])])
    replies = ask(client, table, "age > 0 and city is null", strict=True)
    assert error_of(replies) == "TYPE_MISMATCH"
    assert wire.fields(replies[-1][2])["row"] == 1000
    assert indices(client, table, "age > 60", strict=True, limit=2) == [41, 42]
    assert Answer.of(ask(client, table, "age > 0", result="count")).done["type_mismatch"] == 1


def test_explain(people: tuple[Connection, int]) -> None:
    client, table = people
    said = wire.last_fields(
        client.call(wire.EXPLAIN, "age >= 40 and city like 'R%'", None, ["table", table]),
        wire.EXPLAINED,
    )
    assert said["rows"] == 1000
    steps = said["steps"]
    assert isinstance(steps, list)
    told = {plain(wire.fields(step)["term"]): wire.fields(step) for step in steps}
    assert set(told) == {"age >= 40", "city LIKE 'R%'"}
    assert told["city LIKE 'R%'"]["values"] == 3  # as many as there are, for 1000 rows
    assert wire.text_of(told["age >= 40"]["kernel"]) == "range_i8"


def test_zones_are_passed_over(client: Connection) -> None:
    table = client.create("t")
    client.load(table, [["columns", 100000, [["t", "list", list(range(100000))]]]])
    said = wire.last_fields(
        client.call(wire.EXPLAIN, "t between 50000 and 50010", None, ["table", table]),
        wire.EXPLAINED,
    )
    assert said["matched"] == 11
    assert isinstance(said["steps"], list)
    (step,) = map(wire.fields, said["steps"])
    zones, none = step["zones"], step["zones_none"]
    assert isinstance(zones, int) and isinstance(none, int)
    assert zones > 20
    assert none >= zones - 2


def test_large_results_come_in_pieces(client: Connection) -> None:
    n = 400_000
    table = client.create("t")
    for at in (0, n // 2):
        numbers = Bin(struct.pack(f"<{n // 2}q", *range(at, at + n // 2)))
        client.load(table, [["columns", n // 2, [["x", "i64", numbers]]]])
    assert indices(client, table, "x >= 0") == list(range(n))
    assert indices(client, table, "x % 2 = 1", result="bitmap") == list(range(1, n, 2))
    assert ordered(ask(client, table, "x % 3 <> 1", result="numbers")) == [
        i for i in range(n) if i % 3 != 1
    ]
    got = columns_of(ask(client, table, "x >= 5", result="columns"))
    assert got == {"x": list(range(5, n))}
    assert (
        ordered(ask(client, table, "x < 100000", order=[["x", "desc"]])) == [*range(100000)][::-1]
    )


def test_prepared_plans_and_parameters(people: tuple[Connection, int]) -> None:
    client, table = people
    plan = client.call(wire.PREPARE, "age >= :n")[-1][2]
    for n in (68, 69, 68):
        answer = Answer.of(client.call(wire.EXECUTE, plan, {"params": {"n": n}}, ["table", table]))
        assert answer.indices == [i for i, r in enumerate(ROWS) if int(str(r["age"])) >= n]
    fixed = client.call(wire.PREPARE, "city = 'Oslo'")[-1][2]
    for _ in range(3):
        answer = Answer.of(client.call(wire.EXECUTE, fixed, None, ["table", table]))
        assert answer.indices == list(range(0, 1000, 3))
        client.load(table, [maps([{"id": -count(client, table), "city": "Bergen"}])])


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
