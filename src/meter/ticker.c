/* SPDX-License-Identifier: BSD-3-Clause */
/* May the processor's counter be trusted, and how long is its tick? */
#include "meter/ticker.h"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

static struct {
    pthread_once_t once;
    bool is_fit;
    double tick_s;
} cycles = {.once = PTHREAD_ONCE_INIT};

/* The kernel uses the counter for its own clock only after it found it steady, in step on all cores
 * and not stopped by sleep states: it has checked what we can't. */
static bool kernel_trusts_it(void)
{
#if defined(__x86_64__) && defined(__linux__)
    char name[16] = {0};
    int fd = open("/sys/devices/system/clocksource/clocksource0/current_clocksource",
                  O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, name, sizeof name - 1);
    close(fd);
    return n >= 3 && memcmp(name, "tsc", 3) == 0 && (name[3] == '\n' || name[3] == '\0');
#else
    return false;
#endif
}

/* Both clocks at one moment: the tightest of several readings, should we be interrupted in one. */
static void read_both(int64_t *ticks, int64_t *ns)
{
    int64_t best = INT64_MAX;
    for (int i = 0; i < 32; i++) {
        int64_t before = wr_ticks(true);
        int64_t now = weir_now_ns();
        int64_t after = wr_ticks(true);
        if (after - before >= 0 && after - before < best) {
            best = after - before;
            *ticks = before + best / 2;
            *ns = now;
        }
    }
}

static void measure(void)
{
    int64_t tick[2] = {0}, ns[2] = {0};
    if (!kernel_trusts_it())
        return;
    read_both(&tick[0], &ns[0]);
    struct timespec rest = {.tv_nsec = 5000000};
    nanosleep(&rest, NULL);
    read_both(&tick[1], &ns[1]);
    if (tick[1] <= tick[0] || ns[1] - ns[0] < 1000000)
        return;
    cycles.tick_s = (double)(ns[1] - ns[0]) * 1e-9 / (double)(tick[1] - tick[0]);
    cycles.is_fit = cycles.tick_s > 1e-11 && cycles.tick_s < 1e-7;
}

weir_status wr_ticker_open(weir_meter_clock which, wr_ticker *out, weir_error *err)
{
    wr_ticker c = {.tick_s = 1e-9};
    if (which != WEIR_METER_CLOCK_MONOTONIC)
        pthread_once(&cycles.once, measure);
    if (which == WEIR_METER_CLOCK_CYCLES && !cycles.is_fit)
        return weir_fail(
            err, WEIR_ERR_UNSUPPORTED,
            "meter: the cycle counter is not this system's clock source (see "
            "/sys/devices/system/clocksource), so its time can't be trusted; use "
            "WEIR_METER_CLOCK_BEST");
    if (which != WEIR_METER_CLOCK_MONOTONIC && cycles.is_fit) {
        c.is_cycles = true;
        c.tick_s = cycles.tick_s;
        read_both(&c.tick0, &c.mono0_ns);
    } else {
        c.tick0 = c.mono0_ns = weir_now_ns();
    }
    *out = c;
    return WEIR_OK;
}

int64_t wr_ticker_to_ns(const wr_ticker *c, int64_t ticks)
{
    return c->mono0_ns + (int64_t)((double)(ticks - c->tick0) * (c->tick_s * 1e9));
}

int64_t wr_ticker_from_ns(const wr_ticker *c, int64_t ns)
{
    return c->tick0 + (int64_t)((double)(ns - c->mono0_ns) / (c->tick_s * 1e9));
}
