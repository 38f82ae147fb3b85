/* See casefold.h. The table is generated; scripts/gen-casefold says how it is laid out and written.
 */
#include "kernel/casefold.h"

#include "kernel/casefold_table.h"

uint32_t casefold(uint32_t cp) {
    if (cp < 0x80)
        return cp - 'A' < 26 ? cp | 0x20 : cp;
    if (cp >= CASEFOLD_END)
        return cp;
    const uint16_t *page = casefold_distance[casefold_index[cp / CASEFOLD_PAGE]];
    uint32_t folded = cp + page[cp % CASEFOLD_PAGE];
    return (cp & ~0xFFFFu) | (folded & 0xFFFFu);
}
