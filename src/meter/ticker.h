/* SPDX-License-Identifier: BSD-3-Clause */
/* The clock of timers: ticks that cost little, and how they become seconds. */
#ifndef WR_METER_TICKER_H
#define WR_METER_TICKER_H

#include <time.h>

#include "weir/meter.h"

/* One reading of all clocks at the same moment, and the length of a tick. */
typedef struct wr_ticker {
    bool is_cycles;   /* else ticks are nanoseconds of CLOCK_MONOTONIC */
    double tick_s;    /* seconds of a tick */
    int64_t tick0;    /* ticks .. */
    int64_t mono0_ns; /* .. at this moment */
} wr_ticker;

/* Compare the counter with the system's clock once per process (5 ms), and fill *out. */
weir_status wr_ticker_open(weir_meter_clock which, wr_ticker *out, weir_error *err);

static inline int64_t wr_ticks(bool is_cycles)
{
#if defined(__x86_64__)
    if (is_cycles)
        return (int64_t)__builtin_ia32_rdtsc();
#else
    (void)is_cycles;
#endif
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Monotonic nanoseconds of a tick count, and back. */
int64_t wr_ticker_to_ns(const wr_ticker *c, int64_t ticks);
int64_t wr_ticker_from_ns(const wr_ticker *c, int64_t ns);

#endif
