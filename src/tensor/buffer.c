/* SPDX-License-Identifier: BSD-3-Clause */
/* Reference-counted buffers over the pool's blocks: new, packed copy, wrapped memory. */
#include "tensor/buffer.h"

#include <assert.h>

#include "base/alloc.h"
#include "base/ref.h"
#include "tensor/kernels.h"
#include "tensor/pool.h"

struct weir_buffer {
    wr_block block; /* first: a buffer is its block */
    wr_ref ref;
    bool is_read_only;
    size_t n_bytes; /* elements and characters */
    void (*release)(void *context);
    void *context;
    weir_tensor view;
};

static_assert(sizeof(struct weir_buffer) <= WR_BLOCK_HEADER,
              "a buffer's header fits its block");

static weir_status take_buffer(weir_buffer **out, size_t n_data, weir_error *err)
{
    wr_block *block = wr_pool_take(n_data);
    if (block == NULL)
        return weir_fail(err, WEIR_ERR_NOMEM,
                         "buffer: no memory for %zu bytes (%zu are in use by buffers)",
                         n_data, weir_memory_info().in_use_bytes);
    weir_buffer *b = (weir_buffer *)(void *)block;
    wr_ref_init(&b->ref);
    b->is_read_only = false;
    b->n_bytes = n_data;
    b->release = NULL;
    b->context = NULL;
    *out = b;
    return WEIR_OK;
}

weir_status weir_buffer_new(weir_buffer **out, weir_dtype dtype, int rank,
                            const int64_t *shape, weir_error *err)
{
    weir_tensor view;
    weir_buffer *b;
    if (out == NULL)
        return weir_fail(err, WEIR_ERR_ARG,
                         "buffer: no place for the result (null pointer)");
    weir_status st = weir_tensor_init(&view, NULL, dtype, rank, shape, err);
    if (st == WEIR_OK)
        st = take_buffer(&b, weir_tensor_bytes(&view), err);
    if (st != WEIR_OK)
        return st;
    b->view = view;
    b->view.data = b->block.data;
    if (dtype == WEIR_STRING)
        memset(b->view.data, 0, b->n_bytes);
    *out = b;
    return WEIR_OK;
}

/* Step to the next element in C order; false after the last one. */
static bool next_element(const weir_tensor *t, int64_t *at, const char **p)
{
    for (int i = t->rank - 1; i >= 0; i--) {
        *p += t->stride[i];
        if (++at[i] < t->shape[i])
            return true;
        *p -= t->stride[i] * t->shape[i];
        at[i] = 0;
    }
    return false;
}

static weir_status add_characters(const weir_tensor *t, size_t *bytes, weir_error *err)
{
    int64_t at[WEIR_RANK_MAX] = {0};
    const char *p = t->data;
    size_t i = 0;
    do {
        weir_str s;
        memcpy(&s, p, sizeof s);
        if (s.p == NULL && s.n > 0)
            return weir_fail(
                err, WEIR_ERR_ARG,
                "tensor of strings: element %zu is a null pointer with length %zu", i,
                s.n);
        if (!wr_add(*bytes, s.n, bytes) || !wr_add(*bytes, 1, bytes) ||
            *bytes > PTRDIFF_MAX)
            return weir_fail(
                err, WEIR_ERR_SHAPE,
                "tensor of strings: element %zu of length %zu makes more than %td "
                "bytes in all",
                i, s.n, PTRDIFF_MAX);
        i++;
    } while (next_element(t, at, &p));
    return WEIR_OK;
}

weir_status wr_buffer_packed_bytes(const weir_tensor *t, size_t *bytes, weir_error *err)
{
    weir_status st = weir_tensor_check(t, err);
    if (st != WEIR_OK)
        return st;
    size_t n = weir_tensor_bytes(t);
    bool is_host = t->device.kind == 0 || t->device.kind == WEIR_CPU;
    if (t->dtype == WEIR_STRING && n > 0 && is_host)
        st = add_characters(t, &n, err);
    if (st == WEIR_OK)
        *bytes = n;
    return st;
}

