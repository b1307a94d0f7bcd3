/* SPDX-License-Identifier: BSD-3-Clause */
/* Ten steps in which the model and the simulation take turns, then ten in which they overlap. */
#include <stdio.h>
#include <stdlib.h>

#include <weir/client.h>

enum { N = 5000, N_STEPS = 10, WORK_MS = 10 };

/* It takes 10 ms, as a network might. */
#define MODEL                                                                            \
    "mock; in=x:DOUBLE[-1,1]; out=y:DOUBLE[-1,1]; scale=2; add=1; delay_us=10000"

static void check(weir_status st, const weir_error *err)
{
    if (st != WEIR_OK) {
        fprintf(stderr, "%s: %s\n", weir_status_name(st), err->text);
        exit(1);
    }
}

/* What does not need the network's answer. */
static void work(void)
{
    weir_deadline until = weir_deadline_in_ms(WORK_MS);
    while (weir_now_ns() < until)
        continue;
}

static double run(weir_client *c, bool overlapped, double *sum)
{
    static double x[N], y[N];
    weir_error err;
    weir_tensor in, out;
    int64_t shape[2] = {N, 1};
    check(weir_tensor_init(&in, x, WEIR_F64, 2, shape, &err), &err);
    check(weir_tensor_init(&out, y, WEIR_F64, 2, shape, &err), &err);
    for (int i = 0; i < N; i++)
        x[i] = 0;

    int64_t from = weir_now_ns();
    for (int step = 0; step < N_STEPS; step++) {
        if (overlapped) {
            weir_request *r = NULL;
            check(weir_iinfer(c, WEIR_STR("net"), &in, 1, &out, 1, &r, &err), &err);
            work(); /* x and y belong to Weir meanwhile */
            check(weir_wait(&r, -1, &err), &err);
        } else {
            check(weir_infer(c, WEIR_STR("net"), &in, 1, &out, 1, &err), &err);
            work();
        }
        memcpy(x, y, sizeof x);
    }
    double seconds = (double)(weir_now_ns() - from) * 1e-9;

    *sum = 0;
    for (int i = 0; i < N; i++)
        *sum += x[i];
    printf("%-15s %6.1f ms\n", overlapped ? "overlapped" : "taking turns", seconds * 1e3);
    return seconds;
}

int main(void)
{
    weir_error err;
    weir_client *c = NULL;
    double a, b;
    check(weir_client_new(&c, WEIR_STR("embedded:"), NULL, &err), &err);
    check(weir_set_model(c, WEIR_STR("net"), MODEL, sizeof MODEL - 1, NULL, &err), &err);
    double turns = run(c, false, &a), overlapped = run(c, true, &b);
    printf("%.2f of the time\n", overlapped / turns);
    weir_client_free(c);
    printf("answer: %.0f\n", a - b == 0 ? b : -1);
    return 0;
}
