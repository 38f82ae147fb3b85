"""Makes a failing question small: fewer rows, fewer fields, a smaller tree, as long as it still
fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from tests.diff import generate, reference
from tests.diff.generate import Query, Row
from tests.diff.judge import Question
from tests.lib.mp import Str, Value

Fails = Callable[[Question], bool]


def shrink(question: Question, fails: Fails, tries: int = 400) -> Question:
    """The smallest question found in so many tries for which fails is true, or the given one."""
    left = [tries]

    def still(candidate: Question) -> bool:
        left[0] -= 1
        return left[0] >= 0 and fails(candidate)

    progress = True
    while progress and left[0] > 0:
        progress = False
        for candidate in _smaller(question):
            if still(candidate):
                question, progress = candidate, True
                break
            if left[0] <= 0:
                break
    return question


def _smaller(question: Question) -> Iterator[Question]:
    order = question.order
    size = len(order) // 2
    while size:
        for at in range(0, len(order), size):
            yield replace(question, order=order[:at] + order[at + size :])
        size //= 2
    if question.query.params:
        tree = generate.flatten(without_params(question.query))
        yield replace(question, query=Query(tree))
    else:
        for tree in _smaller_trees(question.query.tree):
            yield replace(question, query=Query(generate.flatten(tree)))
    for place in sorted(set(order)):
        row = question.distinct[place]
        for i in range(len(row.pairs)):
            less = Row(row.pairs[:i] + row.pairs[i + 1 :])
            distinct = [less if j == place else r for j, r in enumerate(question.distinct)]
            yield replace(question, distinct=distinct)


def without_params(query: Query) -> Value:
    """The tree with its parameters' values in their places."""
    placed = iter(query.params if isinstance(query.params, list) else [])

    def walk(node: Value) -> Value:
        head = reference.op_name(node)
        if not isinstance(node, list) or head in ("lit", "path", "element", "outer"):
            return node
        if head == "param":
            if len(node) == 1:
                return next(placed)
            assert isinstance(node[1], Str) and isinstance(query.params, dict)
            return query.params[node[1].raw.decode()]
        kids = [walk(kid) for kid in node[1:]]
        if head == "in" and reference.op_name(node[2]) == "param" and isinstance(kids[1], list):
            kids[1] = [Str(b"list"), *(generate.literal(item) for item in kids[1])]
        else:
            for i, kid in enumerate(node[1:]):
                if reference.op_name(kid) == "param":
                    kids[i] = generate.literal(kids[i])
        return [node[0], *kids]

    return (
        generate.literal(walk(query.tree))
        if reference.op_name(query.tree) == "param"
        else walk(query.tree)
    )


def _smaller_trees(node: Value) -> Iterator[Value]:
    """Trees with one node replaced by a child of its kind, or with one operand less."""
    head = reference.op_name(node)
    if not isinstance(node, list) or head in ("", "lit", "path", "element", "outer", "param"):
        return
    for kid in node[1:]:
        if reference.is_predicate(kid) and head not in ("any", "every"):
            yield kid
    if head in ("and", "or", "list") and len(node) > 2:
        for i in range(1, len(node)):
            yield node[:i] + node[i + 1 :]
    for i, kid in enumerate(node[1:], 1):
        for less in _smaller_trees(kid):
            yield [*node[:i], less, *node[i + 1 :]]
