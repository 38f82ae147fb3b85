"""--progress: how far it is, on standard error."""

from __future__ import annotations

import os
import re
import subprocess
import threading
import time
from collections.abc import Callable

from tests.shell.command import TAMIS, Running, lines, run

File = Callable[[str, bytes], str]

DATA = lines(*({"a": n} for n in range(100)))


def test_at_the_end(file: File) -> None:
    done = run("--progress", "a < 25", file("x.jsonl", DATA))
    assert done.status == 0
    assert re.fullmatch(
        r"tamis: 990 B, 100 rows \(25 % kept\), .+/s, 100 %, 0 s left\n", done.err
    ), done.err


def test_while_it_runs_and_the_size_is_not_known() -> None:
    with Running("--progress", "a < 25") as command:
        for _ in range(14):
            command.write(DATA)
            time.sleep(0.1)
        assert command.process.stdin
        command.process.stdin.close()
        assert command.wait() == 0
        said = command.errors().splitlines()
    assert len(said) >= 2
    for line in said:
        assert re.fullmatch(r"tamis: [\d.]+ kB, \d+ rows \([\d.]+ % kept\), .+/s", line), line
    assert said[-1].startswith("tamis: 14 kB, 1400 rows")


def terminal(*options: str, seconds: float, out: int) -> str:
    """What a terminal as standard error gets of a run of so many seconds."""
    ours, theirs = os.openpty()
    got = bytearray()

    def listen() -> None:
        try:
            while part := os.read(ours, 4096):
                got.extend(part)
        except OSError:
            pass

    with subprocess.Popen(
        [TAMIS, *options, "a < 25"], stdin=subprocess.PIPE, stdout=out, stderr=theirs, bufsize=0
    ) as command:
        os.close(theirs)
        reader = threading.Thread(target=listen)
        reader.start()
        assert command.stdin
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            command.stdin.write(DATA)
            time.sleep(0.05)
        command.stdin.close()
        assert command.wait(20) == 0
        reader.join()
    os.close(ours)
    return got.decode()


def test_at_a_terminal_without_being_asked() -> None:
    text = terminal(seconds=1.5, out=subprocess.DEVNULL)
    assert text.count("\r\x1b[Ktamis: ") >= 2 and " % kept), " in text
    assert text.endswith("\r\x1b[K"), "the line goes at the end"


def test_not_of_what_is_short_or_unwanted() -> None:
    assert terminal(seconds=0.1, out=subprocess.DEVNULL) == ""
    assert terminal("--no-progress", seconds=1.3, out=subprocess.DEVNULL) == ""
    assert run("a < 25", stdin=DATA).err == ""


def test_not_where_rows_go_to_a_terminal() -> None:
    ours, theirs = os.openpty()
    reader = threading.Thread(target=lambda: _drain(ours))
    reader.start()
    assert terminal(seconds=1.3, out=theirs) == ""
    os.close(theirs)
    reader.join()
    os.close(ours)


def _drain(descriptor: int) -> None:
    """Reads until there is nothing more to come."""
    try:
        while os.read(descriptor, 65536):
            pass
    except OSError:
        pass
