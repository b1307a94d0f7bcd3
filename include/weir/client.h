/* SPDX-License-Identifier: BSD-3-Clause */
/// @file weir/client.h
/// The door to Weir: put and get tensors, datasets and lists, set models and run them. A program is
/// written once; the address it opens decides where the work happens:
///
///     embedded:        inside this process (the default); all clients of a process share one store
///     embedded:NAME    the same, a store of that name
///     node:NAME        one server per node, over shared memory
///     redis://[USER:PASSWORD@]HOST[:PORT][,..][/DB]    Redis or Valkey with Weir's module, a cluster too
///     rediss://..  unix:PATH                           the same over TLS, over a Unix socket
///
/// `node:` is not built yet, `rediss:` not without OpenSSL: they are refused with a message. What is
/// different on a server (broken connections, clusters, environment): docs/client.md.
///
/// Ways of calling. `weir_infer` is one exchange: inputs in, outputs out, nothing is stored.
/// `weir_put`, `weir_run`, `weir_get` go through keys, for pipelines and sharing. Every verb that
/// may take long has a non-blocking form (`weir_iput`, ..) that gives a request for weir_test and
/// weir_wait, with MPI's meaning: all memory named in the call belongs to Weir until completion.
///
/// Names. 1 .. WEIR_KEY_MAX bytes; NUL bytes are refused. With a put prefix P a name N is stored as
/// P.N, with a get prefix it is looked up as P.N (SmartRedis's SSKEYOUT and SSKEYIN); dataset D lies
/// under {D}.meta and {D}.tensor as SmartRedis lays it out. weir_exists(WEIR_ANY, ..) takes the
/// literal key.
///
/// Threads. A client may be used by several threads at once; calls are independent. Opening, closing
/// and changing its options (prefixes, deadline) is for one thread. All clients of one store see
/// each other's keys at once.
///
/// Waiting. Every call ends by the earlier of the client's time-out (counted per call) and its
/// deadline (absolute). Functions below block no longer than that; "Local" (no MPI is involved).
///
/// On a server a call may also end with ERR_CLOSED or ERR_TIMEOUT; the sentence names the server and says
/// if the command may have been executed all the same. What writes or runs is never sent a second time.
#ifndef WEIR_CLIENT_H
#define WEIR_CLIENT_H

#include "weir/dataset.h"
#include "weir/model.h"
#include "weir/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct weir_client weir_client;
typedef struct weir_request weir_request;
typedef struct weir_pipeline weir_pipeline;

/// What a name refers to.
typedef enum weir_kind {
    WEIR_ANY = 0, ///< a literal key, whatever it holds; no prefix
    WEIR_TENSOR,
    WEIR_DATASET,
    WEIR_LIST,
    WEIR_MODEL,
    WEIR_SCRIPT,
    WEIR_KIND_COUNT
} weir_kind;

/// What happens to a put when the store has no room.
typedef enum weir_full_policy {
    WEIR_FULL_FAIL = 0,    ///< ERR_FULL at once (the default)
    WEIR_FULL_WAIT,        ///< wait for room until the call's deadline, then ERR_FULL
    WEIR_FULL_DROP_OLDEST, ///< the tensors and datasets written longest ago go; counted
    WEIR_FULL_DROP_NEWEST  ///< the new value is dropped, the call succeeds; counted
} weir_full_policy;

/// How to open a client. All zero means default. Store options are the first opener's; a later
/// opener either leaves them zero or gives the same.
typedef struct weir_client_options {
    size_t struct_bytes; ///< sizeof(weir_client_options); 0: all else is default
    int64_t timeout_ms;  ///< of each call; 0: 60,000; negative: no limit
    size_t memory_bytes; ///< store: most bytes of values; 0: half of the machine's memory
    weir_full_policy full; ///< store: what happens when there is no room
    int threads; ///< store: compute threads; 0: the affinity mask. Never more than it
    bool oversubscribe; ///< store: allow more threads than the affinity mask holds
    bool spin; ///< store: idle compute pools spin (fast alone, slow beside others)
    weir_str backend_path; ///< store: folder of backends; empty: environment, then own
    weir_str put_prefix;   ///< empty: environment SSKEYOUT
    weir_str get_prefix;   ///< empty: first entry of environment SSKEYIN
} weir_client_options;

/// Open a client.
/// @param out      given: to be released with weir_client_free
/// @param address  borrowed; empty: environment WEIR_ADDRESS, then SmartRedis's SSDB, then "embedded:"
/// @param opt      borrowed; NULL means default
/// @param err      may be NULL
/// @return WEIR_OK, ERR_ARG, ERR_NOMEM, ERR_UNSUPPORTED (transport not built), ERR_EXISTS (store
///         is open with other options), ERR_CLOSED or ERR_TIMEOUT (no server there). Any thread.
WEIR_API WEIR_NODISCARD weir_status weir_client_new(weir_client **out, weir_str address,
                                                    const weir_client_options *opt,
                                                    weir_error *err);

