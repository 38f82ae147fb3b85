"""Bytes to a child and back, many times: a round trip with as little Python as there can be."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from harness.child import ChildFailed, pipes, spawn, stop

PATIENCE_S = 30


class RawCaller:
    """Bytes down a pipe and a known number of bytes back, with as little Python as there can be."""

    def __init__(
        self, name: str, command: Sequence[str | Path], request: bytes, reply_bytes: int
    ) -> None:
        self.name = name
        self._child = spawn(command)
        stdin, stdout = pipes(self._child)
        self._in, self._out = stdin.fileno(), stdout.fileno()
        self._request = request
        self._reply_bytes = reply_bytes

    def exchange(self, request: bytes, frames: int = 1) -> bytes:
        """One request of any kind, and the frames that come back."""
        os.write(self._in, request)
        return b"".join(self._frame() for _ in range(frames))

    def _frame(self) -> bytes:
        head = self._read(4)
        return head + self._read(int.from_bytes(head, "big"))

    def _read(self, size: int) -> bytes:
        read = b""
        while len(read) < size:
            if not select.select([self._out], [], [], PATIENCE_S)[0]:
                raise ChildFailed(f"{self.name}: no answer for {PATIENCE_S} s, after {read!r}")
            piece = os.read(self._out, size - len(read))
            if not piece:
                raise ChildFailed(f"{self.name}: ended after {read!r}")
            read += piece
        return read

    def block(self, calls: int) -> list[float]:
        write, read, clock = os.write, os.read, time.perf_counter
        to, back, request, size = self._in, self._out, self._request, self._reply_bytes
        taken = []
        for _ in range(calls):
            start = clock()
            write(to, request)
            got = len(read(back, 65536))
            while got < size:
                piece = len(read(back, 65536))
                if not piece:
                    raise ChildFailed(f"{self.name}: ended")
                got += piece
            taken.append(clock() - start)
        return taken

    def close(self) -> None:
        stop(self._child)


def placed(cpu: int | None) -> str:
    """What on_core() does, for people."""
    return "placed by the kernel" if cpu is None else f"all on core {cpu}"


@contextmanager
def on_core(cpu: int | None) -> Iterator[None]:
    """This process, and the children it starts meanwhile, on one core; None changes nothing."""
    before = os.sched_getaffinity(0)
    if cpu is not None:
        os.sched_setaffinity(0, {cpu})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
