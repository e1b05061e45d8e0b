meshd_fuzz_target(dns SOURCES dns_fuzz.cpp LIBRARIES meshd_registry_dns)
