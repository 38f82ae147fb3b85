"""The row readers against libcsv and msgpack-c as a program:
`python -m tests.diff.oracle_run --seconds S [--seed N] [--oracle libcsv|msgpack-c]`.

Prints its seed and what was met. At a difference that is in no list it prints the document, and the
exit status is 1.
"""

from __future__ import annotations

import argparse
import itertools
import random
import sys
import time
from collections.abc import Callable

from tests.diff import oracle_csv, oracle_msgpack
from tests.diff.oracle import Seen, Wrong

DOCUMENTS = 400  # of one batch: they are read with the same options


def csv_batch(rng: random.Random, seen: Seen) -> None:
    """Raises Wrong."""
    dialect = oracle_csv.Dialect.of(rng)
    documents = [oracle_csv.document(rng, dialect) for _ in range(DOCUMENTS)]
    oracle_csv.Judge(dialect, seen).judge(documents)


def msgpack_batch(rng: random.Random, seen: Seen) -> None:
    """Raises Wrong."""
    options: tuple[str, ...] = rng.choice([(), ("validate",), ("piece=1",), ("piece=7",)])
    documents = [oracle_msgpack.document(rng) for _ in range(DOCUMENTS)]
    oracle_msgpack.Judge(options, seen).judge(documents)


ORACLES: dict[str, Callable[[random.Random, Seen], None]] = {
    "libcsv": csv_batch,
    "msgpack-c": msgpack_batch,
}


def run(oracle: str, seed: int, seconds: float, batches: int | None = None) -> Seen:
    """Compares from seed on, for so many seconds or batches. Raises Wrong."""
    seen = Seen()
    start = time.monotonic()
    for number in itertools.count():
        if number == batches or (batches is None and time.monotonic() - start >= seconds):
            return seen
        try:
            ORACLES[oracle](random.Random(seed + number), seen)
        except Wrong as problem:
            raise Wrong(f"seed {seed + number}: {problem}") from None
    raise AssertionError


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 40))
    parser.add_argument("--seconds", type=float, default=60.0, help="for each oracle")
    parser.add_argument("--oracle", choices=sorted(ORACLES), help="this one alone")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    for name in [options.oracle] if options.oracle else sorted(ORACLES):
        try:
            seen = run(name, options.seed, options.seconds)
        except Wrong as problem:
            print(problem)
            return 1
        print(f"{name}: {seen.documents} documents, {seen.rows} rows, {seen.refused} refused")
        for difference, count in sorted(seen.met.items()):
            print(f"  {difference:26} {count}")
        for difference in seen.unmet(name):
            print(f"  not met: {difference}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
