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
    /* under the lock of `shared`: */
    uint8_t *block; /* NULL: the chunk has been made */
    uint32_t users; /* threads that look at it */
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
    enum status status = copy_rows(s, false, budget, &r->array, &r->block, &r->block_bytes);
    if (status != E_OK) {
        budget_pages_free(budget, shell, SHELL_BYTES);
        return status;
    }
    *shell = (struct sealed){.budget = budget, .text = r->block_bytes, .raw = r};
    shell->chunk = (struct chunk){.n = s->n, .seen = seen_of(s), .bytes = SHELL_BYTES};
    *ret = shell;
    return E_OK;
}

/* What chunks of a column are made with, one segment after the other: as a batch does it, but with
 * the dictionary that the table has. */
struct maker {
    struct cells cells;
    struct lists lists; /* of the cells' dictionary */
    struct buf text;
};

static struct maker *maker_new(struct budget *budget) {
    struct maker *m = budget_realloc(budget, NULL, 0, sizeof *m);
    if (!m)
        return NULL;
    cells_init(&m->cells, budget);
    lists_init(&m->lists, budget);
    buf_init(&m->text, budget);
    return m;
}

void maker_free(struct maker *m, struct budget *budget) {
    if (!m)
        return;
    lists_done(&m->lists);
    cells_done(&m->cells);
    buf_done(&m->text);
    budget_free(budget, m, sizeof *m);
}

/* The column is no longer as it came. Under the lock; gives what is to be freed without it. */
static struct maker *count_down(struct shared_dict *shared) {
    struct maker *idle = NULL;
    if (--shared->n_raw == 0) {
        idle = shared->maker;
        shared->maker = NULL;
    }
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
    struct maker *idle = NULL;
    if (r->shared && !made) {
        shared_dict_lock(r->shared);
        idle = count_down(r->shared);
        shared_dict_unlock(r->shared);
    }
    maker_free(idle, s->budget);
    if (r->block)
        budget_pages_free(s->budget, r->block, r->block_bytes);
    sealed_free(made);
}

/* The block goes with the last one who looks at it. Under the lock. */
static void let_go(struct raw *r, struct budget *budget) {
    if (r->users > 0 || !atomic_load_explicit(&r->made, memory_order_relaxed))
        return;
    budget_pages_free(budget, r->block, r->block_bytes);
    r->block = NULL;
}

const struct array *raw_hold(const struct sealed *s) {
    struct raw *r = s->raw;
    shared_dict_lock(r->shared);
    bool is_there = !atomic_load_explicit(&r->made, memory_order_relaxed);
    r->users += is_there;
    shared_dict_unlock(r->shared);
    return is_there ? &r->array : NULL;
}

void raw_release(const struct sealed *s) {
    struct raw *r = s->raw;
    shared_dict_lock(r->shared);
    r->users--;
    let_go(r, s->budget);
    shared_dict_unlock(r->shared);
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

/* The dictionary of the cells is the table's, whoever of both has had one first. */
static void use_dict(struct maker *m, struct shared_dict *shared) {
    if (m->cells.dict == shared->dict)
        return;
    if (!shared->dict) {
        shared->dict = dict_ref(m->cells.dict);
        return;
    }
    lists_done(&m->lists);
    dict_unref(m->cells.dict);
    m->cells.dict = dict_ref(shared->dict);
}

/* Under the lock. */
static struct sealed *make_column(const struct sealed *shell) {
    struct shared_dict *shared = shell->raw->shared;
    struct stretch s;
    if (!shared->maker && !(shared->maker = maker_new(shell->budget)))
        return NULL;
    use_dict(shared->maker, shared);
    stretch_look(&s, &shell->raw->array, 0, shell->chunk.n);
    struct sealed *made = make(shared->maker, &s);
    if (made && made->dict) {
        use_dict(shared->maker, shared);
        shared->is_used = true;
    }
    return made;
}

struct sealed *raw_make_apart(const struct stretch *s, struct shared_dict *shared,
                              struct budget *budget) {
    struct maker *m = maker_new(budget);
    struct code_map map = {0};
    struct sealed *made = m ? make(m, s) : NULL;
    if (made && !sealed_share(&made, shared, &map, m->cells.dropped)) {
        sealed_free(made);
        made = NULL;
    }
    code_map_done(&map, budget);
    maker_free(m, budget);
    return made;
}

const struct sealed *raw_made(const struct sealed *s) {
    return atomic_load_explicit(&s->raw->made, memory_order_acquire);
}

/* Under the lock; gives what is to be freed without it. */
static struct maker *publish(const struct sealed *shell, struct sealed *made) {
    atomic_store_explicit(&shell->raw->made, made, memory_order_release);
    let_go(shell->raw, shell->budget);
    return count_down(shell->raw->shared);
}

const struct sealed *raw_make(const struct sealed *s) {
    struct raw *r = s->raw;
    struct sealed *made = atomic_load_explicit(&r->made, memory_order_acquire);
    struct maker *idle = NULL;
    if (made)
        return made;
    shared_dict_lock(r->shared);
    made = atomic_load_explicit(&r->made, memory_order_relaxed);
    if (!made && (made = make_column(s)))
        idle = publish(s, made);
    shared_dict_unlock(r->shared);
    maker_free(idle, s->budget);
    return made;
}

bool raw_make_aside(const struct sealed *s) {
    struct raw *r = s->raw;
    const struct array *a = raw_hold(s);
    struct maker *idle = NULL;
    struct stretch stretch;
    if (!a)
        return true;
    stretch_look(&stretch, a, 0, s->chunk.n);
    struct sealed *made = raw_make_apart(&stretch, r->shared, s->budget);
    bool done = made != NULL;
    shared_dict_lock(r->shared);
    if (made && !raw_made(s)) {
        idle = publish(s, made);
        made = NULL;
    }
    r->users--;
    let_go(r, s->budget);
    shared_dict_unlock(r->shared);
    maker_free(idle, s->budget);
    sealed_free(made); /* another thread was quicker */
    return done;
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
