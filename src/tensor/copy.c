/* SPDX-License-Identifier: BSD-3-Clause */
/* Copying between views: the two descriptions are brought to the fewest dimensions that describe the
 * same copy, and what is left goes to memcpy or to one of the kernels. */
#include <inttypes.h>

#include "tensor/kernels.h"
#include "weir/tensor.h"

/* Measured on Zen 4 and 5; the reasons hold elsewhere. */
enum {
    LARGE_BYTES = 8 << 20,   /* from here on a copy does not fit the caches */
    SMALL_BYTES = 256 << 10, /* up to here it fits the inner ones */
    BLOCK_SMALL = 128,  /* bytes of a block of rows: few lines compete for a cache set */
    BLOCK_LARGE = 1024, /* the same for memory: long reads */
    BLOCK_STREAMED = 2048,
    BLOCK_WIDE = 2048,      /* for wide panels: the longer the better */
    BLOCK_WIDE_SMALL = 256, /* too few for them */
    LONG_ROW = 64           /* elements: shorter rows are not streamed */
};

typedef struct copy_plan {
    char *to;
    const char *from;
    size_t each; /* bytes of an element; grows when small runs are taken as one element */
    int rank;
    wr_copy_dim d[WEIR_RANK_MAX]; /* slowest in the destination first */
} copy_plan;

static bool is_host(const weir_tensor *t)
{
    return t->device.kind == 0 || t->device.kind == WEIR_CPU;
}

/* Same type and shape, dense C order on both sides, memory on the host: the common case. Says no to
 * anything unusual, malformed views included. */
static bool is_plain_copy(const weir_tensor *to, const weir_tensor *from, size_t *bytes)
{
    if (to == NULL || from == NULL || to->dtype != from->dtype ||
        to->rank != from->rank || to->rank < 0 || to->rank > WEIR_RANK_MAX ||
        to->data == NULL || from->data == NULL || !is_host(to) || !is_host(from))
        return false;
    int64_t n = (int64_t)weir_dtype_bytes(to->dtype);
    for (int i = to->rank - 1; i >= 0; i--) {
        int64_t extent = to->shape[i];
        if (extent <= 0 || extent != from->shape[i])
            return false;
        if ((to->stride[i] != n || from->stride[i] != n) && extent != 1)
            return false;
        if (__builtin_mul_overflow(n, extent, &n))
            return false;
    }
    *bytes = (size_t)n;
    return n > 0;
}

/* Drop extents of 1 and turn dimensions so that the destination goes forward. */
static void take_dims(copy_plan *p, const weir_tensor *to, const weir_tensor *from)
{
    *p = (copy_plan){
        .to = to->data, .from = from->data, .each = weir_dtype_bytes(to->dtype)};
    for (int i = 0; i < to->rank; i++) {
        wr_copy_dim d = {to->shape[i], to->stride[i], from->stride[i]};
        if (d.to == 0) { /* all land on one place: the last one stays */
            p->from += (d.n - 1) * d.from;
            continue;
        }
        if (d.n == 1)
            continue;
        if (d.to < 0) {
            p->to += (d.n - 1) * d.to;
            p->from += (d.n - 1) * d.from;
            d.to = -d.to;
            d.from = -d.from;
        }
        int k = p->rank++;
        for (; k > 0 && p->d[k - 1].to < d.to; k--)
            p->d[k] = p->d[k - 1];
        p->d[k] = d;
    }
}

/* Join neighbours that are one run on both sides, and take a small innermost run as one element. */
static void merge_dims(copy_plan *p)
{
    int n = 0;
    for (int i = 0; i < p->rank; i++) {
        wr_copy_dim in = p->d[i];
        if (n > 0 && p->d[n - 1].to == in.n * in.to && p->d[n - 1].from == in.n * in.from)
            p->d[n - 1] = (wr_copy_dim){p->d[n - 1].n * in.n, in.to, in.from};
        else
            p->d[n++] = in;
    }
    p->rank = n;
    if (n == 0)
        return;
    int64_t each = (int64_t)p->each;
    wr_copy_dim in = p->d[n - 1];
    int64_t run = in.n * each;
    if (in.to == each && in.from == each &&
        (run == 2 || run == 4 || run == 8 || run == 16)) {
        p->each = (size_t)run;
        p->rank--;
    }
}

static int64_t distance(int64_t stride)
{
    return stride < 0 ? -stride : stride;
}

/* The dimension along which reading is nearest. Broadcast ones don't count, and one that is too short
 * for a tile only if there is no longer one. */
static int nearest_from(const copy_plan *p)
{
    enum { LONG = 8 };
    int best = p->rank - 1;
    for (int i = 0; i < p->rank - 1; i++) {
        int64_t s = distance(p->d[i].from), best_s = distance(p->d[best].from);
        bool is_long = p->d[i].n >= LONG, best_is_long = p->d[best].n >= LONG;
        if (s != 0 && s < best_s && (is_long || !best_is_long || s < best_s / LONG))
            best = i;
    }
    return best;
}

/* A place in the dimensions first..end-1 of a plan. */
typedef struct walk {
    int64_t at[WEIR_RANK_MAX];
    char *to;
    const char *from;
} walk;

/* Step to the next place; false, and back at the first, after the last one. */
static bool step(const copy_plan *p, walk *w, int first, int end)
{
    for (int i = end - 1; i >= first; i--) {
        w->to += p->d[i].to;
        w->from += p->d[i].from;
        if (++w->at[i] < p->d[i].n)
            return true;
        w->to -= p->d[i].n * p->d[i].to;
        w->from -= p->d[i].n * p->d[i].from;
        w->at[i] = 0;
    }
    return false;
}

