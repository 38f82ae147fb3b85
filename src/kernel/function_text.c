/* Functions of strings. A character is a unit of text.h: a code point, or one byte of a malformed
 * sequence. Results that are a part of their argument borrow it; the others are measured first and
 * then written once. All take time linear in their arguments (but for the sorting of the characters
 * of trim). */
#include "kernel/function_impl.h"
#include "kernel/text.h"

#include <stdlib.h>

static struct value piece(struct value s, size_t from, size_t to) {
    return value_bytes(T_STR, s.w.p + from, (uint32_t)(to - from));
}

/* How many characters begin before the byte position end. */
static size_t count_units(const uint8_t *s, size_t n, size_t end) {
    size_t units = 0;
    for (size_t pos = 0; pos < end; units++) {
        size_t skipped = bytes_skip_ascii(s, end, pos) - pos;
        uint32_t unit;
        pos += skipped;
        units += skipped;
        if (pos == end)
            break;
        pos += text_unit(s + pos, n - pos, &unit);
    }
    return units;
}

struct value function_length(struct call *c, const struct value *args, uint32_t n) {
    (void)n;
    if (!admitted_1(c, args, SEEN(T_STR)))
        return value_null();
    return value_int((int64_t)count_units(args[0].w.p, args[0].n, args[0].n));
}

struct value function_octet_length(struct call *c, const struct value *args, uint32_t n) {
    (void)n;
    if (!admitted_1(c, args, SEEN(T_STR) | SEEN(T_BIN)))
        return value_null();
    return value_int(args[0].n);
}

static uint8_t *put(uint8_t *q, const uint8_t *p, size_t n) {
    if (n > 0)
        memcpy(q, p, n);
    return q + n;
}

struct value function_join(struct call *c, const struct value *args, uint32_t n) {
    (void)n;
    if (!admitted_2(c, args, SEEN(T_STR)))
        return value_null();
    size_t length = (size_t)args[0].n + args[1].n;
    uint8_t *p = call_text(c, length);
    if (!p)
        return value_null();
    put(put(p, args[0].w.p, args[0].n), args[1].w.p, args[1].n);
    return value_bytes(T_STR, p, (uint32_t)length);
}

/* --- trim --- */

/* A set of characters: ASCII as bits, the others sorted. */
struct units {
    uint64_t ascii[2];
    uint32_t few[16];
    uint32_t *other;
    size_t n;
};

