"""Several connections that load, change, drop and ask the same tables at once, for the sanitizers.

Rows come and go in pairs of n and -n, so in every state of a table their number is even and the sum
of a column is zero.
"""

from __future__ import annotations

import random
import struct
import threading
from collections.abc import Callable

from daemon import Listening
from tables import ask, error_of, maps, plain

from tests.lib import wire
from tests.lib.mp import Bin, Plain, Value
from tests.lib.wire import Answer, Connection, Refused

PAIRS = 400
ROUNDS = 40
LARGE = 700_000  # rows that several threads look at together


def pairs(dice: random.Random) -> list[dict[str, Plain]]:
    numbers = [(pair, dice.randrange(1000)) for pair in dice.sample(range(PAIRS), 100)]
    return [
        {"id": 2 * pair + side, "n": -n if side else n, "side": "+-"[side], "in": {"n": n}}
        for pair, n in numbers
        for side in (0, 1)
    ]


def large(client: Connection) -> None:
    """A table of LARGE rows, whole and at once."""
    numbers = struct.pack(f"<{LARGE}q", *((i // 2) * (-1) ** i for i in range(LARGE)))
    half = len(numbers) // 2
    table = client.create("large", exists="replace")
    for part in (numbers[:half], numbers[half:]):
        client.load(table, [["columns", LARGE // 2, [["n", "i64", Bin(part), None, None]]]])


def load(client: Connection, dice: random.Random) -> None:
    mode = dice.choice(["upsert", "upsert", "replace"])
    client.load("t", [maps(pairs(dice))], mode=mode)


def change(client: Connection, dice: random.Random) -> None:
    doing = dice.randrange(8)
    if doing == 0:
        client.create("t", key="id", exists="replace")
    elif doing == 1:
        client.call(wire.DROP, "t")
        client.create("t", key="id", exists="open")
    elif doing == 2:
        client.call(wire.DESCRIBE, "t")
    else:
        gone = dice.sample(range(PAIRS), 20)
        client.call(wire.DELETE, "t", [2 * pair + side for pair in gone for side in (0, 1)])


def total(replies: list[list[Value]]) -> int:
    """The sum of a result of one column of integers."""
    numbers = 0
    for message in replies[:-1]:
        ((_, kind, data, _, _),) = message[5]  # type: ignore[misc]
        assert plain(kind) == "i64"
        assert isinstance(data, Bin)
        numbers += sum(struct.unpack(f"<{len(data.raw) // 8}q", data.raw))
    return numbers


def question(client: Connection, dice: random.Random) -> None:
    table = dice.choice(["t", "t", "large"])
    query = dice.choice(["n <> 0", "abs(n) < 500", "n between -300 and 300"])
    if table == "t" and dice.random() < 0.5:
        query += ' and "in".n < 800'
    options: dict[str, Plain] = {"result": "count", "strict": dice.random() < 0.2}
    if table == "t" and dice.random() < 0.7:
        options = {"result": "columns", "columns": ["n"]}
        if dice.random() < 0.5:
            options["order"] = [["n", "desc"]]
    replies = ask(client, table, query, **options)
    if replies[-1][0] == wire.ERROR:
        assert error_of(replies) == "TABLE_UNKNOWN"
        return
    done = wire.fields(replies[-1][2])
    assert isinstance(done["matched"], int)
    assert done["matched"] % 2 == 0
    if options["result"] == "columns":
        assert total(replies) == 0
    else:
        assert Answer.of(replies).done["matched"] == done["matched"]


def repeat(
    path: str, seed: int, act: Callable[[Connection, random.Random], None], failed: list[str]
) -> None:
    """Acts over a connection that is closed now and then, whatever is open elsewhere."""
    dice = random.Random(seed)
    client = Connection.connect(path)
    try:
        for _ in range(ROUNDS):
            try:
                act(client, dice)
            except Refused as refused:
                assert refused.args[0] == "TABLE_UNKNOWN", refused
            if dice.random() < 0.1:
                client.close()
                client = Connection.connect(path)
    except BaseException as error:
        failed.append(f"{act.__name__}: {error!r}")
    finally:
        client.close()


def test_all_at_once() -> None:
    failed: list[str] = []
    with Listening() as daemon:
        first = Connection.connect(daemon.path)
        first.create("t", key="id")
        large(first)
        acts = [load, load, change, question, question, question]
        threads = [
            threading.Thread(target=repeat, args=(daemon.path, seed, act, failed))
            for seed, act in enumerate(acts)
        ]
        for thread in threads:
            thread.start()
        large(first)  # the old one is read to its end
        for thread in threads:
            thread.join()
        first.close()
    assert not failed
