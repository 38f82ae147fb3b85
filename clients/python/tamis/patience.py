"""How long an answer is looked for before the thread sleeps until it comes.

Being put to sleep and woken takes 10 microseconds and more, where the daemon runs on another
processor, and a small question less than that. So who waits looks for a while first. An answer that
does not come in that time is waited for asleep, and the next ones are not looked for, the more of
them, the longer that goes on: they take longer, or all processors are busy, and looking would only
keep the daemon from one.
"""

from __future__ import annotations

import os
from itertools import repeat
from typing import Any, Callable

LOOKS = 40
"""How often: each is a poll() that does not wait, 0.3 microseconds and more."""

MOST_RESTS = 63
"""Answers that are not looked for after one that did not come in time, at most."""


def helps_here() -> bool:
    """Whether this process may run on several processors: with one alone the daemon could not
    answer meanwhile."""
    try:
        return len(os.sched_getaffinity(0)) > 1
    except (AttributeError, OSError):  # not on Linux
        return False


def look(poll: Callable[[int], Any]) -> bool:
    """Whether poll(0), which does not wait, finds something within LOOKS looks. In C code."""
    return any(map(poll, repeat(0, LOOKS)))


class Patience:
    """What came of it for answers of one kind: those that come soon, or late, will again."""

    __slots__ = ("missed", "rests")

    def __init__(self) -> None:
        self.missed = 0  # grows with those that did not come in time; 0 when one did
        self.rests = 0  # so many are not to be looked for

    def miss(self) -> None:
        """One did not come in time."""
        self.missed = self.rests = min(2 * self.missed + 1, MOST_RESTS)
