/* SPDX-License-Identifier: BSD-3-Clause */
/* One job at a time: copies made and not made, row blocks, guards, deadlines, empty batches. */
#include "engine/testing.h"

#include <dirent.h>
#include <math.h>
#include <poll.h>
#include <unistd.h>

#define IO4 "mock; in=x:FLOAT[-1,4]; out=y:FLOAT[-1,4]"

static wr_engine *e;

static int start(void **state)
{
    (void)state;
    e = engine_with(2);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    wr_engine_free(e);
    return 0;
}

static void count_up(float *x, int n)
{
    for (int i = 0; i < n; i++)
        x[i] = (float)i;
}

/* ---- copies ------------------------------------------------------------------------------------------ */

static void test_contiguous_views_are_not_copied(void **state)
{
    (void)state;
    float x[12], y[12] = {0};
    count_up(x, 12);
    wr_model *m = load_cold(e, IO4 "; scale=2", (weir_model_options){0});
    expect_ok(run_one(e, m, floats(x, 3, 4), floats(y, 3, 4)));
    for (int i = 0; i < 12; i++)
        assert_true(y[i] == 2.0f * (float)i);
    weir_model_stats s = stats_of(m);
    assert_int_equal(s.n_copies, 0);
    assert_int_equal(s.copied_bytes, 0);
    assert_int_equal(s.n_inline, 1);
    assert_int_equal(s.n_rows, 3);
    assert_int_equal(s.in_bytes, 48);
    assert_true(s.queue_s == 0);
    wr_model_unref(m);
}

static void test_fortran_and_reversed_views_give_the_same_numbers(void **state)
{
    (void)state;
    float x[12], y[12], fx[12], fy[12];
    count_up(x, 12);
    for (int i = 0; i < 3; i++) {
        for (int j = 0; j < 4; j++)
            fx[j * 3 + i] = x[i * 4 + j];
    }
    int64_t shape[] = {3, 4};
    weir_tensor in, out;
    expect_ok(weir_tensor_init_fortran(&in, fx, WEIR_F32, 2, shape, &err));
    expect_ok(weir_tensor_init_fortran(&out, fy, WEIR_F32, 2, shape, &err));
    wr_model *m = load_cold(e, IO4 "; scale=3", (weir_model_options){0});
    expect_ok(run_one(e, m, in, out));
    for (int i = 0; i < 3; i++) {
        for (int j = 0; j < 4; j++)
            assert_true(fy[j * 3 + i] == 3.0f * x[i * 4 + j]);
    }
    assert_int_equal(stats_of(m).n_copies, 2);
    assert_int_equal(stats_of(m).copied_bytes, 96);

    weir_tensor back = floats(&x[8], 3, 4); /* rows from last to first */
    back.stride[0] = -16;
    expect_ok(run_one(e, m, back, floats(y, 3, 4)));
    assert_true(y[0] == 3.0f * x[8] && y[11] == 3.0f * x[3]);
    assert_int_equal(stats_of(m).n_copies, 3);
    assert_int_equal(stats_of(m).copied_bytes, 144);
    wr_model_unref(m);
}

static void test_misaligned_memory_is_packed(void **state)
{
    (void)state;
    float x[4], y[4];
    char raw_in[17], raw_out[17];
    count_up(x, 4);
    memcpy(raw_in + 1, x, 16);
    weir_tensor in = floats((float *)(void *)raw_in, 1, 4),
                out = floats((float *)(void *)raw_out, 1, 4);
    in.data = raw_in + 1;
    out.data = raw_out + 1;
    wr_model *m = load_cold(e, IO4, (weir_model_options){0});
    expect_ok(run_one(e, m, in, out));
    memcpy(y, raw_out + 1, 16);
    assert_memory_equal(x, y, 16);
    assert_int_equal(stats_of(m).n_copies, 2);
    wr_model_unref(m);
}

static void test_a_model_that_writes_its_input_gets_a_copy(void **state)
{
    (void)state;
    float x[40], keep[40], y[40];
    count_up(x, 40);
    memcpy(keep, x, sizeof x);
    wr_model *m =
        load_cold(e, IO4 "; write_input", (weir_model_options){.block_rows = 4});
    expect_ok(run_one(e, m, floats(x, 10, 4), floats(y, 10, 4)));
    assert_memory_equal(x, keep, sizeof x);
    assert_memory_equal(y, keep, sizeof x);
    weir_model_stats s = stats_of(m);
    assert_int_equal(s.n_runs, 3);
    assert_int_equal(s.n_copies, 1); /* one tensor, in three blocks */
    assert_int_equal(s.copied_bytes, 160);
    wr_model_unref(m);
}

