"""Tables at their edges: odd names, keys and paths, what is no query and no bytes."""

from __future__ import annotations

import datetime
import io
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

import tamis

UTC = datetime.timezone.utc
PEOPLE: list[dict[str, Any]] = [
    {"name": "Ann", "age": 31},
    {"name": "Bo", "age": 17},
    {"name": "Cy"},
]


def people(client: tamis.Client) -> tamis.Table:
    return client.create_table("people", PEOPLE, exists="replace")


def test_a_column_named_twice_is_one(real: tamis.Client) -> None:
    table = people(real)
    names = [row["name"] for row in PEOPLE]
    for twice in (["name", "name"], ["name", ("name",)]):
        found = table.select(columns=twice)
        assert {key: column.to_list() for key, column in found.items()} == {"name": names}
        (found,) = table.queries([(None, {"result": "columns", "columns": twice})])
        assert found["name"].to_list() == names
        assert table.filter(columns=twice, limit=1) == [{"name": names[0]}]


def test_two_columns_of_a_row_have_two_names(real: tamis.Client) -> None:
    table = real.create_table("nested", [{"x": 1, "b": {"x": 2, "y": [3]}}], exists="replace")
    columns = ["x", ("b", "x")]
    with pytest.raises(ValueError, match="two columns of a row have the name 'x'"):
        table.filter(columns=columns)
    assert [column.to_list() for column in table.select(columns=columns).values()] == [[1], [2]]
    assert table.filter(columns=["x", ("b", "y")]) == [{"x": 1, "y": [3]}]


def test_scalars_of_numpy_are_told_what_to_do(real: tamis.Client) -> None:
    np = pytest.importorskip("numpy")
    with pytest.raises(tamis.EncodeError, match=r"row 1, field a: .*; give the array itself"):
        real.create_table("scalars", {"a": [1, np.int64(2)]})


def test_no_query_is_every_row(real: tamis.Client) -> None:
    table = people(real)
    count, numbers = table.queries([(None, {"result": "count"}), None])
    assert (count, list(numbers)) == (len(PEOPLE), list(range(len(PEOPLE))))
    with pytest.raises(TypeError, match="an iterable of queries"):
        table.queries("age = 1")


@pytest.mark.parametrize("path", [(), (0, "a"), ("a", -1), ("a", True), ("a", 1.0), 5, b"a"])
def test_what_is_no_path(real: tamis.Client, path: Any) -> None:
    table = people(real)
    for ask in (
        lambda: table.filter(order_by=[(path, "asc")]),
        lambda: table.filter(columns=[path]),
        lambda: table.value_counts(path),
    ):
        with pytest.raises(TypeError, match="a path is a name"):
            ask()


def test_names_of_any_kind(real: tamis.Client) -> None:
    for name in ("\ud800", "a\0b", "名" * 21845):
        table = real.create_table(name, [{name: 1}], key=name, exists="replace")
        assert (table.name, table.key) == (name, name)
        assert real.table(name).describe().columns[0].name == name
        assert name in [info.name for info in real.tables()]
        assert table.filter() == [{name: 1}]
        assert list(table.select()) == [name]
    for wrong, error in (("", ValueError), ("a" * 65537, ValueError), (b"a", TypeError)):
        for make in (real.create_table, real.table):
            with pytest.raises(error, match="the name of a table"):
                make(wrong)  # type: ignore[arg-type]
    assert real.table(name).count() == 1


def test_a_table_that_is_gone_is_named(real: tamis.Client) -> None:
    table = real.create_table("gone", [{"a": 1}])
    prepared = table.prepare("a = 1")
    assert prepared.count() == 1
    table.drop()
    for ask in (table.count, table.drop, prepared.count, prepared.indices, prepared.filter):
        with pytest.raises(tamis.TableError, match='the table "gone" has been dropped'):
            ask()


