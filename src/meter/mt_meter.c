/* SPDX-License-Identifier: BSD-3-Clause */
/* A test under mpirun, any number of ranks: weir/meter_mpi.h joins what the ranks measured. Rank r
 * adds 1.5 s r+1 times; rank 1 has a key of its own. Prints TAP on rank 0. */
#include <mpi.h>
#include <stdio.h>

#include "weir/meter_mpi.h"

/* What every rank must find in the totals. */
static int is_right(const weir_meter_summary *s, int size)
{
    size_t n_keys = size > 1 ? 2 : 1;
    const weir_meter_total *comm = weir_meter_summary_at(s, 0);
    if (weir_meter_summary_ranks(s) != size || weir_meter_summary_n(s) != n_keys)
        return 0;
    double all = 1.5 * size * (size + 1) / 2;
    if (strcmp(comm->name, "COMM") != 0 || comm->n_ranks != size ||
        comm->rank_max != size - 1)
        return 0;
    if (comm->rank_min != 0 || comm->sum_min != 1.5 || comm->sum_max != 1.5 * size ||
        comm->sum != all)
        return 0;
    if (comm->imbalance != 1.5 * size / (all / size) || comm->mean_max != 1.5)
        return 0;
    if (n_keys == 1)
        return 1;
    const weir_meter_total *own = weir_meter_summary_at(s, 1);
    return strcmp(own->name, "own") == 0 && own->n_ranks == 1 && own->rank_max == 1 &&
           own->sum == 7;
}

static weir_status measure(weir_meter *m, int rank, weir_error *err)
{
    weir_status st = WEIR_OK;
    int own = 0;
    for (int i = 0; i <= rank; i++)
        weir_meter_add(m, WEIR_METER_COMM, 1.5);
    if (rank != 1)
        return st;
    st = weir_meter_key(m, WEIR_METER_COUNTER, WEIR_STR("own"), WEIR_STR("bytes"),
                        WEIR_STR(""), &own, err);
    if (st == WEIR_OK)
        weir_meter_add(m, own, 7);
    return st;
}

int main(int argc, char **argv)
{
    weir_meter_mpi mpi;
    weir_meter *m = NULL;
    weir_meter_summary *s = NULL;
    weir_error err = {WEIR_OK, ""};
    MPI_Init(&argc, &argv);
    if (weir_meter_mpi_init(&mpi, MPI_COMM_WORLD) != MPI_SUCCESS)
        MPI_Abort(MPI_COMM_WORLD, 2);
    int rank = mpi.table.rank, size = mpi.table.size;
    weir_status st = weir_meter_new(&m, NULL, &err);
    if (st == WEIR_OK)
        st = measure(m, rank, &err);
    if (st == WEIR_OK)
        st = weir_meter_reduce(m, &mpi.table, &s, &err);
    int good = st == WEIR_OK && is_right(s, size), all_good = 0;
    if (rank == 0) /* sums by rank are here only */
        good = good && weir_meter_summary_by_rank(s, 0)[size - 1] == 1.5 * size;
    else
        good = good && weir_meter_summary_by_rank(s, 0) == NULL;
    if (!good)
        printf("# rank %d of %d: %s\n", rank, size,
               st == WEIR_OK ? "wrong totals" : err.text);
    MPI_Reduce(&good, &all_good, 1, MPI_INT, MPI_MIN, 0, MPI_COMM_WORLD);
    if (rank == 0)
        printf("1..1\n%s 1 - meters of %d ranks are joined\n", all_good ? "ok" : "not ok",
               size);
    weir_meter_summary_free(s);
    weir_meter_free(m);
    weir_meter_mpi_fini(&mpi);
    MPI_Finalize();
    return rank == 0 && !all_good;
}
