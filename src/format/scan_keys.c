/* See scan_keys.h. */
#include "format/scan_keys.h"

#include "format/scan_one.h"

#include <endian.h>

/* The bits of a word of which the first n bytes belong to a key. */
static uint64_t mask_of(size_t n) {
    return n >= 8 ? UINT64_MAX : htole64((UINT64_C(1) << (8 * n)) - 1);
}

void expected_words(struct expected *e) {
    e->mask[0] = mask_of(e->n);
    e->mask[1] = mask_of(e->n < 8 ? 0 : e->n - 8);
    memcpy(e->word, e->bytes, sizeof e->word);
    e->word[0] &= e->mask[0];
    e->word[1] &= e->mask[1];
}

void scan_learn(struct expected *e, const uint8_t *p, size_t n, const uint8_t *end,
                const struct field *field) {
    *e = (struct expected){.word = {1}}; /* under no mask: what nothing is */
    if ((size_t)(end - p) < KEY_WORDS_BYTES || n > UINT32_MAX)
        return;
    e->bytes = p;
    e->n = (uint32_t)n;
    e->field = field;
    expected_words(e);
}

const uint8_t *scan_read_key(struct scanner *s, const struct field *map, const uint8_t *p,
                             const uint8_t *end, uint32_t depth, const struct field **ret) {
    struct value key;
    const uint8_t *next = scan_read_slow(s, p, end, depth, &key);
    *ret = next && key.type == T_STR ? field_by_name(map, value_as_str(key)) : NULL;
    return next;
}
