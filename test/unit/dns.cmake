meshd_unit_test(registry_dns SOURCES registry/dns/answer_test.cpp registry/dns/backends_test.cpp registry/dns/dns_source_test.cpp registry/dns/resolver_test.cpp LIBRARIES meshd_registry_dns)
