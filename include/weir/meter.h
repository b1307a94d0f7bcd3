/* SPDX-License-Identifier: BSD-3-Clause */
/// @file weir/meter.h
/// Measuring a program from inside: timers that nest, counters, histograms, a trace; statistics over
/// them, over threads and over MPI ranks; text, CSV, JSON and Chrome-trace output.
///
///     weir_meter *m = NULL;
///     weir_meter_new(&m, NULL, &err);
///     weir_meter_start(m, WEIR_METER_BATCH);
///     ...
///     weir_meter_stop(m, WEIR_METER_BATCH);
///     weir_meter_write(m, WEIR_METER_JSON, WEIR_STR("run.json"), &err);
///
/// Keys. A key is a small number for a named series of values. Seven timers are always there (those
/// of Deep500); weir_meter_key makes more. One name is one key of one kind.
///
/// Nesting. Regions of different keys may nest and overlap freely; the parent of a region is the
/// region started last among those open when it starts. A key that is open can't be started again.
///
/// Off. Every function that records does nothing, and returns WEIR_OK, on a NULL meter: a program
/// keeps its calls and decides at its start.
///
/// Threads. A meter serves one thread at a time, and takes no lock: give each thread its own and join
/// them with weir_meter_merge when the threads are done. Different meters are independent.
///
/// Cost. A start and stop together take less than 50 ns where the processor's cycle counter is the
/// system's clock source; elsewhere two reads of the monotonic clock. Recording never fails for want
/// of memory: what could not be kept is counted (`n_dropped`).
///
/// Only weir_meter_reduce is collective; everything else is local. Nothing blocks but on files.
#ifndef WEIR_METER_H
#define WEIR_METER_H

#include "weir/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct weir_meter weir_meter;
typedef struct weir_meter_summary weir_meter_summary;

// clang-format off: one line per timer that every meter has; new ones go to the end.
#define WEIR_METER_MAP(X)                                                                \
    X(EPOCH, "one pass over the data, or one run")                                       \
    X(BATCH, "one batch, or one time step")                                              \
    X(FORWARD, "forward pass, or inference")                                             \
    X(BACKWARD, "backward pass")                                                         \
    X(COMM, "communication")                                                             \
    X(IO, "reading and writing")                                                         \
    X(OTHER, "anything else")

/// The keys that every meter has; weir_meter_key continues from WEIR_METER_BUILTIN_COUNT.
enum {
#define X(name, text) WEIR_METER_##name,
    WEIR_METER_MAP(X)
#undef X
        WEIR_METER_BUILTIN_COUNT
};
// clang-format on

enum {
    WEIR_METER_NAME_MAX = 127, ///< bytes of a key's name
    WEIR_METER_UNIT_MAX = 31,  ///< bytes of a unit
    WEIR_METER_KEYS_MAX = 4096 ///< keys of one meter
};

/// What a key's values are.
typedef enum weir_meter_kind {
    WEIR_METER_TIMER = 0, ///< durations in seconds
    WEIR_METER_COUNTER, ///< amounts that add up, none negative; values themselves are not kept
    WEIR_METER_HISTOGRAM, ///< any finite values, whose distribution matters
    WEIR_METER_KIND_COUNT
} weir_meter_kind;

/// What happens to each value.
typedef enum weir_meter_mode {
    WEIR_METER_FULL =
        0, ///< kept, up to `samples_max` per key: percentiles are exact until then
    WEIR_METER_STREAM ///< not kept: constant memory, percentiles within 0.4 %
} weir_meter_mode;

/// The clock that timers read.
typedef enum weir_meter_clock {
    WEIR_METER_CLOCK_BEST =
        0, ///< CYCLES where the system itself trusts it, else MONOTONIC
    WEIR_METER_CLOCK_MONOTONIC, ///< CLOCK_MONOTONIC
    WEIR_METER_CLOCK_CYCLES ///< the processor's counter (x86 TSC); ERR_UNSUPPORTED if unfit
} weir_meter_clock;

