/* SPDX-License-Identifier: BSD-3-Clause */
/// @file weir/model.h
/// Describing models: how one is to be run, what it wants and gives, and what it has cost.
#ifndef WEIR_MODEL_H
#define WEIR_MODEL_H

#include "weir/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    WEIR_IO_MAX = 32 ///< inputs or outputs of a model
};

/// What to do with a value outside a guard's range, or not finite.
typedef enum weir_guard_mode {
    WEIR_GUARD_COUNT = 0, ///< let it pass and count it in the statistics (the default)
    WEIR_GUARD_OFF,       ///< don't look
    WEIR_GUARD_FAIL,      ///< the call fails with ERR_GUARD; outputs are untouched
    WEIR_GUARD_CLAMP, ///< outputs only: into [low, high]; not-a-number becomes `fallback`
    WEIR_GUARD_FALLBACK ///< outputs only: each bad value becomes `fallback`
} weir_guard_mode;

/// A guard on floating-point values that enter or leave a model. All zero: count what isn't finite.
typedef struct weir_guard {
    weir_guard_mode mode;
    bool ranged;     ///< also hold values against low and high
    double low;      ///< smallest good value, in the tensor's unit
    double high;     ///< largest good value
    double fallback; ///< what replaces a bad value (CLAMP: a not-a-number only)
} weir_guard;

/// How a model is to be loaded and run. All zero means default.
typedef struct weir_model_options {
    size_t struct_bytes; ///< sizeof(weir_model_options); 0: all else is default
    weir_str backend;    ///< "onnx", "torch", "mock"; empty: told from the first bytes
    weir_device device;  ///< zero: host
    weir_str tag;        ///< free text that comes back in weir_model_info
    int64_t version;     ///< 0: one more than the newest
    int64_t batch_max;   ///< rows gathered into one run; 1: never gather; 0: what warm-up
                         ///< finds worth it (none without it, deterministic or dependent,
                         ///< or where shapes aren't known: there a number says that rows
                         ///< are independent)
    int64_t batch_min;   ///< wait until so many rows are queued; only to reach it may a
                         ///< run exceed batch_max ..
    int64_t batch_wait_ms; ///< .. but no longer; 0 waits only while the device is busy
    int threads; ///< compute threads of one run; 0 means 1. Never over the affinity mask
    bool rows_dependent;    ///< rows influence each other: never gather, never split
    bool deterministic;     ///< run exactly the shapes asked for, whatever else runs
    bool no_warm_up;        ///< load only; the first call pays
    int64_t block_rows;     ///< rows of one run of a large batch; 0: warm-up finds them
    weir_guard input;       ///< guard on inputs
    weir_guard output;      ///< guard on outputs
    const weir_str *inputs; ///< names, where the format does not carry them (TensorFlow)
    int n_inputs;
    const weir_str *outputs;
    int n_outputs;
    const weir_str
        *functions; ///< scripts: entry points, called with (List[Tensor] inputs,
                    ///< List[str] keys, List[str] args); loading checks them
    int n_functions;
} weir_model_options;

enum { WEIR_IO_NAME_MAX = 128 };

/// One input or output of a model. An extent of -1 is free (a batch, say); rank -1: unknown,
/// and the type a guess (TorchScript does not carry them).
typedef struct weir_io {
    char name[WEIR_IO_NAME_MAX]; ///< NUL-terminated, cut if longer
    weir_dtype dtype;
    int rank;
    int64_t shape[WEIR_RANK_MAX];
} weir_io;

/// What a model is. Filled by weir_model_info; owns nothing.
typedef struct weir_model_info {
    char backend[16];   ///< "onnx"
    char tag[64];       ///< cut if longer
    weir_device device; ///< where it runs
    int64_t version;    ///< of the model that answers now
    bool is_script;  ///< TorchScript source: inputs and outputs are not known beforehand
    int n_in, n_out; ///< used entries of in, out
    weir_io in[WEIR_IO_MAX];
    weir_io out[WEIR_IO_MAX];
    size_t file_bytes;    ///< size of the model as it was given
    int64_t n_parameters; ///< numbers it holds; -1 when the backend can't tell
    bool writes_inputs;   ///< it changes its input, so Weir hands it copies
    int64_t block_rows;   ///< rows per run found in warm-up; 0: batches are not split
    double warm_up_s;     ///< seconds that loading's warm-up took
} weir_model_info;

enum { WEIR_BATCH_BINS = 16 };

/// What a model has done since it was set or its statistics were reset. Times in seconds.
typedef struct weir_model_stats {
    uint64_t n_calls;  ///< infer and run calls, failed ones too
    uint64_t n_errors; ///< calls that failed
    uint64_t n_rows;   ///< rows (extent of the first dimension) that went through
    uint64_t n_runs;   ///< runs of the backend: fewer than calls gathered, more if split
    uint64_t n_gathered; ///< calls that shared a run with another
    uint64_t n_inline;   ///< calls that ran at once on the calling thread
    /// Runs by rows: bin i counts 2^i .. 2^(i+1)-1, the last is open.
    uint64_t batch[WEIR_BATCH_BINS];
    double queue_s;        ///< waiting for the device, summed over calls
    double run_s;          ///< inside the backend, summed over runs
    double run_max_s;      ///< longest run
    uint64_t n_copies;     ///< tensors copied on the way in or out
    uint64_t copied_bytes; ///< bytes of these
    uint64_t in_bytes;     ///< bytes of all inputs
    uint64_t out_bytes;    ///< bytes of all outputs
    uint64_t n_bad_in;     ///< values that the input guard found
    uint64_t n_bad_out;    ///< values that the output guard found
    uint64_t n_timeouts;   ///< calls whose deadline passed
} weir_model_stats;

#ifdef __cplusplus
}
#endif
#endif
