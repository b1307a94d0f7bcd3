/* SPDX-License-Identifier: BSD-3-Clause */
/// @file weir/tensor.h
/// Describing arrays. A `weir_tensor` is a *view*: it borrows memory and owns nothing, lives on the
/// stack, is copied by `=` and needs no free. Owning memory is `weir_buffer`'s job.
///
/// An array is a base, an element type, a shape and byte strides. Fortran order is strides, a slice
/// is strides; there is no layout flag and no transpose function.
#ifndef WEIR_TENSOR_H
#define WEIR_TENSOR_H

#include "weir/status.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    WEIR_RANK_MAX = 15, ///< dimensions of a tensor (Fortran's limit)
    WEIR_ALIGN = 64     ///< bytes: alignment of every buffer that Weir allocates
};

// clang-format off: one line per element type; adding a type is adding a line (values are ABI).
/* name, bytes, DLPack code, DLPack bits, name on the wire and in messages */
#define WEIR_DTYPE_MAP(X)                                                                \
    X(F32, 4, 2, 32, "FLOAT")                                                            \
    X(F64, 8, 2, 64, "DOUBLE")                                                           \
    X(I8, 1, 0, 8, "INT8")                                                               \
    X(I16, 2, 0, 16, "INT16")                                                            \
    X(I32, 4, 0, 32, "INT32")                                                            \
    X(I64, 8, 0, 64, "INT64")                                                            \
    X(U8, 1, 1, 8, "UINT8")                                                              \
    X(U16, 2, 1, 16, "UINT16")                                                           \
    X(U32, 4, 1, 32, "UINT32")                                                           \
    X(U64, 8, 1, 64, "UINT64")                                                           \
    X(F16, 2, 2, 16, "FLOAT16")                                                          \
    X(BF16, 2, 4, 16, "BFLOAT16")                                                        \
    X(BOOL, 1, 6, 8, "BOOL")                                                             \
    X(STRING, sizeof(weir_str), 255, 128, "STRING")
typedef enum weir_dtype {
#define X(name, ...) WEIR_##name,
    WEIR_DTYPE_MAP(X)
#undef X
        WEIR_DTYPE_COUNT
} weir_dtype;
// clang-format on

/// Where memory lies. Values are DLPack's device types.
typedef enum weir_device_kind {
    WEIR_CPU = 1,  ///< host memory
    WEIR_CUDA = 2, ///< NVIDIA GPU `index`
    WEIR_ROCM = 10 ///< AMD GPU `index`
} weir_device_kind;

/// A device; all zero means the host.
typedef struct weir_device {
    weir_device_kind kind; ///< 0 is read as WEIR_CPU
    int index;             ///< GPU number, 0 for the host
} weir_device;

/// A view of an n-dimensional array. An element of type WEIR_STRING is a `weir_str`.
typedef struct weir_tensor {
    void *data;                   ///< first element; a device address on a device
    weir_dtype dtype;             ///< element type
    int rank;                     ///< 0 (one scalar) .. WEIR_RANK_MAX
    int64_t shape[WEIR_RANK_MAX]; ///< in elements, slowest dimension first; 0 is allowed
    int64_t stride
        [WEIR_RANK_MAX]; ///< in BYTES, may be negative or 0 (DLPack counts elements)
    weir_device device;  ///< zero: host
} weir_tensor;

/// Bytes of one element.
/// @param t  an element type
/// @return bytes, 0 for a value that is no type. Any thread.
WEIR_API size_t weir_dtype_bytes(weir_dtype t);

/// The wire name of an element type, such as "FLOAT".
/// @param t  an element type
/// @return static text, "?" for a value that is no type. Any thread.
WEIR_API const char *weir_dtype_name(weir_dtype t);

/// The element type of a wire name, upper or lower case.
/// @param name  borrowed
/// @param out   given: the type; untouched on failure
/// @return WEIR_OK or ERR_DTYPE. Any thread.
WEIR_API WEIR_NODISCARD weir_status weir_dtype_parse(weir_str name, weir_dtype *out);

