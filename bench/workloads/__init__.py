"""The workloads, one file each. A new file here is a new workload; nothing else names it.

A workload is a module with `run(bench: Bench) -> Report`. It compares answers before it reports
times (harness.race does), measures tamis and its peers in the same run, and says in its report
which way of use it is.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import Protocol, cast

from harness.bench import Bench
from harness.report import Report


class Workload(Protocol):
    def run(self, bench: Bench) -> Report: ...


def names() -> list[str]:
    """As one says them: resident-small is in resident_small.py."""
    return sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules(__path__))


def module(name: str) -> Workload:
    return cast(Workload, importlib.import_module(f"workloads.{name.replace('-', '_')}"))
