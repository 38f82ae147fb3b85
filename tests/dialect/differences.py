"""The list of differences that the test allows, as docs/DIALECTS.md has it for people.

Each has an id that names its engine, the rule that decides it for tamis (of proto/QUERY.md, or a
heading of proto/FUNCTIONS.md) and how it is treated:

  translated  the SQL is written so that it has tamis's meaning; the pair is compared
  explained   the pair may differ, but only for rows for which a guard, in SQL, says that the
              difference was met there
  avoided     the generator does not draw it

Nothing else may differ. Printers and generator name the differences by these ids alone.
"""

from __future__ import annotations

from dataclasses import dataclass

TRANSLATED, EXPLAINED, AVOIDED = "translated", "explained", "avoided"


@dataclass(frozen=True)
class Difference:
    """One entry."""

    id: str
    rule: str
    treatment: str

    @property
    def engine(self) -> str:
        """sqlite or duckdb."""
        return self.id.partition("-")[0]


def _list(*entries: tuple[str, str, str]) -> dict[str, Difference]:
    return {name: Difference(name, rule, treatment) for name, rule, treatment in entries}


DIFFERENCES = _list(
    ("sqlite-booleans", "T1", TRANSLATED),
    ("sqlite-order-of-types", "T3", TRANSLATED),
    ("sqlite-types-of-arguments", "V2", TRANSLATED),
    ("sqlite-truthiness", "L5", TRANSLATED),
    ("sqlite-missing", "N1", TRANSLATED),
    ("sqlite-is-unknown", "L4", TRANSLATED),
    ("sqlite-real-constants", "X5", TRANSLATED),
    ("sqlite-overflow", "X7", TRANSLATED),
    ("sqlite-real-remainder", "X7", TRANSLATED),
    ("sqlite-shifts", "X8", TRANSLATED),
    ("sqlite-like-case", "K1", TRANSLATED),
    ("sqlite-escape", "K3", TRANSLATED),
    ("sqlite-round", "round", TRANSLATED),
    ("sqlite-sign", "sign", TRANSLATED),
    ("sqlite-power", "power", TRANSLATED),
    ("sqlite-substr", "substr", TRANSLATED),
    ("sqlite-replace-null", "V1", TRANSLATED),
    ("sqlite-least-null", "least", TRANSLATED),
    ("sqlite-text-tests", "S1", TRANSLATED),
    ("sqlite-octet-length", "octet_length", TRANSLATED),
    ("sqlite-cast", "cast", TRANSLATED),
    ("sqlite-uint64", "X7", EXPLAINED),
    ("sqlite-nan", "F1", EXPLAINED),
    ("sqlite-nul", "S2", EXPLAINED),
    ("sqlite-ascii-case", "lower", EXPLAINED),
    ("sqlite-ascii-ilike", "K6", EXPLAINED),
    ("sqlite-round-digits", "round", EXPLAINED),
    ("sqlite-cast-digits", "cast", EXPLAINED),
    ("sqlite-is-nan", "F3", AVOIDED),
    ("sqlite-is-missing", "N3", AVOIDED),
    ("sqlite-bad-escape", "K3", AVOIDED),
    ("sqlite-ilike-escape", "K2", AVOIDED),
    ("sqlite-booleans-in-case", "T1", AVOIDED),
    ("sqlite-regexp", "R1", AVOIDED),
    ("sqlite-timestamps", "D1", AVOIDED),
    ("sqlite-real-text", "cast", AVOIDED),
    ("sqlite-round-integers", "round", AVOIDED),
    ("sqlite-uint64-cells", "X5", AVOIDED),
    ("duckdb-equality-of-types", "T2", TRANSLATED),
    ("duckdb-order-of-types", "T3", TRANSLATED),
    ("duckdb-types-of-arguments", "V2", TRANSLATED),
    ("duckdb-truthiness", "L5", TRANSLATED),
    ("duckdb-missing", "N1", TRANSLATED),
    ("duckdb-decimals", "X5", TRANSLATED),
    ("duckdb-uint64", "X7", TRANSLATED),
    ("duckdb-division", "X7", TRANSLATED),
    ("duckdb-bits", "X8", TRANSLATED),
    ("duckdb-nan", "F1", TRANSLATED),
    ("duckdb-is-nan", "F3", TRANSLATED),
    ("duckdb-empty-list", "I2", TRANSLATED),
    ("duckdb-escape", "K3", TRANSLATED),
    ("duckdb-floor", "floor", TRANSLATED),
    ("duckdb-sign", "sign", TRANSLATED),
    ("duckdb-sqrt", "sqrt", TRANSLATED),
    ("duckdb-power", "power", TRANSLATED),
    ("duckdb-trim", "trim", TRANSLATED),
    ("duckdb-substr", "substr", TRANSLATED),
    ("duckdb-least-nan", "least", TRANSLATED),
    ("duckdb-cast", "cast", TRANSLATED),
    ("duckdb-second", "date_part", TRANSLATED),
    ("duckdb-epoch", "epoch_ms", TRANSLATED),
    ("duckdb-epoch-rounding", "epoch", TRANSLATED),
    ("duckdb-to-timestamp", "to_timestamp_us", TRANSLATED),
    ("duckdb-rounded-comparison", "X2", EXPLAINED),
    ("duckdb-ilike", "K6", EXPLAINED),
    ("duckdb-upper", "upper", EXPLAINED),
    ("duckdb-round-digits", "round", EXPLAINED),
    ("duckdb-timestamp-range", "D1", EXPLAINED),
    ("duckdb-is-missing", "N3", AVOIDED),
    ("duckdb-bad-escape", "K3", AVOIDED),
    ("duckdb-ilike-escape", "K2", AVOIDED),
    ("duckdb-escape-byte", "K2", AVOIDED),
    ("duckdb-columns-of-types", "T1", AVOIDED),
    ("duckdb-nanoseconds", "D1", AVOIDED),
)


def named(name: str, treatment: str) -> str:
    """The id of a difference with that treatment; KeyError or ValueError for any other."""
    if DIFFERENCES[name].treatment != treatment:
        raise ValueError(f"{name} is not {treatment}")
    return name
