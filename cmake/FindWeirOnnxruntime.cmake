# SPDX-License-Identifier: BSD-3-Clause
# Finds ONNX Runtime's C header (to compile) and its library (to load at run time, never
# to link). Gives weir::onnxruntime_headers, WEIR_ONNXRUNTIME_LIBRARY.

find_path(WEIR_ONNXRUNTIME_INCLUDE_DIR onnxruntime_c_api.h
  HINTS ${WEIR_PREFIX}/include ${WEIR_PREFIX}/usr/include
  PATH_SUFFIXES onnxruntime onnxruntime/core/session
  DOC "Folder of onnxruntime_c_api.h")
find_file(WEIR_ONNXRUNTIME_LIBRARY NAMES libonnxruntime.so.1 libonnxruntime.so
  HINTS ${WEIR_PREFIX}/lib ${WEIR_PREFIX}/usr/lib
  PATHS /usr/lib/${CMAKE_LIBRARY_ARCHITECTURE} /usr/local/lib /usr/lib
  DOC "ONNX Runtime's shared library, for the tests")
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(WeirOnnxruntime REQUIRED_VARS WEIR_ONNXRUNTIME_INCLUDE_DIR)
if(WeirOnnxruntime_FOUND AND NOT TARGET weir::onnxruntime_headers)
  add_library(weir::onnxruntime_headers INTERFACE IMPORTED)
  set_target_properties(weir::onnxruntime_headers PROPERTIES
    INTERFACE_INCLUDE_DIRECTORIES ${WEIR_ONNXRUNTIME_INCLUDE_DIR})
endif()
mark_as_advanced(WEIR_ONNXRUNTIME_INCLUDE_DIR WEIR_ONNXRUNTIME_LIBRARY)
