/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests: calls under way. Completion of all requests of the process is under one lock, so that
 * one thread can wait for requests of several clients. */
#ifndef WR_CLIENT_REQUEST_H
#define WR_CLIENT_REQUEST_H

#include "client/client.h"

/* End the waits of a client that is being freed (ERR_CLOSED), and let its other requests end. */
void wr_requests_finish(weir_client *c);

#endif
