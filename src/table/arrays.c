/* See table.h: rows that come as columns.
 *
 * Numbers go as a whole behind the packed values of the cells, and those that are null or missing
 * are then taken out. What does not fit the cells' form goes one by one. Strings: texts.c. Lists,
 * maps and structs: nested.c. */
#include "table/batch.h"

#include "base/bitmap.h"
#include "base/clock.h"
#include "table/raw.h"
#include "table/spread.h"
#include "value/array_cell.h"
#include "value/mp.h"

#include <endian.h>
#include <stdatomic.h>
#include <stdlib.h>

/* So many rows that may be the last of a load are worth being kept as they came. */
#define REST_LEAST (SEGMENT_ROWS / 16)

/* An array being read. */
struct feed {
    const struct array *a;
    uint32_t inlet;
    const uint8_t *next; /* VALUES: the next value */
    uint32_t *codes;  /* CODES: of those met before the code that the cells have, or UINT32_MAX */
    struct buf text;  /* nested: values on their way */
    uint64_t bytes;   /* of its cells, about */
    uint64_t cost_ns; /* of the inlet */
    bool is_away;     /* nested: some of it is in the memory of another process */
};

/* Rows [from, from + n) of all arrays, on their way into the open segment. */
struct feeding {
    struct batch *batch;
    struct feed *feeds;
    uint32_t n_feeds;
    struct crew *crew;
    uint64_t from;
    uint32_t n;
    bool is_segment;     /* they are all of a segment, which ends with them */
    bool is_rest;        /* they are many, all that the open segment has, and the payload's last */
    bool is_last;        /* of a segment: each column is sealed at once */
    _Atomic bool failed; /* no memory, unless ... */
    _Atomic bool is_unread; /* ... what is in another process's could not be read */
};

/* --- numbers --- */

/* What is in the memory of another process is not there, or may not be read. */
static bool unread(struct feeding *f) {
    atomic_store_explicit(&f->is_unread, true, memory_order_relaxed);
    return false;
}

/* Whether the array's numbers are what the cells would hold. */
static bool is_words(const struct array *a) {
    return (a->type == ARRAY_I64 || a->type == ARRAY_F64) && htole64(1) == 1;
}

/* The numbers of a whole segment: from the payload, or from what the hand fetched. */
static bool feed_segment(struct feeding *f, struct cells *c, const struct stretch *s,
                         union word *scratch) {
    bool is_here = !s->a->peer && s->all;
    bool is_far = s->a->peer && s->all && s->a->type == ARRAY_F64;
    if (!is_here && !is_far && !stretch_words(s, scratch))
        return unread(f);
    if (!cells_take(c, s->a->type == ARRAY_F64 ? T_DOUBLE : T_INT))
        return false;
    if (is_far)
        cells_lend_far(c, s->a->peer, s->a->address + s->from * sizeof *scratch, s->n, 0);
    else if (!s->all)
        cells_lend_rows(c, scratch, s->n_valid);
    else if (is_here)
        cells_lend(c, s->a->data + s->from * sizeof *scratch, s->n, 0);
    else
        cells_lend(c, (const uint8_t *)scratch, s->n, 0);
    return stretch_mark(c, 0, s);
}

static bool feed_numbers(struct feeding *f, struct cells *c, const struct stretch *s,
                         union word *scratch) {
    bool is_unread = false, done = numbers_feed(c, f->batch->rows, s, scratch, &is_unread);
    return is_unread ? unread(f) : done;
}

/* --- values --- */

static bool feed_values(struct cells *c, uint32_t row, const struct stretch *s, struct feed *f) {
    struct mp_reader r;
    mp_reader_init(&r, f->next, (size_t)(s->a->data_end - f->next), MP_DEPTH_MOST);
    for (uint32_t i = 0; i < s->n; i++) {
        struct value v = mp_read_value(&r);
        if (!s->all && !bits_get(s->valid, i))
            v = bits_get(s->present, i) ? value_null() : value_missing();
        if (!cells_put(c, row + i, v))
            return false;
    }
    f->next = r.p;
    return true;
}

/* --- codes --- */

/* A string that has a code in the cells already: that is put. False: it has none. */
static bool put_known(struct cells *c, uint32_t row, const struct feed *f, uint64_t at) {
    uint32_t code = f->codes[at];
    if (code == UINT32_MAX || c->form != CELLS_CODES || !cells_is_next(c, row) ||
        c->n == c->len_room)
        return false;
    c->len[c->n++] = code;
    c->types |= SEEN(T_STR);
    c->logical += array_bytes(f->a->values, at).n;
    cells_mark_next(c, row);
    return true;
}

