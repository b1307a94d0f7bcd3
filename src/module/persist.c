/* SPDX-License-Identifier: BSD-3-Clause */
/* Reading and writing values in dumps. Loading trusts nothing: every number is bounded, and a value that
 * can't be read is NULL, at which the server refuses the dump. */
#include "module/persist.h"

#include "base/alloc.h"
#include "tensor/buffer.h"

/* Texts of older dumps end with a NUL that counts. */
enum {
    WITH_NUL = 1,
    NAMES_MAX = WEIR_IO_MAX,
    CHUNKS_MAX = 1 << 20,
    CHUNK_BYTES_MAX = 512 << 20 /* no string of the server's is longer */
};

static const char *const backends[] = {"tensorflow", "tflite", "torch", "onnx"};
enum { N_BACKENDS = 4, OTHER_BACKEND = 255 };

static bool is_bad(host_io *io)
{
    return host.IsIOError(io) != 0;
}

static void *refuse(host_io *io, const char *what)
{
    host.LogIOError(io, "warning", "weir: a dump holds %s", what);
    return NULL;
}

/* ---- tensors ---- */

/* RedisAI's strings are type 7 of 8 bits. */
enum { CODE_STRING = 7 };

static uint64_t code_of(weir_dtype t)
{
    static const uint64_t code[] = {
#define X(name, bytes, dl, bits, word) dl,
        WEIR_DTYPE_MAP(X)
#undef X
    };
    return t == WEIR_STRING ? CODE_STRING : code[t];
}

static bool dtype_of(uint64_t code, uint64_t bits, weir_dtype *out)
{
    if (code == CODE_STRING) {
        *out = WEIR_STRING;
        return bits == 8;
    }
#define X(name, bytes, dl, n_bits, word)                                                 \
    if (code == dl && bits == n_bits) {                                                  \
        *out = WEIR_##name;                                                              \
        return true;                                                                     \
    }
    WEIR_DTYPE_MAP(X)
#undef X
    return false;
}

void persist_save_tensor(host_io *io, void *value)
{
    weir_tensor t = weir_buffer_view(value);
    size_t n = weir_tensor_count(&t);
    host.SaveUnsigned(io, code_of(t.dtype));
    host.SaveUnsigned(io, t.dtype == WEIR_STRING ? 8 : 8 * weir_dtype_bytes(t.dtype));
    host.SaveSigned(io, t.rank);
    for (int i = 0; i < t.rank; i++)
        host.SaveSigned(io, t.shape[i]);
    if (t.dtype != WEIR_STRING) {
        host.SaveStringBuffer(io, t.data, weir_tensor_bytes(&t));
        return;
    }
    wr_text text = {0};
    (void)!wr_wire_strings_add(&text, &t, NULL); /* stored strings have no NUL in them */
    host.SaveStringBuffer(io, text.p == NULL ? "" : text.p, text.n);
    const weir_str *s = t.data;
    uint64_t at = 0;
    for (size_t i = 0; i < n; i++) {
        host.SaveUnsigned(io, at);
        at += s[i].n + 1;
    }
    wr_text_fini(&text);
}

/* The bytes as the server's string, without a copy. */
static weir_buffer *load_payload(host_io *io, weir_dtype dtype, int rank,
                                 const int64_t *shape)
{
    weir_tensor t;
    weir_buffer *b = NULL;
    host_str *bytes = host.LoadString(io);
    if (bytes == NULL || is_bad(io))
        return NULL;
    weir_str s = host_text(bytes);
    if (dtype == WEIR_STRING) {
        if (wr_wire_strings(&b, s, rank, shape, NULL) != WEIR_OK)
            b = NULL;
    } else if (weir_tensor_init(&t, (void *)(uintptr_t)s.p, dtype, rank, shape, NULL) !=
                   WEIR_OK ||
               weir_tensor_bytes(&t) != s.n ||
               strings_wrap(&b, bytes, &t, NULL) != WEIR_OK) {
        b = NULL;
    }
    host.FreeString(NULL, bytes);
    return b;
}

