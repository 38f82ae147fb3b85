/* Any bytes as msgpack rows, one behind the other, through one scanner, twice (so that it remembers
 * keys of other rows, and of the very same ones): held to the slow reader by scan_check.h.
 *
 * The wanted fields have every shape: a leaf that is also a container (a, a.b), children by name
 * and by index of one field, siblings with long equal beginnings, the empty name. */
#include "scan_check.h"

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
static const struct path_step A00A[] = {KEY("a"), INDEX(0), INDEX(0), KEY("a")};
static const struct path_step B[] = {KEY("b")};
static const struct path_step C2[] = {KEY("c"), INDEX(2)};
static const struct path_step DAB[] = {KEY("d"), KEY("a"), KEY("b")};
static const struct path_step DAC[] = {KEY("d"), KEY("a"), KEY("c")};
static const struct path_step LONG1[] = {KEY("a key longer than a word 1")};
static const struct path_step LONG2[] = {KEY("a key longer than a word 2")};
static const struct path_step EMPTY[] = {KEY("")};

#define PATH(steps)                                                                                \
    { steps, sizeof(steps) / sizeof *(steps) }
static const struct path PATHS[] = {
    PATH(A),  PATH(AB),  PATH(AB1C), PATH(A0),    PATH(A00A),  PATH(B),
    PATH(C2), PATH(DAB), PATH(DAC),  PATH(LONG1), PATH(LONG2), PATH(EMPTY),
};
enum { N_PATHS = sizeof PATHS / sizeof *PATHS, DEPTH = 6, WIDTH = 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct budget budget;
    struct arena arena;
    struct fields fields;
    struct scanner scanner;
    struct block block = {0};
    budget_init(&budget, 0);
    arena_init(&arena, &budget);
    FUZZ_CHECK(fields_build(&fields, &arena, PATHS, N_PATHS));
    FUZZ_CHECK(scanner_init(&scanner, &arena, &fields, DEPTH, WIDTH));
    FUZZ_CHECK(block_init(&block, N_PATHS, false, &budget));
    size_t before = budget.used_bytes;
    size_t rows = scan_all_checked(&scanner, PATHS, data, data + size, &block);
    FUZZ_CHECK(scan_all_checked(&scanner, PATHS, data, data + size, &block) == rows);
    scanner_forget(&scanner);
    FUZZ_CHECK(budget.used_bytes == before); /* nothing is allocated a row */
    block_done(&block);
    arena_done(&arena);
    FUZZ_CHECK(budget.used_bytes == 0);
    return 0;
}
