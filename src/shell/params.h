/* Parameters of the command line: "NAME=VALUE" as typed values.
 *
 * A value says by its form what it is, as in a query: 5 is an integer, 0.5 a double, true, false
 * and null are themselves, 'x' and "x" (as in JSON) are strings, TIMESTAMP '...' and X'...' what
 * they are in a query, and a JSON array or object is one. Anything else is an error, and never
 * silently text: a program that passes on what a user typed writes NAME:text=VALUE, which takes the
 * characters as they are, or another NAME:TYPE. */
#ifndef TAMIS_SHELL_PARAMS_H
#define TAMIS_SHELL_PARAMS_H

#include "query/query.h"
#include "shell/options.h"

/* Sets *ret to a value for each of q->n_params, missing where none is given; values and array are
 * in the arena, or borrowed from the texts. E_OK, BAD_OPTION (the text is wrong), PARAM_UNKNOWN or
 * MEMORY. */
enum status params_bind(const struct query *q, const struct text_list *texts, struct arena *a,
                        const struct value **ret, struct error *e);

/* One value without a type, or with one ("text", "integer" ...; NULL: none). */
enum status param_value(struct str text, struct str type, struct arena *a, struct value *ret,
                        struct error *e);

#endif
