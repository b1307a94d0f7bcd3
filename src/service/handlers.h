/* SPDX-License-Identifier: BSD-3-Clause */
/* The handlers, one for each command, and what they share. Inner to this room. */
#ifndef WR_SERVICE_HANDLERS_H
#define WR_SERVICE_HANDLERS_H

#include "base/text.h"
#include "service/service.h"

typedef weir_status (*wr_handler)(wr_service *s, const wr_req *req, wr_rep *rep,
                                  weir_error *err);

#define X(name, ...)                                                                     \
    weir_status wr_handle_##name(wr_service *s, const wr_req *req, wr_rep *rep,          \
                                 weir_error *err);
WR_COMMAND_MAP(X)
#undef X

/* ---- resolve: each takes the lock for a moment and gives one reference ---- */

/* ERR_KEY or ERR_KIND when `key` holds no tensor; `what` is the word for messages, "input". */
weir_status wr_resolve_tensor(wr_service *s, weir_str key, const char *what,
                              weir_buffer **out, weir_error *err);
weir_status wr_resolve_model(wr_service *s, weir_kind kind, weir_str name, wr_model **out,
                             weir_error *err);

/* The same with the lock held. */
weir_status wr_resolve_tensor_locked(wr_service *s, weir_str key, const char *what,
                                     weir_buffer **out, weir_error *err);

/* ---- publish: one batch, all or nothing ---- */
weir_status wr_publish(wr_service *s, wr_write *w, size_t n, const wr_req *req,
                       weir_error *err);

/* A growing batch of writes with keys of its own. */
typedef struct wr_batch {
    wr_write *w;
    size_t n, room;
    bool failed; /* no memory: told by wr_batch_publish */
} wr_batch;

void wr_batch_set(wr_batch *b, wr_text *key /* taken */, wr_value v /* referenced */,
                  wr_value_kind only_over);
void wr_batch_del(wr_batch *b, wr_text *key /* taken */);
weir_status wr_batch_publish(wr_batch *b, wr_service *s, const wr_req *req,
                             weir_error *err);
void wr_batch_fini(wr_batch *b);

/* ---- datasets ---- */

/* Every tensor of the dataset at `base`, of one moment, and its metadata as it lies there (unless
 * `fields` is NULL): one reference each. */
weir_status wr_resolve_dataset(wr_service *s, weir_str base, weir_dataset **out,
                               wr_fields **fields, const wr_req *req, weir_error *err);

/* Copy, or with `move` rename, from base req->key to base req->to; delete at req->key. */
weir_status wr_copy_dataset(wr_service *s, const wr_req *req, bool move, weir_error *err);
weir_status wr_del_dataset(wr_service *s, const wr_req *req, weir_error *err);

#endif
