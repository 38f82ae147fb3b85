"""Reports: Markdown for people, one file a workload, its charts as PNGs beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.chart import Chart


def brief(value: float) -> str:
    """A number with three digits that count, or all of those before the point."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


@dataclass(frozen=True)
class Table:
    """A table; the first column is text, the others are right-aligned."""

    title: str
    head: Sequence[str]
    lines: Sequence[Sequence[str]]

    def markdown(self) -> str:
        widths = [
            max(len(line[i]) for line in (self.head, *self.lines)) for i in range(len(self.head))
        ]

        def line(cells: Sequence[str]) -> str:
            first = cells[0].ljust(widths[0])
            rest = [cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True)]
            return "| " + " | ".join([first, *rest]) + " |"

        rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
        return "\n".join(
            [f"### {self.title}", "", line(self.head), line(rule), *map(line, self.lines)]
        )


@dataclass(frozen=True)
class Aim:
    """Something a measure was held against."""

    text: str
    measured: str
    met: bool


@dataclass
class Report:
    title: str
    says: str
    """What the figures say and which of the ways of use this is, in a sentence or two."""
    tables: list[Table] = field(default_factory=list)
    aims: list[Aim] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    charts: list[Chart] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)
    """What tamis itself took, each in a unit of its own of which less is better: what bench/compare
    holds two commits against each other by."""

    def keep(self, folder: Path, name: str, machine: Sequence[str]) -> None:
        """Writes NAME.md and its charts. OSError if it cannot."""
        folder.mkdir(exist_ok=True)
        for chart in self.charts:
            chart.draw(folder / f"{name}{chart.suffix}.png")
        pictures = [f"![{c.title}]({name}{c.suffix}.png)" for c in self.charts]
        (folder / f"{name}.md").write_text(self.markdown(machine, pictures))

    def markdown(self, machine: Sequence[str], pictures: Sequence[str] = ()) -> str:
        parts = [f"# {self.title}", self.says, *pictures]
        if self.aims:
            parts.append(
                "\n".join(
                    f"- {'met' if aim.met else 'NOT MET'}: {aim.text}: {aim.measured}"
                    for aim in self.aims
                )
            )
        parts += [table.markdown() for table in self.tables]
        if self.notes:
            parts.append("\n".join(f"- {note}" for note in self.notes))
        parts.append("Machine and versions:\n\n" + "\n".join(f"- {fact}" for fact in machine))
        return "\n\n".join(parts) + "\n"
