! SPDX-License-Identifier: BSD-3-Clause
! Clients, tensors, keys, lists and statistics: interfaces bound to client.c. What each verb does
! is said in weir/client.h; here only what differs. Users say `use weir`.
module weir_m_client
  use, intrinsic :: iso_c_binding, only: c_bool, c_char, c_double, c_int, c_int64_t, c_ptr, &
    c_size_t
  use weir_types
  implicit none
  public
  private :: c_bool, c_char, c_double, c_int, c_int64_t, c_ptr, c_size_t

  ! One statistic, and a backend that this process can or can't use; as in weir/client.h.
  type :: weir_stat
    character(len=64) :: name = '', unit = ''
    character(len=128) :: description = ''
    real(c_double) :: value = 0
  end type
  type :: weir_backend_info
    character(len=16) :: name = ''
    logical(c_bool) :: present = .false.
    character(len=64) :: version = ''
    character(len=256) :: path = '', hint = ''
  end type

  ! Who answers a client; as in weir/client.h.
  type :: weir_server_info
    character(len=256) :: address = ''
    character(len=32) :: kind = '', version = '', weir = ''
  end type

  interface

    ! call weir_open(client, 'embedded:', timeout_ms=5000, memory_bytes=2_int64**30)
    ! memory_bytes is an integer of any kind, oversubscribe and spin are logicals of any kind.
    ! Otherwise as weir_client_new.
    subroutine weir_open(client, address, timeout_ms, memory_bytes, full, threads, &
        oversubscribe, spin, backend_path, put_prefix, get_prefix, stat, errmsg) &
        bind(c, name='wrf_open')
      import
      type(weir_client), intent(inout) :: client
      character(len=*, kind=c_char), intent(in), optional :: address
      integer(c_int), intent(in), optional :: timeout_ms
      type(*), dimension(..), intent(in), optional :: memory_bytes
      integer(c_int), intent(in), optional :: full, threads
      type(*), dimension(..), intent(in), optional :: oversubscribe, spin
      character(len=*, kind=c_char), intent(in), optional :: backend_path, put_prefix, get_prefix
      integer(c_int), intent(out), optional :: stat
      character(len=*, kind=c_char), intent(inout), optional :: errmsg
    end subroutine

    ! Close and release; waits for the requests. The client may be opened again.
    subroutine weir_close(client) bind(c, name='wrf_close')
      import
      type(weir_client), intent(inout) :: client
    end subroutine

    ! Only refuse further calls.
    subroutine weir_client_close(client) bind(c, name='wrf_client_close')
      import
      type(weir_client), intent(in) :: client
    end subroutine

    subroutine weir_client_set_timeout(client, timeout_ms) bind(c, name='wrf_client_set_timeout')
      import
      type(weir_client), intent(in) :: client
      integer(c_int), intent(in) :: timeout_ms
    end subroutine

    ! A moment, as from weir_deadline_in_ms; weir_never takes it away.
    subroutine weir_client_set_deadline(client, deadline) bind(c, name='wrf_client_set_deadline')
      import
      type(weir_client), intent(in) :: client
      integer(c_int64_t), intent(in) :: deadline
    end subroutine

    subroutine weir_client_set_source(client, source, stat, errmsg) &
        bind(c, name='wrf_client_set_source')
      import
      type(weir_client), intent(in) :: client
      character(len=*, kind=c_char), intent(in) :: source
      integer(c_int), intent(out), optional :: stat
      character(len=*, kind=c_char), intent(inout), optional :: errmsg
    end subroutine

    ! on is a logical of any kind.
    subroutine weir_client_use_prefix(client, kind, on, stat, errmsg) &
        bind(c, name='wrf_client_use_prefix')
      import
      type(weir_client), intent(in) :: client
      integer(c_int), intent(in) :: kind
      type(*), dimension(..), intent(in) :: on
      integer(c_int), intent(out), optional :: stat
      character(len=*, kind=c_char), intent(inout), optional :: errmsg
    end subroutine

    ! ---- tensors: weir_fetch and weir_borrow are in typed.F90 ----

    subroutine weir_put(client, key, array, layout, stat, errmsg) bind(c, name='wrf_put')
      import
      type(weir_client), intent(in) :: client
      character(len=*, kind=c_char), intent(in) :: key
      type(*), dimension(..), intent(in) :: array
      integer(c_int), intent(in), optional :: layout
      integer(c_int), intent(out), optional :: stat
      character(len=*, kind=c_char), intent(inout), optional :: errmsg
    end subroutine

    ! No copy: nobody may write into the buffer any more.
    subroutine weir_put_buffer(client, key, buffer, stat, errmsg) bind(c, name='wrf_put_buffer')
      import
      type(weir_client), intent(in) :: client
      character(len=*, kind=c_char), intent(in) :: key
      type(weir_buffer), intent(in) :: buffer
      integer(c_int), intent(out), optional :: stat
      character(len=*, kind=c_char), intent(inout), optional :: errmsg
    end subroutine

    ! Into the caller's array, or a section of it: any strides.
    subroutine weir_get(client, key, array, layout, stat, errmsg) bind(c, name='wrf_get')
      import
      type(weir_client), intent(in) :: client
      character(len=*, kind=c_char), intent(in) :: key
      type(*), dimension(..), intent(inout) :: array
      integer(c_int), intent(in), optional :: layout
      integer(c_int), intent(out), optional :: stat
      character(len=*, kind=c_char), intent(inout), optional :: errmsg
    end subroutine

    subroutine weir_describe(client, key, dtype, shape, layout, stat, errmsg) &
        bind(c, name='wrf_describe')
      import
      type(weir_client), intent(in) :: client
      character(len=*, kind=c_char), intent(in) :: key
      integer(c_int), intent(inout), optional :: dtype
      integer(c_int64_t), allocatable, intent(out), optional :: shape(:)
      integer(c_int), intent(in), optional :: layout
      integer(c_int), intent(out), optional :: stat
      character(len=*, kind=c_char), intent(inout), optional :: errmsg
    end subroutine

    ! ---- every kind of value ----

    logical(c_bool) function weir_exists(client, kind, name, stat, errmsg) &
        bind(c, name='wrf_exists')
      import
      type(weir_client), intent(in) :: client
      integer(c_int), intent(in) :: kind
      character(len=*, kind=c_char), intent(in) :: name
      integer(c_int), intent(out), optional :: stat
      character(len=*, kind=c_char), intent(inout), optional :: errmsg
    end function

    subroutine weir_del(client, kind, name, stat, errmsg) bind(c, name='wrf_del')
      import
      type(weir_client), intent(in) :: client
      integer(c_int), intent(in) :: kind
      character(len=*, kind=c_char), intent(in) :: name
      integer(c_int), intent(out), optional :: stat
      character(len=*, kind=c_char), intent(inout), optional :: errmsg
    end subroutine

    subroutine weir_copy(client, kind, from, to, stat, errmsg) bind(c, name='wrf_copy')
      import
      type(weir_client), intent(in) :: client
      integer(c_int), intent(in) :: kind
      character(len=*, kind=c_char), intent(in) :: from, to
      integer(c_int), intent(out), optional :: stat
      character(len=*, kind=c_char), intent(inout), optional :: errmsg
    end subroutine

    subroutine weir_rename(client, kind, from, to, stat, errmsg) bind(c, name='wrf_rename')
      import
      type(weir_client), intent(in) :: client
      integer(c_int), intent(in) :: kind
      character(len=*, kind=c_char), intent(in) :: from, to
      integer(c_int), intent(out), optional :: stat
      character(len=*, kind=c_char), intent(inout), optional :: errmsg
    end subroutine

    ! Wait until it exists; .false. when the time passed first.
    logical(c_bool) function weir_poll(client, kind, name, timeout_ms, stat, errmsg) &
        bind(c, name='wrf_poll')
      import
      type(weir_client), intent(in) :: client
      integer(c_int), intent(in) :: kind
      character(len=*, kind=c_char), intent(in) :: name
      integer(c_int), intent(in), optional :: timeout_ms
      integer(c_int), intent(out), optional :: stat
      character(len=*, kind=c_char), intent(inout), optional :: errmsg
    end function

    ! Remove a tensor and get it, as weir_buffer; false: none came in time.
    logical(c_bool) function weir_take(client, key, buffer, timeout_ms, stat, errmsg) &
        bind(c, name='wrf_take')
      import
      type(weir_client), intent(in) :: client
      character(len=*, kind=c_char), intent(in) :: key
      type(weir_buffer), intent(inout) :: buffer
      integer(c_int), intent(in), optional :: timeout_ms
      integer(c_int), intent(out), optional :: stat
      character(len=*, kind=c_char), intent(inout), optional :: errmsg
    end function

    ! ---- datasets and lists ----

    subroutine weir_put_dataset(client, dataset, stat, errmsg) bind(c, name='wrf_put_dataset')
      import
      type(weir_client), intent(in) :: client
      type(weir_dataset), intent(in) :: dataset
      integer(c_int), intent(out), optional :: stat
      character(len=*, kind=c_char), intent(inout), optional :: errmsg
    end subroutine

    subroutine weir_get_dataset(client, name, dataset, stat, errmsg) bind(c, name='wrf_get_dataset')
      import
      type(weir_client), intent(in) :: client
      character(len=*, kind=c_char), intent(in) :: name
      type(weir_dataset), intent(inout) :: dataset
      integer(c_int), intent(out), optional :: stat
      character(len=*, kind=c_char), intent(inout), optional :: errmsg
    end subroutine

    subroutine weir_list_append(client, list, dataset, stat, errmsg) bind(c, name='wrf_list_append')
      import
      type(weir_client), intent(in) :: client
      character(len=*, kind=c_char), intent(in) :: list, dataset
      integer(c_int), intent(out), optional :: stat
      character(len=*, kind=c_char), intent(inout), optional :: errmsg
    end subroutine

    integer(c_int64_t) function weir_list_length(client, list, stat, errmsg) &
        bind(c, name='wrf_list_length')
      import
      type(weir_client), intent(in) :: client
      character(len=*, kind=c_char), intent(in) :: list
      integer(c_int), intent(out), optional :: stat
      character(len=*, kind=c_char), intent(inout), optional :: errmsg
    end function

    logical(c_bool) function weir_list_wait(client, list, how, n, timeout_ms, stat, errmsg) &
        bind(c, name='wrf_list_wait')
      import
      type(weir_client), intent(in) :: client
      character(len=*, kind=c_char), intent(in) :: list
      integer(c_int), intent(in) :: how, n
      integer(c_int), intent(in), optional :: timeout_ms
      integer(c_int), intent(out), optional :: stat
      character(len=*, kind=c_char), intent(inout), optional :: errmsg
    end function

    subroutine raw_list_get(client, list, first, last, out, n, stat, errmsg) &
        bind(c, name='wrf_list_get')
      import
      type(weir_client), intent(in) :: client
      character(len=*, kind=c_char), intent(in) :: list
      integer(c_int), intent(in), optional :: first, last
      type(c_ptr), intent(out) :: out
      integer(c_size_t), intent(out) :: n
      integer(c_int), intent(out), optional :: stat
      character(len=*, kind=c_char), intent(inout), optional :: errmsg
    end subroutine

    subroutine raw_list_take(from, n, to) bind(c, name='wrf_list_take')
      import
      type(c_ptr), value :: from
      integer(c_size_t), value :: n
      type(weir_dataset), intent(out) :: to(n)
    end subroutine

    ! ---- statistics ----

    real(c_double) function weir_client_statistic(client, name, stat, errmsg) &
        bind(c, name='wrf_client_statistic')
      import
      type(weir_client), intent(in) :: client
      character(len=*, kind=c_char), intent(in) :: name
      integer(c_int), intent(out), optional :: stat
      character(len=*, kind=c_char), intent(inout), optional :: errmsg
    end function

    integer(c_int) function raw_statistics(client, i, name, unit, description, value) &
        bind(c, name='wrf_client_statistics')
      import
      type(weir_client), intent(in) :: client
      integer(c_int), intent(in) :: i
      character(len=*, kind=c_char), intent(inout) :: name, unit, description
      real(c_double), intent(inout) :: value
    end function

    integer(c_int) function raw_backends(client, i, name, present, version, path, hint) &
        bind(c, name='wrf_backends')
      import
      type(weir_client), intent(in) :: client
      integer(c_int), intent(in) :: i
      character(len=*, kind=c_char), intent(inout) :: name
      logical(c_bool), intent(inout) :: present
      character(len=*, kind=c_char), intent(inout) :: version, path, hint
    end function

    integer(c_int) function raw_servers(client, i, address, kind, version, weir) &
        bind(c, name='wrf_servers')
      import
      type(weir_client), intent(in) :: client
      integer(c_int), intent(in) :: i
      character(len=*, kind=c_char), intent(inout) :: address, kind, version, weir
    end function

  end interface

