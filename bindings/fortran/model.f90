! SPDX-License-Identifier: BSD-3-Clause
! Models, scripts and pipelines: interfaces bound to model.c. What each verb does is said in
! weir/client.h and weir/model.h; here only what differs. Users say `use weir`.
module weir_m_model
  use, intrinsic :: iso_c_binding, only: c_bool, c_char, c_double, c_int, c_int64_t, &
    c_int8_t, c_null_char, c_size_t
  use weir_types
  implicit none
  public
  private :: c_bool, c_char, c_double, c_int, c_int64_t, c_int8_t, c_null_char, c_size_t
  private :: raw_io, raw_info, ios_of, text_of

  ! C's weir_model_info, member by member; its size is held against C's at each call.
  type, bind(c) :: raw_io
    character(kind=c_char) :: name(weir_io_name_max)
    integer(c_int) :: dtype, rank
    integer(c_int64_t) :: shape(weir_rank_max)
  end type
  type, bind(c) :: raw_info
    character(kind=c_char) :: backend(16), tag(64)
    type(weir_device) :: device
    integer(c_int64_t) :: version
    logical(c_bool) :: is_script
    integer(c_int) :: n_in, n_out
    type(raw_io) :: in(weir_io_max), out(weir_io_max)
    integer(c_size_t) :: file_bytes
    integer(c_int64_t) :: n_parameters
    logical(c_bool) :: writes_inputs
    integer(c_int64_t) :: block_rows
    real(c_double) :: warm_up_s
  end type

  interface

    ! bytes: a character scalar, or a contiguous array, whose bytes are the model file's.
    subroutine weir_set_model(client, name, bytes, backend, tag, inputs, outputs, options, &
        stat, errmsg) bind(c, name='wrf_set_model')
      import
      type(weir_client), intent(in) :: client
      character(len=*, kind=c_char), intent(in) :: name
      type(*), dimension(..), intent(in) :: bytes
      character(len=*, kind=c_char), intent(in), optional :: backend, tag, inputs(..), outputs(..)
      type(weir_model_options), intent(in), optional :: options
      integer(c_int), intent(out), optional :: stat
      character(len=*, kind=c_char), intent(inout), optional :: errmsg
    end subroutine

    ! call weir_set_model_file(client, 'net', 'net.onnx')
    subroutine weir_set_model_file(client, name, path, backend, tag, inputs, outputs, &
        options, stat, errmsg) bind(c, name='wrf_set_model_file')
      import
      type(weir_client), intent(in) :: client
      character(len=*, kind=c_char), intent(in) :: name, path
      character(len=*, kind=c_char), intent(in), optional :: backend, tag, inputs(..), outputs(..)
      type(weir_model_options), intent(in), optional :: options
      integer(c_int), intent(out), optional :: stat
      character(len=*, kind=c_char), intent(inout), optional :: errmsg
    end subroutine

    subroutine weir_set_script(client, name, source, tag, options, stat, errmsg) &
        bind(c, name='wrf_set_script')
      import
      type(weir_client), intent(in) :: client
      character(len=*, kind=c_char), intent(in) :: name, source
      character(len=*, kind=c_char), intent(in), optional :: tag
      type(weir_model_options), intent(in), optional :: options
      integer(c_int), intent(out), optional :: stat
      character(len=*, kind=c_char), intent(inout), optional :: errmsg
    end subroutine

    subroutine weir_iset_model(client, name, bytes, request, backend, tag, inputs, outputs, &
        options, stat, errmsg) bind(c, name='wrf_iset_model')
      import
      type(weir_client), intent(in) :: client
      character(len=*, kind=c_char), intent(in) :: name
      type(*), dimension(..), intent(in), asynchronous :: bytes
      type(weir_request), intent(inout) :: request
      character(len=*, kind=c_char), intent(in), optional :: backend, tag, inputs(..), outputs(..)
      type(weir_model_options), intent(in), optional :: options
      integer(c_int), intent(out), optional :: stat
      character(len=*, kind=c_char), intent(inout), optional :: errmsg
    end subroutine

    subroutine weir_get_model(client, kind, name, bytes, stat, errmsg) bind(c, name='wrf_get_model')
      import
      type(weir_client), intent(in) :: client
      integer(c_int), intent(in) :: kind
      character(len=*, kind=c_char), intent(in) :: name
      integer(c_int8_t), allocatable, intent(out) :: bytes(:)
      integer(c_int), intent(out), optional :: stat
      character(len=*, kind=c_char), intent(inout), optional :: errmsg
    end subroutine

    integer(c_int) function raw_describe(client, kind, name, info, info_bytes, errmsg) &
        bind(c, name='wrf_describe_model')
      import
      type(weir_client), intent(in) :: client
      integer(c_int), intent(in) :: kind
      character(len=*, kind=c_char), intent(in) :: name
      type(raw_info), intent(inout) :: info
      integer(c_size_t), value :: info_bytes
      character(len=*, kind=c_char), intent(inout) :: errmsg
    end function

    ! reset is a logical of any kind.
    subroutine weir_model_statistics(client, kind, name, stats, reset, stat, errmsg) &
        bind(c, name='wrf_model_statistics')
      import
      type(weir_client), intent(in) :: client
      integer(c_int), intent(in) :: kind
      character(len=*, kind=c_char), intent(in) :: name
      type(weir_model_stats), intent(inout) :: stats
      type(*), dimension(..), intent(in), optional :: reset
      integer(c_int), intent(out), optional :: stat
      character(len=*, kind=c_char), intent(inout), optional :: errmsg
    end subroutine

    ! ---- running: where one array is taken, weir_view takes several ----

    ! call weir_infer(client, 'net', x, y)
    ! For several: in=[weir_view(a), weir_view(b)], out a variable of type(weir_view) :: v(2).
    subroutine weir_infer(client, model, in, out, layout, stat, errmsg) bind(c, name='wrf_infer')
      import
      type(weir_client), intent(in) :: client
      character(len=*, kind=c_char), intent(in) :: model
      type(*), dimension(..), intent(in) :: in
      type(*), dimension(..), intent(inout) :: out
      integer(c_int), intent(in), optional :: layout
      integer(c_int), intent(out), optional :: stat
      character(len=*, kind=c_char), intent(inout), optional :: errmsg
    end subroutine

    subroutine weir_iinfer(client, model, in, out, request, layout, stat, errmsg) &
        bind(c, name='wrf_iinfer')
      import
      type(weir_client), intent(in) :: client
      character(len=*, kind=c_char), intent(in) :: model
      type(*), dimension(..), intent(in), asynchronous :: in
      type(*), dimension(..), intent(inout), asynchronous :: out
      type(weir_request), intent(inout) :: request
      integer(c_int), intent(in), optional :: layout
      integer(c_int), intent(out), optional :: stat
      character(len=*, kind=c_char), intent(inout), optional :: errmsg
    end subroutine

    ! Weir allocates: as many outputs as out has places; weir_buffer_view looks at them.
    subroutine weir_infer_alloc(client, model, in, out, layout, stat, errmsg) &
        bind(c, name='wrf_infer_alloc')
      import
      type(weir_client), intent(in) :: client
      character(len=*, kind=c_char), intent(in) :: model
      type(*), dimension(..), intent(in) :: in
      type(weir_buffer), intent(inout) :: out(:)
      integer(c_int), intent(in), optional :: layout
      integer(c_int), intent(out), optional :: stat
      character(len=*, kind=c_char), intent(inout), optional :: errmsg
    end subroutine

    subroutine weir_infer_script(client, script, func, in, out, layout, stat, errmsg) &
        bind(c, name='wrf_infer_script')
      import
      type(weir_client), intent(in) :: client
      character(len=*, kind=c_char), intent(in) :: script, func
      type(*), dimension(..), intent(in) :: in
      type(weir_buffer), intent(inout) :: out(:)
      integer(c_int), intent(in), optional :: layout
      integer(c_int), intent(out), optional :: stat
      character(len=*, kind=c_char), intent(inout), optional :: errmsg
    end subroutine

    subroutine weir_infer_dataset(client, model, in, out, stat, errmsg) &
        bind(c, name='wrf_infer_dataset')
      import
      type(weir_client), intent(in) :: client
      character(len=*, kind=c_char), intent(in) :: model
      type(weir_dataset), intent(in) :: in, out
      integer(c_int), intent(out), optional :: stat
      character(len=*, kind=c_char), intent(inout), optional :: errmsg
    end subroutine

    ! in and out are one key or a vector: call weir_run(client, 'net', 'x', ['y', 'z'])
    subroutine weir_run(client, model, in, out, stat, errmsg) bind(c, name='wrf_run')
      import
      type(weir_client), intent(in) :: client
      character(len=*, kind=c_char), intent(in) :: model, in(..), out(..)
      integer(c_int), intent(out), optional :: stat
      character(len=*, kind=c_char), intent(inout), optional :: errmsg
    end subroutine

    subroutine weir_run_script(client, script, func, in, out, stat, errmsg) &
        bind(c, name='wrf_run_script')
      import
      type(weir_client), intent(in) :: client
      character(len=*, kind=c_char), intent(in) :: script, func, in(..), out(..)
      integer(c_int), intent(out), optional :: stat
      character(len=*, kind=c_char), intent(inout), optional :: errmsg
    end subroutine

    ! ---- pipelines: arrays belong to Weir until the pipeline has run ----

    subroutine weir_pipeline_new(pipeline, stat, errmsg) bind(c, name='wrf_pipeline_new')
      import
      type(weir_pipeline), intent(inout) :: pipeline
      integer(c_int), intent(out), optional :: stat
      character(len=*, kind=c_char), intent(inout), optional :: errmsg
    end subroutine

    subroutine weir_pipeline_free(pipeline) bind(c, name='wrf_pipeline_free')
      import
      type(weir_pipeline), intent(inout) :: pipeline
    end subroutine

    subroutine weir_pipeline_load(pipeline, key, stat, errmsg) bind(c, name='wrf_pipeline_load')
      import
      type(weir_pipeline), intent(in) :: pipeline
      character(len=*, kind=c_char), intent(in) :: key
      integer(c_int), intent(out), optional :: stat
      character(len=*, kind=c_char), intent(inout), optional :: errmsg
    end subroutine

    subroutine weir_pipeline_tensor(pipeline, name, array, layout, stat, errmsg) &
        bind(c, name='wrf_pipeline_tensor')
      import
      type(weir_pipeline), intent(in) :: pipeline
      character(len=*, kind=c_char), intent(in) :: name
      type(*), dimension(..), intent(in), target :: array
      integer(c_int), intent(in), optional :: layout
      integer(c_int), intent(out), optional :: stat
      character(len=*, kind=c_char), intent(inout), optional :: errmsg
    end subroutine

    subroutine weir_pipeline_run(pipeline, model, in, out, func, stat, errmsg) &
        bind(c, name='wrf_pipeline_run')
      import
      type(weir_pipeline), intent(in) :: pipeline
      character(len=*, kind=c_char), intent(in) :: model, in(..), out(..)
      character(len=*, kind=c_char), intent(in), optional :: func
      integer(c_int), intent(out), optional :: stat
      character(len=*, kind=c_char), intent(inout), optional :: errmsg
    end subroutine

    subroutine weir_pipeline_get(pipeline, name, array, layout, stat, errmsg) &
        bind(c, name='wrf_pipeline_get')
      import
      type(weir_pipeline), intent(in) :: pipeline
      character(len=*, kind=c_char), intent(in) :: name
      type(*), dimension(..), intent(inout), target :: array
      integer(c_int), intent(in), optional :: layout
      integer(c_int), intent(out), optional :: stat
      character(len=*, kind=c_char), intent(inout), optional :: errmsg
    end subroutine

    subroutine weir_pipeline_keep(pipeline, name, stat, errmsg) bind(c, name='wrf_pipeline_keep')
      import
      type(weir_pipeline), intent(in) :: pipeline
      character(len=*, kind=c_char), intent(in) :: name
      integer(c_int), intent(out), optional :: stat
      character(len=*, kind=c_char), intent(inout), optional :: errmsg
    end subroutine

    subroutine weir_pipeline_exec(client, pipeline, stat, errmsg) bind(c, name='wrf_pipeline_exec')
      import
      type(weir_client), intent(in) :: client
      type(weir_pipeline), intent(in) :: pipeline
      integer(c_int), intent(out), optional :: stat
      character(len=*, kind=c_char), intent(inout), optional :: errmsg
    end subroutine

  end interface

