# SPDX-License-Identifier: BSD-3-Clause
# The Redis and Valkey module: lib/weir/weir.so. It holds the library's objects of its own, so that a
# release depends on nothing but the C library (the client, which uses OpenSSL, is left out when the whole
# is optimised); the server gives its functions by name.

weir_sources(module_sources src/module)
if(module_sources AND "client" IN_LIST WEIR_ROOMS)
  add_library(weir_module_objects OBJECT ${module_sources})
  target_link_libraries(weir_module_objects PRIVATE weir_private)
  target_compile_definitions(weir_module_objects PRIVATE WEIR_BUILDING=1)
  add_library(weir_module_core STATIC EXCLUDE_FROM_ALL $<TARGET_OBJECTS:weir_module_objects>)
  target_link_libraries(weir_module_core PUBLIC weir_core) # for tests, over a host of their own
  add_library(weir_module MODULE $<TARGET_OBJECTS:weir_module_objects>)
  target_link_libraries(weir_module PRIVATE weir_core)
  set_target_properties(weir_module PROPERTIES PREFIX "" OUTPUT_NAME weir
    LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib/weir)
  target_link_options(weir_module PRIVATE -Wl,--exclude-libs,ALL -Wl,-Bsymbolic
    -Wl,--as-needed)
  # Redis 7 and Valkey refuse a module that may not be executed; Debian's CMake would not let it.
  install(TARGETS weir_module LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/weir
    PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ
    WORLD_EXECUTE)
  weir_note(BUILT "Redis/Valkey module: lib/weir/weir.so")
endif()
