"""A service to connect to: tamisd of the same build on a socket of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from typing import Self

from tests.shell.command import SECONDS, TAMIS

TAMISD = os.path.join(os.path.dirname(TAMIS), "tamisd")


def wait_until(check: Callable[[], bool], seconds: float = 60.0) -> None:
    """Looks every 10 ms; TimeoutError when it does not come true."""
    until = time.monotonic() + seconds
    while not check():
        if time.monotonic() > until:
            raise TimeoutError("it did not happen")
        time.sleep(0.01)


class Service:
    """tamisd --listen, ended with the context."""

    def __init__(self, *options: str) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="tamis-")
        self.path = f"{self._folder.name}/s"
        self.process = subprocess.Popen(
            [TAMISD, "--listen", self.path, *options],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_until(lambda: os.path.exists(self.path) or self.process.poll() is not None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        try:
            self.process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._folder.cleanup()

    def kill(self) -> None:
        """Without a last word."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def read_bytes(self) -> int:
        """What the process has read so far, by whatever way."""
        with open(f"/proc/{self.process.pid}/io", encoding="ascii") as counts:
            return int(counts.readline().split()[1])