/* ---- row blocks ------------------------------------------------------------------------------------------ */

static void test_large_batches_run_in_blocks_without_copies(void **state)
{
    (void)state;
    enum { ROWS = 11 };
    float x[ROWS * 4], y[ROWS * 4], seen[ROWS];
    count_up(x, ROWS * 4);
    wr_model *m =
        load_cold(e, IO4 "; out=n:FLOAT[-1,1]", (weir_model_options){.block_rows = 4});
    weir_tensor in = floats(x, ROWS, 4);
    wr_output out[] = {{.view = floats(y, ROWS, 4)}, {.view = floats(seen, ROWS, 1)}};
    wr_job job = {
        .model = m, .in = &in, .n_in = 1, .out = out, .n_out = 2, .deadline = WEIR_NEVER};
    expect_ok(run_job(e, &job));
    assert_memory_equal(x, y, sizeof x);
    weir_model_stats s = stats_of(m);
    assert_int_equal(s.n_runs, 3);
    assert_int_equal(s.n_calls, 1);
    assert_int_equal(s.n_copies, 0);
    assert_int_equal(s.batch[2], 2); /* 4 and 4 rows .. */
    assert_int_equal(s.batch[1], 1); /* .. and 3 */
    wr_model_unref(m);

    m = load_cold(e, "mock; op=rows; in=x:FLOAT[-1,4]; out=n:FLOAT[-1,1]",
                  (weir_model_options){.block_rows = 4});
    expect_ok(run_one(e, m, in, floats(seen, ROWS, 1)));
    for (int i = 0; i < ROWS; i++)
        assert_true(seen[i] == (i < 8 ? 4.0f : 3.0f));
    wr_model_unref(m);
}

static void test_rows_that_depend_on_each_other_are_not_split(void **state)
{
    (void)state;
    float x[40], seen[10];
    count_up(x, 40);
    const char *text = "mock; op=rows; in=x:FLOAT[-1,4]; out=n:FLOAT[-1,1]";
    weir_model_options o[] = {{.block_rows = 4, .rows_dependent = true},
                              {.block_rows = 4, .deterministic = true}};
    for (int i = 0; i < 2; i++) {
        wr_model *m = load_cold(e, text, o[i]);
        expect_ok(run_one(e, m, floats(x, 10, 4), floats(seen, 10, 1)));
        assert_true(seen[0] == 10.0f && seen[9] == 10.0f);
        wr_model_unref(m);
    }
}

static void test_strided_inputs_are_packed_block_by_block(void **state)
{
    (void)state;
    enum { ROWS = 9 };
    float x[ROWS * 8], y[ROWS * 4];
    count_up(x, ROWS * 8);
    weir_tensor in = floats(x, ROWS, 4);
    in.stride[0] = 32; /* every row's first four of eight */
    wr_model *m = load_cold(e, IO4, (weir_model_options){.block_rows = 2});
    expect_ok(run_one(e, m, in, floats(y, ROWS, 4)));
    for (int r = 0; r < ROWS; r++)
        assert_memory_equal(&y[r * 4], &x[r * 8], 16);
    assert_int_equal(stats_of(m).n_runs, 5);
    assert_int_equal(stats_of(m).n_copies, 1);
    assert_int_equal(stats_of(m).copied_bytes, ROWS * 16);
    wr_model_unref(m);
}

/* ---- outputs that the engine gives ------------------------------------------------------------------------- */

