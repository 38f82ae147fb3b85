/* See parallel.h. It is long because reading, working and writing share the ring and its lock.
 *
 * A part is bytes that the reader has read; or, of a file of lines, a place in it: the reader looks
 * for the ends of lines only, and the workers read, each into its own memory, which so stays in
 * the cache of its processor.
 *
 * Slots are a ring: the reader fills the next free one, workers take the oldest that is full, the
 * reader writes the oldest when it is done. As long as that one is not, the reader is a worker,
 * too: there are no more threads than processors are to be used, and hardly one waits for another.
 * A slot belongs to one thread at a time; the lock guards their states only. */
#include "shell/parallel.h"

#include "shell/boundary.h"
#include "shell/reshape.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#ifdef TAMIS_HOSTILE
#define PART_BYTES      200u
#define FILE_PART_BYTES 150u
#else
#define PART_BYTES      (1u << 20)
#define FILE_PART_BYTES (1u << 19)
#endif
#define FAULTS_MOST 5u /* of a part that are told one by one */

enum slot_state { SLOT_FREE, SLOT_FULL, SLOT_TAKEN, SLOT_DONE };

enum part_end {
    PART_WHOLE,  /* all of its rows were read */
    PART_UNSURE, /* it does not end where it was cut: what it gave counts for nothing */
    PART_BROKEN, /* at a row that is; the rows before it are there */
    PART_FAILED, /* the run, or rewriting: error says why */
};

struct slot {
    enum slot_state state;
    struct window part; /* [0, n); or it is in the file */
    bool in_file;
    uint64_t at;     /* ... there */
    size_t cut;      /* of it: the bytes of whole rows */
    uint64_t offset; /* in the input */
    /* What a worker has made of it. */
    enum part_end end;
    struct buf out;
    uint64_t rows, kept, skipped; /* rows: with the skipped ones */
    uint64_t read;                /* ... and without */
    struct error faults[FAULTS_MOST];
    struct error error;
};

struct worker {
    pthread_t thread; /* but for the first one, which is the reader */
    struct parallel *parallel;
    struct filter filter;
    struct reshape shape;
    bool ready;     /* for this input */
    uint8_t *bytes; /* of a part in the file, FILE_PART_BYTES; or NULL */
};

struct parallel {
    const struct job *job;
    pthread_mutex_t lock;
    pthread_cond_t full, done;
    bool quit;
    bool shapes; /* of this input */
    const struct input *input;
    bool in_file;      /* its parts are places, */
    uint64_t at, left; /* the next one here, of so many bytes */
    enum input_format format;
    struct slot *slots;
    unsigned n_slots, first, used; /* those from `first` on are used */
    struct worker *workers;
    unsigned n_workers; /* that are ready to work */
    uint64_t unfit;
};

/* --- a worker --- */

static void take_fault(struct worker *w, struct slot *s) {
    struct error e;
    filter_fault(&w->filter, &e);
    if (s->skipped < FAULTS_MOST)
        s->faults[s->skipped] = e;
    s->error = e;
}

/* The rows of a part; what is left at *p was not read. */
static enum part_end filter_part(struct worker *w, struct slot *s, const uint8_t **p,
                                 const uint8_t *end) {
    struct filter *f = &w->filter;
    for (;;) {
        enum filter_step step = filter_step(f, p, end, false);
        if (step == FILTER_INPUT)
            return *p == end ? PART_WHOLE : PART_UNSURE;
        if (step == FILTER_FAILED) {
            s->error = f->error;
            return PART_FAILED;
        }
        if (step != FILTER_BROKEN)
            continue;
        take_fault(w, s);
        if (!w->parallel->job->options->skip_broken || !filter_skip(f, p, end))
            return PART_BROKEN;
        s->skipped++;
        if (*p == end && f->reader.skipping)
            return PART_UNSURE;
    }
}

/* The bytes of a part; NULL: they cannot be read. */
static const uint8_t *part_bytes(struct worker *w, const struct slot *s) {
    if (!s->in_file)
        return s->part.data;
    if (!w->bytes)
        w->bytes = malloc(FILE_PART_BYTES);
    return w->bytes && input_read_at(w->parallel->input, s->at, w->bytes, s->cut) == s->cut
               ? w->bytes
               : NULL;
}

