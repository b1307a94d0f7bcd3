/* SPDX-License-Identifier: BSD-3-Clause */
/* The metadata codec: one type byte, then packed values or length-prefixed strings. */
#include "tensor/metadata.h"

#include <assert.h>
#include <inttypes.h>

#include "base/alloc.h"
#include "base/text.h"
#include "tensor/dataset.h"

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
              "the format is little-endian, unswapped");

enum { TYPE_STRING = 7, LENGTH_BYTES = 8 };

static const weir_str tensor_names_field = {".tensor_names", 13};
static const weir_str complete_field = {".COMPLETE", 9};

/* Element types by their byte in the format; 0 stands for none. */
static const weir_dtype type_of_byte[] = {WEIR_DTYPE_COUNT, WEIR_F64,   WEIR_F32,
                                          WEIR_I32,         WEIR_I64,   WEIR_U32,
                                          WEIR_U64,         WEIR_STRING};

static char byte_of_type(weir_dtype t)
{
    for (size_t i = 1; i < sizeof type_of_byte / sizeof type_of_byte[0]; i++) {
        if (type_of_byte[i] == t)
            return (char)i;
    }
    return 0;
}

/* ---- shared fields ---- */

/* An allocation for n fields and n_chars bytes of names and values behind them. */
static wr_fields *alloc_fields(size_t n, size_t n_chars)
{
    size_t bytes;
    if (!wr_mul(n, sizeof(wr_field), &bytes) ||
        !wr_add(bytes, sizeof(wr_fields), &bytes) || !wr_add(bytes, n_chars, &bytes))
        return NULL;
    wr_fields *f = wr_alloc(bytes);
    if (f == NULL)
        return NULL;
    wr_ref_init(&f->ref);
    f->n = n;
    f->footprint = bytes;
    return f;
}

static char *put_bytes(char *at, const void *p, size_t n)
{
    if (n > 0)
        memcpy(at, p, n);
    return at + n;
}

weir_status wr_fields_new(wr_fields **out, const wr_field *fields, size_t n,
                          weir_error *err)
{
    size_t chars = 0;
    for (size_t i = 0; i < n; i++) {
        if (!wr_add(chars, fields[i].name.n, &chars) ||
            !wr_add(chars, fields[i].bytes.n, &chars))
            return weir_fail(err, WEIR_ERR_NOMEM,
                             "fields: %zu of them overflow at '%.*s'", n,
                             WR_NAME(fields[i].name));
    }
    wr_fields *f = alloc_fields(n, chars);
    if (f == NULL)
        return weir_fail(err, WEIR_ERR_NOMEM,
                         "fields: no memory for %zu of them with %zu bytes", n, chars);
    char *at = (char *)(f->f + n);
    for (size_t i = 0; i < n; i++) {
        f->f[i].name = (weir_str){at, fields[i].name.n};
        at = put_bytes(at, fields[i].name.p, fields[i].name.n);
        f->f[i].bytes = (weir_str){at, fields[i].bytes.n};
        at = put_bytes(at, fields[i].bytes.p, fields[i].bytes.n);
    }
    *out = f;
    return WEIR_OK;
}

wr_fields *wr_fields_ref(wr_fields *f)
{
    if (f != NULL)
        wr_ref_up(&f->ref);
    return f;
}

void wr_fields_unref(wr_fields *f)
{
    if (f != NULL && wr_ref_down(&f->ref))
        wr_free(f);
}

bool wr_fields_find(const wr_fields *f, weir_str name, weir_str *bytes)
{
    for (size_t i = 0; i < f->n; i++) {
        if (wr_str_eq(f->f[i].name, name)) {
            *bytes = f->f[i].bytes;
            return true;
        }
    }
    return false;
}

/* ---- encoding ---- */

/* One field as the encoder sees it: where its values are. */
typedef struct source {
    weir_str name;
    weir_dtype dtype;
    const void
        *values; /* n scalars or n weir_str; NULL: the names of the dataset's tensors */
    size_t n;
} source;

