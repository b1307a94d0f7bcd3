/* SPDX-License-Identifier: BSD-3-Clause */
/* Warm-up: the first runs of a model, which are slow, happen when it is loaded. They tell as well
 * whether its rows are independent, and how many rows a run should have: a large batch leaves the
 * cache, a small one does not pay for its overhead. */
#include <math.h>
#include <time.h>

#include "base/alloc.h"
#include "base/text.h"
#include "engine/internal.h"

static const int64_t SEARCH_NS = 700 * INT64_C(1000000);
static const int64_t RUN_NS =
    60 * INT64_C(1000000); /* longest single run of the search */
static const int64_t SAMPLE_NS =
    INT64_C(1000000); /* short runs are repeated for so long */
static const size_t VIEW_BYTES = (size_t)64 << 20; /* most bytes of one input or output */
static const double GAIN = 1.05; /* splitting that gives less is not worth it */
static const double NEAR = 1.01; /* blocks nearer to the fastest than this are as fast */
static const double HARDLY = 1.03;    /* batches that are slower by less run whole */
static const double CONTENDER = 1.08; /* blocks farther from it are measured once */
static const int64_t LARGE_ROWS =
    1024; /* a trial of so many rows shows what large batches cost */
static const double TOLERANCE =
    1e-3; /* of the largest value: kernels differ by batch size */
enum { PASSES = 6 };

static const int64_t BLOCKS[] = {16,  32,  48,  64,   96,   128,  192, 256,
                                 384, 512, 768, 1024, 2048, 4096, 8192};
enum { N_BLOCKS = sizeof BLOCKS / sizeof *BLOCKS };

/* Made-up inputs and the memory of outputs, for up to `rows` rows. */
typedef struct trial {
    wr_context *x;
    int64_t rows;
    weir_buffer *in[WEIR_IO_MAX];
    weir_buffer *out[WEIR_IO_MAX]; /* NULL: the backend makes them */
    weir_tensor view[WEIR_IO_MAX];
    wr_output result[WEIR_IO_MAX];
} trial;

/* Floating-point numbers in [0.1, 1), the same every time; zeros of other types, which are valid
 * indices. */
static void fill(const weir_tensor *t)
{
    uint32_t seed = 12345;
    size_t n = weir_tensor_count(t);
    memset(t->data, 0, weir_tensor_bytes(t));
    for (size_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        float f = 0.1f + 0.9f * (float)(seed >> 8) / 16777216.0f;
        if (t->dtype == WEIR_F32)
            ((float *)t->data)[i] = f;
        else if (t->dtype == WEIR_F64)
            ((double *)t->data)[i] = (double)f;
        else if (t->dtype == WEIR_F16)
            ((uint16_t *)t->data)[i] =
                (uint16_t)(0x2e66u + (seed >> 21)); /* 0.1 .. 0.85 */
        else if (t->dtype == WEIR_BF16)
            ((uint16_t *)t->data)[i] =
                (uint16_t)(0x3dccu + (seed >> 24)); /* 0.1 .. 0.6 */
    }
}

/* Can shapes be made up: is everything known but the number of rows? */
static bool can_try(const wr_model *m)
{
    for (int i = 0; i < m->info.n_in; i++) {
        const weir_io *io = &m->info.in[i];
        if (io->rank < 0)
            return false;
        for (int d = m->free_rows ? 1 : 0; d < io->rank; d++) {
            if (io->shape[d] < 0)
                return false;
        }
    }
    return m->info.n_in > 0;
}

static void trial_fini(trial *t)
{
    for (int i = 0; i < WEIR_IO_MAX; i++) {
        weir_buffer_unref(t->in[i]);
        weir_buffer_unref(t->out[i]);
        t->in[i] = t->out[i] = NULL;
    }
}

static weir_status buffer_for(weir_buffer **out, const weir_io *io, int64_t rows,
                              weir_error *err)
{
    int64_t shape[WEIR_RANK_MAX] = {0};
    for (int d = 0; d < io->rank; d++)
        shape[d] = d == 0 && io->shape[0] < 0 ? rows : io->shape[d];
    return weir_buffer_new(out, io->dtype, io->rank, shape, err);
}

