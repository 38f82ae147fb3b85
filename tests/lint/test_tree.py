"""Nothing in the tree belongs to one machine; every C test is named in tests/CMakeLists.txt;
other checks that are programs.
"""

import importlib.util
import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.lint.tree import TOP, shown, tree_files

# Put together here, so that this file does not hold what it looks for.
HOME_FOLDERS = "|".join(["home", "root", "Users", "work", "tmp/w"])
MACHINE_PATH = re.compile(rf"(?<![\w.$}}>)-])/(?:{HOME_FOLDERS})/")
REGISTRY_HOSTS = re.compile(
    "|".join(
        re.escape(host + "." + end)
        for host, end in [
            ("pypi", "org"),
            ("pythonhosted", "org"),
            ("deb.debian", "org"),
            ("registry.npmjs", "org"),
            ("crates", "io"),
            ("proxy.golang", "org"),
        ]
    )
)
BINARY = {".gz", ".msgpack", ".png", ".bin"}


def text_files() -> list[Path]:
    """Files that hold text: everything but fuzz corpora and vectors in binary."""
    return [
        p
        for p in tree_files()
        if p.suffix not in BINARY
        and not shown(p).startswith(("tests/fuzz/corpus/", "proto/vectors/"))
    ]


def read(document: str) -> str:
    return (TOP / document).read_text()


@pytest.mark.parametrize("path", text_files(), ids=shown)
def test_nothing_of_one_machine(path: Path) -> None:
    text = path.read_text(errors="replace")
    assert not MACHINE_PATH.search(text), "an absolute path of one machine"
    assert not REGISTRY_HOSTS.search(text), "the host of a package registry"


@pytest.mark.parametrize("document", ["docs/ARCHITECTURE.md", "docs/HACKING.md"])
def test_what_a_document_names_is_there(document: str) -> None:
    """Functions, members and files by their names; a name with capitals stands for several."""
    sources = [p for p in tree_files() if p.suffix in (".c", ".cc", ".h", ".def", ".py", ".txt")]
    known = set(re.findall(r"\w+", " ".join(p.read_text(errors="replace") for p in sources)))
    known |= {p.stem for p in sources}
    files = {p.name for p in tree_files()}
    quoted = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", read(document), flags=re.DOTALL))
    names = {name for name in quoted if re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)+", name)}
    paths = {name for name in quoted if re.fullmatch(r"[a-z0-9_./]+\.(?:c|cc|h|def|py|md)", name)}
    assert len(names) > 20 and len(paths) > 10
    pasted = {name for name in names if re.match(r"(calc|sel)_", name)}  # by macros
    assert names - known <= pasted
    assert {name for name in paths if Path(name).name not in files} == set()


@pytest.mark.parametrize(
    ("folder", "prefix", "macro"),
    [
        ("unit", "test_", "tamis_unit_test"),
        ("fault", "fault_", "tamis_fault_test"),
        ("fuzz", "fuzz_", "tamis_fuzz_target"),
    ],
)
def test_every_c_test_is_named(folder: str, prefix: str, macro: str) -> None:
    cmake = (TOP / "tests/CMakeLists.txt").read_text()
    named = set(re.findall(rf"^\s*{macro}\((\w+)", cmake, re.MULTILINE))
    files = {p.stem.removeprefix(prefix) for p in (TOP / "tests" / folder).glob(f"{prefix}*.c")}
    assert files <= named, f"tests/{folder}: not in tests/CMakeLists.txt"
    if os.environ.get("TAMIS_CI"):
        assert named <= files, f"tests/{folder}: named in tests/CMakeLists.txt, but not there"
    if folder == "fuzz":
        assert all((TOP / "tests/fuzz/corpus" / name).is_dir() for name in files), (
            "a target without a corpus"
        )


def test_the_corpus_holds_its_seeds() -> None:
    spec = importlib.util.spec_from_file_location("make_corpus", TOP / "tests/fuzz/make_corpus.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name, content in module.seeds():
        path = TOP / "tests/fuzz/corpus" / name
        assert path.exists() and path.read_bytes() == content, (
            f"{name}: run tests/fuzz/make_corpus.py"
        )


@pytest.mark.parametrize("program", sorted((TOP / "tests/lint").glob("check_*.sh")), ids=shown)
def test_check_program(program: Path) -> None:
    run = subprocess.run(["sh", str(program)], capture_output=True, text=True, check=False)
    if run.returncode == 77:
        pytest.skip(run.stdout.strip())
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("path", [p for p in tree_files() if os.access(p, os.X_OK)], ids=shown)
def test_programs_say_what_runs_them(path: Path) -> None:
    assert path.read_bytes().startswith(b"#!"), "executable, but without a #! line"


def test_shell_programs_parse() -> None:
    for path in tree_files():
        first = path.read_bytes()[:40]
        if path.suffix == ".sh" or (first.startswith(b"#!") and b"bash" in first.split(b"\n")[0]):
            subprocess.run(["bash", "-n", str(path)], check=True)


def test_every_workload_is_described() -> None:
    told = (TOP / "bench/README.md").read_text()
    workloads = {p.stem for p in (TOP / "bench/workloads").glob("*.py")} - {"__init__"}
    assert workloads
    assert [w for w in sorted(workloads) if f"| `{w.replace('_', '-')}` |" not in told] == []
