/* SPDX-License-Identifier: BSD-3-Clause */
/* Taking in values: keeping, streaming, exact moments. Reading is in stats.c. */
#include "meter/series.h"

#include <math.h>

#include "base/alloc.h"
#include "meter/stats.h"

void wr_series_init(wr_series *s, size_t kept_max, uint64_t skip_first)
{
    memset(s, 0, offsetof(wr_series, window));
    s->kept_max = kept_max;
    wr_series_clear(s, skip_first);
}

void wr_series_fini(wr_series *s)
{
    if (s->buf != s->window)
        wr_free(s->buf);
    wr_free(s->kept);
    wr_sketch_fini(&s->sketch);
    memset(s, 0, offsetof(wr_series, window));
    s->buf = s->window;
}

void wr_series_clear(wr_series *s, uint64_t skip_first)
{
    wr_free(s->kept);
    s->kept = NULL;
    if (s->buf == NULL || s->buf == s->window) {
        s->buf = s->window;
        s->room = s->kept_max > 0 && s->kept_max < WR_WINDOW ? s->kept_max : WR_WINDOW;
    }
    s->is_streaming = s->kept_max == 0;
    s->used = s->digested = s->n_kept = 0;
    s->skip_left = skip_first;
    s->n_skipped = s->n_dropped = 0;
    s->rest = (wr_sum){0};
    s->first = 0;
    s->all = (wr_moments){0};
    wr_sketch_clear(&s->sketch);
}

void wr_sum_add(wr_sum *s, double x)
{
    double t = s->sum + x;
    s->rest += fabs(s->sum) >= fabs(x) ? s->sum - t + x : x - t + s->sum;
    s->sum = t;
}

double wr_sum_of(const wr_sum *s)
{
    double t = s->sum + s->rest;
    return isfinite(t) ? t : s->sum; /* an overflow stays infinite, not not-a-number */
}

void wr_moments_merge(wr_moments *into, const wr_moments *from)
{
    if (from->n == 0)
        return;
    if (into->n == 0) {
        *into = *from;
        return;
    }
    double a = (double)into->n, b = (double)from->n, d = from->mean - into->mean;
    into->mean += d * (b / (a + b));
    into->m2 += from->m2 + d * d * (a * b / (a + b));
    into->n += from->n;
    wr_sum_add(&into->sum, from->sum.sum);
    wr_sum_add(&into->sum, from->sum.rest);
    into->min = fmin(into->min, from->min);
    into->max = fmax(into->max, from->max);
}

/* Two passes over a block, so that nothing is lost where the deviation is far below the mean. */
static wr_moments moments_of(const double *x, size_t n)
{
    wr_moments block = {.n = n, .min = x[0], .max = x[0]};
    for (size_t i = 0; i < n; i++) {
        wr_sum_add(&block.sum, x[i]);
        block.min = x[i] < block.min ? x[i] : block.min;
        block.max = x[i] > block.max ? x[i] : block.max;
    }
    block.mean = wr_sum_of(&block.sum) / (double)n;
    for (size_t i = 0; i < n; i++) {
        double d = x[i] - block.mean;
        block.m2 += d * d;
    }
    return block;
}

/* The warm-up has its own count and no part in `rest`: subtracting it from the whole would leave
 * nothing but rounding where it is much the largest. */
static void take_blocks(wr_series *s, const double *x, size_t n, bool is_warm_up)
{
    for (size_t i = 0; i < n; i += WR_WINDOW) {
        wr_moments block = moments_of(x + i, n - i < WR_WINDOW ? n - i : WR_WINDOW);
        wr_moments_merge(&s->all, &block);
        if (is_warm_up) {
            s->n_skipped += block.n;
            continue;
        }
        wr_sum_add(&s->rest, block.sum.sum);
        wr_sum_add(&s->rest, block.sum.rest);
    }
}

