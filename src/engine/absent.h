/* Fields of the query that no row has, where something else is meant: one of the rows' fields whose
 * name is alike ("did you mean"), or a text, which was put into double quotes (plan_meant_text).
 *
 * The rows of the first block in which a field is absent are the sample that is looked at for names
 * that are alike: a few, and so many of their names. Costs nothing where every field is in some row
 * of the first block. A zeroed struct is a beginning; it holds no memory. One request, one thread
 * at a time. */
#ifndef TAMIS_ENGINE_ABSENT_H
#define TAMIS_ENGINE_ABSENT_H

#include "base/warning.h"
#include "format/reader.h"
#include "plan/plan.h"
#include "table/table.h"

#define ABSENT_MOST 8u

struct absent_field {
    uint32_t slot;
    enum warning_code code; /* FIELD_ABSENT, or FIELD_AS_TEXT without a suggestion */
    char suggestion[64];
};

struct absent {
    bool sampled;
    uint32_t n; /* fields that no row so far has */
    struct absent_field fields[ABSENT_MOST];
};

/* Where the names of a block's rows are to be found. */
struct absent_names {
    bool in_rows; /* the block has the rows' bytes, which are of this format */
    enum reader_format format;
    const struct reader *reader; /* of CSV, whose columns have the names; or NULL */
};

static inline void absent_init(struct absent *a) {
    a->sampled = false;
    a->n = 0;
}

/* Looks at a sealed block of n rows. Rows that tell no names, or are no maps, are no sample for
 * those that are alike. */
void absent_look(struct absent *a, const struct plan *p, const struct block *b, uint32_t n,
                 const struct absent_names *names);

/* Leaves in a only the fields that are in b, too: both looked at rows of the same query. */
void absent_join(struct absent *a, const struct absent *b);

/* Adds what is left, n of `room` at most; gives how many. */
uint32_t absent_warnings(const struct absent *a, const struct plan *p, struct warning *ret,
                         uint32_t room);

/* Adds, in the same way, what is said of a table, of the fields that are no column of it. */
uint32_t absent_columns(const struct plan *p, const struct snapshot *s, struct warning *ret,
                        uint32_t room);

#endif
