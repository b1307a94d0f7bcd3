/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of the onnx backend share: the library, once found, and the host. */
#ifndef WR_BACKENDS_ONNX_ORT_H
#define WR_BACKENDS_ONNX_ORT_H

#include <onnxruntime_c_api.h>

#include "engine/backend.h"

/* Set by ort_open, constant afterwards. */
typedef struct ort_library {
    const OrtApi *api;
    OrtEnv *env;
    OrtMemoryInfo *cpu;
    OrtAllocator *allocator;
    char version[64]; /* "1.30.0 (API 21)" */
} ort_library;

/* Find and start the library. ERR_BACKEND says where it was looked for. */
weir_status ort_open(ort_library *out, const wr_backend_host *host, weir_error *err);

/* Turn a status of the library, NULL for success, into one of ours, and release it. */
weir_status ort_status(const ort_library *lib, const wr_backend_host *host, OrtStatus *s,
                       weir_status code, const char *model, weir_error *err);

/* Element types. False: the other side has none like it. */
bool ort_from_dtype(weir_dtype t, ONNXTensorElementDataType *out);
bool ort_to_dtype(ONNXTensorElementDataType t, weir_dtype *out);

#endif
