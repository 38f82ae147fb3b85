"""The compiled answers to the original problem: generic ones take the terms, the others a query."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from types import ModuleType
from typing import Any

from harness.queries import Query, Row
from peers import compiled

Keep = Callable[[list[Row]], list[Row]]


def _of(module: ModuleType, query: Query) -> Keep:
    keep: Keep = getattr(module, f"keep_{query.name.lower()}")
    return keep


def by_ctypes(query: Query) -> Keep:
    """C that walks the dicts: the bound of what can be done with them."""
    keep: Any = compiled.c_library()[f"keep_{query.name.lower()}"]
    keep.argtypes, keep.restype = [ctypes.py_object], ctypes.py_object
    result: Keep = keep
    return result


def cython(query: Query) -> Keep:
    return _of(compiled.cython_module(), query)


def cython_generic(query: Query) -> Keep:
    module: Any = compiled.cython_module()
    terms = []
    for field, op, constant in query.terms:
        outer, _, inner = field.partition(".")
        first, second = constant if op == "between" else (constant, None)
        terms.append((outer, inner or None, module.OPERATORS[op], first, second))
    return lambda rows: module.generic(rows, terms)


def mypyc(query: Query) -> Keep:
    return _of(compiled.mypyc_module(), query)


def mypyc_generic(query: Query) -> Keep:
    module: Any = compiled.mypyc_module()
    terms = [(field.split("."), op, constant) for field, op, constant in query.terms]
    return lambda rows: module.generic(rows, terms)


def pyo3(query: Query) -> Keep:
    return _of(compiled.pyo3_module(), query)


def pyo3_generic(query: Query) -> Keep:
    module: Any = compiled.pyo3_module()
    terms = list(query.terms)
    return lambda rows: module.generic(rows, terms)
