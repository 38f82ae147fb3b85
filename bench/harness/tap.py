"""A tap between the client and tamisd: what the client really sends, to be sent without it.

make() writes a small program that stands in for tamisd, runs the real one and keeps a copy of both
directions. Only for recording: no time is taken through a tap.
"""

from __future__ import annotations

import os
import shlex
import struct
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from harness import wire
from harness.child import ChildFailed


def make(directory: Path, tamisd: Path) -> Path:
    """Writes the stand-in program into `directory` and gives its path; the copies go there too."""
    program = directory / "tamisd"
    words = [sys.executable, str(Path(__file__).resolve()), str(directory), str(tamisd)]
    program.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
    program.chmod(0o700)
    return program


def frames(directory: Path, direction: str) -> list[bytes]:
    """The frames of one direction, "requests" or "replies", with their lengths."""
    data = (directory / direction).read_bytes()
    found = []
    at = 0
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        found.append(data[at : at + 4 + length])
        at += 4 + length
    return found


class Exchange:
    """The last EXECUTE of a recording: what led to it, itself, and its replies."""

    def __init__(self, directory: Path) -> None:
        requests = frames(directory, "requests")
        replies = frames(directory, "replies")
        heads: list[list[Any]] = [wire.unpack(request[4:]) for request in requests]
        places = [i for i, head in enumerate(heads) if head[0] == wire.KIND["EXECUTE"]]
        if not places:
            raise ChildFailed("the client sent no EXECUTE")
        self.before = requests[: places[0]]
        """Requests that lead up to it (HELLO, PREPARE), to be sent one by one."""
        self.request = requests[places[-1]]
        wanted = heads[places[-1]][1]
        kinds = (wire.KIND["RESULT"], wire.KIND["DONE"])
        ours = [r for r in replies if wire.unpack(r[4:])[0] in kinds]
        answer = [r for r in ours if wire.unpack(r[4:])[1] == wanted]
        self.frames = len(answer)
        self.reply = b"".join(answer)


def _copy(source: int, target: int, kept: Path) -> None:
    with kept.open("wb") as copy:
        while piece := os.read(source, 65536):
            copy.write(piece)
            copy.flush()
            left = memoryview(piece)
            while left:
                left = left[os.write(target, left) :]
    os.close(target)


def main(directory: Path, command: list[str]) -> int:
    # What the client hands down besides the pipes (shared memory) is the daemon's as well.
    pipe = subprocess.PIPE
    child = subprocess.Popen(command, stdin=pipe, stdout=pipe, bufsize=0, close_fds=False)
    assert child.stdin and child.stdout
    to, back = os.dup(child.stdin.fileno()), child.stdout.fileno()
    child.stdin.close()
    out = threading.Thread(target=_copy, args=(back, 1, directory / "replies"))
    out.start()
    _copy(0, to, directory / "requests")
    out.join()
    return child.wait()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
