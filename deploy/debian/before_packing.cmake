# What Debian asks of a package beyond its files: a changelog, who may copy it, and man pages that are compressed. Run by cpack for the
# files of all packages, one directory for each.
if(DEFINED ENV{SOURCE_DATE_EPOCH})
  set(date @$ENV{SOURCE_DATE_EPOCH})
else()
  execute_process(COMMAND git -C ${CPACK_MESHD_SOURCE} log -1 --format=@%ct OUTPUT_VARIABLE date OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
endif()
if(NOT date)
  set(date now)
endif()
execute_process(COMMAND date --utc --rfc-email --date=${date} OUTPUT_VARIABLE date OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)

foreach(component IN ITEMS meshd meshctl doc)
  set(root ${CPACK_TEMPORARY_DIRECTORY}/${component})
  string(TOUPPER ${component} upper)
  set(package ${CPACK_DEBIAN_${upper}_PACKAGE_NAME})
  set(about ${root}/usr/share/doc/${package})
  configure_file(${CPACK_MESHD_COPYRIGHT} ${about}/copyright COPYONLY)
  file(WRITE ${about}/changelog
    "${package} (${CPACK_PACKAGE_VERSION}) unstable; urgency=medium\n\n  * Built from commit ${CPACK_MESHD_COMMIT}.\n\n"
    " -- ${CPACK_PACKAGE_CONTACT}  ${date}\n")
  file(GLOB_RECURSE compressible ${root}/usr/share/man/*.[1-9])
  execute_process(COMMAND gzip -9nf ${compressible} ${about}/changelog COMMAND_ERROR_IS_FATAL ANY)
endforeach()
