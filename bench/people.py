"""The "people" rows: made up, the same on every machine, the same shape that a user table has.

1,000,000 rows ("people") and the first 50,000 of them ("small"), as a msgpack stream, as JSON lines
and as CSV. A file is written only when it is absent or when VERSION below has moved on.

Only random.random() is used: it is the one method whose sequence Python promises to keep.

Run alone: people.py DIRECTORY [msgpack|jsonl|csv ...]
"""

from __future__ import annotations

import bisect
import itertools
import json
import os
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

VERSION = "1"
SIZES = {"small": 50_000, "people": 1_000_000}
FORMATS = ("msgpack", "jsonl", "csv")

T = TypeVar("T")
Row = dict[str, Any]

# 66 given names, six of them with an A; 60 family names, two of them with "ansen".
GIVEN = """
Astrid Alva Anders Amina Abel Agnes Birgit Boris Bianca Cecilia Carlos Cem Dora Daniel Dilan Eva
Emil Esra Freya Frank Fatima Greta Georg Gita Henrik Helena Hasan Ida Igor Isabel Jan Johanna
Jorge Kirsten Karl Kaya Lena Leon Lucia Marta Marco Mina Nina Noah Naoko Oskar Oda Paula Peter
Pia Rolf Ruth Ravi Silje Stefan Samir Thea Theo Tove Ulrik Ursula Vidar Vanja Willem Yara
Zora""".split()
FAMILY = """
Hansen Christiansen Pedersen Jensen Karlsen Sorensen Lund Bakke Strand Vik Taylor Davies Evans
Walker Fernandez Perez Bianchi Ferrari Costa Pereira Becker Hoffmann Koch Svoboda Nowak
Wisniewski Kuznetsov Sokolov Watanabe Yamamoto Kobayashi Lee Choi Pham Le Sharma Gupta Mehta
Ahmed Rahman Ibrahim Adeyemi Boateng Bernard Petit Lefebvre Maes Claes Nyberg Svensson
Gustavsson Makinen Laine Nikolaidis Toth Szabo Ionescu O'Brien Byrne Kelly""".split()

# From the most to the least frequent; a city at place i has the weight 1 / (i + 3).
CITIES = """
Madrid Paris London Berlin Oslo Milan Cairo Delhi Osaka Lima Krakow Vienna Prague Bergen Turin
Lille Lisbon Busan Mumbai Lagos Dakar Kampala Cusco Cali Hue Cebu Hobart Darwin Cork York Lund
Odense Oulu Vaasa Riga Kaunas Tartu Varna Rijeka Pula Linz Geneva Zug Bruges Delft Breda Rennes
Nice Zürich Köln""".split()
TAGS = """
trial new lapsed alpha digest pupil reseller crew app site north south asia offer return trade
retail leaving regular""".split()

CITY_SUMS = list(itertools.accumulate(1 / (i + 3) for i in range(len(CITIES))))
FIRST_DAY = 1_262_304_000  # 2010-01-01
DAYS_SECONDS = 14 * 365 * 86_400


class _Dice:
    """Draws, all of them made of random.random()."""

    def __init__(self, seed: int) -> None:
        self.unit = random.Random(seed).random

    def below(self, n: int) -> int:
        return int(self.unit() * n)

    def pick(self, items: Sequence[T]) -> T:
        return items[int(self.unit() * len(items))]

    def chance(self, p: float) -> bool:
        return self.unit() < p

    def city(self) -> str:
        return CITIES[bisect.bisect_right(CITY_SUMS, self.unit() * CITY_SUMS[-1])]

    def some(self, items: Sequence[T], n: int) -> list[T]:
        """n different items in random order."""
        left = list(items)
        return [left.pop(self.below(len(left))) for _ in range(n)]


def rows(count: int, seed: int = 7_411) -> Iterator[Row]:
    """The first `count` rows. Each call gives the same; a longer one begins with a shorter."""
    dice = _Dice(seed)
    for number in range(count):
        age = int(100 * (0.55 * dice.unit() + 0.45 * dice.unit()) + 0.02)
        city = dice.city()
        tags = dice.some(TAGS, dice.below(5))
        if dice.chance(0.05):
            tags.insert(dice.below(len(tags) + 1), "vip")
        yield {
            "id": number,
            "age": age,
            "salary": round(18_000 + 90_000 * dice.unit() ** 2, 2),
            "city": city,
            "name": f"{dice.pick(GIVEN)} {dice.pick(FAMILY)} {dice.below(100_000)}",
            "active": dice.chance(0.7),
            "joined": FIRST_DAY + dice.below(DAYS_SECONDS),
            "score": None if dice.chance(0.05) else round(dice.unit(), 4),
            "tags": tags,
            "address": {
                "city": city if dice.chance(0.85) else dice.pick(CITIES),
                "zip": f"{dice.below(100_000):05d}",
            },
        }


CSV_HEAD = "id,age,salary,city,name,active,joined,score,address_city,address_zip,tags\n"


def _csv(row: Row) -> bytes:
    """One CSV line; no value of ours needs quotes, null is the empty cell."""
    cells = [row["id"], row["age"], row["salary"], row["city"], row["name"]]
    cells += ["true" if row["active"] else "false", row["joined"]]
    cells += ["" if row["score"] is None else row["score"]]
    cells += [row["address"]["city"], row["address"]["zip"], ";".join(row["tags"])]
    return (",".join(map(str, cells)) + "\n").encode()


def _jsonl(row: Row) -> bytes:
    return (json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n").encode()


def _encoder(form: str) -> Callable[[Row], bytes]:
    if form == "csv":
        return _csv
    if form == "jsonl":
        return _jsonl
    import msgpack  # only here: the rows themselves need nothing but Python

    pack: Callable[[Row], bytes] = msgpack.Packer().pack
    return pack


def ensure(directory: Path, name: str, form: str) -> Path:
    """The file of the rows `name` ("small" or "people") in `form`, written first if need be.

    Raises KeyError for an unknown name, ValueError for an unknown form, OSError if it cannot write.
    """
    count = SIZES[name]
    if form not in FORMATS:
        raise ValueError(f"unknown format {form!r}, known are {', '.join(FORMATS)}")
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{name}.{form}"
    stamp = directory / f"{name}.{form}.version"
    if path.exists() and stamp.exists() and stamp.read_text() == VERSION:
        return path
    print(f"writing {path.name} ({count:,} rows)", file=sys.stderr)
    encode = _encoder(form)
    part = path.with_suffix(path.suffix + ".part")
    with part.open("wb", buffering=1 << 20) as out:
        if form == "csv":
            out.write(CSV_HEAD.encode())
        for row in rows(count):
            out.write(encode(row))
    os.replace(part, path)
    stamp.write_text(VERSION)
    return path


def main(arguments: Sequence[str]) -> int:
    if not arguments:
        print(__doc__, file=sys.stderr)
        return 2
    for form in arguments[1:] or FORMATS:
        for name in SIZES:
            print(ensure(Path(arguments[0]), name, form))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
