/* See remote.h. */
#include "remote/state.h"

#include "base/build.h"

#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#define HEAD_BYTES                                                                                 \
    1024u /* of a message around the bytes of rows; more than it takes, and                        \
             no more than every service takes */
#define FIRST_FRAME_MOST 1048576u /* WELCOME, or a last word */
#define KEEP_READS       4        /* more than the kernel holds in one piece */
#define KEPT_MOST        33554432u
#ifdef TAMIS_HOSTILE
#define PIECE_BYTES 50u
#else
#define PIECE_BYTES 262144u
#endif

/* --- steps --- */

/* Why the connection is of no use any more, unless that is known already. */
static enum remote_state lost_for(struct remote *r, struct remote_event *ret, enum status status,
                                  const char *why) {
    r->open = r->streaming = false;
    r->no_output = r->ended = true;
    error_set(&r->error, status, "%s", why);
    ret->error = &r->error;
    return REMOTE_LOST;
}

static enum remote_state lost(struct remote *r, struct remote_event *ret, const char *why) {
    return lost_for(r, ret, E_SYSTEM, why);
}

static enum remote_state no_memory(struct remote *r, struct remote_event *ret) {
    return lost_for(r, ret, E_MEMORY, "out of memory");
}

/* The request is answered. What its input still needs is sent, so that the service forgets it; a
 * descriptor that has not gone is its owner's again. */
static enum remote_state over(struct remote *r, struct remote_event *ret, enum remote_state state) {
    r->open = false;
    r->passed = -1;
    if (r->streaming && !remote_end(r))
        return no_memory(r, ret);
    return state;
}

/* How many rows a result tells: by bits, or numbers. False: it does not tell that. */
static bool count(const struct answer_result *a, uint64_t *ret) {
    uint64_t n = 0;
    for (size_t i = 0; i < a->n; i++)
        n += (uint64_t)__builtin_popcount(a->data[i]);
    *ret = str_is(a->kind, "bitmap") ? n : a->n / 4;
    return str_is(a->kind, "bitmap") || (str_is(a->kind, "indices") && a->n % 4 == 0);
}

static enum remote_state not_asked(struct remote *r, struct remote_event *ret) {
    return lost(r, ret, "the service answers something else than was asked");
}

static enum remote_state take_result(struct remote *r, struct message *m,
                                     struct remote_event *ret) {
    struct answer_result a;
    uint64_t n = 0;
    if (answer_result(m, &a, &r->error) != E_OK)
        return lost(r, ret, "");
    if (r->wants_rows ? !str_is(a.kind, "rows") : !count(&a, &n))
        return not_asked(r, ret);
    r->rows = a.base + a.rows;
    if (!r->wants_rows) {
        r->matched += n;
        return REMOTE_GOES;
    }
    ret->rows = (struct str){(const char *)a.data, a.n};
    return REMOTE_ROWS;
}

static enum remote_state take_error(struct remote *r, struct message *m, struct remote_event *ret) {
    struct error told;
    if (answer_error(m, &told, &r->error) != E_OK)
        return lost(r, ret, "");
    r->error = told;
    ret->error = &r->error;
    if (m->id == 0) /* the last word of the connection */
        return lost(r, ret, "");
    return over(r, ret, REMOTE_FAILED);
}

static enum remote_state take_message(struct remote *r, const uint8_t *p, size_t n,
                                      struct remote_event *ret) {
    struct message m;
    if (answer_read(&m, p, n, &r->error) != E_OK)
        return lost(r, ret, "");
    if (m.kind == MESSAGE_ERROR && m.id == 0)
        return take_error(r, &m, ret);
    if (!r->open || m.id != r->id)
        return lost(r, ret, "the service answers what was not asked");
    if (m.kind == MESSAGE_ERROR)
        return take_error(r, &m, ret);
    if (m.kind == MESSAGE_RESULT)
        return take_result(r, &m, ret);
    if (m.kind != MESSAGE_DONE || answer_done(&m, &r->done, &r->error) != E_OK)
        return not_asked(r, ret);
    r->rows = r->done.rows;
    r->matched = r->done.matched;
    ret->done = &r->done;
    return over(r, ret, REMOTE_DONE);
}

