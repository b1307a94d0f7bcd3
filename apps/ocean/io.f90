! SPDX-License-Identifier: BSD-3-Clause
! NetCDF in and out, gathered to rank 0. Histories, means, restarts and coarsened fine runs are all
! the same kind of file, so every one of them can be plotted, restarted from, or trained on.
module ocean_io
  use netcdf
  use mpi_f08, only: MPI_Bcast, MPI_INTEGER
  use, intrinsic :: iso_fortran_env, only: real32
  use ocean_grid
  use ocean_dynamics
  use ocean_features
  implicit none
  private
  public :: output, output_open, output_write, output_close, read_state, count_records, dims_of

  character(*), parameter :: state_name(3) = ['h', 'u', 'v']
  character(*), parameter :: state_unit(3) = ['m  ', 'm/s', 'm/s']
  character(*), parameter :: state_text(3) = [character(32) :: 'layer thickness', &
    'eastward velocity, west face', 'northward velocity, south face']

  type :: output
    private
    integer :: file = -1, n_records = 0
    integer :: time, state(3), energy, kappa, features       ! variable ids
  end type

contains

  ! Collective; rank 0 touches the file. exact: double precision, for restarts; else single.
  subroutine output_open(o, g, path, exact, what)
    type(output), intent(out) :: o
    type(grid), intent(in) :: g
    character(*), intent(in) :: path, what
    logical, intent(in) :: exact
    integer :: x, y, layer, time, feature, kind, k

    if (g%rank /= 0) return
    kind = merge(nf90_double, nf90_float, exact)
    call check(g, path, nf90_create(path, nf90_netcdf4, o%file))
    call check(g, path, nf90_put_att(o%file, nf90_global, 'title', what))
    call check(g, path, nf90_put_att(o%file, nf90_global, 'dx', g%dx))
    call check(g, path, nf90_put_att(o%file, nf90_global, 'dx_units', 'm'))
    call check(g, path, nf90_def_dim(o%file, 'x', g%nx, x))
    call check(g, path, nf90_def_dim(o%file, 'y', g%ny, y))
    call check(g, path, nf90_def_dim(o%file, 'layer', 2, layer))
    call check(g, path, nf90_def_dim(o%file, 'feature', n_features, feature))
    call check(g, path, nf90_def_dim(o%file, 'time', nf90_unlimited, time))
    call define(o%time, 'time', nf90_double, [time], 'days', 'model time')
    do k = 1, 3
      call define(o%state(k), state_name(k), kind, [x, y, layer, time], trim(state_unit(k)), &
        trim(state_text(k)))
    end do
    call define(o%energy, 'E', kind, [x, y, time], 'm2/s2', 'eddy kinetic energy per mass')
    call define(o%kappa, 'kappa', kind, [x, y, time], 'm2/s', 'thickness diffusivity')
    call define(o%features, 'features', nf90_float, [feature, x, y, time], 'mixed', &
      'ln K, ln slope, Rd/dx, signed ln vorticity: see features.f90')
    call check(g, path, nf90_enddef(o%file))

  contains

    subroutine define(id, name, kind, dims, unit, text)
      integer, intent(out) :: id
      character(*), intent(in) :: name, unit, text
      integer, intent(in) :: kind, dims(:)
      call check(g, path, nf90_def_var(o%file, name, kind, dims, id))
      call check(g, path, nf90_put_att(o%file, id, 'units', unit))
      call check(g, path, nf90_put_att(o%file, id, 'long_name', text))
    end subroutine
  end subroutine

  ! Collective. Append one record; s%x must have valid halos (the features look at neighbours).
  subroutine output_write(o, g, p, day, s, energy)
    type(output), intent(inout) :: o
    type(grid), intent(in) :: g
    type(params), intent(in) :: p
    real(wp), intent(in) :: day
    type(state), intent(in) :: s
    real(wp), intent(in) :: energy(g%is - halo_width:, g%js - halo_width:, :)
    real(real32) :: f(n_features, g%is:g%ie, g%js:g%je)
    real(wp), allocatable :: one(:, :, :)
    integer :: k, l

    o%n_records = o%n_records + 1
    if (g%rank == 0) call check(g, 'time', nf90_put_var(o%file, o%time, [day], [o%n_records], [1]))
    do k = 1, 3
      do l = 1, 2
        call put(o%state(k), s%x(:, :, 2 * (k - 1) + l), [1, 1, l, o%n_records], &
          [g%nx, g%ny, 1, 1])
      end do
    end do
    call put(o%energy, energy(:, :, 1), [1, 1, o%n_records], [g%nx, g%ny, 1])
    call put(o%kappa, s%kappa(:, :, 1), [1, 1, o%n_records], [g%nx, g%ny, 1])
    call features_of(g, p, s%x, f)
    call new_field(g, one, 1)
    do k = 1, n_features
      one(g%is:g%ie, g%js:g%je, 1) = f(k, :, :)
      call put(o%features, one(:, :, 1), [k, 1, 1, o%n_records], [1, g%nx, g%ny, 1])
    end do

  contains

    subroutine put(id, a, start, extent)
      integer, intent(in) :: id, start(:), extent(:)
      real(wp), intent(in) :: a(:, :)
      real(wp), allocatable :: whole(:, :)
      call gather(g, a, whole)
      if (g%rank == 0) call check(g, 'output', nf90_put_var(o%file, id, whole, start, extent))
    end subroutine
  end subroutine

  ! Collective.
  subroutine output_close(o, g)
    type(output), intent(inout) :: o
    type(grid), intent(in) :: g
    if (g%rank == 0) call check(g, 'close', nf90_close(o%file))
    o%file = -1
  end subroutine

  ! Collective. Record `i_record` (from 1; 0 is the last) of a file of this program into s and
  ! energy; halos of s are filled. The grid must be the file's.
  subroutine read_state(g, path, i_record, s, energy, day)
    type(grid), intent(in) :: g
    character(*), intent(in) :: path
    integer, intent(in) :: i_record
    type(state), intent(inout) :: s
    real(wp), intent(inout) :: energy(g%is - halo_width:, g%js - halo_width:, :)
    real(wp), intent(out), optional :: day
    integer :: file, record, k, l, id, nx, ny
    real(wp) :: days(1)

    call dims_of(g, path, nx, ny)
    if (nx /= g%nx .or. ny /= g%ny) call abort_run(g, path // ': another grid than the run''s')
    record = i_record
    if (record == 0) record = count_records(g, path)
    if (g%rank == 0) call check(g, path, nf90_open(path, nf90_nowrite, file))
    do k = 1, 3
      do l = 1, 2
        call get(state_name(k), s%x(:, :, 2 * (k - 1) + l), [1, 1, l, record], [g%nx, g%ny, 1, 1])
      end do
    end do
    call get('E', energy(:, :, 1), [1, 1, record], [g%nx, g%ny, 1])
    if (present(day)) then
      days = 0
      if (g%rank == 0) then
        call check(g, path, nf90_inq_varid(file, 'time', id))
        call check(g, path, nf90_get_var(file, id, days, [record], [1]))
      end if
      day = days(1)
    end if
    if (g%rank == 0) call check(g, path, nf90_close(file))
    call state_halos(s, g)

  contains

    subroutine get(name, a, start, extent)
      character(*), intent(in) :: name
      real(wp), intent(inout) :: a(g%is - halo_width:, g%js - halo_width:)
      integer, intent(in) :: start(:), extent(:)
      real(wp) :: whole(g%nx, g%ny)
      if (g%rank == 0) then
        call check(g, path // ': ' // name, nf90_inq_varid(file, name, id))
        call check(g, path // ': ' // name, nf90_get_var(file, id, whole, start, extent))
      end if
      call scatter(g, whole, a)
    end subroutine
  end subroutine

  ! Collective. Cells of the file's grid.
  subroutine dims_of(g, path, nx, ny)
    type(grid), intent(in) :: g
    character(*), intent(in) :: path
    integer, intent(out) :: nx, ny
    nx = length_of(g, path, 'x')
    ny = length_of(g, path, 'y')
  end subroutine

  ! Collective. Records in the file.
  integer function count_records(g, path)
    type(grid), intent(in) :: g
    character(*), intent(in) :: path
    count_records = length_of(g, path, 'time')
  end function

  ! Collective. Length of a dimension, known to every rank.
  integer function length_of(g, path, name)
    type(grid), intent(in) :: g
    character(*), intent(in) :: path, name
    integer :: file, id
    length_of = 0
    if (g%rank == 0) then
      call check(g, path, nf90_open(path, nf90_nowrite, file))
      call check(g, path, nf90_inq_dimid(file, name, id))
      call check(g, path, nf90_inquire_dimension(file, id, len=length_of))
      call check(g, path, nf90_close(file))
    end if
    call MPI_Bcast(length_of, 1, MPI_INTEGER, 0, g%comm)
  end function

  ! Local. Ends the run with NetCDF's text.
  subroutine check(g, object, code)
    type(grid), intent(in) :: g
    character(*), intent(in) :: object
    integer, intent(in) :: code
    if (code /= nf90_noerr) call abort_run(g, object // ': ' // trim(nf90_strerror(code)))
  end subroutine

end module
