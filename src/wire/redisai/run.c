/* SPDX-License-Identifier: BSD-3-Clause */
/* AI.MODELEXECUTE and AI.MODELRUN, alone or as an op of a DAG. */
#include "base/alloc.h"
#include "wire/redisai/internal.h"

void wr_ai_run_fini(wr_ai_run *r)
{
    wr_free(r->memory);
    *r = (wr_ai_run){0};
}

weir_status wr_ai_end_run(wr_ai_run *out, weir_status st, wr_ai_look *look, bool in_dag,
                          weir_error *err)
{
    if (st == WEIR_OK && !in_dag)
        st = wr_ai_need_tensors(look, out->in, out->n_in, err);
    if (st != WEIR_OK)
        wr_ai_run_fini(out);
    return st;
}

static weir_status check_count(size_t n, int model_has, const char *word, weir_error *err)
{
    if (model_has >= 0 && n != (size_t)model_has)
        return wr_ai_refuse(err, TEXT_COUNT_DIFFERS, word);
    return WEIR_OK;
}

/* WORD n key ..; `what` is "input" or "output", `What` the same. */
static weir_status counted_keys(wr_ai_at *a, const char *word, const char *what,
                                const char *What, int model_has, const weir_str **keys,
                                size_t *n_keys, weir_error *err)
{
    int64_t n;
    if (!wr_ai_eats(a, word))
        return wr_ai_refuse(err, "ERR %s not specified", word);
    if (!wr_ai_takes_int(a, &n))
        return wr_ai_refuse(err, "ERR Invalid argument for %s_count", what);
    if (n <= 0)
        return wr_ai_refuse(err, "ERR %s count must be a positive integer", What);
    weir_status st = check_count((size_t)n, model_has, word, err);
    if (st != WEIR_OK)
        return st;
    if (!wr_ai_takes_n(a, n, keys, n_keys))
        return wr_ai_refuse(err,
                            "ERR number of %s keys to AI.MODELEXECUTE command does not "
                            "match the number of given arguments",
                            what);
    return WEIR_OK;
}

static weir_status execute(wr_ai_run *out, wr_words words, wr_ai_look *look, bool in_dag,
                           weir_error *err)
{
    wr_ai_at a = wr_ai_from(words, 2);
    int n_in = -1, n_out = -1;
    weir_status st = wr_ai_need(look, out->key, WR_AI_MODEL, WR_AI_TEXT_NO_MODEL, err);
    if (st != WEIR_OK)
        return st;
    look->counts(look, out->key, &n_in, &n_out);
    st = counted_keys(&a, "INPUTS", "input", "Input", n_in, &out->in, &out->n_in, err);
    if (st == WEIR_OK)
        st = counted_keys(&a, "OUTPUTS", "output", "Output", n_out, &out->out,
                          &out->n_out, err);
    if (st != WEIR_OK)
        return st;
    if (wr_ai_eats(&a, "TIMEOUT")) {
        if (in_dag)
            return wr_ai_refuse(err, TEXT_TIMEOUT_IN_DAG);
        st = wr_ai_take_limit(&a, &out->limit_ms, TEXT_NO_TIMEOUT_VALUE, err);
    }
    if (st == WEIR_OK && wr_ai_left(&a) > 0)
        return wr_ai_refuse(err, "Invalid argument: %.*s", WR_AI_WORD(a.w[a.i]));
    return st;
}

weir_status wr_ai_modelexecute_words(wr_ai_run *out, wr_words words, wr_ai_look *look,
                                     bool in_dag, weir_error *err)
{
    *out = (wr_ai_run){0};
    weir_status st = wr_ai_check_arity(WR_AI_MODELEXECUTE, words, err);
    if (st != WEIR_OK)
        return st;
    out->key = words.w[1];
    st = execute(out, words, look, in_dag, err);
    return wr_ai_end_run(out, st, look, in_dag, err);
}

weir_status wr_ai_parse_modelexecute(wr_ai_run *out, wr_words words, wr_ai_look *look,
                                     weir_error *err)
{
    return wr_ai_modelexecute_words(out, words, look, false, err);
}

/* ---- AI.MODELRUN ---- */

static weir_status modelrun(wr_ai_run *out, wr_words words, wr_ai_look *look, bool in_dag,
                            weir_error *err)
{
    wr_ai_at a = wr_ai_from(words, 2);
    int n_in = -1, n_out = -1;
    weir_status st = wr_ai_need(look, out->key, WR_AI_MODEL, WR_AI_TEXT_NO_MODEL, err);
    if (st != WEIR_OK)
        return st;
    look->counts(look, out->key, &n_in, &n_out);
    if (wr_ai_eats(&a, "TIMEOUT")) {
        if (in_dag)
            return wr_ai_refuse(err, TEXT_TIMEOUT_IN_DAG);
        st = wr_ai_take_limit(&a, &out->limit_ms, TEXT_NO_TIMEOUT_VALUE, err);
        if (st != WEIR_OK)
            return st;
    }
    if (!wr_ai_eats(&a, "INPUTS"))
        return wr_ai_refuse(err, TEXT_NO_INPUTS);
    out->in = a.w + a.i;
    while (wr_ai_left(&a) > 0 && !wr_ai_sees(&a, "OUTPUTS"))
        a.i++;
    out->n_in = (size_t)(a.w + a.i - out->in);
    if (!wr_ai_eats(&a, "OUTPUTS"))
        return wr_ai_refuse(err, TEXT_NO_OUTPUTS);
    out->out = a.w + a.i;
    out->n_out = wr_ai_left(&a);
    st = check_count(out->n_in, n_in, "INPUTS", err);
    return st == WEIR_OK ? check_count(out->n_out, n_out, "OUTPUTS", err) : st;
}

weir_status wr_ai_modelrun_words(wr_ai_run *out, wr_words words, wr_ai_look *look,
                                 bool in_dag, weir_error *err)
{
    *out = (wr_ai_run){0};
    weir_status st = wr_ai_check_arity(WR_AI_MODELRUN, words, err);
    if (st != WEIR_OK)
        return st;
    out->key = words.w[1];
    st = modelrun(out, words, look, in_dag, err);
    return wr_ai_end_run(out, st, look, in_dag, err);
}

weir_status wr_ai_parse_modelrun(wr_ai_run *out, wr_words words, wr_ai_look *look,
                                 weir_error *err)
{
    return wr_ai_modelrun_words(out, words, look, false, err);
}
