/* SPDX-License-Identifier: BSD-3-Clause */
/* The server's functions that reading and writing values in dumps needs, over memory: the module's
 * table `host` is filled with them, so that its code runs without a server. */
#ifndef WR_TESTS_FAKE_HOST_H
#define WR_TESTS_FAKE_HOST_H

#include "module/module.h"

/* A stream as the server writes it into dumps (RDB): numbers and strings, each behind its mark. */
typedef struct fake_io {
    const uint8_t *p, *end; /* what is left to read */
    wr_text out;            /* what was written */
    bool bad;               /* a read went wrong: all later ones do */
    bool told;              /* something was logged */
} fake_io;

/* Fill `host`, begin an engine of one thread in `module`. Once. */
void fake_host_start(void);

host_io *fake_io_read(fake_io *io, const void *p, size_t n);
host_io *fake_io_write(fake_io *io);

/* The server's strings that are held by somebody. */
size_t fake_strings(void);

#endif
