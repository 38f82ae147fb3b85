/* Sessions against hostile peers: one conversation cut anywhere, byte by byte, freed in every state
 * and mutated at random; floods, huge claims and deep values in every place that takes a value. */
#include "session_unit.h"

/* A bit of everything. */
static const char *const SCRIPT[] = {
    HELLO_TEXT,
    "[2, 5, 'a >= 2', {'result': 'rows'}, " ROWS3 "]",
    "[3, 6, 'a = :x or a = 2']",
    "[2, 7, 'a >= 2', {'limit': 4}, nil]",
    "[5, 7, " ROWS3 "]",
    "[8, 8, ['x', {1: 2}]]",
    "[5, 7, ['template', ['a'], [[5], []], #01]]",
    "[6, 7]",
    "[4, 9, 1, {'params': {'x': 3}}, " ROWS3 "]",
    "[2, 10, 'a >', {'result': 'count'}, nil]",
    "[5, 10, " ROWS3 "]",
    "[10, 11, ['any', ['path', 'a'], ['=', ['element'], 1]], nil]",
    "[2, 12, \"a like 'x%' and b in (1, 2, 3)\", {'result': 'bitmap'}, "
    "['columns', 2, [['a', 'str', [#000000000100000003000000, #787879]], ['b', 'i64', "
    "#01000000000000000200000000000000, #03, nil]]]]",
    "[6, 10]",
    "[2, 13, 'a', nil, nil]",
    "[7, 13]",
    "[2, 14, 'a', nil, nil]",
    "[11, 15, 1]",
    "[5, 99, nil]",
    "[50, 16]",
    "@c1",
    "[5, 14, ['maps', [{'a': true}]]]",
    "[6, 14]",
};

static void write_script(struct buf *b, size_t *ends) {
    for (size_t i = 0; i < COUNT_OF(SCRIPT); i++) {
        write_frame(b, SCRIPT[i]);
        ends[i] = b->len;
    }
}

/* Everything in pieces of this size, then run. */
static void play(const struct buf *script, size_t piece, struct buf *ret_out) {
    struct talk t;
    talk_start(&t, NULL);
    assert_int_equal(feed(&t, script->data, script->len, piece), script->len);
    session_end(t.s);
    settle(&t);
    assert_true(session_is_over(t.s) && session_is_idle(t.s));
    buf_add(ret_out, t.out.data, t.out.len);
    talk_stop(&t);
}

static void test_pieces(void **state) {
    (void)state;
    struct buf script = {0}, whole = {0};
    size_t ends[COUNT_OF(SCRIPT)];
    write_script(&script, ends);
    play(&script, SIZE_MAX, &whole);
    assert_true(whole.len > 800);
    for (size_t piece = 1; piece < script.len; piece = piece * 2 + 1) {
        struct buf out = {0};
        play(&script, piece, &out);
        assert_int_equal(out.len, whole.len);
        assert_memory_equal(out.data, whole.data, whole.len);
        buf_done(&out);
    }
    buf_done(&whole);
    buf_done(&script);
}

/* Cut at any byte: what is complete is answered as in the whole, and the end is clean only between
 * frames and with no stream open. */
static void test_any_cut(void **state) {
    (void)state;
    struct buf script = {0}, whole = {0};
    size_t ends[COUNT_OF(SCRIPT)], frame = COUNT_OF(SCRIPT);
    write_script(&script, ends);
    for (size_t cut = script.len; cut != SIZE_MAX; cut--) {
        struct talk t;
        uint64_t offset;
        talk_start(&t, NULL);
        for (size_t i = 0, at = 0; i < COUNT_OF(SCRIPT) && at < cut; at = ends[i++]) {
            size_t n = (ends[i] < cut ? ends[i] : cut) - at;
            assert_int_equal(feed(&t, script.data + at, n, SIZE_MAX), n);
            settle(&t);
        }
        while (frame > 0 && cut < ends[frame - 1])
            frame--; /* complete ones */
        size_t before = t.out.len;
        bool open = session_is_idle(t.s) == false;
        session_end(t.s);
        settle(&t);
        assert_true(session_is_over(t.s));
        bool clean = !open && (cut == 0 || (frame > 0 && cut == ends[frame - 1]));
        assert_int_equal(session_verdict(t.s, &offset), clean ? E_OK : E_TRUNCATED);
        assert_int_equal(offset, cut);
        if (cut == script.len)
            buf_add(&whole, t.out.data, before);
        assert_true(before <= whole.len);
        assert_memory_equal(t.out.data ? t.out.data : whole.data, whole.data, before);
        t.at = before;
        if (!clean)
            assert_non_null(strstr(hear(&t), "'name': 'TRUNCATED'"));
        expect_silence(&t);
        talk_stop(&t);
    }
    assert_true(whole.len > 800);
    buf_done(&whole);
    buf_done(&script);
}

