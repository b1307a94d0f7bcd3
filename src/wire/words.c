/* SPDX-License-Identifier: BSD-3-Clause */
/* Words that every grammar has: numbers, keywords in any case, and the strings of a STRING tensor as
 * NUL-terminated bytes. */
#include <strings.h>

#include "base/alloc.h"
#include "wire/wire.h"

bool wr_word_int(weir_str word, int64_t *out)
{
    size_t i = word.n > 0 && word.p[0] == '-';
    bool negative = i == 1;
    int64_t v = 0;
    if (i == word.n)
        return false;
    for (; i < word.n; i++) {
        if (word.p[i] < '0' || word.p[i] > '9')
            return false;
        int64_t digit = word.p[i] - '0';
        if (__builtin_mul_overflow(v, 10, &v) ||
            __builtin_add_overflow(v, negative ? -digit : digit, &v))
            return false;
    }
    *out = v;
    return true;
}

bool wr_word_is(weir_str word, const char *upper)
{
    return strlen(upper) == word.n && strncasecmp(upper, word.p, word.n) == 0;
}

/* Cut `bytes` into at most n strings, each ended by a NUL; false: there are not exactly n. */
static bool cut(weir_str bytes, weir_str *strings, size_t n)
{
    const char *at = bytes.p;
    size_t left = bytes.n;
    for (size_t i = 0; i < n; i++) {
        const char *end = left == 0 ? NULL : memchr(at, '\0', left);
        if (end == NULL)
            return false;
        strings[i] = (weir_str){at, (size_t)(end - at)};
        left -= strings[i].n + 1;
        at = end + 1;
    }
    return left == 0;
}

weir_status wr_wire_strings(weir_buffer **out, weir_str bytes, int rank,
                            const int64_t *shape, weir_error *err)
{
    weir_tensor t;
    weir_status st = weir_tensor_init(&t, NULL, WEIR_STRING, rank, shape, err);
    if (st != WEIR_OK)
        return st;
    size_t n = weir_tensor_count(&t);
    if (n > bytes.n) /* each has its NUL: said before memory is asked for */
        return weir_fail(err, WEIR_ERR_FORMAT, "strings: %zu bytes can't hold %zu strings",
                         bytes.n, n);
    weir_str *strings = wr_calloc(n, sizeof *strings);
    if (strings == NULL)
        return weir_fail(err, WEIR_ERR_NOMEM, "strings: no memory for %zu of them", n);
    t.data = strings;
    if (cut(bytes, strings, n))
        st = weir_buffer_from(out, &t, err);
    else
        st = weir_fail(err, WEIR_ERR_FORMAT, "strings: %zu bytes don't hold %zu strings",
                       bytes.n, n);
    wr_free(strings);
    return st;
}

weir_status wr_wire_strings_add(wr_text *out, const weir_tensor *t, weir_error *err)
{
    weir_buffer *packed = NULL;
    weir_tensor v = *t;
    weir_status st = WEIR_OK;
    if (!weir_tensor_is_contiguous(t)) {
        st = weir_buffer_from(&packed, t, err);
        if (st != WEIR_OK)
            return st;
        v = weir_buffer_view(packed);
    }
    const weir_str *s = v.data;
    size_t n = weir_tensor_count(&v);
    for (size_t i = 0; i < n && st == WEIR_OK; i++) {
        if (s[i].n > 0 && memchr(s[i].p, '\0', s[i].n) != NULL)
            st = weir_fail(err, WEIR_ERR_FORMAT, "strings: string %zu of %zu holds a NUL",
                           i, n);
        wr_text_add(out, s[i].p, s[i].n);
        wr_text_add(out, "", 1);
    }
    if (st == WEIR_OK && out->failed)
        st = weir_fail(err, WEIR_ERR_NOMEM, "strings: no memory for the bytes of %zu", n);
    weir_buffer_unref(packed);
    return st;
}
