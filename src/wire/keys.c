/* SPDX-License-Identifier: BSD-3-Clause */
/* Which words of a command are keys: asked by servers of clusters before anything is parsed, so any
 * words may come. */
#include "wire/form.h"

typedef struct walk {
    wr_words words;
    size_t at;
    bool writes;
    void (*each)(void *context, size_t i_word, bool writes);
    void *context;
} walk;

static void key(walk *w, bool writes)
{
    if (w->at < w->words.n)
        w->each(w->context, w->at, writes);
    w->at++;
}

/* A count that can be true; 0 where it can't. */
static size_t count(walk *w)
{
    int64_t n;
    if (w->at >= w->words.n || !wr_word_int(w->words.w[w->at++], &n) || n < 0 ||
        (uint64_t)n > w->words.n - w->at)
        return 0;
    return (size_t)n;
}

static void skip_tensor(walk *w)
{
    w->at++;
    w->at += count(w) + 1;
}

static void skip_names(walk *w)
{
    w->at += count(w);
}

static void keys(walk *w, bool writes)
{
    for (size_t n = count(w); n > 0; n--)
        key(w, writes);
}

static void step(walk *w)
{
    weir_str word = w->at < w->words.n ? w->words.w[w->at] : (weir_str){0};
    w->at += 2;
    if (wr_word_is(word, "TENSOR"))
        skip_tensor(w);
    if (wr_word_is(word, "LOAD") || wr_word_is(word, "KEEP"))
        key(w, wr_word_is(word, "KEEP"));
    if (wr_word_is(word, "RUN")) {
        w->at++;
        skip_names(w);
        skip_names(w);
    }
}

static void field(walk *w, wr_command command, wr_arg f)
{
    switch (f) {
    case WR_ARG_key: /* of runs and pipelines it is the model's name, which every shard has */
        if (command == WR_CMD_run || command == WR_CMD_pipeline)
            w->at++;
        else
            key(w, w->writes && command != WR_CMD_copy);
        break;
    case WR_ARG_to:
        key(w, true);
        break;
    case WR_ARG_in_keys:
        keys(w, false);
        break;
    case WR_ARG_out_keys:
        keys(w, true);
        break;
    case WR_ARG_tensor:
        skip_tensor(w);
        break;
    case WR_ARG_compare:
        w->at += 2;
        break;
    case WR_ARG_steps:
        for (size_t n = count(w); n > 0 && w->at < w->words.n; n--)
            step(w);
        break;
    case WR_ARG_options: /* long ones; no key stands behind them */
    case WR_ARG_bytes:
    case WR_ARG_dataset:
    case WR_ARG_inputs:
        w->at = w->words.n;
        break;
    default:
        w->at++;
        break;
    }
}

bool wr_wire_writes(wr_command command)
{
    static const bool writes[] = {
#define X(name, group, writes, ...) writes,
        WR_COMMAND_MAP(X)
#undef X
    };
    return writes[command];
}

void wr_wire_word_keys(wr_words words,
                       void (*each)(void *context, size_t i_word, bool writes),
                       void *context)
{
    wr_command command = words.n == 0 ? WR_CMD_COUNT : wr_wire_command(words.w[0]);
    if (command == WR_CMD_COUNT)
        return;
    walk w = {words, 1, wr_wire_writes(command), each, context};
    for (size_t i = 0; wr_forms[command].field[i] != WR_ARG_none; i++)
        field(&w, command, wr_forms[command].field[i]);
}
