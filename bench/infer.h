/* SPDX-License-Identifier: BSD-3-Clause */
/* Comparing inference programs: a few workers with one model and one batch, run in turns, one line of
 * the table for each. */
#ifndef WEIR_BENCH_INFER_H
#define WEIR_BENCH_INFER_H

#include "bench.h"
#include "worker.h"

/* Each program runs as several processes, in turns: where its memory happens to lie in the caches is
 * decided when it starts, and moves a run by some percent. */
enum { INFER_SIDES_MAX = 3, INFER_LAUNCHES = 3 };

typedef struct infer_side {
    const char *label;   /* in the table */
    const char *program; /* of the bench folder */
    bool plain;          /* worker_args.plain */
    const char *address; /* worker_args.address; NULL: embedded */
    worker w[INFER_LAUNCHES];
    int n_w, turn;
    bench_contender result; /* filled by infer_compare */
} infer_side;

typedef struct infer_case {
    const char *net;  /* in the table and in the names of bars */
    char model[4096]; /* file */
    const char *backend;
    int64_t batch, n_in, n_out;
} infer_case;

/* Command line of the measuring programs: [--quick] --models DIR. */
typedef struct infer_options {
    bool quick;
    bool valkey;      /* bt_server, bt_scaling: --valkey, else Redis */
    const char *part; /* of bt_server, --part; NULL: all */
    const char *models;
} infer_options;

bool infer_arguments(int argc, char **argv, infer_options *out);

/* Start all sides; on failure `why` is one line and none runs. */
bool infer_start(const infer_case *c, infer_side *side, int n, bool quick,
                 char why[WORKER_TEXT]);
void infer_stop(infer_side *side, int n);

/* Run the sides in turns, fill their numbers and print their lines. */
bool infer_compare(const infer_case *c, infer_side *side, int n, bool quick,
                   char why[WORKER_TEXT]);

/* Head of the table. */
void infer_head(void);

/* Largest difference of the outputs of two sides, relative to the largest output; negative when it
 * can't be told. */
double infer_difference(const infer_case *c, infer_side *a, infer_side *b);

#endif