/* The i-th field in the order of the format; false behind the last. */
static bool source_at(const weir_dataset *ds, size_t i, source *s)
{
    weir_str name;
    weir_dtype dtype;
    *s = (source){.name = tensor_names_field, .dtype = WEIR_STRING};
    if (!weir_dataset_field_at(ds, i, &name, &dtype)) {
        s->n = weir_dataset_n_tensors(ds);
        return i == weir_dataset_n_fields(ds) && s->n > 0;
    }
    weir_status st;
    if (dtype == WEIR_STRING) {
        const weir_str *strings = NULL;
        st = weir_dataset_strings(ds, name, &strings, &s->n, NULL);
        s->values = strings;
    } else {
        st = weir_dataset_scalars(ds, name, &dtype, &s->values, &s->n, NULL);
    }
    s->name = name;
    s->dtype = dtype;
    return st == WEIR_OK;
}

static weir_str string_at(const weir_dataset *ds, const source *s, size_t i)
{
    weir_str name = {0};
    if (!wr_str_eq(s->name, tensor_names_field))
        return ((const weir_str *)s->values)[i];
    weir_dataset_tensor_at(ds, i, &name, NULL);
    return name;
}

static bool encoded_bytes(const weir_dataset *ds, const source *s, size_t *bytes)
{
    size_t n = s->n * weir_dtype_bytes(s->dtype) + 1;
    if (s->dtype == WEIR_STRING) {
        n = 1;
        for (size_t i = 0; i < s->n; i++) {
            if (!wr_add(n, LENGTH_BYTES, &n) || !wr_add(n, string_at(ds, s, i).n, &n))
                return false;
        }
    }
    *bytes = n;
    return true;
}

static char *encode_values(char *at, const weir_dataset *ds, const source *s)
{
    *at++ = byte_of_type(s->dtype);
    if (s->dtype != WEIR_STRING)
        return put_bytes(at, s->values, s->n * weir_dtype_bytes(s->dtype));
    for (size_t i = 0; i < s->n; i++) {
        weir_str v = string_at(ds, s, i);
        uint64_t length = v.n;
        at = put_bytes(at, &length, LENGTH_BYTES);
        at = put_bytes(at, v.p, v.n);
    }
    return at;
}

static bool count_all(const weir_dataset *ds, size_t *n, size_t *chars)
{
    source s;
    size_t bytes;
    for (*n = 0; source_at(ds, *n, &s); (*n)++) {
        if (!encoded_bytes(ds, &s, &bytes) || !wr_add(*chars, bytes, chars) ||
            !wr_add(*chars, s.name.n, chars))
            return false;
    }
    return true;
}

weir_status wr_metadata_encode(wr_fields **out, const weir_dataset *ds, bool complete,
                               weir_error *err)
{
    source s;
    size_t n, chars = complete_field.n + 1;
    if (out == NULL || ds == NULL)
        return weir_fail(err, WEIR_ERR_ARG, "metadata: null pointer");
    bool fits = count_all(ds, &n, &chars);
    wr_fields *f = fits ? alloc_fields(n + (complete ? 1 : 0), chars) : NULL;
    if (f == NULL)
        return weir_fail(err, WEIR_ERR_NOMEM,
                         "dataset '%.*s': no memory for %zu metadata fields of %zu bytes",
                         WR_NAME(weir_dataset_name(ds)), n, chars);
    char *at = (char *)(f->f + f->n);
    for (size_t i = 0; i < n && source_at(ds, i, &s); i++) {
        f->f[i].name = (weir_str){at, s.name.n};
        at = put_bytes(at, s.name.p, s.name.n);
        char *end = encode_values(at, ds, &s);
        f->f[i].bytes = (weir_str){at, (size_t)(end - at)};
        at = end;
    }
    if (complete) {
        f->f[n].name = (weir_str){at, complete_field.n};
        at = put_bytes(at, complete_field.p, complete_field.n);
        f->f[n].bytes = (weir_str){at, 1};
        *at = '1';
    }
    *out = f;
    return WEIR_OK;
}

