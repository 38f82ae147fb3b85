/* See message.h. */
#include "wire/message.h"

enum direction { REQUEST, REPLY };

struct kind {
    uint32_t number;
    const char *name;
    enum direction direction;
    uint32_t least, most;
};

static const struct kind KINDS[] = {
#define X(name, number, direction, least, most) {number, #name, direction, least, most},
#include "messages.def"
#undef X
};

static const struct kind *find(uint64_t number) {
    for (size_t i = 0; i < sizeof KINDS / sizeof *KINDS; i++)
        if (KINDS[i].number == number)
            return &KINDS[i];
    return NULL;
}

const char *message_name(enum message_kind kind) {
    const struct kind *k = find(kind);
    return k ? k->name : "?";
}

static enum status bad(struct error *e, size_t offset, const char *text) {
    error_set(e, E_BAD_MESSAGE, "%s", text);
    if (e && e->offset == ERROR_NONE)
        e->offset = offset;
    return E_BAD_MESSAGE;
}

static enum status read_envelope(struct message *m, const uint8_t *p, size_t n,
                                 uint32_t depth_limit, enum direction direction, struct error *e) {
    *m = (struct message){0};
    mp_reader_init(&m->r, p, n, depth_limit);
    m->n = mp_read_array(&m->r);
    if (m->r.status != E_OK)
        return bad(e, 0, "the message is not an array [kind, id, ...]");
    if (m->n < 2)
        return bad(e, 0, "the message has no kind and id");
    size_t at = mp_offset(&m->r);
    struct value kind = mp_read_value(&m->r);
    if (kind.type != T_INT || kind.w.i < 0)
        return bad(e, at, "the kind of the message is not an unsigned integer");
    at = mp_offset(&m->r);
    struct value id = mp_read_value(&m->r);
    if (id.type != T_INT || id.w.i < 0 || id.w.i > UINT32_MAX)
        return bad(e, at, "the id of the message is not an unsigned integer of 32 bits");
    m->id = (uint32_t)id.w.i;
    const struct kind *k = find((uint64_t)kind.w.i);
    if (!k || k->direction != direction)
        return error_set(e, E_KIND_UNKNOWN, "no %s has kind %lld",
                         direction == REQUEST ? "request" : "reply", (long long)kind.w.i);
    m->kind = (enum message_kind)k->number;
    if (m->n >= k->least && m->n <= k->most)
        return E_OK;
    error_set(e, E_BAD_MESSAGE, "%s has %u to %u elements, not %u", k->name, k->least, k->most,
              m->n);
    return bad(e, 0, "");
}

enum status message_read(struct message *m, const uint8_t *p, size_t n, uint32_t depth_limit,
                         struct error *e) {
    return read_envelope(m, p, n, depth_limit, REQUEST, e);
}

enum status message_read_reply(struct message *m, const uint8_t *p, size_t n, uint32_t depth_limit,
                               struct error *e) {
    return read_envelope(m, p, n, depth_limit, REPLY, e);
}

void message_move(struct message *m, const uint8_t *p) {
    m->r.p = p + (m->r.p - m->r.start);
    m->r.end = p + (m->r.end - m->r.start);
    m->r.start = p;
}

enum status message_end(const struct message *m, struct error *e) {
    if (m->r.status != E_OK)
        return bad(e, mp_offset(&m->r),
                   "the message ends inside a value, or holds bytes that are never valid");
    if (mp_at_end(&m->r))
        return E_OK;
    return bad(e, mp_offset(&m->r), "the message goes on after its last element");
}
