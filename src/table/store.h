/* Inside of a table: names, snapshots and how writers make the next one. Private to table/. */
#ifndef TAMIS_TABLE_STORE_H
#define TAMIS_TABLE_STORE_H

#include "table/index.h"
#include "table/segment.h"

/* The names of columns, immutable, in one block. */
struct schema {
    _Atomic uint32_t refs;
    struct budget *budget;
    size_t bytes;
    uint32_t number;
    uint32_t n, mask;
    struct str *names;
    uint32_t *slots; /* column + 1 by hash of the name; 0: empty */
};

/* The names of `from` (NULL: none), and n more. NULL: no memory. */
struct schema *schema_new(const struct schema *from, const struct str *names, uint32_t n,
                          uint32_t number, struct budget *budget);
struct schema *schema_ref(struct schema *s);
void schema_unref(struct schema *s); /* NULL is fine */
/* NO_TABLE_COLUMN if there is none. A name without bytes at NULL finds the nameless column. */
uint32_t schema_find(const struct schema *s, struct str name);

/* A segment with the rows of it that count. */
struct piece {
    struct segment *segment;
    struct live *live; /* NULL: all */
    uint32_t n_live;
};

/* A list of pieces in the making; owns them. */
struct pieces {
    struct piece *v;
    uint32_t n, room;
    struct budget *budget;
};

void pieces_init(struct pieces *p, struct budget *budget);
void pieces_done(struct pieces *p);
/* Room for one more. */
bool pieces_room(struct pieces *p);
/* Adds a piece, taking over the references; there is room. */
void pieces_take(struct pieces *p, struct piece piece);
/* References on all pieces of another list; false: no memory. */
bool pieces_copy(struct pieces *p, const struct piece *v, uint32_t n);
/* The live bitmap of piece i, which may be written: the list's own. `shared` are the pieces of the
 * snapshot it was copied from, whose bitmaps are copied first. NULL: no memory. */
struct live *pieces_live(struct pieces *p, uint32_t i, const struct piece *shared,
                         uint32_t n_shared);
/* The piece and row with a number; false if it is in none, or deleted. */
bool pieces_find(const struct pieces *p, uint64_t number, uint32_t *ret_piece, uint32_t *ret_row);

/* Merges small neighbours and writes those anew of which more than half is deleted (merge.c).
 * False: no memory; the list is then still whole. */
bool pieces_compact(struct pieces *p, struct catalog *catalog, bool has_key);

/* A published list: what struct snapshot shows of it. */
struct held {
    struct snapshot s; /* first: a snapshot is its held */
    _Atomic uint32_t refs;
    struct budget *budget;
    size_t bytes;
    struct table *table;
    struct schema *schema;
    struct catalog *catalog;
    struct piece *pieces;
};

/* Takes over the pieces, whose budget it is charged to; NULL: no memory, and nothing is taken. */
struct held *held_new(struct table *t, struct schema *schema, struct catalog *catalog,
                      struct pieces *pieces, uint64_t version);
void held_unref(struct held *h); /* NULL is fine */

struct table {
    _Atomic uint32_t refs;
    const struct limits *limits;
    struct budget *budget;
    struct str key;
    pthread_mutex_t lock; /* of `current` alone; never held while anything is done */
    struct held *current;
    pthread_mutex_t writing; /* of all below */
    struct index index;
    uint64_t next;              /* number of the next row */
    _Atomic size_t index_bytes; /* any thread */
};

static inline bool table_has_key(const struct table *t) { return t->key.p != NULL; }
/* E_MEMORY, which says how much of it is used by whom. */
enum status table_no_memory(const struct budget *b, struct error *e);
/* Makes h the table's newest; under `writing`. Gives the one before, to be unreferenced. */
struct held *table_publish(struct table *t, struct held *h);

/* What a private dictionary's codes are in the shared one, as far as they were needed (share.c);
 * zeroed to begin with, and used for all chunks that have the private one. */
struct code_map {
    uint32_t *codes; /* by private code; UINT32_MAX where it is not known yet. NULL: none is */
    uint32_t n;
    bool is_same; /* the private dictionary has become the shared one */
};
/* The codes of *s, if it has some, become those of the shared dictionary; *s may be made anew.
 * dropped: values of the private dictionary that no chunk has. False: no memory. Any thread,
 * without the lock of the shared one. */
bool sealed_share(struct sealed **s, struct shared_dict *shared, struct code_map *map,
                  uint32_t dropped);
void code_map_done(struct code_map *m, struct budget *budget);

/* Puts the live rows of a chunk of n rows into cells, from `row` on; NULL: all missing (merge.c).
 * False: no memory. */
bool cells_put_chunk(struct cells *c, uint32_t row, const struct sealed *s, uint32_t n,
                     const uint64_t *live);

#endif
