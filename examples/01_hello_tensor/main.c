/* SPDX-License-Identifier: BSD-3-Clause */
/* Put an array, get it back, and look at one column of it without a copy. */
#include <stdio.h>
#include <stdlib.h>

#include <weir/client.h>

static void check(weir_status st, const weir_error *err)
{
    if (st != WEIR_OK) {
        fprintf(stderr, "%s: %s\n", weir_status_name(st), err->text);
        exit(1);
    }
}

int main(void)
{
    weir_error err;
    weir_client *c = NULL;
    weir_tensor u, v;
    double a[3][4], b[3][4];
    int64_t shape[2] = {3, 4};

    for (int i = 0; i < 3; i++) {
        for (int j = 0; j < 4; j++)
            a[i][j] = 10 * (i + 1) + (j + 1);
    }
    check(weir_client_new(&c, WEIR_STR("embedded:"), NULL, &err), &err);
    check(weir_tensor_init(&u, a, WEIR_F64, 2, shape, &err), &err);
    check(weir_put(c, WEIR_STR("u"), &u, &err), &err);

    check(weir_tensor_init(&v, b, WEIR_F64, 2, shape, &err), &err);
    check(weir_get(c, WEIR_STR("u"), &v, &err), &err);
    printf("element [1,2] went out as %g and came back as %g\n", a[1][2], b[1][2]);

    /* A column is a view with another stride: nothing is packed by hand. */
    weir_tensor column = u;
    column.rank = 1;
    column.data = &a[0][2];
    check(weir_put(c, WEIR_STR("column"), &column, &err), &err);

    weir_buffer *loan = NULL; /* the stored bytes themselves, until the loan ends */
    check(weir_borrow(c, WEIR_STR("column"), &loan, &err), &err);
    weir_tensor seen = weir_buffer_view(loan);
    const double *x = seen.data;
    double sum = x[0] + x[1] + x[2];
    weir_buffer_unref(loan);

    weir_client_free(c);
    printf("answer: %g\n", sum);
    return 0;
}
