/* What libcsv makes of each of many inputs: an oracle for the CSV reader.
 *
 * usage: libcsv_tool strict|lenient DELIMITER QUOTE FILE, the file as in documents.h. A line of
 * output for each input, of words: f and the hexadecimal bytes of a cell; r and the character that
 * ended a record (-1: the end of the input), also of one without cells; at the end "ok", e and the
 * offset where strict mode refuses, or "open": the input ends inside quotes, which strict mode
 * refuses too. Blanks are characters of their cells, as in docs/FORMATS.md. */
#include "documents.h"

#include <csv.h>
#include <string.h>

static void on_cell(void *p, size_t n, void *unused) {
    (void)unused;
    fputs("f", stdout);
    for (size_t i = 0; i < n; i++)
        printf("%02x", ((const unsigned char *)p)[i]);
    fputs(" ", stdout);
}

static void on_record(int c, void *unused) {
    (void)unused;
    printf("r%d ", c);
}

static int no_blank(unsigned char c) {
    (void)c;
    return 0;
}

static void read_one(const char *mode, char delimiter, char quote, const uint8_t *p, size_t n) {
    struct csv_parser parser;
    int strict = *mode == 's' ? CSV_STRICT | CSV_STRICT_FINI : 0;
    if (csv_init(&parser, (unsigned char)(strict | CSV_REPALL_NL)) != 0)
        exit(2);
    csv_set_delim(&parser, (unsigned char)delimiter);
    csv_set_quote(&parser, (unsigned char)quote);
    csv_set_space_func(&parser, no_blank);
    size_t read = csv_parse(&parser, p, n, on_cell, on_record, NULL);
    if (csv_error(&parser) != CSV_SUCCESS)
        printf("e%zu\n", read);
    else
        puts(csv_fini(&parser, on_cell, on_record, NULL) == 0 ? "ok" : "open");
    csv_free(&parser);
}

int main(int argc, char **argv) {
    size_t n, at = 0, size;
    if (argc != 5 || strlen(argv[2]) != 1 || strlen(argv[3]) != 1) {
        fprintf(stderr, "usage: libcsv_tool strict|lenient DELIMITER QUOTE FILE\n");
        return 2;
    }
    uint8_t *data = documents_read(argv[4], &n);
    for (const uint8_t *p; (p = documents_next(data, n, &at, &size));)
        read_one(argv[1], *argv[2], *argv[3], p, size);
    free(data);
    return 0;
}
