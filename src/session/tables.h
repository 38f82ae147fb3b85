/* The tables of a service, by name.
 *
 * A table belongs to a user (a shared one) or to a session (a private one): its owner. Each owner
 * has names of its own. Every table has a number that no other ever has, by which it is called
 * once its name was looked up; a number is good only for those who may see the table.
 *
 * A table that was dropped stays, without a name, as long as a request holds it. Every function may
 * be called on any thread. */
#ifndef TAMIS_SESSION_TABLES_H
#define TAMIS_SESSION_TABLES_H

#include "table/table.h"

#include <pthread.h>
#include <stdatomic.h>

struct owner {
    bool is_session; /* private: id is a session's; else a user's */
    uint64_t id;
};

struct named_table {
    _Atomic uint32_t refs;
    struct owner owner;
    uint64_t number;
    struct table *table;
    /* under the lock of the list */
    struct named_table *by_name, *by_number; /* the next ones in their buckets */
    bool dropped;
    uint32_t name_n;
    char name[]; /* not terminated */
};

struct tables {
    pthread_mutex_t lock;
    struct named_table **names, **numbers; /* n_buckets of each */
    uint32_t n_buckets, n;
    uint64_t next_number;
};

/* Who looks: a session sees its own tables, then those of its user. */
struct viewer {
    uint64_t session, user;
};

void tables_init(struct tables *t);
void tables_done(struct tables *t); /* drops all */

static inline struct str named_table_name(const struct named_table *t) {
    return (struct str){t->name, t->name_n};
}
void named_table_unref(struct named_table *t); /* NULL is fine */

/* Each gives a reference, or NULL if there is none that the viewer sees. */
struct named_table *tables_find_name(struct tables *t, struct viewer v, struct str name);
struct named_table *tables_find_number(struct tables *t, struct viewer v, uint64_t number);

enum exists { EXISTS_FAIL, EXISTS_OPEN, EXISTS_REPLACE };

/* Makes a table of this name, with at most `most` of the owner; or, if there is one, does as
 * `exists` says. *ret has a reference. TABLE_EXISTS, TOO_MANY_TABLES, MEMORY. */
enum status tables_create(struct tables *t, struct owner owner, struct str name, struct str key,
                          enum exists exists, uint64_t most, const struct limits *limits,
                          struct budget *budget, struct named_table **ret, struct error *e);
/* Takes a table out of the lists; false if it was not in them any more. */
bool tables_drop(struct tables *t, struct named_table *table);
/* Drops all tables of a session. */
void tables_drop_session(struct tables *t, uint64_t session);

/* All that the viewer sees, with a reference each, in the order of their numbers; a private one
 * hides a shared one of its name. False: no memory. The array is the caller's, to be freed. */
bool tables_list(struct tables *t, struct viewer v, struct named_table ***ret, uint32_t *ret_n);

#endif
