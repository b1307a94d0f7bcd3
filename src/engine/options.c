/* SPDX-License-Identifier: BSD-3-Clause */
/* A model's options: checked, and copied with all their texts. */
#include "base/alloc.h"
#include "base/text.h"
#include "engine/internal.h"

enum { FUNCTIONS_MAX = 1024 }; /* entry points of a script */

/* ---- checks --------------------------------------------------------------------------------------- */

static weir_status check_guard(weir_str name, const char *what, const weir_guard *g,
                               bool mends, weir_error *err)
{
    if ((int)g->mode < 0 || g->mode > WEIR_GUARD_FALLBACK)
        return weir_fail(err, WEIR_ERR_ARG,
                         "model '%.*s': %s guard has mode %d; modes are 0 to %d",
                         WR_NAME(name), what, (int)g->mode, (int)WEIR_GUARD_FALLBACK);
    if (!mends && g->mode >= WEIR_GUARD_CLAMP)
        return weir_fail(
            err, WEIR_ERR_ARG,
            "model '%.*s': %s guard can't clamp or replace: inputs are never changed; "
            "use COUNT, FAIL or OFF",
            WR_NAME(name), what);
    if (g->ranged && !(g->low <= g->high))
        return weir_fail(err, WEIR_ERR_ARG,
                         "model '%.*s': %s guard's range [%g, %g] is empty",
                         WR_NAME(name), what, g->low, g->high);
    return WEIR_OK;
}

static weir_status check_names(weir_str name, const char *what, const weir_str *s, int n,
                               int most, weir_error *err)
{
    if (n < 0 || n > most || (n > 0 && s == NULL))
        return weir_fail(err, WEIR_ERR_ARG,
                         "model '%.*s': %d names of %s; 0 to %d are possible",
                         WR_NAME(name), n, what, most);
    for (int i = 0; i < n; i++) {
        weir_status st = wr_check_name(s[i], what, err);
        if (st != WEIR_OK)
            return st;
    }
    return WEIR_OK;
}

static weir_status check_numbers(weir_str name, const weir_model_options *o,
                                 weir_error *err)
{
    const struct {
        const char *name;
        int64_t value;
    } counts[] = {{"version", o->version},       {"batch_max", o->batch_max},
                  {"batch_min", o->batch_min},   {"batch_wait_ms", o->batch_wait_ms},
                  {"block_rows", o->block_rows}, {"threads", o->threads}};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        if (counts[i].value < 0)
            return weir_fail(err, WEIR_ERR_ARG,
                             "model '%.*s': %s is %lld; give 0 or more", WR_NAME(name),
                             counts[i].name, (long long)counts[i].value);
    }
    return WEIR_OK;
}

static weir_status check_text(weir_str name, const char *what, weir_str s,
                              weir_error *err)
{
    if (s.p != NULL || s.n == 0)
        return WEIR_OK;
    return weir_fail(err, WEIR_ERR_ARG,
                     "model '%.*s': %s is a null pointer with length %zu", WR_NAME(name),
                     what, s.n);
}

static weir_status check(weir_str name, const weir_model_options *o, weir_error *err)
{
    weir_status st = check_numbers(name, o, err);
    if (st == WEIR_OK)
        st = check_guard(name, "input", &o->input, false, err);
    if (st == WEIR_OK)
        st = check_guard(name, "output", &o->output, true, err);
    if (st == WEIR_OK)
        st = check_names(name, "inputs", o->inputs, o->n_inputs, WEIR_IO_MAX, err);
    if (st == WEIR_OK)
        st = check_names(name, "outputs", o->outputs, o->n_outputs, WEIR_IO_MAX, err);
    if (st == WEIR_OK)
        st = check_names(name, "functions", o->functions, o->n_functions, FUNCTIONS_MAX,
                         err);
    if (st == WEIR_OK)
        st = check_text(name, "backend", o->backend, err);
    if (st == WEIR_OK)
        st = check_text(name, "tag", o->tag, err);
    return st;
}

/* ---- copies ---------------------------------------------------------------------------------------- */

/* Where copies go. With p NULL only their size is counted. */
typedef struct store {
    char *p;
    size_t n;
    bool too_much;
} store;

static char *room(store *s, size_t n)
{
    char *at = s->p == NULL ? NULL : s->p + s->n;
    s->too_much |= !wr_add(s->n, n, &s->n);
    return at;
}

static weir_str keep_text(store *s, weir_str t)
{
    if (t.n == 0)
        return (weir_str){NULL, 0};
    char *to = room(s, t.n);
    char *end = room(s, 1);
    if (to != NULL) {
        memcpy(to, t.p, t.n);
        *end = '\0';
    }
    return (weir_str){to, t.n};
}

/* The arrays come first, so that they are aligned. */
static weir_str *keep_array(store *s, int n)
{
    char *p = n == 0 ? NULL : room(s, (size_t)n * sizeof(weir_str));
    return (weir_str *)(void *)p;
}

static void keep_texts(store *s, weir_str *to, const weir_str *from, int n)
{
    for (int i = 0; i < n; i++) {
        weir_str kept = keep_text(s, from[i]);
        if (to != NULL)
            to[i] = kept;
    }
}

static void keep_all(store *s, weir_model_options *to, const weir_model_options *from)
{
    weir_str *inputs = keep_array(s, from->n_inputs),
             *outputs = keep_array(s, from->n_outputs),
             *functions = keep_array(s, from->n_functions);
    keep_texts(s, inputs, from->inputs, from->n_inputs);
    keep_texts(s, outputs, from->outputs, from->n_outputs);
    keep_texts(s, functions, from->functions, from->n_functions);
    to->backend = keep_text(s, from->backend);
    to->tag = keep_text(s, from->tag);
    to->inputs = inputs;
    to->outputs = outputs;
    to->functions = functions;
}

/* ---- both -------------------------------------------------------------------------------------------- */

weir_status wr_options_take(weir_model_options *out, void **texts,
                            const weir_model_options *opt, weir_str name, weir_error *err)
{
    weir_model_options full = {0}, kept;
    store s = {0};
    size_t bytes =
        opt == NULL || opt->struct_bytes == 0 ? sizeof full : opt->struct_bytes;
    if (bytes > sizeof full || bytes < offsetof(weir_model_options, version))
        return weir_fail(
            err, WEIR_ERR_ARG,
            "model '%.*s': options of %zu bytes, this Weir knows %zu; was the program "
            "built with another version?",
            WR_NAME(name), bytes, sizeof full);
    if (opt != NULL)
        memcpy(&full, opt, bytes);
    full.struct_bytes = sizeof full;
    weir_status st = check(name, &full, err);
    if (st != WEIR_OK)
        return st;
    kept = full;
    keep_all(&s, &kept, &full);
    char *p = s.too_much ? NULL : wr_alloc(s.n);
    if (p == NULL)
        return weir_fail(err, WEIR_ERR_NOMEM, "model '%.*s': no memory for its options",
                         WR_NAME(name));
    s = (store){.p = p};
    keep_all(&s, &kept, &full);
    *out = kept;
    *texts = p;
    return WEIR_OK;
}
