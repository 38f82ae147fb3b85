/* Plays the golden frames of proto/vectors through a session, by the rules of the README there:
 * what is sent is sent byte for byte, what comes back must mean the same. The Python client's tests
 * play the same files. */
#include "session_unit.h"

#include <dirent.h>

/* --- same meaning --- */

static bool same(struct mp_reader *want, struct mp_reader *got);

static bool same_scalar(struct value a, struct value b) {
    if (a.type != b.type)
        return false;
    if (a.type == T_STR || a.type == T_BIN || a.type == T_EXT)
        return a.n == b.n && memcmp(a.w.p, b.w.p, a.n) == 0;
    if (a.type == T_TIMESTAMP)
        return a.n == b.n && a.w.i == b.w.i;
    return a.type == T_NULL || a.w.u == b.w.u;
}

/* Every key of `want` is in `got` with an equal value. */
static bool same_map(struct value want, struct value got) {
    struct mp_reader w, g;
    uint32_t n, m;
    mp_enter(&w, want, &n);
    for (uint32_t i = 0; i < n; i++) {
        struct mp_reader key = w, value;
        bool found = false;
        mp_skip(&w);
        value = w;
        mp_skip(&w);
        mp_enter(&g, got, &m);
        for (uint32_t k = 0; k < m && !found; k++) {
            struct mp_reader wanted = key;
            if (same(&wanted, &g)) {
                struct mp_reader v = value;
                found = same(&v, &g);
            } else {
                mp_skip(&g);
            }
        }
        if (!found)
            return false;
    }
    return w.status == E_OK && mp_at_end(&w);
}

/* Both readers are behind their values afterwards, whatever the answer. */
static bool same(struct mp_reader *want, struct mp_reader *got) {
    struct value a = mp_read_value(want), b = mp_read_value(got);
    struct mp_reader in_a, in_b;
    uint32_t n, m;
    if (want->status != E_OK || got->status != E_OK || a.type != b.type)
        return false;
    if (a.type == T_MAP)
        return same_map(a, b);
    if (a.type != T_ARRAY)
        return same_scalar(a, b);
    mp_enter(&in_a, a, &n);
    mp_enter(&in_b, b, &m);
    for (uint32_t i = 0; i < n && n == m; i++)
        if (!same(&in_a, &in_b))
            return false;
    return n == m;
}

/* --- frames --- */

