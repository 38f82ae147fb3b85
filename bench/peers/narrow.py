"""The people columns as somebody who knows numpy would keep them for speed: each in the narrowest
type that holds it, cities and tags as codes of a dictionary, names as bytes and offsets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate, chain
from typing import Any

import numpy as np

from harness.queries import Row

Array = Any
"""numpy.ndarray; what is checked without numpy installed cannot say so."""

Q3_CITIES = ("Oslo", "Bergen", "Paris", "Lima", "Turin")


def _offsets(lengths: Iterable[int]) -> Array:
    return np.fromiter(accumulate(lengths, initial=0), np.uint32)


class Narrow:
    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = len(rows)
        self.age = np.fromiter((r["age"] for r in rows), np.uint8, len(rows))
        self.active = np.fromiter((r["active"] for r in rows), np.uint8, len(rows))
        scores = (np.nan if (s := r["score"]) is None else s for r in rows)
        self.score = np.fromiter(scores, np.float64, len(rows))
        """null is NaN, which no comparison keeps"""
        names = [r["name"].encode() for r in rows]
        self.name_bytes = np.frombuffer(b"".join(names), np.uint8)
        self.name_offsets = _offsets(map(len, names))
        self._cities = {c: i for i, c in enumerate(sorted({r["city"] for r in rows}))}
        for row in rows:
            self._cities.setdefault(row["address"]["city"], len(self._cities))
        self.city = self._codes(r["city"] for r in rows)
        self.address_city = self._codes(r["address"]["city"] for r in rows)
        every = sorted(set(chain.from_iterable(r["tags"] for r in rows)))
        tags = {tag: i for i, tag in enumerate(every)}
        self.vip = tags["vip"]
        self.tags = np.fromiter((tags[t] for r in rows for t in r["tags"]), np.uint8)
        self.tag_offsets = _offsets(len(r["tags"]) for r in rows)
        self.oslo = self._cities["Oslo"]
        self.q3_cities = np.array([self._cities[c] for c in Q3_CITIES], np.uint8)

    def _codes(self, cities: Iterable[str]) -> Array:
        return np.fromiter((self._cities[c] for c in cities), np.uint8, self.rows)
