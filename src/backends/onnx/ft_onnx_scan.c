/* SPDX-License-Identifier: BSD-3-Clause */
/* Fuzz target: the walk over ONNX's protobuf, with any bytes. */
#include "scan.c"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    onnx_scan scan;
    bool ok = onnx_scan_model(data, n, &scan);
    if (scan.n_parameters < 0 || scan.bad_at > n || (ok && scan.bad_at != 0))
        abort();
    return 0;
}
