/* SPDX-License-Identifier: BSD-3-Clause */
/* Dataset metadata as bytes, in SmartRedis's format (docs/format/metadata.md): the fields of the hash
 * that stands under `{name}.meta`. */
#ifndef WR_TENSOR_METADATA_H
#define WR_TENSOR_METADATA_H

#include "base/ref.h"
#include "weir/dataset.h"

/* One field of the hash: any bytes under any name. */
typedef struct wr_field {
    weir_str name;
    weir_str bytes;
} wr_field;

/* Fields that nobody changes any more, shared; one allocation with all their bytes. */
typedef struct wr_fields {
    wr_ref ref;
    size_t n;
    size_t footprint; /* bytes of the allocation */
    wr_field f[];
} wr_fields;

/* Copies of n fields in the order given, one reference. Names should differ; nobody checks. */
weir_status wr_fields_new(wr_fields **out, const wr_field *fields, size_t n,
                          weir_error *err);
wr_fields *wr_fields_ref(wr_fields *f);
void wr_fields_unref(wr_fields *f); /* NULL is allowed */

/* The first field of that name; its bytes borrow from f. False, *bytes untouched: none. */
bool wr_fields_find(const wr_fields *f, weir_str name, weir_str *bytes);

/* All metadata fields of a dataset in order; `.tensor_names` iff it has tensors; `.COMPLETE` = "1"
 * if complete. One reference. ERR_ARG, ERR_NOMEM. */
weir_status wr_metadata_encode(wr_fields **out, const weir_dataset *ds, bool complete,
                               weir_error *err);

/* The reverse: a dataset with the metadata and no tensors yet, and the names of the tensors it should
 * have: *n_names views into `fields`, in an array that the caller gives to wr_free (NULL when there
 * are none). `.COMPLETE` is skipped. Any bytes are safe: ERR_FORMAT names field, offset and numbers.
 * Also ERR_ARG, ERR_NOMEM. */
weir_status wr_metadata_decode(weir_dataset **out, weir_str name, const wr_fields *fields,
                               weir_str **tensor_names, size_t *n_names, weir_error *err);

#endif
