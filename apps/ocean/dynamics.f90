! SPDX-License-Identifier: BSD-3-Clause
! The dynamics: two active shallow-water layers over a motionless abyss, on the C-grid.
!
!   du_k/dt = + (f + zeta_k) v_k - d/dx (K_k + M_k) + friction + wind_k       k = 1 (upper), 2
!   dv_k/dt = - (f + zeta_k) u_k - d/dy (K_k + M_k) + friction
!   dh_k/dt = - div(h_k u_k) + div(kappa grad h_k)
!
!   M_2 = g23 (h_1 + h_2),   M_1 = M_2 + g12 h_1,   K = (u^2 + v^2) / 2
!
! Space: the energy-conserving scheme of Sadourny (1975): the rotation term is q times the mean
! mass flux, so unforced it conserves volume to rounding and energy up to the time stepping.
! Time: three-stage strong-stability-preserving Runge-Kutta (Shu & Osher 1988).
! kappa is the Gent & McWilliams (1990) coefficient; see closure.f90.
module ocean_dynamics
  use mpi_f08, only: MPI_Allreduce, MPI_IN_PLACE, MPI_DOUBLE_PRECISION, MPI_MIN
  use ocean_grid
  use ocean_clock
  implicit none
  private
  public :: params, state, state_init, state_halos, step, total_energy, check_state, wave_speed
  public :: i_h, i_u, i_v

  type :: params
    real(wp) :: g12 = 0.02_wp, g23 = 0.008_wp   ! reduced gravities at the two interfaces, m/s2
    real(wp) :: tau0 = 0.0_wp                   ! wind stress amplitude, N/m2
    real(wp) :: rho0 = 1025.0_wp                ! kg/m3
    real(wp) :: drag(2) = 0.0_wp                ! linear drag of each layer, 1/s
    real(wp) :: a2 = 0.0_wp, a4 = 0.0_wp        ! Laplacian (m2/s), biharmonic (m4/s) viscosity
  end type

  integer, parameter :: i_h = 0, i_u = 2, i_v = 4     ! slab k of h is x(:, :, i_h + k)
  integer, parameter :: reach = 2            ! cells that a tendency looks at beyond its own
  integer, parameter :: place(6) = [at_cell, at_cell, at_u, at_u, at_v, at_v]

  type :: state
    real(wp), allocatable :: x(:, :, :)        ! h1 h2 u1 u2 v1 v2: one array, one halo message
    real(wp), allocatable :: kappa(:, :, :)    ! (.,.,1) thickness diffusivity at cells, m2/s
    real(wp), allocatable, private :: x0(:, :, :), dxdt(:, :, :)
    real(wp), allocatable, private :: work(:, :, :)     ! kept: fresh pages each step cost a third
    real(wp), allocatable, private :: wind(:)  ! acceleration times thickness, m2/s2, by row
  end type

