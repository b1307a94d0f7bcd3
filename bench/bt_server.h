/* SPDX-License-Identifier: BSD-3-Clause */
/* The parts of bt_server: each measures with a server that is running, and reports its bars. */
#ifndef WEIR_BENCH_BT_SERVER_H
#define WEIR_BENCH_BT_SERVER_H

#include "infer.h"
#include "server.h"
#include "weir/client.h"

typedef struct bt_server {
    infer_options opt;
    server server;
} bt_server;

/* bt_server_tensor.c */
void part_small(bt_server *b);   /* 1 KB beside PING */
void part_large(bt_server *b);   /* 16 and 128 MB beside a plain socket */
void part_fortran(bt_server *b); /* 16 MB in Fortran order beside C order */
void part_memory(bt_server *b);  /* docs/redis.md's memory settings beside none; no bar */

/* bt_server_infer.c */
void part_tiny(bt_server *b);    /* one exchange beside PING and the direct call */
void part_ocean(bt_server *b);   /* the large network, one client */
void part_clients(bt_server *b); /* 8 clients: tiny, large, ResNet-50-shaped */
void part_loop(bt_server *b);    /* a Fortran program with a dataset per step */

#endif
