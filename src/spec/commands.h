/* SPDX-License-Identifier: BSD-3-Clause */
/* The tables of commands, counters and gauges. Made by scripts/gen_spec.py from spec/commands.json: do not edit. */
#ifndef WR_SPEC_COMMANDS_H
#define WR_SPEC_COMMANDS_H

// clang-format off: generated, one line per entry.
/* name, group, writes, calls, wire commands, summary */
#define WR_COMMAND_MAP(X) \
    X(put, "tensors", 1, "weir_put weir_iput weir_put_buffer", "AI.TENSORSET", "store one tensor, replacing what was there") \
    X(get, "tensors", 0, "weir_get weir_iget weir_fetch", "AI.TENSORGET", "copy a tensor into the caller's memory or a new buffer") \
    X(borrow, "tensors", 0, "weir_borrow", "", "look at the stored bytes themselves") \
    X(describe, "tensors", 0, "weir_describe", "AI.TENSORGET META", "type and shape of a stored tensor") \
    X(take, "tensors", 1, "weir_take", "", "remove a tensor and return it, waiting for one if liked") \
    X(exists, "keys", 0, "weir_exists", "EXISTS, HEXISTS", "is there a value of this kind") \
    X(del, "keys", 1, "weir_del", "DEL, UNLINK, AI.MODELDEL, AI.SCRIPTDEL", "delete a value") \
    X(copy, "keys", 1, "weir_copy", "COPY", "give a tensor, dataset or list a second name") \
    X(rename, "keys", 1, "weir_rename", "RENAME", "rename a tensor, dataset or list") \
    X(poll, "keys", 0, "weir_poll weir_ipoll weir_list_wait", "", "wait until a value exists or a list has a length") \
    X(put_dataset, "datasets", 1, "weir_put_dataset weir_iput_dataset", "HMSET, HSET, AI.TENSORSET", "store a dataset whole") \
    X(get_dataset, "datasets", 0, "weir_get_dataset weir_iget_dataset", "HGETALL, AI.TENSORGET", "get a dataset") \
    X(list_append, "lists", 1, "weir_list_append", "RPUSH", "append a dataset's reference to a list") \
    X(list_length, "lists", 0, "weir_list_length", "LLEN", "length of a list") \
    X(list_get, "lists", 0, "weir_list_get", "LRANGE", "get the datasets of a range of a list") \
    X(set_model, "models", 1, "weir_set_model weir_set_model_file weir_set_script weir_iset_model", "AI.MODELSTORE, AI.SCRIPTSET, AI.SCRIPTSTORE", "load, warm up and put in place a model or script") \
    X(get_model, "models", 0, "weir_get_model", "AI.MODELGET, AI.SCRIPTGET", "the bytes of a model or script as they were given") \
    X(describe_model, "models", 0, "weir_describe_model", "AI.MODELGET META", "what a model wants and gives") \
    X(model_statistics, "models", 0, "weir_model_statistics", "AI.INFO", "what a model has cost") \
    X(infer, "models", 0, "weir_infer weir_iinfer weir_infer_alloc weir_infer_script weir_infer_dataset", "", "run a model or script on the caller's memory") \
    X(run, "models", 1, "weir_run weir_run_script weir_irun", "AI.MODELEXECUTE, AI.SCRIPTRUN, AI.SCRIPTEXECUTE", "run a model or script from keys to keys") \
    X(pipeline, "models", 1, "weir_pipeline_exec weir_ipipeline_exec", "AI.DAGEXECUTE", "several steps in one exchange")

/* identifier, name, unit, description */
#define WR_COUNTER_MAP(X) \
    X(calls, "calls", "1", "calls, failed ones too") \
    X(errors, "errors", "1", "calls that failed") \
    X(bytes, "bytes", "bytes", "bytes of the tensors that passed through") \
    X(copies, "copies", "1", "copies that were made of whole tensors") \
    X(copied_bytes, "copied_bytes", "bytes", "bytes that these copies moved")

/* identifier, name, unit, description */
#define WR_GAUGE_MAP(X) \
    X(store_bytes, "store.bytes", "bytes", "held by values now") \
    X(store_peak_bytes, "store.peak_bytes", "bytes", "most that was ever held") \
    X(store_limit_bytes, "store.limit_bytes", "bytes", "most that may be held") \
    X(store_values, "store.values", "1", "keys that hold a value now") \
    X(store_dropped_oldest, "store.dropped_oldest", "1", "values dropped to make room") \
    X(store_dropped_newest, "store.dropped_newest", "1", "new values dropped for want of room") \
    X(store_room_waits, "store.room_waits", "1", "puts that had to wait for room") \
    X(store_watches, "store.watches", "1", "polls that wait now") \
    X(heap_allocations, "heap.allocations", "1", "heap allocations of Weir in this process") \
    X(buffers_in_use_bytes, "buffers.in_use_bytes", "bytes", "in tensor buffers that somebody holds") \
    X(buffers_kept_bytes, "buffers.kept_bytes", "bytes", "pages kept for reuse") \
    X(buffers_handed_out, "buffers.handed_out", "1", "tensor buffers handed out") \
    X(buffers_fresh, "buffers.fresh", "1", "of these, how many needed new pages")

