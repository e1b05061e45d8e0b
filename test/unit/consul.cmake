meshd_unit_test(consul
  SOURCES registry/consul/answers_test.cpp registry/consul/blocking_queries_test.cpp registry/consul/consul_source_test.cpp
          registry/consul/discovered_test.cpp registry/consul/requests_test.cpp
  LIBRARIES meshd_registry_consul)
