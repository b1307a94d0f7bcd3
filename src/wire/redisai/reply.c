/* SPDX-License-Identifier: BSD-3-Clause */
/* Replies in RedisAI's shapes, in RESP2's forms. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/half.h"
#include "wire/redisai/internal.h"

static void bulk(wr_sink *s, weir_str text)
{
    s->ops->bulk(s, wr_str_p(text), text.n);
}

static void integer(wr_sink *s, const char *label, int64_t v)
{
    wr_sink_text(s, label);
    s->ops->integer(s, v);
}

static void names(wr_sink *s, const char *label, const weir_str *name, size_t n)
{
    wr_sink_text(s, label);
    s->ops->array(s, n);
    for (size_t i = 0; i < n; i++)
        bulk(s, name[i]);
}

/* ---- one line ---- */

void wr_ai_reply_ok(wr_sink *s)
{
    s->ops->status(s, "OK");
}

void wr_ai_reply_timed_out(wr_sink *s)
{
    s->ops->status(s, "TIMEDOUT");
}

void wr_ai_reply_refusal(wr_sink *s, const weir_error *err)
{
    s->ops->error(s, err->text);
}

/* RedisAI's own words for a failure, where it has some. */
static const char *own_text(wr_ai_task task, weir_status st)
{
    static const char *const missing[] = {[WR_AI_ON_TENSOR] = WR_AI_TEXT_NO_TENSOR,
                                          [WR_AI_ON_MODEL] = WR_AI_TEXT_NO_MODEL,
                                          [WR_AI_ON_SCRIPT] = WR_AI_TEXT_NO_SCRIPT};
    if (st == WEIR_ERR_KEY)
        return missing[task];
    if (st == WEIR_ERR_KIND)
        return WR_AI_TEXT_WRONGTYPE;
    if (st == WEIR_ERR_BACKEND && task != WR_AI_ON_TENSOR)
        return WR_AI_TEXT_NO_BACKEND;
    if (st == WEIR_ERR_FULL && task == WR_AI_ON_TENSOR)
        return WR_AI_TEXT_NOT_SAVED;
    return NULL;
}

const char *wr_ai_line(char line[WR_AI_LINE_MAX], wr_ai_task task, weir_status st,
                       const weir_error *err)
{
    const char *own = own_text(task, st);
    if (own == NULL && task == WR_AI_ON_SCRIPT && wr_error_sentence(err) != err->text)
        own = wr_error_sentence(err); /* what the backend said, as RedisAI passes it on */
    snprintf(line, WR_AI_LINE_MAX, "%s%s", own != NULL ? "" : "ERR ",
             own != NULL ? own : err->text);
    for (char *p = line; *p != '\0'; p++) {
        if (*p == '\n' || *p == '\r')
            *p = ' ';
    }
    return line;
}

void wr_ai_reply_failure(wr_sink *s, wr_ai_task task, weir_status st,
                         const weir_error *err)
{
    char line[WR_AI_LINE_MAX];
    if (st == WEIR_ERR_TIMEOUT)
        wr_ai_reply_timed_out(s);
    else
        s->ops->error(s, wr_ai_line(line, task, st, err));
}

/* ---- tensors ---- */

/* The shortest decimal number that reads back to v. */
static void real(wr_sink *s, double v)
{
    enum { FEWEST = 15, MOST = 17 };
    char text[40] = "nan";
    for (int digits = FEWEST; digits <= MOST && !isnan(v); digits++) {
        snprintf(text, sizeof text, "%.*g", digits, v);
        if (strtod(text, NULL) == v)
            break;
    }
    wr_sink_text(s, text);
}

/* RESP2's integers end at INT64_MAX. */
static void unsigned_value(wr_sink *s, uint64_t v)
{
    char text[24];
    if (v <= INT64_MAX) {
        s->ops->integer(s, (int64_t)v);
        return;
    }
    snprintf(text, sizeof text, "%" PRIu64, v);
    wr_sink_text(s, text);
}

#define LOAD(type, at)                                                                   \
    type v;                                                                              \
    memcpy(&v, at, sizeof v)
#define INTEGER(code, type)                                                              \
    case WEIR_##code: {                                                                  \
        LOAD(type, at);                                                                  \
        s->ops->integer(s, v);                                                           \
        break;                                                                           \
    }
