"""Where the daemons of the tests are: the fake one in any behaviour, and the real one."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Optional

import pytest

import tamis

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]  # of the repository, if the tests are run in one
FAKE = str(HERE / "fake_daemon.py")


def fake_command(behaviour: str = "") -> list[str]:
    """Arguments for Client: a fake daemon that behaves so."""
    return [sys.executable, "-S", "-c", BOOT, behaviour]


# -S and an explicit path: an interpreter that starts fast and finds msgpack all the same.
BOOT = (
    f"import sys; sys.path[:0] = {[str(HERE), *sys.path]!r}; import runpy; sys.argv[0] = {FAKE!r}; "
    + (f"runpy.run_path({FAKE!r}, run_name='__main__')")
)


def real_daemon() -> Optional[str]:
    """The tamisd to test against; under TAMIS_CI=1 there must be one."""
    path = os.environ.get("TAMISD")
    if not path and os.environ.get("TAMIS_CI") == "1":
        pytest.fail("TAMIS_CI=1 but TAMISD names no daemon")
    return path


@contextlib.contextmanager
def listening(command: list[str], path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A daemon behind a socket, ready to be asked."""
    daemon = subprocess.Popen([*command, "--listen", str(path)])
    try:
        end = time.monotonic() + 20
        while True:
            with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
                probe.connect(str(path))
                break
            assert time.monotonic() < end
            time.sleep(0.01)
        yield daemon
    finally:
        daemon.kill()
        daemon.wait()


def check_a_load_that_is_given_up(client: tamis.Client, numbers: Sequence[int]) -> None:
    """While the daemon has not read what was lent or left: the table stays as it was, whatever
    becomes of the memory."""
    assert client.pid is not None
    table = client.create_table("t", {"a": [1, 2, 3]})
    given = array("q", numbers)
    os.kill(client.pid, signal.SIGSTOP)
    try:
        with pytest.raises(tamis.Timeout):
            table.append({"a": given}, timeout=0.2)
        for i in range(len(given)):
            given[i] = -1
        del given
    finally:
        os.kill(client.pid, signal.SIGCONT)
    assert table.filter() == [{"a": 1}, {"a": 2}, {"a": 3}]
    table.append({"a": array("q", numbers)})
    assert table.count("a = -1") == 0
    assert len(table) == len(numbers) + 3
