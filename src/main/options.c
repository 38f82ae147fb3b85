/* See options.h. Written by hand and not with getopt_long, which would take "--frame" for
 * --frame-bytes: an abbreviation that works today and means something else after the next release.
 */
#include "main/options.h"

#include "base/amount.h"

#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXIT_USAGE           2
#define DRAIN_MS_DEFAULT     30000u
#define DRAIN_MS_MOST        86400000u
#define BUSY_POLL_US_DEFAULT 50u
#define BUSY_POLL_US_MOST    1000000u
#define SOCKET_MODE_DEFAULT  0660u
#define SYSTEMD_PATH         "systemd:"
#define NAME_BYTES           64

/* What the command line has said so far. */
struct parse {
    struct server_options *o;
    const char **paths; /* o->paths, while it is filled */
    bool stall_given;
    int done; /* OPTIONS_RUN, or the exit status */
};

struct option {
    const char *name;  /* with its dashes */
    const char *value; /* what --help calls it; NULL: takes none */
    void (*take)(struct parse *p, const char *value);
    const char *help;
};

static void usage_error(struct parse *p, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void usage_error(struct parse *p, const char *format, ...) {
    char text[512];
    va_list args;
    va_start(args, format);
    if (vsnprintf(text, sizeof text, format, args) >= 0)
        fprintf(stderr, "tamisd: %s\n", text);
    va_end(args);
    p->done = EXIT_USAGE;
}

/* ---- values ---- */

static void take_number(struct parse *p, const char *name, const char *text, bool suffixes,
                        uint64_t least, uint64_t most, uint64_t *ret) {
    uint64_t n;
    if (!amount_parse(text, suffixes, &n))
        usage_error(p, "%s: \"%s\" is not a number (digits%s)", name, text,
                    suffixes ? ", then K, M or G if you like" : "");
    else if (n < least || n > most)
        usage_error(p, "%s: %s is out of range (%" PRIu64 " to %" PRIu64 ")", name, text, least,
                    most);
    else
        *ret = n;
}

static bool is_bytes(const struct limit_info *info) {
    size_t n = strlen(info->name);
    return n > 6 && strcmp(info->name + n - 6, "_bytes") == 0;
}

/* "--frame-bytes" of frame_bytes. */
static void limit_option(const struct limit_info *info, char name[NAME_BYTES]) {
    snprintf(name, NAME_BYTES, "--%s", info->name);
    for (char *c = name; *c; c++)
        if (*c == '_')
            *c = '-';
}

/* ---- options that are no limits ---- */

static void take_stdio(struct parse *p, const char *value) {
    (void)value;
    p->o->stdio = true;
}

static void take_files(struct parse *p, const char *value) {
    (void)value;
    p->o->files = true;
}

static void take_listen(struct parse *p, const char *value) {
    if (strcmp(value, SYSTEMD_PATH) == 0)
        p->o->activated = true;
    else if (*value == '\0')
        usage_error(p, "--listen: the path is empty");
    else
        p->paths[p->o->path_count++] = value;
}

static void take_socket_mode(struct parse *p, const char *value) {
    size_t n = strlen(value);
    if (n < 3 || n > 4 || strspn(value, "01234567") != n || (n == 4 && *value != '0'))
        usage_error(p, "--socket-mode: \"%s\" is not a mode (three octal digits, as 0660)", value);
    else
        p->o->socket_mode = (unsigned)strtoul(value, NULL, 8);
}

static void take_threads(struct parse *p, const char *value) {
    uint64_t n = 0;
    take_number(p, "--threads", value, false, 1, SERVER_THREADS_MOST, &n);
    p->o->threads = (unsigned)n;
}

static void take_drain_ms(struct parse *p, const char *value) {
    take_number(p, "--drain-ms", value, false, 0, DRAIN_MS_MOST, &p->o->drain_ms);
}

static void take_busy_poll_us(struct parse *p, const char *value) {
    take_number(p, "--busy-poll-us", value, false, 0, BUSY_POLL_US_MOST, &p->o->busy_poll_us);
}

static void take_shared_memory(struct parse *p, const char *value) {
    uint64_t n = 0;
    take_number(p, "--shared-memory", value, false, STDERR_FILENO + 1, INT_MAX, &n);
    p->o->shared_fd = (int)n;
}

static void take_parent_memory(struct parse *p, const char *value) {
    (void)value;
    p->o->reads_parent = true;
}

static void take_no_parent_watch(struct parse *p, const char *value) {
    (void)value;
    p->o->watch_parent = false;
}

static void take_max_memory(struct parse *p, const char *value);
static void take_help(struct parse *p, const char *value);
static void take_version(struct parse *p, const char *value);

static const struct option OPTIONS[] = {
    {"--stdio", NULL, take_stdio, "serve one client on standard input and output, then exit"},
    {"--files", NULL, take_files,
     "--stdio: open the files that the client names, with the rights of\n"
     "this process; for a parent that could open them itself"},
    {"--listen", "PATH", take_listen,
     "serve clients on a Unix socket; may be repeated. \"" SYSTEMD_PATH "\" takes\n"
     "the sockets that systemd passed, which is also what happens when\n"
     "there are such and neither --stdio nor --listen is given"},
    {"--socket-mode", "MODE", take_socket_mode, "permissions of the sockets that are made (0660)"},
    {"--threads", "N", take_threads, "worker threads (one a core, at least 2)"},
    {"--drain-ms", "N", take_drain_ms,
     "after SIGTERM, SIGINT or SIGHUP, the longest wait for requests that run\n"
     "(30000); a second signal ends the wait"},
    {"--busy-poll-us", "N", take_busy_poll_us,
     "after an answer, how long to look for the next request before sleeping,\n"
     "and so for threads that help with one (50); 0: sleep at once, as with\n"
     "one processor"},
    {"--shared-memory", "FD", take_shared_memory,
     "--stdio: the memfd, sealed against shrinking, that this process has as\n"
     "descriptor FD: results of tables may be written to it"},
    {"--parent-memory", NULL, take_parent_memory,
     "--stdio: fetch what the client loads from the memory of the process\n"
     "that started tamisd, where it proves to be the client"},
    {"--no-parent-watch", NULL, take_no_parent_watch,
     "--stdio: go on when the process that started tamisd ends"},
    {"--help", NULL, take_help, "print this and exit"},
    {"--version", NULL, take_version, "print the version and exit"},
    {"--max-memory", "N", take_max_memory, "the same as --memory-bytes"},
};
#define OPTION_COUNT (sizeof OPTIONS / sizeof *OPTIONS)

/* ---- help ---- */

static void finish_stdout(struct parse *p) {
    p->done = SERVER_CLEAN;
    if (fflush(stdout) != 0 || ferror(stdout)) {
        perror("tamisd: writing stdout");
        p->done = SERVER_FAILED;
    }
}

static void take_version(struct parse *p, const char *value) {
    (void)value;
    printf("tamisd %s\n", TAMIS_VERSION);
    finish_stdout(p);
}

static void print_help_lines(const char *left, const char *text) {
    printf("  %-24s", left);
    for (; *text; text++) {
        putchar(*text);
        if (*text == '\n')
            printf("%26s", "");
    }
    putchar('\n');
}

static void take_help(struct parse *p, const char *value) {
    (void)value;
    char left[NAME_BYTES + 16];
    printf("usage: tamisd --stdio [option...]\n"
           "       tamisd --listen PATH [option...]\n\n"
           "A server that filters rows for other programs. man tamisd says more of the options;\n"
           "SERVICE.md is for who runs it as a service, PROTOCOL.md for who writes a client.\n\n");
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const char *takes = OPTIONS[i].value;
        snprintf(left, sizeof left, "%s%s%s", OPTIONS[i].name, takes ? " " : "",
                 takes ? takes : "");
        print_help_lines(left, OPTIONS[i].help);
    }
    printf(
        "\nLimits (default; least to most). Bytes may be written with K, M or G; 0, where it is\n"
        "allowed, means no limit, unless the line says otherwise. With --stdio the default of\n"
        "--stall-ms is 0.\n\n");
    const struct limit_info *info;
    for (size_t i = 0; (info = limit_at(i)); i++) {
        char name[NAME_BYTES], text[256];
        limit_option(info, name);
        snprintf(left, sizeof left, "%s N", name);
        snprintf(text, sizeof text, "%s\n(%" PRIu64 "; %" PRIu64 " to %" PRIu64 ")", info->text,
                 info->def, info->least, info->most);
        print_help_lines(left, text);
    }
    printf("\nExit status: 0 after a clean end (end of input, a reader that went away, a signal); "
           "1 when\n"
           "start-up or the system failed, or a drain was cut short; 2 for a wrong command line, "
           "or, with\n"
           "--stdio, a stream that ended badly (cut inside a frame, no HELLO ...).\n");
    finish_stdout(p);
}

