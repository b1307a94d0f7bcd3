/* SPDX-License-Identifier: BSD-3-Clause */
/* 8 threads of one process through Weir beside two independent one-thread direct programs. */
#include <stdio.h>

#include "infer.h"
#include "many.h"

enum { THREADS = 8, BATCH = 16, PROGRAMS = 2 };

int main(int argc, char **argv)
{
    infer_options opt;
    char model[4096], why[WORKER_TEXT] = "";
    many_side side[] = {{.label = "two direct programs",
                         .program = "direct_ort",
                         .n = PROGRAMS,
                         .threads = 1},
                        {.label = "Weir, 8 threads",
                         .program = "weir_worker",
                         .n = 1,
                         .threads = THREADS}};

    if (!infer_arguments(argc, argv, &opt))
        return 2;
    snprintf(model, sizeof model, "%s/eke_large.onnx", opt.models);
    worker_args a = {
        .model = model, .backend = "onnx", .batch = BATCH, .n_in = 4, .n_out = 1};
    many_head();
    bool good = many_start(side, 2, &a, why);
    if (good && many_compare(side, 2, "large", BATCH, opt.quick ? 3 : 21,
                             opt.quick ? 50 : 500, why))
        bench_value("threads_8_large_16", side[1].ratio);
    else
        bench_absent("threads_8_large_16", why);
    many_stop(side, 2);
    return 0;
}