static enum remote_state next_frame(struct remote *r, const uint8_t **p, size_t *n,
                                    struct remote_event *ret) {
    switch (frames_next(&r->frames, r->frame_most, p, n)) {
    case FRAME_READY:
        return REMOTE_GOES;
    case FRAME_NONE:
        return REMOTE_WAITS;
    case FRAME_TOO_LARGE:
        return lost(r, ret, "what listens there does not speak the protocol of tamis");
    case FRAME_NO_MEMORY:
        break;
    }
    return no_memory(r, ret);
}

/* A message that has come, or the bytes that there are. */
static enum remote_state next_message(struct remote *r, const uint8_t **p, size_t *n,
                                      struct remote_event *ret) {
    enum remote_state state = next_frame(r, p, n, ret);
    if (state != REMOTE_WAITS)
        return state;
    bool wrote = remote_write(r), read = remote_read(r);
    state = next_frame(r, p, n, ret);
    if (state != REMOTE_WAITS)
        return state;
    if (r->ended)
        return lost(r, ret, "the service has closed the connection");
    *p = NULL;
    return wrote || read ? REMOTE_GOES : REMOTE_WAITS;
}

enum remote_state remote_step(struct remote *r, struct remote_event *ret) {
    const uint8_t *p = NULL;
    size_t n = 0;
    *ret = (struct remote_event){0};
    enum remote_state state = next_message(r, &p, &n, ret);
    return state == REMOTE_GOES && p ? take_message(r, p, n, ret) : state;
}

void remote_keep(struct remote *r) {
    for (int i = 0; i < KEEP_READS && r->frames.in.len < KEPT_MOST && remote_read(r); i++)
        continue;
}

int remote_fd(const struct remote *r) { return r->fd; }

short remote_events(const struct remote *r) {
    return (short)(POLLIN | (!r->no_output && r->out_at < r->out.len ? POLLOUT : 0));
}

uint64_t remote_rows(const struct remote *r) { return r->rows; }
uint64_t remote_matched(const struct remote *r) { return r->matched; }

/* --- requests --- */

enum status remote_ask(struct remote *r, const struct remote_request *request, struct error *e) {
    r->rows = r->matched = 0;
    error_clear(&r->error);
    if (!remote_write_filter(r, request))
        return error_set(e, E_MEMORY, "out of memory for the request");
    r->open = true;
    r->wants_rows = request->wants_rows;
    r->streaming = request->fd < 0;
    return E_OK;
}

size_t remote_wants(const struct remote *r) {
    return r->streaming && r->open && !r->no_output && r->out_at == r->out.len ? r->piece_most : 0;
}

bool remote_give(struct remote *r, const uint8_t *p, size_t n) {
    return remote_write_rows(r, p, n);
}

bool remote_end(struct remote *r) {
    r->streaming = false;
    return remote_write_bare(r, MESSAGE_END);
}

bool remote_cancel(struct remote *r) {
    r->streaming = false;
    return remote_write_bare(r, MESSAGE_CANCEL);
}

/* --- waiting for an answer --- */

/* The answer to the request whose frame has been made: of that kind, or an error. */
static enum status wait_for(struct remote *r, enum message_kind kind, struct message *ret,
                            const uint8_t **ret_p, size_t *ret_n, struct error *e) {
    struct remote_event event = {0};
    enum remote_state state;
    error_clear(&r->error);
    do {
        struct pollfd wait = {.fd = r->fd, .events = remote_events(r)};
        *ret_p = NULL;
        state = next_message(r, ret_p, ret_n, &event);
        if (state == REMOTE_WAITS)
            poll(&wait, 1, -1);
    } while (state == REMOTE_WAITS || (state == REMOTE_GOES && !*ret_p));
    if (state == REMOTE_GOES && answer_read(ret, *ret_p, *ret_n, &r->error) == E_OK) {
        if (ret->kind == kind && ret->id == r->id)
            return E_OK;
        if (ret->kind == MESSAGE_ERROR)
            take_error(r, ret, &event);
    }
    error_set(&r->error, E_BAD_MESSAGE, "the service answers something else than was asked");
    *e = r->error;
    return e->status;
}