@pytest.mark.parametrize("wrong", ["text", ["text"], [b"{}", 5]])
def test_bytes_that_are_none(real: tamis.Client, wrong: Any) -> None:
    table = real.create_table("none", exists="replace")
    with pytest.raises(TypeError, match="bytes-like object is required"):
        table.load_bytes(wrong)
    with pytest.raises(TypeError, match="bytes-like object is required"):
        list(real.filter_stream(iter(wrong), "TRUE"))
    assert table.count() == 0


def test_a_named_pipe_is_opened_once(real: tamis.Client, tmp_path: Path) -> None:
    pipe = tmp_path / "rows.jsonl"
    os.mkfifo(pipe)
    lines = b'{"a": 5}\n' * 50_000
    for read in (
        lambda: real.create_table("piped", exists="replace").load_file(pipe).rows,
        lambda: real.filter_file(pipe, "a = 5", io.BytesIO()).stats.matched,
    ):
        program = "import sys; open(sys.argv[1], 'wb').write(b'{\"a\": 5}\\n' * 50_000)"
        with subprocess.Popen([sys.executable, "-c", program, str(pipe)]) as writer:
            found: list[int] = []
            reader = threading.Thread(target=lambda: found.append(read()), daemon=True)  # noqa: B023
            reader.start()
            reader.join(60)
            if reader.is_alive():
                writer.kill()
            assert found == [lines.count(b"\n")]


def test_keys_that_are_tuples(real: tamis.Client) -> None:
    when = datetime.datetime(2020, 1, 1, tzinfo=UTC)
    rows: list[dict[Any, Any]] = [{(1, "x"): 2, "v": {(1, (when,)): [3]}}, {"v": {5: 6}}]
    table = real.create_table("tuples", rows, exists="replace")
    assert table.filter() == rows
    assert table.select(columns=["v"])["v"].to_list() == [row["v"] for row in rows]
    assert table.value_counts("v") == [(row["v"], 1) for row in rows]
    # A map as a key has no form in Python; nor has it one in what Python could have sent.
    assert table.load_bytes(b"\x81\x81\x01\x02\x03", format="msgpack").rows == 3
    assert table.filter()[2] == {((1, 2),): 3}


def test_paths_into_what_default_makes(tamisd: str) -> None:
    def default(value: Any) -> Any:
        if isinstance(value, complex):
            return {"re": value.real, "im": [value.imag]}
        raise TypeError("no form")

    rows = [{"z": 1 + 2j}, {"z": [3j, {"y": 4j}]}, {"z": {1}}, {"z": 5}, {}]
    queries = ("z.re = 1.0", "z.im[0] = 2.0", "z[0].im[0] = 3.0", "z[1].y.im[0] = 4.0")
    with tamis.Client(tamisd, default=default) as client:
        table = client.create_table("made", [row for row in rows if row != {"z": {1}}])
        for query in queries:
            assert client.count(query, rows) == table.count(query) == 1
        with pytest.raises(tamis.EncodeError, match="row 2, field z: "):
            client.create_table("none", rows)


def test_keys_without_a_form_are_named(real: tamis.Client) -> None:
    with pytest.raises(tamis.EncodeError, match=r"row 1, field .*2020, 1, 2.*cannot be sent"):
        real.create_table("keys", [{"a": 1}, {datetime.date(2020, 1, 2): 1}])


def test_columns_as_a_source(real: tamis.Client) -> None:
    when = datetime.datetime(2020, 1, 1, tzinfo=UTC)
    full = {"t": when, "n": -1, "u": 2**64 - 1, "f": 1.5, "b": True, "s": "x", "l": [1], "m": 1}
    rows = [full, full | {"m": "x"}, dict.fromkeys(full), {}]
    table = real.create_table("selected", rows, exists="replace")
    for limit in (1, 2, 4):
        columns = table.select(limit=limit)
        again = real.create_table("again", columns, exists="replace")
        assert again.filter() == [dict.fromkeys(full) | row for row in rows[:limit]]
