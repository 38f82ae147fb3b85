/* See parse.h: tokens taken one by one, and what to say where the grammar does not fit. */
#include "infix.h"
#include "parse.h"

#include "base/utf8.h"

#include <stdio.h>
#include <strings.h>

void parse_next(struct parser *p) {
    p->last = p->tok;
    p->tok = lex_at(p->b.source, p->tok.pos + (size_t)p->tok.length);
}

struct token parse_peek(const struct parser *p) {
    return lex_at(p->b.source, p->tok.pos + (size_t)p->tok.length);
}

bool parse_take(struct parser *p, enum tok kind) {
    if (p->tok.kind != kind)
        return false;
    parse_next(p);
    return true;
}

bool parse_take_word(struct parser *p, enum keyword w) {
    if (!parse_at(p, w))
        return false;
    parse_next(p);
    return true;
}

struct place parse_since(const struct parser *p, uint32_t pos) {
    return (struct place){pos, p->last.pos + p->last.length - pos};
}

static struct place place_of(struct token t) { return (struct place){t.pos, t.length}; }

bool parse_enter(struct parser *p) {
    if (p->nest + 1 >= p->b.limits->query_depth) {
        build_limit(&p->b, E_QUERY_TOO_DEEP, place_of(p->tok), "query_depth",
                    p->b.limits->query_depth, p->nest + 2);
        return false;
    }
    p->nest++;
    return build_ok(&p->b);
}

/* A token for a message: its text in quotes, cut at a character. */
#define SHOWN_BYTES 32
struct shown {
    char text[SHOWN_BYTES + 8];
};

static struct shown show(const struct parser *p, struct token t) {
    struct shown s;
    if (t.kind == TOK_END) {
        snprintf(s.text, sizeof s.text, "the end of the query");
        return s;
    }
    char cut[SHOWN_BYTES];
    error_text(cut, sizeof cut, p->b.source.p + t.pos, t.length);
    snprintf(s.text, sizeof s.text, "\"%s\"", cut);
    return s;
}

static bool has_last(const struct parser *p) { return p->last.length > 0; }

/* Numbers that are none, in the words of what was probably meant. */
static const char *number_fault(struct str s) {
    if (s.n > 1 && s.p[0] == '0' && (s.p[1] == 'x' || s.p[1] == 'X'))
        return "numbers are decimal; X'..' is a binary";
    if (memchr(s.p, '_', s.n))
        return "a number has no _ between its digits";
    return "a number runs into letters";
}

/* Tokens that are wrong wherever they stand. */
static bool fail_token(struct parser *p, struct token t) {
    struct build *b = &p->b;
    struct str s = token_text(b->source, t);
    switch (t.fault) {
    case FAULT_NONE:
        return false;
    case FAULT_MISTAKE: {
        const struct mistake *m = mistake_at((struct str){s.p, b->source.n - t.pos});
        build_fail(b, E_SYNTAX, place_of(t), m->instead[0] ? m->instead : NULL, "%s", m->reason);
        return true;
    }
    case FAULT_LOOKALIKE: {
        uint32_t cp;
        utf8_decode((const uint8_t *)s.p, s.n, &cp);
        build_fail(b, E_SYNTAX, place_of(t), lookalike_of(cp),
                   "the character U+%04X only looks like a part of the query", cp);
        return true;
    }
    case FAULT_CHARACTER:
        build_fail(b, E_SYNTAX, place_of(t), NULL, "unexpected character %s", show(p, t).text);
        return true;
    case FAULT_NUMBER:
        build_fail(b, E_BAD_LITERAL, place_of(t), NULL, "%s", number_fault(s));
        return true;
    case FAULT_STRING:
        build_fail(b, E_SYNTAX, place_of(t), NULL, "a string is not closed with '");
        return true;
    case FAULT_NAME:
        build_fail(b, E_SYNTAX, place_of(t), NULL, "a quoted name is not closed with \"");
        return true;
    case FAULT_COMMENT:
        build_fail(b, E_SYNTAX, place_of(t), "*/", "a comment is not closed with */");
        return true;
    }
    return false;
}

