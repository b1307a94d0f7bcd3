/* SPDX-License-Identifier: BSD-3-Clause */
/* Finding backends: what is told apart, what is said when one is missing, broken or another's. */
#include "engine/loader.c" /* its checks are static: they need no broken libraries on disk */

#include "engine/testing.h"

#include <sys/stat.h>

static char folder[] = "/tmp/weir-loader-XXXXXX";

static void in_folder(char *out, size_t n, const char *file)
{
    snprintf(out, n, "%s/%s", folder, file);
}

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    fclose(f);
}

static void test_unknown_names_are_answered_with_the_known_ones(void **state)
{
    (void)state;
    const wr_backend_ops *ops = NULL;
    expect_fail(wr_backend_load(&ops, WEIR_STR("tflite"), (weir_str){0}, 1, false, &err),
                WEIR_ERR_BACKEND,
                "there is no backend 'tflite'; Weir has mock, onnx, torch");
    assert_null(ops);
}

static void test_mock_is_found_beside_the_program(void **state)
{
    (void)state;
    const wr_backend_ops *ops = NULL, *again = NULL;
    expect_ok(wr_backend_load(&ops, WEIR_STR("mock"), (weir_str){0}, 1, false, &err));
    assert_string_equal(ops->name, "mock");
    expect_ok(
        wr_backend_load(&again, WEIR_STR("mock"), WEIR_STR("/nowhere"), 1, false, &err));
    assert_ptr_equal(ops, again);
}

static void test_first_bytes_tell_the_backend(void **state)
{
    (void)state;
    assert_string_equal(wr_backend_guess("mock; op=sum", 12, false), "mock");
    assert_string_equal(wr_backend_guess("PK\3\4....", 8, false), "torch");
    assert_string_equal(wr_backend_guess("\x08\x08\x12\x04", 4, false), "onnx");
    assert_null(wr_backend_guess("moc", 3, false));
    assert_null(wr_backend_guess("", 0, false));
    assert_string_equal(wr_backend_guess("def f(x):", 9, true), "torch");
    assert_string_equal(wr_backend_guess("mock", 4, true), "mock");
}

static void test_a_missing_backend_says_what_where_and_what_to_install(void **state)
{
    (void)state;
    search *s = malloc(sizeof *s);
    assert_non_null(s);
    make_search(s, "torch", weir_cstr("/some/folder"));
    expect_fail(not_found(&table[2], s, &err), WEIR_ERR_BACKEND,
                "backend 'torch' is not installed");
    assert_has(err.text, "libtorch-dev");
    assert_has(err.text, "/some/folder/weir_backend_torch.so");
    free(s);
}

static void test_folders_are_searched_in_order(void **state)
{
    (void)state;
    const char *was = getenv("WEIR_BACKEND_PATH");
    char *saved = was == NULL ? NULL : strdup(was);
    search *s = malloc(sizeof *s);
    assert_non_null(s);
    setenv("WEIR_BACKEND_PATH", "/from/env", 1);
    make_search(s, "onnx", weir_cstr("/from/options"));
    assert_int_equal(s->n, PLACES);
    assert_string_equal(s->file[0], "/from/options/weir_backend_onnx.so");
    assert_string_equal(s->file[1], "/from/env/weir_backend_onnx.so");
    assert_has(s->file[2], "/weir/backends/weir_backend_onnx.so");
    assert_has(s->file[3], "/backends/weir_backend_onnx.so");
    assert_has(s->file[4], "/../lib/weir/backends/weir_backend_onnx.so");
    unsetenv("WEIR_BACKEND_PATH");
    make_search(s, "onnx", (weir_str){0});
    assert_int_equal(s->n, 3);
    if (saved != NULL)
        setenv("WEIR_BACKEND_PATH", saved, 1);
    free(saved);
    free(s);
}

static void test_a_file_that_is_no_library_is_named(void **state)
{
    (void)state;
    char path[200];
    known k = {.name = "broken", .hint = "do something"};
    in_folder(path, sizeof path, "weir_backend_broken.so");
    write_file(path, "not an ELF file");
    pthread_once(&table_once, init_table);
    expect_fail(find_and_open(&k, weir_cstr(folder), &err), WEIR_ERR_BACKEND, path);
    assert_has(err.text, "do something");
    assert_null(k.ops);
    unlink(path);
}

static void test_a_library_that_is_no_backend_is_refused(void **state)
{
    (void)state;
    known k = {.name = "broken", .hint = ""};
    expect_fail(open_file(&k, "libm.so.6", &err), WEIR_ERR_BACKEND,
                "libm.so.6 has no symbol 'wr_backend_entry'");
}

