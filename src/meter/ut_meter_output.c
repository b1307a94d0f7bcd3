/* SPDX-License-Identifier: BSD-3-Clause */
/* Tests of the outputs: read back by Python's own readers and recomputed with NumPy, written to
 * files that appear whole or not at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "meter/output.h"

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/weir-meter-XXXXXX");
    return mkdtemp(folder) == NULL;
}

static const char *path_of(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static int count_files(void)
{
    int n = 0;
    DIR *d = opendir(folder);
    assert_non_null(d);
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d))
        n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

static int remove_folder(void **state)
{
    (void)state;
    DIR *d = opendir(folder);
    if (d == NULL)
        return 1;
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d))
        unlink(path_of(e->d_name));
    closedir(d);
    return rmdir(folder);
}

static weir_meter *meter(weir_meter_options o)
{
    weir_meter *m = NULL;
    o.struct_bytes = sizeof o;
    assert_int_equal(weir_meter_new(&m, &o, NULL), WEIR_OK);
    return m;
}

static int key_of(weir_meter *m, weir_meter_kind kind, const char *name, const char *unit)
{
    int key = -1;
    assert_int_equal(weir_meter_key(m, kind, weir_cstr(name), weir_cstr(unit),
                                    WEIR_STR("what \"it\" is, in a \\ sentence"), &key,
                                    NULL),
                     WEIR_OK);
    return key;
}

static char *print(weir_meter *m, weir_meter_format format)
{
    char *text = NULL;
    size_t n = 0;
    assert_int_equal(weir_meter_print(m, format, &text, &n, NULL), WEIR_OK);
    assert_int_equal(strlen(text), n);
    return text;
}

/* Names that break writers which don't quote. */
static const char *const hard[] = {
    "a,b",       "say \"hi\"", "back\\slash", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x8c\x8a",
    "</script>", " leading",   "{}[]:'"};
enum { N_HARD = sizeof hard / sizeof *hard, N_STEPS = 40 };

/* A program of nested regions, durations given and measured, counters, histograms. */
static weir_meter *busy_meter(int *n_regions)
{
    weir_meter *m = meter(
        (weir_meter_options){.trace = true, .skip_first = 2, .rank = 3, .thread = 1});
    int residual = key_of(m, WEIR_METER_HISTOGRAM, "residual, of \"u\"", "m/s"),
        key[N_HARD];
    int sent = key_of(m, WEIR_METER_COUNTER, "sent", "bytes");
    for (int i = 0; i < N_HARD; i++)
        key[i] = key_of(m, WEIR_METER_TIMER, hard[i], "");
    *n_regions = 0;
    for (int i = 0; i < N_STEPS; i++) {
        weir_meter_start(m, WEIR_METER_EPOCH);
        for (int k = 0; k < N_HARD; k++) {
            weir_meter_start(m, key[k]);
            weir_meter_start(m, WEIR_METER_IO);
            weir_meter_add(m, sent, 4096 + i);
            weir_meter_stop(m, WEIR_METER_IO);
            weir_meter_stop(m, key[k]);
            weir_meter_add(m, residual, sin(1.7 * i + k) * pow(10, k - 3));
        }
        weir_meter_add(m, WEIR_METER_COMM, 0.25 + i * 1e-3);
        weir_meter_stop(m, WEIR_METER_EPOCH);
        *n_regions += 1 + 2 * N_HARD;
    }
    return m;
}

static void write_format(weir_meter *m, weir_meter_format format, const char *name)
{
    weir_error err = {0};
    if (weir_meter_write(m, format, weir_cstr(path_of(name)), &err) != WEIR_OK)
        fail_msg("%s", err.text);
}

