/* See hands.h. */
#include "table/hands.h"

bool hands_make(struct hands *h, struct budget *budget, uint32_t n, uint32_t rows) {
    size_t bytes = sizeof(struct hand) + ((size_t)rows + 1) * sizeof(union word);
    if (h->memory && h->n >= n && h->bytes_each >= bytes)
        return true;
    hands_free(h, budget);
    h->memory = budget_pages(budget, n * bytes);
    if (!h->memory)
        return false;
    h->bytes_each = bytes;
    h->n = n;
    for (uint32_t i = 0; i < n; i++)
        hands_at(h, i)->text = NULL, hands_at(h, i)->text_bytes = 0;
    return true;
}

void hands_free(struct hands *h, struct budget *budget) {
    for (uint32_t i = 0; i < h->n; i++)
        budget_pages_free(budget, hands_at(h, i)->text, hands_at(h, i)->text_bytes);
    budget_pages_free(budget, h->memory, h->n * h->bytes_each);
    *h = (struct hands){.n = 0};
}

/* Bytes of the strings of a stretch. */
static uint64_t strings_bytes(const struct stretch *s) {
    return array_begin(s->a, s->from + s->n) - array_begin(s->a, s->from);
}

bool hand_room(struct hand *hand, struct budget *budget) {
    size_t n = strings_bytes(&hand->stretch) + 1;
    if (n <= hand->text_bytes)
        return true;
    n += n / 4; /* the next segments differ somewhat */
    budget_pages_free(budget, hand->text, hand->text_bytes);
    hand->text = budget_pages(budget, n);
    hand->text_bytes = hand->text ? n : 0;
    return hand->text;
}

/* The stretch's array is what was fetched, without a peer, from now on. */
static void turn(struct hand *hand, const void *data, uint64_t bytes) {
    hand->array = *hand->stretch.a;
    hand->array.peer = NULL;
    hand->array.data = data;
    hand->array.data_end = hand->array.data + bytes;
    hand->stretch.a = &hand->array;
}

bool hand_fetch_strings(struct hand *hand) {
    const struct stretch *s = &hand->stretch;
    uint64_t begin = array_begin(s->a, s->from), n = strings_bytes(s);
    if (!peer_read(s->a->peer, s->a->address + begin, hand->text, n))
        return false;
    turn(hand, hand->text, n);
    hand->array.base += begin;
    return true;
}

bool hand_fetch_times(struct hand *hand) {
    if (!stretch_words(&hand->stretch, hand->scratch))
        return false;
    turn(hand, hand->scratch, hand->stretch.n * sizeof *hand->scratch);
    hand->stretch.from = 0;
    return true;
}
