# SPDX-License-Identifier: BSD-3-Clause
# Tests: every ut_*.c beside its source and every ut_, st_ and ft_*.c below tests/ is one
# program. They print TAP; tests/run/run_tests.py counts its lines.

set(WEIR_HAVE_TESTS FALSE)
weir_wanted(TESTS wanted)
if(wanted)
  find_path(WEIR_CMOCKA_INCLUDE_DIR cmocka.h)
  find_library(WEIR_CMOCKA_LIBRARY cmocka)
  if(WEIR_CMOCKA_INCLUDE_DIR AND WEIR_CMOCKA_LIBRARY)
    set(WEIR_HAVE_TESTS TRUE)
    enable_testing()
    add_library(weir_cmocka INTERFACE)
    target_include_directories(weir_cmocka SYSTEM INTERFACE ${WEIR_CMOCKA_INCLUDE_DIR})
    target_link_libraries(weir_cmocka INTERFACE ${WEIR_CMOCKA_LIBRARY})
  endif()
endif()
if(NOT WEIR_HAVE_TESTS)
  weir_absent(TESTS "no cmocka: install libcmocka-dev")
endif()

set(weir_test_env
  "WEIR_BACKEND_PATH=${WEIR_BACKEND_DIR}"
  "CMOCKA_MESSAGE_OUTPUT=TAP"
  "WEIR_SOURCE_DIR=${PROJECT_SOURCE_DIR}"
  "WEIR_BINARY_DIR=${PROJECT_BINARY_DIR}"
  "WEIR_SHARED_DATA=${PROJECT_SOURCE_DIR}/../shared/data"
  "LSAN_OPTIONS=suppressions=${PROJECT_SOURCE_DIR}/tests/support/lsan.supp:print_suppressions=0"
  "TSAN_OPTIONS=suppressions=${PROJECT_SOURCE_DIR}/tests/support/tsan.supp:halt_on_error=1"
  "UBSAN_OPTIONS=print_stacktrace=1")
if(WEIR_ONNXRUNTIME_LIBRARY)
  list(APPEND weir_test_env "WEIR_ONNXRUNTIME_LIBRARY=${WEIR_ONNXRUNTIME_LIBRARY}")
endif()
set(weir_mpi_env
  "OMPI_ALLOW_RUN_AS_ROOT=1" "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1"
  "OMPI_MCA_rmaps_base_oversubscribe=1" "OMPI_MCA_mpi_yield_when_idle=1"
  "PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe" # the same for Open MPI 5
  "ASAN_OPTIONS=detect_leaks=0")

# weir_add_test(name [MPI] [TIMEOUT s] [LABELS l...] COMMAND c...): registers a program that
# prints TAP (or nothing: then its exit status is one test).
function(weir_add_test name)
  if(NOT WEIR_HAVE_TESTS)
    return()
  endif()
  cmake_parse_arguments(arg "MPI" "TIMEOUT" "LABELS;COMMAND;ENVIRONMENT" ${ARGN})
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 120)
  endif()
  set(env ${weir_test_env} ${arg_ENVIRONMENT})
  if(arg_MPI)
    list(APPEND env ${weir_mpi_env})
    list(APPEND arg_LABELS mpi)
  endif()
  if(name MATCHES "_threads$")
    list(APPEND arg_LABELS tsan)
  endif()
  add_test(NAME ${name} COMMAND ${arg_COMMAND})
  set_tests_properties(${name} PROPERTIES TIMEOUT ${arg_TIMEOUT} ENVIRONMENT "${env}"
    SKIP_RETURN_CODE 77 LABELS "${arg_LABELS}")
  if(arg_MPI)
    set_tests_properties(${name} PROPERTIES PROCESSORS 2)
  endif()
endfunction()

# weir_add_server_test(name script [TSAN] [TIMEOUT s] [PROCESSORS n] [ENVIRONMENT e...]): a Python
# program of tests/server that starts servers of its own, with our module or without. TSAN: it
# also runs under the thread sanitizer.
function(weir_add_server_test name script)
  cmake_parse_arguments(arg "TSAN" "TIMEOUT;PROCESSORS" "ENVIRONMENT" ${ARGN})
  if(NOT WEIR_HAVE_TESTS)
    return()
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 300)
  endif()
  set(labels server)
  if(arg_TSAN)
    list(APPEND labels tsan)
  endif()
  weir_add_test(${name} TIMEOUT ${arg_TIMEOUT} LABELS ${labels}
    COMMAND /usr/bin/python3 ${CMAKE_CURRENT_SOURCE_DIR}/${script}
    ENVIRONMENT "WEIR_MODULE=${PROJECT_BINARY_DIR}/lib/weir/weir.so"
      "WEIR_TEST_PROGRAMS=${PROJECT_BINARY_DIR}/tests" "WEIR_PREFIX=${WEIR_PREFIX}"
      "WEIR_SANITIZE=${WEIR_SANITIZE}" "WEIR_CC=${CMAKE_C_COMPILER}" ${arg_ENVIRONMENT})
  if(arg_PROCESSORS)
    set_tests_properties(${name} PROPERTIES PROCESSORS ${arg_PROCESSORS})
  endif()