/// Fill a view of contiguous memory, last dimension fastest (C order).
/// @param t      given: filled; its memory is borrowed from `data`
/// @param data   borrowed by the view for as long as it is used; may be NULL for "no memory yet"
/// @param dtype  element type
/// @param rank   0 .. WEIR_RANK_MAX
/// @param shape  borrowed during the call, `rank` extents; NULL when rank is 0
/// @param err    may be NULL
/// @return WEIR_OK, ERR_ARG, ERR_DTYPE or ERR_SHAPE (negative extent, product overflows). Any thread.
WEIR_API WEIR_NODISCARD weir_status weir_tensor_init(weir_tensor *t, void *data,
                                                     weir_dtype dtype, int rank,
                                                     const int64_t *shape,
                                                     weir_error *err);

/// The same for first dimension fastest (Fortran order): element [i,j,..] keeps its indices.
/// @param t      given: filled; its memory is borrowed from `data`
/// @param data   borrowed by the view for as long as it is used; may be NULL
/// @param dtype  element type
/// @param rank   0 .. WEIR_RANK_MAX
/// @param shape  borrowed during the call, `rank` extents; NULL when rank is 0
/// @param err    may be NULL
/// @return as weir_tensor_init. Any thread.
WEIR_API WEIR_NODISCARD weir_status weir_tensor_init_fortran(weir_tensor *t, void *data,
                                                             weir_dtype dtype, int rank,
                                                             const int64_t *shape,
                                                             weir_error *err);

/// Is this view well-formed: known type, rank in range, extents >= 0, product and reach of the
/// strides representable, memory present unless it has no elements?
/// @param t    borrowed; NULL is ERR_ARG
/// @param err  may be NULL
/// @return WEIR_OK, ERR_ARG, ERR_DTYPE or ERR_SHAPE. Any thread.
WEIR_API WEIR_NODISCARD weir_status weir_tensor_check(const weir_tensor *t,
                                                      weir_error *err);

/// Number of elements of a checked view: the product of its extents, 1 for rank 0.
/// @param t  borrowed, well-formed
/// @return elements. Any thread.
WEIR_API size_t weir_tensor_count(const weir_tensor *t);

/// Bytes of the elements of a checked view, packed. For WEIR_STRING the bytes of the `weir_str`s.
/// @param t  borrowed, well-formed
/// @return bytes. Any thread.
WEIR_API size_t weir_tensor_bytes(const weir_tensor *t);

/// Are the elements contiguous in C order (extents of 1 don't matter)?
/// @param t  borrowed, well-formed
/// @return true for C order. Any thread.
WEIR_API bool weir_tensor_is_contiguous(const weir_tensor *t);

/// Copy elements between two views of one element type and shape, any strides on both sides, at
/// memory speed (blocked where orders differ). The views must not overlap.
/// @param to    borrowed; its memory is written
/// @param from  borrowed, not modified
/// @param err   may be NULL
/// @return WEIR_OK, ERR_ARG, ERR_DTYPE, ERR_SHAPE or ERR_UNSUPPORTED (device memory). Any thread.
WEIR_API WEIR_NODISCARD weir_status weir_tensor_copy(const weir_tensor *to,
                                                     const weir_tensor *from,
                                                     weir_error *err);

/// Write "FLOAT[3,4]" for messages.
/// @param t    borrowed
/// @param buf  given: filled, always NUL-terminated
/// @param n    bytes at buf
/// @return buf. Any thread.
WEIR_API const char *weir_tensor_text(const weir_tensor *t, char *buf, size_t n);

/// Owned, reference-counted memory of one tensor, C order, WEIR_ALIGN-aligned. Its pages are kept
/// and reused after the last unref (weir_memory_trim gives them back). Once stored under a key a
/// buffer is read-only for everybody.
typedef struct weir_buffer weir_buffer;

/// Allocate a buffer. Contents are undefined. WEIR_STRING elements start empty.
/// @param out    given: one reference, to be released with weir_buffer_unref
/// @param dtype  element type
/// @param rank   0 .. WEIR_RANK_MAX
/// @param shape  borrowed during the call
/// @param err    may be NULL
/// @return WEIR_OK, ERR_ARG, ERR_DTYPE, ERR_SHAPE or ERR_NOMEM. Any thread.
WEIR_API WEIR_NODISCARD weir_status weir_buffer_new(weir_buffer **out, weir_dtype dtype,
                                                    int rank, const int64_t *shape,
                                                    weir_error *err);

