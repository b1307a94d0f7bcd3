/* SPDX-License-Identifier: BSD-3-Clause */
/* Comparing what a model gave with what was stored, as numpy.allclose does. */
#ifndef WR_CLI_CHECK_H
#define WR_CLI_CHECK_H

#include "weir/tensor.h"

typedef struct comparison {
    size_t n;         /* values */
    size_t n_beyond;  /* |got - want| > atol + rtol |want|, or only one is not a number */
    double worst_abs; /* largest |got - want|; infinite when only one is a number */
    double worst_rel; /* largest |got - want| / |want| where want is not 0 */
    size_t worst_at;  /* index of worst_abs in C order */
    double got, want; /* there */
} comparison;

/* Compare contiguous tensors of numeric types, which may differ. Not-a-number equals not-a-number.
 * WEIR_OK, ERR_SHAPE or ERR_DTYPE (STRING). */
weir_status check_compare(const weir_tensor *got, const weir_tensor *want, double rtol,
                          double atol, comparison *out, weir_error *err);

#endif