static int64_t bytes_of(const copy_plan *p)
{
    int64_t n = (int64_t)p->each;
    for (int i = 0; i < p->rank; i++)
        n *= p->d[i].n;
    return n;
}

/* Bytes of a block of rows, and whether its writes go past the caches: that pays when the copy does
 * not fit them and whole vectors are aligned. */
static int64_t choose_block(const copy_plan *p, bool *is_streaming)
{
    int64_t bits = (int64_t)(uintptr_t)p->to;
    int64_t bytes = bytes_of(p);
    bool is_large = bytes >= LARGE_BYTES;
    for (int i = 0; i < p->rank - 1; i++)
        bits |= p->d[i].to;
    *is_streaming = is_large && bits % wr_copy_vector_bytes() == 0;
    if (wr_copy_is_wide(p->each))
        return bytes <= SMALL_BYTES ? BLOCK_WIDE_SMALL : BLOCK_WIDE;
    if (*is_streaming)
        return BLOCK_STREAMED;
    return is_large ? BLOCK_LARGE : BLOCK_SMALL;
}

/* Reading is nearest along dimension `near`, writing along the last: blocks of rows of `near`, and in
 * each all dimensions between the two, so that a line that was begun is soon finished. */
static void run_transposed(const copy_plan *p, int near)
{
    int last = p->rank - 1;
    bool is_streaming;
    int64_t block = choose_block(p, &is_streaming) / (int64_t)p->each;
    walk w = {.to = p->to, .from = p->from};
    do {
        walk block_start = w;
        for (int64_t i = 0; i < p->d[near].n; i += block) {
            wr_copy_dim rows = p->d[near];
            rows.n = rows.n - i < block ? rows.n - i : block;
            w.to = block_start.to + i * rows.to;
            w.from = block_start.from + i * rows.from;
            do {
                wr_copy_transposed(w.to, w.from, p->each, rows, p->d[last], is_streaming);
            } while (step(p, &w, near + 1, last));
        }
        w = block_start;
    } while (step(p, &w, 0, near));
    if (is_streaming)
        wr_copy_fence();
}

/* Reading and writing are nearest along the last dimension: rows of the last but one. */
static void run_rows(const copy_plan *p)
{
    int last = p->rank - 1;
    wr_copy_dim cols = p->d[last],
                rows = last > 0 ? p->d[last - 1] : (wr_copy_dim){1, 0, 0};
    bool is_run = cols.to == (int64_t)p->each && cols.from == (int64_t)p->each;
    bool is_streaming = bytes_of(p) >= LARGE_BYTES && cols.n >= LONG_ROW;
    walk w = {.to = p->to, .from = p->from};
    do {
        if (is_run)
            wr_copy_runs(w.to, w.from, rows, (size_t)cols.n * p->each);
        else
            wr_copy_rect(w.to, w.from, p->each, rows, cols, is_streaming);
    } while (step(p, &w, 0, last - 1));
    if (is_streaming)
        wr_copy_fence();
}

static void run_plan(const copy_plan *p)
{
    if (p->rank == 0) {
        memcpy(p->to, p->from, p->each);
        return;
    }
    int near = nearest_from(p);
    if (near < p->rank - 1)
        run_transposed(p, near);
    else
        run_rows(p);
}

static weir_status check_pair(const weir_tensor *to, const weir_tensor *from,
                              weir_error *err)
{
    char a[128], b[128];
    weir_status st = weir_tensor_check(to, err);
    if (st == WEIR_OK)
        st = weir_tensor_check(from, err);
    if (st != WEIR_OK)
        return st;
    if (to->dtype != from->dtype)
        return weir_fail(
            err, WEIR_ERR_DTYPE,
            "copy: source is %s, destination %s: element types must be equal",
            weir_tensor_text(from, a, sizeof a), weir_tensor_text(to, b, sizeof b));
    bool is_equal = to->rank == from->rank;
    for (int i = 0; is_equal && i < to->rank; i++)
        is_equal = to->shape[i] == from->shape[i];
    if (!is_equal)
        return weir_fail(err, WEIR_ERR_SHAPE,
                         "copy: source is %s, destination %s: shapes must be equal",
                         weir_tensor_text(from, a, sizeof a),
                         weir_tensor_text(to, b, sizeof b));
    if (!is_host(to) || !is_host(from))
        return weir_fail(
            err, WEIR_ERR_UNSUPPORTED,
            "copy of %s: source on device kind %d, destination on %d: only host "
            "memory (%d) can be copied here",
            weir_tensor_text(from, a, sizeof a), (int)from->device.kind,
            (int)to->device.kind, WEIR_CPU);
    return WEIR_OK;
}

weir_status weir_tensor_copy(const weir_tensor *to, const weir_tensor *from,
                             weir_error *err)
{
    size_t bytes;
    if (is_plain_copy(to, from, &bytes)) {
        wr_copy_bytes(to->data, from->data, bytes);
        return WEIR_OK;
    }
    weir_status st = check_pair(to, from, err);
    if (st != WEIR_OK || weir_tensor_count(to) == 0)
        return st;
    copy_plan p;
    take_dims(&p, to, from);
    merge_dims(&p);
    run_plan(&p);
    return WEIR_OK;
}
