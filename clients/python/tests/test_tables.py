"""Resident tables, against the fake daemon and the real one: what callers see."""

from __future__ import annotations

import contextlib
import datetime
import io
import threading
from array import array
from pathlib import Path
from typing import Any

import msgpack
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tamis

UTC = datetime.timezone.utc
PEOPLE: list[dict[str, Any]] = [
    {"name": "Ann", "age": 31, "city": "Oslo"},
    {"name": "Bo", "age": 17, "city": "Oslo"},
    {"name": "Cy", "age": None, "city": "Lima"},
    {"name": "Di", "city": "Paris"},
    {"name": "Åse", "age": 45, "city": "Bergen"},
]


def people(client: tamis.Client, **how: Any) -> tamis.Table:
    return client.create_table("people", PEOPLE, exists="replace", **how)


def test_the_answers_of_every_kind(client: tamis.Client) -> None:
    table = people(client)
    assert (len(table), table.name, table.key, table.private) == (5, "people", None, False)
    assert table.count("age >= 18") == 2
    assert client.last_stats == tamis.Stats(2, 5, 0, False)
    assert list(table.indices("age >= 18")) == [0, 4]
    assert table.mask("age >= 18") == b"\1\0\0\0\1"
    assert table.bitmap("age >= 18") == b"\x11"
    assert table.filter("age >= 18") == [PEOPLE[0], PEOPLE[4]]
    assert table.filter("city = :town", town="Oslo") == PEOPLE[:2]
    assert table.filter("city = ?", params=["Lima"]) == [PEOPLE[2]]
    assert table.filter() == PEOPLE
    assert table.value_counts("city")[0] == ("Oslo", 2)
    assert table.value_counts("city", "age >= 18") == [("Oslo", 1), ("Bergen", 1)]
    assert table.value_counts("city", limit=1) == [("Oslo", 2)]
    assert table.value_counts("age")[0] == (None, 2)
    assert "age" in str(table.explain("age >= 18")) or client.server == "fake"


def test_nothing_matches(client: tamis.Client) -> None:
    table = people(client)
    assert table.count("age >= 100") == 0
    assert list(table.indices("age >= 100")) == []
    assert table.mask("age >= 100") == bytes(5)
    assert table.bitmap("age >= 100") == b"\0"
    assert table.filter("age >= 100") == []
    assert {len(column) for column in table.select("age >= 100").values()} <= {0}
    assert table.value_counts("city", "age >= 100") == []


def test_a_table_without_rows(client: tamis.Client) -> None:
    table = client.create_table("empty", exists="replace")
    assert (len(table), bool(table), table.filter()) == (0, True, [])
    assert table.mask() == table.bitmap() == b""
    assert table.append([]) == tamis.Change(0, 0, 0, 0)
    assert table.append({"a": []}) == tamis.Change(0, 0, 0, 0)


def test_limit_offset_and_order(client: tamis.Client) -> None:
    table = people(client)
    named = [{"name": row["name"]} for row in PEOPLE]
    some = table.filter(limit=2, offset=1, columns=["name"])
    assert some == named[1:3]
    assert list(table.indices(limit=2, offset=1)) == [1, 2]
    assert table.count(limit=3) == 3
    assert list(table.indices(order_by=[("age", "desc")])) == [4, 0, 1, 2, 3]
    assert list(table.indices(order_by=["age"])) == [1, 0, 4, 2, 3]
    assert [row["name"] for row in table.filter(order_by=[("name", "asc")], limit=2)] == [
        "Ann",
        "Bo",
    ]
    names = table.select(None, ["name"], order_by=[("age", "desc")], limit=1)["name"]
    assert names.to_list() == ["Åse"]