/* ---- decoding ---- */

/* Where a decoder stands, and for whom. */
typedef struct reader {
    weir_str dataset;
    weir_str field;
    weir_str bytes;
    size_t at;
} reader;

/* Read the type byte. */
static weir_status read_type(reader *r, weir_dtype *dtype, weir_error *err)
{
    if (r->bytes.n == 0)
        return weir_fail(
            err, WEIR_ERR_FORMAT,
            "dataset '%.*s': field '%.*s' has 0 bytes, its type byte is missing",
            WR_NAME(r->dataset), WR_NAME(r->field));
    unsigned type = (unsigned char)r->bytes.p[0];
    if (type < 1 || type > TYPE_STRING)
        return weir_fail(
            err, WEIR_ERR_FORMAT,
            "dataset '%.*s': field '%.*s': type byte %u at offset 0 is none of 1..%d",
            WR_NAME(r->dataset), WR_NAME(r->field), type, TYPE_STRING);
    r->at = 1;
    *dtype = type_of_byte[type];
    return WEIR_OK;
}

/* Read one string; *more is false behind the last. */
static weir_status read_string(reader *r, weir_str *value, bool *more, weir_error *err)
{
    uint64_t length;
    size_t left = r->bytes.n - r->at;
    *more = left > 0;
    if (left == 0)
        return WEIR_OK;
    if (left < LENGTH_BYTES)
        return weir_fail(
            err, WEIR_ERR_FORMAT,
            "dataset '%.*s': field '%.*s': %zu bytes are left at offset %zu of %zu, a "
            "string's length takes %d",
            WR_NAME(r->dataset), WR_NAME(r->field), left, r->at, r->bytes.n,
            LENGTH_BYTES);
    memcpy(&length, r->bytes.p + r->at, LENGTH_BYTES);
    left -= LENGTH_BYTES;
    if (length > left)
        return weir_fail(
            err, WEIR_ERR_FORMAT,
            "dataset '%.*s': field '%.*s': the string at offset %zu of %zu has length "
            "%" PRIu64 ", only %zu bytes are left",
            WR_NAME(r->dataset), WR_NAME(r->field), r->at, r->bytes.n, length, left);
    *value = (weir_str){r->bytes.p + r->at + LENGTH_BYTES, (size_t)length};
    r->at += LENGTH_BYTES + (size_t)length;
    return WEIR_OK;
}

static weir_status decode_scalars(weir_dataset *ds, const reader *r, weir_dtype dtype,
                                  weir_error *err)
{
    size_t each = weir_dtype_bytes(dtype), left = r->bytes.n - r->at;
    if (left % each != 0)
        return weir_fail(
            err, WEIR_ERR_FORMAT,
            "dataset '%.*s': field '%.*s': %zu bytes from offset %zu are no multiple "
            "of %zu, the size of %s",
            WR_NAME(r->dataset), WR_NAME(r->field), left, r->at, each,
            weir_dtype_name(dtype));
    return weir_dataset_add_scalars(ds, r->field, dtype, r->bytes.p + r->at, left / each,
                                    err);
}

static weir_status decode_strings(weir_dataset *ds, reader *r, weir_error *err)
{
    weir_str value;
    bool more = true;
    weir_status st = wr_dataset_touch_field(ds, r->field, WEIR_STRING, err);
    while (st == WEIR_OK) {
        st = read_string(r, &value, &more, err);
        if (st != WEIR_OK || !more)
            break;
        st = weir_dataset_add_string(ds, r->field, value, err);
    }
    return st;
}