/* Whether the next strings become codes. */
static bool cells_has_codes(const struct cells *c) {
    return c->form == CELLS_CODES || (c->n == 0 && !c->plain);
}

/* Codes of another dictionary: each string is looked up once. */
static bool feed_codes(struct cells *c, uint32_t row, const struct stretch *s, struct feed *f) {
    c->keep_codes = cells_has_codes(c);
    for (uint32_t i = 0; i < s->n; i++) {
        if (!s->all && !bits_get(s->valid, i)) {
            if (!cells_mark(c, row + i, 1, false, bits_get(s->present, i)))
                return false;
            continue;
        }
        uint64_t at = array_integer(s->a->codes_type, s->a->data, s->from + i);
        if (put_known(c, row + i, f, at))
            continue;
        if (!cells_put(c, row + i, array_bytes(s->a->values, at)))
            return false;
        if (c->form == CELLS_CODES)
            f->codes[at] = c->len[c->n - 1];
    }
    return true;
}

/* --- the whole --- */

/* The bytes of strings and nested values, at most. */
static uint64_t cells_most(const struct array *a, uint64_t from, uint64_t to) {
    return array_is_text(a) ? array_begin(a, to) - array_begin(a, from)
                            : array_cells_most(a, from, to);
}

/* Rows that may go into the open segment, so that no column gets much more than SEGMENT_BYTES. */
static uint32_t rows_that_fit(const struct batch *b, const struct feed *f, uint64_t from,
                              uint32_t n) {
    const struct array *a = f->a;
    const struct cells *c = &b->inlets[f->inlet].cells;
    uint64_t used = cells_bytes(c);
    uint64_t room = used < SEGMENT_BYTES ? SEGMENT_BYTES - used : 0;
    if (a->type == ARRAY_CODES && !cells_has_codes(c) && a->longest > 0 && n > room / a->longest)
        n = (uint32_t)(room / a->longest);
    if (array_is_text(a) || array_is_nested(a)) {
        uint32_t low = 0; /* the most rows that end within the room */
        while (low < n) {
            uint32_t middle = n - (n - low) / 2;
            if (cells_most(a, from, from + middle) <= room)
                low = middle;
            else
                n = middle - 1;
        }
    }
    return n > 0 ? n : 1;
}

/* Whether the column is kept as it came: where making its cells takes much longer than copying it.
 * While there is much room, since it may take more than they do. */
static bool stays_raw(const struct feeding *feeding, const struct inlet *in,
                      const struct stretch *s) {
    const struct table *t = feeding->batch->table;
    bool is_key = table_has_key(t) && str_eq(in->name, t->key);
    return (feeding->is_segment || feeding->is_rest) && !is_key &&
           (in->has_codes || array_is_nested(s->a)) && raw_can(s->a) &&
           !budget_is_scarce(feeding->batch->budget);
}

static bool keep_raw(struct feeding *feeding, const struct feed *f, const struct stretch *s) {
    struct batch *b = feeding->batch;
    struct sealed **column = feeding->is_segment ? &b->stages[b->n_stages - 1].columns[f->inlet]
                                                 : &b->inlets[f->inlet].kept;
    enum status status = raw_new(s, b->budget, column);
    return status == E_BAD_PAYLOAD ? unread(feeding) : status == E_OK;
}

/* Lists, maps and structs, of which something may be elsewhere. */
static bool feed_nested(struct feeding *feeding, struct feed *f, struct hand *hand) {
    struct batch *b = feeding->batch;
    struct inlet *in = &b->inlets[f->inlet];
    struct stretch *s = &hand->stretch;
    uint8_t *block = NULL;
    size_t bytes = 0;
    if (f->is_away) {
        enum status status = raw_fetch(s, b->budget, &hand->array, &block, &bytes);
        if (status != E_OK)
            return status == E_BAD_PAYLOAD ? unread(feeding) : false;
        s->a = &hand->array;
        s->from = 0;
    }
    bool done = nested_feed(&in->cells, b->rows, s, &in->lists, &f->text);
    budget_pages_free(b->budget, block, bytes);
    return done;
}