static size_t frame_bytes(const uint8_t *p, const uint8_t *end) {
    size_t left = (size_t)(end - p);
    if (left < 4)
        return 0;
    size_t n = (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
    return n <= left - 4 ? 4 + n : 0;
}

/* Kind and id of a message, and for a RESULT the kind of its data. */
struct head {
    uint64_t kind, id;
    struct str form;
};

static struct head head_of(const uint8_t *frame, size_t n) {
    struct mp_reader r;
    struct head h = {0};
    mp_reader_init(&r, frame + 4, n - 4, 64);
    uint32_t count = mp_read_array(&r);
    h.kind = mp_read_value(&r).w.u;
    h.id = mp_read_value(&r).w.u;
    if (r.status == E_OK && h.kind == 66 && count == 6)
        h.form = value_as_str(mp_read_value(&r));
    return h;
}

/* A RESULT that tells of rows, whatever it is cut into; others are compared as they stand. */
static bool is_cut(const struct head *h) {
    return h->kind == 66 && !str_is(h->form, "columns") && !str_is(h->form, "counts");
}

struct stretch {
    const uint8_t *p, *end;
};

/* The RESULTs of one request at the beginning of the stretch, together. */
static struct head take_results(struct stretch *s, struct answer *a) {
    struct head first = {0};
    for (size_t n; (n = frame_bytes(s->p, s->end)) > 0; s->p += n) {
        struct head h = head_of(s->p, n);
        if (h.kind != 66 || (first.kind && h.id != first.id))
            break;
        if (!first.kind)
            first = h;
        assert_int_equal(result_frame(a, s->p, (uint32_t)h.id), n);
    }
    return first;
}

static bool same_bytes(const struct buf *a, const struct buf *b) {
    return a->len == b->len && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

struct player {
    struct talk talk;
    uint64_t automatic[64]; /* ids of requests with "auto" */
    unsigned n_automatic;
    unsigned heard;
};

static bool is_automatic(const struct player *p, uint64_t id) {
    for (unsigned i = 0; i < p->n_automatic; i++)
        if (p->automatic[i] == id)
            return true;
    return false;
}

static bool results_agree(const struct player *p, struct stretch *want, struct stretch *got) {
    struct answer a = {0}, b = {0};
    struct head w = take_results(want, &a), g = take_results(got, &b);
    bool ok = g.kind == 66 && g.id == w.id && same_bytes(&a.rows, &b.rows) &&
              same_bytes(&a.bytes, &b.bytes) && (str_eq(w.form, g.form) || is_automatic(p, w.id));
    answer_done(&a);
    answer_done(&b);
    return ok;
}

/* What comes next out of the session means what is wanted. */
static void hear_group(struct player *p, const struct buf *wanted, const char *name) {
    settle(&p->talk);
    struct stretch want = {wanted->data, wanted->data + wanted->len};
    struct stretch got = {p->talk.out.data + p->talk.at, p->talk.out.data + p->talk.out.len};
    for (size_t n; (n = frame_bytes(want.p, want.end)) > 0; p->heard++) {
        struct head h = head_of(want.p, n);
        if (is_cut(&h)) {
            if (!results_agree(p, &want, &got))
                fail_msg("%s: the RESULTs of request %u differ", name, (unsigned)h.id);
            continue;
        }
        struct mp_reader w, g;
        size_t m = frame_bytes(got.p, got.end);
        if (m == 0)
            fail_msg("%s: no reply, where there should be one to %u", name, (unsigned)h.id);
        mp_reader_init(&w, want.p + 4, n - 4, 64);
        mp_reader_init(&g, got.p + 4, m - 4, 64);
        if (!same(&w, &g) || !mp_at_end(&g)) {
            p->talk.at = (size_t)(got.p - p->talk.out.data);
            fail_msg("%s: request %u: %s", name, (unsigned)h.id, hear(&p->talk));
        }
        want.p += n;
        got.p += m;
    }
    assert_ptr_equal(want.p, want.end); /* else the file is wrong */
    p->talk.at = (size_t)(got.p - p->talk.out.data);
}

/* --- files --- */

/* The hexadecimal of a line; blanks mean nothing. */
static void read_hex(const char *p, struct buf *out) {
    char digits[3] = {0};
    for (unsigned n = 0; *p && *p != '\n'; p++) {
        if (*p == ' ' || *p == '\r')
            continue;
        assert_non_null(strchr("0123456789abcdefABCDEF", *p));
        digits[n++ % 2] = *p;
        if (n % 2 == 0)
            buf_byte(out, (uint8_t)strtoul(digits, NULL, 16));
    }
}

static void note_automatic(struct player *p, const struct buf *sent) {
    static const char OPTION[] = "\xA6result\xA4"
                                 "auto";
    if (!memmem(sent->data, sent->len, OPTION, sizeof OPTION - 1))
        return;
    assert_true(p->n_automatic < COUNT_OF(p->automatic));
    p->automatic[p->n_automatic++] = head_of(sent->data, sent->len).id;
}

static char *read_file(const char *path) {
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    assert_int_equal(fseek(f, 0, SEEK_END), 0);
    size_t n = (size_t)ftell(f);
    rewind(f);
    char *text = calloc(1, n + 1);
    assert_non_null(text);
    assert_int_equal(fread(text, 1, n, f), n);
    fclose(f);
    return text;
}

static const char *next_line(const char *p) {
    const char *end = strchr(p, '\n');
    return end ? end + 1 : p + strlen(p);
}

/* Sends in pieces of this size. */
static void play(const char *path, size_t piece) {
    char *text = read_file(path);
    struct player p = {.n_automatic = 0};
    struct buf wanted = {0};
    const char *last = NULL;
    unsigned groups = 0;
    talk_start(&p.talk, NULL);
    for (const char *line = text; *line; line = next_line(line))
        if (*line == '>')
            last = line;
    assert_non_null(last);
    for (const char *line = text; *line; line = next_line(line)) {
        assert_non_null(strchr("#<>\n", *line));
        if (*line == '<')
            read_hex(line + 1, &wanted);
        if (*line != '>')
            continue;
        struct buf sent = {0};
        read_hex(line + 1, &sent);
        if (wanted.len > 0) {
            hear_group(&p, &wanted, path);
            wanted.len = 0;
            groups++;
        }
        note_automatic(&p, &sent);
        feed(&p.talk, sent.data, sent.len, piece);
        if (line == last)
            session_end(p.talk.s);
        buf_done(&sent);
    }
    hear_group(&p, &wanted, path);
    expect_silence(&p.talk);
    assert_true(session_is_over(p.talk.s));
    assert_true(p.heard > groups);
    buf_done(&wanted);
    free(text);
    talk_stop(&p.talk);
}

static void test_vectors(void **state) {
    (void)state;
    DIR *dir = opendir(TAMIS_VECTORS);
    unsigned files = 0;
    if (!dir)
        fail_msg("no folder %s", TAMIS_VECTORS);
    for (struct dirent *entry; (entry = readdir(dir));) {
        char path[4096];
        const char *dot = strrchr(entry->d_name, '.');
        if (!dot || strcmp(dot, ".txt") != 0)
            continue;
        int n = snprintf(path, sizeof path, "%s/%s", TAMIS_VECTORS, entry->d_name);
        assert_true(n > 0 && (size_t)n < sizeof path);
        play(path, SIZE_MAX);
        play(path, 1);
        files++;
    }
    closedir(dir);
    assert_true(files >= 10);
}

/* The comparison itself: it must see differences. */
static void test_comparison(void **state) {
    (void)state;
    static const struct {
        const char *want, *got;
        bool same;
    } CASES[] = {
        {"[1, {'a': 1}]", "[@d10001, {'b': 2, 'a': @cc01}]", true},
        {"[1, {'a': 1}]", "[1, {'b': 2}]", false},
        {"[1, {'a': 1}]", "[1, {'a': 2}]", false},
        {"[1, {'a': [1]}]", "[1, {'a': [1, 2]}]", false},
        {"[1]", "[1.0]", false},
        {"['x']", "[#78]", false},
        {"[nil]", "[false]", false},
        {"{'a': {'b': 1}, 'c': nil}", "{'c': nil, 'a': {'z': 0, 'b': 1}}", true},
        {"{'a': {'b': 1}}", "{'a': {'b': -1}}", false},
    };
    for (size_t i = 0; i < COUNT_OF(CASES); i++) {
        struct buf a = {0}, b = {0};
        struct mp_reader w, g;
        write_notation(&a, CASES[i].want);
        write_notation(&b, CASES[i].got);
        mp_reader_init(&w, a.data, a.len, 64);
        mp_reader_init(&g, b.data, b.len, 64);
        if (same(&w, &g) != CASES[i].same)
            fail_msg("%s and %s", CASES[i].want, CASES[i].got);
        buf_done(&a);
        buf_done(&b);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_comparison),
        cmocka_unit_test(test_vectors),
    };
    return cmocka_run_group_tests_name("vectors", tests, NULL, NULL);
}
