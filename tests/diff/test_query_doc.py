"""proto/QUERY.md and FUNCTIONS.md: each text stands beside its structured twin, both are one tree,
everything of the .def lists is there, and every example is TRUE to the daemon and to the reference.

The structured form is written in the documents as JSON with a few more words; Notation reads it.
FUNCTIONS.md's examples are asked by test_function_examples.py.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from tests.diff import reference
from tests.diff.judge import canonical
from tests.lib import wire
from tests.lib.mp import Bin, Ext, Map, Plain, Str, Value
from tests.lint.tree import TOP, Entry, def_list

QUERY = (TOP / "proto/QUERY.md").read_text()
FUNCTIONS = (TOP / "proto/FUNCTIONS.md").read_text()
ROW = Map(
    (
        (Str(b"t"), [Str(b"x"), Str(b"y")]),
        (Str(b"items"), [Map(((Str(b"a"), 1), (Str(b"b"), True)))]),
    )
)
TOKEN = re.compile(
    r'\s*("(?:[^"\\]|\\.)*"|[\[\]{},:]|-?(?:\d+\.\d+|\d+|inf|nan)|[A-Za-z]\w*)', re.DOTALL
)
WORDS: dict[str, Value] = {
    "nil": None,
    "true": True,
    "false": False,
    "nan": math.nan,
    "inf": math.inf,
    "-inf": -math.inf,
}


class Notation:
    """Reads a structured query as the documents write it."""

    def __init__(self, text: str) -> None:
        self.tokens: list[str] = []
        at = 0
        while at < len(text):
            found = TOKEN.match(text, at)
            assert found, f"{text!r} at {at}"
            self.tokens.append(found.group(1))
            at = found.end()
        self.at = 0

    def next(self) -> str:
        """Takes a token."""
        self.at += 1
        return self.tokens[self.at - 1]

    def read(self) -> Value:
        """The whole."""
        value = self.value()
        assert self.at == len(self.tokens), f"left over: {self.tokens[self.at :]}"
        return value

    def value(self) -> Value:
        """One value."""
        token = self.next()
        if token == "[":
            return list(self.items("]"))
        if token == "{":
            items = list(self.items("}"))
            return Map(tuple(zip(items[::2], items[1::2], strict=True)))
        if token.startswith('"'):
            return Str(self.unquoted(token[1:-1]))
        if token in WORDS:
            return WORDS[token]
        if token == "bin":
            return Bin(self.unquoted(self.next()[1:-1]))
        if token == "ext":
            return Ext(int(self.next()), self.unquoted(self.next()[1:-1]))
        if re.fullmatch(r"-?\d+", token):
            return int(token)
        if re.fullmatch(r"-?\d+\.\d+", token):
            return float(token)
        return [Str(b"path"), Str(token.encode())]

    def items(self, close: str) -> Iterator[Value]:
        """Values up to a bracket, with a comma or colon between any two."""
        while self.tokens[self.at] != close:
            yield self.value()
            if self.tokens[self.at] in (",", ":"):
                self.at += 1
        self.at += 1

    @staticmethod
    def unquoted(text: str) -> bytes:
        """The bytes of a string: \\xff is a byte, anything else behind a backslash itself."""
        out = b""
        for byte, escaped, plain in re.findall(r"\\x([0-9a-f]{2})|\\(.)|([^\\])", text):
            out += bytes.fromhex(byte) if byte else (escaped or plain).encode()
        return out


@dataclass(frozen=True)
class Pair:
    """A text and its structured twin."""

    text: str
    structured: str
    examples: list[str] = field(default_factory=list, compare=False)

    @property
    def tree(self) -> Value:
        """The twin as it is sent: a constant alone goes into an array."""
        tree = Notation(self.structured).read()
        return tree if isinstance(tree, list) else [Str(b"lit"), tree]

    @property
    def options(self) -> Plain:
        """Values for its parameters."""
        if '"param"' not in self.structured:
            return None
        names = re.findall(r'"param", "(\w+)"', self.structured)
        return {"params": {name: [1] for name in names} if names else [1]}


def codes(cell: str) -> list[str]:
    """What is between backticks in a cell of a table."""
    return [code.replace("\\|", "|") for code in re.findall(r"`([^`]*)`", cell)]


def table_pairs() -> Iterator[Pair]:
    """The lines of QUERY.md's tables of both forms."""
    tables = re.findall(r"^\| text \| structured \|.*\n\|[-|]+\n((?:\|.*\n)+)", QUERY, re.MULTILINE)
    for table in tables:
        for line in table.splitlines():
            cells = re.split(r"(?<!\\)\|", line)[1:-1]
            (text,), (structured,) = codes(cells[0]), codes(cells[1])
            # The last column of operators has examples, that of paths and constants has notes.
            is_example = "| true |" in QUERY[: QUERY.index(line)].rsplit("| text |", 1)[1]
            yield Pair(text, structured, codes(cells[-1]) if is_example else [])


def function_pairs() -> dict[str, Pair]:
    """The twins at the head of FUNCTIONS.md's sections, by the section's signature."""
    found = re.findall(
        r"^### `([^`\n]+)`\n\nText `([^`]*)`, structured `([^`]*)`\.$", FUNCTIONS, re.MULTILINE
    )
    return {signature: Pair(text, structured) for signature, text, structured in found}