contains

  ! Entries first .. last of a list, counted from 1; negative numbers count from the end. Each
  ! dataset is to be freed, all at once with weir_datasets_free.
  subroutine weir_list_get(client, list, datasets, first, last, stat, errmsg)
    type(weir_client), intent(in) :: client
    character(len=*), intent(in) :: list
    type(weir_dataset), allocatable, intent(out) :: datasets(:)
    integer(c_int), intent(in), optional :: first, last
    integer(c_int), intent(out), optional :: stat
    character(len=*), intent(inout), optional :: errmsg
    type(c_ptr) :: found
    integer(c_size_t) :: n
    integer(c_int) :: status
    character(len=weir_error_text_max) :: text

    call raw_list_get(client, list, first, last, found, n, status, text)
    if (status == weir_ok) then
      allocate (datasets(n))
      call raw_list_take(found, n, datasets)
    end if
    call weir_end(status, text, stat, errmsg)
  end subroutine

  ! The named statistics of the client's store.
  function weir_client_statistics(client) result(stats)
    type(weir_client), intent(in) :: client
    type(weir_stat), allocatable :: stats(:)
    type(weir_stat) :: none
    integer(c_int) :: i, n

    n = raw_statistics(client, 0_c_int, none%name, none%unit, none%description, none%value)
    allocate (stats(n))
    do i = 1, n
      n = raw_statistics(client, i, stats(i)%name, stats(i)%unit, stats(i)%description, &
        stats(i)%value)
    end do
  end function

  ! The backends that Weir knows, loading each to see; a client that is not open looks with default
  ! options.
  function weir_backends(client) result(backends)
    type(weir_client), intent(in) :: client
    type(weir_backend_info), allocatable :: backends(:)
    type(weir_backend_info) :: none
    integer(c_int) :: i, n

    n = raw_backends(client, 0_c_int, none%name, none%present, none%version, none%path, none%hint)
    allocate (backends(n))
    do i = 1, n
      n = raw_backends(client, i, backends(i)%name, backends(i)%present, backends(i)%version, &
        backends(i)%path, backends(i)%hint)
    end do
  end function

  ! Those that answer now: as many as did at first, or fewer.
  function weir_servers(client) result(servers)
    type(weir_client), intent(in) :: client
    type(weir_server_info), allocatable :: servers(:)
    type(weir_server_info) :: none
    integer(c_int) :: i, n

    n = raw_servers(client, 0_c_int, none%address, none%kind, none%version, none%weir)
    allocate (servers(n))
    do i = 1, n
      n = raw_servers(client, i, servers(i)%address, servers(i)%kind, servers(i)%version, &
        servers(i)%weir)
    end do
  end function

end module
