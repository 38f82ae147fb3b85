/* Where the structure is: the fast and the portable loops of json_index.c and csv_index.c against
 * each other and against a loop over bytes, on random texts of the characters that matter. */
#include "format/csv.h"
#include "format/json_index.h"

#include "mp_unit.h"

enum { TEXT_MOST = 700, ROUNDS = 4000 };

static uint64_t next_random(uint64_t *seed) {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

/* A text in which some characters are rare, so that there are long runs too. */
static struct bytes random_text(uint64_t *seed, const char *letters, size_t n_letters) {
    uint8_t text[TEXT_MOST];
    size_t n = next_random(seed) % TEXT_MOST, few = 1 + next_random(seed) % n_letters;
    for (size_t i = 0; i < n; i++) {
        uint64_t r = next_random(seed) >> 8;
        text[i] = (uint8_t)letters[r % 5 == 0 ? (r >> 8) % n_letters : (r >> 8) % few];
    }
    return bytes_copy(text, n);
}

/* --- JSON --- */

struct found {
    size_t n, bad;
    size_t at[TEXT_MOST];
};

static void json_slowly(struct bytes b, uint8_t row_end, struct found *f) {
    bool in_string = false, escaped = false, quoted = false;
    *f = (struct found){.bad = SIZE_MAX};
    for (size_t i = 0; i < b.n; i++) {
        uint8_t c = b.p[i];
        bool was_escaped = escaped;
        escaped = !escaped && c == '\\';
        if (in_string && c < 0x20)
            f->bad = i;
        else if (c == '"' && !was_escaped && !in_string && quoted)
            f->bad = i;
        if (f->bad != SIZE_MAX)
            return;
        if (c == '"' && !was_escaped) {
            quoted = true;
            in_string = !in_string;
        } else if (!in_string && (c == row_end || (c && strchr("{}[]:,", c)))) {
            f->at[f->n++] = i;
            quoted = false;
        }
    }
}

static void json_by(struct json_index *x, struct bytes b, enum json_loops loops, uint8_t row_end,
                    size_t step, struct found *f) {
    *f = (struct found){.bad = SIZE_MAX};
    x->loops = loops;
    x->row_end = row_end;
    json_index_begin(x, b.p, b.p + b.n);
    for (;;) {
        json_index_next(x, step);
        if (x->n == 0)
            break;
        for (uint32_t i = 0; i < x->n; i++)
            f->at[f->n++] = (size_t)(x->base + x->at[i] - b.p);
    }
    if (x->bad)
        f->bad = (size_t)(x->bad - b.p);
}

static void assert_found(const struct found *got, const struct found *want) {
    assert_int_equal(got->bad, want->bad);
    assert_int_equal(got->n, want->n);
    assert_memory_equal(got->at, want->at, want->n * sizeof *want->at);
}

static void test_json(void **state) {
    (void)state;
    static const char LETTERS[] = "a \"\"\\{}[]:,\n\x1F\x0C\x1A\xFF\xBA\t\r\0;z|";
    struct json_index *x = keep(calloc(1, sizeof *x));
    struct found want, got;
    uint64_t seed = 42;
    size_t bad = 0;
    for (int i = 0; i < ROUNDS; i++) {
        struct bytes b = random_text(&seed, LETTERS, sizeof LETTERS - 1);
        uint8_t row_end = i % 2 ? '\n' : ',';
        json_slowly(b, row_end, &want);
        bad += want.bad != SIZE_MAX;
        for (int loops = LOOPS_PORTABLE; loops <= (int)json_index_loops(); loops++) {
            json_by(x, b, (enum json_loops)loops, row_end, (i + loops) % 3 ? 64 : 100000, &got);
            assert_found(&got, &want);
        }
        free(kept.p[--kept.n]);
    }
    assert_true(bad > ROUNDS / 4 && bad < ROUNDS);
}

/* --- CSV --- */

/* Up to where the positions can judge: the ends of cells, and which of them end a record. */
static void csv_slowly(const struct csv_dialect *d, struct bytes b, struct found *ends,
                       struct found *records) {
    bool inside = false;
    *ends = *records = (struct found){.bad = SIZE_MAX};
    for (size_t i = 0; i < b.n; i++) {
        uint8_t c = b.p[i], before = i > 0 ? b.p[i - 1] : '\n';
        bool quote = d->quotes && c == d->quote,
             was_quote = i > 0 && d->quotes && before == d->quote;
        bool closed = was_quote && !inside;
        bool end = !inside && (c == d->delimiter || c == '\n');
        if (quote && !inside && before != d->delimiter && before != '\n' && !was_quote)
            ends->bad = i; /* opens in the middle of a cell */
        if (closed && !quote && !end && c != '\r')
            ends->bad = i; /* something behind a quote that closes */
        if (i > 1 && before == '\r' && d->quotes && b.p[i - 2] == d->quote && !inside && c != '\n')
            ends->bad = i; /* a carriage return alone there */
        if (ends->bad != SIZE_MAX)
            return;
        if (quote)
            inside = !inside;
        if (end && c == '\n')
            records->at[records->n++] = ends->n;
        if (end)
            ends->at[ends->n++] = i;
    }
}

static void csv_by(struct csv_index *x, const struct csv_dialect *d, struct bytes b, bool portable,
                   struct found *ends, struct found *records) {
    csv_index(x, d, b.p, b.p + b.n, portable);
    *ends = *records = (struct found){.bad = SIZE_MAX};
    for (uint32_t i = 0; i < x->n; i++)
        ends->at[ends->n++] = x->at[i];
    for (uint32_t i = 0; i < x->n_ends; i++)
        records->at[records->n++] = x->ends[i];
    if (x->bad)
        ends->bad = (size_t)(x->bad - b.p);
}

static void test_csv(void **state) {
    (void)state;
    static const char LETTERS[] = "ab,\n\",\r\"\n ;'\t\xFF";
    static const struct csv_dialect DIALECTS[] = {
        {',', '"', true}, {';', '\'', true}, {'\t', '"', true}, {',', '"', false}};
    struct csv_index *x = keep(calloc(1, sizeof *x));
    struct found ends, records, got, got_records;
    uint64_t seed = 4711;
    size_t bad = 0;
    for (int i = 0; i < 4 * ROUNDS; i++) {
        const struct csv_dialect *d = &DIALECTS[i % 4];
        struct bytes b = random_text(&seed, LETTERS, sizeof LETTERS - 1);
        if (b.n > CSV_WINDOW_BYTES)
            b.n = CSV_WINDOW_BYTES;
        csv_slowly(d, b, &ends, &records);
        bad += ends.bad != SIZE_MAX;
        for (int portable = 0; portable < 2; portable++) {
            csv_by(x, d, b, portable || !csv_index_is_fast(), &got, &got_records);
            if (got.bad != SIZE_MAX && ends.bad == SIZE_MAX) {
                assert_int_equal(got.bad, b.n); /* the end of the input behind a quote */
                got.bad = SIZE_MAX;
            }
            assert_found(&got, &ends);
            assert_found(&got_records, &records);
        }
        free(kept.p[--kept.n]);
    }
    assert_true(bad > ROUNDS && bad < 4 * ROUNDS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        value_test(test_json),
        value_test(test_csv),
    };
    return cmocka_run_group_tests_name("structure", tests, NULL, NULL);
}