contains

  ! Local. At rest with layer thicknesses depth(1:2), m.
  subroutine state_init(s, g, p, depth)
    type(state), intent(out) :: s
    type(grid), intent(in) :: g
    type(params), intent(in) :: p
    real(wp), intent(in) :: depth(2)
    real(wp), parameter :: two_pi = 8 * atan(1.0_wp)
    real(wp) :: stress(1 - halo_width:g%ny + halo_width + 1)
    integer :: j, k

    call new_field(g, s%x, 6)
    call new_field(g, s%x0, 6)
    call new_field(g, s%dxdt, 6)
    call new_field(g, s%work, 6)
    call new_field(g, s%kappa, 1)
    do k = 1, 2
      s%x(:, :, i_h + k) = depth(k)
    end do
    ! Every rank evaluates all rows in one loop of the same bounds: a vectorised cosine and the
    ! remainder's scalar one round differently, and must fall on the same rows everywhere.
    do j = lbound(stress, 1), ubound(stress, 1)
      stress(j) = -p%tau0 / p%rho0 * cos(two_pi * (j - 0.5_wp) / g%ny)
    end do
    s%wind = stress(lbound(g%f, 1):ubound(g%f, 1))
  end subroutine

  ! Collective. Must follow any change of s%x from outside.
  subroutine state_halos(s, g)
    type(state), intent(inout) :: s
    type(grid), intent(in) :: g
    call halo_exchange(g, s%x, place)
  end subroutine

  ! Collective. Advance by dt seconds.
  subroutine step(s, g, p, dt)
    type(state), intent(inout) :: s
    type(grid), intent(in) :: g
    type(params), intent(in) :: p
    real(wp), intent(in) :: dt
    real(wp), parameter :: keep(3) = [0.0_wp, 3.0_wp / 4, 1.0_wp / 3]
    integer :: stage, beyond, i, j, k

    s%x0 = s%x
    do stage = 1, 3
      beyond = reach * (3 - stage)
      call tendency(g, p, s, beyond)
      do k = 1, size(s%x, 3)
        do j = g%js - beyond, g%je + beyond
          do i = g%is - beyond, g%ie + beyond
            s%x(i, j, k) = keep(stage) * s%x0(i, j, k) &
              + (1 - keep(stage)) * (s%x(i, j, k) + dt * s%dxdt(i, j, k))
          end do
        end do
      end do
      if (stage < 3) call mirror_walls(g, s%x, place)
    end do
    call clock_start('halo_state')
    call halo_exchange(g, s%x, place)
    call clock_stop('halo_state')
  end subroutine

  ! Local. dxdt of the owned points and `beyond` more, from x that is valid `reach` further.
  subroutine tendency(g, p, s, beyond)
    type(grid), intent(in) :: g
    type(params), intent(in) :: p
    type(state), intent(inout) :: s
    integer, intent(in) :: beyond
    integer :: k

    do k = 1, 2
      call tendency_layer(g, p, beyond, p%drag(k), merge(s%wind, 0.0_wp, k == 1), &
        merge(p%g12, 0.0_wp, k == 1), s%kappa(:, :, 1), &
        s%x(:, :, i_h + 1), s%x(:, :, i_h + 2), s%x(:, :, i_h + k), s%x(:, :, i_u + k), &
        s%x(:, :, i_v + k), s%dxdt(:, :, i_h + k), s%dxdt(:, :, i_u + k), s%dxdt(:, :, i_v + k), &
        s%work(:, :, 1), s%work(:, :, 2), s%work(:, :, 3), s%work(:, :, 4), s%work(:, :, 5), &
        s%work(:, :, 6))
    end do
  end subroutine

  ! Local. One layer; g1 is g12 in the upper layer and 0 in the lower.
  pure subroutine tendency_layer(g, p, beyond, drag, wind, g1, kappa, h1, h2, h, u, v, dh, du, dv, &
    hu, hv, q, b, lu, lv)
    type(grid), intent(in) :: g
    type(params), intent(in) :: p
    integer, intent(in) :: beyond
    real(wp), intent(in) :: drag, wind(g%js - halo_width:), g1
    real(wp), intent(in), contiguous, dimension(g%is - halo_width:, g%js - halo_width:) :: &
      kappa, h1, h2, h, u, v
    real(wp), intent(inout), contiguous, dimension(g%is - halo_width:, g%js - halo_width:) :: &
      dh, du, dv, hu, hv, q, b, lu, lv
    real(wp) :: r, r2, a4
    integer :: i, j, is, ie, js, je
    ! work: hu, hv mass fluxes; q potential vorticity; b Bernoulli function; lu, lv Laplacians

    r = 1 / g%dx
    r2 = r * r
    a4 = p%a4 * r2
    is = g%is - beyond
    ie = g%ie + beyond
    js = g%js - beyond
    je = g%je + beyond
    do j = js - 1, je + 1
      do i = is - 1, ie + 1
        hu(i, j) = 0.5_wp * (h(i - 1, j) + h(i, j)) * u(i, j)
        hv(i, j) = 0.5_wp * (h(i, j - 1) + h(i, j)) * v(i, j)
        q(i, j) = (g%f(j) + r * (v(i, j) - v(i - 1, j) - u(i, j) + u(i, j - 1))) &
          / (0.25_wp * (h(i, j) + h(i - 1, j) + h(i, j - 1) + h(i - 1, j - 1)))
        b(i, j) = 0.25_wp * (u(i, j)**2 + u(i + 1, j)**2 + v(i, j)**2 + v(i, j + 1)**2) &
          + p%g23 * (h1(i, j) + h2(i, j)) + g1 * h1(i, j)
        lu(i, j) = r2 * ((u(i + 1, j) - 2 * u(i, j) + u(i - 1, j)) &
          + (u(i, j + 1) - 2 * u(i, j) + u(i, j - 1)))
        lv(i, j) = r2 * ((v(i + 1, j) - 2 * v(i, j) + v(i - 1, j)) &
          + (v(i, j + 1) - 2 * v(i, j) + v(i, j - 1)))
      end do
    end do

    do j = js, je
      do i = is, ie
        du(i, j) = 0.25_wp * (q(i, j) * (hv(i - 1, j) + hv(i, j)) &
          + q(i, j + 1) * (hv(i - 1, j + 1) + hv(i, j + 1))) &
          - r * (b(i, j) - b(i - 1, j)) &
          + (p%a2 * lu(i, j) - a4 * ((lu(i + 1, j) - 2 * lu(i, j) + lu(i - 1, j)) &
          + (lu(i, j + 1) - 2 * lu(i, j) + lu(i, j - 1)))) - drag * u(i, j) &
          + wind(j) / (0.5_wp * (h(i - 1, j) + h(i, j)))
        dv(i, j) = -0.25_wp * (q(i, j) * (hu(i, j - 1) + hu(i, j)) &
          + q(i + 1, j) * (hu(i + 1, j - 1) + hu(i + 1, j))) &
          - r * (b(i, j) - b(i, j - 1)) &
          + (p%a2 * lv(i, j) - a4 * ((lv(i + 1, j) - 2 * lv(i, j) + lv(i - 1, j)) &
          + (lv(i, j + 1) - 2 * lv(i, j) + lv(i, j - 1)))) - drag * v(i, j)
      end do
    end do

    do j = js, je + 1         ! hu, hv become the full thickness fluxes, with the bolus part
      do i = is, ie + 1
        hu(i, j) = hu(i, j) - 0.5_wp * (kappa(i - 1, j) + kappa(i, j)) * r * (h(i, j) - h(i - 1, j))
        hv(i, j) = hv(i, j) - 0.5_wp * (kappa(i, j - 1) + kappa(i, j)) * r * (h(i, j) - h(i, j - 1))
      end do
    end do
    do j = js, je
      do i = is, ie
        dh(i, j) = -r * (hu(i + 1, j) - hu(i, j) + hv(i, j + 1) - hv(i, j))
      end do
    end do
  end subroutine

  ! Local. Speed (m/s) of the fast (first) or slow (second) linear gravity wave of layers h1, h2:
  ! c^2 are the eigenvalues of [h1 (g12+g23), h1 g23; h2 g23, h2 g23].
  elemental real(wp) function wave_speed(p, h1, h2, mode)
    type(params), intent(in) :: p
    real(wp), intent(in) :: h1, h2
    integer, intent(in) :: mode
    real(wp) :: half_trace, root
    half_trace = 0.5_wp * (h1 * (p%g12 + p%g23) + h2 * p%g23)
    root = sqrt(half_trace**2 - h1 * h2 * p%g12 * p%g23)
    wave_speed = sqrt(merge(half_trace + root, half_trace - root, mode == 1))
  end function

  ! Collective. Kinetic and potential energy of the basin over density, m5/s2: the quantity the
  ! scheme conserves.
  function total_energy(s, g, p) result(total)
    type(state), intent(in) :: s
    type(grid), intent(in) :: g
    type(params), intent(in) :: p
    real(wp) :: total
    real(wp), allocatable :: e(:, :, :)
    integer :: i, j, k

    call new_field(g, e, 1)
    associate (x => s%x)
      do j = g%js, g%je
        do i = g%is, g%ie
          e(i, j, 1) = 0.5_wp * (p%g12 * x(i, j, 1)**2 + p%g23 * (x(i, j, 1) + x(i, j, 2))**2)
          do k = 1, 2
            e(i, j, 1) = e(i, j, 1) + 0.25_wp * x(i, j, i_h + k) * (x(i, j, i_u + k)**2 &
              + x(i + 1, j, i_u + k)**2 + x(i, j, i_v + k)**2 + x(i, j + 1, i_v + k)**2)
          end do
        end do
      end do
    end associate
    total = global_sum(g, e(:, :, 1)) * g%dx**2
  end function

  ! Collective. Stops the run when a layer is as good as empty or a value is not finite.
  subroutine check_state(s, g, day)
    type(state), intent(in) :: s
    type(grid), intent(in) :: g
    real(wp), intent(in) :: day
    real(wp), parameter :: h_least = 1.0_wp    ! m; the model has no outcropping
    real(wp) :: least
    character(160) :: text

    least = minval(s%x(g%is:g%ie, g%js:g%je, 1:2))
    if (.not. all(abs(s%x(g%is:g%ie, g%js:g%je, :)) < huge(1.0_wp))) least = -huge(1.0_wp)
    call MPI_Allreduce(MPI_IN_PLACE, least, 1, MPI_DOUBLE_PRECISION, MPI_MIN, g%comm)
    if (least >= h_least) return
    if (least > -huge(1.0_wp)) then
      write (text, '(a,f0.2,a,f0.2,a,f0.1,a)') 'day ', day, ': a layer outcrops: its thickness is ', &
        least, ' m, at least ', h_least, ' m is needed'
    else
      write (text, '(a,f0.2,a)') 'day ', day, ': values are not finite: more steps_per_day?'
    end if
    call abort_run(g, trim(text))
  end subroutine

end module
