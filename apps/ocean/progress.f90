! SPDX-License-Identifier: BSD-3-Clause
! How far the run is: a bar on a terminal, a line every tenth elsewhere. mpirun gives rank 0 a
! pseudo-terminal whatever its own output is; OCEAN_PROGRESS=bar or lines settles it.
module ocean_progress
  use, intrinsic :: iso_fortran_env, only: output_unit
  use, intrinsic :: iso_c_binding, only: c_int
  use mpi_f08, only: MPI_Wtime
  use ocean_grid, only: wp
  implicit none
  private
  public :: progress_start, progress_show, progress_end

  logical, save :: loud = .false., terminal = .false.
  integer, save :: shown = -1                ! per mille or tenths last shown
  real(wp), save :: began = 0

  interface
    integer(c_int) function isatty(fd) bind(c)
      import :: c_int
      integer(c_int), value :: fd
    end function
  end interface

contains

  ! Local. Only a loud rank prints.
  subroutine progress_start(is_loud)
    logical, intent(in) :: is_loud
    character(8) :: wish
    loud = is_loud
    call get_environment_variable('OCEAN_PROGRESS', wish)
    terminal = isatty(1_c_int) == 1 .and. wish /= 'lines' .or. wish == 'bar'
    shown = -1
    began = MPI_Wtime()
  end subroutine

  ! Local. Cheap to call every simulated day.
  subroutine progress_show(day, days)
    real(wp), intent(in) :: day, days
    integer, parameter :: width = 40
    integer :: now
    real(wp) :: part, left

    if (.not. loud) return
    part = min(day / days, 1.0_wp)
    now = int(part * merge(200, 10, terminal))
    if (now == shown) return
    shown = now
    left = (MPI_Wtime() - began) * (1 - part) / part
    if (terminal) then
      write (output_unit, '(3a,i4,a,f8.0,a,f6.0,a)', advance='no') achar(13) // '  [', &
        repeat('#', int(part * width)) // repeat('.', width - int(part * width)), ']', &
        int(100 * part), '%  day', day, '  ', left, ' s left '
    else
      write (output_unit, '(i5,a,f8.0,a,f6.0,a)') int(100 * part), '%  day', day, '  ', left, &
        ' s left'
    end if
    flush (output_unit)
  end subroutine

  ! Local.
  subroutine progress_end()
    if (loud .and. terminal) write (output_unit, '(a)')
  end subroutine

end module
