/* See raw.h. What is kept is the array itself, its buffers cut to the rows and put one behind the
 * other in one block, with the arrays of what is nested in it. */
#include "table/raw.h"

#include "table/spread.h"
#include "table/store.h"
#include "value/mp.h"

#include <string.h>

#define PIECE_ALIGN 16u

struct raw {
    struct array array;            /* from row 0 on; in the block */
    struct shared_dict *shared;    /* NULL: not in a table yet */
    _Atomic(struct sealed *) made; /* NULL: not yet */
    size_t block_bytes;
    _Atomic(uint8_t *) block; /* NULL: the chunk has been made */
    _Atomic uint32_t users;   /* threads that look at it */
    bool is_claimed;          /* one makes it. Under the lock of `shared` */
};

/* --- copying --- */

static bool is_words(const struct array *a) {
    return a->type <= ARRAY_F64 || a->type == ARRAY_TIME || a->type == ARRAY_BYTES_BOOL;
}

static bool is_bytes(const struct array *a) { return a->type == ARRAY_STR || a->type == ARRAY_BIN; }

static bool can_copy(const struct array *a) {
    bool can = is_words(a) || is_bytes(a) || a->type == ARRAY_BITS_BOOL || array_is_nested(a);
    for (uint32_t i = 0; can && i < a->n_children; i++)
        can = can_copy(&a->children[i]);
    return can;
}

bool raw_can(const struct array *a) { return (is_bytes(a) || array_is_nested(a)) && can_copy(a); }

/* Of a buffer of so many bytes in the block. */
static uint64_t piece(uint64_t bytes) {
    return (bytes + PIECE_ALIGN - 1) & ~(uint64_t)(PIECE_ALIGN - 1);
}

/* Bytes of a bitmap that have the bits of cells [from, from + n). */
static uint64_t bits_span(const struct array *a, uint64_t from, uint64_t n) {
    return ((a->bit_offset + from) % 8 + n + 7) / 8;
}

/* A copy under way. Its block is filled from `at` on; NULL: the bytes are counted first. */
struct copying {
    uint8_t *at;
    uint64_t bytes;
    bool borrows; /* what is here already is not copied */
    bool unread;
};

static void *take(struct copying *c, uint64_t bytes) {
    void *p = c->at ? c->at + c->bytes : NULL;
    c->bytes += piece(bytes);
    return p;
}

static const uint8_t *copy_here(struct copying *c, const uint8_t *from, uint64_t bytes) {
    if (c->borrows)
        return from;
    uint8_t *to = take(c, bytes);
    if (to && bytes > 0)
        memcpy(to, from, bytes);
    return to;
}

/* Bytes of the array's data, which may be elsewhere. */
static const uint8_t *copy_data(struct copying *c, const struct array *a, uint64_t from,
                                uint64_t bytes) {
    if (!a->peer)
        return copy_here(c, a->data + from, bytes);
    uint8_t *to = take(c, bytes);
    c->unread |= to && bytes > 0 && !peer_read(a->peer, a->address + from, to, bytes);
    return to;
}

static const char *copy_key(struct copying *c, struct str key) {
    if (!key.p || c->borrows)
        return key.p;
    uint8_t *to = take(c, key.n + ARRAY_KEY_BYTES);
    if (to) {
        memset(to + key.n, 0, ARRAY_KEY_BYTES);
        memcpy(to, key.p, key.n);
    }
    return (const char *)to;
}

/* Cells [from, from + n) of an array as one of their own. */
static void copy(struct copying *c, const struct array *a, uint64_t from, uint64_t n,
                 struct array *ret) {
    uint64_t bit = a->bit_offset + from, bits = bits_span(a, from, n);
    struct array *children = take(c, a->n_children * sizeof *a);
    *ret = *a;
    ret->n = (uint32_t)n;
    ret->peer = NULL;
    ret->children = children;
    ret->bit_offset = bit % 8;
    ret->valid = a->valid ? copy_here(c, a->valid + bit / 8, bits) : NULL;
    ret->present = a->present ? copy_here(c, a->present + bit / 8, bits) : NULL;
    ret->key.p = copy_key(c, a->key);
    if (is_words(a) || a->type == ARRAY_CODES) { /* those borrow the values of their codes */
        uint64_t each = a->type == ARRAY_CODES ? array_number_bytes(a->codes_type)
                                               : stretch_item_bytes(a->type);
        ret->data = copy_data(c, a, from * each, n * each);
    } else if (a->type == ARRAY_BITS_BOOL) {
        ret->data = copy_here(c, a->data + bit / 8, bits);
    } else if (a->type != ARRAY_STRUCT) {
        uint64_t begin = array_begin(a, from), end = array_begin(a, from + n);
        ret->offsets = copy_here(c, a->offsets + from * a->offset_bytes, (n + 1) * a->offset_bytes);
        ret->base = a->base + begin;
        from = begin;
        n = end - begin;
    }
    if (!is_words(a) && a->type <= ARRAY_VALUES && a->offsets) {
        ret->data = copy_data(c, a, from, n);
        ret->data_end = c->borrows && !a->peer ? a->data_end : ret->data + n;
    }
    for (uint32_t i = 0; i < a->n_children; i++) {
        struct array counted;
        copy(c, &a->children[i], from, n, children ? &children[i] : &counted);
    }
}

