! SPDX-License-Identifier: BSD-3-Clause
! Non-blocking verbs: begin, test, wait for one, any and all; what fails later fails in the wait.
program ut_fortran_request
  use, intrinsic :: iso_fortran_env, only: int64, real64
  use tap
  use weir
  implicit none
  character(len=*), parameter :: echo = 'mock;in=x:DOUBLE[-1,2];out=y:DOUBLE[-1,2]'
  type(weir_client) :: c

  call weir_open(c, threads=merge(1, 0, at_home())) ! where WEIR_ADDRESS says, or in this process
  call one_by_one()
  call many()
  call refused()
  call weir_close(c)
  call finish()

contains

  subroutine one_by_one()
    real(real64), asynchronous :: a(4, 2), b(4, 2), y(4, 2)
    type(weir_request) :: r
    type(weir_dataset), asynchronous :: d, e
    type(weir_pipeline) :: p
    character(len=:), allocatable :: name
    integer :: i, n

    a = reshape([(i, i=1, 8)], [4, 2])
    call weir_iput(c, 'a', a(4:1:-1, :), r)
    n = 0
    do while (.not. weir_test(r))
      n = n + 1
    end do
    call check(weir_test(r), 'a request that has ended stays ended')
    call weir_iget(c, 'a', b(4:1:-1, :), r)
    call weir_wait(r)
    call check(all(b == a), 'put and get of sections')
    call weir_iset_model(c, 'echo', echo, r, tag='t')
    call weir_wait(r, timeout_ms=-1)
    call weir_iinfer(c, 'echo', a, y, r)
    call weir_wait(r)
    call check(all(y == a), 'infer')
    call weir_irun(c, 'echo', 'a', 'out', r)
    call weir_wait(r)
    call check(weir_exists(c, weir_kind_tensor, 'out'), 'run')
    call weir_dataset_new(d, 'd')
    call weir_dataset_add_tensor(d, 'a', a)
    call weir_iput_dataset(c, d, r)
    call weir_wait(r)
    call weir_iget_dataset(c, 'd', e, r)
    call weir_wait(r)
    call weir_dataset_name(e, name)
    call check(name == 'd', 'datasets')
    call weir_dataset_free(d)
    call weir_dataset_free(e)
    call weir_pipeline_new(p)
    call weir_pipeline_load(p, 'a')
    call weir_pipeline_run(p, 'echo', 'a', 'kept')
    call weir_pipeline_keep(p, 'kept')
    call weir_ipipeline_exec(c, p, r)
    call weir_wait(r)
    call check(weir_exists(c, weir_kind_tensor, 'kept'), 'pipeline')
    call weir_pipeline_free(p)
    call weir_ipoll(c, weir_kind_tensor, 'later', r, timeout_ms=20000)
    call check(.not. weir_test(r), 'poll waits')
    call weir_put(c, 'later', a)
    call weir_wait(r)
    call check(weir_test(r), 'and ends when the value is there')
  end subroutine

  subroutine many()
    real(real64), asynchronous :: a(4, 2, 70), y(4, 2, 70)
    type(weir_request) :: r(70)
    integer :: i, which, n_ended
    logical :: ended(70)

    a = reshape([(i, i=1, size(a))], shape(a))
    do i = 1, 70
      call weir_iinfer(c, 'echo', a(:, :, i), y(:, :, i), r(i))
    end do
    call weir_wait_all(r)
    call check(all(y == a), 'wait for 70')
    ended = .false.
    do i = 1, 10
      call weir_iput(c, 'k' // achar(48 + i), a(:, :, i), r(i))
    end do
    n_ended = 0
    do
      call weir_wait_any(r(10:1:-1), which, timeout_ms=-1)
      if (which == 0) exit
      ended(11 - which) = .true.
      n_ended = n_ended + 1
    end do
    call check(n_ended == 10 .and. all(ended(:10)), 'wait for any of a section, until none is left')
    call weir_wait_all(r(1:0))
    call weir_wait_all(r, 0)
    call check(weir_test(r(1)), 'nothing to wait for')
  end subroutine

  subroutine refused()
    real(real64), asynchronous :: a(4, 2), y(4, 2), small(3, 2)
    type(weir_request) :: r, pair(2)
    integer :: stat, which
    character(len=300) :: text
    logical :: done

    a = 1
    call weir_iinfer(c, 'no such model', a, y, r, stat=stat, errmsg=text)
    if (stat == weir_ok) call weir_wait(r, stat=stat, errmsg=text)
    call check_number(stat, weir_err_key, 'a missing model')
    call check_text(text, 'no such model', '  is named')
    call weir_iget(c, 'a', small, r, stat=stat, errmsg=text)
    if (stat == weir_ok) call weir_wait(r, stat=stat, errmsg=text)
    call check_number(stat, weir_err_shape, 'a wrong shape')
    call weir_ipoll(c, weir_kind_tensor, 'never', r, timeout_ms=20000)
    call weir_iput(c, 'a', a, r, stat=stat, errmsg=text)
    call check_number(stat, weir_err_busy, 'a request in use is not overwritten')
    call check_text(text, 'wait for it', '  and the text says what to do')
    call weir_wait(r, timeout_ms=0, stat=stat)
    call check_number(stat, weir_err_timeout, 'the wait ends, the request goes on')
    call weir_put(c, 'never', a)
    call weir_wait(r)
    call weir_ipoll(c, weir_kind_tensor, 'nowhere', pair(2), timeout_ms=1)
    call weir_wait_any(pair, which, stat=stat)
    call check(which == 2 .and. stat == weir_err_timeout, 'the one that failed is named')
    done = weir_test(pair(2))
    call check(done, '  and gone')
    call weir_iput(c, 'a', a, r)
    call weir_request_free(r)
    call weir_request_free(r)
    call check(weir_test(r), 'an abandoned request is done')
    call weir_iput(c, 'text', 'characters', r, stat=stat, errmsg=text)
    call check_number(stat, weir_err_dtype, 'characters only in blocking verbs')
  end subroutine

end program
