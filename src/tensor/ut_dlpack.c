/* SPDX-License-Identifier: BSD-3-Clause */
/* DLPack: what the structures say, who owns what, and what is refused. */
#include "support/expect.h"
#include "tensor/buffer.h"
#include "tensor/dlpack.h"

static void test_the_structures_have_the_sizes_of_the_binary_interface(void **state)
{
    (void)state;
    assert_int_equal(offsetof(DLTensor, ndim), 16);
    assert_int_equal(offsetof(DLTensor, dtype), 20);
    assert_int_equal(offsetof(DLTensor, shape), 24);
    assert_int_equal(offsetof(DLTensor, byte_offset), 40);
    assert_int_equal(sizeof(DLTensor), 48);
    assert_int_equal(offsetof(DLManagedTensorVersioned, flags), 24);
    assert_int_equal(offsetof(DLManagedTensorVersioned, dl_tensor), 32);
    assert_int_equal(sizeof(DLManagedTensorVersioned), 80);
}

static void test_an_export_describes_the_buffer_and_holds_it(void **state)
{
    (void)state;
    weir_buffer *b = NULL;
    DLManagedTensorVersioned *m = NULL;
    expect_ok(weir_buffer_new(&b, WEIR_F32, 2, (int64_t[]){3, 4}, &err));
    expect_ok(weir_buffer_to_dlpack(b, &m, &err));
    assert_int_equal(m->version.major, 1);
    assert_int_equal(m->flags, 0);
    assert_ptr_equal(m->dl_tensor.data, weir_buffer_view(b).data);
    assert_int_equal(m->dl_tensor.device.device_type, 1);
    assert_int_equal(m->dl_tensor.ndim, 2);
    assert_int_equal(m->dl_tensor.dtype.code, 2);
    assert_int_equal(m->dl_tensor.dtype.bits, 32);
    assert_int_equal(m->dl_tensor.dtype.lanes, 1);
    assert_int_equal(m->dl_tensor.shape[1], 4);
    assert_int_equal(m->dl_tensor.strides[0], 4);
    assert_int_equal(m->dl_tensor.strides[1], 1);
    assert_int_equal(m->dl_tensor.byte_offset, 0);
    assert_int_equal(weir_buffer_refs(b), 2);
    weir_buffer_unref(b); /* the consumer's reference keeps it */
    memset(m->dl_tensor.data, 1, 48);
    m->deleter(m);
}

static void test_a_buffer_that_others_hold_is_exported_read_only(void **state)
{
    (void)state;
    weir_buffer *b = NULL;
    DLManagedTensorVersioned *m = NULL;
    expect_ok(weir_buffer_new(&b, WEIR_BOOL, 0, NULL, &err));
    weir_buffer_ref(b);
    expect_ok(weir_buffer_to_dlpack(b, &m, &err));
    assert_int_equal(m->flags, WR_DLPACK_READ_ONLY);
    assert_int_equal(m->dl_tensor.dtype.code, 6);
    assert_int_equal(m->dl_tensor.ndim, 0);
    m->deleter(m);
    weir_buffer_unref(b);
    weir_buffer_unref(b);
}

static void test_what_dlpack_cannot_say_is_refused(void **state)
{
    (void)state;
    weir_buffer *b = NULL;
    DLManagedTensorVersioned *m = NULL;
    char a[32] = {0};
    weir_tensor t = view_1d(a, WEIR_F32, 3);
    t.stride[0] = 6;
    expect_ok(weir_buffer_wrap(&b, &t, NULL, NULL, &err));
    expect_fail(weir_buffer_to_dlpack(b, &m, &err), WEIR_ERR_ARG, "stride 6");
    weir_buffer_unref(b);
    expect_ok(weir_buffer_new(&b, WEIR_STRING, 1, (int64_t[]){2}, &err));
    expect_fail(weir_buffer_to_dlpack(b, &m, &err), WEIR_ERR_DTYPE, "STRING");
    expect_fail(weir_buffer_to_dlpack(b, NULL, &err), WEIR_ERR_ARG, "null pointer");
    expect_fail(weir_buffer_to_dlpack(NULL, &m, &err), WEIR_ERR_ARG, "null pointer");
    weir_buffer_unref(b);
    assert_null(m);
}

/* A producer of ours: counts how often it is deleted. */
typedef struct producer {
    DLManagedTensorVersioned m;
    int64_t shape[20];
    int64_t strides[20];
    double memory[24];
    int n_deleted;
} producer;

static void delete_producer(DLManagedTensorVersioned *m)
{
    ((producer *)m->manager_ctx)->n_deleted++;
}

