/* SPDX-License-Identifier: BSD-3-Clause */
/* A walk over protobuf: ModelProto.graph.initializer.dims. Field numbers from onnx.proto. */
#include "scan.h"

enum {
    MODEL_IR_VERSION = 1,
    MODEL_GRAPH = 7,
    GRAPH_INITIALIZER = 5,
    TENSOR_DIMS = 1,
    TENSOR_TYPE = 2
};
enum { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };
enum { TYPE_INT64 = 7, TYPE_STRING = 8, TYPE_BOOL = 9 };

typedef struct cursor {
    const uint8_t *p, *end;
} cursor;

typedef struct field {
    uint64_t number;
    int wire;
    uint64_t value; /* of a varint */
    cursor bytes;   /* of WIRE_BYTES */
} field;

static bool varint(cursor *c, uint64_t *out)
{
    uint64_t v = 0;
    for (int shift = 0; shift < 64 && c->p < c->end; shift += 7) {
        uint8_t b = *c->p++;
        v |= (uint64_t)(b & 127) << shift;
        if (b < 128) {
            *out = v;
            return true;
        }
    }
    return false;
}

/* The next field; false when the bytes are none, with *wanted the size that did not fit. */
static bool next_field(cursor *c, field *f, size_t *wanted)
{
    uint64_t tag, n;
    *wanted = 0;
    if (!varint(c, &tag) || tag >> 3 == 0)
        return false;
    f->number = tag >> 3;
    f->wire = (int)(tag & 7);
    if (f->wire == WIRE_VARINT)
        return varint(c, &f->value);
    if (f->wire == WIRE_BYTES) {
        if (!varint(c, &n))
            return false;
    } else if (f->wire == WIRE_64 || f->wire == WIRE_32) {
        n = f->wire == WIRE_64 ? 8 : 4;
    } else {
        return false;
    }
    if (n > (uint64_t)(c->end - c->p)) {
        *wanted = n > SIZE_MAX ? SIZE_MAX : (size_t)n;
        return false;
    }
    f->bytes = (cursor){c->p, c->p + n};
    c->p += n;
    return true;
}

static bool multiply(int64_t *count, uint64_t extent)
{
    if (extent > INT64_MAX || __builtin_mul_overflow(*count, (int64_t)extent, count))
        *count = INT64_MAX;
    return true;
}

/* Elements of a TensorProto; dims come packed or one by one. */
static bool scan_tensor(cursor c, int64_t *count, const uint8_t **bad, size_t *wanted)
{
    int64_t n = 1;
    uint64_t type = 0;
    while (c.p < c.end) {
        field f;
        *bad = c.p;
        if (!next_field(&c, &f, wanted))
            return false;
        if (f.number == TENSOR_TYPE && f.wire == WIRE_VARINT)
            type = f.value;
        if (f.number != TENSOR_DIMS)
            continue;
        if (f.wire == WIRE_VARINT)
            multiply(&n, f.value);
        while (f.wire == WIRE_BYTES && f.bytes.p < f.bytes.end) {
            uint64_t extent;
            if (!varint(&f.bytes, &extent))
                return false;
            multiply(&n, extent);
        }
    }
    if (type == TYPE_INT64 || type == TYPE_STRING || type == TYPE_BOOL)
        n = 0;
    if (__builtin_add_overflow(*count, n, count))
        *count = INT64_MAX;
    return true;
}

static bool scan_graph(cursor c, onnx_scan *out, const uint8_t **bad)
{
    while (c.p < c.end) {
        field f;
        *bad = c.p;
        if (!next_field(&c, &f, &out->wanted))
            return false;
        if (f.number == GRAPH_INITIALIZER && f.wire == WIRE_BYTES &&
            !scan_tensor(f.bytes, &out->n_parameters, bad, &out->wanted))
            return false;
    }
    return true;
}

bool onnx_scan_model(const void *bytes, size_t n, onnx_scan *out)
{
    cursor c = {bytes, (const uint8_t *)bytes + n};
    const uint8_t *bad = bytes;
    bool ok = true;
    *out = (onnx_scan){0};
    while (ok && c.p < c.end) {
        field f;
        bad = c.p;
        ok = next_field(&c, &f, &out->wanted);
        if (!ok)
            break;
        if (f.number == MODEL_IR_VERSION && f.wire == WIRE_VARINT)
            out->ir_version = f.value > INT64_MAX ? INT64_MAX : (int64_t)f.value;
        if (f.number == MODEL_GRAPH && f.wire == WIRE_BYTES) {
            out->has_graph = true;
            ok = scan_graph(f.bytes, out, &bad);
        }
    }
    if (!ok)
        out->bad_at = (size_t)(bad - (const uint8_t *)bytes);
    return ok;
}