/* The values of each key that has any, by its place among those in the output. */
static void write_values(weir_meter *m)
{
    int place = 0;
    for (int key = 0; key < weir_meter_n_keys(m); key++) {
        weir_meter_stats s;
        size_t n = 0;
        assert_int_equal(weir_meter_read(m, key, &s, NULL), WEIR_OK);
        if (s.n == 0)
            continue;
        char name[32];
        snprintf(name, sizeof name, "values-%d.txt", place++);
        const double *x = weir_meter_samples(m, key, &n);
        if (n == 0)
            continue; /* a counter */
        FILE *f = fopen(path_of(name), "w");
        assert_non_null(f);
        for (size_t i = 0; i < n; i++)
            fprintf(f, "%.17g\n", x[i]);
        assert_int_equal(fclose(f), 0);
    }
}

static void test_numpy_agrees_with_every_output(void **state)
{
    (void)state;
    const char *source = getenv("WEIR_SOURCE_DIR");
    if (source == NULL || access("/usr/bin/python3", X_OK) != 0)
        skip();
    int n_regions = 0;
    weir_meter *m = busy_meter(&n_regions);
    write_format(m, WEIR_METER_JSON, "meter.json");
    write_format(m, WEIR_METER_CSV, "meter.csv");
    write_format(m, WEIR_METER_TEXT, "meter.txt");
    write_format(m, WEIR_METER_TRACE, "trace.json");
    write_values(m);
    weir_meter_free(m);
    char command[512];
    snprintf(command, sizeof command,
             "/usr/bin/python3 '%s/tests/meter/check.py' '%s' %d >&2", source, folder,
             n_regions);
    int rc = system(command);
    assert_true(WIFEXITED(rc));
    if (WEXITSTATUS(rc) == 77)
        skip();
    assert_int_equal(WEXITSTATUS(rc), 0);
}

static void test_text_is_that_of_deep500(void **state)
{
    (void)state;
    weir_meter *m = meter((weir_meter_options){0});
    char *text = print(m, WEIR_METER_TEXT);
    assert_string_equal(text, "---\n");
    weir_meter_text_free(text);
    weir_meter_add(m, WEIR_METER_IO, 0.5);
    for (int i = 1; i <= 4; i++)
        weir_meter_add(m, WEIR_METER_BATCH, i);
    weir_meter_start(m, WEIR_METER_EPOCH); /* an open region is left out, and no error */
    text = print(m, WEIR_METER_TEXT);
    assert_string_equal(
        text, "BATCH\n"
              "min: 1.00000 mean: 2.50000 median: 2.50000 max: 4.00000 stdev: 1.29099\n"
              "IO\n"
              "min: 0.50000 mean: 0.50000 median: 0.50000 max: 0.50000 stdev: 0.00000\n"
              "---\n");
    weir_meter_text_free(text);
    weir_meter_free(m);
}

static void test_empty_meter_gives_empty_lists(void **state)
{
    (void)state;
    weir_meter *m = meter((weir_meter_options){0});
    char *json = print(m, WEIR_METER_JSON), *trace = print(m, WEIR_METER_TRACE);
    assert_non_null(strstr(json, "\"keys\": []"));
    assert_non_null(strstr(json, "\"tree\": []"));
    assert_null(strstr(trace, "\"X\""));
    weir_meter_text_free(json);
    weir_meter_text_free(trace);
    weir_meter_free(m);
}

static void test_open_and_refused_regions_are_reported(void **state)
{
    (void)state;
    weir_meter *m = meter((weir_meter_options){0});
    weir_meter_start(m, WEIR_METER_EPOCH);
    weir_meter_stop(m, WEIR_METER_IO);
    char *json = print(m, WEIR_METER_JSON), *csv = print(m, WEIR_METER_CSV);
    assert_non_null(strstr(json, "\"refused\": 1, \"open\": 1"));
    assert_non_null(strstr(json, "\"open\": true, \"n\": 0"));
    assert_non_null(strstr(csv, "\n0,0,EPOCH,timer,s,0,1,"));
    weir_meter_text_free(json);
    weir_meter_text_free(csv);
    weir_meter_free(m);
}

