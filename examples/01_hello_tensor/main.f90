! SPDX-License-Identifier: BSD-3-Clause
! Put an array, get it back, and look at one column of it without a copy.
program hello_tensor
  use, intrinsic :: iso_fortran_env, only: real64
  use weir
  implicit none
  type(weir_client) :: c
  type(weir_buffer) :: loan
  real(real64) :: a(3, 4), b(3, 4), answer
  real(real64), pointer :: x(:)
  integer :: i, j

  do j = 1, 4
    do i = 1, 3
      a(i, j) = 10 * i + j
    end do
  end do
  call weir_open(c, 'embedded:')
  call weir_put(c, 'u', a)
  call weir_get(c, 'u', b)
  print '(a, f5.0, a, f5.0)', 'element (2,3) went out as', a(2, 3), ' and came back as', b(2, 3)

  ! A column, or any other section, goes into the same verb.
  call weir_put(c, 'column', a(:, 3))

  call weir_borrow(c, 'column', x, loan)   ! the stored bytes themselves, until the loan ends
  answer = sum(x)
  call weir_buffer_unref(loan)

  call weir_close(c)
  print '(a, i0)', 'answer: ', nint(answer)
end program
