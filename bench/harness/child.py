"""Children: C contestants that serve runs, and bare pipes to a child."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from harness.race import Answer

PIPE_BYTES = 1 << 20


class ChildFailed(Exception):
    """A child ended or said something else than it should."""


class ProgramContestant:
    """A program of programs/contestant.h: one line in, one run, one line out.

    `answers` is false for a program that knows no query: then only its number of rows counts.
    """

    def __init__(self, name: str, command: Sequence[str | Path], answers: bool = True) -> None:
        self.name = name
        self._answers = answers
        self._child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def run(self) -> tuple[float, Answer]:
        """One run. Raises ChildFailed if the program ended; its reason is on stderr."""
        stdin, stdout = pipes(self._child)
        try:
            stdin.write(b"\n")
            stdin.flush()
        except BrokenPipeError:
            pass  # the line below is then empty
        line = stdout.readline().split()
        if len(line) != 4:
            raise ChildFailed(f"{self.name}: no answer, status {self._child.wait()}")
        taken, rows, matched, row_hash = map(int, line)
        answer = Answer(rows, matched, row_hash) if self._answers else Answer(rows)
        return taken / 1e9, answer

    def close(self) -> None:
        stop(self._child)


def spawn(command: Sequence[str | Path]) -> subprocess.Popen[bytes]:
    """A child on unbuffered pipes of 1 MiB, as the client makes them."""
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
        pipesize=PIPE_BYTES,
    )


def pipes(child: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    """The child's stdin and stdout."""
    if child.stdin is None or child.stdout is None:
        raise ChildFailed("the child has no pipes")
    return child.stdin, child.stdout


def stop(child: subprocess.Popen[bytes], seconds: float = 10.0) -> int:
    """Ends the child by end of input, or by force after `seconds`; gives its status."""
    stdin, stdout = pipes(child)
    try:
        stdin.close()
    except BrokenPipeError:
        pass
    try:
        return child.wait(seconds)
    except subprocess.TimeoutExpired:
        child.kill()
        return child.wait()
    finally:
        stdout.close()


def peak_bytes(pid: int) -> int:
    """The most memory a process has held so far (VmHWM), in bytes. OSError if it is gone."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise OSError(f"no VmHWM for process {pid}")
