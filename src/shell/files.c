/* See files.h. */
#include "shell/files.h"

#include "base/utf8.h"
#include "shell/parallel.h"
#include "shell/report.h"
#include "shell/service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TOLD_MOST 5u /* broken rows of an input that are told one by one */

void files_tell(struct files *fs, const char *what) {
    output_flush(fs->out);
    progress_clear(&fs->progress);
    report("%s: %s", fs->input.name, what);
    fs->trouble = true;
}

/* --- bytes --- */

/* Makes room for a read behind the bytes that are not used yet. */
static bool window_room(struct window *w) {
    if (w->at > 0) {
        memmove(w->data, w->data + w->at, w->n - w->at);
        w->n -= w->at;
        w->at = 0;
    }
    if (w->cap - w->n >= SHELL_READ_BYTES)
        return true;
    size_t cap =
        2 * w->cap > w->n + 2 * SHELL_READ_BYTES ? 2 * w->cap : w->n + 2 * SHELL_READ_BYTES;
    uint8_t *data = realloc(w->data, cap);
    if (!data)
        return false;
    w->data = data;
    w->cap = cap;
    return true;
}

bool files_read(struct files *fs, struct window *w) {
    size_t n;
    if (!window_room(w)) {
        snprintf(fs->input.message, sizeof fs->input.message, "out of memory for a row");
        return false;
    }
    if (!input_ready(&fs->input))
        output_flush(fs->out);
    if (!input_wait(&fs->input, output_watch(fs->out)))
        output_gone();
    bool good = input_read(&fs->input, w->data + w->n, SHELL_READ_BYTES, &n);
    w->n += n;
    fs->bytes += n;
    w->last = good && fs->input.finished;
    return good || n > 0;
}

bool files_read_on(struct files *fs) {
    bool good = files_read(fs, &fs->window);
    if (!good)
        files_tell(fs, fs->input.message);
    return good;
}

/* --- formats --- */

static enum input_format known_format(const struct files *fs) {
    enum input_format format = fs->job->options->format;
    return format != INPUT_UNKNOWN ? format : guess_by_name(fs->input.name);
}

/* Options that are for CSV alone say what its bytes do not. */
static bool must_be_csv(const struct shell_options *o) {
    return o->csv.delimiter || o->no_header || o->ragged || o->csv.n_names || o->csv.n_types;
}

/* False, and told: no format, or one that does not go with what was written. An empty input has
 * none, and needs none. */
static bool find_format(struct files *fs, enum input_format *ret) {
    const struct shell_options *o = fs->job->options;
    struct window *w = &fs->window;
    enum guessed guessed = GUESS_MORE;
    *ret = known_format(fs);
    while (guessed == GUESS_MORE && !(w->last && w->n == 0)) {
        if (w->n > 0 || w->last)
            guessed =
                *ret != INPUT_UNKNOWN ? GUESS_MADE : guess_by_bytes(w->data, w->n, w->last, ret);
        if (guessed == GUESS_MORE && !files_read_on(fs))
            return false;
    }
    if (w->last && w->n == 0)
        return true;
    if (guessed == GUESS_NONE && must_be_csv(o)) {
        *ret = INPUT_CSV;
    } else if (guessed == GUESS_NONE) {
        files_tell(
            fs, "its first bytes do not tell the format: say --format jsonl, csv, tsv or msgpack");
        return false;
    }
    bool as_they_are = !o->count && !o->quiet && o->selection.n == 0 && o->to == INPUT_UNKNOWN;
    if (as_they_are && fs->written != INPUT_UNKNOWN && *ret != fs->written) {
        char text[160];
        snprintf(text, sizeof text, "its rows are %s, and those before were %s",
                 input_format_name(*ret), input_format_name(fs->written));
        files_tell(fs, text);
        return false;
    }
    return true;
}

/* --- rows --- */

/* The header of the input, without the end of its line: the first one is written, the others must
 * be equal. */
static bool put_header(struct files *fs, const struct buf *header, bool crlf) {
    const uint8_t *p = header->data;
    size_t n = header->len, mark = utf8_mark(p, n);
    char text[200];
    if (!fs->header_of) {
        output_add(fs->out, p, n);
        output_add(fs->out, crlf ? "\r\n" : "\n", crlf ? 2 : 1);
        buf_add(&fs->header, p + mark, n - mark);
        fs->header_of = fs->input.name;
        return true;
    }
    struct str first = {(const char *)fs->header.data, fs->header.len};
    if (str_eq(first, (struct str){(const char *)p + mark, n - mark}))
        return true;
    snprintf(text, sizeof text, "its header is not the same as that of %s", fs->header_of);
    files_tell(fs, text);
    return false;
}

static bool put_plain(struct files *fs) {
    struct filter *f = &fs->filter;
    if (f->has_header && !put_header(fs, &f->header, f->header_ends_crlf))
        return false;
    output_add(fs->out, f->out.data, f->out.len);
    return true;
}