static enum status copy_rows(const struct stretch *s, bool borrows, struct budget *budget,
                             struct array *ret, uint8_t **ret_block, size_t *ret_bytes) {
    struct copying c = {.borrows = borrows};
    copy(&c, s->a, s->from, s->n, ret);
    size_t bytes = (size_t)c.bytes; /* of what is in memory, or may be in a frame */
    uint8_t *block = budget_pages(budget, bytes + 1);
    if (!block)
        return E_MEMORY;
    c = (struct copying){.at = block, .borrows = borrows};
    copy(&c, s->a, s->from, s->n, ret);
    if (c.unread) {
        budget_pages_free(budget, block, bytes + 1);
        return E_BAD_PAYLOAD;
    }
    *ret_block = block;
    *ret_bytes = bytes + 1;
    return E_OK;
}

enum status raw_fetch(const struct stretch *s, struct budget *budget, struct array *ret,
                      uint8_t **ret_block, size_t *ret_bytes) {
    return copy_rows(s, true, budget, ret, ret_block, ret_bytes);
}

/* --- the column --- */

static uint32_t seen_of(const struct stretch *s) {
    enum array_type type = s->a->type;
    uint32_t seen = type == ARRAY_STR    ? SEEN(T_STR)
                    : type == ARRAY_BIN  ? SEEN(T_BIN)
                    : type == ARRAY_LIST ? SEEN(T_ARRAY)
                                         : SEEN(T_MAP);
    if (s->all)
        return seen;
    uint32_t present = bits_count(s->present, s->n);
    seen |= present > s->n_valid ? SEEN(T_NULL) : 0;
    return seen | (present < s->n ? SEEN(T_MISSING) : 0);
}

#define SHELL_BYTES (sizeof(struct sealed) + sizeof(struct raw))

enum status raw_new(const struct stretch *s, struct budget *budget, struct sealed **ret) {
    struct sealed *shell = budget_pages(budget, SHELL_BYTES);
    if (!shell)
        return E_MEMORY;
    struct raw *r = (struct raw *)(void *)(shell + 1);
    *r = (struct raw){.shared = NULL};
    atomic_init(&r->made, NULL);
    atomic_init(&r->users, 0);
    uint8_t *block = NULL;
    enum status status = copy_rows(s, false, budget, &r->array, &block, &r->block_bytes);
    atomic_init(&r->block, block);
    if (status != E_OK) {
        budget_pages_free(budget, shell, SHELL_BYTES);
        return status;
    }
    *shell = (struct sealed){.budget = budget, .text = r->block_bytes, .raw = r};
    shell->chunk = (struct chunk){.n = s->n, .seen = seen_of(s), .bytes = SHELL_BYTES};
    *ret = shell;
    return E_OK;
}

/* What chunks of a column are made with, one segment after the other, as a batch does it. Each
 * thread has one for its time; idle ones wait with the dictionary. */
struct maker {
    struct maker *next;
    struct cells cells; /* with a dictionary of their own, which grows from segment to segment */
    struct lists lists; /* of that dictionary */
    struct buf text;
    struct code_map map; /* from that to the column's */
};

static struct maker *maker_new(struct budget *budget) {
    struct maker *m = budget_realloc(budget, NULL, 0, sizeof *m);
    if (!m)
        return NULL;
    *m = (struct maker){.next = NULL};
    cells_init(&m->cells, budget);
    lists_init(&m->lists, budget);
    buf_init(&m->text, budget);
    return m;
}

void makers_free(struct maker *m, struct budget *budget) {
    while (m) {
        struct maker *next = m->next;
        lists_done(&m->lists);
        cells_done(&m->cells);
        buf_done(&m->text);
        code_map_done(&m->map, budget);
        budget_free(budget, m, sizeof *m);
        m = next;
    }
}

