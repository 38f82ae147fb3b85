"""A layer includes only what is below it, and libuv is seen in src/server alone.

The build enforces the same by its include roots; this says it by name, and covers what the roots
cannot: relative includes, system headers of dependencies, mutable globals.
"""

import re
import subprocess
from pathlib import Path

import pytest

from tests.lint.build import built
from tests.lint.tree import TOP, layers, shown, tree_files

INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]', re.MULTILINE)
SOURCES = [
    p for p in tree_files() if p.suffix in (".c", ".cc", ".h") and shown(p).startswith("src/")
]
# header: the layers that may see it
DEPENDENCIES = {
    "uv.h": {"server"},
    "msgpack.h": {"value"},
    "re2/re2.h": {"kernel"},
    "zlib.h": {"shell"},
    "zstd.h": {"shell"},
}

# Mutable data of static storage: constant after a pthread_once, or the one flag of a signal; and
# the counter that numbers dictionaries, so that none is taken for one that had its address before.
GLOBALS = {"base": {"process_key", "once", "areas"}, "value": {"ids"}}


def includes(path: Path) -> list[tuple[str, str]]:
    """The includes of a file: the bracket and the name."""
    return INCLUDE.findall(path.read_text())


def test_the_layers_are_known() -> None:
    assert layers()["base"] == {"base"}
    assert {"base", "value", "query", "kernel", "format", "plan"} == layers()["plan"]
    assert {"base", "value", "kernel", "format", "table"} == layers()["table"]
    assert "server" not in layers()["session"]
    assert not {"session", "server"} & layers()["shell"]
    assert layers()["remote"] == {"base", "value", "format", "wire", "remote"}
    folders = {p.name for p in (TOP / "src").iterdir() if p.is_dir()}
    assert folders == set(layers()) | {"main"}


@pytest.mark.parametrize("path", SOURCES, ids=shown)
def test_includes_point_down(path: Path) -> None:
    layer = path.relative_to(TOP / "src").parts[0]
    allowed = layers().get(layer, set(layers()) | {"main"})
    for bracket, name in includes(path):
        assert ".." not in Path(name).parts, f"{name}: no relative includes"
        if bracket == "<":
            assert layer in DEPENDENCIES.get(name, {layer}), f"<{name}> has no place in src/{layer}"
        elif "/" not in name:
            private = (path.parent / name).exists()
            assert private or (TOP / "proto" / name).exists(), (
                f'"{name}" is neither here nor in proto/'
            )
        elif name == "tamis/tamis.h":
            assert layer == "engine", "the public header is the engine's"
        else:
            assert name.split("/")[0] in allowed, f"src/{layer} may not include {name}"


def test_the_shell_knows_a_service_by_one_header() -> None:
    """Messages stay below src/remote, though the build would let src/shell include them."""
    for path in SOURCES:
        if shown(path).startswith("src/shell/"):
            seen = {name for _, name in includes(path) if name.split("/")[0] in ("wire", "remote")}
            assert seen <= {"remote/remote.h"}, shown(path)


def test_no_mutable_globals() -> None:
    """Symbols of the writable sections of every layer's library, against the list above."""
    libraries = sorted(built("libtamis_base.a").parent.glob("libtamis_*.a"))
    assert libraries
    for library in libraries:
        layer = library.stem.removeprefix("libtamis_")
        symbols = subprocess.run(
            ["nm", "--format=sysv", str(library)], capture_output=True, text=True, check=True
        )
        cells = [line.split("|") for line in symbols.stdout.splitlines() if line.count("|") == 6]
        found = {
            name.strip().split(".")[0]  # a static local has a number behind it
            for name, *_, section in cells
            if re.fullmatch(r"\.(data|bss|tdata|tbss)(\.(?!rel\.ro).*)?|\*COM\*", section.strip())
            and not name.startswith(("__", ".L", "DW.ref."))  # DW.ref.: of C++ exceptions
        }
        assert found <= GLOBALS.get(layer, set()), f"mutable globals in {layer}"
