/* What a row reader makes of a file, as text (reader_dump.h), for the tests in Python.
 *
 * usage: format_tool msgpack|jsonl|csv FILE [OPTION...] [-- PATH...]
 *   validate portable avx2 skip ragged no_header no_quotes documents
 *   piece=BYTES depth=N fields=N row_bytes=N delimiter=C quote=C names=a,b types=a:integer,b:double
 * A PATH is names and [indexes]: a.b[0]; "." is the row itself. With `documents` the file is many
 * inputs as in documents.h, and the output is that of each. */
#include "documents.h"
#include "reader_dump.h"

#include <stdio.h>
#include <stdlib.h>

enum { MOST = 64, STEPS_MOST = 256 };

struct tool {
    struct dump dump;
    struct path paths[MOST];
    struct path_step steps[STEPS_MOST];
    struct str names[MOST];
    struct csv_declared types[MOST];
    uint32_t n_paths, n_steps;
    bool documents;
};

static _Noreturn void usage(const char *what) {
    fprintf(stderr, "format_tool: %s\n", what);
    exit(2);
}

static void add_path(struct tool *t, char *text) {
    if (t->n_paths == MOST)
        usage("too many paths");
    struct path *path = &t->paths[t->n_paths++];
    path->steps = &t->steps[t->n_steps];
    if (strcmp(text, ".") == 0)
        return;
    for (char *save, *p = strtok_r(text, ".[", &save); p; p = strtok_r(NULL, ".[", &save)) {
        size_t n = strlen(p);
        if (t->n_steps == STEPS_MOST)
            usage("too many steps");
        if (p[n - 1] == ']')
            t->steps[t->n_steps++].index = (uint32_t)strtoul(p, NULL, 10);
        else
            t->steps[t->n_steps++].key = (struct str){p, n};
        path->n++;
    }
}

static enum cell_type type_named(const char *name) {
    static const char *const NAMES[] = {"text", "integer", "double", "boolean", "timestamp"};
    for (unsigned i = 0; i < sizeof NAMES / sizeof *NAMES; i++)
        if (strcmp(name, NAMES[i]) == 0)
            return (enum cell_type)i;
    usage("no such type");
}

static void add_list(struct tool *t, char *text, bool types) {
    struct csv_options *o = &t->dump.options.csv;
    for (char *save, *p = strtok_r(text, ",", &save); p; p = strtok_r(NULL, ",", &save)) {
        char *type = types ? strchr(p, ':') : NULL;
        if (o->n_names == MOST || o->n_types == MOST || (types && !type))
            usage("bad list");
        if (type) {
            *type++ = '\0';
            t->types[o->n_types++] = (struct csv_declared){str_of(p), type_named(type)};
        } else {
            t->names[o->n_names++] = str_of(p);
        }
    }
}

static void set_option(struct tool *t, char *text) {
    struct reader_options *o = &t->dump.options;
    const struct {
        const char *name;
        bool *flag;
    } FLAGS[] = {{"validate", &o->validate},       {"skip", &t->dump.skip},
                 {"documents", &t->documents},     {"ragged", &o->csv.ragged},
                 {"no_header", &o->csv.no_header}, {"no_quotes", &o->csv.no_quotes}};
    for (unsigned i = 0; i < sizeof FLAGS / sizeof *FLAGS; i++)
        if (strcmp(text, FLAGS[i].name) == 0) {
            *FLAGS[i].flag = true;
            return;
        }
    char *value = strchr(text, '=');
    if (strcmp(text, "portable") == 0 || strcmp(text, "avx2") == 0) {
        o->simd = *text == 'p' ? SIMD_PORTABLE : SIMD_AVX2;
        return;
    }
    if (!value)
        usage("no such option");
    *value++ = '\0';
    if (strcmp(text, "piece") == 0)
        t->dump.piece_bytes = strtoull(value, NULL, 10);
    else if (strcmp(text, "depth") == 0)
        o->row_depth = (uint32_t)strtoul(value, NULL, 10);
    else if (strcmp(text, "fields") == 0)
        o->row_fields = (uint32_t)strtoul(value, NULL, 10);
    else if (strcmp(text, "row_bytes") == 0)
        o->row_bytes = strtoull(value, NULL, 10);
    else if (strcmp(text, "delimiter") == 0)
        o->csv.delimiter = (uint8_t)*value;
    else if (strcmp(text, "quote") == 0)
        o->csv.quote = (uint8_t)*value;
    else if (strcmp(text, "names") == 0 || strcmp(text, "types") == 0)
        add_list(t, value, *text == 't');
    else
        usage("no such option");
}

/* What there is to say of the input, or of each of the inputs. */
static bool dump_all(struct buf *out, const struct tool *t, const uint8_t *data, size_t n) {
    size_t at = 0, size;
    bool made = true;
    if (!t->documents)
        return dump_reader(out, &t->dump, data, n);
    for (const uint8_t *p; made && (p = documents_next(data, n, &at, &size));)
        made = dump_reader(out, &t->dump, p, size);
    return made;
}

int main(int argc, char **argv) {
    static struct tool t = {.dump.options = {.row_depth = 64, .row_fields = 4096}};
    struct arena arena;
    struct fields fields;
    struct buf out = {0};
    size_t n;
    int i = 3;
    if (argc < 3)
        usage("a format and a file");
    t.dump.options.format = *argv[1] == 'm'   ? FORMAT_MSGPACK
                            : *argv[1] == 'j' ? FORMAT_JSONL
                                              : FORMAT_CSV;
    t.dump.options.csv.names = t.names;
    t.dump.options.csv.types = t.types;
    for (; i < argc && strcmp(argv[i], "--") != 0; i++)
        set_option(&t, argv[i]);
    for (i++; i < argc; i++)
        add_path(&t, argv[i]);
    arena_init(&arena, NULL);
    if (!fields_build(&fields, &arena, t.paths, t.n_paths))
        usage("out of memory");
    t.dump.fields = &fields;
    uint8_t *data = documents_read(argv[2], &n);
    bool made = dump_all(&out, &t, data, n);
    if (out.len > 0)
        fwrite(out.data, 1, out.len, stdout);
    buf_done(&out);
    free(data);
    arena_done(&arena);
    return made ? 0 : 2;
}
