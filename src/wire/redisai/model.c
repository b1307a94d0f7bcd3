/* SPDX-License-Identifier: BSD-3-Clause */
/* AI.MODELSTORE, AI.MODELSET, AI.MODELGET, AI.MODELDEL, AI._MODELSCAN. */
#include "base/alloc.h"
#include "wire/redisai/internal.h"

static bool is_tensorflow(const wr_ai_store *s)
{
    return strcmp(s->backend_word, "TF") == 0;
}

/* ---- what both forms have ---- */

static weir_status begin(wr_ai_store *out, wr_ai_at *a, wr_words words, weir_error *err)
{
    *out = (wr_ai_store){.key = words.w[1]};
    out->options.struct_bytes = sizeof out->options;
    const char *name = wr_ai_backend(words.w[2], &out->backend_word);
    if (name == NULL)
        return wr_ai_refuse(err, TEXT_BAD_BACKEND);
    out->options.backend = weir_cstr(name);
    if (!wr_ai_device(words.w[3], &out->options.device))
        return wr_ai_refuse(err, TEXT_BAD_DEVICE);
    out->device_word = words.w[3];
    *a = wr_ai_from(words, 4);
    return WEIR_OK;
}

/* NAME number, if NAME comes next. */
static weir_status number(wr_ai_at *a, const char *name, int64_t *out, weir_error *err)
{
    if (wr_ai_eats(a, name) && (!wr_ai_takes_int(a, out) || *out < 0))
        return wr_ai_refuse(err, "ERR Invalid argument for %s", name);
    return WEIR_OK;
}

/* [TAG t] [BATCHSIZE n] [MINBATCHSIZE m] [MINBATCHTIMEOUT t], in this order. */
static weir_status tag_and_batch(wr_ai_store *out, wr_ai_at *a, bool is_old,
                                 weir_error *err)
{
    weir_model_options *o = &out->options;
    if (wr_ai_eats(a, "TAG") && !wr_ai_takes(a, &o->tag))
        return wr_ai_refuse(err, TEXT_NO_BLOB);
    weir_status st = number(a, "BATCHSIZE", &o->batch_max, err);
    if (st != WEIR_OK)
        return st;
    if (is_old && o->batch_max > 0 && strcmp(out->backend_word, "TFLITE") == 0)
        return wr_ai_refuse(err, "ERR Auto-batching not supported by the TFLITE backend");
    st = number(a, "MINBATCHSIZE", &o->batch_min, err);
    if (st != WEIR_OK)
        return st;
    if (o->batch_min > 0 && o->batch_max == 0)
        return wr_ai_refuse(err, TEXT_BATCH_MIN_ALONE);
    st = number(a, "MINBATCHTIMEOUT", &o->batch_wait_ms, err);
    if (st != WEIR_OK)
        return st;
    if (is_old && o->batch_wait_ms > 0 && o->batch_max == 0)
        return wr_ai_refuse(err, "ERR MINBATCHTIMEOUT specified without BATCHSIZE");
    if (o->batch_wait_ms > 0 && o->batch_min == 0)
        return wr_ai_refuse(err, TEXT_WAIT_ALONE);
    return WEIR_OK;
}

/* BLOB chunk .. to the end. */
static weir_status chunks(wr_ai_store *out, wr_ai_at *a, weir_error *err)
{
    if (wr_ai_left(a) > 0 && !wr_ai_eats(a, "BLOB"))
        return wr_ai_refuse(err, "ERR Invalid argument, expected BLOB");
    if (wr_ai_left(a) == 0)
        return wr_ai_refuse(err, TEXT_NO_BLOB);
    out->chunk = a->w + a->i;
    out->n_chunks = wr_ai_left(a);
    for (size_t i = 0; i < out->n_chunks; i++) {
        if (!wr_add(out->n_bytes, out->chunk[i].n, &out->n_bytes))
            return wr_ai_refuse_as(err, WEIR_ERR_NOMEM, TEXT_NO_MEMORY);
    }
    return WEIR_OK;
}

static weir_status names_fit(size_t n, const char *what, weir_error *err)
{
    if (n > WEIR_IO_MAX)
        return wr_ai_refuse(err, "ERR model has more than %d %s", WEIR_IO_MAX, what);
    return WEIR_OK;
}

