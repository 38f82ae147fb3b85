"""The shared cases as a program: `python -m tests.cases.run` prints a table of pass counts by file.

With --list it also names the cases that a rule of SEMANTICS.md decides; wrong ones are always told.
Exit status 1 if any is wrong.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter

from tests.cases import decode, load, where
from tests.lib.wire import Connection


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--list", action="store_true", help="name the cases that a rule decides")
    parser.add_argument("--wrong", type=int, default=20, help="wrong cases to tell, of each file")
    parser.add_argument("files", nargs="*", help="names of where_*.jsonl files (default: all)")
    options = parser.parse_args()
    if not load.directory().is_dir():
        print(f"{load.directory()} is not there", file=sys.stderr)
        return 2
    print(where.TABLE_HEAD)
    every: list[where.Outcome] = []
    told: list[str] = []
    with Connection.spawn() as connection:
        for name in options.files or load.where_files():
            outcomes = where.run_cases(connection, load.where_cases(load.directory() / name))
            print(where.table_row(name, outcomes), flush=True)
            wrong = [o for o in outcomes if o.verdict == where.WRONG]
            told += [where.describe(o) for o in wrong[: options.wrong]]
            every += outcomes
        print(where.table_row("all", every))
        decoded = (
            []
            if options.files
            else decode.run_decode(connection, load.directory() / "msgpack_decode.jsonl")
        )
    print(f"msgpack_decode: {decode.report(decoded)}" if decoded else "")
    for verdict, title in ((where.DECIDED, "decided by"), (where.OUTSIDE, "outside the language:")):
        for why, count in sorted(Counter(o.why for o in every if o.verdict == verdict).items()):
            print(f"{title} {why}: {count}")
    if options.list:
        for outcome in every:
            if outcome.verdict == where.DECIDED:
                print(
                    f"{outcome.case.file} {outcome.case.name}: {outcome.case.where}: {outcome.why}"
                )
    print("\n".join(told), decode.sample(decoded), sep="\n")
    return int(any(o.verdict == where.WRONG for o in every) or any(o.wrong for o in decoded))


if __name__ == "__main__":
    sys.exit(main())