/* DOUBLE[2,3] in C order, everything right. */
static void make_producer(producer *p)
{
    *p = (producer){.shape = {2, 3}, .strides = {3, 1}};
    p->m = (DLManagedTensorVersioned){
        .version = {1, 0},
        .manager_ctx = p,
        .deleter = delete_producer,
        .dl_tensor = {.data = p->memory,
                      .device = {1, 0},
                      .ndim = 2,
                      .dtype = {2, 64, 1},
                      .shape = p->shape,
                      .strides = p->strides},
    };
    for (int i = 0; i < 24; i++)
        p->memory[i] = i;
}

static weir_tensor import_and_release(producer *p)
{
    weir_buffer *b = NULL;
    expect_ok(weir_buffer_from_dlpack(&b, &p->m, &err));
    weir_tensor t = weir_buffer_view(b);
    assert_int_equal(p->n_deleted, 0);
    weir_buffer_unref(b);
    assert_int_equal(p->n_deleted, 1);
    return t;
}

static void test_an_import_has_strides_in_bytes_and_deletes_once(void **state)
{
    (void)state;
    producer p;
    make_producer(&p);
    weir_tensor t = import_and_release(&p);
    assert_int_equal(t.dtype, WEIR_F64);
    assert_int_equal(t.stride[0], 24);
    make_producer(&p);
    p.m.dl_tensor.strides = NULL;
    t = import_and_release(&p);
    assert_int_equal(t.stride[0], 24);
    assert_int_equal(t.stride[1], 8);
    make_producer(&p);
    p.strides[0] = 1;
    p.strides[1] = -2;
    p.m.dl_tensor.byte_offset = 32;
    t = import_and_release(&p);
    assert_ptr_equal(t.data, &p.memory[4]);
    assert_int_equal(t.stride[1], -16);
    make_producer(&p);
    p.m.deleter = NULL;
    weir_buffer *b = NULL;
    expect_ok(weir_buffer_from_dlpack(&b, &p.m, &err));
    weir_buffer_unref(b);
}

static void test_every_type_and_device_comes_back_as_it_went(void **state)
{
    (void)state;
    static const struct {
        uint8_t code, bits;
        weir_dtype dtype;
    } types[] = {{0, 8, WEIR_I8},   {0, 16, WEIR_I16}, {0, 32, WEIR_I32},
                 {0, 64, WEIR_I64}, {1, 8, WEIR_U8},   {1, 16, WEIR_U16},
                 {1, 32, WEIR_U32}, {1, 64, WEIR_U64}, {2, 16, WEIR_F16},
                 {2, 32, WEIR_F32}, {2, 64, WEIR_F64}, {4, 16, WEIR_BF16},
                 {6, 8, WEIR_BOOL}};
    producer p;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        make_producer(&p);
        p.m.dl_tensor.dtype = (DLDataType){types[i].code, types[i].bits, 1};
        assert_int_equal(import_and_release(&p).dtype, types[i].dtype);
    }
    static const int devices[][2] = {
        {1, WEIR_CPU}, {2, WEIR_CUDA}, {3, WEIR_CPU}, {10, WEIR_ROCM}, {11, WEIR_CPU}};
    for (size_t i = 0; i < sizeof devices / sizeof devices[0]; i++) {
        make_producer(&p);
        p.m.dl_tensor.device.device_type = devices[i][0];
        assert_int_equal(import_and_release(&p).device.kind, devices[i][1]);
    }
}

static void test_strides_that_reach_no_element_may_hold_anything(void **state)
{
    (void)state;
    producer p;
    make_producer(&p);
    p.shape[0] = 1;
    p.strides[0] = INT64_MAX;
    assert_int_equal(import_and_release(&p).stride[0], 24);
    make_producer(&p);
    p.shape[1] = 0;
    p.strides[0] = INT64_MIN;
    p.m.dl_tensor.data = NULL;
    import_and_release(&p);
}

static void test_read_only_memory_stays_read_only(void **state)
{
    (void)state;
    producer p;
    weir_buffer *b = NULL;
    DLManagedTensorVersioned *m = NULL;
    make_producer(&p);
    p.m.flags = WR_DLPACK_READ_ONLY;
    expect_ok(weir_buffer_from_dlpack(&b, &p.m, &err));
    assert_true(wr_buffer_is_read_only(b));
    expect_ok(weir_buffer_to_dlpack(b, &m, &err));
    assert_int_equal(m->flags, WR_DLPACK_READ_ONLY);
    weir_buffer_unref(b);
    assert_int_equal(p.n_deleted, 0);
    m->deleter(m);
    assert_int_equal(p.n_deleted, 1);
}

