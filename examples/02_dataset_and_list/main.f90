! SPDX-License-Identifier: BSD-3-Clause
! Three members each send a dataset and append it to a list; then all are read together.
program dataset_and_list
  use, intrinsic :: iso_fortran_env, only: real64
  use weir
  implicit none
  type(weir_client) :: c
  real(real64) :: total
  integer :: m

  call weir_open(c, 'embedded:')
  do m = 1, 3
    call send_member(m)
  end do

  if (.not. weir_list_wait(c, 'members', weir_ge, 3, timeout_ms=1000)) error stop 'too few members'
  total = total_of_all()
  print '(a, i0)', 'answer: ', nint(total)
  call weir_close(c)

contains

  subroutine send_member(member)
    integer, intent(in) :: member
    type(weir_dataset) :: ds
    character(len=20) :: text
    integer :: i

    write (text, '(a, i0)') 'member', member
    call weir_dataset_new(ds, text)
    call weir_dataset_add_tensor(ds, 'x', [(real(member * i, real64), i=1, 4)])
    call weir_dataset_add_scalars(ds, 'time', 0.5_real64 * member)
    call weir_dataset_add_string(ds, 'who', text)
    call weir_put_dataset(c, ds)
    call weir_list_append(c, 'members', text)
    call weir_dataset_free(ds)
  end subroutine

  ! Allocatable locals go when the function ends; the datasets are Weir's, and are freed.
  function total_of_all() result(total)
    type(weir_dataset), allocatable :: all_of_them(:)
    real(real64), pointer :: x(:)
    real(real64), allocatable :: time(:)
    character(len=:), allocatable :: who(:)
    real(real64) :: total
    integer :: i

    call weir_list_get(c, 'members', all_of_them)
    total = 0
    do i = 1, size(all_of_them)
      call weir_dataset_tensor(all_of_them(i), 'x', x)
      call weir_dataset_scalars(all_of_them(i), 'time', time)
      call weir_dataset_strings(all_of_them(i), 'who', who)
      total = total + sum(x)
      print '(2a, f4.1)', who(1), ' at time', time(1)
    end do
    call weir_datasets_free(all_of_them)
  end function

end program
