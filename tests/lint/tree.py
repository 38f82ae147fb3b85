"""What the lint tests know of the tree: its files, its layers, the .def lists and the documents."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]


def skipped(part: str) -> bool:
    """Whether a part of a path means that git would not have it (see .gitignore)."""
    hidden = part.startswith(".") and part not in (".ci", ".clang-format", ".editorconfig")
    return hidden or part in ("build", "__pycache__", "data")


def tree_files() -> list[Path]:
    """The project's own files: what git holds or would hold; without git, all but build folders."""
    git = subprocess.run(
        ["git", "-C", str(TOP), "ls-files", "-co", "--exclude-standard", "-z"],
        capture_output=True,
        check=False,
    )
    if git.returncode == 0:
        paths = [TOP / name for name in git.stdout.decode().split("\0") if name]
    else:
        paths = [p for p in TOP.rglob("*") if not any(map(skipped, p.relative_to(TOP).parts))]
    return sorted(p for p in paths if p.is_file())


def shown(path: Path) -> str:
    """A path as a reader knows it: relative to the root."""
    return str(path.relative_to(TOP))


def layers() -> dict[str, set[str]]:
    """From CMakeLists.txt: each layer with all the layers that it may include, and itself."""
    text = (TOP / "CMakeLists.txt").read_text()
    direct: dict[str, list[str]] = {}
    for name, body in re.findall(r"^tamis_layer\((\w+)([^)]*)\)", text, re.MULTILINE):
        found = re.search(r"DEPENDS((?:\s+[a-z_]+)+)", body)
        direct[name] = found.group(1).split() if found else []
    below: dict[str, set[str]] = {}
    for name, needs in direct.items():  # written from the bottom up, so what is needed is there
        below[name] = {name}.union(*(below[need] for need in needs))
    return below


@dataclass(frozen=True)
class Entry:
    """One X(...) of a .def list."""

    name: str
    fields: tuple[str, ...]


def def_list(name: str) -> list[Entry]:
    """The entries of proto/NAME.def, strings without their quotes."""
    entries = []
    for line in (TOP / "proto" / f"{name}.def").read_text().splitlines():
        found = re.fullmatch(r"X\((.*)\)\s*(?:/\*.*\*/)?", line.strip())
        if found:
            parts = re.findall(r'"((?:[^"\\]|\\.)*)"|([^",\s][^",]*)', found.group(1))
            fields = [quoted or bare.strip() for quoted, bare in parts]
            entries.append(Entry(fields[0], tuple(fields[1:])))
    return entries


def documents() -> list[Path]:
    """The documents that people read and whose code blocks are run."""
    fixed = [TOP / "README.md", TOP / "clients/python/README.md", TOP / "bench/README.md"]
    found = [*fixed, *sorted((TOP / "docs").glob("*.md")), *sorted((TOP / "proto").glob("*.md"))]
    return [path for path in found if path.exists()]
