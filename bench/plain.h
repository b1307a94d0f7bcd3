/* SPDX-License-Identifier: BSD-3-Clause */
/* Plain sockets: the physical limit beside which a client is measured, and the few words of RESP that a
 * benchmark says over them. */
#ifndef WEIR_BENCH_PLAIN_H
#define WEIR_BENCH_PLAIN_H

#include <stdbool.h>
#include <stddef.h>

/* Blocking and connected; -1: no connection. */
int connect_path(const char *path);
int connect_port(int port);

int listen_port(int port); /* on loopback, 0: any; -1: taken */

/* A command of words; a reply's bytes, NUL-terminated: of a short line, or of a bulk. */
bool say(int fd, const char *const *word, int n);
bool hear(int fd, char *reply, size_t n);

/* Seconds of n raw PINGs; negative: failed. */
double ping_seconds(int fd, long n);

/* The other end of a plain socket: a process that reads `bytes` into touched memory and answers with
 * one byte. */
typedef struct sink {
    int pid, fd;
    size_t bytes;
    char *memory; /* of this side, touched */
} sink;
bool sink_start(sink *s, bool tcp, size_t bytes);
void sink_stop(sink *s);
double sink_seconds(sink *s, long n); /* of n payloads; negative: failed */

#endif
