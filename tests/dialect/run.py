"""The differential test against SQLite and DuckDB as a program:
`python -m tests.dialect.run --seed N --seconds S [--engine sqlite|duckdb]`.

Prints its seed, the pairs by engine, what the operators answered, and how many pairs each
difference of docs/DIALECTS.md explains. For a difference that is in no list it prints the smallest
case found, and how to repeat it; then the exit status is 1.
"""

from __future__ import annotations

import argparse
import itertools
import random
import sys
import time
from collections.abc import Sequence

from tests.dialect.differences import AVOIDED, DIFFERENCES, EXPLAINED, TRANSLATED
from tests.dialect.engines import ENGINES, Truth
from tests.dialect.generate import CONDITION_LEADS, FIELDS, FUNCTIONS, REFUSED, TRUNCATES
from tests.dialect.judge import Batch, Judge, Seen, Wrong
from tests.dialect.shrink import shrink
from tests.dialect.tamis_text import print_tree
from tests.dialect.tree import TWO_VALUED
from tests.lib import wire
from tests.lib.wire import Connection


class Failure(AssertionError):
    """A difference that nothing explains, told in full."""


def run(
    seed: int,
    seconds: float,
    engines: Sequence[str] = tuple(ENGINES),
    batches: int | None = None,
) -> Seen:
    """Compares from seed on, for so many seconds or batches, the engines in turn.

    Raises Failure.
    """
    seen = Seen()
    start = time.monotonic()
    with Connection.spawn() as connection:
        judge = Judge(connection, engines, seen)
        for number in itertools.count():
            spent = time.monotonic() - start
            if number == batches or (batches is None and spent >= seconds):
                break
            judge_seed(judge, engines[number % len(engines)], seed + number)
    return seen


def judge_seed(judge: Judge, engine: str, seed: int) -> None:
    """Compares the batch of one seed. Raises Failure."""
    batch = Batch.of(engine, seed)
    try:
        judge.judge(batch)
    except (Wrong, wire.Broken, wire.Late) as problem:
        raise Failure(_tell(batch, problem)) from None


def _problem(batch: Batch) -> Exception | None:
    """What goes wrong with a batch, on a fresh daemon."""
    try:
        with Connection.spawn(timeout_s=10) as connection:
            Judge(connection, [batch.engine], Seen()).judge(batch)
    except (Wrong, wire.Broken, wire.Late) as problem:
        return problem
    return None


def _sort(problem: Exception | None) -> tuple[str, str]:
    """What a problem is, without its particulars."""
    text = str(problem.args[0]) if problem and problem.args else ""
    return type(problem).__name__, " ".join(text.split()[:2])


def _tell(batch: Batch, problem: Exception) -> str:
    """A failure made small, for people."""
    lines = [f"seed {batch.seed}, {batch.engine}: {type(problem).__name__}: {problem.args[0]}"]
    trees = [problem.args[1]] if isinstance(problem, Wrong) else batch.conditions
    row = problem.args[2] if isinstance(problem, Wrong) else None
    found = False
    for tree in trees:
        small = Batch(batch.engine, batch.seed, batch.table, [tree])
        if _problem(small) is None:
            continue
        found = True
        small = shrink(small, row, lambda b: _sort(_problem(b)) == _sort(problem))
        lines += _smallest(small)
        break
    if not found:
        lines.append("a fresh daemon answers each condition alone rightly")
        lines += [f"tamis: {print_tree(tree, batch.seed)}" for tree in trees]
    options = f"--seed {batch.seed} --engine {batch.engine} --batches 1"
    lines.append(f"repeat: python -m tests.dialect.run {options}")
    return "\n".join(lines)


