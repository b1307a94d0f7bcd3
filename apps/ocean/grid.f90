! SPDX-License-Identifier: BSD-3-Clause
! The grid: block decomposition of the basin over MPI ranks, halos, walls, and gathering.
!
! Arakawa C-grid, square cells of side dx. Arrays carry GLOBAL indices: a rank that owns cells
! (is:ie, js:je) allocates them and halo_width more on each side, so the same formula with the same
! indices is evaluated whatever the number of ranks: that makes the results bitwise equal.
!
!   q(i,j+1)---v(i,j+1)---q(i+1,j+1)      h, E    cell centres
!      |                     |            u       west face of cell (i,j)
!    u(i,j)     h(i,j)    u(i+1,j)        v       south face
!      |                     |            q       south-west corner
!   q(i,j)-----v(i,j)-----q(i+1,j)
module ocean_grid
  use mpi_f08
  use, intrinsic :: iso_fortran_env, only: error_unit, real64
  implicit none
  private
  public :: wp, grid, halo_width, at_cell, at_u, at_v
  public :: grid_init, new_field, halo_exchange, mirror_walls, gather, scatter, global_sum
  public :: abort_run

  integer, parameter :: wp = real64
  ! Biharmonic friction reaches two cells and a step has three stages: with six, one exchange a step
  ! is enough, because a rank computes its neighbours' cells along with its own.
  integer, parameter :: halo_width = 6
  integer, parameter :: at_cell = 0, at_u = 1, at_v = 2      ! where a field lives
  integer, parameter :: tag_x = 1, tag_y = 2, tag_gather = 3 ! every message tag of this program

  type :: grid
    type(MPI_Comm) :: comm                  ! our own duplicate, Cartesian
    integer :: rank = 0, n_ranks = 1
    integer :: nx = 0, ny = 0               ! cells of the whole basin
    integer :: is = 1, ie = 0, js = 1, je = 0     ! cells of this rank, global indices
    integer :: west = MPI_PROC_NULL, east = MPI_PROC_NULL    ! neighbours; NULL is a wall
    integer :: south = MPI_PROC_NULL, north = MPI_PROC_NULL
    real(wp) :: dx = 0                      ! m
    real(wp) :: beta = 0                    ! 1/(m s)
    real(wp), allocatable :: f(:)           ! Coriolis at corners (rows of q), 1/s
  end type

