meshd_unit_test(app SOURCES app/state_file_test.cpp app/state_saver_test.cpp app/examination_test.cpp app/feature_view_test.cpp app/watchdog_test.cpp LIBRARIES meshd_app)
