/* Resident tables: rows kept as typed columns, queried many times.
 *
 * A table is a list of segments of up to SEGMENT_ROWS rows, each with one chunk a column
 * (value/chunk.h). Segments are immutable. A writer makes new ones aside and publishes a new list,
 * a *snapshot*, at once; a reader holds one snapshot as long as it likes, and neither waits for the
 * other: taking a snapshot is a counter and a pointer under a lock that is never held while
 * anything is done.
 *
 * Small appends make small segments; neighbours of like size are merged when they are committed, so
 * that n rows appended one by one cost O(n log n) copies and leave O(log n) small segments.
 *
 * A column that some row of a segment has takes its room for all rows of that segment, at least a
 * byte and a bit a row; one that no row of it has takes none.
 *
 * Deleting clears bits in a bitmap of live rows beside the segment, in a new snapshot. A segment of
 * which more than half is deleted is written anew.
 *
 * Columns are the rows' keys, in the order of their first appearance. A row is missing the columns
 * that it did not have. Keys that are no str are kept in a column that has no name and that no path
 * reaches. Of equal keys in a row the last wins.
 *
 * All memory is charged to the budget before it is taken; a failed call leaves the table as it was.
 *
 * Threads: a table may be used by any number of threads; writers take turns (they wait for each
 * other in batch_commit and table_delete alone). A batch belongs to one thread at a time.
 */
#ifndef TAMIS_TABLE_TABLE_H
#define TAMIS_TABLE_TABLE_H

#include "base/alloc.h"
#include "base/buf.h"
#include "base/crew.h"
#include "base/limits.h"
#include "base/status.h"
#include "value/array.h"
#include "value/chunk.h"
#include "value/path.h"

#include <stdatomic.h>

struct table;
struct segment;

/* A segment as a snapshot sees it. */
struct part {
    const struct segment *segment;
    const uint64_t *live; /* rows that are not deleted, CHUNK_WORDS words; NULL: all */
    uint32_t n;           /* rows of the segment, deleted ones too */
    uint32_t n_live;
    uint64_t first; /* number of its first live row in the snapshot */
};

struct snapshot {
    uint64_t n_rows;  /* that are not deleted */
    uint64_t version; /* of the table: grows with each commit */
    uint32_t n_columns;
    uint32_t schema; /* grows when a column comes: slots looked up for the same number still hold */
    const struct str *names; /* of the columns; {NULL, 0} for that of keys that are no str */
    const struct part *parts;
    uint32_t n_parts;
};

/* A table without rows. key: the column whose values tell rows apart, or {NULL, 0}: none. NULL: no
 * memory. The caller holds one reference; so does each snapshot. */
struct table *table_new(struct str key, const struct limits *limits, struct budget *budget);
void table_ref(struct table *t);
void table_unref(struct table *t);
struct str table_key(const struct table *t); /* {NULL, 0}: none */

const struct snapshot *table_snapshot(struct table *t); /* never NULL; to be given back */
void snapshot_unref(const struct snapshot *s);

/* The number of a column, or NO_TABLE_COLUMN. */
#define NO_TABLE_COLUMN UINT32_MAX
uint32_t snapshot_column(const struct snapshot *s, struct str name);
/* The same for a name whose hash_bytes under hash_key() is known. */
uint32_t snapshot_column_hashed(const struct snapshot *s, struct str name, uint64_t hash);

/* The cells of a column; *ret is NULL where the segment is older than the column: all missing. Made
 * at first use where the column is still as it came; any thread. False: no memory. */
bool part_chunk(const struct part *p, uint32_t column, const struct chunk **ret);
/* Whether any row of the part may have the column, and whether part_chunk finds it made. */
bool part_has(const struct part *p, uint32_t column);
bool part_is_made(const struct part *p, uint32_t column);
/* Types of its cells, and bytes that it takes, with its dictionary; nothing is made for that. */
uint32_t part_column_seen(const struct part *p, uint32_t column);
size_t part_column_bytes(const struct part *p, uint32_t column);
/* The cells of a path of at least a step inside a column's nested values: what path_lookup finds.
 * Made at first use and kept with the segment; any thread. NULL: no memory (where all is missing,
 * too, there is a chunk). */
