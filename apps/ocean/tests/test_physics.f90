! SPDX-License-Identifier: BSD-3-Clause
! Conservation, a known linear wave, and the closure's energy: what the equations promise.
program test_physics
  use mpi_f08
  use ocean_grid
  use ocean_dynamics
  use ocean_closure, only: thickness_source
  use tap
  implicit none

  call MPI_Init()
  call volume_is_conserved_to_rounding()
  call energy_drifts_with_the_third_power_of_the_step()
  call diffusion_releases_what_the_energy_equation_gains()
  call poincare_wave_has_its_speed_to_second_order(1, 'fast')
  call poincare_wave_has_its_speed_to_second_order(2, 'slow')
  call done()

contains

  ! Collective. Smooth eddies in a closed basin, from the global indices.
  subroutine add_eddies(s, g)
    type(state), intent(inout) :: s
    type(grid), intent(in) :: g
    real(wp), parameter :: pi = 4 * atan(1.0_wp)
    real(wp) :: x, y
    integer :: i, j
    do j = g%js, g%je
      do i = g%is, g%ie
        x = pi * (i - 0.5_wp) / g%nx
        y = pi * (j - 0.5_wp) / g%ny
        s%x(i, j, i_h + 1) = s%x(i, j, i_h + 1) + 40 * cos(3 * x) * cos(2 * y) + 15 * cos(5 * x + 1)
        s%x(i, j, i_h + 2) = s%x(i, j, i_h + 2) - 30 * cos(2 * x) * cos(4 * y)
        s%x(i, j, i_u + 1) = 0.3_wp * sin(pi * (i - 1) / g%nx) * cos(3 * y)
        s%x(i, j, i_v + 2) = 0.2_wp * sin(pi * (j - 1) / g%ny) * cos(2 * x)
      end do
    end do
    call state_halos(s, g)
  end subroutine

  ! Collective. Wind, drag, friction and thickness diffusion move water; none makes or loses any.
  subroutine volume_is_conserved_to_rounding()
    type(grid) :: g
    type(params) :: p
    type(state) :: s
    real(wp) :: before(2), error
    integer :: n, k

    p%tau0 = 0.1_wp
    p%drag = 1e-7_wp
    p%a4 = 1e12_wp
    call grid_init(g, MPI_COMM_WORLD, 37, 41, 40e3_wp, 9e-5_wp, 2e-11_wp, .false., .false.)
    call state_init(s, g, p, [450.0_wp, 800.0_wp])
    call add_eddies(s, g)
    s%kappa = 1000
    do k = 1, 2
      before(k) = global_sum(g, s%x(:, :, i_h + k))
    end do
    do n = 1, 500
      call step(s, g, p, 3600.0_wp)
    end do
    error = 0
    do k = 1, 2
      error = max(error, abs(global_sum(g, s%x(:, :, i_h + k)) / before(k) - 1))
    end do
    call expect(error < 1e-13_wp, 'volume of both layers is conserved to rounding', error, &
      '< 1e-13')
  end subroutine

  ! Collective. Unforced and inviscid, the space scheme conserves energy exactly; what drifts is
  ! the third-order time stepping, so half the step leaves an eighth.
  subroutine energy_drifts_with_the_third_power_of_the_step()
    real(wp) :: drift(3)
    integer :: i

    do i = 1, 3
      drift(i) = energy_drift(2400.0_wp / 2**i, 36 * 2**i)
    end do
    call expect(abs(drift(3)) < 1e-7_wp, 'energy of the unforced flow drifts little', drift(3), &
      '|.| < 1e-7 of the total in a day')
    call expect(drift(2) / drift(3) > 7 .and. drift(2) / drift(3) < 9, &
      'energy drift falls with the third power of the step', drift(2) / drift(3), '7 to 9')
  end subroutine

  ! Collective. Relative change of the total energy over n steps of dt.
  function energy_drift(dt, n) result(drift)
    real(wp), intent(in) :: dt
    integer, intent(in) :: n
    real(wp) :: drift
    type(grid) :: g
    type(params) :: p
    type(state) :: s
    integer :: i

    call grid_init(g, MPI_COMM_WORLD, 40, 36, 20e3_wp, 9e-5_wp, 2e-11_wp, .false., .false.)
    call state_init(s, g, p, [450.0_wp, 800.0_wp])
    call add_eddies(s, g)
    drift = total_energy(s, g, p)
    do i = 1, n
      call step(s, g, p, dt)
    end do
    drift = total_energy(s, g, p) / drift - 1
  end function

  ! Collective. From rest, the total energy falls by thickness diffusion alone, at the rate that
  ! meke.f90 takes as its source. The step is short; its error is of first order.
  subroutine diffusion_releases_what_the_energy_equation_gains()
    real(wp), parameter :: dt = 300.0_wp
    type(grid) :: g
    type(params) :: p
    type(state) :: s
    real(wp), allocatable :: source(:, :, :)
    real(wp) :: gained, released
    integer :: i, j

    call grid_init(g, MPI_COMM_WORLD, 40, 36, 20e3_wp, 9e-5_wp, 2e-11_wp, .false., .false.)
    call state_init(s, g, p, [450.0_wp, 800.0_wp])
    call add_eddies(s, g)
    s%x(:, :, i_u + 1:) = 0
    call new_field(g, source, 1)
    do j = lbound(s%kappa, 2), ubound(s%kappa, 2)
      s%kappa(:, j, 1) = 2000 + 1500 * sin(0.2_wp * j)
    end do
    do j = g%js, g%je
      do i = g%is, g%ie
        source(i, j, 1) = thickness_source(g, p, s%x, s%kappa(i, j, 1), i, j) &
          * (s%x(i, j, 1) + s%x(i, j, 2)) * g%dx**2
      end do
    end do
    gained = global_sum(g, source(:, :, 1))
    released = total_energy(s, g, p)
    call step(s, g, p, dt)
    released = (released - total_energy(s, g, p)) / dt
    call expect(abs(released / gained - 1) < 1e-2_wp, &
      'thickness diffusion releases what the energy equation gains', released / gained, &
      '0.99 to 1.01')
  end subroutine

  ! Collective. One period of a plane inertia-gravity wave on a periodic f-plane.
  subroutine poincare_wave_has_its_speed_to_second_order(mode, name)
    integer, intent(in) :: mode
    character(*), intent(in) :: name
    real(wp) :: error(3), order
    integer :: i

    do i = 1, 3
      error(i) = phase_error(mode, 12 * 2**i)
    end do
    order = log(error(2) / error(3)) / log(2.0_wp)
    call expect(error(3) < 5e-3_wp, 'the ' // name // ' wave returns after its period', error(3), &
      '< 0.005 of a cycle on 96 cells')
    call expect(order > 1.9_wp .and. order < 2.1_wp, 'the ' // name // &
      ' wave''s phase converges to second order', order, '1.9 to 2.1')
  end subroutine

  ! Collective. Phase error (cycles) after the exact period 2 pi / sqrt(f^2 + c^2 K^2); c^2 and the
  ! vertical structure solve [g12+g23, g23; g23, g23] diag(H) phi = c^2 phi.
  function phase_error(mode, n) result(error)
    integer, intent(in) :: mode, n
    real(wp) :: error
    real(wp), parameter :: two_pi = 8 * atan(1.0_wp), length = 1e6_wp, f = 9e-5_wp
    real(wp), parameter :: depth(2) = [450.0_wp, 800.0_wp], a = 1e-6_wp
    integer, parameter :: waves(2) = [2, 1]
    type(grid) :: g
    type(params) :: p
    type(state) :: s
    real(wp), allocatable :: part(:, :, :)
    real(wp) :: phi(2), c, k(2), kk, omega, theta, along, across, dx
    integer :: i, j, l, n_steps

    dx = length / n
    call grid_init(g, MPI_COMM_WORLD, n, n, dx, f, 0.0_wp, .true., .true.)
    call state_init(s, g, p, depth)
    c = wave_speed(p, depth(1), depth(2), mode)
    phi = [1.0_wp, (c**2 - (p%g12 + p%g23) * depth(1)) / (p%g23 * depth(2))]
    k = two_pi * waves / length
    kk = norm2(k)
    omega = sqrt(f**2 + (c * kk)**2)

    do j = g%js, g%je
      do i = g%is, g%ie
        do l = 1, 2
          theta = dx * (k(1) * (i - 0.5_wp) + k(2) * (j - 0.5_wp))
          s%x(i, j, i_h + l) = depth(l) * (1 + phi(l) * a * cos(theta))
          theta = dx * (k(1) * (i - 1) + k(2) * (j - 0.5_wp))
          along = omega * a / kk * cos(theta)
          across = f * a / kk * sin(theta)
          s%x(i, j, i_u + l) = phi(l) * (k(1) * along - k(2) * across) / kk
          theta = dx * (k(1) * (i - 0.5_wp) + k(2) * (j - 1))
          along = omega * a / kk * cos(theta)
          across = f * a / kk * sin(theta)
          s%x(i, j, i_v + l) = phi(l) * (k(2) * along + k(1) * across) / kk
        end do
      end do
    end do
    call state_halos(s, g)

    n_steps = 8 * n
    do i = 1, n_steps
      call step(s, g, p, two_pi / omega / n_steps)
    end do

    call new_field(g, part, 2)
    do j = g%js, g%je
      do i = g%is, g%ie
        theta = dx * (k(1) * (i - 0.5_wp) + k(2) * (j - 0.5_wp))
        part(i, j, :) = (s%x(i, j, i_h + 1) - depth(1)) * [cos(theta), sin(theta)]
      end do
    end do
    error = abs(atan2(global_sum(g, part(:, :, 2)), global_sum(g, part(:, :, 1)))) / two_pi
  end function

end program
