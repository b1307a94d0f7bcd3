! SPDX-License-Identifier: BSD-3-Clause
! The program that makes the truth: a fine run's records box-averaged onto a coarser grid, with the
! energy of what the boxes lost, and the features the network would see.
!
! usage: ocean_coarsen FINE.nml factor=5 restart="'fine.nc'" final="'coarse.nc'"
!
!   h, and E at cells: means over factor x factor fine cells;
!   u, v at coarse faces: thickness-weighted means over the same box centred on the face;
!   E_k = 1/2 [ mean(h_k |u_k|^2) / mean(h_k) - |mean(h_k u_k) / mean(h_k)|^2 ]   of layer k, and
!   E   = sum_k mean(h_k) E_k / sum_k mean(h_k), the depth mean of both layers, never negative.
program ocean_coarsen
  use mpi_f08
  use ocean_grid
  use ocean_dynamics
  use ocean_io
  use ocean_config
  implicit none

  type(config) :: cfg
  type(grid) :: fine, coarse
  type(state) :: s, c
  type(output) :: o
  real(wp), allocatable :: unused(:, :, :), energy(:, :, :)
  real(wp) :: day
  integer :: code, i, n_ranks
  logical :: ok

  call MPI_Init()
  call config_read(cfg, .true., ok, code)
  if (.not. ok) then
    call MPI_Finalize()
    if (code /= 0) stop 2, quiet=.true.
    stop
  end if
  call MPI_Comm_size(MPI_COMM_WORLD, n_ranks)
  call grid_init(fine, MPI_COMM_WORLD, cfg%nx, cfg%ny, cfg%dx, cfg%f0, cfg%beta, .false., .false.)
  if (n_ranks /= 1) call abort_run(fine, 'coarsen: runs on one rank')
  if (mod(cfg%nx, cfg%factor) /= 0 .or. mod(cfg%ny, cfg%factor) /= 0) &
    call abort_run(fine, 'coarsen: nx and ny must be multiples of factor')
  call grid_init(coarse, MPI_COMM_WORLD, cfg%nx / cfg%factor, cfg%ny / cfg%factor, &
    cfg%dx * cfg%factor, cfg%f0, cfg%beta, .false., .false.)
  call state_init(s, fine, cfg%p, cfg%depth)
  call state_init(c, coarse, cfg%p, cfg%depth)
  call new_field(fine, unused, 1)
  call new_field(coarse, energy, 1)

  call output_open(o, coarse, trim(cfg%final), .true., 'coarsened ' // trim(cfg%restart))
  do i = 1, count_records(fine, trim(cfg%restart))
    call read_state(fine, trim(cfg%restart), i, s, unused, day)
    call coarsen(s%x, c%x, energy(:, :, 1), cfg%factor)
    call state_halos(c, coarse)
    call output_write(o, coarse, cfg%p, day, c, energy)
  end do
  call output_close(o, coarse)
  call MPI_Finalize()

contains

  ! Local. Coarse state and lost energy of one fine state with valid halos.
  subroutine coarsen(x, xc, e, n)
    real(wp), intent(in) :: x(1 - halo_width:, 1 - halo_width:, :)
    real(wp), intent(inout) :: xc(1 - halo_width:, 1 - halo_width:, :)
    real(wp), intent(inout) :: e(1 - halo_width:, 1 - halo_width:)
    integer, intent(in) :: n
    integer :: i, j, k, i0, j0, i1, j1

    do j = 1, coarse%ny
      do i = 1, coarse%nx
        i0 = (i - 1) * n + 1           ! first fine cell, and fine face, of the coarse cell
        j0 = (j - 1) * n + 1
        i1 = i0 + n - 1
        j1 = j0 + n - 1
        e(i, j) = 0
        do k = 1, 2
          xc(i, j, i_h + k) = sum(x(i0:i1, j0:j1, i_h + k)) / n**2
          e(i, j) = e(i, j) + lost_energy(x(i0:i1, j0:j1, i_h + k), &
            0.5_wp * (x(i0:i1, j0:j1, i_u + k) + x(i0 + 1:i1 + 1, j0:j1, i_u + k)), &
            0.5_wp * (x(i0:i1, j0:j1, i_v + k) + x(i0:i1, j0 + 1:j1 + 1, i_v + k)))
          xc(i, j, i_u + k) = 0         ! stays so at the wall
          xc(i, j, i_v + k) = 0
          if (i > 1) xc(i, j, i_u + k) = face_mean(n, &
            x(i0 - n / 2 - 1:i0 + n / 2, j0:j1, i_h + k), &
            x(i0 - n / 2:i0 + n / 2, j0:j1, i_u + k))
          if (j > 1) xc(i, j, i_v + k) = face_mean(n, &
            transpose(x(i0:i1, j0 - n / 2 - 1:j0 + n / 2, i_h + k)), &
            transpose(x(i0:i1, j0 - n / 2:j0 + n / 2, i_v + k)))
        end do
        e(i, j) = e(i, j) / (xc(i, j, i_h + 1) + xc(i, j, i_h + 2))
      end do
    end do
  end subroutine

  ! Local. mean(h) E_k of one box, m3/s2; h, u, v at the fine cells.
  pure real(wp) function lost_energy(h, u, v)
    real(wp), intent(in) :: h(:, :), u(:, :), v(:, :)
    lost_energy = 0.5_wp / size(h) * (sum(h * (u**2 + v**2)) &
      - (sum(h * u)**2 + sum(h * v)**2) / sum(h))
  end function

  ! Local. Thickness-weighted mean velocity of a box centred on a face normal to the first index:
  ! 2 (n/2) + 1 faces, of which the outer two count half when n is even.
  pure real(wp) function face_mean(n, h, u)
    integer, intent(in) :: n
    real(wp), intent(in) :: h(:, :), u(:, :)
    real(wp) :: w(size(u, 1), size(u, 2))
    integer :: m
    m = size(u, 1)
    w = 0.5_wp * (h(1:m, :) + h(2:m + 1, :))
    if (mod(n, 2) == 0) w([1, m], :) = 0.5_wp * w([1, m], :)
    face_mean = sum(w * u) / sum(w)
  end function

end program
