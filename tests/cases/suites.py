"""Which file is judged by what. A file that is not named here is an error, not a file less."""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TypeAlias

from tests.cases import decode, load, mongo, numbers, regex, ruler, where
from tests.cases.outcome import Outcome
from tests.lib.wire import Connection

Runner: TypeAlias = Callable[[Connection, Path], list[Outcome]]

SUITES: dict[str, Runner] = {
    "where_*.jsonl": where.run_cases,
    "mongo.jsonl": mongo.run_cases,
    "multi_ruler.jsonl": ruler.run_cases,
    "number_text.jsonl": numbers.run_cases,
    "regex_match.jsonl": regex.run_cases,
    "msgpack_decode.jsonl": decode.run_cases,
}

# What nothing can judge yet, and why.
LATER = {
    "json_parse.jsonl": "rows as JSON are not read yet",
    "csv_parse.jsonl": "rows as CSV are not read yet",
    "ruler_structured_unjudged.jsonl": "event patterns are not a form of query yet; no verdicts",
}


def runner_of(name: str) -> Runner | None:
    """What judges a file, or None for one of LATER. Raises KeyError for a file nobody knows."""
    for pattern, runner in SUITES.items():
        if fnmatchcase(name, pattern):
            return runner
    if name not in LATER:
        raise KeyError(name)
    return None


def files() -> list[str]:
    """The names of all case files, sorted; empty without the folder."""
    return sorted(path.name for path in load.directory().glob("*.jsonl"))


def judged() -> list[str]:
    """Those that are judged."""
    return [name for name in files() if runner_of(name) is not None]


def run(connection: Connection, name: str) -> list[Outcome]:
    """Judges a file."""
    runner = runner_of(name)
    if runner is None:
        raise ValueError(f"{name}: {LATER[name]}")
    return runner(connection, load.directory() / name)
