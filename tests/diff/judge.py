"""Asks the daemon one question by one route and compares with the reference.

A Route is a way through the daemon: form of the query, form of the rows, kind of result, delivery.
A Question is rows and a query. The judge knows the protocol and the reference, and nothing of how
the daemon works; kernels and operators that were seen are recorded in Seen for the coverage report.
"""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.diff import generate, payloads, reference
from tests.diff.generate import Query, Row
from tests.diff.reference import Truth
from tests.lib import mp, wire
from tests.lib.mp import Bin, Map, Plain, Str, Value
from tests.lib.wire import Answer, Connection, Refused

QUERY_FORMS = ["structured", "text"]
RESULTS = ["indices", "bitmap", "auto", "count", "rows"]
DELIVERIES = ["filter", "execute", "stream", "execute stream", "table", "execute table"]
TABLE_FORMS = [form for form in payloads.FORMS if form != "paths"]  # columns of one step


@dataclass(frozen=True)
class Route:
    """One way through the daemon; seed decides what the route leaves open (bitmaps, cuts, rubbish
    in hidden cells).
    """

    query: str
    rows: str
    result: str
    delivery: str
    seed: int
    limit: int | None = None

    @property
    def kind(self) -> tuple[str, str, str, str]:
        """The route without its seed and limit."""
        return self.query, self.rows, self.result, self.delivery


ALL_ROUTES = set(itertools.product(QUERY_FORMS, payloads.FORMS, RESULTS, DELIVERIES))


@dataclass
class Question:
    """Rows (by place in distinct; order may repeat them), the fields they have, and a query."""

    distinct: list[Row]
    order: list[int]
    names: list[str]
    query: Query

    @property
    def rows(self) -> list[Row]:
        """The rows as they are sent."""
        return [self.distinct[i] for i in self.order]


@dataclass
class Seen:
    """What was reached so far."""

    outcomes: Counter[tuple[str, Truth]] = field(default_factory=Counter)
    routes: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)
    kernels: Counter[str] = field(default_factory=Counter)
    questions: int = 0
    answers: int = 0
    refused: Counter[str] = field(default_factory=Counter)


@dataclass
class Prepared:
    """A plan with what PREPARED said of it."""

    plan: int
    paths: list[list[Value]]
    text: str


class Wrong(Exception):
    """The daemon's answer is not the reference's, or not what the protocol promises."""


def is_utf8(raw: bytes) -> bool:
    """Whether bytes are UTF-8."""
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def canonical(tree: Value) -> bytes:
    """A tree as bytes, equal for equal trees: flattened, one NaN, constants of lists first."""
    return mp.encode(_canonical_node(generate.flatten(tree)))


def _canonical_node(node: Value) -> Value:
    head = reference.op_name(node)
    if head in ("", "lit") or not isinstance(node, list):
        return _one_nan(node)
    items = [_canonical_node(kid) for kid in node]
    if head == "list":
        items.sort(key=lambda item: reference.op_name(item) not in ("list", "", "lit"))
    return items


def _one_nan(value: Value) -> Value:
    if isinstance(value, list):
        return [_one_nan(item) for item in value]
    if isinstance(value, Map):
        return Map(tuple((_one_nan(key), _one_nan(item)) for key, item in value.pairs))
    return float("nan") if reference.is_nan(value) else value


def prepare(connection: Connection, query: Plain) -> Prepared:
    """PREPARE. Raises Refused."""
    reply = connection.call(wire.PREPARE, query)[-1]
    if reply[0] != wire.PREPARED:
        error = wire.fields(reply[2])
        raise Refused(wire.text_of(error["name"]), wire.text_of(error["message"]))
    said = wire.fields(reply[3])
    paths = said["fields"]
    assert isinstance(reply[2], int) and isinstance(paths, list)
    return Prepared(reply[2], [p for p in paths if isinstance(p, list)], wire.text_of(said["text"]))


def explain(connection: Connection, query: Plain, params: Plain, payload: Plain) -> wire.Fields:
    """EXPLAIN ANALYZE. Raises Refused."""
    reply = connection.call(wire.EXPLAIN, query, {"params": params} if params else None, payload)[
        -1
    ]
    if reply[0] != wire.EXPLAINED:
        error = wire.fields(reply[2])
        raise Refused(wire.text_of(error["name"]), wire.text_of(error["message"]))
    return wire.fields(reply[2])


