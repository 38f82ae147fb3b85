/* Any bytes as CSV: the same rows whole and in pieces, by the fast and the portable loops; limits
 * that are met do no harm.
 *
 * The first two bytes choose: validation, going on behind broken rows, ragged rows, no header,
 * given names, another delimiter and quote, no quotes; and the piece, and whether rows are wanted
 * whole. */
#include "reader_check.h"

static const struct path_step A = {.key = {"a", 1}}, B = {.key = {"b", 1}}, C2 = {.key = {"c2", 2}};
static const struct path_step EMPTY = {.key = {"", 0}};
static const struct path_step AB[] = {{.key = {"a", 1}}, {.key = {"b", 1}}};
static const struct path PATHS[] = {{&A, 1}, {&B, 1}, {&C2, 1}, {&EMPTY, 1}, {AB, 2}, {NULL, 0}};
static const struct str NAMES[] = {{"b", 1}, {"c2", 2}, {"b", 1}};
static const struct csv_declared TYPES[] = {{{"b", 1}, CELL_DOUBLE}, {{"c2", 2}, CELL_INTEGER}};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena arena;
    struct fields fields;
    if (size < 2)
        return 0;
    uint8_t choice = data[0], piece = data[1] & 127;
    bool whole = data[1] & 128;
    data += 2;
    size -= 2;
    arena_init(&arena, NULL);
    FUZZ_CHECK(fields_build(&fields, &arena, PATHS, whole ? 6 : 5));
    bool named = choice & 16;
    struct dump d = {
        .fields = &fields,
        .options = {.format = FORMAT_CSV,
                    .validate = choice & 1,
                    .row_depth = 6,
                    .row_fields = 20,
                    .csv = {.ragged = choice & 4,
                            .no_header = choice & 8,
                            .names = NAMES,
                            .n_names = named ? 3 : 0,
                            .types = TYPES,
                            .n_types = named ? 2 : 0,
                            .delimiter = choice & 32 ? '\t' : 0,
                            .quote = choice & 64 ? '\'' : 0,
                            .no_quotes = choice & 128}},
        .skip = choice & 2,
    };
    struct buf one = dump_every_way(d, data, size, 1u + piece), other = {0};
    d.options.row_bytes = 40;
    d.piece_bytes = 1u + piece;
    FUZZ_CHECK(dump_reader(&other, &d, data, size));
    buf_done(&other);
    buf_done(&one);
    arena_done(&arena);
    return 0;
}
