/* See build.h: calls and CASE, and the words that some calls take: types of CAST, fields of a date.
 */
#include "build.h"

#include "words.h"

#include <strings.h>

static struct place place_of(const struct node *n) { return (struct place){n->pos, n->length}; }

static struct node *const *kids_above(const struct build *b, size_t mark) {
    return (struct node *const *)(const void *)(b->kids.data + mark);
}

/* --- words --- */

static const char *const FIELDS[] = {
#define X(name, text, truncates) text,
#include "fields.def"
#undef X
};
static const bool TRUNCATES[] = {
#define X(name, text, truncates) truncates,
#include "fields.def"
#undef X
};
static const struct {
    const char *name, *others; /* others: with blanks between them */
} CASTS[] = {
#define X(name, text, others) {text, others},
#include "casts.def"
#undef X
};
static const char *const CAST_NAMES[] = {
#define X(name, text, others) text,
#include "casts.def"
#undef X
};
#define N_FIELDS (sizeof FIELDS / sizeof *FIELDS)
#define N_CASTS  (sizeof CASTS / sizeof *CASTS)

/* Types of SQL that are narrower or wider than any of ours, and the nearest of these. */
static const char *const FOREIGN_TYPES[][2] = {
    {"smallint", "integer"},   {"tinyint", "integer"},  {"hugeint", "integer"},
    {"signed", "integer"},     {"unsigned", "integer"}, {"numeric", "double"},
    {"decimal", "double"},     {"char", "text"},        {"date", "timestamp"},
    {"datetime", "timestamp"}, {"int64", "integer"},    {"int32", "integer"},
    {"long", "integer"},       {"float64", "double"},   {"number", "double"},
    {"str", "text"},
};

static bool spells(struct str s, const char *word, size_t n) {
    return s.n == n && strncasecmp(s.p, word, n) == 0;
}

static bool is_one_of(struct str s, const char *words) {
    while (*words) {
        size_t n = strcspn(words, " ");
        if (spells(s, words, n))
            return true;
        words += n + (words[n] == ' ');
    }
    return false;
}

/* The name that trees hold, or NULL. */
static const char *type_named(struct str s) {
    for (size_t i = 0; i < N_CASTS; i++)
        if (spells(s, CASTS[i].name, strlen(CASTS[i].name)) || is_one_of(s, CASTS[i].others))
            return CASTS[i].name;
    return NULL;
}

static const char *type_nearest(struct str s) {
    for (size_t i = 0; i < sizeof FOREIGN_TYPES / sizeof *FOREIGN_TYPES; i++)
        if (spells(s, FOREIGN_TYPES[i][0], strlen(FOREIGN_TYPES[i][0])))
            return FOREIGN_TYPES[i][1];
    return word_nearest(s, CAST_NAMES, N_CASTS);
}

/* What a message shows of the word that a literal spells. */
struct shown {
    char text[48];
};

static struct shown show(struct str s) {
    struct shown shown;
    error_text(shown.text, sizeof shown.text, s.p, s.n);
    return shown;
}

static bool check_type(struct build *b, enum fn fn, struct node *word) {
    if (word->kind != NODE_LITERAL || word->value.type != T_STR) {
        build_fail(b, E_BAD_ARGUMENT, place_of(word), NULL,
                   "the type of %s must be a constant name", fn_info(fn)->name);
        return false;
    }
    struct str s = value_as_str(word->value);
    const char *name = type_named(s);
    if (name)
        word->value = value_str(str_of(name));
    else
        build_fail(b, E_BAD_ARGUMENT, place_of(word), type_nearest(s),
                   "no type \"%s\": integer, double, text, boolean and timestamp are there",
                   show(s).text);
    return build_ok(b);
}

/* The place of a field of a timestamp in the list, or N_FIELDS. */
static size_t field_named(struct str s) {
    size_t i = 0;
    while (i < N_FIELDS && !spells(s, FIELDS[i], strlen(FIELDS[i])))
        i++;
    return i;
}

bool fn_has_word(enum fn fn, struct str word) {
    return (fn == FN_date_part || fn == FN_date_trunc) && field_named(word) < N_FIELDS;
}

static bool check_field(struct build *b, enum fn fn, struct node *word) {
    if (word->kind != NODE_LITERAL || word->value.type != T_STR)
        return true; /* it may come from anywhere */
    struct str s = value_as_str(word->value);
    size_t i = field_named(s);
    if (i == N_FIELDS)
        build_fail(b, E_BAD_ARGUMENT, place_of(word), word_nearest(s, FIELDS, N_FIELDS),
                   "no field \"%s\" of a timestamp: year, quarter, month, week, day, hour, "
                   "minute, second and some more are there",
                   show(s).text);
    else if (fn == FN_date_trunc && !TRUNCATES[i])
        build_fail(b, E_BAD_ARGUMENT, place_of(word), NULL,
                   "date_trunc does not cut to \"%s\", only to a year, quarter, month, week, day, "
                   "hour, minute, second, millisecond or microsecond",
                   show(s).text);
    else
        word->value = value_str(str_of(FIELDS[i]));
    return build_ok(b);
}

/* Arguments that are words of a list. They become the list's own spelling, so that equal queries
 * have equal trees. */
static bool check_word(struct build *b, enum fn fn, struct node *const *kids) {
    switch (fn) {
    case FN_cast:
    case FN_try_cast:
        return check_type(b, fn, kids[1]);
    case FN_date_part:
    case FN_date_trunc:
        return check_field(b, fn, kids[0]);
    default:
        return true;
    }
}

/* --- nodes --- */

struct node *build_call(struct build *b, enum fn fn, struct place at, size_t mark) {
    const struct fn_info *info = fn_info(fn);
    if (!build_ok(b) || !build_check_count(b, info->name, "argument", info->least, info->most, at,
                                           build_count(b, mark)))
        return NULL;
    if (!check_word(b, fn, kids_above(b, mark)))
        return NULL;
    struct node *n = build_node(b, NODE_CALL, at, mark);
    if (n)
        n->fn = fn;
    return n;
}

struct node *build_case(struct build *b, bool of, struct place at, size_t mark) {
    size_t n = build_count(b, mark);
    if (!build_ok(b) ||
        !build_check_count(b, of ? "case of" : "case", "operand", of ? 3 : 2, -1, at, n))
        return NULL;
    n -= of;
    if (n % 2 == 0 &&
        !build_push(b, build_literal(b, (struct place){at.pos + at.length, 0}, value_null(), 0)))
        return NULL;
    return build_node(b, of ? NODE_CASE_OF : NODE_CASE, at, mark);
}