/* name, word, reply, fields: of the commands that travel */
#define WR_WIRE_MAP(X) \
    X(put, "WEIR.PUT", WR_REPLY_ok, WR_ARG_key, WR_ARG_tensor) \
    X(get, "WEIR.GET", WR_REPLY_tensor, WR_ARG_key) \
    X(describe, "WEIR.DESCRIBE", WR_REPLY_shape, WR_ARG_key) \
    X(take, "WEIR.TAKE", WR_REPLY_tensor, WR_ARG_key, WR_ARG_limit) \
    X(exists, "WEIR.EXISTS", WR_REPLY_flag, WR_ARG_kind, WR_ARG_key) \
    X(del, "WEIR.DEL", WR_REPLY_ok, WR_ARG_kind, WR_ARG_key) \
    X(copy, "WEIR.COPY", WR_REPLY_ok, WR_ARG_kind, WR_ARG_key, WR_ARG_to) \
    X(rename, "WEIR.RENAME", WR_REPLY_ok, WR_ARG_kind, WR_ARG_key, WR_ARG_to) \
    X(poll, "WEIR.POLL", WR_REPLY_flag, WR_ARG_kind, WR_ARG_key, WR_ARG_compare, WR_ARG_limit) \
    X(put_dataset, "WEIR.PUT_DATASET", WR_REPLY_ok, WR_ARG_key, WR_ARG_dataset) \
    X(get_dataset, "WEIR.GET_DATASET", WR_REPLY_dataset, WR_ARG_key) \
    X(list_append, "RPUSH", WR_REPLY_number, WR_ARG_key, WR_ARG_to) \
    X(list_length, "LLEN", WR_REPLY_number, WR_ARG_key) \
    X(set_model, "WEIR.SET_MODEL", WR_REPLY_ok, WR_ARG_kind, WR_ARG_key, WR_ARG_options, WR_ARG_limit, WR_ARG_bytes) \
    X(get_model, "WEIR.GET_MODEL", WR_REPLY_bytes, WR_ARG_kind, WR_ARG_key) \
    X(describe_model, "WEIR.DESCRIBE_MODEL", WR_REPLY_info, WR_ARG_kind, WR_ARG_key) \
    X(model_statistics, "WEIR.MODEL_STATISTICS", WR_REPLY_stats, WR_ARG_kind, WR_ARG_key, WR_ARG_reset) \
    X(infer, "WEIR.INFER", WR_REPLY_tensors, WR_ARG_key, WR_ARG_function, WR_ARG_inputs, WR_ARG_n_outputs, WR_ARG_limit) \
    X(run, "WEIR.RUN", WR_REPLY_ok, WR_ARG_key, WR_ARG_function, WR_ARG_in_keys, WR_ARG_out_keys, WR_ARG_limit) \
    X(pipeline, "WEIR.PIPELINE", WR_REPLY_steps, WR_ARG_key, WR_ARG_steps, WR_ARG_limit)

typedef enum wr_arg {
    WR_ARG_none,
    WR_ARG_key, /* KEY */
    WR_ARG_to, /* KEY */
    WR_ARG_kind, /* ANY|TENSOR|DATASET|LIST|MODEL|SCRIPT */
    WR_ARG_tensor, /* TYPE RANK EXTENT.. BYTES */
    WR_ARG_inputs, /* N (TYPE RANK EXTENT.. BYTES).. */
    WR_ARG_n_outputs, /* N */
    WR_ARG_in_keys, /* N KEY.. */
    WR_ARG_out_keys, /* N KEY.. */
    WR_ARG_function, /* FUNCTION (empty for a model) */
    WR_ARG_limit, /* MILLISECONDS (negative: none) */
    WR_ARG_compare, /* ANY|EQ|GE|LE LENGTH */
    WR_ARG_reset, /* 0|1 */
    WR_ARG_dataset, /* N (FIELD BYTES).. N (NAME TYPE RANK EXTENT.. BYTES).. */
    WR_ARG_options, /* N (OPTION VALUE).. */
    WR_ARG_bytes, /* N CHUNK.. */
    WR_ARG_steps, /* N (LOAD NAME KEY | TENSOR NAME TYPE RANK EXTENT.. BYTES | RUN NAME FUNCTION N NAME.. N NAME.. | GET NAME | KEEP NAME KEY).. */
    WR_ARG_COUNT
} wr_arg;

typedef enum wr_reply {
    WR_REPLY_none,
    WR_REPLY_ok, /* +OK */
    WR_REPLY_flag, /* :0 or :1 */
    WR_REPLY_number, /* :n */
    WR_REPLY_tensor, /* [type, [extents], bytes], or null */
    WR_REPLY_shape, /* [type, [extents]] */
    WR_REPLY_tensors, /* [tensor, ..] */
    WR_REPLY_dataset, /* [[field, bytes, ..], [[name, type, [extents], bytes], ..]] */
    WR_REPLY_bytes, /* [chunk, ..] */
    WR_REPLY_info, /* [label, value, ..] */
    WR_REPLY_stats, /* [label, value, ..] */
    WR_REPLY_steps, /* [tensor of each GET, ..] */
    WR_REPLY_COUNT
} wr_reply;

typedef enum wr_command {
#define X(name, ...) WR_CMD_##name,
    WR_COMMAND_MAP(X)
#undef X
    WR_CMD_COUNT
} wr_command;

typedef enum wr_counter {
#define X(id, ...) WR_COUNTER_##id,
    WR_COUNTER_MAP(X)
#undef X
    WR_COUNTER_COUNT
} wr_counter;

typedef enum wr_gauge {
#define X(id, ...) WR_GAUGE_##id,
    WR_GAUGE_MAP(X)
#undef X
    WR_GAUGE_COUNT
} wr_gauge;
// clang-format on

#endif
