/* See service.h and passage.h. The input and the connection are looked at together: whichever can
 * go on goes on, and before both sleep everything that is there goes out. */
#include "shell/passage.h"

#include "base/clock.h"
#include "shell/report.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

/* An input on its way. */
struct passage {
    struct service *service;
    struct files *fs;
    bool passed;   /* the service reads the file itself */
    bool given;    /* all that there is, or will be */
    bool failed;   /* reading it, which is told when the rows before are there */
    bool in_row;   /* what was given does not end at the end of a line */
    bool elements; /* of a JSON array: may have line feeds inside */
    bool refused;  /* its rows cannot come out, which is told */
    bool over;
};

/* A place in the text that was asked, in that of the job. */
static void shift_back(const struct service *s, uint64_t *pos) {
    if (*pos != ERROR_NONE)
        *pos = *pos > s->shift ? *pos - s->shift : 0;
}

/* --- the end of an input --- */

/* What is said of a field that no row has is one thing: of two inputs, one may know a name like
 * it. */
static enum warning_code kind_of(const struct warning *w) {
    return w->code == W_FIELD_AS_TEXT ? W_FIELD_ABSENT : w->code;
}

/* Leaves of the warnings that rows gave cause for (absent.h, all_text.h) those that hold for this
 * input, too. Both lists are in the same order. An input whose fields are null throughout tells
 * nothing of their types: what others tell is then not told. */
static void join_warnings(struct service *s, const struct answer_done *done) {
    uint32_t kept = 0;
    if (done->rows == 0)
        return;
    for (uint32_t i = 0; i < done->n_warnings; i++) {
        struct warning w = done->warnings[i];
        shift_back(s, &w.pos);
        if (kind_of(&w) != W_FIELD_ABSENT && w.code != W_ALL_TEXT)
            continue;
        uint32_t k = kept;
        while (s->judged && k < s->n_of_rows &&
               (s->of_rows[k].pos != w.pos || kind_of(&s->of_rows[k]) != kind_of(&w)))
            k++;
        if (!s->judged)
            s->of_rows[kept++] = w;
        else if (k < s->n_of_rows)
            s->of_rows[kept++] = s->of_rows[k];
    }
    s->n_of_rows = kept;
    s->judged = true;
}

static void add_counts(struct files *fs, uint64_t rows, uint64_t matched) {
    struct counts *c = &fs->filter.counts;
    c->rows += rows;
    c->matched += matched;
    if (fs->filter.left != UINT64_MAX)
        fs->filter.left -= matched < fs->filter.left ? matched : fs->filter.left;
}

/* As a process that has read it would leave its standard input. */
static void leave_input(const struct files *fs, uint64_t bytes) {
    if (fs->input.fd == STDIN_FILENO)
        lseek(STDIN_FILENO, (off_t)(fs->input.start + bytes), SEEK_SET);
}

static void done(struct passage *p, const struct answer_done *told) {
    struct files *fs = p->fs;
    struct counts *c = &fs->filter.counts;
    char text[64];
    add_counts(fs, told->rows, told->matched);
    c->type_mismatch += told->type_mismatch;
    c->undefined += told->undefined;
    c->unfit += told->unfit;
    c->skipped += told->skipped;
    if (p->passed) {
        fs->input.taken = told->bytes;
        fs->bytes = fs->bytes_before + told->bytes;
        leave_input(fs, told->bytes);
    }
    for (uint32_t i = 0; i < told->n_skipped_at; i++) {
        snprintf(text, sizeof text, "skipped a malformed row at byte %llu",
                 (unsigned long long)told->skipped_at[i]);
        files_tell_skipped(fs, text);
    }
    fs->skipped = told->skipped;
    fs->enough |= told->limit_reached;
    join_warnings(p->service, told);
}

static bool is_of_rows(enum status status) {
    return status == E_ROW_NOT_MAP || status == E_ROW_TRUNCATED || status == E_ROW_INVALID ||
           status == E_ROW_TOO_DEEP || status == E_ROW_TOO_WIDE || status == E_ROW_TOO_LONG;
}

