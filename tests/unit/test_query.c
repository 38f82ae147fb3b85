/* The query layer: text, structured form and print against each other, every refusal, every limit.
 *
 * This file is long because the tables are the test. Structured queries are written here as
 * JSON and encoded by a few lines at the top. tests/golden/refusals.txt has the wrong queries. */
#include "query/query.h"
#include "value/mp.h"

#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#ifndef TAMIS_GOLDEN_DIR
#ifdef TAMIS_SOURCE
#define TAMIS_GOLDEN_DIR TAMIS_SOURCE "/tests/golden"
#else
#define TAMIS_GOLDEN_DIR "tests/golden"
#endif
#endif

static struct limits limits;

static struct str text_of(const struct buf *b) {
    return (struct str){b->data ? (const char *)b->data : "", b->len};
}

static void repeat(struct buf *b, const char *text, size_t n) {
    for (size_t i = 0; i < n; i++)
        buf_add_text(b, text);
}

/* --- JSON to msgpack, for readable structured queries --- */

static const char *json(const char *p, struct buf *out) {
    p += strspn(p, " ,:");
    if (*p == '"') {
        size_t n = strcspn(p + 1, "\"");
        mp_write_str(out, p + 1, n);
        return p + n + 2;
    }
    if (*p == '[' || *p == '{') {
        struct buf inner = {0};
        uint32_t n = 0;
        char close = *p == '[' ? ']' : '}';
        for (p++; p += strspn(p, " ,:"), *p != close; n++)
            p = json(p, &inner);
        if (close == ']')
            mp_write_array(out, n);
        else
            mp_write_map(out, n / 2);
        buf_add(out, inner.data, inner.len);
        buf_done(&inner);
        return p + 1;
    }
    size_t n = strcspn(p, " ,:]}");
    if (strncmp(p, "null", n) == 0)
        mp_write_nil(out);
    else if (strncmp(p, "true", n) == 0 || strncmp(p, "false", n) == 0)
        mp_write_bool(out, *p == 't');
    else if (memchr(p, '.', n))
        mp_write_double(out, strtod(p, NULL));
    else
        mp_write_int(out, strtoll(p, NULL, 10));
    return p + n;
}

/* --- what must hold for every accepted query --- */

static void check_same(const struct query *q, const struct limits *l) {
    struct query again = {0}, third = {0};
    struct buf text = {0}, bytes = {0}, text2 = {0}, bytes2 = {0};
    struct error e;
    error_clear(&e);
    query_print(q, &text);
    query_write_structured(q, &bytes);
    assert_false(buf_failed(&text) || buf_failed(&bytes));
    if (query_parse(&again, text_of(&text), l, NULL, &e) != E_OK)
        fail_msg("%.*s: %s", (int)text.len, (char *)text.data, e.message);
    if (!node_eq(q->root, again.root))
        fail_msg("another tree: %.*s", (int)text.len, (char *)text.data);
    if (query_parse_structured(&third, bytes.data, bytes.len, l, NULL, &e) != E_OK)
        fail_msg("%.*s: %s", (int)text.len, (char *)text.data, e.message);
    assert_true(node_eq(q->root, third.root));
    assert_int_equal(q->n_nodes, again.n_nodes);
    assert_int_equal(q->n_nodes, third.n_nodes);
    assert_int_equal(q->n_params, again.n_params);
    assert_int_equal(q->n_params, third.n_params);
    for (uint32_t i = 0; i < q->n_params; i++) {
        assert_true(str_eq(q->params[i].name, again.params[i].name));
        assert_true(str_eq(q->params[i].name, third.params[i].name));
    }
    assert_int_equal(q->root->depth, again.root->depth);
    assert_int_equal(q->root->depth, third.root->depth);
    query_print(&again, &text2);
    assert_true(str_eq(text_of(&text), text_of(&text2)));
    query_write_structured(&third, &bytes2);
    assert_true(str_eq(text_of(&bytes), text_of(&bytes2)));
    query_done(&again);
    query_done(&third);
    buf_done(&text);
    buf_done(&bytes);
    buf_done(&text2);
    buf_done(&bytes2);
}

static void parse_or_fail(struct query *q, const char *text) {
    struct error e;
    error_clear(&e);
    *q = (struct query){0};
    if (query_parse(q, str_of(text), &limits, NULL, &e) != E_OK)
        fail_msg("%s: %s at %llu", text, e.message, (unsigned long long)e.pos);
}

static void structured_or_fail(struct query *q, const char *text) {
    struct buf b = {0};
    struct error e;
    error_clear(&e);
    json(text, &b);
    if (query_parse_structured(q, b.data, b.len, &limits, NULL, &e) != E_OK)
        fail_msg("%s: %s at %llu", text, e.message, (unsigned long long)e.pos);
    buf_done(&b); /* the query has copies */
}

/* --- text to canonical text --- */

