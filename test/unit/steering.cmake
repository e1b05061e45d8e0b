meshd_unit_test(steering
  SOURCES steering/addresses_test.cpp steering/guarded_test.cpp steering/identities_test.cpp steering/listeners_test.cpp
  LIBRARIES meshd_steering)
target_include_directories(unit_steering PRIVATE ${PROJECT_SOURCE_DIR}/test)