/* The message as a filter of this process would have it. */
static void tell_fault(struct files *fs, const struct error *e) {
    char text[ERROR_TEXT_BYTES + 128];
    const char *end = fs->job->options->skip_broken ? " (there is no way on behind it)" : "";
    if (strncmp(e->message, "row ", 4) == 0)
        snprintf(text, sizeof text, "%s%s", e->message, end);
    else
        snprintf(text, sizeof text, "row %llu: %s, at byte %llu%s", (unsigned long long)e->row,
                 e->message, (unsigned long long)e->offset, end);
    files_tell(fs, text);
}

static bool ask(struct passage *p);

/* A file that the service does not take as it is can still be sent. True: it is being. */
static bool send_instead(struct passage *p, const struct error *e) {
    bool refused = e->status == E_BAD_DESCRIPTOR || e->status == E_TOO_MANY_DESCRIPTORS;
    if (!p->passed || !refused || remote_rows(p->service->remote) > 0)
        return false;
    p->passed = false;
    return ask(p);
}

static void failed(struct passage *p, const struct error *told) {
    struct files *fs = p->fs;
    struct error e = *told;
    p->over = !send_instead(p, told);
    if (!p->over)
        return;
    add_counts(fs, remote_rows(p->service->remote), remote_matched(p->service->remote));
    if (p->failed && (is_of_rows(e.status) || e.status == E_CANCELLED))
        return;
    if (is_of_rows(e.status)) {
        tell_fault(fs, &e);
        return;
    }
    shift_back(p->service, &e.pos);
    files_failed(fs, &e);
}

/* Nothing more can be asked of the service, for whatever input. */
static void lost(struct passage *p, const struct error *e) {
    struct files *fs = p->fs;
    add_counts(fs, remote_rows(p->service->remote), remote_matched(p->service->remote));
    output_flush(fs->out);
    progress_clear(&fs->progress);
    report("%s: %s", p->service->job->options->connect, e->message);
    fs->trouble = fs->enough = p->over = true;
}

/* --- rows that come back --- */

/* Elements of an array come as they stand there, perhaps over several lines: the line feeds inside
 * become blanks, as they can only be between its parts. */
static void flatten(uint8_t *p, size_t n) {
    unsigned depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < n; i++) {
        if (quoted && p[i] == '\\') {
            i++;
        } else if (quoted) {
            quoted = p[i] != '"';
        } else if (p[i] == '"') {
            quoted = true;
        } else if (p[i] == '{' || p[i] == '[') {
            depth++;
        } else if (p[i] == '}' || p[i] == ']') {
            depth -= depth > 0;
        } else if ((p[i] == '\n' || p[i] == '\r') && depth > 0) {
            p[i] = ' ';
        }
    }
}

static void put(struct passage *p, struct str rows) {
    struct filter *f = &p->fs->filter;
    size_t at = f->out.len;
    buf_add(&f->out, rows.p, rows.n);
    if (buf_failed(&f->out)) {
        struct error e;
        error_clear(&e);
        error_set(&e, E_MEMORY, "out of memory for the rows");
        files_failed(p->fs, &e);
        p->over = true;
        return;
    }
    if (p->elements)
        flatten(f->out.data + at, f->out.len - at);
    if (!files_put(p->fs))
        p->over = p->refused = true;
}

/* --- bytes that go there --- */

/* How many bytes of the window are to be given: whole lines, so that what was given ends at a row
 * if the input breaks off, but a long one as it comes. */
static size_t ready_bytes(const struct passage *p, size_t most) {
    const struct window *w = &p->fs->window;
    const uint8_t *from = w->data + w->at;
    size_t n = w->n - w->at < most ? w->n - w->at : most;
    if (w->last || p->fs->format == INPUT_MSGPACK || n == 0)
        return n;
    const uint8_t *end = memrchr(from, '\n', n);
    return end ? (size_t)(end + 1 - from) : n == most || n >= SHELL_READ_BYTES ? n : 0;
}

