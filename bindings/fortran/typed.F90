! SPDX-License-Identifier: BSD-3-Clause
! The verbs that allocate or associate an array of the caller's. Fortran wants a declared type for
! allocatable and pointer arguments, so that there is one line per type here, for any rank, all of a
! verb bound to one C entry. Users say `use weir`.
module weir_m_typed
  use, intrinsic :: iso_c_binding, only: c_bool, c_char, c_double, c_float, c_int, c_int16_t, &
    c_int32_t, c_int64_t, c_int8_t
  use weir_types
  implicit none
  private
  public :: weir_fetch, weir_borrow, weir_buffer_view, weir_dataset_tensor, weir_dataset_scalars

#define STATUS integer(c_int), intent(in), optional :: layout; integer(c_int), intent(out), optional :: stat; character(len=*, kind=c_char), intent(inout), optional :: errmsg
#define NAMED(WHO, TYPE, WHAT) import; type(TYPE), intent(in) :: WHO; character(len=*, kind=c_char), intent(in) :: WHAT

#define FETCH(NAME, KIND) subroutine NAME(client, key, array, layout, stat, errmsg) bind(c, name='wrf_fetch'); NAMED(client, weir_client, key); KIND, allocatable, intent(out) :: array(..); STATUS; end subroutine
#define BORROW(NAME, KIND) subroutine NAME(client, key, array, loan, layout, stat, errmsg) bind(c, name='wrf_borrow'); NAMED(client, weir_client, key); KIND, pointer, intent(out) :: array(..); type(weir_buffer), intent(inout) :: loan; STATUS; end subroutine
#define VIEW(NAME, KIND) subroutine NAME(buffer, array, layout, dtype, stat, errmsg) bind(c, name='wrf_buffer_view'); import; type(weir_buffer), intent(in) :: buffer; KIND, pointer, intent(out) :: array(..); integer(c_int), intent(in), optional :: dtype; STATUS; end subroutine
#define TENSOR(NAME, KIND) subroutine NAME(dataset, name, array, layout, stat, errmsg) bind(c, name='wrf_dataset_tensor'); NAMED(dataset, weir_dataset, name); KIND, pointer, intent(out) :: array(..); STATUS; end subroutine
#define SCALARS(NAME, KIND) subroutine NAME(dataset, field, array, stat, errmsg) bind(c, name='wrf_dataset_scalars'); NAMED(dataset, weir_dataset, field); KIND, allocatable, intent(out) :: array(:); integer(c_int), intent(out), optional :: stat; character(len=*, kind=c_char), intent(inout), optional :: errmsg; end subroutine

  ! call weir_fetch(client, key, a): a is allocated as the stored tensor is. Or into a weir_buffer.
  interface weir_fetch
    FETCH(fetch_r4, real(c_float))
    FETCH(fetch_r8, real(c_double))
    FETCH(fetch_i1, integer(c_int8_t))
    FETCH(fetch_i2, integer(c_int16_t))
    FETCH(fetch_i4, integer(c_int32_t))
    FETCH(fetch_i8, integer(c_int64_t))
    FETCH(fetch_l1, logical(c_bool))
    subroutine fetch_buffer(client, key, buffer, stat, errmsg) bind(c, name='wrf_fetch_buffer')
      import
      type(weir_client), intent(in) :: client
      character(len=*, kind=c_char), intent(in) :: key
      type(weir_buffer), intent(inout) :: buffer
      integer(c_int), intent(out), optional :: stat
      character(len=*, kind=c_char), intent(inout), optional :: errmsg
    end subroutine
  end interface

  ! call weir_borrow(client, key, a, loan): pointer a looks at the stored bytes, read-only, until
  ! weir_buffer_unref(loan). Or the loan alone: call weir_borrow(client, key, loan).
  interface weir_borrow
    BORROW(borrow_r4, real(c_float))
    BORROW(borrow_r8, real(c_double))
    BORROW(borrow_i1, integer(c_int8_t))
    BORROW(borrow_i2, integer(c_int16_t))
    BORROW(borrow_i4, integer(c_int32_t))
    BORROW(borrow_i8, integer(c_int64_t))
    BORROW(borrow_l1, logical(c_bool))
    subroutine borrow_buffer(client, key, loan, stat, errmsg) bind(c, name='wrf_borrow_buffer')
      import
      type(weir_client), intent(in) :: client
      character(len=*, kind=c_char), intent(in) :: key
      type(weir_buffer), intent(inout) :: loan
      integer(c_int), intent(out), optional :: stat
      character(len=*, kind=c_char), intent(inout), optional :: errmsg
    end subroutine
  end interface

  ! call weir_buffer_view(buffer, a): pointer a is the buffer's memory while the loan lasts; dtype
  ! says that a of the same size stands for a type that Fortran lacks.
  interface weir_buffer_view
    VIEW(view_r4, real(c_float))
    VIEW(view_r8, real(c_double))
    VIEW(view_i1, integer(c_int8_t))
    VIEW(view_i2, integer(c_int16_t))
    VIEW(view_i4, integer(c_int32_t))
    VIEW(view_i8, integer(c_int64_t))
    VIEW(view_l1, logical(c_bool))
  end interface

  ! call weir_dataset_tensor(ds, name, a): pointer a looks at the tensor, read-only, while ds lives
  ! and is not changed.
  interface weir_dataset_tensor
    TENSOR(tensor_r4, real(c_float))
    TENSOR(tensor_r8, real(c_double))
    TENSOR(tensor_i1, integer(c_int8_t))
    TENSOR(tensor_i2, integer(c_int16_t))
    TENSOR(tensor_i4, integer(c_int32_t))
    TENSOR(tensor_i8, integer(c_int64_t))
    TENSOR(tensor_l1, logical(c_bool))
  end interface

  ! call weir_dataset_scalars(ds, field, a): a is allocated with the field's values. Unsigned ones
  ! come as integer(8).
  interface weir_dataset_scalars
    SCALARS(scalars_r4, real(c_float))
    SCALARS(scalars_r8, real(c_double))
    SCALARS(scalars_i4, integer(c_int32_t))
    SCALARS(scalars_i8, integer(c_int64_t))
  end interface

end module
