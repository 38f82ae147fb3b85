"""Reports: Markdown for people, one file a workload. Charts are to come beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


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

    def markdown(self, machine: Sequence[str]) -> str:
        parts = [f"# {self.title}", self.says]
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
