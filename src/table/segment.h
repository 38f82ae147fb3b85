/* Segments: immutable rows of a table, one chunk a column. And what several of them share.
 *
 * A segment is counted by its pieces (in snapshots and in writers' lists). It holds its catalog,
 * which holds the dictionaries; a table that is replaced as a whole begins a new catalog.
 */
#ifndef TAMIS_TABLE_SEGMENT_H
#define TAMIS_TABLE_SEGMENT_H

#include "table/seal.h"
#include "table/table.h"

#include <pthread.h>

struct derived; /* derive.c: chunks of paths */
struct maker;   /* raw.c */

/* The dictionary of a column, or of a path inside it. Once it is there it stays. */
struct shared_dict {
    pthread_mutex_t lock;       /* of all below: one at a time adds to it */
    pthread_cond_t quiet;       /* no reader waits for the lock any more */
    struct dict *dict;          /* NULL: none yet */
    bool is_used;               /* chunks that others see may have codes of it */
    uint32_t n_raw;             /* columns of segments that are still as they came, and ... */
    struct maker *maker;        /* ... what makes chunks of them (raw.c); or NULL */
    _Atomic uint32_t n_waiting; /* readers that wait for the lock */
};

void shared_dict_init(struct shared_dict *d);
void shared_dict_done(struct shared_dict *d, struct budget *budget);

/* Readers do not wait for a writer: they take the lock by shared_dict_lock, and who commits lets
 * all of those in, after each value, by shared_dict_give_way, with the lock held before and after.
 * The dictionary itself stays the same one; others may have added to it. */
void shared_dict_lock(struct shared_dict *d);
static inline void shared_dict_unlock(struct shared_dict *d) { pthread_mutex_unlock(&d->lock); }
void shared_dict_wait_for_readers(struct shared_dict *d);
static inline void shared_dict_give_way(struct shared_dict *d) {
    if (atomic_load_explicit(&d->n_waiting, memory_order_relaxed) > 0)
        shared_dict_wait_for_readers(d);
}

struct path_dict; /* derive.c */

struct catalog {
    _Atomic uint32_t refs;
    struct budget *budget;
    struct shared_dict **columns; /* by number; writers alone */
    uint32_t n_columns, room;
    pthread_mutex_t lock; /* of `paths` with all below, and of all segments' `derived` */
    struct path_dict *paths;
};

struct catalog *catalog_new(struct budget *budget); /* NULL: no memory */
struct catalog *catalog_ref(struct catalog *c);
void catalog_unref(struct catalog *c); /* NULL is fine */
/* Room for n columns; those that come are without a dictionary. False: no memory. */
bool catalog_room(struct catalog *c, uint32_t n);

struct segment {
    _Atomic uint32_t refs;
    struct catalog *catalog;
    uint32_t n; /* rows */
    uint32_t n_columns;
    struct sealed **columns; /* NULL: all missing */
    /* Rows of a table with a key are numbered in the order of their coming: row i has the number
     * first + (offsets ? offsets[i] : i), ascending. */
    uint64_t first;
    uint32_t *offsets;
    struct derived **derived; /* a list, under the catalog's lock */
};

/* A segment of n rows without chunks, with one reference. NULL: no memory. */
struct segment *segment_new(struct catalog *catalog, uint32_t n, uint32_t n_columns);
struct segment *segment_ref(struct segment *s);
void segment_unref(struct segment *s); /* NULL is fine */
size_t segment_bytes(const struct segment *s);

/* The cells of a column, made of what came if need be; *ret is NULL where all are missing. False:
 * no memory. */
bool segment_column(const struct segment *s, uint32_t column, const struct sealed **ret);
/* The same for who commits: no reader waits for the making. False: no memory. */
bool segment_column_aside(const struct segment *s, uint32_t column);
/* The same without making them: NULL, too, where they have not been made. */
const struct sealed *segment_made(const struct segment *s, uint32_t column);
/* raw.c: of columns with `raw`. */
const struct sealed *raw_make(const struct sealed *s); /* NULL: no memory */
bool raw_make_aside(const struct sealed *s);           /* false: no memory */
const struct sealed *raw_made(const struct sealed *s);
size_t raw_bytes(const struct sealed *s);
void maker_free(struct maker *m, struct budget *budget); /* NULL is fine */

static inline uint64_t segment_number(const struct segment *s, uint32_t row) {
    return s->first + (s->offsets ? s->offsets[row] : row);
}
static inline uint64_t segment_last(const struct segment *s) { return segment_number(s, s->n - 1); }
/* The row with a number between first and last; false if it is not here. */
bool segment_find(const struct segment *s, uint64_t number, uint32_t *ret_row);

/* The rows of a segment that are not deleted. */
struct live {
    _Atomic uint32_t refs;
    struct budget *budget;
    uint64_t *words; /* CHUNK_WORDS, aligned as a chunk's */
};

#define LIVE_HEAD ((sizeof(struct live) + CHUNK_ALIGN - 1) / CHUNK_ALIGN * CHUNK_ALIGN)
/* As long as a chunk's bitmap: loops read 64 bytes behind the last row. */
#define LIVE_WORDS (((CHUNK_WORDS + 8) + 7) / 8 * 8)
#define LIVE_BYTES (LIVE_HEAD + LIVE_WORDS * sizeof(uint64_t))

/* A copy of `from`, or of all ones for n rows. NULL: no memory. */
struct live *live_new(const struct live *from, uint32_t n, struct budget *budget);
void live_unref(struct live *l); /* NULL is fine */

/* Frees a segment's derived chunks, and a catalog's paths (derive.c). */
void derived_free(struct derived *d);
size_t derived_bytes(const struct derived *d);
void paths_free(struct path_dict *p, struct budget *budget);
size_t paths_bytes(struct catalog *c);

#endif
