/* SPDX-License-Identifier: BSD-3-Clause */
/* A program under measurement in a process of its own, so that a direct program is plain: nothing of
 * Weir in it, its own allocator, its own library. The measuring program talks to it in lines:
 *
 *     run N       -> ok SECONDS          N calls by each thread, after a few untimed ones
 *     window MS   -> ok CALLS SECONDS    as many calls as end in about MS milliseconds
 *     dump PATH   -> ok                  one call; its outputs as raw floats
 *     count N     -> ok MALLOCS OURS FIRST LAST   heap calls of the process and of Weir during N
 *                                        calls, resident bytes before and after
 */
#ifndef WEIR_BENCH_WORKER_H
#define WEIR_BENCH_WORKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { WORKER_THREADS_MAX = 64, WORKER_TEXT = 512 };

/* ---- inside the worker ---- */

typedef struct worker_args {
    const char *model;          /* file */
    const char *backend;        /* of Weir; "" lets it choose */
    int64_t batch, n_in, n_out; /* rows; columns of input and output */
    int threads;                /* calling threads */
    const char *address;        /* of Weir: a server's; "": embedded */
    bool plain; /* Weir: no row blocks (deterministic); direct: values made per call */
} worker_args;

/* What one kind of program does. Memory of each thread is x and y, float[batch][n_in or n_out]. */
typedef struct worker_ops {
    /* Load; false with a sentence in text. */
    bool (*open)(const worker_args *a, float **x, float **y, char *text);
    /* One call by one thread; false when it failed. */
    bool (*call)(int thread);
    /* Allocations of Weir so far; NULL when there is no Weir. */
    uint64_t (*allocations)(void);
} worker_ops;

int worker_main(int argc, char **argv, const worker_ops *ops);

/* Calls of malloc and its kin by this process; 0 where they can't be counted. */
uint64_t worker_mallocs(void);

/* ---- in the measuring program ---- */

typedef struct worker {
    int pid; /* 0: not running */
    int to, from;
    char text[WORKER_TEXT]; /* its last answer, or why it does not run */
} worker;

/* Start PROGRAM (in the folder of this one) with a model; false with the reason in w->text. */
bool worker_start(worker *w, const char *program, const worker_args *a);
void worker_stop(worker *w);

/* Send one line; the answer, without "ok ", lies in w->text. */
bool worker_ask(worker *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
bool worker_send(worker *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
bool worker_answer(worker *w);

/* Seconds of n calls, for bench_contender; context is a worker. */
double worker_seconds(void *context, long n);

#ifdef __cplusplus
}
#endif
#endif
