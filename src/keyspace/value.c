/* SPDX-License-Identifier: BSD-3-Clause */
/* References to values, their sizes, and growing lists. */
#include "keyspace/value.h"

#include "base/alloc.h"
#include "tensor/buffer.h"

static void list_unref(wr_list *l)
{
    if (l == NULL || !wr_ref_down(&l->ref))
        return;
    for (size_t i = 0; i < l->n; i++)
        wr_free((void *)(uintptr_t)l->item[i].p);
    wr_free(l->item);
    wr_free(l);
}

wr_value wr_value_ref(wr_value v)
{
    switch (v.kind) {
    case WR_VALUE_TENSOR:
        weir_buffer_ref(v.of.tensor);
        break;
    case WR_VALUE_FIELDS:
        wr_fields_ref(v.of.fields);
        break;
    case WR_VALUE_LIST:
        wr_ref_up(&v.of.list->ref);
        break;
    case WR_VALUE_MODEL:
    case WR_VALUE_SCRIPT:
        wr_model_ref(v.of.model);
        break;
    case WR_VALUE_NONE:
    case WR_VALUE_OTHER:
        break;
    }
    return v;
}

void wr_value_unref(wr_value v)
{
    switch (v.kind) {
    case WR_VALUE_TENSOR:
        weir_buffer_unref(v.of.tensor);
        break;
    case WR_VALUE_FIELDS:
        wr_fields_unref(v.of.fields);
        break;
    case WR_VALUE_LIST:
        list_unref(v.of.list);
        break;
    case WR_VALUE_MODEL:
    case WR_VALUE_SCRIPT:
        wr_model_unref(v.of.model);
        break;
    case WR_VALUE_NONE:
    case WR_VALUE_OTHER:
        break;
    }
}

size_t wr_value_footprint(wr_value v)
{
    switch (v.kind) {
    case WR_VALUE_TENSOR:
        return wr_buffer_footprint(v.of.tensor);
    case WR_VALUE_FIELDS:
        return v.of.fields->footprint;
    case WR_VALUE_LIST:
        return v.of.list->footprint;
    case WR_VALUE_MODEL:
    case WR_VALUE_SCRIPT:
        return wr_model_info(v.of.model)->file_bytes;
    case WR_VALUE_NONE:
    case WR_VALUE_OTHER:
        break;
    }
    return 0;
}

bool wr_value_is(wr_value a, wr_value b)
{
    if (a.kind != b.kind)
        return false;
    switch (a.kind) {
    case WR_VALUE_TENSOR:
        return a.of.tensor == b.of.tensor;
    case WR_VALUE_FIELDS:
        return a.of.fields == b.of.fields;
    case WR_VALUE_LIST:
        return a.of.list == b.of.list;
    case WR_VALUE_MODEL:
    case WR_VALUE_SCRIPT:
        return a.of.model == b.of.model;
    case WR_VALUE_NONE:
    case WR_VALUE_OTHER:
        break;
    }
    return true;
}

const char *wr_value_kind_text(wr_value_kind k)
{
    switch (k) {
    case WR_VALUE_TENSOR:
        return "a tensor";
    case WR_VALUE_FIELDS:
        return "a dataset's metadata";
    case WR_VALUE_LIST:
        return "a list";
    case WR_VALUE_MODEL:
        return "a model";
    case WR_VALUE_SCRIPT:
        return "a script";
    case WR_VALUE_OTHER:
        return "a value that is none of Weir's";
    case WR_VALUE_NONE:
        break;
    }
    return "nothing";
}

wr_list *wr_list_clone(const wr_list *from)
{
    size_t n = from == NULL ? 0 : from->n;
    wr_list *l = wr_calloc(1, sizeof *l);
    if (l == NULL)
        return NULL;
    wr_ref_init(&l->ref);
    l->footprint = sizeof *l;
    for (size_t i = 0; i < n; i++) {
        char *copy = wr_list_reserve(l) ? wr_dup(from->item[i].p, from->item[i].n) : NULL;
        if (copy == NULL) {
            list_unref(l);
            return NULL;
        }
        wr_list_push(l, copy, from->item[i].n);
    }
    return l;
}

bool wr_list_reserve(wr_list *l)
{
    if (l->n < l->room)
        return true;
    size_t room = l->room * 2 + 8;
    weir_str *bigger = wr_realloc(l->item, room * sizeof *bigger);
    if (bigger == NULL)
        return false;
    l->item = bigger;
    l->room = room;
    return true;
}

void wr_list_push(wr_list *l, char *item, size_t n)
{
    l->item[l->n++] = (weir_str){item, n};
    l->footprint += wr_list_item_footprint(n);
}
