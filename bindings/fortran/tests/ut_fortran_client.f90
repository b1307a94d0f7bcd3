! SPDX-License-Identifier: BSD-3-Clause
! Clients, keys of every kind, buffers and loans, lists, texts, statistics.
program ut_fortran_client
  use, intrinsic :: iso_fortran_env, only: int8, int16, int32, int64, real32, real64
  use, intrinsic :: iso_c_binding, only: c_bool
  use tap
  use weir
  implicit none
  type(weir_client) :: c

  ! where WEIR_ADDRESS says, or in this process
  call weir_open(c, timeout_ms=5000, memory_bytes=merge(2_int64**28, 0_int64, at_home()), &
    threads=merge(1, 0, at_home()), spin=.false., oversubscribe=.false._c_bool)
  call keys()
  call names()
  call awkward_arrays()
  call foreign_types()
  call texts()
  call buffers()
  if (at_home()) call loans()
  call lists()
  call numbers()
  call open_and_close()
  call weir_close(c)
  call finish()

contains

  subroutine keys()
    real(real32) :: a(3, 2) = 1, b(3, 2)
    integer :: dtype, stat
    integer(int64), allocatable :: extent(:)
    type(weir_buffer) :: taken
    real(real32), pointer :: view(:)

    call weir_put(c, 'a', a)
    call check(weir_exists(c, weir_kind_tensor, 'a'), 'a tensor that was put exists')
    call check(.not. weir_exists(c, weir_kind_dataset, 'a'), 'it is no dataset')
    call weir_describe(c, 'a', dtype, extent)
    call check(dtype == weir_f32 .and. all(extent == [3, 2]), 'describe gives type and shape')
    call weir_describe(c, 'a', shape=extent, layout=weir_reversed)
    call check(all(extent == [2, 3]), 'describe reversed gives the shape of the reversed array')
    call weir_copy(c, weir_kind_tensor, 'a', 'b')
    call weir_get(c, 'b', b)
    call check(all(a == b), 'copy')
    call weir_rename(c, weir_kind_tensor, 'b', 'renamed')
    call check(.not. weir_exists(c, weir_kind_tensor, 'b'), 'rename takes the old name away')
    call check(weir_exists(c, weir_kind_tensor, 'renamed'), 'and makes the new one')
    call weir_del(c, weir_kind_tensor, 'renamed')
    call check(.not. weir_exists(c, weir_kind_tensor, 'renamed'), 'del')
    call check(weir_poll(c, weir_kind_tensor, 'a', timeout_ms=0), 'poll finds what is there')
    call check(.not. weir_poll(c, weir_kind_tensor, 'b', 0), 'poll tells what is not there')
    call weir_put(c, 'taken', [1.5, 2.5])
    call check(weir_take(c, 'taken', taken, timeout_ms=0), 'take finds what is there')
    call weir_buffer_view(taken, view)
    call check(all(view == [1.5, 2.5]) .and. .not. weir_exists(c, weir_kind_tensor, 'taken'), &
      'take removes what it gives')
    call weir_buffer_unref(taken)
    call check(.not. weir_take(c, 'taken', taken, timeout_ms=10), 'nothing is left to take')
    call weir_client_set_deadline(c, weir_now_ns() - 1_int64)
    call weir_put(c, 'late', a, stat=stat)
    call check_number(stat, weir_err_timeout, 'a deadline in the past ends a call')
    call weir_client_set_deadline(c, weir_deadline_in_ms(10000))
    call weir_put(c, 'a', a, stat=stat)
    call check_number(stat, weir_ok, 'a deadline to come does not')
    call weir_client_set_deadline(c, weir_never)
    call weir_client_set_timeout(c, 0)
  end subroutine

  subroutine names()
    type(weir_client) :: p
    integer :: a = 1, stat
    character(len=200) :: text

    call weir_put(c, 'padded   ', a)
    call check(weir_exists(c, weir_kind_tensor, 'padded'), 'trailing blanks of a name do not count')
    call weir_put(c, ' a b', a)
    call check(weir_exists(c, weir_kind_any, ' a b'), 'other blanks do')
    call weir_open(p, put_prefix='run1', get_prefix='run1')
    call weir_put(p, 'x', a)
    call check(weir_exists(c, weir_kind_any, 'run1.x'), 'put prefix')
    call weir_get(p, 'x', a)
    call weir_client_use_prefix(p, weir_kind_tensor, .false.)
    call weir_put(p, 'y', a)
    call check(weir_exists(c, weir_kind_any, 'y'), 'prefixes can be switched off')
    call weir_client_use_prefix(p, weir_kind_tensor, .true._c_bool)
    call weir_put(p, 'z', a)
    call check(weir_exists(c, weir_kind_any, 'run1.z'), 'and on, by a logical of another kind')
    call weir_client_use_prefix(p, weir_kind_tensor, 1, stat, text)
    call check_number(stat, weir_err_arg, 'a number is no logical')
    call check_text(text, 'on must be one logical', '  and the text says so')
    call weir_client_set_source(p, 'run1')
    call weir_client_set_source(p, 'nobody', stat)
    call check(stat /= weir_ok, 'an unknown source is refused')
    call weir_close(p)
  end subroutine

  ! Memory that is not a plain whole array.
  subroutine awkward_arrays()
    type :: cell
      integer(int16) :: before
      real(real64) :: x
      complex(real32) :: z
    end type
    type(cell) :: cells(4, 3)
    real(real64) :: got(4, 3), wanted(4, 3), large(0:9, -4:5), scratch(10)
    real(real32) :: parts(4, 3)
    real(real64), allocatable :: empty(:, :), fetched(:, :)
    integer :: i, j
    integer(int64), allocatable :: extent(:)

    do j = 1, 3
      do i = 1, 4
        wanted(i, j) = i + 10 * j
        cells(i, j)%x = wanted(i, j)
        cells(i, j)%z = cmplx(i, j, real32)
      end do
    end do
    call weir_put(c, 'x', cells%x)
    call weir_get(c, 'x', got)
    call check(all(got == wanted), 'a component of an array of a type')
    call weir_put(c, 'z', cells%z%im)
    call weir_get(c, 'z', parts)
    call check(all(nint(parts) == spread([1, 2, 3], 1, 4)), 'the imaginary part of a complex array')
    large = -1
    call weir_get(c, 'x', large(8:2:-2, -4:5:4))
    call check(all(large(8:2:-2, -4:5:4) == wanted) .and. count(large /= -1) == 12, &
      'get into a section with other lower bounds, nothing beside it')
    call weir_put(c, 'x', (wanted([4, 1], :)))
    call weir_get(c, 'x', got(1:2, :))
    call check(all(got(1:2, :) == wanted([4, 1], :)), 'a vector subscript, in parentheses (else gfortran 12 breaks down)')
    call weir_put(c, 'x', wanted * 2)
    call weir_get(c, 'x', got)
    call check(all(got == wanted * 2), 'an expression')
    call weir_put(c, 'x', wanted(2:1, :))
    call weir_describe(c, 'x', shape=extent)
    call check(all(extent == [0, 3]), 'an empty section')
    call weir_get(c, 'x', got(4:3, :))
    call weir_fetch(c, 'x', fetched)
    call check(all(shape(fetched) == [0, 3]), 'fetch an empty array')
    allocate (empty(0, 3))
    call weir_get(c, 'x', empty)
    call weir_put(c, 'x', [real ::])
    call weir_describe(c, 'x', shape=extent)
    call check(size(extent) == 1 .and. all(extent == 0), 'an empty constructor')
    scratch = [(i, i=1, 10)]
    call assumed_size(scratch)
    call explicit_shape(scratch, 2, 5)
    call pointer_to_row()
  end subroutine

  subroutine assumed_size(x)
    real(real64), intent(inout) :: x(*)
    real(real64) :: got(4)
    integer :: stat
    character(len=200) :: text

    call weir_put(c, 'x', x(1:4))
    call weir_get(c, 'x', got)
    call check(all(got == x(1:4)), 'a section of an assumed-size array')
    call assumed_size_whole(x, stat, text)
    call check_number(stat, weir_err_shape, 'a whole assumed-size array is refused')
    call check_text(text, 'assumed-size array has no last extent', '  and the text says why')
  end subroutine

  subroutine assumed_size_whole(x, stat, text)
    real(real64), intent(inout) :: x(2, *)
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: text
    call weir_put(c, 'x', x, stat=stat, errmsg=text)
  end subroutine

  subroutine explicit_shape(x, n, m)
    integer, intent(in) :: n, m
    real(real64), intent(inout) :: x(n, m)
    real(real64) :: got(2, 5)

    call weir_put(c, 'x', x)
    call weir_get(c, 'x', got)
    call check(all(got == x), 'an explicit-shape argument')
  end subroutine

  subroutine pointer_to_row()
    integer(int32), target :: table(4, 6)
    integer(int32), pointer :: row(:)
    integer(int32) :: got(3), i

    table = reshape([(i, i=1, 24)], [4, 6])
    row => table(2, 6:1:-2)
    call weir_put(c, 'row', row)
    call weir_get(c, 'row', got)
    call check(all(got == [22, 14, 6]), 'a pointer to a row, backwards')
  end subroutine

  ! Types that Fortran lacks: the bits in an array of the same size.
  subroutine foreign_types()
    integer(int8), target :: bytes(4) = [0_int8, 100_int8, 127_int8, -1_int8], back(4)
    integer(int16), pointer :: half(:)
    type(weir_view) :: into
    type(weir_buffer) :: b
    integer :: dtype, stat
    character(len=200) :: text

    call weir_put(c, 'u8', weir_view(bytes, dtype=weir_u8))
    call weir_describe(c, 'u8', dtype)
    call check_number(dtype, weir_u8, 'integer(1) as UINT8')
    into = weir_view(back, dtype=weir_u8)
    call weir_get(c, 'u8', into)
    call check(all(back == bytes), 'and back')
    call weir_get(c, 'u8', back, stat=stat, errmsg=text)
    call check_number(stat, weir_err_dtype, 'not without saying so')
    call check(peer_put('half', weir_f16, [3]), 'the peer puts FLOAT16')
    call weir_fetch(c, 'half', b)
    call weir_buffer_view(b, half, stat=stat)
    call check_number(stat, weir_err_dtype, 'integer(2) is not FLOAT16 by itself')
    call weir_buffer_view(b, half, dtype=weir_f16)
    call check(all(half == [0, 1, 2]), 'integer(2) holds the bits of FLOAT16')
    call weir_buffer_unref(b)
    call weir_put(c, 'u8', weir_view(bytes, dtype=weir_u16), stat=stat, errmsg=text)
    call check_number(stat, weir_err_dtype, 'a type of another size is refused')
    call check_text(text, '1-byte elements', '  with both sizes')
  end subroutine

  subroutine texts()
    character(len=8) :: words(2, 2) = reshape(['a       ', 'bc      ', '        ', 'eight888'], [2, 2])
    character(len=8) :: got(2, 2), one
    character(len=4) :: short(2, 2)
    integer :: dtype, stat
    integer(int64), allocatable :: extent(:)
    character(len=200) :: text

    call weir_put(c, 'words', words)
    call weir_describe(c, 'words', dtype, extent)
    call check(dtype == weir_string .and. all(extent == [2, 2]), 'characters are STRING')
    call weir_get(c, 'words', got)
    call check(all(got == words), 'and come back, blank-padded')
    call weir_get(c, 'words', got(2:1:-1, :))
    call check(all(got == words(2:1:-1, :)), 'into a section too')
    short = 'keep'
    call weir_get(c, 'words', short, stat=stat, errmsg=text)
    call check(stat == weir_err_shape .and. all(short == 'keep'), 'a text that is too long changes nothing')
    call check_text(text, '8 bytes, room for 4', '  and says so')
    call weir_put(c, 'word', 'hello')
    call weir_get(c, 'word', one)
    call check(one == 'hello', 'one text')
    call weir_get(c, 'word', got, stat=stat)
    call check_number(stat, weir_err_shape, 'another shape is refused')
  end subroutine

  subroutine buffers()
    real(real64), pointer :: p(:, :)
    real(real64) :: a(2, 3), got(2, 3)
    type(weir_buffer) :: b, other
    type(weir_memory) :: memory
    integer(int64), allocatable :: extent(:)
    integer :: dtype, stat
    real(real64) :: copies

    call weir_buffer_new(b, weir_f64, [2, 3], layout=weir_reversed)
    call weir_buffer_view(b, p, layout=weir_reversed)
    call check(all(shape(p) == [2, 3]) .and. is_contiguous(p), 'memory of a buffer, contiguous')
    a = reshape([1, 2, 3, 4, 5, 6], [2, 3])
    p = a
    copies = weir_client_statistic(c, 'put.copied_bytes')
    call weir_put_buffer(c, 'b', b)
    call check(weir_client_statistic(c, 'put.copied_bytes') == copies, 'put of a buffer copies nothing')
    call weir_get(c, 'b', got, layout=weir_reversed)
    call check(all(got == a), 'it is there')
    call weir_buffer_ref(b, other)
    call weir_buffer_unref(b)
    call weir_buffer_describe(other, dtype, extent)
    call check(dtype == weir_f64 .and. all(extent == [3, 2]), 'a buffer tells what it is, in C order')
    call weir_buffer_describe(other, shape=extent, layout=weir_reversed)
    call check(all(extent == [2, 3]), 'or in ours')
    call weir_buffer_describe(other, shape=extent, layout=7, stat=stat)
    call check_number(stat, weir_err_arg, 'a layout that is none')
    call weir_buffer_unref(other)
    call weir_buffer_unref(other)
    call weir_buffer_from(b, a)
    call weir_buffer_unref(b)
    call weir_memory_info(memory)
    call check(memory%n_alloc > 0, 'memory is counted')
    call weir_memory_trim(0)
    call weir_memory_info(memory)
    call check(memory%kept_bytes == 0, 'and given back')
  end subroutine

  ! The stored bytes themselves: where they are in this process.
  subroutine loans()
    real(real64), pointer :: p(:, :), q(:, :)
    real(real64) :: a(2, 3)
    type(weir_buffer) :: b, loan, other
    type(weir_memory) :: memory
    integer :: stat

    call weir_buffer_new(b, weir_f64, [2, 3], layout=weir_reversed)
    call weir_buffer_view(b, p, layout=weir_reversed)
    p = reshape([1, 2, 3, 4, 5, 6], [2, 3])
    call weir_put_buffer(c, 'b', b)
    call weir_borrow(c, 'b', q, loan, layout=weir_reversed)
    call check(associated(p, q), 'borrow sees the same memory')
    call check(weir_buffer_refs(b) == 3, 'three hold it')
    a = 0
    call weir_put(c, 'b', a)
    call check(all(nint(q) == reshape([1, 2, 3, 4, 5, 6], [2, 3])), 'a loan outlives its key')
    call weir_buffer_ref(loan, other)
    call weir_buffer_unref(loan)
    call weir_borrow(c, 'b', other, stat=stat)
    call check_number(stat, weir_err_busy, 'a loan that is not ended is not overwritten')
    call weir_memory_info(memory)
    call check(memory%in_use_bytes > 0, 'memory in use is counted')
    call weir_buffer_unref(other)
    call weir_buffer_unref(b)
  end subroutine

  subroutine lists()
    type(weir_dataset) :: d
    type(weir_dataset), allocatable :: all_of_them(:)
    character(len=:), allocatable :: name
    integer :: i, stat

    do i = 1, 4
      call weir_dataset_new(d, 'member' // achar(48 + i))
      call weir_dataset_add_scalars(d, 'i', i)
      call weir_put_dataset(c, d)
      call weir_list_append(c, 'list', 'member' // achar(48 + i))
      call weir_dataset_free(d)
    end do
    call check(weir_list_length(c, 'list') == 4, 'length of a list')
    call check(weir_list_wait(c, 'list', weir_ge, 3, timeout_ms=0), 'it has three or more')
    call check(.not. weir_list_wait(c, 'list', weir_eq, 3, timeout_ms=0), 'not three')
    call weir_list_get(c, 'list', all_of_them)
    call check(size(all_of_them) == 4, 'all of a list')
    call weir_dataset_name(all_of_them(4), name)
    call check(name == 'member4', 'in order')
    call weir_datasets_free(all_of_them)
    call weir_list_get(c, 'list', all_of_them, 2, -2)
    call check(size(all_of_them) == 2, 'the second to the last but one')
    call weir_dataset_name(all_of_them(1), name)
    call check(name == 'member2', 'counted from 1')
    call weir_datasets_free(all_of_them)
    call weir_list_get(c, 'list', all_of_them, first=0, stat=stat)
    call check_number(stat, weir_err_arg, 'there is no entry 0')
    call check(.not. allocated(all_of_them), '  and nothing is given')
    call weir_list_get(c, 'nothing', all_of_them)
    call check(size(all_of_them) == 0, 'an empty list')
    call weir_del(c, weir_kind_list, 'list')
  end subroutine

  subroutine numbers()
    type(weir_stat), allocatable :: stats(:)
    type(weir_backend_info), allocatable :: backends(:)
    type(weir_server_info), allocatable :: servers(:)
    character(len=:), allocatable :: text
    real(real64) :: value
    integer :: i, stat

    stats = weir_client_statistics(c)
    call check(size(stats) > 5, 'there are statistics')
    call check(all([(len_trim(stats(i)%name) > 0 .and. len_trim(stats(i)%unit) > 0 .and. &
      len_trim(stats(i)%description) > 0, i=1, size(stats))]), 'each with name, unit and description')
    call weir_put(c, 'more', 1.0)
    value = weir_client_statistic(c, 'put.bytes')
    call weir_put(c, 'more', 1.0)
    call check(weir_client_statistic(c, 'put.bytes') == value + 4, 'one by its name')
    value = weir_client_statistic(c, 'no such', stat)
    call check_number(stat, weir_err_key, 'an unknown one')
    backends = weir_backends(c)
    call check(any(backends%name == 'mock' .and. backends%present), 'the mock backend is there')
    call weir_version(text)
    call check(index(text, '.') > 0, 'version')
    servers = weir_servers(c)
    call check(size(servers) >= 1 .and. all(servers%weir == text) .and. all(servers%version /= ''), &
      'who answers says which Weir it has')
    call check(all(servers%kind == 'embedded') .eqv. at_home(), '  and what it is')
    call weir_status_name(weir_err_shape, text)
    call check(text == 'ERR_SHAPE', 'name of a status')
    call weir_status_text(weir_ok, text)
    call check(text == 'ok', 'text of a status')
    call weir_dtype_name(weir_f32, text)
    call check(text == 'FLOAT', 'name of a type')
    call check_number(weir_dtype_bytes(weir_f32), 4, 'bytes of a type')
  end subroutine

  subroutine open_and_close()
    type(weir_client) :: p
    integer :: a = 1, stat
    character(len=200) :: text

    call weir_open(p, 'embedded:other')
    call weir_put(p, 'only here', a)
    call check(.not. weir_exists(c, weir_kind_tensor, 'only here'), 'stores of other names are apart')
    call weir_open(p, 'embedded:', stat=stat, errmsg=text)
    call check_number(stat, weir_err_busy, 'an open client is not overwritten')
    call check_text(text, 'close it', '  and the text says what to do')
    call weir_client_close(p)
    call weir_put(p, 'k', a, stat=stat)
    call check_number(stat, weir_err_closed, 'a closed client refuses')
    call weir_close(p)
    call weir_close(p)
    call weir_put(p, 'k', a, stat=stat)
    call check(stat /= weir_ok, 'so does one that is not open')
    call weir_open(p, 'node:x', stat=stat)
    call check_number(stat, weir_err_unsupported, 'a transport that is not built')
    call weir_open(p, memory_bytes=1.0, stat=stat, errmsg=text)
    call check_number(stat, weir_err_arg, 'memory_bytes must be an integer')
    call weir_open(p)
    call weir_close(p)
  end subroutine

end program
