/* The typed loops, included once per type by select.c. Parameters:
 *   TYPE      of one value           SUFFIX    i64, f64, str, time
 *   TAG       the column tag         GET(c, r) the value in row r
 *   HOLDS(rel, a, b)                 a rel b, for the ten relations
 *   SAFE      1 if a cell of another type may be looked at (plain words), 0 if not (pointers)
 * and the functions constant_SUFFIX, low_SUFFIX, high_SUFFIX that take a term's constants. */
#define PASTE2(a, b) a##b
#define PASTE(a, b)  PASTE2(a, b)
#define NAME(base)   PASTE(base, SUFFIX)

INLINE bool NAME(test_)(const struct column *x, uint32_t r, enum rel rel, bool nullable, TYPE k,
                        TYPE low, TYPE high) {
    if (nullable && !SAFE && x->tag[r] != TAG)
        return false;
    bool t;
    TYPE v = GET(x, r);
    if (rel == REL_IN || rel == REL_OUT)
        t = ((int)HOLDS(REL_GE, v, low) & (int)HOLDS(REL_LE, v, high)) == (rel == REL_IN);
    else
        t = HOLDS(rel, v, k);
    return nullable && SAFE ? (int)t & (int)(x->tag[r] == TAG) : t;
}

INLINE uint32_t NAME(constant_loop_)(const struct sel_args *a, const uint16_t *in, uint32_t n,
                                     uint16_t *out, enum rel rel, bool nullable) {
    const struct column *x = a->x;
    TYPE k = NAME(constant_)(a->term), low = NAME(low_)(a->term), high = NAME(high_)(a->term);
    uint32_t kept = 0;
    if (in)
        for (uint32_t i = 0; i < n; i++) {
            uint32_t r = in[i];
            out[kept] = (uint16_t)r;
            kept += NAME(test_)(x, r, rel, nullable, k, low, high);
        }
    else
        for (uint32_t r = 0; r < n; r++) {
            out[kept] = (uint16_t)r;
            kept += NAME(test_)(x, r, rel, nullable, k, low, high);
        }
    return kept;
}

INLINE bool NAME(test_both_)(const struct column *x, const struct column *y, uint32_t r,
                             enum rel rel, bool nullable) {
    bool both = !nullable || ((int)(x->tag[r] == TAG) & (int)(y->tag[r] == TAG));
    if (!SAFE && !both)
        return false;
    return (int)HOLDS(rel, GET(x, r), GET(y, r)) & (int)both;
}

INLINE uint32_t NAME(columns_loop_)(const struct sel_args *a, const uint16_t *in, uint32_t n,
                                    uint16_t *out, enum rel rel, bool nullable) {
    const struct column *x = a->x, *y = a->y;
    uint32_t kept = 0;
    if (in)
        for (uint32_t i = 0; i < n; i++) {
            uint32_t r = in[i];
            out[kept] = (uint16_t)r;
            kept += NAME(test_both_)(x, y, r, rel, nullable);
        }
    else
        for (uint32_t r = 0; r < n; r++) {
            out[kept] = (uint16_t)r;
            kept += NAME(test_both_)(x, y, r, rel, nullable);
        }
    return kept;
}

#undef NAME
#undef PASTE
#undef PASTE2
#undef TYPE
#undef SUFFIX
#undef TAG
#undef GET
#undef HOLDS
#undef SAFE