/* ---- the command line ---- */

/* Gives the limit its value; false if no limit has that option. */
static bool take_limit(struct parse *p, const char *name, const char *value) {
    const struct limit_info *info;
    for (size_t i = 0; (info = limit_at(i)); i++) {
        char option[NAME_BYTES];
        limit_option(info, option);
        if (strcmp(option, name) != 0)
            continue;
        if (!value) {
            usage_error(p, "%s needs a value", name);
            return true;
        }
        uint64_t *field = limit_value(&p->o->limits, info);
        take_number(p, name, value, is_bytes(info), info->least, info->most, field);
        if (field == &p->o->limits.stall_ms)
            p->stall_given = true;
        return true;
    }
    return false;
}

static void take_max_memory(struct parse *p, const char *value) {
    take_limit(p, "--memory-bytes", value);
}

/* Takes one option; true if it used `value`. inlined: the value was written with "=". */
static bool take_option(struct parse *p, const char *name, const char *value, bool inlined) {
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option *option = &OPTIONS[i];
        if (strcmp(option->name, name) != 0)
            continue;
        if (option->value && !value)
            usage_error(p, "%s needs a value (%s)", name, option->value);
        else if (!option->value && inlined)
            usage_error(p, "%s takes no value", name);
        else
            option->take(p, value);
        return option->value != NULL;
    }
    if (take_limit(p, name, value))
        return true;
    usage_error(p, "unknown option \"%s\" (tamisd --help lists them)", name);
    return false;
}

