"""The shared cases as a program: `python -m tests.cases.run` prints a table of all files, with pass
counts, the rules that decide cases otherwise, and what the language lacks.

With --list it also names those cases; wrong ones are always told. Exit status 1 if any is wrong.
"""

from __future__ import annotations

import argparse
import sys

from tests.cases import load, suites
from tests.cases.outcome import (
    DECIDED,
    OUTSIDE,
    TABLE_HEAD,
    WRONG,
    Outcome,
    describe,
    reasons,
    table_row,
)
from tests.lib.wire import Connection


def print_reasons(every: list[Outcome]) -> None:
    """The rules that decide cases, and what the language lacks, each with its count."""
    for verdict, title in ((DECIDED, "decided by"), (OUTSIDE, "outside the language:")):
        for why, count in reasons(every, verdict):
            print(f"{title} {why}: {count}")


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--list", action="store_true", help="name the cases decided and outside")
    parser.add_argument("--wrong", type=int, default=20, help="wrong cases to tell, of each file")
    parser.add_argument("files", nargs="*", help="names of case files (default: all)")
    options = parser.parse_args()
    if not load.directory().is_dir():
        print(f"{load.directory()} is not there", file=sys.stderr)
        return 2
    print(TABLE_HEAD)
    every: list[Outcome] = []
    told: list[str] = []
    with Connection.spawn() as connection:
        for name in options.files or suites.judged():
            outcomes = suites.run(connection, name)
            print(table_row(name, outcomes), flush=True)
            wrong = [o for o in outcomes if o.verdict == WRONG]
            told += [f"{name} {describe(o)}" for o in wrong[: options.wrong]]
            if options.list:
                told += [
                    f"{name} {describe(o)}" for o in outcomes if o.verdict in (DECIDED, OUTSIDE)
                ]
            every += outcomes
    print(table_row("all", every))
    for name in [] if options.files else suites.files():
        if suites.runner_of(name) is None:
            print(
                f"{name:30} {sum(1 for _ in load.lines(load.directory() / name)):6} later: "
                f"{suites.LATER[name]}"
            )
    print_reasons(every)
    print("\n".join(told))
    return int(any(o.verdict == WRONG for o in every))


if __name__ == "__main__":
    sys.exit(main())
