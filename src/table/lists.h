/* Lists of few words: which code a list has, by the words that are in it.
 *
 * Tags, roles, labels: short lists of strings of which there are few, so that the lists repeat. The
 * words get numbers; a list of at most LIST_WORDS of them is one word of 8 bytes, a byte for each
 * place, and a table of these knows its code in the dictionary of the cells. Neither is the list
 * written down nor its text hashed unless it is new.
 *
 * Only a help: where it cannot (long lists, long words, more than 255 of them, no memory) it says
 * that it knows nothing, and the list is looked up in the dictionary as any value.
 *
 * For one column of a batch, whose dictionary stays the same. One thread at a time. */
#ifndef TAMIS_TABLE_LISTS_H
#define TAMIS_TABLE_LISTS_H

#include "value/array.h"
#include "value/dict.h"

#define LIST_WORDS 8u
#define LIST_GROUP 128u

struct lists {
    struct word_slot *words;
    uint32_t n_words;
    struct list_slot *slots;
    uint32_t mask, n; /* slots - 1, or 0 without any; lists */
    bool over;        /* it cannot, and will not be able to */
    struct budget *budget;
};

/* A list that it was asked about. */
struct list_answer {
    uint64_t key;
    uint32_t code, bytes; /* NO_CODE: not known; of the list as msgpack */
    bool may_know;        /* else there is no key */
};

void lists_init(struct lists *l, struct budget *budget);
void lists_done(struct lists *l);

/* Whether it may know lists of this array. */
bool lists_can(const struct lists *l, const struct array *a);
/* Asks about cells [from, from + n) of an array, n <= LIST_GROUP, all with a value. */
void lists_look(struct lists *l, const struct array *a, uint64_t from, uint32_t n,
                struct list_answer *ret);
/* Notes the code and the bytes of a list that was not known; nothing where it cannot. */
void lists_learn(struct lists *l, const struct list_answer *answer, uint32_t code, uint32_t bytes);

#endif