static struct node *fail_here(struct parser *p, const char *what, const char *hint) {
    struct token t = p->tok;
    if (!build_ok(&p->b) || fail_token(p, t))
        return NULL;
    if (has_last(p))
        build_fail(&p->b, E_SYNTAX, place_of(t), NULL, "expected %s after %s, found %s%s", what,
                   show(p, p->last).text, show(p, t).text, hint);
    else
        build_fail(&p->b, E_SYNTAX, place_of(t), NULL, "expected %s, found %s%s", what,
                   show(p, t).text, hint);
    return NULL;
}

struct node *parse_fail_expected(struct parser *p, const char *what) {
    return fail_here(p, what, "");
}

struct node *parse_fail_value(struct parser *p, const char *what) {
    const char *hint = "";
    if (p->tok.kind == TOK_NAME && word_is_reserved(p->tok.word))
        hint = p->tok.word == WORD_NOT ? "; put a condition with NOT in parentheses"
                                       : "; a field of that name needs double quotes";
    return fail_here(p, what, hint);
}

/* A word that other languages have where an operator should be. */
static bool fail_foreign(struct parser *p) {
    if (!build_ok(&p->b) || p->tok.kind != TOK_NAME)
        return false;
    const struct mistake *m = foreign_operator(token_text(p->b.source, p->tok));
    if (m)
        build_fail(&p->b, E_SYNTAX, place_of(p->tok), m->instead, "%s", m->reason);
    return m != NULL;
}

struct node *parse_fail_is(struct parser *p) {
    bool value = parse_at_constant(p) || parse_at_path(p) || p->tok.kind == TOK_QUESTION ||
                 p->tok.kind == TOK_COLON;
    const char *meant = p->tok.kind == TOK_NAME
                            ? word_suggest(token_text(p->b.source, p->tok), PLACE_AFTER_IS)
                            : NULL;
    fail_here(p, "NULL, MISSING, TRUE, FALSE, UNKNOWN, NAN or DISTINCT FROM",
              !value || meant ? "" : "; to compare with a value write = or IS NOT DISTINCT FROM");
    build_suggest(&p->b, meant);
    return NULL;
}

struct node *parse_fail_negated(struct parser *p) {
    if (fail_foreign(p))
        return NULL;
    fail_here(p, "IN, LIKE, ILIKE, REGEXP, BETWEEN, STARTS_WITH, ENDS_WITH or CONTAINS", "");
    if (p->tok.kind == TOK_NAME)
        build_suggest(&p->b, word_suggest(token_text(p->b.source, p->tok), PLACE_AFTER_NOT));
    return NULL;
}

static bool at_comparison(const struct parser *p) {
    return p->tok.kind >= TOK_EQ && p->tok.kind <= TOK_GE;
}

/* What may be meant by the word that stands behind a value. If it resembles nothing, the word
 * before may be the misspelt one: NTO a = 1. */
static const char *operator_suggestion(const struct parser *p) {
    if (p->tok.kind == TOK_NAME) {
        const char *s = word_suggest(token_text(p->b.source, p->tok), PLACE_OPERATOR);
        if (s)
            return s;
    }
    if (p->last.kind == TOK_NAME && !word_is_reserved(p->last.word))
        return word_suggest(token_text(p->b.source, p->last), PLACE_PREFIX);
    return NULL;
}

static bool is_one_of(const struct parser *p, struct token t, const char *const *words, size_t n) {
    struct str s = token_text(p->b.source, t);
    size_t i = 0;
    while (i < n && (strlen(words[i]) != s.n || strncasecmp(words[i], s.p, s.n) != 0))
        i++;
    return i < n;
}

/* Whether the query begins as a whole statement, or goes on as one. */
static bool is_statement(const struct parser *p) {
    static const char *const FIRST[] = {"SELECT", "WHERE", "FILTER"};
    static const char *const LATER[] = {"ORDER", "GROUP", "LIMIT", "WHERE", "HAVING"};
    struct token first = lex_at(p->b.source, 0);
    return p->tok.kind == TOK_NAME && (is_one_of(p, first, FIRST, sizeof FIRST / sizeof *FIRST) ||
                                       is_one_of(p, p->tok, LATER, sizeof LATER / sizeof *LATER));
}

