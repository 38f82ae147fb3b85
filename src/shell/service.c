/* See service.h: the connection, and the query that is asked. */
#include "shell/passage.h"

#include "shell/report.h"

#include <stdlib.h>
#include <string.h>

/* --- the query --- */

/* The rows that a condition does not keep are those for which it is not TRUE. The line feed ends a
 * comment that the query may end with. */
#define INVERT_HEAD "("
#define INVERT_TAIL "\n) IS NOT TRUE"

static bool make_query(struct service *s, struct arena *a) {
    const struct query *q = &s->job->query;
    struct str *names = arena_array(a, q->n_params, sizeof *names);
    if (!names)
        return false;
    for (uint32_t i = 0; i < q->n_params; i++)
        names[i] = q->params[i].name;
    s->query = (struct remote_query){
        .text = s->job->text, .names = names, .values = s->job->params, .n_params = q->n_params};
    return true;
}

static bool invert_query(struct service *s, struct arena *a) {
    const size_t head = sizeof INVERT_HEAD - 1, tail = sizeof INVERT_TAIL - 1;
    struct str text = s->job->text;
    char *copy = arena_alloc(a, head + text.n + tail);
    if (!copy)
        return false;
    memcpy(copy, INVERT_HEAD, head);
    memcpy(copy + head, text.p, text.n);
    memcpy(copy + head + text.n, INVERT_TAIL, tail);
    s->query.text = (struct str){copy, head + text.n + tail};
    s->shift = head;
    return true;
}

/* A request has one kind of parameters. */
static bool check_params(const struct query *q) {
    for (uint32_t i = 1; i < q->n_params; i++)
        if ((q->params[i].name.p == NULL) != (q->params[0].name.p == NULL)) {
            report("--connect: a service takes a query with :NAME or with ?, not with both");
            return false;
        }
    return true;
}

static bool can_all(const struct service *s) {
    static const char *const NEEDED[] = {"filter",        "stream",      "explain",
                                         "payload.bytes", "result.rows", "result.auto"};
    for (size_t i = 0; i < sizeof NEEDED / sizeof *NEEDED; i++)
        if (!remote_can(s->remote, NEEDED[i])) {
            report("%s: the service cannot do what this needs (%s)", s->job->options->connect,
                   NEEDED[i]);
            return false;
        }
    return true;
}

/* Asks about the query before any input is read. */
static bool ask_plan(struct service *s, struct arena *a) {
    const struct job *job = s->job;
    struct answer_explained told;
    struct error e;
    error_clear(&e);
    if (remote_explain(s->remote, &s->query, &told, &e) != E_OK) {
        if (status_kind(e.status) == KIND_USER)
            report_query_error(job->text, "", &e);
        else
            report("%s: %s", job->options->connect, e.message);
        return false;
    }
    for (uint32_t i = 0; i < told.n_warnings && !job->options->quiet; i++)
        report_warning(job->text, &told.warnings[i]);
    s->plan = (struct str){arena_copy(a, told.plan.p, told.plan.n), told.plan.n};
    return s->plan.p && (!job->options->invert || invert_query(s, a));
}

struct service *service_open(const struct job *job, struct arena *a) {
    const char *path = job->options->connect;
    struct error e;
    error_clear(&e);
    if (!check_params(&job->query))
        return NULL;
    struct service *s = calloc(1, sizeof *s);
    if (!s) {
        report("out of memory");
        return NULL;
    }
    s->job = job;
    s->remote = remote_connect(path, &e);
    if (!s->remote)
        report("cannot use the service at %s: %s", path, e.message);
    else if (!make_query(s, a))
        report("out of memory");
    else if (can_all(s) && ask_plan(s, a))
        return s;
    service_close(s);
    return NULL;
}

void service_close(struct service *s) {
    if (s)
        remote_free(s->remote);
    free(s);
}

struct str service_plan(const struct service *s) {
    return s->plan;
}

uint32_t service_warnings(const struct service *s, struct warning *ret) {
    memcpy(ret, s->of_rows, s->n_of_rows * sizeof *ret);
    return s->n_of_rows;
}
