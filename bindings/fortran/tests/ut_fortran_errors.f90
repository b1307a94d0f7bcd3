! SPDX-License-Identifier: BSD-3-Clause
! What goes wrong: stat and errmsg as in `allocate`, outputs as they were, kinds that are refused; and
! that a program that does everything for long does not grow. With an argument: fails without stat.
program ut_fortran_errors
  use, intrinsic :: iso_c_binding, only: c_bool
  use, intrinsic :: iso_fortran_env, only: int64, real32, real64
  use tap
  use weir
  implicit none
  type(weir_client) :: c
  character(len=20) :: how

  call weir_open(c, memory_bytes=merge(2**24, 0, at_home())) ! where WEIR_ADDRESS says, or in this process
  call get_command_argument(1, how)
  if (how /= '') then
    call stop_here(trim(how))
  else
    call stat_and_errmsg()
    call kinds()
    call mismatches()
    call growth()
    call weir_close(c)
    call finish()
  end if

contains

  subroutine stat_and_errmsg()
    integer :: stat, i
    integer, target :: a(2)
    character(len=40) :: text
    character(len=3) :: short

    text = 'as it was'
    call weir_put(c, 'a', [1, 2], stat=stat, errmsg=text)
    call check(stat == weir_ok .and. text == 'as it was', 'success: stat 0, errmsg untouched')
    call weir_get(c, 'missing', a, stat=stat, errmsg=text)
    call check(stat == weir_err_key, 'failure: the status')
    call check_text(text, 'missing', '  and the text')
    call check(text(40:40) == ' ' .or. len_trim(text) == 40, '  padded or cut')
    call weir_get(c, 'missing', a, stat=stat, errmsg=short)
    call check(len_trim(short) == 3, '  cut')
    call weir_get(c, 'missing', a, stat=stat)
    call check(stat == weir_err_key, 'stat alone')
    call weir_put(c, '', a, stat=stat, errmsg=text)
    call check_number(stat, weir_err_arg, 'an empty name')
    call weir_put(c, 'nul' // achar(0) // 'byte', a, stat=stat, errmsg=text)
    call check_number(stat, weir_err_arg, 'a name with a NUL byte')
    call weir_put(c, 'a', a, 2, stat, text)
    call check_number(stat, weir_err_arg, 'a layout that is none')
    call check_text(text, 'layout 2', '  is named')
    call weir_infer(c, 'a', [(weir_view(a), i=1, 33)], a, stat=stat, errmsg=text)
    call check_text(text, '33 arrays, at most 32', 'more arrays than a model can have')
    call weir_run(c, 'a', [('x', i=1, 33)], 'y', stat=stat, errmsg=text)
    call check_text(text, '33 names, at most 32', 'more names than a model can have')
    call weir_put(c, 'a', [weir_view(a), weir_view(a)], stat=stat, errmsg=text)
    call check_text(text, 'a list of 2 weir_views', 'a list where one array belongs')
  end subroutine

  subroutine kinds()
    complex(real64) :: z(3) = (1, 2)
    logical :: wide(3) = .true.
    type :: own
      integer :: i = 1, j = 2
    end type
    type(own) :: things(2)
    real(real64), allocatable :: none(:)
    real(real64), pointer :: nowhere(:, :)
    integer :: stat
    character(len=300) :: text

    call weir_put(c, 'z', z, stat=stat, errmsg=text)
    call check_number(stat, weir_err_dtype, 'complex is refused')
    call check_text(text, 'z%re', '  with advice')
    call weir_put(c, 'z', wide, stat=stat, errmsg=text)
    call check_number(stat, weir_err_dtype, 'logical of four bytes is refused')
    call check_text(text, 'logical(c_bool)', '  with advice')
    call weir_put(c, 'z', things, stat=stat, errmsg=text)
    call check_number(stat, weir_err_dtype, 'a type of the user is refused')
    call weir_put(c, 'z', [weir_view(z)], stat=stat)
    call check_number(stat, weir_err_dtype, 'also behind a view')
    allocate (none(3))
    deallocate (none)
    call weir_put(c, 'z', none, stat=stat, errmsg=text)
    call check_number(stat, weir_err_arg, 'an array that is not allocated')
    nullify (nowhere)
    call weir_get(c, 'a', nowhere, stat=stat, errmsg=text)
    call check_number(stat, weir_err_arg, 'a pointer that is not associated')
    call check_text(text, 'not allocated or not associated', '  and the text says so')
    call check(.not. weir_exists(c, weir_kind_tensor, 'z'), 'nothing was stored')
  end subroutine

  subroutine mismatches()
    real(real64) :: a(3, 4), b(4, 3)
    real(real32) :: r(3, 4)
    real(real64), allocatable :: v(:), w(:, :)
    real(real64), pointer :: p(:), big(:)
    type(weir_buffer) :: loan
    integer :: stat
    character(len=300) :: text

    a = 1
    b = 2
    r = 3
    call weir_put(c, 'a', a)
    call weir_get(c, 'a', b, stat=stat, errmsg=text)
    call check(stat == weir_err_shape .and. all(nint(b) == 2), 'a wrong shape changes nothing')
    call check_text(text, '[3,4]', '  and shows the shapes')
    call weir_get(c, 'a', r, stat=stat, errmsg=text)
    call check(stat == weir_err_dtype .and. all(nint(r) == 3), 'a wrong type changes nothing')
    call weir_get(c, 'a', b, layout=weir_reversed)
    call check(all(nint(b) == 1), 'reversed it fits')
    call weir_fetch(c, 'a', v, stat=stat, errmsg=text)
    call check(stat == weir_err_shape .and. .not. allocated(v), 'fetch into another rank')
    call check_text(text, 'rank 2; the Fortran array has rank 1', '  names both')
    call weir_fetch(c, 'nothing', w, stat=stat)
    call check(stat == weir_err_key .and. .not. allocated(w), 'fetch of what is not there')
    call weir_borrow(c, 'a', p, loan, stat=stat)
    call check_number(stat, merge(weir_err_shape, weir_err_unsupported, at_home()), &
      'borrow in another rank, or from a server')
    call weir_buffer_view(loan, p, stat=stat)
    call check_number(stat, weir_err_arg, 'the loan stayed empty')
    if (.not. at_home()) return
    allocate (big(2**22))
    big = 0
    call weir_put(c, 'big', big, stat=stat, errmsg=text)
    call check_number(stat, weir_err_full, '32 MiB into a store of 16')
    deallocate (big)
  end subroutine

  ! Everything that allocates, a hundred thousand times: resident memory stays.
  subroutine growth()
    real(real64) :: a(16, 4), b(16, 4)
    real(real64), target :: x(16, 4), y(16, 4)
    real(real64), allocatable :: f(:, :)
    real(real64), pointer :: p(:, :)
    type(weir_buffer) :: loan
    type(weir_dataset) :: d, e
    type(weir_request) :: r
    type(weir_view) :: out(1)
    character(len=:), allocatable :: name, texts(:)
    character(len=80) :: text
    integer :: i, n, stat
    integer(int64) :: before, after

    a = 1
    x = 1
    call weir_set_model(c, 'echo', 'mock;in=x:DOUBLE[-1,4];out=y:DOUBLE[-1,4]')
    before = 0
    n = merge(20000, 2000, at_home())
    do i = 1, n
      if (i == n / 5) before = peer_growth()
      call weir_put(c, 'k', a)
      call weir_get(c, 'k', b)
      call weir_fetch(c, 'k', f)
      if (at_home()) then
        call weir_borrow(c, 'k', p, loan)
        call weir_buffer_unref(loan)
      end if
      out(1) = weir_view(y)
      call weir_infer(c, 'echo', [weir_view(x)], out)
      call weir_infer(c, 'echo', a(16:1:-1, :), b)
      call weir_get(c, 'missing', b, stat=stat, errmsg=text)
      call weir_put(c, 'texts', ['abc', 'd  '])
      if (mod(i, 10) /= 0) cycle
      call weir_dataset_new(d, 'd')
      call weir_dataset_add_tensor(d, 'a', a)
      call weir_dataset_add_string(d, 's', 'text')
      call weir_put_dataset(c, d)
      call weir_get_dataset(c, 'd', e)
      call weir_dataset_name(e, name)
      call weir_dataset_strings(e, 's', texts)
      call weir_dataset_free(d)
      call weir_dataset_free(e)
      call weir_iput(c, 'k', a, r)
      call weir_wait(r)
    end do
    after = peer_growth()
    write (*, '("# resident: ", i0, " kB, then ", i0, " kB")') before, after
    call check(after - before < 2048, 'resident memory is flat')
  end subroutine

  ! No stat: the program stops with the text, as with `allocate`.
  subroutine stop_here(how)
    character(len=*), intent(in) :: how
    integer :: a(2)
    type(weir_model_info) :: info
    character(len=100) :: text

    select case (how)
    case ('get')
      call weir_get(c, 'no such key', a)
    case ('errmsg')
      call weir_get(c, 'no such key', a, errmsg=text)
    case ('function')
      if (weir_exists(c, 99, 'x')) a = 0
    case ('body')
      call weir_describe_model(c, weir_kind_model, 'no such model', info)
    end select
    write (*, '(a)') 'went on'
  end subroutine

end program
