/* The engine of regex_engine.h in a build with TAMIS_REGEX=OFF: every pattern is refused. */
#include "kernel/regex_engine.h"

enum regex_fault regex_engine_new(const char *pattern, size_t n, const char *flags,
                                  int64_t memory_bytes, struct regex_engine **ret, char *text,
                                  size_t text_bytes, size_t *ret_place) {
    (void)pattern, (void)n, (void)flags, (void)memory_bytes, (void)ret, (void)text_bytes;
    *ret_place = SIZE_MAX;
    text[0] = '\0';
    return REGEX_NOT_BUILT;
}

void regex_engine_free(struct regex_engine *e) { (void)e; }

uint32_t regex_engine_size(const struct regex_engine *e) {
    (void)e;
    return 1;
}

bool regex_engine_first(const struct regex_engine *e, uint8_t *ret_low, uint8_t *ret_high) {
    (void)e, (void)ret_low, (void)ret_high;
    return false;
}

size_t regex_engine_needles(const char *pattern, size_t n, const char *flags, int64_t memory_bytes,
                            struct needle out[NEEDLES_MOST]) {
    (void)pattern, (void)n, (void)flags, (void)memory_bytes, (void)out;
    return 0;
}

bool regex_engine_match(const struct regex_engine *e, const char *s, size_t n, bool *ret_failed) {
    (void)e, (void)s, (void)n;
    *ret_failed = true;
    return false;
}
