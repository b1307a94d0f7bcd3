/* SPDX-License-Identifier: BSD-3-Clause */
/* Contenders in turns, medians and spread, the load of others. */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

double bench_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Linear between neighbours, as NumPy's default. */
static double quantile(const double *sorted, int n, double q)
{
    double at = q * (n - 1);
    int i = (int)at;
    double rest = at - i;
    return i + 1 < n ? sorted[i] * (1 - rest) + sorted[i + 1] * rest : sorted[n - 1];
}

bench_stat bench_stat_of(double *v, int n)
{
    bench_stat s = {.n = n};
    if (n < 1)
        return s;
    qsort(v, (size_t)n, sizeof *v, by_value);
    s.median = quantile(v, n, 0.5);
    s.p05 = quantile(v, n, 0.05);
    s.p95 = quantile(v, n, 0.95);
    return s;
}

bench_plan bench_plan_for(bool quick)
{
    bench_plan careful = {.rounds = 101, .round_s = 0.02, .total_s = 20};
    bench_plan fast = {.rounds = 3, .round_s = 0.002, .total_s = 1};
    return quick ? fast : careful;
}

/* Calls that make one round: doubled until they last long enough twice in turn, since first calls may
 * wait for fresh pages, and one such call is no round. */
static bool calibrate(bench_contender *c, double round_s)
{
    for (long n = 1;; n *= 2) {
        double s = c->seconds(c->context, n);
        if (s >= round_s)
            s = c->seconds(c->context, n);
        if (s < 0)
            return false;
        c->n_calls = n;
        if (s >= round_s || n >= 1L << 30)
            return true;
    }
}

/* Compare with the first contender round by round, then sort. */
static void judge(bench_contender *c, const double *first, double *own, int rounds)
{
    double ratio[BENCH_ROUNDS_MAX], extra[BENCH_ROUNDS_MAX];
    for (int r = 0; r < rounds; r++) {
        ratio[r] = first[r] / own[r];
        extra[r] = own[r] - first[r];
    }
    c->ratio = bench_stat_of(ratio, rounds).median;
    c->extra_s = bench_stat_of(extra, rounds).median;
    c->stat = bench_stat_of(own, rounds);
}

bool bench_compare(bench_contender *c, int n, bench_plan plan)
{
    static double took[BENCH_CONTENDERS_MAX][BENCH_ROUNDS_MAX];
    double turn_s = 0;

    for (int i = 0; i < n; i++) {
        if (!calibrate(&c[i], plan.round_s))
            return false;
        double s = c[i].seconds(c[i].context, c[i].n_calls);
        if (s < 0)
            return false;
        turn_s += s;
    }
    int rounds = plan.rounds;
    if (rounds * turn_s > plan.total_s)
        rounds = (int)(plan.total_s / turn_s);
    int least = plan.rounds < 5 ? plan.rounds : 5;
    rounds = rounds < least ? least : rounds;

    for (int r = 0; r < rounds; r++) {
        for (int k = 0; k < n; k++) {
            int i = r % 2 == 0 ? k : n - 1 - k;
            double s = c[i].seconds(c[i].context, c[i].n_calls);
            if (s < 0)
                return false;
            took[i][r] = s / (double)c[i].n_calls;
        }
    }
    /* The first one last: its rounds are needed in their order. */
    for (int i = n - 1; i >= 0; i--)
        judge(&c[i], took[0], took[i], rounds);
    return true;
}

static double tick_s(void)
{
    return 1.0 / (double)sysconf(_SC_CLK_TCK);
}

/* Seconds that all cores together were busy since boot. */
static double machine_busy_s(void)
{
    unsigned long long user = 0, nice = 0, system = 0, idle = 0, wait = 0, irq = 0,
                       soft = 0;
    FILE *f = fopen("/proc/stat", "r");
    if (f == NULL)
        return 0;
    int got = fscanf(f, "cpu %llu %llu %llu %llu %llu %llu %llu", &user, &nice, &system,
                     &idle, &wait, &irq, &soft);
    fclose(f);
    return got == 7 ? (double)(user + nice + system + irq + soft) * tick_s() : 0;
}

static double process_s(int pid)
{
    char path[64], line[1024];
    unsigned long long user = 0, system = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *f = fopen(path, "r");
    if (f == NULL)
        return 0;
    char *got = fgets(line, sizeof line, f);
    fclose(f);
    char *end = got == NULL ? NULL : strrchr(line, ')'); /* the name may hold blanks */
    if (end == NULL ||
        sscanf(end + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user,
               &system) != 2)
        return 0;
    return (double)(user + system) * tick_s();
}

static double own_s(const int *pids, int n_pids)
{
    double s = process_s((int)getpid());
    for (int i = 0; i < n_pids; i++)
        s += process_s(pids[i]);
    return s;
}

void bench_load_begin(bench_load *l, const int *pids, int n_pids)
{
    l->busy_s = machine_busy_s();
    l->own_s = own_s(pids, n_pids);
    l->at_s = bench_now();
}

double bench_load_end(const bench_load *l, const int *pids, int n_pids)
{
    double all = (bench_now() - l->at_s) * (double)sysconf(_SC_NPROCESSORS_ONLN);
    double foreign = machine_busy_s() - l->busy_s - (own_s(pids, n_pids) - l->own_s);
    return all > 0 && foreign > 0 ? 100 * foreign / all : 0;
}

void bench_value(const char *name, double value)
{
    printf("value %s %.6g\n", name, value);
    fflush(stdout);
}

void bench_absent(const char *name, const char *reason)
{
    printf("absent %s %s\n", name, reason);
    fflush(stdout);
}

uint64_t bench_resident(int pid)
{
    char path[64];
    unsigned long long all = 0, resident = 0;
    snprintf(path, sizeof path, "/proc/%d/statm", pid);
    FILE *f = fopen(path, "r");
    if (f == NULL)
        return 0;
    int got = fscanf(f, "%llu %llu", &all, &resident);
    fclose(f);
    return got == 2 ? resident * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

void bench_fill(float *x, int64_t n, uint64_t seed)
{
    uint64_t s = seed * 2862933555777941757u + 3037000493u;
    for (int64_t i = 0; i < n; i++) {
        s = s * 6364136223846793005u + 1442695040888963407u;
        x[i] = 0.05f + 0.9f * (float)(s >> 40) / 16777216.0f;
    }
}

void bench_print_machine(void)
{
    char model[128] = "unknown processor", line[256], date[32] = "";
    struct utsname u;
    FILE *f = fopen("/proc/cpuinfo", "r");
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        if (sscanf(line, "model name : %127[^\n]", model) == 1)
            break;
    }
    if (f != NULL)
        fclose(f);
    time_t now = time(NULL);
    struct tm tm;
    if (gmtime_r(&now, &tm) != NULL)
        strftime(date, sizeof date, "%Y-%m-%d", &tm);
    if (uname(&u) != 0)
        strcpy(u.release, "?");
    printf("# %s, %ld cores, %s, Linux %s\n", date, sysconf(_SC_NPROCESSORS_ONLN), model,
           u.release);
}
