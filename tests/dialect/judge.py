"""Asks tamis and an engine the same conditions about the same rows and compares, row by row, the
three truth values.

A difference counts as explained only if a guard of the condition is TRUE for that row; any other
raises Wrong. What was reached is recorded in Seen.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from tests.dialect.engines import ENGINES, Engine, EngineError, Truth
from tests.dialect.generate import Generator, Missing, Table
from tests.dialect.sql import Printed
from tests.dialect.tamis_text import print_tree, timestamp
from tests.dialect.tree import (
    BIN,
    INT,
    REAL,
    TEXT,
    TIME,
    Cell,
    Column,
    Node,
    constant,
    leads,
    walk,
)
from tests.diff import payloads
from tests.diff.generate import Row
from tests.diff.values import Values
from tests.lib import mp, wire
from tests.lib.mp import Bin, Plain, Raw, Str, Value
from tests.lib.wire import Answer, Connection

ROWS, CONDITIONS = 320, 24
LEAST_TIME, MOST_TIME = -9223372022400000000, 9223372036854775806  # of DuckDB, in microseconds


@dataclass
class Seen:
    """What was reached so far. Pairs are of a row and a condition."""

    pairs: Counter[str] = field(default_factory=Counter)
    conditions: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[tuple[str, str, Truth]] = field(default_factory=Counter)
    translated: Counter[str] = field(default_factory=Counter)
    explained: Counter[str] = field(default_factory=Counter)
    avoided: Counter[str] = field(default_factory=Counter)


@dataclass
class Batch:
    """A table and conditions about it, for one engine; all follows from the seed."""

    engine: str
    seed: int
    table: Table
    conditions: list[Node]
    avoided: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, engine: str, seed: int, rows: int = ROWS, conditions: int = CONDITIONS) -> Batch:
        """The batch of a seed."""
        generator = Generator(seed, engine)
        table = generator.table(rows)
        trees = [generator.condition() for _ in range(conditions)]
        return cls(engine, seed, table, trees, generator.avoided)


class Wrong(Exception):
    """A difference that nothing explains, or a refusal. args: the message, the condition, the row
    or None.
    """


def cell_value(cell: Cell, of: Column) -> Value:
    """A cell as tamis has it."""
    if isinstance(cell, str):
        return Str(cell.encode())
    if isinstance(cell, bytes):
        return Bin(cell)
    if of.kinds == TIME and isinstance(cell, int):
        return timestamp(cell)
    return cell


def payload_of(table: Table, seed: int) -> bytes:
    """The rows as an encoded payload, in one of its forms, numbers in any of their widths."""
    rng = random.Random(seed)
    values = Values(rng)
    keys = [mp.encode(Str(of.name.encode())) for of in table.columns]
    rows = [
        Row(
            [
                (key, values.encode(cell_value(cell, of)))
                for key, of, cell in zip(keys, table.columns, row, strict=True)
                if not isinstance(cell, Missing)
            ]
        )
        for row in table.rows
    ]
    names = [of.name for of in table.columns]
    paths: list[list[Value]] = [[Str(name.encode())] for name in names]
    return mp.encode(payloads.build(rng.choice(payloads.FORMS), rows, names, paths, rng).message)


class Judge:
    """Compares on one connection with tamis and one of each engine."""

    def __init__(self, connection: Connection, engines: Iterable[str], seen: Seen) -> None:
        self.connection = connection
        self.engines: dict[str, Engine] = {name: ENGINES[name]() for name in engines}
        self.seen = seen

    def judge(self, batch: Batch) -> None:
        """Compares a whole batch. Raises Wrong, wire.Broken or wire.Late."""
        engine = self.engines[batch.engine]
        engine.load(batch.table)
        batch.conditions = self._sampled(engine, batch.conditions)
        printed = engine.print(batch.conditions)
        theirs = self._theirs(engine, batch.conditions, printed)
        ours = self._ours(batch)
        self.seen.avoided.update(batch.avoided)
        for tree, text, mine, other in zip(batch.conditions, printed, ours, theirs, strict=True):
            if mine != other:
                self._explain(engine, tree, text, mine, other)
            self._note(engine.name, tree, text, mine)

    def _sampled(self, engine: Engine, trees: list[Node]) -> list[Node]:
        """The conditions with constants in the places of samples, the innermost ones first."""
        while True:
            found = {
                node
                for tree in trees
                for node in walk(tree)
                if node.op == "sample" and all(n.op != "sample" for n in walk(node.kids[0]))
            }
            if not found:
                return trees
            asked = sorted(found, key=repr)
            rows = [node.value for node in asked]
            try:
                values = engine.values(
                    [(n.kids[0], r) for n, r in zip(asked, rows, strict=True) if isinstance(r, int)]
                )
            except EngineError as error:
                raise Wrong(f"{error.args[0]}\n  {error.args[1]}", trees[0], None) from error
            constants = {node: near(value, node) for node, value in zip(asked, values, strict=True)}
            trees = [_placed(tree, constants) for tree in trees]

    def _theirs(
        self, engine: Engine, trees: Sequence[Node], printed: Sequence[Printed]
    ) -> list[list[Truth]]:
        try:
            return engine.ask([p.text for p in printed])
        except EngineError as first:
            for tree, text in zip(trees, printed, strict=True):
                try:
                    engine.ask([text.text])
                except EngineError as error:
                    raise Wrong(f"{error.args[0]}\n  {text.text}", tree, None) from error
            message = f"only together: {first.args[0]}\n  {first.args[1]}"
            raise Wrong(message, trees[0], None) from first

    def _ours(self, batch: Batch) -> list[list[Truth]]:
        """What tamis says: the rows for which p is TRUE, NOT p is, and for some (p) IS UNKNOWN."""
        payload = Raw(payload_of(batch.table, batch.seed))
        rng = random.Random(batch.seed)
        asked: list[tuple[str, bool]] = []
        texts: list[str] = []
        for i, tree in enumerate(batch.conditions):
            text = print_tree(tree, batch.seed + i)
            asked.append((text, rng.random() < 0.25))
            texts += [text, f"NOT ({text})"] + [f"({text}) IS UNKNOWN"] * asked[-1][1]
        answers = iter(self._filter(texts, payload))
        out = []
        for tree, (text, unknown_too) in zip(batch.conditions, asked, strict=True):
            values: list[Truth] = [None] * len(batch.table.rows)
            kept: list[int] = []
            for value in (True, False, None)[: 3 if unknown_too else 2]:
                answer = next(answers)
                if answer.error is not None:
                    raise Wrong(f"tamis: {answer.code}: {answer.error}\n  {text}", tree, None)
                kept += answer.indices
                for row in answer.indices:
                    values[row] = value
            if len(kept) > len(set(kept)) or (unknown_too and len(kept) < len(values)):
                raise Wrong(
                    f"p, NOT p and p IS UNKNOWN do not share the rows\n  {text}", tree, None
                )
            out.append(values)
        return out

    def _filter(self, texts: Sequence[str], payload: Plain) -> list[Answer]:
        """FILTER for all of these, sent at once."""
        requests = [self.connection.new_id() for _ in texts]
        options = {"result": "bitmap"}
        for request, text in zip(requests, texts, strict=True):
            self.connection.send(wire.frame([wire.FILTER, request, text, options, payload]))
        replies: dict[int, list[list[Value]]] = {request: [] for request in requests}
        left = len(requests)
        while left:
            message = self.connection.receive()
            if not isinstance(message[1], int) or message[1] not in replies:
                raise wire.Broken(f"no request had this id: {message!r}")
            replies[message[1]].append(message)
            left -= message[0] != wire.RESULT
        return [Answer.of(replies[request]) for request in requests]

    def _explain(
        self, engine: Engine, tree: Node, text: Printed, mine: list[Truth], other: list[Truth]
    ) -> None:
        """Counts each row that differs under the guard that explains it. Raises Wrong."""
        rows = [i for i, (a, b) in enumerate(zip(mine, other, strict=True)) if a is not b]
        names = [name for name, _ in text.guards]
        met = engine.ask([guard for _, guard in text.guards]) if names else []
        for row in rows:
            found = [n for n, values in zip(names, met, strict=True) if values[row] is True]
            if not found:
                raise Wrong(f"tamis says {mine[row]}, {engine.name} {other[row]}", tree, row)
            self.seen.explained[found[0]] += 1

    def _note(self, engine: str, tree: Node, text: Printed, mine: list[Truth]) -> None:
        seen = self.seen
        seen.conditions[engine] += 1
        seen.pairs[engine] += len(mine)
        for name in text.translated:
            seen.translated[name] += len(mine)
        counts = Counter(mine)
        for op in leads(tree):
            for value, count in counts.items():
                seen.outcomes[engine, op, value] += count


def near(value: Cell, node: Node) -> Node:
    """The constant of a sample: the value that was found, or its neighbour."""
    shift = int(node.word)
    kinds = {int: INT, float: REAL, str: TEXT, bytes: BIN}.get(type(value), node.kinds)
    if node.kinds == TIME or value is None:
        kinds = frozenset({min(node.kinds)})
    if node.kinds == TIME and isinstance(value, int):
        value = value + shift if LEAST_TIME < value < MOST_TIME else value
    elif isinstance(value, float) and shift:
        value = math.nextafter(value, shift * math.inf)
    elif isinstance(value, int) and -(1 << 63) < value < (1 << 63) - 1:
        value += shift
    return constant(value, kinds)


def _placed(tree: Node, constants: dict[Node, Node]) -> Node:
    if tree in constants:
        return constants[tree]
    return tree.with_kids(tuple(_placed(kid, constants) for kid in tree.kids))
