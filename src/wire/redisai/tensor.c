/* SPDX-License-Identifier: BSD-3-Clause */
/* AI.TENSORSET and AI.TENSORGET. */
#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/half.h"
#include "wire/redisai/internal.h"

/* ---- one value of VALUES ---- */

/* `word` as a finite or infinite number or nan, the whole of it. strtod wants a NUL: a number of more
 * characters than this is none that anyone writes. */
static bool real_of(weir_str word, double *out)
{
    char text[352], *end;
    if (word.n == 0 || word.n >= sizeof text || memchr(word.p, '\0', word.n) != NULL ||
        word.p[0] == ' ' || (word.p[0] >= '\t' && word.p[0] <= '\r'))
        return false;
    memcpy(text, word.p, word.n);
    text[word.n] = '\0';
    errno = 0;
    *out = strtod(text, &end);
    return *end == '\0' && !(errno == ERANGE && isinf(*out));
}

/* A finite number that the type would make infinite does not fit. */
static bool put_real(void *at, weir_dtype type, weir_str word)
{
    double v;
    if (!real_of(word, &v))
        return false;
    bool fits = true;
    if (type == WEIR_F64) {
        memcpy(at, &v, sizeof v);
    } else if (type == WEIR_F32) {
        float f = (float)v;
        fits = isinf(f) == isinf(v);
        memcpy(at, &f, sizeof f);
    } else {
        uint16_t h = type == WEIR_F16 ? wr_half_bits(v) : wr_bf16_bits(v);
        double back = type == WEIR_F16 ? wr_half_value(h) : wr_bf16_value(h);
        fits = isinf(back) == isinf(v);
        memcpy(at, &h, sizeof h);
    }
    return fits;
}

/* A decimal number above INT64_MAX, for UINT64. */
static bool large_of(weir_str word, uint64_t *out)
{
    uint64_t v = 0;
    for (size_t i = 0; i < word.n; i++) {
        if (word.p[i] < '0' || word.p[i] > '9' || __builtin_mul_overflow(v, 10, &v) ||
            __builtin_add_overflow(v, (uint64_t)(word.p[i] - '0'), &v))
            return false;
    }
    *out = v;
    return word.n > 0;
}

static bool put_integer(void *at, weir_dtype type, weir_str word)
{
    /* Bits of the magnitude, and whether negative numbers are allowed. */
    size_t bytes = weir_dtype_bytes(type);
    bool is_signed = type >= WEIR_I8 && type <= WEIR_I64;
    int64_t v;
    if (type == WEIR_U64) {
        uint64_t u;
        if (!large_of(word, &u))
            return false;
        memcpy(at, &u, sizeof u);
        return true;
    }
    if (!wr_word_int(word, &v))
        return false;
    if (type == WEIR_BOOL ? v < 0 || v > 1 : !is_signed && v < 0)
        return false;
    if (bytes < sizeof v) {
        int64_t limit = INT64_C(1) << (8 * bytes - is_signed);
        if (v >= limit || v < -limit)
            return false;
    }
    memcpy(at, &v, bytes); /* little-endian: the low bytes */
    return true;
}

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "low bytes come first");

static bool put_value(void *at, weir_dtype type, weir_str word)
{
    bool is_real =
        type == WEIR_F32 || type == WEIR_F64 || type == WEIR_F16 || type == WEIR_BF16;
    return is_real ? put_real(at, type, word) : put_integer(at, type, word);
}

/* ---- the three sources of a tensor's bytes ---- */

static weir_status new_buffer(weir_buffer **out, const weir_tensor *t, wr_ai_look *look,
                              weir_error *err)
{
    weir_status st = WEIR_ERR_NOMEM;
    if (look->fits == NULL || look->fits(look, weir_tensor_bytes(t)))
        st = weir_buffer_new(out, t->dtype, t->rank, t->shape, NULL);
    return st == WEIR_OK ? st : wr_ai_refuse_as(err, st, "%s", WR_AI_TEXT_NOT_SAVED);
}

