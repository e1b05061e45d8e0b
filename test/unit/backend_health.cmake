meshd_unit_test(backend_health
  SOURCES backend_health/backend_states_test.cpp backend_health/ejection_test.cpp backend_health/event_log_test.cpp
          backend_health/health_table_test.cpp backend_health/override_file_test.cpp backend_health/unhealthy_test.cpp
  LIBRARIES meshd_backend_health)
target_include_directories(unit_backend_health PRIVATE ${PROJECT_SOURCE_DIR}/test)
target_include_directories(unit_backend_health SYSTEM PRIVATE ${PROJECT_SOURCE_DIR}/bpf)