#define REAL(code, type, value)                                                          \
    case WEIR_##code: {                                                                  \
        LOAD(type, at);                                                                  \
        real(s, value);                                                                  \
        break;                                                                           \
    }

static void value(wr_sink *s, weir_dtype type, const char *at)
{
    switch (type) {
        INTEGER(I8, int8_t)
        INTEGER(I16, int16_t)
        INTEGER(I32, int32_t)
        INTEGER(I64, int64_t)
        INTEGER(U8, uint8_t)
        INTEGER(U16, uint16_t)
        INTEGER(U32, uint32_t)
        INTEGER(BOOL, uint8_t)
        REAL(F32, float, (double)v)
        REAL(F64, double, v)
        REAL(F16, uint16_t, wr_half_value(v))
        REAL(BF16, uint16_t, wr_bf16_value(v))
    case WEIR_U64: {
        LOAD(uint64_t, at);
        unsigned_value(s, v);
        break;
    }
    case WEIR_STRING: {
        LOAD(weir_str, at);
        bulk(s, v);
        break;
    }
    case WEIR_DTYPE_COUNT:
        break;
    }
}

static void values(wr_sink *s, const weir_tensor *t)
{
    size_t n = weir_tensor_count(t), bytes = weir_dtype_bytes(t->dtype);
    const char *at = t->data;
    s->ops->array(s, n);
    for (size_t i = 0; i < n; i++, at += bytes)
        value(s, t->dtype, at);
}

static void meta(wr_sink *s, const weir_tensor *t)
{
    wr_sink_text(s, "dtype");
    wr_sink_text(s, weir_dtype_name(t->dtype));
    wr_sink_text(s, "shape");
    s->ops->array(s, (size_t)t->rank);
    for (int i = 0; i < t->rank; i++)
        s->ops->integer(s, t->shape[i]);
}

void wr_ai_reply_tensor(wr_sink *s, weir_buffer *b, unsigned show)
{
    weir_error err;
    weir_buffer *packed = NULL;
    wr_text strings = {0};
    weir_tensor t = weir_buffer_view(b);
    weir_status st = WEIR_OK;
    bool has_meta = (show & WR_AI_META) != 0;
    bool has_blob = (show & WR_AI_BLOB) != 0;
    bool has_values = !has_blob && (show & WR_AI_VALUES) != 0;
    /* Nothing goes out before all that can fail is done. */
    if ((has_blob || has_values) && !weir_tensor_is_contiguous(&t)) {
        st = weir_buffer_from(&packed, &t, &err);
        if (st != WEIR_OK)
            goto out;
        t = weir_buffer_view(packed);
    }
    if (has_blob && t.dtype == WEIR_STRING)
        st = wr_wire_strings_add(&strings, &t, &err);
    if (st != WEIR_OK)
        goto out;
    if (has_meta) {
        s->ops->array(s, has_blob || has_values ? 6 : 4);
        meta(s, &t);
    }
    if (has_meta && (has_blob || has_values))
        wr_sink_text(s, has_blob ? "blob" : "values");
    if (has_blob && t.dtype == WEIR_STRING)
        s->ops->bulk(s, strings.p == NULL ? "" : strings.p, strings.n);
    else if (has_blob)
        s->ops->payload(s, packed != NULL ? packed : b, t.data, weir_tensor_bytes(&t));
    else if (has_values)
        values(s, &t);
out:
    if (st != WEIR_OK)
        wr_ai_reply_failure(s, WR_AI_ON_TENSOR, st, &err);
    wr_text_fini(&strings);
    weir_buffer_unref(packed);
}

/* ---- models and scripts ---- */

/* One bulk below the chunk size, else an array of chunks, the last one shorter. */
static void chunks(wr_sink *s, const wr_ai_model_view *v)
{
    weir_tensor t = weir_buffer_view(v->bytes);
    const char *at = t.data;
    size_t left = weir_tensor_bytes(&t), chunk = (size_t)v->chunk_size;
    if (left < chunk) {
        s->ops->payload(s, v->bytes, at, left);
        return;
    }
    s->ops->array(s, left / chunk + (left % chunk != 0));
    while (left > 0) {
        size_t n = left < chunk ? left : chunk;
        s->ops->payload(s, v->bytes, at, n);
        at += n;
        left -= n;
    }
}