@pytest.mark.parametrize(
    ("how", "error"),
    [
        ({"limit": -1}, ValueError),
        ({"limit": 1.5}, TypeError),
        ({"offset": -1}, ValueError),
        ({"offset": None}, TypeError),
        ({"order_by": "age"}, TypeError),
        ({"order_by": [("age", "up")]}, ValueError),
        ({"order_by": [("age",)]}, TypeError),
        ({"order_by": [(5, "asc")]}, TypeError),
        ({"columns": "age"}, TypeError),
        ({"columns": [()]}, TypeError),
        ({"strict": 1}, TypeError),
    ],
)
def test_options_that_cannot_be_meant(
    client: tamis.Client, how: dict[str, Any], error: type[Exception]
) -> None:
    table = client.create_table("options", exists="replace")
    with pytest.raises(error):
        table.filter("a = 1", **how)


def test_select(client: tamis.Client) -> None:
    when = datetime.datetime(1969, 12, 31, 23, 59, 59, 500_000, UTC)
    rows: list[dict[str, Any]] = [
        {"i": 1, "f": 0.5, "b": True, "s": "é", "t": when, "m": 1},
        {"i": 2**63 - 1, "f": -1.5, "b": False, "s": "", "t": when, "m": "x"},
        {"i": None, "f": None, "b": None, "s": None, "t": None, "m": None},
        {"f": 2.0},
    ]
    table = client.create_table("columns", rows, exists="replace")
    found = table.select()
    assert list(found) == ["i", "f", "b", "s", "t", "m"]
    for name, column in found.items():
        assert column.to_list() == [row.get(name) for row in rows], name
        assert list(column) == column.to_list() == [column[i] for i in range(4)] == column[:]
        assert column[-1] == rows[-1].get(name)
        with pytest.raises(IndexError):
            column[4]
    types = {name: column.type for name, column in found.items()}
    expected = {"i": "i64", "f": "f64", "b": "bool", "s": "str", "t": "timestamp", "m": "list"}
    assert types == expected
    assert found["f"].valid == b"\x0b"
    assert found["i"].present == b"\x07"
    assert found["f"].present is None
    assert found["i"].values is not None
    assert (found["i"].values.format, found["i"].values[0]) == ("q", 1)
    assert found["s"].values is None
    assert table.select("f >= 2.0", ["f", "i"])["i"].to_list() == [None]
    assert list(table.select(None, ["f", "i"])) == ["f", "i"]
    whole = table.select("f >= -1.5", ["f"])["f"]
    assert whole == [0.5, -1.5, 2.0]
    assert whole.valid is None
    assert memoryview(whole.values or b"").tolist() == [0.5, -1.5, 2.0]
    assert whole.__array_interface__["typestr"] == "<f8"
    assert not hasattr(found["f"], "__array_interface__")


def test_changes(client: tamis.Client) -> None:
    table = client.create_table("keyed", [{"id": 1, "v": "a"}], key="id", exists="replace")
    assert table.key == "id"
    assert table.append([{"id": 2, "v": "b"}, {"id": 3}]) == tamis.Change(2, 0, 0, 3)
    assert table.upsert({"id": [1, 4], "v": ["A", "d"]}) == tamis.Change(1, 1, 0, 4)
    assert [row["id"] for row in table.filter()] == [2, 3, 1, 4]
    assert table.delete([3, 99]) == tamis.Change(0, 0, 1, 3)
    with pytest.raises(tamis.RowError) as caught:
        table.append([{"id": 7}, {"id": 2}])
    assert (caught.value.name, caught.value.row) == ("DUPLICATE_KEY", 1)
    with pytest.raises(tamis.RowError) as caught:
        table.append([{"id": 7}, {"v": 2}])
    assert (caught.value.name, caught.value.row) == ("BAD_KEY", 1)
    assert len(table) == 3
    done = table.replace([{"id": 9}])
    assert (done.added, done.replaced, done.rows) == (1, 0, 1)
    assert table.filter() == [{"id": 9}]
    with pytest.raises(TypeError, match="not one"):
        table.delete("9")
    with pytest.raises(tamis.EncodeError):
        table.delete([object()])
    assert table.drop() == tamis.Change(0, 0, 1, 0)
    with pytest.raises(tamis.TableError):
        table.count()


