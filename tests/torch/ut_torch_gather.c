/* SPDX-License-Identifier: BSD-3-Clause */
/* TorchScript models are gathered when the user gives a batch_max, though their shapes are not known: as
 * RedisAI's BATCHSIZE. The only place is held by a mock's run while jobs queue up. */
#include "engine/engine.h"
#include "host.h"

#include "base/thread.h"

enum { JOBS = 3, ROWS = 2, WIDTH = 3 };

static int tell[2], gate[2];
static weir_error err;

static int start(void **state)
{
    (void)state;
    char path[2048];
    (void)snprintf(path, sizeof path, "%s/weir_backend_torch.so",
                   environment("WEIR_BACKEND_PATH", "build/lib/weir/backends"));
    if (access(path, R_OK) != 0)
        (void)snprintf(why_not, sizeof why_not, "the torch backend is not built");
    else
        make_models();
    return pipe(tell) != 0 || pipe(gate) != 0 || setenv("WEIR_MOCK_GATES", "1", 1) != 0;
}

static wr_model *load_into(wr_engine *e, const void *p, size_t n, int64_t batch_max)
{
    weir_model_options o = {.no_warm_up = true, .batch_max = batch_max};
    weir_buffer *b = NULL;
    wr_model *m = NULL;
    weir_tensor view;
    int64_t shape = (int64_t)n;
    assert_int_equal(
        weir_tensor_init(&view, (void *)(uintptr_t)p, WEIR_U8, 1, &shape, &err), WEIR_OK);
    assert_int_equal(weir_buffer_from(&b, &view, &err), WEIR_OK);
    if (wr_model_load(&m, e, WEIR_STR("m"), b, false, &o, NULL, WEIR_NEVER, &err) !=
        WEIR_OK)
        fail_msg("%s", err.text);
    weir_buffer_unref(b);
    return m;
}

/* ---- jobs ----------------------------------------------------------------------------------------- */

typedef struct task {
    wr_job job;
    weir_tensor in[2];
    wr_output out[2];
    float x[ROWS * WIDTH];
    wr_mutex lock;
    wr_cond ended;
    bool is_done;
} task;

static void note_done(wr_job *job)
{
    task *t = job->context;
    wr_lock(&t->lock);
    t->is_done = true;
    wr_cond_signal(&t->ended);
    wr_unlock(&t->lock);
}

static void begin(task *t, wr_engine *e, wr_model *m, int n_in, int n_out, float first)
{
    memset(t, 0, sizeof *t);
    for (int i = 0; i < ROWS * WIDTH; i++)
        t->x[i] = first + (float)i;
    t->in[0] = t->in[1] = VIEW(t->x, F32, ROWS, WIDTH);
    t->job = (wr_job){.model = m,
                      .in = t->in,
                      .n_in = n_in,
                      .out = t->out,
                      .n_out = n_out,
                      .deadline = WEIR_NEVER,
                      .done = note_done,
                      .context = t};
    wr_mutex_init(&t->lock, WR_LEVEL_LEAF);
    wr_cond_init(&t->ended);
    assert_int_equal(wr_engine_submit(e, &t->job, &err), WEIR_OK);
}

static void end(task *t)
{
    wr_lock(&t->lock);
    while (!t->is_done)
        (void)wr_cond_wait(&t->ended, &t->lock, WEIR_NEVER);
    wr_unlock(&t->lock);
    wr_cond_fini(&t->ended);
    wr_mutex_fini(&t->lock);
    if (t->job.status != WEIR_OK)
        fail_msg("%s", t->job.error.text);
}

