/* See words.h. */
#include "words.h"
#include "base/spell.h"

#include "query/ast.h"

#include <stdint.h>
#include <strings.h>

struct word_info {
    const char *text;
    bool reserved;
    unsigned places;
};

static const struct word_info TABLE[] = {{"", false, 0},
#define X(name, text, reserved, places) {text, reserved, places},
                                         WORDS(X)
#undef X
};

#define N_WORDS      (sizeof TABLE / sizeof *TABLE)
#define LONGEST_WORD 24

enum keyword word_of(struct str s) {
    if (s.n < 2 || s.n > LONGEST_WORD)
        return WORD_NONE;
    for (size_t i = 1; i < N_WORDS; i++)
        if (strlen(TABLE[i].text) == s.n && strncasecmp(TABLE[i].text, s.p, s.n) == 0)
            return (enum keyword)i;
    return WORD_NONE;
}

bool word_is_reserved(enum keyword w) { return TABLE[w].reserved; }

/* --- suggestions --- */

/* Keeps candidate if it is nearer to found than what was kept so far. */
static void consider(struct str found, const char *candidate, unsigned *best, const char **ret) {
    unsigned d = spell_distance(found, str_of(candidate));
    if (d > 0 && d < *best) {
        *best = d;
        *ret = candidate;
    }
}

static const struct {
    const char *word, *instead;
    unsigned places;
} SYNONYMS[] = {
    {"ISNULL", "IS NULL", PLACE_OPERATOR | PLACE_FUNCTION},
    {"NOTNULL", "IS NOT NULL", PLACE_OPERATOR},
    {"EXISTS", "IS NOT MISSING", PLACE_OPERATOR | PLACE_FUNCTION},
    {"EQUALS", "=", PLACE_OPERATOR},
    {"ISNAN", "IS NAN", PLACE_OPERATOR | PLACE_FUNCTION},
    {"SOME", "ANY", PLACE_FUNCTION | PLACE_PREFIX},
    {"ALL", "EVERY", PLACE_FUNCTION | PLACE_PREFIX},
    {"HAS", "CONTAINS", PLACE_OPERATOR | PLACE_FUNCTION},
    {"RLIKE", "REGEXP", PLACE_OPERATOR | PLACE_AFTER_NOT},
    {"MATCHES", "REGEXP", PLACE_OPERATOR | PLACE_AFTER_NOT},
    {"IREGEXP", "REGEXP", PLACE_OPERATOR | PLACE_AFTER_NOT},
    {"NONE", "NOT ANY", PLACE_FUNCTION},
    {"REGEXP_LIKE", "REGEXP", PLACE_FUNCTION},
    {"REGEXP_MATCHES", "REGEXP", PLACE_FUNCTION},
    {"SUBSTRING", "substr", PLACE_FUNCTION},
    {"LEFT", "substr", PLACE_FUNCTION},
    {"RIGHT", "substr", PLACE_FUNCTION},
    {"LEN", "length", PLACE_FUNCTION},
    {"CHAR_LENGTH", "length", PLACE_FUNCTION},
    {"CHARACTER_LENGTH", "length", PLACE_FUNCTION},
    {"CARDINALITY", "array_length", PLACE_FUNCTION},
    {"STRIP", "trim", PLACE_FUNCTION},
    {"LCASE", "lower", PLACE_FUNCTION},
    {"UCASE", "upper", PLACE_FUNCTION},
    {"CEILING", "ceil", PLACE_FUNCTION},
    {"POW", "power", PLACE_FUNCTION},
    {"IFNULL", "coalesce", PLACE_FUNCTION},
    {"NVL", "coalesce", PLACE_FUNCTION},
    {"TYPEOF", "type_of", PLACE_FUNCTION},
    {"INSTR", "strpos", PLACE_FUNCTION},
    {"POSITION", "strpos", PLACE_FUNCTION},
    {"CONCAT", "||", PLACE_FUNCTION},
    {"MIN", "least", PLACE_FUNCTION},
    {"MAX", "greatest", PLACE_FUNCTION},
    {"IIF", "CASE", PLACE_FUNCTION},
    {"IF", "CASE", PLACE_FUNCTION},
    {"REGEXP_MATCHES", "REGEXP", PLACE_FUNCTION},
    {"REGEXP_LIKE", "REGEXP", PLACE_FUNCTION},
    {"PREFIX", "STARTS_WITH", PLACE_FUNCTION},
    {"SUFFIX", "ENDS_WITH", PLACE_FUNCTION},
    {"SIZE", "array_length", PLACE_FUNCTION},
    {"CARDINALITY", "array_length", PLACE_FUNCTION},
    {"DIV", "/", PLACE_OPERATOR},
    {"MOD", "%", PLACE_OPERATOR},
    {"DECODE", "CASE", PLACE_FUNCTION},
    {"INT", "CAST", PLACE_FUNCTION},
    {"INTEGER", "CAST", PLACE_FUNCTION},
    {"FLOAT", "CAST", PLACE_FUNCTION},
    {"TO_CHAR", "CAST", PLACE_FUNCTION},
    {"TO_NUMBER", "CAST", PLACE_FUNCTION},
    {"YEAR", "EXTRACT", PLACE_FUNCTION},
    {"MONTH", "EXTRACT", PLACE_FUNCTION},
    {"DAY", "EXTRACT", PLACE_FUNCTION},
    {"DATE_ADD", "INTERVAL", PLACE_FUNCTION},
    {"DATE_SUB", "INTERVAL", PLACE_FUNCTION},
    {"DATE", "TIMESTAMP", PLACE_PREFIX},
    {"DATETIME", "TIMESTAMP", PLACE_PREFIX},
    {"EQ", "=", PLACE_OPERATOR},
    {"STARTS", "STARTS_WITH", PLACE_OPERATOR | PLACE_AFTER_NOT},
    {"ENDS", "ENDS_WITH", PLACE_OPERATOR | PLACE_AFTER_NOT},
    {"NOT_IN", "NOT IN", PLACE_OPERATOR},
    {"DISTINCT", "IS DISTINCT", PLACE_OPERATOR},
    {"IS", "IS NOT", PLACE_AFTER_NOT},
    {"NONE", "NULL", PLACE_AFTER_IS},
    {"NULL", "IS NOT NULL", PLACE_AFTER_NOT},
};