const struct chunk *part_path_chunk(const struct part *p, uint32_t column, struct path inside);

/* Appends row i of a part as a msgpack map: the columns that it has, in their order. The buffer has
 * failed if there was no memory for a column's cells. */
void part_row(const struct snapshot *s, const struct part *p, uint32_t i, struct buf *out);

/* --- writing --- */

enum batch_mode {
    BATCH_APPEND, /* a row whose key is there already: DUPLICATE_KEY */
    BATCH_UPSERT, /* such a row takes the place of the other one, at the end of the table */
    BATCH_REPLACE /* instead of all rows that there are */
};

struct batch_counts {
    uint64_t added, replaced;
    uint64_t removed; /* BATCH_REPLACE: the rows that there were */
};

/* Rows that nobody sees before batch_commit. */
struct batch *batch_new(struct table *t); /* NULL: no memory */
void batch_free(struct batch *b);         /* NULL is fine */
uint64_t batch_rows(const struct batch *b);
/* A crew that helps with the columns of large batches, each of which is one hand's at a time. NULL,
 * as it is at first: none. */
void batch_use_crew(struct batch *b, struct crew *crew);

/* Adds the row that begins at p, a msgpack map. Returns its end, or NULL with *e (ROW_NOT_MAP,
 * ROW_TRUNCATED, ROW_INVALID, ROW_TOO_DEEP, ROW_TOO_WIDE, MEMORY; row is the number in the batch)
 * and *ret_fault where it is wrong. The batch can then only be freed. */
const uint8_t *batch_add_map(struct batch *b, const uint8_t *p, const uint8_t *end,
                             const uint8_t **ret_fault, struct error *e);
/* Adds n rows given by columns, names without equals; other columns are missing. Values were
 * checked (offsets, codes, msgpack) by the caller. VALUES with offsets are arrays and maps where
 * they are valid, and of a byte at least. ROW_TOO_WIDE, MEMORY; the batch can then only be freed.
 */
enum status batch_add_arrays(struct batch *b, uint64_t n, const struct str *names,
                             const struct array *arrays, uint32_t n_arrays, struct error *e);
/* Publishes the rows, all or (on failure) none of them; the batch is empty then, either way. In a
 * table with a key, rows count as if they came one by one: `added` if their key is new, `replaced`
 * if they take the place of another row, which may be one of the same batch. Errors: BAD_KEY (a row
 * whose key is null, missing, NaN or not a scalar) and DUPLICATE_KEY (a key that is there already;
 * with REPLACE as well: that comes twice), both with the number of the row; ROW_TOO_WIDE (more than
 * row_fields columns, with those of the table); TOO_MANY_ROWS (2^32 - 1 and more, with a key);
 * MEMORY. A table that is replaced has the columns of the new rows alone. */
enum status batch_commit(struct batch *b, enum batch_mode mode, struct batch_counts *ret,
                         struct error *e);

/* Deletes the rows with these keys; keys that are not there are passed over. BAD_KEY, NO_KEY (the
 * table has none), MEMORY. */
enum status table_delete(struct table *t, const struct value *keys, uint64_t n,
                         uint64_t *ret_deleted, struct error *e);

/* --- describing --- */

struct column_report {
    struct str name;
    uint32_t seen; /* types */
    uint64_t nulls, missing;
    uint64_t distinct; /* values; exact or estimated */
    bool is_exact;
    uint64_t bytes;      /* in memory, its dictionary included */
    const char *storage; /* "int8", "int64", "double", "dictionary", "string", "mixed" ...; of the
                            largest part of its segments */
};
/* Of one column of a snapshot; may take time in proportion to its rows. False: no memory. */
bool column_report(struct table *t, const struct snapshot *s, uint32_t column,
                   struct column_report *ret);
uint64_t
table_bytes(struct table *t); /* held by the newest snapshot: segments, dictionaries, index */

#endif
