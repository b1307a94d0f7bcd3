/* SPDX-License-Identifier: BSD-3-Clause */
/* Tensors for a model: random, or from files. */
#include "cli/feed.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/npy.h"
#include "cli/number.h"

enum { PATH_ROOM = 4096 };

void feed_fini(feed *f)
{
    for (int i = 0; i < f->n; i++)
        weir_buffer_unref(f->buffer[i]);
    memset(f, 0, sizeof *f);
}

/* "2,3" as extents; rank 0 for "". */
static weir_status parse_shape(const char *text, weir_io *io, weir_error *err)
{
    const char *p = text;
    int rank = 0;
    while (*p != '\0') {
        char *end = NULL;
        long long v = strtoll(p, &end, 10);
        if (end == p || v < 0 || (*end != ',' && *end != '\0') ||
            (*end == ',' && end[1] == '\0'))
            return weir_fail(err, WEIR_ERR_ARG,
                             "--shape '%.100s': expected extents as 2,3", text);
        if (rank == WEIR_RANK_MAX)
            return weir_fail(err, WEIR_ERR_SHAPE,
                             "--shape '%.100s': more than %d extents", text,
                             WEIR_RANK_MAX);
        io->shape[rank++] = v;
        p = *end == ',' ? end + 1 : end;
    }
    io->rank = rank;
    return WEIR_OK;
}

/* The shape that the user gave for input i, if any: by name, or without one in order. */
static const char *given_shape(const cli_list *shapes, const weir_io *io, int i)
{
    int unnamed = 0;
    for (int k = 0; k < shapes->n; k++) {
        const char *equals = strchr(shapes->item[k], '=');
        if (equals == NULL) {
            if (unnamed++ == i)
                return shapes->item[k];
        } else if (strlen(io->name) == (size_t)(equals - shapes->item[k]) &&
                   strncmp(io->name, shapes->item[k], strlen(io->name)) == 0) {
            return equals + 1;
        }
    }
    return NULL;
}

/* Every --shape must be for an input. */
static weir_status check_shapes(const cli_list *shapes, const weir_model_info *info,
                                weir_error *err)
{
    int unnamed = 0;
    for (int k = 0; k < shapes->n; k++) {
        const char *equals = strchr(shapes->item[k], '=');
        bool found = equals == NULL && unnamed++ < info->n_in;
        for (int i = 0; i < info->n_in && equals != NULL; i++)
            found = found || given_shape(&(cli_list){{shapes->item[k]}, 1}, &info->in[i],
                                         i) != NULL;
        if (!found)
            return weir_fail(err, WEIR_ERR_ARG,
                             "--shape '%.100s' fits none of the %d inputs",
                             shapes->item[k], info->n_in);
    }
    return WEIR_OK;
}

/* The extents of an input with nothing free. */
static weir_status settle(weir_io *io, int i, int64_t batch, const cli_list *shapes,
                          bool *guessed, weir_error *err)
{
    const char *given = given_shape(shapes, io, i);
    if (given != NULL)
        return parse_shape(given, io, err);
    if (io->rank < 0)
        return weir_fail(err, WEIR_ERR_SHAPE,
                         "the model does not say the shape of its input %d ('%s'): give "
                         "--shape, as in --shape 8,4",
                         i, io->name);
    for (int d = 0; d < io->rank; d++) {
        if (io->shape[d] >= 0)
            continue;
        io->shape[d] = d == 0 ? batch : 1;
        *guessed = *guessed || d > 0;
    }
    return WEIR_OK;
}

static double next_uniform(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (double)(*state >> 11) * 0x1p-53;
}

static weir_status fill(const weir_tensor *t, const char *name, uint64_t *state,
                        weir_error *err)
{
    bool is_real = t->dtype == WEIR_F32 || t->dtype == WEIR_F64 || t->dtype == WEIR_F16 ||
                   t->dtype == WEIR_BF16;
    size_t n = weir_tensor_count(t), size = weir_dtype_bytes(t->dtype);
    for (size_t i = 0; i < n; i++) {
        double u = next_uniform(state);
        double v = is_real                 ? u
                   : t->dtype == WEIR_BOOL ? (double)(u < 0.5)
                                           : floor(10 * u);
        if (!number_set(t->dtype, (char *)t->data + i * size, v))
            return weir_fail(err, WEIR_ERR_UNSUPPORTED,
                             "input '%s' has type %s: no random values for that", name,
                             weir_dtype_name(t->dtype));
    }
    return WEIR_OK;
}

static void add(feed *f, weir_buffer *b)
{
    f->buffer[f->n] = b;
    f->view[f->n++] = weir_buffer_view(b);
}

weir_status feed_random(feed *f, const weir_model_info *info, int64_t batch,
                        const cli_list *shapes, int64_t seed, weir_error *err)
{
    uint64_t state = (uint64_t)seed * 2862933555777941757u + 3037000493u;
    weir_status st = check_shapes(shapes, info, err);

    for (int i = 0; st == WEIR_OK && i < info->n_in; i++) {
        weir_io io = info->in[i];
        weir_buffer *b = NULL;
        st = settle(&io, i, batch, shapes, &f->guessed, err);
        if (st == WEIR_OK)
            st = weir_buffer_new(&b, io.dtype, io.rank, io.shape, err);
        if (st != WEIR_OK)
            break;
        add(f, b);
        st = fill(&f->view[f->n - 1], io.name, &state, err);
    }
    if (st != WEIR_OK)
        feed_fini(f);
    return st;
}

/* The next of "a,b"; false at the end. ERR_ARG when a name is too long. */
static bool next_path(const char **paths, char buf[PATH_ROOM])
{
    size_t n = strcspn(*paths, ",");
    if (n == 0 || n >= PATH_ROOM)
        return false;
    memcpy(buf, *paths, n);
    buf[n] = '\0';
    *paths += n + ((*paths)[n] == ',');
    return true;
}

weir_status feed_read(feed *f, const char *paths, weir_error *err)
{
    char path[PATH_ROOM];
    weir_status st = WEIR_OK;
    const char *rest = paths;

    while (st == WEIR_OK && next_path(&rest, path)) {
        weir_buffer *b = NULL;
        if (f->n == WEIR_IO_MAX)
            st = weir_fail(err, WEIR_ERR_ARG, "more than %d files in '%.100s'",
                           WEIR_IO_MAX, paths);
        else
            st = npy_read(path, &b, err);
        if (st == WEIR_OK)
            add(f, b);
    }
    if (st == WEIR_OK && (*rest != '\0' || f->n == 0))
        st = weir_fail(err, WEIR_ERR_ARG, "'%.100s' is no list of files as a.npy,b.npy",
                       paths);
    if (st != WEIR_OK)
        feed_fini(f);
    return st;
}

weir_status feed_write(const feed *f, const char *paths, weir_error *err)
{
    char path[PATH_ROOM];
    weir_status st = WEIR_OK;
    const char *rest = paths;

    for (int i = 0; st == WEIR_OK && i < f->n; i++) {
        if (!next_path(&rest, path))
            return weir_fail(err, WEIR_ERR_ARG,
                             "'%.100s' names %d files, the model has %d tensors", paths,
                             i, f->n);
        st = npy_write(path, &f->view[i], err);
    }
    if (st == WEIR_OK && *rest != '\0')
        st = weir_fail(err, WEIR_ERR_ARG,
                       "'%.100s' names more files than the model's %d tensors", paths,
                       f->n);
    return st;
}
