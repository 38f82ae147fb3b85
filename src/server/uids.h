/* How many connections each user has: a sorted array, as the users are few and the connections
 * many. Loop thread only. */
#ifndef TAMIS_SERVER_UIDS_H
#define TAMIS_SERVER_UIDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct uid_count {
    uid_t uid;
    uint32_t count; /* > 0 */
};

struct uids {
    struct uid_count *at; /* by rising uid */
    size_t n, cap;
};

/* Counts one more connection of uid; false, and not counted, if it has `most` already or there is
 * no memory. */
bool uids_take(struct uids *u, uid_t uid, uint64_t most);
void uids_release(struct uids *u, uid_t uid); /* uid was taken */
void uids_done(struct uids *u);

#endif
