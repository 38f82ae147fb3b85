"""Peers that are compiled: made once in build/bench-peers, again when their source has changed."""

from __future__ import annotations

import ctypes
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType

from harness.bench import ROOT
from peers.peer import PeerMissing

HERE = Path(__file__).resolve().parent
_FLAGS = ("-O3", "-march=native", "-shared", "-fPIC")


def _run(name: str, command: Sequence[str | Path], folder: Path, **variables: str) -> None:
    """Raises PeerMissing, with the last line that the tool said, if it is absent or fails."""
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=os.environ | variables,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError as error:
        raise PeerMissing(f"{name}: {error}") from None
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines() or ["no reason given"]
        raise PeerMissing(f"{name}: {command[0]} failed: {said[-1]}")


def _made(source: Path, make: Callable[[Path], Path]) -> Path:
    """What `make` makes of a copy of the source, a file or a folder, in a folder of its own."""
    files = [source] if source.is_file() else sorted(p for p in source.rglob("*") if p.is_file())
    text = b"".join(path.read_bytes() for path in files) + sys.version.encode()
    sum_ = hashlib.sha256(text).hexdigest()[:12]
    folder = ROOT / "build" / "bench-peers" / f"{source.stem}-{sum_}"
    stamp = folder / "made"
    if not stamp.exists():
        print(f"compiling {source.name}", file=sys.stderr)
        shutil.rmtree(folder, ignore_errors=True)
        if source.is_file():
            folder.mkdir(parents=True)
            shutil.copy(source, folder)
        else:
            shutil.copytree(source, folder)
        stamp.write_text(str(make(folder)))
    return Path(stamp.read_text())


def _cc(name: str, source: Path, target: Path) -> Path:
    include = sysconfig.get_path("include")
    command: list[str | Path] = ["cc", *_FLAGS, f"-I{include}", source, "-o", target]
    _run(name, command, source.parent)
    return target


def _module(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise PeerMissing(f"{name}: {path.name} is no module")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def c_library() -> ctypes.PyDLL:
    """dicts_c.c, whose functions take and give Python's objects."""
    path = _made(HERE / "dicts_c.c", lambda f: _cc("C", f / "dicts_c.c", f / "dicts_c.so"))
    library = ctypes.PyDLL(str(path))
    library.keep_init()
    return library


def cython_module() -> ModuleType:
    def make(folder: Path) -> Path:
        _run("Cython", [sys.executable, "-m", "cython", "dicts_cython.pyx"], folder)
        return _cc("Cython", folder / "dicts_cython.c", folder / "dicts_cython.so")

    return _module("dicts_cython", _made(HERE / "dicts_cython.pyx", make))


def mypyc_module() -> ModuleType:
    def make(folder: Path) -> Path:
        flags = {"MYPYC_OPT_LEVEL": "3", "CFLAGS": "-march=native", "PYTHONPATH": ""}
        _run("mypyc", [sys.executable, "-m", "mypyc", "dicts_mypyc.py"], folder, **flags)
        return next(folder.glob("dicts_mypyc.*.so"))

    return _module("dicts_mypyc", _made(HERE / "dicts_mypyc.py", make))


def pyo3_module() -> ModuleType:
    def make(folder: Path) -> Path:
        flags = {"PYO3_PYTHON": sys.executable, "RUSTFLAGS": "-C target-cpu=native"}
        _run("PyO3", ["cargo", "build", "--release", "--target-dir", "target"], folder, **flags)
        return folder / "target" / "release" / "libdicts_pyo3.so"

    return _module("dicts_pyo3", _made(HERE / "dicts_pyo3", make))
