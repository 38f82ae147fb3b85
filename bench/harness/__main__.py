"""bench/run [workload...]: build, make the data, run, print and keep the reports."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import workloads
from harness import machine
from harness.bench import BENCH, ROOT, Bench, build_release

FIGURE_ROUNDS = 7


def _arguments() -> argparse.Namespace:
    known = workloads.names()
    parser = argparse.ArgumentParser(prog="bench/run", description=__doc__)
    parser.add_argument("workload", nargs="*", help=f"of {', '.join(known)}; none: all of them")
    parser.add_argument(
        "--rounds", type=int, default=FIGURE_ROUNDS, help="rounds a race; fewer than 7: not kept"
    )
    parser.add_argument("--small", action="store_true", help="50,000 rows: not kept")
    parser.add_argument("--cpu", type=int, help="put everything on this one core (as taskset does)")
    parser.add_argument("--build", type=Path, help="a built tree to use in place of build/release")
    parser.add_argument(
        "--figures",
        type=Path,
        metavar="FILE",
        help="only tamis: append its figures to FILE as JSON, a line a workload (for bench/compare)",
    )
    given = parser.parse_args()
    for name in given.workload:
        if name not in known:
            parser.error(f"unknown workload {name!r}, known are {', '.join(known)}")
    if given.rounds < 2:
        parser.error("--rounds: at least 2, for a spread")
    return given


def _each(given: argparse.Namespace, build: Path, names: Sequence[str]) -> int:
    """Each workload in a process of its own: none finds the memory, the threads or the caches of the
    one before. Stops at the first that fails."""
    options = ["--build", str(build), "--rounds", str(given.rounds)]
    options += ["--small"] * given.small
    options += ["--cpu", str(given.cpu)] if given.cpu is not None else []
    options += ["--figures", str(given.figures)] if given.figures else []
    for name in names:
        code = subprocess.call([sys.executable, "-m", "harness", *options, name])
        if code:
            return code
    return 0


def main() -> int:
    given = _arguments()
    build = given.build.resolve() if given.build else build_release()
    names = given.workload or workloads.names()
    if len(names) > 1:
        return _each(given, build, names)
    if given.cpu is not None:
        os.sched_setaffinity(0, {given.cpu})  # children inherit it
    bench = Bench(build, given.rounds, given.small, given.cpu, given.figures is not None)
    facts = machine.facts(ROOT, build, given.cpu)
    facts.append(f"medians of {given.rounds} rounds, contestants in turn")
    report = workloads.module(names[0]).run(bench)
    if given.figures:
        with given.figures.open("a") as out:
            out.write(json.dumps({"workload": names[0], "figures": report.figures}) + "\n")
        return 0
    print(report.markdown(facts), flush=True)
    if not given.small and given.rounds >= FIGURE_ROUNDS:  # a trial is no figure
        report.keep(BENCH / "results", names[0], facts)
    return 0


if __name__ == "__main__":
    sys.exit(main())
