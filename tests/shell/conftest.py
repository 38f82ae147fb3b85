"""The shell tests run the built command: the one of $TAMIS_BUILD, or of build/dev."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.shell.command import TAMIS
from tests.shell.service import Service


def pytest_configure(config: pytest.Config) -> None:
    """Refuses to start without a command to test."""
    if not os.access(TAMIS, os.X_OK):
        raise pytest.UsageError(f"there is no command at {TAMIS}: build it or set TAMIS_BUILD")


@pytest.fixture
def file(tmp_path: Path) -> Callable[[str, bytes], str]:
    """file(name, content) -> path of a new file."""

    def make(name: str, content: bytes) -> str:
        path = tmp_path / name
        path.write_bytes(content)
        return str(path)

    return make


@pytest.fixture(scope="session")
def service() -> Iterator[Service]:
    """One for all tests that do not end it."""
    with Service() as one:
        yield one
