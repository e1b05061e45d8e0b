meshd_unit_test(registry_units SOURCES registry/backoff_test.cpp registry/units_test.cpp LIBRARIES meshd_registry fmt::fmt)
meshd_unit_test(registry_etcd
  SOURCES registry/etcd/announced_test.cpp registry/etcd/answers_test.cpp registry/etcd/object_stream_test.cpp registry/etcd/requests_test.cpp
  LIBRARIES meshd_registry_etcd)