/// Refuse further calls; running ones and requests end as they would. Calls after this return
/// ERR_CLOSED. The last client of an embedded store takes the store with it when it is freed.
/// @param c  borrowed; NULL is allowed. Any thread.
WEIR_API void weir_client_close(weir_client *c);

/// Close and release. Waits for its requests, which may still be tested afterwards.
/// @param c  taken; NULL is allowed. No other thread may be using it.
WEIR_API void weir_client_free(weir_client *c);

/// Change the time-out of each following call.
/// @param c           borrowed
/// @param timeout_ms  0: the default; negative: no limit. One thread.
WEIR_API void weir_client_set_timeout(weir_client *c, int64_t timeout_ms);

/// A moment by which all following calls must have ended, such as the end of a time step; on top of
/// the time-out. WEIR_NEVER takes it away.
/// @param c         borrowed
/// @param deadline  see weir_deadline_in_ms. One thread.
WEIR_API void weir_client_set_deadline(weir_client *c, weir_deadline deadline);

/// Choose under which of the SSKEYIN producers names are looked up.
/// @param c       borrowed, changed
/// @param source  borrowed, copied; must be an entry of SSKEYIN or the get_prefix given at opening
/// @param err     may be NULL
/// @return WEIR_OK, ERR_ARG or ERR_KEY. One thread.
WEIR_API WEIR_NODISCARD weir_status weir_client_set_source(weir_client *c,
                                                           weir_str source,
                                                           weir_error *err);

/// Switch prefixes on or off for one kind. At first: on for tensors, datasets and lists, off for
/// models and scripts.
/// @param c     borrowed, changed
/// @param kind  any but WEIR_ANY
/// @param on    use prefixes
/// @param err   may be NULL
/// @return WEIR_OK or ERR_ARG. One thread.
WEIR_API WEIR_NODISCARD weir_status weir_client_use_prefix(weir_client *c, weir_kind kind,
                                                           bool on, weir_error *err);

/* ---- tensors ------------------------------------------------------------------------------ */

/// Store one tensor under `key`, replacing what was there (of kind tensor). Embedded: one copy.
/// @param c    borrowed
/// @param key  borrowed
/// @param t    host tensor, any strides; borrowed during the call, never modified
/// @param err  may be NULL
/// @return WEIR_OK, ERR_ARG, ERR_DTYPE, ERR_SHAPE, ERR_KIND, ERR_NOMEM, ERR_FULL, ERR_CLOSED,
///         ERR_TIMEOUT or ERR_UNSUPPORTED (device memory). Any thread. Local.
WEIR_API WEIR_NODISCARD weir_status weir_put(weir_client *c, weir_str key,
                                             const weir_tensor *t, weir_error *err);

/// Store a buffer under `key`. Embedded: no copy, the store takes a reference.
/// @param c    borrowed
/// @param key  borrowed
/// @param b    borrowed: the store takes a reference; must not be written any more
/// @param err  may be NULL
/// @return as weir_put. Any thread. Local.
WEIR_API WEIR_NODISCARD weir_status weir_put_buffer(weir_client *c, weir_str key,
                                                    weir_buffer *b, weir_error *err);

/// Copy a tensor into the caller's memory. Type and shape must be equal; strides are free. One copy.
/// @param c     borrowed
/// @param key   borrowed
/// @param into  borrowed description; its memory is written only on success
/// @param err   may be NULL
/// @return WEIR_OK, ERR_ARG, ERR_KEY, ERR_KIND, ERR_DTYPE, ERR_SHAPE, ERR_CLOSED, ERR_TIMEOUT or
///         ERR_UNSUPPORTED (WEIR_STRING: use weir_fetch). Any thread. Local.
WEIR_API WEIR_NODISCARD weir_status weir_get(weir_client *c, weir_str key,
                                             const weir_tensor *into, weir_error *err);

/// Get a tensor whose type and shape are not known beforehand, into a new buffer of the caller's.
/// @param c    borrowed
/// @param key  borrowed
/// @param out  given: one reference, the caller's alone, writable. One copy.
/// @param err  may be NULL
/// @return as weir_get, and ERR_NOMEM. Any thread. Local.
WEIR_API WEIR_NODISCARD weir_status weir_fetch(weir_client *c, weir_str key,
                                               weir_buffer **out, weir_error *err);

/// Look at the stored bytes themselves: no copy. The value stays as it was even when the key is
/// replaced or deleted meanwhile.
/// @param c    borrowed
/// @param key  borrowed
/// @param out  given: one reference, read-only; end the loan with weir_buffer_unref
/// @param err  may be NULL
/// @return as weir_get; ERR_UNSUPPORTED on transports without shared memory. Any thread. Local.
WEIR_API WEIR_NODISCARD weir_status weir_borrow(weir_client *c, weir_str key,
                                                weir_buffer **out, weir_error *err);

