"""numpy and numexpr over columns in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numexpr
import numpy as np

from harness.queries import Row
from peers.narrow import Q3_CITIES, Array, Narrow
from peers.peer import Peer

_INITIAL_A = ord("A")


def _of_masks(name: str, masks: dict[str, Callable[[], Array]]) -> Peer:
    def indices(mask: Callable[[], Array]) -> Callable[[], Array]:
        return lambda: np.flatnonzero(mask())

    def count(mask: Callable[[], Array]) -> Callable[[], int]:
        return lambda: int(np.count_nonzero(mask()))

    return Peer(
        name,
        {query: indices(mask) for query, mask in masks.items()},
        {query: count(mask) for query, mask in masks.items()},
    )


def narrow(c: Narrow) -> Peer:
    """Narrow arrays and coded cities by hand; names are looked at for the rows that are left."""
    in_q3: Array = np.zeros(256, np.bool_)
    in_q3[c.q3_cities] = True
    active = c.active.view(np.bool_)

    def q3() -> Array:
        left = np.flatnonzero(
            (c.age - 25 <= 35)
            & in_q3[c.city]
            & active
            & (c.score > 0.5)  # unsigned: one comparison
        )
        return left[c.name_bytes[c.name_offsets[left]] == _INITIAL_A]

    def q5() -> Array:
        left = np.flatnonzero(c.address_city == c.oslo)
        vips: Array = np.zeros(c.rows, np.bool_)
        at = np.flatnonzero(c.tags == c.vip)
        vips[np.searchsorted(c.tag_offsets, at, side="right") - 1] = True
        return left[vips[left]]

    masks: dict[str, Callable[[], Array]] = {
        "Q1": lambda: c.age >= 30,
        "Q2": lambda: (c.age >= 30) & (c.city == c.oslo),
    }
    peer = _of_masks("numpy, narrow and coded", masks)
    return Peer(
        peer.name,
        {**peer.indices, "Q3": q3, "Q5": q5},
        {**peer.count, "Q3": lambda: len(q3()), "Q5": lambda: len(q5())},
    )


def pulled(rows: Sequence[Row]) -> Peer:
    """Arrays as np.array makes them of the values: 64-bit numbers, strings as fixed width."""
    age = np.array([r["age"] for r in rows])
    city = np.array([r["city"] for r in rows])
    name = np.array([r["name"] for r in rows])
    active = np.array([r["active"] for r in rows])
    score = np.array([r["score"] for r in rows], np.float64)
    return _of_masks(
        "numpy, as pulled",
        {
            "Q1": lambda: age >= 30,
            "Q2": lambda: (age >= 30) & (city == "Oslo"),
            "Q3": lambda: (
                (age >= 25)
                & (age <= 60)
                & np.isin(city, Q3_CITIES)
                & active
                & (score > 0.5)
                & np.strings.startswith(name, "A")
            ),
            "Q4s": lambda: np.strings.find(name, "ansen") >= 0,
        },
    )


def with_numexpr(c: Narrow) -> Peer:
    """numexpr over the narrow arrays, on all cores."""
    names = {"age": c.age, "city": c.city, "oslo": np.uint8(c.oslo)}

    def mask(text: str) -> Callable[[], Array]:
        return lambda: numexpr.evaluate(text, local_dict=names)

    return _of_masks(
        "numexpr, narrow and coded",
        {"Q1": mask("age >= 30"), "Q2": mask("(age >= 30) & (city == oslo)")},
    )
