/* SPDX-License-Identifier: BSD-3-Clause */
/* ONNX models through Weir beside ONNX Runtime's C API: a tiny network's overhead, heap calls and
 * memory; the ocean paper's networks by batch; row blocks. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "infer.h"

static const char *const bars_tiny[] = {"infer_tiny_extra_us", "infer_tiny_allocs",
                                        "rss_growth_kb"};

static void absent(const char *prefix, const char *net, const char *suffix,
                   const char *why)
{
    char name[96];
    snprintf(name, sizeof name, "%s%s%s", prefix, net, suffix);
    bench_absent(name, why);
}

static void report(const char *prefix, const char *net, const char *suffix, double value)
{
    char name[96];
    snprintf(name, sizeof name, "%s%s%s", prefix, net, suffix);
    if (value < 0)
        bench_absent(name, "no output to compare");
    else
        bench_value(name, value);
}

/* Heap calls in the steady state: what Weir counts, and how many more the process makes than the
 * direct program does; the worse of the two. */
static bool count_allocations(infer_side *direct, infer_side *weir, long n)
{
    unsigned long long d = 0, w = 0, ours = 0;
    if (!worker_ask(&direct->w[0], "count %ld", n) ||
        sscanf(direct->w[0].text, "%llu", &d) != 1 ||
        !worker_ask(&weir->w[0], "count %ld", n) ||
        sscanf(weir->w[0].text, "%llu %llu", &w, &ours) != 2)
        return false;
    printf("heap calls in %ld infers: direct %llu, Weir's process %llu, by Weir %llu\n",
           n, d, w, ours);
    double more = w > d ? (double)(w - d) : 0;
    bench_value("infer_tiny_allocs", fmax(more, (double)ours));
    return true;
}

static bool count_memory(infer_side *weir, long n)
{
    unsigned long long m = 0, ours = 0, first = 0, last = 0;
    if (!worker_ask(&weir->w[0], "count %ld", n) ||
        sscanf(weir->w[0].text, "%llu %llu %llu %llu", &m, &ours, &first, &last) != 4)
        return false;
    printf("resident memory over %ld infers: first %llu KB, last %llu KB\n", n,
           first / 1024, last / 1024);
    bench_value("rss_growth_kb", last > first ? (double)(last - first) / 1024 : 0);
    return true;
}

static void tiny(const infer_options *opt)
{
    infer_case c = {.net = "tiny", .backend = "onnx", .batch = 1, .n_in = 10, .n_out = 1};
    infer_side side[] = {
        {.label = "ONNX Runtime, direct", .program = "direct_ort"},
        {.label = "direct, wrapping each", .program = "direct_ort", .plain = true},
        {.label = "Weir", .program = "weir_worker"}};
    char why[WORKER_TEXT];

    snprintf(c.model, sizeof c.model, "%s/tiny.onnx", opt->models);
    bool good = infer_start(&c, side, 3, opt->quick, why) &&
                infer_compare(&c, side, 3, opt->quick, why);
    if (good) {
        bench_value("infer_tiny_extra_us", side[2].result.extra_s * 1e6);
        snprintf(why, sizeof why, "a worker failed while it counted");
        good = count_allocations(&side[0], &side[2], opt->quick ? 10000 : 100000) &&
               count_memory(&side[2], opt->quick ? 50000 : 1000000);
    }
    for (size_t i = 0; !good && i < sizeof bars_tiny / sizeof *bars_tiny; i++)
        bench_absent(bars_tiny[i], why);
    infer_stop(side, 3);
}

/* At 3000 rows also with row blocks switched off, and the numbers that come out are compared. */
static void network(const infer_options *opt, const char *net, const char *file,
                    int64_t batch)
{
    infer_case c = {.net = net, .backend = "onnx", .batch = batch, .n_in = 4, .n_out = 1};
    infer_side side[] = {
        {.label = "ONNX Runtime, direct", .program = "direct_ort"},
        {.label = "Weir", .program = "weir_worker"},
        {.label = "Weir, deterministic", .program = "weir_worker", .plain = true}};
    int n = batch == 3000 ? 3 : 2;
    char why[WORKER_TEXT], suffix[24];

    snprintf(suffix, sizeof suffix, "_%lld", (long long)batch);
    snprintf(c.model, sizeof c.model, "%s/%s", opt->models, file);
    bool good = infer_start(&c, side, n, opt->quick, why) &&
                infer_compare(&c, side, n, opt->quick, why);
    if (!good) {
        absent("infer_", net, suffix, why);
        if (n == 3) {
            absent("blocks_", net, suffix, why);
            absent("blocks_", net, "_same", why);
        }
    } else {
        double ratio = side[1].result.ratio;
        report("infer_", net, suffix, ratio);
        if (n == 3) {
            report("blocks_", net, suffix, ratio);
            report("blocks_", net, "_same", infer_difference(&c, &side[0], &side[1]));
        }
    }
    infer_stop(side, n);
}

int main(int argc, char **argv)
{
    static const int64_t batches[] = {1, 64, 1024, 3000};
    infer_options opt;

    if (!infer_arguments(argc, argv, &opt))
        return 2;
    infer_head();
    tiny(&opt);
    for (size_t i = 0; i < sizeof batches / sizeof *batches; i++)
        network(&opt, "large", "eke_large.onnx", batches[i]);
    for (size_t i = 0; i < sizeof batches / sizeof *batches; i++)
        network(&opt, "production", "eke_small.onnx", batches[i]);
    return 0;
}
