/* TAMIS_TRACE=frame,plan,step: what happens, one line at a time on standard error. A debug aid, not
 * a log.
 *
 * The areas go by how often they speak: a line a plan, a line a frame, a line a step and block. The
 * environment is read once, at first use. With an area left out of TAMIS_TRACE_AREAS the compiler
 * drops its lines; else trace_on costs a load and a branch.
 *
 *     if (trace_on(TRACE_FRAME))
 *         trace_line(TRACE_FRAME, "%zu bytes, kind %u", n, kind);
 *
 * A line is written whole, in one write, so that lines of several threads do not mix. Any thread.
 */
#ifndef TAMIS_BASE_TRACE_H
#define TAMIS_BASE_TRACE_H

#include <stdbool.h>

enum trace_area { TRACE_FRAME = 1, TRACE_PLAN = 2, TRACE_STEP = 4 };

#define TRACE_ALL (TRACE_FRAME | TRACE_PLAN | TRACE_STEP)
#ifndef TAMIS_TRACE_AREAS
#define TAMIS_TRACE_AREAS TRACE_ALL
#endif

/* The areas that the environment asks for, as a mask. */
unsigned trace_areas(void);

/* The mask of a list such as "frame,step"; "all" is every area, unknown words count for nothing.
 * text may be NULL. */
unsigned trace_parse(const char *text);

static inline bool trace_on(enum trace_area area) {
    return (TAMIS_TRACE_AREAS & area) && (trace_areas() & area);
}

/* Writes "tamis AREA: ..." and a newline, whether or not the area is on. Long lines are cut,
 * control characters shown as '?'. */
void trace_line(enum trace_area area, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
