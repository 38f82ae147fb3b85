#!/usr/bin/env python3
"""Writes the seeds of tests/fuzz/corpus: one small file for each thing a target can meet.

usage: tests/fuzz/make_corpus.py       (a test in tests/lint checks that the tree holds them)

A file that a fuzzer found and that is worth keeping is put beside the seeds by hand, named after
what it shows. It is long because messages are made of the seeds for values and queries.
"""

import hashlib
import struct
from collections.abc import Iterator
from pathlib import Path

CORPUS = Path(__file__).resolve().parent / "corpus"
VECTORS = CORPUS.parents[2] / "proto" / "vectors"

QUERIES = '''\
(a, b, c) < (1, 'x', :y) or (a, b) in ((1, 2), (3, 4)) or (a, b) not between (1, 2) and (3, 4)
((a, x in t) >= (b, true), d) <> (true, 1) and (a, b) is not distinct from (?, null) or (a, b) in ()
(:a, :b) < (:c, :d) and (?, e) = (f, ?)
-a::int > -5::double precision::text and (b || 'x')::varchar = c.d[0]::timestamptz
a + b * -c / 2 % d - -(5) > ~e & 3 | 4 << 1 >> f
a || b || 'x' = lower(c) || CAST(d AS text)
CASE WHEN a THEN b WHEN c = 1 THEN d ELSE NULL END = CASE e WHEN 1 THEN 2 WHEN f THEN g END
EXTRACT(year FROM t) = 2020 AND t + INTERVAL '1 month -2 days' < u - INTERVAL '3 hours'
coalesce(a, b, 1) = greatest(least(c, d), nullif(e, f)) AND round(g, 2) BETWEEN h - 1 AND h + 1
TRY_CAST(a AS double) IN (1, b + 1) AND ANY e IN t SATISFIES e * 2 > c + 1 END
- - - a = + + - 5 AND case.when
a REGEXP '^(a|b)+\\d{2,5}[^x-z]$' FLAGS 'im' OR b NOT REGEXP :p FLAGS ? AND ANY(t) REGEXP '(?i)x'
a REGEXP '(' OR a REGEXP '[z-a]' FLAGS 'ig'
CAST(a AS timestamp) < TRY_CAST(b AS 'Boolean') OR try_cast(lower(c) as varchar) = 1
CASE a WHEN 1 THEN CASE WHEN b THEN c END ELSE CASE WHEN d THEN e ELSE NULL END END
case when then when 1 then else end
t + INTERVAL '-1 year 2 quarters +3 weeks 4ms' > t
t - INTERVAL '-1 year 2 quarters +3 weeks 4milliseconds 5 nanoseconds ' > u
t - INTERVAL '1 fortnight' > u + INTERVAL '1.5 days'
t + INTERVAL '99999999999999999999 days' = interval + 1
extract('epoch' from date_trunc('week', t)) = date_part(f, to_timestamp_ms(g)) + ts_add(t, 1, -2, 3)
extract(from t) = 1 or extract(yaer from t) = 1
substr(replace(trim(a, 'x'), b, c), 1, 2) = ltrim(rtrim(d)) || upper(e)
strpos(f, 'y') > octet_length(g)
type_of(a) = 'map' AND array_length(b) = mod(c, 2)
ip_in(d, '10.0.0.0/8') AND power(abs(e), 2) < sqrt(sign(f))
lower() = upper(a, b, c) or lenght(a) = now()
a = [1, [2.5, {'k': null, 3: x'00'}], 'x'] or b = {} or c = {1: [ext(5, x'ff')]}
any e in t satisfies case when e then f(e) else cast(e as text) regexp 'x' end end
a = 1
a <> -9223372036854775808
a < 18446744073709551615 and b >= 1.5e300
a <= .5 or a > 5. or b = -0.0
not (a = 1 and not b = 2) or c is null
a is not null and b is missing and c is not missing and d is true
(a = 1) is not true or (b = 2) is unknown or c is nan or d is not false
a is distinct from null or a is not distinct from b
a in (1, 'two', 3.0, X'00ff', null, true, timestamp '1969-12-31T23:59:59.999999999Z')
a not in () or b in (:list) or c in ?
a between 1 and 2 and b not between :low and :high
a like 'x%_y' and b not like '!%!_!!' escape '!' and c ilike '\u0416%' escape '\u0416'
starts_with(a, 'x') and ends_with(b, '') and contains(c, 'it''s')
a.b[0]."odd ""key"""[4294967295].c = d[1]
'x' in tags and any(tags) = 'y' and every(scores) >= 3
any e in items satisfies e.a = 1 and any f in e.list satisfies f = e.a or f = b end end
every e in items satisfies e is not null end
t >= timestamp '2020-02-29T12:30:45.5+05:30'
"select" = "from" and "" = ''
flag and not other
true or false or null
a = 'line\vbreak' -- comment
((((((((((a))))))))))
a = 99999999999999999999
a = 1e999
a = str X'fffe' and b > str x''
a like 'x!' escape '!'
a = 'unterminated
a lik 'x'
a = timestamp '2020-01-01T00:00:60Z'
a = timestamp '2020-01-01T00:00:00'
a in (1,,2)
length(a) = 3
'''


