/* SPDX-License-Identifier: BSD-3-Clause */
/* put and get through an embedded client beside memcpy of the same bytes into touched memory: whole
 * arrays by size, every second element, the inside of an array with a halo, Fortran order. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "weir/client.h"

/* One array and what is done with it. `view` is the caller's; the memcpy has the same bytes. */
typedef struct subject {
    weir_client *client;
    weir_str key;
    weir_tensor put, get; /* views of `from` and of `to` */
    float *from, *to;     /* memory of both views, touched */
    size_t n_bytes;       /* that are stored */
    weir_error err;
} subject;

static double copy_s(void *context, long n)
{
    subject *s = context;
    double begin = bench_now();
    for (long i = 0; i < n; i++) {
        memcpy(s->to, s->from, s->n_bytes);
        __asm__ volatile("" ::: "memory"); /* each copy is made */
    }
    return bench_now() - begin;
}

static double put_s(void *context, long n)
{
    subject *s = context;
    double begin = bench_now();
    for (long i = 0; i < n; i++) {
        if (weir_put(s->client, s->key, &s->put, &s->err) != WEIR_OK)
            return -1;
    }
    return bench_now() - begin;
}

static double get_s(void *context, long n)
{
    subject *s = context;
    double begin = bench_now();
    for (long i = 0; i < n; i++) {
        if (weir_get(s->client, s->key, &s->get, &s->err) != WEIR_OK)
            return -1;
    }
    return bench_now() - begin;
}

typedef struct size_row {
    const char *name;
    int64_t rows, columns; /* of float */
} size_row;

static const size_row sizes[] = {{"1KB", 16, 16},
                                 {"64KB", 128, 128},
                                 {"1MB", 512, 512},
                                 {"16MB", 2048, 2048},
                                 {"128MB", 4096, 8192}};

typedef enum pattern { WHOLE, STRIDED, INNER, FORTRAN, PATTERN_COUNT } pattern;

static const char *const pattern_text[] = {"whole array", "every second element",
                                           "inside a halo", "Fortran order"};
static const char *const pattern_bar[] = {"", "strided_", "inner_", "fortran_"};

enum { HALO = 4 };

/* Elements of memory that a pattern spans. */
static size_t spanned(pattern p, const size_row *z)
{
    int64_t n = z->rows * z->columns;
    if (p == STRIDED)
        n *= 2;
    else if (p == INNER)
        n = (z->rows + 2 * HALO) * (z->columns + 2 * HALO);
    return (size_t)n;
}

static bool view(weir_tensor *t, float *p, pattern how, const size_row *z,
                 weir_error *err)
{
    int64_t shape[2] = {z->rows, z->columns};
    int64_t size = (int64_t)sizeof(float);
    if (how == FORTRAN)
        return weir_tensor_init_fortran(t, p, WEIR_F32, 2, shape, err) == WEIR_OK;
    if (weir_tensor_init(t, p, WEIR_F32, 2, shape, err) != WEIR_OK)
        return false;
    if (how == STRIDED) {
        t->stride[0] = 2 * z->columns * size;
        t->stride[1] = 2 * size;
    } else if (how == INNER) {
        t->stride[0] = (z->columns + 2 * HALO) * size;
        t->data = p + HALO * (z->columns + 2 * HALO) + HALO;
    }
    return true;
}

static void row(const char *size, const char *what, const bench_contender *c,
                double bytes, double foreign)
{
    printf("%-6s %-22s %-8s %12.3f %12.3f %12.3f %8.2f %7.2f %7.0f%%\n", size, what,
           c->name, c->stat.median * 1e6, c->stat.p05 * 1e6, c->stat.p95 * 1e6,
           bytes / c->stat.median * 1e-9, c->ratio, foreign);
}

static void bar(const char *verb, pattern p, const char *size, const char *unit,
                double value, const char *why)
{
    char name[64];
    snprintf(name, sizeof name, "%s_%s%s%s", verb, pattern_bar[p], size, unit);
    if (why == NULL)
        bench_value(name, value);
    else
        bench_absent(name, why);
}

/* 1 KB is promised in microseconds, the rest against the copy. */
static void report(pattern p, const size_row *z, const bench_contender *c,
                   const char *why)
{
    bool small = z == &sizes[0];
    if (small && p != WHOLE)
        return;
    for (int i = 1; i < 3; i++)
        bar(i == 1 ? "put" : "get", p, z->name, small ? "_us" : "",
            small ? c[i].stat.median * 1e6 : c[i].ratio, why);
}

