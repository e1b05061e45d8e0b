meshd_unit_test(web SOURCES web/async_client_test.cpp LIBRARIES meshd_web)
