! SPDX-License-Identifier: BSD-3-Clause
! Datasets: tensors of several kinds, fields of numbers and texts, through the store and back.
program ut_fortran_dataset
  use, intrinsic :: iso_fortran_env, only: int32, int64, real32, real64
  use tap
  use weir
  implicit none
  type(weir_client) :: c

  call weir_open(c) ! where WEIR_ADDRESS says, or in this process
  call whole()
  call fields()
  call refused()
  call weir_close(c)
  call finish()

contains

  subroutine whole()
    type(weir_dataset) :: d, e
    type(weir_buffer) :: loan
    real(real64) :: u(3, 2), v(3, 2)
    real(real64), pointer :: p(:, :), q(:, :)
    character(len=:), allocatable :: name
    character(len=5) :: words(2) = ['salt ', 'temp '], back(2)
    integer :: i

    u = reshape([(i, i=1, 6)], [3, 2])
    call weir_dataset_new(d, 'state')
    call weir_dataset_add_tensor(d, 'u', u)
    call weir_dataset_add_tensor(d, 'ut', u, layout=weir_reversed)
    call weir_dataset_add_tensor(d, 'row', u(2, 2:1:-1))
    call weir_dataset_add_tensor(d, 'words', words)
    call weir_buffer_from(loan, u)
    call weir_dataset_add_buffer(d, 'shared', loan)
    call weir_buffer_unref(loan)
    call weir_put_dataset(c, d)
    call weir_dataset_free(d)
    call check(weir_exists(c, weir_kind_dataset, 'state'), 'a dataset exists when it is complete')

    call weir_get_dataset(c, 'state', e)
    call weir_dataset_name(e, name)
    call check(name == 'state', 'name')
    call check(weir_dataset_n_tensors(e) == 5, 'number of tensors')
    v = 0
    call weir_dataset_get_tensor(e, 'u', v(3:1:-1, :))
    call check(all(v(3:1:-1, :) == u), 'tensor into a section')
    call weir_dataset_get_tensor(e, 'ut', v, layout=weir_reversed)
    call check(all(v == u), 'reversed in, reversed out')
    call weir_dataset_tensor(e, 'ut', p)
    call check(all(shape(p) == [2, 3]), 'as indices it is transposed')
    call check(all(p == transpose(u)), 'with the elements there')
    call weir_dataset_tensor(e, 'shared', q)
    call check(all(q == u), 'a look at a shared tensor')
    call weir_dataset_get_tensor(e, 'words', back)
    call check(all(back == words), 'texts')
    call weir_dataset_tensor_at(e, 3, name, loan)
    call check(name == 'row', 'the third tensor')
    call weir_dataset_free(e)
    call check(weir_buffer_refs(loan) >= 1, 'its loan outlives the dataset')
    call weir_buffer_unref(loan)
    call weir_copy(c, weir_kind_dataset, 'state', 'again')
    call weir_rename(c, weir_kind_dataset, 'again', 'third')
    call weir_del(c, weir_kind_dataset, 'state')
    call weir_get_dataset(c, 'third', e)
    call weir_dataset_get_tensor(e, 'u', v)
    call check(all(v == u), 'copied, renamed, still there')
    call weir_dataset_free(e)
  end subroutine

  subroutine fields()
    type(weir_dataset) :: d, e
    real(real64), allocatable :: r8(:)
    real(real32), allocatable :: r4(:)
    integer(int32), allocatable :: i4(:)
    integer(int64), allocatable :: i8(:)
    character(len=:), allocatable :: texts(:), name
    integer :: dtype

    call weir_dataset_new(d, 'fields')
    call weir_dataset_add_scalars(d, 'time', 1.5_real64)
    call weir_dataset_add_scalars(d, 'time', [2.5_real64, 3.5_real64])
    call weir_dataset_add_scalars(d, 'r4', 0.5_real32)
    call weir_dataset_add_scalars(d, 'step', [1_int32, 2_int32, 3_int32, 4_int32])
    call weir_dataset_add_scalars(d, 'big', 2_int64**40)
    call weir_dataset_add_string(d, 'who', 'ocean   ')
    call weir_dataset_add_string(d, 'who', 'longer text')
    call weir_dataset_add_string(d, 'who', '')
    call weir_put_dataset(c, d)
    call weir_dataset_free(d)
    call weir_get_dataset(c, 'fields', e)
    call check_number(weir_dataset_n_fields(e), 5, 'number of fields')
    call weir_dataset_scalars(e, 'time', r8)
    call check(size(r8) == 3 .and. all(r8 == [1.5_real64, 2.5_real64, 3.5_real64]), 'numbers append')
    call weir_dataset_scalars(e, 'r4', r4)
    call check(all(r4 == [0.5_real32]), 'real(4)')
    call weir_dataset_scalars(e, 'step', i4)
    call check(all(i4 == [1, 2, 3, 4]), 'integer(4)')
    call weir_dataset_scalars(e, 'big', i8)
    call check(all(i8 == [2_int64**40]), 'integer(8)')
    call weir_dataset_strings(e, 'who', texts)
    call check(size(texts) == 3 .and. len(texts) == 11, 'texts, as long as the longest')
    call check(texts(1) == 'ocean' .and. texts(2) == 'longer text' .and. texts(3) == '', 'each')
    call check(weir_dataset_has_field(e, 'who'), 'has a field')
    call check(.not. weir_dataset_has_field(e, 'whom'), 'has no other')
    call weir_dataset_field_at(e, 3, name, dtype)
    call check(name == 'step' .and. dtype == weir_i32, 'the third field')
    call weir_dataset_clear_field(e, 'step')
    call check(.not. weir_dataset_has_field(e, 'step'), 'cleared')
    call weir_dataset_free(e)
  end subroutine

  subroutine refused()
    type(weir_dataset) :: d
    real(real32), allocatable :: r4(:)
    real(real64), pointer :: p(:)
    character(len=:), allocatable :: name, texts(:)
    integer :: stat
    character(len=200) :: text

    call weir_dataset_new(d, 'd')
    call weir_dataset_new(d, 'd', stat=stat)
    call check_number(stat, weir_err_busy, 'a dataset that was not freed is not overwritten')
    call weir_dataset_add_scalars(d, 'x', 1.0_real64)
    call weir_dataset_scalars(d, 'x', r4, stat, text)
    call check_number(stat, weir_err_dtype, 'a field of another kind')
    call check_text(text, 'DOUBLE', '  names both types')
    call weir_dataset_strings(d, 'x', texts, stat)
    call check_number(stat, weir_err_dtype, 'numbers are no texts')
    call weir_dataset_add_tensor(d, 't', [1, 2])
    call weir_dataset_tensor(d, 't', p, stat=stat, errmsg=text)
    call check_number(stat, weir_err_dtype, 'a pointer of another kind')
    call weir_dataset_tensor_at(d, 2, name, stat=stat, errmsg=text)
    call check_number(stat, weir_err_key, 'there is no second tensor')
    call check_text(text, 'there are 1, counted from 1', '  and the text says how many')
    call weir_dataset_add_scalars(d, 'y', [1.0_real64, 2.0_real64] > 1, stat, text)
    call check_number(stat, weir_err_dtype, 'logicals are no numbers')
    call weir_dataset_free(d)
    call weir_dataset_free(d)
    call weir_get_dataset(c, 'nothing', d, stat)
    call check_number(stat, weir_err_key, 'a missing dataset')
    call weir_put_dataset(c, d, stat)
    call check(stat /= weir_ok, 'an empty handle')
    call check_number(weir_dataset_n_tensors(d) + weir_dataset_n_fields(d), 0, 'it has nothing')
  end subroutine

end program
