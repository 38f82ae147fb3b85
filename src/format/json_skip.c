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

/* Items of a skipped container as they usually are, before its last: scalars, with a name in an
 * object, and a comma. Gives the last comma, from where on the rest is done step by step. */
INLINE const uint8_t *usual_items(const struct reader *r, struct cursor *c, bool map,
                                  const uint8_t *prev, uint32_t *members) {
    const struct json_reader *j = r->state;
    const uint32_t *at = c->at, *far = j->far;
    const uint8_t *base = j->base;
    uint32_t left = r->row_fields - *members, n = 0;
    if (!map) {
        for (; at < far; at++) {
            const uint8_t *comma = base + at[0];
            if (*comma != ',' || !json_scalar_usual(prev + 1, comma, r->validate))
                break;
            prev = comma;
        }
    } else {
        for (; far - at >= 2 && n < left; n++, at += 2) {
            const uint8_t *colon = base + at[0], *comma = base + at[1];
            if (*colon != ':' || *comma != ',' || prev[1] != '"' || colon[-1] != '"' ||
                (r->validate && !json_plain(prev + 2, colon - 1, true)) ||
                !json_scalar_usual(colon + 1, comma, r->validate))
                break;
            prev = comma;
        }
    }
    *members += n;
    c->at = at;
    return prev;
}

static struct skipped no_container(const uint8_t *fault) {
    return (struct skipped){fault, {NULL}}; /* NULL */
}

/* Steps over the container at `open`, which is the depth-th, checking it. A function of its own, so
 * that both loops have registers enough. */
struct skipped json_skip_container(struct reader *r, struct cursor c, const uint8_t *open,
                                   uint32_t depth) {
    uint64_t outer[MP_DEPTH_MOST]; /* for each open one around: its members so far, twice, plus 1
                                      for an object */
    uint32_t n = 0, members = 0;
    bool map = *open == '{';
    const uint8_t *prev = open, *s;
    for (;;) {
        prev = usual_items(r, &c, map, prev, &members);
        s = json_next(r, &c);
        if (map && *s == ':') {
            if (!check_name(r, prev + 1, s))
                return no_container(NULL);
            if (++members > r->row_fields)
                return no_container(too_wide(r, open));
            prev = s;
            s = json_next(r, &c);
        } else if (map && !(*s == '}' && *prev == '{')) {
            return no_container(json_unexpected(r, s));
        }
        if (opens(*s)) {
            if (!json_blank(prev + 1, s))
                return no_container(json_unexpected(r, s));
            if (depth + n >= r->row_depth)
                return no_container(too_deep(r, s));
            outer[n++] = (uint64_t)members << 1 | map;
            members = 0;
            map = *s == '{';
            prev = s;
            continue;
        }
        if (!ends_value(*s))
            return no_container(json_unexpected(r, s));
        bool none = *s != ',' && opens(*prev) && json_blank(prev + 1, s);
        if (!none && *prev == '{')
            return no_container(json_unexpected(r, s));
        if (!none && !json_scalar_check(r, prev + 1, s))
            return no_container(NULL);
        while (*s != ',') {
            if (*s != (map ? '}' : ']'))
                return no_container(json_unexpected(r, s));
            if (n == 0)
                return (struct skipped){s, c};
            map = outer[--n] & 1;
            members = (uint32_t)(outer[n] >> 1);
            prev = s;
            s = json_next(r, &c);
            if (!ends_value(*s) || !json_blank(prev + 1, s))
                return no_container(json_unexpected(r, s));
        }
        prev = s;
    }
}
