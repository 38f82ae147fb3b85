/* The peer that a C programmer writes first: msgpack-c makes an object of each row, and C written
 * for the one query compares. Usage: msgpack_c FILE QUERY, with a query's name of
 * harness/queries.py.
 *
 * It is given its best: one zone that is cleared and not freed, strings that point into the input,
 * the comparison of keys by length first, a scan that stops at the first equal key (our rows have
 * no duplicates).
 */
#include "contestant.h"

#include <msgpack.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

typedef bool keep_fn(const msgpack_object *row);

static bool str_is(const msgpack_object *object, const char *text, size_t length) {
    return object->type == MSGPACK_OBJECT_STR && object->via.str.size == length &&
           memcmp(object->via.str.ptr, text, length) == 0;
}

static const msgpack_object *field_find(const msgpack_object *map, const char *key, size_t length) {
    static const msgpack_object missing = {.type = MSGPACK_OBJECT_NIL};
    if (map->type != MSGPACK_OBJECT_MAP)
        return &missing;
    for (uint32_t i = 0; i < map->via.map.size; i++)
        if (str_is(&map->via.map.ptr[i].key, key, length))
            return &map->via.map.ptr[i].val;
    return &missing;
}

#define FIELD(map, key)  field_find(map, key, sizeof(key) - 1)
#define IS(object, text) str_is(object, text, sizeof(text) - 1)

static bool age_within(const msgpack_object *row, uint64_t least, uint64_t most) {
    const msgpack_object *age = FIELD(row, "age");
    return age->type == MSGPACK_OBJECT_POSITIVE_INTEGER && age->via.u64 >= least &&
           age->via.u64 <= most;
}

static bool keep_q1(const msgpack_object *row) { return age_within(row, 30, UINT64_MAX); }

static bool keep_q2(const msgpack_object *row) {
    return age_within(row, 30, UINT64_MAX) && IS(FIELD(row, "city"), "Oslo");
}

static bool keep_q3(const msgpack_object *row) {
    if (!age_within(row, 25, 60))
        return false;
    const msgpack_object *city = FIELD(row, "city");
    if (!IS(city, "Oslo") && !IS(city, "Bergen") && !IS(city, "Paris") && !IS(city, "Lima") &&
        !IS(city, "Turin"))
        return false;
    const msgpack_object *active = FIELD(row, "active");
    if (active->type != MSGPACK_OBJECT_BOOLEAN || !active->via.boolean)
        return false;
    const msgpack_object *score = FIELD(row, "score");
    if (score->type != MSGPACK_OBJECT_FLOAT || score->via.f64 <= 0.5)
        return false;
    const msgpack_object *name = FIELD(row, "name");
    return name->type == MSGPACK_OBJECT_STR && name->via.str.size && name->via.str.ptr[0] == 'A';
}

static bool keep_q4s(const msgpack_object *row) {
    const msgpack_object *name = FIELD(row, "name");
    return name->type == MSGPACK_OBJECT_STR &&
           memmem(name->via.str.ptr, name->via.str.size, "ansen", 5);
}

static bool keep_q5(const msgpack_object *row) {
    if (!IS(FIELD(FIELD(row, "address"), "city"), "Oslo"))
        return false;
    const msgpack_object *tags = FIELD(row, "tags");
    if (tags->type != MSGPACK_OBJECT_ARRAY)
        return false;
    for (uint32_t i = 0; i < tags->via.array.size; i++)
        if (IS(&tags->via.array.ptr[i], "vip"))
            return true;
    return false;
}

static const struct {
    const char *name;
    keep_fn *keep;
} queries[] = {
    {"Q1", keep_q1}, {"Q2", keep_q2}, {"Q3", keep_q3}, {"Q4s", keep_q4s}, {"Q5", keep_q5},
};

struct contest {
    keep_fn *keep;
    msgpack_zone *zone;
};

static int run(void *arg, const struct input *input, struct answer *answer) {
    struct contest *contest = arg;
    const char *bytes = (const char *)input->bytes;
    size_t offset = 0;
    while (offset < input->length) {
        msgpack_object row;
        msgpack_zone_clear(contest->zone);
        int got = msgpack_unpack(bytes, input->length, &offset, contest->zone, &row);
        if (got != MSGPACK_UNPACK_SUCCESS && got != MSGPACK_UNPACK_EXTRA_BYTES) {
            fprintf(stderr, "msgpack-c: status %d at byte %zu\n", got, offset);
            return 1;
        }
        if (contest->keep(&row))
            answer_add(answer, answer->rows);
        answer->rows++;
    }
    return 0;
}

int main(int argc, char **argv) {
    struct contest contest = {0};
    for (size_t i = 0; argc == 3 && i < sizeof queries / sizeof *queries; i++)
        if (strcmp(queries[i].name, argv[2]) == 0)
            contest.keep = queries[i].keep;
    if (!contest.keep) {
        fprintf(stderr, "usage: msgpack_c FILE Q1|Q2|Q3|Q4s|Q5\n");
        return 2;
    }
    contest.zone = msgpack_zone_new(MSGPACK_ZONE_CHUNK_SIZE);
    if (!contest.zone)
        return 1;
    int status = contestant_serve(argv[1], run, &contest);
    msgpack_zone_free(contest.zone);
    return status;
}
