/* SPDX-License-Identifier: BSD-3-Clause */
/* One element of any numeric type as a double, for random inputs and comparisons. */
#ifndef WR_CLI_NUMBER_H
#define WR_CLI_NUMBER_H

#include "weir/tensor.h"

/* The value of an element; false for WEIR_STRING. */
bool number_get(weir_dtype type, const void *p, double *out);

/* Set an element to the nearest value of its type: integers are cut to their range, not-a-number
 * becomes 0 there; false for WEIR_STRING. */
bool number_set(weir_dtype type, void *p, double v);

#endif