/// Remove a tensor and get it, in one step: of several takers one gets it. Waits for it to be put.
/// Embedded: no copy.
/// @param c           borrowed
/// @param key         borrowed
/// @param timeout_ms  as weir_poll
/// @param out         given: one reference, NULL when the time passed first
/// @param err         may be NULL
/// @return WEIR_OK (also when none came), ERR_ARG, ERR_KIND or ERR_CLOSED. Any thread. Local.
WEIR_API WEIR_NODISCARD weir_status weir_take(weir_client *c, weir_str key,
                                              int64_t timeout_ms, weir_buffer **out,
                                              weir_error *err);

/// Type and shape of a stored tensor; its data pointer comes back NULL.
/// @param c    borrowed
/// @param key  borrowed
/// @param out  given
/// @param err  may be NULL
/// @return WEIR_OK, ERR_ARG, ERR_KEY, ERR_KIND or ERR_CLOSED. Any thread. Local.
WEIR_API WEIR_NODISCARD weir_status weir_describe(weir_client *c, weir_str key,
                                                  weir_tensor *out, weir_error *err);

/* ---- every kind: exists, delete, copy, rename, poll ------------------------------------------ */

/// Is there a value of this kind? A dataset exists once it is complete.
/// @param c      borrowed
/// @param kind   what to look for
/// @param name   borrowed
/// @param found  given
/// @param err    may be NULL
/// @return WEIR_OK, ERR_ARG or ERR_CLOSED. Any thread. Local.
WEIR_API WEIR_NODISCARD weir_status weir_exists(weir_client *c, weir_kind kind,
                                                weir_str name, bool *found,
                                                weir_error *err);

/// Delete. A missing tensor or list is no error; a missing dataset, model or script is ERR_KEY.
/// @param c     borrowed
/// @param kind  what it is; WEIR_ANY deletes a literal key
/// @param name  borrowed
/// @param err   may be NULL
/// @return WEIR_OK, ERR_ARG, ERR_KEY, ERR_KIND or ERR_CLOSED. Any thread. Local.
WEIR_API WEIR_NODISCARD weir_status weir_del(weir_client *c, weir_kind kind,
                                             weir_str name, weir_error *err);

/// Copy a tensor, dataset or list; the destination is replaced at once and whole. Nothing moves:
/// both names share the bytes until one is replaced.
/// @param c     borrowed
/// @param kind  WEIR_TENSOR, WEIR_DATASET or WEIR_LIST
/// @param from  borrowed, with the get prefix
/// @param to    borrowed, with the put prefix
/// @param err   may be NULL
/// @return WEIR_OK, ERR_ARG, ERR_KEY, ERR_KIND, ERR_FULL or ERR_CLOSED. Any thread. Local.
WEIR_API WEIR_NODISCARD weir_status weir_copy(weir_client *c, weir_kind kind,
                                              weir_str from, weir_str to,
                                              weir_error *err);

/// Rename a tensor, dataset or list; the destination is replaced.
/// @param c     borrowed
/// @param kind  WEIR_TENSOR, WEIR_DATASET or WEIR_LIST
/// @param from  borrowed, with the get prefix
/// @param to    borrowed, with the put prefix
/// @param err   may be NULL
/// @return as weir_copy. Any thread. Local.
WEIR_API WEIR_NODISCARD weir_status weir_rename(weir_client *c, weir_kind kind,
                                                weir_str from, weir_str to,
                                                weir_error *err);

/// Wait until a value of this kind exists. Sleeps; wakes when it is written.
/// @param c           borrowed
/// @param kind        what to wait for
/// @param name        borrowed
/// @param timeout_ms  at most; 0 only looks; negative: until the client's own limit
/// @param found       given: false when the time passed first
/// @param err         may be NULL
/// @return WEIR_OK (also when not found), ERR_ARG or ERR_CLOSED. Any thread. Local.
WEIR_API WEIR_NODISCARD weir_status weir_poll(weir_client *c, weir_kind kind,
                                              weir_str name, int64_t timeout_ms,
                                              bool *found, weir_error *err);

/* ---- datasets and lists --------------------------------------------------------------------- */

/// Store a dataset, replacing an older one of that name whole: no reader sees half of it.
/// @param c    borrowed
/// @param ds   borrowed; embedded: its buffers are shared, not copied, and ds stays usable
/// @param err  may be NULL
/// @return WEIR_OK, ERR_ARG (neither tensors nor fields), ERR_NOMEM, ERR_FULL, ERR_CLOSED or
///         ERR_TIMEOUT. Any thread. Local.
WEIR_API WEIR_NODISCARD weir_status weir_put_dataset(weir_client *c,
                                                     const weir_dataset *ds,
                                                     weir_error *err);

