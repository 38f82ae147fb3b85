# cython: language_level=3, boundscheck=False, wraparound=False
"""What Cython compiles: a generic loop over terms whose operators are numbers, and a loop a query."""

import re

OPERATORS = {name: i for i, name in enumerate("= > >= between in starts contains regexp".split())}


cdef bint passes(object value, int op, object constant, object second) except -1:
    if op == 0:
        return value == constant
    if op == 1:
        return value > constant
    if op == 2:
        return value >= constant
    if op == 3:
        return value >= constant and value <= second
    if op == 4:
        return value in constant
    if op == 5:
        return (<str>value).startswith(<str>constant)
    if op == 6:
        return constant in value
    return re.search(constant, value) is not None


def generic(list rows, list terms):
    """Terms are key, key inside it or None, operator's number, constant, second constant."""
    cdef list kept = []
    cdef dict row
    cdef tuple term
    cdef object value
    cdef bint ok
    for row in rows:
        ok = True
        for term in terms:
            value = row[term[0]]
            if term[1] is not None:
                value = (<dict>value)[term[1]]
            if value is None or not passes(value, term[2], term[3], term[4]):
                ok = False
                break
        if ok:
            kept.append(row)
    return kept


def keep_q1(list rows):
    cdef list kept = []
    cdef dict row
    cdef long age
    for row in rows:
        age = row["age"]
        if age >= 30:
            kept.append(row)
    return kept


def keep_q2(list rows):
    cdef list kept = []
    cdef dict row
    cdef long age
    for row in rows:
        age = row["age"]
        if age >= 30 and <str>row["city"] == "Oslo":
            kept.append(row)
    return kept


def keep_q3(list rows):
    cdef list kept = []
    cdef dict row
    cdef long age
    cdef object score
    cdef object cities = frozenset(("Oslo", "Bergen", "Paris", "Lima", "Turin"))
    for row in rows:
        age = row["age"]
        if age < 25 or age > 60 or row["city"] not in cities or row["active"] is not True:
            continue
        score = row["score"]
        if score is not None and <double>score > 0.5 and (<str>row["name"]).startswith("A"):
            kept.append(row)
    return kept


def keep_q4s(list rows):
    cdef list kept = []
    cdef dict row
    for row in rows:
        if "ansen" in <str>row["name"]:
            kept.append(row)
    return kept


def keep_q5(list rows):
    cdef list kept = []
    cdef dict row
    for row in rows:
        if <str>(<dict>row["address"])["city"] == "Oslo" and "vip" in <list>row["tags"]:
            kept.append(row)
    return kept
