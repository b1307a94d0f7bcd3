/* SPDX-License-Identifier: BSD-3-Clause */
/* A client of Redis servers: what its parts share. Inner to this room. */
#ifndef WR_RESP_RESP_H
#define WR_RESP_RESP_H

#include "base/map.h"
#include "client/transport/resp/errand.h"
#include "client/transport/resp/watch.h"

typedef struct wr_resp {
    wr_address address;
    wr_line line;
    wr_topology topology;
    wr_errands errands;
    wr_workers helpers; /* carry out non-blocking requests */
    wr_watches watches;
    int64_t model_limit_ms; /* SR_MODEL_TIMEOUT; 0: none */
    atomic_size_t home;     /* the shard on which models run */
    wr_mutex names_lock;    /* guards `names`: of statistics that servers told */
    wr_map names;           /* text -> an owned copy of it, NUL-terminated */
} wr_resp;

/* An errand for a request; `err` gets its failure. */
wr_errand wr_resp_errand(const wr_req *req, wr_rep *rep, weir_deadline until,
                         weir_error *err);

/* One request with one server, that of `slot`. */
weir_status wr_resp_do(wr_resp *l, int slot, const wr_req *req, wr_rep *rep,
                       weir_deadline until, weir_error *err);

/* Any request. */
weir_status wr_resp_exchange(wr_resp *l, const wr_req *req, wr_rep *rep, weir_error *err);

/* ---- models: on every shard, under a marked name ---- */

typedef struct wr_marked {
    weir_str s; /* "{P}.name" */
    char *heap;
    char small[200];
} wr_marked;
weir_status wr_marked_make(wr_marked *m, int low, weir_str name, weir_error *err);
void wr_marked_fini(wr_marked *m);

weir_status wr_resp_set_model(wr_resp *l, const wr_req *req, weir_deadline until,
                              weir_error *err);
weir_status wr_resp_del_model(wr_resp *l, const wr_req *req, weir_deadline until,
                              weir_error *err);
weir_status wr_resp_model_exists(wr_resp *l, const wr_req *req, wr_rep *rep,
                                 weir_deadline until, weir_error *err);
weir_status wr_resp_model_statistics(wr_resp *l, const wr_req *req, wr_rep *rep,
                                     weir_deadline until, weir_error *err);

/* infer, describe_model, get_model: with the home shard, or with the next that can be reached. */
weir_status wr_resp_at_home(wr_resp *l, const wr_req *req, wr_rep *rep,
                            weir_deadline until, weir_error *err);

/* ---- what one command can't do over several slots ---- */

weir_status wr_resp_run(wr_resp *l, const wr_req *req, wr_rep *rep, weir_deadline until,
                        weir_error *err);
weir_status wr_resp_move(wr_resp *l, const wr_req *req, wr_rep *rep, weir_deadline until,
                         weir_error *err);
weir_status wr_resp_pipeline(wr_resp *l, const wr_req *req, wr_rep *rep,
                             weir_deadline until, weir_error *err);
weir_status wr_resp_list_get(wr_resp *l, const wr_req *req, wr_rep *rep,
                             weir_deadline until, weir_error *err);

/* Tensors of any slots into buffers, and buffers to keys, side by side. All or none of `out` is given;
 * of puts those that failed are told. `what` is the word for messages, "input". */
weir_status wr_resp_fetch_all(wr_resp *l, const char *what, const weir_str *key, size_t n,
                              weir_buffer **out, weir_deadline until, weir_error *err);
weir_status wr_resp_put_all(wr_resp *l, const weir_str *key, weir_buffer *const *b,
                            size_t n, weir_deadline until, weir_error *err);

/* ---- looking ---- */

size_t wr_resp_statistics(wr_resp *l, weir_stat *out, size_t n);
size_t wr_resp_backends(wr_resp *l, weir_backend_info *out, size_t n);
size_t wr_resp_servers(wr_resp *l, weir_server_info *out, size_t n);

/* One plain command to every primary, or to one; those that don't answer are passed over. */
void wr_resp_ask_all(wr_resp *l, const weir_str *word, size_t n_words, bool one,
                     weir_status (*read)(wr_errand *e, wr_reader *r, weir_error *err),
                     void *context);

/* A text, whatever kind of item it comes as; NUL-terminated, cut at the room. */
weir_status wr_resp_read_text(wr_reader *r, char *text, size_t room, size_t *n,
                              weir_error *err);

#endif