static void tell_error(struct files *fs, const struct error *e) {
    char text[ERROR_TEXT_BYTES + 96];
    snprintf(text, sizeof text, "%s%s%s%s", e->message, *e->suggestion ? " (did you mean '" : "",
             e->suggestion, *e->suggestion ? "'?)" : "");
    files_tell(fs, text);
}

/* The same in another form. */
static bool put_shaped(struct files *fs) {
    struct filter *f = &fs->filter;
    struct error e;
    bool good = true;
    error_clear(&e);
    if (!fs->shaping && f->csv && !f->has_header && !fs->job->options->no_header)
        return true; /* nothing has been read */
    if (!fs->shaping && f->csv && fs->job->options->no_header && f->out.len == 0)
        return true; /* the first row says how many columns there are */
    if (!fs->shaping)
        good =
            reshape_begin(&fs->shape, fs->format,
                          f->has_header ? (struct str){(const char *)f->header.data, f->header.len}
                                        : header_first_record(f->out.data, f->out.len),
                          &e) == E_OK;
    fs->shaping = true;
    fs->shaped.len = 0;
    good = good && reshape_rows(&fs->shape, f->out.data, f->out.len, &fs->shaped, &e) == E_OK;
    if (e.status != E_OK)
        tell_error(fs, &e);
    struct buf header = {0};
    if (good && reshape_header(&fs->shape, &header))
        good = put_header(fs, &header, false);
    buf_done(&header);
    if (good)
        output_add(fs->out, fs->shaped.data, fs->shaped.len);
    return good;
}

bool files_put(struct files *fs) {
    const struct shell_options *o = fs->job->options;
    bool good = true;
    if (!o->count && !o->quiet)
        good = fs->shapes ? put_shaped(fs) : put_plain(fs);
    fs->filter.out.len = 0;
    if (fs->out->eager)
        output_flush(fs->out);
    fs->enough |= fs->out->failed;
    return good;
}

void files_tell_skipped(struct files *fs, const char *text) {
    if (fs->skipped++ >= TOLD_MOST || fs->job->options->quiet)
        return;
    output_flush(fs->out);
    progress_clear(&fs->progress);
    report("%s: %s", fs->input.name, text);
}

void files_tell_row(struct files *fs, const struct error *e, bool skipped) {
    const struct shell_options *o = fs->job->options;
    char text[ERROR_TEXT_BYTES + 128];
    snprintf(text, sizeof text, "%srow %llu: %s, at byte %llu%s", skipped ? "skipped " : "",
             (unsigned long long)e->row, e->message, (unsigned long long)e->offset,
             o->skip_broken && !skipped ? " (there is no way on behind it)" : "");
    if (skipped)
        files_tell_skipped(fs, text);
    else
        files_tell(fs, text);
}

/* The next row is broken. True: it was stepped over. */
static bool broken(struct files *fs) {
    struct window *w = &fs->window;
    const uint8_t *p = w->data + w->at;
    struct error e;
    filter_fault(&fs->filter, &e);
    bool skipped = fs->job->options->skip_broken && filter_skip(&fs->filter, &p, w->data + w->n);
    w->at = (size_t)(p - w->data);
    files_tell_row(fs, &e, skipped);
    return skipped;
}

void files_failed(struct files *fs, const struct error *e) {
    char prefix[200];
    output_flush(fs->out);
    progress_clear(&fs->progress);
    if (e->row != ERROR_NONE)
        snprintf(prefix, sizeof prefix, "%s: row %llu: ", fs->input.name,
                 (unsigned long long)e->row);
    else
        snprintf(prefix, sizeof prefix, "%s: ", fs->input.name);
    report_query_error(fs->job->text, prefix, e);
    fs->trouble = fs->enough = true;
}

/* The window has no whole row any more. Long inputs go on with several threads from here. */
static bool read_on(struct files *fs) {
    if (fs->parallel && parallel_fits(fs->parallel, fs))
        return parallel_run(fs->parallel, fs);
    return files_read_on(fs);
}

static struct progress_state progress_state(const struct files *fs) {
    return (struct progress_state){.bytes = fs->taken_before + fs->input.taken,
                                   .size = fs->size,
                                   .rows = fs->filter.counts.rows,
                                   .kept = fs->filter.counts.matched};
}

void files_progress(struct files *fs) {
    if (!progress_is_due(&fs->progress))
        return;
    struct progress_state state = progress_state(fs);
    progress_show(&fs->progress, &state);
}

/* One step. False: the input is done with. */
static bool step(struct files *fs) {
    struct window *w = &fs->window;
    const uint8_t *p = w->data + w->at;
    enum filter_step step = filter_step(&fs->filter, &p, w->data + w->n, w->last);
    w->at = (size_t)(p - w->data);
    files_progress(fs);
    if (!files_put(fs) || fs->enough)
        return false;
    switch (step) {
    case FILTER_ROWS:
        break;
    case FILTER_INPUT:
        return read_on(fs);
    case FILTER_END:
        return false;
    case FILTER_ENOUGH:
        fs->enough = true;
        return false;
    case FILTER_BROKEN:
        return broken(fs);
    case FILTER_FAILED:
        files_failed(fs, &fs->filter.error);
        return false;
    }
    return true;
}

