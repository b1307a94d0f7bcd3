/* SPDX-License-Identifier: BSD-3-Clause */
/* What the parsers of this folder share: a cursor over words, refusals, and texts that stand in more
 * than one of them. */
#ifndef WR_WIRE_REDISAI_INTERNAL_H
#define WR_WIRE_REDISAI_INTERNAL_H

#include "wire/redisai/redisai.h"

/* RedisAI's line (without '-') into err; line breaks become blanks. Returns st. */
weir_status wr_ai_refuse_as(weir_error *err, weir_status st, const char *fmt, ...)
    WEIR_PRINTF(3, 4);
#define wr_ai_refuse(err, ...) wr_ai_refuse_as(err, WEIR_ERR_ARG, __VA_ARGS__)

/* "%.*s" arguments of a word in a refusal, cut so that the line fits. */
#define WR_AI_WORD(s) ((s).n > 256 ? 256 : (int)(s).n), (s).n == 0 ? "" : (s).p

/* ---- a cursor ---- */

typedef struct wr_ai_at {
    const weir_str *w;
    size_t n;
    size_t i; /* next word */
} wr_ai_at;

static inline wr_ai_at wr_ai_from(wr_words words, size_t i)
{
    return (wr_ai_at){words.w, words.n, i};
}

static inline size_t wr_ai_left(const wr_ai_at *a)
{
    return a->n - a->i;
}

/* Is the next word this one? */
static inline bool wr_ai_sees(const wr_ai_at *a, const char *upper)
{
    return a->i < a->n && wr_word_is(a->w[a->i], upper);
}

/* The same, and go behind it if it is. */
static inline bool wr_ai_eats(wr_ai_at *a, const char *upper)
{
    bool yes = wr_ai_sees(a, upper);
    a->i += yes;
    return yes;
}

/* The next word; false: there is none. */
static inline bool wr_ai_takes(wr_ai_at *a, weir_str *out)
{
    if (a->i == a->n)
        return false;
    *out = a->w[a->i++];
    return true;
}

/* The next word, a number; false: none, or not a number. */
static inline bool wr_ai_takes_int(wr_ai_at *a, int64_t *out)
{
    weir_str word;
    return wr_ai_takes(a, &word) && wr_word_int(word, out);
}

/* The next n words; false, and stay: there are fewer. */
static inline bool wr_ai_takes_n(wr_ai_at *a, int64_t n, const weir_str **out,
                                 size_t *n_out)
{
    if (n < 0 || (uint64_t)n > wr_ai_left(a))
        return false;
    *out = a->w + a->i;
    *n_out = (size_t)n;
    a->i += (size_t)n;
    return true;
}

/* ---- checks that several commands make ---- */

/* The number of words that the table allows. */
weir_status wr_ai_check_arity(wr_ai_command c, wr_words words, weir_error *err);
weir_status wr_ai_refuse_arity(wr_ai_command c, weir_error *err);

/* The key holds that kind of value: else `missing` or WRONGTYPE. */
weir_status wr_ai_need(wr_ai_look *look, weir_str key, wr_ai_kind kind,
                       const char *missing, weir_error *err);
/* The key holds that kind of value or nothing. */
weir_status wr_ai_need_free(wr_ai_look *look, weir_str key, wr_ai_kind kind,
                            weir_error *err);
weir_status wr_ai_need_tensors(wr_ai_look *look, const weir_str *key, size_t n,
                               weir_error *err);
bool wr_ai_is_local(wr_ai_look *look, weir_str key);

/* Behind the word TIMEOUT: milliseconds > 0. */
weir_status wr_ai_take_limit(wr_ai_at *a, int64_t *out, const char *missing,
                             weir_error *err);

/* ---- the parsers as a DAG uses them: words of one op; names are not keys, TIMEOUT is refused ---- */

weir_status wr_ai_tensorset_words(wr_ai_tensorset *out, wr_words words, wr_ai_look *look,
                                  weir_error *err);
weir_status wr_ai_tensorget_words(wr_ai_get *out, wr_words words, weir_error *err);
weir_status wr_ai_modelexecute_words(wr_ai_run *out, wr_words words, wr_ai_look *look,
                                     bool in_dag, weir_error *err);
weir_status wr_ai_modelrun_words(wr_ai_run *out, wr_words words, wr_ai_look *look,
                                 bool in_dag, weir_error *err);
weir_status wr_ai_scriptexecute_words(wr_ai_run *out, wr_words words, wr_ai_look *look,
                                      bool in_dag, weir_error *err);
weir_status wr_ai_scriptrun_words(wr_ai_run *out, wr_words words, wr_ai_look *look,
                                  bool in_dag, weir_error *err);
/* The end of every parser of a run: outside a DAG its inputs must be stored tensors. */
weir_status wr_ai_end_run(wr_ai_run *out, weir_status st, wr_ai_look *look, bool in_dag,
                          weir_error *err);
/* Names of a DAG's ops to slots, and its PERSIST names. */
weir_status wr_ai_dag_resolve(wr_ai_dag *d, weir_error *err);

/* ---- texts that stand in several places ---- */

#define TEXT_NO_TIMEOUT_VALUE "ERR No value provided for TIMEOUT"
#define TEXT_BAD_TIMEOUT "ERR Invalid value for TIMEOUT"
#define TEXT_TIMEOUT_IN_DAG "ERR TIMEOUT not allowed within a DAG command"
#define TEXT_BAD_BACKEND "ERR unsupported backend"
#define TEXT_BAD_DEVICE "ERR Invalid DEVICE"
#define TEXT_NO_BLOB "ERR Insufficient arguments, missing model BLOB"
#define TEXT_BATCH_MIN_ALONE "ERR MINBATCHSIZE specified without BATCHSIZE"
#define TEXT_WAIT_ALONE "ERR MINBATCHTIMEOUT specified without MINBATCHSIZE"
#define TEXT_NO_INPUTS "ERR INPUTS not specified"
#define TEXT_NO_OUTPUTS "ERR OUTPUTS not specified"
#define TEXT_COUNT_DIFFERS                                                               \
    "Number of keys given as %s here does not match model definition"
#define TEXT_NO_ENTRIES "ERR Insufficient arguments, missing script entry points"
#define TEXT_NO_SOURCE "ERR Insufficient arguments, missing script SOURCE"
#define TEXT_NO_FUNCTION "ERR function name not specified"
#define TEXT_BAD_VALUE "ERR invalid value"
#define TEXT_NO_MEMORY "ERR out of memory"

#endif