endfunction()

# weir_drop_other_rooms(list): without tests of rooms that are not in WEIR_ROOMS; the tests
# in tests/ need all rooms.
function(weir_drop_other_rooms list)
  if(NOT "client" IN_LIST WEIR_ROOMS)
    string(REPLACE ";" "|" rooms "${WEIR_ROOMS}")
    list(FILTER ${list} INCLUDE REGEX "^${PROJECT_SOURCE_DIR}/src/(${rooms})/")
    set(${list} ${${list}} PARENT_SCOPE)
  endif()
endfunction()

# weir_link_module(name source): tests in src/module also get the module's objects, and fill its
# table of the server's functions themselves (tests/support/fake_host.h).
function(weir_link_module name source)
  if(source MATCHES "/src/module/")
    target_link_libraries(${name} PRIVATE weir_module_core)
  endif()
endfunction()

# Programs of several ranks: mt_*.c, run with 1, 2, 3 and 5.
function(weir_add_rank_tests)
  file(GLOB_RECURSE ranks CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/mt_*.c
    ${PROJECT_SOURCE_DIR}/tests/mt_*.c)
  weir_drop_other_rooms(ranks)
  if(NOT TARGET MPI::MPI_C)
    return()
  endif()
  foreach(source ${ranks})
    get_filename_component(name ${source} NAME_WE)
    add_executable(${name} ${source})
    target_link_libraries(${name} PRIVATE weir_private weir_core MPI::MPI_C)
    set_target_properties(${name} PROPERTIES
      RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
    foreach(n 1 2 3 5)
      weir_add_test(${name}_${n} MPI
        COMMAND ${MPIEXEC_EXECUTABLE} -n ${n} $<TARGET_FILE:${name}>)
    endforeach()
  endforeach()
endfunction()

# weir_add_unit_tests(): all programs that the file names announce.
function(weir_add_unit_tests)
  if(NOT WEIR_HAVE_TESTS)
    return()
  endif()
  file(GLOB support CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/support/*.c)
  add_library(weir_test_support INTERFACE)
  if(support)
    add_library(weir_test_support_objects STATIC ${support})
    target_include_directories(weir_test_support_objects PRIVATE ${PROJECT_SOURCE_DIR}/tests)
    target_link_libraries(weir_test_support_objects PUBLIC weir_private weir_core weir_cmocka)
    target_link_libraries(weir_test_support INTERFACE weir_test_support_objects)
  endif()
  get_property(backends GLOBAL PROPERTY WEIR_BACKEND_TARGETS)

  file(GLOB_RECURSE units CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/ut_*.c
    ${PROJECT_SOURCE_DIR}/tests/ut_*.c ${PROJECT_SOURCE_DIR}/tests/st_*.c)
  weir_drop_other_rooms(units)
  foreach(source ${units})
    get_filename_component(name ${source} NAME_WE)
    add_executable(${name} ${source})
    target_link_libraries(${name} PRIVATE weir_private weir_test_support weir_core weir_cmocka)
    weir_link_module(${name} ${source})
    target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/tests
      ${PROJECT_SOURCE_DIR}/tests/support)
    set_target_properties(${name} PROPERTIES
      RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
    if(backends)
      add_dependencies(${name} ${backends})
    endif()
    weir_add_test(${name} COMMAND ${name})
    if(name MATCHES "_threads$")
      list(APPEND thread_programs ${name})
    endif()
  endforeach()
  weir_add_rank_tests()
  # What the thread sanitizer's build needs.
  add_custom_target(weir_thread_tests DEPENDS ${thread_programs} ${backends})
  if(TARGET weir_module) # tests/server loads it
    add_dependencies(weir_thread_tests weir_module weir_program)
  endif()

  file(GLOB_RECURSE fuzzers CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/ft_*.c
    ${PROJECT_SOURCE_DIR}/tests/ft_*.c)
  weir_drop_other_rooms(fuzzers)
  foreach(source ${fuzzers})
    get_filename_component(name ${source} NAME_WE)
    add_executable(${name} ${source})
    list(APPEND fuzz_programs ${name})
    target_link_libraries(${name} PRIVATE weir_private weir_test_support weir_core weir_cmocka)
    target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
    weir_link_module(${name} ${source})
    set_target_properties(${name} PROPERTIES
      RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
    if(backends)
      add_dependencies(${name} ${backends})
    endif()
    if(WEIR_FUZZ)
      target_link_options(${name} PRIVATE -fsanitize=fuzzer)
    else()
      target_sources(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests/run/replay_main.c)
      weir_add_test(${name} COMMAND ${name} ${PROJECT_SOURCE_DIR}/tests/corpus/${name})
    endif()
  endforeach()
  add_custom_target(weir_fuzz_targets DEPENDS ${fuzz_programs})
  list(LENGTH units n_units)
  list(LENGTH fuzzers n_fuzzers)
  weir_note(BUILT "tests: ${n_units} programs, ${n_fuzzers} fuzz targets")
endfunction()
