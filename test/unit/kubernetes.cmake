meshd_unit_test(registry_kubernetes
  SOURCES registry/kubernetes/cluster_test.cpp registry/kubernetes/configurations_test.cpp registry/kubernetes/endpoints_test.cpp
          registry/kubernetes/health_checks_test.cpp registry/kubernetes/kubeconfig_test.cpp
          registry/kubernetes/kubernetes_source_configurations_test.cpp registry/kubernetes/kubernetes_source_test.cpp registry/kubernetes/objects_test.cpp registry/kubernetes/publisher_test.cpp
          registry/kubernetes/stream_test.cpp registry/kubernetes/translate_test.cpp registry/kubernetes/verdict_test.cpp
  LIBRARIES meshd_registry_kubernetes)

find_program(PYTHON3 python3)
if(PYTHON3)
  add_test(NAME kubernetes_crd COMMAND ${PYTHON3} ${PROJECT_SOURCE_DIR}/scripts/generate-crd.py --check)
  set_tests_properties(kubernetes_crd PROPERTIES LABELS unit SKIP_RETURN_CODE 77 TIMEOUT 60)
endif()
