"""The run at hand: where things are built, which rows, how many rounds."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import people

BENCH = Path(__file__).resolve().parent.parent
ROOT = BENCH.parent


@dataclass(frozen=True)
class Bench:
    build: Path
    """A built tree: tamisd in its root, our programs in bench/."""
    rounds: int
    small: bool
    """50,000 rows in place of 1,000,000: for trying things out, not for figures."""
    cpu: int | None
    """The one core that everything was put on, or None."""
    alone: bool = False
    """Only tamis, and what its answers are compared with: for comparing two of its commits."""

    @property
    def size(self) -> str:
        return "small" if self.small else "people"

    @property
    def tamisd(self) -> Path:
        return self.build / "tamisd"

    def program(self, name: str) -> Path:
        return self.build / "bench" / name

    def data(self, form: str, size: str | None = None) -> Path:
        """The people rows as a file, made now if they are not there."""
        return people.ensure(BENCH / "data", size or self.size, form)


def build_release() -> Path:
    """Configures and builds the release preset; raises CalledProcessError when that fails."""
    build = ROOT / "build" / "release"
    quiet = subprocess.DEVNULL
    subprocess.run(["cmake", "--preset", "release"], cwd=ROOT, check=True, stdout=quiet)
    targets = ["tamisd", "tamis", "bench_programs"]
    subprocess.run(["cmake", "--build", build, "--target", *targets], check=True, stdout=quiet)
    return build