/* Freed after any frame with nothing run, with one turn taken, and with all run but nothing sent.
 */
static void test_free_anywhere(void **state) {
    (void)state;
    struct buf script = {0};
    size_t ends[COUNT_OF(SCRIPT)];
    write_script(&script, ends);
    for (size_t i = 0; i < COUNT_OF(SCRIPT); i++)
        for (int how = 0; how < 4; how++) {
            struct talk t;
            bool small;
            talk_start(&t, NULL);
            feed(&t, script.data, ends[i] - (how == 3), SIZE_MAX);
            struct request *r = how > 0 ? session_next(t.s, &small) : NULL;
            if (r) {
                session_run(r);
                if (how > 1)
                    session_ran(t.s, r);
            }
            if (how > 1)
                run_all(&t);
            talk_stop(&t);
        }
    buf_done(&script);
}

/* --- deep and huge --- */

/* A frame of these bytes, `repeated` n times in the middle. */
static void say_repeated(struct talk *t, const char *head, const char *repeated, unsigned n,
                         const char *tail) {
    struct buf m = {0}, frame = {0};
    write_notation(&m, head);
    for (unsigned i = 0; i < n; i++)
        write_notation(&m, repeated);
    if (*tail)
        write_notation(&m, tail);
    for (int shift = 24; shift >= 0; shift -= 8)
        buf_byte(&frame, (uint8_t)(m.len >> shift));
    buf_add(&frame, m.data, m.len);
    say_frame(t, &frame);
    buf_done(&m);
    buf_done(&frame);
}

static void test_deep(void **state) {
    (void)state;
    static const struct {
        const char *head, *tail;
        enum status status;
    } CASES[] = {
        {"@930805", "@c0", E_BAD_MESSAGE},                                     /* PING */
        {"@930105", "@c0", E_BAD_MESSAGE},                                     /* HELLO */
        {"@930305", "@c0", E_QUERY_TOO_DEEP},                                  /* PREPARE */
        {"@950205a161c092a46d61707391", "@c0", E_ROW_NOT_MAP},                 /* a row */
        {"@950205a161c092a46d6170739181a161", "@c0", E_ROW_TOO_DEEP},          /* a cell */
        {"@950205a161c0", "@c0", E_ROW_TOO_DEEP},                              /* the payload */
        {"@950205a16181a6706172616d7391", "@c092a46d61707390", E_BAD_MESSAGE}, /* params */
        {"@940a05", "@c0c0", E_QUERY_TOO_DEEP},                                /* EXPLAIN */
        {"@930b05", "@c0", E_BAD_MESSAGE},                                     /* CLOSE */
        {"@950405", "@c092a46d61707390", E_PLAN_UNKNOWN},                      /* EXECUTE */
    };
    for (size_t i = 0; i < COUNT_OF(CASES); i++)
        for (int map = 0; map < 2; map++) {
            struct talk t;
            talk_begin(&t, NULL);
            say_repeated(&t, CASES[i].head, map ? "@81a161" : "@91", 100000, CASES[i].tail);
            const char *line = hear(&t);
            if (!strstr(line, "[68, 5, {'code': "))
                fail_msg("%s: %s", CASES[i].head, line);
            if (!map && !strstr(line, status_name(CASES[i].status)))
                fail_msg("%s: %s", CASES[i].head, line);
            if (!session_is_over(t.s)) /* a bad HELLO ends it */
                expect_alive(&t);
            talk_stop(&t);
        }
}