static void test_gives_buffers_for_outputs_without_memory(void **state)
{
    (void)state;
    float x[20];
    count_up(x, 20);
    const char *texts[] = {
        IO4, "mock; in=x:FLOAT[-1,4]; out=y:FLOAT[-1,-1]"}; /* second: by backend */
    for (int i = 0; i < 2; i++) {
        wr_model *m = load_cold(e, texts[i], (weir_model_options){.block_rows = 2});
        one o;
        one_init(&o, m, floats(x, 5, 4), (weir_tensor){0});
        expect_ok(run_job(e, &o.job));
        assert_non_null(o.out.buffer);
        assert_int_equal(weir_buffer_refs(o.out.buffer), 1);
        weir_tensor t = weir_buffer_view(o.out.buffer);
        assert_ptr_equal(t.data, o.out.view.data);
        assert_int_equal(t.shape[0], 5);
        assert_int_equal(t.shape[1], 4);
        assert_memory_equal(t.data, x, sizeof x);
        assert_int_equal(stats_of(m).n_runs, i == 0 ? 3 : 1);
        weir_buffer_unref(o.out.buffer);
        wr_model_unref(m);
    }
}

static void test_a_failed_run_leaves_no_buffer(void **state)
{
    (void)state;
    float x[4] = {0};
    wr_model *m = load_cold(e, IO4 "; fail_on=1", (weir_model_options){0});
    one o;
    one_init(&o, m, floats(x, 1, 4), (weir_tensor){0});
    expect_fail(run_job(e, &o.job), WEIR_ERR_MODEL, "told to fail in run 1");
    assert_null(o.out.buffer);
    assert_null(o.out.view.data);
    expect_ok(run_job(e, &o.job)); /* the same job again */
    weir_buffer_unref(o.out.buffer);
    weir_model_stats s = stats_of(m);
    assert_int_equal(s.n_calls, 2);
    assert_int_equal(s.n_errors, 1);
    wr_model_unref(m);
}

static void test_scripts_run_their_functions(void **state)
{
    (void)state;
    float a[] = {1, 2}, b[] = {10, 20};
    weir_buffer *text = bytes_of("mock", 4);
    wr_model *m = NULL;
    expect_ok(
        wr_model_load(&m, e, WEIR_STR("s"), text, true, NULL, NULL, WEIR_NEVER, &err));
    assert_true(wr_model_info(m)->is_script);
    weir_tensor in[] = {floats(a, 1, 2), floats(b, 1, 2)};
    wr_output out = {0};
    wr_job job = {.model = m,
                  .function = WEIR_STR("sum"),
                  .in = in,
                  .n_in = 2,
                  .out = &out,
                  .n_out = 1,
                  .deadline = WEIR_NEVER};
    expect_ok(run_job(e, &job));
    assert_true(((float *)out.view.data)[1] == 22.0f);
    weir_buffer_unref(out.buffer);
    out = (wr_output){0};
    job.function = WEIR_STR("nothing");
    expect_fail(run_job(e, &job), WEIR_ERR_MODEL, "Function does not exist: nothing");
    job.function = WEIR_STR("");
    expect_fail(run_job(e, &job), WEIR_ERR_ARG, "name one of its functions");
    wr_model_unref(m);
    weir_buffer_unref(text);
}

/* ---- empty batches --------------------------------------------------------------------------------------------- */

static void test_an_empty_batch_has_an_empty_answer_without_a_run(void **state)
{
    (void)state;
    float none[1];
    wr_model *m = load_cold(e, IO4, (weir_model_options){0});
    expect_ok(run_one(e, m, floats(none, 0, 4), floats(none, 0, 4)));
    one o;
    one_init(&o, m, floats(NULL, 0, 4), (weir_tensor){0});
    expect_ok(run_job(e, &o.job));
    weir_tensor t = weir_buffer_view(o.out.buffer);
    assert_int_equal(t.shape[0], 0);
    assert_int_equal(t.shape[1], 4);
    weir_buffer_unref(o.out.buffer);
    assert_int_equal(stats_of(m).n_runs, 0);
    assert_int_equal(stats_of(m).n_calls, 2);
    wr_model_unref(m);
}

/* ---- guards -------------------------------------------------------------------------------------------------------- */

static void test_guards_count_by_default(void **state)
{
    (void)state;
    float x[4] = {NAN, 1, INFINITY, 2}, y[4];
    wr_model *m = load_cold(e, IO4, (weir_model_options){0});
    expect_ok(run_one(e, m, floats(x, 1, 4), floats(y, 1, 4)));
    assert_int_equal(stats_of(m).n_bad_in, 2);
    assert_int_equal(stats_of(m).n_bad_out, 2);
    wr_model_unref(m);
    m = load_cold(e, IO4,
                  (weir_model_options){.input = {.mode = WEIR_GUARD_OFF},
                                       .output = {.mode = WEIR_GUARD_OFF}});
    expect_ok(run_one(e, m, floats(x, 1, 4), floats(y, 1, 4)));
    assert_int_equal(stats_of(m).n_bad_in, 0);
    assert_int_equal(stats_of(m).n_bad_out, 0);
    wr_model_unref(m);
}

