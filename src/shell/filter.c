/* See filter.h. */
#include "shell/filter.h"

#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

bool filter_init(struct filter *f, const struct job *job) {
    *f = (struct filter){.job = job, .left = job->options->limit};
    error_clear(&f->error);
    arena_init(&f->arena, NULL);
    if (job->plan)
        f->run = run_new(job->plan, &job->run, NULL);
    return f->run || !job->plan;
}

void filter_done(struct filter *f) {
    if (f->reading)
        reader_done(&f->reader);
    run_free(f->run);
    arena_done(&f->arena);
    buf_done(&f->header);
    buf_done(&f->out);
}

bool filter_begin(struct filter *f, enum input_format format) {
    const struct shell_options *o = f->job->options;
    struct reader_options options = options_reader(o, format);
    options.validate = o->validate;
    options.row_bytes = o->row_bytes;
    f->format = format;
    arena_reset(&f->arena);
    f->csv = options.format == FORMAT_CSV;
    f->has_header = f->ends_lines = false;
    f->header.len = 0;
    f->fed = f->row_base = f->byte_base = 0;
    f->lines = options.format != FORMAT_MSGPACK;
    f->reading = reader_init(&f->reader, &f->arena, plan_fields(f->job->plan), &options);
    return f->reading;
}

void filter_end(struct filter *f) {
    f->counts.skipped += f->reader.skipped;
    f->counts.unfit += f->reader.unfit;
    f->counts.type_mismatch = run_mismatches(f->run);
    f->counts.undefined = run_undefined(f->run);
    if (f->reading)
        reader_done(&f->reader);
    f->reading = false;
}

/* --- output --- */

/* A row that does not end in a line feed: the last line of an input, or an element of a JSON array,
 * whose own line feeds can only be blanks between its parts. */
static void add_unended(struct filter *f, const struct span *s) {
    size_t at = f->out.len;
    buf_add(&f->out, s->p, s->n);
    if (!f->csv && !buf_failed(&f->out))
        for (uint8_t *p = f->out.data + at; p < f->out.data + f->out.len; p++)
            if (*p == '\n' || *p == '\r')
                *p = ' ';
    buf_byte(&f->out, '\n');
}

/* Rows one behind the other in the input are copied as one piece. */
static void add_rows(struct filter *f, const uint16_t *rows, uint32_t n) {
    const struct span *spans = run_block(f->run)->spans;
    const uint8_t *p = NULL, *end = NULL;
    bool lines = f->lines;
    for (uint32_t i = 0; i < n; i++) {
        const struct span *s = &spans[rows[i]];
        bool ended = !lines || (s->n > 0 && s->p[s->n - 1] == '\n');
        if (ended && s->p == end) {
            end += s->n;
            continue;
        }
        buf_add(&f->out, p, (size_t)(end - p));
        p = end = NULL;
        if (ended) {
            p = s->p;
            end = p + s->n;
        } else {
            add_unended(f, s);
        }
    }
    buf_add(&f->out, p, (size_t)(end - p));
}

/* --- rows --- */

/* The n rows of the block that are not among the kept ones. */
static uint32_t invert(struct filter *f, const uint16_t *rows, uint32_t kept, uint32_t n) {
    uint32_t k = 0, found = 0;
    for (uint32_t i = 0; i < n; i++)
        if (k < kept && rows[k] == i)
            k++;
        else
            f->others[found++] = (uint16_t)i;
    return found;
}

/* strict: the first mismatch of the block, if it is in one of the n rows that count, is the run's
 * fault. Gives how many rows are before it, n if there is none. */
static uint32_t strict_rows(struct filter *f, uint64_t base, uint32_t n) {
    struct error found;
    error_clear(&found);
    uint32_t row = run_blame(f->run, base, &found);
    if (row >= n)
        return n;
    f->error = found;
    return row;
}

static uint32_t count_before(const uint16_t *rows, uint32_t kept, uint32_t n) {
    while (kept > 0 && rows[kept - 1] >= n)
        kept--;
    return kept;
}

/* Whether a field of the query is in no row, but one with a similar name. */
static void look_for_names(struct filter *f, uint32_t n) {
    enum reader_format format = f->csv                       ? FORMAT_CSV
                                : f->format == INPUT_MSGPACK ? FORMAT_MSGPACK
                                                             : FORMAT_JSONL;
    struct absent_names names = {true, format, &f->reader};
    absent_look(&f->absent, f->job->plan, run_block(f->run), n, &names);
}

