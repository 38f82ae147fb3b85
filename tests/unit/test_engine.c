/* Sources: the payload forms of PROTOCOL.md put into columns, and every way in which a payload can
 * be wrong, with the error's text, row and offset. long because they are two lists.
 */
#include "engine_unit.h"

/* --- what is right --- */

static const struct {
    const char *fields, *payload, *cells;
} GOOD[] = {
    /* maps */
    {"a = b", "['maps', []]", ""},
    {"a = b", "['maps', [{'a': 1, 'b': 'x'}, {'b': nil}, {}, {'c': 1, 'a': 2.5}]]",
     "1 'x' | - nil | - - | 2.5. -"},
    {"a.b = a", "['maps', [{'a': {'b': 1}}, {'a': {'b': nil}}, {'a': 5}, {'a': {}}]]",
     "1 map | nil map | - 5 | - map"},
    {"a = 1", "['maps', [{'a': 1, 'a': 2}, {1: 5, nil: 6, #61: 7}]]", "2 | -"},
    {"a.b = 1", "['maps', [{'a': {'b': 1}, 'a': 5}, {'a': {'b': 1}, 'a': {}}]]", "- | -"},
    {"t[0] = t[2]", "['maps', [{'t': [1, 2, 3]}, {'t': [7]}, {'t': 5}]]", "1 3 | 7 - | - -"},
    /* template */
    {"a = b", "['template', [], []]", ""},
    {"a = b", "['template', ['a', 'b'], [[1, 2], [3], [], [nil, 'x']]]",
     "1 2 | 3 - | - - | nil 'x'"},
    {"a = b", "['template', ['z', 'b', 'y', 'a'], [[9, 1, [], 2], [9, 3, {}, 4]]]", "2 1 | 4 3"},
    {"a = 1", "['template', ['a', 'a'], [[1, 2], [3, nil]]]", "2 | nil"},
    {"a = 1", "['template', ['a', 'a'], [[1], [1, 2]]]", "- | 2"},
    {"a = 1", "['template', ['a', 'a'], [[1, 2], [3, 4]], #0d]", "- | 4"},
    {"a.b = a.c[1]", "['template', ['a'], [[{'b': 1, 'c': [2, 3]}], [5], []]]", "1 3 | - - | - -"},
    {"a = b", "['template', ['a', 'b'], [[1, 2], [3, 4], [5, 6]], #2d]", "1 - | 3 4 | - 6"},
    {"a = b", "['template', ['a', 'b'], [[1, 2]], nil]", "1 2"},
    {"a = b", "['template', ['a', 'b'], [[1], [2]], #ff]", "1 - | 2 -"},
    {"a = 1", "['template', ['a'], [], #]", ""},
    {"a = 1", "['template', ['b'], [[1], [2]]]", "- | -"},
    /* columns */
    {"a = b", "['columns', 0, []]", ""},
    {"a = b", "['columns', 2, []]", "- - | - -"},
    {"a = b", "['columns', 2, [['a', 'list', [1, 'x']], ['b', 'list', [nil, [1]]]]]",
     "1 nil | 'x' array"},
    {"a = 1", "['columns', 2, [['a', 'i64', #ffffffffffffffff0200000000000000]]]", "-1 | 2"},
    {"a = 1", "['columns', 2, [['a', 'u64', #ffffffffffffffff0200000000000000]]]",
     "18446744073709551615 | 2"},
    {"a = 1", "['columns', 2, [['a', 'f64', #000000000000f83f0000000000000080]]]", "1.5. | -0."},
    {"a = 1", "['columns', 3, [['a', 'bool', #010001]]]", "true | false | true"},
    {"a = 1", "['columns', 3, [['a', 'str', [#00000000020000000200000005000000, #6162636465]]]]",
     "'ab' | '' | 'cde'"},
    {"a = 1", "['columns', 2, [['a', 'str', [#010000000200000003000000, #7a797877]]]]",
     "'y' | 'x'"},
    {"a = 1", "['columns', 2, [['a', 'str', [#010000000200000003000000, #7a797877, 0]]]]",
     "'y' | 'x'"},
    {"a = 1", "['columns', 2, [['a', 'str', [#090000000a0000000c000000, #797877, 9]]]]",
     "'y' | 'xw'"},
    {"a = 1", "['columns', 2, [['a', 'bin', [#ffffffffffffffffffffffff, #, 4294967295]]]]",
     "binary | binary"},
    {"a = 1",
     "['columns', 1, [['a', 'str64', [#feffffffffffffffffffffffffffffff, #79, "
     "!cffffffffffffffffe]]]]",
     "'y'"},
    {"a = 1",
     "['columns', 2, [['a', 'dict', ['u8', #0100, [#070000000800000009000000, #7978, 7], 2]]]]",
     "'x' | 'y'"},
    {"a = 1", "['columns', 3, [['a', 'bool', #010001, #05]]]", "true | nil | true"},
    {"a = 1", "['columns', 3, [['a', 'bool', #010001, #05, #03]]]", "true | nil | -"},
    {"a = 1", "['columns', 3, [['a', 'bool', #010001, nil, #06]]]", "- | false | true"},
    {"a = 1", "['columns', 2, [['a', 'list', [1, nil], nil, #02]]]", "- | nil"},
    {"a = 1", "['columns', 2, [['a', 'list', [1, nil], nil, nil]]]", "1 | nil"},
    {"a.b = a", "['columns', 2, [['a', 'list', [{'b': 1}, 5]]]]", "1 map | - 5"},
    {"a.b = a", "['columns', 2, [[['a', 'b'], 'list', [7, 8]]]]", "7 - | 8 -"},
    {"a.b = a.c",
     "['columns', 2, [['a', 'list', [{'b': 1, 'c': 2}, 5]], "
     "[['a', 'b'], 'list', [7, 8]]]]",
     "7 2 | 8 -"},
    {"a.b = a.c",
     "['columns', 2, [[['a', 'b'], 'list', [7, 8]], "
     "['a', 'list', [{'b': 1, 'c': 2}, 5]]]]",
     "7 2 | 8 -"},
    {"a.b.c = a.b",
     "['columns', 1, [[['a', 'b', 'c'], 'i64', #0100000000000000], "
     "[['a', 'b'], 'list', [{'c': 2}]], ['a', 'list', [{'b': {'c': 3}}]]]]",
     "1 map"},
    {"a.b = 1",
     "['columns', 2, [['a', 'list', [{'b': 1}, {'b': 2}]], "
     "[['a', 'b'], 'list', [7, 8], nil, #01]]]",
     "7 | -"},
    {"a.b = a", "['columns', 2, [['a', 'i64', #01000000000000000200000000000000]]]", "- 1 | - 2"},
    {"t[1] = t", "['columns', 1, [[['t', 1], 'list', [5]]]]", "5 -"},
    {"a = 1", "['columns', 2, [['a', 'list', [1, 2]], ['a', 'list', [3, 4]]]]", "3 | 4"},
    {"a.b = a", "['columns', 2, [['a', 'list', [{'b': 1}, {'b': 1}]], ['a', 'list', [{}, 4]]]]",
     "- map | - 4"},
    {"a.b = a", "['columns', 1, [['a', 'list', [{'b': 1}]], ['a', 'bool', #01]]]", "- true"},
    {"a = 1", "['columns', 3, [['a', 'i8', #ff7f80]]]", "-1 | 127 | -128"},
    {"a = 1", "['columns', 2, [['a', 'i16', #ffff0080]]]", "-1 | -32768"},
    {"a = 1", "['columns', 2, [['a', 'i32', #ffffffff00000080]]]", "-1 | -2147483648"},
    {"a = 1", "['columns', 2, [['a', 'u8', #ff01]]]", "255 | 1"},
    {"a = 1", "['columns', 2, [['a', 'u16', #ffff0100]]]", "65535 | 1"},
    {"a = 1", "['columns', 2, [['a', 'u32', #ffffffff01000000]]]", "4294967295 | 1"},
    {"a = 1", "['columns', 3, [['a', 'f32', #cdcccc3d0000807f00000080]]]",
     "0.10000000149011612. | inf. | -0."},
    {"a = 1", "['columns', 0, [['a', 'bits', #], ['a', 'str64', [#0000000000000000, #]]]]", ""},
    {"a = 1", "['columns', 9, [['a', 'bits', #05ff, #7fff, #fe01]]]",
     "- | false | true | false | false | false | false | nil | true"},
    {"a = 1", "['columns', 2, [['a', 'timestamp', ['s', #ffffffffffffffff0000000000000080]]]]",
     "-1.000000000s | -9223372036854775808.000000000s"},
    {"a = 1", "['columns', 2, [['a', 'timestamp', ['ms', #6ef6ffffffffffff0100000000000000]]]]",
     "-3.550000000s | 0.001000000s"},
    {"a = 1", "['columns', 2, [['a', 'timestamp', ['us', #ffffffffffffffff40420f0000000000]]]]",
     "-1.999999000s | 1.000000000s"},
    {"a = 1",
     "['columns', 3, [['a', 'timestamp', ['ns', "
     "#ffffffffffffffff0000000000000080ffffffffffffff7f], #06, #05]]]",
     "nil | - | 9223372036.854775807s"},
    {"a = 1",
     "['columns', 2, [['a', 'str64', [#010000000000000002000000000000000400000000000000, "
     "#7a797877]]]]",
     "'y' | 'xw'"},
    {"a = 1",
     "['columns', 3, [['a', 'dict', ['u8', #010001, [#000000000100000003000000, #616263], 2]]]]",
     "'bc' | 'a' | 'bc'"},
    {"a = 1",
     "['columns', 2, [['a', 'dict', ['i64', #00000000000000000000000000000000, "
     "[#00000000000000000300000000000000, #616263], 1]]]]",
     "'abc' | 'abc'"},
    {"a = 1",
     "['columns', 3, [['a', 'dict', ['i8', #ff0001, [#0000000001000000, #61], 1], #06, #03]]]",
     "nil | 'a' | -"},
    {"a = 1", "['columns', 2, [['a', 'dict', ['i16', #ffffff7f, [#00000000, #], 0], #00]]]",
     "nil | nil"},
    {"a = 1", "['columns', 0, [['a', 'dict', ['u32', #, [#0000000000000000, #], 0]]]]", ""},
    {"a.b = a", "['columns', 2, [['a', 'list', [{'b': 1}, {'b': 2}]], ['a', 'u8', #0506, #02]]]",
     "- nil | - 6"},
    {"a.b = 1", "['columns', 2, [['a', 'list', [{'b': 1}, {'b': 2}]], ['a', 'u8', #0506]]]",
     "- | -"},
    {"a = 1", "['columns', 4, [['a', 'zstr', #78000079c3a900]]]", "'x' | '' | 'y\xc3\xa9' | ''"},
    {"a = 1", "['columns', 1, [['a', 'zstr', #]]]", "''"},
    {"a = 1", "['columns', 1, [['a', 'zstr', #7879]]]", "'xy'"},
    {"a = 1", "['columns', 0, [['a', 'zstr', #]]]", ""},
    {"a = 1", "['columns', 3, [['a', 'zstr', #780079007a, #05, #03]]]", "'x' | nil | -"},
    /* nested columns */
    {"t[1] = t",
     "['columns', 3, [['t', 'array', [#00000000020000000200000003000000, [3, 'u8', #050607]]]]]",
     "6 array | - array | - array"},
    {"t[0] = t[1]",
     "['columns', 2, [['t', 'array', [#010000000300000003000000, [4, 'i16', #0100feff030004ff]]]]]",
     "-2 3 | - -"},
    {"t[0] = t[1]",
     "['columns', 2, [['t', 'array', [#060000000800000008000000, [3, 'u8', #040302], 5]]]]",
     "3 2 | - -"},
    {"a.b = a",
     "['columns', 1, [['a', 'map', [#0500000006000000, [1, 'str', [#0300000004000000, #62, 3]], "
     "[1, 'u8', #07], 5]]]]",
     "7 map"},
    {"t[0] = t",
     "['columns', 3, [['t', 'array', [#00000000010000000200000003000000, [3, 'bits', #05, #03]], "
     "#05, #03]]]",
     "true array | - nil | - -"},
    {"t[0] = t[1]",
     "['columns', 1, [['t', 'array', [#0000000002000000, [2, 'list', [[1, 2], 'x']]]]]]",
     "array 'x'"},
    {"t[0] = t[1]",
     "['columns', 2, [['t', 'array', [#010000000200000003000000, "
     "[3, 'list', ['q', {'a': 1}, 'x']]]]]]",
     "map - | 'x' -"},
    {"t[0] = t", "['columns', 1, [['t', 'array', [#0000000000000000, [0, 'list', []]]]]]",
     "- array"},
    {"a.b = a.c",
     "['columns', 3, [['a', 'struct', [['b', 'i8', #01ff03], "
     "['c', 'str', [#00000000010000000200000003000000, #787a79], #05, #03]], #03]]]",
     "1 'x' | -1 nil | - -"},
    {"a.b = a", "['columns', 2, [['a', 'struct', []]]]", "- map | - map"},
    {"a.b = a", "['columns', 1, [['a', 'struct', [['b', 'u8', #01], ['b', 'u8', #02]]]]]", "2 map"},
    {"a.b = a.c",
     "['columns', 2, [['a', 'map', [#000000000200000003000000, "
     "[3, 'str', [#00000000010000000200000003000000, #626362]], [3, 'f32', "
     "#0000c03f000080bf00000040, #06]]]]]",
     "nil -1. | 2. -"},
    {"a.b = a",
     "['columns', 2, [['a', 'map', [#000000000000000001000000, [1, 'i64', "
     "#0500000000000000], [1, 'bool', #01]], #02]]]",
     "- nil | - map"},
    {"a.b = a.c",
     "['columns', 1, [['a', 'struct', [['b', 'u64', #ffffffffffffffff], "
     "['c', 'timestamp', ['ms', #ffffffffffffffff]]]]]]",
     "18446744073709551615 -1.999000000s"},
    {"a.b = a.c",
     "['columns', 2, [['a', 'struct', [['b', 'bin', [#000000000100000001000000, #00]], "
     "['c', 'dict', ['u8', #0001, [#000000000100000002000000, #7879], 2]]]]]]",
     "binary 'x' | binary 'y'"},
    {"t[0].a[1] = t",
     "['columns', 1, [['t', 'array', [#0000000001000000, [1, 'struct', [['a', 'array', "
     "[#0000000002000000, [2, 'i32', #0100000002000000]]]]]]]]]",
     "2 array"},
    {"t[9] = t[16]",
     "['columns', 1, [['t', 'array', [#0000000011000000, "
     "[17, 'u8', #0001020304050607c8090a0b0c0d0e0f10]]]]]",
     "9 16"},
    {"a.b = a", "['columns', 1, [['a', 'list', [{'b': 1}]], ['a', 'struct', [['b', 'u8', #05]]]]]",
     "5 map"},
    {"a = 1", "['columns', 1, [['b', 'array', [#0000000001000000, [1, 'u8', #05]]]]]", "-"},
    {"a = b",
     "['columns', 2, [['a', 'bin', [#000000000100000003000000, #616263]], "
     "['b', 'bin', [#000000000100000003000000, #616263], #01]]]",
     "binary binary | binary nil"},
    {"a = b", "['columns', 1, [['x', 'list', [1]], [['a', 'q'], 'list', [1]]]]", "- -"},
};