weir_status wr_ai_store_bytes(const wr_ai_store *s, weir_buffer **out, weir_error *err)
{
    if (s->n_bytes > INT64_MAX)
        return wr_ai_refuse_as(err, WEIR_ERR_NOMEM, TEXT_NO_MEMORY);
    int64_t n = (int64_t)s->n_bytes;
    weir_status st = weir_buffer_new(out, WEIR_U8, 1, &n, NULL);
    if (st != WEIR_OK)
        return wr_ai_refuse_as(err, st, TEXT_NO_MEMORY);
    char *at = weir_buffer_view(*out).data;
    for (size_t i = 0; i < s->n_chunks; i++) {
        if (s->chunk[i].n > 0)
            memcpy(at, s->chunk[i].p, s->chunk[i].n);
        at += s->chunk[i].n;
    }
    return WEIR_OK;
}

/* ---- AI.MODELSTORE ---- */

/* WORD n name .. of a TensorFlow model. `what` is "input" or "output". */
static weir_status counted_names(wr_ai_at *a, const char *word, const char *what,
                                 const weir_str **names, int *n_names, weir_error *err)
{
    int64_t count;
    size_t n = 0;
    if (!wr_ai_eats(a, word))
        return wr_ai_refuse(err, "ERR %s not specified for TF", word);
    if (!wr_ai_takes_int(a, &count) || count <= 0)
        return wr_ai_refuse(err, "ERR Invalid argument for %s_count", what);
    if (!wr_ai_takes_n(a, count, names, &n))
        return wr_ai_refuse(err,
                            "ERR number of model %ss does not match the number of "
                            "given arguments",
                            what);
    *n_names = n > WEIR_IO_MAX ? 0 : (int)n;
    return names_fit(n, strcmp(what, "input") == 0 ? "inputs" : "outputs", err);
}

static weir_status store_names(wr_ai_store *out, wr_ai_at *a, weir_error *err)
{
    weir_model_options *o = &out->options;
    if (!is_tensorflow(out)) {
        if (wr_ai_sees(a, "INPUTS"))
            return wr_ai_refuse(
                err, "ERR INPUTS argument should not be specified for this backend");
        return WEIR_OK;
    }
    weir_status st = counted_names(a, "INPUTS", "input", &o->inputs, &o->n_inputs, err);
    if (st == WEIR_OK)
        st = counted_names(a, "OUTPUTS", "output", &o->outputs, &o->n_outputs, err);
    return st;
}

static weir_status modelstore_words(wr_ai_store *out, wr_words words, weir_error *err)
{
    wr_ai_at a;
    weir_status st = begin(out, &a, words, err);
    if (st == WEIR_OK)
        st = tag_and_batch(out, &a, false, err);
    if (st != WEIR_OK)
        return st;
    if (wr_ai_left(&a) == 0)
        return wr_ai_refuse(err, TEXT_NO_BLOB);
    st = store_names(out, &a, err);
    return st == WEIR_OK ? chunks(out, &a, err) : st;
}

/* A parsed store; the key is looked at last, but before the model is loaded. */
static weir_status finish(wr_ai_store *out, weir_status st, wr_ai_look *look,
                          weir_error *err)
{
    if (st == WEIR_OK)
        st = wr_ai_need_free(look, out->key, WR_AI_MODEL, err);
    if (st != WEIR_OK)
        *out = (wr_ai_store){0};
    return st;
}

weir_status wr_ai_parse_modelstore(wr_ai_store *out, wr_words words, wr_ai_look *look,
                                   weir_error *err)
{
    *out = (wr_ai_store){0};
    weir_status st = wr_ai_check_arity(WR_AI_MODELSTORE, words, err);
    if (st == WEIR_OK)
        st = modelstore_words(out, words, err);
    return finish(out, st, look, err);
}

/* ---- AI.MODELSET ---- */

/* Names up to the word `end`, or to the last word. */
static void names_until(wr_ai_at *a, const char *end, const weir_str **names, size_t *n)
{
    *names = a->w + a->i;
    size_t begin_at = a->i;
    while (wr_ai_left(a) > 0 && !wr_ai_sees(a, end))
        a->i++;
    *n = a->i - begin_at;
}