class Judge:
    """Asks questions on one connection."""

    def __init__(self, connection: Connection, seen: Seen) -> None:
        self.connection = connection
        self.seen = seen

    def expect(self, question: Question) -> tuple[list[int], int | None]:
        """The rows to be kept, and the number of type mismatches where it does not depend on the
        order of terms.
        """
        query = reference.Query(question.query.tree, question.query.params, self.seen.outcomes)
        kept: list[bool] = []
        counts: list[int] = []
        for row in question.distinct:
            query.mismatches = 0
            kept.append(query.ask(row.map_bytes()) is Truth.TRUE)  # L2
            counts.append(query.mismatches)
        mismatches = sum(counts[i] for i in question.order)
        indices = [place for place, i in enumerate(question.order) if kept[i]]
        return indices, mismatches if _is_one_term(question.query.tree) else None

    def ask(self, question: Question, routes: Sequence[Route]) -> None:
        """Compares all routes.

        Raises Wrong (args: the message, the route or None), Refused, or wire.Broken.
        """
        self.seen.questions += 1
        tree = question.query.tree
        bad_escape = not reference.literal_escapes_are_right(tree)
        try:
            structured = prepare(self.connection, tree)
        except Refused as refused:
            if refused.args[0] != "BAD_ESCAPE" or not bad_escape:
                raise
            self.seen.refused[refused.args[0]] += 1
            return
        if bad_escape:
            raise Wrong("a pattern against K2 or K3 was taken", None)
        # Every tree has a text (proto/QUERY.md), whatever its constants.
        plans = {"structured": structured, "text": prepare(self.connection, structured.text)}
        self._check_forms(question, plans)
        expected, mismatches = self.expect(question)
        for route in routes:
            query: Plain = tree if route.query == "structured" else structured.text
            plan = plans[route.query]
            try:
                self._check_route(question, route, query, plan, expected, mismatches)
            except Wrong as wrong:
                raise Wrong(f"{wrong.args[0]}\n  text: {structured.text}", route) from None
        for plan in plans.values():
            self.connection.call(wire.CLOSE, plan.plan)

    def _check_forms(self, question: Question, plans: dict[str, Prepared]) -> None:
        """Text and structured form are one tree, both ways; and the kernels that run are noted."""
        tree, params = question.query.tree, question.query.params
        structured, text = plans["structured"], plans["text"]
        rows = payloads.build("maps", question.rows[:200], question.names, [], random.Random(0))
        for query in (tree, structured.text):
            said = explain(self.connection, query, params, rows.message)
            if canonical(said["structured"]) != canonical(tree):
                raise Wrong(
                    f"the tree came back as {show(said['structured'])} from {query!r}", None
                )
            if wire.text_of(said["text"]) != structured.text:
                raise Wrong(f"two texts: {said['text']!r} and {structured.text!r}", None)
            self._note_kernels(said["steps"])
        if text.text != structured.text:
            raise Wrong(f"two texts: {text.text!r}, {structured.text!r}", None)
        if text.paths != structured.paths:
            raise Wrong(f"two sets of fields: {text.paths}, {structured.paths}", None)

    def _note_kernels(self, steps: Value) -> None:
        assert isinstance(steps, list)
        for step in map(wire.fields, steps):
            self.seen.kernels[wire.text_of(step["kernel"])] += 1
            kernels = step.get("kernels")
            if isinstance(kernels, Map):
                self.seen.kernels.update(wire.fields(kernels).keys())

    def _check_route(
        self,
        question: Question,
        route: Route,
        query: Plain,
        plan: Prepared,
        expected: list[int],
        mismatches: int | None,
    ) -> None:
        self.seen.routes[route.kind] += 1
        self.seen.answers += 1
        rng = random.Random(route.seed)
        options: dict[str, Plain] = {"result": route.result}
        if route.limit is not None:
            options["limit"] = route.limit
        if question.query.params:
            options["params"] = question.query.params
        if "table" in route.delivery:
            self._check_table(question, route, query, plan, expected, mismatches)
            return
        rows = question.rows
        cuts = _cuts(len(rows), rng) if "stream" in route.delivery else [0, len(rows)]
        # A stream may change its form from one ROWS to the next, except that columns have no row
        # bytes, and that bytes stay bytes.
        mixed = "stream" in route.delivery and route.result != "rows" and rng.random() < 0.2
        parts = []
        for a, b in itertools.pairwise(cuts):
            form = rng.choice(payloads.FORMS[:-1]) if mixed else route.rows
            parts.append(payloads.build(form, rows[a:b], question.names, plan.paths, rng))
        kind, subject = (
            (wire.EXECUTE, plan.plan) if "execute" in route.delivery else (wire.FILTER, query)
        )
        if "stream" in route.delivery:
            answer = self.connection.stream(kind, subject, [p.message for p in parts], options)
        else:
            answer = Answer.of(self.connection.call(kind, subject, options, parts[0].message))
        _compare(route, answer, expected, parts, len(rows), mismatches)

    def _check_table(
        self,
        question: Question,
        route: Route,
        query: Plain,
        plan: Prepared,
        expected: list[int],
        mismatches: int | None,
    ) -> None:
        """The rows in a table, loaded in some pieces, and the query over it, twice."""
        rng = random.Random(route.seed)
        rows = question.rows
        table = self.connection.create("judged", private=True, exists="replace")
        for a, b in itertools.pairwise(_cuts(len(rows), rng)):
            form = route.rows if route.rows in TABLE_FORMS else "maps"
            part = payloads.build(form, rows[a:b], question.names, plan.paths, rng)
            self.connection.load(table, [part.message])
        options: dict[str, Plain] = {"result": route.result}
        if route.limit is not None:
            options["limit"] = route.limit
        if question.query.params:
            options["params"] = question.query.params
        kind, subject = (
            (wire.EXECUTE, plan.plan) if "execute" in route.delivery else (wire.FILTER, query)
        )
        for _ in range(2):
            answer = Answer.of(self.connection.call(kind, subject, options, ["table", table]))
            if route.result == "rows":
                _compare_maps(route, answer, expected, rows, question.names)
            else:
                _compare(route, answer, expected, [], len(rows), mismatches)


