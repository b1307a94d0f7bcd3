! SPDX-License-Identifier: BSD-3-Clause
! What a run is told: one namelist, from a file and from the command line.
module ocean_config
  use, intrinsic :: iso_fortran_env, only: error_unit, output_unit
  use ocean_grid, only: wp
  use ocean_dynamics, only: params
  use ocean_closure, only: closure_params
  implicit none
  private
  public :: config, config_read, closure_calls_per_day

  integer, parameter :: closure_calls_per_day = 8

  type :: config
    integer :: nx = 50, ny = 50, steps_per_day = 24, factor = 1
    real(wp) :: dx = 40e3_wp, f0 = 9.3e-5_wp, beta = 1.75e-11_wp, depth(2) = [450, 800]
    real(wp) :: days = 30
    real(wp) :: noise = 0.1_wp                  ! m, breaks the symmetry of a start from rest
    type(params) :: p
    character(16) :: closure = 'none'
    type(closure_params) :: c
    character(256) :: address = 'embedded:', model_file = ''
    character(256) :: restart = '', final = '', history = '', means = '', timings = ''
    real(wp) :: history_days = 10, mean_from_day = 0
  end type

  character(*), parameter :: help(*) = [character(90) :: &
    'ocean - a two-layer wind-driven double gyre with an eddy closure', &
    '', &
    'usage: [mpirun -n N] ocean FILE.nml [name=value ...]', &
    '', &
    'FILE.nml holds the namelist &ocean; a name=value after it overrides the file.', &
    'Text values are quoted for Fortran: closure="''meke''".', &
    '', &
    '  nx ny dx                 cells and their side (m)', &
    '  f0 beta depth g12 g23    Coriolis, resting thicknesses (m), reduced gravities (m/s2)', &
    '  tau0 drag a2 a4          wind (N/m2), drag per layer (1/s), viscosities (m2/s, m4/s)', &
    '  days steps_per_day       length; the steps must be a multiple of 8', &
    '  closure                  none, meke, or network (called through Weir 8 times a day)', &
    '  alpha kappa_max          Gent-McWilliams coefficient: see closure.f90', &
    '  meke_gain meke_drag meke_decay   the energy equation: see meke.f90', &
    '  address model_file       Weir''s address and the ONNX file, for closure network', &
    '  restart final            NetCDF to start from (its last record) and to end with', &
    '  history history_days     NetCDF of snapshots and the days between them', &
    '  means mean_from_day      NetCDF of time means over the days after this one', &
    '  factor                   of ocean_coarsen, which makes final from restart', &
    '  timings                  JSON of the timers', &
    '  noise                    thickness noise (m) of a start from rest']

