meshd_unit_test(sockets
  SOURCES sockets/departure_file_test.cpp sockets/departures_test.cpp sockets/descriptors_test.cpp sockets/diag_message_test.cpp
          sockets/net_namespaces_test.cpp
  LIBRARIES meshd_sockets)
target_include_directories(unit_sockets PRIVATE ${PROJECT_SOURCE_DIR}/test)
