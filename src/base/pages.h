/* Memory for large blocks that stay, such as a table's chunks.
 *
 * Blocks stand one behind the other in regions that ask the system for its large pages (transparent
 * huge pages, 2 MiB on most machines): one fault and one entry of the processor's address cache for
 * what takes 512 with common ones. On their own most blocks are too small for that. Where there are
 * no large pages a block gets all its common ones at once.
 *
 * A block that is freed gives its pages back to the system at once, and the region follows with its
 * last block; so nothing is used twice, and what is resident follows what is in use. Blocks of less
 * than PAGES_LEAST_BYTES are malloc's, and under the address sanitizer all are: it watches the
 * bytes beside each.
 *
 * Any thread. budget_pages of alloc.h charges for them, too.
 */
#ifndef TAMIS_BASE_PAGES_H
#define TAMIS_BASE_PAGES_H

#include "base/build.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#define PAGES_ALIGN 64u

#ifdef __has_feature
#define PAGES_ARE_WATCHED __has_feature(address_sanitizer)
#elif defined(__SANITIZE_ADDRESS__)
#define PAGES_ARE_WATCHED true
#else
#define PAGES_ARE_WATCHED false
#endif

struct pages {
    pthread_mutex_t lock;
    struct region *open; /* the next block goes there; with its last block it is gone, too */
};

void pages_init(struct pages *pages);
/* n > 0 bytes, aligned to PAGES_ALIGN, of any content. NULL: no memory. */
void *pages_alloc(struct pages *pages, size_t n);
/* n as it was given to pages_alloc; NULL is fine. */
void pages_free(struct pages *pages, void *p, size_t n);

#endif
