/* SPDX-License-Identifier: BSD-3-Clause */
/* Commands of words out of any bytes, for fuzz targets. */
#include "support/fuzz_words.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "wire/form.h"

enum { WORD_END = 0x1f, COMMAND_END = 0x1e, AS_IT_IS = 0x10, MOST_BYTES = 64 << 20 };

void fuzz_words_init(fuzz_words *f, const uint8_t *data, size_t n)
{
    f->p = data;
    f->end = data + n;
    f->bytes = NULL;
    f->n = 0;
}

void fuzz_words_fini(fuzz_words *f)
{
    free(f->bytes);
    f->bytes = NULL;
}

/* Bytes of the command that begins here, and of what they stand for. */
static size_t measure(const fuzz_words *f, size_t *n_raw)
{
    size_t n = 0;
    const uint8_t *p = f->p;
    for (; p < f->end && *p != COMMAND_END; p++, n++) {
        if (*p == AS_IT_IS && p + 1 < f->end)
            p++;
    }
    *n_raw = (size_t)(p - f->p);
    return n;
}

/* Words lie one behind the other without a gap: a read beyond one is wrong, beyond the last is seen. */
static void cut(fuzz_words *f, const uint8_t *p, const uint8_t *end)
{
    char *to = f->bytes;
    f->n = 1;
    f->w[0] = (weir_str){to, 0};
    for (; p < end; p++) {
        if (*p == WORD_END && f->n < FUZZ_WORDS_MAX) {
            f->w[f->n++] = (weir_str){to, 0};
            continue;
        }
        if (*p == AS_IT_IS && p + 1 < end)
            p++, *to++ = (char)(*p ^ 0x40);
        else
            *to++ = (char)*p;
        f->w[f->n - 1].n++;
    }
}

bool fuzz_words_next(fuzz_words *f)
{
    size_t n_raw;
    fuzz_words_fini(f);
    if (f->p >= f->end)
        return false;
    size_t n = measure(f, &n_raw);
    f->bytes = malloc(n == 0 ? 1 : n); /* exact: ASan sees the end */
    if (f->bytes == NULL)
        return false;
    cut(f, f->p, f->p + n_raw);
    f->p += n_raw + 1;
    unsigned char number = f->w[0].n == 1 ? (unsigned char)f->w[0].p[0] : WR_CMD_COUNT;
    if (number < WR_CMD_COUNT && wr_forms[number].word != NULL)
        f->w[0] = weir_cstr(wr_forms[number].word);
    return true;
}

/* ---- memory ---- */

static void *limited_alloc(size_t n)
{
    return n > MOST_BYTES ? NULL : malloc(n);
}

static void *limited_calloc(size_t n, size_t each)
{
    size_t bytes;
    return wr_mul(n, each, &bytes) && bytes <= MOST_BYTES ? calloc(n, each) : NULL;
}

static void *limited_realloc(void *p, size_t n)
{
    return n > MOST_BYTES ? NULL : realloc(p, n);
}

void fuzz_limit_memory(void)
{
    static const wr_allocator a = {limited_alloc, limited_calloc, limited_realloc, free};
    if (!wr_alloc_is_foreign())
        wr_alloc_use(&a);
}
