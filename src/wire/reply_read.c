/* SPDX-License-Identifier: BSD-3-Clause */
/* Replies into a client: items from a source into a wr_rep and the caller's memory. Whatever a server
 * sends, what it promised is read to the end, so that the connection can be used again. */
#include "base/alloc.h"
#include "keyspace/layout.h"
#include "service/pipeline.h"
#include "tensor/metadata.h"
#include "wire/form.h"

enum {
    DEPTH = 8,         /* arrays within arrays; ours have five */
    DIRECT = 16 << 10, /* contiguous runs from this many bytes on are read in place */
    STAGE = 2 << 20    /* bytes read at once to be scattered */
};

typedef struct reader {
    wr_source *s;
    int64_t left[DEPTH]; /* items still to come in each open array */
    int depth;
    int64_t bulk; /* bytes of the present bulk still to be read */
    bool broken;  /* the source failed: nothing more can be read */
    wr_rep *rep;
    weir_error *err;
} reader;

/* ---- items ---- */

static weir_status broken(reader *r, weir_status st)
{
    r->broken = true;
    return st;
}

static weir_status item(reader *r, wr_item *out)
{
    weir_status st = r->s->ops->next(r->s, out, r->err);
    if (st != WEIR_OK)
        return broken(r, st);
    while (r->depth > 0 && r->left[r->depth] == 0)
        r->depth--;
    r->left[r->depth]--;
    if (out->kind == WR_ITEM_ARRAY && out->n > 0) {
        if (r->depth + 1 == DEPTH)
            return broken(r, weir_fail(r->err, WEIR_ERR_FORMAT,
                                       "the reply nests deeper than %d", DEPTH));
        r->left[++r->depth] = out->n;
    }
    r->bulk = out->kind == WR_ITEM_BULK ? out->n : 0;
    return WEIR_OK;
}

static weir_status take_bytes(reader *r, void *p, size_t n)
{
    weir_status st = n == 0 ? WEIR_OK : r->s->ops->read(r->s, p, n, r->err);
    if (st != WEIR_OK)
        return broken(r, st);
    r->bulk -= (int64_t)n;
    return WEIR_OK;
}

/* Read what is left of the reply and forget it. */
static void drain(reader *r)
{
    char rest[4096];
    weir_error ignored;
    weir_error *err = r->err;
    wr_item it;
    r->err = &ignored;
    for (;;) {
        while (r->bulk > 0 && !r->broken)
            (void)take_bytes(
                r, rest, r->bulk < (int64_t)sizeof rest ? (size_t)r->bulk : sizeof rest);
        while (r->depth > 0 && r->left[r->depth] == 0)
            r->depth--;
        if (r->broken || r->left[r->depth] == 0 || item(r, &it) != WEIR_OK)
            break;
    }
    r->err = err;
}

static const char *kind_text(wr_item_kind k)
{
    static const char *const text[] = {
        [WR_ITEM_STATUS] = "a status",  [WR_ITEM_ERROR] = "an error",
        [WR_ITEM_INTEGER] = "a number", [WR_ITEM_BULK] = "bytes",
        [WR_ITEM_ARRAY] = "an array",   [WR_ITEM_NULL] = "nothing"};
    return text[k];
}

static weir_status unexpected(reader *r, const wr_item *it, const char *wanted)
{
    if (it->kind == WR_ITEM_ERROR)
        return wr_wire_error(it->text, r->err);
    return weir_fail(r->err, WEIR_ERR_FORMAT,
                     "the server's reply has %s (%lld) where %s should be; is it another "
                     "version of Weir?",
                     kind_text(it->kind), (long long)it->n, wanted);
}

static weir_status expect(reader *r, wr_item_kind kind, int64_t low, int64_t high,
                          wr_item *out, const char *wanted)
{
    weir_status st = item(r, out);
    if (st == WEIR_OK && (out->kind != kind || out->n < low || out->n > high))
        st = unexpected(r, out, wanted);
    return st;
}

