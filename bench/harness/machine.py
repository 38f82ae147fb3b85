"""What the figures were measured on: what a reader needs to judge them, no paths, no names."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
from collections.abc import Sequence
from pathlib import Path


def _first_line(command: Sequence[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.partition("\n")[0].strip()


def _after(path: str, key: str, separator: str) -> str:
    """The value of the first line "key separator value" of a file of such lines."""
    try:
        text = Path(path).read_text()
    except OSError:
        return "unknown"
    for line in text.splitlines():
        name, _, value = line.partition(separator)
        if name.strip() == key:
            return value.strip().strip('"')
    return "unknown"


def revision(root: Path) -> str:
    """The commit that was built, with a mark if the tree differs from it."""
    commit = _first_line(["git", "-C", str(root), "rev-parse", "--short", "HEAD"])
    dirty = _first_line(["git", "-C", str(root), "status", "--porcelain", "-uno"])
    return commit + (" with changes" if dirty not in ("", "unknown") else "")


def _peers() -> str:
    """The pinned packages that are installed here."""
    text = (Path(__file__).resolve().parent.parent / "requirements.txt").read_text()
    names = [line.partition("==")[0] for line in text.splitlines() if not line.startswith("#")]
    installed = {d.metadata["Name"].lower(): d.version for d in importlib.metadata.distributions()}
    return ", ".join(f"{n} {installed[n.lower()]}" for n in names if n.lower() in installed)


def available_bytes() -> int:
    """The memory that programs can still have, caches given up."""
    return int(_after("/proc/meminfo", "MemAvailable", ":").split()[0]) * 1024


def facts(root: Path, build: Path, cpu: int | None) -> list[str]:
    """Lines that describe the machine, the versions and how the processes were placed."""
    memory_kb = int(_after("/proc/meminfo", "MemTotal", ":").split()[0])
    system = _after("/etc/os-release", "PRETTY_NAME", "=")
    packages = ("libmsgpack-dev", "libuv1-dev")
    debian = [
        f"{name} {_first_line(['dpkg-query', '-W', '-f', '${Version}', name])}" for name in packages
    ]
    model = _after("/proc/cpuinfo", "model name", ":")
    placed = "processes placed by the kernel" if cpu is None else f"all processes on core {cpu}"
    built_as = _after(str(build / "CMakeCache.txt"), "CMAKE_BUILD_TYPE:STRING", "=")
    return [
        f"{model}, {os.cpu_count()} cores, {memory_kb / 1048576:.0f} GiB",
        f"{system}, Linux {platform.release()}",
        f"{_first_line(['cc', '--version'])}; {', '.join(debian)}",
        f"Python {platform.python_version()}, {_peers()}",
        f"tamis {revision(root)}, built as {built_as}",
        f"load before the run {os.getloadavg()[0]:.2f}; {placed}",
    ]