static const struct {
    const char *text, *canonical; /* NULL: the same */
} PRINTED[] = {
    {"a=1", "a = 1"},
    {"a==1 and b!=2", "a = 1 AND b <> 2"},
    {"a < 1 AND b <= 2 AND c > 3 AND d >= 4", NULL},
    {"a = b OR c AND NOT d", NULL},
    {"(a OR b) AND (c OR d)", NULL},
    {"(a AND b) AND c OR (d OR e)", "a AND b AND c OR d OR e"},
    {"NOT (a AND b)", NULL},
    {"NOT NOT a = 1", NULL},
    {"(NOT a) = b", NULL},
    {"(a = 1) = (b = 2)", NULL},
    {"a = 1 IS NULL", "(a = 1) IS NULL"},
    {"a IS NULL IS TRUE", "(a IS NULL) IS TRUE"},
    {"(a > 1) IS NOT TRUE", NULL},
    {"NOT NULL NOT IN (a, 1)", "NOT NULL NOT IN (1, a)"},
    {"NOT (a IS NULL)", "a IS NOT NULL"},
    {"NOT a LIKE 'x'", "a NOT LIKE 'x'"},
    {"a NOT ILIKE b ESCAPE '\\'", NULL},
    {"a LIKE 'x' ESCAPE :e", NULL},
    {"a BETWEEN 1 AND 2 AND b NOT BETWEEN c AND d", NULL},
    {"a IS DISTINCT FROM b AND a IS NOT DISTINCT FROM NULL", NULL},
    {"a IS MISSING AND b IS NOT NAN AND c IS UNKNOWN AND d IS NOT FALSE", NULL},
    {"a IN () AND b NOT IN ()", NULL},
    {"a IN ((1), b, [1], (a = 1))", "a IN (1, [1], b, a = 1)"},
    {"a IN ? AND b IN :list", NULL},
    {"x IN tags", "ANY(tags) = x"},
    {"x NOT IN tags", "NOT ANY(tags) = x"},
    {"(a = 1) IN tags", "ANY(tags) = (a = 1)"},
    {"5 < ANY(tags)", "ANY(tags) > 5"},
    {"5 >= EVERY(tags)", "EVERY(tags) <= 5"},
    {"5 <> EVERY(tags)", "EVERY(tags) <> 5"},
    {"a IS NOT DISTINCT FROM ANY(b)", "ANY(b) IS NOT DISTINCT FROM a"},
    {"ANY(a) NOT IN (1, 2) AND EVERY(b) BETWEEN 1 AND 2", NULL},
    {"ANY(a) LIKE 'x%' ESCAPE '!' OR ANY(a) NOT ILIKE 'y'", NULL},
    {"ANY(a) IS NULL", NULL},
    {"ANY(a) IS NULL IS TRUE", "(ANY(a) IS NULL) IS TRUE"},
    {"ANY(a) STARTS_WITH 'x'", NULL},
    {"ANY(a) NOT CONTAINS 'x'", "ANY e1 IN a SATISFIES NOT CONTAINS(e1, 'x') END"},
    {"ANY(a) IN b", "ANY e1 IN a SATISFIES ANY(b) = e1 END"},
    {"ANY(e1) IN e2", "ANY e3 IN e1 SATISFIES ANY(e2) = e3 END"},
    {"(ANY(a) = 1) = b", NULL},
    {"ANY e IN items SATISFIES e.x = 1 AND e[0].y END", NULL},
    {"ANY e IN items SATISFIES e = 5 END", "ANY(items) = 5"},
    {"ANY e IN items SATISFIES e.t IN e.u END", "ANY e IN items SATISFIES ANY(e.u) = e.t END"},
    {"ANY e IN a SATISFIES EVERY f IN e.b SATISFIES f.c = e.c AND g = f END END", NULL},
    {"ANY e IN a SATISFIES ANY e IN e.b SATISFIES e.c END END", NULL},
    {"ANY e IN e SATISFIES e.e END", NULL},
    {"ANY e IN a SATISFIES \"e\".x END AND e.x", "ANY e IN a SATISFIES e.x END AND e.x"},
    {"any any in any satisfies any end", "ANY \"any\" IN \"any\" SATISFIES \"any\" END"},
    {"ANY e IN a SATISFIES e END IN (TRUE)", NULL},
    {"name STARTS_WITH 'A' AND name ENDS_WITH 'z'",
     "STARTS_WITH(name, 'A') AND ENDS_WITH(name, 'z')"},
    {"name NOT CONTAINS 'A'", "NOT CONTAINS(name, 'A')"},
    {"CONTAINS(a OR b, c = 1)", NULL},
    {"a.b[0].\"odd \"\"key\"", NULL},
    {"a . b [ 0 ] [\"x y\"]['z']", "a.b[0].\"x y\".z"},
    {"\"and\".\"or\".\"\"", NULL},
    {"X\"ff\".X\"61\" = :X\"fe\"", "X\"ff\".a = :X\"fe\""},
    {"Ünï.cöde = 'é'", NULL},
    {":a = :\"odd name\" AND ? = ? AND :a = :and", NULL},
    {"TRUE", NULL},
    {"a", NULL},
    {"?", NULL},
    {"'it''s'", NULL},
    {"a = [] OR a = {} OR a = [1, [2.5, 'x'], {'k': TRUE, 3: NULL}]", NULL},
    {"a = EXT(5, X'0102') OR a = EXT(-128, X'')", NULL},
    {"a = EXT(-1, X'00000000')", "a = TIMESTAMP '1970-01-01T00:00:00Z'"},
    {"a = EXT(-1, X'000000007fffffffffffffff')", NULL},
    {"a = STR X'ff' OR a = STR X'61'", "a = STR X'ff' OR a = 'a'"},
    {"a = DOUBLE 'NaN' OR a = DOUBLE 'Infinity' OR a = DOUBLE '-inf'",
     "a = DOUBLE 'nan' OR a = DOUBLE 'inf' OR a = DOUBLE '-inf'"},
    {"a = - - 5 AND b = + + 5 AND c = -+-5", "a = 5 AND b = 5 AND c = 5"},
    {"a -- comment\n = /* * */ 1 -- end", "a = 1"},
    {"any = 1 AND every = 2", "\"any\" = 1 AND \"every\" = 2"}};

static void test_print(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(PRINTED); i++) {
        struct query q;
        struct buf out = {0};
        parse_or_fail(&q, PRINTED[i].text);
        query_print(&q, &out);
        buf_byte(&out, '\0');
        assert_string_equal((char *)out.data,
                            PRINTED[i].canonical ? PRINTED[i].canonical : PRINTED[i].text);
        buf_done(&out);
        check_same(&q, &limits);
        query_done(&q);
    }
}

/* --- text and structured form of one tree --- */

static const struct {
    const char *text, *structured;
} SAME[] = {
    {"a.b[0]", "[\"path\",\"a\",\"b\",0]"},
    {"a = 1 AND b <> 2.5", "[\"and\",[\"=\",[\"path\",\"a\"],1],[\"<>\",[\"path\",\"b\"],2.5]]"},
    {"NOT NOT a", "[\"AND\",[\"or\",[\"Not\",[\"not\",[\"path\",\"a\"]]]]]"},
    {"TRUE AND a", "[\"and\",[\"path\",\"a\"]]"},
    {"FALSE OR 5", "[\"or\",5]"},
    {"a AND b AND c AND d", "[\"and\",[\"and\",[\"path\",\"a\"],[\"path\",\"b\"]],[\"and\",["
                            "\"path\",\"c\"],[\"path\",\"d\"]]]"},
    {"a IN (1, 'x', b)", "[\"in\",[\"path\",\"a\"],[\"list\",1,[\"path\",\"b\"],\"x\"]]"},
    {"a NOT IN :p", "[\"not\",[\"in\",[\"path\",\"a\"],[\"param\",\"p\"]]]"},
    {"a IN ([1])", "[\"in\",[\"path\",\"a\"],[\"list\",[\"lit\",[1]]]]"},
    {"? = :x", "[\"=\",[\"param\"],[\"param\",\"x\"]]"},
    {"5 IN t", "[\"any\",[\"path\",\"t\"],[\"=\",[\"element\"],5]]"},
    {"ANY e IN a SATISFIES EVERY f IN e.b SATISFIES f = e.c[1] END END",
     "[\"any\",[\"path\",\"a\"],[\"every\",[\"element\",\"b\"],"
     "[\"=\",[\"element\"],[\"outer\",1,\"c\",1]]]]"},
    {"a = {'k': [1, 2]}", "[\"=\",[\"path\",\"a\"],[\"lit\",{\"k\":[1,2]}]]"},
    {"a = 1", "[\"=\",[\"path\",\"a\"],[\"lit\",1]]"},
    {"a LIKE 'x' ESCAPE '!'", "[\"like\",[\"path\",\"a\"],\"x\",\"!\"]"},
    {"a BETWEEN 1 AND 2", "[\"between\",[\"path\",\"a\"],1,2]"},
    {"a IS NOT NULL", "[\"not\",[\"is null\",[\"path\",\"a\"]]]"},
    {"a IS DISTINCT FROM NULL", "[\"distinct\",[\"path\",\"a\"],null]"},
    {"CONTAINS(a, 'x')", "[\"contains\",[\"path\",\"a\"],\"x\"]"}};

