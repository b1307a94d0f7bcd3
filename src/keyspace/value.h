/* SPDX-License-Identifier: BSD-3-Clause */
/* What a key holds: one reference to something that does not change any more. */
#ifndef WR_KEYSPACE_VALUE_H
#define WR_KEYSPACE_VALUE_H

#include "base/ref.h"
#include "engine/engine.h"
#include "tensor/metadata.h"

typedef enum wr_value_kind {
    WR_VALUE_NONE = 0,
    WR_VALUE_TENSOR,
    WR_VALUE_FIELDS, /* a dataset's metadata */
    WR_VALUE_LIST,
    WR_VALUE_MODEL,
    WR_VALUE_SCRIPT,
    WR_VALUE_OTHER /* none of ours: of a keyspace that others write to as well */
} wr_value_kind;

/* A growing sequence of byte strings. Shared ones are cloned before they grow. */
typedef struct wr_list {
    wr_ref ref;
    size_t n;
    size_t room;
    size_t footprint; /* bytes */
    weir_str *item;   /* owned */
} wr_list;

typedef struct wr_value {
    wr_value_kind kind;
    union {
        weir_buffer *tensor;
        wr_fields *fields;
        wr_list *list;
        wr_model *model; /* of a script too */
    } of;
} wr_value;

wr_value wr_value_ref(wr_value v);
void wr_value_unref(wr_value v);

/* Bytes that a value holds. */
size_t wr_value_footprint(wr_value v);

/* The very same thing, not an equal one. */
bool wr_value_is(wr_value a, wr_value b);

/* "a tensor", for messages. */
const char *wr_value_kind_text(wr_value_kind k);

/* Bytes that one item of n bytes adds to a list's footprint. */
static inline size_t wr_list_item_footprint(size_t n)
{
    return sizeof(weir_str) + n + 1;
}

/* Lists grow where they are while their entry holds them alone; else a clone grows. */
wr_list *
wr_list_clone(const wr_list *from); /* NULL `from` gives an empty one; NULL: no memory */
bool wr_list_reserve(wr_list *l);   /* room for one more; false: no memory */
void wr_list_push(wr_list *l, char *item,
                  size_t n); /* item is taken; room was reserved */

#endif
