/* The query layer against hostile input: broken structured queries, every limit, no memory, and
 * random trees through both forms; long because each limit is met in each form. */
#include "query_unit.h"

#include <math.h>

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

int main(void) {
    limits_default(&limits);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_structures),   cmocka_unit_test(test_broken_bytes),
        cmocka_unit_test(test_query_bytes),      cmocka_unit_test(test_query_depth),
        cmocka_unit_test(test_structured_depth), cmocka_unit_test(test_query_nodes),
        cmocka_unit_test(test_list_items),       cmocka_unit_test(test_wide),
        cmocka_unit_test(test_no_memory),        cmocka_unit_test(test_random_trees),
    };
    return cmocka_run_group_tests_name("query_limits", tests, NULL, NULL);
}