/* Jobs of a model that queued up behind a run; their outputs stay for the caller. */
static weir_model_stats run_queued(const char *name, int64_t batch_max, int n_in,
                                   int n_out, task *t)
{
    char text[120], c;
    size_t n;
    weir_model_stats s;
    wr_engine_options o = {.threads = 1};
    wr_engine *e = NULL;
    task first;
    assert_int_equal(wr_engine_new(&e, &o, &err), WEIR_OK);
    (void)snprintf(text, sizeof text,
                   "mock; tell_fd=%d; gate_fd=%d; in=x:FLOAT[-1,3]; out=y:FLOAT[-1,3]",
                   tell[1], gate[0]);
    wr_model *holder = load_into(e, text, strlen(text), 1);
    void *p = read_file(name, &n);
    wr_model *m = load_into(e, p, n, batch_max);
    free(p);
    begin(&first, e, holder, 1, 1, 0);
    assert_int_equal(read(tell[0], &c, 1), 1);
    for (int i = 0; i < JOBS; i++)
        begin(&t[i], e, m, n_in, n_out, (float)(10 * i));
    assert_int_equal(write(gate[1], "g", 1), 1);
    end(&first);
    weir_buffer_unref(first.out[0].buffer);
    for (int i = 0; i < JOBS; i++)
        end(&t[i]);
    wr_model_statistics(m, &s, false);
    wr_model_unref(holder);
    wr_model_unref(m);
    wr_engine_free(e);
    return s;
}

static const float *floats_of(const task *t, int i)
{
    return t->out[i].view.data;
}

static void drop(task *t)
{
    for (int i = 0; i < JOBS; i++)
        for (int k = 0; k < t[i].job.n_out; k++)
            weir_buffer_unref(t[i].out[k].buffer);
}

/* ---- tests ------------------------------------------------------------------------------------------ */

static void test_queued_jobs_run_as_one(void **state)
{
    (void)state;
    need_models();
    task t[JOBS];
    weir_model_stats s = run_queued("linear", 16, 1, 1, t);
    assert_int_equal(s.n_runs, 1);
    assert_int_equal(s.n_gathered, JOBS);
    for (int i = 0; i < JOBS; i++) {
        assert_int_equal(t[i].out[0].view.shape[0], ROWS);
        for (int r = 0; r < ROWS; r++) {
            const float *x = t[i].x + (ptrdiff_t)(r * WIDTH);
            float want[2] = {x[0] + 2 * x[1] + 3 * x[2] + 0.5F,
                             4 * x[0] + 5 * x[1] + 6 * x[2] - 0.5F};
            assert_true(fabsf(floats_of(&t[i], 0)[2 * r] - want[0]) < 1e-3F);
            assert_true(fabsf(floats_of(&t[i], 0)[2 * r + 1] - want[1]) < 1e-3F);
        }
    }
    drop(t);
}

static void test_several_outputs_are_cut_each(void **state)
{
    (void)state;
    need_models();
    task t[JOBS];
    weir_model_stats s = run_queued("sum_and_difference", 16, 2, 2, t);
    assert_int_equal(s.n_runs, 1);
    for (int i = 0; i < JOBS; i++)
        for (int k = 0; k < ROWS * WIDTH; k++)
            assert_true(floats_of(&t[i], 0)[k] == 2 * t[i].x[k] &&
                        floats_of(&t[i], 1)[k] == 0);
    drop(t);
}

static void test_a_model_that_gives_other_rows_runs_each_alone(void **state)
{
    (void)state;
    need_models();
    task t[JOBS];
    (void)run_queued("transpose", 16, 1, 1, t);
    for (int i = 0; i < JOBS; i++) {
        assert_int_equal(t[i].out[0].view.shape[0], WIDTH);
        assert_true(floats_of(&t[i], 0)[1] == t[i].x[WIDTH]);
    }
    drop(t);
}

static void test_without_a_limit_nothing_is_gathered(void **state)
{
    (void)state;
    need_models();
    task t[JOBS];
    weir_model_stats s = run_queued("linear", 0, 1, 1, t);
    assert_int_equal(s.n_runs, JOBS);
    assert_int_equal(s.n_gathered, 0);
    drop(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_queued_jobs_run_as_one),
        cmocka_unit_test(test_several_outputs_are_cut_each),
        cmocka_unit_test(test_a_model_that_gives_other_rows_runs_each_alone),
        cmocka_unit_test(test_without_a_limit_nothing_is_gathered),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
