# SPDX-License-Identifier: BSD-3-Clause
# Parts beside the library; each is built if its folder is there and its needs are met.

# weir_folder(path what): add_subdirectory if there is something.
function(weir_folder path what)
  if(EXISTS ${PROJECT_SOURCE_DIR}/${path}/CMakeLists.txt)
    add_subdirectory(${PROJECT_SOURCE_DIR}/${path})
    weir_note(BUILT "${what}: ${path}")
  endif()
endfunction()

if(EXISTS ${PROJECT_SOURCE_DIR}/src/cli/CMakeLists.txt)
  add_subdirectory(src/cli) # speaks for itself in the summary
else()
  weir_sources(sources src/cli)
  if(sources)
    add_executable(weir_program ${sources})
    set_target_properties(weir_program PROPERTIES OUTPUT_NAME weir
      INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}")
    target_link_libraries(weir_program PRIVATE weir_private weir m)
    install(TARGETS weir_program RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
    weir_note(BUILT "program: weir")
  endif()
endif()

if(WEIR_HAVE_TESTS AND "client" IN_LIST WEIR_ROOMS)
  weir_folder(tests/server "tests with servers")
endif()

if(WEIR_HAVE_FORTRAN)
  weir_folder(bindings/fortran "Fortran")
endif()

weir_wanted(APPS wanted)
if(wanted AND EXISTS ${PROJECT_SOURCE_DIR}/apps/ocean/CMakeLists.txt)
  if(TARGET weir_fortran AND WEIR_HAVE_MPI AND WEIR_HAVE_NETCDF)
    weir_folder(apps/ocean "application")
  else()
    weir_absent(APPS "the ocean needs module weir, libopenmpi-dev and libnetcdff-dev")
  endif()
elseif(NOT wanted)
  weir_absent(APPS "")
endif()

weir_wanted(BENCH wanted)
if(wanted)
  weir_folder(bench "benchmarks")
  weir_folder(examples "examples")
else()
  weir_absent(BENCH "")
endif()