/// A buffer that holds a packed copy of a host view. WEIR_STRING copies the characters too.
/// @param out   given: one reference
/// @param from  borrowed, any strides, not modified
/// @param err   may be NULL
/// @return WEIR_OK, ERR_ARG, ERR_DTYPE, ERR_SHAPE, ERR_NOMEM or ERR_UNSUPPORTED. Any thread.
WEIR_API WEIR_NODISCARD weir_status weir_buffer_from(weir_buffer **out,
                                                     const weir_tensor *from,
                                                     weir_error *err);

/// A buffer around memory of someone else (a slab, another library). No copy.
/// @param out      given: one reference
/// @param view     borrowed description; the memory it names is taken until `release` is called
/// @param release  called once with `context` by the last unref, on any thread; may be NULL
/// @param context  handed to `release`; borrowed until then
/// @param err      may be NULL
/// @return WEIR_OK, ERR_ARG, ERR_DTYPE, ERR_SHAPE or ERR_NOMEM; on failure release is not called.
///         Any thread.
WEIR_API WEIR_NODISCARD weir_status weir_buffer_wrap(weir_buffer **out,
                                                     const weir_tensor *view,
                                                     void (*release)(void *context),
                                                     void *context, weir_error *err);

/// Take one more reference.
/// @param b  borrowed; NULL is allowed
/// @return b. Any thread.
WEIR_API weir_buffer *weir_buffer_ref(weir_buffer *b);

/// Give one reference back; the last one releases the memory.
/// @param b  taken; NULL is allowed
/// Any thread.
WEIR_API void weir_buffer_unref(weir_buffer *b);

/// The view of a buffer's elements.
/// @param b  borrowed
/// @return a view that borrows from b. Any thread.
WEIR_API weir_tensor weir_buffer_view(const weir_buffer *b);

/// How many references a buffer has; 1 means that nobody else can see it.
/// @param b  borrowed
/// @return the count at this moment. Any thread.
WEIR_API int weir_buffer_refs(const weir_buffer *b);

/// DLPack's managed tensor, versioned form (DLPack >= 1.0), as declared by dlpack.h.
struct DLManagedTensorVersioned;

/// Export a buffer to DLPack without a copy. The consumer calls the managed tensor's deleter, which
/// gives the reference back. WEIR_STRING can't travel. Marked read-only unless `b` has one reference:
/// then nobody else can see what the consumer writes.
/// @param b    borrowed: the managed tensor holds a reference of its own
/// @param out  given: to be released through its deleter, on any thread
/// @param err  may be NULL
/// @return WEIR_OK, ERR_ARG, ERR_DTYPE or ERR_NOMEM. Any thread.
WEIR_API WEIR_NODISCARD weir_status weir_buffer_to_dlpack(
    weir_buffer *b, struct DLManagedTensorVersioned **out, weir_error *err);

/// Import a DLPack tensor without a copy. The last unref of the buffer calls the deleter.
/// @param out  given: one reference; its view may be strided
/// @param dl   taken on success, left to the caller on failure
/// @param err  may be NULL
/// @return WEIR_OK, ERR_ARG, ERR_DTYPE (lanes or type unknown), ERR_SHAPE, ERR_FORMAT (major
///         version unknown) or ERR_NOMEM. Any thread.
WEIR_API WEIR_NODISCARD weir_status weir_buffer_from_dlpack(
    weir_buffer **out, struct DLManagedTensorVersioned *dl, weir_error *err);

/// What the buffers of this process hold and have done.
typedef struct weir_memory {
    size_t in_use_bytes; ///< in buffers that somebody holds
    size_t kept_bytes;   ///< pages kept for reuse
    uint64_t n_alloc;    ///< buffers handed out
    uint64_t n_fresh;    ///< of these, how many needed new pages
} weir_memory;

/// Read the buffers' counters.
/// @return a snapshot. Any thread.
WEIR_API weir_memory weir_memory_info(void);

/// Give kept pages back to the system.
/// @param keep_bytes  how much may stay
/// Any thread.
WEIR_API void weir_memory_trim(size_t keep_bytes);

#ifdef __cplusplus
}
#endif
#endif