/// How to make a meter. All zero means default.
typedef struct weir_meter_options {
    size_t struct_bytes;  ///< sizeof(weir_meter_options); 0: all else is default
    weir_meter_mode mode; ///< keep values or stream them
    /// FULL: values kept per key (8 bytes each); 0: 1,048,576. Later values still enter all
    /// statistics; percentiles are then as in STREAM.
    size_t samples_max;
    uint64_t skip_first;    ///< values per key that `mean_rest` leaves out (warm-up)
    weir_meter_clock clock; ///< which clock
    bool trace;             ///< record each region for WEIR_METER_TRACE
    size_t trace_max; ///< regions held (32 bytes each); 0: 65,536. Full: the oldest go
    int rank;         ///< shown in outputs; `pid` of the trace
    int thread;       ///< shown in outputs; `tid` of the trace
} weir_meter_options;

/// Make a meter with the seven timers. The first one of a process compares the processor's counter
/// with the system's clock for 5 ms.
/// @param out  given: to be released with weir_meter_free
/// @param opt  borrowed; NULL means default
/// @param err  may be NULL
/// @return WEIR_OK, ERR_ARG, ERR_NOMEM or ERR_UNSUPPORTED. Any thread.
WEIR_API WEIR_NODISCARD weir_status weir_meter_new(weir_meter **out,
                                                   const weir_meter_options *opt,
                                                   weir_error *err);

/// Release a meter and all it recorded.
/// @param m  taken; NULL is allowed. One thread.
WEIR_API void weir_meter_free(weir_meter *m);

/* ---- keys --------------------------------------------------------------------------------- */

/// The key of a name, made if it is not there. Asking again for the same name and kind gives the
/// same key, and leaves unit and description as they were.
/// @param m            borrowed, changed; NULL is allowed (key becomes 0)
/// @param kind         of its values
/// @param name         borrowed, copied; 1 .. WEIR_METER_NAME_MAX bytes, no control characters
/// @param unit         borrowed, copied; as "bytes"; empty: "s" for a timer, "1" for others. A
///                     timer's unit is "s"
/// @param description  borrowed, copied; one sentence for people; may be empty
/// @param key          given: the key
/// @param err          may be NULL
/// @return WEIR_OK, ERR_ARG, ERR_KIND (the name has another kind), ERR_FULL or ERR_NOMEM. One thread.
WEIR_API WEIR_NODISCARD weir_status weir_meter_key(weir_meter *m, weir_meter_kind kind,
                                                   weir_str name, weir_str unit,
                                                   weir_str description, int *key,
                                                   weir_error *err);

/// What a key is.
typedef struct weir_meter_key_info {
    weir_str name;        ///< borrowed from the meter, NUL-terminated
    weir_str unit;        ///< likewise
    weir_str description; ///< likewise
    weir_meter_kind kind;
    bool is_open; ///< started and not yet stopped
} weir_meter_key_info;

/// Number of keys, the seven included: keys are 0 .. n-1.
/// @param m  borrowed; NULL gives 0
/// @return the count. One thread.
WEIR_API int weir_meter_n_keys(const weir_meter *m);

/// What the key is.
/// @param m    borrowed
/// @param key  0 .. n-1
/// @param out  given: borrows from m while m lives
/// @return false when there is no such key. One thread.
WEIR_API bool weir_meter_key_at(const weir_meter *m, int key, weir_meter_key_info *out);

/* ---- recording ---------------------------------------------------------------------------- */
/* The status may be ignored: what was refused is counted (weir_meter_n_refused) and every output
 * says so. */

/// Open a region.
/// @param m    borrowed, changed; NULL is allowed
/// @param key  a timer that is not open
/// @return WEIR_OK, ERR_ARG (no such timer) or ERR_BUSY (open already). One thread.
WEIR_API weir_status weir_meter_start(weir_meter *m, int key);

/// Close a region: its duration becomes a value of the key.
/// @param m    borrowed, changed; NULL is allowed
/// @param key  a timer that is open; it need not be the one opened last
/// @return WEIR_OK or ERR_ARG (no such timer, or not open). One thread.
WEIR_API weir_status weir_meter_stop(weir_meter *m, int key);