contains

  ! What a model or script wants and gives. Shapes are in the model's order, slowest first.
  subroutine weir_describe_model(client, kind, name, info, stat, errmsg)
    type(weir_client), intent(in) :: client
    integer(c_int), intent(in) :: kind
    character(len=*), intent(in) :: name
    type(weir_model_info), intent(inout) :: info
    integer(c_int), intent(out), optional :: stat
    character(len=*), intent(inout), optional :: errmsg
    type(raw_info), target, allocatable :: raw
    character(len=weir_error_text_max) :: text
    integer(c_int) :: status

    allocate (raw)
    status = raw_describe(client, kind, name, raw, storage_size(raw, c_size_t) / 8, text)
    if (status == weir_ok) then
      info%backend = text_of(raw%backend)
      info%tag = text_of(raw%tag)
      info%device = raw%device
      info%version = raw%version
      info%is_script = raw%is_script
      info%writes_inputs = raw%writes_inputs
      info%in = ios_of(raw%in(:raw%n_in))
      info%out = ios_of(raw%out(:raw%n_out))
      info%file_bytes = int(raw%file_bytes, c_int64_t)
      info%n_parameters = raw%n_parameters
      info%block_rows = raw%block_rows
      info%warm_up_s = raw%warm_up_s
    end if
    call weir_end(status, text, stat, errmsg)
  end subroutine

  pure function ios_of(raw) result(ios)
    type(raw_io), intent(in) :: raw(:)
    type(weir_io) :: ios(size(raw))
    integer :: i

    do i = 1, size(raw)
      ios(i)%name = text_of(raw(i)%name)
      ios(i)%dtype = raw(i)%dtype
      ios(i)%rank = raw(i)%rank
      ios(i)%shape(:max(0, raw(i)%rank)) = raw(i)%shape(:max(0, raw(i)%rank))
    end do
  end function

  ! A NUL-terminated text, blank-padded.
  pure function text_of(c) result(text)
    character(kind=c_char), intent(in) :: c(:)
    character(len=size(c)) :: text
    integer :: i

    text = ''
    do i = 1, size(c)
      if (c(i) == c_null_char) exit
      text(i:i) = c(i)
    end do
  end function

end module