def _plain(value: Value) -> object:
    """A value so that equal ones are equal: NaN is, and of equal keys the last counts."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, Map):
        return {repr(_plain(key)): _plain(item) for key, item in value.pairs}
    return repr(value)


def _compare_maps(
    route: Route, answer: Answer, expected: list[int], rows: Sequence[Row], names: list[str]
) -> None:
    """Rows that came out of a table are equal maps, not equal bytes."""
    if answer.error is not None:
        raise Wrong(f"an error: {answer.code}: {answer.error}")
    matches = expected if route.limit is None else expected[: route.limit]
    got = [_plain(value) for value in mp.decode_all(b"".join(answer.rows))]
    want = []
    for i in matches:
        pairs = mp.decode(rows[i].map_bytes())
        assert isinstance(pairs, Map)
        if route.rows not in ("maps", "bytes", "paths"):  # then only these were sent
            known = [Str(n.encode()) for n in names]
            pairs = Map(tuple(pair for pair in pairs.pairs if pair[0] in known))
        want.append(_plain(pairs))
    if got != want:
        wrong = next(
            (i for i, (a, b) in enumerate(zip(got, want, strict=False)) if a != b), len(got)
        )
        raise Wrong(
            f"{len(got)} rows, not {len(want)}, first other one {wrong}: {got[wrong : wrong + 1]}"
        )


def _compare(
    route: Route,
    answer: Answer,
    expected: list[int],
    parts: list[payloads.Payload],
    count: int,
    mismatches: int | None,
) -> None:
    if route.result == "rows" and parts and parts[0].rows is None:
        if answer.code != "RESULT_KIND":
            raise Wrong(f"columns have no row bytes, yet {answer.code}")
        return
    if answer.error is not None:
        raise Wrong(f"an error: {answer.code}: {answer.error}")
    matches = expected if route.limit is None else expected[: route.limit]
    if route.result == "rows":
        every = [row for part in parts for row in part.rows or []]
        if b"".join(answer.rows) != b"".join(every[i] for i in matches):
            raise Wrong(f"other rows than {matches[:50]}: {b''.join(answer.rows)[:400].hex()}")
    elif route.result != "count" and answer.indices != matches:
        lost, added = (
            sorted(set(matches) - set(answer.indices)),
            sorted(set(answer.indices) - set(matches)),
        )
        raise Wrong(f"lost rows {lost[:50]}, rows too many {added[:50]}")
    done = answer.done
    if done["matched"] != len(matches):
        raise Wrong(f"matched is {done['matched']!r}, not {len(matches)}")
    stopped = route.limit is not None and len(expected) > route.limit
    if stopped != done["limit_reached"] and len(expected) != route.limit:
        raise Wrong(f"limit_reached is {done['limit_reached']!r}")
    if not done["limit_reached"] and done["rows"] != count:
        raise Wrong(f"rows is {done['rows']!r}, not {count}")
    if mismatches is not None and route.limit is None and done["type_mismatch"] != mismatches:
        raise Wrong(f"type_mismatch is {done['type_mismatch']!r}, not {mismatches}")


def _is_one_term(tree: Value) -> bool:
    """Whether a tree is one comparison of a path with a path or a literal: then T4's count is
    certain.
    """
    if reference.op_name(tree) not in generate.COMPARISONS or not isinstance(tree, list):
        return False
    heads = [reference.op_name(kid) for kid in tree[1:]]
    return "path" in heads and all(head in ("path", "", "lit", "param") for head in heads)


def _cuts(count: int, rng: random.Random) -> list[int]:
    inner = sorted(rng.randint(0, count) for _ in range(rng.choice([0, 1, 1, 3, 8])))
    return [0, *inner, count]


def show(node: Value) -> str:
    """A tree or a value for people, as Python lists."""
    if isinstance(node, list):
        return "[" + ", ".join(show(kid) for kid in node) + "]"
    if isinstance(node, Str):
        return repr(node.raw.decode()) if is_utf8(node.raw) else f"Str({node.raw!r})"
    if isinstance(node, Map):
        return "{" + ", ".join(f"{show(key)}: {show(value)}" for key, value in node.pairs) + "}"
    if isinstance(node, Bin):
        return repr(node.raw)
    return repr(node)
