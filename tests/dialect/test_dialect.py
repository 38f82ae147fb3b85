"""The differential test against SQLite and DuckDB, and that its list of differences is the
document's.

TAMIS_DIALECT_SEED and TAMIS_DIALECT_BATCHES change the run, which is the same on every machine; for
a long run by hand use `python -m tests.dialect.run`. A failure tells the smallest case found and
how to repeat it. What must be reached is part of the test: a million pairs, each operator with each
truth value, each difference of the list.
"""

from __future__ import annotations

import os
import re
import sqlite3

import pytest

from tests.dialect import run, sql, sqlite_sql, tamis_text
from tests.dialect.differences import AVOIDED, DIFFERENCES, EXPLAINED, TRANSLATED, named
from tests.dialect.engines import ENGINES, Duckdb, Sqlite
from tests.dialect.generate import Generator, Table, bad_escape
from tests.dialect.judge import Batch
from tests.dialect.shrink import shrink
from tests.dialect.tree import BOOL, INT, TEXT, Column, Node, column, condition, constant, walk
from tests.lib import wire

SEED = int(os.environ.get("TAMIS_DIALECT_SEED", "20260301"))
BATCHES = int(os.environ.get("TAMIS_DIALECT_BATCHES", "400"))
PAIRS = 1_000_000
MOST_EXPLAINED = 0.02  # of all pairs: a guard that is always TRUE would excuse anything

needs_daemon = pytest.mark.skipif(
    not wire.tamisd().exists() and not os.environ.get("TAMIS_CI"),
    reason=f"no daemon at {wire.tamisd()}",
)


def test_sqlite_is_built_with_what_is_asked() -> None:
    """IS DISTINCT FROM came with 3.39; the functions of mathematics are an option."""
    assert sqlite3.sqlite_version_info >= (3, 39), "this Python's SQLite is too old"
    with sqlite3.connect(":memory:") as db:
        assert db.execute("SELECT power(2, 10)").fetchone() == (1024.0,)