static void test_both_forms(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(SAME); i++) {
        struct query a, b;
        parse_or_fail(&a, SAME[i].text);
        structured_or_fail(&b, SAME[i].structured);
        if (!node_eq(a.root, b.root))
            fail_msg("%s is not %s", SAME[i].text, SAME[i].structured);
        check_same(&b, &limits);
        query_done(&a);
        query_done(&b);
    }
}

/* --- trees that must differ --- */

static void test_differences(void **state) {
    (void)state;
    static const char *const DIFFERENT[] = {"a = 1",
                                            "a = 1.0",
                                            "a = '1'",
                                            "a = X'31'",
                                            "a = b",
                                            "b = a",
                                            "a <> 1",
                                            "a = 0.0",
                                            "a = -0.0",
                                            "a = ?",
                                            "a.b = 1",
                                            "a[0] = 1",
                                            "a.\"0\" = 1",
                                            "a IN (1)",
                                            "a IN (1, 1)",
                                            "a IN (b)",
                                            "ANY(a) = 1",
                                            "EVERY(a) = 1",
                                            "ANY(a) = a",
                                            "ANY e IN a SATISFIES e = e END",
                                            "a = TRUE",
                                            "a = NULL",
                                            "NOT a = 1",
                                            "a = DOUBLE 'nan'",
                                            "a = [1]",
                                            "a = [1.0]",
                                            "a = {'a': 1}",
                                            "a = EXT(1, X'00')",
                                            "a = EXT(2, X'00')",
                                            "a = 18446744073709551615",
                                            "a LIKE b",
                                            "a LIKE b ESCAPE c",
                                            "a IS NULL",
                                            "a IS MISSING",
                                            "a = TIMESTAMP '2020-01-01T00:00:00Z'",
                                            "a = TIMESTAMP '2020-01-01T00:00:00.000000001Z'"};
    static struct query q[COUNT_OF(DIFFERENT)];
    for (size_t i = 0; i < COUNT_OF(DIFFERENT); i++)
        parse_or_fail(&q[i], DIFFERENT[i]);
    for (size_t i = 0; i < COUNT_OF(DIFFERENT); i++)
        for (size_t j = 0; j < COUNT_OF(DIFFERENT); j++)
            if (node_eq(q[i].root, q[j].root) != (i == j))
                fail_msg("%s, %s", DIFFERENT[i], DIFFERENT[j]);
    for (size_t i = 0; i < COUNT_OF(DIFFERENT); i++)
        query_done(&q[i]);
}

/* --- literals --- */

static struct value literal(const char *text) {
    struct query q;
    parse_or_fail(&q, text);
    assert_int_equal(q.root->kind, NODE_LITERAL);
    struct value v = q.root->value; /* callers look at scalars only */
    check_same(&q, &limits);
    query_done(&q);
    return v;
}

static void test_integers(void **state) {
    (void)state;
    assert_int_equal(literal("-9223372036854775808").w.i, INT64_MIN);
    assert_int_equal(literal("9223372036854775807").type, T_INT);
    assert_int_equal(literal("9223372036854775808").type, T_UINT);
    assert_true(literal("18446744073709551615").w.u == UINT64_MAX);
    assert_true(literal("- 0").w.i == 0 && literal("-0").type == T_INT);
    assert_int_equal(literal("00012").w.i, 12);
    assert_int_equal(literal("- - -7").w.i, -7);
}

static void test_doubles(void **state) {
    (void)state;
    static const struct {
        const char *text;
        double d;
    } CASES[] = {{"1.", 1.0},
                 {".5", .5},
                 {"1e5", 1e5},
                 {"1.5E-3", 1.5e-3},
                 {"1e-400", 0.0},
                 {"-1e-400", -0.0},
                 {"1.7976931348623157e308", 1.7976931348623157e308},
                 {"4.9e-324", 4.9e-324},
                 {"2.2250738585072011e-308", 2.2250738585072011e-308},
                 {"9007199254740993.0", 9007199254740992.0},
                 {"9007199254740993.0000000000000000000001", 9007199254740994.0},
                 {"0.1", 0.1}};
    for (size_t i = 0; i < COUNT_OF(CASES); i++) {
        struct value v = literal(CASES[i].text);
        assert_int_equal(v.type, T_DOUBLE);
        assert_memory_equal(&v.w.d, &CASES[i].d, 8);
    }
    assert_true(isnan(literal("DOUBLE 'nan'").w.d) && isinf(literal("DOUBLE '-INF'").w.d));
    uint64_t bits = 1;
    for (int i = 0; i < 20000; i++) { /* any double comes back from its text, bit for bit */
        bits = bits * 6364136223846793005u + 1442695040888963407u;
        double d;
        memcpy(&d, &bits, 8);
        if (isnan(d))
            continue;
        struct query q = {0}, again = {0};
        struct buf bytes = {0}, text = {0};
        mp_write_double(&bytes, d);
        assert_int_equal(query_parse_structured(&q, bytes.data, bytes.len, &limits, NULL, NULL), 0);
        query_print(&q, &text);
        assert_int_equal(query_parse(&again, text_of(&text), &limits, NULL, NULL), E_OK);
        assert_true(node_eq(q.root, again.root));
        buf_done(&bytes);
        buf_done(&text);
        query_done(&q);
        query_done(&again);
    }
}

static void test_timestamps(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t seconds;
        uint32_t nanoseconds;
    } CASES[] = {{"1970-01-01T00:00:00Z", 0, 0},
                 {"1970-01-01 00:00:00z", 0, 0},
                 {"2020-01-01T00:00:00.123456789Z", 1577836800, 123456789},
                 {"2020-01-01t01:30:00.5+01:30", 1577836800, 500000000},
                 {"2019-12-31T19:00:00-05:00", 1577836800, 0},
                 {"1969-12-31T23:59:57.55Z", -3, 550000000},
                 {"2000-02-29T12:00:00Z", 951825600, 0},
                 {"0000-01-01T00:00:00Z", -62167219200, 0},
                 {"0000-01-01T00:00:00+23:59", -62167219200 - 86340, 0},
                 {"9999-12-31T23:59:59.999999999Z", 253402300799, 999999999},
                 {"9999-12-31T23:59:59-23:59", 253402300799 + 86340, 0}};
    for (size_t i = 0; i < COUNT_OF(CASES); i++) {
        char text[80];
        snprintf(text, sizeof text, "TIMESTAMP '%s'", CASES[i].text);
        struct value v = literal(text);
        assert_int_equal(v.type, T_TIMESTAMP);
        assert_int_equal(v.w.i, CASES[i].seconds);
        assert_int_equal(v.n, CASES[i].nanoseconds);
    }
    for (int64_t day = -719528; day < 2932897; day += 97) { /* every part of the calendar */
        struct query q = {0};
        struct buf bytes = {0};
        mp_write_value(&bytes, value_timestamp(day * 86400 + 86399, 1));
        assert_int_equal(query_parse_structured(&q, bytes.data, bytes.len, &limits, NULL, NULL), 0);
        check_same(&q, &limits);
        query_done(&q);
        buf_done(&bytes);
    }
}

/* --- names --- */

