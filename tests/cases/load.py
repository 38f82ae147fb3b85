"""Where the shared case files are, and what a line of them is.

The files are not part of the project: they are read from the folder that TAMIS_CASES names, or from
../shared/cases beside the project, and nothing of them is copied. Without them the tests are
skipped; with TAMIS_CI=1 their absence is a failure.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.lib import mp
from tests.lib.mp import Str, Value
from tests.lib.wire import ROOT, tamisd


def directory() -> Path:
    """The folder of the case files, which need not exist."""
    return Path(os.environ.get("TAMIS_CASES") or ROOT.parent / "shared" / "cases")


def required() -> Path:
    """The folder of the case files, for a test: skips (or fails, with TAMIS_CI=1) without it or the
    daemon.
    """
    for what, there in ((directory(), directory().is_dir()), (tamisd(), tamisd().exists())):
        if not there:
            reason = f"{what} is not there"
            if os.environ.get("TAMIS_CI") == "1":
                pytest.fail(reason)
            pytest.skip(reason)
    return directory()


@dataclass
class Case:
    """A WHERE case: rows as maps, a condition, and what must be kept.

    expect: indices, or None where the engines disagree (the *_differ files) or must refuse (error).
    """

    file: str
    name: str
    where: str
    rows: list[Value]
    level: str
    features: frozenset[str]
    expect: list[int] | None
    error: bool = False
    verdicts: dict[str, Any] = field(default_factory=dict)


def from_json(value: Any) -> Value:
    """A JSON value as a msgpack one: strings as their bytes, objects as maps."""
    if isinstance(value, str):
        return Str(value.encode("utf-8", "surrogatepass"))
    if isinstance(value, list):
        return [from_json(item) for item in value]
    if isinstance(value, dict):
        return mp.Map(tuple((from_json(key), from_json(item)) for key, item in value.items()))
    if value is None or isinstance(value, bool | int | float):
        return value
    raise TypeError(f"no JSON value: {value!r}")


def lines(path: Path) -> Iterator[dict[str, Any]]:
    """The JSON objects of a file."""
    with path.open(encoding="utf-8") as stream:
        for line in stream:
            yield json.loads(line)


def where_cases(path: Path) -> Iterator[Case]:
    """The cases of a where_*.jsonl file; rows_of names rows that an earlier line gave."""
    tables: dict[str, list[Value]] = {}
    for line in lines(path):
        if "table" in line:
            rows = [dict(zip(line["cols"], row, strict=True)) for row in line["rows"]]
            tables[line["table"]] = [from_json(row) for row in rows]
            continue
        expect = line.get("expect")
        yield Case(
            path.name,
            line["id"],
            line["where"],
            tables[line["rows_of"]] if "rows_of" in line else [from_json(r) for r in line["rows"]],
            line["level"],
            frozenset(line["feat"]),
            expect if isinstance(expect, list) and "differ" not in path.name else None,
            expect == "error",
            line.get("verdicts", {}),
        )
