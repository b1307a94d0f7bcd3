/* SPDX-License-Identifier: BSD-3-Clause */
/* `weir bench`: a quick look at put, get and infer, in this process or on a server. The careful measurements, beside
 * direct library calls, are in bench/ of the source. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/tiny.h"
#include "weir/client.h"
#include "weir/meter.h"

static int64_t runs = 31;
static const char *model_file = "";
static const char *address = NULL;

static const cli_option options[] = {
    {"--address", CLI_TEXT, &address, 0, 0, "ADDRESS",
     "measure there, as redis://HOST or unix:PATH (this process)"},
    {"--runs", CLI_INT, &runs, 1, 100000, "N", "measurements of each line (31)"},
    {"--write-model", CLI_TEXT, &model_file, 0, 0, "FILE",
     "write the tiny network that is timed as ONNX to FILE, measure nothing"}};

/* What is timed; each measurement makes n calls. */
typedef struct subject {
    weir_client *client;
    weir_tensor from, to;
    size_t n_bytes;
} subject;

typedef weir_status (*call)(subject *s, weir_error *err);

static weir_status call_memcpy(subject *s, weir_error *err)
{
    (void)err;
    memcpy(s->to.data, s->from.data, s->n_bytes);
    __asm__ volatile("" ::: "memory"); /* the copy is made */
    return WEIR_OK;
}

/* The name of what is put and of the network: others may use the same server. */
static weir_str own_name(void)
{
    static char name[32];
    if (name[0] == '\0')
        snprintf(name, sizeof name, "weir-bench-%ld", (long)getpid());
    return weir_cstr(name);
}

static weir_status call_exists(subject *s, weir_error *err)
{
    bool found;
    return weir_exists(s->client, WEIR_TENSOR, own_name(), &found, err);
}

static weir_status call_put(subject *s, weir_error *err)
{
    return weir_put(s->client, own_name(), &s->from, err);
}

static weir_status call_get(subject *s, weir_error *err)
{
    return weir_get(s->client, own_name(), &s->to, err);
}

static weir_status call_infer(subject *s, weir_error *err)
{
    return weir_infer(s->client, own_name(), &s->from, 1, &s->to, 1, err);
}

/* Seconds of one call: so many calls that a measurement takes about a millisecond. */
static weir_status measure(subject *s, call f, weir_meter_stats *out, weir_error *err)
{
    weir_meter *m = NULL;
    weir_status st = weir_meter_new(&m, NULL, err);
    long n = 1;
    int64_t took = 0;

    while (st == WEIR_OK && took < 1000000 && n < 1 << 20) {
        int64_t begin = weir_now_ns();
        n *= 2;
        for (long i = 0; st == WEIR_OK && i < n; i++)
            st = f(s, err);
        took = weir_now_ns() - begin;
    }
    for (int64_t r = 0; st == WEIR_OK && r < runs; r++) {
        int64_t begin = weir_now_ns();
        for (long i = 0; st == WEIR_OK && i < n; i++)
            st = f(s, err);
        weir_meter_add(m, WEIR_METER_OTHER,
                       (double)(weir_now_ns() - begin) * 1e-9 / (double)n);
    }
    if (st == WEIR_OK)
        st = weir_meter_read(m, WEIR_METER_OTHER, out, err);
    weir_meter_free(m);
    return st;
}

static void row(const char *what, const char *verb, const weir_meter_stats *t,
                double n_bytes)
{
    char a[32], b[32], c[32];
    printf("  %-10s %-8s %12s %12s %12s", what, verb, cli_seconds(t->median, a, sizeof a),
           cli_seconds(t->p05, b, sizeof b), cli_seconds(t->p95, c, sizeof c));
    if (n_bytes > 0 && t->median > 0)
        printf(" %8.1f GB/s", n_bytes / t->median * 1e-9);
    printf("\n");
}

static weir_status bench_size(weir_client *client, int64_t n_floats, weir_error *err)
{
    static const struct {
        const char *name;
        call f;
    } lines[] = {{"memcpy", call_memcpy}, {"put", call_put}, {"get", call_get}};
    weir_buffer *from = NULL, *to = NULL;
    subject s = {.client = client, .n_bytes = (size_t)n_floats * sizeof(float)};
    char size[32];

    weir_status st = weir_buffer_new(&from, WEIR_F32, 1, &n_floats, err);
    if (st == WEIR_OK)
        st = weir_buffer_new(&to, WEIR_F32, 1, &n_floats, err);
    if (st != WEIR_OK)
        goto out;
    s.from = weir_buffer_view(from);
    s.to = weir_buffer_view(to);
    memset(s.from.data, 1, s.n_bytes);
    memset(s.to.data, 0, s.n_bytes);
    cli_bytes((double)s.n_bytes, size, sizeof size);
    for (size_t i = 0; st == WEIR_OK && i < sizeof lines / sizeof *lines; i++) {
        weir_meter_stats t;
        st = measure(&s, lines[i].f, &t, err);
        if (st == WEIR_OK)
            row(size, lines[i].name, &t, (double)s.n_bytes);
    }
out:
    weir_buffer_unref(from);
    weir_buffer_unref(to);
    return st;
}

