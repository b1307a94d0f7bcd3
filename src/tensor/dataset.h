/* SPDX-License-Identifier: BSD-3-Clause */
/* What other rooms may do with datasets beyond the public header. */
#ifndef WR_TENSOR_DATASET_H
#define WR_TENSOR_DATASET_H

#include "weir/dataset.h"

/* Make sure that a field exists, empty if it is new. ERR_DTYPE when it has another type. `dtype` is
 * one of weir_dataset_add_scalars, or WEIR_STRING. */
weir_status wr_dataset_touch_field(weir_dataset *ds, weir_str field, weir_dtype dtype,
                                   weir_error *err);

/* Bytes of a dataset's name, field names and field values: what a bounded store counts beside the
 * footprints of the buffers. */
size_t wr_dataset_footprint(const weir_dataset *ds);

#endif
