/* CAST and TRY_CAST: the only conversions of the language (QUERY.md V2).
 *
 * A pair of types between which there is no conversion is a mismatch; a value that its conversion
 * cannot turn is undefined. TRY_CAST counts neither. Texts are taken as a whole: no blanks around,
 * nothing behind. */
#include "kernel/double_text.h"
#include "kernel/function_impl.h"
#include "value/calendar.h"

#include <math.h>
#include <stdio.h>

enum cast_type {
#define X(name, text, others) TO_##name,
#include "casts.def"
#undef X
    TO_NOTHING
};

static enum cast_type cast_type(struct str name) {
    static const char *const NAMES[] = {
#define X(name, text, others) text,
#include "casts.def"
#undef X
    };
    unsigned i = 0;
    while (i < TO_NOTHING && !word_is(name, NAMES[i]))
        i++;
    return (enum cast_type)i;
}

/* --- to integer --- */

/* [+-] digits */
static struct value integer_of_text(struct call *c, struct str s) {
    bool sign = s.n > 0 && (s.p[0] == '+' || s.p[0] == '-');
    wide v = 0;
    if (s.n == sign)
        return call_undefined(c);
    for (size_t i = sign; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9' || v > UINT64_MAX)
            return call_undefined(c);
        v = v * 10 + (s.p[i] - '0');
    }
    return call_integer(c, sign && s.p[0] == '-' ? -v : v);
}

/* The nearest integer, of two the one away from zero, as round has it. */
static struct value integer_of_double(struct call *c, double d) {
    d = round(d);
    if (!(d >= -0x1p63 && d < 0x1p64))
        return call_undefined(c);
    return call_integer(c, (wide)d);
}

static struct value to_integer(struct call *c, struct value v) {
    switch (v.type) {
    case T_INT:
    case T_UINT:
        return v;
    case T_BOOL:
        return value_int(v.w.i);
    case T_DOUBLE:
        return integer_of_double(c, v.w.d);
    case T_STR:
        return integer_of_text(c, value_as_str(v));
    default:
        return call_mismatch(c);
    }
}

/* --- to double, boolean, timestamp --- */

static struct value to_double(struct call *c, struct value v) {
    double d;
    if (SEEN(v.type) & SEEN_NUMBER)
        return value_double(double_of(v));
    if (v.type != T_STR)
        return call_mismatch(c);
    switch (double_read(c->arena, value_as_str(v), &d)) {
    case DOUBLE_READ:
        return value_double(d);
    case DOUBLE_NOT_READ:
        return call_undefined(c);
    default:
        return call_failed(c);
    }
}

static struct value to_boolean(struct call *c, struct value v) {
    if (v.type == T_BOOL)
        return v;
    if (SEEN(v.type) & SEEN_INTEGER)
        return v.w.u <= 1 ? value_bool(v.w.u == 1) : call_undefined(c);
    if (v.type != T_STR)
        return call_mismatch(c);
    if (word_is(value_as_str(v), "true"))
        return value_bool(true);
    return word_is(value_as_str(v), "false") ? value_bool(false) : call_undefined(c);
}

static struct value to_timestamp(struct call *c, struct value v) {
    if (v.type == T_TIMESTAMP)
        return v;
    if (v.type != T_STR)
        return call_mismatch(c);
    struct value t;
    return calendar_read(value_as_str(v), &t) ? t : call_undefined(c);
}

/* --- to text --- */

static struct value text_copy(struct call *c, const char *text, size_t n) {
    uint8_t *p = call_text(c, n);
    if (!p)
        return value_null();
    memcpy(p, text, n);
    return value_bytes(T_STR, p, (uint32_t)n);
}

static struct value to_text(struct call *c, struct value v) {
    char text[64];
    size_t n;
    switch (v.type) {
    case T_STR:
        return v;
    case T_BOOL:
        return value_text(v.w.i ? "true" : "false");
    case T_INT:
        n = (size_t)snprintf(text, sizeof text, "%lld", (long long)v.w.i);
        return text_copy(c, text, n);
    case T_UINT:
        n = (size_t)snprintf(text, sizeof text, "%llu", (unsigned long long)v.w.u);
        return text_copy(c, text, n);
    case T_DOUBLE:
        n = double_write(text, v.w.d);
        return n ? text_copy(c, text, n) : call_failed(c);
    case T_TIMESTAMP:
        n = calendar_write(text, v);
        return n ? text_copy(c, text, n) : call_undefined(c);
    default:
        return call_mismatch(c);
    }
}

struct value function_cast(struct call *c, const struct value *args, uint32_t n) {
    const uint32_t types[] = {UINT32_MAX, SEEN(T_STR)};
    if (!admitted(c, args, n, types))
        return value_null();
    switch (cast_type(value_as_str(args[1]))) {
    case TO_INTEGER:
        return to_integer(c, args[0]);
    case TO_DOUBLE:
        return to_double(c, args[0]);
    case TO_TEXT:
        return to_text(c, args[0]);
    case TO_BOOLEAN:
        return to_boolean(c, args[0]);
    case TO_TIMESTAMP:
        return to_timestamp(c, args[0]);
    default:
        return call_undefined(c);
    }
}

struct value function_try_cast(struct call *c, const struct value *args, uint32_t n) {
    uint64_t unheard = 0;
    struct call quiet = *c;
    quiet.mismatch = quiet.undefined = &unheard;
    struct value result = function_cast(&quiet, args, n);
    c->failed = quiet.failed;
    return result;
}
