/* See options.h. Written by hand and not with getopt_long, which would take "--lim" for --limit: an
 * abbreviation that works today and means something else after the next release. */
#include "shell/options.h"

#include "base/amount.h"
#include "base/spell.h"
#include "shell/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROW_BYTES_DEFAULT ((size_t)64 << 20)
#define ROW_BYTES_MOST    ((uint64_t)1 << 31)
#define THREADS_MOST      256u

struct parse {
    struct shell_options *o;
    struct arena *arena;
    bool wrong; /* and told */
};

/* --- values --- */

static void take_number(struct parse *p, const char *name, const char *text, bool suffixes,
                        uint64_t least, uint64_t most, uint64_t *ret) {
    uint64_t n;
    if (amount_parse(text, suffixes, &n) && n >= least && n <= most) {
        *ret = n;
        return;
    }
    p->wrong = true;
    if (most == UINT64_MAX)
        report("--%s: \"%s\" is not a number of rows", name, text);
    else
        report("--%s: \"%s\" is not a number from %llu to %llu%s", name, text,
               (unsigned long long)least, (unsigned long long)most,
               suffixes ? " (K, M or G may follow)" : "");
}

static void take_limit(struct parse *p, const char *value) {
    take_number(p, "limit", value, false, 0, UINT64_MAX, &p->o->limit);
}

static void take_threads(struct parse *p, const char *value) {
    uint64_t n = 1;
    take_number(p, "threads", value, false, 0, THREADS_MOST, &n);
    long online = n == 0 ? sysconf(_SC_NPROCESSORS_ONLN) : 0;
    p->o->threads = n > 0 ? (unsigned)n : online > 0 ? (unsigned)online : 1;
}

static void take_connect(struct parse *p, const char *value) { p->o->connect = value; }

static void take_row_bytes(struct parse *p, const char *value) {
    uint64_t n = p->o->row_bytes;
    take_number(p, "row-bytes", value, true, 1, ROW_BYTES_MOST, &n);
    p->o->row_bytes = (size_t)n;
}

static void take_completion(struct parse *p, const char *value) {
    p->o->completion = value;
    if (strcmp(value, "bash") == 0 || strcmp(value, "zsh") == 0 || strcmp(value, "fish") == 0)
        return;
    p->wrong = true;
    report("--completion: \"%s\" is not bash, zsh or fish", value);
}

static void take_query_file(struct parse *p, const char *value) { p->o->query_file = value; }

/* Room for every argument is there: see options_parse. */
static void take_param(struct parse *p, const char *value) {
    p->o->params.at[p->o->params.n++] = value;
}

static void take_format(struct parse *p, const char *value) {
    p->o->format = input_format_named(value);
    if (p->o->format == INPUT_UNKNOWN) {
        p->wrong = true;
        report("--format: \"%s\" is not jsonl, csv, tsv or msgpack", value);
    }
}

static void take_to(struct parse *p, const char *value) {
    p->o->to = input_format_named(value);
    if (p->o->to == INPUT_UNKNOWN) {
        p->wrong = true;
        report("--to: \"%s\" is not jsonl, csv, tsv or msgpack", value);
    }
}

static void take_select(struct parse *p, const char *value) {
    struct error e;
    error_clear(&e);
    if (selection_parse(&p->o->selection, str_of(value), p->arena, &e) == E_OK)
        return;
    p->wrong = true;
    report_query_error(str_of(value), "--select: ", &e);
}

static void take_on_error(struct parse *p, const char *value) {
    p->o->skip_broken = strcmp(value, "skip") == 0;
    if (!p->o->skip_broken && strcmp(value, "fail") != 0) {
        p->wrong = true;
        report("--on-error: \"%s\" is not fail or skip", value);
    }
}

static void take_delimiter(struct parse *p, const char *value) {
    bool tab = strcmp(value, "tab") == 0 || strcmp(value, "\\t") == 0;
    unsigned char c = tab ? '\t' : (unsigned char)*value;
    if ((tab || strlen(value) == 1) && c != '"' && c != '\n' && c != '\r' && c < 0x80)
        p->o->csv.delimiter = c;
    else {
        p->wrong = true;
        report("--delimiter: \"%s\" is not one character of ASCII, or \"tab\"", value);
    }
}

/* The next of the parts of a list with commas between them. */
static bool next_part(const char **at, struct str *ret) {
    if (!*at)
        return false;
    const char *end = strchr(*at, ',');
    *ret = (struct str){*at, end ? (size_t)(end - *at) : strlen(*at)};
    *at = end ? end + 1 : NULL;
    return true;
}

static uint32_t count_parts(const char *text) {
    uint32_t n = 1;
    for (; *text; text++)
        n += *text == ',';
    return n;
}

