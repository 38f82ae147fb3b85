/* Declarations of all kernels, and what their loops share. Private to kernel/.
 *
 * A loop is written once, as an always-inline function whose relation, nullability and truth are
 * constants at every call; the wrappers named in kernels.def are those calls. So the compiler makes
 * one tight loop for each, while debugger, sanitizer and coverage see real lines. */
#ifndef TAMIS_KERNEL_KERNELS_H
#define TAMIS_KERNEL_KERNELS_H

#include "kernel/kernel.h"

#define X(name) sel_fn sel_##name;
#include "kernel/kernels.def"
#undef X

#define INLINE static inline __attribute__((always_inline))

INLINE bool rel_order(enum rel rel, int order) {
    switch (rel) {
    case REL_EQ:
        return order == 0;
    case REL_NE:
        return order != 0;
    case REL_LT:
    case REL_NGE:
        return order < 0;
    case REL_LE:
    case REL_NGT:
        return order <= 0;
    case REL_GT:
    case REL_NLE:
        return order > 0;
    default:
        return order >= 0;
    }
}

/* The comparison and the truth that an any-type loop for `rel` asks of value_compare. */
INLINE enum compare rel_compare(enum rel rel) {
    static const enum compare OP[REL_RELS] = {CMP_EQ, CMP_NE, CMP_LT, CMP_LE, CMP_GT,
                                              CMP_GE, CMP_LT, CMP_LE, CMP_GT, CMP_GE};
    return OP[rel];
}
INLINE enum truth rel_truth(enum rel rel) { return rel >= REL_NLT ? FALSE_ : TRUE_; }

#endif
