/* The words of the text form, and what people write instead of them. Private to query/.
 *
 * Only words marked RESERVED can never be a field name without quotes; the others are keywords just
 * where the grammar looks for them (proto/QUERY.md lists both). */
#ifndef TAMIS_QUERY_WORDS_H
#define TAMIS_QUERY_WORDS_H

#include "base/str.h"

/* Where a word can stand, for suggestions. */
enum word_place {
    PLACE_OPERATOR = 1,  /* behind a value */
    PLACE_AFTER_NOT = 2, /* behind a value and NOT */
    PLACE_AFTER_IS = 4,
    PLACE_FUNCTION = 8, /* before ( */
    PLACE_PREFIX = 16,  /* before a value */
};

#define WORDS(X)                                                                                   \
    X(AND, "AND", true, PLACE_OPERATOR)                                                            \
    X(OR, "OR", true, PLACE_OPERATOR)                                                              \
    X(NOT, "NOT", true, PLACE_OPERATOR | PLACE_PREFIX | PLACE_FUNCTION | PLACE_AFTER_IS)           \
    X(IN, "IN", true, PLACE_OPERATOR | PLACE_AFTER_NOT)                                            \
    X(IS, "IS", true, PLACE_OPERATOR)                                                              \
    X(LIKE, "LIKE", true, PLACE_OPERATOR | PLACE_AFTER_NOT)                                        \
    X(ILIKE, "ILIKE", true, PLACE_OPERATOR | PLACE_AFTER_NOT)                                      \
    X(REGEXP, "REGEXP", true, PLACE_OPERATOR | PLACE_AFTER_NOT)                                    \
    X(BETWEEN, "BETWEEN", true, PLACE_OPERATOR | PLACE_AFTER_NOT)                                  \
    X(TRUE, "TRUE", true, PLACE_AFTER_IS)                                                          \
    X(FALSE, "FALSE", true, PLACE_AFTER_IS)                                                        \
    X(NULL, "NULL", true, PLACE_AFTER_IS)                                                          \
    X(MISSING, "MISSING", false, PLACE_AFTER_IS)                                                   \
    X(UNKNOWN, "UNKNOWN", false, PLACE_AFTER_IS)                                                   \
    X(NAN, "NAN", false, PLACE_AFTER_IS)                                                           \
    X(DISTINCT, "DISTINCT", false, PLACE_AFTER_IS)                                                 \
    X(FROM, "FROM", false, 0)                                                                      \
    X(ESCAPE, "ESCAPE", false, PLACE_OPERATOR)                                                     \
    X(FLAGS, "FLAGS", false, PLACE_OPERATOR)                                                       \
    X(STARTS_WITH, "STARTS_WITH", false, PLACE_OPERATOR | PLACE_AFTER_NOT | PLACE_FUNCTION)        \
    X(ENDS_WITH, "ENDS_WITH", false, PLACE_OPERATOR | PLACE_AFTER_NOT | PLACE_FUNCTION)            \
    X(CONTAINS, "CONTAINS", false, PLACE_OPERATOR | PLACE_AFTER_NOT | PLACE_FUNCTION)              \
    X(ANY, "ANY", false, PLACE_FUNCTION | PLACE_PREFIX)                                            \
    X(EVERY, "EVERY", false, PLACE_FUNCTION | PLACE_PREFIX)                                        \
    X(SATISFIES, "SATISFIES", false, PLACE_OPERATOR)                                               \
    X(END, "END", false, PLACE_OPERATOR)                                                           \
    X(TIMESTAMP, "TIMESTAMP", false, PLACE_PREFIX)                                                 \
    X(DOUBLE, "DOUBLE", false, PLACE_PREFIX)                                                       \
    X(PRECISION, "PRECISION", false, 0)                                                            \
    X(STR, "STR", false, 0)                                                                        \
    X(EXT, "EXT", false, PLACE_FUNCTION)                                                           \
    X(CASE, "CASE", true, PLACE_PREFIX)                                                            \
    X(WHEN, "WHEN", false, 0)                                                                      \
    X(THEN, "THEN", false, PLACE_OPERATOR)                                                         \
    X(ELSE, "ELSE", false, PLACE_OPERATOR)                                                         \
    X(CAST, "CAST", false, PLACE_FUNCTION)                                                         \
    X(TRY_CAST, "TRY_CAST", false, PLACE_FUNCTION)                                                 \
    X(EXTRACT, "EXTRACT", false, PLACE_FUNCTION)                                                   \
    X(AS, "AS", false, 0)                                                                          \
    X(INTERVAL, "INTERVAL", false, 0)

enum keyword {
    WORD_NONE,
#define X(name, text, reserved, places) WORD_##name,
    WORDS(X)
#undef X
};

/* The keyword that s spells in any case, or WORD_NONE. */
enum keyword word_of(struct str s);
bool word_is_reserved(enum keyword w);

/* A word for one of these places (a sum of enum word_place) that found may be a misspelling of, or
 * NULL. Before ( it may be a function, too. */
const char *word_suggest(struct str found, unsigned places);

/* Why a function that other languages have cannot be here, as a message; NULL for all others. */
const char *function_absent(struct str name);
/* The one of n words that found may be a misspelling of, or NULL. */
const char *word_nearest(struct str found, const char *const *words, size_t n);

/* The name of ops.def's or functions.def's structured form that found may be a misspelling of, or
 * NULL. */
const char *op_suggest(struct str found);

/* Symbols that other languages have and this one has not. */
struct mistake {
    const char *text;
    const char *instead; /* what to write, or "" */
    const char *reason;  /* the message */
};

/* The longest such symbol that rest begins with, or NULL. */
const struct mistake *mistake_at(struct str rest);

/* The same of words that other languages have behind a value; NULL for all others. */
const struct mistake *foreign_operator(struct str word);

/* Characters that look like a part of the syntax but are none: curly quotes, no-break spaces and
 * the like. They end a name. NULL for all others. */
const char *lookalike_of(unsigned code_point);

#endif
