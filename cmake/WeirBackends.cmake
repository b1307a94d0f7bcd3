# SPDX-License-Identifier: BSD-3-Clause
# One shared object per folder of src/backends. They do not link libweir: the engine hands
# them a table of host functions when it loads them.

# weir_add_backend(name source...): lib/weir/backends/weir_backend_<name>.so
function(weir_add_backend name)
  add_library(weir_backend_${name} MODULE ${ARGN})
  target_link_libraries(weir_backend_${name} PRIVATE weir_private Threads::Threads m)
  set_target_properties(weir_backend_${name} PROPERTIES
    PREFIX "" LIBRARY_OUTPUT_DIRECTORY ${WEIR_BACKEND_DIR})
  install(TARGETS weir_backend_${name}
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/weir/backends)
  set_property(GLOBAL APPEND PROPERTY WEIR_BACKEND_TARGETS weir_backend_${name})
  weir_note(BUILT "backend: ${name}")
endfunction()

file(GLOB folders CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR}/src/backends
  ${PROJECT_SOURCE_DIR}/src/backends/*)
foreach(name ${folders})
  set(folder ${PROJECT_SOURCE_DIR}/src/backends/${name})
  string(TOUPPER ${name} upper)
  if(NOT WEIR_BACKENDS OR NOT IS_DIRECTORY ${folder})
    continue()
  elseif(DEFINED WEIR_HAVE_${upper} AND NOT WEIR_HAVE_${upper})
    continue() # WeirOptions.cmake has said why
  elseif(EXISTS ${folder}/CMakeLists.txt)
    add_subdirectory(${folder})
  else()
    weir_sources(sources src/backends/${name})
    if(sources)
      weir_add_backend(${name} ${sources})
      if(name STREQUAL "onnx")
        target_link_libraries(weir_backend_onnx PRIVATE weir::onnxruntime_headers
          ${CMAKE_DL_LIBS})
      endif()
    endif()
  endif()
endforeach()

# ONNX Runtime's library of the private prefix lies above the backends, in the build tree and
# when installed, so that the backend finds it as $ORIGIN/../libonnxruntime.so.1.
if(TARGET weir_backend_onnx AND WEIR_ONNXRUNTIME_LIBRARY)
  file(MAKE_DIRECTORY ${WEIR_BACKEND_DIR})
  file(CREATE_LINK ${WEIR_ONNXRUNTIME_LIBRARY} ${WEIR_BACKEND_DIR}/../libonnxruntime.so.1
    SYMBOLIC)
  string(FIND ${WEIR_ONNXRUNTIME_LIBRARY} ${WEIR_PREFIX}/ at)
  if(at EQUAL 0)
    install(PROGRAMS ${WEIR_ONNXRUNTIME_LIBRARY} DESTINATION ${CMAKE_INSTALL_LIBDIR}/weir
      RENAME libonnxruntime.so.1)
  endif()
endif()
if(NOT WEIR_BACKENDS)
  weir_note(MISSING "backends: switched off (WEIR_BACKENDS=OFF), models cannot be run")
endif()
