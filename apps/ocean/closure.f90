! SPDX-License-Identifier: BSD-3-Clause
! The closure: Gent & McWilliams (1990) thickness diffusion with a coefficient from eddy energy.
!
!   kappa = min(alpha sqrt(2 E) L, kappa_max),   L = min(Rd, sqrt(sqrt(2 E) / beta))
!
! L is the deformation radius, or the Rhines scale if that is less: the mixing-length form of Cessi
! (2008), Eden & Greatbatch (2008) and Jansen et al. (2015).
! E, the depth-mean eddy kinetic energy per mass (m2/s2), comes from one of two places.
module ocean_closure
  use ocean_grid
  use ocean_clock
  use ocean_dynamics
  use ocean_features, only: rossby_radius
  implicit none
  private
  public :: closure_params, length_scale, kappa_of, thickness_source

  type :: closure_params
    real(wp) :: alpha = 0.1_wp          ! mixing efficiency
    real(wp) :: kappa_max = 4000.0_wp   ! m2/s
    real(wp) :: meke_gain = 1.0_wp      ! part of the released potential energy that becomes E
    real(wp) :: meke_drag = 1e-7_wp     ! linear damping of E, 1/s
    real(wp) :: meke_decay = 0.1_wp     ! c in the dissipation c E^(3/2) / L
    real(wp) :: energy_min = 1e-8_wp, energy_max = 1.0_wp   ! bounds of E, m2/s2
  end type

contains

  ! Local. Mixing length of cell (i,j), m.
  pure real(wp) function length_scale(g, p, x, e, i, j)
    type(grid), intent(in) :: g
    type(params), intent(in) :: p
    real(wp), intent(in) :: x(g%is - halo_width:, g%js - halo_width:, :), e
    integer, intent(in) :: i, j
    length_scale = rossby_radius(g, p, x(i, j, i_h + 1), x(i, j, i_h + 2), j)
    if (g%beta > 0) length_scale = min(length_scale, sqrt(sqrt(2 * e) / g%beta))
  end function

  ! Collective. Set s%kappa, halos too, from the energy at this rank's cells; fills its halos.
  subroutine kappa_of(g, p, c, s, energy)
    type(grid), intent(in) :: g
    type(params), intent(in) :: p
    type(closure_params), intent(in) :: c
    type(state), intent(inout) :: s
    real(wp), intent(inout) :: energy(g%is - halo_width:, g%js - halo_width:, :)
    real(wp) :: e
    integer :: i, j

    call clock_start('halo_energy')
    call halo_exchange(g, energy, [at_cell])
    call clock_stop('halo_energy')
    do j = lbound(energy, 2), ubound(energy, 2)
      do i = lbound(energy, 1), ubound(energy, 1)
        e = energy(i, j, 1)
        s%kappa(i, j, 1) = min(c%kappa_max, &
          c%alpha * sqrt(2 * e) * length_scale(g, p, s%x, e, i, j))
      end do
    end do
  end subroutine

  ! Local. Rate at which thickness diffusion takes potential energy from the resolved flow at cell
  ! (i,j), per mass, m2/s3: kappa (g12 |grad d1|^2 + g23 |grad d2|^2) / (h1 + h2), d1 = h1,
  ! d2 = h1 + h2 the interface depths.
  pure real(wp) function thickness_source(g, p, x, kappa, i, j)
    type(grid), intent(in) :: g
    type(params), intent(in) :: p
    real(wp), intent(in) :: x(g%is - halo_width:, g%js - halo_width:, :)
    real(wp), intent(in) :: kappa
    integer, intent(in) :: i, j
    real(wp) :: d1(4), d2(4)
    integer, parameter :: h1 = i_h + 1, h2 = i_h + 2
    d1 = [x(i + 1, j, h1) - x(i, j, h1), x(i, j, h1) - x(i - 1, j, h1), &
      x(i, j + 1, h1) - x(i, j, h1), x(i, j, h1) - x(i, j - 1, h1)]
    d2 = d1 + [x(i + 1, j, h2) - x(i, j, h2), x(i, j, h2) - x(i - 1, j, h2), &
      x(i, j + 1, h2) - x(i, j, h2), x(i, j, h2) - x(i, j - 1, h2)]
    thickness_source = 0.5_wp * kappa * (p%g12 * sum(d1**2) + p%g23 * sum(d2**2)) &
      / (g%dx**2 * (x(i, j, h1) + x(i, j, h2)))
  end function

end module
