"""Warnings and strict mode, against the real daemon."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator
from typing import Any

import msgpack
import pytest

import tamis

ROWS: list[dict[str, Any]] = [
    {"age": 30, "city": "Oslo", "tags": [1, "x"], "home": {"zip": "0150"}},
    {"age": "x", "city": "Rome", "tags": [[1]], "home": {"zip": "00100"}},
    {"age": None, "city": None},
]


@pytest.fixture(scope="module")
def client() -> Iterator[tamis.Client]:
    with tamis.Client() as one:
        yield one


@pytest.mark.parametrize(
    ("query", "names", "near"),
    [
        ("age = null", ["NULL_COMPARISON"], "age = NULL"),
        ("age between 1 and null", ["NULL_COMPARISON"], "age BETWEEN 1 AND NULL"),
        ("city like null", ["NULL_COMPARISON"], "city LIKE NULL"),
        ("age not in (1, null)", ["NOT_IN_NULL"], "age IN (1, NULL)"),
        ("age in (1, null)", [], None),
        ("1 = 2", ["NEVER_TRUE"], "1 = 2"),
        ("age > 5 and age < 3", ["NEVER_TRUE"], "age > 5 AND age < 3"),
        ("age > 5 and age < 5", ["NEVER_TRUE"], "age > 5 AND age < 5"),
        ("age >= 5 and age <= 5", [], None),
        ("age = 1 and city = 'x' and age = 2", ["NEVER_TRUE"], None),
        ("age = 1 and age = 'x'", ["NEVER_TRUE"], None),
        ("age between 9 and 3 or city = 'Oslo'", ["NEVER_TRUE"], "age BETWEEN 9 AND 3"),
        ("not (age between 9 and 3)", [], None),
        ("city like 'Oslo'", ["NO_WILDCARD"], "city LIKE 'Oslo'"),
        ("city ilike 'oslo'", [], None),
        ("city like 'Os%'", [], None),
        ("age is null", [], None),
        ("age is distinct from null", [], None),
        ("city regexp null", ["NULL_COMPARISON"], "city REGEXP NULL"),
        ("contains(city, null) or age = 1", ["NULL_COMPARISON"], None),
        ("age = 1 or city regexp 5", ["NO_TEXT"], "city REGEXP 5"),
        ("not city regexp 5", ["NO_TEXT"], "city REGEXP 5"),
        ("age = 1 or city like 5", ["NO_TEXT"], "city LIKE 5"),
        ("age = 1 or starts_with(city, 5)", ["NO_TEXT"], None),
        ("age = 1 or 5 regexp '5'", ["NO_TEXT"], "5 REGEXP '5'"),
        ("city regexp '5'", [], None),
        ("city regexp cast(5 as text)", [], None),
        ("date_part(year, age) = 2020", ["FIELD_AS_WORD"], "year"),
        ("date_trunc(MONTH, age) < now", ["FIELD_AS_WORD"], None),
        ("date_part('year', age) = 2020", [], None),
        ("date_part(unit, age) = 2020", [], None),
        ("date_part(age.year, age) = 2020", [], None),
        ("extract(year from age) = 2020 and year = 1", [], None),
    ],
)
def test_what_is_warned_of(
    client: tamis.Client, query: str, names: list[str], near: str | None
) -> None:
    client.filter(query, ROWS)
    stats = client.last_stats
    assert stats is not None
    assert [warning.name for warning in stats.warnings] == names
    assert client.prepare(query).warnings == stats.warnings
    for warning in stats.warnings:
        assert "^" in str(warning)
        assert query in str(warning)
        assert near is None or warning.near == near


@pytest.mark.parametrize(
    ("query", "params", "near"),
    [
        ("city regexp 'a(b'", {}, None),
        ("city regexp 'a{9,1}é'", {}, None),
        ("city regexp city", {}, "city"),
        ("city regexp 'a' flags 'q'", {}, "'q'"),
        ("city like 'a!b' escape '!'", {}, "'a!b'"),
        ("city like 'a' escape 'xy'", {}, "'xy'"),
        ("age in :list", {"list": 5}, ":list"),
        ("city regexp :pattern", {"pattern": "("}, ":pattern"),
        ("age = 1 and city regexp" + " '" + 100 * "x" + "('", {}, None),
    ],
)
def test_errors_of_the_plan_tell_the_text(
    client: tamis.Client, query: str, params: dict[str, Any], near: str | None
) -> None:
    """near: None where it is the very text at the position."""
    with pytest.raises(tamis.TamisError) as caught:
        client.filter(query, ROWS, params=params)
    error: Any = caught.value
    assert error.position is not None
    text = query[error.position : error.position + error.length]
    assert error.near == (text if near is None else near) != ""


def test_a_missing_parameter_is_told(client: tamis.Client) -> None:
    for query, near in (("age = :years", ":years"), ("age = ?", "?")):
        with pytest.raises(tamis.ParameterError) as caught:
            client.filter(query, ROWS)
        assert caught.value.near == near


def test_parameters_are_looked_at(client: tamis.Client) -> None:
    client.filter("city not in :towns and age <> :age", ROWS, towns=["a", None], age=None)
    assert client.last_stats is not None
    names = [warning.name for warning in client.last_stats.warnings]
    assert names == ["NOT_IN_NULL", "NULL_COMPARISON"]
    assert client.prepare("city not in :towns").warnings == ()
    client.filter("city not in :towns and age <> :age", ROWS, towns=["a"], age=1)
    assert client.last_stats.warnings == ()


def test_there_are_at_most_sixteen(client: tamis.Client) -> None:
    client.filter(" or ".join(f"a{i} = null" for i in range(100)), ROWS)
    assert client.last_stats is not None
    assert len(client.last_stats.warnings) == 16


@pytest.mark.parametrize(
    ("query", "suggestion"),
    [
        ("agee > 1", "age"),
        ("Age > 1", "age"),
        ("home.zipp = 1", "home.zip"),
        ("not (citty = 'x')", "city"),
        ("nickname = 'x'", None),
        ("age > 100", None),
        ("tags[7] = 1", None),
    ],
)
def test_did_you_mean_a_field(client: tamis.Client, query: str, suggestion: str | None) -> None:
    client.filter(query, ROWS)
    assert client.last_stats is not None
    found = [w for w in client.last_stats.warnings if w.name == "FIELD_ABSENT"]
    assert [w.suggestion for w in found] == ([suggestion] if suggestion else [])
    assert not found or f"did you mean '{suggestion}'" in str(found[0])


@pytest.mark.parametrize(("format", "data"), [("jsonl", b'{"age":1}\n'), ("csv", b"age,x\n1,2\n")])
def test_did_you_mean_a_field_of_bytes(client: tamis.Client, format: str, data: bytes) -> None:
    for query, suggested in (("agee > 1", ["age"]), ("age > 1", [])):
        client.filter_bytes(data, query, format=format)
        assert client.last_raw_stats is not None
        found = client.last_raw_stats.stats.warnings
        assert [w.suggestion for w in found if w.name == "FIELD_ABSENT"] == suggested


@pytest.mark.parametrize(
    ("query", "meant"),
    [
        ('city == "Oslo"', ["Oslo"]),
        ('"Oslo" = city', ["Oslo"]),
        ('city <> "Oslo"', ["Oslo"]),
        ('age > 1 or not (city = "Oslo")', ["Oslo"]),
        ('city in ("Bergen", \'Lima\', "Oslo")', ["Bergen", "Oslo"]),
        ('city between "A" and "Zz"', ["A", "Zz"]),
        ('city is distinct from "Oslo"', ["Oslo"]),
        ('city like "Os%"', ["Os%"]),
        ('contains(city, "Oslo")', ["Oslo"]),
        ('lower(city) = "oslo"', ["oslo"]),
        ('any t in tags satisfies t = "Oslo" end', ["Oslo"]),
        ('home.zip = "0150"', ["0150"]),
        ('city = "Oslo" or city = "Oslo"', ["Oslo"]),
        ("city = Oslo", []),
        ("city = 'Oslo'", []),
        ('"first name" = 5', []),
        ('"first name" is missing', []),
        ('city = "Oslo".x', []),
        ('city = "city"', []),
        ('city = "home"', []),
        ('any "t" in tags satisfies city = "t" end', []),
    ],
)
def test_a_text_in_double_quotes(client: tamis.Client, query: str, meant: list[str]) -> None:
    """By every route to the rows; near is the name that was meant as a text."""
    client.filter(query, ROWS)
    assert client.last_stats is not None
    warnings = [client.last_stats.warnings]
    for data in ("".join(json.dumps(row) + "\n" for row in ROWS), json.dumps(ROWS)):
        client.filter_bytes(data.encode(), query, format="jsonl")
        assert client.last_raw_stats is not None
        warnings.append(client.last_raw_stats.stats.warnings)
    table = client.create_table("texts", ROWS, exists="replace")
    table.count(query)
    assert client.last_stats is not None
    warnings.append(client.last_stats.warnings)
    for told in warnings:
        found = [w for w in told if w.name == "FIELD_AS_TEXT"]
        assert [w.near for w in found] == meant
        for w in found:
            place = query[w.position : (w.position or 0) + (w.length or 0)]
            assert (place, w.suggestion) == (f'"{w.near}"', None)
            assert "single quotes" in str(w)


def test_a_text_in_double_quotes_that_is_a_field_after_all(client: tamis.Client) -> None:
    rows: list[dict[str, Any]] = [{"city": "Oslo"}] * 5000
    query = 'city = "Oslo"'
    late = [*rows, {"Oslo": None}]
    for some, count in ((rows, 1), (late, 0)):
        client.filter(query, some)
        assert client.last_stats is not None
        assert len(client.last_stats.warnings) == count
        data = "".join(json.dumps(row) + "\n" for row in some).encode()
        client.filter_bytes(data, query, format="jsonl")
        assert client.last_raw_stats is not None
        assert len(client.last_raw_stats.stats.warnings) == count
    client.filter(query, [])
    assert client.last_stats is not None
    assert client.last_stats.warnings == ()


TEXTS: list[dict[str, Any]] = [
    {"n": "5", "mixed": "5", "none": None, "o": {"n": "5"}},
    {"n": "x", "mixed": 5, "none": None, "o": {"n": ""}},
    {"n": None, "mixed": None},
]


@pytest.mark.parametrize(
    ("query", "places"),
    [
        ("n = 5", ["n"]),
        ("n == 5.5", ["n"]),
        ("5 < n", ["n"]),
        ("n <> 5", ["n"]),
        ("not (n >= 5)", ["n"]),
        ("n in (5, 6, null)", ["n"]),
        ("n between 1 and 9", ["n"]),
        ("n is distinct from 5", ["n"]),
        ("n = true", ["n"]),
        ("n", ["n"]),
        ("not n", ["n"]),
        ("n is true", ["n"]),
        ("n > timestamp '2024-01-01T00:00:00Z'", ["n"]),
        ("n + 1 > 5", ["n"]),
        ("abs(n) > 5", ["n"]),
        ("n like '5%' or n > 5", ["n"]),
        ("mixed > 1 or n > 5", ["n"]),
        ("o.n > 5", ["o.n"]),
        ("any m in tags satisfies m > 1 or n > 1 end", ["n"]),
        ("n = '5'", []),
        ("n > '5'", []),
        ("n = 5 or n = '5'", []),
        ("n in (5, '5')", []),
        ("n in ('5', 5)", []),
        ("type_of(n) = 'integer' and n > 5", []),
        ("try_cast(n as integer) > 1", []),
        ("length(n) > 1", []),
        ("n = null or n is null", []),
        ("n = mixed", []),
        ("mixed = 5", []),
        ("none = 5", []),
        ("missing = 5", []),
    ],
)
def test_a_field_that_is_text_throughout(
    client: tamis.Client, query: str, places: list[str]
) -> None:
    """By every route to the rows: the field is pointed at where a text does not do."""
    client.filter(query, TEXTS)
    assert client.last_stats is not None
    warnings = {"dicts": client.last_stats.warnings}
    lines = "".join(json.dumps(row) + "\n" for row in TEXTS).encode()
    packed = b"".join(map(msgpack.packb, TEXTS))
    for format, data in (("jsonl", lines), ("msgpack", packed)):
        client.filter_bytes(data, query, format=format)
        assert client.last_raw_stats is not None
        warnings[format] = client.last_raw_stats.stats.warnings
    if places != ["o.n"]:  # a table knows the types of its columns alone
        client.create_table("texts", TEXTS, exists="replace").count(query)
        assert client.last_stats is not None
        warnings["table"] = client.last_stats.warnings
    for route, told in warnings.items():
        found = [w for w in told if w.name == "ALL_TEXT"]
        shown = [query[w.position or 0 :][: w.length] for w in found]
        assert shown == places, route
        assert all("CAST(" in str(w) for w in found)


def test_csv_without_types(client: tamis.Client) -> None:
    for types, names in ((None, ["ALL_TEXT"]), ({"n": "integer"}, [])):
        client.filter_bytes(b"n,s\n5,a\n6,b\n", "n = 5", format="csv", types=types)
        assert client.last_raw_stats is not None
        assert [w.name for w in client.last_raw_stats.stats.warnings] == names


def test_a_number_in_a_late_row(client: tamis.Client) -> None:
    rows: list[dict[str, Any]] = [{"n": "5"}] * 200_000
    for some, count in ((rows, 1), ([*rows, {"n": 5}], 0)):
        table = client.create_table("late", some, exists="replace")
        client.filter("n > 5", some)
        assert client.last_stats is not None
        assert len(client.last_stats.warnings) == count
        table.count("n > 5")
        assert len(client.last_stats.warnings) == count
    prepared = client.prepare("n > :least")
    for least, count in ((5, 1), ("5", 0)):
        assert prepared.warnings == ()
        prepared.filter(rows[:10], least=least)
        assert client.last_stats is not None
        assert len(client.last_stats.warnings) == count


def test_a_name_that_is_alike_comes_before_a_text(client: tamis.Client) -> None:
    for query in ('city = "Citi"', 'city = "citi"'):
        client.filter(query, ROWS)
        assert client.last_stats is not None
        assert [w.name for w in client.last_stats.warnings] == ["FIELD_ABSENT"]


@pytest.mark.parametrize(
    ("query", "suggested"),
    [
        ("agee > 1", ["age"]),
        ("AGE > 1 and ctiy = 'x' and age > 0", ["age", "city"]),
        ('city = "Citi"', ["city"]),
        ("age > 1", []),
        ("salary > 1", []),
        ("ages.x > 1", []),
    ],
)
def test_a_misspelt_column_of_a_table(
    client: tamis.Client, query: str, suggested: list[str]
) -> None:
    """A table's columns are its fields; before there are rows nothing is misspelt."""
    table = client.create_table("people", exists="replace")
    table.count(query)
    assert client.last_stats is not None
    assert [w.name for w in client.last_stats.warnings] == []
    table.append([{"age": 1, "city": "Oslo"}, {"age": 2}])
    table.count(query)
    found = [w for w in client.last_stats.warnings if w.name == "FIELD_ABSENT"]
    assert [w.suggestion for w in found] == suggested
    for w in found:
        assert query[w.position or 0 :][: w.length].strip('"') == w.near


