/* SPDX-License-Identifier: BSD-3-Clause */
/* put and get over sockets: 1 KB beside a raw PING, large tensors beside a plain socket that sends as many
 * bytes and gets one back, Fortran order beside C order. Each with both sides on one core and on two, all
 * contenders alike; the worse of the two is the bar. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bt_server.h"
#include "plain.h"

/* What is put and got. */
typedef struct subject {
    weir_client *client;
    weir_tensor c_order, fortran, back, fortran_back;
    void *from, *to;
    int ping;
    sink sink;
    weir_error err;
} subject;

static double ping_s(void *context, long n)
{
    return ping_seconds(((subject *)context)->ping, n);
}

static double sink_s(void *context, long n)
{
    return sink_seconds(&((subject *)context)->sink, n);
}

static double put_all(subject *s, weir_str key, const weir_tensor *t, long n)
{
    double begin = bench_now();
    for (long i = 0; i < n; i++) {
        if (weir_put(s->client, key, t, &s->err) != WEIR_OK)
            return -1;
    }
    return bench_now() - begin;
}

static double get_all(subject *s, const weir_tensor *t, long n)
{
    double begin = bench_now();
    for (long i = 0; i < n; i++) {
        if (weir_get(s->client, WEIR_STR("c"), t, &s->err) != WEIR_OK)
            return -1;
    }
    return bench_now() - begin;
}

static double put_s(void *context, long n)
{
    subject *s = context;
    return put_all(s, WEIR_STR("c"), &s->c_order, n);
}

static double get_s(void *context, long n)
{
    subject *s = context;
    return get_all(s, &s->back, n);
}

static double put_fortran_s(void *context, long n)
{
    subject *s = context;
    return put_all(s, WEIR_STR("f"), &s->fortran, n);
}

static double get_fortran_s(void *context, long n)
{
    subject *s = context;
    return get_all(s, &s->fortran_back, n);
}

/* ---- life ---- */

static bool subject_init(subject *s, const char *address, int64_t rows, int64_t columns)
{
    int64_t shape[2] = {rows, columns};
    size_t n = (size_t)(rows * columns) * sizeof(float);
    memset(s, 0, sizeof *s);
    s->ping = s->sink.fd = -1;
    s->from = aligned_alloc(WEIR_ALIGN, n);
    s->to = aligned_alloc(WEIR_ALIGN, n);
    if (s->from == NULL || s->to == NULL) {
        snprintf(s->err.text, sizeof s->err.text, "out of memory");
        return false;
    }
    bench_fill(s->from, rows * columns, 7);
    memset(s->to, 1, n);
    weir_status st = weir_client_new(&s->client, weir_cstr(address), NULL, &s->err);
    if (st == WEIR_OK)
        st = weir_tensor_init(&s->c_order, s->from, WEIR_F32, 2, shape, &s->err);
    if (st == WEIR_OK)
        st = weir_tensor_init(&s->back, s->to, WEIR_F32, 2, shape, &s->err);
    if (st == WEIR_OK)
        st = weir_tensor_init_fortran(&s->fortran, s->from, WEIR_F32, 2, shape, &s->err);
    if (st == WEIR_OK)
        st = weir_tensor_init_fortran(&s->fortran_back, s->to, WEIR_F32, 2, shape,
                                      &s->err);
    return st == WEIR_OK && put_s(s, 1) >= 0;
}

static void subject_fini(subject *s)
{
    weir_client_free(s->client);
    if (s->ping >= 0)
        close(s->ping);
    sink_stop(&s->sink);
    free(s->from);
    free(s->to);
}

/* ---- the table ---- */

static void head(void)
{
    printf("%-6s %-5s %-11s %-12s %12s %12s %12s %8s %7s %8s\n", "size", "via", "placed",
           "what", "median us", "p05", "p95", "GB/s", "ratio", "foreign");
}

static bool compare(bt_server *b, subject *s, const char *size, const char *via,
                    placement p, bench_contender *c, int n)
{
    int pid[2] = {b->server.pid, s->sink.pid};
    bench_load load;
    if (!place(b->server.pid, p) || (pid[1] > 0 && !place(pid[1], p))) {
        snprintf(s->err.text, sizeof s->err.text, "there are not two cores");
        return false;
    }
    bench_load_begin(&load, pid, 2);
    if (!bench_compare(c, n, bench_plan_for(b->opt.quick)))
        return false;
    double foreign = bench_load_end(&load, pid, 2);
    for (int i = 0; i < n; i++)
        printf("%-6s %-5s %-11s %-12s %12.2f %12.2f %12.2f %8.2f %7.3f %7.0f%%\n", size,
               via, placement_text(p), c[i].name, c[i].stat.median * 1e6,
               c[i].stat.p05 * 1e6, c[i].stat.p95 * 1e6,
               (double)weir_tensor_bytes(&s->c_order) / c[i].stat.median * 1e-9,
               c[i].ratio, foreign);
    fflush(stdout);
    return true;
}

/* ---- parts ---- */

