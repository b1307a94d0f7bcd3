! SPDX-License-Identifier: BSD-3-Clause
! Closure (a): a prognostic equation for the eddy kinetic energy, MEKE.
!
!   dE/dt = gain kappa (g12 |grad d1|^2 + g23 |grad d2|^2) / (h1 + h2)    released by closure.f90
!         - drag E - decay E^(3/2) / L + div(kappa grad E)
!
! Eden & Greatbatch (2008) and Jansen et al. (2015), without advection and without the return of
! energy to the resolved flow. Sources explicit, sinks implicit: E stays positive for any step.
module ocean_meke
  use ocean_grid
  use ocean_dynamics
  use ocean_closure
  implicit none
  private
  public :: meke_step

contains

  ! Local. Advance the energy by dt seconds, from halos that kappa_of filled.
  subroutine meke_step(g, p, c, s, energy, dt)
    type(grid), intent(in) :: g
    type(params), intent(in) :: p
    type(closure_params), intent(in) :: c
    type(state), intent(in) :: s
    real(wp), intent(inout) :: energy(g%is - halo_width:, g%js - halo_width:, :)
    real(wp), intent(in) :: dt

    call advance(g, p, c, s%x, s%kappa(:, :, 1), energy(:, :, 1), dt)
  end subroutine

  ! Local. The owned cells of e from its halos.
  subroutine advance(g, p, c, x, k, e, dt)
    type(grid), intent(in) :: g
    type(params), intent(in) :: p
    type(closure_params), intent(in) :: c
    real(wp), intent(in) :: x(g%is - halo_width:, g%js - halo_width:, :)
    real(wp), intent(in) :: k(g%is - halo_width:, g%js - halo_width:)
    real(wp), intent(inout) :: e(g%is - halo_width:, g%js - halo_width:)
    real(wp), intent(in) :: dt
    real(wp) :: new(g%is:g%ie, g%js:g%je)
    real(wp) :: gain, loss, r2
    integer :: i, j

    r2 = 0.5_wp / g%dx**2
    do j = g%js, g%je
      do i = g%is, g%ie
        gain = c%meke_gain * thickness_source(g, p, x, k(i, j), i, j) + r2 * ( &
          (k(i + 1, j) + k(i, j)) * (e(i + 1, j) - e(i, j)) &
          - (k(i, j) + k(i - 1, j)) * (e(i, j) - e(i - 1, j)) &
          + (k(i, j + 1) + k(i, j)) * (e(i, j + 1) - e(i, j)) &
          - (k(i, j) + k(i, j - 1)) * (e(i, j) - e(i, j - 1)))
        loss = c%meke_drag + c%meke_decay * sqrt(e(i, j)) / length_scale(g, p, x, e(i, j), i, j)
        new(i, j) = min(max((e(i, j) + dt * gain) / (1 + dt * loss), c%energy_min), c%energy_max)
      end do
    end do
    e(g%is:g%ie, g%js:g%je) = new
  end subroutine

end module
