"""Fixtures: the fake daemon in any behaviour, the real one, and a client of each."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Callable

import pytest
from hypothesis import HealthCheck, settings

# Whatever folder the tests are started from.
sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1])]

from daemons import fake_command, real_daemon  # noqa: E402

import tamis  # noqa: E402

# No test fails since a machine is slow; and where a change is judged, always on the same examples.
settings.register_profile(
    "untimed",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize="TAMIS_CI" in os.environ,
)
settings.load_profile("untimed")


@pytest.fixture
def tamisd() -> str:
    """Path of the real daemon; the test is skipped where none is built."""
    path = real_daemon()
    if path is None:
        pytest.skip("TAMISD is not set")
    return path


@pytest.fixture
def fake() -> Iterator[Callable[..., tamis.Client]]:
    """Makes clients of fake daemons, and closes them."""
    made: list[tamis.Client] = []

    def make(behaviour: str = "", **options: object) -> tamis.Client:
        made.append(tamis.Client(fake_command(behaviour), **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.fixture(params=["fake", "tamisd"])
def client(request: pytest.FixtureRequest) -> Iterator[tamis.Client]:
    """A client of the fake and of the real daemon, for what both can do."""
    if request.param == "fake":
        command = fake_command()
    else:
        path = real_daemon()
        if path is None:
            pytest.skip("TAMISD is not set")
        command = [path]
    with tamis.Client(command, timeout=30) as made:
        yield made


@pytest.fixture
def real(tamisd: str) -> Iterator[tamis.Client]:
    """A client of the real daemon."""
    with tamis.Client(tamisd, timeout=60) as made:
        yield made