static void test_failing_guards_leave_the_outputs_untouched(void **state)
{
    (void)state;
    float x[8] = {1, 2, 3, 4, 5, 6, 7, 8}, y[8] = {-1, -1, -1, -1, -1, -1, -1, -1},
          was[8];
    memcpy(was, y, sizeof y);
    wr_model *m = load_cold(
        e, IO4 "; nan_on=2",
        (weir_model_options){.output = {.mode = WEIR_GUARD_FAIL}, .block_rows = 1});
    expect_fail(run_one(e, m, floats(x, 2, 4), floats(y, 2, 4)), WEIR_ERR_GUARD,
                "output 0 'y' has 1 of 8 values that are not finite");
    assert_memory_equal(y, was, sizeof y);
    expect_ok(run_one(e, m, floats(x, 2, 4), floats(y, 2, 4)));
    assert_memory_equal(y, x, sizeof y);
    assert_int_equal(stats_of(m).n_bad_out, 1);
    assert_int_equal(stats_of(m).n_errors, 1);
    wr_model_unref(m);

    m = load_cold(
        e, IO4,
        (weir_model_options){
            .input = {.mode = WEIR_GUARD_FAIL, .ranged = true, .low = 0, .high = 7}});
    expect_fail(run_one(e, m, floats(x, 2, 4), floats(was, 2, 4)), WEIR_ERR_GUARD,
                "input 0 'x' has 1 of 8 values outside [0, 7]");
    assert_true(was[0] == -1.0f);
    assert_int_equal(stats_of(m).n_runs, 0);
    wr_model_unref(m);
}

static void test_mending_guards_change_outputs_only(void **state)
{
    (void)state;
    float x[4] = {NAN, -5, 0.5f, 5}, y[4];
    weir_guard clamp = {
        .mode = WEIR_GUARD_CLAMP, .ranged = true, .low = -1, .high = 1, .fallback = 9};
    wr_model *m = load_cold(e, IO4, (weir_model_options){.output = clamp});
    expect_ok(run_one(e, m, floats(x, 1, 4), floats(y, 1, 4)));
    assert_true(y[0] == 9.0f && y[1] == -1.0f && y[2] == 0.5f && y[3] == 1.0f);
    assert_true(isnan(x[0]) && x[1] == -5.0f);
    assert_int_equal(stats_of(m).n_bad_out, 3);
    wr_model_unref(m);
}

/* ---- deadlines -------------------------------------------------------------------------------------------------------- */

static void test_a_deadline_in_the_past_runs_nothing(void **state)
{
    (void)state;
    float x[4] = {1}, y[4] = {7, 7, 7, 7};
    wr_model *m = load_cold(e, IO4, (weir_model_options){0});
    one o;
    one_init(&o, m, floats(x, 1, 4), floats(y, 1, 4));
    o.job.deadline = weir_now_ns() - 5000000;
    expect_fail(run_job(e, &o.job), WEIR_ERR_TIMEOUT, "ms before the call");
    assert_true(y[0] == 7.0f);
    assert_int_equal(stats_of(m).n_runs, 0);
    assert_int_equal(stats_of(m).n_timeouts, 1);
    wr_model_unref(m);
}

static void test_a_run_is_interrupted_at_its_deadline(void **state)
{
    (void)state;
    float x[4] = {1}, y[4];
    wr_model *m = load_cold(e, IO4 "; delay_us=60000000", (weir_model_options){0});
    one o;
    one_init(&o, m, floats(x, 1, 4), floats(y, 1, 4));
    int64_t begun = weir_now_ns();
    o.job.deadline = weir_deadline_in_ms(100);
    expect_fail(run_job(e, &o.job), WEIR_ERR_TIMEOUT, "stopped at its deadline after");
    int64_t took = weir_now_ns() - begun;
    assert_true(took >= 99000000 && took < INT64_C(20000000000));
    wr_model_unref(m);
}