def _smallest(batch: Batch) -> list[str]:
    again = _problem(batch)
    lines = [f"smallest: {again.args[0] if again else 'gone'}"]
    (tree,) = batch.conditions
    engine = ENGINES[batch.engine]()
    (printed,) = engine.print([tree])
    lines.append(f"tamis: {print_tree(tree, batch.seed)}")
    lines.append(f"{batch.engine}: {printed.text}")
    parameters = getattr(getattr(engine, "_printer", None), "parameters", [])
    if parameters:
        lines.append(f"parameters: {parameters!r}")
    lines += [f"guard {name}: {text}" for name, text in printed.guards]
    names = [f"{of.name!r} {of.profile}" for of in batch.table.columns]
    lines.append(f"columns: {', '.join(names)}")
    lines += [f"row: {row!r}" for row in batch.table.rows[:10]]
    return lines


def expected(engine: str) -> list[str]:
    """The operators that lead in an engine's conditions."""
    names = {n for n in (*CONDITION_LEADS, *FUNCTIONS) if n not in REFUSED[engine]}
    for name, fields in (("date_part", FIELDS), ("date_trunc", TRUNCATES)):
        if name in names:
            names |= {f"{name} {field}" for field in fields}
    return sorted(names - {"date_part", "date_trunc", "truthless"})


def unreached(seen: Seen, engines: Sequence[str] = tuple(ENGINES)) -> list[str]:
    """What a full run must have reached and did not: operator by truth value, differences."""
    out = []
    for engine in engines:
        for name in expected(engine):
            for value in (True, False, None):
                possible = value is not None or name not in TWO_VALUED
                if possible and not seen.outcomes[engine, name, value]:
                    out.append(f"{engine}: {name}: {value}")
        for entry in DIFFERENCES.values():
            if entry.engine == engine and not count_of(seen, entry.id):
                out.append(f"{entry.id}: never met")
    return out


def count_of(seen: Seen, name: str) -> int:
    """How often a difference was met."""
    counters = {TRANSLATED: seen.translated, EXPLAINED: seen.explained, AVOIDED: seen.avoided}
    return counters[DIFFERENCES[name].treatment][name]


def report(seen: Seen) -> str:
    """What was reached, as tables."""
    lines = [f"{'engine':8} {'conditions':>10} {'pairs':>9} {'explained':>9}"]
    for engine, pairs in sorted(seen.pairs.items()):
        explained = sum(n for name, n in seen.explained.items() if name.startswith(engine))
        lines.append(f"{engine:8} {seen.conditions[engine]:10} {pairs:9} {explained:9}")
    values: list[Truth] = [True, False, None]
    heads = [f"{engine} {value}" for engine in sorted(seen.pairs) for value in values]
    lines.append(f"{'operator':22}" + "".join(f"{head:>14}" for head in heads))
    for op in sorted({op for _, op, _ in seen.outcomes}):
        counts = [seen.outcomes[engine, op, v] for engine in sorted(seen.pairs) for v in values]
        lines.append(f"{op:22}" + "".join(f"{count:14}" for count in counts))
    units = {TRANSLATED: "pairs compared", EXPLAINED: "pairs differ", AVOIDED: "draws turned away"}
    for entry in DIFFERENCES.values():
        if seen.pairs[entry.engine]:
            count = count_of(seen, entry.id)
            lines.append(f"{entry.id:28} {entry.treatment:11} {count:9} {units[entry.treatment]}")
    lines.append(f"{sum(seen.pairs.values())} pairs, none of them differs unexplained")
    return "\n".join(lines)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 40))
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--batches", type=int, help="so many batches instead of so many seconds")
    parser.add_argument("--engine", choices=sorted(ENGINES), help="this one alone")
    options = parser.parse_args()
    engines = [options.engine] if options.engine else sorted(ENGINES)
    versions = ", ".join(ENGINES[name]().version for name in engines)
    print(f"seed {options.seed}, daemon {wire.tamisd()}, {versions}", flush=True)
    try:
        seen = run(options.seed, options.seconds, engines, options.batches)
    except Failure as failure:
        print(failure)
        return 1
    print(report(seen))
    for line in unreached(seen, engines):
        print("not reached:", line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
