/* SPDX-License-Identifier: BSD-3-Clause */
/* Rates of several workers at once. */
#include "many.h"

#include <stdio.h>
#include <stdlib.h>

void many_stop(many_side *side, int n)
{
    for (int i = 0; i < n; i++) {
        for (int k = 0; k < side[i].n; k++)
            worker_stop(&side[i].w[k]);
    }
}

bool many_start(many_side *side, int n, const worker_args *a, char why[WORKER_TEXT])
{
    for (int i = 0; i < n; i++) {
        worker_args own = *a;
        own.threads = side[i].threads;
        own.address = side[i].address;
        for (int k = 0; k < side[i].n; k++) {
            if (worker_start(&side[i].w[k], side[i].program, &own))
                continue;
            snprintf(why, WORKER_TEXT, "%s: %.400s", side[i].program, side[i].w[k].text);
            many_stop(side, n);
            return false;
        }
    }
    return true;
}

/* Rows per second of workers that start together; negative when one failed. */
static double rate(many_side *s, int64_t batch, long window_ms)
{
    double sum = 0;
    for (int i = 0; i < s->n; i++) {
        if (!worker_send(&s->w[i], "window %ld", window_ms))
            return -1;
    }
    for (int i = 0; i < s->n; i++) {
        char *end = NULL;
        if (!worker_answer(&s->w[i]))
            return -1;
        double calls = strtod(s->w[i].text, &end), seconds = strtod(end, NULL);
        sum += seconds > 0 ? calls * (double)batch / seconds : 0;
    }
    return sum;
}

void many_head(void)
{
    printf("%-12s %6s  %-28s %10s %10s %10s %7s %8s\n", "model", "rows", "program",
           "samples/s", "p05", "p95", "ratio", "foreign");
}

static int pids_of(const many_side *side, int n, int *pid)
{
    int at = 0;
    for (int i = 0; i < n; i++) {
        for (int k = 0; k < side[i].n; k++)
            pid[at++] = side[i].w[k].pid;
        if (side[i].server_pid > 0)
            pid[at++] = side[i].server_pid;
    }
    return at;
}

bool many_compare(many_side *side, int n, const char *net, int64_t batch, int rounds,
                  long window_ms, char why[WORKER_TEXT])
{
    static double rates[MANY_SIDES_MAX][BENCH_ROUNDS_MAX],
        ratios[MANY_SIDES_MAX][BENCH_ROUNDS_MAX];
    int pid[MANY_SIDES_MAX * (MANY_WORKERS_MAX + 1)], n_pids = pids_of(side, n, pid);
    bench_load load;

    bench_load_begin(&load, pid, n_pids);
    for (int r = 0; r < rounds; r++) {
        for (int k = 0; k < n; k++) {
            int i = (r + k) % n;
            rates[i][r] = rate(&side[i], batch, window_ms);
            if (rates[i][r] < 0) {
                snprintf(why, WORKER_TEXT, "a worker failed in a window");
                return false;
            }
        }
        for (int i = 0; i < n; i++)
            ratios[i][r] = rates[i][r] / rates[0][r];
    }
    double foreign = bench_load_end(&load, pid, n_pids);
    for (int i = 0; i < n; i++) {
        many_side *s = &side[i];
        s->rate = bench_stat_of(rates[i], rounds);
        s->ratio = bench_stat_of(ratios[i], rounds).median;
        printf("%-12s %6lld  %-28s %10.0f %10.0f %10.0f %7.3f %7.0f%%\n", net,
               (long long)batch, s->label, s->rate.median, s->rate.p05, s->rate.p95,
               s->ratio, foreign);
    }
    fflush(stdout);
    return true;
}
