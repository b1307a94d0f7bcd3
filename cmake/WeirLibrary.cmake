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
set(WEIR_ROOMS "base;tensor;meter;spec;engine;keyspace;service;client" CACHE STRING
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
add_library(weir_core STATIC $<TARGET_OBJECTS:weir_objects>)
target_link_libraries(weir_core PUBLIC ${weir_needs})

add_library(weir SHARED $<TARGET_OBJECTS:weir_objects>)
add_library(weir::weir ALIAS weir)
set_target_properties(weir PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION 0)
target_include_directories(weir PUBLIC
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
  $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_link_libraries(weir PRIVATE ${weir_needs})
if(NOT WEIR_SANITIZE) # a sanitizer's symbols come from the program
  target_link_options(weir PRIVATE -Wl,--no-undefined)
endif()
weir_note(BUILT "library: libweir.so ${PROJECT_VERSION}")