/// Record a value: an amount of a counter, a value of a histogram, or a duration in seconds that was
/// measured otherwise (on a device, say) of a timer. A duration counts in the tree under the
/// innermost open region; it has no place in the trace.
/// @param m      borrowed, changed; NULL is allowed
/// @param key    any key
/// @param value  finite; not negative unless the key is a histogram
/// @return WEIR_OK or ERR_ARG. One thread.
WEIR_API weir_status weir_meter_add(weir_meter *m, int key, double value);

/// Calls of start, stop and add that were refused so far.
/// @param m  borrowed; NULL gives 0
/// @return the count. One thread.
WEIR_API uint64_t weir_meter_n_refused(const weir_meter *m);

/// Forget all values, regions of the trace and refusals; keys stay, open regions stay open.
/// @param m  borrowed, changed; NULL is allowed. One thread.
WEIR_API void weir_meter_reset(weir_meter *m);

/* ---- reading ------------------------------------------------------------------------------ */

/// The statistics of one key, in its unit. Definitions are NumPy's: percentiles interpolate linearly
/// between neighbours, the deviation divides by n-1 and is 0 with fewer than two values. With no
/// value everything is 0. An open region does not count yet.
typedef struct weir_meter_stats {
    uint64_t n;           ///< values
    double sum;           ///< of all values
    double min, max;      ///< exact in either mode
    double mean;          ///< exact
    double median;        ///< exact when `exact`, else within 0.4 % of its two neighbours
    double stdev;         ///< sample deviation, exact
    double p05, p95, p99; ///< percentiles, as `median`
    double first;         ///< the first value, which often holds the warm-up
    double mean_rest;   ///< mean without the first `n_skipped` values; 0 if none is left
    uint64_t n_skipped; ///< skip_first, or n if less; added up over merged meters
    /// 95 % confidence interval of the median, from order statistics (no distribution is
    /// assumed); with fewer than 6 values it is min .. max.
    double ci95_low, ci95_high;
    uint64_t n_kept;    ///< values that weir_meter_samples gives
    uint64_t n_dropped; ///< values that percentiles miss, for want of memory
    bool exact;         ///< percentiles come from all values themselves
} weir_meter_stats;

/// The statistics of one key so far.
/// @param m    borrowed; its values are not changed
/// @param key  any key
/// @param out  given; owns nothing
/// @param err  may be NULL
/// @return WEIR_OK, ERR_ARG or ERR_NOMEM. One thread.
WEIR_API WEIR_NODISCARD weir_status weir_meter_read(weir_meter *m, int key,
                                                    weir_meter_stats *out,
                                                    weir_error *err);

/// The values that were kept, in the order in which they came.
/// @param m    borrowed
/// @param key  any key
/// @param n    given: how many; 0 for a counter and in STREAM mode
/// @return the values, borrowed until m is next changed; NULL when n is 0. One thread.
WEIR_API const double *weir_meter_samples(weir_meter *m, int key, size_t *n);

/// How many values lie between edges, as numpy.histogram counts: bin i has edge[i] <= x < edge[i+1],
/// the last one includes its upper edge; values outside are not counted. When percentiles are not
/// exact, a value may be counted in the neighbouring bin if it is within 0.4 % of the edge.
/// @param m        borrowed
/// @param key      any key but a counter
/// @param edge     borrowed: n_edges of them, finite and rising
/// @param n_edges  2 or more
/// @param count    given: n_edges - 1 counts
/// @param err      may be NULL
/// @return WEIR_OK or ERR_ARG. One thread.
WEIR_API WEIR_NODISCARD weir_status weir_meter_histogram(weir_meter *m, int key,
                                                         const double *edge,
                                                         size_t n_edges, uint64_t *count,
                                                         weir_error *err);

/// One place in the tree of regions: a key under a path of parents.
typedef struct weir_meter_node {
    int key;        ///< the timer
    int parent;     ///< index of the parent's node, less than its own; -1 at the top
    uint64_t n;     ///< regions closed here
    double seconds; ///< their durations, children included
} weir_meter_node;

/// Number of nodes of the tree of regions; a parent's index is always below its children's.
/// @param m  borrowed; NULL gives 0
/// @return the count. One thread.
WEIR_API size_t weir_meter_n_nodes(const weir_meter *m);

