/* What json_read.c does not look into: skipped containers, checked; and what is wrong where the
 * structure is. See json.h. */
#include "format/json.h"
#include "value/mp.h"

const uint8_t JSON_NOTHING[1] = {0};

/* --- faults --- */

static const uint8_t *fail(struct reader *r, const uint8_t *at, const char *why) {
    return reader_fail(r, E_ROW_INVALID, at, why);
}

const uint8_t *json_ended(struct reader *r) {
    struct json_reader *j = r->state;
    const uint8_t *bad = j->index.bad;
    if (bad && *bad == '"')
        return fail(r, bad, "a string behind a string: a comma or a colon is missing");
    if (bad && *bad == '\n' && j->place == JSON_LINES)
        return fail(r, bad, "the line ends inside a string");
    if (bad)
        return fail(r, bad, "a control character in a string must be escaped");
    if (r->last)
        return reader_fail(r, E_ROW_TRUNCATED, r->end,
                           j->index.carry.in_string ? "the input ends inside a string"
                                                    : "the input ends inside an object");
    return NULL;
}

/* s is not what had to come. */
const uint8_t *json_unexpected(struct reader *r, const uint8_t *s) {
    static const struct {
        char c;
        const char *why;
    } REASONS[] = {
        {'\n',
         "the line ends inside an object: a row must stand on one line (jq -c . makes it so)"},
        {'}', "this } closes nothing that is open, or a member is not complete"},
        {']', "this ] closes nothing that is open"},
        {':', "a colon where no name stands"},
        {',', "a comma where no value can end"},
        {'{', "an object where none can stand: a name, a comma or a colon is missing"},
        {'[', "an array where none can stand: a name, a comma or a colon is missing"},
    };
    if (s == JSON_NOTHING)
        return json_ended(r);
    for (size_t i = 0; i < sizeof REASONS / sizeof *REASONS; i++)
        if (*s == (uint8_t)REASONS[i].c)
            return fail(r, s, REASONS[i].why);
    return fail(r, s, NULL);
}

/* --- skipping --- */

/* The innermost skipped container, and those around it. */
struct skip {
    uint32_t members; /* so far, of an object */
    bool map;
    uint32_t n;                    /* containers around it that are skipped, too */
    uint64_t outer[MP_DEPTH_MOST]; /* for each: its members, twice, plus 1 for an object */
};

/* Items as they usually are: scalars, with a name in an object. Gives the end of the container if
 * it comes to that; else NULL, and *prev is the last comma, from where on it goes step by step. */
INLINE const uint8_t *usual_items(const struct reader *r, struct cursor *c, struct skip *k,
                                  const uint8_t **prev) {
    const struct json_reader *j = r->state;
    const uint32_t *at = c->at, *far = j->far;
    const uint8_t *base = j->base, *p = *prev, *end = NULL;
    if (!k->map) {
        while (at < far && !end) {
            const uint8_t *s = base + at[0];
            bool empty = s == p + 1 && *p == '[';
            if ((*s != ',' && *s != ']') || !(empty || json_scalar_usual(p + 1, s, r->validate)) ||
                (empty && *s == ','))
                break;
            at++;
            *(*s == ',' ? &p : &end) = s;
        }
    } else {
        while (far - at >= 2 && k->members < r->row_fields && !end) {
            const uint8_t *colon = base + at[0], *s = base + at[1];
            if (*colon != ':' || (*s != ',' && *s != '}') || p[1] != '"' || colon[-1] != '"' ||
                (r->validate && !json_plain(p + 2, colon - 1, true)) ||
                !json_scalar_usual(colon + 1, s, r->validate))
                break;
            at += 2;
            k->members++;
            *(*s == ',' ? &p : &end) = s;
        }
    }
    *prev = p;
    c->at = at;
    return end;
}

/* The next item behind prev. Gives what ends it, or its opening bracket, when it has been entered;
 * NULL at a fault. */
static const uint8_t *next_item(struct reader *r, struct cursor *c, struct skip *k, uint32_t depth,
                                const uint8_t *prev) {
    const uint8_t *s = json_next(r, c);
    if (k->map && *s == ':') {
        if (!check_name(r, prev + 1, s))
            return NULL;
        if (++k->members > r->row_fields)
            return too_wide(r, prev + 1);
        prev = s;
        s = json_next(r, c);
    } else if (k->map && !(*s == '}' && *prev == '{')) {
        return json_unexpected(r, s);
    }
    if (opens(*s)) {
        if (!json_blank(prev + 1, s))
            return json_unexpected(r, s);
        if (depth + k->n >= r->row_depth)
            return too_deep(r, s);
        k->outer[k->n++] = (uint64_t)k->members << 1 | k->map;
        k->members = 0;
        k->map = *s == '{';
        return s;
    }
    if (!ends_value(*s))
        return json_unexpected(r, s);
    if (*s != ',' && opens(*prev) && json_blank(prev + 1, s))
        return s; /* nothing in it */
    if (*prev == '{')
        return json_unexpected(r, s);
    return json_scalar_check(r, prev + 1, s) ? s : NULL;
}

struct skipped json_skip_container(struct reader *r, struct cursor c, const uint8_t *open,
                                   uint32_t depth) {
    const struct skipped none = {NULL, {NULL}};
    const uint8_t *prev = open, *s;
    struct skip k; /* outer is set as far as it is used */
    k.members = k.n = 0;
    k.map = *open == '{';
    for (;;) {
        s = usual_items(r, &c, &k, &prev);
        if (!s)
            s = next_item(r, &c, &k, depth, prev);
        if (!s)
            return none;
        while (*s != ',' && !opens(*s)) {
            if (*s != (k.map ? '}' : ']')) {
                json_unexpected(r, s);
                return none;
            }
            if (k.n == 0)
                return (struct skipped){s, c};
            k.map = k.outer[--k.n] & 1;
            k.members = (uint32_t)(k.outer[k.n] >> 1);
            prev = s;
            s = json_next(r, &c);
            if (!ends_value(*s) || !json_blank(prev + 1, s)) {
                json_unexpected(r, s);
                return none;
            }
        }
        prev = s;
    }
}