enum status remote_explain(struct remote *r, const struct remote_query *q,
                           struct answer_explained *ret, struct error *e) {
    struct message m;
    const uint8_t *p;
    size_t n;
    if (!remote_write_explain(r, q))
        return error_set(e, E_MEMORY, "out of memory for the request");
    enum status status = wait_for(r, MESSAGE_EXPLAINED, &m, &p, &n, e);
    return status == E_OK ? answer_explained(&m, ret, e) : status;
}

/* --- the connection --- */

static enum status take_welcome(struct remote *r, struct message *m, struct error *e) {
    struct answer_welcome w;
    if (answer_welcome(m, &w, e) != E_OK)
        return e->status;
    if (w.version != 1)
        return error_set(e, E_VERSION, "the service speaks version %llu of the protocol",
                         (unsigned long long)w.version);
    if (w.frame_bytes > 0 && w.frame_bytes < HEAD_BYTES)
        return error_set(e, E_BAD_MESSAGE, "the service takes messages of %llu bytes at most",
                         (unsigned long long)w.frame_bytes);
    r->capabilities = w.capabilities;
    r->stall_ms = w.stall_ms;
    uint64_t frame = w.frame_bytes > 0 ? w.frame_bytes : PIECE_BYTES + HEAD_BYTES,
             most = w.row_bytes > w.frame_bytes ? w.row_bytes : w.frame_bytes;
    const uint64_t beside = CHUNK_BYTES + HEAD_BYTES; /* a chunk ends with the row that passes it */
    r->frame_most = most < UINT32_MAX - beside ? (uint32_t)(most + beside) : UINT32_MAX;
    r->piece_most = frame >= PIECE_BYTES + HEAD_BYTES ? PIECE_BYTES
                    : frame > 2 * HEAD_BYTES          ? (size_t)frame - HEAD_BYTES
                                                      : (size_t)frame / 2;
    return E_OK;
}

static enum status greet(struct remote *r, struct error *e) {
    struct message m;
    const uint8_t *p;
    size_t n;
    if (!remote_write_hello(r))
        return error_set(e, E_MEMORY, "out of memory");
    enum status status = wait_for(r, MESSAGE_WELCOME, &m, &p, &n, e);
    if (status != E_OK)
        return status;
    if (!frames_take(&r->frames, p, n, &r->welcome))
        return error_set(e, E_MEMORY, "out of memory");
    message_move(&m, r->welcome.data);
    return take_welcome(r, &m, e);
}

struct remote *remote_open(int fd, struct error *e) {
    struct remote *r = calloc(1, sizeof *r);
    if (!r) {
        close(fd);
        error_set(e, E_MEMORY, "out of memory");
        return NULL;
    }
    r->fd = fd;
    r->passed = -1;
    r->frame_most = FIRST_FRAME_MOST;
    r->capabilities = value_missing();
    frames_init(&r->frames, NULL, NULL);
    error_clear(&r->error);
    if (greet(r, e) == E_OK)
        return r;
    remote_free(r);
    return NULL;
}

struct remote *remote_connect(const char *path, struct error *e) {
    int fd = remote_socket(path, e);
    return fd < 0 ? NULL : remote_open(fd, e);
}

void remote_free(struct remote *r) {
    if (!r)
        return;
    close(r->fd);
    frames_done(&r->frames);
    buf_done(&r->out);
    buf_done(&r->welcome);
    free(r);
}

bool remote_can(const struct remote *r, const char *capability) {
    struct mp_reader list;
    uint32_t n = 0;
    if (r->capabilities.type == T_ARRAY)
        mp_enter(&list, r->capabilities, &n);
    for (uint32_t i = 0; i < n; i++) {
        struct value v = mp_read_value(&list);
        if (v.type == T_STR && str_is(value_as_str(v), capability))
            return true;
    }
    return false;
}

uint64_t remote_stall_ms(const struct remote *r) { return r->stall_ms; }