static weir_status trial_init(trial *t, wr_context *x, int64_t rows, weir_error *err)
{
    const wr_model *m = x->model;
    weir_status st = WEIR_OK;
    *t = (trial){.x = x, .rows = rows};
    for (int i = 0; i < m->info.n_in && st == WEIR_OK; i++) {
        st = buffer_for(&t->in[i], &m->info.in[i], rows, err);
        if (st != WEIR_OK)
            break;
        weir_tensor v = weir_buffer_view(t->in[i]);
        fill(&v);
    }
    for (int i = 0; i < m->info.n_out && st == WEIR_OK && m->independent && m->known_out;
         i++)
        st = buffer_for(&t->out[i], &m->info.out[i], rows, err);
    if (st != WEIR_OK)
        trial_fini(t);
    return st;
}

/* Time that a run costs: this thread's own on the processor where that is all of it, so that a busy
 * neighbour does not make long runs look slow. */
static int64_t cost_ns(const wr_model *m)
{
    struct timespec t;
    if (m->need > 1 || clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t) != 0)
        return weir_now_ns();
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Run rows [first, first + n). Results are in t->result, with buffers where t->out has none. Takes a
 * place like any job, so that a warm-up beside running work keeps to the thread budget. */
static weir_status trial_run(trial *t, int64_t first, int64_t n, weir_deadline deadline,
                             int64_t *ns, weir_error *err)
{
    wr_model *m = t->x->model;
    wr_job turn = {.model = m, .deadline = deadline, .rows = 1};
    if (!m->inside && !wr_queue_try(m->queue, m->need) && !wr_queue_wait(m->queue, &turn))
        return weir_fail(err, turn.status, "%s (warm-up)", turn.error.text);

    for (int i = 0; i < m->info.n_in; i++) {
        weir_tensor v = weir_buffer_view(t->in[i]);
        if (m->info.writes_inputs)
            fill(&v);
        t->view[i] = m->free_rows ? wr_rows(&v, first, n) : v;
    }
    for (int i = 0; i < m->info.n_out; i++) {
        t->result[i] = (wr_output){0};
        if (t->out[i] == NULL)
            continue;
        weir_tensor v = weir_buffer_view(t->out[i]);
        t->result[i].view = wr_rows(&v, first, n);
    }
    int64_t started = weir_now_ns(), now = started, begun = cost_ns(m);
    weir_status st = wr_call(t->x, t->view, m->info.n_in, t->result, m->info.n_out, NULL,
                             deadline, &now, err);
    wr_expect_note(m, n, now - started);
    int64_t cost = cost_ns(m) - begun;
    if (!m->inside)
        wr_queue_release(m->queue, m->need);
    if (ns != NULL)
        *ns = cost > 0 ? cost : 1;
    return st;
}

static void drop_results(trial *t)
{
    for (int i = 0; i < t->x->model->info.n_out; i++)
        weir_buffer_unref(t->result[i].buffer);
}

/* ---- are rows independent? --------------------------------------------------------------------------- */

static double value_at(const weir_tensor *t, size_t i)
{
    return t->dtype == WEIR_F32 ? (double)((const float *)t->data)[i]
                                : ((const double *)t->data)[i];
}

static bool same_values(const weir_tensor *a, const weir_tensor *b)
{
    size_t n = weir_tensor_count(a);
    if (a->dtype == WEIR_F16 || a->dtype == WEIR_BF16)
        return true; /* too coarse to tell */
    if (a->dtype != WEIR_F32 && a->dtype != WEIR_F64)
        return memcmp(a->data, b->data, weir_tensor_bytes(a)) == 0;
    double largest = 0;
    for (size_t i = 0; i < n; i++) {
        double v = fabs(value_at(a, i));
        largest = isfinite(v) && v > largest ? v : largest;
    }
    for (size_t i = 0; i < n; i++) {
        double u = value_at(a, i), v = value_at(b, i);
        bool same = isfinite(u) ? fabs(u - v) <= TOLERANCE * largest : !isfinite(v);
        if (!same)
            return false;
    }
    return true;
}