contains

  ! Local; every rank reads the same arguments. ok is false when the program should end: after
  ! --help (code 0) or a mistake (code 2). loud: this rank prints.
  subroutine config_read(cfg, loud, ok, code)
    type(config), intent(out) :: cfg
    logical, intent(in) :: loud
    logical, intent(out) :: ok
    integer, intent(out) :: code
    integer :: nx, ny, steps_per_day, factor, i, unit, stat
    real(wp) :: dx, f0, beta, days, depth(2), noise, g12, g23, tau0, rho0, drag(2), a2, a4
    real(wp) :: alpha, kappa_max, meke_gain, meke_drag, meke_decay, history_days, mean_from_day
    character(16) :: closure
    character(256) :: address, model_file, restart, final, history, means, timings, message
    character(600) :: arg, line
    namelist /ocean/ nx, ny, steps_per_day, factor, dx, f0, beta, days, depth, noise, g12, g23, &
      tau0, rho0, drag, a2, a4, alpha, kappa_max, meke_gain, meke_drag, meke_decay, history_days, &
      mean_from_day, closure, address, model_file, restart, final, history, means, timings

    nx = cfg%nx; ny = cfg%ny; steps_per_day = cfg%steps_per_day
    factor = cfg%factor
    dx = cfg%dx; f0 = cfg%f0; beta = cfg%beta; days = cfg%days; depth = cfg%depth
    noise = cfg%noise; closure = cfg%closure; address = cfg%address; model_file = cfg%model_file
    g12 = cfg%p%g12; g23 = cfg%p%g23; tau0 = cfg%p%tau0; rho0 = cfg%p%rho0
    drag = cfg%p%drag; a2 = cfg%p%a2; a4 = cfg%p%a4
    alpha = cfg%c%alpha; kappa_max = cfg%c%kappa_max; meke_gain = cfg%c%meke_gain
    meke_drag = cfg%c%meke_drag; meke_decay = cfg%c%meke_decay
    restart = ''; final = ''; history = ''; means = ''; timings = ''
    history_days = cfg%history_days; mean_from_day = cfg%mean_from_day

    ok = .false.
    code = 2
    call get_command_argument(1, arg)
    if (arg == '--help' .or. arg == '-h') then
      if (loud) write (output_unit, '(a)') (trim(help(i)), i=1, size(help))
      code = 0
      return
    end if
    if (arg == '') then
      if (loud) write (error_unit, '(a)') 'ocean: no namelist file; try ocean --help'
      return
    end if

    open (newunit=unit, file=arg, status='old', action='read', iostat=stat, iomsg=message)
    if (stat == 0) then
      read (unit, nml=ocean, iostat=stat, iomsg=message)
      close (unit)
    end if
    do i = 2, command_argument_count()
      if (stat /= 0) exit
      call get_command_argument(i, arg)
      line = '&ocean ' // trim(arg) // ' /'
      read (line, nml=ocean, iostat=stat, iomsg=message)
    end do
    if (stat /= 0) then
      if (loud) write (error_unit, '(4a)') 'ocean: ', trim(arg), ': ', trim(message)
      return
    end if

    cfg%nx = nx; cfg%ny = ny; cfg%steps_per_day = steps_per_day; cfg%factor = factor
    cfg%dx = dx; cfg%f0 = f0; cfg%beta = beta; cfg%days = days; cfg%depth = depth
    cfg%noise = noise; cfg%closure = closure; cfg%address = address; cfg%model_file = model_file
    cfg%p = params(g12, g23, tau0, rho0, drag, a2, a4)
    cfg%c%alpha = alpha; cfg%c%kappa_max = kappa_max; cfg%c%meke_gain = meke_gain
    cfg%c%meke_drag = meke_drag; cfg%c%meke_decay = meke_decay
    cfg%restart = restart; cfg%final = final; cfg%history = history; cfg%means = means
    cfg%timings = timings; cfg%history_days = history_days; cfg%mean_from_day = mean_from_day
    message = problem(cfg)
    ok = message == ''
    if (ok) code = 0
    if (loud .and. .not. ok) write (error_unit, '(2a)') 'ocean: ', trim(message)
  end subroutine

  ! Local. What is wrong with a configuration, or nothing.
  pure function problem(cfg) result(text)
    type(config), intent(in) :: cfg
    character(256) :: text
    text = ''
    if (cfg%nx < 6 .or. cfg%ny < 6) text = 'nx and ny must be at least 6'
    if (.not. (cfg%dx > 0 .and. all(cfg%depth > 0) .and. cfg%p%g12 > 0 .and. cfg%p%g23 > 0)) &
      text = 'dx, depth, g12 and g23 must be positive'
    if (cfg%steps_per_day < 1 .or. mod(cfg%steps_per_day, closure_calls_per_day) /= 0) &
      text = 'steps_per_day must be a positive multiple of 8'
    if (.not. any(cfg%closure == [character(16) :: 'none', 'meke', 'network'])) &
      text = 'closure must be none, meke or network, not ''' // trim(cfg%closure) // ''''
    if (cfg%factor < 1) text = 'factor must be positive'
    if (cfg%closure == 'network' .and. cfg%model_file == '') &
      text = 'closure network needs model_file'
  end function

end module