static void test_an_incomplete_table_is_refused_with_the_missing_member(void **state)
{
    (void)state;
    const wr_backend_ops *whole = NULL;
    expect_ok(wr_backend_load(&whole, WEIR_STR("mock"), (weir_str){0}, 1, false, &err));
    const known *k = &table[0];
    wr_backend_ops ops = *whole;
    expect_ok(check_ops(&ops, k, "f", &err));
    ops.abi = 99;
    expect_fail(check_ops(&ops, k, "f", &err), WEIR_ERR_BACKEND, "interface 99 with");
    ops = *whole;
    ops.bytes = 8;
    expect_fail(check_ops(&ops, k, "f", &err), WEIR_ERR_BACKEND, "with 8 bytes");
    ops = *whole;
    ops.run = NULL;
    expect_fail(check_ops(&ops, k, "f", &err), WEIR_ERR_BACKEND, "f lacks 'run'");
    ops = *whole;
    ops.place_free = NULL;
    expect_fail(check_ops(&ops, k, "f", &err), WEIR_ERR_BACKEND, "f lacks 'place_free'");
    ops = *whole;
    ops.place_new = NULL;
    ops.place_free = NULL;
    expect_fail(check_ops(&ops, k, "f", &err), WEIR_ERR_BACKEND, "f lacks 'place_new'");
    ops = *whole;
    ops.name = "other";
    expect_fail(check_ops(&ops, k, "f", &err), WEIR_ERR_BACKEND, "holds backend 'other'");
    expect_fail(check_ops(NULL, k, "f", &err), WEIR_ERR_BACKEND, "no table");
}

static void test_the_list_says_of_each_where_it_is_or_what_to_do(void **state)
{
    (void)state;
    weir_backend_info info[8];
    size_t n = wr_engine_backends(NULL, info, 8);
    assert_int_equal(n, 3);
    assert_int_equal(wr_engine_backends(NULL, NULL, 0), 3);
    for (size_t i = 0; i < n; i++) {
        if (info[i].present)
            assert_true(info[i].version[0] != '\0' && info[i].path[0] == '/');
        else
            assert_has(info[i].hint, "setup.sh");
    }
    assert_string_equal(info[0].name, "mock");
    assert_true(info[0].present);
}

/* The onnx backend, moved to where no library is near it. */
static void test_a_missing_library_is_an_error_and_not_for_ever(void **state)
{
    (void)state;
    char from[PATH_MAX + 100], to[200], command[PATH_MAX * 2];
    const char *path = getenv("WEIR_BACKEND_PATH");
    snprintf(from, sizeof from, "%s/weir_backend_onnx.so", path == NULL ? "" : path);
    if (access(from, R_OK) != 0)
        skip(); /* not built */
    in_folder(to, sizeof to, "weir_backend_onnx.so");
    snprintf(command, sizeof command, "cp '%s' '%s'", from, to);
    assert_int_equal(system(command), 0);
    known *k = find_known(WEIR_STR("onnx"));
    if (k->ops != NULL)
        k->ops = NULL; /* the list has loaded it: the moved one is another library */
    setenv("WEIR_ONNXRUNTIME", "/nowhere/libonnxruntime.so", 1);
    unsetenv("WEIR_PREFIX");
    const wr_backend_ops *ops = NULL;
    weir_status st =
        wr_backend_load(&ops, WEIR_STR("onnx"), weir_cstr(folder), 1, false, &err);
    unsetenv("WEIR_ONNXRUNTIME");
    if (st != WEIR_OK) { /* or the system has the library */
        assert_int_equal(st, WEIR_ERR_BACKEND);
        assert_has(err.text, "/nowhere/libonnxruntime.so");
        assert_has(err.text, "setup.sh onnx");
        assert_null(k->ops);
    }
    unlink(to);
    /* Its own place again: found if the library is there at all. */
    (void)!wr_backend_load(&ops, WEIR_STR("onnx"), (weir_str){0}, 1, false, &err);
    weir_backend_info info[3];
    wr_engine_backends(NULL, info, 3);
    assert_true(info[1].present == (ops != NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unknown_names_are_answered_with_the_known_ones),
        cmocka_unit_test(test_mock_is_found_beside_the_program),
        cmocka_unit_test(test_first_bytes_tell_the_backend),
        cmocka_unit_test(test_a_missing_backend_says_what_where_and_what_to_install),
        cmocka_unit_test(test_folders_are_searched_in_order),
        cmocka_unit_test(test_a_file_that_is_no_library_is_named),
        cmocka_unit_test(test_a_library_that_is_no_backend_is_refused),
        cmocka_unit_test(test_an_incomplete_table_is_refused_with_the_missing_member),
        cmocka_unit_test(test_the_list_says_of_each_where_it_is_or_what_to_do),
        cmocka_unit_test(test_a_missing_library_is_an_error_and_not_for_ever),
    };
    if (mkdtemp(folder) == NULL)
        return 1;
    int n_failed = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(folder);
    return n_failed;
}
