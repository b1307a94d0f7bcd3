/* SPDX-License-Identifier: BSD-3-Clause */
/* What a model file's bytes say without the library. */
#ifndef WR_BACKENDS_ONNX_SCAN_H
#define WR_BACKENDS_ONNX_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct onnx_scan {
    int64_t
        n_parameters; /* numbers in initializers, but for 64-bit integers, bools and strings,
                             which hold shapes; INT64_MAX when it does not fit */
    int64_t ir_version;
    bool has_graph;
    size_t bad_at; /* where the bytes stop making sense, when the scan fails */
    size_t wanted; /* bytes that a field there wants, 0: no valid field */
} onnx_scan;

/* Walk a ModelProto. False for malformed or truncated bytes. Any bytes. */
bool onnx_scan_model(const void *bytes, size_t n, onnx_scan *out);

#endif