/* An array of pairs: `n` of them, at most so many. */
static weir_status expect_pairs(reader *r, int64_t most, int64_t *n, const char *wanted)
{
    wr_item it = {0};
    weir_status st = expect(r, WR_ITEM_ARRAY, 0, 2 * most, &it, wanted);
    if (st == WEIR_OK && it.n % 2 != 0)
        st = unexpected(r, &it, wanted);
    *n = it.n / 2;
    return st;
}

static weir_status expect_int(reader *r, int64_t *out, const char *wanted)
{
    wr_item it;
    weir_status st = expect(r, WR_ITEM_INTEGER, INT64_MIN, INT64_MAX, &it, wanted);
    if (st == WEIR_OK)
        *out = it.n;
    return st;
}

/* A short text into buf, NUL-terminated. */
static weir_status expect_text(reader *r, char *buf, size_t room, size_t *n,
                               const char *wanted)
{
    wr_item it;
    weir_status st = expect(r, WR_ITEM_BULK, 0, (int64_t)room - 1, &it, wanted);
    if (st == WEIR_OK)
        st = take_bytes(r, buf, (size_t)it.n);
    if (st != WEIR_OK)
        return st;
    buf[it.n] = '\0';
    *n = (size_t)it.n;
    return WEIR_OK;
}

/* ---- tensors ---- */

/* type, [extents]: two items, into a view without memory. */
static weir_status read_shape(reader *r, weir_tensor *out)
{
    char word[16];
    size_t n = 0;
    wr_item it = {0};
    int64_t shape[WEIR_RANK_MAX];
    weir_dtype dtype = WEIR_U8;
    weir_status st = expect_text(r, word, sizeof word, &n, "an element type");
    if (st == WEIR_OK && weir_dtype_parse((weir_str){word, n}, &dtype) != WEIR_OK)
        st = weir_fail(r->err, WEIR_ERR_FORMAT, "the server sent an element type '%s'",
                       word);
    if (st == WEIR_OK)
        st = expect(r, WR_ITEM_ARRAY, 0, WEIR_RANK_MAX, &it, "a tensor's extents");
    for (int64_t i = 0; i < it.n && st == WEIR_OK; i++)
        st = expect_int(r, &shape[i], "an extent");
    return st == WEIR_OK ? weir_tensor_init(out, NULL, dtype, (int)it.n, shape, r->err)
                         : st;
}

/* Bytes at the end of the view's shape that lie without a gap in memory. */
static size_t run_bytes(const weir_tensor *t, int *outer)
{
    size_t run = weir_dtype_bytes(t->dtype);
    int d = t->rank;
    while (d > 0 && (t->shape[d - 1] == 1 || t->stride[d - 1] == (int64_t)run)) {
        run *= (size_t)t->shape[d - 1];
        d--;
    }
    *outer = d;
    return run;
}

/* Rows [first, first + n) of the first extent through a staging buffer. */
static weir_status scatter_rows(reader *r, const weir_tensor *into, int64_t first,
                                int64_t n, void *stage)
{
    weir_tensor to = *into, from;
    to.data = (char *)into->data + first * into->stride[0];
    to.shape[0] = n;
    weir_status st = weir_tensor_init(&from, stage, to.dtype, to.rank, to.shape, r->err);
    if (st == WEIR_OK)
        st = take_bytes(r, stage, weir_tensor_bytes(&from));
    if (st == WEIR_OK)
        st = weir_tensor_copy(&to, &from, r->err);
    r->rep->copied_bytes += weir_tensor_bytes(&from);
    return st;
}

