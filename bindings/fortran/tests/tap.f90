! SPDX-License-Identifier: BSD-3-Clause
! TAP for tests in Fortran: check and finish; and the C peer, which looks at the same store through the
! C client (peer.c). The store is this process's, or where WEIR_ADDRESS says.
module tap
  use, intrinsic :: iso_c_binding, only: c_bool, c_char, c_double, c_int, c_int64_t, c_null_char
  implicit none
  private
  public :: check, check_number, check_text, finish, peer_array, peer_shape_is, peer_put, peer_growth, at_home

  integer :: n_checks = 0, n_failed = 0

  interface check
    procedure check_default, check_c
  end interface

  interface
    ! Does `key` hold an array whose element [i1,i2,..] is the value of a Fortran array's element, in
    ! which the element after k others in memory has the value mod(k, 120)? Of that array, of
    ! extents full, a section was put: start and step count from 0; dtype and extents are checked.
    integer(c_int) function c_peer_array(key, dtype, rank, full, start, step, extent, reversed) &
        bind(c, name='peer_array')
      import
      character(kind=c_char), intent(in) :: key(*)
      integer(c_int), value :: dtype, rank, reversed
      integer(c_int), intent(in) :: full(*), start(*), step(*), extent(*)
    end function
    ! Put F64 0, 1, 2, .. in C order.
    integer(c_int) function c_peer_put(key, dtype, rank, extent) bind(c, name='peer_put')
      import
      character(kind=c_char), intent(in) :: key(*)
      integer(c_int), value :: dtype, rank
      integer(c_int), intent(in) :: extent(*)
    end function
    ! Kilobytes of resident memory.
    integer(c_int64_t) function peer_growth() bind(c, name='peer_growth')
      import
    end function
  end interface

contains

  subroutine check_default(ok, name)
    logical, intent(in) :: ok
    character(len=*), intent(in) :: name

    n_checks = n_checks + 1
    if (.not. ok) n_failed = n_failed + 1
    if (ok) write (*, '("ok ", i0, " - ", a)') n_checks, name
    if (.not. ok) write (*, '("not ok ", i0, " - ", a)') n_checks, name
  end subroutine

  subroutine check_c(ok, name)
    logical(c_bool), intent(in) :: ok
    character(len=*), intent(in) :: name
    call check_default(logical(ok), name)
  end subroutine

  subroutine check_number(got, wanted, name)
    integer, intent(in) :: got, wanted
    character(len=*), intent(in) :: name

    call check_default(got == wanted, name)
    if (got /= wanted) write (*, '("# got ", i0, ", wanted ", i0)') got, wanted
  end subroutine

  ! Does a text hold a phrase?
  subroutine check_text(text, phrase, name)
    character(len=*), intent(in) :: text, phrase, name

    call check_default(index(text, phrase) > 0, name)
    if (index(text, phrase) == 0) write (*, '("# text: ", a)') trim(text)
  end subroutine

  ! The store is in this process: its bytes can be borrowed, its size be set.
  logical function at_home()
    integer :: n

    call get_environment_variable('WEIR_ADDRESS', length=n)
    at_home = n == 0
  end function

  logical function peer_array(key, dtype, full, start, step, extent, reversed)
    character(len=*), intent(in) :: key
    integer, intent(in) :: dtype, full(:), start(:), step(:), extent(:)
    logical, intent(in) :: reversed

    peer_array = c_peer_array(key // c_null_char, dtype, size(full), full, start, step, extent, &
      merge(1, 0, reversed)) == 1
  end function

  logical function peer_shape_is(key, dtype, extent)
    character(len=*), intent(in) :: key
    integer, intent(in) :: dtype, extent(:)
    integer :: zero(size(extent)), one(size(extent))

    zero = 0
    one = 1
    peer_shape_is = c_peer_array(key // c_null_char, dtype, -size(extent), extent, zero, one, extent, &
      0) == 1
  end function

  logical function peer_put(key, dtype, extent)
    character(len=*), intent(in) :: key
    integer, intent(in) :: dtype, extent(:)

    peer_put = c_peer_put(key // c_null_char, dtype, size(extent), extent) == 1
  end function

  subroutine finish()
    write (*, '("1..", i0)') n_checks
    if (n_failed > 0) stop 1
  end subroutine

end module