static void test_good_payloads(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(GOOD); i++) {
        char payload[512];
        struct buf message, cells = {0};
        struct opened o;
        size_t at, mark;
        with_quotes(GOOD[i].payload, payload, sizeof payload);
        message_of(payload, &message, &at, &mark);
        enum status status =
            open_source(&o, GOOD[i].fields, message.data, at, message.len, &limits);
        if (status == E_OK)
            status = show_rows(&o, &cells);
        buf_byte(&cells, '\0');
        if (status != E_OK)
            fail_msg("%s: %s", payload, o.error.message);
        if (strcmp((const char *)cells.data, GOOD[i].cells) != 0)
            fail_msg("%s: %s, expected %s", payload, (const char *)cells.data, GOOD[i].cells);
        opened_done(&o);
        buf_done(&cells);
        buf_done(&message);
    }
}

/* --- what is wrong --- */

static const struct {
    enum status status;
    uint64_t row; /* from 0 in the payload, or ERROR_NONE */
    const char *payload, *part;
} BAD[] = {
#define NONE ERROR_NONE
    {E_BAD_PAYLOAD, NONE, "^5", "the payload is not an array"},
    {E_BAD_PAYLOAD, NONE, "^nil", "the payload is not an array"},
    {E_BAD_PAYLOAD, NONE, "^[]", "the payload's form must be"},
    {E_BAD_PAYLOAD, NONE, "^['rows', []]", "the payload's form must be"},
    {E_BAD_PAYLOAD, NONE, "^[1, []]", "the payload's form must be"},
    {E_ROW_INVALID, NONE, "[^!c1, []]", "never valid, at byte 4"},
    {E_ROW_TRUNCATED, NONE, "^!dd7fffffff", "end inside a value"},
    /* maps */
    {E_BAD_PAYLOAD, NONE, "['maps']", "two elements"},
    {E_BAD_PAYLOAD, NONE, "['maps', ^[], []]", "two elements"},
    {E_BAD_PAYLOAD, NONE, "['maps', ^{}]", "not an array"},
    {E_BAD_PAYLOAD, NONE, "['maps', ^nil]", "not an array"},
    {E_BAD_PAYLOAD, NONE, "['maps', ^'x']", "not an array"},
    {E_ROW_TRUNCATED, NONE, "['maps', ^!dc0005]", "end inside a value"},
    {E_TOO_MANY_ROWS, NONE, "['maps', [{}, {}, {}, {}, {}, {}, {}, {}, {}]]", "batch_rows"},
    {E_ROW_NOT_MAP, 1, "['maps', [{}, ^5]]", "row 1001: a row is not a map, at byte 11"},
    {E_ROW_NOT_MAP, 2, "['maps', [{}, {}, ^['a', 1], {}]]", "not a map"},
    {E_ROW_INVALID, 1, "['maps', [{}, {'a': ^!c1}]]", "row 1001"},
    {E_ROW_INVALID, 0, "['maps', [{'b': [1, ^!c1]}]]", "row 1000"},
    {E_ROW_INVALID, 0, "['maps', [{'a': ^!d7ffee6b280000000000}]]", NULL},
    {E_ROW_TRUNCATED, 0, "['maps', [{'a': ^!d9}]]", "end inside a value"},
    {E_ROW_TOO_DEEP, 0, "['maps', [{'b': [[[[[^[1]]]]]]}]]", "row_depth"},
    {E_ROW_TOO_WIDE, 1, "['maps', [{}, ^{1: 1, 2: 1, 3: 1, 4: 1, 5: 1}]]", "row_fields"},
    {E_BAD_MESSAGE, NONE, "['maps', [{}]] ^nil", "1 bytes after"},
    {E_BAD_MESSAGE, NONE, "['maps', []] ^'xyz'", "4 bytes after"},
    /* template */
    {E_BAD_PAYLOAD, NONE, "['template', ^['a']]", "three or four"},
    {E_BAD_PAYLOAD, NONE, "['template', ^['a'], [], nil, nil]", "three or four"},
    {E_BAD_PAYLOAD, NONE, "['template', ^5, []]", "names of the template are not an array"},
    {E_BAD_PAYLOAD, NONE, "['template', ['a', ^5], []]", "not a string"},
    {E_BAD_PAYLOAD, NONE, "['template', ['a'], ^{}]", "not an array"},
    {E_BAD_PAYLOAD, NONE, "['template', ['a'], [^{}]]", "not an array"},
    {E_BAD_PAYLOAD, NONE, "['template', ['a'], [[1], ^5]]", "not an array"},
    {E_BAD_PAYLOAD, NONE, "['template', ['a'], [[1], ^[1, 2]]]", "more values"},
    {E_BAD_PAYLOAD, NONE, "['template', [], [^[1]]]", "more values"},
    {E_ROW_INVALID, 1, "['template', ['a'], [[1], [^!c1]]]", "row 1001"},
    {E_ROW_INVALID, 1, "['template', ['a'], [[1], ^!c1]]", "row 1001"},
    {E_ROW_INVALID, 0, "['template', ['q'], [[^!c1]]]", "row 1000"},
    {E_ROW_TOO_WIDE, NONE, "['template', ['a', 'b', 'c', 'd', 'e'], []]", "row_fields"},
    {E_BAD_PAYLOAD, NONE, "['template', ['a'], [[1]], ^5]", "presence"},
    {E_BAD_PAYLOAD, NONE, "['template', ['a'], [[1]], ^#]", "presence"},
    {E_BAD_PAYLOAD, NONE, "['template', ['a'], [[1]], ^#0101]", "presence"},
    {E_BAD_MESSAGE, NONE, "['template', ['a'], [[1]]] ^nil", "1 bytes after"},
    {E_BAD_MESSAGE, NONE, "['template', ['a'], []] ^5", "1 bytes after"},
    {E_BAD_MESSAGE, NONE, "['template', ['a'], [[1]], #01] ^nil", "1 bytes after"},
    {E_BAD_MESSAGE, NONE, "['template', ['a'], [], nil] ^nil", "1 bytes after"},
    /* columns */
    {E_BAD_PAYLOAD, NONE, "['columns', ^1]", "three elements"},
    {E_BAD_PAYLOAD, NONE, "['columns', ^1, [], []]", "three elements"},
    {E_BAD_PAYLOAD, NONE, "['columns', ^'x', []]", "number of rows"},
    {E_BAD_PAYLOAD, NONE, "['columns', ^-1, []]", "number of rows"},
    {E_BAD_PAYLOAD, NONE, "['columns', ^1.0, []]", "number of rows"},
    {E_TOO_MANY_ROWS, NONE, "['columns', 9, []]", "batch_rows"},
    {E_BAD_PAYLOAD, NONE, "['columns', ^!cfffffffffffffffff, []]", "number of rows"},
    {E_BAD_PAYLOAD, NONE, "['columns', 1, ^{}]", "not an array"},
    {E_ROW_TOO_WIDE, NONE, "['columns', 1, [1, 2, 3, 4, 5]]", "row_fields"},
    {E_BAD_PAYLOAD, NONE, "['columns', 1, [^5]]", "a column must be"},
    {E_BAD_PAYLOAD, NONE, "['columns', 1, [^['a', 'list']]]", "a column must be"},
    {E_BAD_PAYLOAD, NONE, "['columns', 1, [^['a', 'list', [1], nil, nil, nil]]]",
     "a column must be"},
    {E_BAD_PAYLOAD, NONE, "['columns', 1, [[^5, 'list', [1]]]]", "a column's path"},
    {E_BAD_PAYLOAD, NONE, "['columns', 1, [[^[], 'list', [1]]]]", "a column's path"},
    {E_BAD_PAYLOAD, NONE, "['columns', 1, [[^['a', -1], 'list', [1]]]]", "a column's path"},
    {E_BAD_PAYLOAD, NONE, "['columns', 1, [[^['a', nil], 'list', [1]]]]", "a column's path"},
    {E_BAD_PAYLOAD, NONE, "['columns', 1, [['a', ^'i128', #00]]]", "a column's type"},
    {E_BAD_PAYLOAD, NONE, "['columns', 1, [['a', ^'', #00]]]", "a column's type"},
    {E_BAD_PAYLOAD, NONE, "['columns', 1, [['a', ^5, #00]]]", "a column's type"},
    {E_BAD_PAYLOAD, NONE, "['columns', 1, [['a', 'list', ^#00]]]", "not an array"},
    {E_BAD_PAYLOAD, NONE, "['columns', 2, [['a', 'list', ^[1]]]]", "another number of values"},
    {E_BAD_PAYLOAD, NONE, "['columns', 0, [['a', 'list', ^[1]]]]", "another number of values"},
    {E_ROW_INVALID, 0, "['columns', 1, [['a', 'list', [^!c1]]]]", "never valid"},
    {E_BAD_PAYLOAD, NONE, "['columns', 1, [['a', 'i64', ^#00]]]", "8 bytes a row"},
    {E_BAD_PAYLOAD, NONE, "['columns', 1, [['a', 'u64', ^[1]]]]", "8 bytes a row"},
    {E_BAD_PAYLOAD, NONE, "['columns', 0, [['a', 'f64', ^#0000000000000000]]]", "8 bytes a row"},
    {E_BAD_PAYLOAD, NONE, "['columns', 2, [['a', 'bool', ^#01]]]", "a byte a row"},
    {E_BAD_PAYLOAD, NONE, "['columns', 2, [['a', 'bool', !c40201^02]]]", "neither 0 nor 1"},
    {E_BAD_PAYLOAD, NONE, "['columns', 1, [['a', 'str', ^'x']]]", "[offsets, bytes]"},
    {E_BAD_PAYLOAD, NONE, "['columns', 1, [['a', 'str', ^[#00]]]]", "[offsets, bytes]"},
    {E_BAD_PAYLOAD, NONE, "['columns', 1, [['a', 'str', ^[#0000000000000000, #, 0, 0]]]]",
     "[offsets, bytes, base]"},
    {E_BAD_PAYLOAD, NONE, "['columns', 1, [['a', 'str', [#0000000000000000, #, ^-1]]]]",
     "must be an unsigned integer"},
    {E_BAD_PAYLOAD, NONE, "['columns', 1, [['a', 'str', [#0000000000000000, #, ^nil]]]]",
     "must be an unsigned integer"},
    {E_BAD_PAYLOAD, NONE, "['columns', 1, [['a', 'str', [#0200000002000000, #, ^3]]]]",
     "passes the first"},
    {E_BAD_PAYLOAD, NONE, "['columns', 1, [['a', 'str', [!c408^0700000009000000, #61, 7]]]]",
     "pass the end"},
    {E_BAD_PAYLOAD, NONE, "['columns', 1, [['a', 'str', [!c40807000000^06000000, #61, 7]]]]",
     "must not decrease"},
    {E_BAD_PAYLOAD, NONE,
     "['columns', 1, [['a', 'dict', ['u8', #00, [#0700000008000000, #61, ^8], 1]]]]",
     "passes the first"},
    {E_BAD_PAYLOAD, NONE,
     "['columns', 1, [['a', 'array', [#0700000008000000, [1, 'u8', #61], ^8]]]]",
     "passes the first"},
    {E_BAD_PAYLOAD, NONE,
     "['columns', 1, [['a', 'array', [!c408^0700000009000000, [1, 'u8', #61], 7]]]]",
     "pass the end"},
    {E_BAD_PAYLOAD, NONE,
     "['columns', 1, [['a', 'map', [#0700000008000000, [1, 'u8', #61], [1, 'u8', #61], ^8]]]]",
     "passes the first"},
    {E_BAD_PAYLOAD, NONE, "['columns', 1, [['a', 'str', [^#00000000, #]]]]", "rows + 1 numbers"},
    {E_BAD_PAYLOAD, NONE, "['columns', 1, [['a', 'str', [#0000000000000000, ^'']]]]",
     "bytes of a str column"},
    {E_BAD_PAYLOAD, NONE, "['columns', 1, [['a', 'str', [!c40802000000^01000000, #6162]]]]",
     "must not decrease"},
    {E_BAD_PAYLOAD, NONE, "['columns', 1, [['a', 'str', [!c408^0000000003000000, #6162]]]]",
     "pass the end"},
    {E_BAD_PAYLOAD, NONE, "['columns', 2, [['a', 'str', [^'x', #]]]]", "rows + 1 numbers"},
    {E_BAD_PAYLOAD, NONE, "['columns', 1, [['a', 'i8', ^#]]]", "1 byte a row"},
    {E_BAD_PAYLOAD, NONE, "['columns', 1, [['a', 'u8', ^#0000]]]", "1 byte a row"},
    {E_BAD_PAYLOAD, NONE, "['columns', 2, [['a', 'i16', ^#000000]]]", "2 bytes a row"},
    {E_BAD_PAYLOAD, NONE, "['columns', 2, [['a', 'u16', ^#0000000000]]]", "2 bytes a row"},
    {E_BAD_PAYLOAD, NONE, "['columns', 1, [['a', 'i32', ^'abcd']]]", "4 bytes a row"},
    {E_BAD_PAYLOAD, NONE, "['columns', 1, [['a', 'u32', ^#00]]]", "4 bytes a row"},
    {E_BAD_PAYLOAD, NONE, "['columns', 1, [['a', 'f32', ^#00]]]", "4 bytes a row"},
    {E_BAD_PAYLOAD, NONE, "['columns', 8, [['a', 'bits', ^#]]]", "a bit a row"},
    {E_BAD_PAYLOAD, NONE, "['columns', 8, [['a', 'bits', ^#0000]]]", "a bit a row"},
    {E_BAD_PAYLOAD, NONE, "['columns', 1, [['a', 'bits', ^5]]]", "a bit a row"},
    {E_BAD_PAYLOAD, NONE, "['columns', 1, [['a', 'timestamp', ^#0000000000000000]]]",
     "[unit, numbers]"},
    {E_BAD_PAYLOAD, NONE, "['columns', 1, [['a', 'timestamp', ^['s']]]]", "[unit, numbers]"},
    {E_BAD_PAYLOAD, NONE, "['columns', 1, [['a', 'timestamp', [^'m', #0000000000000000]]]]",
     "the unit"},
    {E_BAD_PAYLOAD, NONE, "['columns', 1, [['a', 'timestamp', [^1, #0000000000000000]]]]",
     "the unit"},
    {E_BAD_PAYLOAD, NONE, "['columns', 1, [['a', 'timestamp', ['s', ^#00000000]]]]",
     "8 bytes a row"},
    {E_ROW_INVALID, NONE, "['columns', 1, [['a', 'timestamp', [^!c1, #]]]]", "never valid"},
    {E_BAD_PAYLOAD, NONE, "['columns', 1, [['a', 'str64', ^[#]]]]", "[offsets, bytes]"},
    {E_BAD_PAYLOAD, NONE, "['columns', 1, [['a', 'str64', [^#0000000000000000, #]]]]",
     "rows + 1 numbers of 8 bytes"},
    {E_BAD_PAYLOAD, NONE,
     "['columns', 1, [['a', 'str64', [!c4100200000000000000^0100000000000000, #6162]]]]",
     "must not decrease"},
    {E_BAD_PAYLOAD, NONE,
     "['columns', 1, [['a', 'str64', [!c410^00000000000000000300000000000080, #6162]]]]",
     "pass the end"},
    {E_BAD_PAYLOAD, NONE, "['columns', 1, [['a', 'dict', ^#00]]]", "[codes type, codes, values"},
    {E_BAD_PAYLOAD, NONE, "['columns', 1, [['a', 'dict', ^['u8', #00, []]]]]",
     "[codes type, codes, values"},
    {E_BAD_PAYLOAD, NONE, "['columns', 1, [['a', 'dict', [^'f32', #00000000, [#00000000, #], 0]]]]",
     "the codes of a dict column must be"},
    {E_BAD_PAYLOAD, NONE, "['columns', 1, [['a', 'dict', [^5, #00, [#00000000, #], 0]]]]",
     "the codes of a dict column must be"},
    {E_BAD_PAYLOAD, NONE, "['columns', 1, [['a', 'dict', ['u16', ^#00, [#00000000, #], 0]]]]",
     "2 bytes a row"},
    {E_BAD_PAYLOAD, NONE, "['columns', 1, [['a', 'dict', ['u8', #00, ^#00000000, 0]]]]",
     "[offsets, bytes]"},
    {E_BAD_PAYLOAD, NONE, "['columns', 1, [['a', 'dict', ['u8', #00, [^'', #], 0]]]]",
     "the offsets of a dict"},
    {E_BAD_PAYLOAD, NONE, "['columns', 1, [['a', 'dict', ['u8', #00, [#00000000, ^''], 0]]]]",
     "the bytes of a dict"},
    {E_BAD_PAYLOAD, NONE, "['columns', 1, [['a', 'dict', ['u8', #00, [#00000000, #], ^'1']]]]",
     "the number of values"},
    {E_BAD_PAYLOAD, NONE, "['columns', 1, [['a', 'dict', ['u8', #00, [#00000000, #], ^-1]]]]",
     "the number of values"},
    {E_BAD_PAYLOAD, NONE, "['columns', 1, [['a', 'dict', ['u8', #00, [^#00000000, #], 1]]]]",
     "the offsets of a dict"},
    {E_BAD_PAYLOAD, NONE,
     "['columns', 1, [['a', 'dict', ['u8', #00, [^#, #], !cf1fffffffffffffff]]]]",
     "the offsets of a dict"},
    {E_BAD_PAYLOAD, NONE,
     "['columns', 1, [['a', 'dict', ['u8', #00, [#, #], ^!cfffffffffffffffff]]]]",
     "the number of values"},
    {E_BAD_PAYLOAD, NONE,
     "['columns', 1, [['a', 'dict', ['u8', #00, [!c40801000000^00000000, #61], 1]]]]",
     "must not decrease"},
    {E_BAD_PAYLOAD, NONE,
     "['columns', 1, [['a', 'dict', ['u8', #00, [!c408^0000000002000000, #61], 1]]]]",
     "pass the end"},
    {E_BAD_PAYLOAD, NONE,
     "['columns', 2, [['a', 'dict', ['u8', !c40200^01, [#0000000001000000, #61], 1]]]]",
     "not below the number"},
    {E_BAD_PAYLOAD, NONE,
     "['columns', 2, [['a', 'dict', ['i16', !c404ffff^ffff, [#0000000001000000, #61], 1], #02]]]",
     "not below the number"},
    {E_BAD_PAYLOAD, NONE,
     "['columns', 2, [['a', 'dict', ['u32', !c408^0100000000000000, [#0000000001000000, #61], 1], "
     "nil, "
     "#01]]]",
     NULL},
    {E_BAD_PAYLOAD, NONE, "['columns', 1, [['a', 'dict', ['u8', !c401^00, [#00000000, #], 0]]]]",
     "not below the number"},
    {E_BAD_PAYLOAD, NONE, "['columns', 1, [['a', 'u8', #00, ^#]]]", "validity"},
    {E_BAD_PAYLOAD, NONE, "['columns', 1, [['a', 'bool', #00, ^5]]]", "validity"},
    {E_BAD_PAYLOAD, NONE, "['columns', 1, [['a', 'bool', #00, ^#0000]]]", "validity"},
    {E_BAD_PAYLOAD, NONE, "['columns', 1, [['a', 'list', [1], ^#01]]]", "no validity"},
    {E_BAD_PAYLOAD, NONE, "['columns', 1, [['a', 'bool', #00, nil, ^#]]]", "presence"},
    {E_BAD_PAYLOAD, NONE, "['columns', 1, [['a', 'zstr', ^'x']]]", "must be bin"},
    {E_BAD_PAYLOAD, NONE, "['columns', 3, [['a', 'zstr', ^#7800]]]", "fewer strings"},
    {E_BAD_PAYLOAD, NONE, "['columns', 3, [['a', 'zstr', ^#78]]]", "fewer strings"},
    {E_BAD_PAYLOAD, NONE, "['columns', 2, [['a', 'zstr', !c405780079^007a]]]", "more strings"},
    {E_BAD_PAYLOAD, NONE, "['columns', 0, [['a', 'zstr', !c401^78]]]", "more strings"},
    /* nested columns */
    {E_BAD_PAYLOAD, NONE, "['columns', 1, [['a', 'array', ^5]]]", "[offsets, items]"},
    {E_BAD_PAYLOAD, NONE, "['columns', 1, [['a', 'array', ^[#0000000000000000]]]]",
     "[offsets, items]"},
    {E_BAD_PAYLOAD, NONE, "['columns', 1, [['a', 'array', [^#00000000, [0, 'list', []]]]]]",
     "the offsets of a nested column must be bin"},
    {E_BAD_PAYLOAD, NONE, "['columns', 1, [['a', 'array', [^'00000000', [0, 'list', []]]]]]",
     "the offsets of a nested column must be bin"},
    {E_BAD_PAYLOAD, NONE,
     "['columns', 1, [['a', 'array', [!c40801000000^00000000, [1, 'u8', #00]]]]]",
     "must not decrease"},
    {E_BAD_PAYLOAD, NONE,
     "['columns', 1, [['a', 'array', [!c408^0000000002000000, [1, 'u8', #00]]]]]",
     "pass the end of its items"},
    {E_BAD_PAYLOAD, NONE, "['columns', 1, [['a', 'array', [#0000000000000000, ^5]]]]",
     "[number, type, data, valid]"},
    {E_BAD_PAYLOAD, NONE, "['columns', 1, [['a', 'array', [#0000000000000000, ^[0, 'u8']]]]]",
     "[number, type, data, valid]"},
    {E_BAD_PAYLOAD, NONE,
     "['columns', 1, [['a', 'array', [#0000000000000000, ^[0, 'u8', #, nil, nil]]]]]",
     "[number, type, data, valid]"},
    {E_BAD_PAYLOAD, NONE, "['columns', 1, [['a', 'array', [#0000000000000000, ^[-1, 'u8', #]]]]]",
     "[number, type, data, valid]"},
    {E_BAD_PAYLOAD, NONE,
     "['columns', 1, [['a', 'array', [#0000000000000000, ^[4294967296, 'u8', #]]]]]",
     "[number, type, data, valid]"},
    {E_BAD_PAYLOAD, NONE,
     "['columns', 1, [['a', 'array', [#0000000000000000, [4294967295, 'u8', ^#00]]]]]",
     "1 byte a row"},
    {E_BAD_PAYLOAD, NONE, "['columns', 1, [['a', 'array', [#0000000000000000, [1, ^'i', #]]]]]",
     "a column's type"},
    {E_BAD_PAYLOAD, NONE,
     "['columns', 1, [['a', 'array', [#0000000000000000, [9, 'u8', #000000000000000000, ^#00]]]]]",
     "validity"},
    {E_BAD_PAYLOAD, NONE, "['columns', 1, [['a', 'array', [#0000000000000000, [0, 'u8', #]], ^#]]]",
     "validity"},
    {E_BAD_PAYLOAD, NONE,
     "['columns', 1, [['a', 'array', [#0000000000000000, [1, 'list', [5], ^#01]]]]]",
     "no validity"},
    {E_BAD_PAYLOAD, NONE,
     "['columns', 1, [['a', 'array', [#0000000000000000, [1, 'dict', ['u8', !c401^01, "
     "[#0000000001000000, #61], 1]]]]]]",
     "not below the number"},
    {E_BAD_PAYLOAD, NONE,
     "['columns', 1, [['a', 'array', [#0000000000000000, [1, 'bool', !c401^02]]]]]",
     "neither 0 nor 1"},
    {E_ROW_INVALID, NONE, "['columns', 1, [['a', 'array', [#0000000000000000, [^!c1, 'u8', #]]]]]",
     "never valid"},
    {E_BAD_PAYLOAD, NONE, "['columns', 1, [['a', 'map', ^[#0000000000000000, [0, 'u8', #]]]]]",
     "[offsets, keys, values]"},
    {E_BAD_PAYLOAD, NONE,
     "['columns', 1, [['a', 'map', [#0000000000000000, [1, 'u8', #00], ^[0, 'u8', #]]]]]",
     "another number of values than of keys"},
    {E_BAD_PAYLOAD, NONE,
     "['columns', 1, [['a', 'map', [!c408^0000000002000000, [1, 'u8', #00], [1, 'u8', #00]]]]]",
     "pass the end of its items"},
    {E_ROW_TOO_WIDE, NONE,
     "['columns', 2, [['a', 'map', [!c40c00000000^0000000005000000, [5, 'u8', #0001020304], "
     "[5, 'u8', #0001020304]]]]]",
     "row_fields"},
    {E_BAD_PAYLOAD, NONE, "['columns', 1, [['a', 'struct', ^{}]]]", "an array of fields"},
    {E_BAD_PAYLOAD, NONE, "['columns', 1, [['a', 'struct', [^5]]]]", "[name, type, data"},
    {E_BAD_PAYLOAD, NONE, "['columns', 1, [['a', 'struct', [^['b', 'u8']]]]]", "[name, type, data"},
    {E_BAD_PAYLOAD, NONE, "['columns', 1, [['a', 'struct', [^['b', 'u8', #00, nil, nil, nil]]]]]",
     "[name, type, data"},
    {E_BAD_PAYLOAD, NONE, "['columns', 1, [['a', 'struct', [[^5, 'u8', #00]]]]]",
     "is not a string"},
    {E_BAD_PAYLOAD, NONE, "['columns', 2, [['a', 'struct', [['b', 'u8', ^#00]]]]]", "1 byte a row"},
    {E_BAD_PAYLOAD, NONE, "['columns', 1, [['a', 'struct', [['b', 'u8', #00, nil, ^#]]]]]",
     "presence"},
    {E_ROW_TOO_WIDE, NONE, "['columns', 1, [['a', 'struct', ^[1, 2, 3, 4, 5]]]]", "row_fields"},
    {E_ROW_TOO_DEEP, NONE,
     "['columns', 1, [['a', 'struct', [['a', 'struct', [['a', 'struct', [['a', 'struct', "
     "[['a', 'struct', [['a', 'struct', ^[]]]]]]]]]]]]]]]",
     "row_depth"},
    {E_ROW_TOO_DEEP, 0,
     "['columns', 1, [['a', 'struct', [['a', 'struct', [['a', 'struct', [['a', 'struct', "
     "[['a', 'list', [[^[]]]]]]]]]]]]]]]",
     "row_depth"},
    {E_FRAME_TOO_LARGE, 1,
     "['columns', 2, [['a', 'array', [#0000000000000000ffffffff, [4294967295, 'struct', []]]]]]",
     "longer than frame_bytes"},
    {E_BAD_PAYLOAD, NONE, "['columns', 1, [['a', 'bin', ^'x']]]", "[offsets, bytes]"},
    {E_BAD_PAYLOAD, NONE, "['columns', 1, [['a', 'bin', [^#00000000, #]]]]",
     "rows + 1 numbers of 4 bytes"},
    {E_BAD_PAYLOAD, NONE, "['columns', 1, [['a', 'bin', [#0000000000000000, ^'']]]]",
     "bytes of a bin column"},
    {E_BAD_PAYLOAD, NONE, "['columns', 1, [['a', 'bin', [!c40802000000^01000000, #6162]]]]",
     "must not decrease"},
    {E_BAD_PAYLOAD, NONE, "['columns', 1, [['a', 'bin', [!c408^0000000003000000, #6162]]]]",
     "pass the end"},
    {E_BAD_MESSAGE, NONE, "['columns', 1, []] ^nil", "1 bytes after"},
#undef NONE
};