static weir_status zeros(wr_ai_tensorset *out, wr_ai_look *look, weir_error *err)
{
    weir_status st = new_buffer(&out->buffer, &out->view, look, err);
    if (st == WEIR_OK && out->view.dtype != WEIR_STRING) /* strings are empty already */
        memset(weir_buffer_view(out->buffer).data, 0, weir_tensor_bytes(&out->view));
    return st;
}

static weir_status strings(wr_ai_tensorset *out, wr_ai_at a, weir_error *err)
{
    for (size_t i = a.i; i < a.n; i++) {
        if (a.w[i].n > 0 && memchr(a.w[i].p, '\0', a.w[i].n) != NULL)
            return wr_ai_refuse(err, "ERR C-string value contains null character");
    }
    weir_tensor t = out->view;
    t.data = (void *)(uintptr_t)(a.w + a.i); /* words are strings; only read */
    weir_status st = weir_buffer_from(&out->buffer, &t, NULL);
    return st == WEIR_OK ? st : wr_ai_refuse_as(err, st, "%s", WR_AI_TEXT_NOT_SAVED);
}

static weir_status values(wr_ai_tensorset *out, wr_ai_at a, wr_ai_look *look,
                          weir_error *err)
{
    size_t bytes = weir_dtype_bytes(out->view.dtype);
    if (wr_ai_left(&a) != weir_tensor_count(&out->view))
        return wr_ai_refuse(
            err, "ERR wrong number of values was given in 'AI.TENSORSET' command");
    if (out->view.dtype == WEIR_STRING)
        return strings(out, a, err);
    weir_status st = new_buffer(&out->buffer, &out->view, look, err);
    if (st != WEIR_OK)
        return st;
    char *at = weir_buffer_view(out->buffer).data;
    for (; a.i < a.n; a.i++, at += bytes) {
        if (!put_value(at, out->view.dtype, a.w[a.i]))
            return wr_ai_refuse(err, TEXT_BAD_VALUE);
    }
    return WEIR_OK;
}

static weir_status check_bools(weir_str blob, weir_error *err)
{
    for (size_t i = 0; i < blob.n; i++) {
        if (blob.p[i] != 0 && blob.p[i] != 1)
            return wr_ai_refuse(err, "ERR BOOL tensor elements must be 0 or 1");
    }
    return WEIR_OK;
}

static weir_status blob(wr_ai_tensorset *out, const wr_ai_at *a, weir_error *err)
{
    if (wr_ai_left(a) != 1)
        return wr_ai_refuse(err, "ERR a single binary string should come after the BLOB "
                                 "argument in 'AI.TENSORSET' command");
    weir_str bytes = a->w[a->i];
    const weir_tensor *t = &out->view;
    if (t->dtype == WEIR_STRING) {
        weir_status st = wr_wire_strings(&out->buffer, bytes, t->rank, t->shape, NULL);
        if (st == WEIR_ERR_NOMEM)
            return wr_ai_refuse_as(err, st, "%s", WR_AI_TEXT_NOT_SAVED);
        return st == WEIR_OK ? st
                             : wr_ai_refuse(err, "ERR Number of string elements in data "
                                                 "blob does not match tensor length");
    }
    if (bytes.n != weir_tensor_bytes(t))
        return wr_ai_refuse(err, "ERR data length does not match tensor shape and type");
    if (t->dtype == WEIR_BOOL) {
        weir_status st = check_bools(bytes, err);
        if (st != WEIR_OK)
            return st;
    }
    out->i_blob = a->i;
    out->view.data = (void *)(uintptr_t)bytes.p; /* only read */
    return WEIR_OK;
}

/* ---- the commands ---- */

