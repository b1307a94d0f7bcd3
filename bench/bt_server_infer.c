/* SPDX-License-Identifier: BSD-3-Clause */
/* Inference through a server: a tiny network beside PING and the direct call, the large ocean network beside
 * the direct program, 8 clients at once, a Fortran program with a dataset per step. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bt_server.h"
#include "many.h"
#include "plain.h"

/* ---- one client, a tiny network ---- */

typedef struct tiny {
    int ping;
    weir_client *client;
    weir_tensor in, out;
    float x[10], y[1];
    worker direct;
    weir_error err;
} tiny;

static double ping_s(void *context, long n)
{
    return ping_seconds(((tiny *)context)->ping, n);
}

static double infer_s(void *context, long n)
{
    tiny *t = context;
    double begin = bench_now();
    for (long i = 0; i < n; i++) {
        if (weir_infer(t->client, WEIR_STR("tiny"), &t->in, 1, &t->out, 1, &t->err) !=
            WEIR_OK)
            return -1;
    }
    return bench_now() - begin;
}

static double direct_s(void *context, long n)
{
    return worker_seconds(&((tiny *)context)->direct, n);
}

static bool tiny_open(tiny *t, bt_server *b, bool tcp, const char *model)
{
    int64_t in[] = {1, 10}, out[] = {1, 1};
    worker_args a = {.model = model,
                     .backend = "onnx",
                     .batch = 1,
                     .n_in = 10,
                     .n_out = 1,
                     .threads = 1};
    bench_fill(t->x, 10, 1);
    t->ping = tcp ? connect_port(b->server.port) : connect_path(b->server.socket);
    weir_status st = weir_client_new(
        &t->client, weir_cstr(tcp ? b->server.tcp_address : b->server.unix_address), NULL,
        &t->err);
    if (st == WEIR_OK)
        st = weir_tensor_init(&t->in, t->x, WEIR_F32, 2, in, &t->err);
    if (st == WEIR_OK)
        st = weir_tensor_init(&t->out, t->y, WEIR_F32, 2, out, &t->err);
    if (st == WEIR_OK)
        st = weir_set_model_file(t->client, WEIR_STR("tiny"), weir_cstr(model), NULL,
                                 &t->err);
    if (st == WEIR_OK && !worker_start(&t->direct, "direct_ort", &a)) {
        snprintf(t->err.text, sizeof t->err.text, "direct_ort: %.400s", t->direct.text);
        return false;
    }
    return st == WEIR_OK;
}

static void tiny_close(tiny *t)
{
    worker_stop(&t->direct);
    weir_client_free(t->client);
    if (t->ping >= 0)
        close(t->ping);
}

/* What the whole step takes beyond a PING and the direct call, microseconds, worst placement. */
static bool tiny_extra(tiny *t, bt_server *b, const char *via, double *worst)
{
    for (placement p = SAME_CORE; p <= CROSS_CORE; p++) {
        bench_contender c[] = {
            {.name = "PING", .seconds = ping_s, .context = t},
            {.name = "direct call", .seconds = direct_s, .context = t},
            {.name = "in, run, out", .seconds = infer_s, .context = t}};
        if (!place(b->server.pid, p) ||
            !bench_compare(c, 3, bench_plan_for(b->opt.quick)))
            return false;
        double extra = (c[2].extra_s - c[1].stat.median) * 1e6;
        for (int i = 0; i < 3; i++)
            printf("%-12s %-5s %-11s %-14s %10.2f %10.2f %10.2f\n", "tiny", via,
                   placement_text(p), c[i].name, c[i].stat.median * 1e6,
                   c[i].stat.p05 * 1e6, c[i].stat.p95 * 1e6);
        printf("%-12s %-5s %-11s %-14s %10.2f\n", "tiny", via, placement_text(p),
               "beyond both", extra);
        *worst = fmax(*worst, extra);
    }
    return true;
}

void part_tiny(bt_server *b)
{
    char model[4096];
    double worst[2] = {-INFINITY, -INFINITY};
    bool good = true;
    tiny t;
    snprintf(model, sizeof model, "%s/tiny.onnx", b->opt.models);
    printf("%-12s %-5s %-11s %-14s %10s %10s %10s\n", "model", "via", "placed", "what",
           "median us", "p05", "p95");
    for (int tcp = 0; tcp < 2 && good; tcp++) {
        memset(&t, 0, sizeof t);
        good = tiny_open(&t, b, tcp, model) &&
               tiny_extra(&t, b, tcp ? "tcp" : "unix", &worst[tcp]);
        tiny_close(&t);
    }
    place(b->server.pid, ANYWHERE);
    if (good)
        bench_value("sock_tiny_extra_us", worst[0]);
    else
        bench_absent("sock_tiny_extra_us", t.err.text);
}

/* ---- one client, the large network ---- */

