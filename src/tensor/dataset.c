/* SPDX-License-Identifier: BSD-3-Clause */
/* Datasets: tensors and metadata fields in order of insertion, found by name through a map. */
#include "tensor/dataset.h"

#include "base/alloc.h"
#include "base/map.h"
#include "base/text.h"

typedef struct ds_tensor {
    weir_str name; /* p is owned */
    weir_buffer *buffer;
} ds_tensor;

typedef struct ds_field {
    weir_str name; /* p is owned */
    weir_dtype dtype;
    size_t n;
    size_t room;
    void *values; /* n scalars, or n weir_str whose p are owned */
} ds_field;

/* Pointers in order of insertion, and the same by name. */
typedef struct name_list {
    void **at;
    size_t n;
    size_t room;
    wr_map by_name;
} name_list;

struct weir_dataset {
    weir_str name; /* p is owned */
    name_list tensors;
    name_list fields;
};

static weir_status no_memory(weir_error *err, const weir_dataset *ds, weir_str name)
{
    return weir_fail(err, WEIR_ERR_NOMEM, "dataset '%.*s': no memory for '%.*s'",
                     WR_NAME(ds->name), WR_NAME(name));
}

static bool copy_name(weir_str *out, weir_str name)
{
    char *p = wr_dup(name.p, name.n);
    if (p == NULL)
        return false;
    *out = (weir_str){p, name.n};
    return true;
}

static void free_name(weir_str *name)
{
    wr_free((char *)(uintptr_t)name->p);
    *name = (weir_str){0};
}

/* Room for one more of `each` bytes behind n; false: no memory, nothing changed. */
static bool grow(void **p, size_t n, size_t more, size_t *room, size_t each)
{
    size_t want, bytes;
    if (!wr_add(n, more, &want))
        return false;
    if (want <= *room)
        return true;
    if (want < *room + *room / 2)
        want = *room + *room / 2;
    if (!wr_mul(want, each, &bytes))
        return false;
    void *q = wr_realloc(*p, bytes);
    if (q == NULL)
        return false;
    *p = q;
    *room = want;
    return true;
}

static bool list_add(name_list *l, weir_str name, void *object)
{
    void *p = l->at;
    bool has_room = grow(&p, l->n, 1, &l->room, sizeof *l->at);
    l->at = p;
    if (!has_room || !wr_map_set(&l->by_name, name, object, NULL))
        return false;
    l->at[l->n++] = object;
    return true;
}

static void list_drop(name_list *l, weir_str name)
{
    void *object = wr_map_take(&l->by_name, name);
    size_t i = 0;
    while (i < l->n && l->at[i] != object)
        i++;
    if (i == l->n)
        return;
    l->n--;
    memmove(l->at + i, l->at + i + 1, (l->n - i) * sizeof *l->at);
}

static void list_fini(name_list *l)
{
    wr_map_fini(&l->by_name);
    wr_free(l->at);
}

static void free_tensor(ds_tensor *t)
{
    if (t == NULL)
        return;
    free_name(&t->name);
    weir_buffer_unref(t->buffer);
    wr_free(t);
}

static void free_field(ds_field *f)
{
    if (f == NULL)
        return;
    if (f->dtype == WEIR_STRING) {
        weir_str *s = f->values;
        for (size_t i = 0; i < f->n; i++)
            free_name(&s[i]);
    }
    free_name(&f->name);
    wr_free(f->values);
    wr_free(f);
}

weir_status weir_dataset_new(weir_dataset **out, weir_str name, weir_error *err)
{
    if (out == NULL)
        return weir_fail(err, WEIR_ERR_ARG,
                         "dataset: no place for the result (null pointer)");
    weir_status st = wr_check_name(name, "dataset name", err);
    if (st != WEIR_OK)
        return st;
    weir_dataset *ds = wr_calloc(1, sizeof *ds);
    if (ds == NULL || !copy_name(&ds->name, name)) {
        wr_free(ds);
        return weir_fail(err, WEIR_ERR_NOMEM, "dataset '%.*s': no memory", WR_NAME(name));
    }
    *out = ds;
    return WEIR_OK;
}

