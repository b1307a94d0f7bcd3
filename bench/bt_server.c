/* SPDX-License-Identifier: BSD-3-Clause */
/* A client of a server beside what its connection can do at best: a raw PING, a plain socket with the same
 * bytes, the direct library call. Starts its own Redis (--valkey: Valkey) with the module. */
#include "bt_server.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    void (*run)(bt_server *b);
    const char *bars[10]; /* what is absent when the server does not start */
} parts[] = {
    {"small", part_small, {"sock_put_1KB", "sock_get_1KB"}},
    {"large",
     part_large,
     {"sock_put_16MB_unix", "sock_get_16MB_unix", "sock_put_128MB_unix",
      "sock_get_128MB_unix", "sock_put_16MB_tcp", "sock_get_16MB_tcp",
      "sock_put_128MB_tcp", "sock_get_128MB_tcp"}},
    {"fortran", part_fortran, {"sock_put_fortran_16MB", "sock_get_fortran_16MB"}},
    {"memory", part_memory, {NULL}},
    {"tiny", part_tiny, {"sock_tiny_extra_us"}},
    {"ocean", part_ocean, {"sock_large_1024", "sock_large_3000"}},
    {"clients",
     part_clients,
     {"sock_8_tiny_per_s", "sock_8_large_16_per_s", "sock_8_resnet50"}},
    {"loop", part_loop, {"sock_loop_client_kb", "sock_loop_server_kb"}},
};

int main(int argc, char **argv)
{
    bt_server b = {0};
    char why[SERVER_TEXT] = "";

    if (!infer_arguments(argc, argv, &b.opt))
        return 2;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        server_options o = {.valkey = b.opt.valkey};
        if (b.opt.part != NULL && strcmp(b.opt.part, parts[i].name) != 0)
            continue;
        if (server_start(&b.server, &o, why)) {
            parts[i].run(&b);
            server_stop(&b.server);
            continue;
        }
        for (int k = 0; k < 10 && parts[i].bars[k] != NULL; k++)
            bench_absent(parts[i].bars[k], why);
    }
    return 0;
}
