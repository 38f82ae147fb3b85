"""bench/compare REV1 REV2 [workload...]: two commits against each other: noise or change.

Builds both commits in a temporary folder, then runs tamis's part of the workloads (this tree's,
for both) in pairs, the order of the two alternating, and says for each figure whether it is noise or a
change: by the rule in harness/verdict.py. Ends with 0 if all is noise, 1 if something has changed, 2 if
the two could not be compared.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import workloads
from harness import verdict
from harness.bench import BENCH, ROOT

PAIRS = 12
ROUNDS = 3
NOISE, CHANGE, FAILED = 0, 1, 2

Figures = dict[str, float]


class CompareFailed(Exception):
    """A commit could not be built or run; the text says which and why."""


def _arguments(given: Sequence[str] | None) -> argparse.Namespace:
    known = workloads.names()
    text = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(prog="bench/compare", description=text[0], epilog=text[2])
    parser.add_argument("old", metavar="REV1", help="the commit to start from")
    parser.add_argument("new", metavar="REV2", help="the commit to judge")
    parser.add_argument("workload", nargs="*", help=f"of {', '.join(known)}; none: msgpack")
    parser.add_argument("--pairs", type=int, default=PAIRS, help=f"of runs ({PAIRS})")
    parser.add_argument(
        "--rounds", type=int, default=ROUNDS, help=f"a run, which counts as one ({ROUNDS})"
    )
    parser.add_argument("--small", action="store_true", help="50,000 rows")
    parser.add_argument("--cpu", type=int, help="put everything on this one core")
    read = parser.parse_intermixed_args(given)  # options anywhere, as in bench/run
    for name in read.workload:
        if name not in known:
            parser.error(f"unknown workload {name!r}, known are {', '.join(known)}")
    if read.pairs < verdict.fewest_pairs(1):
        parser.error(f"--pairs: at least {verdict.fewest_pairs(1)}, or no change can be told")
    if read.rounds < 2:
        parser.error("--rounds: at least 2")
    read.workload = read.workload or ["msgpack"]
    return read


def _git(*words: str | Path) -> str:
    done = subprocess.run(["git", "-C", ROOT, *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise CompareFailed(done.stderr.strip() or f"git {words[0]} failed")
    return done.stdout.strip()


def _commit(revision: str) -> str:
    """The commit that a revision names. Raises CompareFailed if there is none."""
    try:
        return _git("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
    except CompareFailed:
        raise CompareFailed(f"no commit {revision!r}") from None


def _quiet(what: str, command: Sequence[str | Path], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()[-20:]
        raise CompareFailed(f"{what} failed:\n" + "\n".join(said))


class Side:
    """One of the two commits: its tree, its build, and the figures of its runs."""

    def __init__(self, revision: str, commit: str, folder: Path) -> None:
        self.name = f"{revision} ({commit[:9]})"
        self._tree = folder
        self._commit = commit

    def build(self) -> None:
        print(f"building {self.name}", file=sys.stderr)
        _git("worktree", "add", "--detach", self._tree, self._commit)
        build = self._tree / "build" / "release"
        _quiet(f"configuring {self.name}", ["cmake", "--preset", "release"], self._tree)
        targets = ["tamisd", "tamis", "bench_programs"]
        _quiet(f"building {self.name}", ["cmake", "--build", build, "--target", *targets], build)

    def remove(self) -> None:
        """The tree's entry in the repository; its files go with the temporary folder."""
        if self._tree.exists():
            _git("worktree", "remove", "--force", self._tree)

    def run(self, options: Sequence[str]) -> Figures:
        """One run of the workloads: this tree's harness, that commit's programs and client."""
        out = self._tree / "build" / "figures.jsonl"
        out.unlink(missing_ok=True)
        build = self._tree / "build" / "release"
        command: list[str | Path] = [BENCH / "run", "--build", build, "--figures", out, *options]
        environment = os.environ | {"TAMIS_BENCH_CLIENT": str(self._tree / "clients" / "python")}
        done = subprocess.run(
            command,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            said = "\n".join(done.stderr.strip().splitlines()[-20:])
            raise CompareFailed(f"{self.name}: bench/run failed:\n{said}")
        figures: Figures = {}
        for line in out.read_text().splitlines():
            read = json.loads(line)
            figures |= {f"{read['workload']}: {n}": f for n, f in read["figures"].items()}
        return figures


def _options(given: argparse.Namespace) -> list[str]:
    options = ["--rounds", str(given.rounds)]
    if given.small:
        options.append("--small")
    if given.cpu is not None:
        options += ["--cpu", str(given.cpu)]
    return [*options, *given.workload]


def _measure(old: Side, new: Side, given: argparse.Namespace) -> dict[str, list[verdict.Pair]]:
    """The pairs of all figures that both commits have."""
    options = _options(given)
    pairs: dict[str, list[verdict.Pair]] = {}
    for turn in range(given.pairs):
        print(f"pair {turn + 1} of {given.pairs}", file=sys.stderr)
        runs = {side: side.run(options) for side in ((old, new) if turn % 2 == 0 else (new, old))}
        for name, value in runs[old].items():
            if name in runs[new]:
                pairs.setdefault(name, []).append((value, runs[new][name]))
    if not pairs:
        raise CompareFailed("the two have no figure in common")
    return pairs


def report(pairs: Mapping[str, Sequence[verdict.Pair]], old: str, new: str) -> tuple[str, int]:
    """What is printed, and the exit status."""
    verdicts = verdict.judge(pairs)
    width = max(len(name) for name in verdicts)
    lines = [f"{new} against {old}; below 1.00 it is faster"]
    for name, one in verdicts.items():
        lines.append(f"{name:{width}}  {one.ratio:6.3f}  p {one.chance:.4f}  {one.word}")
    changed = sum(one.change for one in verdicts.values())
    lines.append(f"{changed} of {len(verdicts)} figures changed")
    needed, had = verdict.fewest_pairs(len(verdicts)), min(map(len, pairs.values()))
    if had < needed:
        lines.append(f"{had} pairs cannot tell a change among so many figures: {needed} can")
    return "\n".join(lines), CHANGE if changed else NOISE


def main(arguments: Sequence[str] | None = None) -> int:
    given = _arguments(arguments)
    try:
        commits = [_commit(given.old), _commit(given.new)]
        with tempfile.TemporaryDirectory(prefix="tamis-compare-") as folder:
            old = Side(given.old, commits[0], Path(folder) / "old")
            new = Side(given.new, commits[1], Path(folder) / "new")
            try:
                old.build()
                new.build()
                pairs = _measure(old, new, given)
            finally:
                old.remove()
                new.remove()
        text, status = report(pairs, old.name, new.name)
    except CompareFailed as failure:
        print(f"bench/compare: {failure}", file=sys.stderr)
        return FAILED
    print(text)
    return status


if __name__ == "__main__":
    sys.exit(main())
