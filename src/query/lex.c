/* See lex.h. */
#include "lex.h"

#include "base/utf8.h"

static bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static char at(struct str text, size_t i) { return i < text.n ? text.p[i] : '\0'; }

/* Bytes of the name character at i, or 0 if there is none. */
static size_t name_char(struct str text, size_t i, bool first) {
    if (i >= text.n)
        return 0;
    char c = text.p[i];
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (!first && is_digit(c)))
        return 1;
    if ((unsigned char)c < 0x80)
        return 0;
    uint32_t cp;
    size_t n = utf8_decode((const uint8_t *)text.p + i, text.n - i, &cp);
    return cp == UINT32_MAX || lookalike_of(cp) ? 0 : n;
}

static size_t name_end(struct str text, size_t i) {
    for (size_t n; (n = name_char(text, i, false)) > 0;)
        i += n;
    return i;
}

bool lex_is_name(struct str s) {
    return s.n > 0 && name_char(s, 0, true) > 0 && name_end(s, 0) == s.n;
}

static struct token token(enum tok kind, size_t pos, size_t end) {
    return (struct token){.kind = kind, .pos = (uint32_t)pos, .length = (uint32_t)(end - pos)};
}

static struct token bad(enum lex_fault fault, size_t pos, size_t end) {
    struct token t = token(TOK_BAD, pos, end);
    t.fault = fault;
    return t;
}

/* Steps over blanks and comments; a comment that is not closed is the fault. */
static size_t skip_blanks(struct str text, size_t i, bool *ret_unclosed) {
    *ret_unclosed = false;
    for (;;) {
        if (i < text.n && is_space(text.p[i])) {
            i++;
        } else if (at(text, i) == '-' && at(text, i + 1) == '-') {
            const char *newline = memchr(text.p + i, '\n', text.n - i);
            i = newline ? (size_t)(newline - text.p) + 1 : text.n;
        } else if (at(text, i) == '/' && at(text, i + 1) == '*') {
            const char *close =
                text.n - i >= 4 ? memmem(text.p + i + 2, text.n - i - 2, "*/", 2) : NULL;
            if (!close) {
                *ret_unclosed = true;
                return i;
            }
            i = (size_t)(close - text.p) + 2;
        } else {
            return i;
        }
    }
}

/* A token from pos whose opening quote is at quote; a doubled quote stands for itself. */
static struct token quoted(struct str text, size_t pos, size_t quote, enum tok kind) {
    char q = text.p[quote];
    size_t i = quote + 1;
    for (;;) {
        const char *close = i < text.n ? memchr(text.p + i, q, text.n - i) : NULL;
        if (!close)
            return bad(q == '"' ? FAULT_NAME : FAULT_STRING, pos, text.n);
        i = (size_t)(close - text.p) + 1;
        if (at(text, i) != q)
            return token(kind, pos, i);
        i++;
    }
}

static struct token number(struct str text, size_t pos) {
    size_t i = pos;
    enum tok kind = TOK_INTEGER;
    while (is_digit(at(text, i)))
        i++;
    if (at(text, i) == '.') {
        kind = TOK_REAL;
        for (i++; is_digit(at(text, i));)
            i++;
    }
    if (at(text, i) == 'e' || at(text, i) == 'E') {
        size_t digits = i + 1;
        if (at(text, digits) == '+' || at(text, digits) == '-')
            digits++;
        if (!is_digit(at(text, digits)))
            return bad(FAULT_NUMBER, pos, name_end(text, digits));
        kind = TOK_REAL;
        for (i = digits; is_digit(at(text, i));)
            i++;
    }
    size_t end = name_end(text, i);
    return end > i ? bad(FAULT_NUMBER, pos, end) : token(kind, pos, i);
}

static enum tok symbol_kind(struct str text, size_t pos, size_t *ret_end) {
    char c = text.p[pos], next = at(text, pos + 1);
    bool equals = next == '=';
    *ret_end = pos + 1;
    switch (c) {
    case '(':
        return TOK_OPEN;
    case ')':
        return TOK_CLOSE;
    case '[':
        return TOK_OPEN_BOX;
    case ']':
        return TOK_CLOSE_BOX;
    case '{':
        return TOK_OPEN_MAP;
    case '}':
        return TOK_CLOSE_MAP;
    case ',':
        return TOK_COMMA;
    case '.':
        return TOK_DOT;
    case ':':
        *ret_end += next == ':';
        return next == ':' ? TOK_CAST : TOK_COLON;
    case '?':
        return TOK_QUESTION;
    case '+':
        return TOK_PLUS;
    case '-':
        return TOK_MINUS;
    case '*':
        return TOK_STAR;
    case '/':
        return TOK_SLASH;
    case '%':
        return TOK_PERCENT;
    case '&':
        return TOK_AND;
    case '|':
        *ret_end += next == '|';
        return next == '|' ? TOK_CONCAT : TOK_BAR;
    case '~':
        return TOK_TILDE;
    case '=':
        *ret_end += equals;
        return TOK_EQ;
    case '!':
        *ret_end += equals;
        return equals ? TOK_NE : TOK_BAD;
    case '<':
        *ret_end += equals || next == '>' || next == '<';
        return next == '>' ? TOK_NE : equals ? TOK_LE : next == '<' ? TOK_LEFT : TOK_LT;
    case '>':
        *ret_end += equals || next == '>';
        return equals ? TOK_GE : next == '>' ? TOK_RIGHT : TOK_GT;
    default:
        return TOK_BAD;
    }
}

static struct token symbol(struct str text, size_t pos) {
    struct str rest = {text.p + pos, text.n - pos};
    const struct mistake *m = mistake_at(rest);
    if (m)
        return bad(FAULT_MISTAKE, pos, pos + strlen(m->text));
    size_t end;
    enum tok kind = symbol_kind(text, pos, &end);
    if (kind != TOK_BAD)
        return token(kind, pos, end);
    uint32_t cp;
    size_t n = utf8_decode((const uint8_t *)rest.p, rest.n, &cp);
    return bad(lookalike_of(cp) ? FAULT_LOOKALIKE : FAULT_CHARACTER, pos, pos + n);
}

struct token lex_at(struct str text, size_t pos) {
    bool unclosed;
    pos = skip_blanks(text, pos, &unclosed);
    if (unclosed)
        return bad(FAULT_COMMENT, pos, text.n);
    if (pos == text.n)
        return token(TOK_END, pos, pos);
    char c = text.p[pos], next = at(text, pos + 1);
    if (c == '\'')
        return quoted(text, pos, pos, TOK_STRING);
    if (c == '"')
        return quoted(text, pos, pos, TOK_QUOTED);
    if ((c == 'x' || c == 'X') && (next == '\'' || next == '"'))
        return quoted(text, pos, pos + 1, next == '"' ? TOK_HEX_NAME : TOK_BINARY);
    if (is_digit(c) || (c == '.' && is_digit(next)))
        return number(text, pos);
    if (name_char(text, pos, true) > 0) {
        struct token t = token(TOK_NAME, pos, name_end(text, pos));
        t.word = word_of(token_text(text, t));
        return t;
    }
    return symbol(text, pos);
}