static const char *const WORDS[] = {
    "and",       "or",      "not",      "in",     "is",      "like",        "ilike",
    "between",   "true",    "false",    "null",   "missing", "unknown",     "nan",
    "distinct",  "from",    "escape",   "any",    "every",   "satisfies",   "end",
    "timestamp", "double",  "str",      "ext",    "x",       "starts_with", "ends_with",
    "contains",  "element", "infinity", "select", "where",   "cast",        "exists"};

/* shape with word for every %, NUL-terminated. */
static char *fill(struct buf *b, const char *shape, const char *word) {
    b->len = 0;
    for (; *shape; shape++)
        if (*shape == '%')
            buf_add_text(b, word);
        else
            buf_byte(b, (uint8_t)*shape);
    buf_byte(b, '\0');
    return (char *)b->data;
}

/* A word unquoted as first key, as later key and as a variable is that field, or is refused if it
 * is reserved; and print quotes what it must. */
static void test_words_as_names(void **state) {
    (void)state;
    static const char *const SHAPES[] = {"% = 1",
                                         "1 = %",
                                         "% IS NULL",
                                         "NOT %",
                                         "x1 IN (%, 1)",
                                         "x1 IN %",
                                         "% IN (1)",
                                         "x1 LIKE % ESCAPE %",
                                         "% BETWEEN % AND %",
                                         "% CONTAINS %",
                                         "CONTAINS(%, %)",
                                         "ANY(%) = %",
                                         "a.%.% = 1",
                                         "% AND % OR %",
                                         "(%)",
                                         "% IS DISTINCT FROM %",
                                         "ANY v1 IN % SATISFIES % END",
                                         "ANY % IN a1 SATISFIES %.b = 1 END"};
    struct buf bare_text = {0}, quoted_text = {0};
    for (size_t i = 0; i < COUNT_OF(WORDS); i++)
        for (size_t j = 0; j < COUNT_OF(SHAPES); j++) {
            const char *w = WORDS[i];
            char in_quotes[40];
            snprintf(in_quotes, sizeof in_quotes, "\"%s\"", w);
            const char *bare = fill(&bare_text, SHAPES[j], w);
            const char *quoted = fill(&quoted_text, SHAPES[j], in_quotes);
            struct query a = {0}, b;
            struct error e;
            error_clear(&e);
            parse_or_fail(&b, quoted);
            check_same(&b, &limits);
            enum status status = query_parse(&a, str_of(bare), &limits, NULL, &e);
            if (i < 11) { /* reserved: the same words are values or operators */
                if (status == E_OK && node_eq(a.root, b.root))
                    fail_msg("%s", bare);
            } else if (status != E_OK || !node_eq(a.root, b.root)) {
                fail_msg("%s: %s", bare, e.message);
            }
            query_done(&a);
            query_done(&b);
        }
    buf_done(&bare_text);
    buf_done(&quoted_text);
}

static void test_plain_keys(void **state) {
    (void)state;
    static const char *const PLAIN[] = {"a", "_", "a1", "é", "end", "missing", "x", "nan"};
    static const char *const ODD[] = {"",    "1a",    "a b", "a.b",  "a\"",           "and", "NULL",
                                      "Any", "every", "a-b", "\xff", "a\xe2\x80\x99", "a\n"};
    for (size_t i = 0; i < COUNT_OF(PLAIN); i++)
        assert_true(path_key_is_plain(str_of(PLAIN[i])));
    for (size_t i = 0; i < COUNT_OF(ODD); i++) {
        assert_false(path_key_is_plain(str_of(ODD[i])));
        struct query q = {0};
        struct buf bytes = {0};
        mp_write_array(&bytes, 4);
        mp_write_text(&bytes, "path");
        mp_write_text(&bytes, ODD[i]);
        mp_write_text(&bytes, ODD[i]);
        mp_write_uint(&bytes, UINT32_MAX);
        assert_int_equal(query_parse_structured(&q, bytes.data, bytes.len, &limits, NULL, NULL), 0);
        check_same(&q, &limits);
        query_done(&q);
        buf_done(&bytes);
    }
}

static void test_scopes_and_places(void **state) {
    (void)state;
    struct query q;
    parse_or_fail(&q, "b OR ANY e IN a SATISFIES e.x = ANY(e.y) END");
    const struct node *any = q.root->kids[1];
    assert_int_equal(any->pos, 5);
    assert_int_equal(any->length, 39);
    assert_true(str_is(any->var, "e"));
    assert_int_equal(any->scope, 0);
    const struct node *inner = any->kids[1];
    assert_int_equal(inner->op, OP_ANY);
    assert_null(inner->var.p);
    assert_int_equal(inner->kids[0]->scope, 1); /* e.y, outside of the inner one */
    const struct node *eq = inner->kids[1];
    assert_int_equal(eq->kids[0]->scope, 1); /* the element */
    assert_int_equal(eq->kids[0]->path.n, 0);
    assert_int_equal(eq->kids[1]->scope, 2); /* e.x, parsed before the inner one was known */
    assert_int_equal(eq->kids[1]->pos, 26);
    assert_int_equal(eq->kids[1]->length, 3);
    query_done(&q);
}

/* --- refusals --- */

static bool line_of(FILE *f, char **line, size_t *cap) {
    ssize_t n = getline(line, cap, f);
    if (n < 0)
        return false;
    if (n > 0 && (*line)[n - 1] == '\n')
        (*line)[n - 1] = '\0';
    return true;
}

static FILE *open_golden(void) {
    FILE *f = fopen(TAMIS_GOLDEN_DIR "/refusals.txt", "r");
    if (f)
        return f;
    char path[512]; /* a build without the definition: beside this file */
    snprintf(path, sizeof path, "%.*s/../golden/refusals.txt",
             (int)(strrchr(__FILE__, '/') - __FILE__), __FILE__);
    return fopen(path, "r");
}

static void test_golden_refusals(void **state) {
    (void)state;
    FILE *f = open_golden();
    assert_non_null(f);
    char *text = NULL, *name = NULL, *pos = NULL;
    size_t c1 = 0, c2 = 0, c3 = 0;
    int count = 0, wrong = 0;
    while (line_of(f, &text, &c1)) {
        if (!text[0] || strncmp(text, "## ", 3) == 0)
            continue;
        assert_true(line_of(f, &name, &c2) && line_of(f, &pos, &c3));
        struct query q = {0};
        struct error e;
        error_clear(&e);
        struct str s = str_is(str_of(text), "(empty)") ? str_of("") : str_of(text);
        enum status status = query_parse(&q, s, &limits, NULL, &e);
        if (strcmp(status_name(status), name) != 0 || e.pos != strtoull(pos, NULL, 10)) {
            print_error("%s\n  is %s at %llu (%s), not %s at %s\n", text, status_name(status),
                        (unsigned long long)e.pos, e.message, name, pos);
            wrong++;
        }
        if (status != E_OK) {
            assert_int_equal(e.status, status);
            assert_true(e.message[0] != '\0' && e.pos + e.length <= s.n);
            assert_true(e.near_text[0] != '\0' || e.pos == s.n);
            assert_null(q.root);
        }
        query_done(&q);
        count++;
    }
    free(text);
    free(name);
    free(pos);
    fclose(f);
    assert_int_equal(wrong, 0);
    assert_true(count >= 60);
}

