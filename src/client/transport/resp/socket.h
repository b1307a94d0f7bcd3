/* SPDX-License-Identifier: BSD-3-Clause */
/* A connected stream, plain or with TLS, that never waits past a moment. */
#ifndef WR_RESP_SOCKET_H
#define WR_RESP_SOCKET_H

#include <sys/uio.h>

#include "client/transport/resp/tls.h"

typedef struct wr_socket {
    int fd; /* -1: none */
    wr_tls *tls;
    bool tls_wants_write; /* a read that must write first */
} wr_socket;

/* Connect to the first address of the place that answers, by `until`; with `tls` shake hands too. `name`
 * is for messages. ERR_CLOSED: nobody is there (yet); ERR_TIMEOUT; ERR_ARG: no such host. */
weir_status wr_socket_open(wr_socket *s, const wr_place *at, const char *name,
                           wr_tls_context *tls, weir_deadline until, weir_error *err);
void wr_socket_close(wr_socket *s);

typedef enum wr_moved { WR_MOVED, WR_MUST_WAIT, WR_AT_END, WR_BROKEN } wr_moved;

/* Some of these bytes out. */
wr_moved wr_socket_send(wr_socket *s, const struct iovec *iov, int n, size_t *moved);

/* Some bytes in. `patient`: the caller has nothing else to do and a quarter of a second left; this
 * saves a poll(). */
wr_moved wr_socket_receive(wr_socket *s, const struct iovec *iov, int n, bool patient,
                           size_t *moved);
enum { WR_PATIENCE_MS = 250 };

/* Wait until something can be read, or, if asked for, written. False: the time is over. */
bool wr_socket_wait(const wr_socket *s, bool write, weir_deadline until);

/* What poll() is to wait for. */
short wr_socket_events(const wr_socket *s, bool write);

/* Has the peer ended it, or (plain) sent what nobody asked for? Does not wait. */
bool wr_socket_is_stale(const wr_socket *s);

/* Milliseconds until then for poll(): rounded up, at most a day. */
int wr_poll_ms(weir_deadline until);

#endif
