/* See guess.h. A name decides before bytes do: rows of CSV may begin with any byte. */
#include "shell/guess.h"

#include "base/utf8.h"

#include <string.h>
#include <strings.h>

#define LINE_BYTES 65536u /* of a first line that are looked at */

static const char *const NAMES[] = {
    [INPUT_JSONL] = "jsonl", [INPUT_CSV] = "csv", [INPUT_TSV] = "tsv", [INPUT_MSGPACK] = "msgpack"};
#define FORMATS (sizeof NAMES / sizeof *NAMES)

static const struct {
    const char *ending;
    enum input_format format;
} ENDINGS[] = {
    {"jsonl", INPUT_JSONL},     {"ndjson", INPUT_JSONL}, {"json", INPUT_JSONL},
    {"csv", INPUT_CSV},         {"tsv", INPUT_TSV},      {"tab", INPUT_TSV},
    {"msgpack", INPUT_MSGPACK}, {"mpk", INPUT_MSGPACK},
};

const char *input_format_name(enum input_format format) {
    return format < FORMATS && NAMES[format] ? NAMES[format] : "unknown";
}

enum input_format input_format_named(const char *name) {
    for (size_t i = INPUT_JSONL; i < FORMATS; i++)
        if (strcmp(name, NAMES[i]) == 0)
            return (enum input_format)i;
    return INPUT_UNKNOWN;
}

/* Cuts ".word" off the end of the n bytes at name; gives what is left, or n. */
static size_t cut_ending(const char *name, size_t n, const char *word) {
    size_t k = strlen(word);
    return n > k + 1 && name[n - k - 1] == '.' && strncasecmp(name + n - k, word, k) == 0
               ? n - k - 1
               : n;
}

/* What is left of the n bytes at name without ".gz" or ".zst". */
static size_t cut_packing(const char *name, size_t n) {
    size_t cut = cut_ending(name, n, "gz");
    return cut < n ? cut : cut_ending(name, n, "zst");
}

bool is_packed_by_name(const char *file_name) {
    size_t n = strlen(file_name);
    return cut_packing(file_name, n) < n;
}

enum input_format guess_by_name(const char *file_name) {
    size_t cut = cut_packing(file_name, strlen(file_name));
    for (size_t i = 0; i < sizeof ENDINGS / sizeof *ENDINGS; i++)
        if (cut_ending(file_name, cut, ENDINGS[i].ending) < cut)
            return ENDINGS[i].format;
    return INPUT_UNKNOWN;
}

/* The head of a map or array. Bytes from DC on may also begin a letter of UTF-8: then a byte from
 * 80 to BF follows, which as a count would mean tens of thousands of fields. */
static bool is_msgpack(const uint8_t *p, size_t n) {
    if (*p >= 0x80 && *p <= 0x9F)
        return true;
    return *p >= 0xDC && *p <= 0xDF && (n < 2 || (p[1] & 0xC0) != 0x80);
}

static size_t occurrences(const uint8_t *p, size_t n, uint8_t c) {
    size_t found = 0;
    for (size_t i = 0; i < n; i++)
        found += p[i] == c;
    return found;
}

/* Cells: tabs or commas, whichever the first line has more of. */
static enum guessed guess_cells(const uint8_t *p, size_t n, bool all, enum input_format *ret) {
    const uint8_t *end = memchr(p, '\n', n);
    if (!end && !all && n < LINE_BYTES)
        return GUESS_MORE;
    n = end ? (size_t)(end - p) : n;
    if (memchr(p, '\0', n))
        return GUESS_NONE;
    size_t commas = occurrences(p, n, ','), tabs = occurrences(p, n, '\t');
    *ret = tabs > commas ? INPUT_TSV : INPUT_CSV;
    return commas + tabs > 0 ? GUESS_MADE : GUESS_NONE;
}

enum guessed guess_by_bytes(const uint8_t *p, size_t n, bool all, enum input_format *ret) {
    size_t mark = utf8_mark(p, n);
    p += mark;
    n -= mark;
    if (mark == 0 && n > 0 && *p == 0xEF && n < 3)
        return all ? GUESS_NONE : GUESS_MORE;
    if (n > 0 && is_msgpack(p, n)) {
        *ret = INPUT_MSGPACK;
        return n < 2 && *p > 0x9F && !all ? GUESS_MORE : GUESS_MADE;
    }
    while (n > 0 && (*p == ' ' || *p == '\n' || *p == '\r' || (*p == '\t' && n > 1 && p[1] == '{')))
        p++, n--;
    if (n == 0)
        return all ? GUESS_NONE : GUESS_MORE;
    if (*p == '{' || *p == '[') {
        *ret = INPUT_JSONL;
        return GUESS_MADE;
    }
    return guess_cells(p, n, all, ret);
}
