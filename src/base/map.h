/* SPDX-License-Identifier: BSD-3-Clause */
/* A hash map from byte strings to pointers: open addressing, keys copied. Iteration order is that
 * of the table. Not locked: its owner's lock guards it. Seeded, so that foreign keys can't choose
 * their collisions. */
#ifndef WR_BASE_MAP_H
#define WR_BASE_MAP_H

#include "weir/status.h"

typedef struct wr_map_entry {
    uint64_t hash; /* 0: never used; 1: deleted */
    char *key;     /* owned */
    size_t n_key;
    void *value;
} wr_map_entry;

typedef struct wr_map {
    wr_map_entry *slot; /* n_slots of them, a power of two; NULL while empty */
    size_t n_slots;
    size_t n_used;  /* slots with a key */
    size_t n_dirty; /* slots with a key, or deleted */
    uint64_t seed;
} wr_map;

/* All zero is an empty map. fini frees keys and table, not values; harmless twice. */
void wr_map_fini(wr_map *m);

/* The value, or NULL. */
void *wr_map_get(const wr_map *m, weir_str key);

/* Make sure that one more wr_map_set of a new key can't fail but for the key's own copy. */
bool wr_map_reserve(wr_map *m);

/* Store; the value replaced, or NULL, goes to *old when that is not NULL. False: no memory, map as
 * before. `value` must not be NULL. */
bool wr_map_set(wr_map *m, weir_str key, void *value, void **old);

/* Remove; the value that was there, or NULL. */
void *wr_map_take(wr_map *m, weir_str key);

/* Walk: start with *i = 0; NULL at the end. The map must not change meanwhile. */
const wr_map_entry *wr_map_next(const wr_map *m, size_t *i);

/* Hash of bytes, for those who keep tables of their own. */
uint64_t wr_hash(const void *p, size_t n, uint64_t seed);

#endif
