"""The .def lists, the programs and the documents say the same."""

import importlib
import re
import subprocess
import sys

import pytest

from tests.lint.build import built
from tests.lint.tree import TOP, Entry, def_list

README = TOP / "README.md"
ERRORS = TOP / "docs/ERRORS.md"
PROTOCOL = TOP / "proto/PROTOCOL.md"
QUERY = TOP / "proto/QUERY.md"


def named(entry: Entry) -> str:
    """For the names of parametrised tests."""
    return entry.name


def table_rows(text: str, columns: int) -> dict[str, list[str]]:
    """The rows of a document's tables of so many columns, by the bare text of their first cell."""
    rows = {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if line.startswith("|") and len(cells) == columns:
            rows[cells[0].strip("`")] = cells[1:]
    return rows


@pytest.mark.parametrize("name", ["errors", "limits", "messages", "ops", "types"])
def test_lists_have_no_twins(name: str) -> None:
    entries = def_list(name)
    assert len(entries) >= 9
    names = [entry.name for entry in entries]
    assert len(set(names)) == len(names)
    if name in ("errors", "messages", "types"):
        numbers = [int(entry.fields[0]) for entry in entries]
        assert len(set(numbers)) == len(numbers)
        assert numbers == sorted(numbers)


@pytest.mark.parametrize("limit", def_list("limits"), ids=named)
def test_limit_is_documented(limit: Entry) -> None:
    rows = table_rows(README.read_text(), 4)
    assert limit.name in rows, "README.md has no row for it"
    default, error, text = rows[limit.name]
    assert int(default.replace(",", "").replace("none", "0")) == int(limit.fields[0])
    assert error.strip("`") == limit.fields[3]
    assert text == limit.fields[4]


def test_readme_has_no_other_limits() -> None:
    rows = table_rows(README.read_text(), 4)
    documented = {name for name in rows if re.fullmatch(r"[a-z]+(_[a-z]+)*", name)}
    assert documented - {"limit"} == {entry.name for entry in def_list("limits")}


def test_limits_are_options() -> None:
    run = subprocess.run([built("tamisd"), "--help"], capture_output=True, text=True, check=True)
    for limit in def_list("limits"):
        option = "--" + limit.name.replace("_", "-")
        assert re.search(rf"(?<![\w-]){option}(?![\w-])", run.stdout), f"tamisd --help: no {option}"


@pytest.mark.parametrize("limit", def_list("limits"), ids=named)
def test_limit_has_an_error(limit: Entry) -> None:
    assert limit.fields[3] in {error.name for error in def_list("errors")}


@pytest.mark.parametrize("error", def_list("errors"), ids=named)
def test_error_is_documented(error: Entry) -> None:
    rows = table_rows(ERRORS.read_text(), 4)
    assert error.name in rows, "docs/ERRORS.md has no row for it"
    number, kind, text = rows[error.name]
    assert (int(number), kind.upper()) == (int(error.fields[0]), error.fields[1])
    assert text == error.fields[2]


@pytest.mark.parametrize("message", def_list("messages"), ids=named)
def test_message_is_specified(message: Entry) -> None:
    text = PROTOCOL.read_text()
    assert re.search(rf"\[{message.fields[0]}, id", text), "PROTOCOL.md does not show it"
    assert re.search(rf"\b{message.name}\b", text)


def test_capabilities_are_specified() -> None:
    source = (TOP / "src/session/stats.c").read_text()
    fixed = re.search(r"CAPABILITIES\[\] = \{(.*?)\};", source, re.DOTALL)
    assert fixed
    told = set(re.findall(r'"([a-z.]+)"', fixed.group(1)))
    told |= set(re.findall(r'"((?:payload|shared)\.[a-z]+)"', source))
    specified: set[str] = set()
    section = PROTOCOL.read_text().split("### Capabilities")[1].split("###")[0]
    for names in table_rows(section, 2):
        specified |= set(re.findall(r"[a-z]+(?:\.[a-z]+)?", names)) - {"names"}
    assert len(told) > 30 and specified == told


@pytest.mark.parametrize("op", def_list("ops"), ids=named)
def test_operator_is_specified(op: Entry) -> None:
    text = QUERY.read_text()
    assert f'"{op.fields[0]}"' in text, "QUERY.md does not show its structured form"
    assert op.fields[1] in text, "QUERY.md does not show its text form"


def client_names() -> dict[str, object]:
    """What the modules of the Python client define, by name."""
    package = TOP / "clients/python/tamis"
    if str(package.parent) not in sys.path:
        sys.path.insert(0, str(package.parent))
    names: dict[str, object] = {}
    for path in sorted(package.glob("*.py")):
        module = "tamis" if path.stem == "__init__" else f"tamis.{path.stem}"
        names.update(vars(importlib.import_module(module)))
    return names


def test_daemon_and_client_have_one_version() -> None:
    """It is told in HELLO and WELCOME, and by pip."""
    cmake = re.search(r"^project\(tamis VERSION (\S+)", (TOP / "CMakeLists.txt").read_text(), re.M)
    project = (TOP / "clients/python/pyproject.toml").read_text()
    package = re.search(r'^version = "(.*)"', project, re.M)
    assert cmake and package
    assert cmake.group(1) == package.group(1) == client_names()["__version__"]


def test_client_knows_the_messages() -> None:
    names = client_names()
    for message in def_list("messages"):
        assert names.get(message.name) == int(message.fields[0]), message.name


def test_client_knows_the_errors() -> None:
    table = client_names()["CODES"]
    assert isinstance(table, dict)
    known = {number: name for number, (name, _) in table.items()}
    assert known == {int(e.fields[0]): e.name for e in def_list("errors") if e.name != "OK"}


def test_client_knows_the_warnings() -> None:
    names = client_names()
    assert names["WARNINGS"] == {int(w.fields[0]): w.name for w in def_list("warnings")}


@pytest.mark.parametrize("warning", def_list("warnings"), ids=named)
def test_warning_is_specified(warning: Entry) -> None:
    row = f"| {warning.fields[0]} | `{warning.name}` |"
    assert row in PROTOCOL.read_text(), "PROTOCOL.md has no row for it"