static void test_a_run_that_outlasts_its_deadline_says_so(void **state)
{
    (void)state;
    float x[4] = {1}, y[4];
    wr_model *m = load_cold(e, IO4 "; delay_us=200000; deaf", (weir_model_options){0});
    one o;
    one_init(&o, m, floats(x, 1, 4), floats(y, 1, 4));
    o.job.deadline = weir_deadline_in_ms(50);
    expect_fail(run_job(e, &o.job), WEIR_ERR_TIMEOUT, "ms after the deadline; it took");
    expect_ok(run_one(e, m, floats(x, 1, 4),
                      floats(y, 1, 4))); /* the wish to stop is forgotten */
    wr_model_unref(m);
}

static void test_blocks_stop_at_the_deadline(void **state)
{
    (void)state;
    float x[400] = {0}, y[400];
    wr_model *m =
        load_cold(e, IO4 "; delay_us=10000; deaf", (weir_model_options){.block_rows = 1});
    one o;
    one_init(&o, m, floats(x, 100, 4), floats(y, 100, 4));
    o.job.deadline = weir_deadline_in_ms(100);
    expect_fail(run_job(e, &o.job), WEIR_ERR_TIMEOUT, "of 100 rows");
    assert_true(stats_of(m).n_runs > 0 && stats_of(m).n_runs < 60);
    wr_model_unref(m);
}

/* ---- memory and rest ------------------------------------------------------------------------------------------------------ */

static void test_a_steady_state_allocates_nothing(void **state)
{
    (void)state;
    float x[64], y[64];
    count_up(x, 64);
    weir_tensor strided = floats(x, 8, 4), dense = floats(x, 8, 4), out = floats(y, 8, 4);
    strided.stride[0] = 32;
    weir_tensor out_strided = out;
    out_strided.stride[0] = 32;
    wr_model *m = load_cold(e, IO4, (weir_model_options){.block_rows = 4});
    weir_tensor in[] = {dense, strided, strided};
    weir_tensor to[] = {out, out, out_strided};
    for (int i = 0; i < 3; i++) {
        expect_ok(run_one(e, m, in[i], to[i]));
        uint64_t before = wr_alloc_count();
        for (int k = 0; k < 100; k++)
            expect_ok(run_one(e, m, in[i], to[i]));
        assert_int_equal(wr_alloc_count() - before, 0);
    }
    wr_model_unref(m);
}

static void test_a_run_survives_every_allocation_failure(void **state)
{
    (void)state;
    float x[64], y[64];
    count_up(x, 64);
    weir_tensor in = floats(x, 8, 4);
    in.stride[0] = 32;
    for (long n = 0;; n++) {
        wr_model *m = load_cold(e, IO4 "; out=z:FLOAT[-1,4]",
                                (weir_model_options){.block_rows = 3});
        weir_tensor strided = floats(y, 8, 4);
        strided.stride[0] = 32;
        wr_output out[2] = {{.view = strided}};
        wr_job job = {.model = m,
                      .in = &in,
                      .n_in = 1,
                      .out = out,
                      .n_out = 2,
                      .deadline = WEIR_NEVER};
        weir_memory_trim(0);
        wr_fail_allocation_after(n);
        weir_status st = run_job(e, &job);
        wr_fail_allocation_after(-1);
        if (st == WEIR_OK) {
            assert_true(n > 3);
            assert_memory_equal(&y[56], &x[56], 16);
            weir_buffer_unref(out[1].buffer);
            wr_model_unref(m);
            return;
        }
        assert_int_equal(st, WEIR_ERR_NOMEM);
        assert_null(out[1].buffer);
        expect_ok(run_job(e, &job)); /* nothing is broken for good */
        weir_buffer_unref(out[1].buffer);
        wr_model_unref(m);
    }
}

/* Is it a thread of the engine's? */
static bool is_ours(const char *id)
{
    char path[300], name[32] = "";
    snprintf(path, sizeof path, "/proc/self/task/%s/comm", id);
    FILE *f = fopen(path, "r");
    if (f == NULL)
        return false;
    bool ours = fgets(name, sizeof name, f) != NULL && strncmp(name, "weir-", 5) == 0;
    fclose(f);
    return ours;
}