void part_ocean(bt_server *b)
{
    static const int64_t batch[] = {1024, 3000};
    infer_head();
    for (int i = 0; i < 2; i++) {
        infer_case c = {
            .net = "large", .backend = "onnx", .batch = batch[i], .n_in = 4, .n_out = 1};
        infer_side side[] = {{.label = "ONNX Runtime, direct", .program = "direct_ort"},
                             {.label = "Weir, Unix socket",
                              .program = "weir_worker",
                              .address = b->server.unix_address},
                             {.label = "Weir, TCP",
                              .program = "weir_worker",
                              .address = b->server.tcp_address}};
        char why[WORKER_TEXT], name[32];
        snprintf(c.model, sizeof c.model, "%s/eke_large.onnx", b->opt.models);
        snprintf(name, sizeof name, "sock_large_%lld", (long long)batch[i]);
        if (infer_start(&c, side, 3, b->opt.quick, why) &&
            infer_compare(&c, side, 3, b->opt.quick, why))
            bench_value(name, side[1].result.ratio);
        else
            bench_absent(name, why);
        infer_stop(side, 3);
    }
}

/* ---- 8 clients ---- */

typedef struct crowd {
    const char *net, *file, *bar;
    int64_t batch, n_in, n_out;
    bool by_ratio; /* else the rate itself is promised */
    int rounds;
    long window_ms;
} crowd;

static void eight(bt_server *b, const crowd *w)
{
    static const char *const arguments[] = {NULL};
    char model[4096], why[WORKER_TEXT] = "";
    server own;
    server_options o = {.valkey = b->opt.valkey, .arg = arguments};
    many_side side[] = {
        {.label = "two direct programs", .program = "direct_ort", .n = 2, .threads = 1},
        {.label = "8 clients of a server",
         .program = "weir_worker",
         .n = 8,
         .threads = 1}};
    worker_args a = {.model = model,
                     .backend = "onnx",
                     .batch = w->batch,
                     .n_in = w->n_in,
                     .n_out = w->n_out};
    snprintf(model, sizeof model, "%s/%s", b->opt.models, w->file);
    bool good = server_start(&own, &o, why); /* a model of its own name */
    side[1].address = own.unix_address;
    side[1].server_pid = own.pid;
    good = good && many_start(side, 2, &a, why);
    if (good && many_compare(side, 2, w->net, w->batch, b->opt.quick ? 2 : w->rounds,
                             b->opt.quick ? w->window_ms / 5 : w->window_ms, why))
        bench_value(w->bar, w->by_ratio ? side[1].ratio : side[1].rate.median);
    else
        bench_absent(w->bar, why);
    many_stop(side, 2);
    server_stop(&own);
}

void part_clients(bt_server *b)
{
    static const crowd all[] = {
        {"tiny", "tiny.onnx", "sock_8_tiny_per_s", 1, 10, 1, false, 21, 500},
        {"large", "eke_large.onnx", "sock_8_large_16_per_s", 16, 4, 1, false, 21, 500},
        {"ResNet-50", "resnet50.onnx", "sock_8_resnet50", 1, 150528, 1000, true, 9, 3000},
    };
    many_head();
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        eight(b, &all[i]);
}

/* ---- a loop in Fortran ---- */

/* The last line of the program: "growth CLIENT_KB SERVER_KB". */
static bool run_loop(const bt_server *b, const char *steps, double growth[2])
{
    char program[4096], line[256], pid[16];
    int out[2];
    ssize_t k = readlink("/proc/self/exe", program, sizeof program - 32);
    program[k > 0 ? k : 0] = '\0';
    char *slash = strrchr(program, '/');
    snprintf(slash == NULL ? program : slash + 1, 32, "loop_dataset");
    snprintf(pid, sizeof pid, "%d", b->server.pid);
    fflush(stdout);
    if (pipe(out) != 0)
        return false;
    pid_t child = fork();
    if (child == 0) {
        dup2(out[1], STDOUT_FILENO);
        close(out[0]);
        close(out[1]);
        execl(program, "loop_dataset", b->server.unix_address, steps, pid, (char *)NULL);
        _exit(127);
    }
    close(out[1]);
    FILE *f = fdopen(out[0], "r");
    bool good = false;
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        good = good || sscanf(line, "growth %lf %lf", &growth[0], &growth[1]) == 2;
        fputs(line, stdout);
    }
    if (f != NULL)
        fclose(f);
    int status = 1;
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    return good && status == 0;
}

void part_loop(bt_server *b)
{
    double growth[2] = {0, 0};
    if (run_loop(b, b->opt.quick ? "2000" : "100000", growth)) {
        bench_value("sock_loop_client_kb", growth[0]);
        bench_value("sock_loop_server_kb", growth[1]);
    } else {
        bench_absent("sock_loop_client_kb",
                     "loop_dataset (Fortran) failed or is not built");
        bench_absent("sock_loop_server_kb",
                     "loop_dataset (Fortran) failed or is not built");
    }
}
