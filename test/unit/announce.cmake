meshd_unit_test(announce
  SOURCES announce/book_test.cpp announce/consul_requests_test.cpp announce/etcd_requests_test.cpp announce/registrar_test.cpp
  LIBRARIES meshd_announce)
# What people said of announcements is kept by the agent.
meshd_unit_test(drained_file
  SOURCES app/drained_file_test.cpp ${PROJECT_SOURCE_DIR}/agent/app/drained_file.cpp
  LIBRARIES meshd_backend_health)
