"""Makes a difference small: one row, few columns, a smaller condition, while it still differs."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tests.dialect.generate import Missing, Table
from tests.dialect.judge import Batch
from tests.dialect.tree import CONDITIONS, Node, constant, walk

Differs = Callable[[Batch], bool]


def shrink(batch: Batch, row: int | None, differs: Differs, tries: int = 300) -> Batch:
    """The smallest batch found in so many tries that still differs. batch has one condition."""
    left = tries

    def still(candidate: Batch) -> bool:
        nonlocal left
        left -= 1
        return left >= 0 and differs(candidate)

    if row is not None:
        alone = _with(batch, rows=[row])
        if still(alone):
            batch = alone
    progress = True
    while progress and left > 0:
        progress = False
        for candidate in _smaller(batch):
            if still(candidate):
                batch, progress = candidate, True
                break
    return batch


def _with(batch: Batch, rows: list[int] | None = None, tree: Node | None = None) -> Batch:
    table, conditions = batch.table, batch.conditions if tree is None else [tree]
    if rows is not None:
        table = Table(table.columns, [table.rows[i] for i in rows])
    return Batch(batch.engine, batch.seed, table, conditions)


def _smaller(batch: Batch) -> Iterator[Batch]:
    count = len(batch.table.rows)
    size = count // 2
    while size:
        for at in range(0, count, size):
            yield _with(batch, rows=[*range(at), *range(at + size, count)])
        size //= 2
    (tree,) = batch.conditions
    for less in _smaller_trees(tree, batch.table):
        yield _with(batch, tree=less)
    yield from _without_columns(batch)


def _without_columns(batch: Batch) -> Iterator[Batch]:
    used = {n.column for tree in batch.conditions for n in walk(tree) if n.column is not None}
    kept = [i for i, of in enumerate(batch.table.columns) if of in used] or [0]
    if len(kept) < len(batch.table.columns):
        rows = [[row[i] for i in kept] for row in batch.table.rows]
        table = Table([batch.table.columns[i] for i in kept], rows)
        yield Batch(batch.engine, batch.seed, table, batch.conditions)


def _smaller_trees(node: Node, table: Table) -> Iterator[Node]:
    """Trees with a node in place of one above it, an operand less, or a constant for a field."""
    for kid in node.kids:
        if kid.kinds == node.kinds and (node.op not in CONDITIONS or kid.op not in ("const",)):
            yield kid
    if node.op in ("and", "or", "in", "coalesce", "least", "greatest") and len(node.kids) > 2:
        for i in range(node.op == "in", len(node.kids)):
            yield node.with_kids(node.kids[:i] + node.kids[i + 1 :])
    if node.column is not None and len(table.rows) == 1 and len(node.kinds) == 1:
        cell = table.rows[0][table.columns.index(node.column)]
        yield constant(None if isinstance(cell, Missing) else cell, node.kinds)
    for i, kid in enumerate(node.kids):
        for less in _smaller_trees(kid, table):
            yield node.with_kids((*node.kids[:i], less, *node.kids[i + 1 :]))
