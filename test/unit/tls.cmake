find_package(OpenSSL 3.0 REQUIRED)

# Certificates for tests, good and bad; also for tests of what uses them.
add_library(meshd_test_certificates STATIC tls/test_certificates.cpp tls/test_certificates.hpp)
target_include_directories(meshd_test_certificates PUBLIC tls)
target_link_libraries(meshd_test_certificates PUBLIC meshd_tls OpenSSL::SSL OpenSSL::Crypto)

meshd_unit_test(tls
  SOURCES tls/authority_test.cpp tls/certificate_test.cpp tls/credential_store_test.cpp tls/credentials_test.cpp tls/edge_store_test.cpp tls/edge_test.cpp tls/handshake.cpp tls/handshake.hpp tls/handshake_test.cpp tls/server_order_test.cpp tls/outside_store_test.cpp tls/outside_trust_test.cpp tls/session_secrets_test.cpp tls/session_test.cpp tls/spiffe_id_test.cpp
  LIBRARIES meshd_test_certificates)