/* The names of the tensors: views into the bytes. */
static weir_status decode_names(reader *r, weir_str **names, size_t *n_names,
                                weir_error *err)
{
    weir_str value, *list = NULL;
    weir_dtype dtype = WEIR_STRING;
    size_t n = 0, room = 0;
    bool more = true;
    weir_status st = read_type(r, &dtype, err);
    if (st == WEIR_OK && dtype != WEIR_STRING)
        st = weir_fail(
            err, WEIR_ERR_FORMAT,
            "dataset '%.*s': field '%.*s' holds %s, the names of tensors are strings "
            "(type byte %d)",
            WR_NAME(r->dataset), WR_NAME(r->field), weir_dtype_name(dtype), TYPE_STRING);
    while (st == WEIR_OK) {
        st = read_string(r, &value, &more, err);
        if (st != WEIR_OK || !more)
            break;
        if (wr_check_name(value, "tensor name", err) != WEIR_OK) {
            st = weir_fail(
                err, WEIR_ERR_FORMAT,
                "dataset '%.*s': name %zu in '%.*s' ends at offset %zu with %zu bytes "
                "and can't be a key",
                WR_NAME(r->dataset), n, WR_NAME(r->field), r->at, value.n);
            break;
        }
        if (n == room) {
            size_t want = room == 0 ? 8 : room * 2;
            weir_str *p = wr_realloc(list, want * sizeof *p);
            if (p == NULL) {
                st = weir_fail(err, WEIR_ERR_NOMEM,
                               "dataset '%.*s': no memory for %zu names",
                               WR_NAME(r->dataset), want);
                break;
            }
            list = p;
            room = want;
        }
        list[n++] = value;
    }
    if (st != WEIR_OK) {
        wr_free(list);
        return st;
    }
    *names = list;
    *n_names = n;
    return WEIR_OK;
}

static weir_status decode_field(weir_dataset *ds, reader *r, weir_error *err)
{
    weir_dtype dtype = WEIR_STRING;
    weir_error why = {0};
    if (wr_check_name(r->field, "field name", &why) != WEIR_OK)
        return weir_fail(err, WEIR_ERR_FORMAT, "dataset '%.*s': %.400s",
                         WR_NAME(r->dataset), why.text);
    if (weir_dataset_has_field(ds, r->field))
        return weir_fail(err, WEIR_ERR_FORMAT,
                         "dataset '%.*s': field '%.*s' is there twice",
                         WR_NAME(r->dataset), WR_NAME(r->field));
    weir_status st = read_type(r, &dtype, err);
    if (st != WEIR_OK)
        return st;
    return dtype == WEIR_STRING ? decode_strings(ds, r, err)
                                : decode_scalars(ds, r, dtype, err);
}

weir_status wr_metadata_decode(weir_dataset **out, weir_str name, const wr_fields *fields,
                               weir_str **tensor_names, size_t *n_names, weir_error *err)
{
    weir_dataset *ds = NULL;
    weir_str *names = NULL;
    size_t n = 0;
    bool has_names = false;
    if (out == NULL || fields == NULL || tensor_names == NULL || n_names == NULL)
        return weir_fail(err, WEIR_ERR_ARG, "metadata: null pointer");
    weir_status st = weir_dataset_new(&ds, name, err);
    for (size_t i = 0; st == WEIR_OK && i < fields->n; i++) {
        reader r = {
            .dataset = name, .field = fields->f[i].name, .bytes = fields->f[i].bytes};
        if (wr_str_eq(r.field, complete_field))
            continue;
        if (!wr_str_eq(r.field, tensor_names_field)) {
            st = decode_field(ds, &r, err);
        } else if (has_names) {
            st = weir_fail(err, WEIR_ERR_FORMAT,
                           "dataset '%.*s': field '%.*s' is there twice", WR_NAME(name),
                           WR_NAME(r.field));
        } else {
            has_names = true;
            st = decode_names(&r, &names, &n, err);
        }
    }
    if (st != WEIR_OK) {
        wr_free(names);
        weir_dataset_free(ds);
        return st;
    }
    *out = ds;
    *tensor_names = names;
    *n_names = n;
    return WEIR_OK;
}