static weir_status set_names(wr_ai_store *out, wr_ai_at *a, weir_error *err)
{
    weir_model_options *o = &out->options;
    size_t n_in, n_out;
    if (wr_ai_left(a) == 0)
        return wr_ai_refuse(
            err, "ERR Insufficient arguments, INPUTS and OUTPUTS not specified");
    if (!wr_ai_eats(a, "INPUTS"))
        return wr_ai_refuse(err, TEXT_NO_INPUTS);
    names_until(a, "OUTPUTS", &o->inputs, &n_in);
    if (!wr_ai_eats(a, "OUTPUTS"))
        return wr_ai_refuse(err, TEXT_NO_OUTPUTS);
    names_until(a, "BLOB", &o->outputs, &n_out);
    weir_status st = names_fit(n_in, "inputs", err);
    if (st == WEIR_OK)
        st = names_fit(n_out, "outputs", err);
    if (st != WEIR_OK)
        return st;
    if (n_in == 0)
        return wr_ai_refuse(err, TEXT_NO_INPUTS);
    if (n_out == 0)
        return wr_ai_refuse(err, TEXT_NO_OUTPUTS);
    o->n_inputs = (int)n_in;
    o->n_outputs = (int)n_out;
    return WEIR_OK;
}

static weir_status modelset_words(wr_ai_store *out, wr_words words, weir_error *err)
{
    wr_ai_at a;
    weir_status st = begin(out, &a, words, err);
    if (st == WEIR_OK)
        st = tag_and_batch(out, &a, true, err);
    if (st == WEIR_OK)
        st = is_tensorflow(out) ? set_names(out, &a, err) : store_names(out, &a, err);
    return st == WEIR_OK ? chunks(out, &a, err) : st;
}

weir_status wr_ai_parse_modelset(wr_ai_store *out, wr_words words, wr_ai_look *look,
                                 weir_error *err)
{
    *out = (wr_ai_store){0};
    weir_status st = wr_ai_check_arity(WR_AI_MODELSET, words, err);
    if (st == WEIR_OK)
        st = modelset_words(out, words, err);
    return finish(out, st, look, err);
}

/* ---- AI.MODELGET, AI.MODELDEL, scans ---- */

weir_status wr_ai_parse_modelget(wr_ai_get *out, wr_words words, wr_ai_look *look,
                                 weir_error *err)
{
    *out = (wr_ai_get){0};
    weir_status st = wr_ai_check_arity(WR_AI_MODELGET, words, err);
    if (st == WEIR_OK)
        st = wr_ai_need(look, words.w[1], WR_AI_MODEL, WR_AI_TEXT_NO_MODEL, err);
    if (st != WEIR_OK)
        return st;
    unsigned show = 0;
    for (wr_ai_at a = wr_ai_from(words, 2); wr_ai_left(&a) > 0; a.i++) {
        show |= wr_ai_sees(&a, "META") ? WR_AI_META : 0;
        show |= wr_ai_sees(&a, "BLOB") ? WR_AI_BLOB : 0;
    }
    *out = (wr_ai_get){words.w[1], show == 0 ? WR_AI_META | WR_AI_BLOB : show};
    return WEIR_OK;
}

weir_status wr_ai_parse_modeldel(wr_ai_get *out, wr_words words, wr_ai_look *look,
                                 weir_error *err)
{
    *out = (wr_ai_get){0};
    weir_status st = wr_ai_check_arity(WR_AI_MODELDEL, words, err);
    if (st == WEIR_OK)
        st = wr_ai_need(look, words.w[1], WR_AI_MODEL, WR_AI_TEXT_NO_MODEL, err);
    if (st == WEIR_OK)
        out->key = words.w[1];
    return st;
}

weir_status wr_ai_parse_scan(wr_words words, weir_error *err)
{
    if (words.n == 1)
        return WEIR_OK;
    bool is_script = words.n > 0 && wr_ai_command_of(words.w[0]) == WR_AI_SCRIPTSCAN;
    return wr_ai_refuse_arity(is_script ? WR_AI_SCRIPTSCAN : WR_AI_MODELSCAN, err);
}