def test_no_key(client: tamis.Client) -> None:
    with pytest.raises(tamis.RequestError) as caught:
        people(client).delete([1])
    assert caught.value.name == "NO_KEY"
    for source in ([{"name": "Ann"}], [], ({"n": i} for i in range(5000))):
        table = people(client)
        with pytest.raises(tamis.RequestError) as caught:
            table.upsert(source)  # would append, and make twins of what is there
        assert caught.value.name == "NO_KEY"
        assert len(table) == len(PEOPLE)


def test_names(client: tamis.Client) -> None:
    first = people(client)
    with pytest.raises(tamis.TableError) as caught:
        client.create_table("people")
    assert caught.value.name == "TABLE_EXISTS"
    with pytest.raises(tamis.TableError) as caught:
        client.table("nobody")
    assert caught.value.name == "TABLE_UNKNOWN"
    again = client.create_table("people", PEOPLE[:1], exists="open")
    assert (len(again), len(first), len(client.table("people"))) == (6, 6, 6)
    fresh = people(client)
    assert len(fresh) == 5
    with pytest.raises(tamis.TableError):
        len(first)  # which was replaced
    with pytest.raises(ValueError, match="exists must be"):
        client.create_table("people", exists="perhaps")
    assert [(told.name, told.rows) for told in client.tables() if told.name == "people"] == [
        ("people", 5)
    ]


def test_a_source_that_fails_leaves_no_table(client: tamis.Client) -> None:
    def broken() -> Any:
        yield from [{"a": 1}] * 3000
        raise KeyError("the source's own")

    with pytest.raises(KeyError, match="own"):
        client.create_table("broken", broken())
    with pytest.raises(tamis.TableError):
        client.table("broken")
    table = client.create_table("broken", [{"a": 0}])
    with pytest.raises(KeyError):
        table.append(broken())
    with pytest.raises(tamis.EncodeError) as caught:
        table.replace([{"a": 1}] * 2000 + [{"a": object()}])
    assert (caught.value.row, caught.value.field) == (2000, "a")
    assert table.filter() == [{"a": 0}]


def test_the_source_may_use_the_client(client: tamis.Client) -> None:
    table = people(client)

    def rows() -> Any:
        for i in range(3000):
            if i % 500 == 0:
                assert table.count("age >= 18") == 2
            yield {"i": i}

    assert client.create_table("fed", rows(), exists="replace").count("i >= 1000") == 2000


def test_many_rows_in_many_messages(client: tamis.Client) -> None:
    count = 50_000
    rows = [{"i": i, "s": f"text {i % 7}"} for i in range(count)]
    table = client.create_table("many", iter(rows), exists="replace")
    assert list(table.indices("i >= 49990")) == list(range(49_990, count))
    assert table.filter("i >= 49990") == rows[49_990:]
    assert table.mask("s = 'text 3'") == bytes(i % 7 == 3 for i in range(count))
    columns = {"i": array("i", range(count)), "f": array("d", range(count))}
    table = client.create_table("wide", columns, exists="replace")
    assert table.select("i >= 49998")["f"].to_list() == [49998.0, 49999.0]


def test_bytes(client: tamis.Client, tmp_path: Path) -> None:
    data = b"".join(b'{"a": %d, "t": "x"}\n' % i for i in range(1000))
    rows = [{"a": i, "t": "x"} for i in range(1000)]
    table = client.create_table("bytes", exists="replace")
    assert table.load_bytes(data) == tamis.Change(1000, 0, 0, 1000)
    assert table.filter() == rows
    pieces = (data[i : i + 999] for i in range(0, len(data), 999))
    assert table.load_bytes(pieces, mode="replace").rows == 1000
    packed = b"".join(map(msgpack.packb, rows))
    assert table.load_bytes(memoryview(packed), format="msgpack", mode="replace").rows == 1000
    path = tmp_path / "rows.jsonl"
    path.write_bytes(data)
    assert table.load_file(path).rows == 2000
    assert table.load_file(io.BytesIO(data), format="jsonl", mode="replace").rows == 1000
    assert table.filter() == rows
    with pytest.raises(tamis.RowError) as caught:
        table.load_bytes(b'{"a": 1}\nnonsense\n')
    assert caught.value.row == 1
    assert len(table) == 1000
    with pytest.raises(ValueError, match="mode"):
        table.load_bytes(b"", mode="over")
    with pytest.raises(ValueError, match="give format="):
        table.load_file(io.BytesIO(b""))
    with pytest.raises(FileNotFoundError):
        table.load_file(tmp_path / "none.jsonl")


