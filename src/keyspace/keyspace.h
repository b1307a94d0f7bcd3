/* SPDX-License-Identifier: BSD-3-Clause */
/* The keyspace that handlers work on, whoever keeps it: this process, or a Redis server.
 *
 * A handler locks it to *resolve* (take references to what it needs) and locks it again to *publish*
 * (a batch of writes that appears at once or not at all). It never holds the lock while it copies
 * bytes or runs a model. */
#ifndef WR_KEYSPACE_KEYSPACE_H
#define WR_KEYSPACE_KEYSPACE_H

#include "base/limit.h"
#include "keyspace/value.h"
#include "weir/client.h"

typedef struct wr_keyspace wr_keyspace;

typedef enum wr_write_kind {
    WR_WRITE_SET,   /* key := value, whatever the key held */
    WR_WRITE_DEL,   /* key := nothing; a missing key is no error */
    WR_WRITE_APPEND /* append `item` to the list at key, making it when missing */
} wr_write_kind;

typedef struct wr_write {
    wr_write_kind kind;
    weir_str key;   /* borrowed */
    wr_value value; /* SET: the keyspace takes a reference of its own .. */
    bool give;      /* .. or, when it succeeds, this one */
    wr_value_kind
        only_over; /* SET, DEL: ERR_KIND over any other kind of value; NONE: any goes */
    bool if_seen;  /* ERR_BUSY unless the key still holds `seen`, the very same value */
    wr_value seen; /* borrowed; NONE: nothing was there */
    weir_str item; /* APPEND: borrowed, copied */
    wr_value replaced; /* given by apply: one reference, released after unlocking */
} wr_write;

/* Release what a batch replaced: without the lock, since unloading a model may take long. */
void wr_writes_release(wr_write *w, size_t n);

/* Someone who waits for a key. Lives in the waiter's memory until it fired or was taken back. */
typedef struct wr_watch wr_watch;
struct wr_watch {
    weir_str key; /* borrowed until then */

    /* With the lock held, after a write to key: is it so now? `v` may be WR_VALUE_NONE. */
    bool (*met)(wr_watch *w, wr_value v);

    /* With the lock held, once, after which the keyspace has forgotten w: tell the waiter. Takes no
     * lock below WR_LEVEL_REQUEST and does not use the keyspace. */
    void (*fire)(wr_watch *w);
    wr_watch *next;  /* the keyspace's own */
    wr_watch **here; /* NULL when not watched */
};

/* What a keyspace counts, for the gauges "store.*". */
typedef struct wr_keyspace_info {
    size_t bytes, peak_bytes, limit_bytes, n_values, n_watches;
    uint64_t n_dropped_oldest, n_dropped_newest, n_room_waits;
} wr_keyspace_info;

typedef struct wr_keyspace_ops {
    void (*lock)(wr_keyspace *ks);
    void (*unlock)(wr_keyspace *ks);

    /* With the lock held: what the key holds, WR_VALUE_NONE when nothing. Borrowed until unlock. */
    wr_value (*get)(wr_keyspace *ks, weir_str key);

    /* With the lock held: all writes or none. May let go of the lock while it waits for room (policy
     * WAIT), so that what was read before may have changed; the writes themselves are still one
     * step. Keys within a batch differ. ERR_FULL, ERR_KIND, ERR_BUSY, ERR_NOMEM. */
    weir_status (*apply)(wr_keyspace *ks, wr_write *w, size_t n, wr_limit limit,
                         weir_error *err);

    /* Without the lock: could a value of so many bytes ever be held? Said before bytes are copied. */
    weir_status (*fits)(wr_keyspace *ks, size_t bytes, weir_error *err);

    /* With the lock held: begin and end to watch. unwatch of one that fired is harmless. */
    void (*watch)(wr_keyspace *ks, wr_watch *w);
    void (*unwatch)(wr_keyspace *ks, wr_watch *w);

    /* Without the lock. */
    wr_keyspace_info (*info)(wr_keyspace *ks);
    void (*free)(wr_keyspace *ks);
} wr_keyspace_ops;

struct wr_keyspace {
    const wr_keyspace_ops *ops;
};

/* The keyspace of this process: a map under one lock. limit_bytes 0: half of the machine's memory. */
weir_status wr_keyspace_new_memory(wr_keyspace **out, size_t limit_bytes,
                                   weir_full_policy full, weir_error *err);

#endif
