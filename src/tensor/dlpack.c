/* SPDX-License-Identifier: BSD-3-Clause */
/* DLPack in and out, without copies; who made the memory frees it. */
#include "tensor/dlpack.h"

#include <inttypes.h>

#include "base/alloc.h"
#include "tensor/buffer.h"

/* What an exported tensor points to. */
typedef struct exported {
    DLManagedTensorVersioned managed;
    weir_buffer *buffer; /* one reference */
    int64_t shape[WEIR_RANK_MAX];
    int64_t strides[WEIR_RANK_MAX];
} exported;

typedef struct type_row {
    uint8_t code;
    uint8_t bits;
} type_row;

static const type_row types[] = {
#define X(name, bytes, code, bits, wire) {code, bits},
    WEIR_DTYPE_MAP(X)
#undef X
};

static void delete_exported(DLManagedTensorVersioned *m)
{
    exported *e = m->manager_ctx;
    weir_buffer_unref(e->buffer);
    wr_free(e);
}

weir_status weir_buffer_to_dlpack(weir_buffer *b, struct DLManagedTensorVersioned **out,
                                  weir_error *err)
{
    if (b == NULL || out == NULL)
        return weir_fail(err, WEIR_ERR_ARG, "DLPack export: %s is a null pointer",
                         b == NULL ? "the buffer" : "the place for the result");
    weir_tensor t = weir_buffer_view(b);
    int64_t each = (int64_t)weir_dtype_bytes(t.dtype);
    if (t.dtype == WEIR_STRING)
        return weir_fail(err, WEIR_ERR_DTYPE,
                         "DLPack export: %s elements can't travel, only numbers can",
                         weir_dtype_name(t.dtype));
    for (int i = 0; i < t.rank; i++) {
        if (t.stride[i] % each != 0 && t.shape[i] > 1)
            return weir_fail(err, WEIR_ERR_ARG,
                             "DLPack export: stride %" PRId64
                             " of dimension %d of %d is no multiple "
                             "of %" PRId64 " bytes: copy the tensor first",
                             t.stride[i], i, t.rank, each);
    }
    exported *e = wr_calloc(1, sizeof *e);
    if (e == NULL)
        return weir_fail(err, WEIR_ERR_NOMEM, "DLPack export: no memory for %zu bytes",
                         sizeof *e);
    for (int i = 0; i < t.rank; i++) {
        e->shape[i] = t.shape[i];
        e->strides[i] = t.stride[i] / each;
    }
    /* Somebody else may see the elements unless the caller holds the only reference. */
    bool is_shared = weir_buffer_refs(b) != 1 || wr_buffer_is_read_only(b);
    e->buffer = weir_buffer_ref(b);
    e->managed = (DLManagedTensorVersioned){
        .version = {WR_DLPACK_MAJOR, WR_DLPACK_MINOR},
        .manager_ctx = e,
        .deleter = delete_exported,
        .flags = is_shared ? WR_DLPACK_READ_ONLY : 0,
        .dl_tensor = {.data = t.data,
                      .device = {t.device.kind == 0 ? WR_DLPACK_CPU
                                                    : (int32_t)t.device.kind,
                                 t.device.index},
                      .ndim = t.rank,
                      .dtype = {types[t.dtype].code, types[t.dtype].bits, 1},
                      .shape = e->shape,
                      .strides = e->strides},
    };
    *out = &e->managed;
    return WEIR_OK;
}

static weir_status import_type(const DLDataType *type, weir_dtype *out, weir_error *err)
{
    for (int i = 0; i < WEIR_DTYPE_COUNT; i++) {
        if (i != WEIR_STRING && types[i].code == type->code &&
            types[i].bits == type->bits && type->lanes == 1) {
            *out = (weir_dtype)i;
            return WEIR_OK;
        }
    }
    return weir_fail(
        err, WEIR_ERR_DTYPE,
        "DLPack import: type code %u with %u bits and %u lanes is not known here",
        type->code, type->bits, type->lanes);
}