def test_prepared(client: tamis.Client) -> None:
    table = people(client)
    with table.prepare("age >= :least") as query:
        assert query.params == ("least",)
        assert query.fields == (("age",),)
        assert query.count(least=18) == 2
        assert list(query.indices(least=18)) == [0, 4]
        assert query.filter(least=40) == [PEOPLE[4]]
        assert query.mask(params={"least": 18}) == b"\1\0\0\0\1"
        assert query.bitmap(least=18) == b"\x11"
        assert query.select(["name"], least=40)["name"].to_list() == ["Åse"]
        assert query.value_counts("city", least=40) == [("Bergen", 1)]
    for _ in range(2):
        with pytest.raises(tamis.ClosedError):
            query.count(least=18)
        query.close()
    with pytest.raises(tamis.QueryError):
        table.prepare("no query at all (")


def test_the_shortest_way(client: tamis.Client) -> None:
    table = people(client)
    query = table.prepare("age >= 18")
    for i in range(200):
        assert query.count() == 2 + i
        assert client.last_stats is not None
        assert (client.last_stats.matched, client.last_stats.rows) == (2 + i, 5 + i)
        assert list(query.indices()) == [0, 4, *range(5, 5 + i)]
        table.append([{"age": 50}])
    assert query.count(limit=1) == 1
    assert query.count(timeout=10) == 202
    assert len(query.indices(timeout=10)) == 202
    table.drop()
    with pytest.raises(tamis.TableError):
        query.count()


def test_threads(client: tamis.Client) -> None:
    table = people(client)
    query = table.prepare("age >= 18")
    wrong: list[Any] = []

    def work(number: int) -> None:
        for _ in range(100):
            if query.count() != 2 or table.filter("age >= 40") != [PEOPLE[4]]:
                wrong.append(number)
        other = client.create_table(f"of {number}", [{"i": number}] * 3000, exists="replace")
        if len(other) != 3000:
            wrong.append(number)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text(st.characters(codec="utf-8") | st.sampled_from("\ud800\udcff"), max_size=4)
    | st.binary(max_size=4)
    | st.datetimes(timezones=st.just(UTC))
    | st.builds(msgpack.Timestamp, st.integers(-(2**63), 2**63 - 1), st.integers(1, 999_999_999))
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner),
)
KEYS = st.sampled_from(["a", "b", "é", "of two words"])
ROWS = st.lists(st.dictionaries(KEYS, VALUES), max_size=8)
ALIKE = st.lists(KEYS, max_size=3, unique=True).flatmap(
    lambda keys: st.lists(st.fixed_dictionaries(dict.fromkeys(keys, VALUES)), max_size=8)
)


def as_it_comes(value: Any) -> Any:
    """The value with its type; a Timestamp that datetime can hold is one."""
    if isinstance(value, msgpack.Timestamp) and value.nanoseconds % 1000 == 0:
        with contextlib.suppress(OverflowError):
            value = datetime.datetime(1970, 1, 1, tzinfo=UTC) + datetime.timedelta(
                0, value.seconds, value.nanoseconds // 1000
            )
    if isinstance(value, dict):
        return {key: as_it_comes(item) for key, item in value.items()}
    if isinstance(value, list):
        return list(map(as_it_comes, value))
    return type(value).__name__, value


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(rows=ROWS | ALIKE)
def test_rows_come_back_as_they_went(client: tamis.Client, rows: list[dict[str, Any]]) -> None:
    table = client.create_table("same", rows, exists="replace")
    assert list(map(as_it_comes, table.filter())) == list(map(as_it_comes, rows))
    for name, column in table.select().items():
        assert as_it_comes(column.to_list()) == as_it_comes([row.get(name) for row in rows])


