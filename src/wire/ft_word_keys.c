/* SPDX-License-Identifier: BSD-3-Clause */
/* Fuzz target: which words of any command are keys, of ours and of RedisAI's. A server of a cluster asks
 * before anything is parsed: every answer must be a word, and there are never more than there are words. */
#include "support/fuzz_words.h"
#include "wire/redisai/redisai.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

typedef struct told {
    size_t n_words, n;
} told;

static void ours(void *context, size_t i_word, bool writes)
{
    told *t = context;
    (void)writes;
    MUST(i_word > 0 && i_word < t->n_words && ++t->n <= 2 * t->n_words);
}

static void theirs(void *context, size_t i_word, unsigned access)
{
    MUST(access != 0);
    ours(context, i_word, false);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static fuzz_words f;
    static const char *const names[] = {
#define X(id, word, ...) word,
        WR_AI_COMMAND_MAP(X)
#undef X
    };
    fuzz_words_init(&f, data, n);
    while (fuzz_words_next(&f)) {
        told t = {.n_words = f.n};
        wr_words words = {f.w, f.n};
        wr_wire_word_keys(words, ours, &t);
        t.n = 0;
        /* a first byte above ours numbers RedisAI's */
        unsigned number = f.w[0].n == 1 ? (unsigned char)f.w[0].p[0] : 0;
        if (number >= 'a' && number < 'a' + WR_AI_COMMAND_COUNT)
            f.w[0] = weir_cstr(names[number - 'a']);
        wr_ai_keys(words, theirs, &t);
    }
    fuzz_words_fini(&f);
    return 0;
}