/* Turn the packed views of foreign characters into views of copies behind the array. */
static void take_characters(const weir_tensor *t)
{
    size_t n = weir_tensor_count(t);
    weir_str *s = t->data;
    char *chars = (char *)(s + n);
    for (size_t i = 0; i < n; i++) {
        if (s[i].n > 0)
            memcpy(chars, s[i].p, s[i].n);
        s[i].p = chars;
        chars += s[i].n;
        *chars++ = '\0';
    }
}

/* Fill a packed view. Most are filled by one run of bytes: `to` was written a moment ago, and reading it
 * back so soon would wait for that. */
static weir_status pack(const weir_tensor *to, const weir_tensor *from, weir_error *err)
{
    bool is_string = from->dtype == WEIR_STRING;
    bool is_plain = !is_string && from->data != NULL && from->device.kind == 0;
    if (is_plain && weir_tensor_is_contiguous(from)) {
        wr_copy_bytes(to->data, from->data, weir_tensor_bytes(from));
        return WEIR_OK;
    }
    weir_status st = weir_tensor_copy(to, from, err);
    if (st == WEIR_OK && is_string)
        take_characters(to);
    return st;
}

weir_status wr_buffer_copy(weir_buffer **out, const weir_tensor *from, size_t bytes,
                           weir_error *err)
{
    weir_buffer *b = NULL;
    weir_status st = take_buffer(&b, bytes, err);
    if (st != WEIR_OK)
        return st;
    st = weir_tensor_init(&b->view, b->block.data, from->dtype, from->rank, from->shape,
                          err);
    if (st == WEIR_OK)
        st = pack(&b->view, from, err);
    if (st != WEIR_OK) {
        weir_buffer_unref(b);
        return st;
    }
    *out = b;
    return WEIR_OK;
}

weir_status weir_buffer_from(weir_buffer **out, const weir_tensor *from, weir_error *err)
{
    size_t bytes;
    if (out == NULL)
        return weir_fail(err, WEIR_ERR_ARG,
                         "buffer: no place for the result (null pointer)");
    weir_status st = wr_buffer_packed_bytes(from, &bytes, err);
    return st == WEIR_OK ? wr_buffer_copy(out, from, bytes, err) : st;
}

weir_status weir_buffer_wrap(weir_buffer **out, const weir_tensor *view,
                             void (*release)(void *context), void *context,
                             weir_error *err)
{
    weir_buffer *b;
    size_t bytes;
    if (out == NULL)
        return weir_fail(err, WEIR_ERR_ARG,
                         "buffer: no place for the result (null pointer)");
    weir_status st = wr_buffer_packed_bytes(view, &bytes, err);
    if (st == WEIR_OK)
        st = take_buffer(&b, 0, err);
    if (st != WEIR_OK)
        return st;
    b->view = *view;
    b->n_bytes = bytes;
    b->release = release;
    b->context = context;
    *out = b;
    return WEIR_OK;
}

weir_buffer *weir_buffer_ref(weir_buffer *b)
{
    if (b != NULL)
        wr_ref_up(&b->ref);
    return b;
}

void weir_buffer_unref(weir_buffer *b)
{
    if (b == NULL || !wr_ref_down(&b->ref))
        return;
    if (b->release != NULL)
        b->release(b->context);
    wr_pool_give(&b->block);
}

weir_tensor weir_buffer_view(const weir_buffer *b)
{
    return b->view;
}

const weir_tensor *wr_buffer_tensor(const weir_buffer *b)
{
    return &b->view;
}

int weir_buffer_refs(const weir_buffer *b)
{
    return wr_ref_count(&b->ref);
}

size_t wr_buffer_footprint(const weir_buffer *b)
{
    return b->n_bytes;
}

bool wr_buffer_is_read_only(const weir_buffer *b)
{
    return b->is_read_only;
}

void wr_buffer_set_read_only(weir_buffer *b)
{
    b->is_read_only = true;
}

void *wr_buffer_context(const weir_buffer *b, void (*release)(void *context))
{
    return b->release == release ? b->context : NULL;
}

void wr_buffer_move(weir_buffer *b, void *data)
{
    b->view.data = data;
}
