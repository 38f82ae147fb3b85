/* See shell.h. */
#include "shell/shell.h"

#include "base/clock.h"
#include "shell/completion.h"
#include "shell/files.h"
#include "shell/job.h"
#include "shell/report.h"
#include "shell/service.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* --stats: one line of JSON. */
static void tell_stats(const struct files *fs, double seconds) {
    const struct counts *c = &fs->filter.counts;
    fprintf(stderr,
            "{\"rows\":%" PRIu64 ",\"matched\":%" PRIu64 ",\"type_mismatch\":%" PRIu64
            ",\"undefined\":%" PRIu64 ",\"unfit\":%" PRIu64 ",\"skipped\":%" PRIu64
            ",\"bytes\":%" PRIu64 ",\"bytes_out\":%" PRIu64
            ",\"seconds\":%.6f,\"mb_per_second\":%.1f}\n",
            c->rows, c->matched, c->type_mismatch, c->undefined, c->unfit, c->skipped, fs->bytes,
            fs->out->written, seconds, seconds > 0 ? (double)fs->bytes / 1e6 / seconds : 0.0);
}

static int status_of(const struct files *fs, const struct output *out) {
    const struct shell_options *o = fs->job->options;
    bool kept = fs->filter.counts.matched > 0;
    if (o->quiet && kept)
        return 0;
    if (fs->trouble || out->failed)
        return EXIT_TROUBLE;
    return o->exit_status && !kept ? EXIT_NONE_KEPT : 0;
}

static int filter_files(const struct job *job, struct service *service, struct output *out) {
    struct files fs;
    uint64_t began = clock_ns();
    files_run(&fs, job, service, out);
    if (job->options->count && !job->options->quiet) {
        char text[32];
        int n = snprintf(text, sizeof text, "%" PRIu64 "\n", fs.filter.counts.matched);
        output_add(out, text, (size_t)n);
    }
    output_flush(out);
    if (job->options->stats)
        tell_stats(&fs, (double)(clock_ns() - began) / 1e9);
    int status = status_of(&fs, out);
    files_done(&fs);
    return status;
}

static int explain(const struct job *job, const struct service *service, struct output *out) {
    struct buf text = {0};
    bool good = service || job_explain(job, &text);
    if (service)
        output_add(out, service_plan(service).p, service_plan(service).n);
    else if (good)
        output_add(out, text.data, text.len);
    else
        report("out of memory");
    buf_done(&text);
    return output_flush(out) && good ? 0 : EXIT_TROUBLE;
}

static int run(const struct shell_options *o, struct arena *a) {
    struct job job;
    struct output out;
    int status = EXIT_TROUBLE;
    output_init(&out, STDOUT_FILENO, o->line_buffered);
    struct service *service = NULL;
    bool good = job_make(&job, o, a);
    if (good && o->connect)
        good = (service = service_open(&job, a)) != NULL;
    if (good)
        status = o->explain ? explain(&job, service, &out) : filter_files(&job, service, &out);
    service_close(service);
    job_done(&job);
    output_done(&out);
    return status;
}

/* After what was printed by stdio. */
static int finish_stdout(void) {
    if (fflush(stdout) == 0 && !ferror(stdout))
        return 0;
    report("writing standard output failed");
    return EXIT_TROUBLE;
}

int shell_main(int argc, char **argv) {
    struct shell_options o;
    struct arena a;
    int status = EXIT_TROUBLE;
    arena_init(&a, NULL);
    if (options_parse(&o, &a, argc, argv)) {
        if (o.help) {
            options_help();
            status = finish_stdout();
        } else if (o.completion) {
            completion_print(o.completion);
            status = finish_stdout();
        } else if (o.version) {
            printf("tamis %s\n", TAMIS_VERSION);
            status = finish_stdout();
        } else {
            status = run(&o, &a);
        }
    }
    arena_done(&a);
    return status;
}
