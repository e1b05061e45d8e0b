meshd_fuzz_target(etcd SOURCES etcd_fuzz.cpp LIBRARIES meshd_registry_etcd)
