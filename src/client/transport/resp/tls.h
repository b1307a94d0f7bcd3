/* SPDX-License-Identifier: BSD-3-Clause */
/* TLS over a socket that does not block. All of OpenSSL is behind this header; a build without it
 * refuses rediss: and says what is missing. */
#ifndef WR_RESP_TLS_H
#define WR_RESP_TLS_H

#include <sys/types.h>

#include "client/transport/resp/address.h"

typedef struct wr_tls_context
    wr_tls_context;           /* trust and keys, shared by all connections */
typedef struct wr_tls wr_tls; /* one connection */

/* What a step waits for when it could not go on. */
enum { WR_TLS_CLOSED = -1, WR_TLS_WANTS_READ = -2, WR_TLS_WANTS_WRITE = -3 };

weir_status wr_tls_context_new(wr_tls_context **out, const wr_address *a,
                               weir_error *err);
void wr_tls_context_free(wr_tls_context *t);

/* On the connected socket `fd`, to the server named `host`. */
weir_status wr_tls_new(wr_tls **out, wr_tls_context *t, int fd, const char *host,
                       weir_error *err);
void wr_tls_free(wr_tls *t);

/* 1 when done, or what it wants; WR_TLS_CLOSED fills err. */
int wr_tls_handshake(wr_tls *t, weir_error *err);

/* Bytes moved (read: 0 at the end), or what it wants. */
ssize_t wr_tls_read(wr_tls *t, void *p, size_t n);
ssize_t wr_tls_write(wr_tls *t, const void *p, size_t n);

/* Bytes that were decrypted and not yet read: poll() does not know of them. */
bool wr_tls_has_more(const wr_tls *t);

#endif
