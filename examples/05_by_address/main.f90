! SPDX-License-Identifier: BSD-3-Clause
! Recording moorings, in this process or on a server by WEIR_ADDRESS alone: wrongly, then well.
program by_address
  use, intrinsic :: iso_fortran_env, only: int64, real64
  use weir
  implicit none
  integer, parameter :: n_moorings = 100, n_steps = 20
  real(real64) :: sum_bad, sum_good, slow, fast
  integer(int64) :: from

  from = weir_now_ns()
  sum_bad = bad()
  slow = real(weir_now_ns() - from, real64) * 1e-6_real64

  from = weir_now_ns()
  sum_good = good()
  fast = real(weir_now_ns() - from, real64) * 1e-6_real64
  call clean_up()

  print '(a, f10.3, a)', 'bad  ', slow, ' ms', 'good ', fast, ' ms'
  print '(i0, a, l1)', nint(slow / fast), ' times faster, the same numbers: ', nint(sum_bad) == nint(sum_good)
  print '(a, i0)', 'answer: ', merge(nint(sum_good), -1, nint(sum_bad) == nint(sum_good))

contains

  function bad() result(total)
    type(weir_client) :: c
    real(real64) :: total, back
    integer :: step, i

    total = 0
    do step = 1, n_steps
      call weir_open(c)                              ! at every step, ..
      do i = 1, n_moorings
        call weir_put(c, name_of(i), real(step * i, real64))   ! .. and value by value
        call weir_get(c, name_of(i), back)
        total = total + back
      end do
      call weir_close(c)
    end do
  end function

  function good() result(total)
    type(weir_client) :: c
    type(weir_dataset) :: ds
    real(real64) :: total, back(n_moorings)
    integer :: step, i

    total = 0
    call weir_open(c)                                ! once; WEIR_ADDRESS says where
    do step = 1, n_steps
      call weir_dataset_new(ds, 'moorings')
      call weir_dataset_add_tensor(ds, 'value', [(real(step * i, real64), i=1, n_moorings)])
      call weir_dataset_add_scalars(ds, 'time', real(step, real64))
      call weir_put_dataset(c, ds)                   ! one exchange out, ..
      call weir_dataset_free(ds)

      call weir_get_dataset(c, 'moorings', ds)       ! .. one back
      call weir_dataset_get_tensor(ds, 'value', back)
      call weir_dataset_free(ds)
      total = total + sum(back)
    end do
    call weir_close(c)
  end function

  ! A server keeps what it is given: a program takes its own away.
  subroutine clean_up()
    type(weir_client) :: c
    integer :: i

    call weir_open(c)
    do i = 1, n_moorings
      call weir_del(c, weir_kind_tensor, name_of(i))
    end do
    ! embedded, the store went with its last client
    if (weir_exists(c, weir_kind_dataset, 'moorings')) call weir_del(c, weir_kind_dataset, 'moorings')
    call weir_close(c)
  end subroutine

  function name_of(mooring) result(name)
    integer, intent(in) :: mooring
    character(len=10) :: name

    write (name, '(a, i3.3)') 'mooring', mooring
  end function

end program
