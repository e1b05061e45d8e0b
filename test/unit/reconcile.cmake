meshd_unit_test(reconcile
  SOURCES reconcile/backend_change_test.cpp reconcile/forward_test.cpp reconcile/maglev_test.cpp reconcile/plan_test.cpp
          reconcile/proposal_test.cpp
          reconcile/reconciler_test.cpp reconcile/shares_test.cpp reconcile/table_test.cpp
  LIBRARIES meshd_reconcile)
target_include_directories(unit_reconcile PRIVATE ${PROJECT_SOURCE_DIR}/test)
