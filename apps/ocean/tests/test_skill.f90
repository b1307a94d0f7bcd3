! SPDX-License-Identifier: BSD-3-Clause
! The shipped network, through Weir, on the shipped validation sample: it must beat a straight line
! and a constant, and give the error that was stated when it was trained.
! usage: test_skill eke.onnx truth.nc [why it is skipped]
program test_skill
  use mpi_f08
  use netcdf
  use, intrinsic :: iso_fortran_env, only: real32
  use ocean_grid
  use ocean_features, only: n_features
  use ocean_network
  use tap
  implicit none

  type(grid) :: g
  type(network) :: net
  real(real32), allocatable :: rows(:, :), guess(:, :)
  real(wp), allocatable :: truth(:), pytorch(:)
  real(wp) :: line(0:n_features), stated, spread, of_line, of_net, shuffled, worst
  character(400) :: model, sample
  integer :: n

  call MPI_Init()
  call get_command_argument(1, model)
  call get_command_argument(2, sample)
  if (command_argument_count() > 2) then
    call get_command_argument(3, model)
    print '(2a)', 'ok 1 - the skill of the network # SKIP ', trim(model)
    print '(a)', '1..1'
    call MPI_Finalize()
    stop
  end if
  call grid_init(g, MPI_COMM_WORLD, 8, 8, 1.0_wp, 1.0_wp, 0.0_wp, .false., .false.)
  call read_sample()
  call network_open(net, g, 'embedded:', trim(model))
  allocate (guess(1, n))
  call network_rows(net, rows, guess)

  spread = sqrt(sum((truth - sum(truth) / n)**2) / n)
  of_line = rms(line(0) + matmul(line(1:), real(rows, wp)))
  of_net = rms(real(guess(1, :), wp))
  worst = maxval(abs(real(guess(1, :), wp) - pytorch))
  rows = rows(:, n:1:-1)
  call network_rows(net, rows, guess)
  shuffled = rms(real(guess(1, :), wp))
  call network_close(net)

  call expect(of_line < spread, 'a line beats a constant (ln E)', of_line / spread, '< 1')
  call expect(of_net < 0.95_wp * of_line, 'the network beats the line', of_net / of_line, '< 0.95')
  call expect(abs(of_net - stated) < 1e-3_wp, 'its error is the stated one', of_net - stated, &
    '|.| < 0.001')
  ! single precision through three layers of 48, ln E of size 10
  call expect(worst < 2e-4_wp, 'Weir gives what PyTorch gave, cell by cell', worst, '< 2e-4')
  call expect(shuffled > 1.2_wp * of_net, 'features of other cells do worse', shuffled / of_net, &
    '> 1.2')
  call done()

contains

  real(wp) function rms(y)
    real(wp), intent(in) :: y(:)
    rms = sqrt(sum((y - truth)**2) / n)
  end function

  subroutine read_sample()
    integer :: file, id
    call check(nf90_open(trim(sample), nf90_nowrite, file))
    call check(nf90_inq_dimid(file, 'sample', id))
    call check(nf90_inquire_dimension(file, id, len=n))
    allocate (rows(n_features, n), truth(n), pytorch(n))
    call check(nf90_inq_varid(file, 'sample_features', id))
    call check(nf90_get_var(file, id, rows))
    call check(nf90_inq_varid(file, 'sample_log_energy', id))
    call check(nf90_get_var(file, id, truth))
    call check(nf90_inq_varid(file, 'sample_log_energy_network', id))
    call check(nf90_get_var(file, id, pytorch))
    call check(nf90_get_att(file, nf90_global, 'line', line))
    call check(nf90_get_att(file, nf90_global, 'sample_rmse_network', stated))
    call check(nf90_close(file))
  end subroutine

  subroutine check(code)
    integer, intent(in) :: code
    if (code /= nf90_noerr) call abort_run(g, trim(sample) // ': ' // trim(nf90_strerror(code)))
  end subroutine

end program
