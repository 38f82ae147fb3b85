/* Every msgpack type in every encoding of it, shortest and not, with what it is: for the tests of
 * the two readers (value/mp_read.c, format/scan_msgpack.c). In the text form of mp_unit.h. */
#ifndef TAMIS_TESTS_MP_ENCODINGS_H
#define TAMIS_TESTS_MP_ENCODINGS_H

#include "mp_unit.h"

struct encoding {
    const char *bytes;
    enum value_type type;
    long long number; /* INT, BOOL: the value; UINT: its bits; TIMESTAMP: seconds; STR and the like:
                         bytes (an array's or map's header included) */
    uint32_t nanoseconds;
};

static const struct encoding ENCODINGS[] = {
    {"<c0>", T_NULL, 0, 0},
    {"<c2>", T_BOOL, 0, 0},
    {"<c3>", T_BOOL, 1, 0},
    {"<00>", T_INT, 0, 0},
    {"<7f>", T_INT, 127, 0},
    {"<e0>", T_INT, -32, 0},
    {"<ff>", T_INT, -1, 0},
    {"<cc 00>", T_INT, 0, 0},
    {"<cc ff>", T_INT, 255, 0},
    {"<cd 00 05>", T_INT, 5, 0},
    {"<cd ff ff>", T_INT, 65535, 0},
    {"<ce 00 00 00 05>", T_INT, 5, 0},
    {"<ce ff ff ff ff>", T_INT, 4294967295, 0},
    {"<cf 00 00 00 00 00 00 00 05>", T_INT, 5, 0},
    {"<cf 7f ff ff ff ff ff ff ff>", T_INT, INT64_MAX, 0},
    {"<cf 80 00 00 00 00 00 00 00>", T_UINT, INT64_MIN, 0},
    {"<cf ff ff ff ff ff ff ff ff>", T_UINT, -1, 0},
    {"<d0 05>", T_INT, 5, 0},
    {"<d0 80>", T_INT, -128, 0},
    {"<d0 ff>", T_INT, -1, 0},
    {"<d1 00 05>", T_INT, 5, 0},
    {"<d1 80 00>", T_INT, -32768, 0},
    {"<d1 ff ff>", T_INT, -1, 0},
    {"<d2 00 00 00 05>", T_INT, 5, 0},
    {"<d2 80 00 00 00>", T_INT, -2147483648, 0},
    {"<d2 ff ff ff ff>", T_INT, -1, 0},
    {"<d3 00 00 00 00 00 00 00 05>", T_INT, 5, 0},
    {"<d3 80 00 00 00 00 00 00 00>", T_INT, INT64_MIN, 0},
    {"<d3 7f ff ff ff ff ff ff ff>", T_INT, INT64_MAX, 0},
    {"<d3 ff ff ff ff ff ff ff ff>", T_INT, -1, 0},
    {"<ca 3f 80 00 00>", T_DOUBLE, 0x3FF0000000000000, 0},
    {"<ca 80 00 00 00>", T_DOUBLE, INT64_MIN, 0}, /* -0.0 */
    {"<ca 3d cc cc cd>", T_DOUBLE, 0x3FB99999A0000000, 0},
    {"<ca 7f 80 00 00>", T_DOUBLE, 0x7FF0000000000000, 0},
    {"<ca 7f c0 00 00>", T_DOUBLE, 0x7FF8000000000000, 0},
    {"<cb 3f b9 99 99 99 99 99 9a>", T_DOUBLE, 0x3FB999999999999A, 0},
    {"<cb 80 00 00 00 00 00 00 00>", T_DOUBLE, INT64_MIN, 0},
    {"<cb 7f f0 00 00 00 00 00 00>", T_DOUBLE, 0x7FF0000000000000, 0},
    {"<cb 7f f8 00 00 00 00 00 00>", T_DOUBLE, 0x7FF8000000000000, 0},
    {"<cb 00 00 00 00 00 00 00 01>", T_DOUBLE, 1, 0},
    {"<a0>", T_STR, 0, 0},
    {"<a3 61 62 63>", T_STR, 3, 0},
    {"<a3 61 00 62>", T_STR, 3, 0},
    {"<a2 ff fe>", T_STR, 2, 0},
    {"'exactly thirty-one bytes, fixstr'", T_STR, 32, 0},
    {"'one of thirty-one bytes, fixstr'", T_STR, 31, 0},
    {"<d9 00>", T_STR, 0, 0},
    {"<d9 03 61 62 63>", T_STR, 3, 0},
    {"<da 00 00>", T_STR, 0, 0},
    {"<da 00 03 61 62 63>", T_STR, 3, 0},
    {"<db 00 00 00 00>", T_STR, 0, 0},
    {"<db 00 00 00 03 61 62 63>", T_STR, 3, 0},
    {"<c4 00>", T_BIN, 0, 0},
    {"<c4 02 00 ff>", T_BIN, 2, 0},
    {"<c5 00 00>", T_BIN, 0, 0},
    {"<c5 00 02 00 ff>", T_BIN, 2, 0},
    {"<c6 00 00 00 00>", T_BIN, 0, 0},
    {"<c6 00 00 00 02 00 ff>", T_BIN, 2, 0},
    {"<90>", T_ARRAY, 1, 0},
    {"<92 01 a1 78>", T_ARRAY, 4, 0},
    {"<9f 00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e>", T_ARRAY, 16, 0},
    {"<dc 00 00>", T_ARRAY, 3, 0},
    {"<dc 00 02 c0 90>", T_ARRAY, 5, 0},
    {"<dd 00 00 00 00>", T_ARRAY, 5, 0},
    {"<dd 00 00 00 02 c3 d9 01 78>", T_ARRAY, 9, 0},
    {"<80>", T_MAP, 1, 0},
    {"<82 a1 61 01 05 c0>", T_MAP, 6, 0},
    {"<de 00 00>", T_MAP, 3, 0},
    {"<de 00 01 c0 81 a1 62 91 01>", T_MAP, 9, 0},
    {"<df 00 00 00 00>", T_MAP, 5, 0},
    {"<df 00 00 00 01 a1 62 d6 ff 00 00 00 01>", T_MAP, 13, 0},
    {"<d4 05 61>", T_EXT, 2, 0},
    {"<d5 05 61 62>", T_EXT, 3, 0},
    {"<d6 05 61 62 63 64>", T_EXT, 5, 0},
    {"<d7 80 61 62 63 64 65 66 67 68>", T_EXT, 9, 0},
    {"<d8 7f 61 62 63 64 65 66 67 68 61 62 63 64 65 66 67 68>", T_EXT, 17, 0},
    {"<c7 00 05>", T_EXT, 1, 0},
    {"<c7 01 05 61>", T_EXT, 2, 0},
    {"<c7 03 fe 61 62 63>", T_EXT, 4, 0},
    {"<c8 00 00 05>", T_EXT, 1, 0},
    {"<c8 00 04 00 61 62 63 64>", T_EXT, 5, 0},
    {"<c9 00 00 00 00 05>", T_EXT, 1, 0},
    {"<c9 00 00 00 03 05 61 62 63>", T_EXT, 4, 0},
    {"<d6 ff 00 00 00 00>", T_TIMESTAMP, 0, 0},
    {"<d6 ff ff ff ff ff>", T_TIMESTAMP, 4294967295, 0},
    {"<d7 ff 00 00 00 00 00 00 00 05>", T_TIMESTAMP, 5, 0},
    {"<d7 ff ee 6b 27 ff ff ff ff ff>", T_TIMESTAMP, 17179869183, 999999999},
    {"<c7 04 ff 00 00 00 07>", T_TIMESTAMP, 7, 0}, /* the same lengths under other headers */
    {"<c8 00 04 ff 00 00 00 07>", T_TIMESTAMP, 7, 0},
    {"<c9 00 00 00 08 ff 00 00 00 04 00 00 00 07>", T_TIMESTAMP, 7, 1},
    {"<c7 0c ff 20 c8 55 80 ff ff ff ff ff ff ff fd>", T_TIMESTAMP, -3, 550000000}, /* -2.45 s */
    {"<c7 0c ff 3b 9a c9 ff 80 00 00 00 00 00 00 00>", T_TIMESTAMP, INT64_MIN, 999999999},
    {"<c8 00 0c ff 00 00 00 00 7f ff ff ff ff ff ff ff>", T_TIMESTAMP, INT64_MAX, 0},
    {"<c9 00 00 00 0c ff 00 00 00 01 00 00 00 00 00 00 00 00>", T_TIMESTAMP, 0, 1},
};

