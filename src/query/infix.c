/* See infix.h. */
#include "infix.h"

static const struct infix TABLE[] = {
    {FN_bit_and, TOK_AND, "&", BOND_BITS},       {FN_bit_or, TOK_BAR, "|", BOND_BITS},
    {FN_shift_left, TOK_LEFT, "<<", BOND_BITS},  {FN_shift_right, TOK_RIGHT, ">>", BOND_BITS},
    {FN_add, TOK_PLUS, "+", BOND_SUM},           {FN_subtract, TOK_MINUS, "-", BOND_SUM},
    {FN_multiply, TOK_STAR, "*", BOND_PRODUCT},  {FN_divide, TOK_SLASH, "/", BOND_PRODUCT},
    {FN_modulo, TOK_PERCENT, "%", BOND_PRODUCT}, {FN_join, TOK_CONCAT, "||", BOND_JOIN},
};

const struct infix *infix_of(enum fn fn) {
    for (size_t i = 0; i < sizeof TABLE / sizeof *TABLE; i++)
        if (TABLE[i].fn == fn)
            return &TABLE[i];
    return NULL;
}

const struct infix *infix_at(enum tok tok) {
    for (size_t i = 0; i < sizeof TABLE / sizeof *TABLE; i++)
        if (TABLE[i].tok == tok)
            return &TABLE[i];
    return NULL;
}