static long sleeps_of(const char *id)
{
    char path[300], line[200];
    long v = 0;
    snprintf(path, sizeof path, "/proc/self/task/%s/status", id);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f) != NULL &&
           sscanf(line, "voluntary_ctxt_switches: %ld", &v) != 1)
        continue;
    fclose(f);
    return v;
}

/* Times that the engine's threads of this process went to sleep, and how many there are. */
static long sleeps(int *n_threads)
{
    long sum = 0;
    DIR *d = opendir("/proc/self/task");
    assert_non_null(d);
    *n_threads = 0;
    for (struct dirent *t; (t = readdir(d)) != NULL;) {
        if (t->d_name[0] == '.' || !is_ours(t->d_name))
            continue;
        (*n_threads)++;
        sum += sleeps_of(t->d_name);
    }
    closedir(d);
    return sum;
}

static void on_done(wr_job *job)
{
    ssize_t n = write(*(int *)job->context, "d", 1);
    (void)n;
}

static void test_blocking_calls_need_no_threads_and_an_idle_engine_sleeps(void **state)
{
    (void)state;
    int before, n, fds[2];
    float x[4] = {0}, y[4];
    wr_engine *fresh = engine_with(2);
    wr_model *m = load_cold(fresh, IO4, (weir_model_options){0});
    sleeps(&before);
    for (int i = 0; i < 100; i++)
        expect_ok(run_one(fresh, m, floats(x, 1, 4), floats(y, 1, 4)));
    sleeps(&n);
    assert_int_equal(n, before);

    /* Now with a worker and the keeper: a submitted job with a deadline, and a watched run. */
    assert_int_equal(pipe(fds), 0);
    one o;
    one_init(&o, m, floats(x, 1, 4), floats(y, 1, 4));
    o.job.deadline = weir_deadline_in_ms(5000);
    o.job.done = on_done;
    o.job.context = &fds[1];
    expect_ok(wr_engine_submit(fresh, &o.job, &err));
    char c;
    assert_int_equal(read(fds[0], &c, 1), 1);
    assert_int_equal(o.job.status, WEIR_OK);
    /* They fall asleep some time after the job is done, and then stay so. */
    long slept = -1;
    for (int i = 0; i < 20 && slept != sleeps(&n); i++) {
        slept = sleeps(&n);
        poll(NULL, 0, 300);
    }
    assert_int_equal(n, before + 2);
    assert_int_equal(sleeps(&n), slept);
    wr_model_unref(m);
    wr_engine_free(fresh);
    sleeps(&n);
    assert_int_equal(n, before);
    close(fds[0]);
    close(fds[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_contiguous_views_are_not_copied),
        cmocka_unit_test(test_fortran_and_reversed_views_give_the_same_numbers),
        cmocka_unit_test(test_misaligned_memory_is_packed),
        cmocka_unit_test(test_a_model_that_writes_its_input_gets_a_copy),
        cmocka_unit_test(test_large_batches_run_in_blocks_without_copies),
        cmocka_unit_test(test_rows_that_depend_on_each_other_are_not_split),
        cmocka_unit_test(test_strided_inputs_are_packed_block_by_block),
        cmocka_unit_test(test_gives_buffers_for_outputs_without_memory),
        cmocka_unit_test(test_a_failed_run_leaves_no_buffer),
        cmocka_unit_test(test_scripts_run_their_functions),
        cmocka_unit_test(test_an_empty_batch_has_an_empty_answer_without_a_run),
        cmocka_unit_test(test_guards_count_by_default),
        cmocka_unit_test(test_failing_guards_leave_the_outputs_untouched),
        cmocka_unit_test(test_mending_guards_change_outputs_only),
        cmocka_unit_test(test_a_deadline_in_the_past_runs_nothing),
        cmocka_unit_test(test_a_run_is_interrupted_at_its_deadline),
        cmocka_unit_test(test_a_run_that_outlasts_its_deadline_says_so),
        cmocka_unit_test(test_blocks_stop_at_the_deadline),
        cmocka_unit_test(test_a_steady_state_allocates_nothing),
        cmocka_unit_test(test_a_run_survives_every_allocation_failure),
        cmocka_unit_test(test_blocking_calls_need_no_threads_and_an_idle_engine_sleeps),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
