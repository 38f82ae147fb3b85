/* Tokens of the text form. Private to query/.
 *
 * A pure function from text and position to a token, so that a parser looks ahead as far as it
 * likes. Tokens are positions; their meaning is read from the text by literal.c and parse.c. The
 * text is valid UTF-8. */
#ifndef TAMIS_QUERY_LEX_H
#define TAMIS_QUERY_LEX_H

#include "words.h"

#include <stdint.h>

enum tok {
    TOK_END,
    TOK_NAME,      /* a word, reserved or not */
    TOK_QUOTED,    /* "name" */
    TOK_HEX_NAME,  /* X"6e" : a name in hexadecimal */
    TOK_STRING,    /* 'text' */
    TOK_BINARY,    /* X'00' */
    TOK_INTEGER,   /* digits */
    TOK_REAL,      /* with a point or an exponent */
    TOK_OPEN,      /* ( */
    TOK_CLOSE,     /* ) */
    TOK_OPEN_BOX,  /* [ */
    TOK_CLOSE_BOX, /* ] */
    TOK_OPEN_MAP,  /* { */
    TOK_CLOSE_MAP, /* } */
    TOK_COMMA,
    TOK_DOT,
    TOK_COLON,
    TOK_CAST, /* :: */
    TOK_QUESTION,
    TOK_PLUS,
    TOK_MINUS,
    TOK_STAR,
    TOK_SLASH,
    TOK_PERCENT,
    TOK_CONCAT, /* || */
    TOK_AND,    /* & */
    TOK_BAR,    /* | */
    TOK_TILDE,
    TOK_LEFT,  /* << */
    TOK_RIGHT, /* >> */
    TOK_EQ,
    TOK_NE,
    TOK_LT,
    TOK_LE,
    TOK_GT,
    TOK_GE,
    TOK_BAD, /* fault says why */
};

enum lex_fault {
    FAULT_NONE,
    FAULT_CHARACTER, /* no token begins so */
    FAULT_MISTAKE,   /* mistake_at knows it */
    FAULT_LOOKALIKE, /* lookalike_of knows it */
    FAULT_NUMBER,    /* digits that run into letters, an exponent without digits */
    FAULT_STRING,    /* not closed */
    FAULT_NAME,
    FAULT_COMMENT,
};

struct token {
    enum tok kind;
    enum keyword word; /* of a NAME */
    enum lex_fault fault;
    uint32_t pos, length; /* bytes; the END token stands at the end and has none */
};

/* The first token at or behind pos. Never fails: what is no token is TOK_BAD. */
struct token lex_at(struct str text, size_t pos);

static inline struct str token_text(struct str text, struct token t) {
    return (struct str){text.p + t.pos, t.length};
}

/* Whether s could be written as a NAME token. */
bool lex_is_name(struct str s);

#endif
