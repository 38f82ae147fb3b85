"""What the two oracles of the row readers have in common: the differences that are known, and how a
wrong answer is told.

docs/FORMATS.md, "Held to other parsers", has the same list for people. A difference is

  translated  what the oracle says is made into what the reader must say by that rule: compared
  explained   the reader must refuse where the rule says so, and the rows before are compared

Nothing else may differ, and a full run must meet each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.lib.readers import Reading

TRANSLATED, EXPLAINED = "translated", "explained"
DIFFERENCES = {
    "libcsv-blanks": TRANSLATED,
    "libcsv-blank-lines": TRANSLATED,
    "libcsv-mark": TRANSLATED,
    "libcsv-number-of-cells": TRANSLATED,
    "libcsv-carriage-return": EXPLAINED,
    "libcsv-behind-quote": EXPLAINED,
    "libcsv-open-quote": EXPLAINED,
    "libcsv-utf8": EXPLAINED,
    "msgpack-c-array": TRANSLATED,
    "msgpack-c-no-map": TRANSLATED,
    "msgpack-c-equal-keys": TRANSLATED,
    "msgpack-c-depth": TRANSLATED,
    "msgpack-c-count": EXPLAINED,
    "msgpack-c-timestamps": EXPLAINED,
}


class Wrong(AssertionError):
    """A difference that is in no list."""


@dataclass
class Seen:
    """What a run has met: documents, rows that were compared, refusals that were the same, and
    documents by difference."""

    documents: int = 0
    rows: int = 0
    refused: int = 0
    met: Counter[str] = field(default_factory=Counter)

    def meet(self, name: str) -> None:
        """One document more with this difference."""
        assert name in DIFFERENCES
        self.met[name] += 1

    def unmet(self, oracle: str) -> list[str]:
        """The differences of an oracle that no document had."""
        return [n for n in DIFFERENCES if n.startswith(oracle) and not self.met[n]]


@dataclass
class Refusal:
    """What the reader must refuse: one of these codes, and where, if that is known."""

    codes: tuple[str, ...]
    offset: int | None = None
    why: str = ""


def hold(
    about: str,
    reading: Reading,
    rows: Sequence[object],
    got: Sequence[object],
    refusal: Refusal | None,
) -> None:
    """The reader's rows and fault are those that are wanted. Raises Wrong."""
    for number, (is_, wanted) in enumerate(zip(got, rows, strict=False)):
        if is_ != wanted:
            raise Wrong(f"{about}: row {number} is {is_!r}, not {wanted!r}")
    if len(got) != len(rows):
        raise Wrong(f"{about}: {len(got)} rows, not {len(rows)}; {reading.faults}")
    fault = reading.faults[0] if reading.faults else None
    if (fault is None) != (refusal is None):
        raise Wrong(f"{about}: refused {fault}, wanted {refusal}")
    if fault is None or refusal is None:
        return
    if fault.row != len(got):
        raise Wrong(f"{about}: {fault} behind {len(got)} rows")
    if fault.code not in refusal.codes or refusal.offset not in (None, fault.offset):
        raise Wrong(f"{about}: refused {fault}, wanted {refusal}")
    if refusal.why not in fault.why:
        raise Wrong(f"{about}: refused {fault}, wanted {refusal}")
