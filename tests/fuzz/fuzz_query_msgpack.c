/* Any bytes as a structured query. A tree that only the structured form can hold (array and map
 * constants) has no text: for it only the structured round trip must hold, and that is what
 * query_check would say by failing, so such trees are told apart here. */
#include "query_check.h"

#include "value/mp.h"

static bool has_container(const struct node *n) {
    if (n->kind == NODE_LITERAL)
        return n->value.type >= T_ARRAY && n->value.type != T_TIMESTAMP;
    for (uint32_t i = 0; i < n->n_values; i++)
        if (n->values[i].type >= T_ARRAY && n->values[i].type != T_TIMESTAMP)
            return true;
    for (uint32_t i = 0; i < n->n_kids; i++)
        if (has_container(n->kids[i]))
            return true;
    return false;
}

static void check_structured_only(const struct query *q, const struct limits *limits) {
    struct query again = {0};
    struct buf bytes = {0}, text = {0};
    query_write_structured(q, &bytes);
    query_print(q, &text); /* for people; must not fail */
    FUZZ_CHECK(!buf_failed(&bytes) && !buf_failed(&text));
    FUZZ_CHECK(query_parse_structured(&again, bytes.data, bytes.len, limits, NULL, NULL) == E_OK);
    FUZZ_CHECK(node_eq(q->root, again.root));
    buf_done(&bytes);
    buf_done(&text);
    query_done(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct limits limits = query_check_limits();
    struct budget budget;
    struct query q = {0};
    struct error e;
    budget_init(&budget, 64 << 20);
    error_clear(&e);
    enum status status = query_parse_structured(&q, data, size, &limits, &budget, &e);
    if (status != E_OK)
        query_check_error(status, &e, size);
    else if (has_container(q.root))
        check_structured_only(&q, &limits);
    else
        query_check(&q, &limits);
    query_done(&q);
    FUZZ_CHECK(budget.used_bytes == 0);
    return 0;
}
