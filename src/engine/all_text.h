/* Fields whose every value was a text, where the query needs something else: a number, a boolean or
 * a time (plan_meant_no_text). So it is with a column of CSV that has no declared type.
 *
 * What a block holds is known to its columns: the first block whose column has another type decides
 * that there is nothing to tell of this field, and nothing is looked at for it any more. A zeroed
 * struct is a beginning; it holds no memory. One request, one thread at a time. */
#ifndef TAMIS_ENGINE_ALL_TEXT_H
#define TAMIS_ENGINE_ALL_TEXT_H

#include "base/warning.h"
#include "plan/plan.h"
#include "table/table.h"

#define ALL_TEXT_MOST 8u

struct all_text {
    bool begun;
    uint32_t n; /* fields that were text or null so far */
    struct {
        uint32_t slot;
        bool met; /* there was a text */
    } fields[ALL_TEXT_MOST];
};

static inline void all_text_init(struct all_text *a) {
    a->begun = false;
    a->n = 0;
}

/* Looks at a block that was run: of cells that were put off, those count that the run has read. */
void all_text_look(struct all_text *a, const struct plan *p, const struct block *b);

/* Adds to a what b has seen: both looked at rows of the same query. */
void all_text_join(struct all_text *a, const struct all_text *b);

/* Adds what there is to tell, `room` at most; gives how many. */
uint32_t all_text_warnings(const struct all_text *a, const struct plan *p, struct warning *ret,
                           uint32_t room);

/* Adds, in the same way, what is said of a table. Of its columns, not of what is inside of nested
 * values, whose types no chunk knows before it is asked. */
uint32_t all_text_columns(const struct plan *p, const struct snapshot *s, struct warning *ret,
                          uint32_t room);

#endif
