"""The golden frames, both ways: decoded and made by the client, and played against the daemon."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import vectors
from vectors import Line

from tamis import connection as c
from tamis import encode
from tamis.connection import Connection
from tamis.errors import CODES
from tamis.frames import Decoder, Packer
from tamis.plans import Plan

FILES = sorted(vectors.FOLDER.glob("*.txt"))
EVERY = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


@pytest.mark.skipif(not vectors.FOLDER.exists(), reason="not run in the repository")
def test_there_are_vectors() -> None:
    assert len(FILES) >= 12


@EVERY
def test_the_frames_decode(path: Path) -> None:
    lines = vectors.read(path)
    for line in lines:
        if not line.sent:
            message = line.message
            assert message[0] >= c.WELCOME
            if message[0] == c.ERROR:
                details = message[2]
                assert CODES[details["code"]][0] == details["name"]
    whole = [line for line in lines if not line.sent]
    stream = b"".join(line.data for line in whole)
    assert Decoder(1 << 20).feed(stream) == [line.message for line in whole]


def made(line: Line, plan: Plan) -> Any:
    """The frame that the client makes for a message, None where it makes no such message."""
    packer = Packer()
    message = line.message
    if not isinstance(message, list) or len(message) < 2:
        return None
    kind, number, *rest = message
    if kind in (c.END, c.STATS) or (kind == c.PING and not rest):
        return packer.frame((kind, number))
    connection = Connection(packer)
    connection._last_id = number - 1
    if kind == c.CANCEL:
        return connection.cancel(connection.open(c.EXECUTE))
    if kind == c.CLOSE:
        return connection.close_plan(rest[0])
    if kind == c.HELLO and list(rest[0].values())[:2] == [1, []] and len(rest[0]) == 3:
        return connection.hello(rest[0]["client"])[1]
    if kind == c.PREPARE and len(rest) == 1:
        if isinstance(rest[0], str) and any("\udc80" <= x <= "\udcff" for x in rest[0]):
            return None  # no str of Python becomes these bytes
        return encode.frame_without_rows(packer, (kind, number, rest[0]), {})
    if kind == c.EXECUTE and rest[2] is None:
        return encode.frame_without_rows(packer, (kind, number, *rest), rest[1])
    if kind in (c.EXECUTE, c.ROWS) and rest[-1][0] == "columns" and rest[-1][2]:
        if isinstance(rest[-1][2][0][0], str):
            return None  # the client writes paths as arrays
        rows = rows_of(rest[-1])
        answer = [plan.number, {"fields": [list(x[0]) for x in rest[-1][2]], "params": []}]
        own = Plan("", answer)
        if kind == c.ROWS:
            return encode.rows_frame(packer, number, own, rows, 0)
        own.number = rest[0]
        return encode.execute_frame(packer, number, own, rest[1], rows, 0)
    return None


def rows_of(payload: list[Any]) -> list[dict[str, Any]]:
    """Rows that have these columns."""
    rows: list[dict[str, Any]] = [{} for _ in range(payload[1])]
    for path, _, values, _, present in payload[2]:
        for i, value in enumerate(values):
            if present is None or present[i // 8] >> i % 8 & 1:
                place = rows[i]
                for step in path[:-1]:
                    place = place.setdefault(step, {})
                place[path[-1]] = value
    return rows


def test_the_client_makes_the_same_frames() -> None:
    plan = Plan("", [1, {"fields": [], "params": []}])
    kinds = set()
    for path in FILES:
        for line in vectors.read(path):
            if not line.sent or not line.whole:
                continue
            try:
                message = line.message
            except Exception:
                continue  # a vector of garbage
            frame = made(line, plan)
            if frame is None:
                continue
            short = message[0] in (c.PING, c.CLOSE) or path.stem == "ping"
            if frame != line.data and short and b"\xcf" in line.data:
                continue  # an id in a width that a packer does not choose
            assert frame.hex() == line.data.hex(), f"{path.name}, line {line.number}"
            kinds.add(message[0])
    assert kinds == {c.HELLO, c.PREPARE, c.EXECUTE, c.ROWS, c.END, c.CANCEL, c.PING, c.CLOSE}


@EVERY
def test_the_client_understands_the_replies(path: Path) -> None:
    """Each reply that ends a request, given to a Connection that has such a request open."""
    for line in vectors.read(path):
        if line.sent:
            continue
        message = line.message
        connection = Connection(Packer())
        kind = next((k for k, v in c.ANSWER.items() if v == message[0]), c.EXECUTE)
        connection._last_id = message[1] - 1
        if message[1] == 0:
            continue
        if message[1] == c.QUICK:
            request = connection.open_quick(kind, None, None)
        else:
            request = connection.open(kind)
        connection.receive(line.data)
        assert request.finished == (message[0] != c.RESULT)
        if message[0] == c.ERROR:
            assert request.error is not None
            assert request.error.name == message[2]["name"]


@EVERY
def test_the_daemon_answers_so(path: Path, tamisd: str) -> None:
    daemon = subprocess.Popen([tamisd, "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert daemon.stdin is not None
    assert daemon.stdout is not None
    try:
        decoder = Decoder(1 << 20)
        waiting: list[Any] = []
        pairs = vectors.groups(vectors.read(path))
        auto = set()
        for n, (sent, expected) in enumerate(pairs):
            for line in sent:
                daemon.stdin.write(line.data)
                if b"\xa4auto" in line.data:
                    auto.add(line.message[1])
            daemon.stdin.flush()
            wanted = vectors.meaning([line.message for line in expected])
            if n == len(pairs) - 1:
                daemon.stdin.close()
                wanted_last = None
            else:
                wanted_last = sum(message[0] != c.RESULT for message in wanted)
            got: list[Any] = []
            while wanted_last is None or sum(m[0] != c.RESULT for m in got) < wanted_last:
                if waiting:
                    got.append(waiting.pop(0))
                    continue
                data = os.read(daemon.stdout.fileno(), 65536)
                if not data:
                    break
                waiting += decoder.feed(data)
            told = vectors.meaning(got)
            for message in [*told, *wanted]:
                if message[0] == c.RESULT and message[1] in auto:
                    message[2] = "auto"
            where = f"{path.name}, lines {expected[0].number} to {expected[-1].number}"
            assert len(told) == len(wanted), f"{where}: {told}, expected {wanted}"
            for one, other in zip(wanted, told):
                assert vectors.agrees(one, other), f"{where}: {other}, expected {one}"
        assert daemon.wait(20) == (2 if path.stem.startswith("truncated") else daemon.returncode)
    finally:
        daemon.kill()
        daemon.wait()
        daemon.stdin.close()
        daemon.stdout.close()
