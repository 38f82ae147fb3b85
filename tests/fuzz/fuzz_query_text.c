/* Any bytes as query text: refused with a position inside the text, or a tree that survives both
 * round trips. */
#include "query_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct limits limits = query_check_limits();
    struct budget budget;
    struct query q = {0};
    struct error e;
    budget_init(&budget, 64 << 20);
    error_clear(&e);
    enum status status =
        query_parse(&q, (struct str){(const char *)data, size}, &limits, &budget, &e);
    if (status == E_OK)
        query_check(&q, &limits);
    else
        query_check_error(status, &e, size);
    query_done(&q);
    FUZZ_CHECK(budget.used_bytes == 0);
    return 0;
}
