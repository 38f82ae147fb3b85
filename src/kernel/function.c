/* The table of functions, made from functions.def, and what all of them share. */
#include "kernel/function_impl.h"

static const struct function FUNCTIONS[] = {
#define X(name, text, least, most, cost, what)                                                     \
    {(text), (least), (uint32_t)(most), function_##name, (cost)},
#include "functions.def"
#undef X
};

#define COUNT (sizeof FUNCTIONS / sizeof *FUNCTIONS)

const struct function *function_at(size_t i) { return i < COUNT ? &FUNCTIONS[i] : NULL; }

const struct function *function_find(struct str name) {
    for (size_t i = 0; i < COUNT; i++)
        if (word_is(name, FUNCTIONS[i].name))
            return &FUNCTIONS[i];
    return NULL;
}

bool word_is(struct str s, const char *word) {
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if ((c >= 'A' && c <= 'Z' ? c | 0x20 : c) != (unsigned char)word[i] || word[i] == '\0')
            return false;
    }
    return word[s.n] == '\0';
}

bool admitted(struct call *c, const struct value *args, uint32_t n, const uint32_t *types) {
    bool right = true;
    for (uint32_t i = 0; i < n; i++) {
        if (value_is_null(args[i]))
            return false;
        right = right && (SEEN(args[i].type) & types[i]);
    }
    *c->mismatch += !right;
    return right;
}

uint8_t *call_text(struct call *c, size_t n) {
    bool fits = n <= FUNCTION_TEXT_BYTES && c->arena->held_bytes + n <= BLOCK_TEXT_BYTES;
    uint8_t *p = fits ? arena_alloc(c->arena, n) : NULL;
    if (!p)
        c->failed = true;
    return p;
}
