! SPDX-License-Identifier: BSD-3-Clause
! A network called at every time step: wrongly, then well, with the difference measured.
program time_loop
  use, intrinsic :: iso_fortran_env, only: int64, real64
  use weir
  implicit none
  integer, parameter :: n_cells = 10000, n_steps = 10
  character(len=*), parameter :: model = &
    'mock; in=x:DOUBLE[-1,1]; out=y:DOUBLE[-1,1]; scale=2; add=1'
  real(real64) :: x(1, n_cells), y(1, n_cells), sum_bad, slow, fast
  integer(int64) :: from

  x = 0
  from = weir_now_ns()
  call bad()
  slow = real(weir_now_ns() - from, real64) * 1e-6_real64
  sum_bad = sum(x)

  x = 0
  from = weir_now_ns()
  call good()
  fast = real(weir_now_ns() - from, real64) * 1e-6_real64

  print '(a, f10.3, a)', 'bad  ', slow, ' ms', 'good ', fast, ' ms'
  print '(i0, a, l1)', nint(slow / fast), ' times faster, the same numbers: ', nint(sum_bad) == nint(sum(x))
  print '(a, i0)', 'answer: ', merge(nint(sum(x)), -1, nint(sum_bad) == nint(sum(x)))

contains

  subroutine bad()
    type(weir_client) :: c
    integer :: step, i

    do step = 1, n_steps
      call weir_open(c, 'embedded:')                 ! at every step, ..
      call weir_set_model(c, 'net', model)
      do i = 1, n_cells
        call weir_infer(c, 'net', x(:, i:i), y(:, i:i), layout=weir_reversed)   ! .. cell by cell
      end do
      x = y
      call weir_close(c)
    end do
  end subroutine

  subroutine good()
    type(weir_client) :: c
    integer :: step

    call weir_open(c, 'embedded:')                   ! once
    call weir_set_model(c, 'net', model)
    do step = 1, n_steps
      call weir_infer(c, 'net', x, y, layout=weir_reversed)   ! all cells in one call
      x = y
    end do
    call weir_close(c)
  end subroutine

end program
