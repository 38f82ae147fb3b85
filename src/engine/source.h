/* A source: the rows of one payload, put block by block into the columns that a plan wants.
 *
 * The forms of PROTOCOL.md ("maps", "template", "columns") each have an open and a fill function in
 * the table of source.c: a new form is added there. A source borrows the payload's bytes and the
 * fields; what it allocates is in the arena it is given. The scanner is the caller's, so that it
 * serves many payloads of one row stream. One thread at a time.
 */
#ifndef TAMIS_ENGINE_SOURCE_H
#define TAMIS_ENGINE_SOURCE_H

#include "base/buf.h"
#include "base/limits.h"
#include "format/scan.h"
#include "value/mp.h"

struct source;
struct sent_column;
struct column_use;
struct byte_rows;
struct fetcher;

struct source_form {
    const char *name;
    bool has_row_bytes; /* result "rows" is possible */
    /* Reads what stands before the rows; r is behind the form's name, `parts` elements are left of
     * the payload array. */
    enum status (*open)(struct source *s, struct mp_reader *r, uint32_t parts, struct error *e);
    /* Fills rows 0 .. *ret_n - 1 of b. Where the payload says how many it has, *ret_n is how many
     * are wanted, and stays; else it is 0 at the end. */
    enum status (*fill)(struct source *s, struct block *b, uint32_t *ret_n, struct error *e);
    bool is_counted; /* else it is bytes of a format */
};

struct source {
    const struct source_form *form;
    const struct limits *limits;
    struct scanner *scanner;
    struct arena *arena;
    const uint8_t *message;  /* offsets in errors count from here */
    const uint8_t *p, *end;  /* the next row's bytes; end of the message */
    uint32_t rows, done;     /* of this payload */
    uint64_t first_row;      /* number of its first row in the whole request */
    struct fetcher *fetcher; /* of columns that may be in their sender's memory; NULL: none are */
    /* template */
    uint32_t n_names;
    const struct field **names; /* NULL where nothing is wanted */
    const struct str *sent_names;
    const uint8_t *counts;  /* of source_map: a bit for each name that no later one equals */
    bool has_presence;      /* an element behind the rows */
    const uint8_t *present; /* or NULL */
    /* columns */
    uint32_t n_columns;
    struct sent_column *columns; /* column_read.h: checked, the shorter paths first, else in their
                                    order. NULL: another form */
    struct column_use *uses;     /* what each is wanted for */
    uint32_t nesting;            /* of the column that is being read */
    uint64_t nested_bytes;       /* that nested columns have taken as msgpack (nested.h) */
    /* bytes */
    struct byte_rows *bytes;
    const uint8_t *origin; /* a byte of the input, where it stands now, and which one it is */
    uint64_t origin_offset;
    const uint8_t *piece, *piece_end; /* while p is in what was carried: the payload's bytes, of */
    size_t joined, carried;           /* which `joined` are behind the `carried` ones */
    bool at_end, waits;               /* waits: not looked at, a row must grow first */
};

/* Opens the payload that stands at offset `at` of a message of n bytes and is its last element.
 * `bytes` is the request's, or NULL where that form is not taken; `fetcher` is borrowed, and NULL
 * where columns can only be in the message. Errors: BAD_PAYLOAD, TOO_MANY_ROWS, ROW_*, MEMORY. */
enum status source_open(struct source *s, const uint8_t *message, size_t at, size_t n,
                        uint64_t first_row, struct scanner *scanner, struct byte_rows *bytes,
                        struct fetcher *fetcher, const struct limits *limits, struct arena *arena,
                        struct error *e);
/* Opens what the payloads of bytes have left over, once no more come. */
void source_open_end(struct source *s, struct byte_rows *bytes);

/* Fills the next block (cleared before) with up to b->rows rows; *ret_n is 0 when all have been
 * given. */
enum status source_fill(struct source *s, struct block *b, uint32_t *ret_n, struct error *e);

/* The next row of a template as a map, which is appended to ret; false at the end, or if there is
 * no memory (as the buffer says) or the row is broken (e). Instead of source_fill. */
bool source_is_template(const struct source *s);
bool source_map(struct source *s, struct buf *ret, struct error *e);

/* For the forms: a row error of the scanner, and a fault of the payload itself at p. */
enum status source_row_error(const struct source *s, uint32_t row, struct error *e);
enum status source_bad(const struct source *s, const uint8_t *p, struct error *e, const char *text);
enum status source_reader_error(const struct source *s, const struct mp_reader *r, struct error *e);
/* The same where the fault is in row `row` of this payload. */
enum status source_reader_row_error(const struct source *s, const struct mp_reader *r, uint32_t row,
                                    struct error *e);

/* There is something behind the payload, where r stands. */
enum status source_trailing(const struct source *s, const struct mp_reader *r, struct error *e);

enum status columns_open(struct source *s, struct mp_reader *r, uint32_t parts, struct error *e);
enum status columns_fill(struct source *s, struct block *b, uint32_t *ret_n, struct error *e);
enum status bytes_open(struct source *s, struct mp_reader *r, uint32_t parts, struct error *e);
enum status bytes_fill(struct source *s, struct block *b, uint32_t *ret_n, struct error *e);
enum status file_open(struct source *s, struct mp_reader *r, uint32_t parts, struct error *e);
enum status file_fill(struct source *s, struct block *b, uint32_t *ret_n, struct error *e);
const struct source_form *source_form_bytes(void);

/* A path as it stands in messages: str, or array of str and unsigned integers. The keys are
 * borrowed, the steps are in the arena. */
enum status path_read(struct mp_reader *r, struct arena *a, struct path *ret);

#endif
