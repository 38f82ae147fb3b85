/* Sizes that only the build chooses. The hostile preset (TAMIS_HOSTILE) makes them tiny, so that
 * small tests reach every block boundary, regrowth and chunk edge. Nothing may depend on their
 * values but through these names. */
#ifndef TAMIS_BASE_BUILD_H
#define TAMIS_BASE_BUILD_H

#ifdef TAMIS_HOSTILE
#define BLOCK_ROWS        7u   /* rows that one kernel call sees at most */
#define BLOCK_CELLS       448u /* cells of a block at most, if that leaves BLOCK_ROWS_LEAST rows */
#define BLOCK_ROWS_LEAST  3u
#define ARENA_FIRST_BYTES 32u  /* first chunk of an arena; doubles ... */
#define ARENA_MOST_BYTES  256u /* ... up to this */
#define BUF_FIRST_BYTES   16u  /* first size of a growing buffer */
#define READ_BYTES        13u  /* bytes asked of one read */
#define CHUNK_BYTES       64u  /* result bytes gathered into one RESULT message */
#define SEGMENT_ROWS      150u /* rows of a segment of a resident table, at most */
#define ZONE_ROWS         64u  /* rows that one set of statistics is for; a multiple of 64 */
#define STEP_ROWS         21u  /* rows of a request between two looks at the others */
#define INLINE_BYTES      512u /* payloads up to this may run on the loop's own thread */
#define SHELL_READ_BYTES  13u  /* bytes asked of one read of a file ... */
#define SHELL_WRITE_BYTES 64u  /* ... and gathered for one write */
#define PAGES_LEAST_BYTES 64u  /* of a block that has pages rather than malloc's memory */
#define CREW_CELLS        1u   /* of columns, worth waking a crew: some 100 us of work */
#else
#define BLOCK_ROWS        1024u
#define BLOCK_CELLS       1048576u
#define BLOCK_ROWS_LEAST  16u
#define ARENA_FIRST_BYTES 4096u
#define ARENA_MOST_BYTES  1048576u
#define BUF_FIRST_BYTES   256u
#define READ_BYTES        65536u
#define CHUNK_BYTES       262144u
#define SEGMENT_ROWS      65536u
#define ZONE_ROWS         4096u
#define STEP_ROWS         65536u
#define INLINE_BYTES      65536u
#define SHELL_READ_BYTES  262144u
#define SHELL_WRITE_BYTES 262144u
#define PAGES_LEAST_BYTES 65536u
#define CREW_CELLS        16384u
#endif

#endif
