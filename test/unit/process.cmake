meshd_unit_test(process SOURCES process/child_test.cpp LIBRARIES meshd_process)
