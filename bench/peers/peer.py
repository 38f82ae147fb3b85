"""What the peers of resident rows look like to the workload."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


class PeerMissing(Exception):
    """A peer that this machine cannot have, and why: it is left out of the race."""


def nothing() -> None:
    """What a peer does that has nothing to do."""


@dataclass(frozen=True)
class Peer:
    """One way to ask rows that were loaded already. A query that it has no good form for is absent."""

    name: str
    indices: Mapping[str, Callable[[], Any]] = field(default_factory=dict)
    """By query: the numbers of the matching rows, in whatever numpy.asarray takes, unsorted if so
    noted."""
    count: Mapping[str, Callable[[], int]] = field(default_factory=dict)
    """By query: how many rows match."""
    close: Callable[[], None] = nothing
