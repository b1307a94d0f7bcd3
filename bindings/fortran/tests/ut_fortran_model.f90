! SPDX-License-Identifier: BSD-3-Clause
! Models of the mock and onnx backends: options, several inputs and outputs, keys, scripts, pipelines.
program ut_fortran_model
  use, intrinsic :: iso_fortran_env, only: int8, int32, int64, real32, real64
  use tap
  use weir
  implicit none
  type(weir_client) :: c

  call weir_open(c, threads=merge(1, 0, at_home())) ! where WEIR_ADDRESS says, or in this process
  call one_to_one()
  call several()
  call set_and_describe()
  call keys_and_scripts()
  call pipelines()
  call guards()
  call onnx()
  call weir_close(c)
  call finish()

contains

  ! Rows of two columns, doubled and one added: y = 2 x + 1.
  subroutine one_to_one()
    real(real32) :: x(5, 2), y(5, 2), xt(2, 5), yt(2, 5), wide(10, 4)
    integer :: i

    x = reshape([(i, i=1, 10)], [5, 2])
    call weir_set_model(c, 'twice', 'mock;in=x:FLOAT[-1,2];out=y:FLOAT[-1,2];scale=2;add=1', &
      backend='mock')
    call weir_infer(c, 'twice', x, y)
    call check(all(nint(y) == nint(2 * x + 1)), 'infer keeps indices: rows are first')
    xt = transpose(x)
    call weir_infer(c, 'twice', xt, yt, layout=weir_reversed)
    call check(all(nint(yt) == nint(2 * xt + 1)), 'infer reversed: rows are last')
    wide = -1
    call weir_infer(c, 'twice', x(5:1:-1, :), wide(1:10:2, 2:4:2))
    call check(all(nint(wide(1:10:2, 2:4:2)) == nint(2 * x(5:1:-1, :) + 1)) .and. &
      count(wide >= 0) == 10, 'from a section into a section')
    call weir_infer(c, 'twice', x * 2, y)
    call check(all(nint(y) == nint(4 * x + 1)), 'from an expression')
  end subroutine

  subroutine several()
    real(real64), target :: a(3, 2), b(3, 2), s(3, 2), t(3, 2)
    type(weir_view) :: out(2)
    type(weir_buffer) :: given(2)
    real(real64), pointer :: p(:, :)
    real(real32) :: wrong(3, 2)
    type(weir_dataset) :: from, to
    integer :: i, stat
    character(len=300) :: text

    a = reshape([(i, i=1, 6)], [3, 2])
    b = 100
    call weir_set_model(c, 'sum', &
      'mock;in=a:DOUBLE[-1,2];in=b:DOUBLE[-1,2];out=s:DOUBLE[-1,2];out=t:DOUBLE[-1,2];op=sum')
    out = [weir_view(s), weir_view(t(3:1:-1, :))]
    call weir_infer(c, 'sum', [weir_view(a), weir_view(b)], out)
    call check(all(s == a + b) .and. all(t(3:1:-1, :) == a + b), 'two in, two out')
    call weir_infer(c, 'sum', [weir_view(a)], out, stat=stat, errmsg=text)
    call check_number(stat, weir_err_arg, 'too few inputs')
    call weir_infer(c, 'sum', a, s, stat=stat)
    call check_number(stat, weir_err_arg, 'one where two belong')
    call weir_infer_alloc(c, 'sum', [weir_view(a), weir_view(b)], given)
    call weir_buffer_view(given(2), p)
    call check(all(p == a + b), 'outputs that Weir allocates')
    call weir_infer_alloc(c, 'sum', [weir_view(a), weir_view(b)], given, stat=stat)
    call check_number(stat, weir_err_busy, 'buffers in use are not overwritten')
    call weir_buffer_unref(given(1))
    call weir_buffer_unref(given(2))
    call weir_infer(c, 'sum', [weir_view(a), weir_view(wrong)], out, stat=stat, errmsg=text)
    call check_number(stat, weir_err_dtype, 'a wrong type among several')
    call weir_infer(c, 'sum', [weir_view(a), weir_view([cmplx(1, 2)])], out, stat=stat, errmsg=text)
    call check_number(stat, weir_err_dtype, 'a view of a complex array')
    call check_text(text, 'complex', '  is refused where it is used')
    call weir_infer(c, 'sum', [weir_view(), weir_view(b)], out, stat=stat, errmsg=text)
    call check_text(text, 'describes no array', 'a view that was never made')
    call weir_dataset_new(from, 'from')
    call weir_dataset_add_tensor(from, 'b', b)
    call weir_dataset_add_tensor(from, 'a', a)
    call weir_dataset_new(to, 'to')
    call weir_infer_dataset(c, 'sum', from, to)
    call weir_dataset_get_tensor(to, 't', s)
    call check(all(s == a + b), 'a dataset in, a dataset out')
    call weir_dataset_free(from)
    call weir_dataset_free(to)
  end subroutine

  subroutine set_and_describe()
    character(len=*), parameter :: text = &
      'mock;in=x:FLOAT[-1,4];out=y:FLOAT[-1,4];out=z:FLOAT[-1,1];parameters=321'
    type(weir_model_options) :: o
    type(weir_model_info) :: info
    type(weir_model_stats) :: stats
    real(real32) :: x(6, 4), y(6, 4)
    integer(int8), allocatable :: bytes(:)
    integer :: stat, unit, i
    character(len=300) :: message

    o%version = 7
    o%batch_max = 32
    o%threads = 1
    o%no_warm_up = .true.
    call weir_set_model(c, 'described', text, tag='v7', options=o)
    call weir_describe_model(c, weir_kind_model, 'described', info)
    call check(info%backend == 'mock' .and. info%tag == 'v7' .and. info%version == 7, &
      'backend, tag and version')
    call check(size(info%in) == 1 .and. size(info%out) == 2, 'number of inputs and outputs')
    call check(info%in(1)%name == 'x' .and. info%in(1)%dtype == weir_f32 .and. &
      info%in(1)%rank == 2 .and. all(info%in(1)%shape(:2) == [-1, 4]), 'an input')
    call check(info%out(2)%name == 'z' .and. all(info%out(2)%shape(:2) == [-1, 1]), 'an output')
    call check(info%file_bytes == len(text) .and. info%n_parameters == 321 .and. &
      .not. info%is_script .and. .not. info%writes_inputs, 'size')
    call weir_get_model(c, weir_kind_model, 'described', bytes)
    call check(size(bytes) == len(text), 'the bytes come back')
    call check(all([(achar(int(bytes(i))) == text(i:i), i=1, len(text))]), '  as they were given')

    open (newunit=unit, file='ut_fortran_model.mock', access='stream', form='unformatted', &
      status='replace')
    write (unit) 'mock;in=x:FLOAT[-1,4];out=y:FLOAT[-1,4];add=3'
    close (unit)
    call weir_set_model_file(c, 'from file', 'ut_fortran_model.mock  ')
    open (newunit=unit, file='ut_fortran_model.mock')
    close (unit, status='delete')
    x = 1
    call weir_infer(c, 'from file', x, y)
    call check(all(nint(y) == 4), 'a model from a file')
    call weir_infer(c, 'from file', x, y)
    call weir_model_statistics(c, weir_kind_model, 'from file', stats)
    call check(stats%n_calls == 2 .and. stats%n_rows == 12 .and. stats%n_errors == 0, 'statistics')
    call check(stats%run_s > 0 .and. stats%in_bytes == 2 * 96 .and. stats%out_bytes == 2 * 96, &
      '  with times and bytes')
    call weir_model_statistics(c, weir_kind_model, 'from file', stats, reset=.true.)
    call weir_model_statistics(c, weir_kind_model, 'from file', stats)
    call check(stats%n_calls == 0, '  start anew')
    call weir_set_model(c, 'bytes', bytes)
    call check(weir_exists(c, weir_kind_model, 'bytes'), 'a model from an array of bytes')
    call weir_set_model(c, 'bytes', bytes(::2), stat=stat, errmsg=message)
    call check_text(message, 'contiguous', 'bytes that lie apart are refused')
    call weir_set_model_file(c, 'none', 'no such file', stat=stat, errmsg=message)
    call check_number(stat, weir_err_io, 'a missing file')
    call check_text(message, 'no such file', '  is named')
    call weir_describe_model(c, weir_kind_model, 'missing', info, stat, message)
    call check(stat == weir_err_key .and. info%version == 7, 'a missing model leaves info as it was')
    call weir_del(c, weir_kind_model, 'bytes')
    call check(.not. weir_exists(c, weir_kind_model, 'bytes'), 'del of a model')
  end subroutine

  subroutine keys_and_scripts()
    real(real64) :: a(2, 2), got(2, 2)
    real(real64), target :: b(2, 2)
    type(weir_buffer) :: given(1)
    real(real64), pointer :: p(:, :)
    integer :: stat

    a = reshape([1, 2, 3, 4], [2, 2])
    b = 10
    call weir_put(c, 'a', a)
    call weir_put(c, 'b', b)
    call weir_run(c, 'sum', ['a', 'b'], ['s', 't'])
    call weir_get(c, 's', got)
    call check(all(got == a + b), 'run from keys to keys')
    call weir_set_model(c, 'echo', 'mock;in=x:DOUBLE[-1,2];out=y:DOUBLE[-1,2]')
    call weir_run(c, 'echo', 'a', 'longer name')
    call weir_get(c, 'longer name', got)
    call check(all(got == a), 'one key')
    call weir_run(c, 'echo', 'missing', 'y', stat=stat)
    call check_number(stat, weir_err_key, 'a missing key')
    call weir_set_script(c, 'script', 'mock', tag='s')
    call weir_run_script(c, 'script', 'sum', ['a', 'b'], 's', stat=stat)
    call check_number(stat, weir_ok, 'run a function of a script')
    call weir_infer_script(c, 'script', 'echo', b, given)
    call weir_buffer_view(given(1), p)
    call check(all(p == b), 'infer a function of a script')
    call weir_buffer_unref(given(1))
  end subroutine

  subroutine pipelines()
    type(weir_pipeline) :: p
    real(real64), target :: a(2, 2), b(2, 2), got(2, 2)
    integer :: stat
    character(len=300) :: text

    a = 1
    b = reshape([1, 2, 3, 4], [2, 2])
    call weir_put(c, 'b', b)
    call weir_pipeline_new(p)
    call weir_pipeline_load(p, 'b')
    call weir_pipeline_tensor(p, 'a', a)
    call weir_pipeline_run(p, 'sum', ['a', 'b'], ['s', 't'])
    call weir_pipeline_run(p, 'echo', 's', 'e')
    call weir_pipeline_get(p, 'e', got(2:1:-1, :))
    call weir_pipeline_keep(p, 't')
    call weir_pipeline_exec(c, p)
    call check(all(got(2:1:-1, :) == a + b), 'a pipeline of two models')
    call weir_get(c, 't', got)
    call check(all(got == a + b), '  keeps what it was told to')
    call check(.not. weir_exists(c, weir_kind_tensor, 'e'), '  and nothing else')
    a = 5
    call weir_pipeline_exec(c, p)
    call weir_get(c, 't', got)
    call check(all(got == a + b), '  runs again')
    call weir_pipeline_run(p, 'sum', 'a', 'x')
    call weir_pipeline_exec(c, p, stat, text)
    call check(stat /= weir_ok, '  fails')
    call weir_pipeline_new(p, stat)
    call check_number(stat, weir_err_busy, '  is not overwritten')
    call weir_pipeline_free(p)
  end subroutine

  subroutine guards()
    type(weir_model_options) :: o
    real(real64) :: x(2, 2), y(2, 2)
    integer :: stat
    character(len=300) :: text

    o%output = weir_guard(weir_guard_clamp, .true._1, 0.0_real64, 2.0_real64, 0.0_real64)
    call weir_set_model(c, 'clamped', 'mock;in=x:DOUBLE[-1,2];out=y:DOUBLE[-1,2]', options=o)
    x = reshape([-1, 1, 2, 3], [2, 2])
    call weir_infer(c, 'clamped', x, y)
    call check(all(nint(y) == reshape([0, 1, 2, 2], [2, 2])), 'a guard clamps')
    o%output%mode = weir_guard_fail
    call weir_set_model(c, 'strict', 'mock;in=x:DOUBLE[-1,2];out=y:DOUBLE[-1,2]', options=o)
    y = 7
    call weir_infer(c, 'strict', x, y, stat=stat, errmsg=text)
    call check(stat == weir_err_guard .and. all(nint(y) == 7), 'or fails, outputs untouched')
  end subroutine

  ! tests/models: c = a + b; a network.
  subroutine onnx()
    real(real32), target :: p(2, 4), q(2, 4), r(2, 4)
    type(weir_view) :: out
    type(weir_model_info) :: info
    character(len=500) :: folder
    integer :: i
    type(weir_backend_info), allocatable :: backends(:)

    backends = weir_backends(c)
    if (.not. any(backends%name == 'onnx' .and. backends%present)) then
      call check(.true., 'onnx # SKIP no ONNX Runtime')
      return
    end if
    call get_environment_variable('WEIR_SOURCE_DIR', folder)
    folder = trim(folder) // '/tests/models/'
    call weir_set_model_file(c, 'add', trim(folder) // 'add.onnx')
    call weir_describe_model(c, weir_kind_model, 'add', info)
    call check(info%backend == 'onnx' .and. size(info%in) == 2, 'an ONNX model')
    p = reshape([(i, i=1, 8)], [2, 4])
    q = 0.5
    out = weir_view(r)
    call weir_infer(c, 'add', [weir_view(p), weir_view(q)], out)
    call check(all(abs(r - p - q) < 1e-6), 'adds')
    call weir_set_model_file(c, 'mlp', trim(folder) // 'mlp.onnx')
    call mlp(trim(folder) // 'mlp.txt')
  end subroutine

  ! NumPy's numbers.
  subroutine mlp(file)
    character(len=*), intent(in) :: file
    real(real64) :: line(11), wanted(1000)
    real(real32) :: x(10, 1000), y(1, 1000), yk(1000, 1)
    integer :: unit, n, status

    open (newunit=unit, file=file, action='read')
    n = 0
    do
      read (unit, *, iostat=status) line
      if (status /= 0) exit
      n = n + 1
      x(:, n) = real(line(:10), real32)
      wanted(n) = line(11)
    end do
    close (unit)
    call weir_infer(c, 'mlp', x(:, :n), y(:, :n), layout=weir_reversed)
    call check(n > 3 .and. all(abs(y(1, :n) - wanted(:n)) < 1e-5), 'a network, reversed: no copies')
    call weir_infer(c, 'mlp', transpose(x(:, :n)), yk(:n, :))
    call check(all(abs(yk(:n, 1) - wanted(:n)) < 1e-5), '  and with indices kept')
  end subroutine

end program
