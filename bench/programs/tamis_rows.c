/* Our row readers alone over a file: some fields of every row into columns, nothing asked of them.
 * Usage: tamis_rows FILE jsonl|csv|msgpack [-v] [-p] FIELD... (-v checks everything, -p takes the
 * portable loops). A field is a name, or names with points between them; in CSV `name:integer` and
 * the like declare a type.
 *
 * The answer: rows, cells that are neither missing nor null, and a hash of their integers and
 * lengths.
 */
#include "contestant.h"

#include "format/reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIELDS_MOST = 16, STEPS_MOST = 64 };

struct job {
    struct reader_options options;
    struct fields fields;
    struct path paths[FIELDS_MOST];
    struct path_step steps[STEPS_MOST];
    struct csv_declared types[FIELDS_MOST];
    uint32_t n_paths, n_steps;
};

static void add_field(struct job *job, char *text) {
    static const char *const TYPES[] = {"text", "integer", "double", "boolean", "timestamp"};
    char *type = strchr(text, ':');
    if (type) {
        *type++ = '\0';
        for (unsigned i = 0; i < sizeof TYPES / sizeof *TYPES; i++)
            if (strcmp(type, TYPES[i]) == 0)
                job->types[job->options.csv.n_types++] =
                    (struct csv_declared){str_of(text), (enum cell_type)i};
    }
    struct path *path = &job->paths[job->n_paths++];
    path->steps = &job->steps[job->n_steps];
    for (char *save, *p = strtok_r(text, ".", &save); p; p = strtok_r(NULL, ".", &save)) {
        job->steps[job->n_steps++].key = str_of(p);
        path->n++;
    }
}

static void add_block(const struct block *b, uint32_t n_columns, uint32_t n,
                      struct answer *answer) {
    for (uint32_t row = 0; row < n; row++)
        for (uint32_t i = 0; i < n_columns; i++) {
            struct value v = column_get(&b->columns[i], row);
            if (v.type > T_NULL)
                answer_add(answer, v.type == T_STR ? v.n : v.type == T_DOUBLE ? 0 : v.w.u);
        }
}

static int run(void *arg, const struct input *input, struct answer *answer) {
    struct job *job = arg;
    struct arena arena;
    struct reader r;
    struct block b;
    struct error e;
    uint32_t n = 0;
    const uint8_t *p = input->bytes, *end = p + input->length;
    arena_init(&arena, NULL);
    if (!reader_init(&r, &arena, &job->fields, &job->options) ||
        !block_init(&b, job->n_paths, true, NULL))
        return 1;
    do {
        block_clear(&b, job->n_paths);
        p = reader_fill(&r, p, end, true, &b, &n);
        add_block(&b, job->n_paths, n, answer);
    } while (n == BLOCK_ROWS && r.status == E_OK);
    answer->rows = r.rows;
    error_clear(&e);
    if (reader_error(&r, &e) != E_OK)
        fprintf(stderr, "tamis_rows: %s\n", e.message);
    block_done(&b);
    reader_done(&r);
    arena_done(&arena);
    return e.status != E_OK;
}

int main(int argc, char **argv) {
    static struct job job = {.options = {.row_depth = 64, .row_fields = 4096}};
    struct arena arena;
    if (argc < 3 || argc > FIELDS_MOST) {
        fprintf(stderr, "usage: tamis_rows FILE jsonl|csv|msgpack [-v] [-p] FIELD...\n");
        return 2;
    }
    job.options.format = strcmp(argv[2], "jsonl") == 0 ? FORMAT_JSONL
                         : strcmp(argv[2], "csv") == 0 ? FORMAT_CSV
                                                       : FORMAT_MSGPACK;
    job.options.csv.types = job.types;
    for (int i = 3; i < argc; i++)
        if (strcmp(argv[i], "-v") == 0)
            job.options.validate = true;
        else if (strcmp(argv[i], "-p") == 0)
            job.options.simd = SIMD_PORTABLE;
        else
            add_field(&job, argv[i]);
    arena_init(&arena, NULL);
    if (!fields_build(&job.fields, &arena, job.paths, job.n_paths))
        return 1;
    int status = contestant_serve(argv[1], run, &job);
    arena_done(&arena);
    return status;
}
