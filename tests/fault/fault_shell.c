/* A command from its words to its rows, with every allocation failing in turn. What it says about
 * that goes to standard error; here it counts that it stops, and gives everything back. */
#include "shell/filter.h"
#include "shell/job.h"
#include "shell/reshape.h"

#include "alloc_fault.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

struct command {
    const char *const *argv;
    enum input_format format;
    struct str input;
    const char *want;
};

struct parts {
    struct arena arena;
    struct shell_options options;
    struct job job;
    struct filter filter;
    struct reshape shape;
    struct buf shaped;
};

static enum status filter_all(struct parts *p, const struct command *c) {
    const uint8_t *at = (const uint8_t *)c->input.p, *end = at + c->input.n;
    enum filter_step step;
    if (!filter_begin(&p->filter, c->format))
        return E_MEMORY;
    do
        step = filter_step(&p->filter, &at, end, true);
    while (step == FILTER_ROWS);
    struct error e = p->filter.error;
    if (step == FILTER_BROKEN)
        filter_fault(&p->filter, &e);
    filter_end(&p->filter);
    return step == FILTER_END ? E_OK : e.status;
}

static enum status rewrite(struct parts *p, const struct command *c) {
    const struct buf *header = &p->filter.header;
    struct buf first = {0};
    struct error e;
    error_clear(&e);
    enum status status = reshape_begin(&p->shape, c->format,
                                       (struct str){(const char *)header->data, header->len}, &e);
    if (status == E_OK)
        status = reshape_rows(&p->shape, p->filter.out.data, p->filter.out.len, &p->shaped, &e);
    if (status == E_OK && reshape_header(&p->shape, &first) && buf_failed(&first))
        status = E_MEMORY;
    buf_done(&first);
    if (status != E_OK)
        return status;
    assert_int_equal(p->shaped.len, strlen(c->want));
    assert_memory_equal(p->shaped.data, c->want, p->shaped.len);
    return E_OK;
}

static enum status run_parts(struct parts *p, const struct command *c) {
    int argc = 0;
    while (c->argv[argc])
        argc++;
    if (!options_parse(&p->options, &p->arena, argc, (char **)(uintptr_t)c->argv) ||
        !job_make(&p->job, &p->options, &p->arena))
        return E_MEMORY; /* nothing else is wrong with them */
    reshape_init(&p->shape, &p->options);
    if (!filter_init(&p->filter, &p->job))
        return E_MEMORY;
    enum status status = filter_all(p, c);
    return status == E_OK ? rewrite(p, c) : status;
}

static enum status run_command(void *arg) {
    struct parts p = {0};
    arena_init(&p.arena, NULL);
    enum status status = run_parts(&p, arg);
    filter_done(&p.filter);
    reshape_done(&p.shape);
    buf_done(&p.shaped);
    job_done(&p.job);
    arena_done(&p.arena);
    return status;
}

#define ARGV(...) ((const char *const[]){"tamis", __VA_ARGS__, NULL})

static void test_lines(void **state) {
    (void)state;
    struct command c = {
        .argv =
            ARGV("-p", "x=[1,3]", "-p", "y:text=b", "--select", "a,t.u[0]", "a in :x or t = :y"),
        .format = INPUT_JSONL,
        .input =
            str_of("{\"a\":1,\"t\":{\"u\":[\"\\u00e9\",{\"k\":[1,2]}]}}\n{\"a\":2}\n{\"a\":3}"),
        .want = "{\"a\":1,\"t.u[0]\":\"\xC3\xA9\"}\n{\"a\":3}\n",
    };
    fault_each("lines", run_command, &c);
    c.argv = ARGV("--to", "csv", "a in (1, 3)");
    c.input = str_of("{\"a\":1,\"t\":{\"u\":[0.5]}}\n{\"a\":2}\n{\"a\":3}");
    c.want = "1,\"{\"\"u\"\":[0.5]}\"\n3,\n";
    fault_each("lines to CSV", run_command, &c);
}

static void test_csv(void **state) {
    (void)state;
    struct command c = {
        .argv = ARGV("--types", "n=int,m=double", "--to", "jsonl", "n >= :n", "-p", "n=2"),
        .format = INPUT_CSV,
        .input = str_of("n,t,m\n1,x,1\n2,\"a \"\"b\"\"\",1.5\n"),
        .want = "{\"n\":2,\"t\":\"a \\\"b\\\"\",\"m\":1.5}\n",
    };
    fault_each("CSV", run_command, &c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_csv),
    };
    return cmocka_run_group_tests_name("fault_shell", tests, NULL, NULL);
}
