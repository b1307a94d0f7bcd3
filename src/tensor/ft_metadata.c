/* SPDX-License-Identifier: BSD-3-Clause */
/* Fuzz target: any fields go through the decoder; what it takes must encode to the same fields. The
 * input is a series of fields, each one byte length of the name, two bytes length of the value, both. */
#include <stdint.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "tensor/metadata.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { FIELDS_MAX = 64 };

static size_t take(const uint8_t **p, const uint8_t *end, size_t want, weir_str *out)
{
    size_t left = (size_t)(end - *p), n = want < left ? want : left;
    *out = (weir_str){(const char *)*p, n};
    *p += n;
    return n;
}

static size_t cut_fields(const uint8_t *p, const uint8_t *end, wr_field *fields)
{
    size_t n = 0;
    while (end - p >= 3 && n < FIELDS_MAX) {
        size_t n_name = p[0], n_bytes = (size_t)p[1] | (size_t)p[2] << 8;
        p += 3;
        take(&p, end, n_name, &fields[n].name);
        take(&p, end, n_bytes, &fields[n].bytes);
        n++;
    }
    return n;
}

/* The input's fields but for .tensor_names and .COMPLETE, in order, byte by byte. */
static void check_round_trip(const weir_dataset *ds, const wr_fields *f)
{
    wr_fields *again = NULL;
    if (wr_metadata_encode(&again, ds, false, NULL) != WEIR_OK)
        __builtin_trap();
    size_t k = 0;
    for (size_t i = 0; i < f->n; i++) {
        if (wr_str_eq(f->f[i].name, WEIR_STR(".tensor_names")) ||
            wr_str_eq(f->f[i].name, WEIR_STR(".COMPLETE")))
            continue;
        if (k >= again->n || !wr_str_eq(again->f[k].name, f->f[i].name) ||
            !wr_str_eq(again->f[k].bytes, f->f[i].bytes))
            __builtin_trap();
        k++;
    }
    if (k != again->n)
        __builtin_trap();
    wr_fields_unref(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    wr_field fields[FIELDS_MAX];
    wr_fields *f = NULL;
    weir_dataset *ds = NULL;
    weir_str *names = NULL;
    size_t n_names = 0;
    weir_error err = {0};
    size_t n_fields = cut_fields(data, data + n, fields);
    if (wr_fields_new(&f, fields, n_fields, &err) != WEIR_OK)
        return 0;
    weir_status st = wr_metadata_decode(&ds, WEIR_STR("d"), f, &names, &n_names, &err);
    if (st == WEIR_OK)
        check_round_trip(ds, f);
    else if (st != WEIR_ERR_FORMAT || err.text[0] == '\0')
        __builtin_trap();
    wr_free(names);
    weir_dataset_free(ds);
    wr_fields_unref(f);
    return 0;
}
