/* SPDX-License-Identifier: BSD-3-Clause */
/* What a mock model is: its text, parsed. */
#ifndef WR_BACKENDS_MOCK_H
#define WR_BACKENDS_MOCK_H

#include "engine/backend.h"

typedef enum mock_op {
    MOCK_ECHO = 0,
    MOCK_SUM,
    MOCK_ROWS,
    MOCK_RUN,
    MOCK_MEAN,
    MOCK_TEXTS,
    MOCK_N_OPS
} mock_op;

// clang-format off
/* Numbers that a statement NAME=VALUE sets. */
#define MOCK_NUMBERS(X)                                                                 \
    X(delay_us) X(delay_row_us) X(fail_on) X(fail_every) X(nan_on) X(inf_on)            \
    X(parameters) X(tell_fd) X(gate_fd)
/* Statements without a value. */
#define MOCK_FLAGS(X) X(deaf) X(fail_load) X(crash_load) X(write_input)
// clang-format on

typedef struct mock_text {
    mock_op op;
    double scale, add;
#define X(name) int64_t name;
    MOCK_NUMBERS(X)
#undef X
#define X(name) bool name;
    MOCK_FLAGS(X)
#undef X
    int n_in, n_out;
    weir_io in[WEIR_IO_MAX], out[WEIR_IO_MAX];
} mock_text;

/* Parse a model. On failure *why holds a phrase and *at the place of the statement. */
bool mock_parse(mock_text *out, const char *text, size_t n, const char **why, size_t *at);

/* The op of that name; false: none. */
bool mock_op_parse(weir_str name, mock_op *out);

/* output = op(inputs); all contiguous. `run` counts from 1. */
void mock_compute(mock_op op, const mock_text *m, int64_t run, const weir_tensor *in,
                  int n_in, const weir_tensor *out, int i_out);

#endif
