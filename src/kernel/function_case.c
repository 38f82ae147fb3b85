/* lower and upper: each code point by Unicode's simple mapping (casemap.h), malformed bytes as they
 * are. The mapping may change how many bytes a code point has, so a string that holds more than
 * ASCII is measured first. */
#include "kernel/casemap.h"
#include "kernel/function_impl.h"
#include "kernel/text.h"

static size_t utf8_length(uint32_t cp) {
    return 1 + (cp >= 0x80) + (cp >= 0x800) + (cp >= 0x10000);
}

static size_t utf8_put(uint8_t *p, uint32_t cp) {
    size_t length = utf8_length(cp);
    for (size_t i = length; --i > 0; cp >>= 6)
        p[i] = 0x80 | (cp & 0x3F);
    p[0] = (uint8_t)(length == 1 ? cp : (0xF00u >> length & 0xFF) | cp);
    return length;
}

/* The unit at p mapped; *ret_length bytes are read. */
static uint32_t mapped_unit(enum casemap to, const uint8_t *p, size_t n, size_t *ret_length) {
    uint32_t unit;
    *ret_length = text_unit(p, n, &unit);
    return casemap(to, unit);
}

static uint8_t map_ascii(enum casemap to, uint8_t byte) {
    uint8_t first = to == CASEMAP_UPPER ? 'a' : 'A';
    return (uint8_t)(byte - first) < 26 ? byte ^ 0x20 : byte;
}

static size_t mapped_length(enum casemap to, struct value s, size_t pos) {
    size_t length = pos;
    while (pos < s.n) {
        size_t end = bytes_skip_ascii(s.w.p, s.n, pos), read;
        length += end - pos;
        if (end == s.n)
            break;
        uint32_t unit = mapped_unit(to, s.w.p + end, s.n - end, &read);
        length += unit & TEXT_MALFORMED ? 1 : utf8_length(unit);
        pos = end + read;
    }
    return length;
}

static struct value map(struct call *c, const struct value *args, enum casemap to) {
    if (!admitted_1(c, args, SEEN(T_STR)))
        return value_null();
    struct value s = args[0];
    size_t length = mapped_length(to, s, bytes_skip_ascii(s.w.p, s.n, 0));
    uint8_t *p = call_text(c, length), *q = p;
    if (!p)
        return value_null();
    for (size_t pos = 0, read; pos < s.n; pos += read) {
        if (s.w.p[pos] < 0x80) {
            *q++ = map_ascii(to, s.w.p[pos]);
            read = 1;
            continue;
        }
        uint32_t unit = mapped_unit(to, s.w.p + pos, s.n - pos, &read);
        if (unit & TEXT_MALFORMED)
            *q++ = (uint8_t)unit;
        else
            q += utf8_put(q, unit);
    }
    return value_bytes(T_STR, p, (uint32_t)length);
}

struct value function_lower(struct call *c, const struct value *args, uint32_t n) {
    (void)n;
    return map(c, args, CASEMAP_LOWER);
}
struct value function_upper(struct call *c, const struct value *args, uint32_t n) {
    (void)n;
    return map(c, args, CASEMAP_UPPER);
}