static void do_part(struct worker *w, struct slot *s) {
    struct filter *f = &w->filter;
    uint64_t rows = filter_rows(f);
    s->end = PART_UNSURE;
    if (!w->ready)
        return; /* its reader has stopped in the middle of something */
    const uint8_t *p = part_bytes(w, s), *end = p + s->cut;
    if (!p)
        return; /* who reads it again will be told why */
    f->counts = (struct counts){0};
    f->row_base = -rows; /* numbers within the part */
    f->byte_base = s->offset - f->fed;
    f->out.len = s->out.len = 0;
    s->skipped = 0;
    error_clear(&s->error);
    s->end = filter_part(w, s, &p, end);
    s->rows = filter_rows(f) - rows;
    s->read = f->counts.rows;
    s->kept = f->counts.matched;
    w->ready = s->end == PART_WHOLE;
    if (s->end == PART_UNSURE)
        return;
    if (w->parallel->shapes) {
        if (reshape_rows(&w->shape, f->out.data, f->out.len, &s->out, &s->error) != E_OK)
            s->end = PART_FAILED;
        return;
    }
    struct buf out = s->out; /* change places */
    s->out = f->out;
    f->out = out;
}

static struct slot *take_slot(struct parallel *p) {
    for (unsigned i = 0; i < p->used; i++) {
        struct slot *s = &p->slots[(p->first + i) % p->n_slots];
        if (s->state == SLOT_FULL)
            return s;
    }
    return NULL;
}

/* Does the oldest part that is full. With the lock, which is let go meanwhile. False: there is
 * none.
 */
static bool work_some(struct worker *w) {
    struct parallel *p = w->parallel;
    struct slot *s = take_slot(p);
    if (!s)
        return false;
    s->state = SLOT_TAKEN;
    pthread_mutex_unlock(&p->lock);
    do_part(w, s);
    pthread_mutex_lock(&p->lock);
    s->state = SLOT_DONE;
    return true;
}

static void *work(void *arg) {
    struct worker *w = arg;
    struct parallel *p = w->parallel;
    pthread_mutex_lock(&p->lock);
    while (!p->quit)
        if (work_some(w))
            pthread_cond_signal(&p->done);
        else
            pthread_cond_wait(&p->full, &p->lock);
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

/* --- life --- */

static bool start_worker(struct parallel *p, struct worker *w) {
    w->parallel = p;
    reshape_init(&w->shape, p->job->options);
    if (filter_init(&w->filter, p->job) &&
        (w == p->workers || pthread_create(&w->thread, NULL, work, w) == 0))
        return true;
    filter_done(&w->filter);
    reshape_done(&w->shape);
    return false;
}

struct parallel *parallel_new(const struct job *job) {
    unsigned threads = job->options->threads;
    struct parallel *p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    p->job = job;
    p->n_slots = 2 * threads;
    p->slots = calloc(p->n_slots, sizeof *p->slots);
    p->workers = calloc(threads, sizeof *p->workers);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->full, NULL);
    pthread_cond_init(&p->done, NULL);
    if (p->slots && p->workers)
        while (p->n_workers < threads && start_worker(p, &p->workers[p->n_workers]))
            p->n_workers++;
    if (p->n_workers > 1)
        return p;
    parallel_free(p);
    return NULL;
}

void parallel_free(struct parallel *p) {
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    p->quit = true;
    pthread_cond_broadcast(&p->full);
    pthread_mutex_unlock(&p->lock);
    for (unsigned i = 0; i < p->n_workers; i++) {
        if (i > 0)
            pthread_join(p->workers[i].thread, NULL);
        filter_done(&p->workers[i].filter);
        reshape_done(&p->workers[i].shape);
        free(p->workers[i].bytes);
    }
    for (unsigned i = 0; p->slots && i < p->n_slots; i++) {
        free(p->slots[i].part.data);
        buf_done(&p->slots[i].out);
    }
    pthread_mutex_destroy(&p->lock);
    pthread_cond_destroy(&p->full);
    pthread_cond_destroy(&p->done);
    free(p->slots);
    free(p->workers);
    free(p);
}

void parallel_counts(const struct parallel *p, struct counts *c) {
    for (unsigned i = 0; i < p->n_workers; i++) {
        c->type_mismatch += run_mismatches(p->workers[i].filter.run);
        c->undefined += run_undefined(p->workers[i].filter.run);
    }
    c->unfit += p->unfit;
}

/* --- an input --- */

bool parallel_fits(const struct parallel *p, const struct files *fs) {
    const struct shell_options *o = p->job->options;
    const struct filter *f = &fs->filter;
    if (o->limit != UINT64_MAX || fs->input.finished || fs->no_parallel || f->reader.skipping)
        return false;
    if (fs->format == INPUT_JSONL)
        return f->ends_lines && !(fs->shapes && o->selection.n == 0 && o->to != INPUT_MSGPACK);
    if (fs->format == INPUT_CSV || fs->format == INPUT_TSV)
        return o->no_header ? o->csv.n_names > 0 : f->has_header;
    return false;
}

