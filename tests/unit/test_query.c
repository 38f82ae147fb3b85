/* The query layer: text, structured form and print against each other, literals, names, refusals;
 * long because its tables are the test. tests/golden/refusals.txt has the wrong queries;
 * test_query_limits.c the structured refusals, the limits, memory and random trees. */
#include "query_unit.h"

#include <math.h>

#ifndef TAMIS_GOLDEN_DIR
#ifdef TAMIS_SOURCE
#define TAMIS_GOLDEN_DIR TAMIS_SOURCE "/tests/golden"
#else
#define TAMIS_GOLDEN_DIR "tests/golden"
#endif
#endif

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
    {"any = 1 AND every = 2", "\"any\" = 1 AND \"every\" = 2"},
    {"a + b - c - (d - e) = a + (b + c)", NULL},
    {"(a + b) * c / d % (e * f) > (a * b) * c", "(a + b) * c / d % (e * f) > a * b * c"},
    {"a || b || 'x' = a + b || c", NULL},
    {"(a || b) * 2 = (a + b) || c", "a || b * 2 = (a + b) || c"},
    {"a & b | c << 2 >> d + 1 = a & (b | c)", NULL},
    {"~a & -b = ~(a & b)", NULL},
    {"- a = -5 AND - (5) = -(-a) AND - - -a = + + b AND ~~a = ~-a",
     "-a = -5 AND -(5) = -(-a) AND -(-(-a)) = b AND ~~a = ~-a"},
    {"a - -5 = a--5\n - 5", "a - -5 = a - 5"},
    {"-a.b * 2 < - (a + b) AND -(a OR b)", "-a.b * 2 < -(a + b) AND -(a OR b)"},
    {"(a = 1) + (b IS NULL) = 2", NULL},
    {"a * 2 IS NULL AND a + 1 BETWEEN b - 1 AND b + 1 AND a % 2 IN (b % 2, 1)",
     "a * 2 IS NULL AND a + 1 BETWEEN b - 1 AND b + 1 AND a % 2 IN (1, b % 2)"},
    {"a || 'x' LIKE b || '%' ESCAPE '!' AND a + b IS DISTINCT FROM c", NULL},
    {"ANY(t) = a + 1 AND ANY(t) BETWEEN a - 1 AND a + 1", NULL},
    {"a - 1 < ANY(t)", "ANY(t) > a - 1"},
    {"ANY e IN t SATISFIES e.x * 2 > f END", NULL},
    {"LOWER(a) = Upper(b) AND coalesce(a, b, 1 = c) AND round(-a, 2) > 1",
     "lower(a) = upper(b) AND coalesce(a, b, 1 = c) AND round(-a, 2) > 1"},
    {"lower = length AND \"lower\".x", "lower = length AND lower.x"},
    {"cast(a as INTEGER) = 1 AND try_cast(a + 1 AS 'Text') = 'x'",
     "CAST(a AS integer) = 1 AND TRY_CAST(a + 1 AS text) = 'x'"},
    {"a::int = -5::Text AND -a.b::double precision::real > ~:p::bool",
     "CAST(a AS integer) = CAST(-5 AS text) AND "
     "-CAST(CAST(a.b AS double) AS double) > ~CAST(:p AS boolean)"},
    {"a::varchar || 'x'::string = (a + 1)::timestamptz AND CAST(a AS BIGINT) = b::'float'",
     "CAST(a AS text) || CAST('x' AS text) = CAST(a + 1 AS timestamp) AND "
     "CAST(a AS integer) = CAST(b AS double)"},
    {"(a, b) = (1, 'x') AND (a, b) <> (c, d)", "a = 1 AND b = 'x' AND (a <> c OR b <> d)"},
    {"(a, b, c) < (1, 2, 3)", "a < 1 OR a = 1 AND (b < 2 OR b = 2 AND c < 3)"},
    {"(1, 2) >= (a, b) IS NOT TRUE", "(1 > a OR 1 = a AND 2 >= b) IS NOT TRUE"},
    {"(a, b) IN ((1, 2), (c, ?)) OR (a, b) NOT IN ((?, 2))",
     "a = 1 AND b = 2 OR a = c AND b = ? OR NOT (a = ? AND b = 2)"},
    {"(:a, :b) < (:c, :a) OR (?, :b) = (:d, ?)",
     ":a < :c OR :a = :c AND :b < :a OR ? = :d AND :b = ?"},
    {"(a, b) IN () OR (a, b) NOT IN ()", "a IN () AND b IN () OR NOT (a IN () AND b IN ())"},
    {"(a, b) NOT BETWEEN (1, 2) AND (3, :d)",
     "NOT ((a > 1 OR a = 1 AND b >= 2) AND (a < 3 OR a = 3 AND b <= :d))"},
    {"(a, b) IS NOT DISTINCT FROM (NULL, 1)",
     "NOT (a IS DISTINCT FROM NULL OR b IS DISTINCT FROM 1)"},
    {"ANY e IN t SATISFIES (e.a, x IN u) > (f, e.b = 1) END",
     "ANY e IN t SATISFIES e.a > f OR e.a = f AND (ANY(u) = x) > (e.b = 1) END"},
    {"((x IN t, a) > (b, c), d) < (TRUE, 1)",
     "((ANY(t) = x) > b OR (ANY(t) = x) = b AND a > c) < TRUE OR "
     "((ANY(t) = x) > b OR (ANY(t) = x) = b AND a > c) = TRUE AND d < 1"},
    {"EXTRACT(Year FROM t) = date_part('MONTH', t) AND date_trunc(f, t) = t",
     "date_part('year', t) = date_part('month', t) AND date_trunc(f, t) = t"},
    {"t > u + INTERVAL '1 day -2 Hours 3milliseconds' - INTERVAL '1 year 1 month'",
     "t > ts_add(ts_add(u, 0, 79200, 3000000), -13, 0, 0)"},
    {"interval = 1 AND a - interval = when", "interval = 1 AND a - interval = when"},
    {"CASE WHEN a THEN 1 WHEN b = 2 THEN c ELSE d OR e END = 1", NULL},
    {"case when a then b else null end", "CASE WHEN a THEN b END"},
    {"CASE a + 1 WHEN 1 THEN 'x' WHEN b THEN CASE WHEN c THEN d END END || 'y' = z", NULL},
    {"CASE ? WHEN ? THEN ? ELSE ? END", NULL},
    {"\"case\" = 1 AND x.\"Case\"", NULL}};

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
    assert_true(count >= 160);
}

