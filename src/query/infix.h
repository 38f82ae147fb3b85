/* The functions that text writes as operators, and how tightly texts hold together. Private to
 * query/; parser and printer both read it, so that what is printed parses to the same tree. */
#ifndef TAMIS_QUERY_INFIX_H
#define TAMIS_QUERY_INFIX_H

#include "lex.h"
#include "query/ast.h"

/* From OR to a value. The order of value operators is SQLite's. */
enum bond {
    BOND_OR,
    BOND_AND,
    BOND_NOT,
    BOND_TEST,
    BOND_OPERAND,             /* what stands beside a test: any operator from here on */
    BOND_BITS = BOND_OPERAND, /* & | << >> */
    BOND_SUM,                 /* + - */
    BOND_PRODUCT,             /* * / % */
    BOND_JOIN,                /* || */
    BOND_UNARY,               /* - ~ + */
    BOND_VALUE,
};

/* An operator between two values; all of them group from the left. */
struct infix {
    enum fn fn;
    enum tok tok;
    const char *text;
    enum bond bond;
};

/* NULL for what is none. */
const struct infix *infix_of(enum fn fn);
const struct infix *infix_at(enum tok tok);

#endif