static void test_bad_payloads(void **state) {
    (void)state;
    struct limits few = limits;
    few.batch_rows = 8;
    few.row_fields = 4;
    few.row_depth = 6;
    for (size_t i = 0; i < COUNT_OF(BAD); i++) {
        char payload[512];
        struct buf message, cells = {0};
        struct opened o;
        size_t at, mark;
        with_quotes(BAD[i].payload, payload, sizeof payload);
        message_of(payload, &message, &at, &mark);
        enum status status = open_source(&o, "a = b.c", message.data, at, message.len, &few);
        if (status == E_OK)
            status = show_rows(&o, &cells);
        assert_status(status, BAD[i].status, payload);
        assert_status(o.error.status, BAD[i].status, payload);
        if (BAD[i].part && !strstr(o.error.message, BAD[i].part))
            fail_msg("%s: %s", payload, o.error.message);
        if (mark != NO_MARK && o.error.offset != mark)
            fail_msg("%s: %s: offset %lld, expected %zu", payload, o.error.message,
                     (long long)o.error.offset, mark);
        if (o.error.row != (BAD[i].row == ERROR_NONE ? ERROR_NONE : 1000 + BAD[i].row))
            fail_msg("%s: row %lld", payload, (long long)o.error.row);
        opened_done(&o);
        buf_done(&cells);
        buf_done(&message);
    }
}

