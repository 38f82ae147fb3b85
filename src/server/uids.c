/* See uids.h. */
#include "server/uids.h"

#include <stdlib.h>
#include <string.h>

/* Where uid is, or where it belongs. */
static size_t place(const struct uids *u, uid_t uid) {
    size_t low = 0, high = u->n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (u->at[mid].uid < uid)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

bool uids_take(struct uids *u, uid_t uid, uint64_t most) {
    size_t i = place(u, uid);
    if (i < u->n && u->at[i].uid == uid) {
        if (u->at[i].count >= most)
            return false;
        u->at[i].count++;
        return true;
    }
    if (most == 0)
        return false;
    if (u->n == u->cap) {
        size_t cap = u->cap ? u->cap * 2 : 8;
        struct uid_count *at = reallocarray(u->at, cap, sizeof *at);
        if (!at)
            return false;
        u->at = at;
        u->cap = cap;
    }
    memmove(u->at + i + 1, u->at + i, (u->n - i) * sizeof *u->at);
    u->at[i] = (struct uid_count){uid, 1};
    u->n++;
    return true;
}

void uids_release(struct uids *u, uid_t uid) {
    size_t i = place(u, uid);
    if (i == u->n || u->at[i].uid != uid || --u->at[i].count > 0)
        return;
    u->n--;
    memmove(u->at + i, u->at + i + 1, (u->n - i) * sizeof *u->at);
}

void uids_done(struct uids *u) {
    free(u->at);
    *u = (struct uids){0};
}
