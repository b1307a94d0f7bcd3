# SPDX-License-Identifier: BSD-3-Clause
# How our sources are compiled: standard, warnings, sanitizers, output folders.

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_CXX_STANDARD 17)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_C_FLAGS_RELEASE "-O3 -g -DNDEBUG")
set(CMAKE_CXX_FLAGS_RELEASE "-O3 -g -DNDEBUG")
set(CMAKE_Fortran_FLAGS_RELEASE "-O3 -g")
set(CMAKE_C_FLAGS_DEBUG "-Og -g")
set(CMAKE_CXX_FLAGS_DEBUG "-Og -g")
set(CMAKE_Fortran_FLAGS_DEBUG "-O2 -g -fcheck=all -fbacktrace")

set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib)
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib)
set(CMAKE_Fortran_MODULE_DIRECTORY ${PROJECT_BINARY_DIR}/mod)
set(WEIR_BACKEND_DIR ${PROJECT_BINARY_DIR}/lib/weir/backends)

# Our warnings, for every target of ours that has C, C++ or Fortran in it.
add_library(weir_warnings INTERFACE)
set(warnings_c -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wvla -Wmissing-prototypes
  -Wstrict-prototypes -fno-common)
set(warnings_cxx -Wall -Wextra -Wpedantic -Wshadow)
set(warnings_fortran -Wall -Wextra)
# At -O3 gcc guesses "may be used uninitialized" wrong: it cannot know that weir_fail() never
# returns WEIR_OK. The dev and clang builds keep the warning.
if(CMAKE_BUILD_TYPE STREQUAL "Release" AND CMAKE_C_COMPILER_ID STREQUAL "GNU")
  list(APPEND warnings_c -Wno-maybe-uninitialized)
endif()
if(WEIR_WERROR)
  list(APPEND warnings_c -Werror)
  list(APPEND warnings_cxx -Werror)
endif()
target_compile_options(weir_warnings INTERFACE
  "$<$<COMPILE_LANGUAGE:C>:${warnings_c}>"
  "$<$<COMPILE_LANGUAGE:CXX>:${warnings_cxx}>"
  "$<$<COMPILE_LANG_AND_ID:Fortran,GNU>:${warnings_fortran}>")

# What every C source of ours sees; headers may use none of it.
add_library(weir_private INTERFACE)
target_compile_definitions(weir_private INTERFACE
  $<$<COMPILE_LANGUAGE:C>:_POSIX_C_SOURCE=200809L>
  $<$<COMPILE_LANGUAGE:C>:_GNU_SOURCE>)
target_include_directories(weir_private INTERFACE
  ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src)
target_link_libraries(weir_private INTERFACE weir_warnings)

# Sanitizers are for C and C++; Fortran has its own checks of bounds, at a better speed.
if(WEIR_SANITIZE)
  set(flags -fsanitize=${WEIR_SANITIZE} -fno-omit-frame-pointer)
  if(WEIR_SANITIZE MATCHES "undefined")
    list(APPEND flags -fno-sanitize-recover=all)
  endif()
  add_compile_options("$<$<COMPILE_LANGUAGE:C,CXX>:${flags}>")
  add_link_options(-fsanitize=${WEIR_SANITIZE})
endif()
if(WEIR_FUZZ)
  add_compile_options($<$<COMPILE_LANGUAGE:C,CXX>:-fsanitize=fuzzer-no-link>)
endif()
