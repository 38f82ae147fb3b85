"""The CSV reader against libcsv, on random documents.

Twice: with full validation against libcsv's strict mode, where both must take the same texts and
refuse at the same byte; and the default against its lenient mode, which refuses nothing and guesses
what a text with wrong quotes means. Where lenient libcsv guesses, the reader must refuse, but for a
quote inside a bare cell, which is a character to both.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from tests.diff.oracle import Refusal, Seen, Wrong, hold
from tests.lib.mp import Str
from tests.lib.readers import MISSING, Cell, Reading, ask, read_each

MOST_CELLS = 8
MARK = b"\xef\xbb\xbf"
PATHS = [f"c{i + 1}" for i in range(MOST_CELLS)]


@dataclass(frozen=True)
class Dialect:
    """How the documents of a batch are written, and how they are read."""

    delimiter: str
    quote: str
    strict: bool
    ragged: bool
    options: tuple[str, ...]

    @classmethod
    def of(cls, rng: random.Random) -> Dialect:
        """A random one."""
        options = rng.choice([(), ("portable",), ("piece=1",), ("piece=7",), ("piece=1000",)])
        delimiter, quote = rng.choice(",,\t;"), rng.choice('""\'')
        return cls(delimiter, quote, rng.random() < 0.5, rng.random() < 0.5, options)


# --- documents ---


def quoted(rng: random.Random, d: Dialect, cell: str) -> str:
    """A cell as it is written; in quotes where it must be, and now and then elsewhere."""
    must = any(c in cell for c in (d.delimiter, d.quote, "\n", "\r"))
    if must or rng.random() < 0.2:
        return d.quote + cell.replace(d.quote, 2 * d.quote) + d.quote
    return cell


def cells_of(rng: random.Random, d: Dialect) -> str:
    """A cell."""
    words = [
        "",
        "x",
        "7",
        "two words",
        " ",
        "\u20ac",
        d.delimiter,
        d.quote,
        "\n",
        "\r\n",
        "\r",
        "\0",
    ]
    return "".join(rng.choices(words, k=rng.choice([0, 1, 1, 1, 2, 5]))) * rng.choice(
        [1, 1, 1, 1, 30]
    )


def well_formed(rng: random.Random, d: Dialect) -> str:
    """Records, most with the same number of cells; blank lines, an end or none."""
    n = rng.choice([1, 1, 2, 3, 5, MOST_CELLS])
    records = rng.choice([0, 1, 2, 3, 5, 5, 5, 300 if rng.random() < 0.1 else 8])
    out = []
    for _ in range(records):
        k = n if rng.random() < 0.97 else rng.randrange(1, MOST_CELLS + 1)
        out.append(d.delimiter.join(quoted(rng, d, cells_of(rng, d)) for _ in range(k)))
        if rng.random() < 0.05:
            out.append("")
    end = rng.choice(["\n", "\r\n"])
    return end.join(out) + rng.choice([end, end, ""])


def any_pieces(rng: random.Random, d: Dialect) -> bytes:
    """What a CSV is made of, in any order."""
    pieces = [
        d.delimiter,
        d.delimiter,
        d.quote,
        2 * d.quote,
        "\n",
        "\n",
        "\r\n",
        "\r",
        " ",
        "a",
        "bc",
    ]
    made = [piece.encode() for piece in [*pieces, "\u20ac", "y" * 70]] + [b"\xff"]
    weights = [4] * len(pieces) + [1, 1, 1]
    return b"".join(rng.choices(made, weights, k=rng.randrange(24)))


def document(rng: random.Random, d: Dialect) -> bytes:
    """One document. None begins with a byte that UTF-16 would have there."""
    if rng.random() < 0.4:
        text = any_pieces(rng, d)
    else:
        text = well_formed(rng, d).encode()
        for _ in range(rng.choice([0, 0, 1, 2])):
            at = rng.randrange(len(text) + 1)
            piece = rng.choice([d.quote, d.delimiter, "\r", "\n", "z", ""]).encode()
            text = text[:at] + piece + text[at + rng.choice([0, 1]) :]
    text = text.lstrip(b"\xfe\xff")
    return MARK + text if rng.random() < 0.05 else text


# --- what libcsv says ---


@dataclass
class Told:
    """Records as lists of cells (none: a blank line), what came of the rest (see libcsv_tool.c),
    and whether a carriage return that ends no line ended a record for libcsv."""

    records: list[list[bytes]]
    verdict: str
    returned: bool = False


def told(line: str) -> Told:
    """A line of libcsv_tool. Two characters end a line where the first is a carriage return; so
    does one in front of the end of the input."""
    *words, verdict = line.split(" ")
    ended: list[tuple[list[bytes], str]] = []
    cells: list[bytes] = []
    for word in words:
        if word[0] == "f":
            cells.append(bytes.fromhex(word[1:]))
        else:
            ended.append((cells, word[1:]))
            cells = []
    out = Told([], verdict)
    i = 0
    while i < len(ended):
        record, by = ended[i]
        i += 1
        if by == "13" and i < len(ended) and ended[i] == ([], "10"):
            i += 1
        elif by == "13" and (i < len(ended) or verdict != "ok"):
            out.returned = True
            break
        out.records.append(record)
    return out


# --- the comparison ---


class Judge:
    """Documents of one dialect."""

    def __init__(self, d: Dialect, seen: Seen) -> None:
        self.dialect = d
        self.seen = seen

    def judge(self, documents: list[bytes]) -> None:
        """Compares all of them. Raises Wrong."""
        d = self.dialect
        marked = [text[:3] == MARK for text in documents]
        bare = [text[3:] if mark else text for text, mark in zip(documents, marked, strict=True)]
        mode = "strict" if d.strict else "lenient"
        lines = ask("libcsv_tool", bare, mode, d.delimiter, d.quote, "FILE")
        options = ["no_header", f"delimiter={d.delimiter}", f"quote={d.quote}", *d.options]
        options += ["validate"] * d.strict + ["ragged"] * d.ragged
        readings = read_each("csv", documents, PATHS, *options)
        for text, mark, line, reading in zip(documents, marked, lines, readings, strict=True):
            self.seen.documents += 1
            if mark:
                self.seen.meet("libcsv-mark")
            self._one(text, told(line), reading, 3 * mark)

    def _one(self, text: bytes, oracle: Told, reading: Reading, skipped: int) -> None:
        about = f"{self.dialect}: {text!r}"
        rows, refusal = self._wanted(oracle, skipped)
        got = reading.values()
        by = self._explained(text, reading)
        if by and len(got) <= len(rows):
            self.seen.meet(by)
            rows, refusal = rows[: len(got)], Refusal((reading.faults[0].code,))
        elif refusal is None and oracle.returned:
            self.seen.meet("libcsv-carriage-return")
            if any(oracle.records):  # the columns are known
                hold(about, Reading(), rows, got[: len(rows)], None)
                self._keeps_return(reading, len(rows), about)
            return
        hold(about, reading, rows, got, refusal)
        self.seen.rows += len(rows)
        self.seen.refused += refusal is not None

    def _wanted(self, oracle: Told, skipped: int) -> tuple[list[list[Cell]], Refusal | None]:
        """The rows that libcsv's records are by docs/FORMATS.md, and what is refused behind."""
        first = next(filter(None, oracle.records), None)
        n = len(first or [b""])
        rows: list[list[Cell]] = []
        if first is None and oracle.verdict != "ok":
            return rows, self._refused(oracle, skipped)  # in the line that tells the columns
        for record in oracle.records:
            if not record:
                self.seen.meet("libcsv-blank-lines")
                if n > 1:
                    continue
            cells: list[Cell] = [Str(cell) for cell in record or [b""]]
            if any(cell[:1] in (b" ", b"\t") or cell[-1:] in (b" ", b"\t") for cell in record):
                self.seen.meet("libcsv-blanks")
            if len(cells) != n:
                self.seen.meet("libcsv-number-of-cells")
                if not self.dialect.ragged:
                    why = f"the row has {len(cells)} cells, and there are {n} columns"
                    return rows, Refusal(("ROW_INVALID",), why=why)
            cells = (cells[:n] + [MISSING] * MOST_CELLS)[:MOST_CELLS]
            rows.append(cells)
        return rows, self._refused(oracle, skipped)

    def _refused(self, oracle: Told, skipped: int) -> Refusal | None:
        """Strict mode's verdict."""
        if oracle.returned or oracle.verdict == "ok":
            return None
        if oracle.verdict == "open":
            return Refusal(("ROW_TRUNCATED",))
        return Refusal(("ROW_INVALID",), int(oracle.verdict[1:]) + skipped)

    def _explained(self, text: bytes, reading: Reading) -> str | None:
        """The difference that the bytes at the reader's fault show."""
        if not reading.faults:
            return None
        fault = reading.faults[0]
        quote, at = self.dialect.quote.encode(), fault.offset
        if self.dialect.strict:
            begin = text.rfind(b"\n", 0, at) + 1  # never inside of a character
            is_that = "UTF-8" in fault.why and broken_at(text[begin:]) == at - begin
            return "libcsv-utf8" if is_that else None
        if fault.code == "ROW_TRUNCATED":
            return "libcsv-open-quote" if text[at : at + 1] == quote else None
        ends = (b"\n", quote, self.dialect.delimiter.encode())
        if (
            text[at - 1 : at] == quote
            and text[at : at + 1] not in ends
            and text[at : at + 2] != b"\r\n"
        ):
            return "libcsv-behind-quote"
        return None

    def _keeps_return(self, reading: Reading, number: int, about: str) -> None:
        """A carriage return that ends no line is a character of the row, or the row is refused."""
        if number == len(reading.rows):
            if not reading.faults:
                raise Wrong(f"{about}: nothing is said of a carriage return")
            return
        row = reading.rows[number][0].removesuffix(b"\n")
        if b"\r" not in row.removesuffix(b"\r"):
            raise Wrong(f"{about}: a carriage return ended row {number}")


def broken_at(text: bytes) -> int | None:
    """Where it is no UTF-8."""
    try:
        text.decode()
    except UnicodeDecodeError as problem:
        return problem.start
    return None