/// Get a dataset. Embedded: tensors are shared, not copied.
/// @param c     borrowed
/// @param name  borrowed
/// @param out   given: to be released with weir_dataset_free
/// @param err   may be NULL
/// @return WEIR_OK, ERR_ARG, ERR_KEY, ERR_KIND, ERR_FORMAT (foreign bytes), ERR_NOMEM, ERR_CLOSED or
///         ERR_TIMEOUT. Any thread. Local.
WEIR_API WEIR_NODISCARD weir_status weir_get_dataset(weir_client *c, weir_str name,
                                                     weir_dataset **out, weir_error *err);

/// Append a reference to a dataset (which need not exist yet) to an aggregation list.
/// @param c        borrowed
/// @param list     borrowed
/// @param dataset  borrowed: the dataset's name
/// @param err      may be NULL
/// @return WEIR_OK, ERR_ARG, ERR_KIND, ERR_NOMEM, ERR_FULL or ERR_CLOSED. Any thread. Local.
WEIR_API WEIR_NODISCARD weir_status weir_list_append(weir_client *c, weir_str list,
                                                     weir_str dataset, weir_error *err);

/// Length of a list; a missing one has 0.
/// @param c     borrowed
/// @param list  borrowed
/// @param n     given
/// @param err   may be NULL
/// @return WEIR_OK, ERR_ARG, ERR_KIND or ERR_CLOSED. Any thread. Local.
WEIR_API WEIR_NODISCARD weir_status weir_list_length(weir_client *c, weir_str list,
                                                     int64_t *n, weir_error *err);

/// How weir_list_wait compares the length with its number.
typedef enum weir_compare { WEIR_EQ = 0, WEIR_GE, WEIR_LE } weir_compare;

/// Wait until a list has so many entries. Sleeps; wakes when the list changes.
/// @param c           borrowed
/// @param list        borrowed
/// @param how         compare length `how` n
/// @param n           0 or more
/// @param timeout_ms  as weir_poll
/// @param met         given: false when the time passed first
/// @param err         may be NULL
/// @return WEIR_OK (also when not met), ERR_ARG, ERR_KIND or ERR_CLOSED. Any thread. Local.
WEIR_API WEIR_NODISCARD weir_status weir_list_wait(weir_client *c, weir_str list,
                                                   weir_compare how, int64_t n,
                                                   int64_t timeout_ms, bool *met,
                                                   weir_error *err);

/// Get the datasets of a list's entries first..last, both included; negative numbers count from the
/// end (-1 is the last), out-of-range ones are cut, as in Redis's LRANGE.
/// @param c      borrowed
/// @param list   borrowed
/// @param first  index
/// @param last   index
/// @param out    given: array of n datasets, released with weir_datasets_free; NULL when n is 0
/// @param n      given
/// @param err    may be NULL
/// @return WEIR_OK, ERR_ARG, ERR_KEY (an entry's dataset is missing), ERR_KIND, ERR_FORMAT,
///         ERR_NOMEM, ERR_CLOSED or ERR_TIMEOUT. Any thread. Local.
WEIR_API WEIR_NODISCARD weir_status weir_list_get(weir_client *c, weir_str list,
                                                  int64_t first, int64_t last,
                                                  weir_dataset ***out, size_t *n,
                                                  weir_error *err);

/// Release what weir_list_get gave.
/// @param ds  taken, with its datasets; NULL is allowed
/// @param n   how many. Any thread.
WEIR_API void weir_datasets_free(weir_dataset **ds, size_t n);

/* ---- models and scripts --------------------------------------------------------------------- */

/// Set a model from memory. It is loaded and warmed up beside a running older version and takes over
/// at once when it is ready; on failure the old one stays.
/// @param c      borrowed
/// @param name   borrowed
/// @param bytes  borrowed during the call: the model file's content
/// @param n      bytes
/// @param opt    borrowed; NULL means default
/// @param err    may be NULL
/// @return WEIR_OK, ERR_ARG, ERR_BACKEND, ERR_MODEL, ERR_FORMAT, ERR_KIND, ERR_NOMEM, ERR_FULL,
///         ERR_EXISTS (that version is there), ERR_CLOSED or ERR_TIMEOUT. Any thread. Local.
WEIR_API WEIR_NODISCARD weir_status weir_set_model(weir_client *c, weir_str name,
                                                   const void *bytes, size_t n,
                                                   const weir_model_options *opt,
                                                   weir_error *err);

/// Set a model from a file.
/// @param c     borrowed
/// @param name  borrowed
/// @param path  borrowed
/// @param opt   borrowed; NULL means default
/// @param err   may be NULL
/// @return as weir_set_model, and ERR_IO. Any thread. Local.
WEIR_API WEIR_NODISCARD weir_status weir_set_model_file(weir_client *c, weir_str name,
                                                        weir_str path,
                                                        const weir_model_options *opt,
                                                        weir_error *err);

/// Set a script: TorchScript source whose functions weir_run_script and weir_infer_script call.
/// @param c       borrowed
/// @param name    borrowed
/// @param source  borrowed
/// @param opt     borrowed; NULL means default
/// @param err     may be NULL
/// @return as weir_set_model. Any thread. Local.
WEIR_API WEIR_NODISCARD weir_status weir_set_script(weir_client *c, weir_str name,
                                                    weir_str source,
                                                    const weir_model_options *opt,
                                                    weir_error *err);

