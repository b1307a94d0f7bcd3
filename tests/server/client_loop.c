/* SPDX-License-Identifier: BSD-3-Clause */
/* A client that goes on while servers die: puts and gets under several keys for some seconds, and checks
 * that every answer is right. usage: client_loop ADDRESS SECONDS; prints what it counted. */
#include <stdio.h>
#include <stdlib.h>

#include "weir/client.h"

enum { KEYS = 12, N = 500 };

typedef struct counts {
    long n_ok, n_unknown, n_failed, n_wrong;
} counts;

static weir_tensor view(int64_t *p)
{
    weir_tensor t = {0};
    int64_t n = N;
    if (weir_tensor_init(&t, p, WEIR_I64, 1, &n, NULL) != WEIR_OK)
        exit(2);
    return t;
}

/* What a key may hold: what was last put, or anything that was put since and whose fate is unknown. */
static int64_t low[KEYS], high[KEYS];

static void put(weir_client *c, int key, weir_str name, int64_t value, counts *n)
{
    int64_t data[N];
    weir_error err = {0};
    for (int i = 0; i < N; i++)
        data[i] = value;
    weir_tensor t = view(data);
    weir_status st = weir_put(c, name, &t, &err);
    high[key] = value;
    if (st == WEIR_OK) {
        low[key] = value;
        n->n_ok++;
    } else if (st == WEIR_ERR_CLOSED || st == WEIR_ERR_TIMEOUT) {
        n->n_unknown++;
        printf("unknown: %s\n", err.text);
    } else {
        n->n_failed++;
        printf("failed: %s: %s\n", weir_status_name(st), err.text);
    }
}

static void get(weir_client *c, int key, weir_str name, counts *n)
{
    int64_t data[N];
    weir_error err = {0};
    weir_tensor t = view(data);
    weir_status st = weir_get(c, name, &t, &err);
    if (st == WEIR_ERR_CLOSED || st == WEIR_ERR_TIMEOUT) {
        n->n_unknown++;
        printf("unknown: %s\n", err.text);
        return;
    }
    if (st != WEIR_OK) {
        n->n_failed++;
        printf("failed: %s: %s\n", weir_status_name(st), err.text);
        return;
    }
    bool good = data[0] >= low[key] && data[0] <= high[key];
    for (int i = 1; i < N; i++)
        good &= data[i] == data[0];
    n->n_ok += good;
    n->n_wrong += !good;
    if (!good)
        printf("wrong: key %d holds %lld .. %lld, put were %lld to %lld\n", key,
               (long long)data[0], (long long)data[N - 1], (long long)low[key],
               (long long)high[key]);
}

int main(int argc, char **argv)
{
    weir_client *c = NULL;
    weir_error err = {0};
    counts n = {0};
    weir_client_options opt = {.struct_bytes = sizeof opt, .timeout_ms = 20000};
    if (argc != 3)
        return 2;
    if (weir_client_new(&c, weir_cstr(argv[1]), &opt, &err) != WEIR_OK) {
        printf("open: %s\n", err.text);
        return 1;
    }
    printf("begun\n");
    fflush(stdout);
    weir_deadline until = weir_deadline_in_ms(atoll(argv[2]) * 1000);
    for (int64_t value = 1; weir_now_ns() < until; value++) {
        char name[16];
        int key = (int)(value % KEYS);
        snprintf(name, sizeof name, "loop%d", key);
        put(c, key, weir_cstr(name), value, &n);
        get(c, key, weir_cstr(name), &n);
    }
    printf("ok %ld unknown %ld failed %ld wrong %ld\n", n.n_ok, n.n_unknown, n.n_failed,
           n.n_wrong);
    weir_client_free(c);
    return n.n_failed > 0 || n.n_wrong > 0;
}
