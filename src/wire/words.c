/* SPDX-License-Identifier: BSD-3-Clause */
/* What single words mean: numbers, names of things, devices, and the strings of STRING tensors. */
#include <stdio.h>
#include <strings.h>

#include "base/alloc.h"
#include "wire/wire.h"

bool wr_word_int(weir_str word, int64_t *out)
{
    bool minus = word.n > 0 && word.p[0] == '-';
    uint64_t v = 0, limit = (uint64_t)INT64_MAX + minus;
    if (word.n == minus || word.n > 20)
        return false;
    for (size_t i = minus; i < word.n; i++) {
        unsigned digit = (unsigned)((unsigned char)word.p[i] - '0');
        if (digit > 9 || v > (limit - digit) / 10)
            return false;
        v = v * 10 + digit;
    }
    *out = minus ? (int64_t)(0 - v) : (int64_t)v;
    return true;
}

bool wr_word_is(weir_str word, const char *upper)
{
    return strlen(upper) == word.n &&
           (word.n == 0 || strncasecmp(word.p, upper, word.n) == 0);
}

bool wr_word_device(weir_str word, weir_device *out)
{
    int64_t index = 0;
    bool gpu = word.n >= 3 && wr_word_is((weir_str){word.p, 3}, "GPU");
    if (!gpu && (word.n < 3 || !wr_word_is((weir_str){word.p, 3}, "CPU")))
        return false;
    if (word.n > 3 &&
        (word.p[3] != ':' || !wr_word_int((weir_str){word.p + 4, word.n - 4}, &index) ||
         word.p[4] == '-' || index > 9999))
        return false;
    *out =
        (weir_device){.kind = gpu ? WEIR_CUDA : WEIR_CPU, .index = gpu ? (int)index : 0};
    return true;
}

const char *wr_device_word(weir_device d, char *buf, size_t n)
{
    if (d.kind == 0 || d.kind == WEIR_CPU)
        snprintf(buf, n, "CPU");
    else
        snprintf(buf, n, "GPU:%d", (int)d.index);
    return buf;
}

static const char *const kinds[WEIR_KIND_COUNT] = {
    [WEIR_ANY] = "ANY",   [WEIR_TENSOR] = "TENSOR", [WEIR_DATASET] = "DATASET",
    [WEIR_LIST] = "LIST", [WEIR_MODEL] = "MODEL",   [WEIR_SCRIPT] = "SCRIPT",
};

const char *wr_kind_word(weir_kind kind)
{
    return kinds[kind];
}

bool wr_word_kind(weir_str word, weir_kind *out)
{
    for (int i = 0; i < WEIR_KIND_COUNT; i++) {
        if (wr_word_is(word, kinds[i])) {
            *out = (weir_kind)i;
            return true;
        }
    }
    return false;
}

/* ---- strings ---- */

weir_status wr_wire_strings(weir_buffer **out, weir_str bytes, int rank,
                            const int64_t *shape, weir_error *err)
{
    weir_tensor t;
    weir_status st = weir_tensor_init(&t, NULL, WEIR_STRING, rank, shape, err);
    if (st != WEIR_OK)
        return st;
    size_t count = weir_tensor_count(&t), n = 0;
    for (size_t i = 0; i < bytes.n; i++)
        n += bytes.p[i] == '\0';
    if (n != count || (bytes.n > 0 && bytes.p[bytes.n - 1] != '\0'))
        return weir_fail(
            err, WEIR_ERR_FORMAT,
            "%zu bytes hold %zu NUL-terminated strings%s, the shape wants %zu", bytes.n,
            n, bytes.n > 0 && bytes.p[bytes.n - 1] != '\0' ? " and a rest" : "", count);
    weir_str *s = wr_calloc(count + 1, sizeof *s);
    if (s == NULL)
        return weir_fail(err, WEIR_ERR_NOMEM, "no memory for %zu strings", count);
    const char *p = bytes.p;
    for (size_t i = 0; i < count; i++) {
        s[i] = (weir_str){p, strlen(p)};
        p += s[i].n + 1;
    }
    st = weir_tensor_init(&t, s, WEIR_STRING, rank, shape, err);
    if (st == WEIR_OK)
        st = weir_buffer_from(out, &t, err);
    wr_free(s);
    return st;
}

weir_status wr_wire_strings_add(wr_text *out, const weir_tensor *t, weir_error *err)
{
    weir_buffer *packed = NULL; /* any strides become C order */
    weir_status st = weir_buffer_from(&packed, t, err);
    if (st != WEIR_OK)
        return st;
    weir_tensor view = weir_buffer_view(packed);
    const weir_str *s = view.data;
    for (size_t i = 0; i < weir_tensor_count(&view) && st == WEIR_OK; i++) {
        if (s[i].n > 0 && memchr(s[i].p, '\0', s[i].n) != NULL)
            st =
                weir_fail(err, WEIR_ERR_FORMAT,
                          "string %zu of %zu has a NUL byte in it, which ends strings on "
                          "the wire",
                          i, weir_tensor_count(&view));
        wr_text_add(out, s[i].p, s[i].n);
        wr_text_add(out, "", 1);
    }
    weir_buffer_unref(packed);
    if (st == WEIR_OK && out->failed)
        st = weir_fail(err, WEIR_ERR_NOMEM, "no memory for strings");
    return st;
}
