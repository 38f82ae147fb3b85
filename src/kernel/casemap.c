/* See casemap.h. The table is generated; scripts/gen-casemap says how it is laid out and written.
 */
#include "kernel/casemap.h"

#include "kernel/casemap_table.h"

uint32_t casemap(enum casemap to, uint32_t cp) {
    if (cp >= CASEMAP_END)
        return cp;
    const uint16_t *page = casemap_distance[casemap_index[to][cp / CASEMAP_PAGE]];
    uint32_t mapped = cp + page[cp % CASEMAP_PAGE];
    return (cp & ~0xFFFFu) | (mapped & 0xFFFFu);
}
