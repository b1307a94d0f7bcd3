! SPDX-License-Identifier: BSD-3-Clause
! Every kind and every rank: put is compared element by element by the C peer; get, fetch and borrow
! with the array that was put; whole, reversed, and as sections with strides of both signs.
program ut_fortran_kinds
  use, intrinsic :: iso_c_binding
  use tap
  use weir
  implicit none
  integer, parameter :: full(7) = [3, 2, 2, 3, 2, 1, 2]
  type(weir_client) :: c

  call weir_open(c) ! where WEIR_ADDRESS says, or in this process
  call control(c)
  call test_r4(c)
  call test_r8(c)
  call test_i1(c)
  call test_i2(c)
  call test_i4(c)
  call test_i8(c)
  call test_l1(c)
  call weir_close(c)
  call finish()

contains

  ! The peer must be able to say no.
  subroutine control(client)
    type(weir_client), intent(in) :: client
    integer :: a(2, 2) = reshape([0, 2, 1, 3], [2, 2])

    call weir_put(client, 'k', a)
    call check(.not. peer_array('k', weir_i32, [2, 2], [0, 0], [1, 1], [2, 2], .false.), &
      'the peer sees a transposed array')
  end subroutine

#define TEST test_r4
#define TEST_TEXT 'real(4)'
#define TYPE real(c_float)
#define DTYPE weir_f32
#define VALUE(k) real(mod(k, 120), c_float)
#define SAME(x, y) (x == y)
#define OTHER -7.0_c_float
#include "kind_case.inc"

#define TEST test_r8
#define TEST_TEXT 'real(8)'
#define TYPE real(c_double)
#define DTYPE weir_f64
#define VALUE(k) real(mod(k, 120), c_double)
#define SAME(x, y) (x == y)
#define OTHER -7.0_c_double
#include "kind_case.inc"

#define TEST test_i1
#define TEST_TEXT 'integer(1)'
#define TYPE integer(c_int8_t)
#define DTYPE weir_i8
#define VALUE(k) int(mod(k, 120), c_int8_t)
#define SAME(x, y) (x == y)
#define OTHER -7_c_int8_t
#include "kind_case.inc"

#define TEST test_i2
#define TEST_TEXT 'integer(2)'
#define TYPE integer(c_int16_t)
#define DTYPE weir_i16
#define VALUE(k) int(mod(k, 120), c_int16_t)
#define SAME(x, y) (x == y)
#define OTHER -7_c_int16_t
#include "kind_case.inc"

#define TEST test_i4
#define TEST_TEXT 'integer(4)'
#define TYPE integer(c_int32_t)
#define DTYPE weir_i32
#define VALUE(k) int(mod(k, 120), c_int32_t)
#define SAME(x, y) (x == y)
#define OTHER -7_c_int32_t
#include "kind_case.inc"

#define TEST test_i8
#define TEST_TEXT 'integer(8)'
#define TYPE integer(c_int64_t)
#define DTYPE weir_i64
#define VALUE(k) int(mod(k, 120), c_int64_t)
#define SAME(x, y) (x == y)
#define OTHER -7_c_int64_t
#include "kind_case.inc"

#define TEST test_l1
#define TEST_TEXT 'logical(c_bool)'
#define TYPE logical(c_bool)
#define DTYPE weir_bool
#define VALUE(k) logical(mod(k, 3) == 0, c_bool)
#define SAME(x, y) (x .eqv. y)
#define OTHER .false._c_bool
#include "kind_case.inc"

end program
