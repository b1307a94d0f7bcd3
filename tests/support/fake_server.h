/* SPDX-License-Identifier: BSD-3-Clause */
/* A Redis server inside a test that does what the test says: each connection has a thread that reads
 * whole commands and hands them to the test's function. */
#ifndef WR_TESTS_FAKE_SERVER_H
#define WR_TESTS_FAKE_SERVER_H

#include <pthread.h>
#include <stdatomic.h>

#include "weir/status.h"

enum { FAKE_CONNECTIONS = 64, FAKE_WORDS = 64 };

typedef struct fake_server fake_server;

typedef struct fake_conn {
    fake_server *server;
    int fd, number; /* number: 0 for the first connection */
    pthread_t thread;
    size_t chunk; /* bytes written at a time; 0: all */
    weir_str word[FAKE_WORDS];
    size_t n_words;
    char *buffer; /* what was read */
    size_t n, room;
} fake_conn;

/* One command has come. False: close the connection. */
typedef bool (*fake_handler)(fake_conn *c, void *context);

struct fake_server {
    int fd, port;
    fake_handler handle;
    void *context;
    pthread_t thread;
    atomic_bool stop;
    atomic_int n_connections; /* ever accepted */
    atomic_int n_commands;    /* but for the handshake's */
    atomic_int n_open;
    atomic_int limit; /* bytes: a longer command is cut off by a reset; 0: none */
    atomic_int
        half; /* bytes: when so many of a command are there, `at_half` is called; 0: none */
    fake_handler at_half;
    fake_conn conn[FAKE_CONNECTIONS];
};

/* On a free port of loopback; with `port` on that one. CLIENT SETNAME gets OK; CLUSTER goes to the
 * handler. Failures end the test program. */
void fake_start(fake_server *s, int port, fake_handler handle, void *context);
void fake_stop(fake_server *s);

void fake_send(fake_conn *c, const void *p, size_t n);
void fake_say(fake_conn *c, const char *text);      /* as it is: with its CR LF */
bool fake_is(const fake_conn *c, const char *word); /* the command's name */

/* "redis://127.0.0.1:PORT", in the caller's text. */
const char *fake_address(const fake_server *s, char *text, size_t n);

#endif
