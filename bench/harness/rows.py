"""The people rows as Python's dicts."""

from __future__ import annotations

import gc

from msgpack import Unpacker

from harness.bench import Bench
from harness.queries import Row


def load(bench: Bench, size: str) -> list[Row]:
    """The rows as dicts, frozen for the garbage collector, as long-lived rows would be."""
    gc.disable()
    with bench.data("msgpack", size).open("rb") as stream:
        rows = list(Unpacker(stream))
    gc.freeze()
    gc.enable()
    return rows


def first(bench: Bench, count: int) -> list[Row]:
    """The first few rows (at most 50,000)."""
    with bench.data("msgpack", "small").open("rb") as stream:
        unpacker = Unpacker(stream)
        return [next(unpacker) for _ in range(count)]
