meshd_unit_test(balancing SOURCES balancing/native_choice.hpp balancing/pick_test.cpp balancing/score_test.cpp LIBRARIES meshd_reconcile)
target_include_directories(unit_balancing PRIVATE ${PROJECT_SOURCE_DIR}/test ${PROJECT_SOURCE_DIR}/bpf)
