/* SPDX-License-Identifier: BSD-3-Clause */
/* AI.DAGEXECUTE, AI.DAGRUN and their _RO: the words before the first |>, and the ops. */
#include "base/alloc.h"
#include "wire/redisai/internal.h"

static const char pipe_word[] = "|>";

void wr_ai_dag_fini(wr_ai_dag *d)
{
    for (size_t i = 0; i < d->n_ops; i++) {
        if (d->op[i].kind == WR_AI_OP_SET)
            wr_ai_tensorset_fini(&d->op[i].of.set);
        else if (d->op[i].kind == WR_AI_OP_RUN)
            wr_ai_run_fini(&d->op[i].of.run);
    }
    wr_free(d->op);
    wr_free(d->slot);
    wr_free(d->memory);
    *d = (wr_ai_dag){0};
}

/* ---- the words before the ops ---- */

/* Behind LOAD or PERSIST: n key .. */
static weir_status counted(wr_ai_at *a, const char *word, const weir_str **keys,
                           size_t *n, weir_error *err)
{
    int64_t count;
    bool is_load = strcmp(word, "LOAD") == 0;
    if (wr_ai_left(a) == 0)
        return wr_ai_refuse(err, "ERR missing arguments after %s keyword in DAG command",
                            word);
    if (!wr_ai_takes_int(a, &count) || count <= 0)
        return wr_ai_refuse(
            err, "ERR invalid or negative value found in number of keys to %s", word);
    if (!wr_ai_takes_n(a, count, keys, n))
        return wr_ai_refuse(
            err,
            "ERR number of keys to %s %s does not match the number of given arguments",
            word, is_load ? "into DAG" : "after DAG execution");
    return WEIR_OK;
}

static weir_status load(wr_ai_dag *d, wr_ai_at *a, wr_ai_look *look, weir_error *err)
{
    weir_status st = counted(a, "LOAD", &d->load, &d->n_load, err);
    return st == WEIR_OK ? wr_ai_need_tensors(look, d->load, d->n_load, err) : st;
}

static weir_status persist(wr_ai_dag *d, wr_ai_at *a, wr_ai_look *look, weir_error *err)
{
    if (d->read_only)
        return wr_ai_refuse(err, "ERR PERSIST cannot be specified in a read-only DAG");
    weir_status st = counted(a, "PERSIST", &d->persist, &d->n_persist, err);
    for (size_t i = 0; i < d->n_persist && st == WEIR_OK; i++) {
        if (!wr_ai_is_local(look, d->persist[i]))
            st = wr_ai_refuse(err, "ERR Found keys to persist in DAG command that don't "
                                   "hash to the local shard");
    }
    return st;
}

static weir_status routing(wr_ai_dag *d, wr_ai_at *a, wr_ai_look *look, weir_error *err)
{
    if (!wr_ai_takes(a, &d->routing))
        return wr_ai_refuse(err, "ERR Missing ROUTING value");
    d->has_routing = true;
    if (!wr_ai_is_local(look, d->routing))
        return wr_ai_refuse(err,
                            "ERR ROUTING value specified in the command hash to slot "
                            "which does not belong to the current shard");
    return WEIR_OK;
}

/* `a` ends before the first |>. Each word once. */
static weir_status prefix(wr_ai_dag *d, wr_ai_at *a, wr_ai_look *look, weir_error *err)
{
    weir_status st = WEIR_OK;
    while (st == WEIR_OK && wr_ai_left(a) > 0) {
        if (d->n_load == 0 && wr_ai_eats(a, "LOAD"))
            st = load(d, a, look, err);
        else if (d->n_persist == 0 && wr_ai_eats(a, "PERSIST"))
            st = persist(d, a, look, err);
        else if (!d->has_routing && wr_ai_eats(a, "ROUTING"))
            st = routing(d, a, look, err);
        else if (d->limit_ms == 0 && wr_ai_eats(a, "TIMEOUT"))
            st = wr_ai_take_limit(a, &d->limit_ms, TEXT_NO_TIMEOUT_VALUE, err);
        else
            st = wr_ai_refuse(err, "ERR Invalid DAG command. Unexpected argument:  %.*s",
                              WR_AI_WORD(a->w[a->i]));
    }
    return st;
}

/* ---- ops ---- */

/* May this command be an op of that DAG? */
static weir_status check_op(wr_ai_command op, bool is_old, bool read_only,
                            weir_error *err)
{
    switch (op) {
    case WR_AI_TENSORSET:
    case WR_AI_TENSORGET:
        return WEIR_OK;
    case WR_AI_MODELRUN:
    case WR_AI_SCRIPTRUN:
        if (!is_old)
            return wr_ai_refuse(
                err, "Deprecated AI.%s cannot be used in AI.DAGEXECUTE command",
                op == WR_AI_MODELRUN ? "MODELRUN" : "SCRIPTRUN");
        return WEIR_OK;
    case WR_AI_MODELEXECUTE:
    case WR_AI_SCRIPTEXECUTE:
        if (is_old)
            return wr_ai_refuse(
                err, "AI.%s cannot be used in a deprecated AI.DAGRUN command",
                op == WR_AI_MODELEXECUTE ? "MODELEXECUTE" : "SCRIPTEXECUTE");
        if (read_only && op == WR_AI_SCRIPTEXECUTE)
            return wr_ai_refuse(err,
                                "ERR AI.SCRIPTEXECUTE command cannot be specified in "
                                "a read-only DAG");
        return WEIR_OK;
    default:
        return wr_ai_refuse(err, "Unsupported command within DAG");
    }
}

