! SPDX-License-Identifier: BSD-3-Clause
! Datasets, buffers and names of things: interfaces bound to dataset.c. What each verb does is said
! in weir/dataset.h and weir/tensor.h; here only what differs. Users say `use weir`.
module weir_m_dataset
  use, intrinsic :: iso_c_binding, only: c_bool, c_char, c_int, c_int64_t
  use weir_types
  implicit none
  public
  private :: c_bool, c_char, c_int, c_int64_t

  interface

    subroutine weir_dataset_new(dataset, name, stat, errmsg) bind(c, name='wrf_dataset_new')
      import
      type(weir_dataset), intent(inout) :: dataset
      character(len=*, kind=c_char), intent(in) :: name
      integer(c_int), intent(out), optional :: stat
      character(len=*, kind=c_char), intent(inout), optional :: errmsg
    end subroutine

    subroutine weir_dataset_free(dataset) bind(c, name='wrf_dataset_free')
      import
      type(weir_dataset), intent(inout) :: dataset
    end subroutine

    subroutine weir_dataset_name(dataset, name) bind(c, name='wrf_dataset_name')
      import
      type(weir_dataset), intent(in) :: dataset
      character(len=:, kind=c_char), allocatable, intent(out) :: name
    end subroutine

    ! ---- tensors: weir_dataset_tensor is in typed.F90 ----

    subroutine weir_dataset_add_tensor(dataset, name, array, layout, stat, errmsg) &
        bind(c, name='wrf_dataset_add_tensor')
      import
      type(weir_dataset), intent(in) :: dataset
      character(len=*, kind=c_char), intent(in) :: name
      type(*), dimension(..), intent(in) :: array
      integer(c_int), intent(in), optional :: layout
      integer(c_int), intent(out), optional :: stat
      character(len=*, kind=c_char), intent(inout), optional :: errmsg
    end subroutine

    subroutine weir_dataset_add_buffer(dataset, name, buffer, stat, errmsg) &
        bind(c, name='wrf_dataset_add_buffer')
      import
      type(weir_dataset), intent(in) :: dataset
      character(len=*, kind=c_char), intent(in) :: name
      type(weir_buffer), intent(in) :: buffer
      integer(c_int), intent(out), optional :: stat
      character(len=*, kind=c_char), intent(inout), optional :: errmsg
    end subroutine

    subroutine weir_dataset_get_tensor(dataset, name, array, layout, stat, errmsg) &
        bind(c, name='wrf_dataset_get_tensor')
      import
      type(weir_dataset), intent(in) :: dataset
      character(len=*, kind=c_char), intent(in) :: name
      type(*), dimension(..), intent(inout) :: array
      integer(c_int), intent(in), optional :: layout
      integer(c_int), intent(out), optional :: stat
      character(len=*, kind=c_char), intent(inout), optional :: errmsg
    end subroutine

    integer(c_int) function weir_dataset_n_tensors(dataset) bind(c, name='wrf_dataset_n_tensors')
      import
      type(weir_dataset), intent(in) :: dataset
    end function

    ! The i-th tensor, from 1; loan holds a reference of its own.
    subroutine weir_dataset_tensor_at(dataset, i, name, loan, stat, errmsg) &
        bind(c, name='wrf_dataset_tensor_at')
      import
      type(weir_dataset), intent(in) :: dataset
      integer(c_int), intent(in) :: i
      character(len=:, kind=c_char), allocatable, intent(out) :: name
      type(weir_buffer), intent(inout), optional :: loan
      integer(c_int), intent(out), optional :: stat
      character(len=*, kind=c_char), intent(inout), optional :: errmsg
    end subroutine

    ! ---- fields: weir_dataset_scalars is in typed.F90 ----

    ! One number or a vector: real of 4 or 8 bytes, integer of 4 or 8.
    subroutine weir_dataset_add_scalars(dataset, field, values, stat, errmsg) &
        bind(c, name='wrf_dataset_add_scalars')
      import
      type(weir_dataset), intent(in) :: dataset
      character(len=*, kind=c_char), intent(in) :: field
      type(*), dimension(..), intent(in) :: values
      integer(c_int), intent(out), optional :: stat
      character(len=*, kind=c_char), intent(inout), optional :: errmsg
    end subroutine

    ! Without trailing blanks.
    subroutine weir_dataset_add_string(dataset, field, value, stat, errmsg) &
        bind(c, name='wrf_dataset_add_string')
      import
      type(weir_dataset), intent(in) :: dataset
      character(len=*, kind=c_char), intent(in) :: field, value
      integer(c_int), intent(out), optional :: stat
      character(len=*, kind=c_char), intent(inout), optional :: errmsg
    end subroutine

    subroutine weir_dataset_clear_field(dataset, field) bind(c, name='wrf_dataset_clear_field')
      import
      type(weir_dataset), intent(in) :: dataset
      character(len=*, kind=c_char), intent(in) :: field
    end subroutine

    integer(c_int) function weir_dataset_n_fields(dataset) bind(c, name='wrf_dataset_n_fields')
      import
      type(weir_dataset), intent(in) :: dataset
    end function

    ! The i-th field, from 1.
    subroutine weir_dataset_field_at(dataset, i, name, dtype, stat, errmsg) &
        bind(c, name='wrf_dataset_field_at')
      import
      type(weir_dataset), intent(in) :: dataset
      integer(c_int), intent(in) :: i
      character(len=:, kind=c_char), allocatable, intent(out) :: name
      integer(c_int), intent(inout), optional :: dtype
      integer(c_int), intent(out), optional :: stat
      character(len=*, kind=c_char), intent(inout), optional :: errmsg
    end subroutine

    logical(c_bool) function weir_dataset_has_field(dataset, field) &
        bind(c, name='wrf_dataset_has_field')
      import
      type(weir_dataset), intent(in) :: dataset
      character(len=*, kind=c_char), intent(in) :: field
    end function

    ! ---- buffers: weir_buffer_view is in typed.F90 ----

    ! shape is a vector of integers of any kind. Fill it through weir_buffer_view, then hand it on with
    ! weir_put_buffer: a put without a copy. With weir_reversed its memory is contiguous in Fortran.
    subroutine weir_buffer_new(buffer, dtype, shape, layout, stat, errmsg) &
        bind(c, name='wrf_buffer_new')
      import
      type(weir_buffer), intent(inout) :: buffer
      integer(c_int), intent(in) :: dtype
      type(*), dimension(..), intent(in) :: shape
      integer(c_int), intent(in), optional :: layout
      integer(c_int), intent(out), optional :: stat
      character(len=*, kind=c_char), intent(inout), optional :: errmsg
    end subroutine

    subroutine weir_buffer_from(buffer, array, layout, stat, errmsg) bind(c, name='wrf_buffer_from')
      import
      type(weir_buffer), intent(inout) :: buffer
      type(*), dimension(..), intent(in) :: array
      integer(c_int), intent(in), optional :: layout
      integer(c_int), intent(out), optional :: stat
      character(len=*, kind=c_char), intent(inout), optional :: errmsg
    end subroutine

    subroutine weir_buffer_describe(buffer, dtype, shape, layout, stat, errmsg) &
        bind(c, name='wrf_buffer_describe')
      import
      type(weir_buffer), intent(in) :: buffer
      integer(c_int), intent(inout), optional :: dtype
      integer(c_int64_t), allocatable, intent(out), optional :: shape(:)
      integer(c_int), intent(in), optional :: layout
      integer(c_int), intent(out), optional :: stat
      character(len=*, kind=c_char), intent(inout), optional :: errmsg
    end subroutine

    ! A second loan of the same memory.
    subroutine weir_buffer_ref(buffer, also, stat, errmsg) bind(c, name='wrf_buffer_ref')
      import
      type(weir_buffer), intent(in) :: buffer
      type(weir_buffer), intent(inout) :: also
      integer(c_int), intent(out), optional :: stat
      character(len=*, kind=c_char), intent(inout), optional :: errmsg
    end subroutine

    ! End the loan; does nothing on an empty one.
    subroutine weir_buffer_unref(buffer) bind(c, name='wrf_buffer_unref')
      import
      type(weir_buffer), intent(inout) :: buffer
    end subroutine

    integer(c_int) function weir_buffer_refs(buffer) bind(c, name='wrf_buffer_refs')
      import
      type(weir_buffer), intent(in) :: buffer
    end function

    subroutine weir_memory_info(memory) bind(c, name='wrf_memory_info')
      import
      type(weir_memory), intent(out) :: memory
    end subroutine

    subroutine weir_memory_trim(keep_bytes) bind(c, name='wrf_memory_trim')
      import
      type(*), dimension(..), intent(in) :: keep_bytes
    end subroutine

    ! ---- names of things ----

    subroutine weir_version(text) bind(c, name='wrf_version')
      import
      character(len=:, kind=c_char), allocatable, intent(out) :: text
    end subroutine

    subroutine weir_status_name(status, text) bind(c, name='wrf_status_name')
      import
      integer(c_int), intent(in) :: status
      character(len=:, kind=c_char), allocatable, intent(out) :: text
    end subroutine

    subroutine weir_status_text(status, text) bind(c, name='wrf_status_text')
      import
      integer(c_int), intent(in) :: status
      character(len=:, kind=c_char), allocatable, intent(out) :: text
    end subroutine

    subroutine weir_dtype_name(dtype, text) bind(c, name='wrf_dtype_name')
      import
      integer(c_int), intent(in) :: dtype
      character(len=:, kind=c_char), allocatable, intent(out) :: text
    end subroutine

    integer(c_int) function weir_dtype_bytes(dtype) bind(c, name='wrf_dtype_bytes')
      import
      integer(c_int), intent(in) :: dtype
    end function

    ! The moment so far from now, for weir_client_set_deadline.
    integer(c_int64_t) function weir_deadline_in_ms(timeout_ms) bind(c, name='wrf_deadline_in_ms')
      import
      integer(c_int), intent(in) :: timeout_ms
    end function

    integer(c_int64_t) function weir_now_ns() bind(c, name='weir_now_ns')
      import
    end function

    integer(c_int) function raw_strings(dataset, field, out, n, longest, errmsg) &
        bind(c, name='wrf_dataset_strings')
      import
      type(weir_dataset), intent(in) :: dataset
      character(len=*, kind=c_char), intent(in) :: field
      character(len=*, kind=c_char), intent(inout) :: out(:)
      integer(c_int), intent(out) :: n, longest
      character(len=*, kind=c_char), intent(inout) :: errmsg
    end function

  end interface

contains

  ! The strings of a field, blank-padded to the longest.
  subroutine weir_dataset_strings(dataset, field, strings, stat, errmsg)
    type(weir_dataset), intent(in) :: dataset
    character(len=*), intent(in) :: field
    character(len=:), allocatable, intent(out) :: strings(:)
    integer(c_int), intent(out), optional :: stat
    character(len=*), intent(inout), optional :: errmsg
    character(len=1) :: none(0)
    character(len=weir_error_text_max) :: text
    integer(c_int) :: status, n, longest

    status = raw_strings(dataset, field, none, n, longest, text)
    if (status == weir_ok) then
      allocate (character(len=longest) :: strings(n))
      status = raw_strings(dataset, field, strings, n, longest, text)
    end if
    call weir_end(status, text, stat, errmsg)
  end subroutine

  ! Release datasets, as weir_list_get gave them.
  subroutine weir_datasets_free(datasets)
    type(weir_dataset), intent(inout) :: datasets(:)
    integer :: i

    do i = 1, size(datasets)
      call weir_dataset_free(datasets(i))
    end do
  end subroutine

end module
