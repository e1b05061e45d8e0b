meshd_fuzz_target(control SOURCES control_fuzz.cpp LIBRARIES meshd_control)
