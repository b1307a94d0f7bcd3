/* SPDX-License-Identifier: BSD-3-Clause */
/* AI.SCRIPTSTORE, AI.SCRIPTSET, AI.SCRIPTGET, AI.SCRIPTDEL. */
#include "wire/redisai/internal.h"

static weir_status begin(wr_ai_store *out, wr_ai_at *a, wr_words words, weir_error *err)
{
    *out = (wr_ai_store){.key = words.w[1], .is_script = true, .device_word = words.w[2]};
    out->options.struct_bytes = sizeof out->options;
    out->options.backend =
        weir_cstr(wr_ai_backend(WEIR_STR("TORCH"), &out->backend_word));
    if (!wr_ai_device(words.w[2], &out->options.device))
        return wr_ai_refuse(err, TEXT_BAD_DEVICE);
    *a = wr_ai_from(words, 3);
    if (wr_ai_eats(a, "TAG") && !wr_ai_takes(a, &out->options.tag))
        return wr_ai_refuse(err, TEXT_NO_SOURCE);
    return WEIR_OK;
}

/* SOURCE text, and nothing behind it. */
static weir_status source(wr_ai_store *out, wr_ai_at *a, wr_ai_command c, weir_error *err)
{
    if (!wr_ai_eats(a, "SOURCE") || wr_ai_left(a) == 0)
        return wr_ai_refuse(err, TEXT_NO_SOURCE);
    out->chunk = a->w + a->i++;
    out->n_chunks = 1;
    out->n_bytes = out->chunk->n;
    return wr_ai_left(a) == 0 ? WEIR_OK : wr_ai_refuse_arity(c, err);
}

static weir_status entry_points(wr_ai_store *out, wr_ai_at *a, weir_error *err)
{
    int64_t n;
    if (!wr_ai_eats(a, "ENTRY_POINTS"))
        return wr_ai_refuse(err, TEXT_NO_ENTRIES);
    if (!wr_ai_takes_int(a, &n))
        return wr_ai_refuse(err, "ERR Non numeric entry points number provided to "
                                 "AI.SCRIPTSTORE command");
    if (n <= 0 || !wr_ai_takes_n(a, n, &out->entry, &out->n_entries))
        return wr_ai_refuse(err, TEXT_NO_ENTRIES);
    return WEIR_OK;
}

static weir_status store_words(wr_ai_store *out, wr_words words, wr_ai_command c,
                               wr_ai_look *look, weir_error *err)
{
    wr_ai_at a;
    *out = (wr_ai_store){0};
    weir_status st = wr_ai_check_arity(c, words, err);
    if (st == WEIR_OK && c == WR_AI_SCRIPTSET && words.n == 6)
        st = wr_ai_refuse_arity(c, err);
    if (st == WEIR_OK)
        st = begin(out, &a, words, err);
    if (st == WEIR_OK && c == WR_AI_SCRIPTSTORE)
        st = entry_points(out, &a, err);
    if (st == WEIR_OK)
        st = source(out, &a, c, err);
    if (st == WEIR_OK)
        st = wr_ai_need_free(look, out->key, WR_AI_SCRIPT, err);
    if (st != WEIR_OK)
        *out = (wr_ai_store){0};
    return st;
}

weir_status wr_ai_parse_scriptstore(wr_ai_store *out, wr_words words, wr_ai_look *look,
                                    weir_error *err)
{
    return store_words(out, words, WR_AI_SCRIPTSTORE, look, err);
}

weir_status wr_ai_parse_scriptset(wr_ai_store *out, wr_words words, wr_ai_look *look,
                                  weir_error *err)
{
    return store_words(out, words, WR_AI_SCRIPTSET, look, err);
}

weir_status wr_ai_parse_scriptget(wr_ai_get *out, wr_words words, wr_ai_look *look,
                                  weir_error *err)
{
    *out = (wr_ai_get){0};
    weir_status st = wr_ai_check_arity(WR_AI_SCRIPTGET, words, err);
    if (st == WEIR_OK)
        st = wr_ai_need(look, words.w[1], WR_AI_SCRIPT, WR_AI_TEXT_NO_SCRIPT, err);
    if (st != WEIR_OK)
        return st;
    unsigned show = 0;
    for (wr_ai_at a = wr_ai_from(words, 2); wr_ai_left(&a) > 0; a.i++) {
        show |= wr_ai_sees(&a, "META") ? WR_AI_META : 0;
        show |= wr_ai_sees(&a, "SOURCE") ? WR_AI_BLOB : 0;
    }
    *out = (wr_ai_get){words.w[1], show == 0 ? WR_AI_META | WR_AI_BLOB : show};
    return WEIR_OK;
}

weir_status wr_ai_parse_scriptdel(wr_ai_get *out, wr_words words, wr_ai_look *look,
                                  weir_error *err)
{
    *out = (wr_ai_get){0};
    weir_status st = wr_ai_check_arity(WR_AI_SCRIPTDEL, words, err);
    if (st == WEIR_OK)
        st = wr_ai_need(look, words.w[1], WR_AI_SCRIPT, WR_AI_TEXT_NO_SCRIPT, err);
    if (st == WEIR_OK)
        out->key = words.w[1];
    return st;
}
