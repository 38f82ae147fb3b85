/* Warnings about fields that no row has, while the rows have one whose name is alike: the shell's
 * rows as a sample for engine/absent.h. */
#ifndef TAMIS_SHELL_SAMPLE_H
#define TAMIS_SHELL_SAMPLE_H

#include "engine/absent.h"
#include "shell/options.h"

/* What is known of the rows of an input. */
struct sample {
    const struct shell_options *options;
    enum input_format format;
    struct str header; /* of CSV; n 0: none */
    char delimiter;
};

/* Looks at a sealed block of n rows with their spans. Costs nothing once every field was seen. */
void sample_look(struct absent *a, const struct sample *s, const struct plan *p,
                 const struct block *b, uint32_t n);

/* Leaves in a only the fields that are in b, too. */
void sample_join(struct absent *a, const struct absent *b);

#endif
