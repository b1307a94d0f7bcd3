# SPDX-License-Identifier: BSD-3-Clause
# What `cmake --install` writes: library, headers, package files, man page. The Fortran
# folder's target weir_fortran, the backends and the program install themselves.
include(CMakePackageConfigHelpers)

install(TARGETS weir EXPORT weirTargets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/weir DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING
  PATTERN "*.h")
if(EXISTS ${PROJECT_SOURCE_DIR}/docs/man/weir.1)
  install(FILES docs/man/weir.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
endif()

set(config_dir ${CMAKE_INSTALL_LIBDIR}/cmake/weir)
install(EXPORT weirTargets NAMESPACE weir:: DESTINATION ${config_dir})
configure_package_config_file(cmake/weirConfig.cmake.in ${PROJECT_BINARY_DIR}/weirConfig.cmake
  INSTALL_DESTINATION ${config_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/weirConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/weirConfig.cmake
  ${PROJECT_BINARY_DIR}/weirConfigVersion.cmake DESTINATION ${config_dir})

set(pc_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
file(RELATIVE_PATH weir_pc_to_prefix /x/${pc_dir} /x)
configure_file(cmake/weir.pc.in ${PROJECT_BINARY_DIR}/weir.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/weir.pc DESTINATION ${pc_dir})
if(TARGET weir_fortran)
  configure_file(cmake/weir-fortran.pc.in ${PROJECT_BINARY_DIR}/weir-fortran.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/weir-fortran.pc DESTINATION ${pc_dir})
endif()
