/* SPDX-License-Identifier: BSD-3-Clause */
/* The structures of DLPack's binary interface, version 1, as its specification lays them down. */
#ifndef WR_TENSOR_DLPACK_H
#define WR_TENSOR_DLPACK_H

#include <stdint.h>

enum {
    WR_DLPACK_MAJOR = 1,
    WR_DLPACK_MINOR = 1,
    /* device types that Weir knows; the last two are host memory */
    WR_DLPACK_CPU = 1,
    WR_DLPACK_CUDA = 2,
    WR_DLPACK_ROCM = 10,
    WR_DLPACK_CUDA_HOST = 3,
    WR_DLPACK_ROCM_HOST = 11
};

#define WR_DLPACK_READ_ONLY UINT64_C(1)
#define WR_DLPACK_IS_COPIED UINT64_C(2)
#define WR_DLPACK_SUBBYTE_PADDED UINT64_C(4)

typedef struct DLPackVersion {
    uint32_t major;
    uint32_t minor;
} DLPackVersion;

typedef struct DLDevice {
    int32_t device_type;
    int32_t device_id;
} DLDevice;

typedef struct DLDataType {
    uint8_t code;
    uint8_t bits;
    uint16_t lanes;
} DLDataType;

typedef struct DLTensor {
    void *data;
    DLDevice device;
    int32_t ndim;
    DLDataType dtype;
    int64_t *shape;
    int64_t *strides; /* in elements; NULL: C order */
    uint64_t byte_offset;
} DLTensor;

typedef struct DLManagedTensorVersioned {
    DLPackVersion version; /* first, whatever the rest becomes */
    void *manager_ctx;
    void (*deleter)(struct DLManagedTensorVersioned *self); /* may be NULL */
    uint64_t flags;
    DLTensor dl_tensor;
} DLManagedTensorVersioned;

#endif