def test_a_field_of_a_late_row_is_not_absent(client: tamis.Client) -> None:
    rows: list[dict[str, Any]] = [{"age": 1}] * 5000
    assert client.filter("agee > 1", [*rows, {"agee": 1}]) == []
    assert client.last_stats is not None
    assert client.last_stats.warnings == ()


@pytest.mark.parametrize(
    ("query", "row", "path", "shown"),
    [
        ("age > 20", 1, "age", "age is a string, in age > 20"),
        ("city > 'A' and age + 1 > 20", 1, "age", "age is a string, in age + 1"),
        ("any(tags) > 0", 0, "element", "element is a string, in element > 0"),
        ("any t in tags satisfies t + 1 > 7 end", 0, "t", "t is a string, in t + 1"),
        ("any t in city satisfies t > 7 end", 0, "city", "city is a string"),
        ("case when age > 50 then 1 else 2 end = 2", 1, "age", "age is a string, in age > 50"),
        ("lower(age) = 'x'", 0, "age", "age is an integer, in lower(age)"),
        ("home.zip || age = 'x'", 0, "age", "age is an integer, in home.zip || age"),
        ("age < city", 0, "age", "age is an integer, city is a string"),
        ("city", 0, "city", "city is a string, in city"),
    ],
)
def test_strict_names_the_first(
    client: tamis.Client, query: str, row: int, path: str, shown: str
) -> None:
    with pytest.raises(tamis.TypeMismatch) as caught:
        client.filter(query, ROWS, strict=True)
    error = pickle.loads(pickle.dumps(caught.value))
    assert (error.row, error.path, error.name) == (row, path, "TYPE_MISMATCH")
    assert f"row {row}: {shown}" in str(error)
    assert "^" in str(error)
    with pytest.raises(tamis.TypeMismatch):
        client.prepare(query).count(ROWS, strict=True)


