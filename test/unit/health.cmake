meshd_unit_test(health
  SOURCES health/conversation_test.cpp health/grpc_test.cpp health/prober_test.cpp health/schedule_test.cpp health/targets_test.cpp
          health/verdict_test.cpp
  LIBRARIES meshd_health)
target_include_directories(unit_health PRIVATE ${CMAKE_CURRENT_LIST_DIR})