static int unit_order(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* False (and failed set) if there is no memory. */
static bool units_of(struct call *c, struct units *set, struct value s) {
    size_t most = s.n - bytes_skip_ascii(s.w.p, s.n, 0); /* at most so many are not ASCII */
    *set = (struct units){.other = set->few};
    if (most > sizeof set->few / sizeof *set->few &&
        !(set->other = arena_array(c->arena, most, sizeof *set->other))) {
        c->failed = true;
        return false;
    }
    for (size_t pos = 0; pos < s.n;) {
        uint32_t unit;
        pos += text_unit(s.w.p + pos, s.n - pos, &unit);
        if (unit < 0x80)
            set->ascii[unit / 64] |= UINT64_C(1) << unit % 64;
        else
            set->other[set->n++] = unit;
    }
    qsort(set->other, set->n, sizeof *set->other, unit_order);
    return true;
}

static bool units_have(const struct units *set, uint32_t unit) {
    if (unit < 0x80)
        return set->ascii[unit / 64] >> unit % 64 & 1;
    return set->n > 0 && bsearch(&unit, set->other, set->n, sizeof unit, unit_order);
}

enum { LEFT = 1, RIGHT = 2 };

static struct value trim(struct call *c, const struct value *args, uint32_t n, int sides) {
    struct units set;
    if (!admitted(c, args, n, (const uint32_t[]){SEEN(T_STR), SEEN(T_STR)}))
        return value_null();
    if (!units_of(c, &set, n > 1 ? args[1] : value_text(" ")))
        return value_null();
    const uint8_t *s = args[0].w.p;
    size_t from = 0, to = args[0].n;
    while (sides & LEFT && from < to) {
        uint32_t unit;
        size_t length = text_unit(s + from, to - from, &unit);
        if (!units_have(&set, unit))
            break;
        from += length;
    }
    while (sides & RIGHT && to > from) {
        size_t before = text_back(s, args[0].n, to, from, 1);
        uint32_t unit;
        text_unit(s + before, to - before, &unit);
        if (!units_have(&set, unit))
            break;
        to = before;
    }
    return piece(args[0], from, to);
}

struct value function_trim(struct call *c, const struct value *args, uint32_t n) {
    return trim(c, args, n, LEFT | RIGHT);
}
struct value function_ltrim(struct call *c, const struct value *args, uint32_t n) {
    return trim(c, args, n, LEFT);
}
struct value function_rtrim(struct call *c, const struct value *args, uint32_t n) {
    return trim(c, args, n, RIGHT);
}

/* --- substr, strpos, replace --- */

/* The position `units` characters behind pos, or the end. */
static size_t forward(struct value s, size_t pos, wide units) {
    if (units >= s.n)
        return s.n;
    size_t end = text_forward(s.w.p, s.n, pos, (size_t)units);
    return end == TEXT_NONE ? s.n : end;
}

/* Positions before the first hold nothing but count, as in SQL: substr('abc', 0, 2) is 'a'. */
struct value function_substr(struct call *c, const struct value *args, uint32_t n) {
    if (!admitted(c, args, n, (const uint32_t[]){SEEN(T_STR), SEEN_INTEGER, SEEN_INTEGER}))
        return value_null();
    wide first = integer_of(args[1]) - 1, end = args[0].n;
    if (n > 2) {
        wide count = integer_of(args[2]);
        if (count < 0)
            return call_undefined(c);
        end = first + count;
    }
    if (first < 0)
        first = 0;
    if (end <= first)
        return piece(args[0], 0, 0);
    size_t from = forward(args[0], 0, first);
    return piece(args[0], from, forward(args[0], from, end - first));
}

struct value function_strpos(struct call *c, const struct value *args, uint32_t n) {
    (void)n;
    if (!admitted_2(c, args, SEEN(T_STR)))
        return value_null();
    if (args[1].n == 0)
        return value_int(1);
    const uint8_t *s = args[0].w.p;
    const uint8_t *found = bytes_find(s, args[0].n, args[1].w.p, args[1].n);
    if (!found)
        return value_int(0);
    /* The character in which it begins. */
    return value_int((int64_t)count_units(s, args[0].n, (size_t)(found - s) + 1));
}

/* The next `from` at pos or behind, or the end. */
static size_t find(struct value s, size_t pos, struct value from) {
    const uint8_t *found = bytes_find(s.w.p + pos, s.n - pos, from.w.p, from.n);
    return found ? (size_t)(found - s.w.p) : s.n;
}

/* From left to right, without overlap, by bytes; what was put in is not looked at again. */
struct value function_replace(struct call *c, const struct value *args, uint32_t n) {
    if (!admitted(c, args, n, (const uint32_t[]){SEEN(T_STR), SEEN(T_STR), SEEN(T_STR)}))
        return value_null();
    struct value s = args[0], from = args[1], to = args[2];
    size_t count = 0;
    for (size_t at = 0; from.n > 0 && (at = find(s, at, from)) < s.n; at += from.n)
        count++;
    if (count == 0)
        return s;
    size_t length; /* the part that stays, and what comes in */
    if (!size_mul(count, to.n, &length) || !size_add(length, s.n - count * from.n, &length))
        return call_failed(c);
    uint8_t *p = call_text(c, length), *q = p;
    if (!p)
        return value_null();
    size_t pos = 0;
    while (count-- > 0) {
        size_t at = find(s, pos, from);
        q = put(q, s.w.p + pos, at - pos);
        q = put(q, to.w.p, to.n);
        pos = at + from.n;
    }
    put(q, s.w.p + pos, s.n - pos);
    return value_bytes(T_STR, p, (uint32_t)length);
}