static void test_suggestions(void **state) {
    (void)state;
    static const char *const CASES[][2] = {{"name LKIE 'a'", "LIKE"},
                                           {"STARTSWITH(a, 'x')", "STARTS_WITH"},
                                           {"age => 3", ">="},
                                           {"a && b", "AND"},
                                           {"a || b", "OR"},
                                           {"!a", "NOT"},
                                           {"a = 1 ADN b = 2", "AND"},
                                           {"a IS NUL", "NULL"},
                                           {"a NOT BETWEN 1 AND 2", "BETWEEN"},
                                           {"NTO a = 1", "NOT"},
                                           {"TIMESTMP '2020' = a", "TIMESTAMP"},
                                           {"a ISNULL", "IS NULL"},
                                           {"a NOT NULL", "IS NOT NULL"},
                                           {"a <=> b", "IS NOT DISTINCT FROM"},
                                           {"name = \xe2\x80\x98x\xe2\x80\x99", "'"},
                                           {"a IN [1]", "("},
                                           {"ANY e IN a SATISFY e END", "SATISFIES"},
                                           {"foo(a)", ""},
                                           {"a zzzzzz 1", ""},
                                           {"a =", ""}};
    for (size_t i = 0; i < COUNT_OF(CASES); i++) {
        struct query q = {0};
        struct error e;
        error_clear(&e);
        assert_int_not_equal(query_parse(&q, str_of(CASES[i][0]), &limits, NULL, &e), E_OK);
        assert_string_equal(e.suggestion, CASES[i][1]);
        query_done(&q);
    }
}

static void test_bad_utf8(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t n, pos;
    } CASES[] = {{"a = '\xff'", 7, 5}, {"\x80", 1, 0}, {"a\xc3", 2, 1}, {"'\xed\xa0\x80'", 5, 1}};
    for (size_t i = 0; i < COUNT_OF(CASES); i++) {
        struct query q = {0};
        struct error e;
        error_clear(&e);
        struct str s = {CASES[i].text, CASES[i].n};
        assert_int_equal(query_parse(&q, s, &limits, NULL, &e), E_BAD_UTF8);
        assert_int_equal(e.pos, CASES[i].pos);
        query_done(&q);
    }
    struct query q = {0}; /* NUL is a character like others in a string, and nowhere else */
    assert_int_equal(query_parse(&q, (struct str){"a = '\0'", 7}, &limits, NULL, NULL), E_OK);
    assert_int_equal(q.root->kids[1]->value.n, 1);
    check_same(&q, &limits);
    query_done(&q);
    assert_int_equal(query_parse(&q, (struct str){"a = 1\0", 6}, &limits, NULL, NULL), E_SYNTAX);
    query_done(&q);
}

static const struct {
    const char *structured;
    enum status status;
    unsigned pos;
} BAD_STRUCTURES[] = {{"[]", E_BAD_STRUCTURE, 0},
                      {"[5]", E_BAD_STRUCTURE, 1},
                      {"{}", E_BAD_STRUCTURE, 0},
                      {"[\"=\", 1, {}]", E_BAD_STRUCTURE, 4},
                      {"[\"=\", 1]", E_BAD_STRUCTURE, 0},
                      {"[\"=\", 1, 2, 3]", E_BAD_STRUCTURE, 0},
                      {"[\"!=\", 1, 2]", E_BAD_STRUCTURE, 1},
                      {"[\"liek\", 1, 2]", E_BAD_STRUCTURE, 1},
                      {"[\"and\"]", E_BAD_STRUCTURE, 0},
                      {"[\"path\"]", E_BAD_STRUCTURE, 0},
                      {"[\"path\", 0]", E_BAD_STRUCTURE, 6},
                      {"[\"path\", \"a\", -1]", E_BAD_STRUCTURE, 8},
                      {"[\"path\", \"a\", 4294967296]", E_BAD_STRUCTURE, 8},
                      {"[\"path\", \"a\", null]", E_BAD_STRUCTURE, 8},
                      {"[\"element\"]", E_BAD_STRUCTURE, 0},
                      {"[\"any\", [\"element\"], true]", E_BAD_STRUCTURE, 5},
                      {"[\"any\", [\"path\",\"a\"], [\"outer\",1]]", E_BAD_STRUCTURE, 13},
                      {"[\"any\", [\"path\",\"a\"], [\"outer\",0]]", E_BAD_STRUCTURE, 20},
                      {"[\"any\", [\"path\",\"a\"], [\"outer\"]]", E_BAD_STRUCTURE, 13},
                      {"[\"any\", [\"path\",\"a\"], [\"outer\",\"a\"]]", E_BAD_STRUCTURE, 20},
                      {"[\"any\", 5, true]", E_BAD_ARGUMENT, 5},
                      {"[\"any\", [\"param\",\"a\"], true]", E_BAD_ARGUMENT, 5},
                      {"[\"param\", 5]", E_BAD_STRUCTURE, 7},
                      {"[\"param\", \"a\", \"b\"]", E_BAD_STRUCTURE, 0},
                      {"[\"lit\"]", E_BAD_STRUCTURE, 0},
                      {"[\"lit\", 1, 2]", E_BAD_STRUCTURE, 0},
                      {"[\"list\", 1]", E_BAD_STRUCTURE, 1},
                      {"[\"in\", 1, 2]", E_BAD_STRUCTURE, 5},
                      {"[\"in\", 1, [1, 2]]", E_BAD_STRUCTURE, 5},
                      {"[\"in\", 1, [\"path\", \"a\"]]", E_BAD_STRUCTURE, 5},
                      {"[\"in\", 1, []]", E_BAD_STRUCTURE, 5},
                      {"[\"in\", 1, [\"list\", [1]]]", E_BAD_STRUCTURE, 12},
                      {"[\"like\", 1, \"x\", 5]", E_BAD_ARGUMENT, 9}};

static enum status refuse_bytes(const void *p, size_t n, struct error *e) {
    struct query q = {0};
    error_clear(e);
    enum status status = query_parse_structured(&q, p, n, &limits, NULL, e);
    assert_int_equal(e->status, status);
    if (status != E_OK) {
        assert_true(e->pos <= n && e->length <= n - e->pos && e->message[0]);
        assert_null(q.root);
    }
    query_done(&q);
    return status;
}

static void test_bad_structures(void **state) {
    (void)state;
    struct error e;
    for (size_t i = 0; i < COUNT_OF(BAD_STRUCTURES); i++) {
        struct buf b = {0};
        json(BAD_STRUCTURES[i].structured, &b);
        enum status status = refuse_bytes(b.data, b.len, &e);
        if (status != BAD_STRUCTURES[i].status || e.pos != BAD_STRUCTURES[i].pos)
            fail_msg("%s: %s at %llu: %s", BAD_STRUCTURES[i].structured, status_name(status),
                     (unsigned long long)e.pos, e.message);
        buf_done(&b);
    }
    struct buf b = {0};
    json("[\"LEKE\", 1, 2]", &b);
    refuse_bytes(b.data, b.len, &e);
    assert_string_equal(e.suggestion, "like");
    assert_string_equal(e.near_text, "LEKE");
    buf_done(&b);
}