static void measure(weir_client *client, pattern p, const size_row *z, bool quick)
{
    subject s = {.client = client, .key = WEIR_STR("bench")};
    bench_contender c[] = {{.name = "memcpy", .seconds = copy_s, .context = &s},
                           {.name = "put", .seconds = put_s, .context = &s},
                           {.name = "get", .seconds = get_s, .context = &s}};
    size_t n = (spanned(p, z) * sizeof(float) + WEIR_ALIGN - 1) / WEIR_ALIGN * WEIR_ALIGN;
    const char *why = NULL;
    bench_load load;

    s.n_bytes = (size_t)(z->rows * z->columns) * sizeof(float);
    s.from = aligned_alloc(WEIR_ALIGN, n); /* memcpy is slower between other alignments */
    s.to = aligned_alloc(WEIR_ALIGN, n);
    if (s.from == NULL || s.to == NULL) {
        why = "out of memory";
        goto out;
    }
    memset(s.to, 1, n);
    bench_fill(s.from, (int64_t)(n / sizeof(float)), 7);
    if (!view(&s.put, s.from, p, z, &s.err) || !view(&s.get, s.to, p, z, &s.err) ||
        put_s(&s, 1) < 0) {
        why = s.err.text;
        goto out;
    }
    bench_load_begin(&load, NULL, 0);
    if (!bench_compare(c, 3, bench_plan_for(quick))) {
        why = s.err.text;
        goto out;
    }
    double foreign = bench_load_end(&load, NULL, 0);
    for (int i = 0; i < 3; i++)
        row(z->name, pattern_text[p], &c[i], (double)s.n_bytes, foreign);
    fflush(stdout);
out:
    if (why != NULL)
        printf("%-6s %-22s failed: %s\n", z->name, pattern_text[p], why);
    report(p, z, c, why);
    free(s.from);
    free(s.to);
    if (weir_del(client, WEIR_TENSOR, s.key, NULL) != WEIR_OK)
        printf("%-6s the key could not be deleted\n", z->name);
}

/* Copies of whole tensors that each verb makes, by Weir's own statistics: see docs/performance.md. */
static bool print_copies(weir_client *client, weir_error *err)
{
    static const char *const verbs[] = {"put", "get", "borrow"};
    float x[64] = {0};
    int64_t shape[] = {8, 8};
    weir_tensor t;
    weir_buffer *b = NULL;
    weir_str key = WEIR_STR("copies");
    double before[3], after[3];

    if (weir_tensor_init(&t, x, WEIR_F32, 2, shape, err) != WEIR_OK)
        return false;
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i < 3; i++) {
            char name[32];
            snprintf(name, sizeof name, "%s.copies", verbs[i]);
            if (weir_client_statistic(client, weir_cstr(name),
                                      pass == 0 ? &before[i] : &after[i], err) != WEIR_OK)
                return false;
        }
        if (pass == 0 && (weir_put(client, key, &t, err) != WEIR_OK ||
                          weir_get(client, key, &t, err) != WEIR_OK ||
                          weir_borrow(client, key, &b, err) != WEIR_OK))
            return false;
        weir_buffer_unref(b);
        b = NULL;
    }
    printf("copies of a tensor:");
    for (int i = 0; i < 3; i++)
        printf(" %s %g%s", verbs[i], after[i] - before[i], i < 2 ? "," : "\n");
    return true;
}

int main(int argc, char **argv)
{
    bool quick = argc > 1 && strcmp(argv[1], "--quick") == 0;
    weir_client *client = NULL;
    weir_error err = {0};

    bench_print_machine();
    if (weir_client_new(&client, WEIR_STR("embedded:bench"), NULL, &err) != WEIR_OK) {
        fprintf(stderr, "bt_tensor: %s\n", err.text);
        return 1;
    }
    printf("%-6s %-22s %-8s %12s %12s %12s %8s %7s %8s\n", "size", "array", "verb",
           "median us", "p05", "p95", "GB/s", "ratio", "foreign");
    for (int p = WHOLE; p < PATTERN_COUNT; p++) {
        for (size_t i = p == WHOLE ? 0 : 1; i < sizeof sizes / sizeof *sizes; i++)
            measure(client, (pattern)p, &sizes[i], quick);
    }
    bool good = print_copies(client, &err);
    if (!good)
        fprintf(stderr, "bt_tensor: %s\n", err.text);
    weir_client_free(client);
    return good ? 0 : 1;
}
