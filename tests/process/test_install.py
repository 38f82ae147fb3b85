"""What README.md says of installing: the packages that it names, and what is where afterwards."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from daemon import ROOT, TAMISD

README = (ROOT / "README.md").read_text()
CLIENT = ROOT / "clients" / "python"


def sh(name: str) -> list[str]:
    """The words of a Bash array in scripts/lib.sh."""
    found = re.search(rf"^{name}=\((.*?)\)", (ROOT / "scripts/lib.sh").read_text(), re.MULTILINE)
    assert found
    return found.group(1).split()


@pytest.fixture
def installed(need_tool: Callable[[str], str], tmp_path: Path) -> Path:
    """The prefix of an installation of the build under test."""
    subprocess.run(
        [need_tool("cmake"), "--install", os.path.dirname(TAMISD), "--prefix", str(tmp_path)],
        check=True,
        stdout=subprocess.DEVNULL,
        timeout=60,
    )
    return tmp_path


def test_the_packages_are_those_that_scripts_install() -> None:
    found = re.search(r"^sudo apt-get install (.*)$", README, re.MULTILINE)
    assert found
    build = {p for p in sh("BUILD_PACKAGES") if not p.startswith("python3")}
    assert set(found.group(1).split()) == build | {"scdoc"}
    assert "scdoc" in sh("TEST_PACKAGES")


def test_a_build_that_is_installed_needs_no_packages_of_the_tests() -> None:
    for line in README.splitlines():
        assert "cmake --preset" not in line or "-DBUILD_TESTING=OFF" in line


def presets() -> dict[str, bool]:
    """Whether warnings are errors, by the name of a preset."""
    found = json.loads((ROOT / "CMakePresets.json").read_text())["configurePresets"]
    by_name = {preset["name"]: preset for preset in found}

    def strict(preset: dict[str, Any]) -> bool:
        own = preset.get("cacheVariables", {}).get("TAMIS_WERROR")
        return own == "ON" if own else strict(by_name[preset["inherits"]])

    return {name: strict(preset) for name, preset in by_name.items()}


def test_warnings_are_errors_where_the_project_builds_itself_alone() -> None:
    strict = presets()
    used = re.findall(r"^cmake --preset (\w+)(.*)$", README, re.MULTILINE)
    assert used
    assert not any(strict[name] or "WERROR" in options for name, options in used)
    demo = re.search(r"\bbuild (\w+)(.*)$", (ROOT / "scripts/demo").read_text(), re.MULTILINE)
    assert demo and not strict[demo.group(1)] and "WERROR" not in demo.group(2)
    builds = [
        found
        for script in (".ci/run", "scripts/test")
        for found in re.findall(
            r'^[^#\n]*\bcheck "?build-\S+ build (\S+)(.*)$',
            (ROOT / script).read_text(),
            re.MULTILINE,
        )
    ]
    assert len(builds) >= 6
    for name, options in builds:
        assert "-DTAMIS_WERROR=ON" in options or strict.get(name.strip('"'), name == '"$1"'), name
    stages = re.findall(
        r"^stage_.*\bwith_preset (\w+)", (ROOT / ".ci/run").read_text(), re.MULTILINE
    )
    assert stages and all(strict[name] for name in stages)


@pytest.mark.parametrize("strict", [False, True])
def test_a_warning_of_another_compiler(
    need_tool: Callable[[str], str], tmp_path: Path, strict: bool
) -> None:
    """In the layer `base`, by the preset of README.md: as scripts build it, it is an error."""
    options = ["-DBUILD_TESTING=OFF", "-DCMAKE_C_FLAGS=-Wpadded"]
    options += ["-DTAMIS_WERROR=ON"] if strict else []

    def cmake(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [need_tool("cmake"), *arguments],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    configured = cmake("--preset", "release", "-B", str(tmp_path), *options)
    assert configured.returncode == 0, configured.stdout + configured.stderr
    built = cmake("--build", str(tmp_path), "--target", "tamis_base")
    assert (built.returncode != 0) == strict, built.stdout
    assert "-Wpadded" in built.stdout or "-Werror=padded" in built.stdout


def test_what_is_installed(installed: Path) -> None:
    for name in (
        "bin/tamis",
        "bin/tamisd",
        "share/bash-completion/completions/tamis",
        "share/zsh/site-functions/_tamis",
        "share/fish/vendor_completions.d/tamis.fish",
        "share/doc/tamis/README.md",
        "share/doc/tamis/proto/QUERY.md",
        "share/doc/tamis/proto/FUNCTIONS.md",
        "share/doc/tamis/proto/PROTOCOL.md",
        "share/doc/tamis/docs/SHELL.md",
        "share/doc/tamis/docs/SERVICE.md",
        "lib/systemd/system/tamisd.socket",
        "lib/systemd/system/tamisd.service",
    ):
        assert (installed / name).is_file(), name


def test_man_pages_are_installed(need_tool: Callable[[str], str], installed: Path) -> None:
    need_tool("scdoc")
    for name in ("man1/tamis.1", "man8/tamisd.8"):
        assert (installed / "share/man" / name).read_text().count(".SH") > 5, name


def links(document: Path) -> set[Path]:
    """The files that it links to, its code blocks apart."""
    text = re.sub(r"^```.*?^```", "", document.read_text(), flags=re.MULTILINE | re.DOTALL)
    found = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", re.sub(r"`[^`\n]*`", "", text))
    return {document.parent / link for link in found if not re.match(r"\w+:", link)}


def test_no_installed_document_has_a_dead_link(installed: Path) -> None:
    home = installed / "share/doc/tamis"
    seen: set[Path] = set()
    todo = {home / "README.md"}
    while todo:
        document = todo.pop()
        seen.add(document)
        for link in links(document):
            target = link.resolve()
            assert target.is_file(), f"{document.relative_to(home)} links to {link}"
            assert target.is_relative_to(home.resolve())
            if target.suffix == ".md" and target not in seen:
                todo.add(target)
    everything = {path.resolve() for path in home.rglob("*.md")}
    assert len(seen) >= 15 and {path.resolve() for path in seen} <= everything
    assert not [
        path for path in home.rglob("*") if path.is_file() and path.suffix not in (".md", ".png")
    ]


def test_what_names_a_document_names_one_that_is_installed(installed: Path) -> None:
    unit = (installed / "lib/systemd/system/tamisd.service").read_text()
    found = re.search(r"^Documentation=file:(.*)$", unit, re.MULTILINE)
    assert found  # of the prefix that was configured
    assert (installed / "share/doc/tamis" / found.group(1).split("/share/doc/tamis/")[1]).is_file()


def test_the_socket_is_where_the_readme_says(installed: Path) -> None:
    unit = (installed / "lib/systemd/system/tamisd.socket").read_text()
    found = re.search(r"^ListenStream=(.*)$", unit, re.MULTILINE)
    assert found and f"`{found.group(1)}`" in README
    # why it tells how to let others in
    assert "SocketMode=0660\n" in unit and "SocketGroup=" not in unit


def test_the_package_is_whole() -> None:
    """Each folder of Python files is named, or pip would leave it out."""
    project = tomllib.loads((CLIENT / "pyproject.toml").read_text())
    folders = {path.parent for path in (CLIENT / "tamis").rglob("*.py")}
    names = {".".join(folder.relative_to(CLIENT).parts) for folder in folders}
    assert names == set(project["tool"]["setuptools"]["packages"])
    assert [d.split(">")[0] for d in project["project"]["dependencies"]] == ["msgpack"]


def test_the_client_finds_the_installed_daemon(installed: Path) -> None:
    program = "import tamis\nwith tamis.Client() as c: print(c.count('a > 1', [{'a': 2}]))"
    environment = {
        **{name: value for name, value in os.environ.items() if name != "TAMISD"},
        "PATH": f"{installed / 'bin'}:{os.environ['PATH']}",
        "PYTHONPATH": str(CLIENT),
    }
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        cwd=installed,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout == "1\n", done.stderr


def test_what_pip_leaves_is_ignored() -> None:
    """Else the lint would take the copy of the package that it builds for sources."""
    assert {"build/", "*.egg-info/"} <= set((ROOT / ".gitignore").read_text().splitlines())