static bool no_memory(struct parse *p) {
    p->wrong = true;
    report("out of memory");
    return false;
}

static void take_names(struct parse *p, const char *value) {
    struct str *names = arena_array(p->arena, count_parts(value), sizeof *names);
    uint32_t n = 0;
    if (!names) {
        no_memory(p);
        return;
    }
    while (next_part(&value, &names[n]))
        n++;
    p->o->csv.names = names;
    p->o->csv.n_names = n;
}

bool cell_type_named(struct str text, enum cell_type *ret) {
    static const struct {
        const char *names;
        enum cell_type type;
    } TYPES[] = {
#define X(name, first, others) {" " first " " others " ", CELL_##name},
#include "casts.def"
#undef X
    };
    if (memchr(text.p, ' ', text.n))
        return false;
    for (size_t i = 0; i < sizeof TYPES / sizeof *TYPES; i++)
        for (const char *at = TYPES[i].names; (at = strchr(at, ' ')); at++)
            if (strncmp(at + 1, text.p, text.n) == 0 && at[1 + text.n] == ' ' && text.n > 0) {
                *ret = TYPES[i].type;
                return true;
            }
    return false;
}

/* Adds to those of an option --types before it. */
static void take_types(struct parse *p, const char *value) {
    struct csv_options *csv = &p->o->csv;
    struct csv_declared *types =
        arena_array(p->arena, csv->n_types + (size_t)count_parts(value), sizeof *types);
    struct str part;
    if (!types) {
        no_memory(p);
        return;
    }
    if (csv->n_types > 0)
        memcpy(types, csv->types, csv->n_types * sizeof *types);
    csv->types = types;
    while (next_part(&value, &part)) {
        const char *equals = memrchr(part.p, '=', part.n);
        size_t n = equals ? (size_t)(equals - part.p) : part.n;
        struct csv_declared *type = &types[csv->n_types];
        type->name = (struct str){part.p, n};
        if (equals && cell_type_named((struct str){equals + 1, part.n - n - 1}, &type->type)) {
            csv->n_types++;
            continue;
        }
        p->wrong = true;
        report("--types: \"%.*s\" is not NAME=TYPE with the type text, integer, double, boolean or "
               "timestamp",
               (int)part.n, part.p);
    }
}

/* --- the list --- */

struct option {
    char letter;
    const char *name;
    const char *value; /* NULL: a flag */
    const char *help;  /* NULL: name is the heading of a group */
    size_t flag;       /* its place in struct shell_options */
    void (*take)(struct parse *p, const char *value);
};

static const struct option OPTIONS[] = {
#define GROUP(heading) {0, heading, NULL, NULL, 0, NULL},
#define FLAG(field, letter, name, help)                                                            \
    {letter, name, NULL, help, offsetof(struct shell_options, field), NULL},
#define VALUE(taker, letter, name, value, help) {letter, name, value, help, 0, take_##taker},
#include "shell/options.def"
#undef GROUP
#undef FLAG
#undef VALUE
};
#define OPTION_COUNT (sizeof OPTIONS / sizeof *OPTIONS)

static const struct option *option_named(struct str name) {
    for (size_t i = 0; i < OPTION_COUNT; i++)
        if (OPTIONS[i].help && str_is(name, OPTIONS[i].name))
            return &OPTIONS[i];
    return NULL;
}

static const struct option *option_lettered(char letter) {
    for (size_t i = 0; i < OPTION_COUNT; i++)
        if (OPTIONS[i].help && OPTIONS[i].letter == letter)
            return &OPTIONS[i];
    return NULL;
}

static void unknown_option(struct parse *p, struct str name) {
    const char *best = NULL;
    unsigned least = spell_too_far(name.n);
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        unsigned far = OPTIONS[i].help ? spell_distance(name, str_of(OPTIONS[i].name)) : SPELL_FAR;
        if (far < least) {
            least = far;
            best = OPTIONS[i].name;
        }
    }
    p->wrong = true;
    if (best)
        report("unknown option \"--%.*s\" (did you mean --%s?)", (int)name.n, name.p, best);
    else
        report("unknown option \"--%.*s\" (tamis --help lists them; a query that begins with - "
               "stands behind --)",
               (int)name.n, name.p);
}

static void apply(struct parse *p, const struct option *option, const char *value) {
    if (option->take)
        option->take(p, value);
    else
        *(bool *)((char *)p->o + option->flag) = true;
}

