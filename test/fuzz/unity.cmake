# Libraries are compiled some files at a time: most of userspace is linked into fuzz targets, and what takes the time, more so with
# sanitizers, are the templates of the libraries in use, which each source has anew.
find_program(PYTHON3 python3 REQUIRED)

function(meshd_unite target)
  get_target_property(place ${target} SOURCE_DIR)
  get_target_property(sources ${target} SOURCES)
  list(FILTER sources INCLUDE REGEX "\\.cpp$")
  set(paths)
  foreach(source IN LISTS sources)
    cmake_path(ABSOLUTE_PATH source BASE_DIRECTORY ${place})
    if(EXISTS ${source})  # else it is made while building, and stays on its own
      list(APPEND paths ${source})
    endif()
  endforeach()
  execute_process(COMMAND ${PYTHON3} -B ${PROJECT_SOURCE_DIR}/scripts/together.py 8 ${paths}
                  OUTPUT_VARIABLE grouped COMMAND_ERROR_IS_FATAL ANY)
  string(REGEX MATCHALL "[^\n]+" lines "${grouped}")
  foreach(line IN LISTS lines)
    string(REGEX MATCH "^([0-9]+) (.*)$" matched "${line}")
    set_source_files_properties(${CMAKE_MATCH_2} TARGET_DIRECTORY ${target} PROPERTIES UNITY_GROUP ${CMAKE_MATCH_1})
  endforeach()
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
endfunction()

function(meshd_unite_libraries folder)
  get_property(targets DIRECTORY ${folder} PROPERTY BUILDSYSTEM_TARGETS)
  foreach(target IN LISTS targets)
    get_target_property(type ${target} TYPE)
    if(type STREQUAL STATIC_LIBRARY)
      meshd_unite(${target})
    endif()
  endforeach()
  get_property(folders DIRECTORY ${folder} PROPERTY SUBDIRECTORIES)
  foreach(below IN LISTS folders)
    meshd_unite_libraries(${below})
  endforeach()
endfunction()

# Another file's names are no mistake.
target_compile_options(meshd_options INTERFACE -Wno-shadow)
meshd_unite_libraries(${PROJECT_SOURCE_DIR}/userspace)
meshd_unite_libraries(${PROJECT_SOURCE_DIR}/agent)
