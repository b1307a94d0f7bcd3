! SPDX-License-Identifier: BSD-3-Clause
! A user's program: puts every second element, gets it back, prints the sum; where WEIR_ADDRESS says.
program outside
  use, intrinsic :: iso_fortran_env, only: real64
  use weir
  implicit none
  type(weir_client) :: client
  real(real64) :: a(6) = [1, 2, 3, 4, 5, 6], b(3) = 0

  call weir_open(client)
  call weir_put(client, 'odd', a(1::2))
  call weir_get(client, 'odd', b)
  print '(f4.0)', sum(b)
  call weir_close(client)
end program