/// One node of the tree.
/// @param m    borrowed
/// @param i    0 .. n-1
/// @param out  given; owns nothing
/// @return false when i is out of range. One thread.
WEIR_API bool weir_meter_node_at(const weir_meter *m, size_t i, weir_meter_node *out);

/* ---- joining ------------------------------------------------------------------------------ */

/// Add what `from` recorded to `into`, by name of key; keys that `into` lacks are made. Open regions
/// of `from` do not count. `from` keeps what it has: merge it once.
/// @param into  borrowed, changed
/// @param from  borrowed, not changed; its thread must be done with it
/// @param err   may be NULL
/// @return WEIR_OK, ERR_ARG (same meter), ERR_KIND (a name has two kinds or units), ERR_FULL or
///         ERR_NOMEM; on failure `into` is as before. One thread.
WEIR_API WEIR_NODISCARD weir_status weir_meter_merge(weir_meter *into, weir_meter *from,
                                                     weir_error *err);

/// How ranks talk, given by the caller, so that Weir links no MPI: weir/meter_mpi.h makes one for
/// MPI. All zero is a program of one rank.
typedef struct weir_meter_comm {
    void *ctx; ///< handed to the functions
    int rank;  ///< 0 .. size-1
    int size;  ///< ranks; 0 means 1, and then the functions may be NULL

    /// Collective. Rank r's `n` bytes at `send` arrive at recv + r * n on rank 0; `recv` is NULL on
    /// the others. Returns 0, or a number for the message.
    int (*gather)(void *ctx, const void *send, size_t n, void *recv);

    /// Collective. Rank 0's `n` bytes at `data` arrive at `data` on all. Returns 0, or a number.
    int (*bcast)(void *ctx, void *data, size_t n);
} weir_meter_comm;

/// One key over the ranks that have values of it.
typedef struct weir_meter_total {
    char name[WEIR_METER_NAME_MAX + 1]; ///< NUL-terminated
    char unit[WEIR_METER_UNIT_MAX + 1]; ///< NUL-terminated
    weir_meter_kind kind;
    int n_ranks;      ///< ranks that have values
    uint64_t n;       ///< values of all ranks
    double sum;       ///< over all ranks
    double sum_min;   ///< smallest sum of a rank
    double sum_mean;  ///< mean over these ranks
    double sum_max;   ///< largest sum of a rank
    double imbalance; ///< sum_max / sum_mean; 1 is balanced, also when sum_mean is 0
    int rank_min;     ///< lowest rank that has sum_min
    int rank_max;     ///< lowest rank that has sum_max
    double mean_min;  ///< smallest mean of a rank
    double mean_mean; ///< mean over these ranks of their means
    double mean_max;  ///< largest mean of a rank
    double min, max;  ///< smallest and largest value of any rank
} weir_meter_total;

/// Join the statistics of all ranks. Keys are matched by name; ranks may have different ones.
/// Collective over `comm`: all ranks or none, in the same order. Every rank gets the same totals, but
/// sums by rank are on rank 0 only. When it fails on one rank for want of memory, or because a name
/// has different kinds or units, it fails on all (the copy of the result itself excepted).
/// @param m     borrowed; its values are not changed; NULL is a rank without values
/// @param comm  borrowed; NULL is a program of one rank
/// @param out   given: to be released with weir_meter_summary_free
/// @param err   may be NULL
/// @return WEIR_OK, ERR_ARG, ERR_KIND, ERR_NOMEM or ERR_IO (a function of comm failed). One thread.
///         Blocks until all ranks came.
WEIR_API WEIR_NODISCARD weir_status weir_meter_reduce(weir_meter *m,
                                                      const weir_meter_comm *comm,
                                                      weir_meter_summary **out,
                                                      weir_error *err);

/// Release a summary. Local.
/// @param s  taken; NULL is allowed. One thread.
WEIR_API void weir_meter_summary_free(weir_meter_summary *s);

/// Number of keys with values on any rank. Local.
/// @param s  borrowed
/// @return the count. Any thread.
WEIR_API size_t weir_meter_summary_n(const weir_meter_summary *s);

