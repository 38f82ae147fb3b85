/* Addresses of the Internet as text. An IPv4 address is four decimal numbers without leading zeros;
 * an IPv6 address has the forms of RFC 4291, without a zone. An IPv4 address inside IPv6
 * (::ffff:1.2.3.4) stays IPv6: nothing is converted. */
#include "kernel/function_impl.h"

#include <arpa/inet.h>

struct address {
    uint8_t bytes[16];
    unsigned bits; /* 32 or 128 */
};

static bool address_read(struct str s, struct address *ret) {
    char text[INET6_ADDRSTRLEN];
    if (s.n == 0 || s.n >= sizeof text || memchr(s.p, '\0', s.n))
        return false;
    memcpy(text, s.p, s.n);
    text[s.n] = '\0';
    bool six = memchr(text, ':', s.n);
    ret->bits = six ? 128 : 32;
    return inet_pton(six ? AF_INET6 : AF_INET, text, ret->bytes) == 1;
}

/* address[/bits]; all bits if they are not named. */
static bool network_read(struct str s, struct address *ret, unsigned *ret_bits) {
    const char *slash = s.n > 0 ? memchr(s.p, '/', s.n) : NULL;
    size_t n = slash ? (size_t)(slash - s.p) : s.n;
    if (!address_read((struct str){s.p, n}, ret))
        return false;
    *ret_bits = ret->bits;
    if (!slash)
        return true;
    size_t digits = s.n - n - 1;
    if (digits < 1 || digits > 3 || (slash[1] == '0' && digits > 1))
        return false;
    unsigned bits = 0;
    for (size_t i = 1; i <= digits; i++) {
        if (slash[i] < '0' || slash[i] > '9')
            return false;
        bits = bits * 10 + (unsigned)(slash[i] - '0');
    }
    *ret_bits = bits;
    return bits <= ret->bits;
}

/* Bits of the network behind its prefix do not count. Of different families: not inside. */
struct value function_ip_in(struct call *c, const struct value *args, uint32_t n) {
    (void)n;
    if (!admitted_2(c, args, SEEN(T_STR)))
        return value_null();
    struct address a, network;
    unsigned bits;
    if (!address_read(value_as_str(args[0]), &a) ||
        !network_read(value_as_str(args[1]), &network, &bits))
        return call_undefined(c);
    if (a.bits != network.bits || memcmp(a.bytes, network.bytes, bits / 8) != 0)
        return value_bool(false);
    unsigned rest = bits % 8;
    return value_bool(rest == 0 ||
                      (a.bytes[bits / 8] ^ network.bytes[bits / 8]) >> (8 - rest) == 0);
}
