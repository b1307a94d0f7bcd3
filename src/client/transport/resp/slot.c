/* SPDX-License-Identifier: BSD-3-Clause */
/* Slots of keys, and marks of slots. */
#include "client/transport/resp/slot.h"

enum { POLYNOMIAL = 0x11021 };

uint16_t wr_crc16(const void *p, size_t n)
{
    const unsigned char *b = p;
    unsigned crc = 0;
    for (size_t i = 0; i < n; i++) {
        crc ^= (unsigned)b[i] << 8;
        for (int bit = 0; bit < 8; bit++) {
            crc <<= 1;
            if ((crc & 0x10000) != 0)
                crc ^= POLYNOMIAL;
        }
    }
    return (uint16_t)crc;
}

static weir_str tag_of(weir_str key)
{
    const char *open = key.n == 0 ? NULL : memchr(key.p, '{', key.n);
    if (open == NULL)
        return key;
    const char *end = key.p + key.n;
    const char *close = memchr(open, '}', (size_t)(end - open));
    if (close == NULL || close == open + 1)
        return key;
    return (weir_str){open + 1, (size_t)(close - open - 1)};
}

int wr_slot_of(weir_str key)
{
    weir_str tag = tag_of(key);
    return wr_crc16(tag.p, tag.n) % WR_SLOTS;
}

/* A message M has CRC16 r when M * x^16 = r modulo the polynomial: add multiples of it to r until its
 * low bits are zero; what stands above bit 16 is M. Each further step gives another M. */
wr_mark wr_mark_of(int slot)
{
    uint64_t r = (uint64_t)slot;
    wr_mark m = {{0}, 0};
    for (int bit = 0; bit < 24; bit++) {
        if ((r >> bit & 1) != 0)
            r ^= (uint64_t)POLYNOMIAL << bit;
        if (bit < 15)
            continue;
        m.n = (size_t)(bit + 8) / 8;
        bool braces = false;
        for (size_t i = 0; i < m.n; i++) {
            m.p[i] = (char)(r >> (16 + 8 * (m.n - 1 - i)) & 0xff);
            braces |= m.p[i] == '{' || m.p[i] == '}';
        }
        if (!braces)
            break;
    }
    return m;
}