/* What must hold of all options together. */
static void check_whole(struct parse *p) {
    struct server_options *o = p->o;
    bool listens = o->path_count > 0 || o->activated;
    if (o->stdio && listens)
        usage_error(p, "--stdio and --listen exclude each other");
    else if (o->files && !o->stdio)
        usage_error(p, "--files goes with --stdio: others must not choose files");
    else if (o->reads_parent && !o->stdio)
        usage_error(p, "--parent-memory goes with --stdio: who started a service is no client");
    else if (o->shared_fd && !o->stdio)
        usage_error(p, "--shared-memory goes with --stdio: a descriptor has one other end");
    else if (!o->stdio && !listens && server_activated() > 0)
        o->activated = true;
    else if (!o->stdio && !listens)
        usage_error(p, "say --stdio or --listen PATH (tamisd --help explains them)");
    /* A child's only client hurts nobody by being slow, and may be a person at a prompt. */
    if (o->stdio && !p->stall_given)
        o->limits.stall_ms = 0;
}

int options_parse(struct server_options *ret, int argc, char **argv) {
    *ret = (struct server_options){.socket_mode = SOCKET_MODE_DEFAULT,
                                   .drain_ms = DRAIN_MS_DEFAULT,
                                   .busy_poll_us = BUSY_POLL_US_DEFAULT,
                                   .watch_parent = true};
    limits_default(&ret->limits);
    struct parse p = {.o = ret, .done = OPTIONS_RUN};
    p.paths = calloc((size_t)argc + 1, sizeof *p.paths);
    if (!p.paths) {
        fprintf(stderr, "tamisd: no memory\n");
        return SERVER_FAILED;
    }
    ret->paths = p.paths;
    for (int i = 1; i < argc && p.done == OPTIONS_RUN; i++) {
        char name[NAME_BYTES];
        if (strncmp(argv[i], "--", 2) != 0 || argv[i][2] == '\0') {
            usage_error(&p, "unexpected argument \"%s\" (tamisd --help explains the options)",
                        argv[i]);
            break;
        }
        const char *equals = strchr(argv[i], '=');
        size_t n = equals ? (size_t)(equals - argv[i]) : strlen(argv[i]);
        snprintf(name, sizeof name, "%.*s", (int)(n < NAME_BYTES ? n : NAME_BYTES - 1), argv[i]);
        if (take_option(&p, name, equals ? equals + 1 : argv[i + 1], equals != NULL) && !equals)
            i++;
    }
    if (p.done == OPTIONS_RUN)
        check_whole(&p);
    return p.done;
}

void options_done(struct server_options *o) {
    free((void *)(uintptr_t)o->paths);
    o->paths = NULL;
}
