! SPDX-License-Identifier: BSD-3-Clause
! Weir for Fortran: the module that users name. README.md says where to begin.
module weir
  use weir_types
  use weir_m_typed
  use weir_m_client
  use weir_m_dataset
  use weir_m_model
  use weir_m_request
  use weir_m_meter
  implicit none
  public
  private :: weir_end, wrf_stop, weir_view_of, raw_list_get, raw_list_take, raw_statistics
  private :: raw_backends, raw_strings, raw_describe, raw_histogram
end module