static void test_strings_that_are_not_utf8_stay_valid_json(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"", "\"\""},
        {"a\"\\\n\x7f", "\"a\\\"\\\\\\u000a\\u007f\""},
        {"\xc3\xa9", "\"\xc3\xa9\""},
        {"\xc3", "\"\\ufffd\""},
        {"\xff\x80z", "\"\\ufffd\\ufffdz\""},
        {"\xc0\xaf", "\"\\ufffd\\ufffd\""},                       /* overlong */
        {"\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\""},            /* surrogate */
        {"\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\""}, /* beyond U+10FFFF */
        {"\xe2\x82", "\"\\ufffd\\ufffd\""}};                      /* cut short */
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        wr_text t = {0};
        wr_json_string(&t, cases[i].in);
        assert_string_equal(t.p, cases[i].out);
        wr_text_fini(&t);
    }
}

static void test_numbers_read_back_and_never_break_json(void **state)
{
    (void)state;
    static const double x[] = {0,    0.1,       1.0 / 3, 5e-324, 1.7976931348623157e308,
                               -2.5, 1e15 + 0.5};
    for (size_t i = 0; i < sizeof x / sizeof *x; i++) {
        wr_text t = {0};
        wr_json_number(&t, x[i]);
        assert_true(strtod(t.p, NULL) == x[i]);
        wr_text_fini(&t);
    }
    wr_text t = {0};
    wr_json_number(&t, (double)INFINITY);
    wr_json_number(&t, (double)NAN);
    assert_string_equal(t.p, "nullnull");
    wr_text_fini(&t);
    weir_meter *m = meter((weir_meter_options){0}); /* sums that overflow */
    int h = key_of(m, WEIR_METER_HISTOGRAM, "h", "");
    weir_meter_add(m, h, 1.7e308);
    weir_meter_add(m, h, 1.7e308);
    weir_meter_add(m, h, -1.7e308);
    char *json = print(m, WEIR_METER_JSON);
    assert_null(strstr(json, "inf"));
    assert_null(strstr(json, "nan"));
    weir_meter_text_free(json);
    weir_meter_free(m);
}

static void test_a_full_trace_keeps_the_newest(void **state)
{
    (void)state;
    weir_meter *m = meter((weir_meter_options){.trace = true, .trace_max = 5});
    int late = key_of(m, WEIR_METER_TIMER, "late", "");
    for (int i = 0; i < 20; i++) {
        int key = i < 15 ? WEIR_METER_IO : late;
        weir_meter_start(m, key);
        weir_meter_stop(m, key);
    }
    char *trace = print(m, WEIR_METER_TRACE);
    int n = 0;
    for (const char *at = strstr(trace, "\"X\""); at != NULL;
         at = strstr(at + 1, "\"X\""))
        n++;
    assert_int_equal(n, 5);
    assert_null(strstr(trace, "\"IO\""));
    assert_non_null(strstr(trace, "\"dropped\": \"15\""));
    weir_meter_text_free(trace);
    weir_meter_free(m);
}

static void test_an_existing_file_is_never_touched(void **state)
{
    (void)state;
    weir_meter *m = meter((weir_meter_options){0});
    weir_error err = {0};
    weir_str path = weir_cstr(path_of("kept"));
    FILE *f = fopen(path.p, "w");
    assert_non_null(f);
    fputs("mine", f);
    fclose(f);
    int before = count_files();
    assert_int_equal(weir_meter_write(m, WEIR_METER_JSON, path, &err), WEIR_ERR_EXISTS);
    assert_non_null(strstr(err.text, "kept' exists already"));
    char text[16] = {0};
    f = fopen(path.p, "r");
    assert_int_equal(fread(text, 1, sizeof text - 1, f), 4);
    fclose(f);
    assert_string_equal(text, "mine");
    assert_int_equal(symlink("nowhere", path_of("dangling")),
                     0); /* a link counts as taken, too */
    assert_int_equal(
        weir_meter_write(m, WEIR_METER_JSON, weir_cstr(path_of("dangling")), &err),
        WEIR_ERR_EXISTS);
    assert_int_equal(count_files(), before + 1);
    weir_meter_free(m);
}