static weir_status scatter(reader *r, const weir_tensor *into)
{
    size_t row = weir_tensor_bytes(into) / (size_t)into->shape[0];
    int64_t rows = (int64_t)(STAGE / row) + 1;
    rows = rows < into->shape[0] ? rows : into->shape[0];
    void *stage = wr_alloc((size_t)rows * row);
    if (stage == NULL)
        return weir_fail(r->err, WEIR_ERR_NOMEM, "no memory to unpack %zu bytes",
                         (size_t)rows * row);
    weir_status st = WEIR_OK;
    for (int64_t i = 0; i < into->shape[0] && st == WEIR_OK; i += rows)
        st = scatter_rows(r, into, i,
                          rows < into->shape[0] - i ? rows : into->shape[0] - i, stage);
    wr_free(stage);
    return st;
}

/* Long runs are read in place, one after the other: an odometer over the outer extents. */
static weir_status read_runs(reader *r, const weir_tensor *into, size_t run, int outer)
{
    int64_t at[WEIR_RANK_MAX] = {0};
    for (;;) {
        char *p = into->data;
        for (int d = 0; d < outer; d++)
            p += at[d] * into->stride[d];
        weir_status st = take_bytes(r, p, run);
        if (st != WEIR_OK)
            return st;
        int d = outer - 1;
        while (d >= 0 && ++at[d] == into->shape[d])
            at[d--] = 0;
        if (d < 0)
            return WEIR_OK;
    }
}

/* A bulk of as many bytes as the tensor has: said by the server before any memory is asked for. */
static weir_status expect_bytes(reader *r, const weir_tensor *t)
{
    wr_item it;
    int64_t n = (int64_t)weir_tensor_bytes(t);
    return expect(r, WR_ITEM_BULK, n, n, &it, "a tensor's bytes");
}

/* The bytes of that bulk into memory of that type and shape, any strides. */
static weir_status take_into(reader *r, const weir_tensor *into)
{
    int outer;
    if (weir_tensor_bytes(into) == 0)
        return WEIR_OK;
    size_t run = run_bytes(into, &outer);
    if (outer == 0 || run >= DIRECT)
        return read_runs(r, into, run, outer);
    return scatter(r, into);
}

static weir_status read_strings(reader *r, const weir_tensor *like, weir_buffer **out)
{
    wr_item it;
    weir_status st = expect(r, WR_ITEM_BULK, 0, INT32_MAX, &it, "a tensor's strings");
    char *bytes = st == WEIR_OK ? wr_alloc((size_t)it.n + 1) : NULL;
    if (st == WEIR_OK && bytes == NULL)
        st = weir_fail(r->err, WEIR_ERR_NOMEM, "no memory for %lld bytes",
                       (long long)it.n);
    if (st == WEIR_OK)
        st = take_bytes(r, bytes, (size_t)it.n);
    if (st == WEIR_OK)
        st = wr_wire_strings(out, (weir_str){bytes, (size_t)it.n}, like->rank,
                             like->shape, r->err);
    wr_free(bytes);
    return st;
}

/* The rest of a tensor whose type and shape have been read, into a new buffer. */
static weir_status read_buffer(reader *r, const weir_tensor *like, weir_buffer **out)
{
    weir_buffer *b = NULL;
    if (like->dtype == WEIR_STRING)
        return read_strings(r, like, out);
    weir_status st = expect_bytes(r, like);
    if (st == WEIR_OK)
        st = weir_buffer_new(&b, like->dtype, like->rank, like->shape, r->err);
    if (st == WEIR_OK) {
        weir_tensor into = weir_buffer_view(b);
        st = take_into(r, &into);
    }
    if (st == WEIR_OK)
        *out = b;
    else
        weir_buffer_unref(b);
    return st;
}

/* The rest of a tensor whose type and shape have been read; `into` NULL: into a new buffer. */
static weir_status read_rest(reader *r, weir_str key, const weir_tensor *held,
                             const weir_tensor *into, weir_buffer **out)
{
    if (into == NULL)
        return read_buffer(r, held, out);
    weir_status st = wr_check_same(key, held, into, r->err);
    if (st == WEIR_OK && held->dtype == WEIR_STRING)
        st = weir_fail(r->err, WEIR_ERR_UNSUPPORTED,
                       "tensor '%.*s' holds strings: get them with weir_fetch",
                       WR_NAME(key));
    if (st == WEIR_OK)
        st = expect_bytes(r, into);
    return st == WEIR_OK ? take_into(r, into) : st;
}

