/* See path.h. */
#include "value/path.h"

#include "value/mp.h"

static bool step_eq(struct path_step a, struct path_step b) {
    if (!a.key.p || !b.key.p)
        return !a.key.p && !b.key.p && a.index == b.index;
    return str_eq(a.key, b.key);
}

bool path_is_prefix(struct path a, struct path b) {
    if (a.n > b.n)
        return false;
    for (uint32_t i = 0; i < a.n; i++)
        if (!step_eq(a.steps[i], b.steps[i]))
            return false;
    return true;
}

bool path_eq(struct path a, struct path b) { return a.n == b.n && path_is_prefix(a, b); }

static struct value map_get(struct value map, struct str key) {
    struct mp_reader r;
    uint32_t n;
    struct value found = value_missing();
    mp_enter(&r, map, &n);
    for (uint32_t i = 0; i < n; i++) {
        struct value k = mp_read_value(&r);
        if (k.type == T_STR && str_eq(value_as_str(k), key))
            found = mp_read_value(&r);
        else
            mp_skip(&r);
    }
    return found;
}

static struct value array_get(struct value array, uint32_t index) {
    struct mp_reader r;
    uint32_t n;
    mp_enter(&r, array, &n);
    if (index >= n)
        return value_missing();
    for (uint32_t i = 0; i < index; i++)
        mp_skip(&r);
    return mp_read_value(&r);
}

struct value path_lookup(struct value v, struct path p) {
    for (uint32_t i = 0; i < p.n; i++) {
        struct path_step s = p.steps[i];
        if (s.key.p && v.type == T_MAP)
            v = map_get(v, s.key);
        else if (!s.key.p && v.type == T_ARRAY)
            v = array_get(v, s.index);
        else
            return value_missing();
    }
    return v;
}
