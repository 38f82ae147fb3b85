/* A ring of links: a doubly linked list that needs no memory of its own. The head is a link too; a
 * link that is in no list points to itself, so that removing it twice does nothing. */
#ifndef TAMIS_SERVER_LINK_H
#define TAMIS_SERVER_LINK_H

#include <stdbool.h>

struct link {
    struct link *prev, *next;
};

static inline void link_init(struct link *l) { l->prev = l->next = l; }
static inline bool link_is_empty(const struct link *head) { return head->next == head; }

static inline void link_remove(struct link *l) {
    l->prev->next = l->next;
    l->next->prev = l->prev;
    link_init(l);
}

/* Puts l, which is in no list, at the end. */
static inline void link_append(struct link *head, struct link *l) {
    l->prev = head->prev;
    l->next = head;
    head->prev->next = l;
    head->prev = l;
}

/* Moves all of `from` to the empty list `to`. */
static inline void link_take(struct link *to, struct link *from) {
    link_init(to);
    if (link_is_empty(from))
        return;
    *to = *from;
    to->next->prev = to->prev->next = to;
    link_init(from);
}

#endif
