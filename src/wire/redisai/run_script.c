/* SPDX-License-Identifier: BSD-3-Clause */
/* AI.SCRIPTEXECUTE and AI.SCRIPTRUN, alone or as an op of a DAG. */
#include "base/alloc.h"
#include "wire/redisai/internal.h"

/* Key and function: what both forms begin with. */
static weir_status begin(wr_ai_run *out, wr_ai_at *a, wr_ai_look *look, weir_error *err)
{
    weir_status st = wr_ai_need(look, out->key, WR_AI_SCRIPT, WR_AI_TEXT_NO_SCRIPT, err);
    if (st != WEIR_OK)
        return st;
    if (!wr_ai_takes(a, &out->function) || out->function.n == 0)
        return wr_ai_refuse(err, TEXT_NO_FUNCTION);
    return WEIR_OK;
}

/* ---- AI.SCRIPTEXECUTE ---- */

typedef enum scope { KEYS, INPUTS, ARGS, OUTPUTS, N_SCOPES } scope;
static const struct {
    const char *word, *what;
} scopes[] = {
    {"KEYS", "keys"}, {"INPUTS", "inputs"}, {"ARGS", "args"}, {"OUTPUTS", "outputs"}};

static void put_scope(wr_ai_run *out, scope s, const weir_str *w, size_t n)
{
    const weir_str **at[] = {&out->keys, &out->in, &out->args, &out->out};
    size_t *count[] = {&out->n_keys, &out->n_in, &out->n_args, &out->n_out};
    *at[s] = w;
    *count[s] = n;
}

/* KEYS n key ..: names that the script will use itself. */
static weir_status take_keys(wr_ai_run *out, wr_ai_at *a, wr_ai_look *look,
                             weir_error *err)
{
    int64_t n;
    if (wr_ai_left(a) == 0)
        return wr_ai_refuse(err, "ERR Missing arguments after KEYS keyword");
    if (!wr_ai_takes_int(a, &n) || n <= 0)
        return wr_ai_refuse(err, "ERR Invalid or negative value found in number of KEYS");
    if (!wr_ai_takes_n(a, n, &out->keys, &out->n_keys))
        return wr_ai_refuse(err,
                            "ERR Number of pre declared KEYS to be used in the command "
                            "does not match the number of given arguments");
    for (size_t i = 0; i < out->n_keys; i++) {
        if (!wr_ai_is_local(look, out->keys[i]))
            return wr_ai_refuse(err,
                                "ERR Some of the KEYS specified in the command hash to "
                                "slots which aren't belong to the current shard");
    }
    return WEIR_OK;
}

static weir_status take_scope(wr_ai_run *out, wr_ai_at *a, scope s, wr_ai_look *look,
                              weir_error *err)
{
    const weir_str *w;
    size_t n_words;
    int64_t n;
    if (s == KEYS)
        return take_keys(out, a, look, err);
    if (wr_ai_left(a) == 0)
        return wr_ai_refuse(err, "ERR Invalid arguments provided to AI.SCRIPTEXECUTE");
    if (!wr_ai_takes_int(a, &n) || n < 0)
        return wr_ai_refuse(err, "ERR Invalid argument for %s count in AI.SCRIPTEXECUTE",
                            scopes[s].what);
    if (!wr_ai_takes_n(a, n, &w, &n_words))
        return wr_ai_refuse(err,
                            "ERR number of %s to AI.SCRIPTEXECUTE command does not match "
                            "the number of given arguments",
                            scopes[s].what);
    put_scope(out, s, w, n_words);
    return WEIR_OK;
}

/* The last thing: TIMEOUT ms. */
static weir_status take_timeout(wr_ai_run *out, wr_ai_at *a, bool in_dag, weir_error *err)
{
    if (in_dag)
        return wr_ai_refuse(err, TEXT_TIMEOUT_IN_DAG);
    weir_status st = wr_ai_take_limit(a, &out->limit_ms,
                                      TEXT_NO_TIMEOUT_VALUE " in AI.SCRIPTEXECUTE", err);
    if (st == WEIR_OK && wr_ai_left(a) > 0)
        return wr_ai_refuse(err, "ERR Encountered problem parsing AI.SCRIPTEXECUTE");
    return st;
}

static weir_status take_scopes(wr_ai_run *out, wr_ai_at *a, wr_ai_look *look, bool in_dag,
                               weir_error *err)
{
    bool seen[N_SCOPES] = {false};
    weir_status st = WEIR_OK;
    while (st == WEIR_OK && wr_ai_left(a) > 0) {
        size_t s = 0;
        if (wr_ai_eats(a, "TIMEOUT"))
            return take_timeout(out, a, in_dag, err);
        while (s < N_SCOPES && !wr_ai_sees(a, scopes[s].word))
            s++;
        if (s == N_SCOPES)
            return wr_ai_refuse(
                err, "ERR Invalid AI.SCRIPTEXECUTE command. Unexpected argument: %.*s",
                WR_AI_WORD(a->w[a->i]));
        if (seen[s])
            return wr_ai_refuse(
                err, "ERR Already Encountered %s scope in AI.SCRIPTEXECUTE command",
                scopes[s].word);
        seen[s] = true;
        a->i++;
        st = take_scope(out, a, (scope)s, look, err);
    }
    return st;
}