void part_small(bt_server *b)
{
    subject s;
    double put = 0, get = 0;
    bool good = subject_init(&s, b->server.unix_address, 16, 16);
    head();
    for (int tcp = 0; tcp < 2 && good; tcp++) {
        if (tcp) {
            subject_fini(&s);
            good = subject_init(&s, b->server.tcp_address, 16, 16);
        }
        s.ping = tcp ? connect_port(b->server.port) : connect_path(b->server.socket);
        for (placement p = SAME_CORE; p <= CROSS_CORE && good; p++) {
            bench_contender c[] = {{.name = "PING", .seconds = ping_s, .context = &s},
                                   {.name = "put", .seconds = put_s, .context = &s},
                                   {.name = "get", .seconds = get_s, .context = &s}};
            good = compare(b, &s, "1KB", tcp ? "tcp" : "unix", p, c, 3);
            if (good && !tcp) {
                put = fmax(put, 1 / c[1].ratio);
                get = fmax(get, 1 / c[2].ratio);
            }
        }
    }
    if (good) {
        bench_value("sock_put_1KB", put);
        bench_value("sock_get_1KB", get);
    } else {
        bench_absent("sock_put_1KB", s.err.text);
        bench_absent("sock_get_1KB", s.err.text);
    }
    subject_fini(&s);
    place(b->server.pid, ANYWHERE);
}

static void large(bt_server *b, bool tcp, const char *size, int64_t rows, int64_t columns)
{
    subject s;
    char name[64];
    double worst[2] = {INFINITY, INFINITY};
    size_t bytes = (size_t)(rows * columns) * sizeof(float);
    bool good = subject_init(&s, tcp ? b->server.tcp_address : b->server.unix_address,
                             rows, columns);
    good = good && sink_start(&s.sink, tcp, bytes);
    for (placement p = SAME_CORE; p <= CROSS_CORE && good; p++) {
        bench_contender c[] = {{.name = "plain send", .seconds = sink_s, .context = &s},
                               {.name = "put", .seconds = put_s, .context = &s},
                               {.name = "get", .seconds = get_s, .context = &s}};
        good = compare(b, &s, size, tcp ? "tcp" : "unix", p, c, 3);
        for (int i = 0; i < 2; i++)
            worst[i] = fmin(worst[i], c[i + 1].ratio);
    }
    for (int i = 0; i < 2; i++) {
        snprintf(name, sizeof name, "sock_%s_%s_%s", i == 0 ? "put" : "get", size,
                 tcp ? "tcp" : "unix");
        if (good)
            bench_value(name, worst[i]);
        else
            bench_absent(name, s.err.text);
    }
    subject_fini(&s);
    place(b->server.pid, ANYWHERE);
}

void part_large(bt_server *b)
{
    head();
    for (int tcp = 0; tcp < 2; tcp++) {
        large(b, tcp, "16MB", 2048, 2048);
        large(b, tcp, "128MB", 4096, 8192);
    }
}

void part_fortran(bt_server *b)
{
    static const char *const name[] = {"sock_put_fortran_16MB", "sock_get_fortran_16MB"};
    subject s;
    double worst[2] = {0, 0};
    bool good = subject_init(&s, b->server.unix_address, 2048, 2048);
    head();
    for (placement p = SAME_CORE; p <= CROSS_CORE && good; p++) {
        bench_contender put[] = {
            {.name = "put, C", .seconds = put_s, .context = &s},
            {.name = "put, Fortran", .seconds = put_fortran_s, .context = &s}};
        bench_contender get[] = {
            {.name = "get, C", .seconds = get_s, .context = &s},
            {.name = "get, Fortran", .seconds = get_fortran_s, .context = &s}};
        good = compare(b, &s, "16MB", "unix", p, put, 2) &&
               compare(b, &s, "16MB", "unix", p, get, 2);
        worst[0] = fmax(worst[0], 1 / put[1].ratio);
        worst[1] = fmax(worst[1], 1 / get[1].ratio);
    }
    for (int i = 0; i < 2; i++) {
        if (good)
            bench_value(name[i], worst[i]);
        else
            bench_absent(name[i], s.err.text);
    }
    subject_fini(&s);
    place(b->server.pid, ANYWHERE);
}

/* ---- the server's memory settings ---- */

static bool with_and_without(bt_server *b, const server *plain, const char *size,
                             int64_t rows, int64_t columns)
{
    subject set, none = {.ping = -1, .sink.fd = -1};
    bool good = subject_init(&set, b->server.unix_address, rows, columns) &&
                subject_init(&none, plain->unix_address, rows, columns);
    bench_contender put[] = {{.name = "put, set", .seconds = put_s, .context = &set},
                             {.name = "put, none", .seconds = put_s, .context = &none}};
    bench_contender get[] = {{.name = "get, set", .seconds = get_s, .context = &set},
                             {.name = "get, none", .seconds = get_s, .context = &none}};
    good = good && compare(b, &set, size, "unix", CROSS_CORE, put, 2) &&
           compare(b, &set, size, "unix", CROSS_CORE, get, 2);
    subject_fini(&none);
    subject_fini(&set);
    return good;
}

void part_memory(bt_server *b)
{
    server plain;
    server_options o = {.valkey = b->opt.valkey, .plain_memory = true};
    char why[SERVER_TEXT] = "a call failed";
    head();
    if (!server_start(&plain, &o, why) || !place(plain.pid, CROSS_CORE) ||
        !with_and_without(b, &plain, "16MB", 2048, 2048) ||
        !with_and_without(b, &plain, "128MB", 4096, 8192))
        printf("memory settings: not measured: %s\n", why);
    printf("resident after it: with the settings %.0f MB, without %.0f MB\n",
           (double)bench_resident(b->server.pid) / 1048576,
           (double)bench_resident(plain.pid) / 1048576);
    place(b->server.pid, ANYWHERE);
    server_stop(&plain);
}
