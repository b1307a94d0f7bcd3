/* SPDX-License-Identifier: BSD-3-Clause */
/* Checks and words that several of RedisAI's commands have. */
#include <stdarg.h>
#include <stdio.h>

#include "wire/redisai/internal.h"

/* ---- refusals ---- */

weir_status wr_ai_refuse_as(weir_error *err, weir_status st, const char *fmt, ...)
{
    if (err == NULL)
        return st;
    va_list args;
    va_start(args, fmt);
    vsnprintf(err->text, sizeof err->text, fmt, args);
    va_end(args);
    err->code = st;
    for (char *p = err->text; *p != '\0'; p++) {
        if (*p == '\n' || *p == '\r')
            *p = ' ';
    }
    return st;
}

/* ---- the table of commands ---- */

// clang-format off
static const struct {
    const char *word;
    size_t least, most;
} commands[] = {
#define X(id, word, flags, first, last, step, told, least, most, summary) {word, least, most},
    WR_AI_COMMAND_MAP(X)
#undef X
};
// clang-format on

wr_ai_command wr_ai_command_of(weir_str word)
{
    size_t i = 0;
    while (i < WR_AI_COMMAND_COUNT && !wr_word_is(word, commands[i].word))
        i++;
    return (wr_ai_command)i;
}

weir_status wr_ai_refuse_arity(wr_ai_command c, weir_error *err)
{
    bool is_missing = c == WR_AI_DAGEXECUTE || c == WR_AI_DAGEXECUTE_RO;
    return wr_ai_refuse(err, "ERR %s for '%s' command",
                        is_missing ? "missing arguments" : "wrong number of arguments",
                        commands[c].word);
}

weir_status wr_ai_check_arity(wr_ai_command c, wr_words words, weir_error *err)
{
    if (words.n < commands[c].least ||
        (commands[c].most > 0 && words.n > commands[c].most))
        return wr_ai_refuse_arity(c, err);
    return WEIR_OK;
}

/* ---- keys ---- */

weir_status wr_ai_need(wr_ai_look *look, weir_str key, wr_ai_kind kind,
                       const char *missing, weir_error *err)
{
    wr_ai_kind is = look->kind(look, key);
    if (is == WR_AI_NOTHING)
        return wr_ai_refuse_as(err, WEIR_ERR_KEY, "%s", missing);
    if (is != kind)
        return wr_ai_refuse_as(err, WEIR_ERR_KIND, "%s", WR_AI_TEXT_WRONGTYPE);
    return WEIR_OK;
}

weir_status wr_ai_need_free(wr_ai_look *look, weir_str key, wr_ai_kind kind,
                            weir_error *err)
{
    wr_ai_kind is = look->kind(look, key);
    if (is != WR_AI_NOTHING && is != kind)
        return wr_ai_refuse_as(err, WEIR_ERR_KIND, "%s", WR_AI_TEXT_WRONGTYPE);
    return WEIR_OK;
}

weir_status wr_ai_need_tensors(wr_ai_look *look, const weir_str *key, size_t n,
                               weir_error *err)
{
    weir_status st = WEIR_OK;
    for (size_t i = 0; i < n && st == WEIR_OK; i++)
        st = wr_ai_need(look, key[i], WR_AI_TENSOR, WR_AI_TEXT_NO_TENSOR, err);
    return st;
}

bool wr_ai_is_local(wr_ai_look *look, weir_str key)
{
    return look->local == NULL || look->local(look, key);
}

/* ---- words ---- */

static const struct {
    const char *upper;
    const char *name;
} backends[] = {{"TF", "tensorflow"},
                {"TFLITE", "tflite"},
                {"TORCH", "torch"},
                {"ONNX", "onnx"},
                {"MOCK", "mock"}}; /* Weir's own, for tests */
enum { N_WORDS = sizeof backends / sizeof *backends };

const char *wr_ai_backend(weir_str word, const char **upper)
{
    for (size_t i = 0; i < N_WORDS; i++) {
        if (wr_word_is(word, backends[i].upper)) {
            if (upper != NULL)
                *upper = backends[i].upper;
            return backends[i].name;
        }
    }
    return NULL;
}

const char *wr_ai_backend_word(const char *name)
{
    for (size_t i = 0; i < N_WORDS; i++) {
        if (strcmp(name, backends[i].name) == 0)
            return backends[i].upper;
    }
    return name;
}

bool wr_ai_device(weir_str word, weir_device *out)
{
    enum { BYTES_MAX = 9 };
    return word.n <= BYTES_MAX && wr_word_device(word, out);
}

weir_status wr_ai_take_limit(wr_ai_at *a, int64_t *out, const char *missing,
                             weir_error *err)
{
    if (wr_ai_left(a) == 0)
        return wr_ai_refuse(err, "%s", missing);
    if (!wr_ai_takes_int(a, out) || *out <= 0)
        return wr_ai_refuse(err, TEXT_BAD_TIMEOUT);
    return WEIR_OK;
}
