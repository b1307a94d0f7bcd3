! SPDX-License-Identifier: BSD-3-Clause
! Named timers, and the table and JSON of them at the end of a run.
module ocean_clock
  use mpi_f08
  use ocean_grid
  implicit none
  private
  public :: clock_start, clock_stop, clock_seconds, clock_report

  integer, parameter :: n_max = 16
  type :: timer
    character(20) :: name = ''
    integer :: calls = 0
    real(wp) :: began = 0, total = 0        ! s
  end type
  type(timer), save :: timers(n_max)
  integer, save :: n_timers = 0

contains

  ! Local. The timer of this name; a new name makes a new timer.
  integer function index_of(name)
    character(*), intent(in) :: name
    do index_of = 1, n_timers
      if (timers(index_of)%name == name) return
    end do
    if (n_timers == n_max) error stop 'ocean_clock: more timers than n_max'
    n_timers = n_timers + 1
    index_of = n_timers
    timers(n_timers)%name = name
  end function

  ! Local.
  subroutine clock_start(name)
    character(*), intent(in) :: name
    timers(index_of(name))%began = MPI_Wtime()
  end subroutine

  ! Local.
  subroutine clock_stop(name)
    character(*), intent(in) :: name
    associate (t => timers(index_of(name)))
      t%total = t%total + MPI_Wtime() - t%began
      t%calls = t%calls + 1
    end associate
  end subroutine

  ! Local.
  real(wp) function clock_seconds(name)
    character(*), intent(in) :: name
    clock_seconds = timers(index_of(name))%total
  end function

  ! Collective; all ranks used the same timers in the same order. Rank 0 prints the mean over ranks
  ! and, when `file` is not empty, writes it as JSON.
  subroutine clock_report(g, whole, file)
    type(grid), intent(in) :: g
    character(*), intent(in) :: whole, file
    real(wp) :: mean(n_max), most(n_max), all_of_it
    integer :: i, unit

    mean = timers%total / g%n_ranks
    most = timers%total
    call MPI_Allreduce(MPI_IN_PLACE, mean, n_max, MPI_DOUBLE_PRECISION, MPI_SUM, g%comm)
    call MPI_Allreduce(MPI_IN_PLACE, most, n_max, MPI_DOUBLE_PRECISION, MPI_MAX, g%comm)
    if (g%rank /= 0) return
    all_of_it = mean(index_of(whole))
    print '(a)', '  timer                 calls    mean s     max s  % of run'
    do i = 1, n_timers
      print '(2x,a,i8,2f10.3,f10.2)', timers(i)%name, timers(i)%calls, mean(i), most(i), &
        100 * mean(i) / all_of_it
    end do
    if (file == '') return
    open (newunit=unit, file=file, action='write', status='replace')
    write (unit, '(a,i0,a)') '{"ranks": ', g%n_ranks, ', "timers": ['
    do i = 1, n_timers
      write (unit, '(3a,i0,2(a,es12.6),2a)') '  {"name": "', trim(timers(i)%name), &
        '", "calls": ', timers(i)%calls, ', "mean_s": ', mean(i), ', "max_s": ', most(i), '}', &
        merge(',', ' ', i < n_timers)
    end do
    write (unit, '(a)') ']}'
    close (unit)
  end subroutine

end module