/* Each case spoils one thing; the producer stays with the caller. */
static void refuse(producer *p, weir_status want, const char *words)
{
    weir_buffer *b = NULL;
    expect_fail(weir_buffer_from_dlpack(&b, &p->m, &err), want, words);
    assert_null(b);
    assert_int_equal(p->n_deleted, 0);
    make_producer(p);
}

static void test_bad_imports_are_refused_and_stay_with_the_caller(void **state)
{
    (void)state;
    producer p;
    make_producer(&p);
    p.m.version.major = 2;
    refuse(&p, WEIR_ERR_FORMAT, "version 2.0");
    p.m.dl_tensor.dtype.lanes = 4;
    refuse(&p, WEIR_ERR_DTYPE, "4 lanes");
    p.m.dl_tensor.dtype = (DLDataType){5, 64, 1};
    refuse(&p, WEIR_ERR_DTYPE, "type code 5");
    p.m.dl_tensor.dtype = (DLDataType){255, 128, 1};
    refuse(&p, WEIR_ERR_DTYPE, "type code 255");
    p.m.dl_tensor.device.device_type = 7;
    refuse(&p, WEIR_ERR_ARG, "device type 7");
    p.m.dl_tensor.ndim = 16;
    refuse(&p, WEIR_ERR_SHAPE, "rank 16");
    p.m.dl_tensor.ndim = -1;
    refuse(&p, WEIR_ERR_SHAPE, "rank -1");
    p.m.dl_tensor.shape = NULL;
    refuse(&p, WEIR_ERR_ARG, "without a shape");
    p.shape[0] = -2;
    refuse(&p, WEIR_ERR_SHAPE, "extent -2");
    p.shape[0] = p.shape[1] = INT64_C(1) << 40;
    refuse(&p, WEIR_ERR_SHAPE, "overflows");
    p.strides[0] = INT64_MAX / 2;
    refuse(&p, WEIR_ERR_SHAPE, "overflows");
    p.strides[0] = INT64_MAX / 8;
    p.strides[1] = INT64_MAX / 8;
    refuse(&p, WEIR_ERR_SHAPE, "address space");
    p.m.dl_tensor.byte_offset = UINT64_MAX;
    refuse(&p, WEIR_ERR_SHAPE, "byte offset 18446744073709551615");
    p.m.dl_tensor.data = NULL;
    refuse(&p, WEIR_ERR_ARG, "no memory");
    weir_buffer *b = NULL;
    expect_fail(weir_buffer_from_dlpack(&b, NULL, &err), WEIR_ERR_ARG, "null pointer");
    expect_fail(weir_buffer_from_dlpack(NULL, &p.m, &err), WEIR_ERR_ARG, "null pointer");
}

static void test_failing_allocations_leave_everything_with_the_caller(void **state)
{
    (void)state;
    weir_buffer *b = NULL, *imported = NULL;
    DLManagedTensorVersioned *m = NULL;
    weir_memory_trim(0);
    expect_ok(weir_buffer_new(&b, WEIR_F32, 1, (int64_t[]){4}, &err));
    wr_fail_allocation_after(0);
    weir_status st = weir_buffer_to_dlpack(b, &m, &err);
    wr_fail_allocation_after(-1);
    assert_int_equal(st, WEIR_ERR_NOMEM);
    assert_int_equal(weir_buffer_refs(b), 1);
    expect_ok(weir_buffer_to_dlpack(b, &m, &err));
    wr_fail_allocation_after(0);
    st = weir_buffer_from_dlpack(&imported, m, &err);
    wr_fail_allocation_after(-1);
    assert_int_equal(st, WEIR_ERR_NOMEM);
    assert_null(imported);
    m->deleter(m);
    weir_buffer_unref(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_structures_have_the_sizes_of_the_binary_interface),
        cmocka_unit_test(test_an_export_describes_the_buffer_and_holds_it),
        cmocka_unit_test(test_a_buffer_that_others_hold_is_exported_read_only),
        cmocka_unit_test(test_what_dlpack_cannot_say_is_refused),
        cmocka_unit_test(test_an_import_has_strides_in_bytes_and_deletes_once),
        cmocka_unit_test(test_every_type_and_device_comes_back_as_it_went),
        cmocka_unit_test(test_strides_that_reach_no_element_may_hold_anything),
        cmocka_unit_test(test_read_only_memory_stays_read_only),
        cmocka_unit_test(test_bad_imports_are_refused_and_stay_with_the_caller),
        cmocka_unit_test(test_failing_allocations_leave_everything_with_the_caller),
    };
    return cmocka_run_group_tests_name("dlpack", tests, NULL, NULL);
}