static void no_memory(struct passage *p) {
    struct error e;
    error_clear(&e);
    error_set(&e, E_MEMORY, "out of memory for the rows");
    lost(p, &e);
}

static void give(struct passage *p) {
    struct remote *r = p->service->remote;
    struct window *w = &p->fs->window;
    size_t n = ready_bytes(p, remote_wants(r));
    bool good = true;
    if (n > 0) {
        good = remote_give(r, w->data + w->at, n);
        w->at += n;
        p->in_row = w->data[w->at - 1] != '\n';
    } else if (w->last) {
        good = remote_end(r);
        p->given = true;
    }
    if (!good)
        no_memory(p);
}

/* More of the input. If it breaks off, the rows that were whole count. */
static void read_input(struct passage *p) {
    struct files *fs = p->fs;
    struct remote *r = p->service->remote;
    if (files_read(fs, &fs->window))
        return;
    p->failed = p->given = true;
    bool whole = fs->format == INPUT_MSGPACK || !p->in_row;
    if (!(whole ? remote_end(r) : remote_cancel(r)))
        no_memory(p);
}

/* --- waiting --- */

/* A service gives up a client that takes nothing for a while. Where the rows go may stand still for
 * longer, as a pager does: then some is taken all the same. */
static void keep(void *owner) {
    struct service *s = owner;
    if (clock_ns() - s->kept_ns < s->keep_ns)
        return;
    s->kept_ns = clock_ns();
    remote_keep(s->remote);
}

static void on_alarm(int number) { (void)number; }

/* A write that waits is interrupted now and then. */
static void watch_output(struct service *s, struct output *out) {
    uint64_t stall_ms = remote_stall_ms(s->remote), keep_us = 1000 * stall_ms / 3;
    struct sigaction action = {.sa_handler = on_alarm};
    struct itimerval every = {{(time_t)(keep_us / 1000000), (suseconds_t)(keep_us % 1000000)}, {0}};
    if (stall_ms == 0 || out->interrupted || output_watch(out) < 0)
        return;
    every.it_value = every.it_interval;
    s->keep_ns = 1000 * keep_us / 2;
    s->kept_ns = clock_ns();
    out->interrupted = keep;
    out->owner = s;
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &every, NULL);
}

/* Waits until something can go on: the input, if it is wanted, or the connection. */
static void wait_for_any(struct passage *p, bool wants_input) {
    struct files *fs = p->fs;
    struct pollfd wait[3] = {
        {.fd = remote_fd(p->service->remote), .events = remote_events(p->service->remote)},
        {.fd = wants_input ? fs->input.fd : -1, .events = POLLIN},
        {.fd = output_watch(fs->out)},
    };
    bool ready = wants_input && input_ready(&fs->input);
    int found = poll(wait, 3, 0);
    if (found == 0 && !ready) {
        output_flush(fs->out);
        files_progress(fs);
        found = poll(wait, 3, -1);
    }
    if (found > 0 && (wait[2].revents & (POLLERR | POLLHUP)))
        output_gone();
    fs->enough |= fs->out->failed;
    p->over |= fs->out->failed;
}

static void step(struct passage *p) {
    struct remote *r = p->service->remote;
    struct files *fs = p->fs;
    struct remote_event event;
    if (!p->passed && !p->given && remote_wants(r) > 0)
        give(p);
    if (p->over)
        return;
    bool wants_input = !p->passed && !p->given && remote_wants(r) > 0;
    enum remote_state state = remote_step(r, &event);
    switch (state) {
    case REMOTE_GOES:
        break;
    case REMOTE_WAITS:
        wait_for_any(p, wants_input);
        break;
    case REMOTE_ROWS:
        put(p, event.rows);
        break;
    case REMOTE_DONE:
        done(p, event.done);
        p->over = true;
        return;
    case REMOTE_FAILED:
        failed(p, event.error);
        return;
    case REMOTE_LOST:
        lost(p, event.error);
        return;
    }
    files_progress(fs);
    if (!p->over && wants_input && input_ready(&fs->input))
        read_input(p);
}

