# The supervision is the agent's, but what it supervises is the worker: they are tested together, with real processes.
meshd_unit_test(worker
  SOURCES worker/edge_test.cpp worker/feed_test.cpp worker/listeners_test.cpp worker/metrics_page_test.cpp worker/peer_checks_test.cpp worker/picture_test.cpp worker/tls_report_test.cpp worker/worker_process_test.cpp worker/worker_test.cpp
          ${PROJECT_SOURCE_DIR}/agent/app/listener_handover.cpp ${PROJECT_SOURCE_DIR}/agent/app/listener_store.cpp ${PROJECT_SOURCE_DIR}/agent/steering/listeners.cpp
          ${PROJECT_SOURCE_DIR}/agent/app/worker_child.cpp ${PROJECT_SOURCE_DIR}/agent/app/worker_process.cpp
  LIBRARIES PkgConfig::LIBSYSTEMD meshd_worker meshd_channel meshd_http meshd_test_certificates)
target_include_directories(unit_worker PRIVATE ${PROJECT_SOURCE_DIR}/agent)
target_compile_definitions(unit_worker PRIVATE MESHD_USERSPACE="$<TARGET_FILE:meshd-userspace>")
add_dependencies(unit_worker meshd-userspace)
