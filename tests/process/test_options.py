"""The command line."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable

import pytest
from daemon import ROOT, TAMISD, run_stdio

from wire import KIND, hello, limits, split

LIMITS = limits()


def tamisd(*options: str) -> subprocess.CompletedProcess[str]:
    """Runs it to its end with no input."""
    return subprocess.run(
        [TAMISD, *options],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def limit_of(name: str, *options: str) -> int:
    """The value of a limit as WELCOME tells it."""
    out, err, status = run_stdio(hello(), *options)
    assert (status, err) == (0, "")
    (welcome,) = split(out)[0]
    assert welcome[0] == KIND["WELCOME"]
    value: int = welcome[2]["limits"][name]
    return value


def test_help_names_every_limit() -> None:
    done = tamisd("--help")
    assert done.returncode == 0 and done.stderr == ""
    for name, (default, least, most) in LIMITS.items():
        assert f"--{name.replace('_', '-')} N" in done.stdout
        assert f"({default}; {least} to {most})" in done.stdout
    for option in (
        "--stdio",
        "--listen PATH",
        "--socket-mode",
        "--threads",
        "--drain-ms",
        "--busy-poll-us N",
        "--no-parent-watch",
        "--shared-memory FD",
        "--parent-memory",
        "--max-memory",
        "--version",
        "systemd:",
    ):
        assert option in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 100


def test_the_man_page_has_every_option() -> None:
    options, limits = tamisd("--help").stdout.split("\nLimits")
    known = set(re.findall(r"^  (--[\w-]+)", options, re.MULTILINE))
    page = (ROOT / "docs/tamisd.8.scd").read_text()
    heads = set(re.findall(r"^\*(--[\w-]+)\*", page, re.MULTILINE))
    assert {"--stdio", "--files", "--max-memory"} <= known and heads == known
    named = set(re.findall(r"\*(--[a-z-]+)\*", page)) - known
    assert named <= set(re.findall(r"^  (--[\w-]+)", limits, re.MULTILINE))


def test_the_man_page_is_made(need_tool: Callable[[str], str]) -> None:
    page = (ROOT / "docs/tamisd.8.scd").read_bytes()
    made = subprocess.run([need_tool("scdoc")], input=page, capture_output=True, check=False)
    assert made.returncode == 0 and b".TH" in made.stdout, made.stderr


def test_version() -> None:
    done = tamisd("--version")
    assert done.returncode == 0 and done.stdout.startswith("tamisd 0.")


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_output_that_cannot_be_written(option: str) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run([TAMISD, option], stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 1 and b"writing stdout" in done.stderr


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ([], "say --stdio or --listen"),
        (["--stdio", "--listen", "/tmp/x"], "exclude each other"),
        (["--stdio", "--listen", "systemd:"], "exclude each other"),
        (["--nonsense"], 'unknown option "--nonsense"'),
        (["--frame"], 'unknown option "--frame"'),
        (["--frame_bytes", "5000"], "unknown option"),
        (["-h"], 'unexpected argument "-h"'),
        (["stdio"], 'unexpected argument "stdio"'),
        (["--"], "unexpected argument"),
        ([""], "unexpected argument"),
        (["--stdio=1"], "takes no value"),
        (["--listen"], "--listen needs a value"),
        (["--listen", ""], "the path is empty"),
        (["--listen="], "the path is empty"),
        (["--stdio", "--frame-bytes"], "--frame-bytes needs a value"),
        (["--stdio", "--frame-bytes", ""], "is not a number"),
        (["--stdio", "--frame-bytes", "-1"], "is not a number"),
        (["--stdio", "--frame-bytes", "64k"], "is not a number"),
        (["--stdio", "--frame-bytes", "64MB"], "is not a number"),
        (["--stdio", "--frame-bytes", "0x1000"], "is not a number"),
        (["--stdio", "--frame-bytes", " 5000"], "is not a number"),
        (["--stdio", "--frame-bytes", "K"], "is not a number"),
        (["--stdio", "--frame-bytes", "18446744073709551616"], "is not a number"),
        (["--stdio", "--frame-bytes", "99999999999G"], "is not a number"),
        (["--stdio", "--clients", "1K"], "is not a number"),
        (["--stdio", "--threads", "0"], "out of range (1 to 1024)"),
        (["--stdio", "--threads", "1025"], "out of range"),
        (["--stdio", "--drain-ms", "86400001"], "out of range"),
        (["--stdio", "--busy-poll-us", "1000001"], "out of range (0 to 1000000)"),
        (["--stdio", "--busy-poll-us", "-1"], "is not a number"),
        (["--stdio", "--socket-mode", "888"], "is not a mode"),
        (["--stdio", "--socket-mode", "66"], "is not a mode"),
        (["--stdio", "--socket-mode", "4755"], "is not a mode"),
        (["--stdio", "--max-memory", "x"], "--memory-bytes"),
        (["--stdio", "--shared-memory", "2"], "out of range (3 to 2147483647)"),
        (["--stdio", "--shared-memory", "2147483648"], "out of range"),
        (["--stdio", "--shared-memory", "3K"], "is not a number"),
        (["--listen", "/tmp/x", "--shared-memory", "3"], "--shared-memory goes with --stdio"),
        (["--listen", "/tmp/x", "--parent-memory"], "--parent-memory goes with --stdio"),
        (["--" + "x" * 1000], "unknown option"),
    ],
)
def test_usage_errors(options: list[str], complaint: str) -> None:
    done = tamisd(*options)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith("tamisd: ") and done.stderr.count("\n") == 1
    assert complaint in done.stderr


@pytest.mark.parametrize("name", LIMITS)
def test_edges_of_a_limit(name: str) -> None:
    default, least, most = LIMITS[name]
    option = f"--{name.replace('_', '-')}"
    assert limit_of(name) == (0 if name == "stall_ms" else default)
    assert limit_of(name, option, str(least)) == least
    assert limit_of(name, f"{option}={most}") == most
    for wrong in {least - 1, most + 1} - {-1}:
        done = tamisd("--stdio", option, str(wrong))
        assert done.returncode == 2
        assert f"{option}: {wrong} is out of range ({least} to {most})" in done.stderr


@pytest.mark.parametrize(
    ("text", "value"), [("4096", 4096), ("64K", 65536), ("3M", 3 << 20), ("1G", 1 << 30)]
)
def test_suffixes(text: str, value: int) -> None:
    assert limit_of("frame_bytes", "--frame-bytes", text) == value


def test_aliases_and_repetition() -> None:
    assert limit_of("memory_bytes", "--max-memory", "512M") == 512 << 20
    assert limit_of("clients", "--clients", "5", "--clients", "6") == 6