/* The block's n rows, the first of which is row `base` of the input. */
static enum filter_step filter_block(struct filter *f, uint64_t base, uint32_t n) {
    const struct shell_options *o = f->job->options;
    const uint16_t *rows;
    uint64_t mismatches = run_mismatches(f->run);
    bool enough = false;
    run_seal(f->run, n);
    look_for_names(f, n);
    uint32_t kept = run_block_filter(f->run, &rows);
    if (kept == RUN_FAILED) {
        run_failure(f->run, &f->error);
        return FILTER_FAILED;
    }
    all_text_look(&f->all_text, f->job->plan, run_block(f->run));
    if (o->invert) {
        kept = invert(f, rows, kept, n);
        rows = f->others;
    }
    if (kept >= f->left) {
        kept = (uint32_t)f->left;
        enough = true;
        n = kept > 0 ? rows[kept - 1] + 1u : 0;
    }
    if (o->strict && run_mismatches(f->run) > mismatches) {
        n = strict_rows(f, base, n);
        rows = o->invert ? rows : run_block_rows(f->run); /* looking for it has moved them */
        kept = count_before(rows, kept, n);
    }
    f->counts.rows += n;
    f->counts.matched += kept;
    if (f->left != UINT64_MAX)
        f->left -= kept;
    if (!o->count && !o->quiet)
        add_rows(f, rows, kept);
    if (f->error.status != E_OK)
        return FILTER_FAILED;
    return enough ? FILTER_ENOUGH : FILTER_ROWS;
}

static bool is_line_end(uint8_t c) { return c == '\n' || c == '\r'; }

/* The header is what the reader has passed before the first row: [p, end). It passes a mark of
 * UTF-8 and blank lines as they come, and the header as a whole. */
void filter_take_header(struct filter *f, const uint8_t *p, const uint8_t *end) {
    struct buf *h = &f->header;
    if (!f->csv || f->job->options->no_header || f->has_header || p == end)
        return;
    buf_add(h, p, (size_t)(end - p));
    if (buf_failed(h))
        return;
    size_t mark = utf8_mark(h->data, h->len), blank = 0;
    while (mark + blank < h->len && is_line_end(h->data[mark + blank]))
        blank++;
    if (mark + blank == h->len)
        return; /* not yet */
    size_t n = h->len;
    while (is_line_end(h->data[n - 1]))
        n--;
    f->header_ends_crlf = h->len - n >= 2 && h->data[n] == '\r';
    memmove(h->data + mark, h->data + mark + blank, n - mark - blank);
    h->len = n - blank;
    f->has_header = true;
}

enum filter_step filter_step(struct filter *f, const uint8_t **p, const uint8_t *end, bool last) {
    struct block *b = run_block(f->run);
    const uint8_t *start = *p;
    uint64_t base = f->row_base + filter_rows(f);
    enum filter_step step = FILTER_ROWS;
    uint32_t n;
    run_clear(f->run);
    *p = reader_fill(&f->reader, start, end, last, b, &n);
    f->fed += (uint64_t)(*p - start);
    f->ends_lines |= n > 0 && b->spans[0].p[b->spans[0].n - 1] == '\n';
    filter_take_header(f, start, n > 0 ? b->spans[0].p : *p);
    if (f->left == 0 && (n > 0 || f->has_header || !f->csv || f->job->options->no_header))
        step = FILTER_ENOUGH;
    else if (n > 0)
        step = filter_block(f, base, n);
    if (buf_failed(&f->out) || buf_failed(&f->header)) {
        error_set(&f->error, E_MEMORY, "out of memory for the rows");
        step = FILTER_FAILED;
    }
    if (step != FILTER_ROWS)
        return step;
    if (f->reader.status != E_OK)
        return FILTER_BROKEN;
    if (n == b->rows)
        return FILTER_ROWS;
    return last ? FILTER_END : FILTER_INPUT;
}

/* A line that the reader passes before all others: it counts as read. */
static bool pass_line(struct filter *f, const void *p, size_t n) {
    struct buf line = {0};
    uint32_t rows;
    buf_add(&line, p, n);
    buf_byte(&line, '\n');
    bool good = !buf_failed(&line);
    if (good) {
        run_clear(f->run);
        reader_fill(&f->reader, line.data, line.data + line.len, false, run_block(f->run), &rows);
        good = f->reader.status == E_OK;
        f->fed += line.len;
    }
    buf_done(&line);
    return good;
}

bool filter_begin_inside(struct filter *f, enum input_format format, const struct buf *header) {
    if (!filter_begin(f, format))
        return false;
    if (format == INPUT_JSONL) /* or a line that is an array would be taken for one of rows */
        return pass_line(f, "{}", 2);
    if (f->job->options->no_header)
        return true;
    f->has_header = true;
    return pass_line(f, header->data, header->len);
}

bool filter_begin_again(struct filter *f) { return reader_restart(&f->reader); }

void filter_fault(const struct filter *f, struct error *e) {
    const struct reader *r = &f->reader;
    struct error found;
    error_clear(e);
    error_clear(&found);
    if (reader_error(r, &found) == E_MEMORY || found.limit != ERROR_NONE)
        *e = found;
    else
        error_set(e, r->status, "%s", r->why ? r->why : status_text(r->status));
    e->row = f->row_base + filter_rows(f);
    e->offset = f->byte_base + (r->fault ? reader_fault_offset(r) : f->fed);
}

bool filter_skip(struct filter *f, const uint8_t **p, const uint8_t *end) {
    if (f->csv && !f->has_header && !f->job->options->no_header)
        return false; /* without a header no row has names */
    const uint8_t *next = reader_skip(&f->reader, *p, end);
    if (!next)
        return false;
    f->fed += (uint64_t)(next - *p);
    *p = next;
    return true;
}
