# SPDX-License-Identifier: BSD-3-Clause
# Finds libtorch without its own CMake files, which ask for CUDA, protobuf and the rest.
# Gives weir::torch. TORCH_DIR may name pip's torch folder (the one with include/ and lib/).

set(TORCH_DIR "$ENV{TORCH_DIR}" CACHE PATH "Folder with torch's include/ and lib/")
find_path(WEIR_TORCH_INCLUDE_DIR torch/script.h
  HINTS ${TORCH_DIR}/include ${WEIR_PREFIX}/include ${WEIR_PREFIX}/usr/include
  DOC "Folder of torch/script.h")
# The C++ API's own headers (torch/torch.h) lie beside it, or two folders below.
find_path(WEIR_TORCH_API_INCLUDE_DIR torch/types.h
  HINTS ${WEIR_TORCH_INCLUDE_DIR}/torch/csrc/api/include
  DOC "Folder of torch/types.h")
foreach(lib torch torch_cpu c10)
  find_library(WEIR_TORCH_${lib}_LIBRARY ${lib}
    HINTS ${TORCH_DIR}/lib ${WEIR_PREFIX}/lib ${WEIR_PREFIX}/usr/lib/${CMAKE_LIBRARY_ARCHITECTURE}
    PATHS /usr/lib/${CMAKE_LIBRARY_ARCHITECTURE})
  mark_as_advanced(WEIR_TORCH_${lib}_LIBRARY)
endforeach()
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(WeirTorch REQUIRED_VARS WEIR_TORCH_INCLUDE_DIR
  WEIR_TORCH_API_INCLUDE_DIR WEIR_TORCH_torch_LIBRARY WEIR_TORCH_torch_cpu_LIBRARY
  WEIR_TORCH_c10_LIBRARY)
if(WeirTorch_FOUND AND NOT TARGET weir::torch)
  add_library(weir::torch INTERFACE IMPORTED)
  target_include_directories(weir::torch SYSTEM INTERFACE
    ${WEIR_TORCH_INCLUDE_DIR} ${WEIR_TORCH_API_INCLUDE_DIR})
  target_link_libraries(weir::torch INTERFACE -Wl,--no-as-needed ${WEIR_TORCH_torch_LIBRARY}
    ${WEIR_TORCH_torch_cpu_LIBRARY} ${WEIR_TORCH_c10_LIBRARY} -Wl,--as-needed)
endif()
mark_as_advanced(WEIR_TORCH_INCLUDE_DIR WEIR_TORCH_API_INCLUDE_DIR)