void weir_dataset_free(weir_dataset *ds)
{
    if (ds == NULL)
        return;
    for (size_t i = 0; i < ds->tensors.n; i++)
        free_tensor(ds->tensors.at[i]);
    for (size_t i = 0; i < ds->fields.n; i++)
        free_field(ds->fields.at[i]);
    list_fini(&ds->tensors);
    list_fini(&ds->fields);
    free_name(&ds->name);
    wr_free(ds);
}

weir_str weir_dataset_name(const weir_dataset *ds)
{
    return ds->name;
}

/* ---- tensors ---- */

static weir_status check_new_tensor(const weir_dataset *ds, weir_str name,
                                    weir_error *err)
{
    if (ds == NULL)
        return weir_fail(err, WEIR_ERR_ARG, "dataset: null pointer");
    weir_status st = wr_check_name(name, "tensor name", err);
    if (st != WEIR_OK)
        return st;
    if (wr_str_eq(name, WEIR_STR(".meta")))
        return weir_fail(
            err, WEIR_ERR_ARG,
            "dataset '%.*s': a tensor can't be named '.meta', that key holds the "
            "metadata: choose another name",
            WR_NAME(ds->name));
    if (wr_map_get(&ds->tensors.by_name, name) != NULL)
        return weir_fail(err, WEIR_ERR_EXISTS,
                         "dataset '%.*s': tensor '%.*s' is there already, of %zu tensors",
                         WR_NAME(ds->name), WR_NAME(name), ds->tensors.n);
    return WEIR_OK;
}

weir_status weir_dataset_add_buffer(weir_dataset *ds, weir_str name, weir_buffer *b,
                                    weir_error *err)
{
    weir_status st = check_new_tensor(ds, name, err);
    if (st != WEIR_OK)
        return st;
    if (b == NULL)
        return weir_fail(err, WEIR_ERR_ARG,
                         "dataset '%.*s': tensor '%.*s' has no buffer "
                         "(null pointer)",
                         WR_NAME(ds->name), WR_NAME(name));
    ds_tensor *t = wr_calloc(1, sizeof *t);
    if (t == NULL || !copy_name(&t->name, name) || !list_add(&ds->tensors, name, t)) {
        free_tensor(t);
        return no_memory(err, ds, name);
    }
    t->buffer = weir_buffer_ref(b);
    return WEIR_OK;
}

weir_status weir_dataset_add_tensor(weir_dataset *ds, weir_str name, const weir_tensor *t,
                                    weir_error *err)
{
    weir_buffer *b = NULL;
    weir_status st = check_new_tensor(ds, name, err);
    if (st == WEIR_OK)
        st = weir_buffer_from(&b, t, err);
    if (st == WEIR_OK)
        st = weir_dataset_add_buffer(ds, name, b, err);
    weir_buffer_unref(b);
    return st;
}

weir_status weir_dataset_tensor(const weir_dataset *ds, weir_str name, weir_tensor *out,
                                weir_error *err)
{
    if (ds == NULL || out == NULL || (name.p == NULL && name.n > 0))
        return weir_fail(err, WEIR_ERR_ARG, "dataset tensor: null pointer");
    const ds_tensor *t = wr_map_get(&ds->tensors.by_name, name);
    if (t == NULL)
        return weir_fail(err, WEIR_ERR_KEY,
                         "dataset '%.*s' has no tensor '%.*s' among its %zu",
                         WR_NAME(ds->name), WR_NAME(name), ds->tensors.n);
    *out = weir_buffer_view(t->buffer);
    return WEIR_OK;
}

weir_status weir_dataset_get_tensor(const weir_dataset *ds, weir_str name,
                                    const weir_tensor *into, weir_error *err)
{
    weir_tensor from;
    weir_status st = weir_dataset_tensor(ds, name, &from, err);
    if (st != WEIR_OK)
        return st;
    return weir_tensor_copy(into, &from, err);
}

size_t weir_dataset_n_tensors(const weir_dataset *ds)
{
    return ds->tensors.n;
}

bool weir_dataset_tensor_at(const weir_dataset *ds, size_t i, weir_str *name,
                            weir_buffer **b)
{
    if (i >= ds->tensors.n)
        return false;
    const ds_tensor *t = ds->tensors.at[i];
    if (name != NULL)
        *name = t->name;
    if (b != NULL)
        *b = t->buffer;
    return true;
}

/* ---- metadata fields ---- */