/* Idle makers that nobody needs any more. Under the lock; to be freed without it. */
static struct maker *take_unneeded(struct shared_dict *shared) {
    struct maker *idle = shared->n_raw == 0 ? shared->makers : NULL;
    if (idle)
        shared->makers = NULL;
    return idle;
}

void raw_bind(struct sealed *s, struct shared_dict *shared) {
    s->raw->shared = shared;
    shared_dict_lock(shared);
    shared->n_raw++;
    shared_dict_unlock(shared);
}

void raw_done(struct sealed *s) {
    struct raw *r = s->raw;
    struct sealed *made = atomic_load_explicit(&r->made, memory_order_relaxed);
    uint8_t *block = atomic_load_explicit(&r->block, memory_order_relaxed);
    struct maker *idle = NULL;
    if (r->shared && !made) {
        shared_dict_lock(r->shared);
        r->shared->n_raw--;
        idle = take_unneeded(r->shared);
        shared_dict_unlock(r->shared);
    }
    makers_free(idle, s->budget);
    if (block)
        budget_pages_free(s->budget, block, r->block_bytes);
    sealed_free(made);
}

/* The block goes with the last one who looks at it: who publishes the chunk and then finds users,
 * leaves it to them, and who comes then finds the chunk. */
static void let_go(struct raw *r, struct budget *budget) {
    if (!atomic_load(&r->made) || atomic_load(&r->users) > 0)
        return;
    uint8_t *block = atomic_exchange(&r->block, NULL);
    if (block)
        budget_pages_free(budget, block, r->block_bytes);
}

const struct array *raw_hold(const struct sealed *s) {
    struct raw *r = s->raw;
    atomic_fetch_add(&r->users, 1);
    if (!atomic_load(&r->made))
        return &r->array;
    raw_release(s);
    return NULL;
}

void raw_release(const struct sealed *s) {
    struct raw *r = s->raw;
    atomic_fetch_sub(&r->users, 1);
    let_go(r, s->budget);
}

/* --- making --- */

static bool feed(struct cells *c, const struct stretch *s, struct lists *lists, struct buf *text) {
    if (s->n_valid == 0)
        return stretch_mark(c, 0, s);
    if (array_is_nested(s->a))
        return nested_feed(c, 0, s, lists, text);
    if (array_is_text(s->a))
        return s->all ? texts_feed_segment(c, s) : texts_feed(c, 0, s);
    if (s->a->type > ARRAY_F64)
        return typed_feed(c, 0, s);
    size_t bytes = (size_t)s->n * sizeof(union word);
    union word *scratch = budget_realloc(c->budget, NULL, 0, bytes);
    bool is_unread = false, done = scratch && numbers_feed(c, 0, s, scratch, &is_unread);
    budget_free(c->budget, scratch, scratch ? bytes : 0);
    return done;
}

bool raw_feed(const struct sealed *s, struct cells *c, struct lists *lists) {
    struct stretch stretch;
    struct buf text;
    buf_init(&text, s->budget);
    stretch_look(&stretch, &s->raw->array, 0, s->chunk.n);
    bool done = feed(c, &stretch, lists, &text);
    buf_done(&text);
    return done;
}

static struct sealed *make(struct maker *m, const struct stretch *s) {
    struct sealed *made =
        feed(&m->cells, s, &m->lists, &m->text) ? cells_seal(&m->cells, s->n) : NULL;
    cells_clear(&m->cells);
    return made;
}

struct sealed *raw_make_apart(const struct stretch *s, struct shared_dict *shared,
                              struct budget *budget) {
    struct maker *m = maker_new(budget);
    struct sealed *made = m ? make(m, s) : NULL;
    if (made && !sealed_share(&made, shared, &m->map, m->cells.dropped)) {
        sealed_free(made);
        made = NULL;
    }
    makers_free(m, budget);
    return made;
}

const struct sealed *raw_made(const struct sealed *s) { return atomic_load(&s->raw->made); }

/* A maker for the column, which waits first, if `waits`, for one who makes it already: *ret_made is
 * what that has made. NULL: that, or no memory. */
static struct maker *begin(const struct sealed *s, bool waits, const struct sealed **ret_made) {
    struct raw *r = s->raw;
    struct shared_dict *shared = r->shared;
    shared_dict_lock(shared);
    while (waits && r->is_claimed && !raw_made(s))
        pthread_cond_wait(&shared->made, &shared->lock);
    *ret_made = raw_made(s);
    struct maker *m = *ret_made ? NULL : shared->makers;
    if (m)
        shared->makers = m->next;
    r->is_claimed |= waits && !*ret_made;
    shared_dict_unlock(shared);
    if (m)
        m->next = NULL;
    return m || *ret_made ? m : maker_new(s->budget);
}

