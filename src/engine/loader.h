/* A loader: the rows of payloads into a batch of a table.
 *
 * It serves as the `fields` of a source: the one path of no steps, so that each row comes whole, as
 * one msgpack map. Columns go to the batch as they are. Owned by its request; one thread at a time.
 */
#ifndef TAMIS_ENGINE_LOADER_H
#define TAMIS_ENGINE_LOADER_H

#include "base/crew.h"
#include "engine/fetcher.h"
#include "engine/source.h"
#include "table/table.h"

struct loader;

/* crew: helps with large payloads of columns; may be NULL. NULL: no memory. */
struct loader *loader_new(struct table *t, struct budget *budget, struct crew *crew);
void loader_free(struct loader *l); /* NULL is fine */
const struct fields *loader_fields(const struct loader *l);

/* For source_open, where columns may be in the memory of a peer, which is borrowed: the crew helps
 * to fetch them. Once; NULL: no memory. */
struct fetcher *loader_fetcher(struct loader *l, const struct peer *peer);

/* Takes the next rows of a source over loader_fields; *ret_n is 0 when there are no more in it.
 * Errors of the source, ROW_*, MEMORY. */
enum status loader_take(struct loader *l, struct source *s, uint32_t *ret_n, struct error *e);

/* Whether it is known, without another loader_take, that there are no more rows in a source. */
bool loader_has_all(const struct source *s);

/* Publishes what was taken: see batch_commit. */
enum status loader_commit(struct loader *l, enum batch_mode mode, struct batch_counts *ret,
                          struct error *e);

#endif