static weir_status check_field_name(const weir_dataset *ds, weir_str field,
                                    weir_error *err)
{
    if (ds == NULL)
        return weir_fail(err, WEIR_ERR_ARG, "dataset: null pointer");
    weir_status st = wr_check_name(field, "field name", err);
    if (st != WEIR_OK)
        return st;
    if (wr_str_eq(field, WEIR_STR(".tensor_names")) ||
        wr_str_eq(field, WEIR_STR(".COMPLETE")))
        return weir_fail(
            err, WEIR_ERR_ARG,
            "dataset '%.*s': field name '%.*s' is taken by the format: choose another",
            WR_NAME(ds->name), WR_NAME(field));
    return WEIR_OK;
}

/* Find a field or make it. */
static weir_status open_field(weir_dataset *ds, weir_str name, weir_dtype dtype,
                              ds_field **out, weir_error *err)
{
    weir_status st = check_field_name(ds, name, err);
    if (st != WEIR_OK)
        return st;
    ds_field *f = wr_map_get(&ds->fields.by_name, name);
    if (f == NULL) {
        f = wr_calloc(1, sizeof *f);
        if (f == NULL || !copy_name(&f->name, name) || !list_add(&ds->fields, name, f)) {
            free_field(f);
            return no_memory(err, ds, name);
        }
        f->dtype = dtype;
    }
    if (f->dtype != dtype)
        return weir_fail(err, WEIR_ERR_DTYPE,
                         "dataset '%.*s': field '%.*s' holds %zu %s, %s can't be added",
                         WR_NAME(ds->name), WR_NAME(name), f->n,
                         weir_dtype_name(f->dtype), weir_dtype_name(dtype));
    *out = f;
    return WEIR_OK;
}

static bool is_scalar_type(weir_dtype t)
{
    return t == WEIR_F64 || t == WEIR_F32 || t == WEIR_I32 || t == WEIR_I64 ||
           t == WEIR_U32 || t == WEIR_U64;
}

weir_status wr_dataset_touch_field(weir_dataset *ds, weir_str field, weir_dtype dtype,
                                   weir_error *err)
{
    ds_field *f;
    return open_field(ds, field, dtype, &f, err);
}

/* A field that was made for values that then found no memory goes again. */
static weir_status give_up_values(weir_dataset *ds, weir_str field, bool is_new,
                                  weir_error *err)
{
    if (is_new)
        weir_dataset_clear_field(ds, field);
    return no_memory(err, ds, field);
}

weir_status weir_dataset_add_scalars(weir_dataset *ds, weir_str field, weir_dtype dtype,
                                     const void *data, size_t n, weir_error *err)
{
    ds_field *f;
    if (!is_scalar_type(dtype))
        return weir_fail(
            err, WEIR_ERR_DTYPE,
            "field '%.*s': %s can't be metadata, only DOUBLE, FLOAT, INT32, INT64, "
            "UINT32 and UINT64 (strings by weir_dataset_add_string)",
            WR_NAME(field), weir_dtype_name(dtype));
    if (data == NULL && n > 0)
        return weir_fail(err, WEIR_ERR_ARG,
                         "field '%.*s': null pointer instead of %zu values",
                         WR_NAME(field), n);
    bool is_new = !weir_dataset_has_field(ds, field);
    weir_status st = open_field(ds, field, dtype, &f, err);
    if (st != WEIR_OK)
        return st;
    size_t each = weir_dtype_bytes(dtype);
    if (!grow(&f->values, f->n, n, &f->room, each))
        return give_up_values(ds, field, is_new, err);
    if (n > 0)
        memcpy((char *)f->values + f->n * each, data, n * each);
    f->n += n;
    return WEIR_OK;
}

weir_status weir_dataset_add_string(weir_dataset *ds, weir_str field, weir_str value,
                                    weir_error *err)
{
    ds_field *f;
    if (value.p == NULL && value.n > 0)
        return weir_fail(err, WEIR_ERR_ARG,
                         "field '%.*s': null pointer instead of %zu characters",
                         WR_NAME(field), value.n);
    bool is_new = !weir_dataset_has_field(ds, field);
    weir_status st = open_field(ds, field, WEIR_STRING, &f, err);
    if (st != WEIR_OK)
        return st;
    weir_str copy;
    if (!grow(&f->values, f->n, 1, &f->room, sizeof copy) || !copy_name(&copy, value))
        return give_up_values(ds, field, is_new, err);
    ((weir_str *)f->values)[f->n++] = copy;
    return WEIR_OK;
}

