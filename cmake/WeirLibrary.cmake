# SPDX-License-Identifier: BSD-3-Clause
# The library: weir (shared, what users link) and weir_core (static, the same objects, with
# the internal symbols that tests use).

find_package(Threads REQUIRED)

# weir_sources(out folder...): C sources below the folders, without tests.
function(weir_sources out)
  set(found "")
  foreach(folder ${ARGN})
    file(GLOB_RECURSE files CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${folder}/*.c)
    list(APPEND found ${files})
  endforeach()
  list(FILTER found EXCLUDE REGEX "/(ut|st|mt|gt|ft|bt|test)_[^/]*$")
  set(${out} ${found} PARENT_SCOPE)
endfunction()

# A part of the rooms can be built alone, lowest first: -DWEIR_ROOMS="base;tensor".
set(WEIR_ROOMS "base;tensor;meter;spec;engine;keyspace;service;wire;client" CACHE STRING
  "Rooms of src/ that make the library")
list(TRANSFORM WEIR_ROOMS PREPEND src/ OUTPUT_VARIABLE room_folders)
weir_sources(sources ${room_folders})
if(NOT sources)
  message(FATAL_ERROR "no sources in ${WEIR_ROOMS} yet")
endif()

add_library(weir_objects OBJECT ${sources})
target_link_libraries(weir_objects PRIVATE weir_private Threads::Threads)
target_compile_definitions(weir_objects PRIVATE WEIR_BUILDING=1)

set(weir_needs Threads::Threads ${CMAKE_DL_LIBS} m)
if(WEIR_HAVE_TLS)
  list(APPEND weir_needs OpenSSL::SSL OpenSSL::Crypto)
  target_link_libraries(weir_objects PRIVATE OpenSSL::SSL)
  target_compile_definitions(weir_objects PRIVATE WEIR_HAVE_OPENSSL=1)
endif()
add_library(weir_core STATIC $<TARGET_OBJECTS:weir_objects>)
target_link_libraries(weir_core PUBLIC ${weir_needs})

add_library(weir SHARED $<TARGET_OBJECTS:weir_objects>)
add_library(weir::weir ALIAS weir)
set_target_properties(weir PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION 0)
target_include_directories(weir PUBLIC
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
  $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_link_libraries(weir PRIVATE ${weir_needs})
# Calls between rooms are a tenth of a small put or infer: in a release the shared library is
# optimised as a whole. The objects stay usable without it, for weir_core. Requests and views are a
# few hundred bytes that begin as zero: gcc's `rep stos` for that takes 6 ns each time.
if(CMAKE_BUILD_TYPE STREQUAL "Release" AND CMAKE_C_COMPILER_ID STREQUAL "GNU" AND
   NOT WEIR_SANITIZE)
  include(CheckCCompilerFlag)
  set(whole -flto=auto -fno-semantic-interposition)
  set(zeroing -mmemset-strategy=vector_loop:512:noalign,libcall:-1:noalign)
  check_c_compiler_flag(${zeroing} WEIR_CC_HAS_MEMSET_STRATEGY)
  if(WEIR_CC_HAS_MEMSET_STRATEGY)
    list(APPEND whole ${zeroing})
  endif()
  target_compile_options(weir_objects PRIVATE ${whole} -ffat-lto-objects)
  target_link_options(weir PRIVATE ${whole})
endif()
if(NOT WEIR_SANITIZE) # a sanitizer's symbols come from the program
  target_link_options(weir PRIVATE -Wl,--no-undefined)
endif()
weir_note(BUILT "library: libweir.so ${PROJECT_VERSION}")
