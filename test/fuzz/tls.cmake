find_package(OpenSSL 3.0 REQUIRED)
meshd_fuzz_target(certificate SOURCES certificate_fuzz.cpp LIBRARIES meshd_tls OpenSSL::Crypto)
meshd_fuzz_target(session SOURCES session_fuzz.cpp ${PROJECT_SOURCE_DIR}/test/unit/tls/test_certificates.cpp LIBRARIES meshd_tls OpenSSL::Crypto)
target_include_directories(fuzz_session PRIVATE ${PROJECT_SOURCE_DIR}/test/unit/tls)