/* Encodings 0 to 3: where it lay, and strides, which were always those of C order. */
static bool load_old_head(host_io *io, weir_dtype *dtype, int64_t *rank, int64_t *shape)
{
    (void)host.LoadUnsigned(io); /* device type */
    (void)host.LoadUnsigned(io); /* device number */
    uint64_t bits = host.LoadUnsigned(io), code = host.LoadUnsigned(io);
    uint64_t lanes = host.LoadUnsigned(io), n = host.LoadUnsigned(io);
    if (is_bad(io) || lanes != 1 || n > WEIR_RANK_MAX || !dtype_of(code, bits, dtype))
        return false;
    *rank = (int64_t)n;
    for (uint64_t i = 0; i < n; i++)
        shape[i] = (int64_t)host.LoadUnsigned(io);
    for (uint64_t i = 0; i < n; i++)
        (void)host.LoadUnsigned(io);                  /* stride */
    return host.LoadUnsigned(io) == 0 && !is_bad(io); /* offset */
}

static bool load_head(host_io *io, weir_dtype *dtype, int64_t *rank, int64_t *shape)
{
    uint64_t code = host.LoadUnsigned(io), bits = host.LoadUnsigned(io);
    *rank = host.LoadSigned(io);
    if (is_bad(io) || *rank < 0 || *rank > WEIR_RANK_MAX || !dtype_of(code, bits, dtype))
        return false;
    for (int64_t i = 0; i < *rank; i++)
        shape[i] = host.LoadSigned(io);
    return !is_bad(io);
}

void *persist_load_tensor(host_io *io, int encoding)
{
    weir_dtype dtype = WEIR_U8;
    int64_t rank = 0, shape[WEIR_RANK_MAX];
    if (encoding > PERSIST_TENSOR)
        return refuse(io, "a tensor of a newer Weir");
    bool ok = encoding < 4 ? load_old_head(io, &dtype, &rank, shape)
                           : load_head(io, &dtype, &rank, shape);
    weir_buffer *b = ok ? load_payload(io, dtype, (int)rank, shape) : NULL;
    if (b == NULL)
        return refuse(io, "a tensor that is damaged");
    weir_tensor t = weir_buffer_view(b);
    for (size_t i = 0; dtype == WEIR_STRING && encoding >= 4 && i < weir_tensor_count(&t);
         i++)
        (void)host.LoadUnsigned(io); /* offsets: they follow from the strings */
    if (is_bad(io)) {
        weir_buffer_unref(b);
        return NULL;
    }
    return b;
}

/* ---- models ---- */

/* What is being loaded: options whose texts lie in the server's strings. */
typedef struct loading {
    host_io *io;
    weir_model_options o;
    wr_option_room *room;
    host_str *text[4 * NAMES_MAX];
    size_t n_texts;
    weir_buffer *blob;
    bool bad;
} loading;

static weir_str load_text(loading *l, size_t nul)
{
    host_str *s = l->bad ? NULL : host.LoadString(l->io);
    if (s == NULL || is_bad(l->io) || l->n_texts == 4 * NAMES_MAX) {
        l->bad = true;
        if (s != NULL)
            host.FreeString(NULL, s);
        return (weir_str){0};
    }
    l->text[l->n_texts++] = s;
    weir_str t = host_text(s);
    if (nul == WITH_NUL && t.n > 0 && t.p[t.n - 1] == '\0')
        t.n--;
    return t;
}

static uint64_t load_number(loading *l, uint64_t most)
{
    uint64_t v = l->bad ? 0 : host.LoadUnsigned(l->io);
    if (l->bad || is_bad(l->io) || v > most) {
        l->bad = true;
        return 0;
    }
    return v;
}

static void load_option(loading *l, weir_str label, weir_str value)
{
    if (!l->bad && wr_wire_option(&l->o, l->room, label, value, NULL) != WEIR_OK)
        l->bad = true;
}

static void load_names(loading *l, const char *label)
{
    uint64_t n = load_number(l, NAMES_MAX);
    for (uint64_t i = 0; i < n && !l->bad; i++)
        load_option(l, weir_cstr(label), load_text(l, WITH_NUL));
}

