# SPDX-License-Identifier: BSD-3-Clause
# The end of a configure run: what is built, and for each missing thing what to install.
message(STATUS "")
message(STATUS "Weir ${PROJECT_VERSION}, ${CMAKE_BUILD_TYPE}, ${CMAKE_C_COMPILER_ID} "
  "${CMAKE_C_COMPILER_VERSION}${WEIR_SANITIZE_TEXT}")
foreach(line ${WEIR_BUILT})
  message(STATUS "  builds   ${line}")
endforeach()
foreach(line ${WEIR_MISSING})
  message(STATUS "  without  ${line}")
endforeach()
message(STATUS "")
