/* Our engine over a file of msgpack rows, through the public API and nothing else, on one thread.
 * Usage: tamis_msgpack FILE CONDITION. The condition is compiled once, before the first run.
 */
#include "contestant.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <tamis/tamis.h>

static int match(void *arg, uint64_t row, const void *bytes, size_t length) {
    (void)bytes;
    (void)length;
    answer_add(arg, row);
    return 0;
}

static int run(void *arg, const struct input *input, struct answer *answer) {
    tamis_error error;
    tamis_counts counts;
    if (tamis_filter_msgpack(arg, input->bytes, input->length, match, answer, &counts, &error)) {
        fprintf(stderr, "tamis: %s (row %" PRIu64 ")\n", error.message, error.row);
        return 1;
    }
    answer->rows = counts.rows;
    return 0;
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: tamis_msgpack FILE CONDITION\n");
        return 2;
    }
    tamis_error error;
    tamis_query *query = tamis_compile(argv[2], strlen(argv[2]), &error);
    if (!query) {
        fprintf(stderr, "tamis: %s (position %" PRIu64 ")\n", error.message, error.position);
        return 1;
    }
    int status = contestant_serve(argv[1], run, query);
    tamis_query_free(query);
    return status;
}