/* Bytes that are never one value, whatever follows. */
static const char *const INVALID[] = {
    "<c1>",
    "<d4 ff 00>", /* timestamps of wrong lengths */
    "<d5 ff 00 00>",
    "<d8 ff 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00>",
    "<c7 00 ff>",
    "<c7 03 ff 00 00 00>",
    "<c7 05 ff 00 00 00 00 00>",
    "<c7 0b ff 00 00 00 00 00 00 00 00 00 00 00>",
    "<c7 0d ff 00 00 00 00 00 00 00 00 00 00 00 00 00>",
    "<c8 00 00 ff>",
    "<c9 00 00 00 00 ff>",
    "<d7 ff ee 6b 28 00 00 00 00 00>", /* 1000000000 ns */
    "<d7 ff ff ff ff ff ff ff ff ff>",
    "<c7 0c ff 3b 9a ca 00 00 00 00 00 00 00 00 00>",
    "<c7 0c ff ff ff ff ff 00 00 00 00 00 00 00 00>",
};

/* Headers that claim more than there is. */
static const char *const CLAIMS[] = {
    "<dd ff ff ff ff>",
    "<df ff ff ff ff>",
    "<df 80 00 00 00>",
    "<db ff ff ff ff>",
    "<c6 ff ff ff ff>",
    "<c9 ff ff ff ff 05>",
    "<c9 ff ff ff ff ff>",
    "<dc ff ff>",
    "<de ff ff>",
    "<da ff ff>",
    "<c5 ff ff>",
    "<c8 ff ff 05>",
    "<9f>",
    "<8f>",
    "<bf>",
    "<d9 ff>",
    "<c4 ff>",
    "<c7 ff 05>",
    "<dd 00 00 00 05 01 01 01 01>",
    "<df 00 00 00 02 01 01 01>",
    "<dd 7f ff ff ff 01>",
};

#endif
