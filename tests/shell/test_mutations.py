"""Damaged inputs under random options: never a crash or a hang, and threads change nothing."""

from __future__ import annotations

import gzip
import random

import pytest

from tests.shell.command import Done, run

CSV = b'\xef\xbb\xbfa,t,"b c"\r\n1,"x,\r\ny""z",3\r\n2,,\n3,5" p,"q"\n4,"un\n'
SEEDS = {
    "jsonl": b'{"a":1,"t":"x\\u00e9\\n","b":{"c":[1,2.5,{"d":null}]}}\n{"a":"2","t":""}\r\n\n'
    b'{"t":"\\"q\\"","a":null}\n[1]\n{"a":3}',
    "csv": CSV,
    "tsv": CSV.replace(b",", b"\t"),
    "msgpack": b"\x82\xa1a\x01\xa1t\xa2xy\x81\xa1a\xca?\x80\x00\x00\x83\xa1a\xd7\xff\x00\x00\x00"
    b"\x01\x00\x00\x00\x02\xa1t\xc4\x02ab\xa1b\x81\x01\x93\xc0\xc3\xcb?\xf0\0\0\0\0\0\0",
}
QUERIES = ["a > 1", "true", "a = '1' or t like '%y%'", "b.c[2].d is null", "not (a = 1)"]
OPTIONS = [
    ["-v"],
    ["-c"],
    ["-n", "1"],
    ["-q"],
    ["-s", "a,t"],
    ["-s", "b.c,t,a"],
    ["-t", "jsonl"],
    ["-t", "csv"],
    ["-t", "tsv"],
    ["-t", "msgpack"],
    ["--on-error=skip"],
    ["--validate"],
    ["--strict"],
    ["--ragged"],
    ["--types", "a=int"],
    ["--no-header"],
    ["--names", "a,t"],
    ["--row-bytes=20"],
    ["-e"],
    ["--line-buffered"],
]
ROUNDS = 40


def damaged(chosen: random.Random, data: bytes) -> bytes:
    """A few bytes changed, taken away, put in or doubled."""
    raw = bytearray(data)
    for _ in range(chosen.randrange(6)):
        at = chosen.randrange(len(raw) + 1)
        match chosen.randrange(4):
            case 0:
                raw[at : at + 1] = bytes([chosen.randrange(256)])
            case 1:
                raw[at:at] = bytes(
                    chosen.choices(b'"\n\r,{}[]:\\\x00\xff\t0', k=chosen.randrange(1, 4))
                )
            case 2:
                del raw[at : at + chosen.randrange(8)]
            case 3:
                raw[at:at] = raw[at : at + chosen.randrange(30)]
    return bytes(raw) * chosen.choice([1, 1, 3, 10])


def judged(arguments: list[str], data: bytes) -> Done:
    """Runs it, and asserts that it ended as a command ends."""
    done = run(*arguments, stdin=data)
    assert done.status in (0, 1, 2), (arguments, data, done.err)
    assert "Sanitizer" not in done.err and "runtime error" not in done.err, (arguments, data)
    assert done.status != 2 or done.err.startswith("tamis: "), (arguments, data)
    return done


@pytest.mark.parametrize("format", SEEDS)
@pytest.mark.parametrize("seed", range(3))
def test_damaged_inputs(format: str, seed: int) -> None:
    chosen = random.Random(f"{format} {seed}")
    for _ in range(ROUNDS):
        data = damaged(chosen, SEEDS[format])
        arguments = [
            word for option in chosen.sample(OPTIONS, k=chosen.randrange(4)) for word in option
        ]
        if chosen.random() < 0.8:
            arguments += ["-f", format]
        arguments.append(chosen.choice(QUERIES))
        one = judged(arguments, data)
        assert judged(["--threads=2", *arguments], data) == one, (arguments, data)
        packed = bytearray(gzip.compress(data))
        packed[chosen.randrange(len(packed))] ^= 1 << chosen.randrange(8)
        judged(arguments, bytes(packed))