static void test_huge_claims(void **state) {
    (void)state;
    static const char *const HEADS[] = {
        "@930805",                                 /* PING */
        "@930105",                                 /* HELLO */
        "@930305",                                 /* PREPARE */
        "@950205",                                 /* query */
        "@950205a161",                             /* options */
        "@950205a16181a6706172616d73",             /* params */
        "@950205a16181a56c696d6974",               /* limit */
        "@950205a161c0",                           /* payload */
        "@950205a161c092",                         /* form */
        "@950205a161c092a46d617073",               /* rows */
        "@950205a161c092a46d61707391",             /* a row */
        "@950205a161c092a46d6170739181a162",       /* a cell */
        "@950205a161c093a874656d706c617465",       /* names */
        "@950205a161c093a874656d706c61746591a161", /* template's rows */
        "@950205a161c093a7636f6c756d6e73",         /* number of rows */
        "@950205a161c093a7636f6c756d6e7301",       /* columns */
        "@940a05",                                 /* EXPLAIN */
        "@950405",                                 /* EXECUTE */
        "@930b05",                                 /* CLOSE */
    };
    static const char *const CLAIMS[] = {"@ddffffffff", "@dfffffffff",   "@dbffffffff",
                                         "@c6ffffffff", "@c9ffffffff05", "@dcffff",
                                         "@deffff",     "@dd0fffffff"};
    for (size_t i = 0; i < COUNT_OF(HEADS); i++)
        for (size_t k = 0; k < COUNT_OF(CLAIMS); k++)
            for (unsigned filling = 0; filling < 3; filling++) {
                struct talk t;
                talk_begin(&t, NULL);
                say_repeated(&t, HEADS[i], "@c0", filling * 10, "");
                say_repeated(&t, HEADS[i], CLAIMS[k], 1, filling ? "@c0c0c0c0c0c0" : "");
                const char *line = "";
                for (int replies = 0; replies < 4 && *(line = hear(&t)); replies++)
                    assert_true(strstr(line, "[68, 5, ") || strstr(line, "[70, 5, ") ||
                                strstr(line, "[67, 5, ") || strstr(line, "[68, 0, "));
                assert_string_equal(line, "");
                assert_true(t.service.budget.peak_bytes < 4u << 20);
                talk_stop(&t);
            }
}

/* Options as large as a frame: a map of a hundred thousand known and unknown keys. */
static void test_huge_options(void **state) {
    (void)state;
    struct talk t;
    talk_begin(&t, NULL);
    say_repeated(&t, "@950205a161df000186a0", "@a56c696d697407", 100000, "@92a46d61707390");
    expect(&t, "[67, 5, {'matched': 0, 'rows': 0, 'type_mismatch': 0, 'undefined': 0, "
               "'limit_reached': false}]");
    say_repeated(&t, "@950205a161df000186a0", "@a06c", 100000, "@92a46d61707390");
    expect_error(&t, 5, E_BAD_OPTION, NULL);
    say_repeated(&t, "@950205a16181a6706172616d73df000186a0", "@a178c0", 100000, "@92a46d61707390");
    expect_error(&t, 5, E_PARAM_UNKNOWN, NULL);
    say_repeated(&t, "@950205a16181a6706172616d73dd000186a0", "@c0", 100000, "@92a46d61707390");
    expect_error(&t, 5, E_PARAM_UNKNOWN, NULL);
    talk_stop(&t);
}

/* Thousands of parameters, each named hundreds of times: work grows with the message only. */
static void test_many_params(void **state) {
    (void)state;
    enum { PARAMS = 8000, TIMES = 100 };
    struct talk t;
    struct buf text = {0}, m = {0}, frame = {0};
    talk_begin(&t, NULL);
    for (unsigned i = 0; i < PARAMS; i++)
        buf_printf(&text, "%sa = :p%05u", i ? " or " : "", i);
    write_notation(&m, "@950205");
    mp_write_str(&m, (char *)text.data, text.len);
    mp_write_map(&m, 2);
    mp_write_text(&m, "result");
    mp_write_text(&m, "count");
    mp_write_text(&m, "params");
    mp_write_map(&m, PARAMS * TIMES);
    for (unsigned i = 0; i < PARAMS * TIMES; i++) {
        char name[8];
        snprintf(name, sizeof name, "p%05u", PARAMS - 1 - i % PARAMS);
        mp_write_text(&m, name);
        mp_write_uint(&m, i / PARAMS == TIMES - 1 && i % PARAMS == 0 ? 2 : 9); /* the last counts */
    }
    write_notation(&m, ROWS3);
    for (int shift = 24; shift >= 0; shift -= 8)
        buf_byte(&frame, (uint8_t)(m.len >> shift));
    buf_add(&frame, m.data, m.len);
    say_frame(&t, &frame);
    expect(&t, "[67, 5, {'matched': 1, 'rows': 3, 'type_mismatch': 0, 'undefined': 0, "
               "'limit_reached': false}]");
    buf_done(&text);
    buf_done(&m);
    buf_done(&frame);
    talk_stop(&t);
}

