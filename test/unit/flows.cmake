meshd_unit_test(flows SOURCES flows/flow_test.cpp LIBRARIES meshd_flows)