/* The rows cannot come out, but the next input's may: what still comes of this one is dropped. */
static void give_up(struct passage *p) {
    struct remote *r = p->service->remote;
    struct remote_event event;
    enum remote_state state = REMOTE_GOES;
    if (!remote_cancel(r))
        no_memory(p);
    while (!p->fs->enough && state != REMOTE_DONE && state != REMOTE_FAILED) {
        state = remote_step(r, &event);
        if (state == REMOTE_LOST)
            lost(p, event.error);
        else if (state == REMOTE_WAITS)
            wait_for_any(p, false);
    }
}

/* --- an input --- */

/* Finds the header of CSV, as a reader passes it, and writes it. False: it is not to be read. */
static bool find_header(struct files *fs) {
    struct filter *f = &fs->filter;
    struct window *w = &fs->window;
    struct reader_options options = options_reader(fs->job->options, fs->format);
    struct fields fields;
    struct block block = {0};
    struct reader reader = {0};
    struct arena a;
    uint32_t n = 0;
    size_t at = w->at;
    bool more = true;
    arena_init(&a, NULL);
    bool good = fields_build(&fields, &a, NULL, 0) && block_init(&block, 0, true, NULL) &&
                reader_init(&reader, &a, &fields, &options);
    if (!good)
        files_tell(fs, "out of memory");
    while (good && more) {
        block_clear(&block, 0);
        const uint8_t *from = w->data + at;
        const uint8_t *p = reader_fill(&reader, from, w->data + w->n, w->last, &block, &n);
        filter_take_header(f, from, n > 0 ? block.spans[0].p : p);
        at = (size_t)(p - w->data);
        more = n == 0 && !f->has_header && !w->last && reader.status == E_OK;
        good = !more || files_read_on(fs);
    }
    reader_done(&reader);
    block_done(&block);
    arena_done(&a);
    return good && files_put(fs);
}

static bool is_array(const struct window *w) {
    size_t at = w->at;
    while (at < w->n && strchr(" \t\r\n", w->data[at]) && w->data[at])
        at++;
    return at < w->n && w->data[at] == '[';
}

/* A plain file that is not in the window already. Who wants to see how far it is has it sent. */
static bool may_pass(const struct passage *p) {
    const struct files *fs = p->fs;
    return input_is_plain(&fs->input) && fs->input.size > fs->input.start + fs->window.n &&
           !fs->job->options->progress && remote_can(p->service->remote, "payload.descriptor");
}

static bool ask(struct passage *p) {
    struct files *fs = p->fs;
    const struct shell_options *o = fs->job->options;
    struct reader_options rows = options_reader(o, fs->format);
    rows.validate = o->validate;
    struct remote_request request = {
        .query = p->service->query,
        .rows = &rows,
        .skip = o->skip_broken,
        .strict = o->strict,
        .wants_rows = !o->count && !o->quiet,
        .limit = fs->filter.left,
        .fd = p->passed ? fs->input.fd : -1,
        .at = p->passed ? fs->input.start : 0,
    };
    struct error e;
    error_clear(&e);
    if (remote_ask(p->service->remote, &request, &e) == E_OK)
        return true;
    files_failed(fs, &e);
    return false;
}

void service_run(struct service *s, struct files *fs) {
    struct filter *f = &fs->filter;
    struct passage p = {.service = s, .fs = fs};
    watch_output(s, fs->out);
    f->csv = fs->format == INPUT_CSV || fs->format == INPUT_TSV;
    f->has_header = false;
    f->header.len = 0;
    if (f->csv && !fs->job->options->no_header && !find_header(fs))
        return;
    p.elements = fs->format == INPUT_JSONL && is_array(&fs->window);
    p.passed = may_pass(&p);
    if (!ask(&p))
        return;
    while (!p.over)
        step(&p);
    if (p.refused)
        give_up(&p);
    else if (!fs->enough)
        files_put(fs); /* a header comes also where no row does */
    if (p.failed)
        files_tell(fs, fs->input.message);
}
