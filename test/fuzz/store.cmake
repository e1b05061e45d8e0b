meshd_fuzz_target(store SOURCES store_fuzz.cpp LIBRARIES meshd_store Boost::json)