static weir_status read_tensor(reader *r, weir_str key, const weir_tensor *into,
                               weir_buffer **out)
{
    wr_item it;
    weir_tensor held;
    weir_status st = expect(r, WR_ITEM_ARRAY, 3, 3, &it, "a tensor");
    if (st == WEIR_OK)
        st = read_shape(r, &held);
    return st == WEIR_OK ? read_rest(r, key, &held, into, out) : st;
}

/* One tensor, or null. */
static weir_status read_one(reader *r, const wr_req *req)
{
    wr_item it;
    weir_tensor held;
    const weir_tensor *into = req->give_buffers ? NULL : req->out;
    weir_status st = item(r, &it);
    if (st != WEIR_OK || (it.kind == WR_ITEM_NULL && req->command == WR_CMD_take))
        return st;
    if (it.kind != WR_ITEM_ARRAY || it.n != 3)
        return unexpected(r, &it, "a tensor");
    st = read_shape(r, &held);
    if (st == WEIR_OK)
        st = read_rest(r, req->key, &held, into, &r->rep->buffer[0]);
    r->rep->n_buffers = st == WEIR_OK && into == NULL;
    return st;
}

static weir_status read_outputs(reader *r, const wr_req *req)
{
    wr_item it;
    weir_status st = expect(r, WR_ITEM_ARRAY, req->n_out, req->n_out, &it,
                            "as many tensors as asked for");
    for (int i = 0; i < req->n_out && st == WEIR_OK; i++) {
        st = read_tensor(r, req->key, req->give_buffers ? NULL : &req->out[i],
                         &r->rep->buffer[i]);
        r->rep->n_buffers += st == WEIR_OK && req->give_buffers;
    }
    return st;
}

static weir_status read_steps(reader *r, const wr_req *req)
{
    wr_item it;
    int64_t n = 0;
    for (size_t i = 0; i < req->steps->n; i++)
        n += req->steps->step[i].kind == WR_STEP_GET;
    weir_status st =
        expect(r, WR_ITEM_ARRAY, n, n, &it, "as many tensors as were fetched");
    for (size_t i = 0; i < req->steps->n && st == WEIR_OK; i++) {
        const wr_step *step = &req->steps->step[i];
        if (step->kind == WR_STEP_GET)
            st = read_tensor(r, step->name, &step->t, NULL);
    }
    return st;
}

/* ---- datasets ---- */

/* Memory grows with the bytes that come, not with those that are promised. */
static weir_status read_text(reader *r, wr_text *out, weir_str *at, const char *wanted)
{
    wr_item it;
    char part[4096];
    size_t begin = out->n;
    weir_status st = expect(r, WR_ITEM_BULK, 0, INT32_MAX, &it, wanted);
    while (st == WEIR_OK && r->bulk > 0) {
        size_t n = r->bulk < (int64_t)sizeof part ? (size_t)r->bulk : sizeof part;
        st = take_bytes(r, part, n);
        wr_text_add(out, part, st == WEIR_OK ? n : 0);
        if (st == WEIR_OK && out->failed)
            st = weir_fail(r->err, WEIR_ERR_NOMEM, "no memory for a dataset's metadata");
    }
    at->p = (const char *)(uintptr_t)begin; /* an offset until the text stops growing */
    at->n = out->n - begin;
    return st;
}

