"""Starting, watching and ending tamisd processes."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Self

from wire import Wire

ROOT = Path(__file__).resolve().parents[2]
TAMISD = os.environ.get("TAMISD", str(ROOT / "build" / "dev" / "tamisd"))

# What memory assertions must allow for: the sanitizers keep freed memory and shadows of all.
_binary = Path(TAMISD).read_bytes() if os.path.exists(TAMISD) else b""
SANITIZED = b"__asan_init" in _binary or b"__tsan_init" in _binary
MEMORY_FACTOR = 8 if SANITIZED else 1
SMALL_QUARANTINE = {"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=4"}


def wait_until(check: Callable[[], bool], timeout: float = 60.0) -> None:
    """Looks every 10 ms; TimeoutError after `timeout` seconds."""
    until = time.monotonic() + timeout
    while not check():
        if time.monotonic() > until:
            raise TimeoutError("it did not happen")
        time.sleep(0.01)


class Daemon:
    """A running tamisd. As a context it is killed at the end, if it still runs."""

    def __init__(
        self,
        *options: str,
        stdin: int | IO[bytes] = subprocess.PIPE,
        stdout: int | IO[bytes] = subprocess.PIPE,
        preexec: Callable[[], None] | None = None,
        env: Mapping[str, str] | None = None,
        argv: list[str] | None = None,
        pass_fds: tuple[int, ...] = (),
    ) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (closed by __exit__)
        self.process = subprocess.Popen(
            argv or [TAMISD, *options],
            stdin=stdin,
            stdout=stdout,
            stderr=self._errors,
            preexec_fn=preexec,
            env={**os.environ, **SMALL_QUARANTINE, **(env or {})},
            pass_fds=pass_fds,
        )
        self.wires: list[Wire] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for wire in self.wires:
            wire.close()
        for stream in (self.process.stdin, self.process.stdout):
            if stream:
                stream.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._errors.close()

    def errors(self) -> str:
        """What it has written to stderr so far."""
        # pread: the daemon writes at the offset of this same open file, which must not move
        return os.pread(self._errors.fileno(), 1 << 20, 0).decode(errors="replace")

    def wait(self, timeout: float = 20.0) -> int:
        """Its exit status; -n if signal n killed it."""
        return self.process.wait(timeout)

    def stop(self) -> int:
        """SIGTERM, and the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.wait()

    def rss(self) -> int:
        """Resident memory in bytes."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise AssertionError("no VmRSS")

    def cpu(self) -> float:
        """Processor time used so far, in seconds."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Stdio(Daemon):
    """tamisd --stdio on two pipes."""

    def __init__(
        self, *options: str, preexec: Callable[[], None] | None = None, greet: bool = True
    ) -> None:
        super().__init__("--stdio", *options, preexec=preexec)
        assert self.process.stdin and self.process.stdout
        # The wire gets descriptors of its own, so that closing them does not confuse Popen's.
        self.wire = Wire(os.dup(self.process.stdout.fileno()), os.dup(self.process.stdin.fileno()))
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.stdin = self.process.stdout = None
        self.wires.append(self.wire)
        if greet:
            self.welcome = self.wire.greet()


class Listening(Daemon):
    """tamisd --listen on a socket in a folder of its own."""

    def __init__(
        self,
        *options: str,
        path: str | None = None,
        preexec: Callable[[], None] | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="tamis-")
        self.path = path or f"{self._folder.name}/tamisd.sock"
        super().__init__(
            "--listen", self.path, *options, stdin=subprocess.DEVNULL, preexec=preexec, env=env
        )
        wait_until(lambda: self.process.poll() is not None or "listening on" in self.errors())

    def __exit__(self, *args: object) -> None:
        super().__exit__(*args)
        self._folder.cleanup()

    def connect(self, greet: bool = True) -> Wire:
        """A new connection."""
        wire = connect(self.path)
        self.wires.append(wire)
        if greet:
            wire.greet()
        return wire


def connect(path: str) -> Wire:
    """A connection to a Unix socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
        s.settimeout(10)
        s.connect(path)
        fd = s.detach()
    return Wire(fd, fd)


def run_stdio(data: bytes, *options: str, timeout: float = 30.0) -> tuple[bytes, str, int]:
    """Feeds all of data to tamisd --stdio: its output, its stderr and its exit status."""
    done = subprocess.run(
        [TAMISD, "--stdio", *options], input=data, capture_output=True, timeout=timeout, check=False
    )
    return done.stdout, done.stderr.decode(), done.returncode