/* A filter that goes on where that of fs has begun. */
static bool begin_worker(struct worker *w, struct files *fs) {
    struct error e;
    const struct buf *header = &fs->filter.header;
    error_clear(&e);
    bool good = filter_begin_inside(&w->filter, fs->format, header);
    if (good && w->parallel->shapes)
        good = reshape_begin(&w->shape, fs->format,
                             (struct str){(const char *)header->data, header->len}, &e) == E_OK;
    w->filter.absent = fs->filter.absent;
    w->filter.all_text = fs->filter.all_text;
    w->ready = good;
    return good;
}

static void end_workers(struct parallel *p, struct files *fs) {
    for (unsigned i = 0; i < p->n_workers; i++) {
        absent_join(&fs->filter.absent, &p->workers[i].filter.absent);
        all_text_join(&fs->filter.all_text, &p->workers[i].filter.all_text);
        p->unfit += p->workers[i].filter.reader.unfit;
        if (p->workers[i].filter.reading)
            reader_done(&p->workers[i].filter.reader);
        p->workers[i].filter.reading = false;
    }
}

/* Waits for the oldest slot and writes what it gave. False: the end, `*ret_again` says of what:
 * true, the rest is for one thread, and the slot keeps its bytes. */
static bool put_oldest(struct parallel *p, struct files *fs, bool *ret_again) {
    struct slot *s = &p->slots[p->first];
    uint64_t base = fs->filter.row_base + filter_rows(&fs->filter);
    pthread_mutex_lock(&p->lock);
    while (s->state != SLOT_DONE)
        if (!work_some(p->workers))
            pthread_cond_wait(&p->done, &p->lock);
    pthread_mutex_unlock(&p->lock);
    *ret_again = s->end == PART_UNSURE;
    if (*ret_again)
        return false;
    output_add(fs->out, s->out.data, s->out.len);
    if (fs->out->eager)
        output_flush(fs->out);
    fs->filter.counts.rows += s->read;
    fs->filter.counts.matched += s->kept;
    fs->filter.counts.skipped += s->skipped;
    for (uint64_t i = 0; i < s->skipped; i++) {
        struct error *e = &s->faults[i < FAULTS_MOST ? i : FAULTS_MOST - 1];
        e->row += i < FAULTS_MOST ? base : 0;
        files_tell_row(fs, e, true);
    }
    files_progress(fs);
    fs->filter.row_base += s->rows;
    fs->filter.byte_base += s->cut;
    if (s->error.row != ERROR_NONE)
        s->error.row += base;
    if (s->end == PART_BROKEN)
        files_tell_row(fs, &s->error, false);
    else if (s->end == PART_FAILED)
        files_failed(fs, &s->error);
    pthread_mutex_lock(&p->lock);
    s->state = SLOT_FREE;
    p->first = (p->first + 1) % p->n_slots;
    p->used--;
    pthread_mutex_unlock(&p->lock);
    fs->enough |= fs->out->failed;
    return s->end == PART_WHOLE && !fs->enough;
}

static bool put_all(struct parallel *p, struct files *fs, bool *ret_again) {
    while (p->used > 0)
        if (!put_oldest(p, fs, ret_again))
            return false;
    return true;
}

static bool add_bytes(struct window *w, const uint8_t *p, size_t n) {
    if (w->cap - w->n < n) {
        uint8_t *data = realloc(w->data, w->n + n);
        if (!data)
            return false;
        w->data = data;
        w->cap = w->n + n;
    }
    if (n > 0)
        memcpy(w->data + w->n, p, n);
    w->n += n;
    return true;
}

/* Waits until no worker has a slot, and gives the bytes of the slots back to the window, before
 * those that are there; or the input goes back to the place of the first. */
static bool give_back(struct parallel *p, struct files *fs, bool keep) {
    struct window all = {0}, *w = &fs->window;
    bool good = true;
    uint64_t at = p->used > 0 ? p->slots[p->first].at : p->at;
    pthread_mutex_lock(&p->lock);
    for (unsigned i = 0; i < p->used; i++) {
        struct slot *s = &p->slots[(p->first + i) % p->n_slots];
        if (s->state == SLOT_FULL)
            s->state = SLOT_DONE;
        while (s->state != SLOT_DONE)
            pthread_cond_wait(&p->done, &p->lock);
        good = good && (!keep || s->in_file || add_bytes(&all, s->part.data, s->cut));
        s->state = SLOT_FREE;
    }
    p->used = 0;
    pthread_mutex_unlock(&p->lock);
    good = good && add_bytes(&all, w->data + w->at, w->n - w->at);
    if (!good) {
        free(all.data);
        files_tell(fs, "out of memory");
        return false;
    }
    all.last = w->last;
    free(w->data);
    *w = all;
    if (!p->in_file)
        return true;
    fs->bytes -= p->at - at;
    good = input_go_to(&fs->input, at);
    if (!good)
        files_tell(fs, fs->input.message);
    return good;
}

