/* SPDX-License-Identifier: BSD-3-Clause */
/* The hash map: linear probing, at most three quarters full, rebuilt when deletions pile up. */
#include "base/map.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"

enum { FREE = 0, GONE = 1 };

/* Folded 64x64->128-bit multiply, the mixing step of wyhash (Wang Yi, public domain idea); good
 * spread at about one byte per cycle. */
static uint64_t mix(uint64_t a, uint64_t b)
{
    __extension__ unsigned __int128 r = (unsigned __int128)a * b;
    return (uint64_t)r ^ (uint64_t)(r >> 64);
}

/* n < 8 bytes as a number, by two overlapping loads: a copy of n bytes takes longer than all the rest. */
static uint64_t tail_of(const unsigned char *b, size_t n)
{
    uint32_t first, last;
    if (n >= 4) {
        memcpy(&first, b, 4);
        memcpy(&last, b + n - 4, 4);
        return (uint64_t)last << 32 | first;
    }
    return n == 0 ? 0 : (uint64_t)b[0] << 16 | (uint64_t)b[n / 2] << 8 | b[n - 1];
}

uint64_t wr_hash(const void *p, size_t n, uint64_t seed)
{
    const unsigned char *b = p;
    uint64_t h = seed ^ mix(n ^ 0x9e3779b97f4a7c15u, 0xd1342543de82ef95u);
    for (; n >= 8; b += 8, n -= 8) {
        uint64_t w;
        memcpy(&w, b, 8);
        h = mix(h ^ w, 0x9fb21c651e98df25u);
    }
    return mix(h ^ tail_of(b, n), 0xa0761d6478bd642fu ^ n);
}

static uint64_t hash_key(const wr_map *m, weir_str key)
{
    uint64_t h = wr_hash(key.p, key.n, m->seed);
    return h <= GONE ? h + 2 : h;
}

static wr_map_entry *find(const wr_map *m, weir_str key, uint64_t hash)
{
    if (m->n_slots == 0)
        return NULL;
    for (size_t i = hash & (m->n_slots - 1);; i = (i + 1) & (m->n_slots - 1)) {
        wr_map_entry *e = &m->slot[i];
        if (e->hash == FREE)
            return NULL;
        if (e->hash == hash && e->n_key == key.n && memcmp(e->key, key.p, key.n) == 0)
            return e;
    }
}

static wr_map_entry *free_slot(wr_map_entry *slot, size_t n_slots, uint64_t hash)
{
    size_t i = hash & (n_slots - 1);
    while (slot[i].hash > GONE)
        i = (i + 1) & (n_slots - 1);
    return &slot[i];
}

static uint64_t new_seed(const wr_map *m)
{
    return mix((uint64_t)weir_now_ns() ^ (uint64_t)getpid(), (uintptr_t)m | 1);
}

static bool rebuild(wr_map *m, size_t n_slots)
{
    wr_map_entry *slot = wr_calloc(n_slots, sizeof *slot);
    if (slot == NULL)
        return false;
    for (size_t i = 0; i < m->n_slots; i++) {
        if (m->slot[i].hash > GONE)
            *free_slot(slot, n_slots, m->slot[i].hash) = m->slot[i];
    }
    wr_free(m->slot);
    if (m->n_slots == 0)
        m->seed = new_seed(m);
    m->slot = slot;
    m->n_slots = n_slots;
    m->n_dirty = m->n_used;
    return true;
}

bool wr_map_reserve(wr_map *m)
{
    if (m->n_slots > 0 && (m->n_dirty + 1) * 4 <= m->n_slots * 3)
        return true;
    size_t want = m->n_slots == 0 ? 16 : m->n_slots;
    while ((m->n_used + 1) * 2 > want)
        want *= 2;
    return rebuild(m, want);
}

void wr_map_fini(wr_map *m)
{
    for (size_t i = 0; i < m->n_slots; i++) {
        if (m->slot[i].hash > GONE)
            wr_free(m->slot[i].key);
    }
    wr_free(m->slot);
    *m = (wr_map){0};
}

void *wr_map_get(const wr_map *m, weir_str key)
{
    const wr_map_entry *e = m->n_used == 0 ? NULL : find(m, key, hash_key(m, key));
    return e == NULL ? NULL : e->value;
}

bool wr_map_set(wr_map *m, weir_str key, void *value, void **old)
{
    if (old != NULL)
        *old = NULL;
    wr_map_entry *e = m->n_used == 0 ? NULL : find(m, key, hash_key(m, key));
    if (e != NULL) {
        if (old != NULL)
            *old = e->value;
        e->value = value;
        return true;
    }
    char *copy = wr_dup(key.p, key.n);
    if (copy == NULL || !wr_map_reserve(m)) {
        wr_free(copy);
        return false;
    }
    uint64_t hash = hash_key(m, key);
    e = free_slot(m->slot, m->n_slots, hash);
    m->n_dirty += e->hash == FREE;
    m->n_used++;
    *e = (wr_map_entry){.hash = hash, .key = copy, .n_key = key.n, .value = value};
    return true;
}

void *wr_map_take(wr_map *m, weir_str key)
{
    wr_map_entry *e = m->n_used == 0 ? NULL : find(m, key, hash_key(m, key));
    if (e == NULL)
        return NULL;
    void *value = e->value;
    wr_free(e->key);
    *e = (wr_map_entry){.hash = GONE};
    m->n_used--;
    return value;
}

const wr_map_entry *wr_map_next(const wr_map *m, size_t *i)
{
    while (*i < m->n_slots) {
        const wr_map_entry *e = &m->slot[(*i)++];
        if (e->hash > GONE)
            return e;
    }
    return NULL;
}
