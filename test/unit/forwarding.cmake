meshd_unit_test(forwarding
  SOURCES forwarding/devices_test.cpp forwarding/expiry_test.cpp forwarding/layers_test.cpp forwarding/problems_test.cpp
  LIBRARIES meshd_forwarding)
target_include_directories(unit_forwarding PRIVATE ${PROJECT_SOURCE_DIR}/test)