static weir_status import_device(const DLDevice *device, weir_device *out,
                                 weir_error *err)
{
    switch (device->device_type) {
    case WR_DLPACK_CPU:
    case WR_DLPACK_CUDA_HOST:
    case WR_DLPACK_ROCM_HOST:
        *out = (weir_device){WEIR_CPU, 0};
        return WEIR_OK;
    case WR_DLPACK_CUDA:
        *out = (weir_device){WEIR_CUDA, device->device_id};
        return WEIR_OK;
    case WR_DLPACK_ROCM:
        *out = (weir_device){WEIR_ROCM, device->device_id};
        return WEIR_OK;
    default:
        return weir_fail(
            err, WEIR_ERR_ARG,
            "DLPack import: device type %d is not known here: copy the tensor to the "
            "host (%d), CUDA (%d) or ROCm (%d)",
            (int)device->device_type, WR_DLPACK_CPU, WR_DLPACK_CUDA, WR_DLPACK_ROCM);
    }
}

/* Strides to bytes. Those that no element is reached by may hold anything: C order's stay. */
static weir_status import_strides(const DLTensor *dl, weir_tensor *t, weir_error *err)
{
    if (dl->strides == NULL || weir_tensor_count(t) == 0)
        return WEIR_OK;
    int64_t each = (int64_t)weir_dtype_bytes(t->dtype);
    for (int i = 0; i < t->rank; i++) {
        if (t->shape[i] > 1 &&
            __builtin_mul_overflow(dl->strides[i], each, &t->stride[i]))
            return weir_fail(err, WEIR_ERR_SHAPE,
                             "DLPack import: stride %" PRId64
                             " of dimension %d of %d times %" PRId64 " bytes overflows",
                             dl->strides[i], i, t->rank, each);
    }
    return WEIR_OK;
}

static weir_status import_view(const DLTensor *dl, weir_tensor *t, weir_error *err)
{
    weir_dtype dtype = WEIR_F32;
    weir_device device = {WEIR_CPU, 0};
    uintptr_t at = (uintptr_t)dl->data;
    weir_status st = import_type(&dl->dtype, &dtype, err);
    if (st == WEIR_OK)
        st = import_device(&dl->device, &device, err);
    if (st == WEIR_OK)
        st = weir_tensor_init(t, NULL, dtype, dl->ndim, dl->shape, err);
    if (st != WEIR_OK)
        return st;
    t->device = device;
    if (dl->data != NULL) {
        if (dl->byte_offset > UINTPTR_MAX - at)
            return weir_fail(err, WEIR_ERR_SHAPE,
                             "DLPack import: byte offset %" PRIu64
                             " from %p is beyond the address "
                             "space",
                             dl->byte_offset, dl->data);
        t->data = (char *)dl->data + dl->byte_offset;
    }
    return import_strides(dl, t, err);
}

static void delete_imported(void *context)
{
    DLManagedTensorVersioned *m = context;
    if (m->deleter != NULL)
        m->deleter(m);
}

weir_status weir_buffer_from_dlpack(weir_buffer **out,
                                    struct DLManagedTensorVersioned *dl, weir_error *err)
{
    weir_tensor t;
    weir_buffer *b;
    if (out == NULL || dl == NULL)
        return weir_fail(err, WEIR_ERR_ARG, "DLPack import: %s is a null pointer",
                         dl == NULL ? "the managed tensor" : "the place for the result");
    if (dl->version.major != WR_DLPACK_MAJOR)
        return weir_fail(err, WEIR_ERR_FORMAT,
                         "DLPack import: version %" PRIu32 ".%" PRIu32
                         " is not known here, only "
                         "%d.x: use a matching producer",
                         dl->version.major, dl->version.minor, WR_DLPACK_MAJOR);
    weir_status st = import_view(&dl->dl_tensor, &t, err);
    if (st == WEIR_OK)
        st = weir_buffer_wrap(&b, &t, delete_imported, dl, err);
    if (st != WEIR_OK)
        return st;
    if ((dl->flags & WR_DLPACK_READ_ONLY) != 0)
        wr_buffer_set_read_only(b);
    *out = b;
    return WEIR_OK;
}
