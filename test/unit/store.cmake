meshd_unit_test(store
  SOURCES store/carry_out_test.cpp store/choose_test.cpp store/consul_store_test.cpp store/declared_test.cpp store/etcd_store_test.cpp
          store/kubernetes_object_test.cpp store/kubernetes_store_test.cpp store/object_test.cpp store/plan_test.cpp
  LIBRARIES meshd_store Boost::json)
