"""tamisd --stdio --files: it opens what its parent names, and nothing without the option."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from daemon import TAMISD, Listening, Stdio

from wire import KIND, frame


def ask(path: Path, *options: str) -> dict[str, object]:
    """The last reply to a FILTER that counts the rows of the file."""
    with Stdio(*options) as stdio:
        told = {"result": "count"}
        request = frame("FILTER", 2, "a > 1", told, ["file", "jsonl", os.fsencode(path)])
        stdio.wire.send(request)
        message = stdio.wire.recv_last(2)
        assert message[0] in (KIND["DONE"], KIND["ERROR"])
        assert ("payload.file" in stdio.welcome["capabilities"]) == bool(options)
        answer: dict[str, object] = message[2]
        return answer


def test_it_is_for_those_who_ask_for_it(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"a":1}\n{"a":2}\n{"a":3}')
    assert ask(path, "--files")["matched"] == 2
    assert ask(path)["name"] == "BAD_PAYLOAD"


def test_only_regular_files(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    for path in (fifo, tmp_path, Path("/dev/zero")):
        message = ask(path, "--files")["message"]
        assert isinstance(message, str)
        assert "not a regular file" in message
    secret = ask(tmp_path / "none", "--files")["message"]
    assert isinstance(secret, str)
    assert "No such file" in secret


def test_a_listening_daemon_opens_nothing(tmp_path: Path) -> None:
    run = subprocess.run(
        [TAMISD, "--listen", str(tmp_path / "s"), "--files"], capture_output=True, text=True
    )
    assert run.returncode == 2
    assert "--files goes with --stdio" in run.stderr
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"a":2}\n')
    with Listening() as daemon:
        wire = daemon.connect()
        told = wire.ask(frame("FILTER", 2, "a > 1", None, ["file", "jsonl", os.fsencode(path)]))
        assert told[2]["name"] == "BAD_PAYLOAD"