/* Chunks into one buffer; a single one stays the server's string. */
static void load_blob(loading *l, bool chunked)
{
    uint64_t total = chunked ? load_number(l, INT64_MAX) : 0;
    uint64_t n = chunked ? load_number(l, CHUNKS_MAX) : 1;
    int64_t extent = (int64_t)total, at = 0;
    l->bad |= total / CHUNK_BYTES_MAX > n; /* what can't come is given no memory */
    if (n != 1 && !l->bad &&
        weir_buffer_new(&l->blob, WEIR_U8, 1, &extent, NULL) != WEIR_OK)
        l->bad = true;
    for (uint64_t i = 0; i < n && !l->bad; i++) {
        host_str *s = host.LoadString(l->io);
        if (s == NULL || is_bad(l->io)) {
            l->bad = true;
            break;
        }
        weir_str chunk = host_text(s);
        weir_tensor t;
        int64_t n_chunk = (int64_t)chunk.n;
        if (n == 1) {
            l->bad = weir_tensor_init(&t, (void *)(uintptr_t)chunk.p, WEIR_U8, 1,
                                      &n_chunk, NULL) != WEIR_OK ||
                     strings_wrap(&l->blob, s, &t, NULL) != WEIR_OK;
        } else if (n_chunk > extent - at) {
            l->bad = true;
        } else {
            memcpy((char *)weir_buffer_view(l->blob).data + at, chunk.p, chunk.n);
            at += n_chunk;
        }
        host.FreeString(NULL, s);
    }
    l->bad |= n != 1 && at != extent;
}

static void load_options(loading *l)
{
    uint64_t n = load_number(l, 2 * NAMES_MAX);
    for (uint64_t i = 0; i < n && !l->bad; i++) {
        weir_str label = load_text(l, 0);
        load_option(l, label, load_text(l, 0));
    }
}

static void *finish(loading *l, bool is_script)
{
    wr_model *m = NULL;
    weir_error err = {0};
    const host_str *key =
        host.GetKeyNameFromIO == NULL ? NULL : host.GetKeyNameFromIO(l->io);
    weir_str name = key == NULL ? WEIR_STR("(from a dump)") : host_text(key);
    l->o.struct_bytes = sizeof l->o;
    if (!l->bad && l->blob != NULL)
        (void)!wr_model_declare(&m, module.service.engine, name, l->blob, is_script,
                                &l->o, &err);
    if (m == NULL)
        host.LogIOError(l->io, "warning",
                        "weir: a dump holds a %s that can't be used: %s",
                        is_script ? "script" : "model",
                        err.text[0] == '\0' ? "it is damaged" : err.text);
    for (size_t i = 0; i < l->n_texts; i++)
        host.FreeString(NULL, l->text[i]);
    weir_buffer_unref(l->blob);
    wr_free(l->room);
    wr_free(l);
    return m;
}

static loading *begin(host_io *io)
{
    loading *l = wr_calloc(1, sizeof *l);
    wr_option_room *room = wr_calloc(1, sizeof *room);
    if (l == NULL || room == NULL) {
        wr_free(l);
        wr_free(room);
        return NULL;
    }
    l->io = io;
    l->room = room;
    return l;
}

void *persist_load_model(host_io *io, int encoding)
{
    if (encoding > PERSIST_MODEL)
        return refuse(io, "a model of a newer Weir");
    loading *l = begin(io);
    if (l == NULL)
        return refuse(io, "a model, and there is no memory for it");
    uint64_t backend = load_number(l, OTHER_BACKEND);
    if (backend < N_BACKENDS)
        l->o.backend = weir_cstr(backends[backend]);
    weir_str device = load_text(l, WITH_NUL);
    load_option(l, WEIR_STR("DEVICE"), device);
    l->o.tag = load_text(l, encoding == 0 ? WITH_NUL : 0);
    l->o.batch_max = (int64_t)load_number(l, INT64_MAX);
    l->o.batch_min = (int64_t)load_number(l, INT64_MAX);
    if (encoding >= 2)
        l->o.batch_wait_ms = (int64_t)load_number(l, INT64_MAX);
    load_names(l, "INPUT");
    load_names(l, "OUTPUT");
    load_blob(l, encoding >= 1);
    if (encoding >= 5)
        load_options(l);
    return finish(l, false);
}

