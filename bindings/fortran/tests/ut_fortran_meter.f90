! SPDX-License-Identifier: BSD-3-Clause
! Meters: keys, timers, values, statistics, the tree, joining, output; and what a pair costs.
program ut_fortran_meter
  use, intrinsic :: iso_fortran_env, only: int64, real64
  use, intrinsic :: iso_c_binding
  use tap
  use weir
  implicit none

  call timers()
  call values()
  call join()
  call two_ranks()
  call refused()
  call cost()
  call finish()

contains

  subroutine timers()
    type(weir_meter) :: m
    type(weir_meter_options) :: o
    type(weir_meter_stats) :: s
    type(weir_meter_node) :: node
    character(len=:), allocatable :: text, name, unit
    integer :: features, i, unit_number
    logical :: there

    o%trace = .true.
    o%skip_first = 1
    call weir_meter_new(m, o)
    features = weir_meter_key(m, 'features', description='of every cell')
    call check_number(weir_meter_key(m, 'features'), features, 'one name is one key')
    call check_number(weir_meter_n_keys(m), features + 1, 'after the seven')
    do i = 1, 5
      call weir_meter_start(m, weir_meter_batch)
      call weir_meter_start(m, features)
      call weir_meter_stop(m, features)
      call weir_meter_stop(m, weir_meter_batch)
    end do
    call weir_meter_read(m, features, s)
    call check(s%n == 5 .and. s%min > 0 .and. s%max >= s%median .and. s%n_skipped == 1, 'five regions')
    call check(weir_meter_n_nodes(m) == 2, 'two places in the tree')
    call weir_meter_node_at(m, 2, node)
    call check(node%key == features .and. node%parent == 1 .and. node%n == 5, 'one below the other')
    call weir_meter_key_at(m, features, name, unit=unit)
    call check(name == 'features' .and. unit == 's', 'what a key is')
    call weir_meter_print(m, weir_meter_json, text)
    call check(index(text, '"features"') > 0, 'JSON')
    call weir_meter_print(m, weir_meter_trace, text)
    call check(index(text, '"X"') > 0, 'trace')
    inquire (file='ut_fortran_meter.csv', exist=there)
    if (there) then
      open (newunit=unit_number, file='ut_fortran_meter.csv')
      close (unit_number, status='delete')
    end if
    call weir_meter_write(m, weir_meter_csv, 'ut_fortran_meter.csv')
    inquire (file='ut_fortran_meter.csv', exist=there)
    call check(there, 'CSV in a file')
    call weir_meter_reset(m)
    call weir_meter_read(m, features, s)
    call check(s%n == 0, 'reset')
    call weir_meter_free(m)
    call weir_meter_free(m)
  end subroutine

  subroutine values()
    type(weir_meter) :: m
    type(weir_meter_stats) :: s
    real(real64), allocatable :: x(:)
    integer(int64), allocatable :: n(:)
    integer :: bytes, error, i

    call weir_meter_new(m)
    bytes = weir_meter_key(m, 'bytes', weir_meter_counter, unit='bytes')
    error = weir_meter_key(m, 'error', weir_meter_histogram_kind)
    call weir_meter_add(m, bytes, 3.0_real64)
    call weir_meter_add(m, bytes, 4.0_real64)
    do i = 1, 4
      call weir_meter_add(m, error, real(i, real64))
    end do
    call weir_meter_read(m, bytes, s)
    call check(nint(s%sum) == 7, 'a counter adds up')
    call weir_meter_read(m, error, s)
    call check(abs(s%mean - 2.5_real64) < 1e-12 .and. s%exact, 'a histogram has a mean')
    call weir_meter_samples(m, error, x)
    call check(size(x) == 4, 'its values')
    call check(all(nint(x) == [1, 2, 3, 4]), '  in order')
    call weir_meter_samples(m, bytes, x)
    call check(size(x) == 0, 'a counter keeps none')
    call weir_meter_histogram(m, error, [0.5_real64, 2.5_real64, 3.5_real64, 9.0_real64], n)
    call check(all(n == [2, 1, 1]), 'counts between edges')
    call weir_meter_free(m)
  end subroutine

  subroutine join()
    type(weir_meter) :: a, b
    type(weir_meter_summary) :: s
    type(weir_meter_total) :: t
    type(weir_meter_comm) :: alone
    character(len=:), allocatable :: name, text
    real(real64), allocatable :: by_rank(:)
    integer :: k

    call weir_meter_new(a)
    call weir_meter_new(b)
    k = weir_meter_key(b, 'steps', weir_meter_counter)
    call weir_meter_add(b, k, 2.0_real64)
    call weir_meter_merge(a, b)
    call weir_meter_merge(a, b)
    call weir_meter_reduce(a, s, alone)
    call check_number(weir_meter_summary_ranks(s), 1, 'one rank')
    call check_number(weir_meter_summary_n(s), 1, 'one key')
    call weir_meter_summary_at(s, 1, name, t)
    call check(name == 'steps' .and. nint(t%sum) == 4 .and. t%n == 2 .and. t%n_ranks == 1, 'its total')
    call weir_meter_summary_by_rank(s, 1, by_rank)
    call check(size(by_rank) == 1 .and. nint(sum(by_rank)) == 4, 'by rank')
    call weir_meter_summary_print(s, weir_meter_text, text)
    call check(index(text, 'steps') > 0, 'a table')
    call weir_meter_summary_free(s)
    call weir_meter_reduce(b, s)
    call weir_meter_summary_free(s)
    call weir_meter_free(a)
    call weir_meter_free(b)
  end subroutine

  ! A made-up communicator, in which rank 1 has what rank 0 has.
  subroutine two_ranks()
    type(weir_meter) :: m
    type(weir_meter_summary) :: s
    type(weir_meter_total) :: t
    type(weir_meter_comm) :: comm
    character(len=:), allocatable :: name
    real(real64), allocatable :: by_rank(:)

    comm%size = 2
    comm%gather = c_funloc(gather_twice)
    comm%bcast = c_funloc(bcast_nothing)
    call weir_meter_new(m)
    call weir_meter_add(m, weir_meter_io, 1.5_real64)
    call weir_meter_reduce(m, s, comm)
    call weir_meter_summary_at(s, 1, name, t)
    call check(name == 'IO' .and. t%n_ranks == 2 .and. nint(t%sum) == 3, 'functions of ours join ranks')
    call weir_meter_summary_by_rank(s, 1, by_rank)
    call check(size(by_rank) == 2 .and. all(abs(by_rank - 1.5_real64) < 1e-12), '  by rank')
    call weir_meter_summary_free(s)
    call weir_meter_free(m)
  end subroutine

  integer(c_int) function gather_twice(ctx, send, n, recv) bind(c)
    type(c_ptr), value :: ctx, send, recv
    integer(c_size_t), value :: n
    integer(c_int8_t), pointer :: from(:), to(:, :)

    call c_f_pointer(send, from, [n])
    call c_f_pointer(recv, to, [n, 2_c_size_t])
    to(:, 1) = from
    to(:, 2) = from
    gather_twice = merge(1_c_int, 0_c_int, c_associated(ctx))
  end function

  integer(c_int) function bcast_nothing(ctx, data, n) bind(c)
    type(c_ptr), value :: ctx, data
    integer(c_size_t), value :: n

    bcast_nothing = merge(1_c_int, 0_c_int, c_associated(ctx) .or. .not. c_associated(data) .or. n == 0)
  end function

  subroutine refused()
    type(weir_meter) :: m, off
    type(weir_meter_stats) :: s
    type(weir_meter_node) :: node
    type(weir_meter_summary) :: none
    character(len=:), allocatable :: text
    integer :: stat, k
    character(len=300) :: message

    call weir_meter_new(m)
    call weir_meter_start(m, 99)
    call weir_meter_stop(m, weir_meter_io)
    call check(weir_meter_n_refused(m) == 2, 'what is refused is counted')
    k = weir_meter_key(m, '', stat=stat)
    call check_number(stat, weir_err_arg, 'an empty name')
    k = weir_meter_key(m, 'IO', weir_meter_counter, stat=stat)
    call check_number(stat, weir_err_kind, 'a name of another kind')
    call weir_meter_read(m, 99, s, stat)
    call check_number(stat, weir_err_arg, 'a key that is not there')
    call weir_meter_node_at(m, 1, node, stat, message)
    call check_number(stat, weir_err_key, 'a node that is not there')
    call weir_meter_new(m, stat=stat)
    call check_number(stat, weir_err_busy, 'a meter is not overwritten')
    call weir_meter_start(off, weir_meter_batch)
    call weir_meter_stop(off, weir_meter_batch)
    call weir_meter_add(off, 0, 1.0_real64)
    call check(weir_meter_n_keys(off) == 0, 'a meter that is off does nothing')
    call check(weir_meter_summary_n(none) == 0, 'an empty summary')
    call weir_meter_print(off, weir_meter_json, text, stat)
    call weir_meter_free(m)
  end subroutine

  ! Not a promise of this test (bench has those), but a guard against a slow path.
  subroutine cost()
    type(weir_meter) :: m
    type(weir_meter_stats) :: s
    integer(int64) :: from, best
    integer :: i, j

    call weir_meter_new(m)
    best = huge(best)
    do j = 1, 20
      from = weir_now_ns()
      do i = 1, 10000
        call weir_meter_start(m, weir_meter_forward)
        call weir_meter_stop(m, weir_meter_forward)
      end do
      best = min(best, (weir_now_ns() - from) / 10000)
    end do
    call weir_meter_read(m, weir_meter_forward, s)
    write (*, '("# start and stop: ", i0, " ns")') best
    call check(s%n == 200000, 'two hundred thousand pairs')
    call weir_meter_free(m)
  end subroutine

end program
