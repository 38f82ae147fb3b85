"""QUERIES: several queries over one state of a table are what each of them alone is."""

from __future__ import annotations

import os
import random
import struct

import pytest
from daemon import Listening
from tables import ROWS, ask, error_of, maps, ordered, plain, rows_of

from tests.lib import mp, wire
from tests.lib.mp import Bin, Plain, Value
from tests.lib.wire import Connection

Replies = list[list[Value]]
MANY = 300_000  # rows: more than the queries look at between two turns


def singles(replies: Replies) -> list[Replies]:
    """For each query the replies that a FILTER of it would have got. An error stays one."""
    last = replies[-1]
    assert last[0] == wire.DONE, last
    told = wire.fields(last[2])
    assert list(told) == ["queries"]
    assert isinstance(told["queries"], list)
    out: list[Replies] = [[] for _ in told["queries"]]
    for message in replies[:-1]:
        assert message[0] == wire.RESULT_OF and len(message) == 7, message
        number = message[2]
        assert isinstance(number, int)
        out[number].append([wire.RESULT, message[1], *message[3:]])
    for one, done in zip(out, told["queries"], strict=True):
        failed = "code" in wire.fields(done)
        one.append([wire.ERROR if failed else wire.DONE, last[1], done])
    return out


def queries(client: Connection, table: Plain, asked: list[Plain]) -> list[Replies]:
    return singles(client.call(wire.QUERIES, table, asked))


def many(client: Connection) -> int:
    """A table of several parts: x is the number of the row, y repeats, s is a string."""
    table = client.create("many")
    values = [[*range(MANY)], [i * 7919 % 1000 for i in range(MANY)]]
    packed = [Bin(struct.pack(f"<{MANY}q", *column)) for column in values]
    text = ["list", [f"s{i % 97}" for i in range(MANY)]]
    columns: list[Plain] = [["x", "i64", packed[0]], ["y", "i64", packed[1]], ["s", *text]]
    client.load(table, [["columns", MANY, columns]])
    return table


def chunked(replies: Replies) -> tuple[object, object]:
    """A result however it was cut: what its chunks have, and what DONE says."""
    assert replies[-1][0] == wire.DONE, replies[-1]
    kinds = {wire.text_of(message[2]) for message in replies[:-1]}
    data: object
    if kinds <= {"rows"}:
        data = rows_of(replies)
    elif kinds <= {"numbers"}:
        data = ordered(replies)
    elif kinds <= {"indices", "bitmap"}:
        data = wire.Answer.of(replies).indices
    else:
        data = [plain(message[5]) for message in replies[:-1]]
    return data, plain(replies[-1][2])


MIXED: list[tuple[Plain, dict[str, Plain]]] = [
    ("city = 'Rome'", {}),
    ("city = 'Rome'", {"result": "count"}),
    ("age > 40", {"result": "bitmap"}),
    ("age > 40 and city = 'Oslo'", {"result": "auto", "offset": 3, "limit": 20}),
    (["=", "city", "Lima"], {"result": "numbers"}),
    ("id < 9", {"result": "rows", "columns": ["id", "city"]}),
    ("id < 9", {"result": "columns"}),
    ("id >= 500", {"result": "counts", "by": "city"}),
    ("1 = 1", {"order": [["age", "desc"], ["id", "desc"]], "limit": 7, "offset": 2}),
    ("1 = 1", {"order": [["score", "asc"]], "limit": 3, "result": "rows"}),
    ("age > :least and city in :cities", {"params": {"least": 60, "cities": ["Rome", "Lima"]}}),
    ("age > ? and age < ?", {"params": [30, 33], "result": "count"}),
    ("id = 1", {"limit": 0}),
    ("id >= 0", {"strict": True, "result": "count"}),
    ("name is missing and a = null", {"result": "count"}),
]


