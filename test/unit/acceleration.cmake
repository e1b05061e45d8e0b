meshd_unit_test(acceleration
  SOURCES acceleration/child_test.cpp acceleration/decision_test.cpp acceleration/learner_test.cpp
          acceleration/policy_test.cpp acceleration/verdict_test.cpp
  LIBRARIES meshd_acceleration)
