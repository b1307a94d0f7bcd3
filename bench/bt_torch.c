/* SPDX-License-Identifier: BSD-3-Clause */
/* The ocean paper's networks as TorchScript: Weir's torch backend beside a frozen module in a libtorch
 * program that keeps its pages. */
#include <stdio.h>

#include "infer.h"

static void network(const infer_options *opt, const char *net, const char *file,
                    const char *bar)
{
    infer_case c = {.net = net, .backend = "torch", .batch = 3000, .n_in = 4, .n_out = 1};
    infer_side side[] = {{.label = "libtorch, direct", .program = "direct_torch"},
                         {.label = "Weir, torch", .program = "weir_worker"}};
    char why[WORKER_TEXT];

    snprintf(c.model, sizeof c.model, "%s/%s", opt->models, file);
    if (infer_start(&c, side, 2, opt->quick, why) &&
        infer_compare(&c, side, 2, opt->quick, why)) {
        printf("largest difference of the outputs, relative: %.2g\n",
               infer_difference(&c, &side[0], &side[1]));
        if (bar != NULL)
            bench_value(bar, side[1].result.ratio);
    } else if (bar != NULL) {
        bench_absent(bar, why);
    } else {
        printf("%-12s not measured: %s\n", net, why);
    }
    infer_stop(side, 2);
}

int main(int argc, char **argv)
{
    infer_options opt;
    if (!infer_arguments(argc, argv, &opt))
        return 2;
    infer_head();
    network(&opt, "large", "eke_large.pt", "torch_large_3000");
    network(&opt, "production", "eke_small.pt", NULL);
    return 0;
}