static weir_status read_fields(reader *r, wr_fields **out)
{
    int64_t pairs = 0;
    wr_text bytes = {0};
    wr_field *f = NULL;
    weir_status st = expect_pairs(r, WR_WIRE_TENSORS_MAX, &pairs, "a dataset's metadata");
    size_t n = st == WEIR_OK ? (size_t)pairs : 0;
    if (st == WEIR_OK && (f = wr_calloc(n + 1, sizeof *f)) == NULL)
        st = weir_fail(r->err, WEIR_ERR_NOMEM, "no memory for a dataset's metadata");
    for (size_t i = 0; i < n && st == WEIR_OK; i++) {
        st = read_text(r, &bytes, &f[i].name, "a field's name");
        if (st == WEIR_OK)
            st = read_text(r, &bytes, &f[i].bytes, "a field's bytes");
    }
    for (size_t i = 0; i < n && st == WEIR_OK && bytes.p != NULL; i++) {
        f[i].name.p = bytes.p + (uintptr_t)f[i].name.p;
        f[i].bytes.p = bytes.p + (uintptr_t)f[i].bytes.p;
    }
    if (st == WEIR_OK)
        st = wr_fields_new(out, f, n, r->err);
    wr_free(f);
    wr_text_fini(&bytes);
    return st;
}

static weir_status read_member(reader *r, weir_dataset *ds)
{
    wr_item it;
    wr_text text = {0};
    weir_str name = {0};
    weir_tensor held;
    weir_buffer *b = NULL;
    weir_status st = expect(r, WR_ITEM_ARRAY, 4, 4, &it, "a dataset's tensor");
    if (st == WEIR_OK)
        st = read_text(r, &text, &name, "a tensor's name");
    if (st == WEIR_OK)
        st = read_shape(r, &held);
    if (st == WEIR_OK)
        st = read_buffer(r, &held, &b);
    if (st == WEIR_OK)
        st = weir_dataset_add_buffer(ds, (weir_str){text.p, name.n}, b, r->err);
    weir_buffer_unref(b);
    wr_text_fini(&text);
    return st;
}

static weir_status read_dataset(reader *r, weir_str name, weir_dataset **out)
{
    wr_item it = {0};
    wr_fields *fields = NULL;
    weir_dataset *ds = NULL;
    weir_str *names = NULL;
    size_t n_names;
    weir_status st = expect(r, WR_ITEM_ARRAY, 2, 2, &it, "a dataset");
    if (st == WEIR_OK)
        st = read_fields(r, &fields);
    if (st == WEIR_OK)
        st = wr_metadata_decode(&ds, name, fields, &names, &n_names, r->err);
    if (st == WEIR_OK)
        st = expect(r, WR_ITEM_ARRAY, 0, WR_WIRE_TENSORS_MAX, &it, "a dataset's tensors");
    for (int64_t i = 0; st == WEIR_OK && i < it.n; i++)
        st = read_member(r, ds);
    wr_free(names);
    wr_fields_unref(fields);
    if (st == WEIR_OK)
        *out = ds;
    else
        weir_dataset_free(ds);
    return st;
}

/* ---- models ---- */

/* Chunks of unknown sizes: the first is read in place, later ones make the buffer grow. */
static weir_status read_chunks(reader *r, weir_buffer **out)
{
    wr_item it, chunk;
    weir_buffer *b = NULL;
    int64_t n = 0;
    weir_status st = expect(r, WR_ITEM_ARRAY, 1, 1 << 20, &it, "chunks of bytes");
    for (int64_t i = 0; st == WEIR_OK && i < it.n; i++) {
        weir_buffer *bigger = NULL;
        st = expect(r, WR_ITEM_BULK, 0, INT64_MAX / 2 - n, &chunk, "a chunk of bytes");
        int64_t total = st == WEIR_OK ? n + chunk.n : 0;
        if (st == WEIR_OK)
            st = weir_buffer_new(&bigger, WEIR_U8, 1, &total, r->err);
        if (st != WEIR_OK)
            break;
        char *p = weir_buffer_view(bigger).data;
        if (n > 0)
            memcpy(p, weir_buffer_view(b).data, (size_t)n);
        weir_buffer_unref(b);
        b = bigger;
        st = take_bytes(r, p + n, (size_t)chunk.n);
        n = total;
    }
    if (st == WEIR_OK)
        *out = b;
    else
        weir_buffer_unref(b);
    return st;
}

