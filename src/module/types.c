/* SPDX-License-Identifier: BSD-3-Clause */
/* Our three data types as the server sees them. Their names are RedisAI's, so that its dumps can be
 * read. A tensor is a weir_buffer, a model and a script a wr_model: one reference each. */
#include "module/persist.h"
#include "module/replicate.h"
#include "tensor/buffer.h"

enum {
    LAZY_BYTES =
        64 << 10,      /* larger values are freed by the server's background thread .. */
    LAZY_EFFORT = 1024 /* .. which it does from an effort of 64 on */
};

/* ---- what all have in common ---- */

static void emit_tensor(host_io *io, host_str *key, void *value)
{
    replicate_emit(io, key, (wr_value){.kind = WR_VALUE_TENSOR, .of.tensor = value});
}

static void emit_model(host_io *io, host_str *key, void *value)
{
    replicate_emit(io, key, (wr_value){.kind = WR_VALUE_MODEL, .of.model = value});
}

static void emit_script(host_io *io, host_str *key, void *value)
{
    replicate_emit(io, key, (wr_value){.kind = WR_VALUE_SCRIPT, .of.model = value});
}

static size_t effort(size_t bytes)
{
    return bytes > LAZY_BYTES ? LAZY_EFFORT : 1;
}

static void digest_view(host_digest *d, const weir_tensor *t)
{
    host.DigestAddLongLong(d, (long long)t->dtype);
    for (int i = 0; i < t->rank; i++)
        host.DigestAddLongLong(d, t->shape[i]);
    if (t->dtype == WEIR_STRING) {
        const weir_str *s = t->data;
        for (size_t i = 0; i < weir_tensor_count(t); i++)
            host.DigestAddStringBuffer(d, s[i].p, s[i].n);
    } else {
        host.DigestAddStringBuffer(d, t->data, weir_tensor_bytes(t));
    }
    host.DigestEndSequence(d);
}

/* ---- tensors ---- */

static size_t tensor_memory(const void *value)
{
    const weir_buffer *b = value;
    host_str *own = strings_of(b);
    if (own != NULL && host.MallocSizeString != NULL)
        return host.MallocSizeString(own) + 256;
    return wr_buffer_footprint(b) + 256; /* its header */
}

static void tensor_digest(host_digest *d, void *value)
{
    weir_tensor t = weir_buffer_view(value);
    digest_view(d, &t);
}

static void tensor_free(void *value)
{
    weir_buffer_unref(value);
}

static size_t tensor_effort(host_str *key, const void *value)
{
    (void)key;
    return effort(wr_buffer_footprint(value));
}

/* Values don't change: a copy is one more reference. */
static void *tensor_copy(host_str *from, host_str *to, const void *value)
{
    (void)from;
    (void)to;
    return weir_buffer_ref((weir_buffer *)(uintptr_t)value);
}

/* What the server keeps for us may be moved while no run and no reply looks at it. */
static int tensor_defrag(host_defrag *d, host_str *key, void **value)
{
    (void)key;
    (void)strings_defrag(*value, d);
    return 0;
}

/* ---- models and scripts ---- */

static size_t model_memory(const void *value)
{
    return sizeof(weir_model_info) + wr_model_info(value)->file_bytes;
}

static void model_digest(host_digest *d, void *value)
{
    weir_tensor t = weir_buffer_view(wr_model_blob(value));
    digest_view(d, &t);
}

static void model_free(void *value)
{
    wr_model_unref(value);
}

static size_t model_effort(host_str *key, const void *value)
{
    (void)key;
    (void)value;
    return LAZY_EFFORT;
}

static void *model_copy(host_str *from, host_str *to, const void *value)
{
    (void)from;
    (void)to;
    return wr_model_ref((wr_model *)(uintptr_t)value);
}

/* ---- registration ---- */

static host_type_methods tensor_methods = {
    .version = HOST_TYPE_METHODS,
    .rdb_load = persist_load_tensor,
    .rdb_save = persist_save_tensor,
    .aof_rewrite = emit_tensor,
    .mem_usage = tensor_memory,
    .digest = tensor_digest,
    .free = tensor_free,
    .free_effort = tensor_effort,
    .copy = tensor_copy,
    .defrag = tensor_defrag,
};

#define MODEL_METHODS(kind)                                                              \
    {                                                                                    \
        .version = HOST_TYPE_METHODS, .rdb_load = persist_load_##kind,                   \
        .rdb_save = persist_save_##kind, .aof_rewrite = emit_##kind,                     \
        .mem_usage = model_memory, .digest = model_digest, .free = model_free,           \
        .free_effort = model_effort, .copy = model_copy                                  \
    }
static host_type_methods model_methods = MODEL_METHODS(model);
static host_type_methods script_methods = MODEL_METHODS(script);

weir_status types_register(host_ctx *ctx, weir_error *err)
{
    module.tensor_type =
        host.CreateDataType(ctx, "AI_TENSOR", PERSIST_TENSOR, &tensor_methods);
    module.model_type =
        host.CreateDataType(ctx, "AI__MODEL", PERSIST_MODEL, &model_methods);
    module.script_type =
        host.CreateDataType(ctx, "AI_SCRIPT", PERSIST_SCRIPT, &script_methods);
    if (module.tensor_type == NULL || module.model_type == NULL ||
        module.script_type == NULL)
        return weir_fail(err, WEIR_ERR_EXISTS,
                         "the data types AI_TENSOR, AI__MODEL, AI_SCRIPT can't be "
                         "registered: is RedisAI loaded too?");
    return WEIR_OK;
}

wr_value types_value(host_key *key)
{
    host_type *type = host.ModuleTypeGetType(key);
    void *value = host.ModuleTypeGetValue(key);
    if (type == module.tensor_type)
        return (wr_value){.kind = WR_VALUE_TENSOR, .of.tensor = value};
    if (type == module.model_type)
        return (wr_value){.kind = WR_VALUE_MODEL, .of.model = value};
    if (type == module.script_type)
        return (wr_value){.kind = WR_VALUE_SCRIPT, .of.model = value};
    return (wr_value){.kind = WR_VALUE_OTHER};
}
