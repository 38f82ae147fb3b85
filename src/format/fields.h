/* The fields that a plan wants, as a tree of path steps: what a row scanner follows while it walks
 * over a row.
 *
 * Each wanted path has a slot, its index in the array it was built from, which is also its column
 * in a block. A node is one step; a node may have a slot of its own and children (`a` and `a.b`
 * both wanted). Immutable after fields_build; lives in the arena it was built in; any thread.
 */
#ifndef TAMIS_FORMAT_FIELDS_H
#define TAMIS_FORMAT_FIELDS_H

#include "base/arena.h"
#include "value/path.h"

#define NO_SLOT UINT32_MAX

struct field {
    struct path_step step; /* from the parent to here; unused in the root */
    uint32_t slot;         /* or NO_SLOT */
    uint32_t id;           /* number of this node, 0 the root */
    uint32_t n_names, n_indexes;
    const struct field *const *names;   /* children by key, ordered by str_cmp */
    const struct field *const *indexes; /* children by index, ascending */
    uint32_t n_slots;                   /* slots of this node and all below it */
    const uint32_t *slots;
};

struct fields {
    const struct field *root;
    const struct field *const *nodes; /* by id */
    uint32_t n_nodes;
    uint32_t n_slots;
};

/* Builds the tree for n distinct paths, whose keys are borrowed. False if there is no memory. */
bool fields_build(struct fields *f, struct arena *a, const struct path *paths, uint32_t n);

/* The child of a node, or NULL. A NULL node has no children. */
const struct field *field_by_name(const struct field *f, struct str key);
const struct field *field_by_index(const struct field *f, uint32_t index);

/* The node that a path leads to, or NULL if nothing at or below it is wanted. */
const struct field *fields_find(const struct fields *f, struct path p);

#endif