def test_strict_is_silent_about_what_fits(client: tamis.Client) -> None:
    query = "age > 20 or age is null or city = 5"
    good = [ROWS[0], ROWS[2]]
    assert client.filter(query, good, strict=True) == good  # = between types is FALSE, not unknown
    assert client.count("age > 20", ROWS, strict=True, limit=1) == 1  # row 1 does not count


def test_a_parameter_is_not_taken_for_the_option(client: tamis.Client) -> None:
    wrong: Any = "x"
    with pytest.raises(TypeError, match="params="):
        client.filter("city = :strict", ROWS, strict=wrong)
    assert client.filter("city = :strict", ROWS, params={"strict": "Oslo"}) == ROWS[:1]


def test_strict_in_a_stream_counts_over_all_rows(client: tamis.Client) -> None:
    rows: list[dict[str, Any]] = [{"age": i} for i in range(20_000)]
    rows[17_003] = {"age": "x"}
    for chunk_rows in (None, 1000):
        stream = client.stream("age >= 0", iter(rows), strict=True, chunk_rows=chunk_rows)
        with pytest.raises(tamis.TypeMismatch) as caught:
            list(stream)
        assert caught.value.row == 17_003
    with pytest.raises(tamis.TypeMismatch) as caught:
        client.filter("age >= 0", rows, strict=True)
    assert caught.value.row == 17_003
