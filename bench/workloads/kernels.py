"""kernels: the dense loops alone, at each level of SIMD: time, bandwidth and instructions a row."""

from __future__ import annotations

import csv
import subprocess
import sys
from dataclasses import dataclass

from harness.bench import Bench
from harness.report import Aim, Report, Table, brief

HEAD = ("kernel", "level", "ns, in cache", "ns, from memory", "GB/s", "of read", "instructions")
COMPARISONS = ("range_i64", "range_f64", "pair_i64", "pair_f64")
"""Of 64-bit integers and doubles, with constants and with each other."""
LEAST_SHARE = 0.7

SAYS = """\
The loops that tables are scanned with (src/kernel/dense.h), called for a segment of 65,536 rows at a
time: over the same segment again and again, which the cache holds, and over a column of 1 GiB, which
it does not. All figures but GB/s are a row. "Of read" is the share of what the best plain loop on one
thread reads from the same memory, measured in turns with the kernel; loops over strings and bitmaps
are measured in cache alone. Instructions are counted exactly, by executing them one by one."""


@dataclass(frozen=True)
class Line:
    """One loop at one level; None: not measured."""

    loop: str
    level: str
    cached_ns: float
    ns: float | None
    gb_s: float | None
    share: float | None
    instructions: float | None

    def cells(self) -> list[str]:
        figures = (self.cached_ns, self.ns, self.gb_s)
        share = "-" if self.share is None else f"{100 * self.share:.0f} %"
        counted = "-" if self.instructions is None else f"{self.instructions:.2f}"
        return [self.loop, self.level, *(_or_none(f) for f in figures), share, counted]


def _or_none(value: float | None) -> str:
    return "-" if value is None else brief(value)


def _number(text: str) -> float | None:
    return float(text) if text else None


def _output(bench: Bench, *options: str) -> list[str]:
    program = bench.program("dense_kernels")
    done = subprocess.run([program, *options], stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.splitlines()


def _rows(lines: list[str]) -> list[dict[str, str]]:
    return list(csv.DictReader((s for s in lines if not s.startswith("#")), delimiter="\t"))


def _lines(times: list[str], counts: list[str]) -> list[Line]:
    counted = {(c["level"], c["loop"]): _number(c["instructions"]) for c in _rows(counts)}
    return [
        Line(
            t["loop"],
            t["level"],
            float(t["cached_ns"]),
            _number(t["ns"]),
            _number(t["gb_s"]),
            _number(t["share"]),
            counted.get((t["level"], t["loop"])),
        )
        for t in _rows(times)
    ]


def run(bench: Bench) -> Report:
    report = Report("Kernels: the loops over tables alone", SAYS)
    print("kernels: times", file=sys.stderr)
    times = _output(bench)
    print("kernels: instructions", file=sys.stderr)
    lines = _lines(times, [] if bench.alone else _output(bench, "--instructions"))
    report.figures |= {f"{line.loop}, {line.level}": line.cached_ns for line in lines}
    best = lines[-1].level  # they come in the order of their power, the machine's best last
    for line in lines:
        if line.level == best and line.loop in COMPARISONS and line.share is not None:
            text = f"{line.loop}, {best}, from memory: of the bandwidth, at least 70 %"
            measured = f"{100 * line.share:.0f} %"
            report.aims.append(Aim(text, measured, line.share >= LEAST_SHARE))
    counted = sum(line.instructions is not None for line in lines)
    text = "kernels with their instructions a row, of all"
    report.aims.append(Aim(text, f"{counted} of {len(lines)}", counted == len(lines)))
    shown = sorted(lines, key=lambda line: [known.loop for known in lines].index(line.loop))
    report.tables.append(Table("a row of each kernel", HEAD, [line.cells() for line in shown]))
    for said in (s for s in times if s.startswith("#")):
        where, loop, speed = said.removeprefix("# ").split("\t")
        report.notes.append(f"best plain loop, {where}: {loop}: {speed} GB/s")
    return report
