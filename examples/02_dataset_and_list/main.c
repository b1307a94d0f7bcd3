/* SPDX-License-Identifier: BSD-3-Clause */
/* Three members each send a dataset and append it to a list; then all are read together. */
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

static void send_member(weir_client *c, int member)
{
    weir_error err;
    weir_dataset *ds = NULL;
    weir_tensor t;
    char text[20];
    double x[4], time = 0.5 * member;
    int64_t n = 4;

    for (int i = 0; i < 4; i++)
        x[i] = member * (i + 1);
    snprintf(text, sizeof text, "member%d", member);
    check(weir_dataset_new(&ds, weir_cstr(text), &err), &err);
    check(weir_tensor_init(&t, x, WEIR_F64, 1, &n, &err), &err);
    check(weir_dataset_add_tensor(ds, WEIR_STR("x"), &t, &err), &err);
    check(weir_dataset_add_scalars(ds, WEIR_STR("time"), WEIR_F64, &time, 1, &err), &err);
    check(weir_dataset_add_string(ds, WEIR_STR("who"), weir_cstr(text), &err), &err);
    check(weir_put_dataset(c, ds, &err), &err);
    check(weir_list_append(c, WEIR_STR("members"), weir_cstr(text), &err), &err);
    weir_dataset_free(ds);
}

int main(void)
{
    weir_error err;
    weir_client *c = NULL;
    weir_dataset **all = NULL;
    size_t n = 0;
    bool met = false;
    double sum = 0;

    check(weir_client_new(&c, WEIR_STR("embedded:"), NULL, &err), &err);
    for (int member = 1; member <= 3; member++)
        send_member(c, member);

    check(weir_list_wait(c, WEIR_STR("members"), WEIR_GE, 3, 1000, &met, &err), &err);
    check(weir_list_get(c, WEIR_STR("members"), 0, -1, &all, &n, &err), &err);
    for (size_t m = 0; m < n; m++) {
        weir_tensor t;
        weir_dtype dtype;
        const weir_str *who;
        const void *time;
        size_t count;
        check(weir_dataset_tensor(all[m], WEIR_STR("x"), &t, &err), &err);
        check(weir_dataset_scalars(all[m], WEIR_STR("time"), &dtype, &time, &count, &err),
              &err);
        check(weir_dataset_strings(all[m], WEIR_STR("who"), &who, &count, &err), &err);
        for (int i = 0; i < t.shape[0]; i++)
            sum += ((const double *)t.data)[i];
        printf("%.*s at time %g\n", (int)who->n, who->p, *(const double *)time);
    }
    weir_datasets_free(all, n);
    weir_client_free(c);
    printf("answer: %g\n", sum);
    return 0;
}
