! SPDX-License-Identifier: BSD-3-Clause
! What the network sees: four features of the resolved flow at each cell, and their transforms.
! The coupled run and the making of the training data both call this routine: one definition.
!
!   1  surface mean kinetic energy   ln max(K1, tiny)            K1 in m2/s2
!   2  isopycnal slope               ln max(|grad h1|, tiny)     the interface between the layers
!   3  deformation radius over dx    as it is                    c^2/(f^2 + 2 beta c), Hallberg 2013
!   4  surface relative vorticity    sign(z) max(ln|z| + 36, 0)  z in 1/s; 36 keeps ln positive
!
! Order and transforms are those of the ocean paper (Partee et al. 2022). The basin has no land
! inside; beside a wall the stencils see the mirror image that halo_exchange made. Subtracting the
! mean and dividing by the deviation belongs to the weights and is done inside the ONNX graph.
module ocean_features
  use, intrinsic :: iso_fortran_env, only: real32
  use ocean_grid
  use ocean_dynamics
  implicit none
  private
  public :: n_features, tiny_k, tiny_slope, raw_features, transform, features_of, rossby_radius

  integer, parameter :: n_features = 4
  real(wp), parameter :: tiny_k = 1e-10_wp, tiny_slope = 1e-9_wp, log_shift = 36.0_wp

contains

  ! Local. The four features of cell (i,j) in SI units, from x with valid halos.
  pure function raw_features(g, p, x, i, j) result(raw)
    type(grid), intent(in) :: g
    type(params), intent(in) :: p
    real(wp), intent(in) :: x(g%is - halo_width:, g%js - halo_width:, :)
    integer, intent(in) :: i, j
    real(wp) :: raw(n_features)
    integer, parameter :: h = i_h + 1, u = i_u + 1, v = i_v + 1

    raw(1) = 0.25_wp * (x(i, j, u)**2 + x(i + 1, j, u)**2 + x(i, j, v)**2 + x(i, j + 1, v)**2)
    raw(2) = sqrt((x(i + 1, j, h) - x(i - 1, j, h))**2 + (x(i, j + 1, h) - x(i, j - 1, h))**2) &
      / (2 * g%dx)
    raw(3) = rossby_radius(g, p, x(i, j, h), x(i, j, h + 1), j) / g%dx
    ! the mean of the vorticity at the four corners
    raw(4) = 0.25_wp / g%dx * (x(i + 1, j, v) + x(i + 1, j + 1, v) - x(i - 1, j, v) &
      - x(i - 1, j + 1, v) - x(i, j + 1, u) - x(i + 1, j + 1, u) + x(i, j - 1, u) &
      + x(i + 1, j - 1, u))
  end function

  ! Local. Deformation radius (m) of the fast mode at the centre of row j, finite at the equator.
  pure real(wp) function rossby_radius(g, p, h1, h2, j)
    type(grid), intent(in) :: g
    type(params), intent(in) :: p
    real(wp), intent(in) :: h1, h2
    integer, intent(in) :: j
    real(wp) :: c, f
    c = wave_speed(p, h1, h2, 1)
    f = 0.5_wp * (g%f(j) + g%f(j + 1))
    rossby_radius = c / sqrt(f**2 + 2 * g%beta * c)
  end function

  ! Local. Logarithm and signed logarithm.
  pure function transform(raw) result(t)
    real(wp), intent(in) :: raw(n_features)
    real(wp) :: t(n_features)
    t(1) = log(max(raw(1), tiny_k))
    t(2) = log(max(raw(2), tiny_slope))
    t(3) = raw(3)
    t(4) = sign(max(log(max(abs(raw(4)), tiny(1.0_wp))) + log_shift, 0.0_wp), raw(4))
  end function

  ! Local. Transformed features of every cell of this rank, (4, columns, rows).
  subroutine features_of(g, p, x, f)
    type(grid), intent(in) :: g
    type(params), intent(in) :: p
    real(wp), intent(in) :: x(g%is - halo_width:, g%js - halo_width:, :)
    real(real32), intent(out) :: f(:, g%is:, g%js:)
    integer :: i, j

    do j = g%js, g%je
      do i = g%is, g%ie
        f(:, i, j) = real(transform(raw_features(g, p, x, i, j)), real32)
      end do
    end do
  end subroutine

end module
