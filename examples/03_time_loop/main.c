/* SPDX-License-Identifier: BSD-3-Clause */
/* A network called at every time step: wrongly, then well, with the difference measured. */
#include <stdio.h>
#include <stdlib.h>

#include <weir/client.h>

enum { N_CELLS = 10000, N_STEPS = 10 };

#define MODEL "mock; in=x:DOUBLE[-1,1]; out=y:DOUBLE[-1,1]; scale=2; add=1"

static void check(weir_status st, const weir_error *err)
{
    if (st != WEIR_OK) {
        fprintf(stderr, "%s: %s\n", weir_status_name(st), err->text);
        exit(1);
    }
}

static weir_client *open_with_model(void)
{
    weir_error err;
    weir_client *c = NULL;
    check(weir_client_new(&c, WEIR_STR("embedded:"), NULL, &err), &err);
    check(weir_set_model(c, WEIR_STR("net"), MODEL, sizeof MODEL - 1, NULL, &err), &err);
    return c;
}

/* x = net(x) for n cells. */
static void infer(weir_client *c, double *x, int64_t n)
{
    static double y[N_CELLS];
    weir_error err;
    weir_tensor in, out;
    int64_t shape[2] = {n, 1};
    check(weir_tensor_init(&in, x, WEIR_F64, 2, shape, &err), &err);
    check(weir_tensor_init(&out, y, WEIR_F64, 2, shape, &err), &err);
    check(weir_infer(c, WEIR_STR("net"), &in, 1, &out, 1, &err), &err);
    memcpy(x, y, (size_t)n * sizeof *x);
}

static void bad(double *x)
{
    for (int step = 0; step < N_STEPS; step++) {
        weir_client *c = open_with_model(); /* at every step, .. */
        for (int i = 0; i < N_CELLS; i++)
            infer(c, &x[i], 1); /* .. and cell by cell */
        weir_client_free(c);
    }
}

static void good(double *x)
{
    weir_client *c = open_with_model(); /* once */
    for (int step = 0; step < N_STEPS; step++)
        infer(c, x, N_CELLS); /* all cells in one call */
    weir_client_free(c);
}

static double measure(const char *what, void (*run)(double *x), double *seconds)
{
    static double x[N_CELLS];
    double sum = 0;
    for (int i = 0; i < N_CELLS; i++)
        x[i] = 0;
    int64_t from = weir_now_ns();
    run(x);
    *seconds = (double)(weir_now_ns() - from) * 1e-9;
    for (int i = 0; i < N_CELLS; i++)
        sum += x[i];
    printf("%-5s %9.3f ms\n", what, *seconds * 1e3);
    return sum;
}

int main(void)
{
    double slow, fast;
    double a = measure("bad", bad, &slow);
    double b = measure("good", good, &fast);
    printf("%.0f times faster, the same numbers: %s\n", slow / fast,
           a - b == 0 ? "yes" : "no");
    printf("answer: %.0f\n", a - b == 0 ? b : -1);
    return 0;
}
