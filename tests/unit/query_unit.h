/* What the tests of the query layer share: structured queries written as JSON, the check that every
 * accepted query must pass in both forms, and a table of queries in both. */
#ifndef TAMIS_TESTS_QUERY_UNIT_H
#define TAMIS_TESTS_QUERY_UNIT_H

#include "query/query.h"
#include "value/mp.h"

#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

static struct limits limits;

static inline struct str text_of(const struct buf *b) {
    return (struct str){b->data ? (const char *)b->data : "", b->len};
}

static inline void repeat(struct buf *b, const char *text, size_t n) {
    for (size_t i = 0; i < n; i++)
        buf_add_text(b, text);
}

/* --- JSON to msgpack, for readable structured queries --- */

static inline const char *json(const char *p, struct buf *out) {
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

static inline void check_same(const struct query *q, const struct limits *l) {
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

static inline void parse_or_fail(struct query *q, const char *text) {
    struct error e;
    error_clear(&e);
    *q = (struct query){0};
    if (query_parse(q, str_of(text), &limits, NULL, &e) != E_OK)
        fail_msg("%s: %s at %llu", text, e.message, (unsigned long long)e.pos);
}

static inline void structured_or_fail(struct query *q, const char *text) {
    struct buf b = {0};
    struct error e;
    error_clear(&e);
    json(text, &b);
    if (query_parse_structured(q, b.data, b.len, &limits, NULL, &e) != E_OK)
        fail_msg("%s: %s at %llu", text, e.message, (unsigned long long)e.pos);
    buf_done(&b); /* the query has copies */
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
    {"CONTAINS(a, 'x')", "[\"contains\",[\"path\",\"a\"],\"x\"]"},
    {"a + 1 - -2 > -b", "[\">\",[\"-\",[\"+\",[\"path\",\"a\"],1],-2],[\"neg\",[\"path\",\"b\"]]]"},
    {"~a & 1 << 2 | 3 = 0", "[\"=\",[\"|\",[\"<<\",[\"&\",[\"~\",[\"path\",\"a\"]],1],2],3],0]"},
    {"a || 'x' = LOWER(b)", "[\"=\",[\"||\",[\"path\",\"a\"],\"x\"],[\"Lower\",[\"path\",\"b\"]]]"},
    {"CAST(a AS integer) = TRY_CAST(b AS double)",
     "[\"=\",[\"cast\",[\"path\",\"a\"],\"INTEGER\"],[\"try_cast\",[\"path\",\"b\"],\"double\"]]"},
    {"CASE WHEN a THEN 1 END = 1", "[\"=\",[\"case\",[\"path\",\"a\"],1],1]"},
    {"CASE WHEN a THEN 1 WHEN b THEN 2 ELSE 3 END",
     "[\"case\",[\"path\",\"a\"],1,[\"path\",\"b\"],2,3]"},
    {"CASE a WHEN 1 THEN 2 ELSE b END", "[\"Case Of\",[\"path\",\"a\"],1,2,[\"path\",\"b\"]]"},
    {"t - INTERVAL '1 month' < u",
     "[\"<\",[\"ts_add\",[\"path\",\"t\"],-1,0,0],[\"path\",\"u\"]]"}};

#endif