void *persist_load_script(host_io *io, int encoding)
{
    if (encoding > PERSIST_SCRIPT)
        return refuse(io, "a script of a newer Weir");
    loading *l = begin(io);
    if (l == NULL)
        return refuse(io, "a script, and there is no memory for it");
    load_option(l, WEIR_STR("DEVICE"), load_text(l, WITH_NUL));
    l->o.tag = load_text(l, encoding == 0 ? WITH_NUL : 0);
    weir_str source = load_text(l, WITH_NUL);
    weir_tensor t;
    int64_t n = (int64_t)source.n;
    l->bad |= weir_tensor_init(&t, (void *)(uintptr_t)source.p, WEIR_U8, 1, &n, NULL) !=
                  WEIR_OK ||
              weir_buffer_from(&l->blob, &t, NULL) != WEIR_OK;
    if (encoding >= 3)
        load_names(l, "FUNCTION");
    if (encoding >= 5)
        load_options(l);
    return finish(l, true);
}

/* ---- saving models ---- */

static void save_with_nul(host_io *io, weir_str s)
{
    char *text = wr_dup(s.p, s.n);
    host.SaveStringBuffer(io, text == NULL ? "" : text, text == NULL ? 1 : s.n + 1);
    wr_free(text);
}

static void save_names(host_io *io, const weir_str *names, int n)
{
    host.SaveUnsigned(io, (uint64_t)n);
    for (int i = 0; i < n; i++)
        save_with_nul(io, names[i]);
}

static void save_device(host_io *io, weir_device d)
{
    char word[32];
    save_with_nul(io, weir_cstr(wr_device_word(d, word, sizeof word)));
}

static void count_word(void *context, weir_str word)
{
    (void)word;
    ++*(uint64_t *)context;
}

static void save_word(void *context, weir_str word)
{
    host.SaveStringBuffer(context, word.p == NULL ? "" : word.p, word.n);
}

/* All that the older fields don't hold. */
static void save_options(host_io *io, wr_model *m)
{
    weir_model_options o = *wr_model_options(m);
    uint64_t n = 0;
    o.version = wr_model_info(m)->version;
    o.inputs = o.outputs = o.functions = NULL;
    o.n_inputs = o.n_outputs = o.n_functions = 0;
    o.tag = (weir_str){0};
    o.device = (weir_device){0};
    (void)wr_wire_options(&o, count_word, &n);
    host.SaveUnsigned(io, n / 2);
    (void)wr_wire_options(&o, save_word, io);
}

static uint64_t backend_number(weir_str name)
{
    for (uint64_t i = 0; i < N_BACKENDS; i++) {
        if (wr_str_eq(name, weir_cstr(backends[i])))
            return i;
    }
    return OTHER_BACKEND;
}

void persist_save_model(host_io *io, void *value)
{
    wr_model *m = value;
    const weir_model_options *o = wr_model_options(m);
    weir_tensor blob = weir_buffer_view(wr_model_blob(m));
    size_t left = weir_tensor_bytes(&blob), chunk = module.chunk_bytes;
    const char *p = blob.data;
    weir_str backend =
        o->backend.n > 0 ? o->backend : weir_cstr(wr_model_info(m)->backend);
    host.SaveUnsigned(io, backend_number(backend));
    save_device(io, o->device);
    host.SaveStringBuffer(io, o->tag.p == NULL ? "" : o->tag.p, o->tag.n);
    host.SaveUnsigned(io, (uint64_t)o->batch_max);
    host.SaveUnsigned(io, (uint64_t)o->batch_min);
    host.SaveUnsigned(io, (uint64_t)o->batch_wait_ms);
    save_names(io, o->inputs, o->n_inputs);
    save_names(io, o->outputs, o->n_outputs);
    host.SaveUnsigned(io, left);
    host.SaveUnsigned(io, left == 0 ? 1 : (left + chunk - 1) / chunk);
    do {
        size_t n = left < chunk ? left : chunk;
        host.SaveStringBuffer(io, p, n);
        p += n;
        left -= n;
    } while (left > 0);
    save_options(io, m);
}

void persist_save_script(host_io *io, void *value)
{
    wr_model *m = value;
    const weir_model_options *o = wr_model_options(m);
    weir_tensor blob = weir_buffer_view(wr_model_blob(m));
    save_device(io, o->device);
    host.SaveStringBuffer(io, o->tag.p == NULL ? "" : o->tag.p, o->tag.n);
    save_with_nul(io, (weir_str){blob.data, weir_tensor_bytes(&blob)});
    save_names(io, o->functions, o->n_functions);
    save_options(io, m);
}