/// Get back the bytes of a model or script as they were given.
/// @param c     borrowed
/// @param kind  WEIR_MODEL or WEIR_SCRIPT
/// @param name  borrowed
/// @param out   given: one reference to U8[n], read-only; embedded: no copy
/// @param err   may be NULL
/// @return WEIR_OK, ERR_ARG, ERR_KEY, ERR_KIND, ERR_NOMEM or ERR_CLOSED. Any thread. Local.
WEIR_API WEIR_NODISCARD weir_status weir_get_model(weir_client *c, weir_kind kind,
                                                   weir_str name, weir_buffer **out,
                                                   weir_error *err);

/// What a model or script wants and gives.
/// @param c     borrowed
/// @param kind  WEIR_MODEL or WEIR_SCRIPT
/// @param name  borrowed
/// @param out   given
/// @param err   may be NULL
/// @return WEIR_OK, ERR_ARG, ERR_KEY, ERR_KIND or ERR_CLOSED. Any thread. Local.
WEIR_API WEIR_NODISCARD weir_status weir_describe_model(weir_client *c, weir_kind kind,
                                                        weir_str name,
                                                        weir_model_info *out,
                                                        weir_error *err);

/// What a model or script has cost since it was set; versions share one account.
/// @param c      borrowed
/// @param kind   WEIR_MODEL or WEIR_SCRIPT
/// @param name   borrowed
/// @param out    given
/// @param reset  start anew after reading
/// @param err    may be NULL
/// @return as weir_describe_model. Any thread. Local.
WEIR_API WEIR_NODISCARD weir_status weir_model_statistics(weir_client *c, weir_kind kind,
                                                          weir_str name,
                                                          weir_model_stats *out,
                                                          bool reset, weir_error *err);

/// Run a model on the caller's memory: inputs in, outputs out, nothing stored. Contiguous inputs and
/// outputs are not copied. The first dimension of inputs and outputs is the batch where the model
/// leaves it free.
/// @param c      borrowed
/// @param model  borrowed
/// @param in     borrowed: n_in views in the model's order, not modified
/// @param n_in   how many
/// @param out    borrowed: n_out views in the model's order; the model writes straight into their memory:
///               untouched when a check or an input guard refuses, unspecified after a run that failed
/// @param n_out  how many
/// @param err    may be NULL
/// @return WEIR_OK, ERR_ARG (counts), ERR_KEY, ERR_KIND, ERR_DTYPE, ERR_SHAPE, ERR_MODEL, ERR_GUARD,
///         ERR_NOMEM, ERR_CLOSED or ERR_TIMEOUT. Any thread. Local.
WEIR_API WEIR_NODISCARD weir_status weir_infer(weir_client *c, weir_str model,
                                               const weir_tensor *in, int n_in,
                                               const weir_tensor *out, int n_out,
                                               weir_error *err);

/// The same where the shapes of the outputs are not known beforehand.
/// @param c      borrowed
/// @param model  borrowed
/// @param in     borrowed: n_in views
/// @param n_in   how many
/// @param out    given: n_out buffers, one reference each; all NULL on failure
/// @param n_out  how many
/// @param err    may be NULL
/// @return as weir_infer. Any thread. Local.
WEIR_API WEIR_NODISCARD weir_status weir_infer_alloc(weir_client *c, weir_str model,
                                                     const weir_tensor *in, int n_in,
                                                     weir_buffer **out, int n_out,
                                                     weir_error *err);

/// Run one function of a script on the caller's memory.
/// @param c         borrowed
/// @param script    borrowed
/// @param function  borrowed: a function of the script
/// @param in        borrowed: n_in views, not modified
/// @param n_in      how many
/// @param out       given: n_out buffers, one reference each; all NULL on failure
/// @param n_out     how many
/// @param err       may be NULL
/// @return as weir_infer. Any thread. Local.
WEIR_API WEIR_NODISCARD weir_status weir_infer_script(weir_client *c, weir_str script,
                                                      weir_str function,
                                                      const weir_tensor *in, int n_in,
                                                      weir_buffer **out, int n_out,
                                                      weir_error *err);

/// Run a model on a dataset's tensors, matched to inputs and outputs by name.
/// @param c      borrowed
/// @param model  borrowed
/// @param in     borrowed: holds a tensor for each input name
/// @param out    borrowed, changed on success: each output is added under its name
/// @param err    may be NULL
/// @return as weir_infer; ERR_KEY names a missing input. Any thread. Local.
WEIR_API WEIR_NODISCARD weir_status weir_infer_dataset(weir_client *c, weir_str model,
                                                       const weir_dataset *in,
                                                       weir_dataset *out,
                                                       weir_error *err);