contains

  ! Collective over `parent`. Periodic directions are for the wave tests; the gyre has four walls.
  subroutine grid_init(g, parent, nx, ny, dx, f0, beta, periodic_x, periodic_y)
    type(grid), intent(out) :: g
    type(MPI_Comm), intent(in) :: parent
    integer, intent(in) :: nx, ny
    real(wp), intent(in) :: dx, f0, beta
    logical, intent(in) :: periodic_x, periodic_y
    integer :: dims(2), coords(2), j

    g%nx = nx
    g%ny = ny
    g%dx = dx
    g%beta = beta
    dims = 0
    call MPI_Comm_size(parent, g%n_ranks)
    call MPI_Dims_create(g%n_ranks, 2, dims)
    dims = [dims(2), dims(1)]               ! the longer side along y: halo rows are contiguous
    call MPI_Cart_create(parent, 2, dims, [periodic_x, periodic_y], .false., g%comm)
    call MPI_Comm_rank(g%comm, g%rank)
    call MPI_Cart_coords(g%comm, g%rank, 2, coords)
    call MPI_Cart_shift(g%comm, 0, 1, g%west, g%east)
    call MPI_Cart_shift(g%comm, 1, 1, g%south, g%north)
    call block_of(nx, dims(1), coords(1), g%is, g%ie)
    call block_of(ny, dims(2), coords(2), g%js, g%je)
    if (nx / dims(1) < halo_width .or. ny / dims(2) < halo_width) &
      call abort_run(g, 'grid: too many ranks, a rank would own fewer cells than its halo')

    allocate (g%f(g%js - halo_width:g%je + halo_width + 1))    ! the last corner row too
    do j = lbound(g%f, 1), ubound(g%f, 1)
      g%f(j) = f0 + beta * (j - 1 - 0.5_wp * ny) * dx
    end do
  end subroutine

  ! Local. Cells lo..hi of part `i_part` (from 0) of n cells over n_parts.
  pure subroutine block_of(n, n_parts, i_part, lo, hi)
    integer, intent(in) :: n, n_parts, i_part
    integer, intent(out) :: lo, hi
    lo = (n * i_part) / n_parts + 1
    hi = (n * (i_part + 1)) / n_parts
  end subroutine

  ! Local. A field of n slabs with halos, zero.
  subroutine new_field(g, x, n)
    type(grid), intent(in) :: g
    real(wp), allocatable, intent(out) :: x(:, :, :)
    integer, intent(in) :: n
    allocate (x(g%is - halo_width:g%ie + halo_width, g%js - halo_width:g%je + halo_width, n), &
      source=0.0_wp)
  end subroutine

  ! Collective. Fill the halos of all slabs: first x, then y with the full width, so corners
  ! arrive too. place(k) says where slab k lives, which decides its mirror image at a wall.
  subroutine halo_exchange(g, x, place)
    type(grid), intent(in) :: g
    integer, intent(in) :: place(:)
    real(wp), intent(inout) :: x(g%is - halo_width:, g%js - halo_width:, :)
    integer, parameter :: w = halo_width
    integer :: k, m, n

    n = size(x, 3)
    m = g%je - g%js + 1
    call swap(g, g%west, g%east, tag_x, w * m * n, x(g%is:g%is + w - 1, g%js:g%je, :), &
      x(g%ie - w + 1:g%ie, g%js:g%je, :), x(g%is - w:g%is - 1, g%js:g%je, :), &
      x(g%ie + 1:g%ie + w, g%js:g%je, :))
    do k = 1, n
      call walls_x(g, x(:, :, k), place(k))
    end do

    m = g%ie - g%is + 1 + 2 * w
    call swap(g, g%south, g%north, tag_y, w * m * n, x(:, g%js:g%js + w - 1, :), &
      x(:, g%je - w + 1:g%je, :), x(:, g%js - w:g%js - 1, :), x(:, g%je + 1:g%je + w, :))
    do k = 1, n
      call walls_y(g, x(:, :, k), place(k))
    end do
  end subroutine

  ! Collective. Send our first slabs down and our last up; receive into the two halos. Halos that
  ! face a wall keep their values (the null process sends nothing).
  subroutine swap(g, down, up, tag, n, first, last, halo_down, halo_up)
    type(grid), intent(in) :: g
    integer, intent(in) :: down, up, tag, n
    real(wp), intent(in) :: first(:, :, :), last(:, :, :)
    real(wp), intent(inout) :: halo_down(:, :, :), halo_up(:, :, :)
    real(wp) :: out(n), in(n)

    if (down == MPI_PROC_NULL .and. up == MPI_PROC_NULL) return
    out = reshape(first, [n])
    call MPI_Sendrecv(out, n, MPI_DOUBLE_PRECISION, down, tag, in, n, MPI_DOUBLE_PRECISION, up, &
      tag, g%comm, MPI_STATUS_IGNORE)
    if (up /= MPI_PROC_NULL) halo_up = reshape(in, shape(halo_up))
    out = reshape(last, [n])
    call MPI_Sendrecv(out, n, MPI_DOUBLE_PRECISION, up, tag, in, n, MPI_DOUBLE_PRECISION, down, &
      tag, g%comm, MPI_STATUS_IGNORE)
    if (down /= MPI_PROC_NULL) halo_down = reshape(in, shape(halo_down))
  end subroutine

  ! Local. Walls by reflection: no normal flow, free slip, no gradient of thickness. Every
  ! derivative in the halo is then the mirror image too, so no stencil knows about walls.
  subroutine mirror_walls(g, x, place)
    type(grid), intent(in) :: g
    real(wp), intent(inout) :: x(g%is - halo_width:, g%js - halo_width:, :)
    integer, intent(in) :: place(:)
    integer :: k
    do k = 1, size(x, 3)
      call walls_x(g, x(:, :, k), place(k))
      call walls_y(g, x(:, :, k), place(k))
    end do
  end subroutine

  ! Local. The western and eastern walls, where this rank has them.
  pure subroutine walls_x(g, a, place)
    type(grid), intent(in) :: g
    real(wp), intent(inout) :: a(g%is - halo_width:, g%js - halo_width:)
    integer, intent(in) :: place
    integer :: w
    if (g%west == MPI_PROC_NULL) then
      if (place == at_u) a(1, :) = 0
      do w = 1, halo_width
        if (place == at_u) a(1 - w, :) = -a(1 + w, :)
        if (place /= at_u) a(1 - w, :) = a(w, :)
      end do
    end if
    if (g%east == MPI_PROC_NULL) then
      if (place == at_u) a(g%nx + 1, :) = 0
      do w = 1, halo_width
        if (place == at_u .and. w > 1) a(g%nx + w, :) = -a(g%nx + 2 - w, :)
        if (place /= at_u) a(g%nx + w, :) = a(g%nx + 1 - w, :)
      end do
    end if
  end subroutine

  ! Local. As walls_x, for the southern and northern walls.
  pure subroutine walls_y(g, a, place)
    type(grid), intent(in) :: g
    real(wp), intent(inout) :: a(g%is - halo_width:, g%js - halo_width:)
    integer, intent(in) :: place
    integer :: w
    if (g%south == MPI_PROC_NULL) then
      if (place == at_v) a(:, 1) = 0
      do w = 1, halo_width
        if (place == at_v) a(:, 1 - w) = -a(:, 1 + w)
        if (place /= at_v) a(:, 1 - w) = a(:, w)
      end do
    end if
    if (g%north == MPI_PROC_NULL) then
      if (place == at_v) a(:, g%ny + 1) = 0
      do w = 1, halo_width
        if (place == at_v .and. w > 1) a(:, g%ny + w) = -a(:, g%ny + 2 - w)
        if (place /= at_v) a(:, g%ny + w) = a(:, g%ny + 1 - w)
      end do
    end if
  end subroutine

  ! Collective. The whole-basin field on rank 0; other ranks get an empty array.
  subroutine gather(g, a, whole)
    type(grid), intent(in) :: g
    real(wp), intent(in) :: a(g%is - halo_width:, g%js - halo_width:)
    real(wp), allocatable, intent(out) :: whole(:, :)
    real(wp), allocatable :: part(:, :)
    integer :: box(4), r

    box = [g%is, g%ie, g%js, g%je]
    if (g%rank /= 0) then
      allocate (whole(0, 0))
      part = a(g%is:g%ie, g%js:g%je)
      call MPI_Send(box, 4, MPI_INTEGER, 0, tag_gather, g%comm)
      call MPI_Send(part, size(part), MPI_DOUBLE_PRECISION, 0, tag_gather, g%comm)
      return
    end if
    allocate (whole(g%nx, g%ny))
    whole(g%is:g%ie, g%js:g%je) = a(g%is:g%ie, g%js:g%je)
    do r = 1, g%n_ranks - 1
      call MPI_Recv(box, 4, MPI_INTEGER, r, tag_gather, g%comm, MPI_STATUS_IGNORE)
      if (allocated(part)) deallocate (part)
      allocate (part(box(1):box(2), box(3):box(4)))
      call MPI_Recv(part, size(part), MPI_DOUBLE_PRECISION, r, tag_gather, g%comm, &
        MPI_STATUS_IGNORE)
      whole(box(1):box(2), box(3):box(4)) = part
    end do
  end subroutine

  ! Collective. Each rank's part of a field that rank 0 holds whole; halos are not filled.
  subroutine scatter(g, whole, a)
    type(grid), intent(in) :: g
    real(wp), intent(in) :: whole(:, :)
    real(wp), intent(inout) :: a(g%is - halo_width:, g%js - halo_width:)
    real(wp), allocatable :: copy(:, :)

    allocate (copy(g%nx, g%ny))
    if (g%rank == 0) copy = whole
    call MPI_Bcast(copy, size(copy), MPI_DOUBLE_PRECISION, 0, g%comm)
    a(g%is:g%ie, g%js:g%je) = copy(g%is:g%ie, g%js:g%je)
  end subroutine

  ! Collective. Sum over the basin in the order of the global indices, the same on any number of
  ! ranks; a reduction over ranks would round differently on each.
  function global_sum(g, a) result(total)
    type(grid), intent(in) :: g
    real(wp), intent(in) :: a(g%is - halo_width:, g%js - halo_width:)
    real(wp), allocatable :: whole(:, :)
    real(wp) :: total
    integer :: i, j

    call gather(g, a, whole)
    total = 0
    do j = 1, size(whole, 2)
      do i = 1, size(whole, 1)
        total = total + whole(i, j)
      end do
    end do
    call MPI_Bcast(total, 1, MPI_DOUBLE_PRECISION, 0, g%comm)
  end function

  ! Local, ends all ranks. One message, one non-zero exit.
  subroutine abort_run(g, text)
    type(grid), intent(in) :: g
    character(*), intent(in) :: text
    write (error_unit, '(a,i0,2a)') 'ocean: rank ', g%rank, ': ', text
    flush (error_unit)
    call MPI_Abort(g%comm, 1)
  end subroutine

end module
