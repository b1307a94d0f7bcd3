/* SPDX-License-Identifier: BSD-3-Clause */
/* What the benchmarks share: contenders run in turns within one run, medians and spread, how busy
 * the rest of the machine was, and the lines that bars.sh reads.
 *
 * A contender gives the seconds of n calls. Rounds alternate their order, so that a slow moment of
 * the machine meets all of them; comparisons are made within each round, and their median counts, so
 * that a machine that drifts during the run moves both sides. */
#ifndef WEIR_BENCH_H
#define WEIR_BENCH_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { BENCH_ROUNDS_MAX = 101, BENCH_CONTENDERS_MAX = 8 };

typedef struct bench_stat {
    double median, p05, p95; /* seconds of one call */
    int n;                   /* rounds */
} bench_stat;

/* Sorts v. */
bench_stat bench_stat_of(double *v, int n);

typedef struct bench_contender {
    const char *name;
    double (*seconds)(void *context, long n); /* of n calls; negative: failed */
    void *context;
    long n_calls;    /* filled: calls per round */
    bench_stat stat; /* filled */
    double
        ratio; /* filled: median over rounds of the first contender's time over its own */
    double extra_s; /* filled: median over rounds of its own time less the first one's */
} bench_contender;

typedef struct bench_plan {
    int rounds; /* at most BENCH_ROUNDS_MAX */
    double
        round_s; /* a contender's part of a round lasts about so long, at least one call */
    double
        total_s; /* fewer rounds, but at least 5, when it would last longer than this */
} bench_plan;

/* The plan for careful or quick runs. */
bench_plan bench_plan_for(bool quick);

/* Run the contenders in turns and fill their numbers. False when one failed. */
bool bench_compare(bench_contender *c, int n, bench_plan plan);

/* Monotonic seconds. */
double bench_now(void);

/* How much of the machine others used between begin and end, percent of all cores. */
typedef struct bench_load {
    double busy_s, own_s, at_s;
} bench_load;

void bench_load_begin(bench_load *l, const int *pids, int n_pids);
double bench_load_end(const bench_load *l, const int *pids, int n_pids);

/* Lines for bars.sh: `value NAME NUMBER` and `absent NAME REASON`. */
void bench_value(const char *name, double value);
void bench_absent(const char *name, const char *reason);

/* Resident memory of a process in bytes; 0 when it can't be read. */
uint64_t bench_resident(int pid);

/* Numbers between 0.05 and 0.95, the same everywhere for one seed. */
void bench_fill(float *x, int64_t n, uint64_t seed);

/* One sentence about the machine and the date, for the head of a table. */
void bench_print_machine(void);

#ifdef __cplusplus
}
#endif
#endif
