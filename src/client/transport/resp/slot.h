/* SPDX-License-Identifier: BSD-3-Clause */
/* Where a cluster keeps a key: Redis's slots, and the mark that makes a name fall into a given one. */
#ifndef WR_RESP_SLOT_H
#define WR_RESP_SLOT_H

#include "weir/status.h"

enum { WR_SLOTS = 16384 };

/* CRC16/XMODEM. */
uint16_t wr_crc16(const void *p, size_t n);

/* Of what lies between the key's first `{` and the next `}`, when that is not empty; else of all. */
int wr_slot_of(weir_str key);

/* Bytes P without braces with CRC16(P) == slot, as SmartRedis finds them: "{P}.net" is the name of model
 * `net` on the shard whose lowest slot this is. */
typedef struct wr_mark {
    char p[4];
    size_t n;
} wr_mark;
wr_mark wr_mark_of(int slot);

#endif