const char *word_suggest(struct str found, unsigned places) {
    for (size_t i = 0; i < sizeof SYNONYMS / sizeof *SYNONYMS; i++)
        if (SYNONYMS[i].places & places && found.n == strlen(SYNONYMS[i].word) &&
            strncasecmp(SYNONYMS[i].word, found.p, found.n) == 0)
            return SYNONYMS[i].instead;
    unsigned best = spell_too_far(found.n);
    const char *word = NULL;
    for (size_t i = 1; i < N_WORDS; i++)
        if (TABLE[i].places & places)
            consider(found, TABLE[i].text, &best, &word);
    if (places & PLACE_FUNCTION)
        for (int i = 0; i < FN_COUNT; i++)
            consider(found, fn_info((enum fn)i)->name, &best, &word);
    return word;
}

const char *word_nearest(struct str found, const char *const *words, size_t n) {
    unsigned best = spell_too_far(found.n);
    const char *word = NULL;
    for (size_t i = 0; i < n; i++)
        consider(found, words[i], &best, &word);
    return word;
}

const char *op_suggest(struct str found) {
    if (str_is(found, "!="))
        return "<>";
    if (str_is(found, "=="))
        return "=";
    static const char *const FORMS[] = {"path", "element", "outer", "param",
                                        "lit",  "list",    "case",  "case of"};
    unsigned best = spell_too_far(found.n);
    const char *name = NULL;
    for (int i = 0; i < OP_COUNT; i++)
        consider(found, op_info((enum op)i)->structured, &best, &name);
    for (int i = 0; i < FN_COUNT; i++)
        consider(found, fn_info((enum fn)i)->name, &best, &name);
    for (size_t i = 0; i < sizeof FORMS / sizeof *FORMS; i++)
        consider(found, FORMS[i], &best, &name);
    return name;
}

/* --- functions and symbols of other languages --- */

#define NO_CLOCK     "a query has no clock; give the time as a parameter"
#define NO_AGGREGATE "a query is about one row; there are no aggregates"