/* What a peer sent is quoted in errors: whatever it was, what goes out is UTF-8. */
static void test_quotes_are_utf8(void **state) {
    (void)state;
    static const char *const MESSAGES[] = {
        "[2, 5, 'a', {@a3ff80fe: 1}, nil]",
        "[2, 5, 'a', {'params': {@a2c328: 1}}, nil]",
        /* forty and sixty bytes are quoted: cut in the middle of a character */
        "[2, 5, 'a', {'xééééééééééééééééééééééééé': 1}, nil]",
        "[2, 5, 'a', {'params': {'xéééééééééééééééééééééééééééééééééé': 1}}, nil]",
        "[2, 5, @a3612080, nil, nil]",
        "[2, 5, [@a5ff0afe6161, 1], nil, nil]",
    };
    for (size_t i = 0; i < COUNT_OF(MESSAGES); i++) {
        struct talk t;
        talk_begin(&t, NULL);
        say(&t, MESSAGES[i]);
        const char *line = hear(&t);
        assert_non_null(strstr(line, "[68, 5, {"));
        for (const unsigned char *p = (const unsigned char *)line; *p; p++) {
            assert_true(*p >= 0x20);
            if (*p < 0x80)
                continue;
            assert_true(p[0] == 0xC3 && p[1] == 0xA9); /* only whole characters are left */
            p++;
        }
        talk_stop(&t);
    }
}

/* --- at random --- */

static uint32_t random_u32(uint64_t *seed) {
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*seed >> 33);
}

/* Bytes changed, left out and repeated; run and sent now and then: the session comes to its end,
 * with well-formed frames and all memory given back. */
static void test_mutations(void **state) {
    (void)state;
    struct buf script = {0};
    size_t ends[COUNT_OF(SCRIPT)];
    uint64_t seed = 5;
    struct limits limits;
    limits_default(&limits);
    limits.output_bytes = limits.queue_bytes = 4096;
    limits.frame_bytes = 2048;
    limits.requests = limits.plans = 3;
    write_script(&script, ends);
    for (unsigned round = 0; round < 4000; round++) {
        struct talk t;
        struct buf bytes = {0};
        buf_add(&bytes, script.data, script.len);
        for (unsigned n = 1 + random_u32(&seed) % 4; n > 0; n--) {
            size_t at = ends[0] + random_u32(&seed) % (bytes.len - ends[0]);
            bytes.data[at] =
                random_u32(&seed) % 3 ? (uint8_t)random_u32(&seed) : (uint8_t)(bytes.data[at] ^ 1);
        }
        limits.memory_bytes = round % 4 ? 0 : 1000 + random_u32(&seed) % 100000;
        talk_start(&t, &limits);
        for (size_t at = 0; at < bytes.len && !session_is_over(t.s);) {
            size_t n = 1 + random_u32(&seed) % 200;
            n = n < bytes.len - at ? n : bytes.len - at;
            size_t took = feed(&t, bytes.data + at, n, SIZE_MAX);
            at += took;
            if (took < n || random_u32(&seed) % 2)
                run_all(&t);
            if (took < n || random_u32(&seed) % 2)
                take_output(&t, took < n ? SIZE_MAX : random_u32(&seed) % 300);
        }
        if (random_u32(&seed) % 8) {
            session_end(t.s);
            while (*hear(&t)) {
            }
            assert_true(session_is_over(t.s));
        }
        buf_done(&bytes);
        talk_stop(&t);
    }
    buf_done(&script);
}

/* Quantifiers in quantifiers multiply: 3 rows of 2 elements, each with 2 inside, look at 12. */
static void test_nested_elements(void **state) {
    (void)state;
    static const char NESTED[] =
        "[2, 5, 'any x in t satisfies any y in t satisfies x + y > 3 end end', {'result': "
        "'count'}, ['maps', [{'t': [1, 2]}, {'t': [0, 1]}, {'t': [2, 3]}]]]";
    static const char FLAT[] = "[2, 5, 'any x in t satisfies x > 1 end', {'result': 'count'}, "
                               "['maps', [{'t': [1, 2]}, {'t': [0, 1]}, {'t': [2, 3]}]]]";
    for (uint64_t limit = 0; limit < 15; limit++) {
        struct talk t;
        struct limits few;
        limits_default(&few);
        few.nested_elements = limit; /* 0: no limit */
        talk_begin(&t, &few);
        if (limit == 0 || limit >= 12)
            check_request(&t, NESTED, "", E_OK, "'matched': 2");
        else
            check_request(&t, NESTED, "", E_TOO_MANY_ELEMENTS, "the limit nested_elements");
        check_request(&t, FLAT, "", E_OK, "'matched': 2");
        talk_stop(&t);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces),        cmocka_unit_test(test_any_cut),
        cmocka_unit_test(test_free_anywhere), cmocka_unit_test(test_deep),
        cmocka_unit_test(test_huge_claims),   cmocka_unit_test(test_huge_options),
        cmocka_unit_test(test_many_params),   cmocka_unit_test(test_quotes_are_utf8),
        cmocka_unit_test(test_mutations),     cmocka_unit_test(test_nested_elements),
    };
    return cmocka_run_group_tests_name("session_hostile", tests, NULL, NULL);
}