static void test_broken_bytes(void **state) {
    (void)state;
    struct error e;
    static const char CLAIM[] = "\xdd\xff\xff\xff\xff\xa3"
                                "and";
    assert_int_equal(refuse_bytes(CLAIM, sizeof CLAIM - 1, &e), E_BAD_STRUCTURE);
    assert_int_equal(e.pos, 0);
    static const char STRING[] = "\x93\xa1=\xdb\xff\xff\xff\xff";
    assert_int_equal(refuse_bytes(STRING, sizeof STRING - 1, &e), E_BAD_STRUCTURE);
    assert_int_equal(refuse_bytes("\xc1", 1, &e), E_BAD_STRUCTURE);
    assert_int_equal(refuse_bytes("", 0, &e), E_BAD_STRUCTURE);
    assert_int_equal(refuse_bytes("\xc2\xc2", 2, &e), E_BAD_STRUCTURE);
    assert_int_equal(e.pos, 1);
    assert_int_equal(refuse_bytes("\xd4\x05\x00", 3, &e), E_BAD_STRUCTURE); /* ext outside of lit */
    for (size_t i = 0; i < COUNT_OF(SAME); i++) {                           /* cut at every byte */
        struct buf b = {0};
        json(SAME[i].structured, &b);
        for (size_t n = 0; n < b.len; n++)
            assert_int_equal(refuse_bytes(b.data, n, &e), E_BAD_STRUCTURE);
        for (size_t n = 0; n < b.len; n++) /* every byte broken: any answer, no crash */
            for (int bit = 0; bit < 8; bit++) {
                b.data[n] ^= (uint8_t)(1 << bit);
                refuse_bytes(b.data, b.len, &e);
                b.data[n] ^= (uint8_t)(1 << bit);
            }
        buf_done(&b);
    }
    struct buf deep = {0};
    repeat(&deep, "\x92\xa3not", 100000);
    assert_int_equal(refuse_bytes(deep.data, deep.len, &e), E_QUERY_TOO_DEEP);
    deep.len = 0;
    repeat(&deep, "\x91", 100000);
    assert_int_equal(refuse_bytes(deep.data, deep.len, &e), E_BAD_STRUCTURE);
    deep.len = 0;
    buf_add(&deep, "\x92\xa3lit", 5);
    repeat(&deep, "\x91", 100000);
    buf_byte(&deep, 1);
    assert_int_equal(refuse_bytes(deep.data, deep.len, &e), E_QUERY_TOO_DEEP);
    buf_done(&deep);
}

/* --- limits --- */

static enum status status_of(struct str text, const struct limits *l) {
    struct query q = {0};
    struct error e;
    error_clear(&e);
    enum status status = query_parse(&q, text, l, NULL, &e);
    if (status == E_OK)
        check_same(&q, l); /* also: print needs no more depth than the text had */
    else if (status != E_MEMORY)
        assert_true(e.pos <= text.n && e.limit != ERROR_NONE);
    query_done(&q);
    return status;
}

static void test_query_bytes(void **state) {
    (void)state;
    struct limits l = limits;
    for (l.query_bytes = 16; l.query_bytes < 20; l.query_bytes++) {
        struct str text = str_of("a = 'xxxxxxxxxxxxxxxxxxxxxxx'");
        for (text.n = l.query_bytes - 1; text.n <= l.query_bytes + 1; text.n++) {
            char copy[32];
            memcpy(copy, text.p, text.n);
            copy[text.n - 1] = '\'';
            struct query q = {0};
            struct error e;
            error_clear(&e);
            enum status status = query_parse(&q, (struct str){copy, text.n}, &l, NULL, &e);
            assert_int_equal(status, text.n > l.query_bytes ? E_QUERY_TOO_LONG : E_OK);
            if (status != E_OK) {
                assert_int_equal(e.limit, l.query_bytes);
                assert_int_equal(e.actual, text.n);
            }
            query_done(&q);
            error_clear(&e);
            memset(copy, 0xC0, sizeof copy);
            assert_int_equal(query_parse_structured(&q, copy, text.n, &l, NULL, &e),
                             text.n > l.query_bytes ? E_QUERY_TOO_LONG : E_BAD_STRUCTURE);
            query_done(&q);
        }
    }
}

/* Everything that nests: so many copies of open and close around the middle make `levels` levels.
 */
static const struct {
    const char *open, *middle, *close;
    unsigned each, base; /* levels = copies * each + base */
} NESTS[] = {{"(", "a", ")", 1, 1},
             {"NOT ", "a", "", 1, 1},
             {"", "a", " IS NULL", 1, 1},
             {"(", "a", ") = b", 1, 1},
             {"(", "a", " OR b) AND c", 1, 1}, /* odd copies end in OR */
             {"CONTAINS(", "a", ", b)", 1, 1},
             {"CONTAINS(b, ", "a", ")", 1, 1},
             {"ANY e IN a SATISFIES ", "e", " END", 1, 1},
             {"ANY(a) = (", "b", ")", 2, 1},
             {"[", "1", "]", 1, 1},
             {"{1: ", "1", "}", 1, 1},
             {"a IN (", "b", ")", 2, 1},
             {"NOT (", "a", " AND b)", 2, 1}};

static void test_query_depth(void **state) {
    (void)state;
    static const unsigned DEPTHS[] = {5, 16, 49, 256, 1024};
    struct limits l = limits;
    for (size_t i = 0; i < COUNT_OF(NESTS); i++)
        for (size_t d = 0; d < COUNT_OF(DEPTHS); d++) {
            l.query_depth = DEPTHS[d];
            unsigned most = (unsigned)(l.query_depth - NESTS[i].base) / NESTS[i].each;
            for (unsigned copies = most - 1; copies <= most + 1; copies++) {
                if (i == 4)
                    break; /* levels depend on what flattens: only the huge one below */
                struct buf b = {0};
                repeat(&b, NESTS[i].open, copies);
                buf_add_text(&b, NESTS[i].middle);
                repeat(&b, NESTS[i].close, copies);
                enum status status = status_of(text_of(&b), &l);
                if (status != (copies > most ? E_QUERY_TOO_DEEP : E_OK))
                    fail_msg("%s with %u copies, limit %llu: %s", NESTS[i].open, copies,
                             (unsigned long long)l.query_depth, status_name(status));
                buf_done(&b);
            }
        }
    l.query_depth = 1024; /* the most that can be configured; nothing recurses further */
    l.query_bytes = 64 << 20;
    l.query_nodes = 1 << 20;
    for (size_t i = 0; i < COUNT_OF(NESTS); i++) {
        struct buf b = {0};
        struct query q = {0};
        struct error e;
        error_clear(&e);
        repeat(&b, NESTS[i].open, 100000);
        buf_add_text(&b, NESTS[i].middle);
        repeat(&b, NESTS[i].close, 100000);
        assert_int_equal(query_parse(&q, text_of(&b), &l, NULL, &e), E_QUERY_TOO_DEEP);
        assert_non_null(strstr(e.message, "query_depth"));
        assert_int_equal(e.limit, 1024);
        query_done(&q);
        b.len = 0; /* and never closed */
        repeat(&b, NESTS[i].open, 100000);
        assert_int_not_equal(query_parse(&q, text_of(&b), &l, NULL, NULL), E_OK);
        query_done(&q);
        buf_done(&b);
    }
}

