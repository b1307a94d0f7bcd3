! SPDX-License-Identifier: BSD-3-Clause
! Named timers, their table over all ranks, and JSON: Weir's meter, told how our ranks talk.
module ocean_clock
  use, intrinsic :: iso_c_binding
  use mpi_f08
  use weir
  use ocean_grid
  implicit none
  private
  public :: clock_init, clock_start, clock_stop, clock_report

  type(weir_meter), save :: meter
  logical, save :: running = .false.     ! without clock_init nothing is timed

contains

  ! Local.
  subroutine clock_init()
    call weir_meter_new(meter)
    running = .true.
  end subroutine

  ! Local. A new name makes a new timer.
  subroutine clock_start(name)
    character(*), intent(in) :: name
    if (running) call weir_meter_start(meter, weir_meter_key(meter, name))
  end subroutine

  ! Local.
  subroutine clock_stop(name)
    character(*), intent(in) :: name
    if (running) call weir_meter_stop(meter, weir_meter_key(meter, name))
  end subroutine

  ! Collective. Rank 0 prints means over ranks, as parts of the timer `whole`, and writes JSON when
  ! `file` is not empty. The meter is released.
  subroutine clock_report(g, whole, file)
    type(grid), intent(in) :: g
    character(*), intent(in) :: whole, file
    type(weir_meter_summary) :: summary
    type(weir_meter_total) :: total
    character(:), allocatable :: name
    integer, target :: communicator
    real(wp) :: all_of_it
    integer :: i

    name = ''
    communicator = g%comm%MPI_VAL
    call weir_meter_reduce(meter, summary, weir_meter_comm(c_loc(communicator), g%rank, &
      g%n_ranks, c_funloc(gather_bytes), c_funloc(bcast_bytes)))
    if (g%rank == 0) then
      all_of_it = 0
      do i = 1, weir_meter_summary_n(summary)
        call weir_meter_summary_at(summary, i, name, total)
        if (name == whole) all_of_it = total%sum_mean
      end do
      print '(a)', '  timer                 calls    mean s     max s  % of run'
      do i = 1, weir_meter_summary_n(summary)
        call weir_meter_summary_at(summary, i, name, total)
        print '(2x,a20,i8,2f10.3,f10.2)', name // repeat(' ', 20), total%n / total%n_ranks, &
          total%sum_mean, total%sum_max, 100 * total%sum_mean / all_of_it
      end do
      if (file /= '') then                ! the meter overwrites nothing, a run its own output
        open (newunit=i, file=file)
        close (i, status='delete')
        call weir_meter_summary_write(summary, weir_meter_json, file)
      end if
    end if
    call weir_meter_summary_free(summary)
    call weir_meter_free(meter)
    running = .false.
  end subroutine

  ! Collective. n bytes of every rank to rank 0, for the meter; ctx is the communicator's number.
  integer(c_int) function gather_bytes(ctx, send, n, recv) bind(c)
    type(c_ptr), value :: ctx, send, recv
    integer(c_size_t), value :: n
    integer(c_int8_t), pointer :: from(:), to(:)
    integer(c_int8_t), target :: nowhere(1)
    integer :: ranks

    call MPI_Comm_size(comm_at(ctx), ranks)
    call c_f_pointer(send, from, [n])
    to => nowhere
    if (c_associated(recv)) call c_f_pointer(recv, to, [n * ranks])
    call MPI_Gather(from, int(n), MPI_BYTE, to, int(n), MPI_BYTE, 0, comm_at(ctx), gather_bytes)
  end function

  ! Collective. n bytes of rank 0 to every rank.
  integer(c_int) function bcast_bytes(ctx, data, n) bind(c)
    type(c_ptr), value :: ctx, data
    integer(c_size_t), value :: n
    integer(c_int8_t), pointer :: bytes(:)

    call c_f_pointer(data, bytes, [n])
    call MPI_Bcast(bytes, int(n), MPI_BYTE, 0, comm_at(ctx), bcast_bytes)
  end function

  ! Local.
  type(MPI_Comm) function comm_at(ctx)
    type(c_ptr), intent(in) :: ctx
    integer, pointer :: number
    call c_f_pointer(ctx, number)
    comm_at%MPI_VAL = number
  end function

end module
