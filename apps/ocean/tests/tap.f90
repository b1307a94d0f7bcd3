! SPDX-License-Identifier: BSD-3-Clause
! TAP lines for the Fortran tests; rank 0 prints, every rank knows whether anything failed.
module tap
  use mpi_f08
  implicit none
  private
  public :: expect, done

  integer, save :: n_cases = 0, n_failed = 0

contains

  ! Collective: all ranks hold the same verdict (the quantities compared are global).
  subroutine expect(ok, name, found, wanted)
    logical, intent(in) :: ok
    character(*), intent(in) :: name, wanted
    real(kind(1d0)), intent(in) :: found
    integer :: rank
    n_cases = n_cases + 1
    if (.not. ok) n_failed = n_failed + 1
    call MPI_Comm_rank(MPI_COMM_WORLD, rank)
    if (rank /= 0) return
    print '(2a,i0,2a)', trim(merge('ok    ', 'not ok', ok)), ' ', n_cases, ' - ', name
    print '(a,es12.4,2a)', '# found', found, ', wanted ', wanted
  end subroutine

  ! Collective. The plan, and a non-zero exit when a case failed.
  subroutine done()
    integer :: rank
    call MPI_Comm_rank(MPI_COMM_WORLD, rank)
    if (rank == 0) print '(a,i0)', '1..', n_cases
    call MPI_Finalize()
    if (n_failed > 0) stop 1, quiet=.true.
  end subroutine

end module