static void test_structured_depth(void **state) {
    (void)state;
    struct limits l = limits;
    for (l.query_depth = 4; l.query_depth < 40; l.query_depth++)
        for (unsigned depth = (unsigned)l.query_depth - 1; depth <= l.query_depth + 1; depth++) {
            struct query q = {0};
            struct buf b = {0};
            repeat(&b, "\x92\xa3not", depth - 1);
            buf_add_text(&b, "\x92\xa4path\xa1"
                             "a");
            enum status status = query_parse_structured(&q, b.data, b.len, &l, NULL, NULL);
            assert_int_equal(status, depth > l.query_depth ? E_QUERY_TOO_DEEP : E_OK);
            if (status == E_OK)
                check_same(&q, &l);
            query_done(&q);
            b.len = 0;
            buf_add_text(&b, "\x92\xa3lit");
            repeat(&b, "\x91", depth - 1);
            buf_byte(&b, 1);
            status = query_parse_structured(&q, b.data, b.len, &l, NULL, NULL);
            assert_int_equal(status, depth > l.query_depth ? E_QUERY_TOO_DEEP : E_OK);
            if (status == E_OK)
                check_same(&q, &l);
            query_done(&q);
            buf_done(&b);
        }
}

static void test_query_nodes(void **state) {
    (void)state;
    struct limits l = limits;
    for (l.query_nodes = 4; l.query_nodes < 30; l.query_nodes++)
        for (unsigned nodes = (unsigned)l.query_nodes - 1; nodes <= l.query_nodes + 1; nodes++) {
            struct buf b = {0}; /* OR and its operands */
            buf_add_text(&b, "a");
            repeat(&b, " OR a", nodes - 2);
            assert_int_equal(status_of(text_of(&b), &l),
                             nodes > l.query_nodes ? E_QUERY_TOO_LARGE : E_OK);
            buf_done(&b);
        }
    l.query_nodes = 4; /* IN, a, the list, b: constants do not count */
    assert_int_equal(status_of(str_of("a IN (1, 2, (3), [4], b, 5, 6)"), &l), E_OK);
    assert_int_equal(status_of(str_of("a IN (1, 2, (3), c, b, 5, 6)"), &l), E_QUERY_TOO_LARGE);
}

static void test_list_items(void **state) {
    (void)state;
    struct limits l = limits;
    for (l.list_items = 1; l.list_items < 12; l.list_items++)
        for (unsigned items = (unsigned)l.list_items - 1; items <= l.list_items + 1; items++) {
            struct buf b = {0};
            buf_add_text(&b, "a IN (");
            for (unsigned i = 0; i < items; i++)
                buf_printf(&b, "%s%s", i ? ", " : "", i % 3 ? "1" : "b");
            buf_add_text(&b, ")");
            assert_int_equal(status_of(text_of(&b), &l),
                             items > l.list_items ? E_LIST_TOO_LONG : E_OK);
            struct query q = {0};
            b.len = 0;
            mp_write_array(&b, 3);
            mp_write_text(&b, "in");
            mp_write_int(&b, 1);
            mp_write_array(&b, items + 1);
            mp_write_text(&b, "list");
            for (unsigned i = 0; i < items; i++)
                mp_write_nil(&b);
            assert_int_equal(query_parse_structured(&q, b.data, b.len, &l, NULL, NULL),
                             items > l.list_items ? E_LIST_TOO_LONG : E_OK);
            query_done(&q);
            buf_done(&b);
        }
}

static void test_wide(void **state) {
    (void)state;
    struct limits l = limits;
    l.query_bytes = 64 << 20;
    struct buf b = {0};
    buf_add_text(&b, "a = :p0");
    for (int i = 1; i < 10000; i++)
        buf_printf(&b, " OR f%d = :p%d", i, i);
    assert_int_equal(status_of(text_of(&b), &l), E_OK);
    b.len = 0;
    buf_add_text(&b, "a IN ('0'");
    for (int i = 1; i < 100000; i++)
        buf_printf(&b, i % 10 ? ", %d" : ", 'it''s %d'", i);
    buf_add_text(&b, ")");
    assert_int_equal(status_of(text_of(&b), &l), E_OK);
    b.len = 0;
    buf_add_text(&b, "a = [0"); /* a long constant, and one of many levels side by side */
    for (int i = 1; i < 100000; i++)
        buf_printf(&b, ", [[%d]]", i);
    buf_add_text(&b, "]");
    assert_int_equal(status_of(text_of(&b), &l), E_OK);
    b.len = 0;
    buf_add_text(&b, "a");
    repeat(&b, ".b[0]", 100000);
    assert_int_equal(status_of(text_of(&b), &l), E_OK);
    buf_done(&b);
}

/* --- memory --- */

static void test_no_memory(void **state) {
    (void)state;
    static const char TEXT[] =
        "a.b[0].\"odd \"\"key\" = 'it''s' AND c IN (1, X'00ff', d, [1, {'k': 2}]) OR ANY e IN f "
        "SATISFIES e.g = :p AND e.h LIKE ? ESCAPE '!' END OR t = TIMESTAMP '2020-01-01T00:00:00Z' "
        "OR i = EXT(5, X'0102') OR :a = :b OR :c = :d OR :e = :f OR :g = :h OR :i = :j";
    struct query whole;
    struct buf bytes = {0};
    parse_or_fail(&whole, TEXT);
    query_write_structured(&whole, &bytes);
    for (int form = 0; form < 2; form++) {
        size_t size = 1, failures = 0;
        for (;; size += 16) {
            struct budget budget;
            struct query q = {0};
            struct error e;
            error_clear(&e);
            budget_init(&budget, size);
            enum status status =
                form ? query_parse_structured(&q, bytes.data, bytes.len, &limits, &budget, &e)
                     : query_parse(&q, str_of(TEXT), &limits, &budget, &e);
            assert_int_equal(e.status, status);
            if (status == E_OK)
                assert_true(node_eq(q.root, whole.root));
            query_done(&q);
            assert_int_equal(atomic_load(&budget.used_bytes), 0);
            if (status == E_OK)
                break;
            assert_int_equal(status, E_MEMORY);
            failures++;
        }
        assert_true(failures > 10);
        for (size_t n = 1;; n++) { /* printing into too little */
            struct budget budget;
            struct buf out;
            budget_init(&budget, n);
            buf_init(&out, &budget);
            if (form)
                query_write_structured(&whole, &out);
            else
                query_print(&whole, &out);
            bool failed = buf_failed(&out);
            buf_done(&out);
            if (!failed)
                break;
        }
    }
    buf_done(&bytes);
    query_done(&whole);
}

/* --- random trees --- */

struct random {
    uint64_t state;
    struct buf *out;
    unsigned quantifiers;
};

static unsigned pick(struct random *r, unsigned n) {
    r->state = r->state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(r->state >> 33) % n;
}

static void random_key(struct random *r) {
    static const char *const KEYS[] = {"a",   "e1", "e2",  "e",    "any", "end", "AND",
                                       "x y", "",   "q\"", "\xff", "é",   "e99", "null"};
    mp_write_text(r->out, KEYS[pick(r, COUNT_OF(KEYS))]);
}

