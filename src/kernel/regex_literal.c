/* See regex_literal.h.
 *
 * One walk over the top level of the pattern. What stands there as itself is collected in runs; any
 * other thing ends the run, so that only bytes that are neighbours in every match are neighbours in
 * a run. Doubt is settled by forgetting: a piece that is not understood is passed over, and a
 * pattern with an alternation at its top level, with \Q or with a change of case sensitivity in it
 * has no literal at all. So a fault here could only cost speed, as long as nothing is taken for a
 * literal that is none.
 */
#include "kernel/regex_literal.h"

#include <string.h>

struct walk {
    struct str p;
    size_t at;
    char *out;         /* the runs, one after the other */
    size_t n_out, run; /* run: where the current one begins in out */
    size_t last;       /* where its last code point begins */
    size_t best, best_n;
    bool broken; /* something else than a literal was met */
    bool none;
    bool lines; /* ^ and $ may have another meaning somewhere */
    bool looks; /* something looks at what stands around it: ^ $ \b \B \A \z */
};

static bool more(const struct walk *w) { return w->at < w->p.n; }
static char peek(const struct walk *w, size_t i) {
    return w->at + i < w->p.n ? w->p.p[w->at + i] : '\0';
}
static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_alnum(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static void end_run(struct walk *w) {
    if (w->n_out - w->run > w->best_n) {
        w->best = w->run;
        w->best_n = w->n_out - w->run;
    }
    w->run = w->last = w->n_out;
}

static void other(struct walk *w) {
    end_run(w);
    w->broken = true;
}

/* Adds the code point (or the byte) at w->at. */
static void literal(struct walk *w) {
    w->last = w->n_out;
    do
        w->out[w->n_out++] = w->p.p[w->at++];
    while (more(w) && (peek(w, 0) & 0xC0) == 0x80);
}

/* Behind the name of an escape: past {...}, if that follows. */
static void skip_braces(struct walk *w) {
    if (peek(w, 0) != '{')
        return;
    while (more(w) && peek(w, 0) != '}')
        w->at++;
    w->at += more(w);
}

/* An escape whose backslash is at w->at: past it. True if it is a punctuation character that stands
 * for itself; then w->at is on that. */
static bool escape(struct walk *w) {
    char c = peek(w, 1);
    w->at++;
    if (c != '\0' && !is_alnum(c) && !(c & 0x80))
        return true;
    w->at += more(w);
    w->looks |= c == 'b' || c == 'B' || c == 'A' || c == 'z';
    if (c == 'Q') {
        w->none = true;
    } else if (c == 'p' || c == 'P' || c == 'x') {
        if (peek(w, 0) == '{')
            skip_braces(w);
        else
            for (int i = c == 'x' ? 2 : 1; i > 0 && more(w); i--)
                w->at++;
    } else if (is_digit(c)) {
        while (is_digit(peek(w, 0)))
            w->at++;
    }
    return false;
}

/* A class whose [ is at w->at: past its ]. */
static void class(struct walk *w) {
    w->at += peek(w, 1) == '^' ? 2 : 1;
    for (bool first = true; more(w) && (first || peek(w, 0) != ']'); first = false) {
        if (peek(w, 0) == '\\') {
            w->at += escape(w);
        } else if (peek(w, 0) == '[' && peek(w, 1) == ':') {
            const char *from = w->p.p + w->at + 2;
            const char *end = memmem(from, w->p.n - w->at - 2, ":]", 2);
            w->at = end ? (size_t)(end - w->p.p) + 2 : w->at + 1;
        } else {
            w->at++;
        }
    }
    w->at += more(w);
}

/* A group's opening whose ( is at w->at: past ( and (?:, (?P<name> or (?flags: . True if there are
 * flags alone, which is no group. */
static bool open(struct walk *w) {
    w->at++;
    if (peek(w, 0) != '?')
        return false;
    w->at++;
    if (peek(w, 0) == 'P' || peek(w, 0) == '<')
        return false; /* the name holds nothing that the walk looks at */
    for (; more(w) && peek(w, 0) != ':' && peek(w, 0) != ')'; w->at++) {
        w->none |= peek(w, 0) == 'i';
        w->lines |= peek(w, 0) == 'm';
    }
    bool flags = peek(w, 0) == ')';
    w->at += more(w);
    return flags;
}

static void group(struct walk *w) {
    if (open(w)) { /* a quantifier behind it means what stands before it */
        w->n_out = w->last;
        other(w);
        return;
    }
    other(w);
    for (size_t depth = 1; more(w) && depth > 0 && !w->none;) {
        switch (peek(w, 0)) {
        case '\\':
            w->at += escape(w);
            break;
        case '[':
            class(w);
            break;
        case '(':
            depth += !open(w);
            break;
        case ')':
            depth--;
            w->at++;
            break;
        case '^':
        case '$':
            w->looks = true;
            w->at++;
            break;
        default:
            w->at++;
        }
    }
}

/* A quantifier, or a { that may be one: the last code point of the run is not sure to be there
 * once, just there. */
static void quantifier(struct walk *w) {
    w->n_out = w->last;
    other(w);
    size_t i = 1;
    if (peek(w, 0) == '{')
        while (is_digit(peek(w, i)) || peek(w, i) == ',')
            i++;
    w->at += i > 1 && peek(w, i) == '}' ? i + 1 : 1; /* other braces are literals */
}

static void piece(struct walk *w) {
    switch (peek(w, 0)) {
    case '|':
        w->none = true;
        break;
    case '\\':
        if (escape(w))
            literal(w);
        else
            other(w);
        break;
    case '[':
        other(w);
        class(w);
        break;
    case '(':
        group(w);
        break;
    case '*':
    case '+':
    case '?':
    case '{':
        quantifier(w);
        break;
    case '^':
    case '$':
        w->looks |= w->at + 1 < w->p.n || peek(w, 0) == '^';
        other(w);
        w->at++;
        break;
    case '.':
    case ')':
        other(w);
        w->at++;
        break;
    default:
        literal(w);
    }
}

static bool is_quantifier(char c) { return c == '*' || c == '+' || c == '?' || c == '{'; }

struct regex_text regex_literal_find(struct str pattern, unsigned flags, char *out) {
    struct walk w = {.p = pattern, .out = out, .none = (flags & REGEX_FOLD) != 0};
    struct regex_text text = {.shape = REGEX_GENERAL};
    size_t suffix = 0;
    bool anchored = false, ended = false;
    w.lines = (flags & REGEX_LINES) != 0;
    if (!w.lines && pattern.n > 1 && pattern.p[0] == '^') {
        anchored = true;
        w.at++;
    }
    /* a quantifier is the ^'s, also one behind (?flags) */
    bool flags_next = peek(&w, 0) == '(' && peek(&w, 1) == '?';
    bool starts = anchored && !is_quantifier(peek(&w, 0)) && !flags_next;
    while (more(&w) && !w.none) {
        if (!w.lines && w.at + 1 == pattern.n && w.at > 0 && peek(&w, 0) == '$') {
            suffix = w.run;
            text.n_suffix = w.n_out - w.run;
            ended = !anchored && !w.broken;
            if (ended)
                break;
        }
        piece(&w);
    }
    end_run(&w);
    if (w.none)
        return (struct regex_text){.shape = REGEX_GENERAL};
    if (!w.broken && w.best_n > 0)
        text.shape = anchored ? REGEX_PREFIX : ended ? REGEX_SUFFIX : REGEX_CONTAINS;
    text.n_literal = w.best_n;
    text.starts = starts && !w.lines && !w.looks;
    if (w.lines)
        text.n_suffix = 0;
    text.suffix_at = suffix == w.best ? 0 : w.best_n; /* it is the last run */
    memmove(out, out + w.best, w.best_n);
    memmove(out + text.suffix_at, text.suffix_at > 0 ? out + suffix : out, text.n_suffix);
    return text;
}
