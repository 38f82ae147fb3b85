"""Fixtures: the fake daemon in any behaviour, the real one, and a client of each."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Callable, Optional

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]  # of the repository, if the tests are run in one
sys.path.insert(0, str(HERE.parent))

import tamis  # noqa: E402

FAKE = str(HERE / "fake_daemon.py")


def fake_command(behaviour: str = "") -> list[str]:
    """Arguments for Client: a fake daemon that behaves so."""
    return [sys.executable, "-S", "-c", BOOT, behaviour]


# -S and an explicit path: an interpreter that starts fast and finds msgpack all the same.
BOOT = f"import sys; sys.path[:0] = {sys.path!r}; import runpy; sys.argv[0] = {FAKE!r}; " + (
    f"runpy.run_path({FAKE!r}, run_name='__main__')"
)


def real_daemon() -> Optional[str]:
    """The tamisd to test against; under TAMIS_CI=1 there must be one."""
    path = os.environ.get("TAMISD")
    if not path and os.environ.get("TAMIS_CI") == "1":
        pytest.fail("TAMIS_CI=1 but TAMISD names no daemon")
    return path


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
