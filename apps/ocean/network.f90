! SPDX-License-Identifier: BSD-3-Clause
! Closure (b): the eddy kinetic energy from a network, called through Weir on every rank.
! Beside clock.f90, which times with Weir's meter, the only file that knows Weir.
module ocean_network
  use, intrinsic :: iso_fortran_env, only: real32
  use weir
  use ocean_grid
  use ocean_dynamics
  use ocean_closure
  use ocean_features
  use ocean_clock
  implicit none
  private
  public :: network, network_open, network_energy, network_rows, network_close

  character(*), parameter :: model = 'eke'

  type :: network
    private
    type(weir_client) :: client
    real(real32), allocatable :: features(:, :, :)   ! (4, columns, rows)
    real(real32), allocatable :: log_energy(:, :)    ! (1, cells)
  end type

contains

  ! Local; every rank calls it. `address` is Weir's: embedded: runs the network in this process.
  subroutine network_open(n, g, address, file)
    type(network), intent(inout) :: n
    type(grid), intent(in) :: g
    character(*), intent(in) :: address, file

    call clock_start('weir_open')
    call weir_open(n%client, address)
    call clock_stop('weir_open')
    call clock_start('weir_set_model')
    call weir_set_model_file(n%client, model, file)
    call clock_stop('weir_set_model')
    allocate (n%features(n_features, g%is:g%ie, g%js:g%je))
    allocate (n%log_energy(1, (g%ie - g%is + 1) * (g%je - g%js + 1)))
  end subroutine

  ! Local. Energy of this rank's cells from the state with valid halos.
  subroutine network_energy(n, g, p, c, s, energy)
    type(network), intent(inout), target :: n
    type(grid), intent(in) :: g
    type(params), intent(in) :: p
    type(closure_params), intent(in) :: c
    type(state), intent(in) :: s
    real(wp), intent(inout) :: energy(g%is - halo_width:, g%js - halo_width:, :)
    real(real32), pointer :: rows(:, :)
    integer :: extent(2)

    call clock_start('features')
    call features_of(g, p, s%x, n%features)
    call clock_stop('features')

    rows(1:n_features, 1:size(n%log_energy)) => n%features
    call network_rows(n, rows, n%log_energy)

    extent = [g%ie - g%is + 1, g%je - g%js + 1]
    energy(g%is:g%ie, g%js:g%je, 1) = reshape( &
      min(max(exp(real(n%log_energy(1, :), wp)), c%energy_min), c%energy_max), extent)
  end subroutine

  ! Local. ln E (1, cells) of features (4, cells). One cell's four features lie together, so the
  ! array reversed is the network's [cells, 4] with no copy; Weir's default layout would keep our
  ! indices and cost a strided pack.
  subroutine network_rows(n, rows, log_energy)
    type(network), intent(inout) :: n
    real(real32), intent(in), contiguous :: rows(:, :)
    real(real32), intent(inout), contiguous :: log_energy(:, :)
    call clock_start('weir_infer')
    call weir_infer(n%client, model, rows, log_energy, layout=weir_reversed)
    call clock_stop('weir_infer')
  end subroutine

  ! Local.
  subroutine network_close(n)
    type(network), intent(inout) :: n
    call clock_start('weir_close')
    call weir_close(n%client)
    call clock_stop('weir_close')
  end subroutine

end module