/// Run a model from keys to keys. All outputs appear at once.
/// @param c         borrowed
/// @param model     borrowed
/// @param in_keys   borrowed: n_in names of tensors
/// @param n_in      how many
/// @param out_keys  borrowed: n_out names
/// @param n_out     how many
/// @param err       may be NULL
/// @return as weir_infer, and ERR_FULL. Any thread. Local.
WEIR_API WEIR_NODISCARD weir_status weir_run(weir_client *c, weir_str model,
                                             const weir_str *in_keys, int n_in,
                                             const weir_str *out_keys, int n_out,
                                             weir_error *err);

/// Run one function of a script from keys to keys.
/// @param c         borrowed
/// @param script    borrowed
/// @param function  borrowed
/// @param in_keys   borrowed: n_in names of tensors
/// @param n_in      how many
/// @param out_keys  borrowed: n_out names
/// @param n_out     how many
/// @param err       may be NULL
/// @return as weir_run. Any thread. Local.
WEIR_API WEIR_NODISCARD weir_status weir_run_script(weir_client *c, weir_str script,
                                                    weir_str function,
                                                    const weir_str *in_keys, int n_in,
                                                    const weir_str *out_keys, int n_out,
                                                    weir_error *err);

/* ---- pipelines: several steps in one exchange ------------------------------------------------ */

/// Begin a pipeline: steps that hand tensors to each other under names that live only inside it.
/// @param out  given: to be released with weir_pipeline_free
/// @param err  may be NULL
/// @return WEIR_OK or ERR_NOMEM. Any thread.
WEIR_API WEIR_NODISCARD weir_status weir_pipeline_new(weir_pipeline **out,
                                                      weir_error *err);

/// Release a pipeline.
/// @param p  taken; NULL is allowed. One thread.
WEIR_API void weir_pipeline_free(weir_pipeline *p);

/// Step: bring a stored tensor in.
/// @param p    borrowed, changed
/// @param key  borrowed, copied: its name in the store and in the pipeline
/// @param err  may be NULL
/// @return WEIR_OK, ERR_ARG or ERR_NOMEM. One thread.
WEIR_API WEIR_NODISCARD weir_status weir_pipeline_load(weir_pipeline *p, weir_str key,
                                                       weir_error *err);

/// Step: bring the caller's memory in, without a copy.
/// @param p     borrowed, changed
/// @param name  borrowed, copied
/// @param t     borrowed until the pipeline has run; not modified
/// @param err   may be NULL
/// @return WEIR_OK, ERR_ARG, ERR_DTYPE, ERR_SHAPE or ERR_NOMEM. One thread.
WEIR_API WEIR_NODISCARD weir_status weir_pipeline_tensor(weir_pipeline *p, weir_str name,
                                                         const weir_tensor *t,
                                                         weir_error *err);

/// Step: run a model, or a script's function, on named tensors.
/// @param p         borrowed, changed
/// @param model     borrowed, copied
/// @param function  borrowed, copied; empty for a model
/// @param in        borrowed, copied: n_in names
/// @param n_in      how many
/// @param out       borrowed, copied: n_out names
/// @param n_out     how many
/// @param err       may be NULL
/// @return WEIR_OK, ERR_ARG or ERR_NOMEM. One thread.
WEIR_API WEIR_NODISCARD weir_status weir_pipeline_run(weir_pipeline *p, weir_str model,
                                                      weir_str function,
                                                      const weir_str *in, int n_in,
                                                      const weir_str *out, int n_out,
                                                      weir_error *err);

/// Step: write a named tensor into the caller's memory.
/// @param p     borrowed, changed
/// @param name  borrowed, copied
/// @param into  borrowed until the pipeline has run; its memory is written on success
/// @param err   may be NULL
/// @return WEIR_OK, ERR_ARG or ERR_NOMEM. One thread.
WEIR_API WEIR_NODISCARD weir_status weir_pipeline_get(weir_pipeline *p, weir_str name,
                                                      const weir_tensor *into,
                                                      weir_error *err);

/// Step: keep a named tensor in the store, with the put prefix. All kept tensors appear at once.
/// @param p     borrowed, changed
/// @param name  borrowed, copied: its name in the pipeline and in the store
/// @param err   may be NULL
/// @return WEIR_OK, ERR_ARG or ERR_NOMEM. One thread.
WEIR_API WEIR_NODISCARD weir_status weir_pipeline_keep(weir_pipeline *p, weir_str name,
                                                       weir_error *err);

/// Run a pipeline. It may be run again. On failure nothing is kept and no caller's memory is written.
/// @param c    borrowed
/// @param p    borrowed
/// @param err  may be NULL
/// @return as weir_run; the text names the step. Any thread. Local.
WEIR_API WEIR_NODISCARD weir_status weir_pipeline_exec(weir_client *c, weir_pipeline *p,
                                                       weir_error *err);

/* ---- non-blocking forms ---------------------------------------------------------------------- */