const char *function_absent(struct str name) {
    static const struct {
        const char *name, *reason;
    } ABSENT[] = {
        {"NOW", NO_CLOCK},
        {"CURRENT_TIMESTAMP", NO_CLOCK},
        {"GETDATE", NO_CLOCK},
        {"RANDOM", "a query has no chance; equal rows get equal answers"},
        {"COUNT", NO_AGGREGATE},
        {"SUM", NO_AGGREGATE},
        {"AVG", NO_AGGREGATE},
        {"JSON_EXTRACT", "a value inside of another is written as a path: a.b[0]"},
        {"GET", "a value inside of another is written as a path: a.b[0]"},
    };
    for (size_t i = 0; i < sizeof ABSENT / sizeof *ABSENT; i++)
        if (name.n == strlen(ABSENT[i].name) && strncasecmp(ABSENT[i].name, name.p, name.n) == 0)
            return ABSENT[i].reason;
    return NULL;
}

#define NO_REGEX  "a regular expression is written x REGEXP 'pattern'"
#define NO_ARROW  "-> is not offered; write a.b or a[0]"
#define NO_DOLLAR "a parameter is written ? or :name"

/* Longer ones first where one begins with another. */
static const struct mistake MISTAKES[] = {
    {"===", "=", "=== is not offered; use ="},
    {"!==", "<>", "!== is not offered; use <>"},
    {"<=>", "IS NOT DISTINCT FROM", "<=> is not offered; use IS NOT DISTINCT FROM"},
    {"=>", ">=", "=> is no operator; use >="},
    {"=<", "<=", "=< is no operator; use <="},
    {"><", "<>", ">< is no operator; use <>"},
    {"=~", "REGEXP", NO_REGEX},
    {"!~", "NOT REGEXP", NO_REGEX},
    {"&&", "AND", "&& is not offered; use AND"},
    {"//", "/", "// is not offered; / of two integers is whole, and a comment begins with --"},
    {"**", "power", "** is not offered; write power(x, y)"},
    {"??", "coalesce", "?? is not offered; write coalesce(x, y)"},
    {"->>", ".", NO_ARROW},
    {"->", ".", NO_ARROW},
    {":=", "=", ":= is not offered; use ="},
    {"`", "\"", "a field name is quoted with \""},
    {";", "", "a query is one condition; no ; may follow it"},
    {"@", ":", NO_DOLLAR},
    {"$", ":", NO_DOLLAR},
    {"#", "--", "a comment begins with --"},
    {"^", "power", "^ is not offered; write power(x, y)"},
    {"!", "NOT", "! is not offered; use NOT"},
};

const struct mistake *mistake_at(struct str rest) {
    for (size_t i = 0; i < sizeof MISTAKES / sizeof *MISTAKES; i++) {
        size_t n = strlen(MISTAKES[i].text);
        if (rest.n >= n && memcmp(rest.p, MISTAKES[i].text, n) == 0) {
            if (MISTAKES[i].text[0] == '!' && n == 1 && rest.n > 1 && rest.p[1] == '=')
                return NULL; /* != */
            return &MISTAKES[i];
        }
    }
    return NULL;
}

const struct mistake *foreign_operator(struct str word) {
    static const struct mistake WORDS_OF_SQL[] = {
        {"GLOB", "LIKE", "GLOB is not offered; use LIKE with % and _, or REGEXP"},
        {"SIMILAR", "REGEXP", "SIMILAR TO is not offered; use REGEXP"},
        {"COLLATE", "ILIKE",
         "COLLATE is not offered: strings compare by bytes; use ILIKE, or lower() of both sides"},
    };
    for (size_t i = 0; i < sizeof WORDS_OF_SQL / sizeof *WORDS_OF_SQL; i++)
        if (word.n == strlen(WORDS_OF_SQL[i].text) &&
            strncasecmp(WORDS_OF_SQL[i].text, word.p, word.n) == 0)
            return &WORDS_OF_SQL[i];
    return NULL;
}

const char *lookalike_of(unsigned code_point) {
    switch (code_point) {
    case 0x2018: /* curly single quotes */
    case 0x2019:
    case 0x201B:
    case 0x00B4:
        return "'";
    case 0x201C: /* curly double quotes */
    case 0x201D:
    case 0x201E:
        return "\"";
    case 0x00A0: /* spaces that are not a space */
    case 0x2007:
    case 0x202F:
    case 0x3000:
    case 0x200B:
    case 0xFEFF:
        return " ";
    case 0x2264:
        return "<=";
    case 0x2265:
        return ">=";
    case 0x2260:
        return "<>";
    case 0x2212: /* minus sign, dashes */
    case 0x2013:
    case 0x2014:
        return "-";
    case 0xFF08:
        return "(";
    case 0xFF09:
        return ")";
    case 0xFF0C:
        return ",";
    default:
        return NULL;
    }
}
