! SPDX-License-Identifier: BSD-3-Clause
! The program: read the namelist, step the gyre, call the closure, write NetCDF, show the times.
program ocean
  use mpi_f08
  use ocean_grid
  use ocean_dynamics
  use ocean_closure
  use ocean_meke
  use ocean_network
  use ocean_io
  use ocean_clock
  use ocean_config
  use ocean_progress
  implicit none

  type(config) :: cfg
  type(grid) :: g
  type(state) :: s, mean
  type(network) :: net
  type(output) :: history
  real(wp), allocatable :: energy(:, :, :), mean_energy(:, :, :)
  real(wp) :: dt, day
  integer :: rank, code, n_steps, n_mean, n, steps_per_closure, steps_per_history
  logical :: ok

  call MPI_Init()
  call MPI_Comm_rank(MPI_COMM_WORLD, rank)
  call config_read(cfg, rank == 0, ok, code)
  if (.not. ok) then
    call MPI_Barrier(MPI_COMM_WORLD)
    call MPI_Finalize()
    if (code /= 0) stop 2, quiet=.true.
    stop
  end if

  call clock_init()
  call clock_start('run')
  call set_up()
  do n = 1, n_steps
    if (mod(n - 1, steps_per_closure) == 0) call close_eddies()
    call clock_start('dynamics')
    call step(s, g, cfg%p, dt)
    call clock_stop('dynamics')
    day = n / real(cfg%steps_per_day, wp)
    if (mod(n, cfg%steps_per_day) == 0) call end_of_day()
    if (mod(n, steps_per_history) == 0 .and. cfg%history /= '') &
      call output_write(history, g, cfg%p, day, s, energy)
  end do
  call finish()
  call MPI_Finalize()

contains

  ! Collective. Everything before the first step.
  subroutine set_up()
    call grid_init(g, MPI_COMM_WORLD, cfg%nx, cfg%ny, cfg%dx, cfg%f0, cfg%beta, .false., .false.)
    call state_init(s, g, cfg%p, cfg%depth)
    call new_field(g, energy, 1)
    if (cfg%restart == '') then
      call add_noise()
    else
      call read_state(g, trim(cfg%restart), 0, s, energy)
    end if
    call state_halos(s, g)
    energy = max(energy, cfg%c%energy_min)
    if (cfg%closure == 'network') then
      call network_open(net, g, trim(cfg%address), trim(cfg%model_file))
    else if (cfg%closure == 'meke') then
      call kappa_of(g, cfg%p, cfg%c, s, energy)      ! the energy equation needs it and its halos
    end if

    dt = 86400.0_wp / cfg%steps_per_day
    n_steps = nint(cfg%days * cfg%steps_per_day)
    steps_per_closure = cfg%steps_per_day / closure_calls_per_day
    steps_per_history = max(nint(cfg%history_days * cfg%steps_per_day), 1)
    if (cfg%history /= '') call output_open(history, g, trim(cfg%history), .false., 'snapshots')
    call state_init(mean, g, cfg%p, [0.0_wp, 0.0_wp])
    call new_field(g, mean_energy, 1)
    n_mean = 0
    call progress_start(rank == 0)
  end subroutine

  ! Local. Thickness noise from the global indices, the same on any number of ranks.
  subroutine add_noise()
    integer :: i, j
    do j = g%js, g%je
      do i = g%is, g%ie
        s%x(i, j, 1) = s%x(i, j, 1) + cfg%noise * sin(12.9898_wp * i + 78.233_wp * j)
      end do
    end do
  end subroutine

  ! Collective. New energy and coefficient, eight times a day.
  subroutine close_eddies()
    if (cfg%closure == 'none') return
    call clock_start('closure')
    if (cfg%closure == 'meke') then
      call meke_step(g, cfg%p, cfg%c, s, energy, steps_per_closure * dt)
    else
      call network_energy(net, g, cfg%p, cfg%c, s, energy)
    end if
    call kappa_of(g, cfg%p, cfg%c, s, energy)
    call clock_stop('closure')
  end subroutine

  ! Collective. Check, mean, progress.
  subroutine end_of_day()
    call check_state(s, g, day)
    if (day > cfg%mean_from_day) then
      mean%x = mean%x + s%x
      mean%kappa = mean%kappa + s%kappa
      mean_energy = mean_energy + energy
      n_mean = n_mean + 1
    end if
    call progress_show(day, cfg%days)
  end subroutine

  ! Collective. The last files and the table of times.
  subroutine finish()
    call progress_end()
    call clock_start('output')
    if (cfg%history /= '') call output_close(history, g)
    if (cfg%final /= '') call write_one(cfg%final, s, energy, 'state at the end')
    if (cfg%means /= '' .and. n_mean > 0) then
      mean%x = mean%x / n_mean
      mean%kappa = mean%kappa / n_mean
      call write_one(cfg%means, mean, mean_energy / n_mean, 'time means')
    end if
    call clock_stop('output')
    if (cfg%closure == 'network') call network_close(net)
    call clock_stop('run')
    call clock_report(g, 'run', trim(cfg%timings))
  end subroutine

  ! Collective.
  subroutine write_one(path, what, e, title)
    character(*), intent(in) :: path, title
    type(state), intent(in) :: what
    real(wp), intent(in) :: e(:, :, :)
    type(output) :: o
    call output_open(o, g, trim(path), .true., title)
    call output_write(o, g, cfg%p, cfg%days, what, e)
    call output_close(o, g)
  end subroutine

end program
