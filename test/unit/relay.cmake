meshd_unit_test(relay
  SOURCES relay/application.cpp relay/application.hpp relay/client_header_test.cpp relay/client_hello_test.cpp relay/client_hello_text.hpp relay/edge_relay_test.cpp relay/engine_test.cpp relay/hosts.cpp relay/hosts.hpp relay/peer.cpp relay/peer.hpp
          relay/kernel_tls_test.cpp relay/peers_test.cpp relay/pool_test.cpp relay/post_handshake_test.cpp relay/proxy_header_test.cpp relay/routes_test.cpp
  LIBRARIES meshd_relay meshd_test_certificates)
target_include_directories(unit_relay PRIVATE ${CMAKE_CURRENT_LIST_DIR}/relay)