static weir_status find_field(const weir_dataset *ds, weir_str name, const ds_field **out,
                              weir_error *err)
{
    if (ds == NULL || (name.p == NULL && name.n > 0))
        return weir_fail(err, WEIR_ERR_ARG, "dataset field: null pointer");
    const ds_field *f = wr_map_get(&ds->fields.by_name, name);
    if (f == NULL)
        return weir_fail(err, WEIR_ERR_KEY,
                         "dataset '%.*s' has no field '%.*s' among its %zu",
                         WR_NAME(ds->name), WR_NAME(name), ds->fields.n);
    *out = f;
    return WEIR_OK;
}

weir_status weir_dataset_scalars(const weir_dataset *ds, weir_str field,
                                 weir_dtype *dtype, const void **data, size_t *n,
                                 weir_error *err)
{
    const ds_field *f;
    if (dtype == NULL || data == NULL || n == NULL)
        return weir_fail(err, WEIR_ERR_ARG,
                         "dataset scalars: no place for the result (null "
                         "pointer)");
    weir_status st = find_field(ds, field, &f, err);
    if (st != WEIR_OK)
        return st;
    if (f->dtype == WEIR_STRING)
        return weir_fail(
            err, WEIR_ERR_DTYPE,
            "dataset '%.*s': field '%.*s' holds %zu strings, not scalars: use "
            "weir_dataset_strings",
            WR_NAME(ds->name), WR_NAME(field), f->n);
    *dtype = f->dtype;
    *data = f->values;
    *n = f->n;
    return WEIR_OK;
}

weir_status weir_dataset_strings(const weir_dataset *ds, weir_str field,
                                 const weir_str **strings, size_t *n, weir_error *err)
{
    const ds_field *f;
    if (strings == NULL || n == NULL)
        return weir_fail(err, WEIR_ERR_ARG,
                         "dataset strings: no place for the result (null "
                         "pointer)");
    weir_status st = find_field(ds, field, &f, err);
    if (st != WEIR_OK)
        return st;
    if (f->dtype != WEIR_STRING)
        return weir_fail(err, WEIR_ERR_DTYPE,
                         "dataset '%.*s': field '%.*s' holds %zu %s, not strings: use "
                         "weir_dataset_scalars",
                         WR_NAME(ds->name), WR_NAME(field), f->n,
                         weir_dtype_name(f->dtype));
    *strings = f->values;
    *n = f->n;
    return WEIR_OK;
}

void weir_dataset_clear_field(weir_dataset *ds, weir_str field)
{
    if (ds == NULL || (field.p == NULL && field.n > 0))
        return;
    ds_field *f = wr_map_get(&ds->fields.by_name, field);
    if (f == NULL)
        return;
    list_drop(&ds->fields, field);
    free_field(f);
}

size_t weir_dataset_n_fields(const weir_dataset *ds)
{
    return ds->fields.n;
}

bool weir_dataset_field_at(const weir_dataset *ds, size_t i, weir_str *name,
                           weir_dtype *dtype)
{
    if (i >= ds->fields.n)
        return false;
    const ds_field *f = ds->fields.at[i];
    if (name != NULL)
        *name = f->name;
    if (dtype != NULL)
        *dtype = f->dtype;
    return true;
}

bool weir_dataset_has_field(const weir_dataset *ds, weir_str field)
{
    return ds != NULL && (field.p != NULL || field.n == 0) &&
           wr_map_get(&ds->fields.by_name, field) != NULL;
}

size_t wr_dataset_footprint(const weir_dataset *ds)
{
    size_t sum = ds->name.n;
    for (size_t i = 0; i < ds->tensors.n; i++)
        sum += ((const ds_tensor *)ds->tensors.at[i])->name.n;
    for (size_t i = 0; i < ds->fields.n; i++) {
        const ds_field *f = ds->fields.at[i];
        sum += f->name.n + f->n * weir_dtype_bytes(f->dtype);
        for (size_t k = 0; f->dtype == WEIR_STRING && k < f->n; k++)
            sum += ((const weir_str *)f->values)[k].n;
    }
    return sum;
}
