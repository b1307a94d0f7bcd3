! SPDX-License-Identifier: BSD-3-Clause
! Ten steps in which the model and the simulation take turns, then ten in which they overlap.
program overlap
  use, intrinsic :: iso_fortran_env, only: int64, real64
  use weir
  implicit none
  integer, parameter :: n = 5000, n_steps = 10
  ! It takes 10 ms, as a network might.
  character(len=*), parameter :: model = &
    'mock; in=x:DOUBLE[-1,1]; out=y:DOUBLE[-1,1]; scale=2; add=1; delay_us=10000'
  type(weir_client) :: c
  real(real64), asynchronous :: x(1, n), y(1, n)
  real(real64) :: turns, overlapped, sum_turns

  call weir_open(c, 'embedded:')
  call weir_set_model(c, 'net', model)
  turns = run(.false.)
  sum_turns = sum(x)
  overlapped = run(.true.)
  call weir_close(c)
  print '(a, f7.1, a)', 'taking turns ', turns, ' ms', 'overlapped   ', overlapped, ' ms'
  print '(f4.2, a)', overlapped / turns, ' of the time'
  print '(a, i0)', 'answer: ', merge(nint(sum(x)), -1, nint(sum(x)) == nint(sum_turns))

contains

  real(real64) function run(overlapping) result(ms)
    logical, intent(in) :: overlapping
    type(weir_request) :: r
    integer(int64) :: from
    integer :: step

    x = 0
    from = weir_now_ns()
    do step = 1, n_steps
      if (overlapping) then
        call weir_iinfer(c, 'net', x, y, r, layout=weir_reversed)
        call work()                  ! x and y belong to Weir meanwhile
        call weir_wait(r)
      else
        call weir_infer(c, 'net', x, y, layout=weir_reversed)
        call work()
      end if
      x = y
    end do
    ms = real(weir_now_ns() - from, real64) * 1e-6_real64
  end function

  ! What does not need the network's answer: 10 ms of it.
  subroutine work()
    integer(int64) :: until

    until = weir_deadline_in_ms(10)
    do while (weir_now_ns() < until)
    end do
  end subroutine

end program