def nil() -> bytes:
    """msgpack nil."""
    return b"\xc0"


def text(value: str) -> bytes:
    """A msgpack str in its shortest form."""
    raw = value.encode()
    if len(raw) < 32:
        return bytes([0xA0 | len(raw)]) + raw
    return struct.pack(">BH", 0xDA, len(raw)) + raw


def binary(value: bytes) -> bytes:
    """A msgpack bin."""
    return struct.pack(">BB", 0xC4, len(value)) + value


def array(*items: bytes) -> bytes:
    """A msgpack array of up to 15 encoded values."""
    return bytes([0x90 | len(items)]) + b"".join(items)


def mapping(*items: bytes) -> bytes:
    """A msgpack map of up to 15 pairs of encoded values."""
    return bytes([0x80 | len(items) // 2]) + b"".join(items)


def number(value: int) -> bytes:
    """A small msgpack integer."""
    return bytes([value & 0xFF]) if -32 <= value < 128 else struct.pack(">Bi", 0xD2, value)


# One value of every type and of every width of its header.
VALUES = {
    "nil": nil(),
    "false": b"\xc2",
    "true": b"\xc3",
    "never_used": b"\xc1",
    "int_5_in_9_bytes": b"\xd3" + struct.pack(">q", 5),
    "int_least": b"\xd3" + struct.pack(">q", -(2**63)),
    "uint_most": b"\xcf" + struct.pack(">Q", 2**64 - 1),
    "float32": b"\xca" + struct.pack(">f", 0.1),
    "nan": b"\xcb" + struct.pack(">d", float("nan")),
    "minus_zero": b"\xcb" + struct.pack(">d", -0.0),
    "str8": b"\xd9\x03abc",
    "str16": b"\xda\x00\x03abc",
    "str32": b"\xdb\x00\x00\x00\x03abc",
    "str_not_utf8": b"\xa2\xff\xfe",
    "str_with_nul": b"\xa3a\0b",
    "bin8": b"\xc4\x01\x00",
    "bin16": b"\xc5\x00\x01\x00",
    "bin32": b"\xc6\x00\x00\x00\x01\x00",
    "array16": b"\xdc\x00\x01\x01",
    "array32": b"\xdd\x00\x00\x00\x01\x01",
    "map16": b"\xde\x00\x01\xa1k\x01",
    "map32": b"\xdf\x00\x00\x00\x01\xa1k\x01",
    "fixext1": b"\xd4\x05x",
    "timestamp32": b"\xd6\xff" + struct.pack(">I", 1),
    "timestamp64": b"\xd7\xff" + struct.pack(">Q", (999999999 << 34) | 1),
    "timestamp64_bad": b"\xd7\xff" + struct.pack(">Q", (1000000000 << 34) | 1),
    "timestamp96": b"\xc7\x0c\xff" + struct.pack(">Iq", 550000000, -3),
    "timestamp_bad_length": b"\xd5\xff\x00\x00",
    "ext8": b"\xc7\x03\x07abc",
    "ext16": b"\xc8\x00\x01\x07a",
    "ext32": b"\xc9\x00\x00\x00\x01\x07a",
    "array_claims_4g": b"\xdd\xff\xff\xff\xff",
    "map_claims_4g": b"\xdf\xff\xff\xff\xff",
    "str_claims_4g": b"\xdb\xff\xff\xff\xff",
    "deep": b"\x91" * 100 + nil(),
    "deep_maps": b"\x81\xa1a" * 70 + nil(),
}


def rows() -> dict[str, bytes]:
    """Rows for the scanner: each value under a key, and rows that are odd as rows."""
    found = {
        name: mapping(text("a"), value, text("b"), number(1)) for name, value in VALUES.items()
    }
    found["empty"] = mapping()
    found["twice_the_key"] = mapping(text("a"), number(1), text("a"), number(2))
    found["odd_keys"] = mapping(number(1), number(1), nil(), number(2), binary(b"a"), number(3))
    found["nested"] = mapping(
        text("a"), mapping(text("b"), array(number(1), mapping(text("c"), nil())))
    )
    found["same_order"] = mapping(text("a"), number(1), text("b"), number(2)) * 20
    found["other_order"] = b"".join(
        mapping(*(part for key in keys for part in (text(key), number(3))))
        for keys in ("ab", "ba", "b", "abc", "")
    )
    inner = mapping(text("b"), number(1))
    found["two_maps"] = mapping(text("a"), inner, text("a"), mapping(text("c"), number(2)))
    found["map_then_number"] = mapping(text("a"), inner, text("a"), number(5))
    found["number_then_map"] = mapping(text("a"), number(5), text("a"), inner)
    found["indexes"] = mapping(
        text("a"),
        array(array(mapping(text("a"), nil())), number(2)),
        text("c"),
        array(number(1), number(2), number(3)),
    )
    found["siblings"] = b"".join(
        mapping(text("d"), mapping(text("a"), mapping(text(x), number(1), text(y), number(2))))
        for x, y in ("bc", "cb", "bb", "xc")
    )
    found["long_keys"] = b"".join(
        mapping(text(f"a key longer than a word {x}"), number(1), text(y), number(2))
        for x, y in (("1", "a"), ("2", "a"), ("1", ""), ("3", ""), ("1", "a"))
    )
    found["key_widths"] = mapping(
        b"\xd9\x01a", number(1), b"\xda\x00\x01b", number(2), b"\xdb\0\0\0\0", number(3)
    )
    found["key_is_a_container"] = mapping(array(text("a")), number(1), inner, nil()) * 2
    for width in (20, 21):
        pairs = b"".join(text(f"k{n}") + number(n) for n in range(width))
        found[f"wide_{width}"] = b"\xde" + struct.pack(">H", width) + pairs
    for depth in (6, 7):
        found[f"deep_{depth}"] = b"\x81\xa1a" * depth + nil()
        found[f"deep_{depth}_unwanted"] = mapping(text("x"), b"\x91" * (depth - 1) + nil())
    found["not_a_map"] = array(number(1))
    found["cut"] = mapping(text("abc"), text("a long enough text"))[:-4]
    return found


SCALARS = (b"true", b"0.125", b'"x"', b"null", b"1.50")
JSON_LINES = {
    "values": rb"""{"a":1,"b":{"c":[1,"x\u00e9",{"k":2.5}]}}

  {"a": -0.0, "b": "q\"\ud83d\ude00\ud800"}
{"a":18446744073709551615,"a":null,"":true}
{"a":1e400,"b":-12345678901234567890123,"c":[0,false,{"x":[]}]}
""",
    "carriage_returns": b'{"a":1}\r\n\r\n{"a":"\\r"}\r\n',
    "alike": b"".join(
        b'{"a":%d,"b":%s,"x":null}\n' % (7**i % 10**9, b) for i in range(6) for b in SCALARS
    ),
    "array": b'[{"a":[1,2,3],"c":[1,2,{"x":true}]},\n {"":false}\n]\n',
    "array_of_others": b'[{"a":1},[2],3]',
    "names": b'{"a name longer than what is remembered 1":1,"a name longer 2":2,"a":{"b":[0]}}\n'
    * 3,
    "pretty": b'{\n "a": 1\n}\n',
    "together": b'{"a":1}{"a":2}\n{"a":3}\n',
    "broken": rb"""{"a":tru}
{"x":01}
{"x":"a" "b"}
{"x":[}]}
{"x"}
{}
[1]
"s"
{"x":{"y":[1,2,{"z":null}]},"a":NaN}
{"x":"\q","a":"\q"}
{"a":"cut
""",
    "backslashes": b'{"a":"' + b"\\\\" * 70 + b'","b":"\\\\\\""}\n',
    "digits": b'{"b":0.12345678901234567,"a":123456789.25}\n{"b":1.5e-7,"a":12345678901234567}\n',
    "deep": b'{"x":' + b"[" * 5 + b"1" + b"]" * 5 + b',"a":' + b"[" * 9 + b"]" * 9 + b"}\n",
    "mark": b'\xef\xbb\xbf{"a":"\xff"}',
}
CSV_RECORDS = {
    "values": b"\xef\xbb\xbfa,b,c2\r\n"
    b'1,"two\r\nlines",\r\n\r\n2,x,"a ""q"" b"\r\n3,5" x,007\n4,"",NA',
    "tabs": b"a\tb\tc2\n'x'\t1\t2\n",
    "one_column": b'a\n\n\n"x"\n',
    "wrong": b'b,c2,b\n1.5,2,3\n1,2\n1,2,3,4\n"a"x,1,2\n"never\n1,2,3\n',
    "long_cells": b"a,b,a\n" + (b'"' + b"x" * 150 + b'""y",2,3\n') * 4,
}


def texts() -> Iterator[tuple[str, bytes]]:
    """Lines of JSON and records of CSV; the first bytes choose options (see the targets)."""
    for name, content in JSON_LINES.items():
        for choice in (0, 3, 30):
            yield f"json/{name}_{choice}", bytes([choice]) + content
    for name, content in CSV_RECORDS.items():
        for choice in (0, 3, 6, 8, 18, 26, 96, 128):
            yield f"csv/{name}_{choice}", bytes([choice, 9]) + content
            yield f"csv/{name}_{choice}_whole", bytes([choice, 128 + 9]) + content


def structured() -> dict[str, bytes]:
    """Structured queries: well-formed and not. Operators are [name, operand...]; see QUERY.md."""
    field = array(text("path"), text("a"))
    element = array(text("element"), text("x"), number(0))
    outer = array(text("outer"), number(1), text("y"))
    found = {
        "equal": array(text("="), field, number(1)),
        "and": array(
            text("and"),
            array(text("is null"), field),
            array(text("not"), array(text("<"), field, number(2))),
        ),
        "in": array(text("in"), field, array(text("list"), number(1), text("x"), nil())),
        "between": array(text("between"), field, number(1), number(2)),
        "like": array(text("like"), field, text("a%")),
        "like_escape": array(text("like"), field, text("a!%"), text("!")),
        "in_param": array(text("in"), field, array(text("param"))),
        "parameter": array(text("="), field, array(text("param"), text("p"))),
        "path": array(text("is null"), array(text("path"), text("a"), number(3), text("odd key"))),
        "any": array(text("any"), field, array(text("="), element, array(text("path"), text("b")))),
        "every_in_any": array(
            text("any"), field, array(text("every"), element, array(text("<"), outer, number(2)))
        ),
        "outer_of_nothing": array(text("any"), field, array(text("="), outer, number(1))),
        "element_of_nothing": array(text("="), element, number(1)),
        "lit_array": array(
            text("="), field, array(text("lit"), array(number(1), text("x"), nil()))
        ),
        "lit_map": array(text("<>"), field, array(text("lit"), mapping(text("k"), number(1)))),
        "lit_ext": array(text("distinct"), field, array(text("lit"), VALUES["fixext1"])),
        "bare_array": array(text("="), field, array(number(1))),
        "list_alone": array(text("="), field, array(text("list"), number(1))),
        "regexp": array(text("regexp"), field, text("^(a|b)+$"), text("is")),
        "call": array(text("="), array(text("||"), field, array(text("Lower"), field)), text("x")),
        "cast": array(text("="), array(text("cast"), field, text("INTEGER")), number(1)),
        "cast_to_nothing": array(text("try_cast"), field, text("varchar")),
        "case": array(text("case"), field, number(1), array(text("not"), field), number(2), nil()),
        "case_of": array(text("case of"), field, number(1), number(2)),
        "case_of_nothing": array(text("case of"), field),
        "extract": array(text("date_part"), text("Year"), field),
        "interval": array(
            text("<"),
            array(text("ts_add"), field, number(1), number(-2), number(3)),
            array(text("date_trunc"), text("month"), field),
        ),
        "arity": array(text("ts_add"), field, number(1)),
        "or": array(text("or"), b"\xc3", array(text("or"), b"\xc2", field)),
        "unknown_operator": array(text("equals"), field, number(1)),
        "too_few": array(text("="), field),
        "no_operator": array(number(1), field),
        "empty": array(),
        "deep_not": b"\x92\xa3not" * 300 + b"\xc3",
        "bytes_after": array(text("not"), b"\xc3") + nil(),
    }
    for name, value in VALUES.items():
        found[f"value_{name}"] = array(text("="), field, value)
    return found


def frame(*elements: bytes) -> bytes:
    """A protocol frame of one message."""
    body = array(*elements)
    return struct.pack(">I", len(body)) + body


LINES = b'{"a":1}\n{"a":0}\n{"a":2}\n'
HELLO = frame(number(1), number(0), mapping(text("version"), number(1)))


def streams() -> dict[str, bytes]:
    """Byte streams of whole sessions, HELLO included where it belongs."""
    row = mapping(text("a"), number(5))
    maps = array(text("maps"), array(row, mapping(text("a"), number(1)), mapping()))
    template = array(
        text("template"),
        array(text("a"), text("b")),
        array(array(number(5), nil()), array(number(1))),
    )
    columns = array(
        text("columns"),
        number(2),
        array(
            array(text("a"), text("i64"), binary(struct.pack("<qq", 5, 1)), nil(), nil()),
            array(
                array(text("b"), text("c")),
                text("list"),
                array(nil(), text("x")),
                nil(),
                binary(b"\x01"),
            ),
            array(
                text("s"),
                text("str"),
                array(binary(struct.pack("<III", 0, 1, 3)), binary(b"abc")),
                nil(),
                nil(),
            ),
            array(text("f"), text("bool"), binary(b"\x00\x01"), binary(b"\x02"), nil()),
        ),
    )
    query = text("a >= 2")

    def run(payload: bytes, result: str) -> bytes:
        return frame(number(2), number(1), query, mapping(text("result"), text(result)), payload)

    found = {"hello": HELLO, "no_hello": frame(number(8), number(1)), "nothing": b""}
    for result in ("indices", "bitmap", "auto", "count", "rows", "odd"):
        found[f"filter_{result}"] = HELLO + run(maps, result)
    found["filter_template"] = HELLO + run(template, "rows") + run(template, "indices")
    found["filter_columns"] = HELLO + run(columns, "bitmap") + run(columns, "rows")
    found["limit"] = HELLO + frame(
        number(2), number(1), query, mapping(text("limit"), number(1)), maps
    )
    found["parameters"] = HELLO + frame(
        number(2),
        number(1),
        text("a = :x"),
        mapping(text("params"), mapping(text("x"), number(5))),
        maps,
    )
    found["stream"] = (
        HELLO
        + frame(number(2), number(7), query, nil(), nil())
        + frame(number(5), number(7), maps)
        + frame(number(5), number(7), template)
        + frame(number(6), number(7))
    )
    for name, region in (("round", 24), ("small", 3), ("large", 4096)):
        into = mapping(
            text("result"),
            text("pieces" if name == "large" else "rows"),
            text("into"),
            array(number(64), number(region)),
        )
        found[f"shared_{name}"] = (
            HELLO
            + frame(number(2), number(7), text("a > 0"), into, nil())
            + frame(number(5), number(7), array(text("bytes"), text("jsonl"), binary(LINES)))
            + frame(number(19), number(7), number(72))
            + frame(number(5), number(7), array(text("bytes"), text("jsonl"), binary(LINES)))
            + frame(number(19), number(7), number(80))
            + frame(number(6), number(7))
        )
    found["stream_open_at_the_end"] = HELLO + frame(number(2), number(7), query, nil(), nil())
    found["cancel"] = (
        HELLO + frame(number(2), number(7), query, nil(), nil()) + frame(number(7), number(7))
    )
    found["prepare"] = (
        HELLO
        + frame(number(3), number(1), query)
        + frame(number(4), number(2), number(1), nil(), columns)
        + frame(number(4), number(3), number(0), nil(), maps)
        + frame(number(11), number(4), number(1))
        + frame(number(11), number(5), number(0))
    )
    table = text("t")
    found["queries"] = (
        HELLO
        + frame(number(12), number(1), table, mapping(text("private"), b"\xc3"))
        + frame(number(14), number(2), table, nil(), maps)
        + frame(number(3), number(3), text("a = :x"))
        + frame(
            number(18),
            number(4),
            table,
            array(
                array(query, nil()),
                array(number(1), mapping(text("params"), mapping(text("x"), number(5)))),
                array(text("a >"), nil()),
                array(query, mapping(text("result"), text("columns"))),
            ),
        )
    )
    found["explain"] = (
        HELLO
        + frame(number(10), number(1), query, nil())
        + frame(number(10), number(2), query, nil(), maps)
    )
    found["ping_stats"] = (
        HELLO + frame(number(8), number(1), text("x")) + frame(number(9), number(2))
    )
    found["unknown_kind"] = HELLO + frame(number(100), number(1)) + frame(number(8), number(2))
    found["bad_message"] = HELLO + struct.pack(">I", 1) + nil() + frame(number(8), number(2))
    found["bad_query"] = HELLO + frame(number(2), number(1), text("a = "), nil(), maps)
    found["structured_query"] = HELLO + frame(
        number(2),
        number(1),
        array(text("="), array(text("path"), text("a")), number(5)),
        nil(),
        maps,
    )
    found["frame_too_large"] = HELLO + struct.pack(">I", 1 << 20) + b"x" * 100
    found["frame_claims_4g"] = HELLO + b"\xff\xff\xff\xff"
    found["cut_in_a_frame"] = (HELLO + run(maps, "rows"))[:-3]
    found["cut_in_a_length"] = HELLO + b"\0\0"
    for name in ("array_claims_4g", "timestamp64_bad", "deep", "never_used", "nan"):
        bad_row = mapping(text("a"), VALUES[name])
        found[f"row_{name}"] = HELLO + run(array(text("maps"), array(row, bad_row)), "rows")
    for name, column in NESTED.items():
        payload = array(text("columns"), number(2), column)
        found[f"nested_{name}"] = HELLO + run(payload, "indices")
        found[f"load_{name}"] = (
            HELLO
            + frame(number(12), number(1), table, mapping(text("private"), b"\xc3"))
            + frame(number(14), number(2), table, nil(), nil())
            + frame(number(5), number(2), payload) * 3
            + frame(number(6), number(2))
            + frame(number(2), number(3), query, nil(), array(text("table"), table))
        )
    found["columns_lie"] = HELLO + run(
        array(
            text("columns"),
            number(9),
            array(array(text("a"), text("i64"), binary(b"short"), nil(), nil())),
        ),
        "rows",
    )
    return found


def _offsets(*numbers: int) -> bytes:
    return binary(struct.pack(f"<{len(numbers)}I", *numbers))


def _column(kind: str, data: bytes) -> bytes:
    """A list of one column, "a"."""
    return array(array(text("a"), text(kind), data, nil(), binary(b"\3")))


_U8 = array(number(3), text("u8"), binary(b"\1\2\3"), binary(b"\5"))
_WORDS = array(number(3), text("str"), array(_offsets(0, 1, 1, 3), binary(b"xyz")))
# Items that are few bytes here, and many as values.
_NOTHINGS = array(b"\xce\xff\xff\xff\xff", text("struct"), array())
_FIELD = array(text("b"), text("f32"), binary(bytes(8)), nil(), binary(b"\2"))

# Columns of two rows.
NESTED = {
    "array": _column("array", array(_offsets(0, 2, 3), _U8)),
    "words": _column("array", array(_offsets(0, 2, 3), _WORDS)),
    "map": _column("map", array(_offsets(0, 1, 3), _WORDS, _U8)),
    "struct": _column("struct", array(_FIELD, array(text("c"), text("bits"), binary(b"\1")))),
    "deep": _column(
        "struct",
        array(
            array(
                text("b"),
                text("array"),
                array(
                    _offsets(0, 0, 1),
                    array(number(1), text("map"), array(_offsets(0, 3), _U8, _WORDS)),
                ),
            )
        ),
    ),
    "base": _column("array", array(_offsets(7, 9, 10), _U8, number(7))),
    "base_of_strings": _column("str", array(_offsets(9, 10, 12), binary(b"xyz"), number(9))),
    "base_passes": _column("array", array(_offsets(7, 9, 10), _U8, number(8))),
    "base_runs_over": _column("map", array(_offsets(7, 9, 11), _WORDS, _U8, number(7))),
    "offsets_fall": _column("array", array(_offsets(0, 2, 1), _U8)),
    "offsets_run_over": _column("array", array(_offsets(0, 2, 9), _U8)),
    "claims_4g": _column("array", array(_offsets(0, 0, 2**32 - 1), _NOTHINGS)),
    "map_of_two_lengths": _column("map", array(_offsets(0, 0, 0), _U8, array())),
}


def vectors() -> Iterator[tuple[str, bytes]]:
    """What the client sends in each golden conversation, by its name."""
    for path in sorted(VECTORS.glob("*.txt")):
        sent = [line[1:] for line in path.read_text().splitlines() if line.startswith(">")]
        yield path.stem, b"".join(map(bytes.fromhex, sent))


def answers() -> dict[str, bytes]:
    """What services say to a client: the answers to its requests 2, 3 ..."""

    def result(kind: str, data: bytes, last: int = 2) -> bytes:
        return frame(number(66), number(last), text(kind), number(0), number(3), binary(data))

    def pairs(**values: bytes) -> bytes:
        return mapping(*(part for key, value in values.items() for part in (text(key), value)))

    place = {"pos": number(2), "length": number(3), "near": text("x"), "suggestion": text("y")}
    warnings = array(
        pairs(code=number(1), **place), pairs(code=number(99)), pairs(pos=VALUES["uint_most"])
    )
    done = frame(number(67), number(2), pairs(rows=number(3), matched=number(1)))
    all_of_it = frame(
        number(67),
        number(2),
        pairs(
            rows=number(3),
            matched=number(1),
            type_mismatch=number(2),
            undefined=number(3),
            bytes=number(40),
            unfit=number(1),
            limit_reached=b"\xc3",
            skipped=array(number(2), number(8), number(16)),
            warnings=warnings,
        ),
    )
    error = pairs(code=number(11), message=text("no"), row=number(1), offset=number(9), **place)
    limits = pairs(frame_bytes=number(4096), row_bytes=number(4096), stall_ms=number(700))
    capabilities = array(text("filter"), number(5), nil(), text("stream"))

    def welcome(**more: bytes) -> bytes:
        return frame(number(65), number(1), pairs(version=number(1), **more))

    explained = frame(number(72), number(2), pairs(plan=text("x"), warnings=warnings))
    found = {
        "nothing": b"",
        "welcome": welcome(capabilities=capabilities, limits=limits) + done,
        "welcome_odd": welcome(capabilities=VALUES["deep"], limits=nil()),
        "welcome_least": welcome(limits=pairs(frame_bytes=number(1))),
        "welcome_most": welcome(limits=pairs(row_bytes=VALUES["uint_most"])) + done,
        "welcome_2": frame(number(65), number(1), pairs(version=number(2))),
        "rows": result("rows", LINES) + done + result("rows", LINES, 3),
        "bitmap": result("bitmap", b"\5") + done,
        "indices": result("indices", struct.pack("<II", 0, 2)) + done,
        "indices_cut": result("indices", b"\0\0\0\0\1") + done,
        "pieces": result("pieces", b"") + done,
        "all": all_of_it + frame(number(67), number(3), pairs()),
        "error": frame(number(68), number(2), error) + frame(number(68), number(3), error),
        "last_word": frame(number(68), number(0), error),
        "explained": explained + frame(number(67), number(3), pairs(rows=number(3))),
        "not_explained": frame(number(68), number(2), error),
        "of_another": frame(number(67), number(9), pairs()),
        "http": b"HTTP/1.1 400 Bad Request\r\n\r\n",
        "claims_4g": b"\xff\xff\xff\xff",
        "not_an_array": struct.pack(">I", 1) + nil(),
    }
    for name in ("map_claims_4g", "str_claims_4g", "array_claims_4g", "deep_maps", "never_used"):
        found[f"done_{name}"] = frame(number(67), number(2), VALUES[name])
        found[f"warnings_{name}"] = frame(number(67), number(2), pairs(warnings=VALUES[name]))
        found[f"skipped_{name}"] = frame(number(67), number(2), pairs(skipped=VALUES[name]))
    return found


def told() -> Iterator[tuple[str, bytes]]:
    """What the daemon sends in each golden conversation, by its name."""
    for path in sorted(VECTORS.glob("*.txt")):
        said = [line[1:] for line in path.read_text().splitlines() if line.startswith("<")]
        yield path.stem, b"".join(map(bytes.fromhex, said))


def seeds() -> Iterator[tuple[str, bytes]]:
    """Every seed: its path under corpus/, and its bytes."""
    for query in QUERIES.rstrip("\n").split("\n"):
        content = query.replace("\v", "\n").encode()  # a line break inside a string
        yield f"query_text/{hashlib.sha256(content).hexdigest()[:12]}", content
    yield "query_text/not_utf8", b"a = '\xff'"
    yield "query_text/nul", b"a = 'x\0y' and b\0"
    yield "query_text/deep", b"(" * 300 + b"a" + b")" * 300
    yield "query_text/deep_not", b"not " * 300 + b"a"
    for name, content in structured().items():
        yield f"query_msgpack/{name}", content
    for name, content in rows().items():
        yield f"scan_msgpack/{name}", content
        yield f"rows_msgpack/{name}", content
        yield f"rows_msgpack/{name}_in_an_array", array(content, mapping())
    yield from texts()
    for name, content in streams().items():
        yield f"frame/{name}", b"\x00" + content  # one byte at a time
        yield f"frame/{name}_at_once", b"\xff" + content
        yield f"session/{name}", b"\x00\x00" + content
        if content.startswith(HELLO):
            yield f"session/{name}_at_once", b"\xff\x01" + content.removeprefix(HELLO)
    for name, content in vectors():
        yield f"session/vector_{name}", b"\xff\x00" + content
    for name, content in answers().items():
        welcomed = 0 if name.startswith("welcome") or name == "http" else 1
        explains = 8 if name.endswith("explained") else 0
        for choice in (0, 2, 22, 70, 160):
            choice |= welcomed | explains
            yield f"remote/{name}_{choice}", bytes([0xFF, choice]) + content
        yield f"remote/{name}_slowly", bytes([1, 2 | welcomed | explains]) + content
    for name, content in told():
        for choice in (0, 6):
            yield f"remote/vector_{name}_{choice}", bytes([0xFE, choice]) + content


def main() -> None:
    """Writes them all."""
    for name, content in seeds():
        path = CORPUS / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


if __name__ == "__main__":
    main()
