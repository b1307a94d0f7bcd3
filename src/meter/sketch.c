/* SPDX-License-Identifier: BSD-3-Clause */
/* Counts of values by size, in steps of 1/128 of an octave: constant memory, whatever comes. */
#include <math.h>

#include "base/alloc.h"
#include "meter/series.h"

/* Where |x| belongs: octave and step. False: it counts as zero. The step is read off the bits of the
 * number itself: eleven of exponent, then the highest ones of the fraction. */
static bool place(double x, int *octave, int *step)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    int i = (int)(bits >> 52 & 0x7ff) - 1023 - WR_SKETCH_OCTAVE_MIN;
    if (i < 0)
        return false;
    *step = (int)(bits >> (52 - WR_SKETCH_BITS) & (WR_SKETCH_STEPS - 1));
    if (i >= WR_SKETCH_OCTAVES) {
        i = WR_SKETCH_OCTAVES - 1;
        *step = WR_SKETCH_STEPS - 1;
    }
    *octave = i;
    return true;
}

/* The middle of a step. */
static double size_of(int octave, int step)
{
    return ldexp(1 + (step + 0.5) / WR_SKETCH_STEPS, octave + WR_SKETCH_OCTAVE_MIN);
}

bool wr_sketch_add_n(wr_sketch *k, double x, uint64_t n)
{
    int octave = 0, step = 0;
    if (!place(x, &octave, &step)) {
        k->n_zero += n;
        k->n += n;
        return true;
    }
    uint64_t **counts = &k->octave[x < 0][octave];
    if (*counts == NULL) {
        *counts = wr_calloc(WR_SKETCH_STEPS, sizeof **counts);
        if (*counts == NULL)
            return false;
    }
    (*counts)[step] += n;
    k->n += n;
    return true;
}

bool wr_sketch_add(wr_sketch *k, double x)
{
    return wr_sketch_add_n(k, x, 1);
}

void wr_sketch_fini(wr_sketch *k)
{
    for (int sign = 0; sign < 2; sign++) {
        for (int i = 0; i < WR_SKETCH_OCTAVES; i++)
            wr_free(k->octave[sign][i]);
    }
    *k = (wr_sketch){0};
}

void wr_sketch_clear(wr_sketch *k)
{
    for (int sign = 0; sign < 2; sign++) {
        for (int i = 0; i < WR_SKETCH_OCTAVES; i++) {
            if (k->octave[sign][i] != NULL)
                memset(k->octave[sign][i], 0, WR_SKETCH_STEPS * sizeof(uint64_t));
        }
    }
    k->n = k->n_zero = 0;
}

void wr_sketch_walk(const wr_sketch *k, bool (*each)(void *ctx, double x, uint64_t n),
                    void *ctx)
{
    const int n_steps = WR_SKETCH_OCTAVES * WR_SKETCH_STEPS;
    for (int i = -n_steps; i <= n_steps;
         i++) { /* negative ones from the largest size down */
        int at = (i < 0 ? -i : i) - 1;
        if (i == 0) {
            if (k->n_zero > 0 && !each(ctx, 0, k->n_zero))
                return;
            continue;
        }
        int octave = at >> WR_SKETCH_BITS, step = at & (WR_SKETCH_STEPS - 1);
        const uint64_t *counts = k->octave[i < 0][octave];
        if (counts == NULL || counts[step] == 0)
            continue;
        double x = size_of(octave, step);
        if (!each(ctx, i < 0 ? -x : x, counts[step]))
            return;
    }
}