/// Number of ranks that were joined. Local.
/// @param s  borrowed
/// @return the count. Any thread.
WEIR_API int weir_meter_summary_ranks(const weir_meter_summary *s);

/// The totals of one key; keys are sorted by name, byte by byte. Local.
/// @param s  borrowed
/// @param i  0 .. n-1
/// @return borrowed from s; NULL when i is out of range. Any thread.
WEIR_API const weir_meter_total *weir_meter_summary_at(const weir_meter_summary *s,
                                                       size_t i);

/// The sum of one key on each rank, 0 where it has no value. Local.
/// @param s  borrowed
/// @param i  0 .. n-1
/// @return as many numbers as there are ranks, borrowed from s; NULL but on rank 0. Any thread.
WEIR_API const double *weir_meter_summary_by_rank(const weir_meter_summary *s, size_t i);

/* ---- output ------------------------------------------------------------------------------- */

/// What to write. All are UTF-8, numbers have a decimal point whatever the locale.
typedef enum weir_meter_format {
    WEIR_METER_TEXT = 0, ///< Deep500's: per key its name and five statistics; then "---"
    WEIR_METER_CSV,      ///< a line per key with all statistics, below a header line
    WEIR_METER_JSON, ///< one object: all statistics, the tree, what was left open or refused
    WEIR_METER_TRACE, ///< Chrome's trace events ("X"), for chrome://tracing and Perfetto
    WEIR_METER_FORMAT_COUNT
} weir_meter_format;

/// Write into memory. A meter without values gives an empty list, no error.
/// @param m       borrowed; its values are not changed
/// @param format  any; TRACE is empty when the meter does not trace
/// @param out     given: text with a NUL behind it, to be released with weir_meter_text_free
/// @param n       given: its bytes without the NUL; may be NULL
/// @param err     may be NULL
/// @return WEIR_OK, ERR_ARG or ERR_NOMEM. One thread.
WEIR_API WEIR_NODISCARD weir_status weir_meter_print(weir_meter *m,
                                                     weir_meter_format format, char **out,
                                                     size_t *n, weir_error *err);

/// Write a file: all of it appears at once under `path`, or nothing.
/// @param m       borrowed; its values are not changed
/// @param format  any
/// @param path    borrowed; must not exist yet
/// @param err     may be NULL
/// @return WEIR_OK, ERR_ARG, ERR_NOMEM, ERR_EXISTS or ERR_IO. One thread. Blocks on the file.
WEIR_API WEIR_NODISCARD weir_status weir_meter_write(weir_meter *m,
                                                     weir_meter_format format,
                                                     weir_str path, weir_error *err);

/// Write a summary into memory. Local.
/// @param s       borrowed
/// @param format  TEXT (a table for people), CSV or JSON (with sums by rank on rank 0)
/// @param out     given: as weir_meter_print
/// @param n       given: as weir_meter_print; may be NULL
/// @param err     may be NULL
/// @return WEIR_OK, ERR_ARG, ERR_UNSUPPORTED (TRACE) or ERR_NOMEM. Any thread.
WEIR_API WEIR_NODISCARD weir_status weir_meter_summary_print(const weir_meter_summary *s,
                                                             weir_meter_format format,
                                                             char **out, size_t *n,
                                                             weir_error *err);

/// Write a summary to a file, as weir_meter_write. Local: usually rank 0 alone does it.
/// @param s       borrowed
/// @param format  TEXT, CSV or JSON
/// @param path    borrowed; must not exist yet
/// @param err     may be NULL
/// @return WEIR_OK, ERR_ARG, ERR_UNSUPPORTED, ERR_NOMEM, ERR_EXISTS or ERR_IO. Any thread. Blocks on
///         the file.
WEIR_API WEIR_NODISCARD weir_status weir_meter_summary_write(const weir_meter_summary *s,
                                                             weir_meter_format format,
                                                             weir_str path,
                                                             weir_error *err);

/// Release text of weir_meter_print or weir_meter_summary_print.
/// @param text  taken; NULL is allowed. Any thread.
WEIR_API void weir_meter_text_free(char *text);

#ifdef __cplusplus
}
#endif
#endif
