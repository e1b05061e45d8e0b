meshd_unit_test(flows SOURCES flows/event_identity_test.cpp flows/flow_test.cpp flows/pod_names_test.cpp flows/traffic_test.cpp LIBRARIES meshd_flows)
