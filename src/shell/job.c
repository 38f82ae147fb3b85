/* See job.h. */
#include "shell/job.h"

#include "shell/input.h"
#include "shell/params.h"
#include "shell/report.h"

#include <string.h>

/* The text of --query-file, without the end of its last line. */
static bool read_query(struct job *job, const struct shell_options *o, struct arena *a) {
    struct input in;
    struct buf b = {0};
    size_t n = 0;
    bool good = input_open(&in, o->query_file);
    /* one byte more than is allowed, so that it is seen */
    while (good && !in.finished && b.len <= o->limits.query_bytes + 1) {
        good = buf_reserve(&b, SHELL_READ_BYTES);
        if (good)
            good = input_read(&in, b.data + b.len, SHELL_READ_BYTES, &n);
        b.len += good ? n : 0;
    }
    if (!good)
        report("%s: %s", in.name, buf_failed(&b) ? "out of memory" : in.message);
    if (b.len > 0 && b.data[b.len - 1] == '\n')
        b.len--;
    if (b.len > 0 && b.data[b.len - 1] == '\r')
        b.len--;
    char *copy = good ? arena_copy(a, b.len > 0 ? (const char *)b.data : "", b.len) : NULL;
    if (good && !copy)
        report("out of memory");
    if (copy)
        job->text = (struct str){copy, b.len};
    input_close(&in);
    buf_done(&b);
    return copy != NULL;
}

static void tell_warnings(const struct job *job) {
    uint32_t n = 0;
    const struct warning *warnings = plan_warnings(job->plan, &n);
    for (uint32_t i = 0; i < n; i++)
        report_warning(job->text, &warnings[i]);
}

bool job_make(struct job *job, const struct shell_options *o, struct arena *a) {
    struct error e;
    error_clear(&e);
    *job = (struct job){
        .options = o,
        .run = {.row_depth = (uint32_t)o->limits.row_depth,
                .row_fields = (uint32_t)o->limits.row_fields,
                .nested_elements = o->limits.nested_elements},
    };
    if (o->query_file && !read_query(job, o, a))
        return false;
    if (!o->query_file)
        job->text = str_of(o->query);
    if (query_parse(&job->query, job->text, &o->limits, NULL, &e) == E_OK &&
        params_bind(&job->query, &o->params, a, &job->params, &e) == E_OK && !o->connect)
        job->plan = plan_new(&job->query, job->params, &o->limits, NULL, &e);
    if (e.status != E_OK) {
        report_query_error(job->text, "", &e);
        return false;
    }
    if (job->plan && !o->quiet)
        tell_warnings(job);
    return true;
}

void job_done(struct job *job) {
    plan_free(job->plan);
    query_done(&job->query);
}

bool job_explain(const struct job *job, struct buf *out) {
    struct buf steps = {0};
    bool good = plan_explain(job->plan, NULL, &steps, out);
    buf_done(&steps);
    return good;
}