/* Two rows at once must give what each gives alone. */
static weir_status find_dependence(wr_context *x, weir_deadline deadline, weir_error *err)
{
    wr_model *m = x->model;
    trial both, single;
    weir_status st = trial_init(&both, x, 2, err);
    if (st != WEIR_OK)
        return st;
    st = trial_init(&single, x, 2, err);
    if (st != WEIR_OK)
        goto out;
    st = trial_run(&both, 0, 2, deadline, NULL, err);
    if (st == WEIR_OK)
        st = trial_run(&single, 0, 1, deadline, NULL, err);
    if (st == WEIR_OK)
        st = trial_run(&single, 1, 1, deadline, NULL, err);
    /* The first run showed that the model works, so ERR_MODEL now is a refusal of these shapes. */
    m->independent = st == WEIR_OK;
    if (st == WEIR_ERR_MODEL || st == WEIR_ERR_SHAPE)
        st = WEIR_OK;
    for (int i = 0; i < m->info.n_out && m->independent; i++) {
        weir_tensor a = weir_buffer_view(both.out[i]),
                    b = weir_buffer_view(single.out[i]);
        m->independent = same_values(&a, &b);
    }

out:
    trial_fini(&single);
    trial_fini(&both);
    return st;
}

/* ---- the fastest block ----------------------------------------------------------------------------------- */

/* Nanoseconds of one run of `rows` rows: the least of some; 0: it failed or there is no time. */
static int64_t measure(trial *t, int64_t rows, int64_t end)
{
    int64_t best = 0, begun = weir_now_ns();
    for (int i = 0; i < 100; i++) {
        int64_t ns;
        if (trial_run(t, 0, rows, WEIR_NEVER, &ns, NULL) != WEIR_OK)
            return 0;
        best = best == 0 || ns < best ? ns : best;
        int64_t now = weir_now_ns();
        if (now - begun > SAMPLE_NS || now > end)
            break;
    }
    return best;
}

static size_t row_bytes(const trial *t)
{
    const wr_model *m = t->x->model;
    size_t most = 1;
    for (int i = 0; i < m->info.n_in + m->info.n_out; i++) {
        weir_tensor v =
            weir_buffer_view(i < m->info.n_in ? t->in[i] : t->out[i - m->info.n_in]);
        size_t bytes = weir_tensor_bytes(&v) / (size_t)t->rows;
        most = bytes > most ? bytes : most;
    }
    return most;
}

/* How many of BLOCKS can be tried: until memory or one run's time is too much. */
static int affordable(const trial *two, int64_t row_ns)
{
    size_t bytes = row_bytes(two);
    int n = 0;
    while (n < N_BLOCKS && BLOCKS[n] * row_ns < RUN_NS &&
           (size_t)BLOCKS[n] * bytes < VIEW_BYTES)
        n++;
    return n;
}

static double rows_per_ns(const int64_t *ns, int i)
{
    return (double)BLOCKS[i] / (double)ns[i];
}

static int fastest(const int64_t *ns, int n)
{
    int best = 0;
    for (int i = 1; i < n; i++)
        best = rows_per_ns(ns, i) > rows_per_ns(ns, best) ? i : best;
    return best;
}

/* Times of the first n blocks, all once and the contenders several times; how many have one. */
static int measure_all(trial *t, int64_t *ns, int n, int64_t end)
{
    int tried = 0;
    for (int i = 0; i < n && weir_now_ns() < end; i++, tried++) {
        ns[i] = measure(t, BLOCKS[i], end);
        if (ns[i] == 0)
            break;
    }
    for (int pass = 1; pass < PASSES && tried > 1; pass++) {
        double best = rows_per_ns(ns, fastest(ns, tried));
        for (int i = 0; i < tried && weir_now_ns() < end; i++) {
            if (CONTENDER * rows_per_ns(ns, i) < best)
                continue;
            int64_t v = measure(t, BLOCKS[i], end);
            ns[i] = v > 0 && v < ns[i] ? v : ns[i];
        }
    }
    return tried;
}

/* The smallest block that is nearly the fastest: it suffers least when others use the cache too. 0,
 * whole batches, where the largest ones tried are as fast as any: nothing leaves the cache. *whole is
 * the largest batch that is hardly slower in one run, and so is not worth splitting. */
static int64_t choose_block(const int64_t *ns, int tried, int64_t *whole)
{
    int best = fastest(ns, tried), chosen = 0;
    *whole = 0;
    if (tried < 2 || (BLOCKS[tried - 1] >= LARGE_ROWS &&
                      rows_per_ns(ns, best) < GAIN * rows_per_ns(ns, tried - 1)))
        return 0;
    while (rows_per_ns(ns, best) > NEAR * rows_per_ns(ns, chosen))
        chosen++;
    for (int i = chosen; i < tried; i++) {
        if (rows_per_ns(ns, best) <= HARDLY * rows_per_ns(ns, i))
            *whole = BLOCKS[i];
    }
    return BLOCKS[chosen];
}