TABLES = list(table_pairs())
OF_FUNCTIONS = function_pairs()
PAIRS = [*TABLES, *OF_FUNCTIONS.values()]
needs_daemon = pytest.mark.skipif(
    not wire.tamisd().exists(), reason=f"no daemon at {wire.tamisd()}"
)


def heads(value: Value) -> Iterator[str]:
    """The names of all nodes of a tree."""
    if isinstance(value, list):
        if value and isinstance(value[0], Str):
            yield value[0].raw.decode("utf-8", "replace")
        for item in value:
            yield from heads(item)


def told(connection: wire.Connection, query: Plain, pair: Pair) -> tuple[str, Value]:
    """The canonical text and the tree that EXPLAIN shows."""
    reply = connection.call(wire.EXPLAIN, query, pair.options)[-1]
    assert reply[0] == wire.EXPLAINED, f"{query!r}: {reply!r}"
    said = wire.fields(reply[2])
    return wire.text_of(said["text"]), said["structured"]


@needs_daemon
def test_twins_are_one_tree() -> None:
    wrong = []
    with wire.Connection.spawn() as connection:
        for pair in PAIRS:
            text, tree = told(connection, pair.text, pair)
            for name, query in (("structured", pair.tree), ("printed", text)):
                again, other = told(connection, query, pair)
                # The structured form has no names for elements, so its text has others.
                if canonical(other) != canonical(tree) or (again != text and name == "printed"):
                    wrong.append(f"{pair.text}: {name} is {again}")
    assert not wrong, "\n".join(wrong)
    assert len(PAIRS) >= 120


@needs_daemon
def test_examples_are_true() -> None:
    wrong = []
    with wire.Connection.spawn() as connection:
        for pair in TABLES:
            for line in pair.examples:
                answer = connection.filter(line, ["maps", [ROW]])
                if answer.error is not None or answer.indices != [0]:
                    wrong.append(f"{line}: {answer.error or 'not TRUE'}")
                    continue
                _, tree = told(connection, line, Pair(line, "nil"))
                if reference.Query(tree).ask_value(ROW) is not reference.TRUE:
                    wrong.append(f"{line}: not TRUE to the reference")
    assert not wrong, "\n".join(wrong)
    assert sum(len(pair.examples) for pair in TABLES) >= 70


@pytest.mark.parametrize("op", def_list("ops"), ids=lambda entry: entry.name)
def test_operator_has_its_line_and_example(op: Entry) -> None:
    structured, text = op.fields[0], op.fields[1]
    lines = [pair for pair in TABLES if next(heads(pair.tree), "") == structured]
    assert lines, f'no line for ["{structured}", ...]'
    assert any(text in pair.text for pair in lines), f"no line shows {text}"
    examples = [example for pair in lines for example in pair.examples]
    spelled = [text, text.replace("IS ", "IS NOT ")]
    assert any(word in example for word in spelled for example in examples), "no example"


@pytest.mark.parametrize("function", def_list("functions"), ids=lambda entry: entry.name)
def test_function_has_its_twin(function: Entry) -> None:
    signature = function.fields[4].partition(": ")[0]
    assert signature in OF_FUNCTIONS, f"### `{signature}` does not begin with its two forms"
    pair = OF_FUNCTIONS[signature]
    assert next(heads(pair.tree)) == function.fields[0]
    most = int(function.fields[2])
    assert isinstance(pair.tree, list)
    assert len(pair.tree) - 1 == (most if most > 0 else 2), "all arguments are shown"


def test_all_kinds_of_nodes_are_shown() -> None:
    seen = {head for pair in PAIRS for head in heads(pair.tree)}
    assert {"path", "element", "outer", "param", "list", "lit", "case", "case of"} <= seen


def test_all_kinds_of_constants_are_shown() -> None:
    shown = [Notation(pair.structured).read() for pair in TABLES]
    shown += [v[1] for v in shown if isinstance(v, list) and v and v[0] == Str(b"lit")]
    for kind in (type(None), bool, int, float, Str, Bin, Ext, list, Map):
        assert any(type(value) is kind for value in shown), kind
    assert any(isinstance(value, Ext) and value.code == -1 for value in shown)
    assert any(isinstance(value, int) and value > 2**63 for value in shown)


def test_words_that_functions_take_are_documented() -> None:
    """The types of CAST, and the fields of date_part and date_trunc."""
    sections = dict(
        re.findall(r"^### `(\w+)\([^`\n]*`\n(.*?)(?=^##|\Z)", FUNCTIONS, re.DOTALL | re.MULTILINE)
    )
    for entry in def_list("casts"):
        assert re.search(rf"^\| `{entry.fields[0]}` \|", sections["cast"], re.MULTILINE), entry
    for entry in def_list("fields"):
        assert f"`{entry.fields[0]}`" in sections["date_part"], entry
        assert (f"`{entry.fields[0]}`" in sections["date_trunc"]) == (entry.fields[1] == "1"), entry


def test_intervals_units_are_documented() -> None:
    source = (TOP / "src/query/interval.c").read_text()
    units = re.findall(r'^    \{"(\w+)", (?:MONTHS|SECONDS|NANOSECONDS), \d+\},$', source, re.M)
    assert len(units) >= 11
    section = FUNCTIONS[FUNCTIONS.index("### `ts_add(") :]
    for unit in units:
        assert f"`{unit}`" in section, unit