static weir_status bench_infer(weir_client *client, weir_error *err)
{
    float x[TINY_INPUTS] = {0.1f, 0.2f}, y[TINY_OUTPUTS];
    int64_t x_shape[] = {1, TINY_INPUTS}, y_shape[] = {1, TINY_OUTPUTS};
    subject s = {.client = client};
    weir_meter_stats t;
    size_t n = 0;
    char *bytes = tiny_model(&n);

    if (bytes == NULL)
        return weir_fail(err, WEIR_ERR_NOMEM, "no memory for the tiny network");
    weir_status st = weir_set_model(client, own_name(), bytes, n, NULL, err);
    free(bytes);
    if (st == WEIR_OK)
        st = weir_tensor_init(&s.from, x, WEIR_F32, 2, x_shape, err);
    if (st == WEIR_OK)
        st = weir_tensor_init(&s.to, y, WEIR_F32, 2, y_shape, err);
    if (st == WEIR_OK)
        st = measure(&s, call_infer, &t, err);
    if (st == WEIR_OK)
        row("10-64-64-1", "infer", &t, 0);
    if (st == WEIR_OK)
        st = weir_del(client, WEIR_MODEL, own_name(), err);
    return st;
}

static int write_model(void)
{
    size_t n = 0;
    char *bytes = tiny_model(&n);
    FILE *f = bytes == NULL ? NULL : fopen(model_file, "wb");
    bool good = f != NULL && fwrite(bytes, 1, n, f) == n;
    if (f != NULL)
        good = fclose(f) == 0 && good;
    free(bytes);
    if (!good)
        return cli_fail(CLI_FAILED, "bench", "%s: %s", model_file, strerror(errno));
    return CLI_OK;
}

static void print_head(weir_client *client)
{
    weir_server_info s = {0};
    char text[400];
    (void)weir_servers(client, &s, 1);
    snprintf(text, sizeof text, "one call, %s%s%s%s%s",
             s.kind[0] == '\0' ? "a server" : s.kind, s.address[0] == '\0' ? "" : " ",
             s.address[0] == '\0' ? "" : s.version, s.address[0] == '\0' ? "" : " at ",
             s.address);
    cli_headline(text);
    printf("  %-10s %-8s %12s %12s %12s\n", "what", "verb", "median", "p05", "p95");
}

static weir_status bench_all(weir_client *client, weir_error *err)
{
    static const int64_t n_floats[] = {256, 16384, 262144, 4194304};
    subject nothing = {.client = client};
    weir_meter_stats t;
    weir_status st = measure(&nothing, call_exists, &t, err);
    if (st == WEIR_OK)
        row("-", "exists", &t, 0); /* the price of an exchange */
    for (size_t i = 0; st == WEIR_OK && i < sizeof n_floats / sizeof *n_floats; i++)
        st = bench_size(client, n_floats[i], err);
    if (st == WEIR_OK)
        st = weir_del(client, WEIR_TENSOR, own_name(), err);
    if (st == WEIR_OK) {
        st = bench_infer(client, err);
        if (st == WEIR_ERR_BACKEND) { /* a build without it is no failure */
            printf("  %-10s %-8s %s\n", "10-64-64-1", "infer", err->text);
            st = WEIR_OK;
        }
    }
    return st;
}

static int run(char **args, int n_args)
{
    weir_client *client = NULL;
    weir_error err = {0};

    (void)args;
    (void)n_args;
    if (model_file[0] != '\0')
        return write_model();
    weir_status st = weir_client_new(
        &client, weir_cstr(address == NULL ? "embedded:weir-bench" : address), NULL,
        &err);
    if (st == WEIR_OK) {
        print_head(client);
        st = bench_all(client, &err);
    }
    weir_client_free(client);
    return st == WEIR_OK ? CLI_OK : cli_fail(CLI_FAILED, "bench", "%s", err.text);
}

const cli_command cli_bench = {
    .name = "bench",
    .arguments = "",
    .summary = "time put, get and a tiny infer, here or on a server",
    .text = "A quick table: an exchange, memcpy, put and get by "
            "size, and one infer of a tiny network\n"
            "when the onnx backend is there. What it puts "
            "on a server it takes away. 'make bars'\n"
            "in the source compares with direct library "
            "calls.\n",
    .option = options,
    .n_options = sizeof options / sizeof *options,
    .run = run};