static void test_suggestions(void **state) {
    (void)state;
    static const char *const CASES[][2] = {{"name LKIE 'a'", "LIKE"},
                                           {"STARTSWITH(a, 'x')", "STARTS_WITH"},
                                           {"age => 3", ">="},
                                           {"a && b", "AND"},
                                           {"lenght(a) = 1", "length"},
                                           {"substring(a, 1) = 'x'", "substr"},
                                           {"CAST(a AS intger) = 1", "integer"},
                                           {"EXTRACT(yaer FROM t) = 1", "year"},
                                           {"a::intger = 1", "integer"},
                                           {"CAST(a AS decimal) = 1", "double"},
                                           {"a GLOB 'x'", "LIKE"},
                                           {"a NOT SIMILAR TO 'x'", "REGEXP"},
                                           {"(a, b) > (?, 1)", ":name"},
                                           {"CASE WHEN a TEHN 1 END", "THEN"},
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
                                           {"CAST(a AS SmallInt) = 1", "integer"},
                                           {"CAST(a AS char) = 'x'", "text"},
                                           {"TRY_CAST(a AS datetime) = t", "timestamp"},
                                           {"CST(a AS integer) = 1", "CAST"},
                                           {"REGEXP_LIKE(a, 'x')", "REGEXP"},
                                           {"a REGEXP 'x' FLAG 'i'", "FLAGS"},
                                           {"a STARTS WITH 'x'", "STARTS_WITH"},
                                           {"a DISTINCT FROM b", "IS DISTINCT"},
                                           {"a NOT IS NULL", "IS NOT"},
                                           {"t + INTERVAL '2 dyas' > u", "day"},
                                           {"t > DATE '2020-01-01'", "TIMESTAMP"},
                                           {"date_trunc('mnth', t) = t", "month"},
                                           {"a ** 2 = 4", "power"},
                                           {"year(t) = 2020", "EXTRACT"},
                                           {"now() > t", ""},
                                           {"foo(a)", ""},
                                           {"a zzzzzz 1", ""},
                                           {"a =", ""}};
    for (size_t i = 0; i < COUNT_OF(CASES); i++) {
        struct query q = {0};
        struct error e;
        error_clear(&e);
        if (query_parse(&q, str_of(CASES[i][0]), &limits, NULL, &e) == E_OK)
            fail_msg("%s is taken", CASES[i][0]);
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
        cmocka_unit_test(test_done_twice),
    };
    return cmocka_run_group_tests_name("query", tests, NULL, NULL);
}