void wr_ai_reply_model(wr_sink *s, const wr_ai_model_view *v, unsigned show)
{
    if ((show & WR_AI_META) == 0) {
        chunks(s, v);
        return;
    }
    s->ops->array(s, (show & WR_AI_BLOB) != 0 ? 18 : 16);
    wr_sink_text(s, "backend");
    wr_sink_text(s, v->backend_word);
    wr_sink_text(s, "device");
    bulk(s, v->device_word);
    wr_sink_text(s, "tag");
    bulk(s, v->tag);
    integer(s, "batchsize", v->batch_max);
    integer(s, "minbatchsize", v->batch_min);
    names(s, "inputs", v->in, v->n_in);
    names(s, "outputs", v->out, v->n_out);
    integer(s, "minbatchtimeout", v->batch_wait_ms);
    if ((show & WR_AI_BLOB) != 0) {
        wr_sink_text(s, "blob");
        chunks(s, v);
    }
}

static void source(wr_sink *s, const wr_ai_model_view *v)
{
    weir_tensor t = weir_buffer_view(v->bytes);
    s->ops->payload(s, v->bytes, t.data, weir_tensor_bytes(&t));
}

void wr_ai_reply_script(wr_sink *s, const wr_ai_model_view *v, unsigned show)
{
    if ((show & WR_AI_META) == 0) {
        source(s, v);
        return;
    }
    s->ops->array(s, (show & WR_AI_BLOB) != 0 ? 8 : 6);
    wr_sink_text(s, "device");
    bulk(s, v->device_word);
    wr_sink_text(s, "tag");
    bulk(s, v->tag);
    names(s, "Entry Points", v->in, v->n_in);
    if ((show & WR_AI_BLOB) != 0) {
        wr_sink_text(s, "source");
        source(s, v);
    }
}

/* ---- statistics, scans, settings ---- */

static int64_t clamped(uint64_t v)
{
    return v > INT64_MAX ? INT64_MAX : (int64_t)v;
}

void wr_ai_reply_info(wr_sink *s, const wr_ai_info_view *v)
{
    s->ops->array(s, 18);
    wr_sink_text(s, "key");
    bulk(s, v->key);
    wr_sink_text(s, "type");
    wr_sink_text(s, v->is_script ? "SCRIPT" : "MODEL");
    wr_sink_text(s, "backend");
    wr_sink_text(s, v->backend_word);
    wr_sink_text(s, "device");
    bulk(s, v->device_word);
    wr_sink_text(s, "tag");
    bulk(s, v->tag);
    integer(s, "duration", clamped(v->duration_us));
    integer(s, "samples", v->is_script ? -1 : clamped(v->n_samples));
    integer(s, "calls", clamped(v->n_calls));
    integer(s, "errors", clamped(v->n_errors));
}

void wr_ai_reply_scan(wr_sink *s, size_t n)
{
    s->ops->array(s, n);
}

void wr_ai_reply_scan_entry(wr_sink *s, weir_str key, weir_str tag)
{
    s->ops->array(s, 2);
    bulk(s, key);
    bulk(s, tag);
}

void wr_ai_reply_config(wr_sink *s, const wr_ai_config *c, weir_str backends_path,
                        int64_t chunk_size)
{
    if (c->kind == WR_AI_CONFIG_GET_BACKENDSPATH)
        bulk(s, backends_path);
    else if (c->kind == WR_AI_CONFIG_GET_CHUNK_SIZE)
        s->ops->integer(s, chunk_size);
    else if (c->kind == WR_AI_CONFIG_GET_OTHER)
        s->ops->null(s);
    else
        wr_ai_reply_ok(s);
}

/* ---- DAGs ---- */

void wr_ai_reply_dag(wr_sink *s, const wr_ai_dag *d, const wr_ai_outcome *outcome)
{
    s->ops->array(s, d->n_ops);
    for (size_t i = 0; i < d->n_ops; i++) {
        const wr_ai_outcome *o = &outcome[i];
        bool is_get = d->op[i].kind == WR_AI_OP_GET;
        if (o->kind == WR_AI_FAILED)
            s->ops->error(s, o->line);
        else if (o->kind == WR_AI_NOT_RUN || (is_get && o->value == NULL))
            s->ops->status(s, "NA");
        else if (is_get)
            wr_ai_reply_tensor(s, o->value, d->op[i].of.get.show);
        else
            wr_ai_reply_ok(s);
    }
}