static weir_status read_io(reader *r, weir_io *io, int *n)
{
    wr_item it = {0};
    size_t used;
    weir_status st = expect(r, WR_ITEM_ARRAY, 0, WEIR_IO_MAX, &it, "inputs or outputs");
    *n = (int)it.n;
    for (int i = 0; st == WEIR_OK && i < *n; i++) {
        char word[16];
        int64_t rank = 0;
        st = expect(r, WR_ITEM_ARRAY, 4, 4, &it, "an input or output");
        if (st == WEIR_OK)
            st = expect_text(r, io[i].name, sizeof io[i].name, &used, "its name");
        if (st == WEIR_OK)
            st = expect_text(r, word, sizeof word, &used, "its element type");
        if (st == WEIR_OK && weir_dtype_parse((weir_str){word, used}, &io[i].dtype) != 0)
            st = weir_fail(r->err, WEIR_ERR_FORMAT, "the server sent a type '%s'", word);
        if (st == WEIR_OK)
            st = expect_int(r, &rank, "its rank");
        io[i].rank = (int)rank;
        if (st == WEIR_OK)
            st = expect(r, WR_ITEM_ARRAY, rank < 0 ? 0 : rank,
                        rank > WEIR_RANK_MAX ? -1
                        : rank < 0           ? 0
                                             : rank,
                        &it, "its shape");
        for (int64_t d = 0; st == WEIR_OK && d < it.n; d++)
            st = expect_int(r, &io[i].shape[d], "an extent");
    }
    return st;
}

static weir_status read_bins(reader *r, uint64_t *bins)
{
    wr_item it;
    weir_status st =
        expect(r, WR_ITEM_ARRAY, WEIR_BATCH_BINS, WEIR_BATCH_BINS, &it, "a histogram");
    for (int i = 0; st == WEIR_OK && i < WEIR_BATCH_BINS; i++) {
        int64_t v = 0;
        st = expect_int(r, &v, "a count");
        bins[i] = (uint64_t)v;
    }
    return st;
}

static weir_status read_value(reader *r, const wr_label *l, void *object)
{
    char text[256], *m = (char *)object + l->at;
    size_t n = 0;
    if (l->type == WR_LABEL_IO)
        return read_io(r, (weir_io *)(void *)m,
                       (int *)(void *)((char *)object + l->count));
    if (l->type == WR_LABEL_BINS)
        return read_bins(r, (uint64_t *)(void *)m);
    weir_status st = expect_text(r, text, sizeof text, &n, l->name);
    if (st == WEIR_OK && !wr_label_parse(l, object, (weir_str){text, n}))
        st = weir_fail(r->err, WEIR_ERR_FORMAT, "the server sent '%s' as %s", text,
                       l->name);
    return st;
}

static weir_status read_labels(reader *r, const wr_label *table, void *object)
{
    int64_t n = 0;
    weir_status st = expect_pairs(r, 256, &n, "labels and values");
    for (int64_t i = 0; st == WEIR_OK && i < n; i++) {
        char name[64];
        size_t used = 0;
        st = expect_text(r, name, sizeof name, &used, "a label");
        const wr_label *l = wr_label_find(table, (weir_str){name, used});
        if (st == WEIR_OK && l == NULL)
            return weir_fail(r->err, WEIR_ERR_FORMAT, "the server sent a label '%s'",
                             name);
        if (st == WEIR_OK)
            st = read_value(r, l, object);
    }
    return st;
}

/* ---- whole replies ---- */

static weir_status read_status(reader *r)
{
    wr_item it;
    weir_status st = item(r, &it);
    return st == WEIR_OK && it.kind != WR_ITEM_STATUS ? unexpected(r, &it, "OK") : st;
}

static weir_status read_pair(reader *r, weir_tensor *out)
{
    wr_item it;
    weir_status st = expect(r, WR_ITEM_ARRAY, 2, 2, &it, "a type and a shape");
    return st == WEIR_OK ? read_shape(r, out) : st;
}