/* The words of one op; `out` is all zero, and stays so on failure. */
static weir_status parse_op(wr_ai_op *out, wr_ai_command c, wr_words words,
                            wr_ai_look *look, weir_error *err)
{
    weir_status st;
    switch (c) {
    case WR_AI_TENSORSET:
    case WR_AI_TENSORGET:
        st = wr_ai_check_arity(c, words, err);
        out->kind = c == WR_AI_TENSORSET ? WR_AI_OP_SET : WR_AI_OP_GET;
        if (st == WEIR_OK)
            st = c == WR_AI_TENSORSET
                     ? wr_ai_tensorset_words(&out->of.set, words, look, err)
                     : wr_ai_tensorget_words(&out->of.get, words, err);
        return st;
    case WR_AI_MODELEXECUTE:
        st = wr_ai_modelexecute_words(&out->of.run, words, look, true, err);
        break;
    case WR_AI_MODELRUN:
        st = wr_ai_modelrun_words(&out->of.run, words, look, true, err);
        break;
    case WR_AI_SCRIPTEXECUTE:
        st = wr_ai_scriptexecute_words(&out->of.run, words, look, true, err);
        break;
    default:
        st = wr_ai_scriptrun_words(&out->of.run, words, look, true, err);
    }
    out->kind = WR_AI_OP_RUN;
    return st;
}

/* Where the op that begins at i ends: at the next |> that is not the bytes of a BLOB. */
static size_t end_of_op(wr_words words, size_t i)
{
    enum { FIRST_OPTION = 3 }; /* of AI.TENSORSET key type */
    bool is_set = i < words.n && wr_ai_command_of(words.w[i]) == WR_AI_TENSORSET;
    for (size_t k = i; k < words.n; k++) {
        if (is_set && k >= i + FIRST_OPTION && wr_word_is(words.w[k], "BLOB"))
            k++;
        else if (wr_word_is(words.w[k], pipe_word))
            return k;
    }
    return words.n;
}

static bool make_room(wr_ai_dag *d, size_t *room)
{
    if (d->n_ops < *room)
        return true;
    size_t more = *room == 0 ? 4 : *room * 2, bytes;
    if (!wr_mul(more, sizeof *d->op, &bytes))
        return false;
    wr_ai_op *op = wr_realloc(d->op, bytes);
    if (op == NULL)
        return false;
    d->op = op;
    *room = more;
    return true;
}

/* From the first |> on. */
static weir_status parse_ops(wr_ai_dag *d, wr_words words, size_t i, bool is_old,
                             wr_ai_look *look, weir_error *err)
{
    size_t room = 0;
    weir_status st = WEIR_OK;
    while (i < words.n && st == WEIR_OK) {
        size_t begin = i + 1, end = end_of_op(words, begin);
        wr_words op = {words.w + begin, end - begin};
        if (begin == words.n && d->n_ops == 0)
            break; /* it is empty */
        wr_ai_command c = op.n == 0 ? WR_AI_COMMAND_COUNT : wr_ai_command_of(op.w[0]);
        st = check_op(c, is_old, d->read_only, err);
        if (st == WEIR_OK && !make_room(d, &room))
            st = wr_ai_refuse_as(err, WEIR_ERR_NOMEM, TEXT_NO_MEMORY);
        if (st != WEIR_OK)
            break;
        wr_ai_op *o = &d->op[d->n_ops];
        *o = (wr_ai_op){0};
        st = parse_op(o, c, op, look, err);
        if (st == WEIR_OK) {
            d->n_ops++;
            if (o->kind == WR_AI_OP_SET && o->of.set.i_blob > 0)
                o->of.set.i_blob += begin; /* among all words */
        }
        i = end;
    }
    if (st == WEIR_OK && d->n_ops == 0)
        return wr_ai_refuse(err, "ERR DAG is empty");
    return st;
}

/* ---- the whole ---- */

static weir_status parse(wr_ai_dag *d, wr_words words, bool is_old, wr_ai_look *look,
                         weir_error *err)
{
    size_t i = 1;
    while (i < words.n && !wr_word_is(words.w[i], pipe_word))
        i++;
    wr_ai_at a = {words.w, i, 1};
    weir_status st = prefix(d, &a, look, err);
    if (st != WEIR_OK)
        return st;
    if (!is_old && d->n_load == 0 && d->n_persist == 0 && !d->has_routing)
        return wr_ai_refuse(err, "ERR AI.DAGEXECUTE and AI.DAGEXECUTE_RO commands must "
                                 "contain at least one out of ROUTING, LOAD, PERSIST "
                                 "keywords");
    st = parse_ops(d, words, i, is_old, look, err);
    return st == WEIR_OK ? wr_ai_dag_resolve(d, err) : st;
}

weir_status wr_ai_parse_dag(wr_ai_dag *out, wr_words words, wr_ai_look *look,
                            weir_error *err)
{
    *out = (wr_ai_dag){0};
    wr_ai_command c = words.n == 0 ? WR_AI_COMMAND_COUNT : wr_ai_command_of(words.w[0]);
    if (c != WR_AI_DAGEXECUTE && c != WR_AI_DAGEXECUTE_RO && c != WR_AI_DAGRUN &&
        c != WR_AI_DAGRUN_RO)
        return wr_ai_refuse(err, "ERR not a DAG command");
    weir_status st = wr_ai_check_arity(c, words, err);
    if (st != WEIR_OK)
        return st;
    out->read_only = c == WR_AI_DAGEXECUTE_RO || c == WR_AI_DAGRUN_RO;
    st = parse(out, words, c == WR_AI_DAGRUN || c == WR_AI_DAGRUN_RO, look, err);
    if (st != WEIR_OK)
        wr_ai_dag_fini(out);
    return st;
}
