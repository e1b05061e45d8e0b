meshd_unit_test(config
  SOURCES config/acme_test.cpp config/announce_test.cpp config/backend_refusals_test.cpp config/backends_from_test.cpp config/balancing_test.cpp config/characters_test.cpp
          config/drain_test.cpp config/edge_test.cpp config/eject_test.cpp config/field_path_test.cpp config/flows_test.cpp config/forwarding_test.cpp config/health_test.cpp
          config/picture_test.cpp config/policy_test.cpp config/refusals_test.cpp config/registries_test.cpp config/registry_file_test.cpp
          config/schema_test.cpp config/service_index_test.cpp config/service_refusals_test.cpp config/service_settings_test.cpp config/settings_file_test.cpp
          config/settings_refusals_test.cpp config/text_file_test.cpp config/tls_test.cpp config/yaml_output_test.cpp config/yaml_refusals_test.cpp
  LIBRARIES meshd_config)
target_compile_definitions(unit_config PRIVATE MESHD_EXAMPLES="${PROJECT_SOURCE_DIR}/deploy/examples")

find_program(PYTHON3 python3)
if(PYTHON3)
  add_test(NAME config_schema_examples COMMAND ${PYTHON3} ${CMAKE_CURRENT_LIST_DIR}/config/schema_examples.py ${PROJECT_SOURCE_DIR})
  set_tests_properties(config_schema_examples PROPERTIES LABELS unit SKIP_RETURN_CODE 77 TIMEOUT 60)
  add_test(NAME config_reference COMMAND ${PYTHON3} ${PROJECT_SOURCE_DIR}/scripts/generate-reference.py --check)
  set_tests_properties(config_reference PROPERTIES LABELS unit TIMEOUT 60)
endif()