static bool feed_column(struct feeding *feeding, struct feed *f, struct hand *hand) {
    struct batch *b = feeding->batch;
    uint64_t from = feeding->from;
    struct inlet *in = &b->inlets[f->inlet];
    struct cells *c = &in->cells;
    struct stretch *s = &hand->stretch;
    stretch_look(s, f->a, from, feeding->n);
    if (f->a->type == ARRAY_VALUES && !f->a->offsets)
        return feed_values(c, b->rows, s, f);
    if (s->n_valid == 0)
        return stretch_mark(c, b->rows, s);
    if (stays_raw(feeding, in, s))
        return keep_raw(feeding, f, s);
    if (array_is_text(f->a) && f->a->peer && feeding->is_segment && texts_may_be_far(c, s))
        return texts_feed_far(c, s);
    if (array_is_text(f->a) && f->a->peer) {
        if (!hand_room(hand, b->budget))
            return false;
        if (!hand_fetch_strings(hand))
            return unread(feeding);
    }
    if (array_is_text(f->a))
        return feeding->is_segment && s->all ? texts_feed_segment(c, s) : texts_feed(c, b->rows, s);
    if (array_is_nested(f->a))
        return feed_nested(feeding, f, hand);
    if (feeding->is_segment && is_words(f->a))
        return feed_segment(feeding, c, s, hand->scratch);
    if (f->a->type <= ARRAY_F64)
        return feed_numbers(feeding, c, s, hand->scratch);
    if (f->a->peer && !hand_fetch_times(hand))
        return unread(feeding);
    if (f->a->type == ARRAY_CODES)
        return feed_codes(c, b->rows, s, f);
    return typed_feed(c, b->rows, s);
}

static bool seal_column(struct feeding *f, uint32_t inlet) {
    if (batch_seal_inlet(f->batch, inlet))
        return true;
    return f->batch->inlets[inlet].cells.is_unread ? unread(f) : false;
}

static void feed_task(void *data, uint32_t i, uint32_t hand) {
    struct feeding *f = data;
    uint32_t inlet = f->feeds[i].inlet;
    uint64_t before = f->is_segment ? clock_ns() : 0;
    if (!feed_column(f, &f->feeds[i], hands_at(&f->batch->hands, hand)) ||
        (f->is_last && !seal_column(f, inlet)))
        atomic_store_explicit(&f->failed, true, memory_order_relaxed);
    if (!f->is_segment)
        return;
    struct inlet *in = &f->batch->inlets[inlet];
    in->cost_ns = clock_ns() - before;
    const struct sealed *made = f->batch->stages[f->batch->n_stages - 1].columns[inlet];
    if (made && !made->raw)
        in->has_codes = made->chunk.kind == CHUNK_CODES;
}

/* What takes longest goes first, so that the hands end at about the same time (Graham, "Bounds on
 * multiprocessing timing anomalies", 1969). It is known from the segment before; else by bytes. */
static int by_cost(const void *a, const void *b) {
    const struct feed *x = a, *y = b;
    if (x->cost_ns != y->cost_ns)
        return x->cost_ns < y->cost_ns ? 1 : -1;
    return (x->bytes < y->bytes) - (x->bytes > y->bytes);
}

static void order_feeds(struct feeding *f) {
    for (uint32_t i = 0; i < f->n_feeds; i++)
        f->feeds[i].cost_ns = f->batch->inlets[f->feeds[i].inlet].cost_ns;
    qsort(f->feeds, f->n_feeds, sizeof *f->feeds, by_cost);
}

static bool feed_all(struct feeding *f, uint64_t n) {
    struct batch *b = f->batch;
    for (f->from = 0; f->from < n; f->from += f->n) {
        uint64_t left = n - f->from;
        f->n = SEGMENT_ROWS - b->rows;
        f->n = f->n > left ? (uint32_t)left : f->n;
        for (uint32_t i = 0; i < f->n_feeds; i++)
            f->n = rows_that_fit(b, &f->feeds[i], f->from, f->n);
        f->is_segment = b->rows == 0 && f->n == SEGMENT_ROWS;
        f->is_rest = b->rows == 0 && f->n < SEGMENT_ROWS && f->n == left && f->n >= REST_LEAST;
        f->is_last = b->rows + f->n == SEGMENT_ROWS;
        if (f->is_last && !batch_stage(b, SEGMENT_ROWS))
            return false;
        if (f->crew)
            order_feeds(f);
        crew_run(f->crew, feed_task, f, f->n_feeds);
        if (atomic_load_explicit(&f->failed, memory_order_relaxed))
            return false;
        for (uint32_t i = 0; i < f->n_feeds; i++)
            b->has_kept |= b->inlets[f->feeds[i].inlet].kept != NULL;
        for (uint32_t i = 0; i < f->n_feeds; i++)
            b->is_full |= cells_bytes(&b->inlets[f->feeds[i].inlet].cells) >= SEGMENT_BYTES;
        b->rows += f->n;
        b->total += f->n;
        if (f->is_last ? !batch_seal_rest(b) : b->is_full && !batch_seal(b))
            return false;
    }
    return true;
}