def test_mixed_kinds_are_the_single_queries(people: tuple[Connection, int]) -> None:
    client, table = people
    found = queries(client, table, [[query, options] for query, options in MIXED])
    assert len(found) == len(MIXED)
    for (query, options), got in zip(MIXED, found, strict=True):
        alone = client.call(wire.FILTER, query, options, ["table", table])
        if "order" in options:  # few rows, in one chunk
            assert [m[2:] for m in got] == [m[2:] for m in alone], query
        else:
            assert chunked(got) == chunked(alone), query
    warned = wire.fields(found[-1][-1][2])
    assert "warnings" in warned  # as DONE has them


def test_random_queries_over_several_parts(client: Connection) -> None:
    table = many(client)
    choose = random.Random(18)
    terms = ["x < {}", "x >= {}", "y = {}", "y < {} or s = 's3'", "s like '%{}'", "x % 1000 = {}"]
    kinds = ["count", "indices", "numbers", "bitmap", "auto", "counts", "columns", "rows"]
    for _ in range(4):
        asked: list[tuple[str, dict[str, Plain]]] = []
        for _ in range(choose.randrange(1, 24)):
            parts = [choose.choice(terms).format(choose.randrange(1000)) for _ in range(2)]
            options: dict[str, Plain] = {"result": choose.choice(kinds)}
            if options["result"] == "counts":
                options["by"] = "s"
            elif choose.random() < 0.5:
                options["limit"] = choose.randrange(MANY // 100)
                options["offset"] = choose.randrange(100)
            if options["result"] in ("rows", "columns", "indices") and choose.random() < 0.3:
                options["order"] = [["y", "desc"], ["x", "asc"]]
            if options["result"] in ("rows", "columns"):
                options.setdefault("limit", 500)
            asked.append((f"({parts[0]}) and ({parts[1]})", options))
        found = queries(client, table, [[query, options] for query, options in asked])
        for (query, options), got in zip(asked, found, strict=True):
            alone = ask(client, table, query, **options)
            if options["result"] == "indices" and "order" in options:
                assert ordered(got) == ordered(alone), (query, options)
            else:
                assert chunked(got) == chunked(alone), (query, options)


def test_a_table_that_is_large_enough_for_several_threads(client: Connection) -> None:
    n = 700_000
    table = client.create("large")
    data = Bin(struct.pack(f"<{n}q", *(i * 7919 % 100_003 for i in range(n))))
    client.load(table, [["columns", n, [["x", "i64", data]]]])
    asked: list[tuple[str, dict[str, Plain]]] = [
        ("x < 50", {}),
        ("x < 90000", {"result": "numbers"}),
        ("x % 3 = 1", {"result": "count"}),
        ("x >= 0", {"limit": 600_000, "result": "count"}),
        ("x < 9", {"order": [["x", "asc"]], "result": "rows"}),
        ("x < 5", {"result": "counts", "by": "x"}),
    ]
    found = queries(client, table, [[query, options] for query, options in asked])
    for (query, options), got in zip(asked, found, strict=True):
        assert chunked(got) == chunked(ask(client, table, query, **options)), query


def test_no_query_and_the_same_one_often(people: tuple[Connection, int]) -> None:
    client, table = people
    assert queries(client, table, []) == []
    found = queries(client, table, [["city = 'Rome'", None]] * 50)
    assert len({repr([m[2:] for m in one]) for one in found}) == 1
    assert wire.fields(found[0][-1][2])["matched"] == 333


def test_prepared_plans(people: tuple[Connection, int]) -> None:
    client, table = people
    plain_plan = client.call(wire.PREPARE, "age = 30")[-1][2]
    with_values = client.call(wire.PREPARE, "city = :c")[-1][2]
    assert isinstance(plain_plan, int) and isinstance(with_values, int)
    counts: dict[str, Plain] = {"result": "count"}
    asked: list[Plain] = [
        [plain_plan, counts],
        ["age = 31", counts],
        [with_values, {"params": {"c": "Oslo"}, **counts}],
        [with_values, {"params": {"c": "Lima"}, **counts}],
        [with_values, counts],
        [99, counts],
        [0, counts],
        [-1, counts],
    ]
    request = client.new_id()
    close = client.new_id()
    client.send(
        wire.frame([wire.QUERIES, request, table, asked])
        + wire.frame([wire.CLOSE, close, plain_plan])  # what is asked already runs it
    )
    both = [client.receive(), client.receive()]
    both.sort(key=lambda message: message[1] != request)
    assert both[1][0] == wire.CLOSED
    found = singles([both[0]])
    matched = [wire.fields(one[-1][2]).get("matched") for one in found]
    assert matched == [20, 20, 334, 333, None, None, None, None]
    assert [error_of(one) for one in found[4:]] == ["PARAM_MISSING"] + ["PLAN_UNKNOWN"] * 3


WRONG: list[tuple[Plain, Plain, str]] = [
    ("city = = 'Rome'", None, "SYNTAX"),
    (["no such op", 1], None, "BAD_STRUCTURE"),
    ("a = :p", None, "PARAM_MISSING"),
    ("a = 1", {"params": {"p": 1}}, "PARAM_UNKNOWN"),
    ("a = 1", {"no such option": [1, {"a": [2]}]}, "BAD_OPTION"),
    ("a = 1", {"limit": -1, "result": "count"}, "BAD_OPTION"),
    ("a = 1", {"key": "id"}, "BAD_OPTION"),
    ("a = 1", {"result": "spans"}, "RESULT_KIND"),
    ("a = 1", {"result": "counts"}, "BAD_OPTION"),
    ("a = 1", {"result": "bitmap", "order": [["a", "asc"]]}, "BAD_OPTION"),
    ("city > 5", {"strict": True}, "TYPE_MISMATCH"),
    ("city REGEXP '('", None, "BAD_PATTERN"),
]


@pytest.mark.parametrize(("query", "options", "code"), WRONG)
def test_an_error_is_of_its_query_alone(
    people: tuple[Connection, int], query: Plain, options: Plain, code: str
) -> None:
    client, table = people
    good: list[Plain] = ["age = 30", {"result": "count"}]
    found = queries(client, table, [good, [query, options], good])
    alone = client.call(wire.FILTER, query, options, ["table", table])
    assert error_of(alone) == error_of(found[1]) == code
    assert plain(found[1][-1][2]) == plain(alone[-1][2])
    for i in (0, 2):
        assert wire.fields(found[i][-1][2])["matched"] == 20


def test_a_query_that_is_too_deep_is_stepped_over(people: tuple[Connection, int]) -> None:
    client, table = people
    request = client.new_id()
    deep = b"\x92" + b"\x91" * 5000 + b"\x90" + b"\xc0"
    body = b"\x94" + b"".join(mp.encode(n) for n in (wire.QUERIES, request, table))
    body += b"\x92" + deep + mp.encode(["age = 30", {"result": "count"}])
    client.send(struct.pack(">I", len(body)) + body)
    found = singles(client.replies(request))
    assert error_of(found[0]) == "QUERY_TOO_DEEP"
    assert wire.fields(found[1][-1][2])["matched"] == 20


@pytest.mark.parametrize(
    "asked",
    [
        None,
        7,
        "a = 1",
        {"a = 1": None},
        [1],
        ["a = 1"],
        [[]],
        [["a = 1"]],
        [["a = 1", None, None]],
        [["a = 1", None], 5],
        [[True, None]],
        [[None, None]],
        [["a = 1", 5]],
        [["a = 1", {1: 2}], ["a = 1", []]],
    ],
)
def test_what_is_no_list_of_queries(people: tuple[Connection, int], asked: Plain) -> None:
    client, table = people
    replies = client.call(wire.QUERIES, table, asked)
    assert len(replies) == 1
    assert error_of(replies) == "BAD_MESSAGE"
    assert "offset" in wire.fields(replies[0][2])
    assert len(queries(client, table, [["a = 1", None]])) == 1


def test_the_table_and_the_message(people: tuple[Connection, int]) -> None:
    client, table = people
    assert error_of(client.call(wire.QUERIES, "none", [["a = 1", None]])) == "TABLE_UNKNOWN"
    assert error_of(client.call(wire.QUERIES, 99, [])) == "TABLE_UNKNOWN"
    assert error_of(client.call(wire.QUERIES, None, [])) == "BAD_MESSAGE"
    assert error_of(client.call(wire.QUERIES, table)) == "BAD_MESSAGE"
    assert len(queries(client, "people", [["a = 1", None]])) == 1
    request = client.new_id()
    asked: list[Plain] = [["a = 1", None]]
    frames = wire.frame([wire.QUERIES, request, table, asked])
    client.send(frames + wire.frame([wire.ROWS, request, maps([{"a": 1}])]))
    message = client.receive()
    if message[0] == wire.DONE:  # it was over before the ROWS came
        message = client.receive()
    assert error_of([message]) in ("BAD_MESSAGE", "ID_UNKNOWN")  # it is no row stream


def test_limit_of_queries() -> None:
    with Connection.spawn("--requests", "3") as client:
        table = client.create("t")
        client.load(table, [maps([{"a": 1}])])
        one: Plain = ["a = 1", {"result": "count"}]
        found = queries(client, table, [one] * 3)
        assert [wire.fields(f[-1][2])["matched"] for f in found] == [1, 1, 1]
        replies = client.call(wire.QUERIES, table, [one] * 4)
        assert error_of(replies) == "TOO_MANY_REQUESTS"
        told = wire.fields(replies[0][2])
        assert (told["limit"], told["actual"]) == (3, 4)


def test_limit_of_query_bytes_is_of_each() -> None:
    with Connection.spawn("--query-bytes", "20") as client:
        table = client.create("t")
        fits = "a = 1 or b = 1234567"
        assert len(fits) == 20
        found = queries(client, table, [[fits, None], [fits + "8", None], [fits, None]])
        assert [one[-1][0] for one in found] == [wire.DONE, wire.ERROR, wire.DONE]
        assert error_of(found[1]) == "QUERY_TOO_LONG"


def stats(client: Connection) -> wire.Fields:
    return wire.fields(client.call(wire.STATS)[-1][2])


def test_statistics_count_each_query(people: tuple[Connection, int]) -> None:
    client, table = people
    before = stats(client)
    asked: list[Plain] = [["id < 10", {"result": "count"}], ["id < 5", None], ["= wrong", None]]
    queries(client, table, asked)
    after = stats(client)
    grown = {}
    for name in ("requests", "rows", "matched", "errors"):
        new, old = after[name], before[name]
        assert isinstance(new, int) and isinstance(old, int)
        grown[name] = new - old
    assert grown == {"requests": 1, "rows": 2 * len(ROWS), "matched": 15, "errors": 1}


def test_texts_are_found_in_the_plan_cache(people: tuple[Connection, int]) -> None:
    client, table = people
    queries(client, table, [["age = 77", None], ["age = 77", None]])
    cache = wire.fields(stats(client)["plan_cache"])
    queries(client, table, [["age = 77", None]] * 5)
    again = wire.fields(stats(client)["plan_cache"])
    assert isinstance(again["hits"], int) and isinstance(cache["hits"], int)
    assert again["hits"] - cache["hits"] == 5
    assert again["misses"] == cache["misses"]


# ---- while it runs ------------------------------------------------------------------------------


def slow(n: int) -> list[Plain]:
    """Queries that give much, or take their time; the first one's rows come at once."""
    rest: list[Plain] = [[f"s like '%{i}%' and x % 7 = 1", {"result": "count"}] for i in range(n)]
    return [["x >= 0", {"result": "rows"}], *rest]


def test_one_state_while_another_connection_loads() -> None:
    with Listening() as daemon:
        a, b = Connection.connect(daemon.path), Connection.connect(daemon.path)
        table = many(a)
        count: Plain = ["x >= 0", {"result": "count"}]
        request = a.new_id()
        asked: list[Plain] = [["x >= 0", {"result": "rows"}], count, ["x >= 0", None], count]
        a.send(wire.frame([wire.QUERIES, request, table, asked]))
        first = a.receive()  # and no more for the moment: it waits in the middle
        assert first[0] == wire.RESULT_OF
        b.load(table, [maps([{"x": MANY + i} for i in range(10)])])
        assert plain(ask(b, table, "x >= 0", result="count")[-1][2])["matched"] == MANY + 10  # type: ignore[index]
        b.call(wire.DROP, table)
        found = singles([first, *a.replies(request)])
        for one in found:
            done = wire.fields(one[-1][2])
            assert (done["matched"], done["rows"]) == (MANY, MANY)
        assert len(rows_of(found[0])) == MANY
        assert wire.Answer.of(found[2]).indices == [*range(MANY)]
        a.close()
        b.close()


def test_cancel_in_the_middle(client: Connection) -> None:
    table = many(client)
    before = stats(client)["memory_bytes"]
    request = client.new_id()
    client.send(wire.frame([wire.QUERIES, request, table, slow(50)]))
    assert client.receive()[0] == wire.RESULT_OF
    client.send(wire.frame([wire.CANCEL, request]))
    assert error_of(client.replies(request)) == "CANCELLED"
    assert len(queries(client, table, [["x = 1", None]])) == 1
    after = stats(client)["memory_bytes"]
    assert isinstance(before, int) and isinstance(after, int)
    assert after < before + (8 << 20)  # cached plans, and buffers that are kept


def test_others_are_answered_meanwhile(client: Connection) -> None:
    table = many(client)
    request, ping = client.new_id(), client.new_id()
    client.send(wire.frame([wire.QUERIES, request, table, slow(900)[1:]]))
    client.send(wire.frame([wire.PING, ping]))
    assert client.receive()[:2] == [wire.PONG, ping]
    client.send(wire.frame([wire.CANCEL, request]))
    assert error_of(client.replies(request)) == "CANCELLED"  # and not done before


def test_deadline() -> None:
    with Connection.spawn("--deadline-ms", "200") as client:
        table = many_in_pieces(client)
        assert error_of(client.call(wire.QUERIES, table, slow(1000)[1:])) == "DEADLINE"
        assert len(queries(client, table, [["x = 1", None]])) == 1


def many_in_pieces(client: Connection) -> int:
    """The same rows as in `many`, each piece loaded in no time."""
    table = client.create("many")
    for start in range(0, MANY, 1000):
        rows = range(start, start + 1000)
        packed = Bin(struct.pack("<1000q", *rows))
        text: list[Plain] = [f"s{i % 97}" for i in rows]
        client.load(table, [["columns", 1000, [["x", "i64", packed], ["s", "list", text]]]])
    return table


def test_memory_is_refused_and_the_daemon_lives() -> None:
    with Connection.spawn("--max-memory", "24M") as client:
        table = many(client)
        refused = 0
        tiny = os.environ.get("TAMIS_SANITIZER") == "hostile"  # nothing is large then, only slow
        for n in (1, 10, 100) if tiny else (1, 10, 100, 1000):
            asked: list[Plain] = [
                [f"x > {i}", {"result": "rows", "order": [["y", "asc"]], "limit": 3}]
                for i in range(n)
            ]
            replies = client.call(wire.QUERIES, table, asked)
            if replies[-1][0] == wire.ERROR:
                assert error_of(replies) == "MEMORY"
                refused += 1
                continue
            for one in singles(replies):
                if one[-1][0] == wire.ERROR:
                    assert error_of(one) == "MEMORY"
                    refused += 1
                else:
                    assert len(rows_of(one)) == 3
        assert refused > 0 or tiny
        assert len(queries(client, table, [["x = 1", None]])) == 1
