/* See trace.h. */
#include "base/trace.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_BYTES 512

static const struct {
    const char *name;
    enum trace_area area;
} AREAS[] = {{"frame", TRACE_FRAME}, {"plan", TRACE_PLAN}, {"step", TRACE_STEP}};

static unsigned areas; /* written once, under `once`, then constant */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static unsigned parse_word(const char *word, size_t n) {
    if (n == 3 && memcmp(word, "all", 3) == 0)
        return TRACE_ALL;
    for (size_t i = 0; i < sizeof AREAS / sizeof *AREAS; i++)
        if (strlen(AREAS[i].name) == n && memcmp(AREAS[i].name, word, n) == 0)
            return AREAS[i].area;
    return 0;
}

unsigned trace_parse(const char *text) {
    unsigned mask = 0;
    while (text && *text) {
        size_t n = strcspn(text, ", ");
        mask |= parse_word(text, n);
        text += n + (text[n] != '\0');
    }
    return mask;
}

static void read_environment(void) { areas = trace_parse(getenv("TAMIS_TRACE")); }

unsigned trace_areas(void) {
    pthread_once(&once, read_environment);
    return areas;
}

static const char *area_name(enum trace_area area) {
    for (size_t i = 0; i < sizeof AREAS / sizeof *AREAS; i++)
        if (AREAS[i].area == area)
            return AREAS[i].name;
    return "?";
}

void trace_line(enum trace_area area, const char *format, ...) {
    char line[LINE_BYTES];
    int head = snprintf(line, sizeof line, "tamis %s: ", area_name(area));
    va_list args;
    va_start(args, format);
    int body = vsnprintf(line + head, sizeof line - (size_t)head, format, args);
    va_end(args);
    size_t n = (size_t)head + (body > 0 ? (size_t)body : 0);
    if (n > sizeof line - 1)
        n = sizeof line - 1;
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7F)
            line[i] = '?';
    line[n] = '\n';
    int saved = errno;
    ssize_t written = write(STDERR_FILENO, line, n + 1);
    (void)written; /* there is nobody to tell */
    errno = saved;
}