static bool open_codes(struct batch *b, struct feed *f) {
    size_t bytes = (size_t)f->a->n_values * sizeof *f->codes; /* of 2^32 values, at most */
    if (bytes == 0)
        return true;
    if (!(f->codes = budget_realloc(b->budget, NULL, 0, bytes)))
        return false;
    memset(f->codes, 0xFF, bytes);
    return true;
}

static uint64_t feed_bytes(const struct array *a, uint64_t rows) {
    if (array_is_nested(a))
        return array_cells_most(a, 0, rows);
    if (array_is_text(a))
        return array_begin(a, rows) - array_begin(a, 0);
    if (a->type == ARRAY_VALUES)
        return (uint64_t)(a->data_end - a->data);
    return (uint64_t)stretch_item_bytes(a->type) * rows;
}

static bool is_away(const struct array *a) {
    bool away = a->peer != NULL;
    for (uint32_t i = 0; !away && i < a->n_children; i++)
        away = is_away(&a->children[i]);
    return away;
}

static enum status open_feeds(struct batch *b, struct feed *feeds, const struct str *names,
                              const struct array *arrays, uint32_t n, uint64_t rows,
                              struct error *e) {
    for (uint32_t i = 0; i < n; i++) {
        const struct array *a = &arrays[i];
        struct error inlet;
        error_clear(&inlet);
        feeds[i] = (struct feed){.a = a, .next = a->data, .is_away = is_away(a)};
        buf_init(&feeds[i].text, b->budget);
        feeds[i].bytes = feed_bytes(a, rows);
        feeds[i].inlet = batch_inlet(b, names[i], &inlet);
        if (feeds[i].inlet == NO_TABLE_COLUMN) {
            if (e && e->status == E_OK)
                *e = inlet;
            return inlet.status;
        }
        if (a->type == ARRAY_CODES && !open_codes(b, &feeds[i]))
            return E_MEMORY;
    }
    return E_OK;
}

static void close_feeds(struct batch *b, struct feed *feeds, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        buf_done(&feeds[i].text);
        if (feeds[i].codes)
            budget_free(b->budget, feeds[i].codes, (size_t)feeds[i].a->n_values * sizeof(uint32_t));
    }
}

static enum status failure(const struct feeding *f, struct error *e) {
    if (!atomic_load_explicit(&f->is_unread, memory_order_relaxed))
        return E_MEMORY;
    return error_set(e, E_BAD_PAYLOAD, "bytes in the client's memory cannot be read");
}

enum status batch_add_arrays(struct batch *b, uint64_t n, const struct str *names,
                             const struct array *arrays, uint32_t n_arrays, struct error *e) {
    size_t feeds_bytes = (size_t)n_arrays * sizeof(struct feed) + 1;
    struct feeding f = {.batch = b, .n_feeds = n_arrays, .crew = batch_crew(b, n, n_arrays)};
    enum status status = E_MEMORY;
    f.feeds = budget_realloc(b->budget, NULL, 0, feeds_bytes);
    if (f.feeds)
        memset(f.feeds, 0, feeds_bytes);
    uint32_t most = n < SEGMENT_ROWS ? (uint32_t)n : SEGMENT_ROWS;
    if (f.feeds && batch_take_kept(b) &&
        hands_make(&b->hands, b->budget, crew_size(f.crew), most)) {
        status = open_feeds(b, f.feeds, names, arrays, n_arrays, n, e);
        if (status == E_OK && !feed_all(&f, n))
            status = failure(&f, e);
        close_feeds(b, f.feeds, n_arrays);
    }
    budget_free(b->budget, f.feeds, feeds_bytes);
    return status == E_MEMORY ? table_no_memory(b->budget, e) : status;
}
