/* What must hold for every query that was accepted, whichever form it came in: used by both query
 * targets. */
#ifndef TAMIS_TESTS_QUERY_CHECK_H
#define TAMIS_TESTS_QUERY_CHECK_H

#include "query/query.h"

#include "fuzz.h"

static inline struct limits query_check_limits(void) {
    struct limits limits;
    limits_default(&limits);
    limits.query_bytes =
        1 << 20; /* what printing makes of an accepted query must fit too: see query_check */
    limits.query_nodes = 4096;
    limits.list_items = 4096;
    return limits;
}

/* print and write_structured give forms that are accepted and are the same tree; printing is then
 * at its fixed point. */
static inline void query_check(const struct query *q, const struct limits *limits) {
    struct query from_text = {0}, from_bytes = {0};
    struct buf text = {0}, bytes = {0}, text2 = {0}, bytes2 = {0};
    struct error e;
    query_print(q, &text);
    query_write_structured(q, &bytes);
    FUZZ_CHECK(!buf_failed(&text) && !buf_failed(&bytes));

    struct limits wide = *limits;
    wide.query_bytes = 64 << 20;
    wide.query_depth =
        1024; /* the other form may nest a little deeper than the one that was accepted */
    error_clear(&e);
    enum status status =
        query_parse(&from_text, (struct str){(char *)text.data, text.len}, &wide, NULL, &e);
    if (status != E_OK)
        fprintf(stderr, "%.*s\n%s\n", (int)text.len, (char *)text.data, e.message);
    FUZZ_CHECK(status == E_OK);
    FUZZ_CHECK(node_eq(q->root, from_text.root));
    query_print(&from_text, &text2);
    FUZZ_CHECK(text2.len == text.len && memcmp(text.data, text2.data, text.len) == 0);

    error_clear(&e);
    status = query_parse_structured(&from_bytes, bytes.data, bytes.len, &wide, NULL, &e);
    if (status != E_OK)
        fprintf(stderr, "%.*s\n%s\n", (int)text.len, (char *)text.data, e.message);
    FUZZ_CHECK(status == E_OK);
    FUZZ_CHECK(node_eq(q->root, from_bytes.root));
    query_write_structured(&from_bytes, &bytes2);
    FUZZ_CHECK(bytes2.len == bytes.len && memcmp(bytes.data, bytes2.data, bytes.len) == 0);

    buf_done(&text);
    buf_done(&bytes);
    buf_done(&text2);
    buf_done(&bytes2);
    query_done(&from_text);
    query_done(&from_bytes);
}

/* A refusal says why, and where inside the query if it says where. */
static inline void query_check_error(enum status status, const struct error *e, size_t size) {
    FUZZ_CHECK(e->status == status);
    FUZZ_CHECK(e->message[0] != '\0');
    FUZZ_CHECK(e->pos == ERROR_NONE || (e->pos <= size && e->length <= size - e->pos));
    FUZZ_CHECK(status_kind(status) == KIND_USER || status_kind(status) == KIND_RESOURCE);
}

#endif
