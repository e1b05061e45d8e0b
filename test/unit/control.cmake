meshd_unit_test(control SOURCES control/access_test.cpp control/router_test.cpp LIBRARIES meshd_control)
