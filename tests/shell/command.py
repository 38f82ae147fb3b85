"""Running tamis: to its end, or beside the test with its pipes open."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

ROOT = Path(__file__).resolve().parents[2]
TAMIS = os.path.join(os.environ.get("TAMIS_BUILD", ROOT / "build" / "dev"), "tamis")

_binary = Path(TAMIS).read_bytes() if os.path.exists(TAMIS) else b""
SANITIZED = b"__asan_init" in _binary or b"__tsan_init" in _binary
SECONDS = 60.0  # after which a command that runs to its end is stuck


@dataclass(frozen=True)
class Done:
    """What a command has left: its output, what it said, its status (-n: signal n)."""

    out: bytes
    err: str
    status: int

    @property
    def stats(self) -> dict[str, Any]:
        """The line of --stats."""
        found: dict[str, Any] = json.loads(self.err.splitlines()[-1])
        return found


def run(*arguments: str, stdin: bytes | IO[bytes] = b"", cwd: str | Path | None = None) -> Done:
    """Runs tamis to its end."""
    pipe = stdin if isinstance(stdin, bytes) else None
    done = subprocess.run(
        [TAMIS, *arguments],
        input=pipe,
        stdin=None if isinstance(stdin, bytes) else stdin,
        capture_output=True,
        cwd=cwd,
        timeout=SECONDS,
        check=False,
    )
    return Done(done.stdout, done.stderr.decode(errors="replace"), done.returncode)


def rows(*arguments: str, stdin: bytes | IO[bytes] = b"", cwd: str | Path | None = None) -> bytes:
    """What it prints, of a run that must go well and say nothing."""
    done = run(*arguments, stdin=stdin, cwd=cwd)
    assert (done.status, done.err) == (0, "")
    return done.out


def lines(*values: Any) -> bytes:
    """JSON lines."""
    return b"".join(json.dumps(value).encode() + b"\n" for value in values)


class Running:
    """A command that runs; killed at the end of the context if it still does."""

    def __init__(
        self,
        *arguments: str,
        stdin: int | IO[bytes] = subprocess.PIPE,
        stdout: int | IO[bytes] = subprocess.PIPE,
        preexec: Callable[[], None] | None = None,
    ) -> None:
        self.process = subprocess.Popen(
            [TAMIS, *arguments],
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.PIPE,
            bufsize=0,
            preexec_fn=preexec,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream:
                stream.close()
        self.process.wait()

    def write(self, data: bytes) -> None:
        """All of the bytes to its standard input."""
        assert self.process.stdin
        view = memoryview(data)
        while view:
            view = view[self.process.stdin.write(view) :]

    def read(self, seconds: float = 20.0) -> bytes:
        """What it has written by now; waits for something. b"": the end."""
        assert self.process.stdout
        until = time.monotonic() + seconds
        os.set_blocking(self.process.stdout.fileno(), False)
        while time.monotonic() < until:
            data: bytes | None = self.process.stdout.read(1 << 20)
            if data is not None:
                return data
            time.sleep(0.001)
        raise TimeoutError("it has written nothing")

    def wait(self, seconds: float = 20.0) -> int:
        """Its status."""
        return self.process.wait(seconds)

    def errors(self) -> str:
        """What it has said, once it has ended."""
        assert self.process.stderr
        return self.process.stderr.read().decode(errors="replace")

    def peak_bytes(self) -> int:
        """The most memory that it has had so far; 0 once it has ended."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
        return 0


def few_bytes_of_memory(limit: int) -> Callable[[], None]:
    """For `preexec`: bounds the address space."""

    def set_limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

    return set_limit
