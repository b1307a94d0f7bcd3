/* SPDX-License-Identifier: BSD-3-Clause */
/* Reading a series: percentiles as NumPy defines them, the interval of the median, bins. */
#include "meter/stats.h"

#include <math.h>
#include <stdlib.h>

#include "base/alloc.h"

enum {
    N_RANKS = 12
}; /* two neighbours of each of four percentiles, two ranks of the interval, two
                          spare */

/* Order statistics that are wanted, and those found. */
typedef struct ranks {
    uint64_t at[N_RANKS]; /* 0 .. n-1 */
    double value[N_RANKS];
    bool found[N_RANKS];
    int n;
    uint64_t passed; /* values walked past */
} ranks;

static int want(ranks *r, uint64_t at)
{
    r->at[r->n] = at;
    return r->n++;
}

static bool pick(void *ctx, double x, uint64_t n)
{
    ranks *r = ctx;
    bool more = false;
    r->passed += n;
    for (int i = 0; i < r->n; i++) {
        if (!r->found[i] && r->at[i] < r->passed) {
            r->value[i] = x;
            r->found[i] = true;
        }
        more = more || !r->found[i];
    }
    return more;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Every wanted rank from the values themselves. */
static weir_status ranks_of_values(ranks *r, const double *x, size_t n, const char *name,
                                   weir_error *err)
{
    double *sorted = n > SIZE_MAX / sizeof *sorted ? NULL : wr_alloc(n * sizeof *sorted);
    if (sorted == NULL)
        return weir_fail(
            err, WEIR_ERR_NOMEM,
            "statistics of '%s': no memory to sort %zu values (%zu bytes); stream "
            "them, or lower samples_max",
            name, n, n * sizeof *sorted);
    memcpy(sorted, x, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, by_size);
    for (int i = 0; i < r->n; i++)
        r->value[i] = sorted[r->at[i]];
    wr_free(sorted);
    return WEIR_OK;
}

static void ranks_of_sketch(ranks *r, const wr_series *s)
{
    wr_sketch_walk(&s->sketch, pick, r);
    for (int i = 0; i < r->n; i++) { /* a step's middle may lie outside what was seen */
        double x = r->found[i] ? r->value[i] : s->all.max;
        r->value[i] = fmin(fmax(x, s->all.min), s->all.max);
    }
}

/* A percentile between two ranks. */
typedef struct between {
    int low, high;
    double part;
} between;

static between want_quantile(ranks *r, double q, uint64_t n)
{
    double at = q * (double)(n - 1);
    uint64_t low = (uint64_t)at;
    low = low > n - 1 ? n - 1 : low;
    between b = {.part = at - (double)low};
    b.low = want(r, low);
    b.high = want(r, low + 1 < n ? low + 1 : low);
    return b;
}

static double quantile(const ranks *r, between b)
{
    double low = r->value[b.low], high = r->value[b.high];
    return low + (high - low) * b.part;
}

/* Ranks, from 0, between which the median lies with 95 % confidence: the normal approximation of the
 * binomial, widened outwards (Le Boudec). Below 6 values no two ranks reach 95 %. */
static void want_interval(ranks *r, uint64_t n, int *low, int *high)
{
    double half = 1.959963984540054 * sqrt((double)n) / 2, mid = (double)n / 2;
    double a = floor(mid - half), b = ceil(1 + mid + half); /* from 1 */
    *low = want(r, a < 1 ? 0 : (uint64_t)a - 1);
    *high = want(r, b > (double)n ? n - 1 : (uint64_t)b - 1);
}

weir_status wr_series_stats(wr_series *s, const char *name, weir_meter_stats *out,
                            weir_error *err)
{
    weir_meter_stats r = {.exact = true};
    ranks wanted = {0};
    size_t n_kept = 0;
    wr_series_digest(s);
    const double *kept = wr_series_kept(s, &n_kept);
    r.n = s->all.n;
    r.n_kept = n_kept;
    r.n_dropped = s->n_dropped;
    r.exact = r.n == n_kept;
    uint64_t n_ranked = r.exact ? r.n : s->sketch.n;
    if (r.n == 0)
        goto done;

    r.sum = wr_sum_of(&s->all.sum);
    r.mean = r.sum / (double)r.n;
    r.min = s->all.min;
    r.max = s->all.max;
    r.stdev = r.n < 2 ? 0 : sqrt(s->all.m2 / (double)(r.n - 1));
    r.first = s->first;
    r.n_skipped = s->n_skipped;
    if (r.n > r.n_skipped)
        r.mean_rest = wr_sum_of(&s->rest) / (double)(r.n - r.n_skipped);
    if (n_ranked == 0) { /* no memory for a single step: the mean is all there is */
        r.median = r.p05 = r.p95 = r.p99 = r.mean;
        r.ci95_low = r.min;
        r.ci95_high = r.max;
        goto done;
    }

    int low = 0, high = 0;
    between p05 = want_quantile(&wanted, 0.05, n_ranked);
    between p50 = want_quantile(&wanted, 0.50, n_ranked);
    between p95 = want_quantile(&wanted, 0.95, n_ranked);
    between p99 = want_quantile(&wanted, 0.99, n_ranked);
    want_interval(&wanted, n_ranked, &low, &high);
    if (r.exact) {
        weir_status st = ranks_of_values(&wanted, kept, n_kept, name, err);
        if (st != WEIR_OK)
            return st;
    } else {
        ranks_of_sketch(&wanted, s);
    }
    r.p05 = quantile(&wanted, p05);
    r.median = quantile(&wanted, p50);
    r.p95 = quantile(&wanted, p95);
    r.p99 = quantile(&wanted, p99);
    r.ci95_low = wanted.value[low];
    r.ci95_high = wanted.value[high];
done:
    *out = r;
    return WEIR_OK;
}

typedef struct bins {
    const double *edge;
    size_t n_edges;
    uint64_t *count;
} bins;

/* Into the bin whose lower edge is the last that is not above x. */
static bool into_bin(void *ctx, double x, uint64_t n)
{
    bins *b = ctx;
    size_t low = 0, high = b->n_edges - 1;
    if (x < b->edge[0] || x > b->edge[high])
        return true;
    while (high - low > 1) {
        size_t mid = low + (high - low) / 2;
        if (b->edge[mid] <= x)
            low = mid;
        else
            high = mid;
    }
    b->count[low] += n;
    return true;
}

typedef struct clamped {
    bins *b;
    double min, max;
} clamped;

static bool clamp_into_bin(void *ctx, double x, uint64_t n)
{
    const clamped *c = ctx;
    return into_bin(c->b, fmin(fmax(x, c->min), c->max), n);
}

void wr_series_bins(wr_series *s, const double *edge, size_t n_edges, uint64_t *count)
{
    bins b = {edge, n_edges, count};
    size_t n_kept = 0;
    memset(count, 0, (n_edges - 1) * sizeof *count);
    wr_series_digest(s);
    const double *kept = wr_series_kept(s, &n_kept);
    if (n_kept < s->all.n) {
        clamped c = {&b, s->all.min, s->all.max};
        wr_sketch_walk(&s->sketch, clamp_into_bin, &c);
        return;
    }
    for (size_t i = 0; i < n_kept; i++)
        into_bin(&b, kept[i], 1);
}