/* Every payload cut at every byte, in memory of just that size: an error, its offset inside. */
static void test_cut_payloads(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(GOOD); i++) {
        char payload[512];
        struct buf message;
        size_t at, mark;
        with_quotes(GOOD[i].payload, payload, sizeof payload);
        message_of(payload, &message, &at, &mark);
        for (size_t n = at; n < message.len; n++) {
            uint8_t *copy = malloc(n);
            struct buf cells = {0};
            struct opened o;
            assert_non_null(copy);
            memcpy(copy, message.data, n);
            enum status status = open_source(&o, GOOD[i].fields, copy, at, n, &limits);
            if (status == E_OK)
                status = show_rows(&o, &cells);
            if (status == E_OK || status == E_MEMORY || o.error.offset > n)
                fail_msg("%s cut to %zu bytes: %s, offset %lld", payload, n, status_name(status),
                         (long long)o.error.offset);
            opened_done(&o);
            buf_done(&cells);
            free(copy);
        }
        buf_done(&message);
    }
}

static void write_numbers(struct buf *b, uint32_t rows) {
    struct buf words = {0};
    for (uint64_t i = 0; i < rows; i++)
        for (int k = 0; k < 8; k++)
            buf_byte(&words, (uint8_t)(i >> 8 * k));
    mp_write_bin(b, words.data, words.len);
    buf_done(&words);
}