static void tell_skipped(struct files *fs) {
    unsigned long long n = fs->skipped;
    if (n <= TOLD_MOST || fs->job->options->quiet)
        return;
    output_flush(fs->out);
    progress_clear(&fs->progress);
    report("%s: %llu malformed rows were skipped", fs->input.name, n);
}

/* --- files --- */

/* Reading what is written at the same time would never end. */
static bool is_output(const struct files *fs) {
    struct stat in, out;
    return fs->input.regular && fstat(fs->input.fd, &in) == 0 && fstat(fs->out->fd, &out) == 0 &&
           in.st_dev == out.st_dev && in.st_ino == out.st_ino;
}

static void filter_input(struct files *fs) {
    if (!find_format(fs, &fs->format) || (fs->window.last && fs->window.n == 0))
        return;
    fs->written = fs->format;
    fs->shapes = reshape_is_needed(fs->job->options, fs->format);
    fs->shaping = false;
    if (fs->service) {
        service_run(fs->service, fs);
        tell_skipped(fs);
        return;
    }
    if (!filter_begin(&fs->filter, fs->format)) {
        files_tell(fs, "out of memory");
        return;
    }
    while (step(fs))
        continue;
    tell_skipped(fs);
    filter_end(&fs->filter);
}

static void run_file(struct files *fs, const char *name) {
    fs->window.at = fs->window.n = 0;
    fs->window.last = false;
    fs->skipped = 0;
    fs->bytes_before = fs->bytes;
    fs->no_parallel = fs->input_failed = false;
    if (!input_open(&fs->input, name))
        files_tell(fs, fs->input.message);
    else if (is_output(fs))
        files_tell(fs, "it is also the output");
    else
        filter_input(fs);
    fs->taken_before += fs->input.taken;
    input_close(&fs->input);
}

/* What there is to read; 0 if not all of it is in files. */
static uint64_t size_of_all(const struct text_list *names) {
    uint64_t size = 0;
    struct stat s;
    for (uint32_t i = 0; i < (names->n > 0 ? names->n : 1); i++) {
        const char *name = names->n > 0 ? names->at[i] : "-";
        bool found = strcmp(name, "-") == 0 ? fstat(STDIN_FILENO, &s) == 0 : stat(name, &s) == 0;
        if (found && !S_ISREG(s.st_mode))
            return 0;
        size += found && s.st_size > 0 ? (uint64_t)s.st_size : 0;
    }
    return size;
}

static void begin_progress(struct files *fs) {
    const struct shell_options *o = fs->job->options;
    progress_init(&fs->progress,
                  o->no_progress || o->quiet ? PROGRESS_NO
                  : o->progress              ? PROGRESS_YES
                                             : PROGRESS_AUTO,
                  isatty(fs->out->fd) && !o->count);
    fs->size = fs->progress.on ? size_of_all(&o->files) : 0;
}

/* What the rows tell of the query. Of all that were read: so it comes at the end, and not where
 * they broke off, since threads may have been ahead of that. */
static uint32_t warnings_of_rows(const struct files *fs, struct warning *ret) {
    const struct plan *plan = fs->job->plan;
    if (fs->service)
        return service_warnings(fs->service, ret);
    uint32_t n = absent_warnings(&fs->filter.absent, plan, ret, WARNINGS_MOST);
    return n + all_text_warnings(&fs->filter.all_text, plan, ret + n, WARNINGS_MOST - n);
}

static void tell_of_rows(struct files *fs) {
    struct warning warnings[WARNINGS_MOST];
    uint32_t n = warnings_of_rows(fs, warnings);
    output_flush(fs->out);
    progress_clear(&fs->progress);
    for (uint32_t i = 0; i < n; i++)
        report_warning(fs->job->text, &warnings[i]);
}

void files_run(struct files *fs, const struct job *job, struct service *service,
               struct output *out) {
    const struct text_list *names = &job->options->files;
    *fs = (struct files){.job = job, .out = out, .service = service};
    begin_progress(fs);
    reshape_init(&fs->shape, job->options);
    if (!filter_init(&fs->filter, job)) {
        report("out of memory");
        fs->trouble = true;
        return;
    }
    if (job->options->threads > 1)
        fs->parallel = parallel_new(job); /* or it is one thread */
    if (names->n == 0)
        run_file(fs, "-");
    for (uint32_t i = 0; i < names->n && !fs->enough; i++)
        run_file(fs, names->at[i]);
    if (fs->parallel)
        parallel_counts(fs->parallel, &fs->filter.counts);
    if (!fs->enough && !fs->trouble && !job->options->quiet)
        tell_of_rows(fs);
    struct progress_state state = progress_state(fs);
    progress_end(&fs->progress, &state);
}

void files_done(struct files *fs) {
    parallel_free(fs->parallel);
    filter_done(&fs->filter);
    reshape_done(&fs->shape);
    buf_done(&fs->shaped);
    buf_done(&fs->header);
    free(fs->window.data);
}
