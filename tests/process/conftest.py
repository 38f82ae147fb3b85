"""The process tests run the real daemon: $TAMISD, or build/dev/tamisd.

A test that needs a tool of the system (systemd-socket-activate ...) is skipped where the tool is
absent, but fails under TAMIS_CI=1: a check that silently stops running is worse than none.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from daemon import TAMISD
from tables import ROWS

from tests.lib.wire import Connection


def pytest_configure(config: pytest.Config) -> None:
    """Refuses to start without a daemon to test."""
    if not os.access(TAMISD, os.X_OK):
        raise pytest.UsageError(f"there is no daemon at {TAMISD}: build it or set TAMISD")


@pytest.fixture
def need_tool() -> Callable[[str], str]:
    """need_tool(name) -> path of the program, or the test is skipped (fails under TAMIS_CI=1)."""

    def need(name: str) -> str:
        path = shutil.which(name)
        if path:
            return path
        if os.environ.get("TAMIS_CI") == "1":
            pytest.fail(f"{name} is not installed")
        pytest.skip(f"{name} is not installed")

    return need


@pytest.fixture
def client() -> Iterator[Connection]:
    with Connection.spawn() as one:
        yield one


@pytest.fixture
def people(client: Connection) -> tuple[Connection, int]:
    table = client.create("people", key="id")
    client.load(table, [["maps", ROWS[:400]], ["maps", ROWS[400:]]])
    return client, table
