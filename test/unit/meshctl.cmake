meshd_unit_test(meshctl SOURCES meshctl/cli_test.cpp meshctl/complete_test.cpp meshctl/config_files_test.cpp meshctl/docs_pages_test.cpp meshctl/golden_test.cpp meshctl/line_diff_test.cpp meshctl/node_checks_test.cpp meshctl/redact_test.cpp
                meshctl/render_test.cpp meshctl/store_pages_test.cpp meshctl/times_test.cpp meshctl/value_test.cpp meshctl/wait_in_force_test.cpp
                LIBRARIES meshd_meshctl)
get_filename_component(meshd_golden_directory ${CMAKE_CURRENT_LIST_DIR}/../golden ABSOLUTE)
target_compile_definitions(unit_meshctl PRIVATE MESHD_GOLDEN_DIRECTORY="${meshd_golden_directory}")
