"""pyarrow.compute, Polars and pandas over their own tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pandas
import polars
import pyarrow
import pyarrow.compute as pc

from harness.queries import NAMES, QUERIES, Row
from peers.narrow import Q3_CITIES
from peers.peer import Peer

_PATTERN = QUERIES["Q4r"].terms[0][2]


def arrow(table: Any) -> Peer:
    """pyarrow.compute, a kernel after the other, on one thread."""
    columns = {name: table.column(name).combine_chunks() for name in table.column_names}
    age, city, name, tags = (columns[c] for c in ("age", "city", "name", "tags"))
    q3_cities = pyarrow.array(Q3_CITIES)

    def all_of(*masks: Any) -> Any:
        kept = masks[0]
        for mask in masks[1:]:
            kept = pc.and_(kept, mask)
        return kept

    def q5() -> Any:
        left = pc.indices_nonzero(pc.equal(pc.struct_field(columns["address"], "city"), "Oslo"))
        few = tags.take(left)
        at = pc.list_parent_indices(few).filter(pc.equal(pc.list_flatten(few), "vip"))
        return left.take(pc.unique(at))

    masks: dict[str, Callable[[], Any]] = {
        "Q1": lambda: pc.greater_equal(age, 30),
        "Q2": lambda: all_of(pc.greater_equal(age, 30), pc.equal(city, "Oslo")),
        "Q3": lambda: all_of(
            pc.greater_equal(age, 25),
            pc.less_equal(age, 60),
            pc.is_in(city, value_set=q3_cities),
            columns["active"],
            pc.fill_null(pc.greater(columns["score"], 0.5), False),
            pc.starts_with(name, "A"),
        ),
        "Q4s": lambda: pc.match_substring(name, "ansen"),
        "Q4r": lambda: pc.match_substring_regex(name, _PATTERN),
    }

    def indices(mask: Callable[[], Any]) -> Callable[[], Any]:
        return lambda: pc.indices_nonzero(mask())

    def count(mask: Callable[[], Any]) -> Callable[[], int]:
        return lambda: mask().true_count

    return Peer(
        "pyarrow.compute",
        {**{q: indices(mask) for q, mask in masks.items()}, "Q5": q5},
        {**{q: count(mask) for q, mask in masks.items()}, "Q5": lambda: len(q5())},
    )


def polars_terms() -> dict[str, Any]:
    """The queries as Polars expressions."""
    col = polars.col
    return {
        "Q1": col("age") >= 30,
        "Q2": (col("age") >= 30) & (col("city") == "Oslo"),
        "Q3": col("age").is_between(25, 60)
        & col("city").is_in(Q3_CITIES)
        & col("active")
        & (col("score") > 0.5)
        & col("name").str.starts_with("A"),
        "Q4s": col("name").str.contains("ansen", literal=True),
        "Q4r": col("name").str.contains(_PATTERN),
        "Q5": (col("address").struct.field("city") == "Oslo") & col("tags").list.contains("vip"),
    }


def with_polars(table: Any) -> Peer:
    """Polars on all cores."""
    frame = polars.from_arrow(table).rechunk()

    def indices(term: Any) -> Callable[[], Any]:
        return lambda: frame.select(polars.arg_where(term)).to_series()

    def count(term: Any) -> Callable[[], int]:
        return lambda: int(frame.select(term.sum()).item())

    terms = polars_terms()
    return Peer(
        "Polars",
        {q: indices(term) for q, term in terms.items()},
        {q: count(term) for q, term in terms.items()},
    )


PANDAS = {
    "Q1": "age >= 30",
    "Q2": "age >= 30 and city == 'Oslo'",
    "Q3": "25 <= age <= 60 and city in @cities and active and score > 0.5"
    " and name.str.startswith('A')",
    "Q4s": "name.str.contains('ansen', regex=False)",
    "Q4r": "name.str.contains(@pattern)",
}


def pandas_query(rows: Sequence[Row]) -> Peer:
    """DataFrame.query over the flat columns, types as pandas finds them."""
    wanted = ("age", "city", "name", "active", "score")
    frame = pandas.DataFrame({name: [r[name] for r in rows] for name in wanted})
    names = {
        "cities": list(Q3_CITIES),
        "pattern": NAMES["q4r"].__self__.pattern.replace("(", "(?:"),
    }

    def kept(text: str) -> Callable[[], Any]:
        return lambda: frame.query(text, local_dict=names).index

    def count(text: str) -> Callable[[], int]:
        return lambda: len(frame.query(text, local_dict=names))

    return Peer(
        "pandas.query",
        {q: kept(text) for q, text in PANDAS.items()},
        {q: count(text) for q, text in PANDAS.items()},
    )
