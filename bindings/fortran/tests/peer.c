/* SPDX-License-Identifier: BSD-3-Clause */
/* The other side of the Fortran tests: looks at the same store through the C client, element by
 * element, knowing nothing of Fortran's descriptors. */
#include <stdio.h>
#include <stdlib.h>

#include "weir/client.h"

int peer_array(const char *key, int dtype, int rank, const int *full, const int *start,
               const int *step, const int *extent, int reversed);
int peer_put(const char *key, int dtype, int rank, const int *extent);
int64_t peer_growth(void);

static weir_client *client(void)
{
    static weir_client *c;
    weir_error err;
    if (c == NULL && weir_client_new(&c, WEIR_STR(""), NULL, &err) != WEIR_OK)
        printf("# peer: %s\n", err.text);
    return c;
}

static double value_at(const weir_tensor *t, const int *index)
{
    const char *p = t->data;
    for (int d = 0; d < t->rank; d++)
        p += index[d] * t->stride[d];
    switch ((int)t->dtype) {
    case WEIR_F32:
        return *(const float *)(const void *)p;
    case WEIR_F64:
        return *(const double *)(const void *)p;
    case WEIR_I8:
    case WEIR_U8:
        return *(const int8_t *)p;
    case WEIR_I16:
        return *(const int16_t *)(const void *)p;
    case WEIR_I32:
        return *(const int32_t *)(const void *)p;
    case WEIR_I64:
        return (double)*(const int64_t *)(const void *)p;
    case WEIR_BOOL:
        return *(const uint8_t *)p;
    default:
        return -1;
    }
}

/* The value of the element after k others in Fortran's memory. */
static double value_of(long k, weir_dtype dtype)
{
    return dtype == WEIR_BOOL ? (double)(k % 3 == 0) : (double)(k % 120);
}

/* Every element against the Fortran array; `rank` < 0: type and shape only. */
static int compare(const weir_tensor *t, int rank, const int *full, const int *start,
                   const int *step, const int *extent, int reversed)
{
    int index[WEIR_RANK_MAX] = {0};
    int n_dims = abs(rank), wrong = 0;
    size_t n = weir_tensor_count(t);
    for (int d = 0; d < n_dims; d++) {
        if (t->shape[reversed ? n_dims - 1 - d : d] != extent[d])
            return 0;
    }
    for (size_t i = 0; rank >= 0 && i < n; i++) {
        long k = 0, apart = 1;
        for (int d = 0; d < n_dims; d++) { /* Fortran's dimension d */
            k += (start[d] + step[d] * index[reversed ? n_dims - 1 - d : d]) * apart;
            apart *= full[d];
        }
        double got = value_at(t, index), wanted = value_of(k, t->dtype);
        if ((got < wanted || got > wanted) && wrong++ == 0)
            printf("# element %zu: got %g, wanted %g\n", i, got, wanted);
        for (int d = t->rank - 1; d >= 0 && ++index[d] == t->shape[d]; d--)
            index[d] = 0;
    }
    return wrong == 0;
}

int peer_array(const char *key, int dtype, int rank, const int *full, const int *start,
               const int *step, const int *extent, int reversed)
{
    weir_error err;
    weir_buffer *b = NULL;
    char text[160];
    weir_status st = weir_borrow(client(), weir_cstr(key), &b, &err);
    if (st == WEIR_ERR_UNSUPPORTED) /* on a server */
        st = weir_fetch(client(), weir_cstr(key), &b, &err);
    if (st != WEIR_OK) {
        printf("# peer: %s\n", err.text);
        return 0;
    }
    weir_tensor t = weir_buffer_view(b);
    int same = (int)t.dtype == dtype && t.rank == abs(rank) &&
               compare(&t, rank, full, start, step, extent, reversed);
    if (!same)
        printf("# peer: '%s' is %s\n", key, weir_tensor_text(&t, text, sizeof text));
    weir_buffer_unref(b);
    return same;
}

int peer_put(const char *key, int dtype, int rank, const int *extent)
{
    weir_error err;
    weir_tensor t;
    int64_t shape[WEIR_RANK_MAX];
    static union {
        double d[1000];
        float f[1000];
        uint8_t u[1000];
        uint16_t h[1000];
    } data;
    for (int d = 0; d < rank; d++)
        shape[d] = extent[d];
    for (int i = 0; i < 1000; i++) {
        if (dtype == WEIR_F64)
            data.d[i] = i;
        else if (dtype == WEIR_F32)
            data.f[i] = (float)i;
        else if (dtype == WEIR_U8)
            data.u[i] = (uint8_t)i;
        else
            data.h[i] = (uint16_t)i;
    }
    if (weir_tensor_init(&t, &data, (weir_dtype)dtype, rank, shape, &err) == WEIR_OK &&
        weir_put(client(), weir_cstr(key), &t, &err) == WEIR_OK)
        return 1;
    printf("# peer: %s\n", err.text);
    return 0;
}

/* AddressSanitizer keeps freed memory for a while and looks for leaks itself: 0 there. */
int64_t peer_growth(void)
{
#ifdef __SANITIZE_ADDRESS__
    return 0;
#else
    long pages = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f == NULL || fscanf(f, "%ld %ld", &pages, &resident) != 2)
        resident = 0;
    if (f != NULL)
        fclose(f);
    return resident * 4;
#endif
}