static void random_scalar(struct random *r) {
    static const double DOUBLES[] = {0.0,      -0.0,      1.5,    -1e300, NAN,
                                     INFINITY, -INFINITY, 5e-324, 1e15};
    switch (pick(r, 9)) {
    case 0:
        mp_write_nil(r->out);
        break;
    case 1:
        mp_write_bool(r->out, pick(r, 2));
        break;
    case 2:
        mp_write_int(r->out, (int64_t)(r->state * 977) >> pick(r, 64));
        break;
    case 3:
        mp_write_uint(r->out, UINT64_MAX - pick(r, 3));
        break;
    case 4:
        mp_write_double(r->out, DOUBLES[pick(r, COUNT_OF(DOUBLES))]);
        break;
    case 5:
        random_key(r);
        break;
    case 6:
        mp_write_bin(r->out, "\0\xff'", pick(r, 4));
        break;
    case 7:
        mp_write_value(
            r->out, value_timestamp((int64_t)(r->state * 31) >> pick(r, 64), pick(r, 1000000000)));
        break;
    default:
        buf_add(r->out, "\xca\x3d\xcc\xcc\xcd", 5); /* float32 */
    }
}

static void random_constant(struct random *r, unsigned depth) {
    unsigned n = pick(r, 4);
    switch (depth ? pick(r, 4) : 3) {
    case 0:
        mp_write_array(r->out, n);
        break;
    case 1:
        mp_write_map(r->out, n);
        n *= 2;
        break;
    case 2:
        mp_write_value(r->out, value_bytes(T_EXT, "\x07xyz", 1 + n));
        return;
    default:
        random_scalar(r);
        return;
    }
    for (unsigned i = 0; i < n; i++)
        random_constant(r, depth - 1);
}

static void random_path(struct random *r) {
    unsigned k = r->quantifiers ? pick(r, r->quantifiers + 2) : 0, steps = pick(r, 3);
    if (k > r->quantifiers)
        k = 1;
    mp_write_array(r->out, k == 0 ? 2 + steps : k == 1 ? 1 + steps : 2 + steps);
    mp_write_text(r->out, k == 0 ? "path" : k == 1 ? "element" : "outer");
    if (k == 0)
        random_key(r);
    if (k > 1)
        mp_write_uint(r->out, k - 1);
    for (unsigned i = 0; i < steps; i++)
        if (pick(r, 3))
            random_key(r);
        else
            mp_write_uint(r->out, pick(r, 3) ? 0 : UINT32_MAX);
}

static void random_node(struct random *r, unsigned depth);

static void random_param(struct random *r) {
    bool named = pick(r, 2);
    mp_write_array(r->out, named ? 2 : 1);
    mp_write_text(r->out, "param");
    if (named)
        random_key(r);
}

static void random_list(struct random *r, unsigned depth) {
    unsigned n = pick(r, 5);
    mp_write_array(r->out, 1 + n);
    mp_write_text(r->out, "list");
    for (unsigned i = 0; i < n; i++)
        random_node(r, depth);
}

static void random_leaf(struct random *r) {
    switch (pick(r, 5)) {
    case 0:
        random_scalar(r);
        break;
    case 1:
        mp_write_array(r->out, 2);
        mp_write_text(r->out, "lit");
        random_constant(r, 3);
        break;
    case 2:
        random_param(r);
        break;
    default:
        random_path(r);
    }
}

static void random_node(struct random *r, unsigned depth) {
    if (depth == 0 || pick(r, 5) == 0) {
        random_leaf(r);
        return;
    }
    enum op op = (enum op)pick(r, OP_COUNT);
    const struct op_info *info = op_info(op);
    unsigned n = (unsigned)info->least +
                 pick(r, info->most < 0 ? 4 : (unsigned)(info->most - info->least) + 1);
    mp_write_array(r->out, 1 + n);
    mp_write_text(r->out, info->structured);
    for (unsigned i = 0; i < n; i++) {
        if (info->shape == SHAPE_QUANT && i == 0) {
            random_path(r);
        } else if (info->shape == SHAPE_QUANT) {
            r->quantifiers++;
            random_node(r, depth - 1);
            r->quantifiers--;
        } else if (op == OP_IN && i == 1) {
            if (pick(r, 3))
                random_list(r, depth - 1);
            else
                random_param(r);
        } else if (i == 2 && op != OP_BETWEEN && op != OP_AND && op != OP_OR) {
            mp_write_text(r->out, "!"); /* ESCAPE */
        } else {
            random_node(r, depth - 1);
        }
    }
}

static void test_random_trees(void **state) {
    (void)state;
    unsigned ops_seen = 0;
    for (uint64_t seed = 1; seed <= 6000; seed++) {
        struct buf bytes = {0};
        struct random r = {.state = seed * 0x9E3779B97F4A7C15u, .out = &bytes};
        struct query q = {0};
        struct error e;
        error_clear(&e);
        random_node(&r, 1 + pick(&r, 6));
        if (query_parse_structured(&q, bytes.data, bytes.len, &limits, NULL, &e) != E_OK)
            fail_msg("seed %llu: %s at %llu", (unsigned long long)seed, e.message,
                     (unsigned long long)e.pos);
        if (q.root->kind == NODE_OP)
            ops_seen |= 1u << q.root->op;
        struct limits tight = limits; /* the text needs no more levels than the tree has */
        tight.query_depth = q.root->depth < 4 ? 4 : q.root->depth;
        check_same(&q, &tight);
        query_done(&q);
        buf_done(&bytes);
    }
    assert_int_equal(ops_seen, (1u << OP_COUNT) - 1);
}

static void test_done_twice(void **state) {
    (void)state;
    struct query q = {0};
    query_done(&q);
    parse_or_fail(&q, "a = 1");
    query_done(&q);
    query_done(&q);
    assert_null(q.root);
    assert_int_equal(query_parse(&q, str_of("a ="), &limits, NULL, NULL), E_SYNTAX);
    query_done(&q);
}

int main(void) {
    limits_default(&limits);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_print),
        cmocka_unit_test(test_both_forms),
        cmocka_unit_test(test_differences),
        cmocka_unit_test(test_integers),
        cmocka_unit_test(test_doubles),
        cmocka_unit_test(test_timestamps),
        cmocka_unit_test(test_words_as_names),
        cmocka_unit_test(test_plain_keys),
        cmocka_unit_test(test_scopes_and_places),
        cmocka_unit_test(test_golden_refusals),
        cmocka_unit_test(test_suggestions),
        cmocka_unit_test(test_bad_utf8),
        cmocka_unit_test(test_bad_structures),
        cmocka_unit_test(test_broken_bytes),
        cmocka_unit_test(test_query_bytes),
        cmocka_unit_test(test_query_depth),
        cmocka_unit_test(test_structured_depth),
        cmocka_unit_test(test_query_nodes),
        cmocka_unit_test(test_list_items),
        cmocka_unit_test(test_wide),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_random_trees),
        cmocka_unit_test(test_done_twice),
    };
    return cmocka_run_group_tests_name("query", tests, NULL, NULL);
}
