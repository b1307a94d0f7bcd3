/* SPDX-License-Identifier: BSD-3-Clause */
/* Copying between views: the two descriptions are brought to the fewest dimensions that describe the
 * same copy, and what is left goes to memcpy or to one of the kernels. */
#include <inttypes.h>

#include "tensor/kernels.h"
#include "weir/tensor.h"

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

/* The dimension along which reading is nearest; broadcast ones don't count. */
static int nearest_from(const copy_plan *p)
{
    int best = p->rank - 1;
    for (int i = 0; i < p->rank - 1; i++) {
        int64_t s = distance(p->d[i].from);
        if (s != 0 && s < distance(p->d[best].from))
            best = i;
    }
    return best;
}

static void copy_runs(char *to, const char *from, wr_copy_dim rows, size_t bytes)
{
    for (int64_t i = 0; i < rows.n; i++)
        memcpy(to + i * rows.to, from + i * rows.from, bytes);
}

/* The innermost dimension and one more at once, all others by counting. */
static void run_plan(const copy_plan *p)
{
    if (p->rank == 0) {
        memcpy(p->to, p->from, p->each);
        return;
    }
    wr_copy_dim cols = p->d[p->rank - 1], rows = {1, 0, 0};
    bool is_run = cols.to == (int64_t)p->each && cols.from == (int64_t)p->each;
    int near = is_run ? p->rank - 1 : nearest_from(p);
    int other = near < p->rank - 1 ? near : p->rank - 2;
    if (other >= 0)
        rows = p->d[other];

    int64_t at[WEIR_RANK_MAX] = {0};
    char *to = p->to;
    const char *from = p->from;
    for (;;) {
        if (is_run)
            copy_runs(to, from, rows, (size_t)cols.n * p->each);
        else if (near < p->rank - 1)
            wr_copy_transposed(to, from, p->each, rows, cols);
        else
            wr_copy_rect(to, from, p->each, rows, cols);
        int i = p->rank - 2;
        for (; i >= 0; i--) {
            if (i == other)
                continue;
            to += p->d[i].to;
            from += p->d[i].from;
            if (++at[i] < p->d[i].n)
                break;
            to -= p->d[i].n * p->d[i].to;
            from -= p->d[i].n * p->d[i].from;
            at[i] = 0;
        }
        if (i < 0)
            return;
    }
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
        memcpy(to->data, from->data, bytes);
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