/* A word before the place that is a keyword only in company, and has not got it. NULL: none. */
static const char *lonely_word(const struct parser *p) {
    bool literal =
        p->tok.kind == TOK_STRING || p->tok.kind == TOK_INTEGER || p->tok.kind == TOK_REAL;
    if (p->last.kind != TOK_NAME || (!literal && p->tok.kind != TOK_NAME))
        return NULL;
    switch (p->last.word) {
    case WORD_ANY:
        return "ANY is written ANY(path) or ANY name IN path SATISFIES ... END";
    case WORD_EVERY:
        return "EVERY is written EVERY(path) or EVERY name IN path SATISFIES ... END";
    case WORD_INTERVAL:
        return literal ? "INTERVAL is written t + INTERVAL '1 day' or t - INTERVAL '1 day'" : NULL;
    case WORD_TIMESTAMP:
        return literal ? "TIMESTAMP is written TIMESTAMP '2020-01-01T00:00:00Z'" : NULL;
    case WORD_DOUBLE:
        return literal ? "DOUBLE stands before 'nan', 'inf' or '-inf'; a number needs no type"
                       : NULL;
    case WORD_STR:
        return literal ? "STR stands before a binary: STR X'ff'" : NULL;
    case WORD_EXTRACT:
        return "EXTRACT is written EXTRACT(year FROM t)";
    default:
        return NULL;
    }
}

/* Behind "expected an operator, AND, OR": what else may stand there. */
static const char *or_of(const char *closing) { return strstr(closing, " or ") ? "," : " or"; }

struct node *parse_fail_operator(struct parser *p, const char *closing) {
    struct build *b = &p->b;
    struct token t = p->tok;
    if (!build_ok(b) || fail_token(p, t) || fail_foreign(p))
        return NULL;
    struct place at = place_of(t);
    const char *lonely = lonely_word(p);
    if (lonely)
        build_fail(b, E_SYNTAX, at, NULL, "%s", lonely);
    else if (is_statement(p))
        build_fail(b, E_SYNTAX, at, NULL,
                   "unexpected %s: a query is the condition alone, what stands behind WHERE in SQL",
                   show(p, t).text);
    else if (infix_at(t.kind))
        build_fail(b, E_SYNTAX, at, NULL, "a test is no operand of %s without parentheses",
                   show(p, t).text);
    else if (t.kind == TOK_TILDE)
        build_fail(b, E_SYNTAX, at, "REGEXP", "~ stands before an integer; use REGEXP to match");
    else if (at_comparison(p) || parse_at(p, WORD_IN) || parse_at(p, WORD_LIKE) ||
             parse_at(p, WORD_ILIKE) || parse_at(p, WORD_REGEXP) || parse_at(p, WORD_BETWEEN) ||
             parse_at(p, WORD_IS))
        build_fail(b, E_SYNTAX, at, NULL,
                   "comparisons do not chain; write a < b AND b < c, or use parentheses");
    else if (t.kind == TOK_COMMA && (closing[0] == 't' || closing[0] == '"')) /* the end, ")" */
        build_fail(b, E_SYNTAX, at, NULL,
                   "unexpected \",\": only a list, a row of values and arguments, all in "
                   "parentheses, have it");
    else if (t.kind == TOK_CLOSE && p->nest == 0)
        build_fail(b, E_SYNTAX, at, NULL, "\")\" closes nothing");
    else
        build_fail(b, E_SYNTAX, at, operator_suggestion(p),
                   "expected an operator, AND, OR%s %s after %s, found %s", or_of(closing), closing,
                   show(p, p->last).text, show(p, t).text);
    return NULL;
}

bool parse_expect(struct parser *p, enum tok kind, const char *what) {
    if (parse_take(p, kind))
        return build_ok(&p->b);
    parse_fail_expected(p, what);
    return false;
}

bool parse_close(struct parser *p, enum tok kind, const char *closing) {
    if (!build_ok(&p->b))
        return false;
    if (parse_take(p, kind))
        return true;
    parse_fail_operator(p, closing);
    return false;
}