/* Rows worth gathering: the least that run nearly as fast as any. More would only make cores wait for
 * each other. 0: unknown. */
static int64_t choose_gather(const int64_t *ns, int tried)
{
    if (tried < 1)
        return 0;
    double best = rows_per_ns(ns, fastest(ns, tried));
    int i = 0;
    while (best > GAIN * rows_per_ns(ns, i))
        i++;
    return BLOCKS[i];
}

static weir_status find_block(wr_context *x, weir_deadline deadline, weir_error *err)
{
    wr_model *m = x->model;
    int64_t ns[N_BLOCKS] = {0}, end = weir_now_ns() + SEARCH_NS;
    trial t;
    weir_status st = trial_init(&t, x, 2, err);
    if (st != WEIR_OK)
        return st;
    int64_t two = measure(&t, 2, end);
    int n = two == 0 ? 0 : affordable(&t, two / 2);
    trial_fini(&t);
    if (n < 2)
        return WEIR_OK;
    st = trial_init(&t, x, BLOCKS[n - 1], err);
    if (st != WEIR_OK)
        return st;

    int tried = measure_all(&t, ns, n, end < deadline ? end : deadline);
    trial_fini(&t);
    m->info.block_rows = choose_block(ns, tried, &m->whole_rows);
    m->gather_rows = choose_gather(ns, tried);
    m->stretched = m->info.block_rows > 0;
    return WEIR_OK;
}

/* ---- all of it ---------------------------------------------------------------------------------------------- */

static weir_status first_run(wr_context *x, weir_deadline deadline, weir_error *err)
{
    trial t;
    weir_error why;
    weir_status st = trial_init(&t, x, 1, err);
    if (st != WEIR_OK)
        return st;
    for (int i = 0; i < x->model->info.n_out;
         i++) { /* the backend shows its own shapes */
        weir_buffer_unref(t.out[i]);
        t.out[i] = NULL;
    }
    st = trial_run(&t, 0, 1, deadline, NULL, &why);
    if (st != WEIR_OK)
        st = weir_fail(
            err, st == WEIR_ERR_TIMEOUT || st == WEIR_ERR_NOMEM ? st : WEIR_ERR_MODEL,
            "model '%.*s': its first run failed (no_warm_up loads without one): %.350s",
            WR_NAME(x->model->name), why.text);
    drop_results(&t);
    trial_fini(&t);
    return st;
}

weir_status wr_model_first_run(wr_model *m, weir_deadline deadline, weir_error *err)
{
    wr_context *x = NULL;
    weir_status st = wr_context_take(m, &x, err);
    if (st != WEIR_OK)
        return st;
    int64_t before = atomic_load(&m->expect_ns[0]);
    st = first_run(x, deadline, err);
    atomic_store(&m->expect_ns[0], before);
    wr_context_put(x);
    return st;
}

weir_status wr_model_warm_up(wr_model *m, weir_deadline deadline, weir_error *err)
{
    if (!can_try(m))
        return WEIR_OK;
    int64_t begun = weir_now_ns(), first_ns = 0;
    wr_context *x = NULL;
    weir_status st = wr_context_take(m, &x, err);
    if (st != WEIR_OK)
        return st;
    st = first_run(x, deadline, err);
    first_ns = atomic_exchange(&m->expect_ns[0], 0); /* slower than any to come */
    if (st == WEIR_OK && m->independent && m->known_out)
        st = find_dependence(x, deadline, err);
    if (st == WEIR_OK && m->independent && m->known_out && m->opt.block_rows == 0 &&
        !m->opt.deterministic && m->info.device.kind == WEIR_CPU)
        st = find_block(x, deadline, err);
    wr_context_put(x);
    if (wr_expect(m, 1) == INT64_MAX) /* better than nothing; it fades */
        atomic_store(&m->expect_ns[0], first_ns);
    m->info.warm_up_s = (double)(weir_now_ns() - begun) * 1e-9;
    return st;
}