static weir_status type_and_shape(wr_ai_tensorset *out, wr_ai_at *a, weir_error *err)
{
    int64_t shape[WEIR_RANK_MAX];
    int rank = 0;
    weir_dtype type;
    if (weir_dtype_parse(a->w[a->i++], &type) != WEIR_OK)
        return wr_ai_refuse(err, "ERR invalid data type");
    while (wr_ai_left(a) > 0 && !wr_ai_sees(a, "BLOB") && !wr_ai_sees(a, "VALUES")) {
        int64_t extent;
        if (!wr_ai_takes_int(a, &extent) || extent <= 0)
            return wr_ai_refuse(err,
                                "ERR invalid or negative value found in tensor shape");
        if (rank == WEIR_RANK_MAX)
            return wr_ai_refuse(err, "ERR tensor shape has more than %d dimensions",
                                WEIR_RANK_MAX);
        shape[rank++] = extent;
    }
    if (weir_tensor_init(&out->view, NULL, type, rank, shape, NULL) != WEIR_OK)
        return wr_ai_refuse(err, "ERR invalid or negative value found in tensor shape");
    return WEIR_OK;
}

weir_status wr_ai_tensorset_words(wr_ai_tensorset *out, wr_words words, wr_ai_look *look,
                                  weir_error *err)
{
    wr_ai_at a = wr_ai_from(words, 2);
    *out = (wr_ai_tensorset){.key = words.w[1]};
    weir_status st = type_and_shape(out, &a, err);
    if (st != WEIR_OK)
        goto out;
    if (wr_ai_eats(&a, "BLOB"))
        st = blob(out, &a, err);
    else if (wr_ai_eats(&a, "VALUES"))
        st = values(out, a, look, err);
    else
        st = zeros(out, look, err);
    if (out->buffer != NULL)
        out->view = weir_buffer_view(out->buffer);
out:
    if (st != WEIR_OK)
        wr_ai_tensorset_fini(out);
    return st;
}

weir_status wr_ai_parse_tensorset(wr_ai_tensorset *out, wr_words words, wr_ai_look *look,
                                  weir_error *err)
{
    *out = (wr_ai_tensorset){0};
    weir_status st = wr_ai_check_arity(WR_AI_TENSORSET, words, err);
    if (st == WEIR_OK)
        st = wr_ai_need_free(look, words.w[1], WR_AI_TENSOR, err);
    if (st == WEIR_OK)
        st = wr_ai_tensorset_words(out, words, look, err);
    return st;
}

void wr_ai_tensorset_fini(wr_ai_tensorset *t)
{
    weir_buffer_unref(t->buffer);
    *t = (wr_ai_tensorset){0};
}

weir_status wr_ai_tensorget_words(wr_ai_get *out, wr_words words, weir_error *err)
{
    unsigned show = 0;
    for (wr_ai_at a = wr_ai_from(words, 2); wr_ai_left(&a) > 0;) {
        if (wr_ai_eats(&a, "META"))
            show |= WR_AI_META;
        else if (wr_ai_eats(&a, "BLOB"))
            show |= WR_AI_BLOB;
        else if (wr_ai_eats(&a, "VALUES"))
            show |= WR_AI_VALUES;
        else
            return wr_ai_refuse(err, "ERR unsupported data format");
    }
    if ((show & WR_AI_BLOB) != 0 && (show & WR_AI_VALUES) != 0)
        return wr_ai_refuse(err, "ERR both BLOB and VALUES specified");
    *out = (wr_ai_get){words.w[1], show == 0 ? WR_AI_META | WR_AI_BLOB : show};
    return WEIR_OK;
}

weir_status wr_ai_parse_tensorget(wr_ai_get *out, wr_words words, wr_ai_look *look,
                                  weir_error *err)
{
    *out = (wr_ai_get){0};
    weir_status st = wr_ai_check_arity(WR_AI_TENSORGET, words, err);
    if (st == WEIR_OK)
        st = wr_ai_need(look, words.w[1], WR_AI_TENSOR, WR_AI_TEXT_NO_TENSOR, err);
    if (st == WEIR_OK)
        st = wr_ai_tensorget_words(out, words, err);
    return st;
}