/* Gives back what begin gave, and tells those who wait. is_counted: the column is no longer raw. */
static void end(const struct sealed *s, bool waits, struct maker *m, bool is_counted) {
    struct shared_dict *shared = s->raw->shared;
    shared_dict_lock(shared);
    shared->n_raw -= is_counted;
    if (waits)
        s->raw->is_claimed = false;
    if (m) {
        m->next = shared->makers;
        shared->makers = m;
    }
    struct maker *idle = take_unneeded(shared);
    pthread_cond_broadcast(&shared->made);
    shared_dict_unlock(shared);
    makers_free(idle, s->budget);
}

/* The chunk with the column's codes; NULL: no memory. */
static struct sealed *make_column(const struct sealed *shell, const struct array *a,
                                  struct maker *m) {
    struct stretch s;
    stretch_look(&s, a, 0, shell->chunk.n);
    struct sealed *made = make(m, &s);
    if (made && !sealed_share(&made, shell->raw->shared, &m->map, SHARE_COPIES)) {
        sealed_free(made);
        made = NULL;
    }
    return made;
}

const struct sealed *raw_make(const struct sealed *s, bool waits) {
    const struct sealed *made = raw_made(s);
    struct sealed *none = NULL, *mine = NULL;
    bool is_first = false;
    if (made)
        return made;
    struct maker *m = begin(s, waits, &made);
    if (made)
        return made;
    const struct array *a = m ? raw_hold(s) : NULL;
    if (a) {
        mine = make_column(s, a, m);
        is_first = mine && atomic_compare_exchange_strong(&s->raw->made, &none, mine);
        if (!is_first)
            sealed_free(mine); /* another thread was quicker */
        raw_release(s);
    }
    end(s, waits, m, is_first);
    return raw_made(s);
}

size_t raw_bytes(const struct sealed *s) {
    const struct sealed *made = raw_made(s);
    return SHELL_BYTES + (made ? made->chunk.bytes : s->raw->block_bytes);
}

/* --- paths --- */

/* The field of a struct with this name; NULL: there is none, or (*ret_many) more than one. */
static const struct array *field_of(const struct array *a, struct str name, bool *ret_many) {
    const struct array *found = NULL;
    for (uint32_t i = 0; i < a->n_children; i++) {
        struct mp_reader r;
        mp_reader_init(&r, (const uint8_t *)a->children[i].key.p, a->children[i].key.n, 1);
        if (!str_eq(value_as_str(mp_read_value(&r)), name))
            continue;
        *ret_many |= found != NULL;
        found = &a->children[i];
    }
    return found;
}

/* Rows whose bit is clear in a bitmap of bytes, if there is one, are out. */
static void narrow(uint64_t *bits, const uint8_t *map, uint64_t bit_offset, uint32_t n) {
    uint64_t more[CHUNK_WORDS];
    if (!map)
        return;
    stretch_bits(map, bit_offset, n, more);
    for (uint32_t w = 0; w < (n + 63) / 64; w++)
        bits[w] &= more[w];
}

enum raw_path raw_path(const struct array *a, uint32_t n, struct path path, struct stretch *ret,
                       struct array *room) {
    *ret = (struct stretch){.n = n};
    bits_set(ret->present, 0, n);
    for (uint32_t i = 0; i < path.n; i++) {
        bool many = false;
        if (a->type == (path.steps[i].key.p ? ARRAY_MAP : ARRAY_LIST))
            return RAW_PATH_OTHER;
        if (a->type != ARRAY_STRUCT || !path.steps[i].key.p)
            return RAW_PATH_NONE;
        narrow(ret->present, a->valid, a->bit_offset, n);
        narrow(ret->present, a->present, a->bit_offset, n);
        a = field_of(a, path.steps[i].key, &many);
        if (many)
            return RAW_PATH_OTHER;
        if (!a)
            return RAW_PATH_NONE;
    }
    narrow(ret->present, a->present, a->bit_offset, n);
    memcpy(ret->valid, ret->present, sizeof ret->valid);
    narrow(ret->valid, a->valid, a->bit_offset, n);
    ret->a = a;
    ret->n_valid = bits_count(ret->valid, n);
    ret->all = ret->n_valid == n;
    if (ret->all || !array_is_nested(a))
        return RAW_PATH_FOUND;
    if (htole64(1) != 1)
        return RAW_PATH_OTHER;
    *room = *a; /* of nested cells the array itself says which have a value */
    room->valid = (const uint8_t *)ret->valid;
    room->present = (const uint8_t *)ret->present;
    room->bit_offset = 0;
    ret->a = room;
    return RAW_PATH_FOUND;
}
