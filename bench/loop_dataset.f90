! SPDX-License-Identifier: BSD-3-Clause
! A simulation's loop: a dataset goes to a server at every step, over those of four steps before, and
! one comes back. Prints the resident memory of both processes after the first 1,000 steps and at the end.
!
! usage: loop_dataset ADDRESS STEPS SERVER_PID
program loop_dataset
  use, intrinsic :: iso_fortran_env, only: int64, real64
  use weir
  implicit none
  integer, parameter :: n_warm = 1000, page_kb = 4
  character(len=256) :: address, word, server
  type(weir_client) :: c
  integer :: n_steps, step
  integer(int64) :: first(2), last(2)
  real(real64) :: u(64, 32), sum_back

  call get_command_argument(1, address)
  call get_command_argument(2, word)
  call get_command_argument(3, server)
  read (word, *) n_steps
  call weir_open(c, trim(address))
  u = 0
  sum_back = 0
  first = 0
  do step = 1, n_steps
    u(:, 1) = step
    call send(step)
    call receive(step)
    if (step == min(n_warm, n_steps)) first = memory()
  end do
  last = memory()
  call weir_close(c)
  if (abs(sum_back - 64 * 0.5_real64 * n_steps * (n_steps + 1.0_real64)) > 0.5) &
    error stop 'what came back is not what was sent'
  print '(a, i0, a)', 'a dataset per step, ', n_steps, ' steps: resident KB, first and last'
  print '(a, 2(1x, i0))', 'client', first(1), last(1)
  print '(a, 2(1x, i0))', 'server', first(2), last(2)
  print '(a, 2(1x, i0))', 'growth', last(1) - first(1), last(2) - first(2)

contains

  subroutine name_of(step, text)
    integer, intent(in) :: step
    character(len=*), intent(out) :: text
    write (text, '(a, i0)') 'state', mod(step, 4)
  end subroutine

  subroutine send(step)
    integer, intent(in) :: step
    type(weir_dataset) :: ds
    character(len=16) :: name
    call name_of(step, name)
    call weir_dataset_new(ds, name)
    call weir_dataset_add_tensor(ds, 'u', u)
    call weir_dataset_add_scalars(ds, 'time', 0.1_real64 * step)
    call weir_dataset_add_string(ds, 'who', 'loop')
    call weir_put_dataset(c, ds)
    call weir_dataset_free(ds)
  end subroutine

  subroutine receive(step)
    integer, intent(in) :: step
    type(weir_dataset) :: ds
    character(len=16) :: name
    real(real64) :: back(64, 32)
    call name_of(step, name)
    call weir_get_dataset(c, name, ds)
    call weir_dataset_get_tensor(ds, 'u', back)
    sum_back = sum_back + sum(back(:, 1))
    call weir_dataset_free(ds)
  end subroutine

  ! Of this process and of the server.
  function memory() result(kb)
    integer(int64) :: kb(2)
    kb(1) = resident_kb('/proc/self/statm')
    kb(2) = resident_kb('/proc/' // trim(server) // '/statm')
  end function

  function resident_kb(path) result(kb)
    character(len=*), intent(in) :: path
    integer(int64) :: kb, whole
    integer :: unit
    open (newunit=unit, file=path, action='read', status='old')
    read (unit, *) whole, kb
    close (unit)
    kb = kb * page_kb
  end function

end program
