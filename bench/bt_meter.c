/* SPDX-License-Identifier: BSD-3-Clause */
/* The cost of a timer: start and stop of a named key, beside two reads of the system's clock. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "bench.h"
#include "weir/meter.h"

static weir_meter *meter;
static int key;

static double pairs(void *context, long n)
{
    (void)context;
    double begin = bench_now();
    for (long i = 0; i < n; i++) {
        weir_meter_start(meter, key);
        weir_meter_stop(meter, key);
    }
    double took = bench_now() - begin;
    return weir_meter_n_refused(meter) == 0 ? took : -1;
}

static double clock_pairs(void *context, long n)
{
    (void)context;
    struct timespec t;
    double begin = bench_now();
    for (long i = 0; i < 2 * n; i++)
        clock_gettime(CLOCK_MONOTONIC, &t);
    return bench_now() - begin;
}

static bool measure(weir_meter_mode mode, const char *label, bool quick, double *median_s)
{
    weir_error err = {0};
    weir_meter_options opt = {.struct_bytes = sizeof opt, .mode = mode};
    bench_contender c[] = {{.name = "clock", .seconds = clock_pairs},
                           {.name = "meter", .seconds = pairs}};
    bool good = false;

    if (weir_meter_new(&meter, &opt, &err) != WEIR_OK ||
        weir_meter_key(meter, WEIR_METER_TIMER, WEIR_STR("bench"), WEIR_STR(""),
                       WEIR_STR(""), &key, &err) != WEIR_OK)
        goto out;
    good = bench_compare(c, 2, bench_plan_for(quick));
    for (int i = 0; good && i < 2; i++)
        printf("%-36s %8.1f %8.1f %8.1f\n", i == 0 ? "two clock_gettime" : label,
               c[i].stat.median * 1e9, c[i].stat.p05 * 1e9, c[i].stat.p95 * 1e9);
    *median_s = c[1].stat.median;
out:
    if (!good)
        printf("%s: %s\n", label, err.text);
    weir_meter_free(meter);
    meter = NULL;
    return good;
}

int main(int argc, char **argv)
{
    bool quick = argc > 1 && strcmp(argv[1], "--quick") == 0;
    double full_s = 0, stream_s = 0;

    bench_print_machine();
    printf("%-36s %8s %8s %8s\n", "timer pair, ns", "median", "p05", "p95");
    bool good = measure(WEIR_METER_FULL, "weir_meter, values kept", quick, &full_s) &&
                measure(WEIR_METER_STREAM, "weir_meter, streaming", quick, &stream_s);
    if (good) /* the slower of both promises */
        bench_value("timer_pair_ns", (full_s > stream_s ? full_s : stream_s) * 1e9);
    else
        bench_absent("timer_pair_ns", "the meter could not be made");
    return 0;
}
