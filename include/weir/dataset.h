/* SPDX-License-Identifier: BSD-3-Clause */
/// @file weir/dataset.h
/// A dataset is a named group of tensors and metadata fields. It lives in the program that made it
/// until weir_put_dataset sends it; order of insertion is kept. A metadata field is a growing list of
/// scalars of one type, or of strings: adding to a field that exists appends.
///
/// One dataset serves one thread at a time; different datasets are independent.
#ifndef WEIR_DATASET_H
#define WEIR_DATASET_H

#include "weir/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct weir_dataset weir_dataset;

/// Make an empty dataset.
/// @param out   given: to be released with weir_dataset_free
/// @param name  borrowed, copied; 1 .. WEIR_KEY_MAX bytes without NUL
/// @param err   may be NULL
/// @return WEIR_OK, ERR_ARG or ERR_NOMEM. Any thread.
WEIR_API WEIR_NODISCARD weir_status weir_dataset_new(weir_dataset **out, weir_str name,
                                                     weir_error *err);

/// Release a dataset. Its tensors live on where somebody else holds their buffers.
/// @param ds  taken; NULL is allowed. One thread.
WEIR_API void weir_dataset_free(weir_dataset *ds);

/// The dataset's name.
/// @param ds  borrowed
/// @return a view into ds. One thread.
WEIR_API weir_str weir_dataset_name(const weir_dataset *ds);

/// Add a tensor: one packed copy is made.
/// @param ds    borrowed, changed
/// @param name  borrowed, copied; not empty, not ".meta", not yet in ds
/// @param t     borrowed, any strides
/// @param err   may be NULL
/// @return WEIR_OK, ERR_ARG, ERR_EXISTS, ERR_DTYPE, ERR_SHAPE or ERR_NOMEM. One thread.
WEIR_API WEIR_NODISCARD weir_status weir_dataset_add_tensor(weir_dataset *ds,
                                                            weir_str name,
                                                            const weir_tensor *t,
                                                            weir_error *err);

/// Add a tensor without a copy.
/// @param ds    borrowed, changed
/// @param name  borrowed, copied
/// @param b     borrowed: ds takes a reference of its own; must not be written any more
/// @param err   may be NULL
/// @return as weir_dataset_add_tensor. One thread.
WEIR_API WEIR_NODISCARD weir_status weir_dataset_add_buffer(weir_dataset *ds,
                                                            weir_str name, weir_buffer *b,
                                                            weir_error *err);

/// Look at a tensor, without a copy.
/// @param ds    borrowed
/// @param name  borrowed
/// @param out   given: borrows from ds while ds lives and is not changed; read-only
/// @param err   may be NULL
/// @return WEIR_OK, ERR_ARG or ERR_KEY. One thread.
WEIR_API WEIR_NODISCARD weir_status weir_dataset_tensor(const weir_dataset *ds,
                                                        weir_str name, weir_tensor *out,
                                                        weir_error *err);

/// Copy a tensor into the caller's memory; type and shape must be equal, strides are free.
/// @param ds    borrowed
/// @param name  borrowed
/// @param into  borrowed description; its memory is written
/// @param err   may be NULL
/// @return WEIR_OK, ERR_ARG, ERR_KEY, ERR_DTYPE, ERR_SHAPE or ERR_UNSUPPORTED. One thread.
WEIR_API WEIR_NODISCARD weir_status weir_dataset_get_tensor(const weir_dataset *ds,
                                                            weir_str name,
                                                            const weir_tensor *into,
                                                            weir_error *err);

/// Number of tensors.
/// @param ds  borrowed
/// @return the count. One thread.
WEIR_API size_t weir_dataset_n_tensors(const weir_dataset *ds);

/// Name and buffer of the i-th tensor in order of insertion.
/// @param ds    borrowed
/// @param i     0 .. n-1
/// @param name  given: borrows from ds; may be NULL
/// @param b     given: borrowed from ds, no reference is taken; may be NULL
/// @return false when i is out of range. One thread.
WEIR_API bool weir_dataset_tensor_at(const weir_dataset *ds, size_t i, weir_str *name,
                                     weir_buffer **b);

/// Append scalars to a field, making it when it is not there.
/// @param ds     borrowed, changed
/// @param field  borrowed, copied; not empty; ".tensor_names" and ".COMPLETE" are taken
/// @param dtype  F64, F32, I32, I64, U32 or U64
/// @param data   borrowed: n values
/// @param n      how many
/// @param err    may be NULL
/// @return WEIR_OK, ERR_ARG, ERR_DTYPE (field has another type) or ERR_NOMEM. One thread.
WEIR_API WEIR_NODISCARD weir_status weir_dataset_add_scalars(weir_dataset *ds,
                                                             weir_str field,
                                                             weir_dtype dtype,
                                                             const void *data, size_t n,
                                                             weir_error *err);

/// Append a string to a field, making it when it is not there.
/// @param ds     borrowed, changed
/// @param field  borrowed, copied
/// @param value  borrowed, copied; any bytes
/// @param err    may be NULL
/// @return as weir_dataset_add_scalars. One thread.
WEIR_API WEIR_NODISCARD weir_status weir_dataset_add_string(weir_dataset *ds,
                                                            weir_str field,
                                                            weir_str value,
                                                            weir_error *err);

/// Look at a scalar field.
/// @param ds     borrowed
/// @param field  borrowed
/// @param dtype  given: the field's type
/// @param data   given: n values, aligned, borrowed from ds until it is changed
/// @param n      given: how many
/// @param err    may be NULL
/// @return WEIR_OK, ERR_ARG, ERR_KEY or ERR_DTYPE (a string field). One thread.
WEIR_API WEIR_NODISCARD weir_status weir_dataset_scalars(const weir_dataset *ds,
                                                         weir_str field,
                                                         weir_dtype *dtype,
                                                         const void **data, size_t *n,
                                                         weir_error *err);

/// Look at a string field.
/// @param ds       borrowed
/// @param field    borrowed
/// @param strings  given: n views, borrowed from ds until it is changed
/// @param n        given: how many
/// @param err      may be NULL
/// @return WEIR_OK, ERR_ARG, ERR_KEY or ERR_DTYPE (a scalar field). One thread.
WEIR_API WEIR_NODISCARD weir_status weir_dataset_strings(const weir_dataset *ds,
                                                         weir_str field,
                                                         const weir_str **strings,
                                                         size_t *n, weir_error *err);

/// Remove a field; a missing one is no error.
/// @param ds     borrowed, changed
/// @param field  borrowed
/// One thread.
WEIR_API void weir_dataset_clear_field(weir_dataset *ds, weir_str field);

/// Number of metadata fields.
/// @param ds  borrowed
/// @return the count. One thread.
WEIR_API size_t weir_dataset_n_fields(const weir_dataset *ds);

/// Name and type of the i-th field in order of insertion; WEIR_STRING for strings.
/// @param ds     borrowed
/// @param i      0 .. n-1
/// @param name   given: borrows from ds; may be NULL
/// @param dtype  given; may be NULL
/// @return false when i is out of range. One thread.
WEIR_API bool weir_dataset_field_at(const weir_dataset *ds, size_t i, weir_str *name,
                                    weir_dtype *dtype);

/// Is there such a field?
/// @param ds     borrowed
/// @param field  borrowed
/// @return true when it exists. One thread.
WEIR_API bool weir_dataset_has_field(const weir_dataset *ds, weir_str field);

#ifdef __cplusplus
}
#endif
#endif