/// Begin a put. Arguments as weir_put; the tensor's memory must not change until completion.
/// @param c    borrowed until completion
/// @param key  borrowed, copied
/// @param t    borrowed; its memory until completion
/// @param req  given: to be ended by weir_wait or weir_request_free
/// @param err  may be NULL: failures known at once; later ones come from weir_wait
/// @return WEIR_OK or as weir_put. Any thread. Local. Does not block.
WEIR_API WEIR_NODISCARD weir_status weir_iput(weir_client *c, weir_str key,
                                              const weir_tensor *t, weir_request **req,
                                              weir_error *err);

/// Begin a get. Arguments as weir_get.
/// @param c     borrowed until completion
/// @param key   borrowed, copied
/// @param into  borrowed; its memory until completion
/// @param req   given
/// @param err   may be NULL
/// @return WEIR_OK or as weir_get. Any thread. Local. Does not block.
WEIR_API WEIR_NODISCARD weir_status weir_iget(weir_client *c, weir_str key,
                                              const weir_tensor *into, weir_request **req,
                                              weir_error *err);

/// Begin an infer. Arguments as weir_infer.
/// @param c      borrowed until completion
/// @param model  borrowed, copied
/// @param in     borrowed; its memory until completion
/// @param n_in   how many
/// @param out    borrowed; its memory until completion
/// @param n_out  how many
/// @param req    given
/// @param err    may be NULL
/// @return WEIR_OK or as weir_infer. Any thread. Local. Does not block.
WEIR_API WEIR_NODISCARD weir_status weir_iinfer(weir_client *c, weir_str model,
                                                const weir_tensor *in, int n_in,
                                                const weir_tensor *out, int n_out,
                                                weir_request **req, weir_error *err);

/// Begin a run from keys to keys. Arguments as weir_run_script; an empty function runs a model.
/// @param c         borrowed until completion
/// @param model     borrowed, copied
/// @param function  borrowed, copied; empty for a model
/// @param in_keys   borrowed, copied
/// @param n_in      how many
/// @param out_keys  borrowed, copied
/// @param n_out     how many
/// @param req       given
/// @param err       may be NULL
/// @return WEIR_OK or as weir_run. Any thread. Local. Does not block.
WEIR_API WEIR_NODISCARD weir_status weir_irun(weir_client *c, weir_str model,
                                              weir_str function, const weir_str *in_keys,
                                              int n_in, const weir_str *out_keys,
                                              int n_out, weir_request **req,
                                              weir_error *err);

/// Begin storing a dataset. It must not change until completion.
/// @param c    borrowed until completion
/// @param ds   borrowed until completion
/// @param req  given
/// @param err  may be NULL
/// @return WEIR_OK or as weir_put_dataset. Any thread. Local. Does not block.
WEIR_API WEIR_NODISCARD weir_status weir_iput_dataset(weir_client *c,
                                                      const weir_dataset *ds,
                                                      weir_request **req,
                                                      weir_error *err);

/// Begin getting a dataset.
/// @param c     borrowed until completion
/// @param name  borrowed, copied
/// @param out   given at completion; the pointer's place is borrowed until then
/// @param req   given
/// @param err   may be NULL
/// @return WEIR_OK or as weir_get_dataset. Any thread. Local. Does not block.
WEIR_API WEIR_NODISCARD weir_status weir_iget_dataset(weir_client *c, weir_str name,
                                                      weir_dataset **out,
                                                      weir_request **req,
                                                      weir_error *err);

/// Begin setting a model from memory: a new version loads while the simulation goes on.
/// @param c      borrowed until completion
/// @param name   borrowed, copied
/// @param bytes  borrowed until completion
/// @param n      bytes
/// @param opt    borrowed, copied; NULL means default
/// @param req    given
/// @param err    may be NULL
/// @return WEIR_OK or as weir_set_model. Any thread. Local. Does not block.
WEIR_API WEIR_NODISCARD weir_status weir_iset_model(weir_client *c, weir_str name,
                                                    const void *bytes, size_t n,
                                                    const weir_model_options *opt,
                                                    weir_request **req, weir_error *err);

/// Begin waiting for a value to exist. Completes with WEIR_OK, or ERR_TIMEOUT at the limit.
/// @param c           borrowed until completion
/// @param kind        what to wait for
/// @param name        borrowed, copied
/// @param timeout_ms  as weir_poll
/// @param req         given
/// @param err         may be NULL
/// @return WEIR_OK or as weir_poll. Any thread. Local. Does not block.
WEIR_API WEIR_NODISCARD weir_status weir_ipoll(weir_client *c, weir_kind kind,
                                               weir_str name, int64_t timeout_ms,
                                               weir_request **req, weir_error *err);

