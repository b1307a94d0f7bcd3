/* SPDX-License-Identifier: BSD-3-Clause */
/* Comparing inference programs. */
#include "infer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool infer_arguments(int argc, char **argv, infer_options *out)
{
    *out = (infer_options){.models = "."};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--quick") == 0) {
            out->quick = true;
        } else if (strcmp(argv[i], "--models") == 0 && i + 1 < argc) {
            out->models = argv[++i];
        } else if (strcmp(argv[i], "--part") == 0 && i + 1 < argc) {
            out->part = argv[++i];
        } else if (strcmp(argv[i], "--valkey") == 0) {
            out->valkey = true;
        } else {
            fprintf(stderr,
                    "usage: %s [--quick] [--models DIR] [--part NAME] [--valkey]\n",
                    argv[0]);
            return false;
        }
    }
    bench_print_machine();
    return true;
}

void infer_stop(infer_side *side, int n)
{
    for (int i = 0; i < n; i++) {
        for (int k = 0; k < side[i].n_w; k++)
            worker_stop(&side[i].w[k]);
        side[i].n_w = 0;
    }
}

bool infer_start(const infer_case *c, infer_side *side, int n, bool quick,
                 char why[WORKER_TEXT])
{
    worker_args a = {.model = c->model,
                     .backend = c->backend,
                     .batch = c->batch,
                     .n_in = c->n_in,
                     .n_out = c->n_out,
                     .threads = 1};
    if (access(c->model, R_OK) != 0) {
        snprintf(why, WORKER_TEXT, "no model %.400s", c->model);
        return false;
    }
    for (int i = 0; i < n; i++)
        side[i].n_w = side[i].turn = 0;
    for (int k = 0; k < (quick ? 1 : INFER_LAUNCHES); k++) {
        for (int i = 0; i < n; i++) {
            worker *w = &side[i].w[k];
            a.plain = side[i].plain;
            a.address = side[i].address;
            if (!worker_start(w, side[i].program, &a)) {
                snprintf(why, WORKER_TEXT, "%s: %.400s", side[i].program, w->text);
                infer_stop(side, n);
                return false;
            }
            side[i].n_w++;
        }
    }
    return true;
}

/* For bench_contender: the processes of a side take turns. */
static double side_seconds(void *context, long n)
{
    infer_side *s = context;
    return worker_seconds(&s->w[s->turn++ % s->n_w], n);
}

void infer_head(void)
{
    printf("%-12s %6s  %-22s %10s %10s %10s %12s %7s %8s\n", "model", "rows", "program",
           "median us", "p05", "p95", "samples/s", "ratio", "foreign");
}

bool infer_compare(const infer_case *c, infer_side *side, int n, bool quick,
                   char why[WORKER_TEXT])
{
    bench_contender in_turns[INFER_SIDES_MAX];
    int pids[INFER_SIDES_MAX * INFER_LAUNCHES] = {0}, n_pids = 0;
    bench_load load;

    for (int i = 0; i < n; i++) {
        in_turns[i] = (bench_contender){
            .name = side[i].label, .seconds = side_seconds, .context = &side[i]};
        for (int k = 0; k < side[i].n_w; k++)
            pids[n_pids++] = side[i].w[k].pid;
    }
    bench_load_begin(&load, pids, n_pids);
    if (!bench_compare(in_turns, n, bench_plan_for(quick))) {
        snprintf(why, WORKER_TEXT, "a worker failed while it ran %s, %lld rows", c->net,
                 (long long)c->batch);
        return false;
    }
    double foreign = bench_load_end(&load, pids, n_pids);
    for (int i = 0; i < n; i++) {
        side[i].result = in_turns[i];
        const bench_stat *s = &in_turns[i].stat;
        printf("%-12s %6lld  %-22s %10.2f %10.2f %10.2f %12.0f %7.3f %7.0f%%\n", c->net,
               (long long)c->batch, side[i].label, s->median * 1e6, s->p05 * 1e6,
               s->p95 * 1e6, (double)c->batch / s->median, in_turns[i].ratio, foreign);
    }
    fflush(stdout);
    return true;
}

/* One call's output of a side; NULL when there is none. */
static float *output_of(infer_side *s, size_t n)
{
    char path[] = "/tmp/weir-bench-XXXXXX";
    float *y = malloc(n * sizeof *y);
    FILE *f = NULL;
    bool good = false;
    int fd = mkstemp(path);

    if (fd < 0 || y == NULL)
        goto out;
    f = worker_ask(&s->w[0], "dump %s", path) ? fopen(path, "rb") : NULL;
    good = f != NULL && fread(y, sizeof *y, n, f) == n;
out:
    if (f != NULL)
        fclose(f);
    if (fd >= 0) {
        close(fd);
        unlink(path);
    }
    if (!good) {
        free(y);
        y = NULL;
    }
    return y;
}

double infer_difference(const infer_case *c, infer_side *a, infer_side *b)
{
    size_t n = (size_t)(c->batch * c->n_out);
    float *ya = output_of(a, n), *yb = output_of(b, n);
    double worst = 0, largest = 0;

    for (size_t i = 0; ya != NULL && yb != NULL && i < n; i++) {
        double d = fabs((double)ya[i] - (double)yb[i]);
        worst = isnan(d) ? INFINITY : fmax(worst, d);
        largest = fmax(largest, fabs((double)ya[i]));
    }
    double r = ya == NULL || yb == NULL || largest == 0 ? -1 : worst / largest;
    free(ya);
    free(yb);
    return r;
}
