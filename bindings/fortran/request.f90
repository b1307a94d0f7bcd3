! SPDX-License-Identifier: BSD-3-Clause
! Non-blocking verbs and requests: interfaces bound to request.c. Arrays named in a call belong to
! Weir until the request has ended: give them `asynchronous` (or `target`) where they are declared,
! and pass variables or sections of them, not expressions. Users say `use weir`.
module weir_m_request
  use, intrinsic :: iso_c_binding, only: c_bool, c_char, c_int
  use weir_types
  implicit none
  public
  private :: c_bool, c_char, c_int

  interface

    subroutine weir_iput(client, key, array, request, layout, stat, errmsg) bind(c, name='wrf_iput')
      import
      type(weir_client), intent(in) :: client
      character(len=*, kind=c_char), intent(in) :: key
      type(*), dimension(..), intent(in), asynchronous :: array
      type(weir_request), intent(inout) :: request
      integer(c_int), intent(in), optional :: layout
      integer(c_int), intent(out), optional :: stat
      character(len=*, kind=c_char), intent(inout), optional :: errmsg
    end subroutine

    subroutine weir_iget(client, key, array, request, layout, stat, errmsg) bind(c, name='wrf_iget')
      import
      type(weir_client), intent(in) :: client
      character(len=*, kind=c_char), intent(in) :: key
      type(*), dimension(..), intent(inout), asynchronous :: array
      type(weir_request), intent(inout) :: request
      integer(c_int), intent(in), optional :: layout
      integer(c_int), intent(out), optional :: stat
      character(len=*, kind=c_char), intent(inout), optional :: errmsg
    end subroutine

    subroutine weir_irun(client, model, in, out, request, func, stat, errmsg) &
        bind(c, name='wrf_irun')
      import
      type(weir_client), intent(in) :: client
      character(len=*, kind=c_char), intent(in) :: model, in(..), out(..)
      type(weir_request), intent(inout) :: request
      character(len=*, kind=c_char), intent(in), optional :: func
      integer(c_int), intent(out), optional :: stat
      character(len=*, kind=c_char), intent(inout), optional :: errmsg
    end subroutine

    subroutine weir_iput_dataset(client, dataset, request, stat, errmsg) &
        bind(c, name='wrf_iput_dataset')
      import
      type(weir_client), intent(in) :: client
      type(weir_dataset), intent(in), asynchronous :: dataset
      type(weir_request), intent(inout) :: request
      integer(c_int), intent(out), optional :: stat
      character(len=*, kind=c_char), intent(inout), optional :: errmsg
    end subroutine

    subroutine weir_iget_dataset(client, name, dataset, request, stat, errmsg) &
        bind(c, name='wrf_iget_dataset')
      import
      type(weir_client), intent(in) :: client
      character(len=*, kind=c_char), intent(in) :: name
      type(weir_dataset), intent(inout), asynchronous :: dataset
      type(weir_request), intent(inout) :: request
      integer(c_int), intent(out), optional :: stat
      character(len=*, kind=c_char), intent(inout), optional :: errmsg
    end subroutine

    subroutine weir_ipoll(client, kind, name, request, timeout_ms, stat, errmsg) &
        bind(c, name='wrf_ipoll')
      import
      type(weir_client), intent(in) :: client
      integer(c_int), intent(in) :: kind
      character(len=*, kind=c_char), intent(in) :: name
      type(weir_request), intent(inout) :: request
      integer(c_int), intent(in), optional :: timeout_ms
      integer(c_int), intent(out), optional :: stat
      character(len=*, kind=c_char), intent(inout), optional :: errmsg
    end subroutine

    subroutine weir_ipipeline_exec(client, pipeline, request, stat, errmsg) &
        bind(c, name='wrf_ipipeline_exec')
      import
      type(weir_client), intent(in) :: client
      type(weir_pipeline), intent(in) :: pipeline
      type(weir_request), intent(inout) :: request
      integer(c_int), intent(out), optional :: stat
      character(len=*, kind=c_char), intent(inout), optional :: errmsg
    end subroutine

    ! .true. when it has ended, which is then as weir_wait.
    logical(c_bool) function weir_test(request, stat, errmsg) bind(c, name='wrf_test')
      import
      type(weir_request), intent(inout) :: request
      integer(c_int), intent(out), optional :: stat
      character(len=*, kind=c_char), intent(inout), optional :: errmsg
    end function

    subroutine weir_wait(request, timeout_ms, stat, errmsg) bind(c, name='wrf_wait')
      import
      type(weir_request), intent(inout) :: request
      integer(c_int), intent(in), optional :: timeout_ms
      integer(c_int), intent(out), optional :: stat
      character(len=*, kind=c_char), intent(inout), optional :: errmsg
    end subroutine

    ! which: the place, from 1, of the one that ended; 0 when none was left or the time passed.
    subroutine weir_wait_any(requests, which, timeout_ms, stat, errmsg) bind(c, name='wrf_wait_any')
      import
      type(weir_request), intent(inout) :: requests(:)
      integer(c_int), intent(out) :: which
      integer(c_int), intent(in), optional :: timeout_ms
      integer(c_int), intent(out), optional :: stat
      character(len=*, kind=c_char), intent(inout), optional :: errmsg
    end subroutine

    subroutine weir_wait_all(requests, timeout_ms, stat, errmsg) bind(c, name='wrf_wait_all')
      import
      type(weir_request), intent(inout) :: requests(:)
      integer(c_int), intent(in), optional :: timeout_ms
      integer(c_int), intent(out), optional :: stat
      character(len=*, kind=c_char), intent(inout), optional :: errmsg
    end subroutine

    subroutine weir_request_free(request) bind(c, name='wrf_request_free')
      import
      type(weir_request), intent(inout) :: request
    end subroutine

  end interface

end module
