/* See sample.h. Rows of text become maps of msgpack, a few of them, once a command. */
#include "shell/sample.h"

#include "shell/header.h"
#include "value/mp.h"

#define ROWS_MOST      4u
#define ROW_BYTES_MOST 65536u /* longer ones tell no names */

struct maps {
    struct buf bytes;
    size_t at[ROWS_MOST + 1];
    uint32_t n;
};

static void add_map(struct maps *m, struct value map) {
    mp_write_value(&m->bytes, map);
    m->at[++m->n] = m->bytes.len;
}

/* The names of the columns, each with null. */
static void add_columns(struct maps *m, const struct sample *s) {
    struct arena a;
    const struct str *names = s->options->csv.names;
    uint32_t n = s->options->csv.n_names;
    arena_init(&a, NULL);
    if (n > 0 || (s->header.n > 0 && header_split(&a, s->header, s->delimiter, &names, &n))) {
        mp_write_map(&m->bytes, n);
        for (uint32_t i = 0; i < n; i++) {
            mp_write_str(&m->bytes, names[i].p, names[i].n);
            mp_write_nil(&m->bytes);
        }
        m->at[++m->n] = m->bytes.len;
    }
    arena_done(&a);
}

/* A row of JSON lines, or an element of an array, by a reader that wants it whole. */
static void add_json(struct maps *m, struct reader *r, struct block *block, const struct span *s) {
    struct buf line = {0};
    uint32_t n = 0;
    buf_add(&line, s->p, s->n);
    if (!buf_failed(&line)) {
        for (size_t i = 0; i < line.len; i++)
            if (line.data[i] == '\n')
                line.data[i] = ' '; /* an element may have several lines */
        block_clear(block, 1);
        reader_fill(r, line.data, line.data + line.len, true, block, &n);
        if (n == 1)
            add_map(m, column_get(&block->columns[0], 0));
    }
    buf_done(&line);
}

static void add_lines(struct maps *m, const struct sample *s, const struct block *b, uint32_t n) {
    static const struct path ROW = {.n = 0};
    struct reader_options options = {.format = FORMAT_JSONL,
                                     .row_depth = (uint32_t)s->options->limits.row_depth,
                                     .row_fields = (uint32_t)s->options->limits.row_fields};
    for (uint32_t i = 0; i < n && i < ROWS_MOST; i++) {
        struct arena a;
        struct fields fields;
        struct reader r = {0};
        struct block block = {0};
        arena_init(&a, NULL);
        if (b->spans[i].n <= ROW_BYTES_MOST && fields_build(&fields, &a, &ROW, 1) &&
            block_init(&block, 1, false, NULL) && reader_init(&r, &a, &fields, &options))
            add_json(m, &r, &block, &b->spans[i]);
        reader_done(&r);
        block_done(&block);
        arena_done(&a);
    }
}

static bool some_absent(const struct plan *p, const struct block *b) {
    for (uint32_t i = 0; i < plan_fields(p)->n_slots; i++)
        if ((b->columns[i].seen & ~SEEN(T_MISSING)) == 0)
            return true;
    return false;
}

/* The block with other rows, whose columns are the same. */
static void look_at_maps(struct absent *a, struct maps *m, const struct plan *p,
                         const struct block *b) {
    struct span spans[ROWS_MOST];
    struct block sample = *b;
    uint32_t n = buf_failed(&m->bytes) ? 0 : m->n;
    for (uint32_t i = 0; i < n; i++)
        spans[i] = (struct span){m->bytes.data + m->at[i], (uint32_t)(m->at[i + 1] - m->at[i])};
    sample.spans = spans;
    absent_look(a, p, &sample, n, n > 0);
    buf_done(&m->bytes);
}

void sample_look(struct absent *a, const struct sample *s, const struct plan *p,
                 const struct block *b, uint32_t n) {
    struct maps m = {0};
    if (a->sampled && a->n == 0)
        return;
    if (a->sampled || s->format == INPUT_MSGPACK || !some_absent(p, b)) {
        absent_look(a, p, b, n, s->format == INPUT_MSGPACK);
        return;
    }
    if (s->format == INPUT_JSONL)
        add_lines(&m, s, b, n);
    else
        add_columns(&m, s);
    look_at_maps(a, &m, p, b);
}

void sample_join(struct absent *a, const struct absent *b) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < a->n; i++)
        for (uint32_t k = 0; k < b->n; k++)
            if (a->fields[i].slot == b->fields[k].slot) {
                a->fields[kept++] = a->fields[i];
                break;
            }
    a->n = kept;
}
