/* SPDX-License-Identifier: BSD-3-Clause */
/* Writing a small ONNX file: protobuf messages, made inside out. */
#include "cli/tiny.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Fields of onnx.proto3 that are used here. */
enum {
    MODEL_IR_VERSION = 1,
    MODEL_GRAPH = 7,
    MODEL_OPSET = 8,
    OPSET_VERSION = 2,
    GRAPH_NODE = 1,
    GRAPH_NAME = 2,
    GRAPH_INITIALIZER = 5,
    GRAPH_INPUT = 11,
    GRAPH_OUTPUT = 12,
    NODE_INPUT = 1,
    NODE_OUTPUT = 2,
    NODE_OP = 4,
    TENSOR_DIMS = 1,
    TENSOR_TYPE = 2,
    TENSOR_NAME = 8,
    TENSOR_RAW = 9,
    VALUE_NAME = 1,
    VALUE_TYPE = 2,
    TYPE_TENSOR = 1,
    TYPE_ELEM = 1,
    TYPE_SHAPE = 2,
    SHAPE_DIM = 1,
    DIM_VALUE = 1,
    DIM_PARAM = 2,
    ELEM_FLOAT = 1
};

/* Room for every message; the largest weights have 64 x 64 floats. */
enum { ROOM = 32 * 1024 };

typedef struct bytes {
    unsigned char p[ROOM];
    size_t n;
} bytes;

static void add_raw(bytes *b, const void *p, size_t n)
{
    memcpy(b->p + b->n, p, n);
    b->n += n;
}

static void add_varint(bytes *b, uint64_t v)
{
    for (; v > 127; v >>= 7)
        b->p[b->n++] = (unsigned char)((v & 127) | 128);
    b->p[b->n++] = (unsigned char)v;
}

static void add_int(bytes *b, unsigned field, uint64_t v)
{
    add_varint(b, field << 3);
    add_varint(b, v);
}

static void add_bytes(bytes *b, unsigned field, const void *p, size_t n)
{
    add_varint(b, field << 3 | 2);
    add_varint(b, n);
    add_raw(b, p, n);
}

static void add_text(bytes *b, unsigned field, const char *text)
{
    add_bytes(b, field, text, strlen(text));
}

static void add_node(bytes *graph, bytes *m, const char *op, const char *const *in,
                     int n_in, const char *out)
{
    m->n = 0;
    for (int i = 0; i < n_in; i++)
        add_text(m, NODE_INPUT, in[i]);
    add_text(m, NODE_OUTPUT, out);
    add_text(m, NODE_OP, op);
    add_bytes(graph, GRAPH_NODE, m->p, m->n);
}

/* An initializer with numbers between -0.25 and 0.25. */
static void add_weights(bytes *graph, bytes *m, const char *name, const int *shape,
                        int rank, uint64_t seed)
{
    static float w[64 * 64];
    int n = 1;

    m->n = 0;
    for (int i = 0; i < rank; i++) {
        add_int(m, TENSOR_DIMS, (uint64_t)shape[i]);
        n *= shape[i];
    }
    for (int i = 0; i < n; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        w[i] = (float)(seed >> 40) / 16777216.0f * 0.5f - 0.25f;
    }
    add_int(m, TENSOR_TYPE, ELEM_FLOAT);
    add_text(m, TENSOR_NAME, name);
    add_bytes(m, TENSOR_RAW, w, (size_t)n * sizeof *w);
    add_bytes(graph, GRAPH_INITIALIZER, m->p, m->n);
}

/* FLOAT[batch, columns] */
static void add_value(bytes *graph, unsigned field, const char *name, int columns)
{
    static bytes dim, shape, tensor, type, value;

    shape.n = tensor.n = type.n = value.n = dim.n = 0;
    add_text(&dim, DIM_PARAM, "batch");
    add_bytes(&shape, SHAPE_DIM, dim.p, dim.n);
    dim.n = 0;
    add_int(&dim, DIM_VALUE, (uint64_t)columns);
    add_bytes(&shape, SHAPE_DIM, dim.p, dim.n);
    add_int(&tensor, TYPE_ELEM, ELEM_FLOAT);
    add_bytes(&tensor, TYPE_SHAPE, shape.p, shape.n);
    add_bytes(&type, TYPE_TENSOR, tensor.p, tensor.n);
    add_text(&value, VALUE_NAME, name);
    add_bytes(&value, VALUE_TYPE, type.p, type.n);
    add_bytes(graph, field, value.p, value.n);
}

char *tiny_model(size_t *n)
{
    static const int width[] = {TINY_INPUTS, 64, 64, TINY_OUTPUTS};
    static const char *const w[] = {"w0", "w1", "w2"}, *const b[] = {"b0", "b1", "b2"};
    static const char *const linear[] = {"g0", "g1", "y"}, *const h[] = {"h0", "h1"};
    static bytes graph, m, model, opset;

    graph.n = model.n = opset.n = 0;
    for (int i = 0; i < 3; i++) {
        const char *in[] = {i == 0 ? "x" : h[i - 1], w[i], b[i]};
        add_node(&graph, &m, "Gemm", in, 3, linear[i]);
        if (i < 2)
            add_node(&graph, &m, "Tanh", &linear[i], 1, h[i]);
    }
    add_text(&graph, GRAPH_NAME, "tiny");
    for (unsigned i = 0; i < 3; i++) {
        add_weights(&graph, &m, w[i], &width[i], 2, 2 * i + 1);
        add_weights(&graph, &m, b[i], &width[i + 1], 1, 2 * i + 2);
    }
    add_value(&graph, GRAPH_INPUT, "x", TINY_INPUTS);
    add_value(&graph, GRAPH_OUTPUT, "y", TINY_OUTPUTS);

    add_int(&opset, OPSET_VERSION, 13);
    add_int(&model, MODEL_IR_VERSION, 8);
    add_bytes(&model, MODEL_GRAPH, graph.p, graph.n);
    add_bytes(&model, MODEL_OPSET, opset.p, opset.n);
    char *out = malloc(model.n);
    if (out != NULL) {
        memcpy(out, model.p, model.n);
        *n = model.n;
    }
    return out;
}
