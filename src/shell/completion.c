/* See completion.h. What a value may be is read from its name in options.def: words with | between
 * them are its choices, FILE and PATH are names of files, and nothing is known of others. */
#include "shell/completion.h"

#include <stdio.h>
#include <string.h>

struct option {
    char letter;
    const char *name, *value, *help;
};

static const struct option OPTIONS[] = {
#define GROUP(heading)
#define FLAG(field, letter, name, help)         {letter, name, NULL, help},
#define VALUE(taker, letter, name, value, help) {letter, name, value, help},
#include "shell/options.def"
#undef GROUP
#undef FLAG
#undef VALUE
};
#define OPTION_COUNT (sizeof OPTIONS / sizeof *OPTIONS)

static bool is_choice(const struct option *o) { return o->value && strchr(o->value, '|'); }
static bool is_file(const struct option *o) {
    return o->value && (strcmp(o->value, "FILE") == 0 || strcmp(o->value, "PATH") == 0);
}

/* The choices with blanks between them. */
static void put_choices(const struct option *o) {
    for (const char *c = o->value; *c; c++)
        putchar(*c == '|' ? ' ' : *c);
}

/* The first line of the help, with a backslash before each of `special`, inside of single quotes.
 */
static void put_help(const struct option *o, const char *special) {
    for (const char *c = o->help; *c && *c != '\n'; c++)
        if (*c == '\'')
            fputs("'\\''", stdout);
        else
            printf("%s%c", strchr(special, *c) ? "\\" : "", *c);
}

static void print_bash(void) {
    printf("# tamis in bash: made by tamis --completion bash\n"
           "_tamis() {\n"
           "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
           "    if [[ $cur == = ]]; then\n"
           "        cur=\n"
           "    elif [[ $prev == = ]]; then\n"
           "        prev=${COMP_WORDS[COMP_CWORD - 2]}\n"
           "    fi\n"
           "    case $prev in\n");
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option *o = &OPTIONS[i];
        if (!o->value)
            continue;
        printf("    --%s", o->name);
        if (o->letter)
            printf(" | -%c", o->letter);
        printf(") COMPREPLY=(");
        if (is_choice(o)) {
            printf("$(compgen -W '");
            put_choices(o);
            printf("' -- \"$cur\")");
        } else if (is_file(o)) {
            printf("$(compgen -f -- \"$cur\")");
        }
        printf(") && return ;;\n");
    }
    printf("    esac\n"
           "    if [[ $cur == -* ]]; then\n"
           "        COMPREPLY=($(compgen -W '");
    for (size_t i = 0; i < OPTION_COUNT; i++)
        printf("%s--%s", i > 0 ? " " : "", OPTIONS[i].name);
    printf("' -- \"$cur\"))\n"
           "    else\n"
           "        COMPREPLY=($(compgen -f -- \"$cur\"))\n"
           "    fi\n"
           "}\n"
           "complete -o filenames -F _tamis tamis\n");
}

static void print_zsh(void) {
    printf("#compdef tamis\n# tamis in zsh: made by tamis --completion zsh\n_arguments -s -S \\\n");
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option *o = &OPTIONS[i];
        const char *repeats = o->value ? "*" : "";
        if (o->letter)
            printf("    '%s'{-%c%s,--%s%s}", repeats, o->letter, o->value ? "+" : "", o->name,
                   o->value ? "=" : "");
        else
            printf("    '%s'--%s%s", repeats, o->name, o->value ? "=" : "");
        printf("'[");
        put_help(o, "[]:\\");
        putchar(']');
        if (o->value)
            printf(":%s:", o->name);
        if (is_choice(o)) {
            putchar('(');
            put_choices(o);
            putchar(')');
        } else if (is_file(o)) {
            printf("_files");
        }
        printf("' \\\n");
    }
    printf("    '*:file:_files'\n");
}

static void print_fish(void) {
    printf("# tamis in fish: made by tamis --completion fish\n");
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option *o = &OPTIONS[i];
        printf("complete -c tamis");
        if (o->letter)
            printf(" -s %c", o->letter);
        printf(" -l %s", o->name);
        if (o->value)
            printf(is_file(o) ? " -r" : " -x");
        if (is_choice(o)) {
            printf(" -a '");
            put_choices(o);
            putchar('\'');
        }
        printf(" -d '");
        put_help(o, "\\");
        printf("'\n");
    }
}

bool completion_print(const char *shell) {
    if (strcmp(shell, "bash") == 0)
        print_bash();
    else if (strcmp(shell, "zsh") == 0)
        print_zsh();
    else if (strcmp(shell, "fish") == 0)
        print_fish();
    else
        return false;
    return true;
}
