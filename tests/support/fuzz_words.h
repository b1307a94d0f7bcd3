/* SPDX-License-Identifier: BSD-3-Clause */
/* What the fuzz targets of the codec share: commands of words out of any bytes, and memory with an end. */
#ifndef WR_TESTS_FUZZ_WORDS_H
#define WR_TESTS_FUZZ_WORDS_H

#include <stdint.h>

#include "wire/wire.h"

#define MUST(condition)                                                                  \
    do {                                                                                 \
        if (!(condition))                                                                \
            __builtin_trap();                                                            \
    } while (0)

/* Words end at 0x1f, commands at 0x1e; 0x10 takes the next byte as it is, less 0x40 (0x10 '_' is 0x1f), so
 * that any bytes can be written. A first word of one byte is the number of a command, so that mutation
 * reaches them all. */
enum { FUZZ_WORDS_MAX = 512 };
typedef struct fuzz_words {
    const uint8_t *p, *end;
    char *bytes; /* of the present command; owned, exactly as long as they are */
    weir_str w[FUZZ_WORDS_MAX];
    size_t n;
} fuzz_words;

void fuzz_words_init(fuzz_words *f, const uint8_t *data, size_t n);
/* The next command; false: no more. */
bool fuzz_words_next(fuzz_words *f);
void fuzz_words_fini(fuzz_words *f);

/* From now on every allocation above 64 MiB fails, as if memory ended there. */
void fuzz_limit_memory(void);

#endif
