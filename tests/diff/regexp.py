"""REGEXP for the reference evaluator: a part of RE2's syntax as a bytes pattern of Python's re.

The part: literals, \\ before punctuation, . and [..] and [^..] of single characters (those of [^..]
ASCII), ( | ), * + ? {m} {m,n}, ^ and $, and the flags. What counts as a character is spelt out in
bytes, as QUERY.md's R4 words it; so nothing here leans on how either engine reads UTF-8.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random

# What has the shape of a character: a newline apart, and all.
_LONG = rb"[\xC2-\xDF][\x80-\xBF]|[\xE0-\xEF][\x80-\xBF]{2}|[\xF0-\xF4][\x80-\xBF]{3}"
_NO_NEWLINE = rb"(?:[\x00-\x09\x0B-\x7F]|" + _LONG + rb")"
_ANY = rb"(?:[\x00-\x7F]|" + _LONG + rb")"


def _piece(rng: Random, char: str) -> str:
    one = char if char.isalnum() or not char.isascii() or char < " " else "\\" + char
    if rng.random() < 0.2:
        plain = char if char.isalnum() and char.isascii() else "x"
        one = rng.choice([".", f"[{plain}b]", f"[^{plain}]", "[^b]"])
    return one + (rng.choice(["*", "+", "?", "{1,3}", "{2}"]) if rng.random() < 0.2 else "")


def drawn(rng: Random, word: bytes) -> tuple[str, str]:
    """A pattern of the part, and flags, for a word that it may match in."""
    flags = "".join(rng.sample("ims", rng.choice([0, 0, 0, 1, 2, 3])))
    start = rng.randrange(len(word) + 1)
    text = word[start : start + rng.randint(1, 8)].decode("utf-8", "ignore")
    if "i" in flags:  # the versions of Unicode may differ in the rest
        text = "".join(char for char in text if char.isascii())
    pieces = [_piece(rng, char) for char in text]
    if len(pieces) > 1 and rng.random() < 0.3:
        at = rng.randint(1, len(pieces) - 1)
        first, second = "".join(pieces[:at]), "".join(pieces[at:])
        pieces = [f"({first}|{second})" + rng.choice(["", "?", "{1,2}"])]
    return rng.choice(["", "", "^"]) + "".join(pieces) + rng.choice(["", "", "$"]), flags


class NotInThePart(ValueError):
    """Syntax that this reference does not know."""


def translated(pattern: str, flags: str, alike: Callable[[str], set[str]]) -> re.Pattern[bytes]:
    """The pattern for re. alike: the characters that are the same as one but for case."""

    def literal(char: str) -> bytes:
        chars = alike(char) | {char} if "i" in flags else {char}
        return b"(?:" + b"|".join(re.escape(c.encode()) for c in sorted(chars)) + b")"

    out: list[bytes] = []
    at = 0
    while at < len(pattern):
        char = pattern[at]
        at += 1
        if char == "\\":
            if at == len(pattern) or pattern[at].isalnum():
                raise NotInThePart(pattern)
            out.append(literal(pattern[at]))
            at += 1
        elif char == ".":
            out.append(_ANY if "s" in flags else _NO_NEWLINE)
        elif char == "^":
            out.append(rb"(?:\A|(?<=\n))" if "m" in flags else rb"\A")
        elif char == "$":
            out.append(rb"(?=\n|\Z)" if "m" in flags else rb"\Z")
        elif char == "[":
            end = pattern.index("]", at)
            negated = pattern[at] == "^"
            members = pattern[at + negated : end]
            if not members or re.search(r"[][\\^-]", members):
                raise NotInThePart(pattern)
            each = b"(?:" + b"|".join(literal(c) for c in members) + b")"
            out.append(b"(?:(?!" + each + b")" + _ANY + b")" if negated else each)
            at = end + 1
        elif char == "{":
            repeat = re.compile(r"\d+(,\d*)?\}").match(pattern, at)
            if repeat is None:
                raise NotInThePart(pattern)
            out.append(b"{" + repeat.group().encode())
            at = repeat.end()
        elif char == "(":
            if pattern.startswith("?", at):
                raise NotInThePart(pattern)
            out.append(b"(?:")
        elif char in ")|*+?":
            out.append(char.encode())
        else:
            out.append(literal(char))
    return re.compile(b"".join(out))
