/* SPDX-License-Identifier: BSD-3-Clause */
/* The same call through Weir: an embedded client, or one of a server (--address), with default settings,
 * contiguous caller's memory. A server's model is set by the first worker and then found.
 * --plain switches row blocks off (deterministic mode). */
#include <stdio.h>

#include "weir/client.h"
#include "worker.h"

static weir_client *client;
static weir_tensor in[WORKER_THREADS_MAX], out[WORKER_THREADS_MAX];

static bool call(int thread)
{
    weir_error err;
    weir_status st =
        weir_infer(client, WEIR_STR("model"), &in[thread], 1, &out[thread], 1, &err);
    if (st != WEIR_OK)
        fprintf(stderr, "weir_worker: %s\n", err.text);
    return st == WEIR_OK;
}

static bool open_model(const worker_args *a, float **x, float **y, char *text)
{
    weir_error err = {0};
    weir_model_options opt = {.struct_bytes = sizeof opt,
                              .backend = weir_cstr(a->backend),
                              .deterministic = a->plain};
    weir_model_info info;
    int64_t x_shape[] = {a->batch, a->n_in}, y_shape[] = {a->batch, a->n_out};

    bool there = false, embedded = a->address[0] == '\0';
    weir_status st = weir_client_new(
        &client, embedded ? WEIR_STR("embedded:") : weir_cstr(a->address), NULL, &err);
    if (st == WEIR_OK)
        st = weir_exists(client, WEIR_MODEL, WEIR_STR("model"), &there, &err);
    if (st == WEIR_OK && !there)
        st = weir_set_model_file(client, WEIR_STR("model"), weir_cstr(a->model), &opt,
                                 &err);
    for (int i = 0; st == WEIR_OK && i < a->threads; i++) {
        st = weir_tensor_init(&in[i], x[i], WEIR_F32, 2, x_shape, &err);
        if (st == WEIR_OK)
            st = weir_tensor_init(&out[i], y[i], WEIR_F32, 2, y_shape, &err);
    }
    if (st == WEIR_OK)
        st = weir_describe_model(client, WEIR_MODEL, WEIR_STR("model"), &info, &err);
    if (st != WEIR_OK) {
        snprintf(text, WORKER_TEXT, "%.*s", WORKER_TEXT - 1, err.text);
        return false;
    }
    snprintf(text, WORKER_TEXT, "block_rows=%lld warm_up=%.2fs",
             (long long)info.block_rows, info.warm_up_s);
    return true;
}

/* What Weir counts itself. */
static uint64_t allocations(void)
{
    double n = 0;
    weir_status st =
        weir_client_statistic(client, WEIR_STR("heap.allocations"), &n, NULL);
    return st == WEIR_OK ? (uint64_t)n : 0;
}

int main(int argc, char **argv)
{
    static const worker_ops o = {
        .open = open_model, .call = call, .allocations = allocations};
    int rc = worker_main(argc, argv, &o);
    weir_client_free(client);
    return rc;
}