static weir_status read_reply(reader *r, const wr_req *req)
{
    wr_rep *rep = r->rep;
    int64_t n = 0;
    weir_status st;
    switch (wr_forms[req->command].reply) {
    case WR_REPLY_ok:
        return read_status(r);
    case WR_REPLY_flag:
        st = expect_int(r, &n, "0 or 1");
        rep->flag = n != 0;
        return st;
    case WR_REPLY_number:
        return expect_int(r, &rep->number, "a number");
    case WR_REPLY_tensor:
        return read_one(r, req);
    case WR_REPLY_shape:
        return read_pair(r, &rep->tensor);
    case WR_REPLY_tensors:
        return read_outputs(r, req);
    case WR_REPLY_steps:
        return read_steps(r, req);
    case WR_REPLY_dataset:
        return read_dataset(r, wr_layout_name(req->key), &rep->dataset);
    case WR_REPLY_bytes:
        st = read_chunks(r, &rep->buffer[0]);
        rep->n_buffers = st == WEIR_OK;
        return st;
    case WR_REPLY_info:
        return read_labels(r, wr_info_labels, rep->info);
    case WR_REPLY_stats:
        return read_labels(r, wr_stats_labels, rep->stats);
    case WR_REPLY_none:
    case WR_REPLY_COUNT:
        break;
    }
    return weir_fail(r->err, WEIR_ERR_INTERNAL, "a command without a reply");
}

weir_status wr_wire_read_reply(wr_source *s, const wr_req *req, wr_rep *rep, bool *whole,
                               weir_error *err)
{
    weir_error own;
    reader r = {.s = s, .left = {1}, .rep = rep, .err = err == NULL ? &own : err};
    rep->n_buffers = 0;
    rep->copied_bytes = 0;
    weir_status st = read_reply(&r, req);
    if (st != WEIR_OK) {
        for (int i = 0; i < rep->n_buffers; i++)
            weir_buffer_unref(rep->buffer[i]);
        rep->n_buffers = 0;
        if (!r.broken)
            drain(&r);
    }
    *whole = !r.broken;
    return st;
}

/* ---- errors ---- */

weir_status wr_wire_error(weir_str line, weir_error *err)
{
    static const struct {
        const char *word;
        weir_status st;
    } foreign[] = {{"WRONGTYPE", WEIR_ERR_KIND},     {"OOM", WEIR_ERR_FULL},
                   {"LOADING", WEIR_ERR_BUSY},       {"NOAUTH", WEIR_ERR_ARG},
                   {"NOPERM", WEIR_ERR_ARG},         {"WRONGPASS", WEIR_ERR_ARG},
                   {"READONLY", WEIR_ERR_CLOSED},    {"MISCONF", WEIR_ERR_IO},
                   {"CLUSTERDOWN", WEIR_ERR_CLOSED}, {"CROSSSLOT", WEIR_ERR_ARG}};
    const char *space = line.n == 0 ? NULL : memchr(line.p, ' ', line.n);
    weir_str word = {line.p, space == NULL ? line.n : (size_t)(space - line.p)};
    int n = line.n > 480 ? 480 : (int)line.n;
    bool bare = line.n <= word.n + 1; /* no reason given */
#define X(name, value, text)                                                             \
    if (value != 0 && wr_word_is(word, #name))                                           \
        return weir_fail(err, (weir_status)(value), "%.*s",                              \
                         bare ? 60 : n - (int)word.n - 1, bare ? text : space + 1);
    WEIR_STATUS_MAP(X)
#undef X
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        if (wr_word_is(word, foreign[i].word))
            return weir_fail(err, foreign[i].st, "the server says: %.*s", n, line.p);
    }
    return weir_fail(err, WEIR_ERR_MODEL, "the server says: %.*s", n,
                     line.n == 0 ? "" : line.p);
}
