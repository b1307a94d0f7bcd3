/* SPDX-License-Identifier: BSD-3-Clause */
/// @file weir/meter_mpi.h
/// The table of functions that weir_meter_reduce needs, over MPI. Weir itself links no MPI: these
/// functions are compiled into the program that uses them. Include <mpi.h> first; without it this
/// header declares nothing.
///
///     #include <mpi.h>
///     #include "weir/meter_mpi.h"
///     ...
///     weir_meter_mpi mpi;
///     weir_meter_mpi_init(&mpi, MPI_COMM_WORLD);
///     st = weir_meter_reduce(m, &mpi.table, &summary, &err);
///     weir_meter_mpi_fini(&mpi);
#ifndef WEIR_METER_MPI_H
#define WEIR_METER_MPI_H

#include "weir/meter.h"

#ifdef MPI_VERSION
#ifdef __cplusplus
extern "C" {
#endif

/// A communicator of its own and the table over it; lives in the caller's storage and must not move
/// while it is used.
typedef struct weir_meter_mpi {
    MPI_Comm comm;         ///< a duplicate: Weir's messages can't meet the program's
    weir_meter_comm table; ///< to be handed to weir_meter_reduce
} weir_meter_mpi;

/// The table's gather. Collective.
/// @param ctx   borrowed: the weir_meter_mpi
/// @param send  borrowed: n bytes
/// @param n     bytes of each rank
/// @param recv  borrowed, written: n bytes of each rank; NULL but on rank 0
/// @return 0, or MPI's error code. One thread.
static inline int weir_meter_mpi_gather(void *ctx, const void *send, size_t n, void *recv)
{
    weir_meter_mpi *mpi = (weir_meter_mpi *)ctx;
    return MPI_Gather(send, (int)n, MPI_BYTE, recv, (int)n, MPI_BYTE, 0, mpi->comm);
}

/// The table's bcast. Collective.
/// @param ctx   borrowed: the weir_meter_mpi
/// @param data  borrowed; written on all ranks but 0
/// @param n     bytes
/// @return 0, or MPI's error code. One thread.
static inline int weir_meter_mpi_bcast(void *ctx, void *data, size_t n)
{
    weir_meter_mpi *mpi = (weir_meter_mpi *)ctx;
    return MPI_Bcast(data, (int)n, MPI_BYTE, 0, mpi->comm);
}

/// Release the communicator; harmless twice. Collective.
/// @param mpi  borrowed, emptied. One thread.
static inline void weir_meter_mpi_fini(weir_meter_mpi *mpi)
{
    if (mpi->table.ctx != NULL)
        MPI_Comm_free(&mpi->comm);
    memset(mpi, 0, sizeof *mpi);
}

/// Duplicate a communicator and make the table. Collective over `comm`.
/// @param mpi   given; to be released with weir_meter_mpi_fini
/// @param comm  all ranks that will take part
/// @return 0, or MPI's error code; then *mpi is all zero. One thread, between MPI_Init and
///         MPI_Finalize.
static inline int weir_meter_mpi_init(weir_meter_mpi *mpi, MPI_Comm comm)
{
    memset(mpi, 0, sizeof *mpi);
    mpi->comm = MPI_COMM_NULL;
    int code = MPI_Comm_dup(comm, &mpi->comm);
    if (code != MPI_SUCCESS)
        return code;
    mpi->table.ctx = mpi;
    mpi->table.gather = weir_meter_mpi_gather;
    mpi->table.bcast = weir_meter_mpi_bcast;
    code = MPI_Comm_rank(mpi->comm, &mpi->table.rank);
    if (code == MPI_SUCCESS)
        code = MPI_Comm_size(mpi->comm, &mpi->table.size);
    if (code != MPI_SUCCESS)
        weir_meter_mpi_fini(mpi);
    return code;
}

#ifdef __cplusplus
}
#endif
#endif
#endif