def test_queries(client: tamis.Client) -> None:
    table = people(client)
    with table.prepare("age >= 18") as prepared:
        found = table.queries(
            [
                "city = 'Oslo'",
                (prepared, {"result": "count"}),
                ("age >= 40", {"result": "rows", "columns": ["name"]}),
                ("city = :town", {"result": "mask", "params": {"town": "Lima"}}),
                ("TRUE", {"result": "counts", "by": "city", "limit": 1}),
                ("TRUE", {"order_by": [("age", "desc")], "limit": 2}),
                ("age >= 40", {"result": "columns", "columns": ["city"]}),
            ]
        )
    assert list(found[0]) == [0, 1]
    assert found[1:5] == [2, [{"name": "Åse"}], bytearray(b"\0\0\1\0\0"), [("Oslo", 2)]]
    assert list(found[5]) == [4, 0]
    assert found[6]["city"].to_list() == ["Bergen"]
    assert table.queries([]) == []
    wrong = ["age >= 18", "no query at all ("]
    with pytest.raises(tamis.QueryError):
        table.queries(wrong)
    first, error = table.queries(wrong, return_errors=True)
    assert list(first) == [0, 4]
    assert isinstance(error, tamis.QueryError)
    with pytest.raises(TypeError, match="'limits'"):
        table.queries([("TRUE", {"limits": 1})])
    with pytest.raises(ValueError, match="result must be"):
        table.queries([("TRUE", {"result": "spans"})])


def test_paths_that_lie_deeper(real: tamis.Client) -> None:
    rows: list[dict[str, Any]] = [
        {"a": {"b": [1, "x"]}, "c": 1},
        {"a": {"b": [3]}, "c": 2},
        {"a": 5, "c": 3},
    ]
    table = real.create_table("deep", rows)
    assert table.count("a.b[0] >= 3") == 1
    first = ("a", "b", 0)
    found = table.select(columns=[first, "c", ("c",)])
    assert list(found) == [first, "c"]
    assert found[first].to_list() == [1, 3, None]
    assert list(table.indices(order_by=[(first, "desc")])) == [1, 0, 2]
    assert table.value_counts(first, query="c < 3") == [(1, 1), (3, 1)]
    assert table.filter(columns=[("a", "b"), "c"], limit=1) == [{"b": [1, "x"], "c": 1}]


def test_strict_and_warnings(real: tamis.Client) -> None:
    table = real.create_table("odd", [{"a": 1}, {"a": "x"}])
    for ask in (table.count, table.indices, table.filter):
        with pytest.raises(tamis.TypeMismatch) as caught:
            ask("a >= 1", strict=True)
        assert (caught.value.row, caught.value.path, caught.value.position) == (1, "a", 0)
    assert table.count("a >= 1") == 1
    assert real.last_stats is not None
    assert real.last_stats.type_mismatch == 1
    assert table.count("a = NULL") == 0
    assert [warning.name for warning in real.last_stats.warnings] == ["NULL_COMPARISON"]
    prepared = table.prepare("a = NULL")
    assert [warning.name for warning in prepared.warnings] == ["NULL_COMPARISON"]
    assert prepared.count() == 0
    assert real.last_stats.warnings == prepared.warnings
    with pytest.raises(tamis.ParameterError):
        table.count("a = :x")
    with pytest.raises(tamis.EncodeError, match="parameter :x"):
        table.prepare("a = :x").count(x=object())


def test_describe(client: tamis.Client) -> None:
    told = people(client, key="name").describe()
    assert (told.name, told.key, told.private, told.rows) == ("people", "name", False, 5)
    columns = {column.name: column for column in told.columns}
    assert list(columns) == ["name", "age", "city"]
    assert (columns["age"].nulls, columns["age"].missing) == (1, 1)
    assert columns["city"].distinct == 4
