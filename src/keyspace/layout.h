/* SPDX-License-Identifier: BSD-3-Clause */
/* How SmartRedis lays a dataset out over keys: base "prefix.{name}", metadata under base ".meta",
 * tensor t under base "." t. The list of a dataset's entries holds bases. */
#ifndef WR_KEYSPACE_LAYOUT_H
#define WR_KEYSPACE_LAYOUT_H

#include "base/text.h"

#define WR_LAYOUT_META ".meta"

/* The base of a dataset's key, or the empty text when the key has not that form. */
weir_str wr_layout_base(weir_str key);

/* The name inside a base: between the first '{' and the last '}'; empty when there is none. */
weir_str wr_layout_name(weir_str base);

/* Append the key of a dataset's metadata, or of its tensor, to an empty text. */
void wr_layout_meta(wr_text *key, weir_str base);
void wr_layout_tensor(wr_text *key, weir_str base, weir_str tensor);

#endif