static void test_paths_that_cannot_be_written_say_why(void **state)
{
    (void)state;
    weir_meter *m = meter((weir_meter_options){0});
    weir_error err = {0};
    assert_int_equal(
        weir_meter_write(m, WEIR_METER_CSV, weir_cstr(path_of("no/such")), &err),
        WEIR_ERR_IO);
    assert_non_null(strstr(err.text, "No such file or directory"));
    assert_non_null(strstr(err.text, "no/such"));
    weir_str none = {0};
    assert_int_equal(weir_meter_write(m, WEIR_METER_CSV, none, &err), WEIR_ERR_ARG);
    assert_int_equal(weir_meter_write(m, (weir_meter_format)9, none, &err), WEIR_ERR_ARG);
    assert_int_equal(weir_meter_write(NULL, WEIR_METER_CSV, none, &err), WEIR_ERR_ARG);
    weir_meter_free(m);
}

/* A file-size limit stands for a full disk: write() fails half-way. */
static void test_a_full_disk_is_an_error_and_leaves_nothing(void **state)
{
    (void)state;
    int n_regions = 0;
    weir_meter *m = busy_meter(&n_regions);
    weir_error err = {0};
    struct rlimit before, small;
    int n_files = count_files();
    char *text = print(m, WEIR_METER_TRACE); /* longer than the limit */
    assert_true(strlen(text) > 8192);
    weir_meter_text_free(text);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 8192;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    weir_status st =
        weir_meter_write(m, WEIR_METER_TRACE, weir_cstr(path_of("full")), &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(st, WEIR_ERR_IO);
    assert_non_null(strstr(err.text, "File too large"));
    assert_int_equal(count_files(), n_files);
    weir_meter_free(m);
}

static void test_files_obey_the_umask(void **state)
{
    (void)state;
    weir_meter *m = meter((weir_meter_options){0});
    struct stat is;
    mode_t before = umask(027);
    write_format(m, WEIR_METER_TEXT, "masked");
    umask(before);
    assert_int_equal(stat(path_of("masked"), &is), 0);
    assert_int_equal(is.st_mode & 0777, 0640);
    assert_int_equal(is.st_nlink, 1);
    weir_meter_free(m);
}

static void test_output_survives_every_allocation_failure(void **state)
{
    (void)state;
    int n_regions = 0, n_files = count_files();
    weir_meter *m = busy_meter(&n_regions);
    for (int format = 0; format < WEIR_METER_FORMAT_COUNT; format++) {
        for (long n = 0;; n++) {
            weir_error err = {0};
            char name[32];
            snprintf(name, sizeof name, "oom-%d", format);
            wr_fail_allocation_after(n);
            weir_status st = weir_meter_write(m, (weir_meter_format)format,
                                              weir_cstr(path_of(name)), &err);
            wr_fail_allocation_after(-1);
            assert_int_equal(count_files(), n_files + (st == WEIR_OK));
            if (st == WEIR_OK) {
                assert_true(n > 2);
                n_files++;
                break;
            }
            assert_int_equal(st, WEIR_ERR_NOMEM);
            assert_true(err.text[0] != '\0');
        }
    }
    weir_meter_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numpy_agrees_with_every_output),
        cmocka_unit_test(test_text_is_that_of_deep500),
        cmocka_unit_test(test_empty_meter_gives_empty_lists),
        cmocka_unit_test(test_open_and_refused_regions_are_reported),
        cmocka_unit_test(test_strings_that_are_not_utf8_stay_valid_json),
        cmocka_unit_test(test_numbers_read_back_and_never_break_json),
        cmocka_unit_test(test_a_full_trace_keeps_the_newest),
        cmocka_unit_test(test_an_existing_file_is_never_touched),
        cmocka_unit_test(test_paths_that_cannot_be_written_say_why),
        cmocka_unit_test(test_a_full_disk_is_an_error_and_leaves_nothing),
        cmocka_unit_test(test_files_obey_the_umask),
        cmocka_unit_test(test_output_survives_every_allocation_failure),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
