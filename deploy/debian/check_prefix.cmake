# The unit and the configuration's place have the prefix in them since they were configured.
if(NOT CPACK_MESHD_PREFIX STREQUAL "/usr")
  message(FATAL_ERROR "this build is for ${CPACK_MESHD_PREFIX}: packages need one with -D CMAKE_INSTALL_PREFIX=/usr, as scripts/package.sh makes it")
endif()
