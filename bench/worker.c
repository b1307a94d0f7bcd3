/* SPDX-License-Identifier: BSD-3-Clause */
/* The inside of a worker: arguments, calling threads, the lines of the protocol. */
#include "worker.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

static worker_args args = {
    .backend = "", .address = "", .batch = 1, .n_in = 1, .n_out = 1, .threads = 1};
static const worker_ops *ops;
static float *x[WORKER_THREADS_MAX], *y[WORKER_THREADS_MAX];

/* What the calling threads do at once; guarded by their start and end. */
typedef struct task {
    int thread;
    long n_calls; /* so many, or, when 0, until the moment */
    double until;
    long done;
    bool failed;
} task;

static void *work(void *arg)
{
    task *t = arg;
    do {
        if (!ops->call(t->thread)) {
            t->failed = true;
            break;
        }
        t->done++;
    } while (t->n_calls > 0 ? t->done < t->n_calls : bench_now() < t->until);
    return NULL;
}

/* All threads do n_calls each, or call until `window_s` has passed. Seconds until the last ended,
 * negative when one failed; *calls is their number. */
static double work_all(long n_calls, double window_s, long *calls)
{
    pthread_t thread[WORKER_THREADS_MAX];
    task t[WORKER_THREADS_MAX];
    int n = args.threads, started = 1;
    double begin = bench_now();
    bool failed = false;

    for (int i = 0; i < n; i++)
        t[i] = (task){.thread = i, .n_calls = n_calls, .until = begin + window_s};
    for (; started < n; started++) {
        if (pthread_create(&thread[started], NULL, work, &t[started]) != 0)
            break;
    }
    work(&t[0]);
    for (int i = 1; i < started; i++)
        pthread_join(thread[i], NULL);
    double took = bench_now() - begin;
    *calls = 0;
    for (int i = 0; i < started; i++) {
        *calls += t[i].done;
        failed = failed || t[i].failed;
    }
    return failed || started < n ? -1 : took;
}

static void do_run(FILE *to, long n)
{
    long calls = 0;
    double s = -1;
    if (work_all(n / 16 > 0 && n / 16 < 64 ? n / 16 : n < 16 ? 1 : 64, 0, &calls) >= 0)
        s = work_all(n, 0, &calls);
    if (s < 0)
        fprintf(to, "error a call failed\n");
    else
        fprintf(to, "ok %.9g\n", s);
}

static void do_window(FILE *to, long ms)
{
    long calls = 0;
    double s = work_all(0, (double)ms * 1e-3, &calls);
    if (s < 0)
        fprintf(to, "error a call failed\n");
    else
        fprintf(to, "ok %ld %.9g\n", calls, s);
}

static void do_dump(FILE *to, const char *path)
{
    long calls = 0;
    size_t n = (size_t)(args.batch * args.n_out);
    memset(y[0], 0, n * sizeof(float));
    FILE *f = fopen(path, "wb");
    bool good = f != NULL && work_all(1, 0, &calls) >= 0 &&
                fwrite(y[0], sizeof(float), n, f) == n;
    if (f != NULL)
        good = fclose(f) == 0 && good;
    fprintf(to, good ? "ok\n" : "error no output written\n");
}

static void do_count(FILE *to, long n)
{
    int self = (int)getpid();
    bool good = true;
    for (long i = 0; i < 1000 && good; i++) /* the steady state comes first */
        good = ops->call(0);
    uint64_t first = bench_resident(self);
    uint64_t mallocs = worker_mallocs(), ours = ops->allocations ? ops->allocations() : 0;
    for (long i = 0; i < n && good; i++)
        good = ops->call(0);
    mallocs = worker_mallocs() - mallocs;
    ours = (ops->allocations ? ops->allocations() : 0) - ours;
    uint64_t last = bench_resident(self);
    if (good)
        fprintf(to, "ok %llu %llu %llu %llu\n", (unsigned long long)mallocs,
                (unsigned long long)ours, (unsigned long long)first,
                (unsigned long long)last);
    else
        fprintf(to, "error a call failed\n");
}

static void obey(FILE *to, char *line)
{
    line[strcspn(line, "\n")] = '\0';
    char *rest = strchr(line, ' ');
    long n = rest == NULL ? 0 : strtol(rest, NULL, 10);
    if (strncmp(line, "run ", 4) == 0)
        do_run(to, n);
    else if (strncmp(line, "window ", 7) == 0)
        do_window(to, n);
    else if (strncmp(line, "dump ", 5) == 0)
        do_dump(to, rest + 1);
    else if (strncmp(line, "count ", 6) == 0)
        do_count(to, n);
    else
        fprintf(to, "error what is '%s'?\n", line);
    fflush(to);
}

static bool read_arguments(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *name = argv[i];
        if (strcmp(name, "--plain") == 0) {
            args.plain = true;
            continue;
        }
        if (i + 1 == argc)
            return false;
        const char *value = argv[++i];
        if (strcmp(name, "--model") == 0)
            args.model = value;
        else if (strcmp(name, "--backend") == 0)
            args.backend = value;
        else if (strcmp(name, "--address") == 0)
            args.address = value;
        else if (strcmp(name, "--batch") == 0)
            args.batch = strtol(value, NULL, 10);
        else if (strcmp(name, "--in") == 0)
            args.n_in = strtol(value, NULL, 10);
        else if (strcmp(name, "--out") == 0)
            args.n_out = strtol(value, NULL, 10);
        else if (strcmp(name, "--threads") == 0)
            args.threads = (int)strtol(value, NULL, 10);
        else
            return false;
    }
    return args.model != NULL && args.batch > 0 && args.n_in > 0 && args.n_out > 0 &&
           args.threads > 0 && args.threads <= WORKER_THREADS_MAX;
}

/* Touched memory of each thread. */
static bool get_memory(void)
{
    for (int i = 0; i < args.threads; i++) {
        size_t n_x = (size_t)(args.batch * args.n_in),
               n_y = (size_t)(args.batch * args.n_out);
        x[i] = aligned_alloc(64, (n_x * sizeof(float) + 63) / 64 * 64);
        y[i] = aligned_alloc(64, (n_y * sizeof(float) + 63) / 64 * 64);
        if (x[i] == NULL || y[i] == NULL)
            return false;
        bench_fill(x[i], (int64_t)n_x,
                   1); /* every worker and thread has the same input */
        memset(y[i], 0, n_y * sizeof(float));
    }
    return true;
}

int worker_main(int argc, char **argv, const worker_ops *o)
{
    char text[WORKER_TEXT] = "", line[WORKER_TEXT];
    int fd = dup(STDOUT_FILENO); /* libraries may print: the protocol keeps its own way */
    dup2(STDERR_FILENO, STDOUT_FILENO);
    FILE *to = fd < 0 ? NULL : fdopen(fd, "w");
    if (to == NULL)
        return 1;
    ops = o;
    if (!read_arguments(argc, argv)) {
        fprintf(
            to,
            "error usage: --model FILE --batch N --in N --out N [--threads N] [--plain] "
            "[--backend NAME] [--address ADDRESS]\n");
        fclose(to);
        return 2;
    }
    if (!get_memory() || !ops->open(&args, x, y, text)) {
        fprintf(to, "error %s\n", text[0] == '\0' ? "out of memory" : text);
        fclose(to);
        return 1;
    }
    fprintf(to, "ok %s\n", text);
    fflush(to);
    while (fgets(line, sizeof line, stdin) != NULL)
        obey(to, line);
    fclose(to);
    return 0;
}
