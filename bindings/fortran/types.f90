! SPDX-License-Identifier: BSD-3-Clause
! Types, constants and the one exit of Weir's Fortran interface. Users say `use weir`.
module weir_types
  use, intrinsic :: iso_c_binding, only: c_bool, c_char, c_double, c_funptr, c_int, &
    c_int64_t, c_null_funptr, c_null_ptr, c_ptr, c_size_t
  implicit none
  public
  private :: c_bool, c_char, c_double, c_funptr, c_int, c_int64_t, c_null_funptr
  private :: c_null_ptr, c_ptr, c_size_t

  ! Handles. A copy by assignment is a second name of the same object, not a second object.
  type, bind(c) :: weir_client
    private
    type(c_ptr) :: p = c_null_ptr
  end type
  type, bind(c) :: weir_dataset
    private
    type(c_ptr) :: p = c_null_ptr
  end type
  type, bind(c) :: weir_request
    private
    type(c_ptr) :: p = c_null_ptr
  end type
  type, bind(c) :: weir_pipeline
    private
    type(c_ptr) :: p = c_null_ptr
  end type
  ! One reference to memory of Weir: a loan. It ends with weir_buffer_unref, and with it every
  ! pointer that was associated with the memory.
  type, bind(c) :: weir_buffer
    private
    type(c_ptr) :: p = c_null_ptr
  end type
  type, bind(c) :: weir_meter
    private
    type(c_ptr) :: p = c_null_ptr
  end type
  type, bind(c) :: weir_meter_summary
    private
    type(c_ptr) :: p = c_null_ptr
  end type

  ! A description of an array that may stand where an array may stand: weir_view(a, layout, dtype)
  ! makes it, several make the list of a model's inputs. It borrows a, which needs `target`.
  type, bind(c) :: weir_view
    private
    integer(c_int64_t) :: inside(40) = 0
  end type

  type, bind(c) :: weir_device
    integer(c_int) :: kind = 0    ! weir_cpu, weir_cuda, weir_rocm; 0: the host
    integer(c_int) :: index = 0   ! number of the GPU
  end type

  ! What to do with a value outside [low, high], or not finite.
  type, bind(c) :: weir_guard
    integer(c_int) :: mode = 0               ! weir_guard_count, ..
    logical(c_bool) :: ranged = .false.      ! also hold values against low and high
    real(c_double) :: low = 0, high = 0
    real(c_double) :: fallback = 0           ! what replaces a bad value
  end type

  ! How a model is to be run; what is text goes as arguments of weir_set_model. See weir/model.h.
  type, bind(c) :: weir_model_options
    type(weir_device) :: device
    integer(c_int64_t) :: version = 0        ! 0: one more than the newest
    integer(c_int64_t) :: batch_max = 0      ! rows gathered into one run; 1: never gather
    integer(c_int64_t) :: batch_min = 0      ! wait for so many rows ..
    integer(c_int64_t) :: batch_wait_ms = 0  ! .. but no longer
    integer(c_int64_t) :: block_rows = 0     ! rows of one run of a large batch; 0: found
    integer(c_int) :: threads = 0            ! of one run; 0 means 1
    logical(c_bool) :: rows_dependent = .false.
    logical(c_bool) :: deterministic = .false.
    logical(c_bool) :: no_warm_up = .false.
    type(weir_guard) :: input, output
  end type

  integer, parameter :: weir_rank_max = 15, weir_io_max = 32, weir_io_name_max = 128
  integer, parameter :: weir_batch_bins = 16, weir_error_text_max = 512

  ! One input or output of a model; an extent of -1 is free, rank -1 unknown.
  type :: weir_io
    character(len=weir_io_name_max) :: name = ''
    integer(c_int) :: dtype = 0, rank = 0
    integer(c_int64_t) :: shape(weir_rank_max) = 0
  end type

  ! What a model is; see weir/model.h.
  type :: weir_model_info
    character(len=16) :: backend = ''
    character(len=64) :: tag = ''
    type(weir_device) :: device
    integer(c_int64_t) :: version = 0
    logical :: is_script = .false., writes_inputs = .false.
    type(weir_io), allocatable :: in(:), out(:)
    integer(c_int64_t) :: file_bytes = 0, n_parameters = 0, block_rows = 0
    real(c_double) :: warm_up_s = 0
  end type

  ! What a model has cost; see weir/model.h. Times in seconds.
  type, bind(c) :: weir_model_stats
    integer(c_int64_t) :: n_calls = 0, n_errors = 0, n_rows = 0, n_runs = 0, n_gathered = 0
    integer(c_int64_t) :: n_inline = 0
    integer(c_int64_t) :: batch(weir_batch_bins) = 0
    real(c_double) :: queue_s = 0, run_s = 0, run_max_s = 0
    integer(c_int64_t) :: n_copies = 0, copied_bytes = 0, in_bytes = 0, out_bytes = 0
    integer(c_int64_t) :: n_bad_in = 0, n_bad_out = 0, n_timeouts = 0
  end type

  ! What the buffers of this process hold and have done.
  type, bind(c) :: weir_memory
    integer(c_size_t) :: in_use_bytes = 0, kept_bytes = 0
    integer(c_int64_t) :: n_alloc = 0, n_fresh = 0
  end type

  ! How to make a meter; see weir/meter.h.
  type, bind(c) :: weir_meter_options
    integer(c_size_t), private :: struct_bytes = 0
    integer(c_int) :: mode = 0               ! weir_meter_full, weir_meter_stream
    integer(c_size_t) :: samples_max = 0
    integer(c_int64_t) :: skip_first = 0
    integer(c_int) :: clock = 0
    logical(c_bool) :: trace = .false.
    integer(c_size_t) :: trace_max = 0
    integer(c_int) :: rank = 0, thread = 0
  end type

  type, bind(c) :: weir_meter_stats
    integer(c_int64_t) :: n = 0
    real(c_double) :: sum = 0, min = 0, max = 0, mean = 0, median = 0, stdev = 0
    real(c_double) :: p05 = 0, p95 = 0, p99 = 0, first = 0, mean_rest = 0
    integer(c_int64_t) :: n_skipped = 0
    real(c_double) :: ci95_low = 0, ci95_high = 0
    integer(c_int64_t) :: n_kept = 0, n_dropped = 0
    logical(c_bool) :: exact = .false.
  end type

  ! A place in the tree of regions; parent is the index of its node, 0 at the top.
  type, bind(c) :: weir_meter_node
    integer(c_int) :: key = 0, parent = 0
    integer(c_int64_t) :: n = 0
    real(c_double) :: seconds = 0
  end type

  ! How ranks talk: functions with bind(c) of the caller's, as in weir/meter.h. As it is made here:
  ! a program of one rank.
  type, bind(c) :: weir_meter_comm
    type(c_ptr) :: ctx = c_null_ptr
    integer(c_int) :: rank = 0, size = 0
    type(c_funptr) :: gather = c_null_funptr, bcast = c_null_funptr
  end type

  ! One key over the ranks that have values of it. Numbers of ranks count from 0, as MPI's.
  type, bind(c) :: weir_meter_total
    integer(c_int) :: kind = 0, n_ranks = 0
    integer(c_int64_t) :: n = 0
    real(c_double) :: sum = 0, sum_min = 0, sum_mean = 0, sum_max = 0, imbalance = 0
    integer(c_int) :: rank_min = 0, rank_max = 0
    real(c_double) :: mean_min = 0, mean_mean = 0, mean_max = 0, min = 0, max = 0
  end type

  integer(c_int), parameter :: weir_indices = 0    ! a(i,j) is element [i,j] (the default)
  integer(c_int), parameter :: weir_reversed = 1   ! a(i,j) is element [j,i]: same memory in C order

  integer(c_int64_t), parameter :: weir_never = huge(0_c_int64_t)

  ! The lines below are held against the C headers by coverage.py.
  integer(c_int), parameter :: weir_ok = 0
  integer(c_int), parameter :: weir_err_arg = -1
  integer(c_int), parameter :: weir_err_nomem = -2
  integer(c_int), parameter :: weir_err_key = -3
  integer(c_int), parameter :: weir_err_kind = -4
  integer(c_int), parameter :: weir_err_dtype = -5
  integer(c_int), parameter :: weir_err_shape = -6
  integer(c_int), parameter :: weir_err_full = -7
  integer(c_int), parameter :: weir_err_timeout = -8
  integer(c_int), parameter :: weir_err_closed = -9
  integer(c_int), parameter :: weir_err_backend = -10
  integer(c_int), parameter :: weir_err_model = -11
  integer(c_int), parameter :: weir_err_guard = -12
  integer(c_int), parameter :: weir_err_format = -13
  integer(c_int), parameter :: weir_err_io = -14
  integer(c_int), parameter :: weir_err_unsupported = -15
  integer(c_int), parameter :: weir_err_exists = -16
  integer(c_int), parameter :: weir_err_busy = -17
  integer(c_int), parameter :: weir_err_internal = -18

  integer(c_int), parameter :: weir_f32 = 0, weir_f64 = 1, weir_i8 = 2, weir_i16 = 3
  integer(c_int), parameter :: weir_i32 = 4, weir_i64 = 5, weir_u8 = 6, weir_u16 = 7
  integer(c_int), parameter :: weir_u32 = 8, weir_u64 = 9, weir_f16 = 10, weir_bf16 = 11
  integer(c_int), parameter :: weir_bool = 12, weir_string = 13

  integer(c_int), parameter :: weir_cpu = 1, weir_cuda = 2, weir_rocm = 10

  ! What a name refers to: C's WEIR_TENSOR is weir_kind_tensor, since weir_dataset is a type here.
  integer(c_int), parameter :: weir_kind_any = 0, weir_kind_tensor = 1, weir_kind_dataset = 2
  integer(c_int), parameter :: weir_kind_list = 3, weir_kind_model = 4, weir_kind_script = 5

  integer(c_int), parameter :: weir_full_fail = 0, weir_full_wait = 1
  integer(c_int), parameter :: weir_full_drop_oldest = 2, weir_full_drop_newest = 3

  integer(c_int), parameter :: weir_eq = 0, weir_ge = 1, weir_le = 2

  integer(c_int), parameter :: weir_guard_count = 0, weir_guard_off = 1, weir_guard_fail = 2
  integer(c_int), parameter :: weir_guard_clamp = 3, weir_guard_fallback = 4

  integer(c_int), parameter :: weir_meter_epoch = 0, weir_meter_batch = 1, weir_meter_forward = 2
  integer(c_int), parameter :: weir_meter_backward = 3, weir_meter_comm_key = 4
  integer(c_int), parameter :: weir_meter_io = 5, weir_meter_other = 6
  integer(c_int), parameter :: weir_meter_timer = 0, weir_meter_counter = 1
  integer(c_int), parameter :: weir_meter_histogram_kind = 2
  integer(c_int), parameter :: weir_meter_full = 0, weir_meter_stream = 1
  integer(c_int), parameter :: weir_meter_clock_best = 0, weir_meter_clock_monotonic = 1
  integer(c_int), parameter :: weir_meter_clock_cycles = 2
  integer(c_int), parameter :: weir_meter_text = 0, weir_meter_csv = 1, weir_meter_json = 2
  integer(c_int), parameter :: weir_meter_trace = 3

  interface weir_view
    ! A view of an array of any kind and rank. `dtype` takes the elements' bits for another type of
    ! the same size: weir_view(a, dtype=weir_u8) of integer(1). What is wrong with the array comes
    ! out where the view is used.
    type(weir_view) function weir_view_of(a, layout, dtype) bind(c, name='wrf_box_of')
      import
      type(*), dimension(..), intent(in), target :: a
      integer(c_int), intent(in), optional :: layout, dtype
    end function
  end interface

contains

  ! The only exit: a call without stat= failed, as with `allocate`. Called by the C side alone.
  subroutine wrf_stop(text, n) bind(c, name='wrf_stop')
    integer(c_size_t), value :: n
    character(kind=c_char), intent(in) :: text(n)
    character(len=n) :: line
    integer(c_size_t) :: i

    do i = 1, n
      line(i:i) = text(i)
    end do
    error stop line
  end subroutine

  ! The end of a verb that is written in Fortran.
  subroutine weir_end(status, text, stat, errmsg)
    integer(c_int), intent(in) :: status
    character(len=*), intent(in) :: text
    integer(c_int), intent(out), optional :: stat
    character(len=*), intent(inout), optional :: errmsg

    if (present(stat)) stat = status
    if (status == weir_ok) return
    if (present(errmsg)) errmsg = text
    if (.not. present(stat)) error stop 'Weir: ' // trim(text)
  end subroutine

end module