weir_status wr_ai_scriptexecute_words(wr_ai_run *out, wr_words words, wr_ai_look *look,
                                      bool in_dag, weir_error *err)
{
    *out = (wr_ai_run){0};
    weir_status st = WEIR_OK;
    if (!in_dag || words.n < 2)
        st = wr_ai_check_arity(WR_AI_SCRIPTEXECUTE, words, err);
    if (st != WEIR_OK)
        return st;
    wr_ai_at a = wr_ai_from(words, 2);
    out->key = words.w[1];
    st = begin(out, &a, look, err);
    if (st == WEIR_OK && !in_dag && !wr_ai_sees(&a, "KEYS") && !wr_ai_sees(&a, "INPUTS"))
        st = wr_ai_refuse(err, "ERR KEYS or INPUTS scope must be provided first for "
                               "AI.SCRIPTEXECUTE command");
    if (st == WEIR_OK)
        st = take_scopes(out, &a, look, in_dag, err);
    return wr_ai_end_run(out, st, look, in_dag, err);
}

weir_status wr_ai_parse_scriptexecute(wr_ai_run *out, wr_words words, wr_ai_look *look,
                                      weir_error *err)
{
    return wr_ai_scriptexecute_words(out, words, look, false, err);
}

/* ---- AI.SCRIPTRUN ---- */

/* Where the parser stands, and what it has passed. */
typedef struct state {
    bool in_inputs, in_outputs; /* the section that words belong to now */
    bool saw_timeout, saw_inputs, saw_outputs;
} state;

static weir_status run_timeout(wr_ai_run *out, state *s, wr_ai_at *a, bool in_dag,
                               weir_error *err)
{
    if (in_dag)
        return wr_ai_refuse(err, TEXT_TIMEOUT_IN_DAG);
    if (s->saw_timeout)
        return wr_ai_refuse(err,
                            "ERR Already encountered an TIMEOUT section in SCRIPTRUN");
    if (s->saw_inputs || s->saw_outputs)
        return wr_ai_refuse(err,
                            "ERR Already encountered an INPUTS section in SCRIPTRUN");
    s->saw_timeout = true;
    return wr_ai_take_limit(a, &out->limit_ms, TEXT_NO_TIMEOUT_VALUE, err);
}

/* A word that opens a section. */
static weir_status run_section(state *s, bool is_inputs, weir_error *err)
{
    if (is_inputs ? s->saw_inputs : s->saw_outputs)
        return wr_ai_refuse(err, "ERR Already encountered an %s keyword in SCRIPTRUN",
                            is_inputs ? "INPUTS" : "OUTPUTS");
    s->in_inputs = is_inputs;
    s->in_outputs = !is_inputs;
    s->saw_inputs = s->saw_inputs || is_inputs;
    s->saw_outputs = s->saw_outputs || !is_inputs;
    return WEIR_OK;
}

static weir_status run_list(wr_ai_run *out, const state *s, weir_error *err)
{
    if (!s->in_inputs)
        return wr_ai_refuse(err,
                            "ERR Encountered a variable size list of tensors outside "
                            "of input section");
    if (out->has_list)
        return wr_ai_refuse(err,
                            "ERR Already encountered a variable size list of tensors");
    out->has_list = true;
    out->i_list = out->n_in;
    return WEIR_OK;
}

/* A key of the section. Both sections lie whole in the words, but for the `$`. */
static weir_status run_key(wr_ai_run *out, const state *s, const weir_str *w,
                           weir_error *err)
{
    if (s->in_inputs) {
        if (out->n_in++ == 0)
            out->in = w;
    } else if (s->in_outputs) {
        if (out->n_out++ == 0)
            out->out = w;
    } else {
        return wr_ai_refuse(err, "ERR Unrecongnized parameter to SCRIPTRUN");
    }
    return WEIR_OK;
}

/* Inputs without the `$` that stands between them. */
static weir_status close_gap(wr_ai_run *out, weir_error *err)
{
    if (!out->has_list || out->i_list == 0 || out->i_list == out->n_in)
        return WEIR_OK; /* it stands before or behind them */
    out->memory = wr_calloc(out->n_in, sizeof *out->memory);
    if (out->memory == NULL)
        return wr_ai_refuse_as(err, WEIR_ERR_NOMEM, TEXT_NO_MEMORY);
    for (size_t i = 0; i < out->n_in; i++)
        out->memory[i] = out->in[i + (i >= out->i_list)];
    out->in = out->memory;
    return WEIR_OK;
}

static weir_status scriptrun(wr_ai_run *out, wr_ai_at *a, bool in_dag, weir_error *err)
{
    state s = {0};
    weir_status st = WEIR_OK;
    while (st == WEIR_OK && wr_ai_left(a) > 0) {
        bool is_inputs = wr_ai_sees(a, "INPUTS");
        if (wr_ai_eats(a, "TIMEOUT")) {
            st = run_timeout(out, &s, a, in_dag, err);
        } else if (is_inputs || wr_ai_sees(a, "OUTPUTS")) {
            a->i++;
            st = run_section(&s, is_inputs, err);
        } else if (wr_ai_eats(a, "$")) {
            st = run_list(out, &s, err);
        } else {
            st = run_key(out, &s, a->w + a->i++, err);
        }
    }
    return st == WEIR_OK ? close_gap(out, err) : st;
}

weir_status wr_ai_scriptrun_words(wr_ai_run *out, wr_words words, wr_ai_look *look,
                                  bool in_dag, weir_error *err)
{
    *out = (wr_ai_run){0};
    weir_status st = WEIR_OK;
    if (!in_dag || words.n < 2)
        st = wr_ai_check_arity(WR_AI_SCRIPTRUN, words, err);
    if (st != WEIR_OK)
        return st;
    wr_ai_at a = wr_ai_from(words, 2);
    out->key = words.w[1];
    st = begin(out, &a, look, err);
    if (st == WEIR_OK)
        st = scriptrun(out, &a, in_dag, err);
    return wr_ai_end_run(out, st, look, in_dag, err);
}

weir_status wr_ai_parse_scriptrun(wr_ai_run *out, wr_words words, wr_ai_look *look,
                                  weir_error *err)
{
    return wr_ai_scriptrun_words(out, words, look, false, err);
}
