/* tamis --help, from options.def. See options.h. */
#include "shell/options.h"

#include <stdio.h>

#define HELP_COLUMN 28

static void print_option(char letter, const char *name, const char *value, const char *help) {
    char left[96];
    int n =
        snprintf(left, sizeof left, "  %c%c%c --%s%s%s", letter ? '-' : ' ', letter ? letter : ' ',
                 letter ? ',' : ' ', name, value ? " " : "", value ? value : "");
    if (n >= HELP_COLUMN)
        printf("%s\n%*s", left, HELP_COLUMN, "");
    else
        printf("%-*s", HELP_COLUMN, left);
    for (; *help; help++) {
        putchar(*help);
        if (*help == '\n')
            printf("%*s", HELP_COLUMN, "");
    }
    putchar('\n');
}

void options_help(void) {
    printf("usage: tamis [OPTIONS] QUERY [FILE...]\n\n"
           "Prints the rows of FILEs (JSON lines, CSV, TSV, msgpack; also .gz and .zst) for which "
           "the\n"
           "condition QUERY is true, byte for byte as they are. Without FILE, or for -, it reads\n"
           "standard input. In QUERY 'x' is a text, \"x\" the name of a field.\n\n"
           "Examples:\n"
           "  tamis \"status >= 500 and path like '/api/%%'\" events.jsonl\n"
           "  tamis --count \"city = 'Oslo' or city = ''\" people.csv\n"
           "  tamis --types price=double \"price > 9.5\" -n 10 prices.csv\n"
           "  tamis --param who=\"'Ada'\" --param least=5 \"name = :who and n >= :least\" < "
           "log.jsonl\n");
#define GROUP(heading)                          printf("\n%s:\n", heading);
#define FLAG(field, letter, name, help)         print_option(letter, name, NULL, help);
#define VALUE(taker, letter, name, value, help) print_option(letter, name, value, help);
#include "shell/options.def"
#undef GROUP
#undef FLAG
#undef VALUE
    printf("\nExit status: 0 when it ran; 2 for a wrong command line or query, or an input that "
           "cannot\n"
           "be read; with -e, 1 if no row was kept. What a query means: QUERY.md, or man tamis.\n");
}
