/* Any bytes as JSON: the same rows whole and in pieces, by the fast and the portable loops; what
 * full validation accepts the default accepts with the same values; limits that are met do no harm.
 *
 * The first byte chooses: bit 0 full validation, bit 1 going on behind broken rows, the rest the
 * piece. */
#include "reader_check.h"

#define KEY(text)                                                                                  \
    {                                                                                              \
        .key = { text, sizeof(text) - 1 }                                                          \
    }
#define INDEX(i)                                                                                   \
    { .index = (i) }

static const struct path_step A[] = {KEY("a")};
static const struct path_step AB[] = {KEY("a"), KEY("b")};
static const struct path_step AB1C[] = {KEY("a"), KEY("b"), INDEX(1), KEY("c")};
static const struct path_step A0[] = {KEY("a"), INDEX(0)};
static const struct path_step B[] = {KEY("b")};
static const struct path_step C2[] = {KEY("c"), INDEX(2)};
static const struct path_step LONG1[] = {KEY("a name longer than what is remembered 1")};
static const struct path_step LONG2[] = {KEY("a name longer 2")};
static const struct path_step EMPTY[] = {KEY("")};

#define PATH(steps)                                                                                \
    { steps, sizeof(steps) / sizeof *(steps) }
static const struct path PATHS[] = {PATH(A),  PATH(AB),    PATH(AB1C),  PATH(A0),    PATH(B),
                                    PATH(C2), PATH(LONG1), PATH(LONG2), PATH(EMPTY), {NULL, 0}};
enum { N_PATHS = sizeof PATHS / sizeof *PATHS };

/* Names alone: rows may pass the sieve. Of all, or of the first two, which short rows have. */
static const struct path NAMES[] = {PATH(A), PATH(B), PATH(LONG1), PATH(LONG2)};
enum { N_NAMES = sizeof NAMES / sizeof *NAMES };

static void check_names(uint32_t n, const uint8_t *data, size_t size, bool skip,
                        size_t piece_bytes) {
    struct arena arena;
    struct fields fields;
    arena_init(&arena, NULL);
    FUZZ_CHECK(fields_build(&fields, &arena, NAMES, n));
    struct dump d = {.fields = &fields,
                     .options = {.format = FORMAT_JSONL, .row_depth = 6, .row_fields = 40},
                     .skip = skip};
    struct buf one = dump_every_way(d, data, size, piece_bytes);
    buf_done(&one);
    arena_done(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena arena;
    struct fields fields;
    if (size == 0)
        return 0;
    uint8_t choice = *data++;
    size--;
    arena_init(&arena, NULL);
    FUZZ_CHECK(fields_build(&fields, &arena, PATHS, N_PATHS));
    struct dump d = {
        .fields = &fields,
        .options = {.format = FORMAT_JSONL,
                    .validate = choice & 1,
                    .row_depth = 6,
                    .row_fields = 20},
        .skip = choice & 2,
    };
    struct buf one = dump_every_way(d, data, size, 1u + (choice >> 2)), other = {0};
    if (d.options.validate && !memmem(one.data, one.len, "fault ", 6)) {
        d.options.validate = false;
        FUZZ_CHECK(dump_reader(&other, &d, data, size));
        same_dump(&one, &other, "without validation");
    }
    d.options.row_bytes = 40;
    d.piece_bytes = 1u + (choice >> 2);
    buf_done(&other);
    FUZZ_CHECK(dump_reader(&other, &d, data, size));
    buf_done(&other);
    buf_done(&one);
    arena_done(&arena);
    check_names(N_NAMES, data, size, choice & 2, 1u + (choice >> 2));
    check_names(2, data, size, choice & 2, 1u + (choice >> 2));
    return 0;
}
