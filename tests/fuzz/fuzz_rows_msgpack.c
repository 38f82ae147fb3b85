/* Any bytes as a stream of msgpack rows or an array of them, through the reader: whole and in
 * pieces the same rows, and a fault in all or in none. (Which one may differ: whole, a count beyond
 * the input is found before what is never valid further on.) */
#include "reader_check.h"

static const struct path_step A[] = {{.key = {"a", 1}}, {.key = {"b", 1}}, {.index = 0}};
static const struct path PATHS[] = {{A, 1}, {A, 2}, {A, 3}};

/* Cuts the line of the fault down to its first word. */
static void drop_fault(struct buf *out) {
    uint8_t *fault = out->len > 0 ? memmem(out->data, out->len, "fault ", 6) : NULL;
    if (fault)
        out->len = (size_t)(fault - out->data) + 5;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const size_t PIECES[] = {0, 1, 2, 7, 64};
    struct arena arena;
    struct fields fields;
    struct buf whole = {0};
    arena_init(&arena, NULL);
    FUZZ_CHECK(fields_build(&fields, &arena, PATHS, 3));
    struct dump d = {.fields = &fields,
                     .options = {.format = FORMAT_MSGPACK, .row_depth = 6, .row_fields = 20}};
    for (unsigned i = 0; i < sizeof PIECES / sizeof *PIECES; i++) {
        struct buf out = {0};
        d.piece_bytes = PIECES[i];
        FUZZ_CHECK(dump_reader(&out, &d, data, size));
        drop_fault(&out);
        if (i == 0) {
            buf_take(&out, &whole);
            continue;
        }
        same_dump(&whole, &out, "in pieces");
        buf_done(&out);
    }
    d.options.row_bytes = 30;
    struct buf out = {0};
    FUZZ_CHECK(dump_reader(&out, &d, data, size));
    buf_done(&out);
    buf_done(&whole);
    arena_done(&arena);
    return 0;
}