/* --name, --name=value, or --name and the argument behind it. Gives how many arguments it took. */
static int take_long(struct parse *p, const char *text, const char *next) {
    const char *equals = strchr(text, '=');
    struct str name = {text, equals ? (size_t)(equals - text) : strlen(text)};
    const struct option *option = option_named(name);
    if (!option) {
        unknown_option(p, name);
        return 1;
    }
    const char *value = equals ? equals + 1 : next;
    if (option->value && !value) {
        p->wrong = true;
        report("--%s needs a value (%s)", option->name, option->value);
    } else if (!option->value && equals) {
        p->wrong = true;
        report("--%s takes no value", option->name);
    } else {
        apply(p, option, value);
    }
    return option->value && !equals ? 2 : 1;
}

/* -cv, -n5, or -n and the argument behind it. */
static int take_letters(struct parse *p, const char *text, const char *next) {
    for (; *text; text++) {
        const struct option *option = option_lettered(*text);
        if (!option) {
            p->wrong = true;
            report("unknown option \"-%c\" (tamis --help lists them; a query that begins with - "
                   "stands behind --)",
                   *text);
            return 1;
        }
        if (!option->value) {
            apply(p, option, NULL);
            continue;
        }
        if (!text[1] && !next) {
            p->wrong = true;
            report("-%c needs a value (%s)", *text, option->value);
            return 1;
        }
        apply(p, option, text[1] ? text + 1 : next);
        return text[1] ? 1 : 2;
    }
    return 1;
}

/* What must hold of all options together. */
static void check_whole(struct parse *p) {
    struct shell_options *o = p->o;
    p->wrong = true;
    if (!o->query && !o->query_file)
        report("there is no query: tamis [OPTIONS] QUERY [FILE...] (tamis --help has examples)");
    else if (o->format == INPUT_TSV && o->csv.delimiter && o->csv.delimiter != '\t')
        report("--format tsv and --delimiter exclude each other");
    else if ((o->format == INPUT_JSONL || o->format == INPUT_MSGPACK) &&
             ((o->csv.delimiter && o->to != INPUT_CSV) || o->no_header || o->ragged ||
              o->csv.n_names || o->csv.n_types))
        report("--delimiter, --no-header, --names, --ragged and --types are for CSV, not for "
               "--format %s",
               input_format_name(o->format));
    else if (o->connect && o->threads > 0)
        report("--threads and --connect exclude each other: the service has threads of its own");
    else if (o->connect && o->row_bytes > 0)
        report("--row-bytes and --connect exclude each other: the service has a limit of its own "
               "(tamisd --row-bytes)");
    else
        p->wrong = false;
    if (o->row_bytes == 0)
        o->row_bytes = ROW_BYTES_DEFAULT;
    o->csv.no_header = o->no_header;
    o->csv.ragged = o->ragged;
    o->exit_status |= o->quiet;
    if (o->quiet && o->limit > 1)
        o->limit = 1; /* more would tell nobody anything */
}

/* There is nothing more to ask. */
static bool is_complete(const struct shell_options *o) {
    return o->help || o->version || o->completion;
}

bool options_parse(struct shell_options *o, struct arena *a, int argc, char **argv) {
    struct parse p = {.o = o, .arena = a};
    bool only_operands = false;
    *o = (struct shell_options){.limit = UINT64_MAX};
    limits_default(&o->limits);
    o->files.at = arena_array(a, (size_t)argc + 1, sizeof *o->files.at);
    o->params.at = arena_array(a, (size_t)argc + 1, sizeof *o->params.at);
    if (!o->files.at || !o->params.at)
        return no_memory(&p);
    for (int i = 1; i < argc && !p.wrong && !is_complete(o);) {
        const char *text = argv[i], *next = i + 1 < argc ? argv[i + 1] : NULL;
        if (!only_operands && strcmp(text, "--") == 0) {
            only_operands = true;
            i++;
        } else if (!only_operands && text[0] == '-' && text[1]) {
            i += text[1] == '-' ? take_long(&p, text + 2, next) : take_letters(&p, text + 1, next);
        } else {
            o->files.at[o->files.n++] = text;
            i++;
        }
    }
    if (p.wrong || is_complete(o))
        return !p.wrong;
    if (!o->query_file && o->files.n > 0) {
        o->query = *o->files.at++;
        o->files.n--;
    }
    check_whole(&p);
    return !p.wrong;
}

struct reader_options options_reader(const struct shell_options *o, enum input_format format) {
    struct reader_options options = {
        .format = format == INPUT_JSONL     ? FORMAT_JSONL
                  : format == INPUT_MSGPACK ? FORMAT_MSGPACK
                                            : FORMAT_CSV,
        .row_depth = (uint32_t)o->limits.row_depth,
        .row_fields = (uint32_t)o->limits.row_fields,
        .csv = o->csv,
    };
    if (format == INPUT_TSV && !options.csv.delimiter)
        options.csv.delimiter = '\t';
    return options;
}
