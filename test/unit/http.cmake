meshd_unit_test(http SOURCES http/message_test.cpp http/server_test.cpp http/client_test.cpp LIBRARIES meshd_http)
