meshd_unit_test(policy SOURCES policy/compile_test.cpp policy/evaluate_test.cpp policy/merge_test.cpp
                policy/prefix_test.cpp policy/random_policy.hpp
                LIBRARIES meshd_policy)
target_include_directories(unit_policy PRIVATE ${PROJECT_SOURCE_DIR}/test)
