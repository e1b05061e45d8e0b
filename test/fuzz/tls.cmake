find_package(OpenSSL 3.0 REQUIRED)
meshd_fuzz_target(certificate SOURCES certificate_fuzz.cpp LIBRARIES meshd_tls OpenSSL::Crypto)
