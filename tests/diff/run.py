"""The differential test as a program: `python -m tests.diff.run --seed N --seconds S`.

Prints its seed, what it reached (operator by truth value, routes, kernels) and, for a wrong answer,
the smallest question found and how to repeat it. Exit status 1 for a wrong answer.
"""

from __future__ import annotations

import argparse
import itertools
import random
import re
import sys
import time
from dataclasses import replace

from tests.diff import payloads, reference
from tests.diff.generate import CALLS, Generator
from tests.diff.judge import (
    ALL_ROUTES,
    DELIVERIES,
    QUERY_FORMS,
    RESULTS,
    Judge,
    Question,
    Route,
    Seen,
    Wrong,
    show,
)
from tests.diff.reference import Truth
from tests.diff.shrink import shrink
from tests.lib import mp, wire
from tests.lib.wire import Connection, Refused

ROUTES_A_QUESTION = 12
QUERIES_A_BATCH = 6
MOST_BYTES = 400_000  # of rows of one question


class Failure(AssertionError):
    """A wrong answer, told in full."""


def questions_of(seed: int) -> list[tuple[Question, list[Route]]]:
    """One batch with its queries and routes: everything follows from the seed."""
    generator = Generator(seed)
    rng = random.Random(seed)
    batch = generator.batch(typed=rng.random() < 0.5)
    names = [column.name for column in batch.columns]
    if rng.random() < 0.2:
        names.append("nowhere")
    out = []
    # So that every operator leads in some batch.
    for _ in range(rng.randint(0, len(reference.PREDICATES))):
        generator.query()
    for _ in range(QUERIES_A_BATCH):
        query = generator.query()
        order = list(range(len(batch.rows)))
        if rng.random() < 0.1:  # over the size of a block
            count = rng.choice([1000, 1025, 2049, 5000])
            order = [rng.randrange(len(batch.rows)) for _ in range(count)]
            sizes = [len(row.map_bytes()) for row in batch.rows]
            del order[max(1, MOST_BYTES * len(sizes) // sum(sizes)) :]
        routes = [_route(i, rng) for i in range(ROUTES_A_QUESTION)]
        out.append((Question(batch.rows, order, names, query), routes))
    return out


def _route(number: int, rng: random.Random) -> Route:
    return Route(
        QUERY_FORMS[number % 2],
        payloads.FORMS[number // 2 % len(payloads.FORMS)],
        rng.choice(RESULTS),
        rng.choice(DELIVERIES),
        rng.getrandbits(32),
        rng.choice([1, 2, 10]) if rng.random() < 0.15 else None,
    )


def judge_seed(connection: Connection, seed: int, seen: Seen) -> None:
    """Asks all questions of one seed. Raises Failure."""
    for question, routes in questions_of(seed):
        try:
            Judge(connection, seen).ask(question, routes)
        except (Wrong, Refused, wire.Broken, wire.Late) as problem:
            route = problem.args[1] if isinstance(problem, Wrong) else None
            raise Failure(
                _tell(seed, question, routes if route is None else [route], problem)
            ) from problem


def _fails(question: Question, routes: list[Route]) -> Exception | None:
    try:
        with Connection.spawn(timeout_s=10) as connection:
            Judge(connection, Seen()).ask(question, routes)
    except (Wrong, Refused, wire.Broken, wire.Late) as problem:
        return problem
    return None


def _tell(seed: int, question: Question, routes: list[Route], problem: Exception) -> str:
    """The failure made small, for people."""
    kind = type(problem)
    first = _fails(question, routes)
    lines = [f"seed {seed}: {kind.__name__}: {problem.args[0] if problem.args else ''}"]
    if first is None:
        lines.append("a fresh daemon answers this rightly: it depends on what came before")
    else:
        question = shrink(question, lambda q: type(_fails(q, routes)) is type(first))
        if (
            len(routes) == 1
            and routes[0].limit is not None
            and _fails(question, [replace(routes[0], limit=None)])
        ):
            routes = [replace(routes[0], limit=None)]
        again = _fails(question, routes)
        lines.append(f"smallest: {type(again).__name__}: {again}")
    lines.append(f"query: {show(question.query.tree)}")
    if question.query.params:
        lines.append(f"params: {question.query.params!r}")
    for row in question.rows[:10]:
        lines.append(
            f"row: {row.map_bytes()[:2000].hex()}  {show(mp.decode(row.map_bytes()))[:2000]}"
        )
    if len(question.rows) > 10:
        lines.append(f"... {len(question.rows)} rows")
    for row in question.rows[:10]:
        asked = reference.Query(question.query.tree, question.query.params).ask(row.map_bytes())
        lines.append(f"reference: {asked.name}")
    lines += [f"route: {route}" for route in routes[:3]]
    lines.append(f"repeat: python -m tests.diff.run --seed {seed} --batches 1")
    return "\n".join(lines)


def unreached(seen: Seen) -> list[str]:
    """What a full run must have reached and did not: operator by truth value, routes."""
    out = []
    for name in sorted(reference.PREDICATES):
        for value in Truth:
            possible = value is not Truth.UNKNOWN or name not in reference.TWO_VALUED
            if possible and not seen.outcomes[name, value]:
                out.append(f"{name}: {value.name}")
    for name in sorted(CALLS):
        for value in (Truth.UNKNOWN, Truth.TRUE):  # a call: null, or a value
            if not seen.outcomes[name, value]:
                out.append(f"{name}: {'null' if value is Truth.UNKNOWN else 'a value'}")
    out += [f"route {' / '.join(kind)}" for kind in sorted(ALL_ROUTES) if not seen.routes[kind]]
    return out


def unreached_kernels(seen: Seen) -> list[str]:
    """What src/kernel/kernels.def and computes.def list and no EXPLAIN ANALYZE has named."""
    text = (wire.ROOT / "src" / "kernel" / "kernels.def").read_text()
    lists = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    every = re.findall(r"\bX\((\w+)\)", re.sub(r"/\*.*?\*/", "", lists, flags=re.DOTALL))
    loops = (wire.ROOT / "src" / "kernel" / "computes.def").read_text()
    names = [f"sel_{name}" for name in every] + [
        f"calc_{name}_{kind}" for name, kind in re.findall(r"\bX\((\w+), (\w+64)\)", loops)
    ]
    return [name for name in names if name not in seen.kernels]


def report(seen: Seen) -> str:
    """What was reached, as a table."""
    lines = [f"{seen.questions} questions, {seen.answers} answers, refused {dict(seen.refused)}"]
    lines.append(f"{'operator':14} {'false':>8} {'unknown':>8} {'true':>8}")
    for name in sorted(reference.PREDICATES | CALLS):
        counts = [seen.outcomes[name, value] for value in Truth]
        lines.append(f"{name:14} {counts[0]:8} {counts[1]:8} {counts[2]:8}")
    lines.append(f"routes: {len(seen.routes)} of {len(ALL_ROUTES)}")
    kernels = " ".join(f"{kernel}:{n}" for kernel, n in sorted(seen.kernels.items()))
    lines.append(f"kernels: {len(seen.kernels)}: {kernels}")
    return "\n".join(lines)


def run(
    seed: int, seconds: float, batches: int | None = None, least_coverage: bool = False
) -> Seen:
    """Asks from seed on, for so many seconds or batches.

    least_coverage: goes on, at most twenty times as long, until all that unreached() lists is
    reached. Raises Failure.
    """
    seen = Seen()
    start = time.monotonic()
    with Connection.spawn() as connection:
        for number in itertools.count():
            spent = time.monotonic() - start
            over = number == batches or (batches is None and spent >= seconds)
            if over and not (least_coverage and spent < 20 * seconds and unreached(seen)):
                break
            judge_seed(connection, seed + number, seen)
    return seen


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 40))
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--batches", type=int, help="so many batches instead of so many seconds")
    options = parser.parse_args()
    print(f"seed {options.seed}, daemon {wire.tamisd()}, case folding: {reference.CASEFOLD_SOURCE}")
    try:
        seen = run(options.seed, options.seconds, options.batches)
    except Failure as failure:
        print(failure)
        return 1
    print(report(seen))
    for line in unreached(seen):
        print("not reached:", line)
    print("kernels not reached:", " ".join(unreached_kernels(seen)) or "none")
    return 0


if __name__ == "__main__":
    sys.exit(main())