/* Fills the slot: what the window has left, and more. True: it has whole rows; what is behind them
 * is in the window again. False: the window has it all, and there are no rows, or no more bytes. */
static bool fill_slot(struct files *fs, struct slot *s) {
    struct window *w = &fs->window, part = s->part;
    part.at = part.n = 0;
    part.last = false;
    s->part = *w; /* change places: no copy of what may be long */
    *w = part;
    struct window *p = &s->part;
    if (p->at > 0)
        memmove(p->data, p->data + p->at, p->n - p->at);
    p->n -= p->at;
    p->at = 0;
    do /* once in any case: the caller has nothing else to do */
        fs->input_failed = !files_read(fs, p);
    while (p->n < PART_BYTES && !p->last && !fs->input_failed && input_ready(&fs->input));
    s->cut = boundary_last(fs->format, p->data, p->n);
    if (s->cut > 0 && add_bytes(w, p->data + s->cut, p->n - s->cut)) {
        w->last = p->last;
        return true;
    }
    part = *w;
    *w = *p;
    *p = part;
    s->cut = 0;
    return false;
}

/* The same with the next place of the file. False: there are no whole rows in so many bytes. */
static bool place_slot(struct parallel *p, struct files *fs, struct slot *s) {
    size_t n = p->left < FILE_PART_BYTES ? (size_t)p->left : FILE_PART_BYTES;
    if (!input_wait(&fs->input, output_watch(fs->out)))
        output_gone();
    s->at = p->at;
    s->cut = boundary_last_at(&fs->input, p->at, n);
    p->at += s->cut;
    p->left -= s->cut;
    fs->bytes += s->cut;
    return input_go_to(&fs->input, p->at) && s->cut > 0;
}

/* Whether the parts are to be places of the file; then what is in the window is read again. */
static bool begin_places(struct parallel *p, struct files *fs) {
    struct window *w = &fs->window;
    uint64_t held = w->n - w->at;
    p->input = &fs->input;
    if (fs->format != INPUT_JSONL || !input_place(&fs->input, &p->at, &p->left) || p->at < held)
        return false;
    p->at -= held;
    p->left += held;
    if (!input_go_to(&fs->input, p->at))
        return false;
    fs->bytes -= held;
    w->at = w->n = 0;
    return true;
}

/* One part more. False: *ret_go_on says whether the rest is for one thread, or the input done with.
 */
static bool feed(struct parallel *p, struct files *fs, bool *ret_go_on) {
    if (p->used == p->n_slots && !put_oldest(p, fs, ret_go_on))
        return false;
    *ret_go_on = false;
    if (!input_ready(&fs->input) && !put_all(p, fs, ret_go_on))
        return false;
    *ret_go_on = true;
    if (fs->window.last || fs->input_failed)
        return false;
    struct slot *s = &p->slots[(p->first + p->used) % p->n_slots];
    uint64_t used = 0;
    for (unsigned i = 0; i < p->used; i++)
        used += p->slots[(p->first + i) % p->n_slots].cut;
    s->offset = fs->filter.fed + fs->filter.byte_base + used;
    s->in_file = p->in_file;
    if (p->in_file && !place_slot(p, fs, s))
        return false;
    if (!p->in_file && !fill_slot(fs, s))
        return fs->window.n - fs->window.at < PART_BYTES && !fs->window.last && !fs->input_failed;
    pthread_mutex_lock(&p->lock);
    s->state = SLOT_FULL;
    p->used++;
    pthread_cond_signal(&p->full);
    pthread_mutex_unlock(&p->lock);
    return true;
}

bool parallel_run(struct parallel *p, struct files *fs) {
    bool go_on = false;
    p->format = fs->format;
    p->shapes = fs->shapes && !p->job->options->count;
    fs->no_parallel = true; /* once an input: who comes back from here has a reason */
    for (unsigned i = 0; i < p->n_workers; i++)
        if (!begin_worker(&p->workers[i], fs)) {
            end_workers(p, fs);
            return files_read_on(fs);
        }
    p->in_file = begin_places(p, fs);
    while (feed(p, fs, &go_on))
        continue;
    bool again = false;
    if (go_on && p->used > 0 && !put_all(p, fs, &again))
        go_on = again;
    go_on = give_back(p, fs, go_on) && go_on && !fs->enough;
    end_workers(p, fs);
    if (go_on && !filter_begin_again(&fs->filter)) {
        files_tell(fs, "out of memory");
        return false;
    }
    return go_on; /* a failed input will fail again, behind the rows that are left */
}
