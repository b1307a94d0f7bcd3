/* SPDX-License-Identifier: BSD-3-Clause */
/* Recording moorings, in this process or on a server by WEIR_ADDRESS alone: wrongly, then well. */
#include <stdio.h>
#include <stdlib.h>

#include <weir/client.h>

enum { N_MOORINGS = 100, N_STEPS = 20 };

static void check(weir_status st, const weir_error *err)
{
    if (st != WEIR_OK) {
        fprintf(stderr, "%s: %s\n", weir_status_name(st), err->text);
        exit(1);
    }
}

static weir_client *open_client(void)
{
    weir_error err;
    weir_client *c = NULL;
    check(weir_client_new(&c, WEIR_STR(""), NULL, &err),
          &err); /* WEIR_ADDRESS says where */
    return c;
}

/* One mooring under its own name: out, back, and away. */
static double record_one(weir_client *c, int mooring, double value)
{
    weir_error err;
    weir_tensor t;
    char name[32];
    double back = 0;
    snprintf(name, sizeof name, "mooring%d", mooring);
    check(weir_tensor_init(&t, &value, WEIR_F64, 0, NULL, &err), &err);
    check(weir_put(c, weir_cstr(name), &t, &err), &err);
    t.data = &back;
    check(weir_get(c, weir_cstr(name), &t, &err), &err);
    return back;
}

static double bad(void)
{
    double sum = 0;
    for (int step = 1; step <= N_STEPS; step++) {
        weir_client *c = open_client(); /* at every step, .. */
        for (int i = 1; i <= N_MOORINGS; i++)
            sum += record_one(c, i, step * i); /* .. and value by value */
        weir_client_free(c);
    }
    return sum;
}

/* All moorings of a step as one dataset: out and back. */
static double record_all(weir_client *c, int step)
{
    weir_error err;
    weir_dataset *ds = NULL, *back = NULL;
    weir_tensor t;
    double value[N_MOORINGS], time = step, sum = 0;
    int64_t n = N_MOORINGS;

    for (int i = 1; i <= N_MOORINGS; i++)
        value[i - 1] = step * i;
    check(weir_dataset_new(&ds, WEIR_STR("moorings"), &err), &err);
    check(weir_tensor_init(&t, value, WEIR_F64, 1, &n, &err), &err);
    check(weir_dataset_add_tensor(ds, WEIR_STR("value"), &t, &err), &err);
    check(weir_dataset_add_scalars(ds, WEIR_STR("time"), WEIR_F64, &time, 1, &err), &err);
    check(weir_put_dataset(c, ds, &err), &err);
    weir_dataset_free(ds);

    check(weir_get_dataset(c, WEIR_STR("moorings"), &back, &err), &err);
    check(weir_dataset_get_tensor(back, WEIR_STR("value"), &t, &err), &err);
    weir_dataset_free(back);
    for (int i = 0; i < N_MOORINGS; i++)
        sum += value[i];
    return sum;
}

static double good(void)
{
    weir_client *c = open_client(); /* once */
    double sum = 0;
    for (int step = 1; step <= N_STEPS; step++)
        sum += record_all(c, step); /* one exchange out, one back */
    weir_client_free(c);
    return sum;
}

/* A server keeps what it is given: a program takes its own away. */
static void clean_up(void)
{
    weir_error err;
    weir_client *c = open_client();
    char name[32];
    bool found = false;
    for (int i = 1; i <= N_MOORINGS; i++) {
        snprintf(name, sizeof name, "mooring%d", i);
        check(weir_del(c, WEIR_TENSOR, weir_cstr(name), &err), &err);
    }
    check(weir_exists(c, WEIR_DATASET, WEIR_STR("moorings"), &found, &err), &err);
    if (found) /* embedded, the store went with its last client */
        check(weir_del(c, WEIR_DATASET, WEIR_STR("moorings"), &err), &err);
    weir_client_free(c);
}

static double measure(const char *what, double (*run)(void), double *seconds)
{
    int64_t from = weir_now_ns();
    double sum = run();
    *seconds = (double)(weir_now_ns() - from) * 1e-9;
    printf("%-5s %9.3f ms\n", what, *seconds * 1e3);
    return sum;
}

int main(void)
{
    double slow, fast;
    double a = measure("bad", bad, &slow);
    double b = measure("good", good, &fast);
    clean_up();
    printf("%.0f times faster, the same numbers: %s\n", slow / fast,
           a - b == 0 ? "yes" : "no");
    printf("answer: %.0f\n", a - b == 0 ? b : -1);
    return 0;
}
