"""Results of queries over resident tables, by the protocol: every kind, cut, ordered, counted."""

from __future__ import annotations

import itertools
import struct
from datetime import UTC, datetime

import pytest
from tables import ROWS, ask, count, error_of, indices, maps, ordered, plain, rows_of

from tests.lib import wire
from tests.lib.mp import Bin, Ext, Plain, Value
from tests.lib.wire import Answer, Connection


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


@pytest.mark.parametrize("limit", [None, 0, 1, 10, 999, 5000])
@pytest.mark.parametrize("offset", [0, 4, 2000])
def test_order(people: tuple[Connection, int], limit: int | None, offset: int) -> None:
    client, table = people
    want = sorted(range(1000), key=lambda i: (-int(str(ROWS[i]["age"])), str(ROWS[i]["city"]), i))
    want = want[offset:] if limit is None else want[offset : offset + limit]
    order: Plain = [["age", "desc"], [["city"], "asc"]]
    options: dict[str, Plain] = {"order": order, "offset": offset, "limit": limit}
    assert ordered(ask(client, table, "1 = 1", **options)) == want
    replies = ask(client, table, "1 = 1", result="rows", **options)
    assert rows_of(replies, ordered=True) == [ROWS[i] for i in want]


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
    assert wire.text_of(told["age >= 40"]["kernel"]).startswith("range_i8")  # or with its neighbour


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


def test_zones_of_dictionaries(client: Connection) -> None:
    """A column of few values in their order: a zone has one of them, or two."""
    table = client.create("t")
    names: list[Plain] = [f"name {i // 20000}" for i in range(100000)]
    client.load(table, [["columns", 100000, [["t", "list", names]]]])
    said = wire.last_fields(
        client.call(wire.EXPLAIN, "t like '%3'", None, ["table", table]), wire.EXPLAINED
    )
    assert said["matched"] == 20000
    assert isinstance(said["steps"], list)
    (step,) = map(wire.fields, said["steps"])
    zones, none, every = step["zones"], step["zones_none"], step["zones_all"]
    assert isinstance(zones, int) and isinstance(none, int) and isinstance(every, int)
    assert zones > 20
    assert zones - none - every <= 2
    assert step["values"] == 5


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
