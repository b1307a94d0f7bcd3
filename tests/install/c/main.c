// SPDX-License-Identifier: BSD-3-Clause
/// A user's program: puts a strided array, gets it back, prints its sum; where WEIR_ADDRESS says.
#include <stdio.h>
#include <weir/client.h>

int main(void)
{
    double a[6] = {1, 2, 3, 4, 5, 6}, b[3] = {0};
    int64_t n = 3;
    weir_error err = {0};
    weir_client *c = NULL;
    weir_tensor from, into;

    if (weir_client_new(&c, WEIR_STR(""), NULL, &err) != WEIR_OK ||
        weir_tensor_init(&from, a, WEIR_F64, 1, &n, &err) != WEIR_OK ||
        weir_tensor_init(&into, b, WEIR_F64, 1, &n, &err) != WEIR_OK)
        goto failed;
    from.stride[0] = 2 * (int64_t)sizeof(double);
    if (weir_put(c, WEIR_STR("odd"), &from, &err) != WEIR_OK ||
        weir_get(c, WEIR_STR("odd"), &into, &err) != WEIR_OK)
        goto failed;
    printf("%g\n", b[0] + b[1] + b[2]);
    weir_client_free(c);
    return 0;

failed:
    fprintf(stderr, "%s\n", err.text);
    weir_client_free(c);
    return 1;
}
