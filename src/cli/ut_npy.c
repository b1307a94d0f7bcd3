/* SPDX-License-Identifier: BSD-3-Clause */
/* .npy files: headers as NumPy writes them and as strangers might, round trips of every type. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "cli/npy.c" /* the program's sources are not part of weir_core */

static char path[] = "/tmp/weir-ut-npy-XXXXXX";

static int make_file(void **state)
{
    (void)state;
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

/* A version 1 file around a header text and n bytes of data; parsed. */
static weir_status parse(const char *header, size_t n_data, npy_header *h,
                         weir_error *err)
{
    unsigned char file[1024] = "\x93NUMPY\x01";
    size_t n = strlen(header);
    file[7] = 0;
    file[8] = (unsigned char)(n & 255);
    file[9] = (unsigned char)(n >> 8);
    memcpy(file + 10, header, n);
    /* exact memory, so that ASan sees any byte read beyond */
    unsigned char *exact = malloc(10 + n + n_data);
    memcpy(exact, file, 10 + n);
    memset(exact + 10 + n, 0, n_data);
    weir_status st = npy_parse(exact, 10 + n + n_data, h, err);
    free(exact);
    return st;
}

static void test_headers_that_numpy_writes_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t n_data;
        weir_dtype dtype;
        int rank;
        int64_t first;
        bool fortran;
    } good[] = {
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }          \n", 48,
         WEIR_F32, 2, 3, false},
        {"{'descr': '<f8', 'fortran_order': True, 'shape': (2, 3, 4), }\n", 192, WEIR_F64,
         3, 2, true},
        {"{'shape': (5,), 'fortran_order': False, 'descr': '|b1'}", 5, WEIR_BOOL, 1, 5,
         false},
        {"{'descr': '<i8', 'fortran_order': False, 'shape': (), }", 8, WEIR_I64, 0, 0,
         false},
        {"{\"descr\": \"<f2\", \"fortran_order\": False, \"shape\": (7L,)}", 14, WEIR_F16,
         1, 7, false},
        {"{'descr': '|u1', 'fortran_order': False, 'shape': (0, 9), }", 0, WEIR_U8, 2, 0,
         false}};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        npy_header h;
        weir_error err = {0};
        if (parse(good[i].text, good[i].n_data, &h, &err) != WEIR_OK)
            fail_msg("%s: %s", good[i].text, err.text);
        assert_int_equal(h.dtype, good[i].dtype);
        assert_int_equal(h.rank, good[i].rank);
        assert_int_equal(h.is_fortran, good[i].fortran);
        if (h.rank > 0)
            assert_int_equal(h.shape[0], good[i].first);
        assert_int_equal(h.n_data, good[i].n_data);
    }
}

static void
test_a_bad_header_is_refused_with_a_sentence_and_nothing_is_changed(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t n_data;
        weir_status want;
        const char *says;
    } bad[] = {
        {"", 0, WEIR_ERR_FORMAT, "'{'"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (3,), ", 12, WEIR_ERR_FORMAT,
         ""},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (3, }", 12, WEIR_ERR_FORMAT,
         "shape"},
        {"{'descr': '<f4', 'fortran_order': False}", 12, WEIR_ERR_FORMAT, "lacks"},
        {"{'descr': '<f4', 'descr': '<f4', 'shape': (3,)}", 12, WEIR_ERR_FORMAT,
         "second"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (3,), 'x': 1}", 12,
         WEIR_ERR_FORMAT, "unknown"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (3,)} more", 12,
         WEIR_ERR_FORMAT, "goes on"},
        {"{'descr': '<f4', 'fortran_order': Maybe, 'shape': (3,)}", 12, WEIR_ERR_FORMAT,
         "True"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (3,)}", 11, WEIR_ERR_FORMAT,
         "11 bytes of data"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (3,)}", 13, WEIR_ERR_FORMAT,
         "13 bytes of data"},
        {"{'descr': '>f4', 'fortran_order': False, 'shape': (3,)}", 12, WEIR_ERR_DTYPE,
         ">f4"},
        {"{'descr': '<c8', 'fortran_order': False, 'shape': (3,)}", 24, WEIR_ERR_DTYPE,
         "<c8"},
        {"{'descr': '|O', 'fortran_order': False, 'shape': (3,)}", 24, WEIR_ERR_DTYPE,
         "|O"},
        {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (3,)}", 12,
         WEIR_ERR_DTYPE, "records"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (-3,)}", 12, WEIR_ERR_FORMAT,
         "shape"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}", 12,
         WEIR_ERR_FORMAT, "shape"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296)}",
         12, WEIR_ERR_SHAPE, ""},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': "
         "(1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1)}",
         4, WEIR_ERR_SHAPE, "15"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        npy_header h, before;
        weir_error err = {0};
        memset(&h, 0x5a, sizeof h);
        before = h;
        weir_status st = parse(bad[i].text, bad[i].n_data, &h, &err);
        if (st != bad[i].want || strstr(err.text, bad[i].says) == NULL)
            fail_msg("%s: %s '%s'", bad[i].text, weir_status_name(st), err.text);
        assert_memory_equal(&h, &before, sizeof h);
    }
}

