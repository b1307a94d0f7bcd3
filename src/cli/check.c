/* SPDX-License-Identifier: BSD-3-Clause */
/* Comparing tensors value by value. */
#include "cli/check.h"

#include <math.h>

#include "cli/number.h"

static bool same_shape(const weir_tensor *a, const weir_tensor *b)
{
    bool same = a->rank == b->rank;
    for (int i = 0; same && i < a->rank; i++)
        same = a->shape[i] == b->shape[i];
    return same;
}

static void compare_one(comparison *c, size_t i, double got, double want, double rtol,
                        double atol)
{
    if (got == want || (isnan(got) && isnan(want)))
        return;
    double d = fabs(got - want);
    if (isnan(d))
        d = INFINITY;
    if (!(d <= atol + rtol * fabs(want)) || isinf(d))
        c->n_beyond++;
    if (want != 0 && !isnan(want) && d / fabs(want) > c->worst_rel)
        c->worst_rel = d / fabs(want);
    if (d > c->worst_abs) {
        c->worst_abs = d;
        c->worst_at = i;
        c->got = got;
        c->want = want;
    }
}

weir_status check_compare(const weir_tensor *got, const weir_tensor *want, double rtol,
                          double atol, comparison *out, weir_error *err)
{
    comparison c = {.n = weir_tensor_count(got)};
    char a[128], b[128];

    if (!same_shape(got, want))
        return weir_fail(err, WEIR_ERR_SHAPE, "the model gave %s, the file holds %s",
                         weir_tensor_text(got, a, sizeof a),
                         weir_tensor_text(want, b, sizeof b));
    size_t n_got = weir_dtype_bytes(got->dtype), n_want = weir_dtype_bytes(want->dtype);
    for (size_t i = 0; i < c.n; i++) {
        double x, y;
        if (!number_get(got->dtype, (char *)got->data + i * n_got, &x) ||
            !number_get(want->dtype, (char *)want->data + i * n_want, &y))
            return weir_fail(err, WEIR_ERR_DTYPE,
                             "%s can't be compared with %s: only numbers can",
                             weir_dtype_name(got->dtype), weir_dtype_name(want->dtype));
        compare_one(&c, i, x, y, rtol, atol);
    }
    *out = c;
    return WEIR_OK;
}