@needs_daemon
def test_no_difference_is_unexplained(capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        versions = ", ".join(engine().version for engine in ENGINES.values())
        print(f"\ndialects: seed {SEED}, {BATCHES} batches, {versions}")
        seen = run.run(SEED, 0, batches=BATCHES)
        print(run.report(seen))
    assert sum(seen.pairs.values()) >= PAIRS
    assert run.unreached(seen) == []
    assert sum(seen.explained.values()) <= MOST_EXPLAINED * sum(seen.pairs.values())


@needs_daemon
@pytest.mark.parametrize("engine", ENGINES)
def test_a_wrong_answer_is_noticed(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison itself can fail: where tamis is asked < for <=, it does, with a small case."""
    monkeypatch.setitem(tamis_text.SPELLINGS, "<=", ["<"])
    with pytest.raises(run.Failure, match=rf"seed \d+, {engine}: Wrong: tamis says") as failure:
        run.run(SEED, 60, [engine], batches=60)
    text = str(failure.value)
    assert text.count("\nrow: ") == 1
    assert f"--engine {engine} --batches 1" in text


@needs_daemon
def test_a_guard_that_is_not_true_explains_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the meaning of their guards, the differences of SQLite's letters are failures."""
    monkeypatch.setattr(sqlite_sql, "NON_ASCII", "= 'nothing is this'")
    with pytest.raises(run.Failure, match="sqlite: Wrong: tamis says"):
        run.run(SEED, 60, ["sqlite"], batches=300)


def documented() -> dict[str, tuple[str, str]]:
    """The rows of the tables of docs/DIALECTS.md: id to rule and treatment."""
    text = (wire.ROOT / "docs" / "DIALECTS.md").read_text()
    rows = re.findall(r"^\| `((?:sqlite|duckdb)-[a-z0-9-]+)` \|(.*)\|$", text, re.MULTILINE)
    out: dict[str, tuple[str, str]] = {}
    for name, cells in rows:
        assert name not in out, f"{name} stands twice"
        parts = [part.strip().strip("`") for part in re.split(r"(?<!\\)\|", cells)]
        out[name] = (parts[-2], parts[-1])
    return out


def test_the_document_lists_what_the_code_applies() -> None:
    applied = {name: (entry.rule, entry.treatment) for name, entry in DIFFERENCES.items()}
    assert documented() == applied


def test_every_rule_is_a_rule() -> None:
    query = (wire.ROOT / "proto" / "QUERY.md").read_text()
    functions = (wire.ROOT / "proto" / "FUNCTIONS.md").read_text()
    for entry in DIFFERENCES.values():
        heading = f"### `{entry.rule}("
        assert f"\n- {entry.rule}. " in query or heading in functions, entry


def test_a_difference_has_one_treatment() -> None:
    assert named("sqlite-nan", EXPLAINED) == "sqlite-nan"
    for wrong in (TRANSLATED, AVOIDED):
        with pytest.raises(ValueError, match="sqlite-nan is not"):
            named("sqlite-nan", wrong)
    with pytest.raises(KeyError):
        named("sqlite-anything", EXPLAINED)


def test_a_seed_gives_the_same_batch() -> None:
    for engine in ENGINES:
        first, again, other = (Batch.of(engine, seed) for seed in (7, 7, 8))
        assert repr(first.conditions) == repr(again.conditions) != repr(other.conditions)
        assert repr(first.table.rows) == repr(again.table.rows)


def test_the_generator_keeps_to_an_engines_kinds() -> None:
    """In DuckDB every expression has exactly one kind, so that its SQL has a type."""
    generator = Generator(SEED, "duckdb")
    for _ in range(40):
        generator.table(20)
        for _ in range(40):
            assert all(len(node.kinds) == 1 for node in walk(generator.condition()))


A = Column("a", "int", INT)
S = Column("s", "text", TEXT)


def test_text_has_only_the_parentheses_it_needs() -> None:
    one, two = constant(1, INT), constant(2, INT)
    total = Node("+", (column(A), Node("*", (one, two), INT)), INT)
    difference = Node("-", (total, Node("-", (one, two), INT)), INT)
    tree = condition("and", condition("=", difference, one), condition("not", constant(True, BOOL)))
    texts = {tamis_text.print_tree(tree, seed) for seed in range(20)}
    assert {
        "a + 1 * 2 - (1 - 2) = 1 AND NOT TRUE",
        "a + 1 * 2 - (1 - 2) == 1 AND NOT TRUE",
    } <= texts


@pytest.mark.parametrize("make", [Sqlite, Duckdb])
def test_an_engine_answers_in_three_values(make: type[Sqlite] | type[Duckdb]) -> None:
    engine = make()
    engine.load(Table([A, S], [[5, "x\0y"], [None, "x"], [-1, None]]))
    printed = engine.print([condition(">", column(A), constant(0, INT))])
    assert engine.ask([printed[0].text]) == [[True, None, False]]
    printed = engine.print([condition("=", column(S), constant("x\0y", TEXT))])
    assert engine.ask([printed[0].text]) == [[True, False, None]]
    assert engine.values([(column(A), 2), (column(S), 0)]) == [-1, "x\0y"]


def test_shrink_finds_the_small_case() -> None:
    needle = condition("=", column(A), constant(5, INT))
    rest = condition("or", condition("is null", column(S)), condition("not", needle))
    tree = condition("and", rest, condition("in", column(A), *[constant(i, INT) for i in range(4)]))
    batch = Batch("sqlite", 1, Table([A, S], [[i, "x"] for i in range(9)]), [tree])

    def differs(candidate: Batch) -> bool:
        found = any(node.op == "=" for node in walk(candidate.conditions[0]))
        return found and any(row[-2:] == [5, "x"] or row == [5] for row in candidate.table.rows)

    small = shrink(batch, 5, differs)
    assert small.table.rows == [[5]] and small.table.columns == [A]
    assert len(list(walk(small.conditions[0]))) == 3


@pytest.mark.parametrize(
    ("pattern", "bad"), [("a!%", False), ("a!", True), ("a!!", False), ("!a", True), ("a", False)]
)
def test_what_k3_refuses(pattern: str, bad: bool) -> None:
    assert bad_escape(pattern, "!") is bad
    for engine, bell in ((Sqlite(), "char(1)"), (Duckdb(), "chr(1)")):
        engine.load(Table([A], [[1]]))
        assert engine.ask([sql.bad_escape(f"'{pattern}'", "'!'", bell)]) == [[bad]]