static void test_every_shorter_file_is_refused(void **state)
{
    (void)state;
    float x[6] = {1, 2, 3, 4, 5, 6};
    int64_t shape[] = {2, 3};
    weir_tensor t;
    weir_error err = {0};
    assert_int_equal(weir_tensor_init(&t, x, WEIR_F32, 2, shape, &err), WEIR_OK);
    assert_int_equal(npy_write(path, &t, &err), WEIR_OK);
    weir_buffer *file = NULL;
    assert_int_equal(read_file(path, &file, &err), WEIR_OK);
    weir_tensor bytes = weir_buffer_view(file);
    size_t n = weir_tensor_bytes(&bytes);
    assert_int_equal(n % 64, 24); /* the data begins at a multiple of 64 */
    for (size_t cut = 0; cut <= n; cut++) {
        char *exact = malloc(cut == 0 ? 1 : cut);
        npy_header h;
        memcpy(exact, bytes.data, cut);
        weir_status st = npy_parse(exact, cut, &h, &err);
        free(exact);
        assert_int_equal(st, cut == n ? WEIR_OK : WEIR_ERR_FORMAT);
    }
    weir_buffer_unref(file);
}

static void test_every_type_and_rank_comes_back(void **state)
{
    (void)state;
    unsigned char data[4096];
    int64_t shape[WEIR_RANK_MAX];
    weir_error err = {0};
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (unsigned char)(i % 2);
    for (int i = 0; i < WEIR_RANK_MAX; i++)
        shape[i] = i < 8 ? 1 + i % 3 : 1;
    for (int k = 0; k < N_NAMES; k++) {
        for (int rank = 0; rank <= WEIR_RANK_MAX; rank++) {
            weir_tensor t;
            weir_buffer *b = NULL;
            assert_int_equal(
                weir_tensor_init(&t, data, names[k].dtype, rank, shape, &err), WEIR_OK);
            if (npy_write(path, &t, &err) != WEIR_OK ||
                npy_read(path, &b, &err) != WEIR_OK)
                fail_msg("%s rank %d: %s", names[k].name, rank, err.text);
            weir_tensor back = weir_buffer_view(b);
            assert_int_equal(back.dtype, t.dtype);
            assert_int_equal(back.rank, rank);
            assert_memory_equal(back.data, data, weir_tensor_bytes(&t));
            weir_buffer_unref(b);
        }
    }
}

static void test_fortran_order_becomes_c_order(void **state)
{
    (void)state;
    char file[] =
        "\x93NUMPY\x01\0\x39\0{'descr': '<i2', 'fortran_order': True, 'shape': (2, 3)}\n"
        "\1\0\2\0\3\0\4\0\5\0\6\0";
    static const int16_t want[] = {1, 3, 5, 2, 4, 6};
    weir_error err = {0};
    weir_buffer *b = NULL;
    size_t n_text = strlen("{'descr': '<i2', 'fortran_order': True, 'shape': (2, 3)}\n");
    file[8] = (char)n_text;
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(file, 1, 10 + n_text + 12, f), 10 + n_text + 12);
    assert_int_equal(fclose(f), 0);
    if (npy_read(path, &b, &err) != WEIR_OK)
        fail_msg("%s", err.text);
    assert_memory_equal(weir_buffer_view(b).data, want, sizeof want);
    weir_buffer_unref(b);
}

static void test_reading_survives_every_allocation_failure(void **state)
{
    (void)state;
    float x[6] = {1, 2, 3, 4, 5, 6};
    int64_t shape[] = {2, 3};
    weir_tensor t;
    weir_error err = {0};
    assert_int_equal(weir_tensor_init(&t, x, WEIR_F32, 2, shape, &err), WEIR_OK);
    assert_int_equal(npy_write(path, &t, &err), WEIR_OK);
    for (int n = 0;; n++) {
        weir_buffer *b = NULL;
        weir_memory_trim(0);
        wr_fail_allocation_after(n);
        weir_status st = npy_read(path, &b, &err);
        wr_fail_allocation_after(-1);
        if (st == WEIR_OK) {
            weir_buffer_unref(b);
            assert_true(n > 0);
            return;
        }
        assert_int_equal(st, WEIR_ERR_NOMEM);
        assert_null(b);
    }
}

static void test_a_missing_file_is_named(void **state)
{
    (void)state;
    weir_buffer *b = NULL;
    weir_error err = {0};
    assert_int_equal(npy_read("/nonexistent/x.npy", &b, &err), WEIR_ERR_IO);
    assert_non_null(strstr(err.text, "/nonexistent/x.npy"));
    assert_null(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_headers_that_numpy_writes_are_read),
        cmocka_unit_test(
            test_a_bad_header_is_refused_with_a_sentence_and_nothing_is_changed),
        cmocka_unit_test(test_every_shorter_file_is_refused),
        cmocka_unit_test(test_every_type_and_rank_comes_back),
        cmocka_unit_test(test_fortran_order_becomes_c_order),
        cmocka_unit_test(test_reading_survives_every_allocation_failure),
        cmocka_unit_test(test_a_missing_file_is_named)};
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
