meshd_unit_test(registry_kubernetes
  SOURCES registry/kubernetes/cluster_test.cpp registry/kubernetes/endpoints_test.cpp
          registry/kubernetes/health_checks_test.cpp registry/kubernetes/kubeconfig_test.cpp
          registry/kubernetes/kubernetes_source_test.cpp registry/kubernetes/objects_test.cpp registry/kubernetes/publisher_test.cpp
          registry/kubernetes/stream_test.cpp registry/kubernetes/translate_test.cpp
  LIBRARIES meshd_registry_kubernetes)
