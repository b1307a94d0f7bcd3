/* SPDX-License-Identifier: BSD-3-Clause */
/* 8 threads of one process through Weir beside two independent one-thread direct programs: each side
 * has the machine to itself in turns, for a window of time. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "infer.h"

enum { THREADS = 8, BATCH = 16, PROGRAMS = 2 };

/* Rows per second of n workers that start together; negative when one failed. */
static double rate(worker *w, int n, long window_ms)
{
    double sum = 0;
    for (int i = 0; i < n; i++) {
        if (!worker_send(&w[i], "window %ld", window_ms))
            return -1;
    }
    for (int i = 0; i < n; i++) {
        char *end = NULL;
        if (!worker_answer(&w[i]))
            return -1;
        double calls = strtod(w[i].text, &end), s = strtod(end, NULL);
        sum += s > 0 ? calls * BATCH / s : 0;
    }
    return sum;
}

static void row(const char *label, const bench_stat *s, double ratio, double foreign)
{
    printf("%-12s %6d  %-28s %10.0f %10.0f %10.0f %7.3f %7.0f%%\n", "large", BATCH, label,
           s->median, s->p05, s->p95, ratio, foreign);
}

/* Turns of both sides; false with the reason in why. */
static bool compare(worker *direct, worker *weir, bool quick, char *why)
{
    static double rates[2][BENCH_ROUNDS_MAX], ratios[BENCH_ROUNDS_MAX];
    int rounds = quick ? 3 : 21, pids[] = {direct[0].pid, direct[1].pid, weir->pid};
    long window_ms = quick ? 50 : 500;
    bench_load load;

    bench_load_begin(&load, pids, 3);
    for (int r = 0; r < rounds; r++) {
        for (int k = 0; k < 2; k++) {
            int side = (r + k) % 2;
            double v =
                side == 0 ? rate(direct, PROGRAMS, window_ms) : rate(weir, 1, window_ms);
            if (v < 0) {
                snprintf(why, WORKER_TEXT, "a worker failed in a window");
                return false;
            }
            rates[side][r] = v;
        }
        ratios[r] = rates[1][r] / rates[0][r];
    }
    double foreign = bench_load_end(&load, pids, 3);
    double ratio = bench_stat_of(ratios, rounds).median;
    bench_stat d = bench_stat_of(rates[0], rounds), w = bench_stat_of(rates[1], rounds);
    row("two direct programs", &d, 1, foreign);
    row("Weir, 8 threads", &w, ratio, foreign);
    bench_value("threads_8_large_16", ratio);
    return true;
}

int main(int argc, char **argv)
{
    infer_options opt;
    char model[4096], why[WORKER_TEXT] = "";
    worker direct[PROGRAMS] = {{0}}, weir = {0};

    if (!infer_arguments(argc, argv, &opt))
        return 2;
    snprintf(model, sizeof model, "%s/eke_large.onnx", opt.models);
    worker_args a = {.model = model,
                     .backend = "onnx",
                     .batch = BATCH,
                     .n_in = 4,
                     .n_out = 1,
                     .threads = 1};
    printf("%-12s %6s  %-28s %10s %10s %10s %7s %8s\n", "model", "rows", "program",
           "samples/s", "p05", "p95", "ratio", "foreign");

    bool good = true;
    for (int i = 0; i < PROGRAMS && good; i++) {
        good = worker_start(&direct[i], "direct_ort", &a);
        if (!good)
            snprintf(why, sizeof why, "direct_ort: %.400s", direct[i].text);
    }
    a.threads = THREADS;
    if (good && !worker_start(&weir, "weir_worker", &a)) {
        good = false;
        snprintf(why, sizeof why, "weir_worker: %.400s", weir.text);
    }
    good = good && compare(direct, &weir, opt.quick, why);
    if (!good)
        bench_absent("threads_8_large_16", why);
    for (int i = 0; i < PROGRAMS; i++)
        worker_stop(&direct[i]);
    worker_stop(&weir);
    return 0;
}
