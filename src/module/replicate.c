/* SPDX-License-Identifier: BSD-3-Clause */
/* A value as the command that makes it. A tensor whose bytes are the server's own string goes by
 * reference, any other is copied once. */
#include "module/replicate.h"

#include <stdio.h>

#include "base/alloc.h"
#include "tensor/buffer.h"

typedef struct command {
    const char *name;
    host_str **word; /* behind the name; owned, with one reference each */
    size_t n, room;
    bool failed;
} command;

static void add(command *c, host_str *s /* taken */)
{
    if (c->n == c->room) {
        size_t room = c->room * 2 + 16;
        host_str **bigger = wr_realloc(c->word, room * sizeof *bigger);
        if (bigger == NULL) {
            c->failed = true;
            host.FreeString(NULL, s);
            return;
        }
        c->word = bigger;
        c->room = room;
    }
    c->word[c->n++] = s;
}

static void add_word(void *context, weir_str word)
{
    add(context, host.CreateString(NULL, word.p, word.n));
}

static void add_text(command *c, const char *text)
{
    add_word(c, weir_cstr(text));
}

static void add_int(command *c, int64_t v)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)v);
    add_text(c, text);
}

static void add_buffer(command *c, const weir_buffer *b, const weir_tensor *t)
{
    host_str *own = strings_of(b);
    size_t n = weir_tensor_bytes(t);
    if (t->dtype == WEIR_STRING) {
        wr_text text = {0};
        c->failed |= wr_wire_strings_add(&text, t, NULL) != WEIR_OK;
        add_word(c, (weir_str){text.p, text.n});
        wr_text_fini(&text);
    } else if (own != NULL && host_text(own).n == n) {
        add(c, host.HoldString(NULL, own));
    } else {
        add_word(c, (weir_str){t->data, n});
    }
}

static void tensor_words(command *c, host_str *key, const weir_buffer *b)
{
    weir_tensor t = weir_buffer_view(b);
    c->name = "AI.TENSORSET";
    add(c, host.HoldString(NULL, key));
    add_text(c, weir_dtype_name(t.dtype));
    for (int i = 0; i < t.rank; i++)
        add_int(c, t.shape[i]);
    add_text(c, "BLOB");
    add_buffer(c, b, &t);
}

static void model_words(command *c, host_str *key, wr_model *m, bool is_script)
{
    weir_tensor blob = weir_buffer_view(wr_model_blob(m));
    weir_model_options o = *wr_model_options(m);
    command pairs = {0};
    o.version = wr_model_info(m)->version;
    c->name = "WEIR.SET_MODEL";
    add_text(c, wr_kind_word(is_script ? WEIR_SCRIPT : WEIR_MODEL));
    add(c, host.HoldString(NULL, key));
    c->failed |= !wr_wire_options(&o, add_word, &pairs) || pairs.failed;
    add_int(c, (int64_t)pairs.n / 2);
    for (size_t i = 0; i < pairs.n; i++)
        add(c, pairs.word[i]);
    wr_free(pairs.word);
    add_text(c, "-1");
    add_text(c, "1");
    add_buffer(c, wr_model_blob(m), &blob);
}

static void words_of(command *c, host_str *key, wr_value v)
{
    if (v.kind == WR_VALUE_TENSOR)
        tensor_words(c, key, v.of.tensor);
    else
        model_words(c, key, v.of.model, v.kind == WR_VALUE_SCRIPT);
}

static void fini(command *c)
{
    for (size_t i = 0; i < c->n; i++)
        host.FreeString(NULL, c->word[i]);
    wr_free(c->word);
}

void replicate_value(host_ctx *ctx, host_str *key, wr_value v)
{
    command c = {0};
    words_of(&c, key, v);
    if (!c.failed)
        host.Replicate(ctx, c.name, "v", c.word, c.n);
    else
        host.Log(ctx, "warning", "no memory to replicate a value: replicas now differ");
    fini(&c);
}

void replicate_emit(host_io *io, host_str *key, wr_value v)
{
    command c = {0};
    words_of(&c, key, v);
    if (!c.failed)
        host.EmitAOF(io, c.name, "v", c.word, c.n);
    else
        host.LogIOError(io, "warning", "no memory to write a value");
    fini(&c);
}
