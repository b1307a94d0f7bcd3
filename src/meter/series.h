/* SPDX-License-Identifier: BSD-3-Clause */
/* A series of numbers: kept or streamed, with exact moments either way. Recording never fails: a
 * window inside the series takes values when there is no memory for more. */
#ifndef WR_METER_SERIES_H
#define WR_METER_SERIES_H

#include "weir/meter.h"

enum {
    WR_WINDOW = 256,         /* values taken in before they are worked through */
    WR_SKETCH_OCTAVES = 128, /* powers of two from 2^-64 to 2^63 */
    WR_SKETCH_OCTAVE_MIN = -64,
    WR_SKETCH_BITS = 7,
    WR_SKETCH_STEPS =
        1 << WR_SKETCH_BITS /* equal steps of an octave: half a step is 0.4 % */
};

/* Counts of values by size. Nearer to zero than 2^-64 is zero; beyond 2^64 is the last step. */
typedef struct wr_sketch {
    uint64_t
        *octave[2][WR_SKETCH_OCTAVES]; /* [is negative][exponent]; NULL: none there yet */
    uint64_t n_zero;
    uint64_t n; /* all counts together */
} wr_sketch;

/* A sum that remembers what rounding took (Neumaier). */
typedef struct wr_sum {
    double sum, rest;
} wr_sum;

typedef struct wr_moments {
    uint64_t n;
    wr_sum sum;
    double mean, m2; /* m2: squares of differences from the mean, summed */
    double min, max;
} wr_moments;

typedef struct wr_series {
    double *buf; /* values that arrive: all of them, or `window` */
    size_t used; /* < room, always */
    size_t room;
    size_t digested; /* of buf: in the moments, and when streaming in the sketch */
    size_t kept_max; /* 0: keep nothing */
    double *kept;    /* streaming: what was kept before; NULL or owned */
    size_t n_kept;   /* streaming: of kept */
    bool is_streaming;
    uint64_t skip_left; /* values still to be left out of mean_rest */
    uint64_t n_skipped;
    wr_sum rest; /* of values that are not skipped */
    double first;
    wr_moments all;
    uint64_t n_dropped;
    wr_sketch sketch;
    double window[WR_WINDOW];
} wr_series;

/* Caller's storage. kept_max 0 streams. fini is harmless twice. */
void wr_series_init(wr_series *s, size_t kept_max, uint64_t skip_first);
void wr_series_fini(wr_series *s);

/* Forget all values; most of the memory stays. */
void wr_series_clear(wr_series *s, uint64_t skip_first);

/* What wr_series_add does when the buffer is full. */
void wr_series_make_room(wr_series *s);

static inline void wr_series_add(wr_series *s, double x)
{
    s->buf[s->used++] = x;
    if (s->used == s->room)
        wr_series_make_room(s);
}

/* Values so far. */
uint64_t wr_series_n(const wr_series *s);

/* Values that are kept, in order. */
const double *wr_series_kept(const wr_series *s, size_t *n);

/* Add all of `from`; it is not changed but for its bookkeeping. */
void wr_series_merge(wr_series *into, wr_series *from);

/* `name` is for the message. */
weir_status wr_series_stats(wr_series *s, const char *name, weir_meter_stats *out,
                            weir_error *err);

/* Counts between rising edges, as weir_meter_histogram. */
void wr_series_bins(wr_series *s, const double *edge, size_t n_edges, uint64_t *count);

/* The sketch alone: used by the series, tested by itself. Add is false for want of memory. */
bool wr_sketch_add(wr_sketch *k, double x);
bool wr_sketch_add_n(wr_sketch *k, double x, uint64_t n);
void wr_sketch_fini(wr_sketch *k);
void wr_sketch_clear(wr_sketch *k);

/* Values in rising order of size: calls `each` with a size and a count until it returns false. */
void wr_sketch_walk(const wr_sketch *k, bool (*each)(void *ctx, double x, uint64_t n),
                    void *ctx);

#endif