/// Begin a pipeline. It must not change, nor run a second time, until completion.
/// @param c    borrowed until completion
/// @param p    borrowed until completion
/// @param req  given
/// @param err  may be NULL
/// @return WEIR_OK or as weir_pipeline_exec. Any thread. Local. Does not block.
WEIR_API WEIR_NODISCARD weir_status weir_ipipeline_exec(weir_client *c, weir_pipeline *p,
                                                        weir_request **req,
                                                        weir_error *err);

/// Has the request completed? When it has, this is weir_wait.
/// @param req   borrowed; when done, taken and *req set to NULL. NULL counts as done
/// @param done  given
/// @param err   may be NULL: the operation's own error
/// @return WEIR_OK while it runs, then the operation's status. One thread per request.
WEIR_API WEIR_NODISCARD weir_status weir_test(weir_request **req, bool *done,
                                              weir_error *err);

/// Wait for one request and release it.
/// @param req         taken and set to NULL on completion; NULL counts as done
/// @param timeout_ms  at most; negative: until the operation's own deadline. When it passes the
///                    request goes on and may be waited for again
/// @param err         may be NULL
/// @return the operation's status, or ERR_TIMEOUT with *req still set. One thread per request.
WEIR_API WEIR_NODISCARD weir_status weir_wait(weir_request **req, int64_t timeout_ms,
                                              weir_error *err);

/// Wait for one of several requests and release it.
/// @param reqs        borrowed: n requests; the one that ended is set to NULL; NULLs are passed over
/// @param n           how many
/// @param timeout_ms  as weir_wait
/// @param which       given: index of the one that ended, -1 when all were NULL or time passed
/// @param err         may be NULL
/// @return that request's status, or ERR_TIMEOUT. One thread per request.
WEIR_API WEIR_NODISCARD weir_status weir_wait_any(weir_request **reqs, int n,
                                                  int64_t timeout_ms, int *which,
                                                  weir_error *err);

/// Wait for all requests and release them.
/// @param reqs        borrowed: n requests, set to NULL as they end
/// @param n           how many
/// @param timeout_ms  for all together, as weir_wait
/// @param err         may be NULL: of the first one, by index, that failed
/// @return the first failure by index, or WEIR_OK; ERR_TIMEOUT leaves unended ones set. One thread per
///         request.
WEIR_API WEIR_NODISCARD weir_status weir_wait_all(weir_request **reqs, int n,
                                                  int64_t timeout_ms, weir_error *err);

/// Give up interest in a request: waits until its memory is free of Weir, drops the result.
/// @param req  taken; NULL is allowed. One thread per request.
WEIR_API void weir_request_free(weir_request *req);

/* ---- statistics and introspection ------------------------------------------------------------ */

/// One statistic: `{"put.copied_bytes", "bytes", "bytes copied by put", 65536}`.
typedef struct weir_stat {
    const char *name;        ///< static: dotted, stable
    const char *unit;        ///< static: "bytes", "1", "s"
    const char *description; ///< static
    double value;
} weir_stat;

/// Read the named statistics of the client's store: what each verb did, how many bytes it copied,
/// what the store holds, what was dropped.
/// @param c    borrowed
/// @param out  given: up to n entries; may be NULL when n is 0
/// @param n    room at out
/// @return how many there are, whatever n is. Any thread.
WEIR_API size_t weir_client_statistics(const weir_client *c, weir_stat *out, size_t n);

/// One statistic by name.
/// @param c      borrowed
/// @param name   borrowed, such as "put.copies"
/// @param value  given
/// @param err    may be NULL
/// @return WEIR_OK, ERR_ARG or ERR_KEY. Any thread.
WEIR_API WEIR_NODISCARD weir_status weir_client_statistic(const weir_client *c,
                                                          weir_str name, double *value,
                                                          weir_error *err);

/// A backend that this process can or can't use.
typedef struct weir_backend_info {
    char name[16];    ///< "onnx"
    bool present;     ///< it can load models
    char version[64]; ///< of its library, when present
    char path[256];   ///< of the shared object, when found
    char hint[256];   ///< when absent: why, and what to install
} weir_backend_info;

/// List the backends that Weir knows, loading each to see (torch may take half a second).
/// @param c    borrowed: in its process or server; NULL looks with default options in this process
/// @param out  given: up to n entries
/// @param n    room at out
/// @return how many there are. Any thread.
WEIR_API size_t weir_backends(weir_client *c, weir_backend_info *out, size_t n);

/// Who answers a client.
typedef struct weir_server_info {
    char address[256]; ///< "host:port" or a socket's path; empty for embedded:
    char kind[32];     ///< "redis", "valkey", "embedded"; empty where it does not say
    char version[32];  ///< the server's own
    char weir[32];     ///< of Weir there
} weir_server_info;

/// List the servers that hold the client's data: one, or a cluster's primaries, as far as they answer.
/// @param c    borrowed
/// @param out  given: up to n entries
/// @param n    room at out
/// @return how many answered, whatever n is. Any thread.
WEIR_API size_t weir_servers(weir_client *c, weir_server_info *out, size_t n);

#ifdef __cplusplus
}
#endif
#endif
