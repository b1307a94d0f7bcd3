! SPDX-License-Identifier: BSD-3-Clause
! Meters: interfaces bound to meter.c. What each verb does is said in weir/meter.h; here only what
! differs. Users say `use weir`.
module weir_m_meter
  use, intrinsic :: iso_c_binding, only: c_bool, c_char, c_double, c_int, c_int64_t
  use weir_types
  implicit none
  public
  private :: c_bool, c_char, c_double, c_int, c_int64_t

  interface

    subroutine weir_meter_new(meter, options, stat, errmsg) bind(c, name='wrf_meter_new')
      import
      type(weir_meter), intent(inout) :: meter
      type(weir_meter_options), intent(in), optional :: options
      integer(c_int), intent(out), optional :: stat
      character(len=*, kind=c_char), intent(inout), optional :: errmsg
    end subroutine

    subroutine weir_meter_free(meter) bind(c, name='wrf_meter_free')
      import
      type(weir_meter), intent(inout) :: meter
    end subroutine

    ! key = weir_meter_key(meter, 'features'): a timer, unless kind says otherwise.
    integer(c_int) function weir_meter_key(meter, name, kind, unit, description, stat, &
        errmsg) bind(c, name='wrf_meter_key')
      import
      type(weir_meter), intent(in) :: meter
      character(len=*, kind=c_char), intent(in) :: name
      integer(c_int), intent(in), optional :: kind
      character(len=*, kind=c_char), intent(in), optional :: unit, description
      integer(c_int), intent(out), optional :: stat
      character(len=*, kind=c_char), intent(inout), optional :: errmsg
    end function

    ! Keys are 0 .. n-1.
    integer(c_int) function weir_meter_n_keys(meter) bind(c, name='wrf_meter_n_keys')
      import
      type(weir_meter), intent(in) :: meter
    end function

    subroutine weir_meter_key_at(meter, key, name, kind, unit, description, is_open, stat, &
        errmsg) bind(c, name='wrf_meter_key_at')
      import
      type(weir_meter), intent(in) :: meter
      integer(c_int), intent(in) :: key
      character(len=:, kind=c_char), allocatable, intent(out) :: name
      integer(c_int), intent(inout), optional :: kind
      character(len=:, kind=c_char), allocatable, intent(out), optional :: unit, description
      logical(c_bool), intent(inout), optional :: is_open
      integer(c_int), intent(out), optional :: stat
      character(len=*, kind=c_char), intent(inout), optional :: errmsg
    end subroutine

    ! What is refused is counted, in weir_meter_n_refused and every output.
    subroutine weir_meter_start(meter, key) bind(c, name='wrf_meter_start')
      import
      type(weir_meter), intent(in) :: meter
      integer(c_int), intent(in) :: key
    end subroutine

    subroutine weir_meter_stop(meter, key) bind(c, name='wrf_meter_stop')
      import
      type(weir_meter), intent(in) :: meter
      integer(c_int), intent(in) :: key
    end subroutine

    subroutine weir_meter_add(meter, key, value) bind(c, name='wrf_meter_add')
      import
      type(weir_meter), intent(in) :: meter
      integer(c_int), intent(in) :: key
      real(c_double), intent(in) :: value
    end subroutine

    integer(c_int64_t) function weir_meter_n_refused(meter) bind(c, name='wrf_meter_n_refused')
      import
      type(weir_meter), intent(in) :: meter
    end function

    subroutine weir_meter_reset(meter) bind(c, name='wrf_meter_reset')
      import
      type(weir_meter), intent(in) :: meter
    end subroutine

    subroutine weir_meter_read(meter, key, stats, stat, errmsg) bind(c, name='wrf_meter_read')
      import
      type(weir_meter), intent(in) :: meter
      integer(c_int), intent(in) :: key
      type(weir_meter_stats), intent(inout) :: stats
      integer(c_int), intent(out), optional :: stat
      character(len=*, kind=c_char), intent(inout), optional :: errmsg
    end subroutine

    subroutine weir_meter_samples(meter, key, values, stat, errmsg) &
        bind(c, name='wrf_meter_samples')
      import
      type(weir_meter), intent(in) :: meter
      integer(c_int), intent(in) :: key
      real(c_double), allocatable, intent(out) :: values(:)
      integer(c_int), intent(out), optional :: stat
      character(len=*, kind=c_char), intent(inout), optional :: errmsg
    end subroutine

    integer(c_int) function weir_meter_n_nodes(meter) bind(c, name='wrf_meter_n_nodes')
      import
      type(weir_meter), intent(in) :: meter
    end function

    ! The i-th place of the tree, from 1.
    subroutine weir_meter_node_at(meter, i, node, stat, errmsg) bind(c, name='wrf_meter_node_at')
      import
      type(weir_meter), intent(in) :: meter
      integer(c_int), intent(in) :: i
      type(weir_meter_node), intent(inout) :: node
      integer(c_int), intent(out), optional :: stat
      character(len=*, kind=c_char), intent(inout), optional :: errmsg
    end subroutine

    subroutine weir_meter_merge(into, from, stat, errmsg) bind(c, name='wrf_meter_merge')
      import
      type(weir_meter), intent(in) :: into, from
      integer(c_int), intent(out), optional :: stat
      character(len=*, kind=c_char), intent(inout), optional :: errmsg
    end subroutine

    ! ---- over ranks ----

    ! Collective over comm; without it, a program of one rank.
    subroutine weir_meter_reduce(meter, summary, comm, stat, errmsg) &
        bind(c, name='wrf_meter_reduce')
      import
      type(weir_meter), intent(in) :: meter
      type(weir_meter_summary), intent(inout) :: summary
      type(weir_meter_comm), intent(in), optional :: comm
      integer(c_int), intent(out), optional :: stat
      character(len=*, kind=c_char), intent(inout), optional :: errmsg
    end subroutine

    subroutine weir_meter_summary_free(summary) bind(c, name='wrf_meter_summary_free')
      import
      type(weir_meter_summary), intent(inout) :: summary
    end subroutine

    integer(c_int) function weir_meter_summary_n(summary) bind(c, name='wrf_meter_summary_n')
      import
      type(weir_meter_summary), intent(in) :: summary
    end function

    integer(c_int) function weir_meter_summary_ranks(summary) &
        bind(c, name='wrf_meter_summary_ranks')
      import
      type(weir_meter_summary), intent(in) :: summary
    end function

    ! The i-th key, from 1.
    subroutine weir_meter_summary_at(summary, i, name, total, unit, stat, errmsg) &
        bind(c, name='wrf_meter_summary_at')
      import
      type(weir_meter_summary), intent(in) :: summary
      integer(c_int), intent(in) :: i
      character(len=:, kind=c_char), allocatable, intent(out) :: name
      type(weir_meter_total), intent(inout) :: total
      character(len=:, kind=c_char), allocatable, intent(out), optional :: unit
      integer(c_int), intent(out), optional :: stat
      character(len=*, kind=c_char), intent(inout), optional :: errmsg
    end subroutine

    subroutine weir_meter_summary_by_rank(summary, i, values, stat, errmsg) &
        bind(c, name='wrf_meter_summary_by_rank')
      import
      type(weir_meter_summary), intent(in) :: summary
      integer(c_int), intent(in) :: i
      real(c_double), allocatable, intent(out) :: values(:)
      integer(c_int), intent(out), optional :: stat
      character(len=*, kind=c_char), intent(inout), optional :: errmsg
    end subroutine

    ! ---- output ----

    subroutine weir_meter_print(meter, format, text, stat, errmsg) bind(c, name='wrf_meter_print')
      import
      type(weir_meter), intent(in) :: meter
      integer(c_int), intent(in) :: format
      character(len=:, kind=c_char), allocatable, intent(out) :: text
      integer(c_int), intent(out), optional :: stat
      character(len=*, kind=c_char), intent(inout), optional :: errmsg
    end subroutine

    subroutine weir_meter_write(meter, format, path, stat, errmsg) bind(c, name='wrf_meter_write')
      import
      type(weir_meter), intent(in) :: meter
      integer(c_int), intent(in) :: format
      character(len=*, kind=c_char), intent(in) :: path
      integer(c_int), intent(out), optional :: stat
      character(len=*, kind=c_char), intent(inout), optional :: errmsg
    end subroutine

    subroutine weir_meter_summary_print(summary, format, text, stat, errmsg) &
        bind(c, name='wrf_meter_summary_print')
      import
      type(weir_meter_summary), intent(in) :: summary
      integer(c_int), intent(in) :: format
      character(len=:, kind=c_char), allocatable, intent(out) :: text
      integer(c_int), intent(out), optional :: stat
      character(len=*, kind=c_char), intent(inout), optional :: errmsg
    end subroutine

    subroutine weir_meter_summary_write(summary, format, path, stat, errmsg) &
        bind(c, name='wrf_meter_summary_write')
      import
      type(weir_meter_summary), intent(in) :: summary
      integer(c_int), intent(in) :: format
      character(len=*, kind=c_char), intent(in) :: path
      integer(c_int), intent(out), optional :: stat
      character(len=*, kind=c_char), intent(inout), optional :: errmsg
    end subroutine

    subroutine raw_histogram(meter, key, edge, n_edges, count, stat, errmsg) &
        bind(c, name='wrf_meter_histogram')
      import
      type(weir_meter), intent(in) :: meter
      integer(c_int), intent(in) :: key, n_edges
      integer(c_int), intent(out), optional :: stat
      character(len=*, kind=c_char), intent(inout), optional :: errmsg
      real(c_double), intent(in) :: edge(n_edges)
      integer(c_int64_t), intent(inout) :: count(n_edges - 1)
    end subroutine

  end interface

contains

  ! How many values lie between edges: count has one element less than edge.
  subroutine weir_meter_histogram(meter, key, edge, count, stat, errmsg)
    type(weir_meter), intent(in) :: meter
    integer(c_int), intent(in) :: key
    real(c_double), intent(in) :: edge(:)
    integer(c_int64_t), allocatable, intent(out) :: count(:)
    integer(c_int), intent(out), optional :: stat
    character(len=*), intent(inout), optional :: errmsg
    character(len=weir_error_text_max) :: text
    integer(c_int) :: status

    allocate (count(max(0, size(edge) - 1)), source=0_c_int64_t)
    call raw_histogram(meter, key, edge, size(edge, kind=c_int), count, status, text)
    call weir_end(status, text, stat, errmsg)
  end subroutine

end module