static void into_sketch(wr_series *s, const double *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!wr_sketch_add(&s->sketch, x[i]))
            s->n_dropped++;
    }
}

void wr_series_digest(wr_series *s)
{
    const double *x = s->buf + s->digested;
    size_t n = s->used - s->digested;
    if (n == 0)
        return;
    if (s->all.n == 0)
        s->first = x[0];
    size_t n_warm = s->skip_left < n ? (size_t)s->skip_left : n;
    s->skip_left -= n_warm;
    take_blocks(s, x, n_warm, true);
    take_blocks(s, x + n_warm, n - n_warm, false);
    if (s->is_streaming)
        into_sketch(s, x, n);
    s->digested = s->used;
}

/* Room for more kept values. False: the limit is reached, or there is no memory. */
static bool grow(wr_series *s)
{
    size_t room = s->room < s->kept_max / 2 ? s->room * 2 : s->kept_max;
    if (room == s->room)
        return false;
    bool is_inside = s->buf == s->window;
    double *p =
        is_inside ? wr_alloc(room * sizeof *p) : wr_realloc(s->buf, room * sizeof *p);
    if (p == NULL)
        return false;
    if (is_inside)
        memcpy(p, s->window, s->used * sizeof *p);
    s->buf = p;
    s->room = room;
    return true;
}

/* From now on values pass through the window. Those kept so far stay where they are; if they are in
 * the window they move out, or are given up for want of memory. */
static void begin_streaming(wr_series *s)
{
    wr_series_digest(s);
    s->is_streaming = true;
    into_sketch(s, s->buf, s->used);
    s->n_kept = s->used;
    s->kept = s->buf == s->window ? wr_alloc(s->used * sizeof *s->kept) : s->buf;
    if (s->kept == NULL)
        s->n_kept = 0;
    else if (s->buf == s->window)
        memcpy(s->kept, s->window, s->used * sizeof *s->kept);
    s->buf = s->window;
    s->room = WR_WINDOW;
    s->used = s->digested = 0;
}

void wr_series_make_room(wr_series *s)
{
    if (s->is_streaming) {
        wr_series_digest(s);
        s->used = s->digested = 0;
    } else if (!grow(s)) {
        begin_streaming(s);
    }
}

uint64_t wr_series_n(const wr_series *s)
{
    return s->all.n + (s->used - s->digested);
}

const double *wr_series_kept(const wr_series *s, size_t *n)
{
    *n = s->is_streaming ? s->n_kept : s->used;
    return *n == 0 ? NULL : s->is_streaming ? s->kept : s->buf;
}

static bool pour(void *ctx, double x, uint64_t n)
{
    wr_series *into = ctx;
    if (!wr_sketch_add_n(&into->sketch, x, n))
        into->n_dropped += n;
    return true;
}

/* Append kept values behind our own; false when they are too many. */
static bool append(wr_series *into, const wr_series *from)
{
    while (into->room - into->used <= from->used) {
        if (!grow(into))
            return false;
    }
    memcpy(into->buf + into->used, from->buf, from->used * sizeof *from->buf);
    into->used += from->used;
    into->digested = into->used;
    return true;
}

void wr_series_merge(wr_series *into, wr_series *from)
{
    if (wr_series_n(from) == 0)
        return;
    wr_series_digest(into);
    wr_series_digest(from);
    if (into->all.n == 0)
        into->first = from->first;
    into->n_skipped += from->n_skipped;
    wr_sum_add(&into->rest, from->rest.sum);
    wr_sum_add(&into->rest, from->rest.rest);
    into->n_dropped += from->n_dropped;
    bool whole = !into->is_streaming && !from->is_streaming && append(into, from);
    if (!whole) {
        if (!into->is_streaming)
            begin_streaming(into);
        if (from->is_streaming)
            wr_sketch_walk(&from->sketch, pour, into);
        else
            into_sketch(into, from->buf, from->used);
    }
    wr_moments_merge(&into->all, &from->all);
}
