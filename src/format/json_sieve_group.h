/* The rules of the sieve (json_sieve.h) over a group of eight blocks, which is 512 bytes: a bit a
 * byte, 64 of them in a lane. Included by json_sieve.c once for each instruction set, which defines
 *
 *     SIEVE(name)  the name of a function here, for that set
 *     TARGET       its attribute
 *     and before: SIEVE(bits_of)(v), the highest bit of each lane as eight bits;
 * SIEVE(lanes_of)(bits), the other way, all ones for a bit; SIEVE(behind)(v, before), all bits one
 * place on, with the highest bit of `before` in front; SIEVE(before)(v, next), one place back, with
 * the lowest bit of `next` at the end; SIEVE(prefix)(v), the running exclusive or in each lane.
 */

/* Which lanes get one more in a sum of 512 bits, where `out` are the lanes that overflow, `full`
 * those that would with one more, and `in` is the bit that comes from before. *ret_out: what goes
 * on. */
TARGET static INLINE lanes SIEVE(carried)(uint32_t out, uint32_t full, uint32_t in,
                                          uint64_t *ret_out) {
    uint32_t sum = full + (out << 1 | in);
    *ret_out = (sum | out << 1) >> 8 & 1;
    return SIEVE(lanes_of)((sum ^ full) & 0xFF);
}

/* a + b + *carry as numbers of 512 bits. */
TARGET static INLINE lanes SIEVE(add)(lanes a, lanes b, uint64_t *carry) {
    lanes sum = a + b;
    uint32_t out = SIEVE(bits_of)((lanes)(sum < a)),
             full = SIEVE(bits_of)((lanes)(sum == ~(lanes){0}));
    return sum - SIEVE(carried)(out, full, (uint32_t)*carry, carry);
}

/* a - b - *borrow. */
TARGET static INLINE lanes SIEVE(subtract)(lanes a, lanes b, uint64_t *borrow) {
    lanes difference = a - b;
    uint32_t out = SIEVE(bits_of)((lanes)(a < b)), none = SIEVE(bits_of)((lanes)(difference == 0));
    return difference + SIEVE(carried)(out, none, (uint32_t)*borrow, borrow);
}

TARGET static INLINE bool SIEVE(any)(lanes v) { return SIEVE(bits_of)((lanes)(v != 0)) != 0; }

/* The positions, and in *ret_bad what did not pass. */
TARGET static INLINE lanes SIEVE(sift_group)(struct sieve_carry *c, uint32_t depth_most,
                                             struct group *g, lanes *ret_bad) {
    lanes backslash = g->backslash;
    if (__builtin_expect(SIEVE(any)(backslash) || c->escaped, 0))
        unescape_quotes(g, &c->escaped);
    lanes quote = g->quote, string = SIEVE(prefix)(quote);
    /* a lane begins in a string if an odd number of those before ends otherwise than it began */
    uint32_t turns = SIEVE(bits_of)(string) << 1 | (uint32_t)c->in_string;
    turns ^= turns << 1;
    turns ^= turns << 2;
    turns ^= turns << 4;
    turns ^= turns << 8;
    string ^= SIEVE(lanes_of)(turns & 0xFF); /* from the opening quote to before the closing one */
    c->in_string = turns >> 8 & 1;
    lanes out = ~string, open = quote & string, close = quote & out;
    lanes bad = (g->control & string) | (g->odd & ~((string ^ open) | close));

    /* rows and containers */
    lanes curly_open = g->curly_open & out, curly_close = g->curly_close & out;
    lanes square_open = g->square_open & out, square_close = g->square_close & out;
    lanes line = g->line & out, behind_line = SIEVE(behind)(line, c->line);
    lanes row_open = curly_open & behind_line;
    lanes row_close = curly_close & SIEVE(before)(line, g->next_line);
    lanes opens = (curly_open ^ row_open) | square_open;
    lanes closes = (curly_close ^ row_close) | square_close;
    lanes squares = square_open | square_close, all = opens | closes;
    /* As long as no container is in another, brackets open and close in turn, and the difference of
     * both has ones from each that opens to before the one that closes. Where they do not take
     * turns, the first that breaks the rule comes out on the wrong side. */
    uint64_t in_container = c->inside, in_array = c->array;
    lanes inside = SIEVE(subtract)(closes, opens, &in_container);
    lanes array = SIEVE(subtract)(square_close, square_open, &in_array);
    lanes wrong =
        ((all & inside) ^ opens) | ((squares & array) ^ square_open) | (array & all & ~squares);
    if (__builtin_expect(c->deep || SIEVE(any)(wrong), 0)) {
        struct brackets k = {.opens = opens, .all = all, .squares = squares};
        nest_brackets(c, depth_most, &k);
        inside = k.inside;
        array = k.array;
        bad |= k.bad;
    } else {
        c->inside = in_container;
        c->array = in_array;
    }
    bad |= (inside & row_close) | (behind_line & ~(curly_open | line));
    c->line = line[LANES - 1];

    /* names: behind { and the commas of objects, and with a colon behind them */
    lanes comma = g->comma & out, colon = g->colon & out;
    lanes names = curly_open | (comma & ~array), named = SIEVE(behind)(names, c->names);
    lanes waits = named & ~(open | curly_close), pending = SIEVE(behind)(waits, c->waits);
    bad |= (named & (curly_open | square_open | comma)) | (pending & ~open);
    bad |= comma & SIEVE(behind)(square_open, c->square_open);
    lanes ends = SIEVE(add)(string, open & (named | pending), &c->key), closed = ends & out;
    bad |= colon ^ SIEVE(behind)(closed, c->closed);
    bad |= backslash & string & ~ends;
    c->names = names[LANES - 1];
    c->waits = waits[LANES - 1];
    c->square_open = square_open[LANES - 1];
    c->closed = closed[LANES - 1];

    /* numbers: no second point, no needless zero; words */
    lanes digit = g->digit & out, point = g->point & out, number = digit | point;
    lanes behind_number = SIEVE(behind)(number, c->number);
    bad |= g->zeroed & out & ~SIEVE(behind)(behind_number, c->number << 1);
    lanes behind_point = SIEVE(behind)(point, c->point);
    bad |= SIEVE(add)(digit, behind_point, &c->fraction) & ~digit & point;
    c->number = number[LANES - 1];
    c->point = point[LANES - 1];
    lanes word = g->word & out, begins = word & ~SIEVE(behind)(word, c->word);
    c->word = word[LANES - 1];

    *ret_bad = bad;
    return (g->candidate & colon & ~inside) | begins | line;
}