static void write_presence(struct buf *b, uint32_t rows) {
    struct buf bits = {0};
    for (uint32_t i = 0; i < rows; i += 8) {
        uint8_t byte = 0;
        for (uint32_t k = 0; k < 8; k++)
            byte |= (uint8_t)(((i + k) % 3 > 0) << k);
        buf_byte(&bits, byte);
    }
    mp_write_bin(b, bits.data, bits.len);
    buf_done(&bits);
}

/* More rows than a block has, in all forms; all there (0), or one of them wrong: row and offset of
 * an error far behind (1), or a third of them missing (2). */
static void test_many_rows(void **state) {
    (void)state;
    static const char *const FORMS[] = {"maps", "template", "columns"};
    enum { ROWS = 2500, BAD_ROW = 2345 };
    for (int f = 0; f < 3; f++)
        for (int how = 0; how < (f == 0 ? 2 : 3); how++) {
            bool bad = how == 1, sparse = how == 2;
            struct buf m = {0}, cells = {0}, expected = {0};
            size_t bad_at = 0;
            mp_write_array(&m, f == 0 ? 2 : f == 1 && sparse ? 4 : 3);
            mp_write_text(&m, FORMS[f]);
            if (f == 1) {
                mp_write_array(&m, 1);
                mp_write_text(&m, "a");
            } else if (f == 2) {
                mp_write_int(&m, ROWS);
                mp_write_array(&m, 1);
                mp_write_array(&m, sparse ? 5 : 3);
                mp_write_text(&m, "a");
                mp_write_text(&m, sparse ? "i64" : "list");
            }
            if (sparse && f == 2)
                write_numbers(&m, ROWS);
            else
                mp_write_array(&m, ROWS);
            for (int i = 0; i < ROWS; i++) {
                if (f == 0)
                    mp_write_map(&m, 1), mp_write_text(&m, "a");
                else if (f == 1)
                    mp_write_array(&m, 1);
                if (sparse && f == 2) {
                    ; /* written */
                } else if (bad && i == BAD_ROW) {
                    bad_at = m.len;
                    buf_byte(&m, 0xC1);
                } else {
                    mp_write_int(&m, i);
                }
                buf_add_text(&expected, i ? " | " : "");
                if (sparse && i % 3 == 0)
                    buf_add_text(&expected, "-");
                else
                    buf_printf(&expected, "%d", i);
            }
            if (sparse && f == 2)
                mp_write_nil(&m); /* validity */
            if (sparse)
                write_presence(&m, ROWS);
            struct opened o;
            enum status status = open_source(&o, "a = 1", m.data, 0, m.len, &limits);
            if (status == E_OK)
                status = show_rows(&o, &cells);
            assert_int_equal(status, bad ? E_ROW_INVALID : E_OK);
            if (!bad)
                assert_true(str_eq((struct str){(char *)cells.data, cells.len},
                                   (struct str){(char *)expected.data, expected.len}));
            else
                assert_int_equal(o.error.offset, bad_at);
            if (bad)
                assert_int_equal(o.error.row, 1000 + BAD_ROW);
            opened_done(&o);
            buf_done(&m);
            buf_done(&cells);
            buf_done(&expected);
        }
}

