"""What mypyc compiles: a generic loop that asks for the operator, and a loop a query. Imports
nothing of ours, since it becomes an extension module of its own."""

from __future__ import annotations

import re
from typing import Any


def _passes(value: Any, op: str, constant: Any) -> bool:
    if op == "=":
        return bool(value == constant)
    if op == ">":
        return bool(value > constant)
    if op == ">=":
        return bool(value >= constant)
    if op == "between":
        return bool(constant[0] <= value <= constant[1])
    if op == "in":
        return value in constant
    if op == "starts":
        return bool(value.startswith(constant))
    if op == "contains":
        return constant in value
    if op == "regexp":
        return re.search(constant, value) is not None
    raise ValueError(f"unknown operator {op!r}")


def generic(
    rows: list[dict[str, Any]], terms: list[tuple[list[str], str, Any]]
) -> list[dict[str, Any]]:
    """Terms are steps to the field, operator, constant."""
    kept = []
    for row in rows:
        for steps, op, constant in terms:
            value: Any = row
            for step in steps:
                value = value[step]
            if value is None or not _passes(value, op, constant):
                break
        else:
            kept.append(row)
    return kept


def keep_q1(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    kept = []
    for row in rows:
        age: int = row["age"]
        if age >= 30:
            kept.append(row)
    return kept


def keep_q2(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    kept = []
    for row in rows:
        age: int = row["age"]
        if age >= 30:
            city: str = row["city"]
            if city == "Oslo":
                kept.append(row)
    return kept


def keep_q3(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    kept = []
    cities = {"Oslo", "Bergen", "Paris", "Lima", "Turin"}
    for row in rows:
        age: int = row["age"]
        if age < 25 or age > 60 or row["city"] not in cities or row["active"] is not True:
            continue
        score: float | None = row["score"]
        if score is None or not score > 0.5:
            continue
        name: str = row["name"]
        if name.startswith("A"):
            kept.append(row)
    return kept


def keep_q4s(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    kept = []
    for row in rows:
        name: str = row["name"]
        if "ansen" in name:
            kept.append(row)
    return kept


def keep_q5(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    kept = []
    for row in rows:
        address: dict[str, Any] = row["address"]
        city: str = address["city"]
        if city == "Oslo":
            tags: list[str] = row["tags"]
            if "vip" in tags:
                kept.append(row)
    return kept
