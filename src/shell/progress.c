/* See progress.h. */
#include "shell/progress.h"

#include "base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FIRST_NS    1000000000u /* nothing is shown of what takes less */
#define TERMINAL_NS 200000000u
#define FILE_NS     1000000000u
#define LINE_BYTES  200u
#define CLEAR       "\r\033[K"

void progress_init(struct progress *p, enum progress_wanted wanted, bool rows_to_terminal) {
    bool terminal = isatty(STDERR_FILENO) && !rows_to_terminal;
    *p = (struct progress){
        .on = wanted == PROGRESS_YES || (wanted == PROGRESS_AUTO && terminal),
        .asked = wanted == PROGRESS_YES,
        .terminal = terminal,
        .began_ns = clock_ns(),
        .every_ns = terminal ? TERMINAL_NS : FILE_NS,
    };
    p->next_ns = p->began_ns + FIRST_NS;
}

bool progress_is_due(const struct progress *p) { return p->on && clock_ns() >= p->next_ns; }

/* 1.2 GB */
static void size_text(char text[16], double bytes) {
    static const char *const UNITS[] = {"B", "kB", "MB", "GB", "TB"};
    unsigned i = 0;
    for (; bytes >= 999.5 && i < 4; i++)
        bytes /= 1000;
    snprintf(text, 16, bytes < 9.95 && i > 0 ? "%.1f %s" : "%.0f %s", bytes, UNITS[i]);
}

static void time_text(char text[24], double seconds) {
    uint64_t s = seconds < 1e9 ? (uint64_t)(seconds + 0.5) : 1000000000u;
    if (s < 60)
        snprintf(text, 24, "%" PRIu64 " s", s);
    else if (s < 3600)
        snprintf(text, 24, "%" PRIu64 ":%02" PRIu64 " min", s / 60, s % 60);
    else
        snprintf(text, 24, "%" PRIu64 ":%02" PRIu64 " h", s / 3600, s / 60 % 60);
}

int progress_text(char *text, unsigned size, const struct progress_state *s, double seconds) {
    char read[16], rate[16], left[24], share[48] = "", of[48] = "";
    double speed = seconds > 0 ? (double)s->bytes / seconds : 0;
    size_text(read, (double)s->bytes);
    size_text(rate, speed);
    if (s->rows > 0)
        snprintf(share, sizeof share, " (%.3g %% kept)", 100.0 * (double)s->kept / (double)s->rows);
    if (s->size >= s->bytes && s->size > 0 && speed > 0) {
        time_text(left, (double)(s->size - s->bytes) / speed);
        snprintf(of, sizeof of, ", %.0f %%, %s left", 100.0 * (double)s->bytes / (double)s->size,
                 left);
    }
    return snprintf(text, size, "%s, %" PRIu64 " rows%s, %s/s%s", read, s->rows, share, rate, of);
}

/* To standard error, all or as much as it takes: nobody is told of a failure. */
static void put(const char *text, size_t n) {
    ssize_t done = write(STDERR_FILENO, text, n);
    (void)done;
}

void progress_show(struct progress *p, const struct progress_state *s) {
    char line[LINE_BYTES] = CLEAR "tamis: ";
    uint64_t now = clock_ns();
    const char *start = p->terminal ? line : line + sizeof CLEAR - 1;
    size_t head = strlen(line);
    int n = progress_text(line + head, (unsigned)(sizeof line - head - 1), s,
                          (double)(now - p->began_ns) / 1e9);
    size_t length = strlen(start);
    if (n < 0)
        return;
    if (!p->terminal)
        line[head + strlen(line + head)] = '\n', length++;
    put(start, length);
    p->shown = p->terminal;
    p->next_ns = now + p->every_ns;
}

void progress_clear(struct progress *p) {
    if (p->shown)
        put(CLEAR, sizeof CLEAR - 1);
    p->shown = false;
}

void progress_end(struct progress *p, const struct progress_state *s) {
    if (p->on && p->asked)
        progress_show(p, s);
    if (p->on && p->asked && p->shown)
        put("\n", 1);
    else
        progress_clear(p);
    p->on = p->shown = false;
}