/* Spans are the rows' own bytes. */
static void test_spans(void **state) {
    (void)state;
    static const char *const PAYLOADS[] = {
        "[\"maps\", [{\"a\": 1}, {}, {\"b\": [1, 2]}]]",
        "[\"template\", [\"a\", \"b\"], [[1], [], [1, [2]]], #ff]"};
    for (size_t i = 0; i < COUNT_OF(PAYLOADS); i++) {
        struct buf message;
        struct opened o;
        size_t at, mark;
        uint32_t n;
        message_of(PAYLOADS[i], &message, &at, &mark);
        assert_int_equal(open_source(&o, "a = 1", message.data, at, message.len, &limits), E_OK);
        assert_true(o.source.form->has_row_bytes);
        block_clear(&o.block, 1);
        assert_int_equal(source_fill(&o.source, &o.block, &n, &o.error), E_OK);
        assert_int_equal(n, 3);
        struct mp_reader r;
        mp_reader_init(&r, o.block.spans[0].p, 100, 64);
        for (uint32_t row = 0; row < n; row++) {
            assert_ptr_equal(o.block.spans[row].p, r.p);
            mp_skip(&r);
            assert_ptr_equal(o.block.spans[row].p + o.block.spans[row].n, r.p);
        }
        opened_done(&o);
        buf_done(&message);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_payloads), cmocka_unit_test(test_bad_payloads),
        cmocka_unit_test(test_cut_payloads),  cmocka_unit_test(test_many_rows),
        cmocka_unit_test(test_spans),
    };
    limits_default(&limits);
    return cmocka_run_group_tests_name("engine", tests, NULL, NULL);
}
