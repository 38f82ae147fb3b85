/* See report.h. Places are shown as the Python client shows them (errors.py). */
#include "shell/report.h"

#include "base/utf8.h"

#include <errno.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>
#include <wchar.h>

#define SHOWN_COLUMNS 100u /* of a query's line */

/* To standard error in one write, so that lines of several programs do not mix. */
static void write_error(const struct buf *text) {
    int saved = errno;
    for (size_t at = 0; at < text->len;) {
        ssize_t n = write(STDERR_FILENO, text->data + at, text->len - at);
        if (n < 0 && errno != EINTR)
            break; /* there is nobody to tell */
        at += n > 0 ? (size_t)n : 0;
    }
    errno = saved;
}

void report(const char *format, ...) {
    char text[2048];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    char shown[sizeof text];
    error_text(shown, sizeof shown, text,
               n < 0                     ? 0
               : (size_t)n < sizeof text ? (size_t)n
                                         : sizeof text - 1);
    struct buf b = {0};
    buf_printf(&b, "tamis: %s\n", shown);
    write_error(&b);
    buf_done(&b);
}

/* --- the place in a query --- */

struct shown_line {
    struct str text;   /* without the end of the line */
    uint64_t number;   /* from 1 */
    size_t at, length; /* of the place, in its bytes */
    bool cut_head, cut_tail;
};

static size_t next_point(struct str s, size_t at, uint32_t *ret_cp) {
    return at + utf8_decode((const uint8_t *)s.p + at, s.n - at, ret_cp);
}

static struct shown_line line_at(struct str text, uint64_t pos, uint64_t length) {
    size_t at = pos < text.n ? (size_t)pos : text.n, start = at, end = at;
    struct shown_line line = {.number = 1};
    while (start > 0 && text.p[start - 1] != '\n')
        start--;
    while (end < text.n && text.p[end] != '\n')
        end++;
    for (size_t i = 0; i < start; i++)
        line.number += text.p[i] == '\n';
    if (end > start && text.p[end - 1] == '\r')
        end--;
    line.text = (struct str){text.p + start, end - start};
    line.at = at - start < line.text.n ? at - start : line.text.n;
    line.length = length < line.text.n - line.at ? (size_t)length : line.text.n - line.at;
    return line;
}

/* Moves `at` back over so many code points. */
static size_t back(struct str s, size_t at, size_t points) {
    for (; at > 0 && points > 0; points--)
        do
            at--;
        while (at > 0 && ((unsigned char)s.p[at] & 0xC0) == 0x80);
    return at;
}

/* A long line: what stands around the place. */
static void cut_line(struct shown_line *line) {
    uint32_t cp;
    size_t points = 0, end, start;
    for (size_t at = 0; at < line->text.n; points++)
        at = next_point(line->text, at, &cp);
    if (points <= SHOWN_COLUMNS)
        return;
    start = back(line->text, line->at, SHOWN_COLUMNS / 2);
    end = start;
    for (size_t i = 0; i < SHOWN_COLUMNS && end < line->text.n; i++)
        end = next_point(line->text, end, &cp);
    line->cut_head = start > 0;
    line->cut_tail = end < line->text.n;
    line->at -= start;
    line->text = (struct str){line->text.p + start, end - start};
    if (line->length > line->text.n - line->at)
        line->length = line->text.n - line->at;
}

/* Columns that a terminal most likely gives a code point; -1 for one that is not to be printed. */
static int width_of(uint32_t cp) {
    int width = cp == UINT32_MAX ? -1 : wcwidth((wchar_t)cp);
    return width < 0 && cp >= 0xA0 && cp != UINT32_MAX ? 1 : width;
}

static void add_text(struct buf *out, struct str s) {
    for (size_t at = 0, next; at < s.n; at = next) {
        uint32_t cp;
        next = next_point(s, at, &cp);
        if (cp == '\t' || width_of(cp) >= 0)
            buf_add(out, s.p + at, next - at);
        else
            buf_add_text(out, "\xEF\xBF\xBD");
    }
}

/* The columns of s, each as `c`; a tab before the place stays one. */
static size_t add_columns(struct buf *out, struct str s, char c) {
    size_t columns = 0;
    for (size_t at = 0; at < s.n;) {
        uint32_t cp;
        at = next_point(s, at, &cp);
        int width = width_of(cp) < 0 ? 1 : width_of(cp);
        if (cp == '\t' && c == ' ')
            buf_byte(out, '\t');
        else
            for (int i = 0; i < width; i++)
                buf_byte(out, (uint8_t)c);
        columns += (size_t)width;
    }
    return columns;
}

void point_at(struct buf *out, struct str text, uint64_t pos, uint64_t length) {
    locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    locale_t before = utf8 ? uselocale(utf8) : (locale_t)0; /* for wcwidth */
    struct shown_line line = line_at(text, pos, length);
    char label[32] = "";
    if (memchr(text.p, '\n', text.n))
        snprintf(label, sizeof label, "line %llu: ", (unsigned long long)line.number);
    cut_line(&line);
    buf_printf(out, "  %s%s", label, line.cut_head ? "..." : "");
    add_text(out, line.text);
    buf_printf(out, "%s\n  %*s", line.cut_tail ? "..." : "",
               (int)(strlen(label) + (line.cut_head ? 3 : 0)), "");
    add_columns(out, (struct str){line.text.p, line.at}, ' ');
    if (add_columns(out, (struct str){line.text.p + line.at, line.length}, '^') == 0)
        buf_byte(out, '^');
    buf_byte(out, '\n');
    if (utf8) {
        uselocale(before);
        freelocale(utf8);
    }
}

void report_query_error(struct str query, const char *prefix, const struct error *e) {
    struct buf b = {0};
    char shown[512];
    error_text(shown, sizeof shown, prefix, strlen(prefix));
    buf_printf(&b, "tamis: %s%s", shown, e->message);
    if (*e->suggestion)
        buf_printf(&b, " (did you mean '%s'?)", e->suggestion);
    buf_byte(&b, '\n');
    if (e->pos != ERROR_NONE)
        point_at(&b, query, e->pos, e->length);
    write_error(&b);
    buf_done(&b);
}

void report_warning(struct str query, const struct warning *w) {
    struct buf b = {0};
    buf_printf(&b, "tamis: warning: %s", warning_text(w->code));
    if (*w->near_text && *w->suggestion)
        buf_printf(&b, ": '%s' (did you mean '%s'?)", w->near_text, w->suggestion);
    buf_byte(&b, '\n');
    if (w->pos != ERROR_NONE)
        point_at(&b, query, w->pos, w->length);
    write_error(&b);
    buf_done(&b);
}
