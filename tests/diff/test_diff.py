"""The differential test: random rows and queries by every route through tamisd against the
reference.

TAMIS_DIFF_SEED and TAMIS_DIFF_SECONDS change the run (the default seed is fixed, the default time
is 20 s); for a long run by hand use `python -m tests.diff.run`. A failure tells the seed and the
smallest question found. The coverage asked for is part of the test: an operator that never answered
UNKNOWN was not tested.
"""

from __future__ import annotations

import os
import random

import pytest

from tests.diff import judge, payloads, reference, run, shrink
from tests.diff.generate import Generator, Query, op, path
from tests.diff.judge import Question
from tests.diff.reference import Truth
from tests.lib import mp, wire
from tests.lib.mp import Str

SEED = int(os.environ.get("TAMIS_DIFF_SEED", "20260101"))
SECONDS = float(os.environ.get("TAMIS_DIFF_SECONDS", "20"))
# To reach all takes a minute in a plain build, and many in a sanitized one, which shows no more.
COVERAGE = "TAMIS_SANITIZER" not in os.environ

needs_daemon = pytest.mark.skipif(
    not wire.tamisd().exists() and not os.environ.get("TAMIS_CI"),
    reason=f"no daemon at {wire.tamisd()}",
)


@needs_daemon
def test_every_route_agrees_with_the_reference(capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print(f"\ndifferential test: seed {SEED}, {SECONDS} s, {reference.CASEFOLD_SOURCE}")
        seen = run.run(SEED, SECONDS, least_coverage=COVERAGE)
        print(run.report(seen))
    assert not COVERAGE or not run.unreached(seen)


@needs_daemon
def test_a_wrong_reference_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison itself can fail: with < and <= exchanged, or LIKE always false, it does."""
    true_compare = reference.Query.compare

    def wrong(
        self: reference.Query, name: str, a: reference.Operand, b: reference.Operand
    ) -> Truth:
        return true_compare(self, {"<": "<=", "<=": "<"}.get(name, name), a, b)

    monkeypatch.setattr(reference.Query, "compare", wrong)
    with pytest.raises(run.Failure, match=r"seed \d+: Wrong"):
        run.run(SEED, 60, batches=200)


def test_the_generator_alone_reaches_every_outcome() -> None:
    seen = judge.Seen()
    generator = Generator(SEED)
    for number in range(300):
        batch = generator.batch(typed=number % 2 == 0)
        for _ in range(4):
            query = generator.query()
            asked = reference.Query(query.tree, query.params, seen.outcomes)
            for row in batch.rows:
                asked.ask(row.map_bytes())
    assert [line for line in run.unreached(seen) if not line.startswith("route")] == []


def test_a_seed_gives_the_same_questions() -> None:
    first, second = run.questions_of(7), run.questions_of(7)
    assert repr(first) == repr(second)
    assert repr(first) != repr(run.questions_of(8))


def test_every_encoding_decodes_to_the_same_value() -> None:
    generator = Generator(SEED)
    for number in range(200):
        generator.batch(typed=False)
        value = generator.value("mixed" if number % 2 else "number")
        again = mp.decode(generator.encode(value))
        assert reference.equal(value, again, nan_equal=True) or "nan" in repr(value)
        assert judge.canonical([Str(b"lit"), value]) == judge.canonical([Str(b"lit"), again])


@pytest.mark.parametrize("form", payloads.FORMS)
def test_payloads_hold_the_rows(form: str) -> None:
    """Each form, read back by the rules of PROTOCOL.md, has the cells of the rows."""
    generator = Generator(SEED)
    for number in range(60):
        batch = generator.batch(typed=number % 2 == 0)
        names = [column.name for column in batch.columns]
        paths = [[Str(name.encode())] for name in names]
        built = payloads.build(
            form, batch.rows, names, [list(p) for p in paths], random.Random(number)
        )
        message = mp.decode(mp.encode(built.message))
        assert isinstance(message, list)
        for i, row in enumerate(batch.rows):
            for name in names:
                cell = row.cell(name)
                want = reference.MISSING if cell is None else mp.decode(cell)
                got = read_cell(message, i, name)
                assert repr(got) == repr(want), (form, i, name)


def bit(bits: mp.Value, number: int) -> bool:
    return bits is None or (
        isinstance(bits, mp.Bin) and bits.raw[number // 8] >> number % 8 & 1 == 1
    )


def read_cell(message: list[mp.Value], row: int, name: str) -> reference.Operand:
    """The value of a name in a decoded payload, read as plainly as PROTOCOL.md says it."""

    key = Str(name.encode())
    if message[0] == Str(b"maps"):
        assert isinstance(message[1], list)
        return reference.step_into(message[1][row], [key])
    if message[0] == Str(b"bytes"):
        data, at = message[2], 0
        assert isinstance(data, mp.Bin)
        for _ in range(row):
            _, at = mp.decode_at(data.raw, at)
        return reference.step_into(mp.decode_at(data.raw, at)[0], [key])
    if message[0] == Str(b"template"):
        names, rows = message[1], message[2]
        assert isinstance(names, list) and isinstance(rows, list)
        cells, at = rows[row], names.index(key)
        assert isinstance(cells, list)
        hidden = len(message) > 3 and not bit(message[3], row * len(names) + at)
        return reference.MISSING if hidden or at >= len(cells) else cells[at]
    columns = message[2]
    assert isinstance(columns, list)
    for column in columns:
        assert isinstance(column, list)
        column_path, kind, data, valid, present = column
        if column_path not in (key, [key]):
            continue
        if not bit(present, row):
            return reference.MISSING
        return read_typed(kind, data, row) if bit(valid, row) else None
    return reference.MISSING


NUMBERS = {
    b"i8": b"\xd0", b"i16": b"\xd1", b"i32": b"\xd2", b"i64": b"\xd3",
    b"u8": b"\xcc", b"u16": b"\xcd", b"u32": b"\xce", b"u64": b"\xcf",
    b"f32": b"\xca", b"f64": b"\xcb",
}  # fmt: skip


def read_typed(kind: mp.Value, data: mp.Value, row: int) -> mp.Value:
    """Row `row` of a column's data."""
    assert isinstance(kind, Str)
    if isinstance(data, list) and kind.raw == b"list":
        return data[row]
    if isinstance(data, list) and kind.raw == b"timestamp":
        unit, numbers = data
        assert isinstance(unit, Str)
        per_second = {b"s": 1, b"ms": 10**3, b"us": 10**6, b"ns": 10**9}[unit.raw]
        number = read_typed(Str(b"i64"), numbers, row)
        assert isinstance(number, int)
        seconds, parts = divmod(number, per_second)
        return mp.Timestamp(seconds, parts * (10**9 // per_second))
    if isinstance(data, list) and kind.raw == b"dict":
        codes_kind, codes, values, number = data
        code = read_typed(codes_kind, codes, row)
        assert isinstance(code, int) and isinstance(values, list) and isinstance(number, int)
        assert 0 <= code < number and isinstance(values[0], mp.Bin)
        wide = len(values[0].raw) == 8 * (number + 1)
        return read_typed(Str(b"str64" if wide else b"str"), values, code)
    if isinstance(data, list) and kind.raw == b"struct":
        return read_struct(data, row)
    if isinstance(data, list):
        offsets, *inside = data
        assert isinstance(offsets, mp.Bin)
        width = 8 if kind.raw == b"str64" else 4
        base = inside.pop() if len(inside) > (2 if kind.raw == b"map" else 1) else 0
        assert isinstance(base, int) and base <= int.from_bytes(offsets.raw[:width], "little")
        start, end = (
            int.from_bytes(offsets.raw[width * i : width * (i + 1)], "little") - base
            for i in (row, row + 1)
        )
        if kind.raw == b"array":
            return [read_item(inside[0], i) for i in range(start, end)]
        if kind.raw == b"map":
            keys, values = inside
            pairs = ((read_item(keys, i), read_item(values, i)) for i in range(start, end))
            return mp.Map(tuple(pairs))
        assert isinstance(inside[0], mp.Bin) and kind.raw in (b"str", b"str64", b"bin")
        text = inside[0].raw[start:end]
        return mp.Bin(text) if kind.raw == b"bin" else Str(text)
    assert isinstance(data, mp.Bin)
    if kind.raw == b"zstr":
        return Str(data.raw.split(b"\0")[row])
    if kind.raw == b"bool":
        return data.raw[row] == 1
    if kind.raw == b"bits":
        return data.raw[row // 8] >> row % 8 & 1 == 1
    width = int(kind.raw[1:]) // 8
    return mp.decode(NUMBERS[kind.raw] + data.raw[width * row : width * (row + 1)][::-1])


def read_item(part: mp.Value, at: int) -> mp.Value:
    """Item `at` of what is inside of arrays or maps."""
    assert isinstance(part, list)
    number, kind, data, valid = part
    assert isinstance(number, int) and at < number
    return read_typed(kind, data, at) if bit(valid, at) else None


def read_struct(fields: list[mp.Value], row: int) -> mp.Value:
    """The fields that a row has."""
    pairs: list[tuple[mp.Value, mp.Value]] = []
    for field in fields:
        assert isinstance(field, list)
        name, kind, data, valid, present = field
        if bit(present, row):
            pairs.append((name, read_typed(kind, data, row) if bit(valid, row) else None))
    return mp.Map(tuple(pairs))


def test_typed_columns_come_in_every_type() -> None:
    """The builder draws each type of PROTOCOL.md in its turn, so that the judge asks of it."""
    generator = Generator(SEED)
    seen = set()
    for number in range(400):
        batch = generator.batch(typed=True)
        names = [column.name for column in batch.columns]
        built = payloads.build("typed", batch.rows, names, [], random.Random(number))
        message = mp.decode(mp.encode(built.message))
        assert isinstance(message, list) and isinstance(message[2], list)
        for column in message[2]:
            assert isinstance(column, list) and isinstance(column[1], Str)
            seen.add(column[1].raw)
    others = b"list bool bits timestamp str str64 zstr dict bin array map struct"
    assert seen == {*NUMBERS, *others.split()}


def test_shrink_finds_the_small_question() -> None:
    """Rows and operands that have no part in a failure are dropped."""
    generator = Generator(3)
    batch = generator.batch(typed=True)
    needle: mp.Value = op("=", path("a"), 5)
    tree = op(
        "and",
        op("or", op("not", needle), True),
        op("is null", path("b")),
        op("in", 1, op("list", 1, 2)),
    )
    question = Question(batch.rows, list(range(len(batch.rows))), ["a"], Query(tree))

    def fails(candidate: Question) -> bool:
        return bool(candidate.order) and "b'=" in repr(candidate.query.tree)

    small = shrink.shrink(question, fails)
    assert len(small.order) == 1
    assert small.query.tree == needle


def test_parameters_can_be_put_back() -> None:
    """A query and the same with its parameters' values in place answer alike."""
    generator = Generator(SEED)
    checked = 0
    for _ in range(600):
        batch = generator.batch(typed=False)
        query = generator.query()
        if not query.params:
            continue
        checked += 1
        plain = reference.Query(shrink.without_params(query))
        bound = reference.Query(query.tree, query.params)
        for row in batch.rows:
            assert bound.ask(row.map_bytes()) is plain.ask(row.map_bytes())
    assert checked > 40
